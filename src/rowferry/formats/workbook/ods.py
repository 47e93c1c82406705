"""Workbooks of the format ODS: one document for all sheets, with cells that say their types and rows that stand for many."""

import re
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rowferry.formats.workbook.book import Book, Sheet
from rowferry.formats.workbook.canonical import Calendar
from rowferry.formats.workbook.gathering import COLUMNS_MAX, LINES_MAX, Batch, Gatherer
from rowferry.formats.workbook.limits import Meter, damaged, protected
from rowferry.formats.workbook.markup import PIECE_BYTES, Markup, bare, elements, whole
from rowferry.formats.workbook.package import Package
from rowferry.formats.workbook.shapes import NOT_COMPUTED, Sort
from rowferry.formats.workbook.texts import SharedTexts

CONTENT = "content.xml"
MANIFEST = "META-INF/manifest.xml"
SHEETS_MAX = 1 << 14
CHARACTERS_MAX = 64 << 20
VALUES = {
    "float": (Sort.NUMBER, "value"),
    "percentage": (Sort.NUMBER, "value"),
    "currency": (Sort.NUMBER, "value"),
    "date": (Sort.ISO, "date-value"),
    "boolean": (Sort.TRUTH, "boolean-value"),
}
"""By the type of a cell, what its value is and which attribute has it."""
_SPACES = re.compile(r"[ \t\r\n]+")
_DURATION = re.compile(
    r"(-?)P(?:([0-9]{1,9})D)?T?(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:[.,]([0-9]{1,9}))?S)?"
)
_ERROR = re.compile(r"#(?:REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!|NULL!)|Err:[0-9]{3}")
"""What cells show whose formula has failed."""


@contextmanager
def open_ods(package: Package, meter: Meter, scratch: Path) -> Generator[Book]:
    """The workbook in an archive.

    Raises:
        JobStopped: workbook-damaged, workbook-password, workbook-too-large.
    """
    manifest = package.small(MANIFEST)
    if manifest and any(name == "encryption-data" for name, _ in elements(manifest)):
        raise protected()
    contents = _Contents()
    with package.open(CONTENT) as read:
        while piece := read(PIECE_BYTES):
            contents.markup.feed(piece)
    contents.markup.close()
    if not contents.sheets:
        raise damaged("it has no sheet with cells")

    def batches(place: int) -> Generator[Batch]:
        return _batches(package, place)

    shared = SharedTexts(scratch, meter)
    yield Book("ods", contents.listed(), Calendar(), shared, batches)


class _Contents:
    """Takes the whole document for the names of its sheets."""

    def __init__(self) -> None:
        self.markup = Markup(self._start, self._end)
        self.sheets = list[tuple[str, str]]()
        self._hidden, self._style, self._depth = set[str](), "", 0

    def listed(self) -> list[Sheet]:
        return [Sheet(name, style not in self._hidden) for name, style in self.sheets]

    def _start(self, name: str, attributes: list[str]) -> None:
        match bare(name):
            case "style":
                self._style = _attribute(attributes, "name")
            case "table-properties" if _attribute(attributes, "display") == "false":
                self._hidden.add(self._style)
            case "table":
                if not self._depth and len(self.sheets) < SHEETS_MAX:
                    self.sheets.append((_attribute(attributes, "name"), _attribute(attributes, "style-name")))
                self._depth += 1
            case _:
                pass

    def _end(self, name: str) -> None:
        if bare(name) == "table":
            self._depth -= 1


def _batches(package: Package, place: int) -> Generator[Batch]:
    gatherer, rows = Gatherer(), _Rows(place)
    with package.open(CONTENT) as read:
        while not rows.over and (piece := read(PIECE_BYTES)):
            rows.feed(piece)
            while rows.runs:
                run = rows.runs.popleft()
                for line in range(run.line, run.line + run.times):
                    gatherer.row(line)
                    for column, sort, text in run.cells:
                        gatherer.cell(column, sort, text)
                    if gatherer.full:
                        yield gatherer.take()
    yield gatherer.end()


@dataclass(slots=True)
class _Run:
    """Some rows that are alike: the first line, how many there are, the cells of each."""

    line: int
    times: int = 1
    cells: list[tuple[int, Sort, str]] = field(default_factory=list[tuple[int, Sort, str]])


class _Rows:
    """Takes the whole document for the rows of one of its sheets."""

    def __init__(self, place: int) -> None:
        self.runs = deque[_Run]()
        self.over = False
        self._markup = Markup(self._start, self._end)
        self._left, self._depth, self._skipped = place, 0, 0
        self._line, self._run = 1, _Run(1)
        self._column, self._times = 0, 1
        self._cell: list[str] | None = None
        """The attributes of the cell under way."""
        self._paragraphs = list[str]()
        self._characters = 0

    def feed(self, data: bytes) -> None:
        self._markup.feed(data)
        if self._characters > CHARACTERS_MAX:
            raise damaged(f"a cell of row {self._line} never ends")

    def _start(self, name: str, attributes: list[str]) -> None:
        element = bare(name)
        if element == "table":
            self._depth += 1
        if self._left or self.over or self._depth != 1:
            return
        if self._skipped or element == "annotation" or name.startswith("draw:"):
            self._skipped += 1
            return
        self._opened(element, attributes)

    def _opened(self, element: str, attributes: list[str]) -> None:
        match element:
            case "table-row":
                self._run = _Run(self._line, _count(attributes, "number-rows-repeated"))
                self._column = 0
            case "table-cell" | "covered-table-cell":
                self._times = _count(attributes, "number-columns-repeated")
                self._cell = attributes if element == "table-cell" else []
                self._paragraphs, self._characters = [], 0
            case "p" if self._cell is not None:
                self._paragraphs.append("")
                self._markup.listen(self._text)
            case "s" if self._paragraphs:
                self._add(" " * min(_count(attributes, "c"), 1 << 15))
            case "tab" if self._paragraphs:
                self._add("\t")
            case "line-break" if self._paragraphs:
                self._add("\n")
            case _:
                pass

    def _text(self, text: str) -> None:
        if not self._skipped:
            text = _SPACES.sub(" ", text)
            self._add(text if self._paragraphs[-1] else text.lstrip(" "))

    def _add(self, text: str) -> None:
        self._paragraphs[-1] += text
        self._characters += len(text)

    def _end(self, name: str) -> None:
        element = bare(name)
        if self._skipped:
            self._skipped -= 1
            return
        if element == "table":
            self._depth -= 1
            if not self._depth:
                self.over = self.over or not self._left
                self._left -= 1
        elif not self._left and not self.over and self._depth == 1:
            self._closed(element)

    def _closed(self, element: str) -> None:
        match element:
            case "table-row":
                if self._run.cells:
                    self.runs.append(self._run)
                self._line += self._run.times
                if self._line > LINES_MAX and self._run.cells:
                    raise damaged(f"it has more than {LINES_MAX} rows")
            case "table-cell" | "covered-table-cell":
                if self._cell:
                    self._value(self._cell)
                self._cell = None
                self._column += self._times
            case "p":
                self._markup.listen(None)
            case _:
                pass

    def _value(self, attributes: list[str]) -> None:
        sort, text = _read(attributes, "\n".join(self._paragraphs))
        if not text:
            return
        if self._column + self._times > COLUMNS_MAX:
            raise damaged(f"row {self._line} has more than {COLUMNS_MAX} cells")
        self._run.cells += [(column, sort, text) for column in range(self._column, self._column + self._times)]


def _read(attributes: list[str], shown: str) -> tuple[Sort, str]:
    """What a cell holds. Source: OpenDocument 1.3, part 3, 19.385 to 19.387."""
    kind, formula = _attribute(attributes, "value-type"), _attribute(attributes, "formula")
    if "error" in _all(attributes, "value-type") or (formula and _ERROR.fullmatch(shown)):
        return Sort.ERROR, shown or "#ERROR!"
    if kind == "time":
        return _clock(_attribute(attributes, "time-value"))
    if kind in VALUES:
        sort, name = VALUES[kind]
        return sort, _attribute(attributes, name)
    if formula and not (kind or shown):
        return Sort.ERROR, NOT_COMPUTED
    return Sort.TEXT, shown or _attribute(attributes, "string-value")


def _clock(value: str) -> tuple[Sort, str]:
    """A time of day, or a longer duration as a text. Source: XML Schema, part 2, 3.2.6."""
    found = _DURATION.fullmatch(value)
    if found is None:
        return Sort.TEXT, value
    sign, days, hours, minutes, seconds, fraction = (one or "" for one in found.groups())
    total = int(days or 0) * 86_400 + int(hours or 0) * 3_600 + int(minutes or 0) * 60 + int(seconds or 0)
    rest = f".{fraction[:6].rstrip('0')}" if fraction.strip("0") else ""
    text = f"{sign}{total // 3_600:02}:{total // 60 % 60:02}:{total % 60:02}{rest}"
    return (Sort.TEXT if sign or total >= 86_400 else Sort.ISO), text  # noqa: PLR2004  # a day


def _attribute(attributes: list[str], name: str) -> str:
    """The first value of an attribute, whatever its prefix; "" where it is not there."""
    return next(iter(_all(attributes, name)), "")


def _all(attributes: list[str], name: str) -> list[str]:
    return [attributes[at + 1] for at in range(0, len(attributes), 2) if bare(attributes[at]) == name]


def _count(attributes: list[str], name: str) -> int:
    return min(max(whole(_attribute(attributes, name)), 1), LINES_MAX)
