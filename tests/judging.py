"""What an import makes of a file before its first row is written, with the readers that a server has, and without a server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from rowferry.domain.faults import JobStopped, RowIssue
from rowferry.domain.mapping import map_columns
from rowferry.domain.options import from_wire
from rowferry.formats.csv import CsvFormat
from rowferry.formats.objects import JsonFormat
from rowferry.formats.parquet import Limits as TableLimits
from rowferry.formats.parquet import ParquetFormat
from rowferry.formats.workbook import Limits as SheetLimits
from rowferry.formats.workbook import WorkbookFormat
from rowferry.main import readers as readers_of
from rowferry.pipeline import transform
from rowferry.pipeline.inspect import Opened, open_file
from rowferry.ports import Block, Format, ImportKind, Readers
from rowferry.settings import Settings
from rowferry.worker.rows import Source

COLUMNS_MAX = 60
RECORD_BYTES_MAX = 20_000


@cache
def readers() -> Readers:
    """Those of the server, with small limits."""
    return readers_of(Settings(columns_max=COLUMNS_MAX, record_bytes_max=RECORD_BYTES_MAX, disk_floor_bytes=0))


@cache
def small_readers(block_bytes: int) -> Readers:
    """The same formats with small blocks; their order and limits are those of `readers`."""
    return Readers(tuple(_small(one, block_bytes) for one in readers().formats))


def _small(form: Format, size: int) -> Format:
    match form:
        case CsvFormat() | JsonFormat():
            return type(form)(RECORD_BYTES_MAX, COLUMNS_MAX, size)
        case ParquetFormat():
            return ParquetFormat(TableLimits(COLUMNS_MAX, RECORD_BYTES_MAX, 160_000_000), size)
        case WorkbookFormat():
            limits = SheetLimits(1 << 30, 500, RECORD_BYTES_MAX, COLUMNS_MAX)
            return WorkbookFormat(form.name, form._opening, limits, size)
    raise AssertionError(f"nobody says how the format {form.name} is made with small blocks")


@dataclass
class Judged:
    """What became of a file: the fault that stopped it, or its rows."""

    code: str = ""
    message: str = ""
    opened: Opened | None = None
    rows: int = 0
    issues: list[RowIssue] = field(default_factory=list)
    good: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def told(self) -> list[tuple[int, int, str | None, str]]:
        """Row, line, field and code of each issue."""
        return [(one.row, one.line, one.field, str(one.code)) for one in self.issues]


def judged(folder: Path, data: bytes, kind: ImportKind, options: Mapping[str, object]) -> Judged:
    """Opens a file with these bytes, maps its columns, reads, validates, and finds duplicates, as an attempt does."""
    found = Judged()
    try:
        _judge(found, folder, data, kind, options)
    except JobStopped as stopped:
        found.code, found.message = stopped.fault.code, stopped.fault.message
    return found


def opened_file(folder: Path, data: bytes, options: Mapping[str, object], kind: ImportKind) -> Opened:
    """The file, opened in a folder of its own.

    Raises:
        JobStopped: it cannot be read as a whole.
    """
    path, scratch = folder / "upload", folder / "scratch"
    path.write_bytes(data)
    scratch.mkdir()
    return open_file(path, from_wire(options, kind)[0].reading, readers(), scratch)


def _judge(found: Judged, folder: Path, data: bytes, kind: ImportKind, options: Mapping[str, object]) -> None:
    importing, *_ = from_wire({"columns_extra": "error", **options}, kind)
    opened = found.opened = opened_file(folder, data, options, kind)
    inspection = opened.inspection
    nameless = (at for at, name in enumerate(inspection.columns) if not name)
    mapped = map_columns(inspection.columns, kind.schema, importing, (*inspection.added_columns, *nameless))
    plan = transform.compile(kind, inspection.columns, mapped.pairs, importing, opened.blocks, typed=inspection.typed)
    source = Source(opened, plan, kind.schema, chunk_rows=1_000)
    frames = []
    with source.seen(importing.duplicates) as seen, source.prepared(seen) as chunks:
        for prepared in chunks:
            found.rows += prepared.chunk.rows
            found.issues += prepared.issues
            frames.append(prepared.chunk.frame)
    found.good = pl.concat(frames) if frames else pl.DataFrame()


def alike(opened: Opened) -> Iterator[tuple[Block, Block]]:
    """The blocks of two readings of a file, which must be the same."""
    for one, other in zip(opened.blocks(), opened.blocks(), strict=True):
        assert (one.first_row, one.lines.tolist()) == (other.first_row, other.lines.tolist())
        assert one.positions.tolist() == other.positions.tolist()
        assert one.cells.equals(other.cells)
        assert list(one.faults) == list(other.faults)
        assert (one.typed is None) == (other.typed is None)
        assert one.typed is None or other.typed is None or one.typed.equals(other.typed)
        yield one, other


def check_blocks(opened: Opened) -> list[Block]:
    """All blocks of a file, once they are found to keep to what `ports.Block` and `ports.Inspection` promise."""
    inspection, blocks, row, line = opened.inspection, [], 1, 0
    names = [str(at) for at in range(len(inspection.columns))]
    for block, other in alike(opened):
        assert block.first_row == row
        assert block.rows > 0
        _check_block(block, names, typed=inspection.typed)
        assert line <= int(block.lines[0])
        assert (block.lines[1:] >= block.lines[:-1]).all()
        for position in range(block.rows):
            assert isinstance(block.raw(position), bytes)
            assert block.raw(position) == other.raw(position)
        row, line = row + block.rows, int(block.lines[-1])
        blocks.append(block)
    assert row - 1 == inspection.rows
    return blocks


def _check_block(block: Block, names: list[str], *, typed: bool) -> None:
    assert block.cells.columns == names
    assert block.cells.dtypes == [pl.String] * len(names)
    assert block.cells.null_count().sum_horizontal().sum() == 0
    bad = [fault.position for fault in block.faults]
    assert sorted([*block.positions.tolist(), *bad]) == list(range(block.rows))
    assert block.positions.tolist() == sorted(block.positions.tolist())
    for index, position in enumerate(block.positions.tolist()):
        assert tuple(block.cut(position)) == block.cells.row(index)
        assert any(block.cells.row(index))
    for position in bad:
        assert all(isinstance(cell, str) for cell in block.cut(position))
    if block.typed is not None:
        assert typed
        assert set(block.typed.columns) <= set(names)
        assert block.typed.height == (block.cells.height if block.typed.columns else 0)
        for name in block.typed.columns:
            assert block.typed[name].null_count() == 0
            assert (block.cells.filter(block.typed[name])[name] != "").all()
    for name, at in block.cell_errors.items():
        assert typed
        assert name in names
        assert all(0 <= one < block.cells.height for one in at.tolist())
