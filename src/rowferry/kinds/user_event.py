"""The import kind `user_event_batch`: what users did, each row an event of its own and none ever an update.

The entity that an event names may be looked up on request. Rowferry gives an entity no id of its own: the id by which a client knows
an entity is its external id, so that is what `entity_id` means too.
"""

from rowferry.domain.schema import Field, FieldType, ForeignKey, Mode, Normalization, Rule, Schema
from rowferry.ports import ImportKind

COUNTRY_PATTERN = "[A-Z]{2}"
"""Source: ISO 3166-1 alpha-2, by its form; which codes are given changes."""
TEXT_LENGTH_MAX = 1_000

_TRIMMED = (Normalization.TRIM,)
_CODE = (Normalization.TRIM, Normalization.UPPERCASE)


def _words(name: str, title: str, *synonyms: str) -> Field:
    return Field(name, title=title, max_length=TEXT_LENGTH_MAX, synonyms=synonyms, normalize=_TRIMMED)


def _truth(name: str, title: str, synonym: str) -> Field:
    return Field(name, FieldType.BOOLEAN, title=title, synonyms=(synonym,), normalize=_TRIMMED)


kind = ImportKind(
    name="user_event_batch",
    title="User events",
    description="What users did: every row is a new event. Times without a zone are UTC.",
    modes=(Mode.CREATE,),
    schema=Schema(
        fields=(
            Field(
                "event_type",
                title="Event type",
                required=True,
                max_length=100,
                synonyms=("eventType",),
                normalize=_TRIMMED,
                example="LOGIN_SUCCESS",
            ),
            _words("entity_id", "Entity id", "entityId"),
            _words("entity_external_id", "Entity external id", "entityExternalId"),
            _words("tax_id", "Tax id", "taxId"),
            _words("user_id", "User id", "userId"),
            Field(
                "timestamp",
                FieldType.DATETIME,
                title="Timestamp",
                timezone="UTC",
                normalize=_TRIMMED,
                example="2026-06-26T12:00:00Z",
            ),
            Field(
                "event_date",
                FieldType.DATE,
                title="Event date",
                synonyms=("eventDate",),
                normalize=_TRIMMED,
                example="2026-06-26",
            ),
            _words("device_id", "Device id", "deviceId"),
            Field("device_details", FieldType.OBJECT, title="Device details", synonyms=("deviceDetails",)),
            _words("ip_address", "IP address", "ipAddress"),
            Field("country", title="Country", pattern=COUNTRY_PATTERN, normalize=_CODE, example="AR"),
            _truth("is_vpn", "Is VPN", "isVpn"),
            _truth("is_proxy", "Is proxy", "isProxy"),
            _truth("is_new_device", "Is new device", "isNewDevice"),
            Field(
                "failed_attempts_count",
                FieldType.INTEGER,
                title="Failed attempts",
                minimum="0",
                synonyms=("failedAttemptsCount",),
                normalize=_TRIMMED,
                example="3",
            ),
            _words("destination_account_id", "Destination account id", "destinationAccountId"),
            _words("destination_cuit", "Destination CUIT", "destinationCuit"),
            _words("previous_value", "Previous value", "previousValue"),
            _words("user_agent", "User agent", "userAgent"),
            Field("metadata", FieldType.OBJECT, title="Metadata"),
        ),
        foreign_keys=(
            ForeignKey(("entity_external_id",), "entity_automatic", ("external_id",), on_request=True),
            ForeignKey(("entity_id",), "entity_automatic", ("external_id",), on_request=True),
            ForeignKey(("tax_id",), "entity_automatic", ("tax_id",), on_request=True),
        ),
        rules=(
            Rule(
                code="entity-not-named",
                then="entity_id IS NOT NULL OR entity_external_id IS NOT NULL OR tax_id IS NOT NULL",
                message="An event names its entity: give entity_id, entity_external_id or tax_id.",
            ),
        ),
    ),
)
