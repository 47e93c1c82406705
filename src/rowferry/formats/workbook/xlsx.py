"""Workbooks of the format XLSX: which sheets they have, their styles and shared texts, and the cells of a sheet."""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import polars as pl

from rowferry.formats.workbook.book import Book, Sheet
from rowferry.formats.workbook.canonical import Calendar
from rowferry.formats.workbook.cutting import Cutter, Items
from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.limits import Meter, damaged
from rowferry.formats.workbook.markup import PIECE_BYTES, Markup, Read, bare, elements, whole
from rowferry.formats.workbook.package import Package
from rowferry.formats.workbook.shapes import Sort, sorts_of
from rowferry.formats.workbook.texts import SharedTexts, decoded
from rowferry.formats.workbook.tokens import Tokens, mended, resolved, sound
from rowferry.formats.workbook.worksheet import Worksheet

CHARACTERS_MAX = 64 << 20
STYLES_MAX = 1 << 17
ITEMS = Items(re.compile(rb"<sst(?:\s[^<>]*)?(?<!/)>"), b"<si>", b"</sst>")
_GRAMMAR = re.compile(rb"(?:stTS)*+")
TRUE = {"1", "true", "on"}


@contextmanager
def open_xlsx(package: Package, main: str, meter: Meter, scratch: Path) -> Generator[Book]:
    """The workbook in an archive; `main` is the part that lists the sheets.

    Raises:
        JobStopped: workbook-damaged, workbook-password, workbook-too-large.
    """
    related = package.relations(main)
    document = list(elements(package.small(main)))
    sheets = [
        (Sheet(one.get("name", ""), one.get("state", "visible") == "visible"), related[one["id"]][1])
        for name, one in document
        if name == "sheet" and related.get(one.get("id", ""), ("", ""))[0] == "worksheet"
    ]
    from_1904 = any(one.get("date1904", "").lower() in TRUE for name, one in document if name == "workbookPr")
    styles = _styles(package, part_of(related, "styles"))
    shared = SharedTexts(scratch, meter)
    strings = part_of(related, "sharedStrings")
    if strings and strings in package:
        with package.open(strings) as read:
            for texts in _shared(read):
                shared.add(pl.Series(texts, dtype=pl.String))
    shared.flush()

    def batches(place: int) -> Generator[Batch]:
        with package.open(sheets[place][1]) as read:
            yield from Worksheet(styles).batches(read)

    if not sheets:
        raise damaged("it has no sheet with cells")
    yield Book("xlsx", [sheet for sheet, _ in sheets], Calendar(from_1904), shared, batches)


def main_part(package: Package, usual: str) -> str:
    """The part that lists the sheets."""
    stated = part_of(package.relations(""), "officeDocument")
    return stated if stated and stated in package else usual


def part_of(related: dict[str, tuple[str, str]], sort: str) -> str | None:
    """The first part of a sort."""
    return next((target for one, target in related.values() if one == sort), None)


def _styles(package: Package, part: str | None) -> list[Sort]:
    formats, used, inside = dict[int, str](), list[int](), False
    for name, one in elements(package.small(part)) if part and part in package else ():
        if name == "numFmt":
            formats[whole(one.get("numFmtId", ""))] = one.get("formatCode", "")
        elif name in {"cellXfs", "cellStyleXfs", "cellStyles", "dxfs"}:
            inside = name == "cellXfs"
        elif name == "xf" and inside and len(used) < STYLES_MAX:
            used.append(whole(one.get("numFmtId", "0")))
    return sorts_of(formats, used)


# Shared texts ---------------------------------------------------------------------------------------------------------


def _shared(read: Read) -> Iterator[pl.Series | list[str]]:
    cutter = Cutter(read, ITEMS)
    for piece in cutter.pieces():
        plain = _plain(piece)
        yield from [plain] if plain is not None else _parsed([piece, b"</sst>"], opened=True)
    if not cutter.over:
        yield from _parsed(chain([cutter.rest], iter(lambda: read(PIECE_BYTES), b"")), opened=cutter.opened)


def _plain(piece: bytes) -> pl.Series | None:
    """The texts of items without any other markup; None where there is some."""
    if not piece or b"\r" in piece or not sound(piece):
        return None
    tokens = Tokens(piece)
    items, texts = tokens.of(b"s"), tokens.of(b"t")
    if not (tokens.are(_GRAMMAR) and tokens.named(items, b"si>") and tokens.short(texts)):
        return None
    between = tokens.inside(texts)
    return None if between is None else mended(resolved(tokens.texts(*between)), "_x", decoded)


def _parsed(data: Iterable[bytes], *, opened: bool) -> Iterator[list[str]]:
    items = _SharedItems()
    if opened:
        items.markup.feed(b"<sst>")
    for piece in data:
        for at in range(0, len(piece), PIECE_BYTES):
            items.feed(piece[at : at + PIECE_BYTES])
            yield items.take()
    items.markup.close()
    yield items.take()


class _SharedItems:
    """Takes the markup of shared texts: runs are joined, what says how to pronounce them is left out."""

    def __init__(self) -> None:
        self.markup = Markup(self._start, self._end)
        self._done, self._runs = list[str](), list[str]()
        self._phonetic, self._characters = False, 0

    def feed(self, data: bytes) -> None:
        self.markup.feed(data)
        if self._characters > CHARACTERS_MAX:
            raise damaged("a shared text never ends")

    def take(self) -> list[str]:
        done, self._done = self._done, []
        return done

    def _start(self, name: str, _: list[str]) -> None:
        match bare(name):
            case "si":
                self._runs, self._characters = [], 0
            case "rPh":
                self._phonetic = True
            case "t" if not self._phonetic:
                self.markup.listen(self._text)
            case _:
                pass

    def _text(self, text: str) -> None:
        self._runs.append(text)
        self._characters += len(text)

    def _end(self, name: str) -> None:
        match bare(name):
            case "si":
                self._done.append(decoded("".join(self._runs)))
                self._runs = []
            case "rPh":
                self._phonetic = False
            case "t":
                self.markup.listen(None)
            case _:
                pass
