"""Cells that say their value themselves, and errors of a spreadsheet: read alike whatever the options and the declaration say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.faults import MASK
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Normalization, Rule
from rowferry.pipeline import transform
from rowferry.pipeline.checked import Checked
from rowferry.pipeline.transform import Plan
from rowferry.ports import Block
from rows_of import UPSERT, block_of, kind_of

T = FieldType
COMMAS = replace(UPSERT, decimal_sign=",", date_order="dmy")
EUROPEAN = Field("f", T.NUMBER, scale=2, decimal_char=",", group_char=".")


def typed_block(
    rows: Sequence[Sequence[str]], typed: Sequence[Sequence[bool]] | None, errors: Mapping[int, Sequence[int]]
) -> Block:
    """A block whose cells are typed where `typed` says so (None: all that are not empty), with errors by column."""
    block = block_of(rows, len(rows[0]))
    marks = typed if typed is not None else [[cell != "" for cell in row] for row in rows]
    return replace(
        block,
        typed=pl.DataFrame({str(n): [row[n] for row in marks] for n in range(len(rows[0]))}),
        cell_errors={str(column): np.array(at, np.int64) for column, at in errors.items()},
    )


def plan_of(kind: ImportKind, block: Block, options: ImportOptions, brought: Sequence[str] | None = None) -> Plan:
    names = kind.schema.names if brought is None else brought
    mapping = tuple((at, name) for at, name in enumerate(names) if name)
    titles = tuple(name.title() for name in names)
    return transform.compile(kind, titles, mapping, options, lambda: [block], typed=True)


def checked(
    kind: ImportKind,
    rows: Sequence[Sequence[str]],
    options: ImportOptions = UPSERT,
    typed: Sequence[Sequence[bool]] | None = None,
    errors: Mapping[int, Sequence[int]] | None = None,
) -> Checked:
    block = typed_block(rows, typed, errors or {})
    return plan_of(kind, block, options).apply(block)


def read(field: Field, *texts: str, options: ImportOptions = UPSERT, **schema: object) -> list[object]:
    """What becomes of typed cells in one field: the value, or the code of the fault."""
    found = checked(kind_of(field, **schema), [[text] for text in texts], options)
    codes = {issue.row: str(issue.code) for issue in found.issues}
    assert len(codes) == len(found.issues)
    return [codes.get(row, value) for row, value in enumerate(found.frame[field.name].to_list(), start=1)]


def told(found: Checked) -> list[tuple[int, str | None, str]]:
    return [(issue.row, issue.field, str(issue.code)) for issue in found.issues]


# Each type ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Field("f", T.INTEGER), "1", 1),
        (Field("f", T.INTEGER), "1.0", 1),
        (Field("f", T.INTEGER), "-20.000", -20),
        (Field("f", T.INTEGER), "9223372036854775807", 2**63 - 1),
        (Field("f", T.INTEGER, group_char="."), "1.5", "type-error"),
        (Field("f", T.INTEGER), "9223372036854775808", "out-of-range"),
        (Field("f", T.NUMBER, scale=2), "1.5", Decimal("1.50")),
        (Field("f", T.NUMBER, scale=2), "1.005", "too-precise"),
        (Field("f", T.NUMBER, scale=0), "7.0", Decimal(7)),
        (Field("f", T.NUMBER), "1.234", Decimal("1.234")),
        (EUROPEAN, "1.5", Decimal("1.50")),
        (EUROPEAN, "1234.5", Decimal("1234.50")),
        (EUROPEAN, "1.234", "too-precise"),
        (Field("f", T.NUMBER, scale=2, precision=4), "123.4", "out-of-range"),
        (Field("f", T.NUMBER, bare_number=False), "-3", Decimal(-3)),
        (Field("f", T.BOOLEAN), "true", True),
        (Field("f", T.BOOLEAN, true_values=("ja",), false_values=("nein",)), "false", False),
        (Field("f", T.BOOLEAN, true_values=("ja", "1"), false_values=("nein", "0")), "1", True),
        (Field("f", T.BOOLEAN, true_values=("false",), false_values=("true",)), "true", True),
        (Field("f", T.BOOLEAN), "2", "type-error"),
        (Field("f", T.DATE), "2020-02-01", date(2020, 2, 1)),
        (Field("f", T.DATE, format="%d/%m/%Y"), "2020-02-01", date(2020, 2, 1)),
        (Field("f", T.DATE, format="%d/%m/%Y"), "2020-02-01T00:00:00", date(2020, 2, 1)),
        (Field("f", T.DATE), "2020-02-01T00:00:00.000000", date(2020, 2, 1)),
        (Field("f", T.DATE), "2020-02-01T00:00:01", "type-error"),
        (Field("f", T.DATE), "2020-02-01T00:00:00Z", "type-error"),
        (Field("f", T.DATE), "43862", "type-error"),
        (Field("f", T.DATETIME, timezone="UTC"), "2020-01-02", datetime(2020, 1, 2, tzinfo=UTC)),
        (Field("f", T.DATETIME), "2020-01-02", "type-error"),
        (Field("f", T.DATETIME), "2020-01-02T03:04:05Z", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (
            Field("f", T.DATETIME, timezone="Europe/Berlin", format="%d.%m.%Y %H:%M"),
            "2020-07-02T03:04:05.250",
            datetime(2020, 7, 2, 1, 4, 5, 250_000, tzinfo=UTC),
        ),
        (Field("f", T.TIME), "09:30:00", time(9, 30)),
        (Field("f", T.TIME, format="%I:%M %p"), "21:30:00.5", time(21, 30, 0, 500_000)),
        (Field("f", T.TIME), "2020-01-02", "type-error"),
        (Field("f"), "1.10", "1.10"),
        (Field("f"), "true", "true"),
        (Field("f"), "2020-01-02", "2020-01-02"),
        (Field("f", pattern="[0-9]{5}"), "1234", "pattern"),
        (Field("f", T.OBJECT), '{"a": 1.10}', '{"a": 1.10}'),
        (Field("f", T.ARRAY), "[1]", "[1]"),
        (Field("f", T.ARRAY), '{"a": 1}', "type-error"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [UPSERT, COMMAS], ids=["no option", "commas and days first"])
def test_a_typed_cell_is_read_alike_whatever_is_stated(
    field: Field, text: str, value: object, options: ImportOptions
) -> None:
    assert read(field, text, options=options) == [value]


def test_a_number_that_would_be_ambiguous_as_a_text_is_none_as_a_typed_cell() -> None:
    assert read(Field("f", T.NUMBER), "1.234", "12.500") == [Decimal("1.234"), Decimal("12.500")]


def test_typed_cells_tell_nothing_of_the_signs_of_the_texts_in_their_column() -> None:
    found = checked(kind_of(Field("f", T.NUMBER)), [["1.5"], ["1.234"], ["2,5"]], typed=[[True], [False], [False]])
    assert found.frame["f"].to_list() == [Decimal("1.5"), Decimal(1234), Decimal("2.5")]
    assert found.issues == []


def test_a_column_of_ambiguous_texts_beside_typed_numbers_is_not_without_hope() -> None:
    kind = kind_of(Field("f", T.NUMBER))
    block = typed_block([["1.5"], ["1.234"]], [[True], [False]], {})
    plan = plan_of(kind, block, UPSERT)
    assert told(plan.apply(block)) == [(2, "f", "number-ambiguous")]
    assert plan.hopeless == ()


def test_a_column_may_mix_typed_cells_and_texts() -> None:
    field = Field("f", T.DATE, format="%d/%m/%Y")
    rows = [["2020-02-01"], ["01/02/2020"], ["2020-02-01"], ["1.2.2020"], [""]]
    found = checked(kind_of(field), rows, typed=[[True], [False], [False], [False], [False]])
    assert found.frame["f"].to_list() == [date(2020, 2, 1), date(2020, 2, 1), None, None, None]
    assert told(found) == [(3, "f", "type-error"), (4, "f", "type-error")]


@pytest.mark.parametrize("step", [Normalization.LOWERCASE, Normalization.UPPERCASE])
def test_normalisation_is_for_texts_and_for_strings(step: Normalization) -> None:
    kind = kind_of(
        Field("at", T.DATETIME, normalize=(step,)),
        Field("on", T.BOOLEAN, normalize=(step,), true_values=("JA", "ja"), false_values=("NEIN", "nein")),
        Field("word", normalize=(step,)),
    )
    found = checked(kind, [["2020-01-02T03:04:05Z", "true", "true"]])
    words = "TRUE" if step is Normalization.UPPERCASE else "true"
    assert found.frame.drop("_row").rows() == [(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), True, words)]


# Missing values, maps, defaults ---------------------------------------------------------------------------------------


def test_a_missing_value_is_missing_as_a_typed_cell_too() -> None:
    assert read(Field("f", T.INTEGER), "-99", "7", missing_values=("", "-99")) == [None, 7]
    assert read(Field("f", T.INTEGER, required=True), "-99", missing_values=("", "-99")) == ["required"]


def test_values_are_found_by_the_text_of_a_typed_cell() -> None:
    assert read(Field("f", values=(("1", "new"), ("2", "old"))), "1", "2", "3") == ["new", "old", "3"]
    assert read(Field("f", T.INTEGER, values=(("true", "1"), ("1.5", "2"))), "true", "1.5", "3.0") == [1, 2, 3]
    dated = Field("f", T.DATE, format="%d.%m.%Y", values=(("0", "1970-01-01"),))
    assert read(dated, "0", "2020-02-01") == [date(1970, 1, 1), date(2020, 2, 1)]


def test_a_default_is_read_as_the_options_say_in_a_typed_column() -> None:
    kind = kind_of(Field("f", T.NUMBER), missing_values=("", "-99"))
    options = replace(COMMAS, defaults=(("f", "1,5"),))
    found = checked(kind, [["2.5"], [""], ["-99"]], options)
    assert (found.frame["f"].to_list(), found.issues) == ([Decimal("2.5"), Decimal("1.5"), Decimal("1.5")], [])


def test_a_field_that_a_default_alone_brings_is_no_typed_one() -> None:
    kind = kind_of(Field("id", T.INTEGER), Field("f", T.NUMBER))
    options = replace(COMMAS, defaults=(("f", "1,5"),))
    block = typed_block([["1.0"]], None, {})
    found = plan_of(kind, block, options, ["id"]).apply(block)
    assert found.frame.rows() == [(1, Decimal("1.5"), 1)]


# Errors of a spreadsheet ----------------------------------------------------------------------------------------------


def test_an_error_of_the_spreadsheet_is_an_issue_of_its_cell() -> None:
    kind = kind_of(Field("id", T.INTEGER), Field("name"))
    found = checked(kind, [["1", "a"], ["#REF!", "b"], ["3", "#N/A"]], errors={0: [1], 1: [2]})
    assert told(found) == [(2, "id", "cell-error"), (3, "name", "cell-error")]
    assert found.ok.to_list() == [True, False, False]
    assert found.frame["name"].to_list() == ["a", "b", None]
    assert (found.issues[0].value, found.issues[0].column) == ("#REF!", "Id")
    assert "#REF!" in found.issues[0].message


def test_an_error_in_a_required_cell_is_told_once_and_other_faults_of_its_row_too() -> None:
    kind = kind_of(Field("id", T.INTEGER, required=True), Field("count", T.INTEGER, minimum="5"))
    found = checked(kind, [["#DIV/0!", "4"], ["", "#NUM!"]], errors={0: [0], 1: [1]})
    assert told(found) == [
        (1, "id", "cell-error"),
        (1, "count", "out-of-range"),
        (2, "id", "required"),
        (2, "count", "cell-error"),
    ]


def test_an_error_in_a_column_that_is_not_imported_is_nobodys_fault() -> None:
    block = typed_block([["1", "#REF!"]], None, {1: [0]})
    found = plan_of(kind_of(Field("id", T.INTEGER)), block, UPSERT, ["id", ""]).apply(block)
    assert (found.issues, found.frame["id"].to_list()) == ([], [1])


def test_no_default_and_no_length_is_asked_of_an_error() -> None:
    kind = kind_of(Field("f", required=True, max_length=2, enum=("a",)))
    found = checked(kind, [["#REF!"], ["a"]], replace(UPSERT, defaults=(("f", "a"),)), errors={0: [0]})
    assert told(found) == [(1, "f", "cell-error")]


def test_an_error_that_the_kind_declares_as_missing_is_missing() -> None:
    kind = kind_of(Field("f", T.INTEGER), Field("g", required=True), missing_values=("", "#N/A"))
    found = checked(kind, [["#N/A", "x"], ["#REF!", "#N/A"]], errors={0: [0, 1], 1: [1]})
    assert found.frame["f"].to_list() == [None, None]
    assert told(found) == [(2, "f", "cell-error"), (2, "g", "required")]
    filled = checked(kind, [["#N/A", "x"]], replace(UPSERT, defaults=(("f", "7"),)), errors={0: [0]})
    assert (filled.frame["f"].to_list(), filled.issues) == ([7], [])


def test_a_rule_does_not_judge_a_row_that_lacks_a_field_for_an_error() -> None:
    kind = kind_of(Field("a"), Field("b"), rules=(Rule("with-b", "b IS NOT NULL", "b is needed", "a = 'x'"),))
    found = checked(kind, [["x", "#N/A"], ["x", ""]], errors={1: [0]})
    assert told(found) == [(1, "b", "cell-error"), (2, None, "with-b")]


def test_an_error_in_a_sensitive_field_is_not_shown() -> None:
    found = checked(kind_of(Field("f", T.INTEGER, sensitive=True)), [["#REF!"], ["x"]], errors={0: [0]})
    assert [issue.value for issue in found.issues] == [MASK, MASK]
    assert not any("REF" in issue.message for issue in found.issues)


# Any column -----------------------------------------------------------------------------------------------------------

VALUES: Mapping[FieldType, st.SearchStrategy[tuple[str, object]]] = {
    T.INTEGER: st.integers(-(2**63), 2**63 - 1).map(lambda n: (str(n), n)),
    T.NUMBER: st.decimals("-999999999999", "999999999999", places=6).map(lambda d: (format(d, "f"), d)),
    T.BOOLEAN: st.booleans().map(lambda b: (str(b).lower(), b)),
    T.DATE: st.dates(min_value=date(1, 1, 1)).map(lambda d: (d.isoformat(), d)),
    T.DATETIME: st.datetimes(timezones=st.just(UTC)).map(lambda d: (d.isoformat().replace("+00:00", "Z"), d)),
    T.TIME: st.times().map(lambda t: (t.isoformat(), t)),
}
FORMATS = {
    T.DATE: ("default", "any", "%d/%m/%Y"),
    T.DATETIME: ("default", "any", "%d.%m.%Y %H:%M"),
    T.TIME: ("default", "%H.%M"),
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_value_of_a_typed_cell_is_what_its_text_says(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(VALUES)))
    field = Field(
        "f",
        kind,
        format=data.draw(st.sampled_from(FORMATS.get(kind, ("default",)))),
        decimal_char=data.draw(st.sampled_from([None, ",", "."])) if kind is T.NUMBER else None,
        timezone=data.draw(st.sampled_from([None, "Europe/Berlin"])) if kind is T.DATETIME else None,
    )
    options = replace(
        UPSERT,
        decimal_sign=data.draw(st.sampled_from([None, ",", "."])),
        date_order=data.draw(st.sampled_from([None, "dmy", "mdy", "ymd"])),
    )
    cells = data.draw(st.lists(VALUES[kind], min_size=1, max_size=5))
    assert read(field, *(text for text, _ in cells), options=options) == [value for _, value in cells]
