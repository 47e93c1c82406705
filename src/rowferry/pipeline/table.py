"""Reads a file as a plain table of texts, whatever its format, for who wants its rows and no kind's rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import Invalid, message
from rowferry.domain.schema import ReadOptions
from rowferry.pipeline.inspect import Opened, open_file
from rowferry.ports import Readers


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is open to be read: the names of its columns, and its rows."""

    opened: Opened

    @property
    def columns(self) -> tuple[str, ...]:
        """The header's cells; "" for a column without a name."""
        return self.opened.inspection.columns

    def rows(self) -> Iterator[Sequence[str]]:
        """The texts of each row, in the order of the columns.

        Raises:
            Invalid: a record cannot be cut into the header's cells; the reason names its line.
        """
        for block in self.opened.blocks():
            if block.faults:
                fault = block.faults[0]
                line = int(block.lines[fault.position])
                raise Invalid(reason=f"Line {line}: {message(fault.code, fault.arguments)}")
            yield from block.cells.iter_rows()


def open_table(readers: Readers, path: Path, scratch: Path) -> Table:
    """The table in a file, detected as an import would.

    Raises:
        JobStopped: the file as a whole cannot be read.
    """
    return Table(open_file(path, ReadOptions(), readers, scratch))
