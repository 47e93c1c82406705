"""Line, field and code of every failure, and the value of every good cell, are those of a slow independent reader, in every format."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from doors.writing import ods_of
from judging import judged, readers
from rowferry.domain.options import from_wire
from rowferry.domain.schema import Field, FieldType, ImportKind, Normalization, Rule, Schema
from slow_reader import Cell, SheetError, find_duplicates, read_rows

T = FieldType
Found = tuple[int, int, str | None, str]
FIELDS = (
    Field("id", T.INTEGER, required=True, maximum="50", group_char="'"),
    Field("label", min_length=2, max_length=5, normalize=(Normalization.TRIM, Normalization.UPPERCASE)),
    Field("price", T.NUMBER, scale=2, precision=7, minimum="-10"),
    Field("day", T.DATE, enum=("2024-02-01", "2024-03-04", "2024-05-06")),
    Field("at", T.DATETIME, timezone="Europe/Berlin"),
    Field("active", T.BOOLEAN, true_values=("yes", "1"), false_values=("no", "0")),
    Field("level", T.INTEGER, values=(("low", "1"), ("true", "2"), ("2.5", "3"))),
    Field("code", pattern="[a-z0-9.]*", unique=True),
)
KIND = ImportKind(
    "things",
    Schema(
        FIELDS,
        primary_key=("id",),
        missing_values=("", "n/a", "-99", "#REF!"),
        rules=(
            Rule("priced", "price > 0", "What is active has a price", "active", "price"),
            Rule("even", "id <> level", "The level is another", "level IS NOT NULL"),
        ),
    ),
)
NAMES = KIND.schema.names
TEXTS: Mapping[str, Sequence[str]] = {
    "id": ("1", "2", "3", "04", "1'000", "x", "1.0", "99", "n/a", " 5"),
    "label": ("ab", "abcdef", " a ", "n/a", "abc\n", "ÄÖ", "-99"),
    "price": ("1.5", "1,5", "1.234", "12.345", "-11", "1.005", "1,234.5", "99999999", "1e2", "7", "-99", "0"),
    "day": ("2024-02-01", "01/02/2024", "2024-02-30", "04.03.2024", "2024-05-07", "6/5/24"),
    "at": ("2024-02-01T12:00", "2024-03-31T02:30:00", "2024-02-01", "01/02/2024 09:30", "2024-02-01T12:00:00Z"),
    "active": ("yes", "no", "1", "true", "YES"),
    "level": ("1", "low", "high", "2.5", "true", "3"),
    "code": ("a", "b", "c.d", "A", "1", "true"),
}
"""Texts of each field, good and bad ones."""
VALUES: Mapping[type, Sequence[Cell]] = {
    int: (1, 2, 3, 4, -99, 10**12, -11, 0),
    Decimal: (Decimal("1.5"), Decimal("2.5"), Decimal("-12.25"), Decimal("0.125"), Decimal("123456.5")),
    bool: (True, False),
    dt.date: (dt.date(2024, 2, 1), dt.date(2024, 5, 6), dt.date(2024, 12, 31)),
    dt.datetime: (dt.datetime(2024, 2, 1, 12, 30), dt.datetime(2024, 3, 31, 2, 30)),  # noqa: DTZ001  # as files have them, without a zone
    SheetError: (SheetError("#N/A"), SheetError("#REF!")),
}
"""What cells say themselves, whatever their field is."""


@dataclass(frozen=True)
class Row:
    """A row of a file: its cells, and the code that the record as a whole must give, if it is spoilt."""

    cells: tuple[Cell, ...]
    code: str = ""


@dataclass(frozen=True)
class Door:
    """A format: how rows are written, what its cells may be, and what may be wrong with a record. `write` also gives the lines of the rows."""

    write: Callable[[Sequence[Row]], tuple[bytes, list[int]]]
    types: tuple[type, ...] = ()
    mixed: bool = True
    codes: tuple[str, ...] = ()


# Writing --------------------------------------------------------------------------------------------------------------


def as_csv(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    text, lines = io.StringIO(newline=""), list[int]()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(NAMES)
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        cells = [str(cell) for cell in row.cells]
        writer.writerow({"missing-cell": cells[:-1], "extra-cell": [*cells, "x"]}.get(row.code, cells))
    return text.getvalue().encode(), lines


def as_object(row: Row) -> str:
    spelled = [json.dumps(cell) if isinstance(cell, str | bool) else str(cell) for cell in row.cells]
    members = [f'"{name}": {text}' for name, text in zip(NAMES, spelled, strict=True)]
    return "{" + ", ".join([*members, '"id": 1'] if row.code else members) + "}"


def as_array(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    return ("[\n" + ",\n".join(map(as_object, rows)) + "\n]").encode(), list(range(2, len(rows) + 2))


def as_lines(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    return ("\n\n".join(map(as_object, rows)) + "\n").encode(), list(range(1, 2 * len(rows), 2))


def as_xlsx(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, NAMES)
        day, moment = (book.add_format({"num_format": one}) for one in ("d.m.yy", "d.m.yy h:mm"))
        for line, row in enumerate(rows, start=1):
            for at, cell in enumerate(row.cells):
                if isinstance(cell, SheetError):
                    sheet.write_formula(line, at, "=NA()", None, cell.text)
                elif isinstance(cell, str):
                    sheet.write_string(line, at, cell)
                elif isinstance(cell, dt.date):
                    sheet.write_datetime(line, at, cell, moment if isinstance(cell, dt.datetime) else day)
                else:
                    sheet.write(line, at, cell)
            if row.code:
                sheet.write_string(line, len(NAMES), "x")
    return data.getvalue(), list(range(2, len(rows) + 2))


def as_ods(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    extra = [(*row.cells, "x") if row.code else row.cells for row in rows]
    return ods_of([NAMES, *extra]), list(range(2, len(rows) + 2))


def as_parquet(rows: Sequence[Row]) -> tuple[bytes, list[int]]:
    columns = {
        name: pa.array([None if row.cells[at] == "" else row.cells[at] for row in rows])
        for at, name in enumerate(NAMES)
    }
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data, row_group_size=3)
    return data.getvalue(), list(range(1, len(rows) + 1))


OF_JSON, OF_SHEETS = (int, Decimal, bool), (int, Decimal, bool, dt.date, dt.datetime)
DOORS: Mapping[str, Door] = {
    "csv": Door(as_csv, codes=("missing-cell", "extra-cell")),
    "json": Door(as_array, OF_JSON, codes=("json-error",)),
    "jsonl": Door(as_lines, OF_JSON, codes=("json-error",)),
    "xlsx": Door(as_xlsx, (*OF_SHEETS, SheetError), codes=("extra-cell",)),
    "ods": Door(as_ods, OF_SHEETS, codes=("extra-cell",)),
    "parquet": Door(as_parquet, OF_SHEETS, mixed=False),
}


@st.composite
def files(draw: st.DrawFn, door: Door) -> list[Row]:
    """Rows with content."""
    columns = [draw(_cells(name, door)) for name in NAMES]
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        cells = tuple(draw(column) for column in columns)
        if any(cell != "" for cell in cells[:-1]):  # the last is not there in a row that is too short
            rows.append(Row(cells, draw(st.sampled_from(["", "", "", *door.codes]))))
    assume(rows)
    return rows if door.mixed else exact(rows)


def exact(rows: Sequence[Row]) -> list[Row]:
    """The rows with as many decimals in each number as the column of a typed file has."""
    columns = zip(*(row.cells for row in rows), strict=True)
    scales = [
        min((cell.as_tuple().exponent for cell in column if isinstance(cell, Decimal)), default=0) for column in columns
    ]
    return [
        replace(
            row,
            cells=tuple(
                cell.quantize(Decimal((0, (1,), scale))) if isinstance(cell, Decimal) else cell
                for cell, scale in zip(row.cells, scales, strict=True)
            ),
        )
        for row in rows
    ]


def _cells(name: str, door: Door) -> st.SearchStrategy[st.SearchStrategy[Cell]]:
    """What the cells of one column are drawn from."""
    texts = st.sampled_from(["", *TEXTS[name]])
    of_types = [st.sampled_from(VALUES[one]) for one in door.types]
    if not door.mixed:
        return st.sampled_from([texts, *(st.just("") | one for one in of_types)])
    return st.just(st.one_of(texts, texts, *of_types))


# Reading --------------------------------------------------------------------------------------------------------------


def read_slowly(
    rows: Sequence[Row], lines: Sequence[int], options: Mapping[str, object]
) -> tuple[list[Found], list[tuple]]:
    """Every failure, and the values of the good rows."""
    importing, *_ = from_wire(options, KIND)
    whole = [number for number, row in enumerate(rows) if not row.code]
    found: list[Found] = [(number + 1, lines[number], None, row.code) for number, row in enumerate(rows) if row.code]
    read = read_rows(KIND, importing, NAMES, [rows[number].cells for number in whole])
    for number, row in zip(whole, read, strict=True):
        row.number = number + 1
        found += [(row.number, lines[number], name, code) for name, code in row.faults]
    for number, name, code, _ in find_duplicates(KIND, importing, read):
        found.append((number, lines[number - 1], name, code))
    failed = {row for row, *_ in found}
    good = [tuple(row.values[name] for name in NAMES) for row in read if row.number not in failed]
    return found, good


def test_each_format_that_can_be_written_is_compared() -> None:
    assert DOORS.keys() | {"xls"} == {one.name for one in readers().formats}


@pytest.mark.parametrize("form", DOORS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_slow_reader_finds_the_same_faults_and_values(form: str, data: st.DataObject) -> None:
    door = DOORS[form]
    rows = data.draw(files(door))
    options = {
        "mode": "upsert",
        "decimal_sign": data.draw(st.sampled_from([None, ".", ","])),
        "date_order": data.draw(st.sampled_from([None, "dmy", "mdy"])),
        "defaults": data.draw(st.sampled_from([{}, {"price": "2,5", "label": "xyz"}])),
    } | ({"delimiter": ";", "header_line": 1} if form == "csv" else {})
    content, lines = door.write(rows)
    with TemporaryDirectory() as folder:
        fast = judged(Path(folder), content, KIND, options)
    slow, good = read_slowly(rows, lines, options)
    if fast.code == "number-ambiguous":
        ambiguous = {row for row, _, name, code in slow if (name, code) == ("price", "number-ambiguous")}
        assert ambiguous == {number for number, row in enumerate(rows, 1) if not row.code}
        return
    assert (fast.code, fast.rows) == ("", len(rows)), fast.message
    assert sorted(fast.told, key=repr) == sorted(slow, key=repr)
    assert fast.good.select(NAMES).rows() == good
