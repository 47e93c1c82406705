"""Cells become values or issues, exactly, and as an independent reader says."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowferry.domain.faults import MASK, InvalidDeclaration
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Mode, Normalization, Rule
from rowferry.pipeline import transform
from rowferry.pipeline.checked import Checked
from rowferry.pipeline.transform import check, default_faults
from rowferry.ports import Block
from rows_of import UPSERT, block_of, blocks_of, checked, kind_of, message_of, read
from slow_reader import read_rows

T = FieldType
NO_NUMBER = "type-error"


def with_option(**options: object) -> ImportOptions:
    return replace(UPSERT, **options)


# Empty cells and texts ------------------------------------------------------------------------------------------------


def test_a_missing_value_is_empty_whatever_the_type() -> None:
    kind = kind_of(Field("name"), Field("count", T.INTEGER), missing_values=("", "n/a"))
    frame = checked(kind, [["n/a", ""], ["", "n/a"], ["x", "1"]]).frame
    assert frame.rows() == [(None, None, 1), (None, None, 2), ("x", 1, 3)]


def test_a_missing_value_with_spaces_around_it_is_empty_only_when_the_field_trims() -> None:
    trimmed, plain = Field("a", normalize=(Normalization.TRIM,)), Field("b")
    kind = kind_of(trimmed, plain, missing_values=("", "n/a"))
    assert checked(kind, [[" n/a ", " n/a "], ["  ", "  "]]).frame.drop("_row").rows() == [
        (None, " n/a "),
        (None, "  "),
    ]


def test_a_missing_value_that_has_spaces_itself_is_found_in_a_field_that_trims() -> None:
    kind = kind_of(Field("a", normalize=(Normalization.TRIM,)), missing_values=(" - ",))
    assert checked(kind, [[" - "], ["-"], [""]]).frame["a"].to_list() == [None, "-", ""]


def test_an_empty_text_stays_a_text_where_empty_is_no_missing_value() -> None:
    kind = kind_of(Field("a", required=True), missing_values=("NULL",))
    found = checked(kind, [[""], ["NULL"]])
    assert found.frame["a"].to_list() == ["", None]
    assert [(issue.row, issue.code) for issue in found.issues] == [(2, "required")]


def test_an_empty_required_cell_is_told_as_that_and_nothing_else() -> None:
    assert read(Field("a", T.INTEGER, required=True, minimum="5"), "", "7") == ["required", 7]


def test_text_is_normalised_in_one_order_however_it_is_declared() -> None:
    steps = (Normalization.LOWERCASE, Normalization.NFC, Normalization.COLLAPSE_SPACES, Normalization.TRIM)
    assert read(Field("a", normalize=steps), "  E\u0301t\u00a0\t E ") == ["ét e"]


def test_text_is_left_as_it_is_when_nothing_is_declared() -> None:
    assert read(Field("a"), " 'x' \x1c\x1f\r\n ", "007", "1e5") == [" 'x' \x1c\x1f\r\n ", "007", "1e5"]


def test_a_nul_is_refused_because_no_column_of_text_holds_it() -> None:
    found = checked(kind_of(Field("a")), [["x\0y"]])
    assert found.issues[0].code == "type-error"
    assert found.issues[0].message == "x\ufffdy is no string: it holds a NUL character."
    assert "\0" not in found.issues[0].record


def test_texts_of_the_file_are_mapped_to_values_before_they_are_checked() -> None:
    field = Field("a", values=(("Germany", "DE"), ("Spain", "ES")), enum=("DE", "ES"), normalize=(Normalization.TRIM,))
    assert read(field, " Germany ", "ES", "germany") == ["DE", "ES", "enum"]


def test_mapped_values_of_a_number_are_written_as_the_declaration_writes_them() -> None:
    field = Field("a", T.NUMBER, decimal_char=",", scale=1, precision=5, values=(("none", "0.5"),))
    assert read(field, "none", "1,5", "0.5") == [Decimal("0.5"), Decimal("1.5"), NO_NUMBER]


# Defaults and required fields -----------------------------------------------------------------------------------------


def brought(kind: ImportKind, names: str, rows: list[list[str]], **options: object) -> Checked:
    """Rows of a file with these columns."""
    block, columns = block_of(rows, len(names.split())), names.split()
    mapping = tuple((at, name.lower()) for at, name in enumerate(columns))
    return transform.compile(kind, tuple(columns), mapping, with_option(**options), lambda: [block]).apply(block)


def test_a_default_stands_where_a_row_has_no_value_be_the_column_there_or_not() -> None:
    trimmed = (Normalization.TRIM, Normalization.UPPERCASE)
    kind = kind_of(Field("a", normalize=trimmed), Field("b", T.DATE), Field("c"), missing_values=("", "n/a"))
    rows = [["x", ""], [" n/a ", "2020-01-02"], ["", "n/a"]]
    defaults = (("a", " d "), ("b", "2026-01-31"), ("c", "new"))
    found = brought(kind, "A B", rows, defaults=defaults)
    assert found.frame.drop("_row").rows() == [
        ("X", date(2026, 1, 31), "new"),
        ("D", date(2020, 1, 2), "new"),
        ("D", date(2026, 1, 31), "new"),
    ]
    assert list(found.issues) == []
    assert found.raw(1) == b" n/a ;2020-01-02"


def test_a_default_satisfies_what_is_required_and_is_checked_like_a_cell() -> None:
    kind = kind_of(Field("a"), Field("n", T.INTEGER, required=True, maximum="5"), Field("m", T.INTEGER, required=True))
    assert list(brought(kind, "A N", [["x", ""]], defaults=(("n", "5"), ("m", "1"))).issues) == []
    found = brought(kind, "A N", [["x", ""], ["y", "4"]], defaults=(("n", "7"), ("m", "x")))
    assert [(one.row, one.field, one.column, one.code, one.value) for one in found.issues] == [
        (1, "n", "N", "out-of-range", "7"),
        (1, "m", None, "type-error", "x"),
        (2, "m", None, "type-error", "x"),
    ]


def test_a_default_is_seen_by_rules_also_in_an_update() -> None:
    kind = kind_of(Field("a"), Field("b"), rules=(Rule("same", "a = b", "They differ."),))
    found = brought(kind, "A", [["x"], ["y"]], defaults=(("b", "x"),), mode=Mode.UPDATE)
    assert [(issue.row, issue.code) for issue in found.issues] == [(2, "same")]


def test_a_default_number_is_read_as_the_column_tells_and_tells_like_its_cells() -> None:
    kind = kind_of(Field("a", T.NUMBER, scale=3), Field("b"))
    assert brought(kind, "A B", [["", ""], ["2,5", ""]], defaults=(("a", "1.234"),)).frame["a"][0] == Decimal(1234)
    assert brought(kind, "A B", [["", ""], ["1.234", ""]], defaults=(("a", "0,5"),)).frame["a"][1] == Decimal(1234)
    assert brought(kind, "B", [[""]], defaults=(("a", "0,5"),)).frame["a"][0] == Decimal("0.5")


def test_an_import_may_require_more_than_the_kind() -> None:
    kind = kind_of(Field("a"), Field("b", T.INTEGER))
    found = brought(kind, "A B", [["x", ""], ["", "1"], ["y", "2"]], required=("a", "b"))
    assert [(one.row, one.field, one.code) for one in found.issues] == [(1, "b", "required"), (2, "a", "required")]


def test_a_block_without_rows_stays_one_without_rows_where_a_default_brings_a_field() -> None:
    found = brought(kind_of(Field("a"), Field("b")), "A", [], defaults=(("b", "x"),))
    assert found.frame.schema.names() == ["a", "b", "_row"]
    assert found.frame.height == 0


def test_defaults_that_can_be_no_value_of_their_field_are_told_before_any_row() -> None:
    kind = kind_of(
        Field("code", pattern="[A-Z]+"),
        Field("n", T.INTEGER),
        Field("day", T.DATE),
        Field("sum", T.NUMBER, scale=2),
        Field("kind", enum=("x", "y"), values=(("ex", "x"),)),
        rules=(Rule("never", "1 = 2", "Never."),),
    )
    good = (("code", "A"), ("n", "1"), ("day", "2020-01-31"), ("sum", "1.234"), ("kind", "ex"))
    assert default_faults(kind, with_option(defaults=good)) == ()
    bad = (("code", "a"), ("n", "1.5"), ("day", "01/02/2020"), ("sum", "1e3"), ("kind", "z"))
    assert [(one.pointer, one.detail) for one in default_faults(kind, with_option(defaults=bad))] == [
        ("/options/defaults/code", "a does not match the pattern [A-Z]+."),
        ("/options/defaults/n", "1.5 is no integer."),
        ("/options/defaults/day", "01/02/2020 could be two dates. State the option date_order."),
        ("/options/defaults/sum", "1e3 is no number."),
        ("/options/defaults/kind", "z is not one of the allowed values: x, y."),
    ]
    stated = with_option(defaults=(("day", "01/02/2020"),), date_order="dmy")
    assert default_faults(kind, stated) == ()


def test_a_row_with_several_faults_has_an_issue_for_each() -> None:
    kind = kind_of(
        Field("a", T.INTEGER, required=True),
        Field("b", pattern="[a-z]+", max_length=2, enum=("x",)),
        Field("c", T.DATE),
        Field("d"),
        rules=(Rule("no-d", "d IS NOT NULL", "D.", field="d"), Rule("a-small", "a < 5", "A.", field="a")),
    )
    assert [(one.field, one.code) for one in checked(kind, [["", "ABC", "1.1.", ""]]).issues] == [
        ("a", "required"),
        ("b", "pattern"),
        ("b", "too-long"),
        ("b", "enum"),
        ("c", "type-error"),
        ("d", "no-d"),
    ]


# Integers -------------------------------------------------------------------------------------------------------------


def test_integers_are_digits_with_a_sign_and_never_pass_through_a_float() -> None:
    texts = ["007", "+7", "-0", "9007199254740993", "1.0", "1e3", " 7", "7 ", "0x1f", "1_000", "٣", "--7", "+", "1,000"]
    assert read(Field("a", T.INTEGER), *texts) == [7, 7, 0, 9007199254740993, *[NO_NUMBER] * 10]


def test_an_integer_of_more_than_64_bits_is_out_of_range() -> None:
    texts = ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "9" * 400]
    assert read(Field("a", T.INTEGER), *texts) == [2**63 - 1, "out-of-range", -(2**63), "out-of-range"]


def test_groups_of_an_integer_are_read_by_the_declared_sign_in_threes_only() -> None:
    texts = ["1.234.567", "12.34", "1234", ".123", "1.2345", "-1.000"]
    assert read(Field("a", T.INTEGER, group_char="."), *texts) == [
        1234567,
        NO_NUMBER,
        1234,
        NO_NUMBER,
        NO_NUMBER,
        -1000,
    ]


def test_a_stated_decimal_sign_makes_the_other_sign_part_groups() -> None:
    assert read(Field("a", T.INTEGER), "1.234", options=with_option(decimal_sign=",")) == [1234]
    assert read(Field("a", T.INTEGER), "1.234", options=with_option(decimal_sign=".")) == [NO_NUMBER]


def test_words_around_a_number_are_left_out_only_where_the_field_says_so_and_never_its_sign() -> None:
    loose = Field("a", T.INTEGER, bare_number=False)
    texts = ["€ 95", "95 %", "-95 kg", "(95)", "\u221295", "95-", "9 5", "EUR"]
    assert read(loose, *texts) == [95, 95, -95, *[NO_NUMBER] * 5]
    assert read(Field("a", T.INTEGER), "95 %") == [NO_NUMBER]


# Decimals -------------------------------------------------------------------------------------------------------------

MONEY = Field("a", T.NUMBER, scale=2, precision=9)


def test_decimals_are_never_rounded_and_zeros_beyond_the_scale_lose_nothing() -> None:
    texts = ["1.5", "1.50", "1.500", "1.015", "0.005", ".5", "5.", "+1", "-0.10"]
    values = (
        [Decimal("1.50")] * 3
        + ["too-precise"] * 2
        + [Decimal("0.50"), Decimal("5.00"), Decimal("1.00"), Decimal("-0.10")]
    )
    assert read(MONEY, *texts) == values
    assert message_of(MONEY, "0.015") == "0.015 has more than 2 decimals. Round it yourself; we do not."


def test_exponents_and_words_are_no_decimals() -> None:
    assert read(MONEY, "1e3", "NaN", "INF", "-", ".", "1.2.3", "0x10", "1_0", " 1") == [NO_NUMBER] * 9


def test_a_decimal_with_too_many_digits_is_out_of_range() -> None:
    assert read(MONEY, "9999999.99", "10000000", "0000000001.00") == [Decimal("9999999.99"), "out-of-range", Decimal(1)]


def test_a_number_without_a_scale_keeps_eighteen_decimals() -> None:
    field = Field("a", T.NUMBER)
    assert read(field, "0.123456789012345678", "0.1234567890123456789", "9" * 21) == [
        Decimal("0.123456789012345678"),
        "too-precise",
        "out-of-range",
    ]


def test_a_number_that_can_be_read_in_two_ways_is_not_read_where_its_column_tells_nothing() -> None:
    texts = ["1.234", "-12,345", "999.000", "7", "", "x"]
    assert read(MONEY, *texts) == [*["number-ambiguous"] * 3, Decimal(7), None, NO_NUMBER]
    assert message_of(MONEY, "1,234") == "1,234 could be two numbers. State the option decimal_sign."


@pytest.mark.parametrize("telling", ["13,75", "0,021", ",5", "5,", "1.234,5", "1.234.567", "1234,567"])
def test_a_cell_that_can_be_read_in_one_way_only_tells_how_its_column_is_read(telling: str) -> None:
    field = Field("a", T.NUMBER, scale=4)
    mirrored = telling.translate(str.maketrans(".,", ",."))
    assert read(field, "-1.000", telling)[0] == Decimal(-1000)
    assert read(field, "-1,000", mirrored)[0] == Decimal(-1000)
    assert read(field, "-1.000", mirrored)[0] == Decimal(-1)
    assert read(field, "-1,000", telling)[0] == Decimal(-1)


def test_a_cell_that_breaks_what_the_field_demands_tells_all_the_same() -> None:
    assert read(replace(MONEY, maximum="5"), "1.234", "1,23456", "7,5") == [
        "out-of-range",
        "too-precise",
        "out-of-range",
    ]


def test_a_column_whose_cells_contradict_each_other_tells_nothing() -> None:
    texts = ["1,5", "1.5", "1.234", "1,234", "1.234,5", "1,234,567", "1.234.567", "8"]
    ambiguous = ["number-ambiguous"] * 2
    assert read(MONEY, *texts) == [NO_NUMBER, Decimal("1.5"), *ambiguous, *[NO_NUMBER] * 3, Decimal(8)]
    found = checked(kind_of(MONEY), [["1,5"], ["1.5"]])
    assert [issue.message for issue in found.issues] == [
        "1,5 is no number: other cells of its column have a decimal point. State the option decimal_sign."
    ]


def test_what_a_column_tells_is_the_same_for_every_block_of_the_file_and_is_asked_once_and_only_where_needed() -> None:
    kind = kind_of(Field("a", T.NUMBER, scale=2), Field("b", T.NUMBER, scale=2), Field("c", T.NUMBER, scale=2))
    passes = list[int]()

    def values(rows: list[list[str]], size: int) -> list[tuple[object, ...]]:
        def whole() -> list[Block]:
            passes.append(size)
            return list(blocks_of(rows, 3, size))

        plan = transform.compile(kind, ("a", "b", "c"), ((0, "a"), (1, "b"), (2, "c")), UPSERT, whole)
        return [row for block in whole() for row in plan.apply(block).frame.drop("_row").rows()]

    rows = [["1", "1.5", "1,25"], ["1.000", "1,000", "2"], ["1,000", "3", "2.000"], ["2,5", "4", "4"], ["3", "5", "5"]]
    told = values(rows, 1)
    assert told[1:3] == [(Decimal(1000), Decimal(1000), Decimal(2)), (Decimal(1), Decimal(3), Decimal(2000))]
    assert told == values(rows, 2) == values(rows, 100)
    assert passes == [1, 1, 2, 2, 100, 100]
    passes.clear()
    values([["1.5", "x", "12"], ["-0.25", "1234.567", "9" * 30]], 1)
    assert passes == [1]


def test_a_text_that_the_field_maps_to_a_value_tells_nothing() -> None:
    field = replace(MONEY, values=(("0,0", "0"),))
    assert read(field, "0,0", "1.234") == [Decimal(0), "number-ambiguous"]


def test_words_around_a_number_do_not_hide_what_it_tells() -> None:
    assert read(replace(MONEY, bare_number=False), "1.234 EUR", "€ 1,5") == [Decimal(1234), Decimal("1.5")]


@pytest.mark.parametrize(
    "declared", [{"decimal_char": "."}, {"decimal_char": ",", "group_char": "."}, {"group_char": " "}]
)
def test_a_sign_that_is_declared_is_not_asked_of_the_column(declared: dict[str, str]) -> None:
    read_ = read(replace(MONEY, scale=3, **declared), "1.234", "0,5")
    expected = {",": [Decimal(1234), Decimal("0.5")]}
    assert read_ == expected.get(declared.get("decimal_char", "."), [Decimal("1.234"), NO_NUMBER])


@pytest.mark.parametrize(
    ("sign", "texts"),
    [(",", ["1.234,56", "1234,56", "1.234", "1,23"]), (".", ["1,234.56", "1234.56", "1,234", "1.23"])],
)
def test_the_remedy_of_an_ambiguous_number_reads_it(sign: str, texts: list[str]) -> None:
    values = [Decimal("1234.56"), Decimal("1234.56"), Decimal(1234), Decimal("1.23")]
    assert read(MONEY, *texts, options=with_option(decimal_sign=sign)) == values


def test_no_group_begins_with_a_zero() -> None:
    assert read(MONEY, "0,021", "0,500.5", options=with_option(decimal_sign=".")) == [NO_NUMBER] * 2
    assert read(Field("a", T.INTEGER, group_char="."), "0.021", "012.345") == [NO_NUMBER] * 2


def test_declared_signs_are_exact() -> None:
    field = replace(MONEY, decimal_char=",", group_char="'")
    texts = ["1'234,5", "1234,5", "1.234", "1234.5", "12'34,5", "1'234'567", "1,2'345"]
    assert read(field, *texts) == [Decimal("1234.5")] * 2 + [NO_NUMBER] * 3 + [Decimal(1234567), NO_NUMBER]


def test_bounds_are_compared_exactly_even_where_they_have_more_decimals_than_the_field() -> None:
    field = replace(MONEY, minimum="0.105", maximum="0.999999")
    assert read(field, "0.10", "0.11", "0.99", "1.00") == [
        "out-of-range",
        Decimal("0.11"),
        Decimal("0.99"),
        "out-of-range",
    ]
    assert message_of(field, "5") == "5 is not within 0.105 to 0.999999."


def test_bounds_beyond_what_a_column_holds_are_always_or_never_kept() -> None:
    field = replace(MONEY, minimum="-99999999999", maximum="99999999999")
    assert read(field, "-1", "1") == [Decimal(-1), Decimal(1)]
    assert read(replace(MONEY, minimum="99999999999"), "1", "") == ["out-of-range", None]


# Booleans, enumerations, formats, lengths, patterns ---------------------------------------------------------------------


def test_booleans_are_the_declared_words_only() -> None:
    field = Field("a", T.BOOLEAN, true_values=("yes", "1"), false_values=("no",))
    assert read(field, "yes", "1", "no", "Yes", "0", " no") == [True, True, False, *["type-error"] * 3]
    assert message_of(field, "0") == "0 is no boolean: write one of yes, 1, no."


def test_an_enumeration_of_numbers_and_dates_is_of_values_not_of_texts() -> None:
    assert read(Field("a", T.INTEGER, enum=("1", "7")), "007", "+1", "2") == [7, 1, "enum"]
    assert read(Field("a", T.NUMBER, scale=2, enum=("1.5",)), "1.50", "1.51") == [Decimal("1.50"), "enum"]
    assert read(Field("a", T.DATE, format="%d.%m.%Y", enum=("2020-02-01",)), "01.02.2020", "02.02.2020") == [
        date(2020, 2, 1),
        "enum",
    ]


def test_a_long_enumeration_is_not_told_whole() -> None:
    assert message_of(Field("a", enum=tuple(f"v{n}" for n in range(30))), "x").endswith("v18, v19, ….")


@pytest.mark.parametrize(
    "text",
    ["a@b.co", "ana.maria+x@sub.example.org", "ñ@exämple.de", "o'brien@x-y.com", "a@xn--bcher-kva.example", "0@1.2"],
)
def test_an_address_that_people_have_is_an_email(text: str) -> None:
    assert read(Field("a", format="email"), text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@b..co",
        "a@.co",
        "a@b.co.",
        "a b@c.de",
        "a@b@c.de",
        "a@b c.de",
        "<a@b.co>",
        "a@-b.co",
        "a@b-.co",
        "a,b@c.de",
        "a@b.co\n",
    ],
)
def test_a_text_that_is_no_address_breaks_the_format(text: str) -> None:
    assert read(Field("a", format="email"), text) == ["format"]


def test_uris_and_uuids_are_told_by_their_shape_and_left_as_they_are() -> None:
    uris = [
        "https://example.org/a?b=c#d",
        "mailto:a@b.co",
        "urn:isbn:0",
        "no scheme",
        "http://a b",
        "://x",
        "1http://x",
        "http:",
    ]
    assert read(Field("a", format="uri"), *uris) == [*uris[:3], *["format"] * 5]
    uuids = [
        "0D4F6E8A-1111-4222-8333-444455556666",
        "0d4f6e8a11114222833344445555666",
        "{0d4f6e8a-1111-4222-8333-444455556666}",
    ]
    assert read(Field("a", format="uuid"), *uuids) == [uuids[0], "format", "format"]
    assert message_of(Field("a", format="uuid"), "x") == "x is no UUID."


def test_lengths_count_characters_not_bytes() -> None:
    field = Field("a", min_length=2, max_length=3)
    assert read(field, "é", "éé", "ééé", "éééé", "e\u0301", "💥💥") == [
        "too-short",
        "éé",
        "ééé",
        "too-long",
        "e\u0301",
        "💥💥",
    ]
    assert message_of(field, "éééé") == "The value has 4 characters, at most 3 are allowed."


def test_a_pattern_matches_the_whole_value() -> None:
    field = Field("a", pattern="[0-9]{3}|x")
    assert read(field, "123", "x", "1234", "0123", "123\n", "xx") == ["123", "x", *["pattern"] * 4]


def test_a_pattern_that_switches_line_mode_on_still_matches_the_whole_value() -> None:
    assert read(Field("a", pattern="(?m)a$"), "a", "a\nb") == ["a", "pattern"]


def test_a_hostile_pattern_takes_no_time() -> None:
    assert read(Field("a", pattern="(x+x+)+y"), *["x" * 5_000] * 50) == ["pattern"] * 50


def test_every_fault_of_a_row_is_told_in_the_order_of_the_fields() -> None:
    kind = kind_of(
        Field("first", required=True),
        Field("second", T.INTEGER),
        Field("third", pattern="[a-z]+", max_length=3, enum=("abc",)),
    )
    found = checked(kind, [["", "x", "12345"], ["a", "1", "abc"], ["b", "", "ABC"]])
    assert [(issue.row, issue.field, issue.code) for issue in found.issues] == [
        (1, "first", "required"),
        (1, "second", "type-error"),
        (1, "third", "pattern"),
        (1, "third", "too-long"),
        (1, "third", "enum"),
        (3, "third", "pattern"),
        (3, "third", "enum"),
    ]
    assert found.ok.to_list() == [False, True, False]


# Dates ----------------------------------------------------------------------------------------------------------------

DATE, ANY = Field("a", T.DATE), Field("a", T.DATE, format="any")


def test_a_date_is_iso_and_nothing_near_it() -> None:
    texts = [
        "2020-02-29",
        "2021-02-29",
        "2020-2-1",
        "20200201",
        " 2020-02-01",
        "2020-02-01 ",
        "+2020-02-01",
        "2020-02-01T00:00:00Z",
        "0000-01-01",
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
    ]
    good = {0: date(2020, 2, 29), 9: date(1, 1, 1), 10: date(9999, 12, 31)}
    assert read(DATE, *texts) == [good.get(n, "type-error") for n in range(len(texts))]


def test_a_date_that_could_be_two_is_ambiguous_whatever_the_signs_between() -> None:
    texts = ["03/04/2025", "3.4.2025", "03-04-2025", "03/04/25"]
    assert read(DATE, *texts) == read(ANY, *texts) == ["date-ambiguous"] * 4
    assert message_of(DATE, "03/04/2025") == "03/04/2025 could be two dates. State the option date_order."


@pytest.mark.parametrize("field", [DATE, ANY])
def test_the_remedy_of_an_ambiguous_date_reads_it(field: Field) -> None:
    texts = ["03/04/2025", "3.4.2025", "03-04-2025", "2025-04-03"]
    april = date(2025, 4, 3)
    assert read(field, *texts, options=with_option(date_order="dmy")) == [april] * 4
    assert read(field, *texts, options=with_option(date_order="mdy")) == [date(2025, 3, 4)] * 3 + [april]
    assert read(field, "2025/4/3", *texts[:1], options=with_option(date_order="ymd")) == [april, "type-error"]


def test_a_date_that_can_be_one_only_is_read_by_a_field_that_takes_any_and_refused_with_the_remedy_by_others() -> None:
    texts = ["13/04/2025", "04/13/2025", "2025/04/13", "03/03/2025", "30/02/2025", "13/13/2025"]
    assert read(ANY, *texts) == [date(2025, 4, 13)] * 3 + [date(2025, 3, 3), "type-error", "type-error"]
    assert read(DATE, *texts) == ["type-error"] * 6
    assert message_of(DATE, texts[0]) == "13/04/2025 is no date: write it as YYYY-MM-DD or state the option date_order."


def test_a_year_of_two_digits_has_no_century() -> None:
    options = with_option(date_order="dmy")
    assert read(ANY, "03/04/25", options=options) == ["type-error"]
    assert message_of(DATE, "31/12/99", options) == "31/12/99 is no date: write the year with four digits."
    assert read(DATE, "32/32/99") == ["type-error"]


def test_a_declared_pattern_is_exact_and_no_order_changes_it() -> None:
    field = Field("a", T.DATE, format="%d/%m/%Y")
    texts = ["01/02/1990", "1/2/1990", " 01/02/1990", "01/02/90", "31/02/1990", "1990-02-01"]
    assert read(field, *texts, options=with_option(date_order="mdy")) == [date(1990, 2, 1), *["type-error"] * 5]
    assert message_of(field, "31/02/1990") == "31/02/1990 is no date: the pattern is %d/%m/%Y."


def test_a_pattern_may_have_names_of_months_and_plain_text() -> None:
    assert read(Field("a", T.DATE, format="%d. %b %Y (x)"), "03. Apr 2025 (x)", "03. Apr 2025 x") == [
        date(2025, 4, 3),
        "type-error",
    ]
    assert read(Field("a", T.DATE, format="%Y.%j"), "2025.032", "2025.366", "2025x032") == [
        date(2025, 2, 1),
        *["type-error"] * 2,
    ]


def test_bounds_of_dates_are_those_dates() -> None:
    field = replace(DATE, minimum="1900-01-01", maximum="2025-12-31")
    assert read(field, "1899-12-31", "1900-01-01", "2025-12-31", "2026-01-01") == [
        "out-of-range",
        date(1900, 1, 1),
        date(2025, 12, 31),
        "out-of-range",
    ]


# Instants and times ---------------------------------------------------------------------------------------------------

INSTANT = Field("a", T.DATETIME)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]  # microseconds and less


def test_an_instant_is_kept_in_utc_to_the_microsecond() -> None:
    texts = [
        "2020-01-02T03:04:05Z",
        "2020-01-02T03:04:05+02:00",
        "2020-01-02T03:04:05+0200",
        "2020-01-02T03:04:05-05",
        "2020-01-02 03:04Z",
        "2020-01-02T03:04:05.123456Z",
        "2020-01-02T03:04:05,5+00:00",
        "2020-01-02T03:04:05.123456000Z",
        "3000-01-01T00:00:00Z",
    ]
    assert read(INSTANT, *texts) == [
        at(2020, 1, 2, 3, 4, 5),
        at(2020, 1, 2, 1, 4, 5),
        at(2020, 1, 2, 1, 4, 5),
        at(2020, 1, 2, 8, 4, 5),
        at(2020, 1, 2, 3, 4),
        at(2020, 1, 2, 3, 4, 5, 123456),
        at(2020, 1, 2, 3, 4, 5, 500000),
        at(2020, 1, 2, 3, 4, 5, 123456),
        at(3000, 1, 1),
    ]


def test_what_is_no_instant_is_refused_and_not_made_one() -> None:
    texts = [
        "2020-01-02T23:59:60Z",
        "2020-01-02T24:00:00Z",
        "2020-01-02",
        "2020-02-30T00:00:00Z",
        "2020-01-02T03:04:05+24:00",
        "2020-01-02T3:04:05Z",
        "2020-01-02t03:04:05Z",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        "2020-01-02  03:04:05Z",
        "2020-01-02T03Z",
    ]
    assert read(INSTANT, *texts) == ["type-error"] * len(texts)


def test_parts_of_a_microsecond_are_too_precise() -> None:
    assert read(INSTANT, "2020-01-02T03:04:05.1234567Z") == ["too-precise"]


def test_a_time_without_a_zone_is_that_of_the_fields_clocks_or_none() -> None:
    assert read(INSTANT, "2020-07-01T12:00:00") == ["type-error"]
    assert message_of(INSTANT, "2020-07-01T12:00") == "2020-07-01T12:00 is no datetime: it names no time zone."
    berlin = replace(INSTANT, timezone="Europe/Berlin")
    texts = [
        "2020-07-01T12:00:00",
        "2020-01-01 12:00",
        "2020-07-01T12:00:00Z",
        "2024-03-31T02:30:00",
        "2024-10-27T02:30:00",
    ]
    assert read(berlin, *texts) == [
        at(2020, 7, 1, 10),
        at(2020, 1, 1, 11),
        at(2020, 7, 1, 12),
        "type-error",
        "type-error",
    ]
    assert message_of(berlin, texts[3]).endswith("is no datetime: the clocks of Europe/Berlin never show it, or twice.")


def test_the_clocks_of_a_zone_are_right_in_every_century() -> None:
    texts = [
        "1905-01-01T12:00",
        "2099-07-01T12:00",
        "2100-07-01T12:00",
        "2100-01-01T12:00",
        "2150-03-29T02:30",
        "2150-10-25T02:30",
    ]
    values = [
        at(1905, 1, 1, 11),
        at(2099, 7, 1, 10),
        at(2100, 7, 1, 10),
        at(2100, 1, 1, 11),
        "type-error",
        "type-error",
    ]
    assert read(replace(INSTANT, timezone="Europe/Berlin"), *texts) == values


def test_a_stated_order_reads_the_date_of_an_instant() -> None:
    assert read(INSTANT, "03/04/2025 10:00:00Z") == ["date-ambiguous"]
    assert (
        read(INSTANT, "03/04/2025 10:00:00Z", "3.4.2025T10:00Z", options=with_option(date_order="dmy"))
        == [at(2025, 4, 3, 10)] * 2
    )
    assert read(replace(INSTANT, format="any"), "13/04/2025 10:00Z") == [at(2025, 4, 13, 10)]


def test_a_declared_pattern_of_an_instant_is_exact() -> None:
    zoned = replace(INSTANT, format="%d.%m.%Y %H:%M:%S.%f %z")
    assert read(zoned, "03.04.2025 10:00:00.25 +0200", "03.04.2025 10:00:00.25 Z", "03.04.2025 10:00:00 Z") == [
        at(2025, 4, 3, 8, 0, 0, 250000),
        at(2025, 4, 3, 10, 0, 0, 250000),
        "type-error",
    ]
    local = replace(INSTANT, format="%d.%m.%Y %I:%M %p", timezone="UTC")
    assert read(local, "03.04.2025 10:00 PM", "03.04.2025 22:00 PM", "03.04.2025 10:60 AM") == [
        at(2025, 4, 3, 22),
        *["type-error"] * 2,
    ]


def test_a_time_of_day_is_iso_or_its_pattern() -> None:
    texts = [
        "03:04",
        "03:04:05",
        "03:04:05.5",
        "23:59:59.999999",
        "24:00:00",
        "23:59:60",
        "3:04",
        "03:04:05Z",
        "03:04:05.1234567",
    ]
    good = [time(3, 4), time(3, 4, 5), time(3, 4, 5, 500000), time(23, 59, 59, 999999)]
    assert read(Field("a", T.TIME), *texts) == [*good, *["type-error"] * 4, "too-precise"]
    assert read(Field("a", T.TIME, format="%Hh%M"), "10h30", "10:30") == [time(10, 30), "type-error"]


# JSON -----------------------------------------------------------------------------------------------------------------


def test_documents_are_kept_as_they_stand_when_the_database_can_hold_them() -> None:
    good = ['{"a": [1, 2.50, {"b": null}], "ñ": "\\u00e9\\ud83d\\ude00"}', "{}", ' {"a": 1} ']
    bad = [
        "[1]",
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        "{'a': 1}",
        '{"a": 1} x',
        "1",
        '{"a": 1e99999}',
        '{"a": -1e-99999999999999999999}',
        '{"\\u0000": 1}',
    ]
    assert read(Field("a", T.OBJECT), *good, *bad) == [*good, *["type-error"] * len(bad)]
    assert read(Field("a", T.ARRAY), "[]", '["x", [1]]', "{}", "[1,]") == [
        "[]",
        '["x", [1]]',
        "type-error",
        "type-error",
    ]
    assert message_of(Field("a", T.ARRAY), "x") == "x is no array in JSON."


def test_a_document_is_not_deeper_than_64() -> None:
    assert read(Field("a", T.ARRAY), "[" * 64 + "]" * 64, "[" * 65 + "]" * 65, "[" * 100_000 + "]" * 100_000) == [
        "[" * 64 + "]" * 64,
        "type-error",
        "type-error",
    ]


# Issues ---------------------------------------------------------------------------------------------------------------


def test_an_issue_names_row_line_column_and_the_text_as_it_came() -> None:
    kind = kind_of(Field("start_date", T.DATE), Field("name", normalize=(Normalization.UPPERCASE,), enum=("A",)))
    plan = transform.compile(kind, ("Name", "Other", "Start"), ((2, "start_date"), (0, "name")), UPSERT)
    found = plan.apply(block_of([["a", "", ""], ["x", "-", "03/04/25"]], 3, first_row=41, first_line=50))
    assert plan.fields == ("start_date", "name")
    first, second = found.issues
    assert (first.row, first.line, first.field, first.column, first.code, first.value) == (
        42,
        51,
        "start_date",
        "Start",
        "date-ambiguous",
        "03/04/25",
    )
    assert (second.row, second.field, second.column, second.value) == (42, "name", "Name", "x")
    assert second.record == "x;-;03/04/25"
    assert second.outcome == "failed"
    assert second.message == "x is not one of the allowed values: A."


def test_a_sensitive_value_is_masked_wherever_it_could_be_seen() -> None:
    field = Field("a", T.INTEGER, sensitive=True)
    (issue,) = checked(kind_of(field), [["secret"]]).issues
    assert issue.value == issue.arguments["value"] == MASK
    assert "secret" not in issue.message
    assert issue.record == "secret"


def test_a_long_value_is_cut_in_messages_and_whole_in_the_record() -> None:
    (issue,) = checked(kind_of(Field("a", T.INTEGER)), [["x" * 1000]]).issues
    assert issue.value == "x" * 199 + "…"
    assert issue.record == "x" * 1000


def test_a_record_that_could_not_be_cut_into_cells_has_its_place_among_the_others() -> None:
    kind = kind_of(Field("a", T.INTEGER))
    plan = transform.compile(kind, ("a",), ((0, "a"),), UPSERT)
    found = plan.apply(block_of([["x"], ["1", "2"], ["3"], ["y"]], 1, bad=[1]))
    assert [(issue.row, issue.code, issue.field) for issue in found.issues] == [
        (1, "type-error", "a"),
        (2, "extra-cell", None),
        (4, "type-error", "a"),
    ]
    assert found.issues[1].message.startswith("The row has 2 cells, the header has 1.")
    assert found.frame["_row"].to_list() == [1, 3, 4]
    assert found.ok.to_list() == [False, True, False]


def test_a_block_without_a_well_formed_record_is_read_as_well() -> None:
    plan = transform.compile(kind_of(Field("a", T.DATETIME, required=True)), ("a",), ((0, "a"),), UPSERT)
    found = plan.apply(block_of([["1", "2"]], 1, bad=[0]))
    assert found.frame.height == len(found.ok) == 0
    assert [issue.row for issue in found.issues] == [1]


# Declarations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        (Field("a", pattern="(a"), "/schema/fields/0/constraints/pattern"),
        (Field("a", pattern="a)|(b"), "/schema/fields/0/constraints/pattern"),
        (Field("a", pattern="a(?=b)"), "/schema/fields/0/constraints/pattern"),
        (Field("a", pattern=r"(a)\1"), "/schema/fields/0/constraints/pattern"),
        (Field("a", pattern="((a{1000}){1000}){1000}"), "/schema/fields/0/constraints/pattern"),
        (Field("a", T.INTEGER, pattern="a"), "/schema/fields/0/constraints/pattern"),
        (Field("a", T.INTEGER, max_length=3), "/schema/fields/0/constraints/maxLength"),
        (Field("a", minimum="1"), "/schema/fields/0/constraints/minimum"),
        (Field("a", T.INTEGER, minimum="x"), "/schema/fields/0/constraints/minimum"),
        (Field("a", T.INTEGER, enum=("1", "x")), "/schema/fields/0/constraints/enum"),
        (Field("a", T.NUMBER, scale=2, enum=("1.005",)), "/schema/fields/0/constraints/enum"),
        (Field("a", T.DATE, format="%d/%m/%y"), "/schema/fields/0/format"),
        (Field("a", T.DATE, format="%d/%m"), "/schema/fields/0/format"),
        (Field("a", T.DATE, format="%d/%m/%Y %H"), "/schema/fields/0/format"),
        (Field("a", T.DATE, format="%d/%d/%m/%Y"), "/schema/fields/0/format"),
        (Field("a", T.TIME, format="%H"), "/schema/fields/0/format"),
        (Field("a", T.DATETIME, timezone="Mars/Base"), "/schema/fields/0/timezone"),
        (Field("a", format="phone"), "/schema/fields/0/format"),
        (Field("a", T.NUMBER, precision=39), "/schema/fields/0/precision"),
        (Field("a", T.NUMBER, precision=3, scale=4), "/schema/fields/0/scale"),
        (Field("a", T.NUMBER, group_char="."), "/schema/fields/0/groupChar"),
        (Field("a", T.NUMBER, decimal_char="1"), "/schema/fields/0/decimalChar"),
        (Field("a", T.BOOLEAN, true_values=("x",), false_values=("x",)), "/schema/fields/0/trueValues"),
        (Field("a", T.INTEGER, values=(("one", "x"),)), "/schema/fields/0/values"),
    ],
    ids=lambda one: one.rsplit("/", 1)[-1] if isinstance(one, str) else "",
)
def test_what_cannot_be_compiled_is_found_when_the_kind_is_declared(field: Field, pointer: str) -> None:
    with pytest.raises(InvalidDeclaration) as refused:
        check(kind_of(field))
    assert [one.pointer for one in refused.value.errors] == [pointer]
    assert "Field a: " in str(refused.value)


def test_all_that_is_wrong_with_a_declaration_is_told_at_once() -> None:
    kind = kind_of(Field("a", pattern="("), Field("b"), Field("c", pattern="["), rules=(Rule("odd", "d = 1", "No."),))
    with pytest.raises(InvalidDeclaration) as refused:
        check(kind)
    assert [one.pointer for one in refused.value.errors] == [
        "/schema/fields/0/constraints/pattern",
        "/schema/fields/2/constraints/pattern",
        "/rules/0/then",
    ]


# The independent reader -----------------------------------------------------------------------------------------------

NUMBERS = st.from_regex(r"\A[+-]?[0-9]{0,4}([.,' ][0-9]{0,3}){0,3}\Z", fullmatch=True)
DATES = st.from_regex(
    r"\A([0-9]{1,2}|0[1-4]|20[0-2][0-9])([/.-])(0?[1-9]|1[0-9]|3[0-2])([/.-])(20[0-2][0-9]|[0-9]{1,2})\Z",
    fullmatch=True,
)
ISO = st.dates().map(date.isoformat)
CLOCKS = st.from_regex(r"\A([01][0-9]|2[0-5]):[0-6][0-9](:[0-6][0-9]([.,][0-9]{1,10})?)?\Z", fullmatch=True)
ZONES = st.sampled_from(["", "", "Z", "+02:00", "-0530", "+14", "+25:00", "z", " Z"])
INSTANTS = st.builds(
    lambda day, sign, clock, zone: day + sign + clock + zone, ISO | DATES, st.sampled_from("TT  t"), CLOCKS, ZONES
)
SMALL = st.text(alphabet=" \t\u00a0\u200b\0\naAéÉe\u0301ßDE10.,-", max_size=6)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="a\0é\ud800", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab", max_size=1), inner, max_size=3),
    max_leaves=5,
).map(lambda document: __import__("json").dumps(document))
NORMALIZE = st.lists(st.sampled_from(list(Normalization)), unique=True, max_size=3).map(tuple)

FIELDS: dict[str, st.SearchStrategy[Field]] = {
    "integer": st.builds(
        Field,
        st.just("f"),
        st.just(T.INTEGER),
        group_char=st.sampled_from([None, None, ".", "'", " "]),
        bare_number=st.booleans(),
        minimum=st.sampled_from([None, "0", "-5"]),
        maximum=st.sampled_from([None, "999"]),
        enum=st.sampled_from([None, None, ("1", "10", "1000")]),
    ),
    "number": st.builds(
        Field,
        st.just("f"),
        st.just(T.NUMBER),
        scale=st.sampled_from([None, 0, 2]),
        precision=st.just(None),
        decimal_char=st.sampled_from([None, None, ","]),
        group_char=st.sampled_from([None, None, "'", " "]),
        bare_number=st.booleans(),
        minimum=st.sampled_from([None, "0", "-1.555"]),
        maximum=st.sampled_from([None, "99.99"]),
    )
    | st.builds(Field, st.just("f"), st.just(T.NUMBER), scale=st.integers(0, 2), precision=st.integers(2, 5)),
    "date": st.builds(
        Field,
        st.just("f"),
        st.just(T.DATE),
        format=st.sampled_from(["default", "default", "any", "%d/%m/%Y", "%Y.%m.%d"]),
        minimum=st.sampled_from([None, "2010-01-01"]),
        enum=st.sampled_from([None, None, ("2020-02-02",)]),
    ),
    "datetime": st.builds(
        Field,
        st.just("f"),
        st.just(T.DATETIME),
        format=st.sampled_from(["default", "default", "any"]),
        timezone=st.sampled_from([None, "Europe/Berlin"]),
        maximum=st.sampled_from([None, "2015-01-01T00:00:00Z"]),
    ),
    "time": st.builds(Field, st.just("f"), st.just(T.TIME), minimum=st.sampled_from([None, "10:00"])),
    "string": st.builds(
        Field,
        st.just("f"),
        normalize=NORMALIZE,
        format=st.sampled_from(["default", "default", "email", "uri"]),
        pattern=st.sampled_from([None, None, "[a-zA-Z]+", "[^é]*"]),
        min_length=st.sampled_from([None, 2]),
        max_length=st.sampled_from([None, 3]),
        enum=st.sampled_from([None, None, ("DE", "a")]),
        values=st.sampled_from([(), (("DE", "a"), ("1", "DE"))]),
    ),
    "boolean": st.builds(Field, st.just("f"), st.just(T.BOOLEAN), normalize=NORMALIZE),
    "document": st.builds(Field, st.just("f"), st.sampled_from([T.OBJECT, T.ARRAY])),
}
CELLS: dict[str, st.SearchStrategy[str]] = {
    "integer": NUMBERS | NUMBERS.map(lambda text: f"€ {text}%") | st.integers().map(str) | SMALL,
    "number": NUMBERS | NUMBERS.map(lambda text: f"{text} EUR") | st.decimals(-1000, 1000, places=3).map(str) | SMALL,
    "date": ISO | DATES | DATES | SMALL,
    "datetime": INSTANTS | INSTANTS | ISO,
    "time": CLOCKS | SMALL,
    "string": SMALL | st.sampled_from(["a@b.co", "a@b", "http://x", "DE", "1", " DE "]),
    "boolean": st.sampled_from(["true", "True", "tRUE", "1", "0", "false", " 1", "no"]) | SMALL,
    "document": JSONS | SMALL | st.sampled_from(['{"a":1,"a":2}', "[NaN]", "[1e5]", "{}"]),
}
OPTIONS = st.builds(
    ImportOptions,
    mode=st.just(UPSERT.mode),
    date_order=st.sampled_from([None, None, "dmy", "mdy", "ymd"]),
    decimal_sign=st.sampled_from([None, None, ".", ","]),
    required=st.sampled_from([(), (), ("f",)]),
)


@pytest.mark.parametrize("sort", list(FIELDS))
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_an_independent_reader_agrees_on_every_value_and_fault(sort: str, data: st.DataObject) -> None:
    field = replace(data.draw(FIELDS[sort]), required=data.draw(st.booleans()))
    options = replace(
        data.draw(OPTIONS), defaults=data.draw(st.just(()) | CELLS[sort].map(lambda text: (("f", text),)))
    )
    missing = data.draw(st.sampled_from([("",), ("", "a", " 1"), ("n/a",)]))
    rows = [[cell] for cell in data.draw(st.lists(CELLS[sort], min_size=1, max_size=25))]
    kind = kind_of(field, missing_values=missing)
    found = checked(kind, rows, options)
    slow = read_rows(kind, options, ["f"], rows)
    assert [(issue.row, issue.field, str(issue.code)) for issue in found.issues] == [
        (row.number, name, code) for row in slow for name, code in row.faults
    ]
    assert found.frame["f"].to_list() == [row.values["f"] for row in slow]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["", "DE", "ES", "X"]),
            st.sampled_from(["", "1", "2", "x"]),
            st.sampled_from(["", "1.00", "9", "1e3"]),
        ),
        max_size=30,
    )
)
@settings(max_examples=100, deadline=None)
def test_an_independent_reader_agrees_on_rows_with_rules(rows: list[tuple[str, ...]]) -> None:
    kind = kind_of(
        Field("country", enum=("DE", "ES")),
        Field("tax", T.INTEGER, required=True),
        Field("amount", T.NUMBER, scale=2, precision=10, maximum="5"),
        rules=(
            Rule("de-tax", "tax IS NOT NULL AND tax < 2", "A German tax.", "country = 'DE'", "tax"),
            Rule("small", "amount < 5 OR country IN ('ES', 'DE')", "Too much."),
        ),
    )
    found = checked(kind, rows)
    slow = read_rows(kind, UPSERT, kind.schema.names, rows)
    assert [(issue.row, issue.field, str(issue.code)) for issue in found.issues] == [
        (row.number, name, code) for row in slow for name, code in row.faults
    ]


def test_built_in_kinds_can_be_compiled() -> None:
    from rowferry.kinds import customers, entity, inventory, transaction, user_event  # noqa: PLC0415  # the room may be tested apart

    for module in (customers, entity, inventory, transaction, user_event):
        kind = module.kind
        assert isinstance(kind, ImportKind)
        check(kind)
