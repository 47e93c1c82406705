"""Writes tables as Parquet, a row group for some megabytes of rows."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rowferry.domain.schema import FieldType
from rowferry.formats.writers.texts import names, placed
from rowferry.ports import Column

GROUP_ROWS = 100_000
GROUP_BYTES = 16 << 20


class ParquetWriter:
    """Parquet with Zstandard: each column in its own type, decimals and UTC moments as such."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    rows_max: int | None = None
    typed = frozenset(FieldType)

    def write(self, columns: Sequence[Column], frames: Iterable[pl.DataFrame], scratch: Path) -> Iterator[bytes]:  # noqa: ARG002  # ports.Writer
        """The file, a piece a row group."""
        plain = pl.Schema(dict(zip(names(len(columns)), [column.type for column in columns], strict=True)))
        empty = pl.DataFrame(schema=plain).to_arrow()
        schema = pa.schema([field.with_name(column.name) for field, column in zip(empty.schema, columns, strict=True)])
        sink = _Sink()
        with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
            for group in _groups(frames):
                writer.write_table(placed(group).cast(plain).to_arrow().cast(empty.schema).rename_columns(schema.names))
                yield sink.taken()
        yield sink.taken()


def _groups(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames joined to row groups: a small one costs as much to read as a large one."""
    held, rows, size = list[pl.DataFrame](), 0, 0.0
    for frame in frames:
        held.append(placed(frame))
        rows, size = rows + frame.height, size + frame.estimated_size()
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield pl.concat(held)
            held, rows, size = [], 0, 0.0
    if rows:
        yield pl.concat(held)


class _Sink(io.RawIOBase):
    """What a library writes, taken out in between."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: object, /) -> int:
        content = bytes(memoryview(piece))  # type: ignore[arg-type]  # whatever has bytes
        self._pieces.append(content)
        self._at += len(content)
        return len(content)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """All that was written since this was last asked."""
        content, self._pieces = b"".join(self._pieces), []
        return content
