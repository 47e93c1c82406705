"""What every sort of workbook gives: its sheets, their cells, how it counts days; and which sheet of it is meant."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.sheets import DATA, TEMPLATE_SHEETS
from rowferry.formats.workbook.canonical import Calendar, canonical
from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.texts import SharedTexts

NAMES_SHOWN_MAX = 20
TABLE_ROWS = 2
"""A sheet with fewer rows holds no table: a header alone, or a title."""
SPACES = " \t\v\f\r\n"
"""Characters that are no content."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with cells: its name, and whether people see it."""

    name: str
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook that is open: `batches(place)` gives the cells of a sheet by its place, from 0."""

    format: str
    sheets: Sequence[Sheet]
    calendar: Calendar
    shared: SharedTexts
    batches: Callable[[int], Generator[Batch]]

    def rows(self, place: int, enough: int) -> int:
        """How many rows of a sheet have content; counted up to `enough`."""
        lines: set[int] = set()
        with closing(self.batches(place)) as batches:
            for batch in batches:
                texts, _ = canonical(batch, self.calendar, self.shared)
                filled = batch.lines[(texts.str.strip_chars(SPACES) != "").to_numpy()]
                lines.update(islice(np.unique(filled).tolist(), enough))
                if len(lines) >= enough:
                    return enough
        return len(lines)


def choose(book: Book, stated: str | None) -> tuple[int, str]:
    """The place of the sheet that is meant, from 0, and in a few words why it is.

    Args:
        book: the workbook.
        stated: the option `sheet`: a name, whatever its case, or a place from 1.

    Raises:
        JobStopped: unknown-sheet, empty-file.
    """
    if stated is not None:
        return _named(book, stated), "the option sheet names it"
    if tuple(sheet.name for sheet in book.sheets[:2]) == TEMPLATE_SHEETS and book.rows(0, 1):
        return 0, f"it is the sheet {DATA} of a template"  # with a header alone it has no rows, and the notes are none
    visible = [place for place, sheet in enumerate(book.sheets) if sheet.visible]
    with_title = None
    for place in visible:
        rows = book.rows(place, TABLE_ROWS)
        if rows == TABLE_ROWS:
            first = "the only sheet" if len(book.sheets) == 1 else "the first sheet that is not hidden and has rows"
            return place, f"it is {first}"
        if rows and with_title is None:
            with_title = place
    if with_title is not None:
        return with_title, "it is the first sheet that is not hidden and has a cell with content"
    raise _empty(book, visible)


def _named(book: Book, stated: str) -> int:
    names = [sheet.name for sheet in book.sheets]
    if stated in names:
        return names.index(stated)
    alike = [place for place, name in enumerate(names) if name.strip().casefold() == stated.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    if stated.isdecimal() and 0 < int(stated) <= len(names):
        return int(stated) - 1
    raise stop(
        JobFaultCode.UNKNOWN_SHEET,
        f"The workbook has no sheet {stated}, which the option sheet names. It has {_list(names)}.",
        sheet=stated,
        sheets=names[: 10 * NAMES_SHOWN_MAX],
    )


def _empty(book: Book, visible: Sequence[int]) -> JobStopped:
    hidden = [sheet.name for place, sheet in enumerate(book.sheets) if place not in visible]
    more = f" Hidden sheets are read only when the option sheet names one: {_list(hidden)}." if hidden else ""
    return stop(
        JobFaultCode.EMPTY_FILE,
        f"No sheet of the workbook has a cell with content. Send one with a header and rows.{more}",
        sheets=[sheet.name for sheet in book.sheets][: 10 * NAMES_SHOWN_MAX],
    )


def _list(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN_MAX
    shown = ", ".join(names[:NAMES_SHOWN_MAX])
    return f"{shown} and {more} more" if more > 0 else shown
