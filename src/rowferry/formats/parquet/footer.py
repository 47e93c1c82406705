"""What a Parquet file says of itself in its footer, read without the library, which ends the whole process over some that are damaged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.formats.parquet.compact import Compact, Damaged, Value, number, structs

MAGIC, SEALED = b"PAR1", b"PARE"
"""How a file begins and ends; the second has an encrypted footer."""
TAIL_BYTES = 8
FOOTER_BYTES_MAX = 16_000_000
"""A footer takes several times its size in memory; one of this size has some hundred thousand columns in all row groups."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the pages of a leaf column in one row group are, how many bytes they take, how many values there are, of which type, how packed."""

    start: int
    length: int
    values: int
    type: int
    codec: int


@dataclass(frozen=True, slots=True)
class Group:
    """A row group: its rows, and its leaf columns in the order of the schema."""

    rows: int
    columns: tuple[Stored, ...]


def groups_of(path: Path) -> tuple[Group, ...]:
    """The row groups that a file says it has.

    Raises:
        JobStopped: parquet-damaged, parquet-encrypted, parquet-too-large.
    """
    reader = Compact(_footer(path))
    try:
        return tuple(_group(one) for one in structs(reader.struct(), 4))
    except (Damaged, IndexError) as fault:
        raise damaged(str(fault) or "its footer does not end") from fault


def _group(struct: Mapping[int, Value]) -> Group:
    return Group(number(struct, 3), tuple(_stored(one) for one in structs(struct, 1)))


def _stored(chunk: Mapping[int, Value]) -> Stored:
    about = chunk.get(3)
    if chunk.get(8) is not None or chunk.get(9) is not None:
        raise encrypted()
    if chunk.get(1) is not None:
        raise Damaged("a column is in another file")
    if not isinstance(about, dict):
        raise Damaged("a column does not say where it is")
    start = number(about, 9)
    dictionary = about.get(11)
    if isinstance(dictionary, int) and 0 < dictionary < start:
        start = dictionary
    return Stored(start, number(about, 7), number(about, 5), number(about, 1), number(about, 4))


def _footer(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read(TAIL_BYTES)
        if SEALED in {head, tail[4:]}:
            raise encrypted()
        if size < len(MAGIC) + TAIL_BYTES or tail[4:] != MAGIC:
            raise damaged("it does not end as a Parquet file does, so most likely the end is missing")
        length = int.from_bytes(tail[:4], "little")
        if length > size - len(MAGIC) - TAIL_BYTES:
            raise damaged("its footer is longer than the file")
        if length > FOOTER_BYTES_MAX:
            raise too_large(f"Its footer has {length} bytes, at most {FOOTER_BYTES_MAX} are read.", FOOTER_BYTES_MAX)
        file.seek(size - TAIL_BYTES - length)
        return file.read(length)


def encrypted() -> JobStopped:
    """The fault of a file that is locked."""
    return stop(
        JobFaultCode.PARQUET_ENCRYPTED,
        "The Parquet file is encrypted, and its key is not known here. Send it unencrypted.",
    )


def damaged(reason: str) -> JobStopped:
    """The fault of a file that is not as it must be."""
    return stop(
        JobFaultCode.PARQUET_DAMAGED,
        f"The Parquet file is damaged: {reason.rstrip('.')}. Write it again, and send it whole.",
        reason=reason,
    )


def too_large(reason: str, limit: int) -> JobStopped:
    """The fault of a file that no flat memory holds."""
    return stop(
        JobFaultCode.PARQUET_TOO_LARGE,
        f"The Parquet file cannot be read in the memory that there is. {reason} Write it with smaller pages and row groups.",
        limit=limit,
    )
