"""Reads a file of the corpus as an import would, without a kind: every column is a text, every fault is told with its line."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rowferry import main as whole
from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat
from rowferry.inspecting import records_of
from rowferry.pipeline.inspect import open_file
from rowferry.ports import Inspection, Readers
from rowferry.settings import Settings

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
ABSENT = "the corpus of outside files is not at ../shared/corpus"
BLOCKS = (64, 1024, 4 << 20)
"""Sizes of blocks that must all give the same records."""


@dataclass
class Read:
    """What came of a file: `fault` is the code of one that was refused, `odd` has line and code of each record that fails."""

    fault: str | None = None
    found: Inspection | None = None
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    """Those that were read, good ones only."""
    records: list[list[str]] = field(default_factory=list)
    """All, bad ones as they were cut."""
    odd: list[tuple[int, str]] = field(default_factory=list)

    @property
    def codes(self) -> set[str]:
        """Everything that is wrong with the file."""
        return {code for _, code in self.odd} | ({self.fault} if self.fault else set())


def readers() -> Readers:
    return whole.readers(Settings())


def csv_readers(block_bytes: int) -> Readers:
    return Readers((CsvFormat(4 << 20, 2000, block_bytes),))


def read(path: Path, by: Readers, **options: object) -> Read:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            opened = open_file(path, ReadOptions(**options), by, Path(scratch))
            records = [record for block in opened.blocks() for record in records_of(block)]
        except JobStopped as stopped:
            return Read(str(stopped.fault.code))
    found = opened.inspection
    assert len(records) == found.rows
    assert [record.row for record in records] == list(range(1, found.rows + 1))
    good = [list(record.cells) for record in records if record.code is None]
    odd = [(record.line, str(record.code)) for record in records if record.code is not None]
    return Read(None, found, list(found.columns), good, [list(record.cells) for record in records], odd)


def read_alike(path: Path, **options: object) -> Read:
    """The file as every size of blocks reads it."""
    first, *others = (read(path, csv_readers(size), **options) for size in BLOCKS)
    for other in others:
        assert (other.fault, other.columns, other.records, other.odd) == (
            first.fault,
            first.columns,
            first.records,
            first.odd,
        ), path
    return first


@contextmanager
def text_file(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        yield path
