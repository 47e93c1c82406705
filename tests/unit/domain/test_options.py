"""The options of an import: the kind's defaults, the words of the wire, and what the steps make of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.faults import Invalid
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.options import SubmitOptions, from_wire, settle, to_wire
from rowferry.domain.schema import Field, FieldsMatch, ImportKind, Mode, Normalization, ReadOptions, Schema

FIELDS = (Field("email"), Field("name"))
KIND = ImportKind("customers", Schema(FIELDS, primary_key=("email",)))


def test_what_is_not_said_is_the_kinds_default() -> None:
    settled = settle(SubmitOptions(), KIND)
    assert (settled.mode, settled.columns_extra) == (Mode.UPSERT, "error")


@pytest.mark.parametrize("match", [FieldsMatch.SUBSET, FieldsMatch.PARTIAL])
def test_a_kind_that_is_open_leaves_unknown_columns_out(match: FieldsMatch) -> None:
    kind = ImportKind("open", Schema(FIELDS, fields_match=match))
    assert settle(SubmitOptions(), kind).columns_extra == "ignore"
    assert settle(SubmitOptions(columns_extra="error"), kind).columns_extra == "error"


def test_a_mode_that_the_kind_does_not_take_is_refused() -> None:
    kind = ImportKind("log", Schema(FIELDS), modes=(Mode.CREATE,))
    with pytest.raises(Invalid) as refused:
        settle(SubmitOptions(mode=Mode.UPSERT), kind)
    assert refused.value.errors[0].pointer == "/options/mode"


def test_a_mapping_to_no_field_or_twice_to_one_is_refused() -> None:
    mapping = (("a/b", "nothing"), ("E-Mail", "email"), ("Mail", "email"), ("X", None))
    with pytest.raises(Invalid) as refused:
        settle(SubmitOptions(mapping=mapping), KIND)
    assert [error.pointer for error in refused.value.errors] == ["/options/mapping/a~1b", "/options/mapping/Mail"]


def test_defaults_and_required_name_fields_of_the_kind_and_a_default_is_a_value() -> None:
    fields = (Field("email"), Field("name", normalize=(Normalization.TRIM,)))
    kind = ImportKind("customers", Schema(fields, primary_key=("email",), missing_values=("", "n/a")))
    settle(SubmitOptions(defaults=(("email", "a@b.co"), ("name", "x")), required=("name", "email")), kind)
    asked = SubmitOptions(defaults=(("a/b", "x"), ("email", " "), ("name", " n/a ")), required=("name", "age", "name"))
    with pytest.raises(Invalid) as refused:
        settle(asked, kind)
    assert {error.pointer: error.detail for error in refused.value.errors} == {
        "/options/defaults/a~1b": "The kind has no field a/b.",
        "/options/defaults/name": "“ n/a ” is no value in this kind.",
        "/options/required/1": "The kind has no field age.",
        "/options/required/2": "name stands here twice.",
    }


OPTIONS = st.builds(
    SubmitOptions,
    mode=st.none() | st.sampled_from(Mode),
    policy=st.builds(
        ErrorPolicy, st.sampled_from(OnError), st.none() | st.integers(0, 99), st.none() | st.floats(0, 1)
    ),
    dry_run=st.booleans(),
    mapping=st.none() | st.just((("E-Mail", "email"), ("X", None))),
    columns_extra=st.sampled_from([None, "error", "ignore"]),
    reading=st.builds(
        ReadOptions, st.none() | st.just(";"), st.none(), st.none() | st.just("utf-8"), st.none() | st.just(3)
    ),
    date_order=st.sampled_from([None, "dmy", "mdy", "ymd"]),
    decimal_sign=st.sampled_from([None, ".", ","]),
    empty=st.sampled_from(["clear", "keep"]),
    duplicates=st.sampled_from(["fail", "skip", "apply"]),
    defaults=st.sampled_from([(), (("email", "a@b.co"), ("name", " x"))]),
    required=st.sampled_from([(), ("name",)]),
    strict=st.booleans(),
    missing_reference=st.sampled_from(["fail", "abort"]),
)


@given(OPTIONS)
def test_the_steps_read_what_the_caller_said(asked: SubmitOptions) -> None:
    settled = settle(asked, KIND)
    importing, policy, dry_run = from_wire(to_wire(settled), KIND)
    assert (policy, dry_run) == (asked.policy, asked.dry_run)
    assert importing.mode == (asked.mode or Mode.UPSERT)
    assert (importing.reading, importing.mapping) == (asked.reading, asked.mapping)
    assert (importing.date_order, importing.decimal_sign) == (asked.date_order, asked.decimal_sign)
    assert (importing.empty, importing.duplicates, importing.columns_extra) == (
        asked.empty,
        asked.duplicates,
        settled.columns_extra,
    )
    assert (importing.defaults, importing.required) == (asked.defaults, asked.required)
    assert (importing.strict, importing.missing_reference) == (asked.strict, asked.missing_reference)


def test_a_job_of_an_older_release_reads_with_defaults() -> None:
    importing, policy, dry_run = from_wire({}, KIND)
    assert (importing.mode, importing.duplicates, policy, dry_run) == (Mode.UPSERT, "fail", ErrorPolicy(), False)
