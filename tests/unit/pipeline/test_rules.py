"""Rules across fields: what may be written, what it means, and when a row is not judged."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.faults import InvalidDeclaration
from rowferry.domain.schema import Field, FieldType, ImportOptions, Mode, Rule
from rowferry.pipeline import transform
from rowferry.pipeline.conditions import InvalidCondition, condition
from rowferry.pipeline.literals import dtype
from rowferry.pipeline.transform import check
from rows_of import UPSERT, block_of, checked, kind_of

T = FieldType
FIELDS = (
    Field("country"),
    Field("count", T.INTEGER),
    Field("price", T.NUMBER, scale=2, precision=12),
    Field("open", T.NUMBER),
    Field("active", T.BOOLEAN),
    Field("day", T.DATE),
    Field("at", T.DATETIME),
    Field("clock", T.TIME),
    Field("extra", T.OBJECT),
    Field("tax-id"),
)
ROW = (
    "DE",
    7,
    Decimal("1.10"),
    Decimal("12345678901234567890.1"),
    True,
    date(2020, 2, 29),
    datetime(2020, 1, 1, 12, tzinfo=UTC),
    time(9, 30),
    "{}",
    "O'x",
)


def frame_of(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema={field.name: dtype(field) for field in FIELDS}, orient="row")


def answer(sql: str, row: tuple[object, ...] = ROW) -> bool | None:
    return frame_of(row).select(condition(sql, FIELDS).expression.alias("answer"))["answer"][0]


@pytest.mark.parametrize(
    "sql",
    [
        "country = 'DE'",
        "country <> 'ES' AND country != 'es'",
        "NOT country = 'ES'",
        "country IN ('ES', 'DE') and count in (7, -7)",
        "country NOT IN ('ES')",
        "country LIKE 'D%' AND country LIKE '_E' AND country NOT LIKE 'd%'",
        "country LIKE 'DE' AND NOT country LIKE 'D.'",
        "\"tax-id\" = 'O''x'",
        "count BETWEEN 7 AND 8 AND NOT count BETWEEN 8 AND 9 AND count NOT BETWEEN -7 AND 6",
        "count > 6.5 AND -count = -7 AND +count = 7 AND - - count = 7",
        "count * count = 49 AND 2 * count - 1 = 13",
        "count * 9223372036854775807 > 0 AND count + 9223372036854775807 > 9223372036854775807",
        "price = 1.1 AND price = 1.10 AND price < 1.101",
        "price * 3 = 3.30 AND price + price = 2.2 AND price - 0.1 = 1",
        "price / 2 > 0.54 AND price / 2 < 0.56",
        "open > 12345678901234567890.09 AND open = 12345678901234567890.1",
        "active AND active = TRUE AND active <> FALSE AND active IS TRUE AND active IS NOT FALSE",
        "day = '2020-02-29' AND day > '2020-02-28' AND day IN ('2020-02-29') AND day BETWEEN '2020-01-01' AND '2020-12-31'",
        "'2020-01-01' < day",
        "YEAR(day) = 2020 AND MONTH(day) = 2 AND DAY(day) = 29 AND YEAR(at) = 2020",
        "at = '2020-01-01T12:00:00Z' AND at = '2020-01-01T13:00:00+01:00' AND at < '2020-01-01 12:00:00.000001'",
        "clock >= '09:30' AND clock < '09:30:00.5'",
        "LENGTH(country) = 2 AND CHAR_LENGTH(country) < count AND LOWER(country) = 'de' AND UPPER(country) = 'DE' AND TRIM(country) = 'DE'",
        "ABS(-count) = 7 AND ABS(0 - price) = 1.1",
        "COALESCE(country, 'x') = 'DE' AND COALESCE(price, 0) = 1.1 AND COALESCE(count, price) = 7",
        "extra IS NOT NULL AND country IS NOT NULL",
        "(country = 'ES' OR count = 7) AND (count = 7 AND (price = 1.1))",
        "country = 'ES' OR country = 'DE' AND count = 7",
        "NOT (country = 'ES' OR count = 8)",
        "(country = 'DE') = TRUE",
        "country < 'E' AND country >= 'D'",
    ],
)  # fmt: skip
def test_a_condition_means_what_sql_says(sql: str) -> None:
    assert answer(sql) is True
    assert answer(f"NOT ({sql})") is False


NOTHING = (None,) * len(ROW)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("country = 'DE'", None),
        ("NOT country = 'DE'", None),
        ("country IN ('DE')", None),
        ("country NOT IN ('DE')", None),
        ("count + 1 > 0", None),
        ("country IS NULL", True),
        ("country IS NOT NULL", False),
        ("active", None),
        ("active IS TRUE", False),
        ("active IS NOT TRUE", True),
        ("active IS FALSE", False),
        ("country = 'DE' OR country IS NULL", True),
        ("country = 'DE' AND country IS NOT NULL", False),
        ("country = 'DE' AND country IS NULL", None),
        ("COALESCE(country, 'DE') = 'DE'", True),
        ("price / 0 = 1", None),
    ],
)
def test_nothing_is_neither_true_nor_false(sql: str, said: bool | None) -> None:
    assert answer(sql, NOTHING) is said


def test_a_quotient_by_zero_is_nothing_and_stops_nobody() -> None:
    assert answer("price / (count - 7) > 1") is None


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT 1) = 1",
        "country IN (SELECT country FROM x)",
        "EXISTS (SELECT 1) AND active",
        "SUM(count) > 1",
        "COUNT(*) > 1",
        "RANK() OVER (ORDER BY count) = 1",
        "CASE WHEN active THEN TRUE ELSE FALSE END",
        "count = 1; DROP TABLE x",
        "count = 1 -- and so on",
        "count /* */ = 1",
        "CURRENT_DATE > day",
        "RANDOM() > count",
        "country = NULL",
        "country IN (NULL)",
        "country IN (country)",
        "country IN ()",
        "country || 'x' = 'y'",
        "country::int = 1",
        "CAST(count AS TEXT) = '1'",
        "country ILIKE 'd%'",
        "country SIMILAR TO 'd'",
        "country ~ '.*'",
        "country LIKE country",
        "count LIKE '7'",
        "count = 1e3",
        "count = 7a",
        "count = 'x'",
        "country = 5",
        "country > price",
        "day = '2020-13-01'",
        "day = 'tomorrow'",
        "at = 'noon'",
        "extra = '{}'",
        "nobody = 1",
        "Country = 'DE'",
        "things.country = 'DE'",
        "count",
        "count + 1",
        "'DE'",
        "TRUE",
        "1 = 1",
        "",
        "   ",
        "country =",
        "= 'DE'",
        "country = 'DE' AND",
        "country = 'DE' country",
        "(country = 'DE'",
        "country = 'DE')",
        "country = 'DE",
        'country = "DE"',
        "NOT",
        "country NOT 'x'",
        "country IS 'x'",
        "active + 1 = 2",
        "LENGTH(count) = 1",
        "LENGTH(country, 2) = 1",
        "LENGTH() = 1",
        "count BETWEEN 1",
        "open + 1 > 0",
        "price * price * price * price > 0",
        "count * count * count > 0",
        "COALESCE(open, 1234567890123456789012) > 0",
        "count = 123456789012345678901234567890123456789",
        "(" * 40 + "active" + ")" * 40,
        "active BETWEEN FALSE AND TRUE",
        "(" * 22 + "active" + " BETWEEN FALSE AND TRUE)" * 22,
        "price" + " / price" * 200 + " > 1",
        " OR ".join(["count = 12345"] * 500),
        "country = 'DE\0' \0",
    ],
)
def test_what_is_not_on_the_list_is_refused(sql: str) -> None:
    with pytest.raises(InvalidCondition):
        condition(sql, FIELDS)


def test_a_refusal_does_not_repeat_what_a_condition_grew_to() -> None:
    with pytest.raises(InvalidCondition) as refused:
        condition("price" + " / price" * 200 + " > 1", FIELDS)
    assert str(refused.value) == "is nested too deep"


def test_the_longest_condition_that_is_taken_can_be_judged() -> None:
    assert answer(" OR ".join([*["count = 1"] * 140, "count = 7"])) is True
    assert answer("(" * 20 + "active" + ")" * 20) is True


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.decimals(Decimal("-9999999999.99"), Decimal("9999999999.99"), places=2),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=50, deadline=None)
def test_arithmetic_is_exact_and_never_overflows(rows: list[tuple[int | None, Decimal | None]]) -> None:
    fields = (Field("count", T.INTEGER), Field("price", T.NUMBER, scale=2, precision=12))
    sql = "count * price + count - 1.5 * price > 2 * count OR ABS(count) * 3 = price"
    frame = pl.DataFrame(rows, schema={field.name: dtype(field) for field in fields}, orient="row")
    said = frame.select(condition(sql, fields).expression.alias("answer"))["answer"].to_list()
    assert said == [
        None if count is None or price is None else count * price + count - Decimal("1.5") * price > 2 * count or abs(count) * 3 == price
        for count, price in rows
    ]  # fmt: skip


# Rules ----------------------------------------------------------------------------------------------------------------

COUNTRY, TAX = Field("country"), Field("tax", T.INTEGER)


def broken(rule: Rule, *rows: list[str], fields: tuple[Field, ...] = (COUNTRY, TAX)) -> list[int]:
    return [issue.row for issue in checked(kind_of(*fields, rules=(rule,)), rows).issues if issue.code == rule.code]


def test_a_rule_says_nothing_where_its_condition_is_not_met_or_unknown() -> None:
    rule = Rule("needs-tax", "tax IS NOT NULL", "A tax id, please.", when="country = 'DE'")
    assert broken(rule, ["DE", ""], ["ES", ""], ["", ""], ["DE", "1"]) == [1]


def test_a_rule_whose_demand_is_unknown_is_broken() -> None:
    assert broken(Rule("positive", "tax > 0", "Positive."), ["", ""], ["", "1"], ["", "-1"]) == [1, 3]
    assert broken(Rule("positive", "tax > 0 OR tax IS NULL", "Positive."), ["", ""], ["", "-1"]) == [2]


def test_a_row_is_not_judged_by_a_rule_about_a_cell_that_could_not_be_read() -> None:
    rule = Rule("positive", "tax > 0", "Positive.", field="tax")
    kind = kind_of(COUNTRY, TAX, rules=(rule,))
    assert [(issue.row, issue.code) for issue in checked(kind, [["", "x"], ["", "0"]]).issues] == [
        (1, "type-error"),
        (2, "positive"),
    ]


def test_a_row_is_not_judged_by_a_rule_about_a_required_cell_that_is_empty() -> None:
    rule = Rule("needs-tax", "tax IS NOT NULL", "A tax id, please.", when="country = 'DE'")
    kind = kind_of(COUNTRY, Field("tax", T.INTEGER, required=True), rules=(rule,))
    assert [issue.code for issue in checked(kind, [["DE", ""]]).issues] == ["required"]


def test_a_field_that_the_file_does_not_have_is_empty_to_a_rule() -> None:
    kind = kind_of(COUNTRY, TAX, rules=(Rule("needs-tax", "tax IS NOT NULL", "A tax id, please.", field="tax"),))
    plan = transform.compile(kind, ("Country",), ((0, "country"),), UPSERT)
    (issue,) = plan.apply(block_of([["DE"]], 1)).issues
    assert (issue.field, issue.column, issue.value, issue.message) == ("tax", None, None, "A tax id, please.")


def test_an_issue_of_a_rule_has_its_code_and_sentence_and_the_cell_that_it_blames() -> None:
    rule = Rule("small", "tax < 5", "At most {4}, not more.", field="tax")
    issues = checked(
        kind_of(COUNTRY, TAX, rules=(rule, Rule("odd", "country IS NULL", "No country."))), [["DE", "9"]]
    ).issues
    assert [(issue.code, issue.field, issue.column, issue.value, issue.message) for issue in issues] == [
        ("small", "tax", "Tax", "9", "At most {4}, not more."),
        ("odd", None, None, None, "No country."),
    ]


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        (Rule("a", "nobody = 1", "x"), "/rules/0/then"),
        (Rule("a", "tax = 1", "x", when="tax ="), "/rules/0/when"),
        (Rule("a", "tax = 1", "x", field="nobody"), "/rules/0/field"),
        (Rule("required", "tax = 1", "x"), "/rules/0/code"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_found_when_the_kind_is_declared(rule: Rule, pointer: str) -> None:
    with pytest.raises(InvalidDeclaration) as refused:
        check(kind_of(COUNTRY, TAX, rules=(rule,)))
    assert [one.pointer for one in refused.value.errors] == [pointer]


@pytest.mark.parametrize(("mode", "broken"), [(Mode.UPSERT, True), (Mode.CREATE, True), (Mode.UPDATE, False)])
def test_an_update_is_not_held_to_a_rule_about_what_the_file_does_not_bring(mode: Mode, broken: bool) -> None:
    rule = Rule("tax", "tax_id IS NOT NULL", "A tax id is needed", "country = 'DE'")
    kind = kind_of(Field("country"), Field("tax_id"), rules=(rule,))
    plan = transform.compile(kind, ("country",), ((0, "country"),), ImportOptions(mode))
    assert [issue.code for issue in plan.apply(block_of([["DE"]], 1)).issues] == (["tax"] if broken else [])
