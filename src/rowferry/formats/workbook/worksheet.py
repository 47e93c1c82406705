"""The cells of a sheet of an XLSX workbook: most by one pattern over plain XML, any others by a parser, both with the same result."""

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import numpy as np

from rowferry.formats.workbook.cutting import Cutter, Items
from rowferry.formats.workbook.gathering import COLUMNS_MAX, LINES_MAX, Batch, Gatherer
from rowferry.formats.workbook.limits import damaged
from rowferry.formats.workbook.markup import PIECE_BYTES, Markup, Read, bare, whole
from rowferry.formats.workbook.plain import plain_rows
from rowferry.formats.workbook.shapes import NOT_COMPUTED, Sort
from rowferry.formats.workbook.texts import decoded

AHEAD = 2
CHARACTERS_MAX = 64 << 20
"""More text than this in one cell is never kept, whatever its row may hold."""
ROWS = Items(re.compile(rb"<sheetData(?:\s[^<>/]*)?>"), b"<row", b"</sheetData>")
_PLACE = re.compile(r"([A-Za-z]{1,3})[0-9]*")
_TYPES = {
    "s": Sort.SHARED,
    "str": Sort.TEXT,
    "inlineStr": Sort.TEXT,
    "b": Sort.TRUTH,
    "e": Sort.ERROR,
    "d": Sort.ISO,
}


class Worksheet:
    """Reads the rows of one sheet.

    Args:
        styles: what numbers of each style are.
    """

    def __init__(self, styles: Sequence[Sort]) -> None:
        self._styles, self._sorts = styles, _Sorts(styles)
        self._columns = _Columns()
        self._gatherer = Gatherer()

    def batches(self, read: Read) -> Generator[Batch]:
        """The cells that have content, in the order of the file.

        Raises:
            JobStopped: workbook-damaged, workbook-too-large.
        """
        cutter = Cutter(read, ROWS)
        with ThreadPoolExecutor(1) as ahead:
            for piece, batch in _ahead(ahead, self._plain, cutter.pieces()):
                if batch is None:
                    yield from self._parsed(piece)
                elif len(batch.lines):
                    self._check_order(batch)
                    yield batch
        if not cutter.over:
            yield from self._rest(chain([cutter.rest], iter(lambda: read(PIECE_BYTES), b"")), opened=cutter.opened)

    def _plain(self, piece: bytes) -> Batch | None:
        return plain_rows(piece, self._styles)

    def _check_order(self, batch: Batch) -> None:
        steps = np.diff(batch.lines, prepend=self._gatherer.line + 0.5)
        if int(batch.lines.max()) > LINES_MAX or float(steps.min()) < 0 or int(batch.columns.max()) >= COLUMNS_MAX:
            raise damaged(f"its rows are not in order near row {int(batch.lines[int(steps.argmin())])}")
        self._gatherer.line = int(batch.lines[-1])

    def _parsed(self, piece: bytes) -> Iterator[Batch]:
        """The cells of whole rows by the parser."""
        yield from self._rest([piece, b"</sheetData>"], opened=True)

    def _rest(self, data: Iterable[bytes], *, opened: bool) -> Iterator[Batch]:
        rows = _Rows(self._gatherer, self._sorts, self._columns)
        if opened:
            rows.feed(b"<sheetData>")
        for piece in data:
            for at in range(0, len(piece), PIECE_BYTES):
                rows.feed(piece[at : at + PIECE_BYTES])
                if self._gatherer.full:
                    yield self._gatherer.take()
        rows.close()
        yield self._gatherer.end()


class _Rows:
    """The parser's way: takes the markup of rows, gives their cells to the gatherer."""

    def __init__(self, gatherer: Gatherer, sorts: "_Sorts", columns: "_Columns") -> None:
        self._gatherer, self._sorts, self._columns = gatherer, sorts, columns
        self._markup = Markup(self._start, self._end)
        self._inside = self._over = self._phonetic = self._formula = self._inline = self._valued = False
        self._type, self._style = "", ""
        self._texts: list[str] = []
        self._characters = self._column = self._begun = 0

    def feed(self, data: bytes) -> None:
        if not self._over:
            try:
                self._markup.feed(data)
            except _Over:
                self._over = True
        if self._characters > CHARACTERS_MAX:
            raise damaged(f"a cell of row {self._gatherer.line} never ends")

    def close(self) -> None:
        if not self._over:
            self._markup.close()

    def _start(self, name: str, attributes: list[str]) -> None:
        match bare(name):
            case "c" if self._inside:
                self._cell(attributes)
            case "v" if self._inside and not self._inline:
                self._begun = self._markup.place
                self._markup.listen(self._text)
            case "t" if self._inside and not self._phonetic:
                self._markup.listen(self._text)
            case "row" if self._inside:
                line = _attribute(attributes, "r")
                self._gatherer.row(whole(line) if line else self._gatherer.line + 1)
            case "sheetData":
                self._inside = True
            case "f" if self._inside:
                self._formula = True
            case "is":
                self._inline, self._texts = True, []
            case "rPh":
                self._phonetic = True
            case _:
                pass

    def _cell(self, attributes: list[str]) -> None:
        self._formula = self._inline = self._valued = False
        self._texts, self._characters = [], 0
        self._type, self._style = _attribute(attributes, "t"), _attribute(attributes, "s")
        place = _PLACE.fullmatch(_attribute(attributes, "r"))
        self._column = self._columns[place[1].upper()] if place else self._gatherer.column + 1

    def _text(self, text: str) -> None:
        self._texts.append(text)
        self._characters += len(text)

    def _end(self, name: str) -> None:
        match bare(name):
            case "v":
                self._valued = self._markup.place != self._begun
                self._markup.listen(None)
            case "t":
                self._markup.listen(None)
            case "rPh":
                self._phonetic = False
            case "c" if self._inside:
                self._done()
            case "sheetData":
                self._inside = False
                raise _Over
            case _:
                pass

    def _done(self) -> None:
        text = "".join(self._texts)
        self._texts = []
        sort = Sort.TEXT if self._inline else self._sorts[self._type, self._style]
        if self._formula and not (text or self._valued) and self._type != "str":
            sort, text = Sort.ERROR, NOT_COMPUTED
        self._gatherer.cell(self._column, sort, decoded(text) if sort == Sort.TEXT else text)


class _Over(Exception):
    """The rows are over; what comes after them is not read."""


class _Sorts(dict[tuple[str, str], int]):
    """What the text of a cell is, by its type and style."""

    def __init__(self, styles: Sequence[Sort]) -> None:
        super().__init__()
        self._styles = styles

    def __missing__(self, key: tuple[str, str]) -> int:
        kind, style = key
        place = whole(style)
        number = self._styles[place] if 0 <= place < len(self._styles) else Sort.NUMBER
        sort = number if kind in {"", "n"} else _TYPES.get(kind, Sort.TEXT)
        self[key] = sort
        return sort


class _Columns(dict[str, int]):
    """The place of a column, from 0, by its letters."""

    def __missing__(self, letters: str) -> int:
        place = 0
        for letter in letters:
            place = 26 * place + ord(letter) - 64
        if place > COLUMNS_MAX:
            raise damaged(f"it has a column {letters}")
        self[letters] = max(place - 1, 0)
        return self[letters]


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[bytes], Batch | None], pieces: Iterable[bytes]
) -> Iterator[tuple[bytes, Batch | None]]:
    """Works at pieces in another thread, two ahead of who takes them: what it does is done outside Python's lock."""
    pending, rest = deque[tuple[bytes, Future[Batch | None]]](), iter(pieces)
    for first in rest:  # alone, since who only looks whether there is anything takes no more
        yield first, work(first)
        break
    for piece in rest:
        pending.append((piece, pool.submit(work, piece)))
        if len(pending) > AHEAD:
            done = pending.popleft()
            yield done[0], done[1].result()
    for piece, future in pending:
        yield piece, future.result()


def _attribute(attributes: list[str], name: str) -> str:
    """The value of an attribute; "" where it is not there."""
    names = attributes[::2]
    return attributes[2 * names.index(name) + 1] if name in names else ""
