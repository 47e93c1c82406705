"""The import kind `bin`: where stock lies, by name, with its location and the area there; inventory rows refer to it."""

from rowferry.domain.schema import Field, Normalization, Schema
from rowferry.ports import ImportKind

NAME_LENGTH_MAX = 200

_TRIMMED = (Normalization.TRIM,)

kind = ImportKind(
    name="bin",
    title="Bins",
    description="Where stock lies, one row for each name.",
    schema=Schema(
        fields=(
            Field(
                "name",
                title="Name",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("bin", "bin_name"),
                normalize=_TRIMMED,
                example="Bin 1",
            ),
            Field(
                "location",
                title="Location",
                max_length=NAME_LENGTH_MAX,
                synonyms=("location_name",),
                normalize=_TRIMMED,
                example="North",
            ),
            Field(
                "location_area",
                title="Location area",
                max_length=NAME_LENGTH_MAX,
                synonyms=("location_area_name", "area"),
                normalize=_TRIMMED,
                example="Cold store",
            ),
        ),
        primary_key=("name",),
    ),
)
