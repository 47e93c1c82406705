"""Cells as a workbook holds them, gathered row by row into bounded batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.formats.workbook.limits import damaged
from rowferry.ports import Lines

COLUMNS_MAX = 1 << 14
"""What spreadsheet programs take."""
LINES_MAX = 1 << 24
CELLS_MAX = 1 << 16
TEXT_MAX = 4 << 20
"""A batch has about so many cells, or characters of text, at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells of some consecutive rows, those of a row together.

    `lines` has the row of each cell, `columns` its place in the row (from 0), `sorts` what its text is.
    """

    lines: Lines
    columns: Lines
    sorts: npt.NDArray[np.uint8]
    texts: pl.Series

    def merged(self, lines: Lines, columns: Lines, sort: int, text: str) -> "Batch":
        """With more cells, all of one sort and text, in the order of lines and columns."""
        more = Batch(
            lines, columns, np.full(len(lines), sort, np.uint8), pl.Series([text] * len(lines), dtype=pl.String)
        )
        return joined([self, more])


class Gatherer:
    """Takes cells one by one and gives batches of whole rows.

    Args:
        ordered: whether rows must come in their order.
    """

    def __init__(self, *, ordered: bool = True) -> None:
        self._ordered = ordered
        self.line = 0
        """The row that the next cells are of, from 1."""
        self.column = -1
        """The column of the last cell, from 0."""
        self._lines, self._columns, self._sorts, self._texts = list[int](), list[int](), list[int](), list[str]()
        self._whole = 0
        self._characters = 0

    def row(self, line: int) -> None:
        """The row before is over; another begins.

        Raises:
            JobStopped: workbook-damaged.
        """
        if not (self.line if self._ordered else 0) < line <= LINES_MAX:
            raise damaged(f"its rows are not in order near row {line}")
        self._whole = len(self._texts)
        self.line, self.column = line, -1

    def cell(self, column: int, sort: int, text: str) -> None:
        """A cell of the row; one without text is nothing.

        Raises:
            JobStopped: workbook-damaged.
        """
        if not 0 <= column < COLUMNS_MAX or len(self._texts) - self._whole > COLUMNS_MAX:
            raise damaged(f"row {self.line} has more than {COLUMNS_MAX} cells")
        self.column = column
        if text:
            self._lines.append(self.line)
            self._columns.append(column)
            self._sorts.append(sort)
            self._texts.append(text)
            self._characters += len(text)

    @property
    def full(self) -> bool:
        """Whether a batch should be taken."""
        return self._whole > CELLS_MAX or (self._characters > TEXT_MAX and self._whole > 0)

    def take(self) -> Batch:
        """The rows that are over."""
        at = self._whole
        batch = Batch(
            np.array(self._lines[:at], np.int64),
            np.array(self._columns[:at], np.int64),
            np.array(self._sorts[:at], np.uint8),
            pl.Series(self._texts[:at], dtype=pl.String),
        )
        for kept in (self._lines, self._columns, self._sorts, self._texts):
            del kept[:at]
        self._whole = 0
        self._characters = sum(map(len, self._texts))
        return batch

    def end(self) -> Batch:
        """The last rows."""
        self._whole = len(self._texts)
        return self.take()


def joined(batches: Sequence[Batch]) -> Batch:
    """All cells of some batches in the order of their rows and columns; of several in one place the last."""
    lines = np.concatenate([one.lines for one in batches])
    columns = np.concatenate([one.columns for one in batches])
    sorts = np.concatenate([one.sorts for one in batches])
    order = np.lexsort((columns, lines))
    texts = pl.concat([one.texts for one in batches]).gather(order)
    return Batch(lines[order], columns[order], sorts[order], texts)
