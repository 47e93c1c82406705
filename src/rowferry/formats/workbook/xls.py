"""Workbooks of the format XLS, of the years from 1993: the records of their one stream, texts in either of two spellings."""

import codecs
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from rowferry.formats.workbook.book import Book, Sheet
from rowferry.formats.workbook.canonical import Calendar
from rowferry.formats.workbook.compound import Stream
from rowferry.formats.workbook.gathering import Batch, Gatherer, joined
from rowferry.formats.workbook.limits import Meter, damaged, protected
from rowferry.formats.workbook.records import compact, error, real, sort_of_style
from rowferry.formats.workbook.shapes import TRUTHS, Sort, sorts_of
from rowferry.formats.workbook.texts import SharedTexts

BEGIN, END, CONTINUED, PASSWORD, CODEPAGE, FROM_1904 = 0x809, 0x0A, 0x3C, 0x2F, 0x42, 0x22
FORMAT, XF, SHEET, SHARED_TEXTS = 0x41E, 0xE0, 0x85, 0xFC
SHARED, LABEL, RICH, NUMBER, COMPACT, COMPACTS, TRUTH_OR_ERROR, FORMULA, STRING = (
    0xFD,
    0x204,
    0xD6,
    0x203,
    0x27E,
    0xBD,
    0x205,
    0x6,
    0x207,
)
"""Source: [MS-XLS] 2.3."""
UNICODE = 0x600
"""The version from which on texts are Unicode."""
WORKSHEET = 0
TEXTS_AT_ONCE = 1 << 14
SCATTERED_CELLS_MAX = 4 << 20
CODEPAGES = {1200: "utf-16-le", 10000: "mac_roman", 32768: "mac_roman", 32769: "cp1252"}

Record = tuple[int, list[bytes]]
"""Its number, and its content with what continues it."""


class _Scattered(Exception):
    """The cells of a sheet are not in the order of their rows."""


@dataclass(slots=True)
class _Globals:
    """What the beginning of the stream says."""

    version: int = UNICODE
    codec: str = "cp1252"
    from_1904: bool = False
    formats: dict[int, str] = field(default_factory=dict[int, str])
    used: list[int] = field(default_factory=list[int])
    sheets: list[tuple[Sheet, int]] = field(default_factory=list[tuple[Sheet, int]])


@contextmanager
def open_xls(stream: Stream, meter: Meter, scratch: Path) -> Generator[Book]:
    """The workbook in a stream.

    Raises:
        JobStopped: workbook-damaged, workbook-password, workbook-too-large.
    """
    said, shared = _Globals(), SharedTexts(scratch, meter)
    try:
        _read_globals(stream, said, shared)
    except (struct.error, IndexError) as fault:
        raise damaged("a record breaks off") from fault
    shared.flush()
    if not said.sheets:
        raise damaged("it has no sheet with cells")
    styles = sorts_of(said.formats, said.used)

    def batches(place: int) -> Generator[Batch]:
        start, last = said.sheets[place][1], None
        try:
            for batch in _Cells(said, styles, ordered=True).batches(stream, start):
                last = batch
                yield batch
        except _Scattered:
            if last is not None:
                raise damaged("the cells of a large sheet are not in the order of its rows") from None
            yield joined(list(_Cells(said, styles, ordered=False).batches(stream, start)))

    yield Book("xls", [sheet for sheet, _ in said.sheets], Calendar(said.from_1904), shared, batches)


def _records(stream: Stream, start: int) -> Iterator[Record]:
    """The records from a place on, each with those that continue it."""
    pending: Record | None = None
    for kind, data in _single(stream, start):
        if kind == CONTINUED and pending is not None:
            if pending[0] in {SHARED_TEXTS, STRING, LABEL, FORMAT}:
                pending[1].append(data)
            continue
        if pending is not None:
            yield pending
        pending = kind, [data]
    if pending is not None:
        yield pending


def _single(stream: Stream, start: int) -> Iterator[tuple[int, bytes]]:
    buffer, at = b"", 0
    for piece in stream.pieces(start):
        buffer, at = buffer[at:] + piece, 0
        while at + 4 <= len(buffer):
            kind, size = struct.unpack_from("<HH", buffer, at)
            if at + 4 + size > len(buffer):
                break
            yield kind, buffer[at + 4 : at + 4 + size]
            at += 4 + size


def _read_globals(stream: Stream, said: _Globals, shared: SharedTexts) -> None:
    for kind, parts in _records(stream, 0):
        data = parts[0]
        match kind:
            case 0x809:
                said.version = struct.unpack_from("<H", data)[0]
            case 0x2F:
                raise protected()
            case 0x42:
                said.codec = _codec(struct.unpack_from("<H", data)[0])
            case 0x22:
                said.from_1904 = bool(struct.unpack_from("<H", data)[0])
            case 0xFC:
                _share(parts, shared)
            case 0x0A:
                return
            case _:
                _note(said, kind, data)


def _note(said: _Globals, kind: int, data: bytes) -> None:
    """Formats, styles and sheets."""
    match kind:
        case 0x41E:
            (number,) = struct.unpack_from("<H", data)
            unicode = said.version >= UNICODE
            said.formats[number] = _text(data, 2, 2, said) if unicode else _text(data, 2, 1, said)
        case 0xE0:
            said.used.append(struct.unpack_from("<H", data, 2)[0])
        case 0x85:
            start, state, sort = struct.unpack_from("<IBB", data)
            if sort == WORKSHEET:
                said.sheets.append((Sheet(_text(data, 6, 1, said), state & 3 == 0), start))
        case _:
            pass


def _codec(codepage: int) -> str:
    name = CODEPAGES.get(codepage, f"cp{codepage}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"


def _text(data: bytes, at: int, size_bytes: int, said: _Globals) -> str:
    """A text behind its size in characters. Source: [MS-XLS] 2.5.294 and 2.5.240."""
    size = int.from_bytes(data[at : at + size_bytes], "little")
    at += size_bytes
    if said.version < UNICODE:
        return data[at : at + size].decode(said.codec, "replace")
    wide = data[at] & 1
    return data[at + 1 : at + 1 + (size << wide)].decode("utf-16-le" if wide else "latin-1", "replace")


# Shared texts ---------------------------------------------------------------------------------------------------------


class _Continued:
    """Bytes that go on from record to record; a text that does begins anew with how it is spelled."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts, self._index, self._at = parts, 0, 0

    @property
    def over(self) -> bool:
        while self._index < len(self._parts) and self._at >= len(self._parts[self._index]):
            self._index, self._at = self._index + 1, 0
        return self._index >= len(self._parts)

    def take(self, size: int) -> bytes:
        found = b""
        while len(found) < size and not self.over:
            piece = self._parts[self._index][self._at : self._at + size - len(found)]
            self._at += len(piece)
            found += piece
        return found

    def characters(self, count: int, wide: int) -> str:
        found = list[str]()
        while count > 0:
            left = len(self._parts[self._index]) - self._at if self._index < len(self._parts) else 0
            if left <= 0:
                if self.over:
                    raise damaged("a shared text breaks off")
                wide = self.take(1)[0] & 1
                continue
            size = min(count, max(left >> wide, 1))
            piece = self._parts[self._index][self._at : self._at + (size << wide)]
            self._at += size << wide
            found.append(piece.decode("utf-16-le" if wide else "latin-1", "replace"))
            count -= size
        return "".join(found)


def _share(parts: list[bytes], shared: SharedTexts) -> None:
    """The table of shared texts. Source: [MS-XLS] 2.4.265 and 2.5.293."""
    data, texts = _Continued(parts), list[str]()
    _, count = struct.unpack("<II", data.take(8))
    for _ in range(count):
        if data.over:
            break
        size, flags = struct.unpack("<HB", data.take(3))
        runs = struct.unpack("<H", data.take(2))[0] if flags & 8 else 0
        more = struct.unpack("<I", data.take(4))[0] if flags & 4 else 0
        texts.append(data.characters(size, flags & 1))
        data.take(4 * runs)
        data.take(more)
        if len(texts) == TEXTS_AT_ONCE:
            shared.add(pl.Series(texts, dtype=pl.String))
            texts = []
    shared.add(pl.Series(texts, dtype=pl.String))


# Cells ----------------------------------------------------------------------------------------------------------------


class _Cells:
    """Takes the records of a sheet."""

    def __init__(self, said: _Globals, styles: list[Sort], *, ordered: bool) -> None:
        self._said, self._styles, self._ordered = said, styles, ordered
        self._gatherer = Gatherer(ordered=ordered)
        self._waiting: tuple[int, int] | None = None
        """Row and column of a formula whose result, a text, comes in a record of its own."""
        self._count = 0

    def batches(self, stream: Stream, start: int) -> Generator[Batch]:
        depth = 0
        for kind, parts in _records(stream, start):
            if kind == BEGIN:
                depth += 1
            elif kind == END:
                depth -= 1
                if depth <= 0:
                    break
            elif depth == 1:
                self._take(kind, parts)
                if self._gatherer.full:
                    yield self._gatherer.take()
        yield self._gatherer.end()

    def _take(self, kind: int, parts: list[bytes]) -> None:
        data = parts[0]
        try:
            match kind:
                case 0xFD:
                    self._cell(data, Sort.SHARED, str(struct.unpack_from("<I", data, 6)[0]))
                case 0x203:
                    self._cell(data, None, real(data, 6))
                case 0x27E:
                    self._cell(data, None, compact(struct.unpack_from("<I", data, 6)[0]))
                case 0xBD:
                    self._several(data)
                case 0x204 | 0xD6:
                    self._cell(data, Sort.TEXT, _text(data, 6, 2, self._said))
                case 0x205:
                    self._truth_or_error(data, data[6], data[7])
                case 0x6:
                    self._formula(data)
                case 0x207:
                    self._result(parts)
                case _:
                    pass
        except (struct.error, IndexError) as fault:
            raise damaged("a cell breaks off") from fault

    def _cell(self, data: bytes, sort: Sort | None, text: str) -> None:
        row, column, style = struct.unpack_from("<HHH", data)
        self._put(row, column, sort_of_style(self._styles, style) if sort is None else sort, text)

    def _put(self, row: int, column: int, sort: Sort, text: str) -> None:
        line = row + 1
        if line != self._gatherer.line:
            if self._ordered and line < self._gatherer.line:
                raise _Scattered
            self._gatherer.row(line)
        self._gatherer.cell(column, sort, text)
        self._count += 1
        if not self._ordered and self._count > SCATTERED_CELLS_MAX:
            raise damaged("the cells of a large sheet are not in the order of its rows")

    def _several(self, data: bytes) -> None:
        row, first = struct.unpack_from("<HH", data)
        for index in range((len(data) - 6) // 6):
            style, number = struct.unpack_from("<HI", data, 4 + 6 * index)
            self._put(row, first + index, sort_of_style(self._styles, style), compact(number))

    def _truth_or_error(self, data: bytes, value: int, is_error: int) -> None:
        if is_error:
            self._cell(data, Sort.ERROR, error(value))
        else:
            self._cell(data, Sort.TRUTH, TRUTHS.get(str(value), ""))

    def _formula(self, data: bytes) -> None:
        """The result of a formula. Source: [MS-XLS] 2.5.133."""
        if data[12:14] != b"\xff\xff":
            self._cell(data, None, real(data, 6))
        elif data[6] in {1, 2}:
            self._truth_or_error(data, data[8], data[6] - 1)
        elif data[6] == 0:
            row, column = struct.unpack_from("<HH", data)
            self._waiting = row, column

    def _result(self, parts: list[bytes]) -> None:
        if self._waiting is None:
            return
        (row, column), self._waiting = self._waiting, None
        if self._said.version < UNICODE:
            text = _text(parts[0], 0, 2, self._said)
        else:
            data = _Continued(parts)
            size, flags = struct.unpack("<HB", data.take(3))
            text = data.characters(size, flags & 1)
        self._put(row, column, Sort.TEXT, text)
