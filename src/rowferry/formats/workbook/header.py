"""Finds the header of a sheet: the row that was stated, or the first, unless it looks like a title above a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rowferry.formats.workbook.book import SPACES

TITLES_MAX = 30
FOLLOWERS = 10
AGREEING = 0.8
"""Share of the rows after a header that must not go beyond it."""
ROWS_LOOKED_AT = TITLES_MAX + FOLLOWERS + 2
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Row:
    """A row with content: its line and its cells up to the last that has content."""

    line: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        """How many cells have content."""
        return sum(1 for cell in self.cells if cell.strip(SPACES))


def header_at(rows: Sequence[Row]) -> int:
    """The index of the header among the first rows.

    A title fills at most half as many cells as the header does. The header fills at least two, side by side, all different, each with a
    letter; most rows after it end where it ends or before, and half of them have more than one cell. In doubt it is the first row.
    """
    for index, row in enumerate(rows[1 : TITLES_MAX + 1], 1):
        if _names(row) and _agreed(rows[index:]) and all(2 * above.filled <= row.filled for above in rows[:index]):
            return index
    return 0


def _names(row: Row) -> bool:
    first = next(at for at, cell in enumerate(row.cells) if cell.strip(SPACES))
    cells = row.cells[first:]
    return (
        len(cells) > 1
        and len({cell.strip() for cell in cells}) == len(cells)
        and all(_LETTER.search(cell) for cell in cells)
    )


def _agreed(rows: Sequence[Row]) -> bool:
    after = rows[1 : FOLLOWERS + 1]
    fit = sum(1 for row in after if len(row.cells) <= len(rows[0].cells))
    tabular = sum(1 for row in after if row.filled > 1)
    return bool(after) and fit >= AGREEING * len(after) and 2 * tabular >= len(after)
