"""Parquet: recognised, inspected, read by row groups, each cell as the text that an import reads back exactly."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rowferry.domain.columns import name_columns
from rowferry.domain.faults import JobFaultCode, RowCode, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.parquet.footer import MAGIC, SEALED
from rowferry.formats.parquet.reading import Source, pieces, translated
from rowferry.formats.parquet.texts import Texts, has_content, texts_of
from rowferry.ports import Block, Inspection, Lines, RecordFault

BLOCK_BYTES = 4 << 20
BLOCK_ROWS = 50_000
BATCH_ROWS = "batch_rows"
"""What an inspection keeps: how many rows of each row group are read at once."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most: columns, bytes of one record as text, and bytes that the pages of a row group take when they are unpacked."""

    columns_max: int
    record_bytes_max: int
    pages_bytes_max: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows as texts: their places in the file from 1, which cells are typed, and which rows are at fault."""

    places: Lines
    texts: pl.DataFrame
    typed: pl.DataFrame
    faults: dict[int, tuple[str, dict[str, object]]]
    bytes: int


class ParquetFormat:
    """Apache Parquet (ports.Format). Memory is that of the largest pages, whatever the row groups and the footer say."""

    def __init__(self, limits: Limits, block_bytes: int = BLOCK_BYTES) -> None:
        self._limits = limits
        self._block_bytes = block_bytes

    @property
    def name(self) -> str:
        """The word of `source.format`."""
        return "parquet"

    def recognises(self, head: bytes) -> bool:
        """Whether the first bytes are those of a Parquet file, be it encrypted."""
        return head.startswith((MAGIC, SEALED))

    def inspect(self, path: Path, options: ReadOptions, scratch: Path) -> Inspection:  # noqa: ARG002  # ports.Format; no option fits
        """Looks at the schema and every page's header, and counts the rows that have content.

        Raises:
            JobStopped: the file as a whole cannot be read.
        """
        source = Source(path)
        names = self._names(source)
        batch_rows = source.planned(self._limits.pages_bytes_max)
        rows, blanks = _counted(source, batch_rows)
        inspection = Inspection(
            format=self.name,
            encoding="",
            delimiter="",
            quote="",
            header_line=0,
            columns=tuple(names),
            added_columns=(),
            rows=rows,
            blank_records=blanks,
            lines_above=0,
            details={BATCH_ROWS: batch_rows},
            typed=True,
            reasons={"format": "it begins with PAR1", "columns": "they are those of the file's own schema"},
        )
        columns, added = name_columns(names, lambda at: _filled(source, batch_rows, at))
        return replace(inspection, columns=columns, added_columns=added)

    def read(self, path: Path, inspection: Inspection, scratch: Path) -> Iterator[Block]:  # noqa: ARG002  # ports.Format
        """The data rows in blocks of about `block_bytes`."""
        batch_rows = cast("list[int]", inspection.details[BATCH_ROWS])
        first_row, held = 1, list[_Part]()
        for part in self._parts(Source(path), batch_rows):
            held.append(part)
            if (
                sum(one.bytes for one in held) >= self._block_bytes
                or sum(len(one.places) for one in held) >= BLOCK_ROWS
            ):
                yield _block(held, first_row)
                first_row += sum(len(one.places) for one in held)
                held = []
        if held:
            yield _block(held, first_row)

    def _names(self, source: Source) -> list[str]:
        names = source.names
        if not names:
            raise stop(JobFaultCode.NO_HEADER, "The Parquet file has no columns. Write it with some.")
        if len(names) > self._limits.columns_max:
            raise stop(
                JobFaultCode.TOO_MANY_COLUMNS,
                f"The file has {len(names)} columns; at most {self._limits.columns_max} are taken.",
                columns=len(names),
                limit=self._limits.columns_max,
            )
        return names

    # Reading ----------------------------------------------------------------------------------------------------------

    def _parts(self, source: Source, batch_rows: Sequence[int]) -> Iterator[_Part]:
        place = 1
        for group, rows in enumerate(batch_rows):
            for batch in source.batches(group, rows):
                for piece, row_bytes in pieces(batch):
                    with translated():
                        part = self._part(source, piece, row_bytes, place)
                    place += piece.num_rows
                    if len(part.places):
                        yield part

    def _part(self, source: Source, piece: pa.RecordBatch, row_bytes: npt.NDArray[np.int64], place: int) -> _Part:
        kept = _content(piece)
        places = np.arange(place, place + piece.num_rows, dtype=np.int64)[kept]
        long = row_bytes[kept] > self._limits.record_bytes_max
        shown = piece if kept.all() else piece.filter(pa.array(kept))
        if long.any():  # such a row is never made text; what stands for it has no cell
            shown = shown.filter(pa.array(~long))
        found = [
            texts_of(column, uuid=leaves.uuid) for column, leaves in zip(shown.columns, source.leaves, strict=True)
        ]
        return _Part(places, *_spread(found, ~long), self._faults(found, ~long, row_bytes[kept]), int(row_bytes.sum()))

    def _faults(
        self, found: Sequence[Texts], short: Mask, row_bytes: npt.NDArray[np.int64]
    ) -> dict[int, tuple[str, dict[str, object]]]:
        """What is wrong with rows, by their positions."""
        limit = self._limits.record_bytes_max
        faults: dict[int, tuple[str, dict[str, object]]] = {
            int(at): (RowCode.TOO_LONG, {"length": int(row_bytes[at]), "limit": limit}) for at in np.flatnonzero(~short)
        }
        spoilt = np.flatnonzero(short)[np.any([one.spoilt for one in found], axis=0)]
        faults.update({int(at): (RowCode.ENCODING_ERROR, {"encoding": "utf-8"}) for at in spoilt})
        return faults


def _spread(found: Sequence[Texts], short: Mask) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The texts and typed marks of all rows; those of rows that are too long are empty."""
    texts = pl.DataFrame({str(at): one.texts for at, one in enumerate(found)})
    typed = pl.DataFrame({str(at): one.typed for at, one in enumerate(found)})
    if short.all():
        return texts, typed
    places = pl.Series(np.where(short, np.cumsum(short) - 1, len(texts)).astype(np.int64))
    return (
        pl.concat([texts, pl.DataFrame({name: [""] for name in texts.columns})])[places],
        pl.concat([typed, pl.DataFrame({name: [False] for name in typed.columns})])[places],
    )


def _filled(source: Source, batch_rows: Sequence[int], positions: Sequence[int]) -> set[int]:
    """Which of the columns at these positions have a cell with content."""
    filled: set[int] = set()
    for group, rows in enumerate(batch_rows):
        for batch in source.batches(group, rows):
            filled |= {at for at in positions if at not in filled and has_content(batch.column(at)).any()}
            if len(filled) == len(positions):
                return filled
    return filled


def _counted(source: Source, batch_rows: Sequence[int]) -> tuple[int, int]:
    """How many rows have content, and how many have none. A column that is full tells, and the others need not be looked at."""
    rows = blanks = 0
    for group, at_once in enumerate(batch_rows):
        if _has_full_column(source, group, at_once):
            rows += source.rows_of(group)
            continue
        for batch in source.batches(group, at_once):
            content = int(_content(batch).sum())
            rows += content
            blanks += batch.num_rows - content
    return rows, blanks


def _has_full_column(source: Source, group: int, at_once: int) -> bool:
    """Whether every cell of the first plain column of a row group has content; most often that is the key."""
    at = next((at for at, leaves in enumerate(source.leaves) if not leaves.nested), None)
    if at is None:
        return False
    rows = 0
    for batch in source.batches(group, at_once, [at]):
        if not has_content(batch.column(0)).all():
            return False
        rows += batch.num_rows
    return rows == source.rows_of(group)


def _content(batch: pa.RecordBatch) -> Mask:
    """Which rows have a cell with content."""
    found = np.zeros(batch.num_rows, np.bool_)
    for column in batch.columns:
        found |= has_content(column)
        if found.all():
            break
    return found


def _block(parts: Sequence[_Part], first_row: int) -> Block:
    lines = np.concatenate([part.places for part in parts])
    texts = pl.concat([part.texts for part in parts])
    typed = pl.concat([part.typed for part in parts])
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(part.places) for part in parts])[:-1]))
    found = {
        int(start) + at: fault for start, part in zip(starts, parts, strict=True) for at, fault in part.faults.items()
    }
    good = np.ones(len(lines), np.bool_)
    good[list(found)] = False
    faults = [RecordFault(at, code, arguments) for at, (code, arguments) in sorted(found.items())]
    kept = pl.Series(good)
    cut = _cells_at(texts)
    return Block(
        first_row=first_row,
        lines=lines,
        cells=texts.filter(kept) if faults else texts,
        positions=np.flatnonzero(good).astype(np.int64),
        faults=faults,
        raw=lambda position: _record(cut(position)),
        cut=cut,
        typed=typed.filter(kept) if faults else typed,
    )


def _cells_at(texts: pl.DataFrame) -> Callable[[int], Sequence[str]]:
    return lambda position: [str(cell) for cell in texts.row(position)]


def _record(cells: Sequence[str]) -> bytes:
    """Cells as a record without its line end. Source: RFC 4180."""
    marks = ('"', ",", "\r", "\n")
    quoted = (f'"{cell.replace(chr(34), chr(34) * 2)}"' if any(m in cell for m in marks) else cell for cell in cells)
    return ",".join(quoted).encode()
