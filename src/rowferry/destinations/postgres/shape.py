"""What a table was made for, and which changes of a declaration only add to it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from rowferry.domain.schema import Field, FieldType, Schema

DIGITS_MAX = 38
"""Digits of a number whose declaration has a scale and no precision; as many as a decimal of Polars holds."""


def digits(field: Field) -> tuple[int, int] | None:
    """Digits in all and decimals of a number's column, None where it takes any. A precision alone is one of whole numbers, as in SQL."""
    if field.type is not FieldType.NUMBER or (field.scale is None and field.precision is None):
        return None
    return field.precision or DIGITS_MAX, field.scale or 0


@dataclass(frozen=True, slots=True)
class Column:
    """What a field promises of the values that are stored in its column."""

    type: str
    digits: int | None
    scale: int | None
    required: bool
    enum: tuple[str, ...] | None
    pattern: str | None
    format: str | None
    minimum: str | None
    maximum: str | None
    min_length: int | None
    max_length: int | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a kind promises of its stored rows.

    How cells are read and titles are no part of it, nor is what is asked of a row only when it comes: rules between fields, foreign
    keys and dependencies.
    """

    columns: dict[str, Column]
    primary_key: tuple[str, ...]
    unique_sets: tuple[tuple[str, ...], ...]

    def to_json(self) -> str:
        """The text that the table keeps as its comment."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def from_schema(schema: Schema) -> Shape:
    """The shape that a declaration asks for."""
    return Shape(
        {one.name: _column(one) for one in schema.fields},
        schema.primary_key,
        schema.unique_sets,
    )


def from_json(text: str) -> Shape:
    """The shape that a table's comment tells.

    Raises:
        ValueError: the text is no shape of ours.
    """
    try:
        read = json.loads(text)
        return Shape(
            {name: _column_from(one) for name, one in read["columns"].items()},
            tuple(read["primary_key"]),
            tuple(tuple(one) for one in read["unique_sets"]),
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("not the shape of a table") from error


def differences(old: Shape, new: Shape) -> list[str]:
    """What the new declaration takes away or narrows, in words; empty when it only adds."""
    found = [f"the field {name} is gone" for name in old.columns if name not in new.columns]
    for name, column in new.columns.items():
        if name in old.columns:
            found += [f"{name}: {words}" for words in _narrowed(old.columns[name], column)]
        elif column.required:
            found.append(f"the new field {name} is required")
    if old.primary_key != new.primary_key:
        found.append(f"the primary key is {_key(old.primary_key)} and would be {_key(new.primary_key)}")
    found += [f"{_key(one)} would be unique" for one in new.unique_sets if one not in old.unique_sets]
    found += [f"{_key(one)} would no longer be unique" for one in old.unique_sets if one not in new.unique_sets]
    return found


def _narrowed(old: Column, new: Column) -> Iterator[str]:
    if old.type != new.type:
        yield f"its type is {old.type} and would be {new.type}"
        return
    if not _digits_fit(old, new):
        yield f"its digits would be fewer ({_digits(old)} to {_digits(new)})"
    if new.required and not old.required:
        yield "it would be required"
    if new.enum is not None and (old.enum is None or not set(old.enum) <= set(new.enum)):
        yield "its enum would allow fewer values"
    if new.pattern not in {None, old.pattern}:
        yield "its pattern would be another"
    if new.format not in {None, old.format}:
        yield f"its format would be {new.format}"
    yield from _bounds(old, new)


def _bounds(old: Column, new: Column) -> Iterator[str]:
    if new.minimum not in {None, old.minimum} and not _at_most(new.minimum, old.minimum):
        yield f"its minimum would be {new.minimum}"
    if new.maximum not in {None, old.maximum} and not _at_most(old.maximum, new.maximum):
        yield f"its maximum would be {new.maximum}"
    if new.min_length is not None and (old.min_length is None or new.min_length > old.min_length):
        yield f"its minLength would be {new.min_length}"
    if new.max_length is not None and (old.max_length is None or new.max_length < old.max_length):
        yield f"its maxLength would be {new.max_length}"


def _at_most(low: str | None, high: str | None) -> bool:
    if low is None or high is None:
        return False
    try:
        return Decimal(low) <= Decimal(high)
    except InvalidOperation:
        return low <= high  # dates and times as ISO 8601 are in order as texts


def _digits_fit(old: Column, new: Column) -> bool:
    if new.scale is None or new.digits is None:
        return True
    if old.scale is None or old.digits is None:
        return False
    return new.scale >= old.scale and new.digits - new.scale >= old.digits - old.scale


def _digits(column: Column) -> str:
    return "any number" if column.scale is None else f"{column.digits}, {column.scale} of them decimals"


def _key(fields: tuple[str, ...]) -> str:
    return f"({', '.join(fields)})"


def _column(one: Field) -> Column:
    whole, decimals = digits(one) or (None, None)
    text = one.type is FieldType.STRING and one.format != "default"
    return Column(
        type=one.type.value,
        digits=whole,
        scale=decimals,
        required=one.required,
        enum=one.enum,
        pattern=one.pattern,
        format=one.format if text else None,
        minimum=one.minimum,
        maximum=one.maximum,
        min_length=one.min_length,
        max_length=one.max_length,
    )


def _column_from(read: dict[str, Any]) -> Column:
    values: dict[str, Any] = {**read, "enum": None if read["enum"] is None else tuple(read["enum"])}
    return Column(**values)
