"""What a mapping means: paths in two spellings, defaults, constants, and every fault of one at once."""

import pytest

from rowferry.api.gu1.columns import field_of, header_of, named, snake, translated
from rowferry.api.gu1.words import BatchKind
from rowferry.domain.faults import Invalid
from rowferry.kinds import discover

KINDS = discover((), lambda _: None).kinds
ENTITY = KINDS[BatchKind.ENTITIES].schema
TRANSACTION = KINDS[BatchKind.TRANSACTIONS].schema
EVENT = KINDS[BatchKind.EVENTS].schema
ENTITY_MEMBERS = "taxId type suggestedName name countryCode externalId email phone nationality registrationDate attributes entityData isClient status"
TRANSACTION_MEMBERS = (
    "externalId type amount currency status transactedAt paymentMethod description category channel reason originEntityId originExternalId "
    "originName originCountry originDetails destinationEntityId destinationExternalId destinationName destinationCountry destinationDetails "
    "locationDetails deviceDetails metadata"
)
EVENT_MEMBERS = (
    "eventType entityId entityExternalId taxId userId timestamp eventDate deviceId deviceDetails ipAddress country isVpn isProxy isNewDevice "
    "failedAttemptsCount destinationAccountId destinationCuit previousValue userAgent metadata"
)


def refused(columns: dict, defaults: dict | None = None, target: str = "entity_mixed") -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        translated(columns, defaults, target, ENTITY)
    return [(fault.pointer, fault.detail) for fault in caught.value.errors]


@pytest.mark.parametrize(
    ("schema", "members"), [(ENTITY, ENTITY_MEMBERS), (TRANSACTION, TRANSACTION_MEMBERS), (EVENT, EVENT_MEMBERS)]
)
def test_every_member_of_the_wire_is_a_field(schema, members):
    fields = {member: field_of(member, schema) for member in members.split()}
    assert [member for member, field in fields.items() if field is None] == []
    assert {field.name for field in fields.values()} == set(schema.names)


@pytest.mark.parametrize(("name", "word"), [("taxId", "tax_id"), ("tax_id", "tax_id"), ("isVPN", "is_vpn")])
def test_names_are_read_in_both_spellings(name, word):
    assert snake(name) == word


def test_a_mapping_sends_columns_to_fields():
    found = translated(
        {"Tax number": "taxId", "Full name": {"path": "suggested_name", "transform": "trim"}},
        {"countryCode": "AR", "isClient": True, "attributes": {"a": [1]}, "email": None},
        "entity_person",
        ENTITY,
    )
    assert found.mapping == (("Tax number", "tax_id"), ("Full name", "suggested_name"))
    assert found.defaults == {
        "country_code": "AR",
        "is_client": "true",
        "attributes": '{"a": [1]}',
        "type": "person",
    }


def test_a_constant_needs_no_column_and_a_default_keeps_its_own():
    found = translated(
        {
            "A": {"path": "taxId"},
            "B": {"path": "type", "constant": "company"},
            "C": {"path": "status", "default": "active"},
        },
        None,
        "entity_mixed",
        ENTITY,
    )
    assert found.mapping == (("A", "tax_id"), ("C", "status"))
    assert found.defaults == {"type": "company", "status": "active"}


def test_a_mapping_for_companies_makes_companies_of_rows_without_a_type():
    assert translated({"A": "taxId"}, {"type": "person"}, "entity_company", ENTITY).defaults == {"type": "company"}


@pytest.mark.parametrize("transform", ["none", "trim", "uppercase"])
def test_a_transform_that_the_field_does_itself_is_taken(transform):
    assert translated({"A": {"path": "countryCode", "transform": transform}}, None, "entity_mixed", ENTITY).mapping


def test_every_fault_is_told_with_its_place():
    faults = refused(
        {
            "A": "nope",
            "B": {"path": "attributes.segment"},
            "C": "taxId",
            "D": "tax_id",
            "E": 7,
            "F": {"path": "email", "x": 1},
        },
        {"wrong": 1},
    )
    assert [place for place, _ in faults] == [
        "/defaultFields/wrong", "/columnMapping/A", "/columnMapping/B", "/columnMapping/D", "/columnMapping/E", "/columnMapping/F",
    ]  # fmt: skip
    assert "leads into attributes" in faults[2][1]
    assert "both go to tax_id" in faults[3][1]


@pytest.mark.parametrize("transform", ["uppercase", "reverse", ["trim"]])
def test_a_transform_that_would_change_values_is_named_and_refused(transform):
    ((place, said),) = refused({"A": {"path": "taxId", "transform": transform}})
    assert place == "/columnMapping/A"
    assert str(transform) in said


def test_members_of_items_are_fields_or_are_named():
    assert named(["taxId", "name"], ENTITY, "/items") == (("taxId", "tax_id"), ("name", "suggested_name"))
    with pytest.raises(Invalid, match="There is no field foo"):
        named(["taxId", "foo"], ENTITY, "/items")


def test_a_file_made_of_json_has_the_names_of_the_fields():
    assert header_of(["externalId", "foo", "amount"], TRANSACTION) == ["external_id", "foo", "amount"]
