"""The import kind `entity_automatic`: people and companies by tax id, with the columns of the platform's CSV.

Rowferry gives an entity no id of its own: the id by which a client knows it is its external id, and other kinds refer to that. That one
tax id is not of two types is looked at by imports that are strict.
"""

from rowferry.domain.schema import Dependency, Field, FieldType, Normalization, Schema
from rowferry.ports import ImportKind

TYPES = ("person", "company")
STATUSES = ("active", "inactive", "blocked", "under_review", "suspended", "expired", "deleted", "rejected")
COUNTRY_PATTERN = "[A-Z]{2}"
"""Source: ISO 3166-1 alpha-2, by its form; which codes are given changes."""

_TRIMMED = (Normalization.TRIM,)
_WORD = (Normalization.TRIM, Normalization.LOWERCASE)
_CODE = (Normalization.TRIM, Normalization.UPPERCASE)

kind = ImportKind(
    name="entity_automatic",
    title="Entities",
    description="People and companies, one row for each tax id and type.",
    schema=Schema(
        fields=(
            Field(
                "tax_id",
                title="Tax id",
                required=True,
                max_length=64,
                synonyms=("taxId",),
                normalize=_TRIMMED,
                example="20-12345678-3",
            ),
            Field("type", title="Type", required=True, enum=TYPES, normalize=_WORD, example="person"),
            Field(
                "suggested_name",
                title="Name",
                max_length=300,
                synonyms=("suggestedName", "full name"),
                normalize=_TRIMMED,
                example="Ana García",
            ),
            Field(
                "country_code",
                title="Country",
                pattern=COUNTRY_PATTERN,
                synonyms=("countryCode",),
                normalize=_CODE,
                example="AR",
            ),
            Field(
                "external_id",
                title="External id",
                unique=True,
                max_length=200,
                synonyms=("externalId",),
                normalize=_TRIMMED,
                example="crm-1001",
            ),
            Field("email", title="E-mail", format="email", max_length=254, normalize=_WORD, example="ana@example.org"),
            Field("phone", title="Phone", max_length=50, normalize=_TRIMMED, example="+54 11 5555 0100"),
            Field("nationality", title="Nationality", pattern=COUNTRY_PATTERN, normalize=_CODE, example="AR"),
            Field(
                "registration_date",
                FieldType.DATE,
                title="Registration date",
                synonyms=("registrationDate",),
                normalize=_TRIMMED,
                example="2024-05-31",
            ),
            Field("attributes", FieldType.OBJECT, title="Attributes", example='{"segment": "retail"}'),
            Field("entity_data", FieldType.OBJECT, title="Entity data", synonyms=("entityData",)),
            Field(
                "is_client",
                FieldType.BOOLEAN,
                title="Is client",
                synonyms=("isClient",),
                normalize=_TRIMMED,
                example="true",
            ),
            Field("status", title="Status", enum=STATUSES, normalize=_WORD, example="under_review"),
        ),
        primary_key=("tax_id", "type"),
        dependencies=(Dependency(("tax_id",), "type", on_request=True),),
    ),
)
