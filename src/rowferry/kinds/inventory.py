"""The import kind `inventory-import`: how much of an item lies in a bin, by lot and date filled."""

from rowferry.domain.schema import Field, FieldType, ForeignKey, Normalization, Rule, Schema
from rowferry.ports import ImportKind

NAME_LENGTH_MAX = 200

_TRIMMED = (Normalization.TRIM,)

kind = ImportKind(
    name="inventory-import",
    title="Inventory Import",
    description="Stock on hand: one row for each item, bin, lot and date filled.",
    schema=Schema(
        fields=(
            Field(
                "item_name",
                title="Item",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("item name",),
                normalize=_TRIMMED,
                example="Item A",
            ),
            Field(
                "bin_name",
                title="Bin",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("bin name",),
                normalize=_TRIMMED,
                example="Bin 1",
            ),
            Field(
                "lot_name",
                title="Lot",
                required=True,
                max_length=NAME_LENGTH_MAX,
                synonyms=("lot name",),
                normalize=_TRIMMED,
                example="Lot 1",
            ),
            Field(
                "date_filled",
                FieldType.DATE,
                title="Date filled",
                required=True,
                normalize=_TRIMMED,
                example="2026-03-04",
            ),
            Field(
                "quantity",
                FieldType.NUMBER,
                title="Quantity",
                description="A number greater than 0, kept with all its decimals.",
                required=True,
                decimal_char=".",
                minimum="0",
                synonyms=("qty", "amount"),
                normalize=_TRIMMED,
                example="12.5",
            ),
            Field(
                "uom",
                title="Unit of measure",
                description="The name of the unit or its abbreviation.",
                required=True,
                max_length=50,
                synonyms=("unit", "unit of measure"),
                normalize=_TRIMMED,
                example="kg",
            ),
        ),
        primary_key=("item_name", "bin_name", "lot_name", "date_filled"),
        foreign_keys=(
            ForeignKey(("item_name",), "item", ("name",)),
            ForeignKey(("bin_name",), "bin", ("name",)),
            ForeignKey(("lot_name",), "lot", ("name",)),
            ForeignKey(("uom",), "unit-of-measure", ("name",), alternatives=(("abbreviation",),)),
        ),
        rules=(
            Rule(  # a minimum includes itself
                code="quantity-not-positive",
                then="quantity <> 0",
                message="A quantity is greater than 0.",
                field="quantity",
            ),
        ),
    ),
)
