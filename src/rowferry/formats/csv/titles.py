"""Tells titles above a header from the header, and a header from a row that stands where none is."""

import re
from collections.abc import Sequence

from rowferry.formats.csv.sample import Row

TITLES_MAX = 30
FOLLOWERS = 10
AGREEING = 0.6
"""Share of the records after a header that must have as many cells as it."""
LETTER = re.compile(r"[^\W\d_]")
YEAR = re.compile(r"\d{4}")
VALUE = re.compile(r"(?!\d{4}\Z)(?=.*\d)[\d\W_]+|true|false", re.IGNORECASE)
"""What is a number, a date, an amount or a truth value, and hardly the name of a column; four digits alone may be a year."""


def header_at(rows: Sequence[Row]) -> int:
    """The index of the header: the first record, unless it and some after it look like titles above a table.

    A title fills at most half as many cells as the header has, or one of three when it has as many; one of two will do where a blank record
    stands above the header. The header has at least two cells, all filled, all different, each with a letter or a year, and most records after
    it have as many. In doubt it is the first.
    """
    for index, row in enumerate(rows[1 : TITLES_MAX + 1], 1):
        if rows[index - 1].faulty:
            break
        apart = row.place.line > rows[index - 1].last_line + 1
        titles = all(_title(above, len(row.cells), apart=apart) for above in rows[:index])
        if titles and names(row) and _agreed(rows[index:]):
            return index
    return 0


def valued(first: Row, after: Sequence[Row]) -> bool:
    """Whether a first record is a row as those after it: two of its cells are alike, and a value stands above values."""
    filled = [cell.strip() for cell in first.cells if cell.strip()]
    return len({*filled}) < len(filled) and any(
        VALUE.fullmatch(cell.strip()) and _values(at, after) for at, cell in enumerate(first.cells)
    )


def _values(at: int, rows: Sequence[Row]) -> bool:
    cells = [row.cells[at].strip() for row in rows if len(row.cells) > at]
    return any(cells) and all(VALUE.fullmatch(cell) for cell in cells if cell)


def _title(row: Row, width: int, *, apart: bool) -> bool:
    if len(row.cells) >= width:
        return row.filled * 3 <= width or (apart and row.filled * 2 <= width)
    return row.filled * 2 <= width


def names(row: Row) -> bool:
    """Whether all cells of a record, at least two, could be the names of columns."""
    cells = row.cells
    return (
        not row.faulty
        and len(cells) > 1
        and len({cell.strip() for cell in cells}) == len(cells)
        and any(LETTER.search(cell) for cell in cells)
        and all(LETTER.search(cell) or YEAR.fullmatch(cell.strip()) for cell in cells)
    )


def _agreed(rows: Sequence[Row]) -> bool:
    width = len(rows[0].cells)
    after = rows[1 : FOLLOWERS + 1]
    return bool(after) and sum(1 for row in after if len(row.cells) == width and not row.faulty) >= AGREEING * len(
        after
    )
