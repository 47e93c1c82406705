"""A declaration is read to the letter, every fault in it is named, and it comes back as it was."""

import contextlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.declaration import from_declaration, normal, reference_faults, to_declaration
from rowferry.domain.faults import InvalidDeclaration
from rowferry.domain.field import FITS, RESERVED
from rowferry.domain.schema import (
    Dependency,
    Field,
    FieldsMatch,
    FieldType,
    ForeignKey,
    ImportKind,
    Limits,
    Mode,
    Normalization,
    Retention,
    Rule,
    Schema,
)


def declared(*fields, name="things", **more):
    """A declaration with these fields; keys of `schema` and of the kind itself may follow."""
    top = {key: more.pop(key) for key in ("rules", "modes", "limits", "retention", "title") if key in more}
    return {"name": name, "schema": {"fields": list(fields), **more}, **top}


def faults(document):
    with pytest.raises(InvalidDeclaration) as caught:
        from_declaration(document)
    return {fault.pointer: fault.detail for fault in caught.value.errors}


def a(name="a", type="string", **more):  # noqa: A002 the word of the declaration
    return {"name": name, "type": type, **more}


def one(field):
    return from_declaration(declared(field)).schema.fields[0]


# What is read ---------------------------------------------------------------------------------------------------------

FULL = {
    "name": "customers",
    "title": "Customers",
    "description": "People and companies that buy from us.",
    "schema": {
        "fields": [
            {
                "name": "email",
                "type": "string",
                "format": "email",
                "title": "E-mail",
                "description": "Where mail goes.",
                "constraints": {"required": True, "minLength": 6, "maxLength": 254, "pattern": ".+@.+"},
                "example": "ana@example.org",
                "synonyms": ["mail", "e-mail address"],
                "normalize": ["lowercase", "trim"],
                "sensitive": True,
            },
            {
                "name": "country",
                "constraints": {"enum": ["DE", "ES"]},
                "values": {"Germany": "DE", "Deutschland": "DE"},
                "empty": "keep",
            },
            {
                "name": "balance",
                "type": "number",
                "scale": 2,
                "precision": 12,
                "decimalChar": ",",
                "groupChar": ".",
                "bareNumber": False,
                "constraints": {"minimum": "-0.10", "maximum": 1000000},
            },
            {"name": "active", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
            {"name": "since", "type": "date", "format": "%d.%m.%Y", "constraints": {"minimum": "1900-01-01"}},
            {"name": "seen_at", "type": "datetime", "timezone": "Europe/Berlin"},
            {"name": "manager", "type": "string"},
            {"name": "tax_id", "constraints": {"unique": True}},
            {"name": "more", "type": "object"},
        ],
        "primaryKey": "email",
        "uniqueKeys": [["country", "tax_id"]],
        "foreignKeys": [
            {"fields": "manager", "reference": {"resource": "customers", "fields": "email"}},
            {
                "fields": ["country"],
                "reference": {"resource": "countries", "fields": ["code"]},
                "alternatives": [["name"], ["old_code"]],
                "onRequest": True,
            },
        ],
        "dependencies": [
            {"fields": ["email"], "determines": "country"},
            {"fields": "email", "determines": "tax_id", "onRequest": True},
        ],
        "missingValues": ["", "NULL"],
        "fieldsMatch": ["subset"],
    },
    "rules": [
        {
            "code": "needs-tax",
            "when": "country = 'DE'",
            "then": "tax_id IS NOT NULL",
            "message": "No tax id.",
            "field": "tax_id",
        }
    ],
    "modes": ["create", "upsert"],
    "limits": {"rows": 10, "bytes": 1000},
    "retention": {"input": "7d", "errors": "forever"},
}


def test_every_key_of_a_declaration_is_understood():
    assert from_declaration(FULL) == ImportKind(
        name="customers",
        title="Customers",
        description="People and companies that buy from us.",
        modes=(Mode.CREATE, Mode.UPSERT),
        limits=Limits(10, 1000),
        retention=Retention(input_days=7, errors_days=None, before_images_days=30),
        schema=Schema(
            fields=(
                Field(
                    "email",
                    title="E-mail",
                    description="Where mail goes.",
                    format="email",
                    required=True,
                    min_length=6,
                    max_length=254,
                    pattern=".+@.+",
                    example="ana@example.org",
                    synonyms=("mail", "e-mail address"),
                    normalize=(Normalization.TRIM, Normalization.LOWERCASE),
                    sensitive=True,
                ),
                Field("country", enum=("DE", "ES"), values=(("Deutschland", "DE"), ("Germany", "DE")), empty="keep"),
                Field(
                    "balance",
                    FieldType.NUMBER,
                    scale=2,
                    precision=12,
                    decimal_char=",",
                    group_char=".",
                    bare_number=False,
                    minimum="-0.10",
                    maximum="1000000",
                ),
                Field("active", FieldType.BOOLEAN, true_values=("yes",), false_values=("no",)),
                Field("since", FieldType.DATE, format="%d.%m.%Y", minimum="1900-01-01"),
                Field("seen_at", FieldType.DATETIME, timezone="Europe/Berlin"),
                Field("manager"),
                Field("tax_id", unique=True),
                Field("more", FieldType.OBJECT),
            ),
            primary_key=("email",),
            unique_keys=(("country", "tax_id"),),
            foreign_keys=(
                ForeignKey(("manager",), "", ("email",)),
                ForeignKey(("country",), "countries", ("code",), (("name",), ("old_code",)), on_request=True),
            ),
            dependencies=(Dependency(("email",), "country"), Dependency(("email",), "tax_id", on_request=True)),
            missing_values=("", "NULL"),
            fields_match=FieldsMatch.SUBSET,
            rules=(Rule("needs-tax", "tax_id IS NOT NULL", "No tax id.", "country = 'DE'", "tax_id"),),
        ),
    )


def test_what_is_left_out_or_null_has_its_default():
    kind = from_declaration(
        {"name": "things", "title": None, "schema": {"fields": [{"name": "a", "type": None}], "primaryKey": ["a"]}}
    )

    assert kind == ImportKind("things", Schema((Field("a", required=True),), ("a",)))


def test_a_field_of_the_primary_key_is_required():
    kind = from_declaration(declared(a("x"), a("y"), primaryKey=["x"]))

    assert [field.required for field in kind.schema.fields] == [True, False]


def test_a_kind_without_a_key_only_creates():
    assert from_declaration(declared(a())).modes == (Mode.CREATE,)
    assert "primaryKey" in faults(declared(a(), modes=["upsert"]))["/modes"]


def test_a_kind_in_python_may_leave_modes_out_as_a_file_may():
    assert normal(ImportKind("things", Schema((Field("a"),)))) == from_declaration(declared(a()))


def test_numbers_are_kept_as_they_are_written():
    for written, text in [
        ("1.50", "1.50"),
        (Decimal("1.50"), "1.50"),
        (3, "3"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        ("-0", "-0"),
    ]:
        assert one(a(type="number", constraints={"minimum": written})).minimum == text


def test_dates_of_yaml_are_texts_of_iso_8601():
    assert one(a(type="date", constraints={"minimum": date(2024, 5, 31)})).minimum == "2024-05-31"
    moment = datetime(2024, 5, 31, 12, tzinfo=UTC)
    assert one(a(type="datetime", constraints={"maximum": moment})).maximum == "2024-05-31T12:00:00+00:00"


def test_the_kind_itself_is_meant_by_its_name_and_by_nothing():
    for reference in ({"resource": "things", "fields": ["a"]}, {"resource": "", "fields": "a"}, {"fields": ["a"]}):
        kind = from_declaration(
            declared(a(), a("b"), primaryKey="a", foreignKeys=[{"fields": "b", "reference": reference}])
        )

        assert kind.schema.foreign_keys == (ForeignKey(("b",), "", ("a",)),)


# What is refused ------------------------------------------------------------------------------------------------------


def test_unknown_keys_are_named_wherever_they_stand():
    document = declared(
        {**a(), "constraint": {}, "constraints": {"maxLen": 3, "exclusiveMinimum": 1}},
        primaryKeys=["a"],
        foreignKeys=[{"fields": "a", "references": {}, "reference": {"fields": "x", "kind": "y"}}],
        rules=[{"code": "x", "then": "true", "message": "m", "if": "a"}],
        limits={"row": 1},
        retention={"inputs": "1d"},
    )
    document["owner"] = "me"

    said = faults(document)

    assert {
        "/owner",
        "/limits/row",
        "/retention/inputs",
        "/rules/0/if",
        "/schema/primaryKeys",
        "/schema/fields/0/constraint",
        "/schema/fields/0/constraints/maxLen",
        "/schema/fields/0/constraints/exclusiveMinimum",
        "/schema/foreignKeys/0/references",
        "/schema/foreignKeys/0/reference/kind",
    } <= said.keys()
    assert "owner" in said["/owner"]
    assert "do you mean primaryKey?" in said["/schema/primaryKeys"]
    assert "do you mean maxLength?" in said["/schema/fields/0/constraints/maxLen"]


def test_the_message_names_the_first_faults_and_counts_the_rest():
    with pytest.raises(InvalidDeclaration, match=r"colour.*And 2 more") as caught:
        from_declaration({**declared(a("A"), a("B"), a("C"), a("D")), "colour": 1})

    assert len(caught.value.errors) == 5


def test_a_pointer_escapes_what_rfc_6901_says():
    assert "/schema/a~1b~0c" in faults(declared(a(), **{"a/b~c": 1}))


@pytest.mark.parametrize("document", [None, [], "x", 3, True])
def test_a_document_that_is_no_object_is_one_fault(document):
    assert list(faults(document)) == [""]


def test_what_is_needed_is_asked_for():
    with pytest.raises(InvalidDeclaration, match=r"name.*schema"):
        from_declaration({})
    assert "fields" in faults({"name": "x", "schema": {}})["/schema"]
    assert "/schema/fields" in faults(declared())
    assert {"/rules/0", "/schema/fields/0"} <= faults(declared({}, rules=[{}])).keys()


@pytest.mark.parametrize(
    "name", ["", "Customers", "1st", "-x", "_x", "a b", "a.b", "ä", "a" * 64, "x\n", "a\0", 'a"', 7, None]
)
def test_a_kind_and_a_field_have_small_plain_names(name):
    assert any(pointer in {"/name", ""} for pointer in faults(declared(a(), name=name)))
    assert any(pointer.startswith("/schema/fields/0") for pointer in faults(declared({"name": name})))


@pytest.mark.parametrize("name", ["a", "a-b", "a_1", "x" * 63])
def test_names_of_letters_digits_and_marks_are_taken(name):
    assert from_declaration(declared(a(name), name=name)).schema.names == (name,)


@pytest.mark.parametrize("name", [*sorted(RESERVED), "_job_id", "_row"])
def test_names_of_the_database_are_not_for_fields(name):
    assert "/schema/fields/0/name" in faults(declared(a(name)))


def test_two_fields_may_not_be_called_alike():
    said = faults(declared(a("a"), a("a"), a("b_c"), a("b-c")))

    assert said.keys() == {"/schema/fields/1/name", "/schema/fields/3/name"}


def test_a_kind_has_at_most_500_fields():
    assert len(from_declaration(declared(*(a(f"f{n}") for n in range(500)))).schema.fields) == 500
    assert "501" in faults(declared(*(a(f"f{n}") for n in range(501))))["/schema/fields"]


WRITTEN = {
    "scale": 2,
    "precision": 4,
    "decimalChar": ",",
    "groupChar": "'",
    "bareNumber": False,
    "trueValues": ["y"],
    "falseValues": ["n"],
    "timezone": "UTC",
    "values": {"x": "y"},
    "unique": True,
    "enum": ["x"],
    "pattern": "x",
    "minLength": 1,
    "maxLength": 2,
    "minimum": "1",
    "maximum": "2",
}
CONSTRAINTS = {"unique", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum"}


@pytest.mark.parametrize(("key", "kind"), [(key, kind) for key in FITS for kind in FieldType if kind not in FITS[key]])
def test_a_key_that_does_not_fit_the_type_is_a_fault(key, kind):
    held = {"constraints": {key: WRITTEN[key]}} if key in CONSTRAINTS else {key: WRITTEN[key]}
    said = faults(declared(a(type=str(kind), **held)))

    assert any(pointer.endswith(f"/{key}") and "does not fit" in detail for pointer, detail in said.items())


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        (a(type="text"), "type"),
        (a(type=["string"]), "type"),
        (a(format="ipv4"), "format"),
        (a(type="integer", format="any"), "format"),
        (a(title=7), "title"),
        (a(title=""), "title"),
        (a(title="a\0b"), "title"),
        (a(title="\ud800"), "title"),
        (a(example={"a": 1}), "example"),
        (a(example=float("nan")), "example"),
        (a(example=Decimal("1e999999")), "example"),
        (a(sensitive="yes"), "sensitive"),
        (a(empty="null"), "empty"),
        (a(synonyms="mail"), "synonyms"),
        (a(synonyms=["mail", "mail"]), "synonyms/1"),
        (a(normalize=["strip"]), "normalize/0"),
        (a(normalize=["lowercase", "uppercase"]), "normalize"),
        (a(constraints=[]), "constraints"),
        (a(constraints={"required": 1}), "constraints/required"),
        (a(constraints={"maxLength": 0}), "constraints/maxLength"),
        (a(constraints={"maxLength": True}), "constraints/maxLength"),
        (a(constraints={"maxLength": "3"}), "constraints/maxLength"),
        (a(constraints={"minLength": 4, "maxLength": 3}), "constraints/minLength"),
        (a(constraints={"enum": []}), "constraints/enum"),
        (a(constraints={"enum": ["a", "a"]}), "constraints/enum/1"),
        (a(constraints={"enum": ["DE", False]}), "constraints/enum/1"),
        (a(constraints={"enum": [7]}), "constraints/enum/0"),
        (a(constraints={"enum": ["DE"]}, values={"Spain": "ES"}), "values/Spain"),
        (a(values=["x"]), "values"),
        (a(values={True: "x"}), "values/True"),
        (a(type="integer", constraints={"minimum": "1.5"}), "constraints/minimum"),
        (a(type="integer", constraints={"minimum": 2**63}), "constraints/minimum"),
        (a(type="integer", constraints={"minimum": True}), "constraints/minimum"),
        (a(type="integer", constraints={"minimum": "٣"}), "constraints/minimum"),
        (a(type="integer", constraints={"minimum": 3, "maximum": 2}), "constraints/minimum"),
        (a(type="integer", values={"none": "zero"}), "values/none"),
        (a(type="number", constraints={"minimum": "1e3"}), "constraints/minimum"),
        (a(type="number", constraints={"minimum": "10", "maximum": "9.99"}), "constraints/minimum"),
        (a(type="number", scale=3, precision=2), "precision"),
        (a(type="number", precision=2), "precision"),
        (a(type="number", scale=39), "scale"),
        (a(type="number", scale=1, precision=39), "precision"),
        (a(type="number", decimalChar=",", groupChar=","), "groupChar"),
        (a(type="number", groupChar="."), "groupChar"),
        (a(type="number", decimalChar="5"), "decimalChar"),
        (a(type="number", decimalChar="-"), "decimalChar"),
        (a(type="number", decimalChar="::"), "decimalChar"),
        (a(type="boolean", trueValues=[]), "trueValues"),
        (a(type="boolean", trueValues=["ja", "1"], falseValues=["nein", "1"]), "falseValues"),
        (a(type="boolean", trueValues=["0"]), "trueValues"),
        (a(type="boolean", values={"ja": "yes"}), "values/ja"),
        (a(type="date", constraints={"minimum": "31.05.2024"}), "constraints/minimum"),
        (a(type="date", constraints={"minimum": "2024-02-30"}), "constraints/minimum"),
        (a(type="date", constraints={"minimum": "2024-05-31", "maximum": "2024-05-30"}), "constraints/minimum"),
        (a(type="datetime", timezone="Mars/Olympus"), "timezone"),
        (a(type="datetime", timezone="../../etc/passwd"), "timezone"),
        (a(type="datetime", timezone="America"), "timezone"),
        (a(type="datetime", constraints={"minimum": "2024-05-31T12:00:00"}), "constraints/minimum"),
        (a(type="time", constraints={"maximum": "24:00"}), "constraints/maximum"),
    ],
)  # fmt: skip
def test_a_field_that_makes_no_sense_is_a_fault_at_its_place(field, pointer):
    assert list(faults(declared(field))) == [f"/schema/fields/0/{pointer}"]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("date", "%d.%m.%Y"),
        ("date", "%Y%m%d"),
        ("date", "%d %b %Y"),
        ("date", "any"),
        ("time", "%H:%M"),
        ("time", "%I:%M %p"),
        ("datetime", "%Y-%m-%d %H:%M:%S"),
        ("datetime", "%Y-%m-%dT%H:%M:%S.%f%z"),
    ],
)
def test_a_format_is_a_pattern_of_directives_that_are_known(kind, pattern):
    assert one(a(type=kind, format=pattern)).format == pattern


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("date", "%d.%m.%y"),
        ("date", "%m/%Y"),
        ("date", "%d/%d/%m/%Y"),
        ("date", "%Y-%m-%d %H:%M"),
        ("date", "dd.mm.yyyy"),
        ("date", "%Y-%m-%d%"),
        ("time", "%H"),
        ("time", "%H:%M%z"),
        ("datetime", "%Y-%m-%d"),
        ("datetime", "%H:%M"),
        ("datetime", "%Y-%m-%d %H:%M:%f"),
    ],
)
def test_a_format_that_leaves_a_doubt_is_refused(kind, pattern):
    assert list(faults(declared(a(type=kind, format=pattern)))) == ["/schema/fields/0/format"]


X_Y = {"resource": "x", "fields": "y"}


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"primaryKey": "z"}, "/schema/primaryKey"),
        ({"primaryKey": []}, "/schema/primaryKey"),
        ({"primaryKey": ["a", "a"]}, "/schema/primaryKey/1"),
        ({"primaryKey": ["o"]}, "/schema/primaryKey"),
        ({"uniqueKeys": [["a"], ["z"]]}, "/schema/uniqueKeys/1"),
        ({"uniqueKeys": "a"}, "/schema/uniqueKeys"),
        ({"missingValues": [None]}, "/schema/missingValues/0"),
        ({"missingValues": "NULL"}, "/schema/missingValues"),
        ({"fieldsMatch": "all"}, "/schema/fieldsMatch"),
        ({"fieldsMatch": ["exact", "equal"]}, "/schema/fieldsMatch"),
        ({"foreignKeys": [{"fields": "a"}]}, "/schema/foreignKeys/0"),
        ({"foreignKeys": [{"fields": "z", "reference": {"resource": "x", "fields": "y"}}]}, "/schema/foreignKeys/0/fields"),
        ({"foreignKeys": [{"fields": "a", "reference": {"resource": "X!", "fields": "y"}}]}, "/schema/foreignKeys/0/reference/resource"),
        ({"foreignKeys": [{"fields": "a", "reference": {"resource": "x", "fields": ["y", "z"]}}]}, "/schema/foreignKeys/0/reference/fields"),
        ({"foreignKeys": [{"fields": "a", "reference": {"fields": "b"}}]}, "/schema/foreignKeys/0/reference/fields"),
        ({"primaryKey": "n", "foreignKeys": [{"fields": "a", "reference": {"fields": "n"}}]}, "/schema/foreignKeys/0/reference/fields"),
        ({"foreignKeys": [{"fields": "a", "reference": X_Y, "alternatives": [["y", "z"]]}]}, "/schema/foreignKeys/0/alternatives/0"),
        ({"foreignKeys": [{"fields": "a", "reference": X_Y, "onRequest": "yes"}]}, "/schema/foreignKeys/0/onRequest"),
        ({"primaryKey": "a", "foreignKeys": [{"fields": "b", "reference": {"fields": "a"}, "alternatives": ["b"]}]},
         "/schema/foreignKeys/0/alternatives/0"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": "b", "determines": "n"}]}, "/schema/dependencies/0/fields"),
        ({"dependencies": [{"fields": "a", "determines": "n"}]}, "/schema/dependencies/0/fields"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": ["a"], "determines": "z"}]}, "/schema/dependencies/0/determines"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": ["a"], "determines": "o"}]}, "/schema/dependencies/0/determines"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": ["a"], "determines": "a"}]}, "/schema/dependencies/0/determines"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": ["a"], "determines": ["n"]}]}, "/schema/dependencies/0/determines"),
        ({"primaryKey": ["a", "b"], "dependencies": [{"fields": ["a"]}]}, "/schema/dependencies/0"),
        ({"rules": [{"code": "required", "then": "a", "message": "m"}]}, "/rules/0/code"),
        ({"rules": [{"code": "No Spaces", "then": "a", "message": "m"}]}, "/rules/0/code"),
        ({"rules": [{"code": "x", "then": "a", "message": "m", "field": "z"}]}, "/rules/0/field"),
        ({"rules": [{"code": "x", "then": "a", "message": "m"}, {"code": "x", "then": "b", "message": "m"}]}, "/rules/1/code"),
        ({"primaryKey": "a", "modes": []}, "/modes"),
        ({"primaryKey": "a", "modes": ["replace"]}, "/modes/0"),
        ({"primaryKey": "a", "modes": ["upsert", "upsert"]}, "/modes/1"),
        ({"limits": {"rows": 0}}, "/limits/rows"),
        ({"retention": {"input": "3 weeks"}}, "/retention/input"),
        ({"retention": {"input": 90}}, "/retention/input"),
        ({"retention": {"input": "0d"}}, "/retention/input"),
    ],
)  # fmt: skip
def test_keys_and_rules_that_make_no_sense_are_faults_at_their_place(more, pointer):
    assert list(faults(declared(a("a"), a("b"), a("n", "integer"), a("o", "object"), **more))) == [pointer]


def test_a_field_with_a_fault_may_still_be_named_by_a_key():
    assert list(faults(declared(a("a", format="ipv4"), primaryKey="a"))) == ["/schema/fields/0/format"]


def test_a_reference_to_another_kind_must_find_a_key_of_the_same_type():
    there = from_declaration(
        declared(a("code"), a("n", "integer", constraints={"unique": True}), a("b"), name="there", primaryKey="code")
    )
    known = {"there": there}.get

    def said(resource, field):
        reference = {"resource": resource, "fields": field}
        kind = from_declaration(declared(a("a"), foreignKeys=[{"fields": "a", "reference": reference}]))
        return [fault.detail for fault in reference_faults(kind, known)]

    assert said("there", "code") == []
    assert "no import kind elsewhere" in said("elsewhere", "code")[0]
    assert "neither the primaryKey nor unique" in said("there", "b")[0]
    assert "neither the primaryKey nor unique" in said("there", "z")[0]
    assert "a is string, but n is integer" in said("there", "n")[0]


def test_each_alternative_of_a_reference_must_be_found_by_an_index_of_the_other_kind():
    there = from_declaration(
        declared(a("x"), a("y"), a("u", constraints={"unique": True}), a("n", "integer", constraints={"unique": True}), a("z"),
                 name="there", primaryKey=["x", "y"])
    )  # fmt: skip

    def said(*alternatives):
        key = {"fields": "a", "reference": {"resource": "there", "fields": "x"}, "alternatives": list(alternatives)}
        kind = from_declaration(declared(a("a"), foreignKeys=[key]))
        return [(fault.pointer, fault.detail) for fault in reference_faults(kind, {"there": there}.get)]

    assert said(["u"], ["x"]) == []
    assert said(["u"], ["y"], ["n"], ["gone"]) == [
        ("/schema/foreignKeys/0/alternatives/1", "y is neither the primaryKey nor unique there."),
        ("/schema/foreignKeys/0/alternatives/2", "a is string, but n is integer."),
        ("/schema/foreignKeys/0/alternatives/3", "gone is neither the primaryKey nor unique there."),
    ]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["string", "a", "email"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "schema", "fields", "type", "constraints", "enum", "values", "primaryKey", "rules", "reference", "foreignKeys"]),
        inner, max_size=5,
    ),
    max_leaves=20,
))  # fmt: skip
def test_any_document_is_a_kind_or_named_faults(document):
    kind = None
    with contextlib.suppress(InvalidDeclaration):
        kind = from_declaration(document)

    if kind is None:
        assert faults(document)
    else:
        assert from_declaration(to_declaration(kind)) == kind


# There and back -------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
WORDS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
VALUES = {
    FieldType.STRING: CELLS,
    FieldType.INTEGER: st.integers(-(2**63), 2**63 - 1).map(str),
    FieldType.NUMBER: st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    ).map(str),
    FieldType.BOOLEAN: st.sampled_from(["true", "false"]),
    FieldType.DATE: st.dates().map(date.isoformat),
    FieldType.DATETIME: st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    FieldType.TIME: st.times().map(lambda clock: clock.isoformat()),
}
FORMATS = {
    FieldType.STRING: ["default", "email", "uri", "uuid"],
    FieldType.DATE: ["default", "any", "%d.%m.%Y"],
    FieldType.DATETIME: ["default", "any", "%Y-%m-%d %H:%M:%S%z"],
    FieldType.TIME: ["default", "any", "%H:%M"],
}


@st.composite
def of_type(draw, kind):
    """What only some types have."""
    more = {"format": draw(st.sampled_from(FORMATS.get(kind, ["default"])))}
    if kind in VALUES:
        more["enum"] = draw(st.none() | st.lists(VALUES[kind], min_size=1, max_size=3, unique=True).map(tuple))
        targets = st.sampled_from(more["enum"]) if more["enum"] else VALUES[kind]
        more["values"] = draw(
            st.dictionaries(CELLS, targets, max_size=3).map(lambda pairs: tuple(sorted(pairs.items())))
        )
        more["unique"] = draw(st.booleans())
    match kind:
        case FieldType.STRING:
            more |= {
                "pattern": draw(st.none() | TEXT),
                "min_length": draw(st.none() | st.integers(0, 5)),
                "max_length": draw(st.none() | st.integers(5, 9)),
            }
        case FieldType.NUMBER:
            scale = draw(st.none() | st.integers(0, 18))
            more |= {"scale": scale, "precision": draw(st.none() | st.integers(18, 38)) if scale is not None else None}
            more |= draw(st.sampled_from([{}, {"decimal_char": ",", "group_char": "."}, {"group_char": "'"}]))
            more |= {"bare_number": draw(st.booleans()), "minimum": draw(st.none() | VALUES[kind])}
        case FieldType.INTEGER | FieldType.DATE | FieldType.TIME | FieldType.DATETIME:
            more["maximum"] = draw(st.none() | VALUES[kind])
            more |= (
                {"timezone": draw(st.sampled_from([None, "UTC", "America/Sao_Paulo"]))}
                if kind is FieldType.DATETIME
                else {}
            )
        case FieldType.BOOLEAN:
            more |= draw(st.sampled_from([{}, {"true_values": ("ja",), "false_values": ("nein", "0")}]))
        case _:
            pass
    return more


@st.composite
def fields(draw, name):
    kind = draw(st.sampled_from(FieldType))
    words = draw(st.sets(st.sampled_from(Normalization)))
    if {Normalization.LOWERCASE, Normalization.UPPERCASE} <= words:
        words -= {Normalization.UPPERCASE}
    return Field(
        name,
        kind,
        title=draw(st.none() | TEXT),
        description=draw(st.none() | TEXT),
        required=draw(st.booleans()),
        synonyms=draw(WORDS),
        normalize=tuple(one for one in Normalization if one in words),
        empty=draw(st.sampled_from([None, "clear", "keep"])),
        sensitive=draw(st.booleans()),
        example=draw(st.none() | CELLS),
        **draw(of_type(kind)),
    )


@st.composite
def kinds(draw):
    """Kinds in their normal form."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    drawn = [draw(fields(name)) for name in names]
    scalar = [one.name for one in drawn if one.type in VALUES]
    keys = st.lists(st.sampled_from(scalar), min_size=1, max_size=3, unique=True).map(tuple) if scalar else st.just(())
    primary = draw(st.just(()) | keys)
    unique = draw(st.lists(keys.filter(bool), max_size=2, unique=True).map(tuple)) if scalar else ()
    foreign = [ForeignKey(draw(keys), "elsewhere", ("x",))] if scalar and draw(st.booleans()) else []
    foreign = [replace(key, reference_fields=tuple(f"x{n}" for n in range(len(key.fields)))) for key in foreign]
    others = st.lists(st.sampled_from(["y", "z"]), max_size=2, unique=True)
    foreign = [
        replace(key, alternatives=tuple((name,) * len(key.fields) for name in draw(others) if len(key.fields) == 1), on_request=draw(st.booleans()))
        for key in foreign
    ]  # fmt: skip
    foreign += [ForeignKey(primary, "", primary)] if primary and draw(st.booleans()) else []
    determined = [name for name in scalar if name not in primary[:1]]
    depend = (
        [Dependency(primary[:1], draw(st.sampled_from(determined)), draw(st.booleans()))]
        if primary and determined
        else []
    )
    codes = draw(st.lists(st.sampled_from(["one", "two-three"]), unique=True))
    return ImportKind(
        draw(NAMES.filter(lambda name: name != "elsewhere")),
        Schema(
            tuple(replace(one, required=one.required or one.name in primary) for one in drawn),
            primary,
            unique,
            tuple(foreign),
            tuple(depend),
            draw(st.lists(CELLS, max_size=3, unique=True).map(tuple)),
            draw(st.none() | st.sampled_from(FieldsMatch)),
            tuple(Rule(code, draw(TEXT), draw(TEXT), draw(st.none() | TEXT), draw(st.none() | st.sampled_from(names))) for code in codes),
        ),
        draw(st.none() | TEXT),
        draw(st.none() | TEXT),
        draw(st.lists(st.sampled_from(Mode), min_size=1, unique=True).map(tuple)) if primary else (Mode.CREATE,),
        draw(st.builds(Limits, st.integers(1, 10**9), st.integers(1, 10**12))),
        draw(st.builds(Retention, *[st.none() | st.integers(1, 9999)] * 3)),
    )  # fmt: skip


@given(kinds())
def test_a_kind_comes_back_from_its_declaration_as_it_was(kind):
    assert from_declaration(json.loads(json.dumps(to_declaration(kind)))) == kind
