"""Templates: what they say of each column, and that a filled one comes back without an issue."""

import csv
import datetime as dt
import io
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from rowferry import main
from rowferry.domain.declaration import from_declaration
from rowferry.domain.faults import RowIssue
from rowferry.domain.mapping import map_columns
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Mode, ReadOptions, Schema
from rowferry.formats.writers.template import header_csv, headings, template_of
from rowferry.kinds import customers
from rowferry.pipeline import transform
from rowferry.pipeline.inspect import open_file
from rowferry.settings import Settings

LONG = [f"value number {n}" for n in range(40)]
KIND = from_declaration(
    {
        "name": "things",
        "title": "Things",
        "schema": {
            "fields": [
                {
                    "name": "id",
                    "type": "string",
                    "title": "Number",
                    "constraints": {"pattern": "[0-9]{5}"},
                    "example": "00042",
                },
                {
                    "name": "note",
                    "type": "string",
                    "description": "Whatever one likes.",
                    "constraints": {"maxLength": 20},
                },
                {"name": "size", "type": "string", "constraints": {"enum": ["S", "M", "L"]}},
                {"name": "long", "type": "string", "constraints": {"enum": LONG}},
                {"name": "commas", "type": "string", "constraints": {"enum": ["a,b", "c"]}},
                {"name": "country", "type": "string", "values": {"Germany": "DE", "Spain": "ES"}},
                {"name": "count", "type": "integer", "constraints": {"minimum": 0, "maximum": 1000}},
                {"name": "price", "type": "number", "scale": 2, "decimalChar": ",", "constraints": {"minimum": "0"}},
                {"name": "ratio", "type": "number"},
                {"name": "sold", "type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]},
                {"name": "day", "type": "date", "format": "%d.%m.%Y", "constraints": {"minimum": "2020-01-01"}},
                {"name": "plain_day", "type": "date", "constraints": {"required": True}},
                {"name": "at", "type": "datetime"},
                {"name": "local", "type": "datetime", "timezone": "Europe/Berlin"},
                {"name": "clock", "type": "time"},
                {"name": "more", "type": "object"},
                {"name": "several", "type": "array"},
            ],
            "primaryKey": ["id"],
        },
    },
    None,
)
FILLED: tuple[object, ...] = (
    *("00042", "=not a formula", "M", LONG[7], "a,b", "Spain", 7, 1234.5, 0.125, "ja"),
    *(dt.date(2024, 2, 29), dt.date(2024, 2, 29), "2026-01-31T12:00:00Z", dt.datetime(2024, 7, 1, 12)),  # noqa: DTZ001  # as a cell has it
    *("06:30:00", '{"a": 1}', "[1]"),
)
AS_TEXT = (
    *("00042", "=not a formula", "M", LONG[7], "a,b", "Spain", "7", "1234,50", "0.1250", "ja"),
    *("29.02.2024", "2024-02-29", "2026-01-31T12:00:00Z", "2024-07-01T12:00:00", "06:30:00", '{"a": 1}', "[1]"),
)


def issues_of(path: Path, kind: ImportKind, sheet: str | None = None) -> tuple[int, list[RowIssue]]:
    """How many rows an import finds in a file, and all that is wrong with them."""
    options = ImportOptions(Mode.UPSERT)
    readers = main.readers(Settings(data=path.parent, database_url=None))
    opened = open_file(path, ReadOptions(sheet=sheet), readers, path.parent)
    columns = opened.inspection.columns
    mapped = map_columns(columns, kind.schema, options)
    plan = transform.compile(kind, columns, mapped.pairs, options, opened.blocks, typed=opened.inspection.typed)
    return opened.inspection.rows, [issue for block in opened.blocks() for issue in plan.apply(block).issues]


def book_of(kind: ImportKind) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(template_of(kind)))


def sheet_of(book: openpyxl.Workbook, name: str) -> Worksheet:
    sheet = book[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def rules(sheet: Worksheet) -> dict[str, object]:
    return {str(rule.sqref).split(":")[0]: rule for rule in sheet.data_validations.dataValidation}


def test_a_filled_workbook_comes_back_without_an_issue(tmp_path) -> None:
    book = book_of(KIND)
    for at, value in enumerate(FILLED, 1):
        cell = sheet_of(book, "Data").cell(2, at, value)
        if isinstance(value, str):
            cell.data_type = "s"  # else the text that begins with = is taken for a formula
    book.save(tmp_path / "things.xlsx")
    assert issues_of(tmp_path / "things.xlsx", KIND) == (1, [])


def test_a_filled_csv_comes_back_without_an_issue(tmp_path) -> None:
    path = tmp_path / "things.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(header_csv(KIND).decode())
        csv.writer(file).writerow(AS_TEXT)
    assert issues_of(path, KIND) == (1, [])


@pytest.mark.parametrize("kind", [KIND, customers.kind], ids=lambda kind: kind.name)
@pytest.mark.parametrize("made", [header_csv, template_of])
def test_an_empty_template_has_no_rows(tmp_path, kind, made) -> None:
    path = tmp_path / "template"
    path.write_bytes(made(kind))
    assert issues_of(path, kind) == (0, [])


def test_the_first_sheet_is_for_rows_and_keeps_texts(tmp_path) -> None:
    book = book_of(KIND)
    assert book.sheetnames == ["Data", "Notes", "Lists"]
    assert [sheet.sheet_state for sheet in book] == ["visible", "visible", "hidden"]
    data = sheet_of(book, "Data")
    assert (data.max_row, data.freeze_panes) == (1, "A2")
    assert [cell.value for cell in data[1]][:3] == ["Number", "note", "size"]
    formats = {
        name: data.column_dimensions[letter].number_format
        for letter, name in (("A", "id"), ("H", "price"), ("K", "day"))
    }
    assert formats == {"id": "@", "price": "0.00", "day": "yyyy-mm-dd"}


def test_cells_have_drop_downs_and_hints(tmp_path) -> None:
    book = book_of(KIND)
    found = rules(sheet_of(book, "Data"))
    size, long, commas, country, sold = (found[f"{letter}2"] for letter in "CDEFJ")
    assert (size.type, size.formula1, size.errorStyle) == ("list", '"S,M,L"', None)
    assert (long.formula1, commas.formula1) == ("Lists!$D$1:$D$40", "Lists!$E$1:$E$2")
    assert [row[0].value for row in sheet_of(book, "Lists")["D1:D40"]] == LONG
    assert (country.formula1, country.errorStyle) == ('"Germany,Spain"', "warning")
    assert sold.formula1 == '"ja,nein"'
    count, day = found["G2"], found["K2"]
    assert (count.type, count.formula1, count.formula2) == (
        "integer" if count.type == "integer" else "whole",
        "0",
        "1000",
    )
    assert (day.type, day.operator) == ("date", "greaterThanOrEqual")
    assert found["B2"].type == "textLength"
    assert "Example: 00042" in str(found["A2"].prompt)


def test_notes_say_what_each_column_takes(tmp_path) -> None:
    book = book_of(KIND)
    notes = {str(row[0]): row for row in sheet_of(book, "Notes").iter_rows(min_row=2, values_only=True)}
    assert len(notes) == len(KIND.schema.fields)
    assert notes["Number"][1:5] == ("id", "required", "Text, of the pattern [0-9]{5}", "00042")
    assert notes["note"][3:] == ("Text, at most 20 characters", None, None, "Whatever one likes.")
    assert notes["price"][3] == "A number, at least 0, at most 2 decimals"
    assert notes["size"][5] == "S, M, L"
    comment = sheet_of(book, "Data")["A1"].comment
    assert comment is not None
    assert "required" in comment.text


def test_headings_are_names_where_titles_could_mean_another_field() -> None:
    def named(*fields: Field) -> list[str]:
        return headings(ImportKind("things", Schema(fields)))

    assert named(Field("a", title="First"), Field("b", title="Second")) == ["First", "Second"]
    assert named(Field("a", title="Same"), Field("b", title="Same")) == ["a", "b"]
    assert named(Field("a", title="b"), Field("b", FieldType.DATE)) == ["a", "b"]
