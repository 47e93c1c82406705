"""Rules that are functions get whole columns, and are asked about rows that can be judged only; one that fails is named."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from rowferry.domain.declaration import normal, to_declaration
from rowferry.domain.faults import InvalidDeclaration, JobStopped
from rowferry.domain.schema import Field, FieldType, ImportOptions, Mode, Rule
from rowferry.pipeline import transform
from rowferry.pipeline.checked import Checked
from rowferry.pipeline.transform import check
from rows_of import block_of, checked, kind_of

T = FieldType
FIELDS = (Field("country"), Field("first", T.DATE), Field("last", T.DATE), Field("price", T.NUMBER, scale=2))


def rule_of(function: Callable, *fields: str, when: str | None = None, field: str | None = None) -> Rule:
    return Rule("own-rule", function, "Not as we want it", when, field, fields)


def rows_with(rule: Rule, *rows: list[str]) -> Checked:
    return checked(kind_of(*FIELDS, rules=(rule,)), rows)


def told(found: Checked) -> list[tuple[int, str | None, str, str]]:
    return [(issue.row, issue.field, issue.code, issue.message) for issue in found.issues]


@dataclass
class InOrder:
    """A function that is an object, and has no hash since it can be compared."""

    first: str
    last: str

    def __call__(self, rows: pl.DataFrame) -> pl.Series:
        return rows[self.first] <= rows[self.last]


def in_order(rows: pl.DataFrame) -> pl.Series:
    return rows["first"] <= rows["last"]


# What it says of rows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [in_order, lambda _: pl.col("first") <= pl.col("last"), InOrder("first", "last")],
    ids=["a column", "an expression", "an object"],
)
def test_rows_of_which_the_function_says_no_break_the_rule(function) -> None:
    found = rows_with(
        rule_of(function, "first", "last", field="last"),
        ["DE", "2020-01-01", "2020-01-02", "1"],
        ["DE", "2020-01-02", "2020-01-01", "1"],
        ["DE", "2020-01-02", "2020-01-02", "1"],
    )
    assert told(found) == [(2, "last", "own-rule", "Not as we want it")]
    assert found.issues[0].value == "2020-01-01"
    assert found.ok.to_list() == [True, False, True]


def test_null_is_no_answer_and_breaks_the_rule_as_with_conditions() -> None:
    found = rows_with(rule_of(in_order, "first", "last"), ["DE", "2020-01-01", "", ""], ["DE", "", "", ""])
    assert [issue.row for issue in found.issues] == [1, 2]
    nothing = rows_with(rule_of(lambda rows: pl.repeat(None, rows.height, eager=True), "first"), ["", "", "", ""])
    assert [issue.row for issue in nothing.issues] == [1]


def test_the_function_gets_the_typed_columns_that_the_rule_names_in_its_order() -> None:
    seen = []

    def look(rows: pl.DataFrame) -> pl.Series:
        seen.append((rows.columns, rows.rows()))
        return rows["price"] > 1

    rows_with(rule_of(look, "price", "first"), ["DE", "2020-01-01", "", "1.10"], ["ES", "", "", ""])
    assert seen == [(["price", "first"], [(Decimal("1.10"), date(2020, 1, 1)), (None, None)])]


def test_the_function_sees_neither_rows_without_when_nor_rows_whose_cells_could_not_be_read() -> None:
    seen = []

    def look(rows: pl.DataFrame) -> pl.Series:
        seen.extend(rows["price"].to_list())
        return rows["price"] < 3

    found = rows_with(
        rule_of(look, "price", when="country = 'DE'"),
        ["DE", "", "", "1"],
        ["ES", "", "", "2"],
        ["DE", "", "", "x"],
        ["", "", "", "3"],
        ["DE", "", "", "4"],
    )
    assert seen == [Decimal(1), Decimal(4)]
    assert [(issue.row, issue.code) for issue in found.issues] == [(3, "type-error"), (5, "own-rule")]


def test_the_function_is_not_asked_about_no_row() -> None:
    def never(rows: pl.DataFrame) -> pl.Series:
        raise AssertionError(rows)

    assert told(rows_with(rule_of(never, "price", when="country = 'DE'"), ["ES", "", "", "1"])) == []


def test_a_field_that_the_file_lacks_is_null_for_the_function_unless_rows_are_updated() -> None:
    kind = kind_of(*FIELDS, rules=(rule_of(lambda rows: rows["price"].is_not_null(), "price"),))
    for mode, rows in ((Mode.UPSERT, [1]), (Mode.UPDATE, [])):
        plan = transform.compile(kind, ("Country",), ((0, "country"),), ImportOptions(mode))
        assert [issue.row for issue in plan.apply(block_of([["DE"]], 1)).issues] == rows


def test_conditions_and_functions_keep_the_order_in_which_they_are_declared() -> None:
    rules = (
        Rule("last", "price > 5", "m"),
        Rule("first", lambda rows: rows["price"] > 5, "m", fields=("price",)),
        Rule("again", "price > 5", "m"),
    )
    found = checked(kind_of(*FIELDS, rules=rules), [["DE", "", "", "1"]])
    assert [issue.code for issue in found.issues] == ["last", "first", "again"]


# A function that is at fault ------------------------------------------------------------------------------------------


def raising(rows: pl.DataFrame) -> pl.Series:
    if rows.height:
        raise ValueError(f"cannot work with {rows['country'][0]}")
    return pl.Series(dtype=pl.Boolean)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raising, "raised ValueError: cannot work with DE (line"),
        (lambda _: None, "gave nothing, and no Boolean column"),
        (lambda _: [True], "gave a list, and no Boolean column"),
        (lambda rows: rows["country"], "gave a column of the type String, and no Boolean one"),
        (lambda _: pl.Series([True, False]), "gave 2 answers about 1 rows"),
        (lambda _: pl.col("nowhere"), "raised ColumnNotFoundError"),
        (lambda rows, other: rows == other, "raised TypeError"),
    ],
)
def test_a_function_that_gives_no_answer_stops_the_job_and_is_named(function, said: str) -> None:
    with pytest.raises(JobStopped) as stopped:
        rows_with(rule_of(function, "country"), ["DE", "", "", "1"])
    fault = stopped.value.fault
    assert (fault.code, fault.details["rule"], fault.retryable) == ("rule-failed", "own-rule", False)
    assert "own-rule" in fault.message
    assert said in fault.message


def test_what_a_function_says_of_a_sensitive_field_is_not_told() -> None:
    kind = kind_of(Field("country", sensitive=True), rules=(rule_of(raising, "country"),))
    with pytest.raises(JobStopped) as stopped:
        checked(kind, [["DE"]])
    assert "raised ValueError (line" in stopped.value.fault.message
    assert "DE" not in stopped.value.fault.message


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        (rule_of(in_order), "/rules/0/fields"),
        (rule_of(in_order, "first", "nowhere"), "/rules/0/fields"),
        (rule_of(in_order, "first", "first"), "/rules/0/fields"),
        (rule_of(in_order, "first"), "/rules/0/then"),
        (rule_of(lambda _: pl.col("first").max() > pl.col("last").max(), "first", "last"), "/rules/0/then"),
        (rule_of(in_order, "first", "last", when="nowhere = 1"), "/rules/0/when"),
        (rule_of(in_order, "first", "last", field="nowhere"), "/rules/0/field"),
        (Rule("own-rule", "price > 1", "m", fields=("price",)), "/rules/0/fields"),
        (Rule("own-rule", 7, "m", fields=("price",)), "/rules/0/then"),  # type: ignore[arg-type]  # that is the fault
    ],
)
def test_a_rule_that_cannot_work_is_found_when_its_kind_is_checked(rule: Rule, pointer: str) -> None:
    with pytest.raises(InvalidDeclaration) as refused:
        check(kind_of(*FIELDS, rules=(rule,)))
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert "own-rule" in str(refused.value)


def test_a_kind_keeps_its_functions_and_shows_their_names() -> None:
    rules = (rule_of(in_order, "first", "last", when="country = 'DE'", field="last"), Rule("sql", "price > 1", "m"))
    kind = normal(kind_of(*FIELDS, rules=rules))
    assert kind.schema.rules == rules
    check(kind)
    assert to_declaration(kind)["rules"] == [
        {
            "code": "own-rule",
            "when": "country = 'DE'",
            "function": "in_order",
            "fields": ["first", "last"],
            "message": "Not as we want it",
            "field": "last",
        },
        {"code": "sql", "then": "price > 1", "message": "m"},
    ]
