"""Writes one logical table in each format by a program that is not ours, and says what reading it back must give."""

import csv
import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from xml.sax.saxutils import escape

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from hypothesis import strategies as st
from openpyxl.cell import WriteOnlyCell

BLANK = " \t\r\n\v\f"
SCALAR = st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")
SHEET = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff") | st.sampled_from(
    "\n\t"
)
"""Characters that XML can hold and does not change; all programs write line ends of their own."""
TELLING = (
    "007",
    "12345678901234567890",
    "1.10",
    "2024-02-29",
    "a\nb",
    'say "x"',
    "a,b;c\td|e",
    "=1+1",
    "é😀",
    "NULL",
    " a ",
    "#N/A",
)
"""Texts that formats like to change."""

Value = str | int | Decimal | bool | dt.date | dt.datetime | dt.time


@dataclass(frozen=True)
class Table:
    """A table as people think of it. Rows may have fewer cells than the header, or more."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def padded(self, row: Sequence[str]) -> tuple[str, ...]:
        """The row with empty cells for those that it lacks."""
        return (*row, *[""] * (len(self.names) - len(row)))

    def extra(self, row: Sequence[str]) -> bool:
        """Whether the row has content where the header has none."""
        return not is_blank(row[len(self.names) :])


@dataclass(frozen=True)
class Expected:
    """A row that must be read: its line, its cells, and the code where it cannot be read; its text where the format has one."""

    line: int
    cells: tuple[str, ...]
    code: str = ""
    raw: bytes | None = None


@dataclass(frozen=True)
class Written:
    """A file, what an import states about it, and what must be read of it."""

    data: bytes
    columns: tuple[str, ...]
    rows: Sequence[Expected]
    blanks: int = 0
    options: Mapping[str, object] = field(default_factory=dict)


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a row of text or of a sheet shows nothing, and so is none."""
    return not any(cell.strip(BLANK) for cell in cells)


def rfc_4180(cells: Sequence[str]) -> bytes:
    """The cells as a record of CSV, without its line end."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode()


def tables(characters: st.SearchStrategy[str], *, ragged: bool = True, longer: bool = True) -> st.SearchStrategy[Table]:
    """Tables of texts of these characters."""
    texts = st.text(characters, max_size=6) | st.sampled_from(TELLING) | st.just("")
    names = st.text(characters, min_size=1, max_size=5).filter(lambda name: name.strip() and "\0" not in name)

    @st.composite
    def table(draw: st.DrawFn) -> Table:
        header = tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True)))
        least, most = (0 if ragged else len(header)), len(header) + (1 if longer else 0)
        row = st.lists(texts, min_size=least, max_size=most) | st.just([""] * len(header))
        return Table(header, tuple(map(tuple, draw(st.lists(row, max_size=8)))))

    return table()


# Text -----------------------------------------------------------------------------------------------------------------


@st.composite
def delimited(draw: st.DrawFn) -> Written:
    """Text with delimiters, in any encoding and with any line ends, each cell in quotes or not."""
    table = draw(
        tables(SHEET | st.just("\r")).filter(lambda table: table.names[0].strip()[0] not in "[{")
    )  # that is JSON
    delimiter, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    plain = all(cell.isascii() for row in [table.names, *table.rows] for cell in row)
    unmarked = ["utf-16-le", "utf-16-be"] if plain else []
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", *unmarked]))
    text, line, rows, blanks = "", 1, list[Expected](), 0
    for number, given in enumerate([table.names, *table.rows]):
        # A delimiter at the end of every line, with nothing behind it, is no extra cell.
        row = (*given[:-1], given[-1] or "x") if len(given) > len(table.names) else given
        record = delimiter.join(_quoted(cell, delimiter, always=draw(st.booleans())) for cell in row)
        if number and is_blank(row):
            blanks += 1
        elif number:
            wrong = len(row) - len(table.names)
            code = "missing-cell" if wrong < 0 else "extra-cell" if wrong > 0 else ""
            rows.append(Expected(line, row, code, record.encode()))
        text += record + end
        line += len((record + end).replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
    stated = {"delimiter": delimiter, "quote": '"', "encoding": encoding.removesuffix("-sig"), "header_line": 1}
    return Written(text.encode(encoding), table.names, rows, blanks, stated)


def _quoted(cell: str, delimiter: str, *, always: bool) -> str:
    if not always and not set(cell) & {delimiter, '"', "\r", "\n"}:
        return cell
    return '"' + cell.replace('"', '""') + '"'


# JSON -----------------------------------------------------------------------------------------------------------------


@st.composite
def array(draw: st.DrawFn) -> Written:
    """A JSON array, alone or in an object, indented or not."""
    table = draw(tables(SCALAR, longer=False).filter(lambda table: bool(table.rows)))
    made = _members(draw, table)
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 0, 2]))
    before = draw(st.sampled_from(["[", "\n\n[", '{"n": 1,\n"rows": [']))
    text, spans = before, list[tuple[str, int]]()
    for number, one in enumerate(made):
        text += draw(st.sampled_from(["", " ", "\n", "\r\n"]))
        written = json.dumps(one, ensure_ascii=ascii_only, indent=indent)
        spans.append((written, _lines(text)))
        text += written + ("," if number + 1 < len(made) else "")
    return _objects(table, made, spans, text + ("]}" if "{" in before else "]"))


@st.composite
def lines(draw: st.DrawFn) -> Written:
    """JSON Lines, with blank lines between them."""
    table = draw(tables(SCALAR, longer=False).filter(lambda table: len(table.rows) > 1))
    made = _members(draw, table)
    ascii_only, end = draw(st.booleans()), draw(st.sampled_from(["\n", "\r\n"]))
    text, spans, blank = "", list[tuple[str, int]](), 0
    for one in made:
        between = draw(st.sampled_from(["", end, " " + end])) if text else ""
        text, blank = text + between, blank + bool(between)
        written = json.dumps(one, ensure_ascii=ascii_only)
        spans.append((written, _lines(text)))
        text += written + end
    read = _objects(table, made, spans, text)
    return replace(read, blanks=read.blanks + blank)


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _members(draw: st.DrawFn, table: Table) -> list[dict[str, str | None]]:
    """Each row as an object; cells without content are null, empty or not there, except in the first."""
    made = [dict(zip(table.names, table.padded(table.rows[0]), strict=True))]
    for row in table.rows[1:]:
        one: dict[str, str | None] = {}
        for name, cell in zip(table.names, table.padded(row), strict=True):
            how = draw(st.sampled_from(["text", "null", "none"])) if cell == "" else "text"
            if how != "none":
                one[name] = cell if how == "text" else None
        made.append(one)
    return made


def _objects(
    table: Table, made: Sequence[Mapping[str, str | None]], spans: Sequence[tuple[str, int]], text: str
) -> Written:
    rows, blanks = list[Expected](), 0
    for one, (written, line) in zip(made, spans, strict=True):
        cells = tuple(one.get(name) or "" for name in table.names)
        if any(cells):  # a text of spaces is one to a program
            rows.append(Expected(line, cells, raw=written.encode()))
        else:
            blanks += 1
    return Written(text.encode(), table.names, rows, blanks)


# Workbooks ------------------------------------------------------------------------------------------------------------


@st.composite
def xlsx(draw: st.DrawFn) -> Written:
    """A workbook by one of two libraries, with shared texts or texts in the cells."""
    table = draw(tables(SHEET).filter(_unescaped))
    write = draw(st.sampled_from([_by_xlsxwriter, _by_xlsxwriter_in_place, _by_openpyxl]))
    return _sheet(table, write([table.names, *table.rows]))


@st.composite
def ods(draw: st.DrawFn) -> Written:
    """A document of OpenDocument, written by hand."""
    table = draw(tables(SHEET))
    return _sheet(table, ods_of([table.names, *table.rows]))


def _unescaped(table: Table) -> bool:
    """Whether no text looks like an escape of Excel."""
    return not any("_x" in cell for row in [table.names, *table.rows] for cell in row)


def _sheet(table: Table, data: bytes) -> Written:
    rows, blanks = list[Expected](), 0
    last = max((number for number, row in enumerate(table.rows) if not is_blank(row)), default=-1)
    for number, row in enumerate(table.rows[: last + 1]):
        cells = row if table.extra(row) else table.padded(row)[: len(table.names)]
        if is_blank(row):
            blanks += 1
        else:
            rows.append(Expected(number + 2, cells, "extra-cell" if table.extra(row) else "", rfc_4180(cells)))
    return Written(data, table.names, rows, blanks, {"header_line": 1})


def _by_xlsxwriter(rows: Sequence[Sequence[str]], *, in_place: bool = False) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "constant_memory": in_place}) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(rows):
            for at, cell in enumerate(row):
                sheet.write_string(line, at, cell)
    return data.getvalue()


def _by_xlsxwriter_in_place(rows: Sequence[Sequence[str]]) -> bytes:
    return _by_xlsxwriter(rows, in_place=True)


def _by_openpyxl(rows: Sequence[Sequence[str]]) -> bytes:
    data, book = io.BytesIO(), openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        cells = [WriteOnlyCell(sheet, cell) for cell in row]
        for cell in cells:
            cell.data_type = "s"
        sheet.append(cells)
    book.save(data)
    return data.getvalue()


def ods_of(rows: Sequence[Sequence[Value]]) -> bytes:
    """A document of OpenDocument with these rows."""
    names = "".join(
        f' xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"' for one in ("office", "table", "text")
    )
    body = "".join(f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in rows)
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet><table:table table:name='S'>{body}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return data.getvalue()


def _cell(cell: Value) -> str:
    match cell:
        case bool():
            sort, text = "boolean", str(cell).lower()
        case int() | Decimal():
            sort, text = "float", str(cell)
        case dt.date():
            sort, text = "date", cell.isoformat()
        case _:
            return _paragraphs(str(cell))
    member = "value" if sort == "float" else f"{sort}-value"
    return (
        f"<table:table-cell office:value-type='{sort}' office:{member}='{text}'><text:p>?</text:p></table:table-cell>"
    )


def _paragraphs(cell: str) -> str:
    if not cell:
        return "<table:table-cell/>"
    spaced = escape(cell).replace(" ", "<text:s/>").replace("\t", "<text:tab/>")
    paragraphs = (f"<text:p>{line}</text:p>" for line in spaced.split("\n"))
    return f"<table:table-cell office:value-type='string'>{''.join(paragraphs)}</table:table-cell>"


# Parquet --------------------------------------------------------------------------------------------------------------


@st.composite
def parquet(draw: st.DrawFn) -> Written:
    """A Parquet file, in any size of row groups."""
    table = draw(tables(SCALAR, ragged=False, longer=False))
    columns = {
        name: pa.array([row[at] or draw(st.sampled_from(["", None])) for row in table.rows], pa.string())
        for at, name in enumerate(table.names)
    }
    data = io.BytesIO()
    how = {"row_group_size": draw(st.sampled_from([1, 3, 1_000])), "use_dictionary": draw(st.booleans())}
    pq.write_table(pa.table(columns), data, compression=draw(st.sampled_from(["none", "snappy", "zstd"])), **how)
    rows = [Expected(line, row, raw=rfc_4180(row)) for line, row in enumerate(table.rows, 1) if any(row)]
    return Written(data.getvalue(), table.names, rows, len(table.rows) - len(rows))


# Values of types ------------------------------------------------------------------------------------------------------

FIRST, LAST = dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)  # noqa: DTZ001  # as files have them, without a zone
VALUES: Mapping[type, st.SearchStrategy[Value]] = {
    int: st.integers(-(10**15) + 1, 10**15 - 1),
    Decimal: st.integers(-(10**12), 10**12).map(lambda n: Decimal(n).scaleb(-3)),
    bool: st.booleans(),
    dt.date: st.dates(dt.date(1900, 3, 1), dt.date(9999, 12, 31)),
    dt.datetime: st.datetimes(FIRST, LAST).map(lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000)),
    str: st.sampled_from(TELLING),
}


def spelled(value: Value) -> str:
    """The value as JSON has it."""
    return (
        json.dumps(value)
        if isinstance(value, bool | str)
        else format(value, "f")
        if isinstance(value, Decimal)
        else str(value)
    )


def says(cell: str, value: Value) -> bool:
    """Whether the text of a cell is the value's own: plain digits, `true` or `false`, ISO 8601, or the text itself."""
    if isinstance(value, bool):
        return cell == str(value).lower()
    if isinstance(value, Decimal):
        return re.fullmatch(r"-?[0-9]+([.][0-9]+)?", cell) is not None and Decimal(cell) == value
    if isinstance(value, dt.datetime):
        return ("T" in cell or value.time() == dt.time()) and dt.datetime.fromisoformat(cell) == value
    return cell == (value.isoformat() if isinstance(value, dt.date) else str(value))


def typed_array(values: Sequence[Value]) -> bytes:
    """One member in each object; numbers, truths and texts are those of JSON, days and moments are no type of it."""
    written = map(spelled, values)
    return ("[" + ",".join('{"v": ' + one + "}" for one in written) + "]").encode()


def typed_lines(values: Sequence[Value]) -> bytes:
    """The same, an object a line."""
    return b"".join(typed_array([value])[1:-1] + b"\n" for value in values)


def typed_xlsx(values: Sequence[Value]) -> bytes:
    """One cell in each row below the header."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        day, moment = (book.add_format({"num_format": one}) for one in ("dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss.000"))
        sheet.write_string(0, 0, "v")
        for line, value in enumerate(values, start=1):
            match value:
                case bool():
                    sheet.write_boolean(line, 0, value)
                case int() | Decimal():
                    sheet.write_number(line, 0, value)
                case dt.datetime():
                    sheet.write_datetime(line, 0, value, moment)
                case dt.date():
                    sheet.write_datetime(line, 0, value, day)
                case str():
                    sheet.write_string(line, 0, value)
    return data.getvalue()


def typed_parquet(values: Sequence[Value]) -> bytes:
    """A column; all values must be of one type."""
    data = io.BytesIO()
    pq.write_table(pa.table({"v": pa.array(list(values))}), data)
    return data.getvalue()


FILES: Mapping[str, Callable[[], st.SearchStrategy[Written]]] = {
    "csv": delimited,
    "json": array,
    "jsonl": lines,
    "xlsx": xlsx,
    "ods": ods,
    "parquet": parquet,
}
"""By the name of a format, files of it. XLS and XLSB have no writer here; files of others stand for them in the corpus."""
TYPED: Mapping[str, tuple[Callable[[Sequence[Value]], bytes], tuple[type, ...], bool]] = {
    "json": (typed_array, (int, Decimal, bool, str), True),
    "jsonl": (typed_lines, (int, Decimal, bool, str), True),
    "xlsx": (typed_xlsx, (int, Decimal, bool, dt.date, dt.datetime, str), True),
    "parquet": (typed_parquet, (int, Decimal, bool, dt.date, dt.datetime, str), False),
}
"""By the name of a format with types: what writes values of them, the types that it has, and whether one column may have several."""
