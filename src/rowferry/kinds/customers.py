"""The import kind `customers`: people and companies that buy, as the demo and the tutorial use it."""

from rowferry.domain.schema import Field, FieldType, ForeignKey, Normalization, Rule, Schema
from rowferry.ports import ImportKind

COUNTRIES = ("AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IE", "IT", "NL", "PL", "PT", "SE", "US")
COUNTRY_NAMES = (
    ("Austria", "AT"),
    ("Belgium", "BE"),
    ("Denmark", "DK"),
    ("Deutschland", "DE"),
    ("España", "ES"),
    ("France", "FR"),
    ("Germany", "DE"),
    ("Ireland", "IE"),
    ("Italia", "IT"),
    ("Italy", "IT"),
    ("Netherlands", "NL"),
    ("Poland", "PL"),
    ("Portugal", "PT"),
    ("Schweiz", "CH"),
    ("Spain", "ES"),
    ("Sweden", "SE"),
    ("Switzerland", "CH"),
    ("UK", "GB"),
    ("USA", "US"),
    ("United Kingdom", "GB"),
    ("United States", "US"),
    ("Österreich", "AT"),
)
ADDRESS_LENGTH_MAX = 254
"""Source: RFC 5321, 4.5.3.1.3, without the angle brackets."""

_TRIMMED = (Normalization.TRIM,)
_ADDRESS = (Normalization.TRIM, Normalization.LOWERCASE)

kind = ImportKind(
    name="customers",
    title="Customers",
    description="People and companies that buy from us, one row for each e-mail address.",
    schema=Schema(
        fields=(
            Field(
                "email",
                title="E-mail",
                format="email",
                required=True,
                max_length=ADDRESS_LENGTH_MAX,
                synonyms=("mail", "e-mail address"),
                normalize=_ADDRESS,
                example="ana@example.org",
            ),
            Field(
                "name",
                title="Name",
                required=True,
                max_length=200,
                synonyms=("full name", "customer", "customer name"),
                normalize=_TRIMMED,
                example="Ana García",
            ),
            Field(
                "country",
                title="Country",
                enum=COUNTRIES,
                values=COUNTRY_NAMES,
                synonyms=("country code",),
                normalize=_TRIMMED,
                example="ES",
            ),
            Field(
                "start_date",
                FieldType.DATE,
                title="Start date",
                minimum="1900-01-01",
                maximum="2100-12-31",
                synonyms=("customer since", "start"),
                normalize=_TRIMMED,
                example="2024-05-31",
            ),
            Field(
                "balance",
                FieldType.NUMBER,
                title="Balance",
                scale=2,
                minimum="-1000000",
                maximum="1000000",
                normalize=_TRIMMED,
                example="1234.50",
            ),
            Field(
                "active",
                FieldType.BOOLEAN,
                title="Active",
                true_values=("true", "1", "yes"),
                false_values=("false", "0", "no"),
                normalize=_ADDRESS,
                example="yes",
            ),
            Field(
                "manager_email",
                title="Manager",
                description="The e-mail address of the customer that this one reports to.",
                format="email",
                max_length=ADDRESS_LENGTH_MAX,
                synonyms=("manager e-mail", "reports to"),
                normalize=_ADDRESS,
                empty="keep",
                example="luis@example.org",
            ),
            Field(
                "tax_id",
                title="Tax id",
                description="Eleven digits, needed of German customers.",
                pattern="[0-9]{11}",
                unique=True,
                synonyms=("tax number", "Steuernummer"),
                normalize=_TRIMMED,
                sensitive=True,
                example="12345678901",
            ),
        ),
        primary_key=("email",),
        unique_keys=(("tax_id",),),
        foreign_keys=(ForeignKey(("manager_email",), "", ("email",)),),
        missing_values=("", "NULL", "n/a"),
        rules=(
            Rule(
                code="german-needs-tax-id",
                when="country = 'DE'",
                then="tax_id IS NOT NULL",
                message="A German customer needs a tax id.",
                field="tax_id",
            ),
        ),
    ),
)
