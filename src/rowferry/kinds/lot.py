"""The import kind `lot`: batches that stock comes in, by name; inventory rows refer to it."""

from rowferry.domain.schema import Field, Normalization, Schema
from rowferry.ports import ImportKind

NAME_LENGTH_MAX = 200

_TRIMMED = (Normalization.TRIM,)

kind = ImportKind(
    name="lot",
    title="Lots",
    description="Batches that stock comes in, one row for each name.",
    schema=Schema(
        fields=(
            Field(
                "name",
                title="Name",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("lot", "lot_name"),
                normalize=_TRIMMED,
                example="Lot 1",
            ),
        ),
        primary_key=("name",),
    ),
)
