"""Makes workbooks for tests: real ones by a library that writes them, and odd ones part by part."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import xlsxwriter

from rowferry.domain.schema import ReadOptions
from rowferry.formats.workbook import Limits, workbooks
from rowferry.ports import Block, Inspection

LIMITS = Limits(bytes_max=1 << 30, ratio_max=500, record_bytes_max=1 << 20, columns_max=100)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CONTENT_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def workbook(path: Path, sheets: Mapping[str, Callable | Sequence[Sequence[object]]], **options: object) -> Path:
    """A workbook with sheets by name: their rows from A1 on, or what writes them."""
    with xlsxwriter.Workbook(path, options) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            if callable(rows):
                rows(book, sheet)
            else:
                for line, row in enumerate(rows):
                    sheet.write_row(line, 0, row)
    return path


def packed(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """An archive with these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    path.write_bytes(content.getvalue())
    return path


def by_hand(path: Path, sheet: str, **parts: str) -> Path:
    """An XLSX workbook whose one sheet is this XML; `strings` and `styles` are those parts."""
    sorts = {"strings": "sharedStrings", "styles": "styles"}
    targets = [("worksheet", "sheet"), *((sorts[name], name) for name in parts)]
    relations = "".join(
        f'<Relationship Id="r{number}" Type="{RELATIONS}/{sort}" Target="{name}.xml"/>'
        for number, (sort, name) in enumerate(targets)
    )
    return packed(
        path,
        {
            "[Content_Types].xml": CONTENT_TYPES,
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">'
            '<sheets><sheet name="S" sheetId="1" r:id="r0"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f"<Relationships>{relations}</Relationships>",
            "xl/sheet.xml": sheet,
            **{f"xl/{name}.xml": part for name, part in parts.items()},
        },
    )


def inspected(path: Path, scratch: Path, limits: Limits = LIMITS, **options: object) -> tuple[Inspection, list[Block]]:
    """What is found in a workbook, and its blocks."""
    head = path.read_bytes()[: 1 << 16]
    (form,) = [one for one in workbooks(limits) if one.recognises(head)]
    folder = scratch / f"read-{len(list(scratch.iterdir()))}"
    folder.mkdir()
    found = form.inspect(path, ReadOptions(**options), folder)
    return found, list(form.read(path, found, folder))


def rows_of(blocks: Sequence[Block]) -> list[tuple[str, ...]]:
    """The cells of all good rows."""
    return [row for block in blocks for row in block.cells.rows()]
