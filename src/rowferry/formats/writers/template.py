"""Workbooks that people fill in: a sheet for the rows with drop-downs and hints, and one that says what each column takes."""

# xlsxwriter says its types in words only:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import xlsxwriter  # type: ignore[import-untyped]  # it brings no marker
from xlsxwriter.format import Format  # type: ignore[import-untyped]  # likewise
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # likewise

from rowferry.domain.faults import JobStopped
from rowferry.domain.mapping import map_columns
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Schema
from rowferry.domain.sheets import DATA, NOTES
from rowferry.formats.writers.workbook import letters

LISTS = "Lists"
"""A hidden sheet behind the others, for allowed values that are too many for the rule of a cell."""
LAST_ROW = 1_048_575
"""Of a sheet, from 0."""
INLINE_MAX = 255
"""Characters of a list inside a cell's rule, and of the hints that are shown. Source: Excel specifications and limits."""
TITLE_MAX = 32
EXACT = 10**15 - 1
"""Whole numbers up to here have all their digits in a workbook."""
SHOWN_MAX = 30
"""Allowed values that a note names at most."""
FIRST_DAY = date(1900, 3, 1)
WIDE, NARROW = 60, 14

WORDS: Mapping[FieldType, str] = {
    FieldType.STRING: "Text",
    FieldType.INTEGER: "A whole number",
    FieldType.NUMBER: "A number",
    FieldType.BOOLEAN: "Yes or no",
    FieldType.DATE: "A date",
    FieldType.DATETIME: "A date and time",
    FieldType.TIME: "A time",
    FieldType.OBJECT: "A JSON object",
    FieldType.ARRAY: "A JSON array",
}
EXAMPLES: Mapping[FieldType, str] = {
    FieldType.INTEGER: "42",
    FieldType.NUMBER: "12",
    FieldType.DATE: "2026-01-31",
    FieldType.DATETIME: "2026-01-31T12:00:00Z",
    FieldType.TIME: "06:30:00",
    FieldType.OBJECT: '{"colour": "red"}',
    FieldType.ARRAY: '["red", "blue"]',
}
FORMATS = {"email": "an e-mail address", "uri": "a URI", "uuid": "a UUID"}


def header_csv(kind: ImportKind) -> bytes:
    """A CSV file with the header that an import of the kind expects, and no row."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(kind.schema.names)
    return line.getvalue().encode()


def template_of(kind: ImportKind) -> bytes:
    """A workbook to fill in: what is chosen from its lists and fits its hints comes back without an issue."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"in_memory": True})
    book.set_properties({"title": kind.title or kind.name})
    data, notes, lists = (book.add_worksheet(name) for name in (DATA, NOTES, LISTS))
    lists.hide()
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    needed = book.add_format({"bold": True, "bottom": 2, "bg_color": "#FFE699"})
    plain = book.add_format({"bold": True, "bottom": 1, "bg_color": "#DDEBF7"})
    styles = {code: book.add_format({"num_format": code}) for code in {_style(field) for field in kind.schema.fields}}
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    titles = headings(kind)
    for at, (field, title) in enumerate(zip(kind.schema.fields, titles, strict=True)):
        data.set_column(at, at, max(NARROW, min(len(title) + 4, WIDE)), styles[_style(field)])
        data.write_string(0, at, title, needed if _needed(field, kind.schema) else plain)
        note = _Note.of(field, title, kind.schema)
        data.write_comment(0, at, note.text(), {"x_scale": 2, "y_scale": 1.6})
        data.data_validation(1, at, LAST_ROW, at, _rule(field, note, _listed(lists, at, _choices(field))))
    data.freeze_panes(1, 0)
    _fill_notes(
        notes, [_Note.of(f, t, kind.schema) for f, t in zip(kind.schema.fields, titles, strict=True)], bold, wrapped
    )
    book.close()
    return made.getvalue()


def headings(kind: ImportKind) -> list[str]:
    """What the columns are called: the titles of the fields, or their names where a title could mean another field."""
    titles = [field.label for field in kind.schema.fields]
    try:
        mapped = map_columns(titles, kind.schema, ImportOptions(kind.modes[0]))
    except JobStopped:
        return list(kind.schema.names)
    return titles if mapped.pairs == tuple(enumerate(kind.schema.names)) else list(kind.schema.names)


# Notes ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Note:
    """What there is to say of a column."""

    title: str
    field: str
    required: str
    how: str
    example: str
    allowed: str
    description: str

    @classmethod
    def of(cls, field: Field, title: str, schema: Schema) -> "_Note":
        choices = _choices(field)
        shown = [*choices[:SHOWN_MAX], *(["…"] if len(choices) > SHOWN_MAX else [])]
        required = "required" if _needed(field, schema) else "may be empty"
        return cls(title, field.name, required, _how(field), _example(field), ", ".join(shown), field.description or "")

    def text(self) -> str:
        """The note beside the header."""
        parts = [
            f"{self.how}; {self.required}.",
            self.example and f"Example: {self.example}",
            self.allowed and f"Allowed: {self.allowed}",
            self.description,
        ]
        return "\n".join(part for part in parts if part)


def _fill_notes(sheet: Worksheet, notes: Sequence[_Note], head: Format, body: Format) -> None:
    names = ("Column", "Field", "Required", "How to write it", "Example", "Allowed values", "Description")
    for at, (name, width) in enumerate(zip(names, (24, 20, 14, 50, 30, 40, WIDE), strict=True)):
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, name, head)
    for row, note in enumerate(notes, 1):
        cells = (note.title, note.field, note.required, note.how, note.example, note.allowed, note.description)
        for at, cell in enumerate(cells):
            if cell:
                sheet.write_string(row, at, cell, body)
    sheet.freeze_panes(1, 0)


def _needed(field: Field, schema: Schema) -> bool:
    return field.required or field.name in schema.primary_key


def _how(field: Field) -> str:
    parts = [
        WORDS[field.type],
        FORMATS.get(field.format, ""),
        _dated(field),
        _length(field),
        _range(field),
        f"at most {field.scale} decimals" if field.scale else "",
        f"of the pattern {field.pattern}" if field.pattern else "",
        "unique" if field.unique else "",
    ]
    return ", ".join(part for part in parts if part)


def _dated(field: Field) -> str:
    if field.type is FieldType.DATETIME and field.timezone is None:
        return "in ISO 8601 with its zone" if "%" not in field.format else f"as text: {field.format}"
    return f"or text as {field.format}" if "%" in field.format else ""


def _length(field: Field) -> str:
    least, most = field.min_length, field.max_length
    if least and most is not None:
        return f"{least} to {most} characters"
    if most is not None:
        return f"at most {most} characters"
    return f"at least {least} characters" if least else ""


def _range(field: Field) -> str:
    least, most = field.minimum, field.maximum
    if least is not None and most is not None:
        return f"{least} to {most}"
    if most is not None:
        return f"at most {most}"
    return f"at least {least}" if least is not None else ""


def _example(field: Field) -> str:
    if field.example is not None:
        return field.example
    choices = _choices(field)
    if choices:
        return choices[0]
    fits = field.minimum is None and field.maximum is None and "%" not in field.format
    return EXAMPLES.get(field.type, "") if fits else ""


# Cells ----------------------------------------------------------------------------------------------------------------


def _style(field: Field) -> str:
    """How a column's cells are kept and shown: what is text stays text, so that 007 keeps its zeros."""
    match field.type:
        case FieldType.INTEGER:
            return "0"
        case FieldType.NUMBER:
            return f"0.{'0' * min(field.scale, 12)}" if field.scale else "General"
        case FieldType.DATE:
            return "yyyy-mm-dd"
        case FieldType.DATETIME:
            return "yyyy-mm-dd hh:mm:ss" if field.timezone is not None else "@"
        case _:
            return "@"


def _choices(field: Field) -> list[str]:
    """The values to choose from, as the file has them; none where there is no list of them."""
    if field.type is FieldType.BOOLEAN:
        return [field.true_values[0], field.false_values[0]]
    if field.enum is not None:
        return list(field.enum)
    return list(dict.fromkeys(text for text, _ in field.values))


def _listed(lists: Worksheet, at: int, choices: Sequence[str]) -> list[str] | str:
    """The choices as a cell's rule names them: themselves, or where they stand on a sheet of their own when they are long."""
    if len(",".join(choices)) <= INLINE_MAX and not any(
        "," in choice or choice != choice.strip() for choice in choices
    ):
        return list(choices)
    for row, choice in enumerate(choices):
        lists.write_string(row, at, choice)
    column = f"${letters(at)}"
    return f"={LISTS}!{column}$1:{column}${len(choices)}"


def _rule(field: Field, note: _Note, choices: list[str] | str) -> dict[str, object]:
    """What a cell takes, and the hint that is shown while it is filled in."""
    rule = _list_rule(field, choices) if choices else _bounds_rule(field)
    strict = bool(choices) and not field.values
    return rule | {
        "input_title": note.title[:TITLE_MAX],
        "input_message": note.text()[:INLINE_MAX],
        "error_title": note.title[:TITLE_MAX],
        "error_message": f"{note.how}.\n{note.allowed}"[:INLINE_MAX],
        "error_type": "stop" if strict else "warning",
    }


def _list_rule(field: Field, choices: list[str] | str) -> dict[str, object]:
    return {"validate": "list", "source": choices, "ignore_blank": not field.required}


def _bounds_rule(field: Field) -> dict[str, object]:
    least: object = None
    most: object = None
    match field.type:
        case FieldType.STRING:
            kind, least, most = "length", field.min_length or None, field.max_length
        case FieldType.INTEGER:
            kind, least, most = "integer", _exact(field.minimum, -EXACT), _exact(field.maximum, EXACT)
        case FieldType.NUMBER:
            kind, least, most = "decimal", _float(field.minimum), _float(field.maximum)
        case FieldType.DATE:
            kind, least, most = "date", _day(field.minimum), _day(field.maximum)
        case _:
            kind = "any"
    if least is not None and most is not None:
        return {"validate": kind, "criteria": "between", "minimum": least, "maximum": most}
    if most is not None:
        return {"validate": kind, "criteria": "<=", "value": most}
    return {"validate": kind, "criteria": ">=", "value": least} if least is not None else {"validate": "any"}


def _exact(bound: str | None, widest: int) -> int:
    return widest if bound is None else max(-EXACT, min(EXACT, int(bound)))


def _float(bound: str | None) -> float | None:
    return None if bound is None else float(bound)


def _day(bound: str | None) -> date | None:
    day = None if bound is None else date.fromisoformat(bound)
    return None if day is None or day < FIRST_DAY else day
