"""The import kind `item`: what there is stock of, by name; inventory rows refer to it."""

from rowferry.domain.schema import Field, Normalization, Schema
from rowferry.ports import ImportKind

NAME_LENGTH_MAX = 200

_TRIMMED = (Normalization.TRIM,)

kind = ImportKind(
    name="item",
    title="Items",
    description="What there is stock of, one row for each name.",
    schema=Schema(
        fields=(
            Field(
                "name",
                title="Name",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("item", "item_name"),
                normalize=_TRIMMED,
                example="Item A",
            ),
        ),
        primary_key=("name",),
    ),
)
