"""Nasty workbooks: XLSX made by a library and part by part, ODS part by part, and compound files of the older sort."""

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import xlsxwriter

from bad_input.nasty import Nasty, reads, stops

HEADER = ("id", "label")
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
Fill = Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], None]


def book(*rows: Sequence[object], **sheets: Sequence[Sequence[object]]) -> Callable[[], bytes]:
    """A workbook with the sheet `Parts`, then others by name."""
    return partial(_book, {"Parts": rows, **sheets})


def filled(fill: Fill) -> Callable[[], bytes]:
    """A workbook whose one sheet a function fills below the header."""

    def build() -> bytes:
        data = io.BytesIO()
        with xlsxwriter.Workbook(data, {"in_memory": True}) as made:
            sheet = made.add_worksheet("Parts")
            sheet.write_row(0, 0, HEADER)
            fill(made, sheet)
        return data.getvalue()

    return build


def _book(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False}) as made:
        for name, rows in sheets.items():
            sheet = made.add_worksheet(name)
            for line, row in enumerate(rows):
                sheet.write_row(line, 0, row)
    return data.getvalue()


def by_hand(sheet: str, strings: str = "", *, doctype: str = "") -> Callable[[], bytes]:
    """A workbook whose one sheet has this XML in place of its rows; `strings` are the shared ones."""
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="r1" Type="{RELATIONS}/worksheet" Target="sheet.xml"/>'
        f'<Relationship Id="r2" Type="{RELATIONS}/sharedStrings" Target="strings.xml"/></Relationships>',
        "xl/sheet.xml": f'{doctype}<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        "xl/strings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
    }
    return partial(_packed, parts)


def ods(table: str, manifest: str = "<manifest/>") -> Callable[[], bytes]:
    """A document of OpenDocument with this XML in place of its tables."""
    names = "".join(
        f' xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"' for one in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return partial(_packed, {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def _packed(parts: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return data.getvalue()


def _row(number: int, *cells: str) -> str:
    """A row of a sheet; each cell is the text of an inline string, or its own XML."""
    made = [cell if cell.startswith("<") else f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells]
    return f'<row r="{number}">{"".join(made)}</row>'


HEADER_ROW = _row(1, *HEADER)
TWO_ROWS = HEADER_ROW + _row(2, "1", "a") + _row(3, "x", "b")
BOMB = (
    "<!DOCTYPE x ["
    + '<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    + "]>"
)


def _cut() -> bytes:
    return book(HEADER, (1, "a"))()[:-200]


def _without_sheet() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(HEADER, (1, "a"))())) as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            if "worksheets" not in name:
                new.writestr(name, old.read(name))
    return data.getvalue()


def _endless() -> bytes:
    return by_hand(HEADER_ROW + _row(2, "1", "x" * 50_000_000))()


def _bomb() -> bytes:
    return by_hand(HEADER_ROW + " " * 200_000_000 + _row(2, "1", "a"))()


def _errors(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_row("C1", ["price"])
    for line, error in enumerate(("#DIV/0!", "#REF!", "#N/A"), start=1):
        sheet.write_row(line, 0, [line, "a"])
        sheet.write_formula(line, 2, "=1/0", None, error)
    sheet.write_formula(1, 1, "=1/0", None, "#NAME?")


def _formulas(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_formula("A2", "=6*7", None, 42)
    sheet.write_formula("B2", '="a"&"b"', None, "ab")
    sheet.write_row("A3", [2])
    sheet.write_formula("B3", "=A1", None, "")


def _dates(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    day, moment = (made.add_format({"num_format": one}) for one in ("dd/mm/yyyy", "yyyy-mm-dd hh:mm"))
    sheet.write_row("C1", ["day"])
    for line in range(1, 6):
        sheet.write_row(line, 0, [line, "a"])
    sheet.write_datetime("C2", dt.date(2024, 12, 31), day)
    sheet.write_datetime("C3", dt.datetime(2024, 12, 31, 12, 30), moment)  # noqa: DTZ001  # sheets know no zones
    sheet.write_number("C4", 45657)
    sheet.write_string("C5", "31/12/2024")
    sheet.write_string("C6", "03/04/2024")


def _merged(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_column("A2", [1, 2])
    sheet.merge_range("B2:B3", "both", made.add_format())


def _far(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_row("A2", [1, "a"])
    sheet.write_row(1_048_575, 0, ["x", "b"])


def _hidden(made: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
    sheet.write_row("A2", [1, "a"])
    sheet.write_row("A3", [2, "b"])
    sheet.set_row(2, None, None, {"hidden": True})
    made.add_worksheet("Secret").hide()


CELL = "<table:table-cell office:value-type='{}' office:{}='{}'><text:p>{}</text:p></table:table-cell>"
TEXT = "<table:table-cell office:value-type='string'><text:p>{}</text:p></table:table-cell>"


def _ods_row(*cells: str) -> str:
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def _table(*rows: str, name: str = "Parts") -> str:
    return f"<table:table table:name='{name}'>{''.join(rows)}</table:table>"


ODS_HEADER = _ods_row(TEXT.format("id"), TEXT.format("label"))

SHEETS: list[Nasty] = [
    # not read as a whole
    stops("an empty sheet", "xlsx", book(), "empty-file"),
    stops("a sheet of blank cells", "xlsx", book(("", " "), (" ",)), "empty-file"),
    stops("a sheet that there is not", "xlsx", book(HEADER, (1, "a")), "unknown-sheet", "Parts", sheet="Prices"),
    stops("a sheet by a place that there is not", "xlsx", book(HEADER, (1, "a")), "unknown-sheet", "Parts", sheet="7"),
    stops("a header in an empty row", "xlsx", book(HEADER, (1, "a")), "no-header", header_line=9),
    stops("a column twice", "xlsx", book(("id", "label", "label"), (1, "a", "b")), "duplicate-columns", "label"),
    stops("a column of nobody", "xlsx", book(("id", "label", "colour"), (1, "a", "red")), "unknown-columns", "colour"),
    stops(
        "a nameless column with content",
        "xlsx",
        book(("id", "", "label"), (1, "x", "a")),
        "unknown-columns",
        "column_2",
    ),
    stops("more columns than are taken", "xlsx", book([f"c{at}" for at in range(100)]), "too-many-columns"),
    stops("a workbook that is cut off", "xlsx", _cut, "workbook-damaged"),
    stops("a workbook without its sheet", "xlsx", _without_sheet, "workbook-damaged"),
    stops("XML that is cut off", "xlsx", by_hand(TWO_ROWS + "<row"), "workbook-damaged"),
    stops(
        "a shared text that is not there",
        "xlsx",
        by_hand(HEADER_ROW + _row(2, '<c t="s"><v>7</v></c>', "a")),
        "workbook-damaged",
    ),
    stops("entities that grow", "xlsx", by_hand(HEADER_ROW + _row(2, "1", "&a8;"), doctype=BOMB), "workbook-too-large"),
    stops("a cell of 50 MB", "xlsx", _endless, "workbook-too-large"),
    stops("a sheet that unpacks to 200 MB", "xlsx", _bomb, "workbook-too-large"),
    stops(
        "a Word document",
        "xlsx",
        partial(_packed, {"word/document.xml": "<w/>", "[Content_Types].xml": "<T/>"}),
        "unknown-format",
        "Word",
    ),
    # read
    reads("a header and nothing else", "xlsx", book(HEADER), 0),
    reads(
        "a cell behind an empty one of the header",
        "xlsx",
        book((*HEADER, ""), (1, "a", "x")),
        1,
        (1, 2, None, "extra-cell"),
    ),
    reads(
        "errors of formulas",
        "xlsx",
        filled(_errors),
        3,
        (1, 2, "label", "cell-error"),
        (1, 2, "price", "cell-error"),
        (2, 3, "price", "cell-error"),
        (3, 4, "price", "cell-error"),
    ),
    reads("results of formulas", "xlsx", filled(_formulas), 2, (2, 3, "label", "required"), values=("ab",)),
    reads(
        "dates as dates, as numbers and as texts",
        "xlsx",
        filled(_dates),
        5,
        (2, 3, "day", "type-error"),
        (3, 4, "day", "type-error"),
        (4, 5, "day", "type-error"),
        (5, 6, "day", "date-ambiguous"),
    ),
    reads("merged cells", "xlsx", filled(_merged), 2, (2, 3, "label", "required"), values=("both",)),
    reads("a last row a million rows below", "xlsx", filled(_far), 2, (2, 1_048_576, "id", "type-error")),
    reads("hidden rows and sheets", "xlsx", filled(_hidden), 2, values=("a", "b")),
    reads(
        "numbers as texts",
        "xlsx",
        book(HEADER, ("007", "0815"), ("12345678901234567890", "x")),
        2,
        (2, 3, "id", "out-of-range"),
        values=("0815",),
    ),
    reads(
        "numbers that are long, whole or broken",
        "xlsx",
        book((*HEADER, "price"), (1.0, 1e15, 0.1 + 0.2), (2.5, 1e-7, 1.0005)),
        2,
        (2, 3, "id", "type-error"),
        (2, 3, "price", "too-precise"),
        values=("1000000000000000",),
    ),
    reads(
        "truth where numbers belong",
        "xlsx",
        book((*HEADER, "active"), (True, False, 1), (2, "b", "yes")),
        2,
        (1, 2, "id", "type-error"),
        (2, 3, "active", "type-error"),
    ),
    reads(
        "cells beyond the header",
        "xlsx",
        book(HEADER, (1, "a"), (2, "b", "", "c"), (3,)),
        3,
        (2, 3, None, "extra-cell"),
        (3, 4, "label", "required"),
    ),
    reads(
        "titles, blank rows, and a header below",
        "xlsx",
        book(("Parts 2024",), (), HEADER, (), (1, "a"), (" ", ""), ("x", "b")),
        2,
        (2, 7, "id", "type-error"),
    ),
    reads(
        "a no-break space, which is content as in a text",
        "xlsx",
        book(HEADER, (1, "a"), ("\u00a0",)),
        2,
        (2, 3, "id", "type-error"),
        (2, 3, "label", "required"),
    ),
    reads("a header in the row that is stated", "xlsx", book(("a", "b"), HEADER, (1, "a")), 1, header_line=2),
    reads(
        "a sheet that is chosen",
        "xlsx",
        book(("x",), (1,), Prices=[HEADER, (1, "a"), ("x", "b")]),
        2,
        (2, 3, "id", "type-error"),
        sheet="prices",
    ),
    reads("line ends and spaces in a cell", "xlsx", book(HEADER, (1, " a\nb ")), 1, values=(" a\nb ",)),
    reads("escapes of Excel", "xlsx", by_hand(HEADER_ROW + _row(2, "1", "a_x000D_b")), 1, values=("a\rb",)),
    reads("formulas as texts", "xlsx", book(HEADER, (1, "=1+1"), (2, "@x")), 2, values=("=1+1", "@x")),
    reads(
        "a cell that is longer than is taken",
        "xlsx",
        book(HEADER, (1, "a"), (2, "x" * 30_000), (3, "c")),
        3,
        (2, 3, None, "too-long"),
    ),
    reads("the same key twice", "xlsx", book(HEADER, (1, "a"), ("1", "b")), 2, (2, 3, "id", "primary-key")),
    # ODS
    stops("no table", "ods", ods(""), "workbook-damaged", "no sheet"),
    stops(
        "a table of empty rows",
        "ods",
        ods(_table("<table:table-row table:number-rows-repeated='1048576'><table:table-cell/></table:table-row>")),
        "empty-file",
    ),
    stops(
        "rows that stand for too many",
        "ods",
        ods(
            _table(
                ODS_HEADER,
                f"<table:table-row table:number-rows-repeated='999999999'>{TEXT.format('1')}</table:table-row>",
            )
        ),
        "workbook-damaged",
        "16777216 rows",
    ),
    stops("a password", "ods", ods(_table(ODS_HEADER), "<manifest><encryption-data/></manifest>"), "workbook-password"),
    stops("XML that is cut off", "ods", ods(_table(ODS_HEADER) + "<table:table"), "workbook-damaged"),
    reads(
        "numbers, dates and truths",
        "ods",
        ods(
            _table(
                _ods_row(*(TEXT.format(name) for name in ("id", "label", "day", "active"))),
                _ods_row(
                    CELL.format("float", "value", "1", "1,00"),
                    TEXT.format("a"),
                    CELL.format("date", "date-value", "2024-12-31", "31.12.24"),
                    CELL.format("boolean", "boolean-value", "true", "WAHR"),
                ),
                _ods_row(
                    CELL.format("float", "value", "2.5", "2"),
                    TEXT.format("b"),
                    TEXT.format("31.12.24"),
                    TEXT.format("WAHR"),
                ),
            )
        ),
        2,
        (2, 3, "id", "type-error"),
        (2, 3, "day", "date-ambiguous"),
        (2, 3, "active", "type-error"),
    ),
    # compound files
    stops("a compound file and nothing in it", "xls", OLE + bytes(2_000), "workbook-damaged"),
    stops("a compound file that is cut off", "xls", OLE, "workbook-damaged"),
]
