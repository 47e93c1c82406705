"""The import kind `unit-of-measure`: what quantities are counted in, by name and abbreviation; inventory rows refer to it."""

from rowferry.domain.schema import Field, Normalization, Schema
from rowferry.ports import ImportKind

NAME_LENGTH_MAX = 50

_TRIMMED = (Normalization.TRIM,)

kind = ImportKind(
    name="unit-of-measure",
    title="Units of measure",
    description="What quantities are counted in, one row for each name.",
    schema=Schema(
        fields=(
            Field(
                "name",
                title="Name",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("unit", "unit of measure", "uom"),
                normalize=_TRIMMED,
                example="Kilogram",
            ),
            Field(
                "abbreviation",
                title="Abbreviation",
                unique=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("abbr",),
                normalize=_TRIMMED,
                example="kg",
            ),
        ),
        primary_key=("name",),
    ),
)
