"""Columns go to the fields that they name, and what is left over or missing is said with a remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.faults import JobStopped
from rowferry.domain.mapping import map_columns, suggest
from rowferry.domain.schema import Field, FieldsMatch, ImportOptions, Mode, Schema


def schema(match=None):
    return Schema(
        fields=(
            Field("email", title="E-mail", required=True, synonyms=("mail", "e-mail address")),
            Field("name", required=True),
            Field("start_date", title="Customer since"),
            Field("balance"),
        ),
        primary_key=("email",),
        fields_match=match,
    )


def options(mode=Mode.UPSERT, **more):
    return ImportOptions(mode, **more)


def mapped(*columns, match=None, added=(), **more):
    return map_columns(columns, schema(match), options(**more), added)


def refused(*columns, **more):
    with pytest.raises(JobStopped) as caught:
        mapped(*columns, **more)
    return caught.value.fault


# Defaults and required fields -----------------------------------------------------------------------------------------


def test_a_field_with_a_default_is_not_missing_whatever_must_be_there():
    assert mapped("name", defaults=(("email", "x"),)).pairs == ((0, "name"),)
    both = (("balance", "0"), ("start_date", "2026-01-01"))
    assert mapped("email", "name", match=FieldsMatch.SUBSET, defaults=both).fields == {"email", "name"}
    assert mapped("email", "name", match=FieldsMatch.EXACT, defaults=both).fields == {"email", "name"}
    assert refused("name", "email", match=FieldsMatch.EXACT, defaults=both).details["found"] == ["name", "email"]


def test_a_file_whose_columns_go_nowhere_is_refused_although_defaults_bring_all_fields():
    every = tuple((name, "x") for name in ("email", "name", "start_date", "balance"))
    assert refused("colour", columns_extra="ignore", defaults=every).code == "missing-columns"


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.UPDATE])
def test_a_field_that_the_import_requires_needs_a_column_or_a_default(mode):
    fault = refused("email", "name", mode=mode, required=("balance",))
    assert (fault.code, fault.details["fields"]) == ("missing-columns", ["balance"])
    assert "the option defaults" in fault.message
    mapped("email", "name", mode=mode, required=("balance",), defaults=(("balance", "0"),))
    mapped("email", "name", "balance", mode=mode, required=("balance",))


# By name --------------------------------------------------------------------------------------------------------------


def test_columns_go_to_the_fields_of_their_names_in_any_order():
    found = mapped("name", "balance", "email")

    assert found.pairs == ((0, "name"), (1, "balance"), (2, "email"))
    assert found.ignored == ()
    assert found.fields == {"name", "balance", "email"}


@pytest.mark.parametrize(
    "column", ["start_date", "Start Date", "START-DATE", " start__date ", "customer since", "Customer_Since"]
)
def test_case_spaces_and_marks_do_not_matter(column):
    assert mapped("email", "name", column).pairs[2] == (2, "start_date")


@pytest.mark.parametrize("column", ["email", "E-Mail", "Mail", "E-mail address", "e mail"])
def test_titles_and_synonyms_name_a_field(column):
    assert mapped(column, "name").pairs == ((0, "email"), (1, "name"))


def test_letters_that_are_written_in_two_ways_are_the_same():
    kind = Schema((Field("name", title="Größe"), Field("other", synonyms=("café",))))
    found = map_columns(("GRÖSSE", "cafe\u0301"), kind, options())

    assert found.pairs == ((0, "name"), (1, "other"))


def test_a_name_counts_before_a_title_and_a_title_before_a_synonym():
    kind = Schema((Field("a", title="b"), Field("b", title="c"), Field("x", synonyms=("c",))))

    assert map_columns(("a", "x"), kind, options()).pairs == ((0, "a"), (1, "x"))
    assert map_columns(("b",), kind, options()).pairs == ((0, "b"),)
    assert map_columns(("c",), kind, options()).pairs == ((0, "b"),)


def test_a_synonym_of_two_fields_means_neither():
    kind = Schema((Field("a", synonyms=("x",)), Field("b", synonyms=("x",))))

    with pytest.raises(JobStopped, match=r"unknown-columns"):
        map_columns(("a", "x"), kind, options())


def test_the_columns_of_an_error_file_are_left_out():
    found = mapped("email", "name", "_row", "_line", "_code", "_field", "_message", added=(2, 3, 4, 5, 6))

    assert found.pairs == ((0, "email"), (1, "name"))
    assert found.ignored == ()


# What is refused ------------------------------------------------------------------------------------------------------


def test_unknown_columns_are_named_with_the_fields_that_they_may_mean():
    fault = refused("email", "name", "balanse", "shoe size")

    assert fault.code == "unknown-columns"
    assert "“balanse” (do you mean balance?), “shoe size”" in fault.message
    assert "columns_extra" in fault.message
    assert fault.details["columns"] == ["balanse", "shoe size"]
    assert fault.details["suggestions"] == {"balanse": ["balance"]}


def test_a_column_without_a_name_is_told_by_its_place():
    fault = refused("email", "name", "", "")

    assert fault.code == "unknown-columns"
    assert "3 without a name" in fault.message
    assert "4 without a name" in fault.message


def test_unknown_columns_are_left_out_where_the_import_says_so():
    found = mapped("email", "name", "notes", "", columns_extra="ignore")

    assert found.pairs == ((0, "email"), (1, "name"))
    assert found.ignored == ("notes", "")


def test_missing_required_columns_are_named():
    fault = refused("balance", "start_date")

    assert fault.code == "missing-columns"
    assert fault.details["fields"] == ["email", "name"]
    assert "“email”, “name”" in fault.message


def test_an_update_needs_the_key_alone():
    assert mapped("email", "balance", mode=Mode.UPDATE).pairs == ((0, "email"), (1, "balance"))
    assert refused("name", "balance", mode=Mode.UPDATE).details["fields"] == ["email"]


def test_a_file_of_which_no_column_is_known_is_refused_even_if_nothing_is_required():
    kind = Schema((Field("a"),))

    with pytest.raises(JobStopped, match=r"missing-columns"):
        map_columns(("x", "y"), kind, options(columns_extra="ignore"))


def test_two_columns_of_one_name_are_refused_even_if_the_kind_does_not_know_them():
    for columns in (("email", "name", "name"), ("email", "name", "notes", "notes")):
        fault = refused(*columns, columns_extra="ignore")

        assert fault.code == "duplicate-columns"
        assert fault.details["columns"] == [columns[-1]]


def test_two_columns_that_mean_one_field_are_refused():
    fault = refused("E-mail", "mail", "name")

    assert fault.code == "duplicate-columns"
    assert "“E-mail”, “mail” to email" in fault.message
    assert fault.details["columns"] == ["E-mail", "mail"]


def test_names_that_are_very_long_are_cut_in_the_message():
    fault = refused("email", "name", *(f"{number}{'x' * 100_000}" for number in range(300)))

    assert len(fault.message) < 5_000
    assert "and 280 more" in fault.message
    assert len(fault.details["columns"]) == 200
    assert max(map(len, fault.details["columns"])) == 100


# How columns and fields must agree ------------------------------------------------------------------------------------

ALL = ("email", "name", "start_date", "balance")


@pytest.mark.parametrize(
    ("match", "columns", "code"),
    [
        ("exact", ALL, None),
        ("exact", ALL[::-1], "missing-columns"),
        ("exact", ALL[:3], "missing-columns"),
        ("exact", (*ALL, "x"), "unknown-columns"),
        ("equal", ALL[::-1], None),
        ("equal", ALL[:3], "missing-columns"),
        ("equal", (*ALL, "x"), "unknown-columns"),
        ("subset", (*ALL[::-1], "x"), None),
        ("subset", (*ALL[:3], "x"), "missing-columns"),
        ("superset", ALL[:2], None),
        ("superset", ALL[1:], "missing-columns"),
        ("superset", (*ALL, "x"), "unknown-columns"),
        (None, ALL[:2], None),
        (None, (*ALL, "x"), "unknown-columns"),
        ("partial", (*ALL[:2], "x"), None),
        ("partial", ("balance", "x"), "missing-columns"),
    ],
)
def test_fields_match_says_what_a_file_may_have(match, columns, code):
    how = FieldsMatch(match) if match else None
    if code is None:
        assert mapped(*columns, match=how).fields <= set(ALL)
    else:
        assert refused(*columns, match=how).code == code


def test_the_option_of_an_import_counts_before_the_kind():
    assert refused(*ALL, "x", match=FieldsMatch.SUBSET, columns_extra="error").code == "unknown-columns"
    assert mapped(*ALL, "x", match=FieldsMatch.EXACT, columns_extra="ignore").ignored == ("x",)


def test_an_exact_match_with_another_order_says_which_order():
    fault = refused(*ALL[::-1], match=FieldsMatch.EXACT)

    assert "order" in fault.message
    assert fault.details["found"] == list(ALL[::-1])


# By mapping -----------------------------------------------------------------------------------------------------------


def test_a_mapping_decides_alone():
    mapping = (("Correo", "email"), ("Nombre", "name"), ("Saldo", None))
    found = mapped("Nombre", "Saldo", "Correo", mapping=mapping)

    assert found.pairs == ((0, "name"), (2, "email"))
    assert found.ignored == ("Saldo",)


def test_a_column_that_the_mapping_leaves_open_is_unknown():
    mapping = (("Correo", "email"), ("Nombre", "name"))

    assert refused("Correo", "Nombre", "balance", mapping=mapping).code == "unknown-columns"
    assert mapped("Correo", "Nombre", "balance", mapping=mapping, columns_extra="ignore").ignored == ("balance",)


def test_a_mapping_finds_a_column_by_its_text_before_its_like():
    mapping = (("MAIL", "email"), ("nombre", "name"))

    assert mapped("mail", "MAIL", "Nombre", mapping=mapping, columns_extra="ignore").pairs == (
        (1, "email"),
        (2, "name"),
    )


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ((("Correo", "email"), ("Nombre", "nane")), "no field nane (do you mean name?)"),
        ((("Corre", "email"), ("Nombre", "name")), "no column “Corre” (do you mean Correo?)"),
        ((("Corre", None), ("Nombre", "name")), "no column “Corre”"),
        ((("Correo", "email"), ("correo", "name")), "goes to both email and name"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_with_what_is_wrong(mapping, said):
    fault = refused("Correo", "Nombre", mapping=mapping)

    assert fault.code == "invalid-mapping"
    assert said in fault.message


def test_a_mapping_may_not_send_two_columns_to_one_field():
    mapping = (("Correo", "email"), ("Correo 2", "email"), ("Nombre", "name"))

    assert refused("Correo", "Correo 2", "Nombre", mapping=mapping).code == "duplicate-columns"


def test_a_mapping_of_very_many_wrong_columns_is_refused_with_a_short_message():
    fault = refused(*ALL, mapping=tuple((f"column {number}", "email") for number in range(20_000)))

    assert fault.code == "invalid-mapping"
    assert "and 19980 more" in fault.message
    assert len(fault.details["faults"]) == 200


# Whatever comes -------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from([*ALL, "mail", "E-Mail", "x", "", "_row"]) | st.text(max_size=4), max_size=8),
    st.sampled_from([None, *FieldsMatch]),
)
def test_every_column_goes_to_one_field_or_is_left_out_or_the_file_is_refused(columns, match):
    try:
        found = map_columns(columns, schema(match), options(columns_extra="ignore"))
    except JobStopped:
        return

    assert len(found.pairs) + len(found.ignored) == len(columns)
    assert len(found.fields) == len(found.pairs)
    assert {"email", "name"} <= found.fields


# Suggestions ----------------------------------------------------------------------------------------------------------


def test_a_suggestion_is_sure_where_a_name_is_known_and_near_where_it_is_like():
    sure, near, none = suggest(("E-mail", "balanc", "shoe size"), schema())

    assert (sure.field, sure.confidence) == ("email", 1.0)
    assert (near.position, near.column, near.field) == (1, "balanc", "balance")
    assert 0.7 < near.confidence < 1
    assert (none.field, none.confidence) == (None, 0.0)


def test_a_field_is_suggested_once_and_to_the_nearest_column():
    found = suggest(("balanc", "balannces", "name"), schema())

    assert [one.field for one in found] == ["balance", None, "name"]


def test_a_very_wide_header_is_compared_in_part_only():
    found = suggest(tuple(f"{'column' * 30}{number}" for number in range(2_000)), schema())

    assert len(found) == 2_000
