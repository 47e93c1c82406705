"""Workbooks of the format XLSB: the parts of XLSX as binary records, read one after the other."""

import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from rowferry.formats.workbook.book import Book, Sheet
from rowferry.formats.workbook.canonical import Calendar
from rowferry.formats.workbook.gathering import Batch, Gatherer
from rowferry.formats.workbook.limits import Meter, damaged
from rowferry.formats.workbook.markup import Read
from rowferry.formats.workbook.package import Package
from rowferry.formats.workbook.records import compact, error, real, sort_of_style
from rowferry.formats.workbook.shapes import TRUTHS, Sort, sorts_of
from rowferry.formats.workbook.texts import SharedTexts
from rowferry.formats.workbook.xlsx import part_of

RECORD_BYTES_MAX = 1 << 20
TEXTS_AT_ONCE = 1 << 14
PROPERTIES, SHEET = 153, 156
FORMAT, XF, XFS, XFS_END = 44, 47, 617, 618
SHARED_TEXT = 19
ROW, DATA_END = 0, 146
COMPACT, ERROR, TRUTH, REAL, TEXT, SHARED, RICH = 2, 3, 4, 5, 6, 7, 62
OF_FORMULA = {8: TEXT, 9: REAL, 10: TRUTH, 11: ERROR}
"""Records of cells with a formula begin as those without do. Source: [MS-XLSB] 2.4."""
CELLS = {COMPACT, ERROR, TRUTH, REAL, TEXT, SHARED, RICH}

Record = tuple[int, bytes]


@contextmanager
def open_xlsb(package: Package, main: str, meter: Meter, scratch: Path) -> Generator[Book]:
    """The workbook in an archive; `main` is the part that lists the sheets.

    Raises:
        JobStopped: workbook-damaged, workbook-password, workbook-too-large.
    """
    related = package.relations(main)
    sheets, from_1904 = list[tuple[Sheet, str]](), False
    for kind, data in _of_part(package, main):
        if kind == PROPERTIES and data:
            from_1904 = bool(data[0] & 1)
        elif kind == SHEET:
            relation, at = _text(data, 8)
            name, _ = _text(data, at)
            sort, part = related.get(relation, ("", ""))
            if sort == "worksheet":
                sheets.append((Sheet(name, _number(data, 0) == 0), part))
    if not sheets:
        raise damaged("it has no sheet with cells")
    styles, shared = _styles(package, part_of(related, "styles")), SharedTexts(scratch, meter)
    _share(package, part_of(related, "sharedStrings"), shared)

    def batches(place: int) -> Generator[Batch]:
        return _batches(package, sheets[place][1], styles)

    yield Book("xlsb", [sheet for sheet, _ in sheets], Calendar(from_1904), shared, batches)


def records(read: Read) -> Iterator[Record]:
    """The records of a part: number and content.

    **Source:** [MS-XLSB] 2.1.4.

    Raises:
        JobStopped: workbook-damaged.
    """
    buffer, at = b"", 0
    while True:
        if len(buffer) - at < RECORD_BYTES_MAX + 8:
            buffer, at = buffer[at:] + read(RECORD_BYTES_MAX), 0
            if not buffer:
                return
        kind, at = _variable(buffer, at, 2)
        size, at = _variable(buffer, at, 4)
        if size > RECORD_BYTES_MAX or at + size > len(buffer) + RECORD_BYTES_MAX:
            raise damaged("a record of it is longer than any spreadsheet program writes")
        while at + size > len(buffer):
            more = read(RECORD_BYTES_MAX)
            if not more:
                raise damaged("it breaks off inside a record")
            buffer += more
        yield kind, buffer[at : at + size]
        at += size


def _variable(buffer: bytes, at: int, bytes_max: int) -> tuple[int, int]:
    """A number of seven bits a byte, the last without its highest bit; and where it ends."""
    value = 0
    for shift in range(bytes_max):
        if at >= len(buffer):
            raise damaged("it breaks off inside a record")
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << 7 * shift
        if not byte & 0x80:
            break
    return value, at


def _of_part(package: Package, part: str | None) -> Iterator[Record]:
    if part and part in package:
        with package.open(part) as read:
            yield from records(read)


def _styles(package: Package, part: str | None) -> list[Sort]:
    formats, used, inside = dict[int, str](), list[int](), False
    for kind, data in _of_part(package, part):
        if kind == FORMAT:
            formats[_short(data, 0)] = _text(data, 2)[0]
        elif kind in {XFS, XFS_END}:
            inside = kind == XFS
        elif kind == XF and inside:
            used.append(_short(data, 2))
    return sorts_of(formats, used)


def _share(package: Package, part: str | None, shared: SharedTexts) -> None:
    texts = list[str]()
    for kind, data in _of_part(package, part):
        if kind == SHARED_TEXT:
            texts.append(_text(data, 1)[0])
            if len(texts) == TEXTS_AT_ONCE:
                shared.add(pl.Series(texts, dtype=pl.String))
                texts = []
    shared.add(pl.Series(texts, dtype=pl.String))
    shared.flush()


def _batches(package: Package, part: str, styles: list[Sort]) -> Generator[Batch]:
    gatherer = Gatherer()
    for kind, data in _of_part(package, part):
        if kind == ROW:
            gatherer.row(_number(data, 0) + 1)
            if gatherer.full:
                yield gatherer.take()
        elif kind == DATA_END:
            break
        elif (cell := OF_FORMULA.get(kind, kind)) in CELLS and gatherer.line:
            sort, text = _cell(cell, data, styles)
            gatherer.cell(_number(data, 0), sort, text)
    yield gatherer.end()


def _cell(kind: int, data: bytes, styles: list[Sort]) -> tuple[Sort, str]:
    style = _number(data, 4) & 0xFFFFFF
    try:
        match kind:
            case 2:
                cell = sort_of_style(styles, style), compact(_number(data, 8))
            case 5:
                cell = sort_of_style(styles, style), real(data, 8)
            case 3:
                cell = Sort.ERROR, error(data[8])
            case 4:
                cell = Sort.TRUTH, TRUTHS.get(str(data[8]), "")
            case 7:
                cell = Sort.SHARED, str(_number(data, 8))
            case 6:
                cell = Sort.TEXT, _text(data, 8)[0]
            case _:
                cell = Sort.TEXT, _text(data, 9)[0]
    except (struct.error, IndexError) as fault:
        raise damaged("a cell breaks off") from fault
    return cell


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _short(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text and where it ends. Source: [MS-XLSB] 2.5.169."""
    size = _number(data, at)
    if size == 0xFFFFFFFF:  # noqa: PLR2004  # how a text that is not there is said
        return "", at + 4
    end = at + 4 + 2 * size
    return data[at + 4 : end].decode("utf-16-le", "replace"), end
