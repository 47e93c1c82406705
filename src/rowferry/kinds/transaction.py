"""The import kind `transaction_batch`: payments and transfers by their external id, amounts with all their decimals.

Who gives and who takes may be looked up on request. Rowferry gives an entity no id of its own: the id by which a client knows an
entity is its external id, so that is what `origin_entity_id` and `destination_entity_id` mean too.
"""

from rowferry.domain.schema import Field, FieldType, ForeignKey, Normalization, Schema
from rowferry.ports import ImportKind

TYPES = (
    *("PAYMENT", "TRANSFER", "WITHDRAWAL", "DEPOSIT", "REFUND"),
    *("CHARGEBACK", "REVERSAL", "FEE", "ADJUSTMENT", "OTHER"),
)
STATUSES = ("CREATED", "PROCESSING", "SUSPENDED", "SENT", "EXPIRED", "DECLINED", "REFUNDED", "SUCCESSFUL")
COUNTRY_PATTERN = "[A-Z]{2}"
"""Source: ISO 3166-1 alpha-2, by its form; which codes are given changes."""
ID_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 1_000

_TRIMMED = (Normalization.TRIM,)
_CODE = (Normalization.TRIM, Normalization.UPPERCASE)


def _identity(name: str, title: str, synonym: str, *, required: bool = False) -> Field:
    return Field(
        name, title=title, required=required, max_length=ID_LENGTH_MAX, synonyms=(synonym,), normalize=_TRIMMED
    )


def _words(name: str, title: str, *synonyms: str) -> Field:
    return Field(name, title=title, max_length=TEXT_LENGTH_MAX, synonyms=synonyms, normalize=_TRIMMED)


def _party(side: str, title: str) -> tuple[Field, ...]:
    """Who gives or takes: five fields, alike on both sides."""
    return (
        _identity(f"{side}_entity_id", f"{title} entity id", f"{side}EntityId"),
        _identity(f"{side}_external_id", f"{title} external id", f"{side}ExternalId"),
        _words(f"{side}_name", f"{title} name", f"{side}Name"),
        Field(
            f"{side}_country",
            title=f"{title} country",
            pattern=COUNTRY_PATTERN,
            synonyms=(f"{side}Country",),
            normalize=_CODE,
        ),
        Field(f"{side}_details", FieldType.OBJECT, title=f"{title} details", synonyms=(f"{side}Details",)),
    )


kind = ImportKind(
    name="transaction_batch",
    title="Transactions",
    description="Payments and transfers, one row for each external id. Times without a zone are UTC.",
    schema=Schema(
        fields=(
            _identity("external_id", "External id", "externalId", required=True),
            Field("type", title="Type", required=True, enum=TYPES, normalize=_CODE, example="PAYMENT"),
            Field(
                "amount",
                FieldType.NUMBER,
                title="Amount",
                required=True,
                decimal_char=".",
                minimum="0",
                normalize=_TRIMMED,
                example="1250.75",
            ),
            Field(
                "currency",
                title="Currency",
                required=True,
                min_length=3,
                max_length=4,
                normalize=_CODE,
                example="USD",
            ),
            Field("status", title="Status", enum=STATUSES, normalize=_CODE, example="CREATED"),
            Field(
                "transacted_at",
                FieldType.DATETIME,
                title="Transacted at",
                timezone="UTC",
                synonyms=("transactedAt",),
                normalize=_TRIMMED,
                example="2026-06-26T12:00:00Z",
            ),
            Field(
                "payment_method",
                title="Payment method",
                max_length=50,
                synonyms=("paymentMethod",),
                normalize=_CODE,
                example="CARD",
            ),
            _words("description", "Description"),
            _words("category", "Category"),
            _words("channel", "Channel"),
            _words("reason", "Reason"),
            *_party("origin", "Origin"),
            *_party("destination", "Destination"),
            Field("location_details", FieldType.OBJECT, title="Location details", synonyms=("locationDetails",)),
            Field("device_details", FieldType.OBJECT, title="Device details", synonyms=("deviceDetails",)),
            Field("metadata", FieldType.OBJECT, title="Metadata"),
        ),
        primary_key=("external_id",),
        foreign_keys=tuple(
            ForeignKey((f"{side}_{name}",), "entity_automatic", ("external_id",), on_request=True)
            for side in ("origin", "destination")
            for name in ("external_id", "entity_id")
        ),
    ),
)
