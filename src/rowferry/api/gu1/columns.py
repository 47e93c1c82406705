"""What a saved mapping or a columnMapping means: columns to fields of the kind, and values where a row has none."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rowferry.api.gu1.words import TYPE_OF_TARGET
from rowferry.domain.faults import Invalid, Pointed
from rowferry.domain.schema import Field, Normalization, Schema

COLUMNS_MAX = 500
COLUMN_CHARACTERS_MAX = 1_000
FAULTS_MAX = 20
V2 = ("path", "transform", "constant", "default")
"""Members of the richer value of a column."""
TRANSFORMS: Mapping[str, Normalization | None] = {
    "none": None,
    "trim": Normalization.TRIM,
    "uppercase": Normalization.UPPERCASE,
    "lowercase": Normalization.LOWERCASE,
}
"""Transforms, taken only where the field does the same by itself."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Columns to fields, and the texts of fields where a row has none. A constant is such a text, whatever column it stands at."""

    mapping: tuple[tuple[str, str], ...]
    defaults: Mapping[str, str]


def snake(name: str) -> str:
    """`taxId` as `tax_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def field_of(name: str, schema: Schema) -> Field | None:
    """The field that a member of the dialect means: by its name in camelCase or snake_case, or by another that the kind knows."""
    by_name = {one.name: one for one in schema.fields}
    by_synonym = {synonym: one for one in schema.fields for synonym in (*one.synonyms, (one.title or one.name).lower())}
    return by_name.get(snake(name)) or by_synonym.get(name)


def named(columns: Sequence[str], schema: Schema, path: str) -> tuple[tuple[str, str], ...]:
    """The members of JSON items as a mapping.

    Raises:
        Invalid: the kind does not know one.
    """
    fields = {column: field_of(column, schema) for column in columns}
    unknown = [column for column, field in fields.items() if field is None]
    if unknown:
        raise _invalid([Pointed(f"There is no field {one[:100]}.", path) for one in unknown])
    return tuple((column, field.name) for column, field in fields.items() if field is not None)


def header_of(columns: Sequence[str], schema: Schema) -> list[str]:
    """What a file calls the members of JSON items: as the fields that they mean, and one that is not known as it is."""
    fields = [(column, field_of(column, schema)) for column in columns]
    return [column if field is None else field.name for column, field in fields]


def translated(
    columns: Mapping[str, object], defaults: Mapping[str, object] | None, target: str, schema: Schema
) -> Translation:
    """A mapping as an import takes it.

    Raises:
        Invalid: it names what the kind does not have, or asks for what is not done here; `errors` has every fault.
    """
    reading = _Reading(schema)
    for name, value in (defaults or {}).items():
        reading.default(name, value, f"/defaultFields/{name}")
    for column, value in columns.items():
        reading.column(column, value)
    if target in TYPE_OF_TARGET:
        reading.defaults["type"] = TYPE_OF_TARGET[target]
    if reading.faults:
        raise _invalid(reading.faults)
    return Translation(tuple(reading.mapping.items()), reading.defaults)


class _Reading:
    """A mapping under way, with all that is wrong with it."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.mapping: dict[str, str] = {}
        self.defaults: dict[str, str] = {}
        self.faults: list[Pointed] = []

    def column(self, column: str, value: object) -> None:
        """What becomes of one column."""
        at = f"/columnMapping/{column}"
        wish: dict[str, object] = {"path": value} if isinstance(value, str) else {}
        if isinstance(value, dict):
            wish = cast("dict[str, object]", value)
        unknown = [name for name in wish if name not in V2]
        if not isinstance(wish.get("path"), str) or unknown:
            self._wrong(at, f"{column[:100]} must be the path of a field, or an object of {', '.join(V2)}.")
            return
        field = self._field(str(wish["path"]), at)
        if field is None:
            return
        self._transform(field, wish.get("transform"), at)
        if wish.get("default") is not None:
            self.default(field.name, wish["default"], at)
        if wish.get("constant") is not None:
            self.default(field.name, wish["constant"], at)
        else:
            self._take(column, field.name, at)

    def default(self, name: str, value: object, at: str) -> None:
        """A value of a field where a row has none."""
        field = self._field(name, at)
        if field is None or value is None:
            return
        if isinstance(value, str):
            self.defaults[field.name] = value
        else:
            self.defaults[field.name] = json.dumps(value, ensure_ascii=False)

    def _take(self, column: str, name: str, at: str) -> None:
        other = next((known for known, taken in self.mapping.items() if taken == name), None)
        if other is not None:
            self._wrong(at, f"The columns {other[:100]} and {column[:100]} both go to {name}.")
        self.mapping[column] = name

    def _transform(self, field: Field, wish: object, at: str) -> None:
        if wish is None:
            return
        if not isinstance(wish, str) or wish not in TRANSFORMS:
            self._wrong(at, f"The transform {str(wish)[:100]} is not done here. Take {', '.join(TRANSFORMS)}.")
        elif TRANSFORMS[wish] is not None and TRANSFORMS[wish] not in field.normalize:
            self._wrong(
                at, f"The transform {wish} is not done for {field.name}, whose values stay as they are written."
            )

    def _field(self, path: str, at: str) -> Field | None:
        outer, dot, _ = path.partition(".")
        if dot and field_of(outer, self._schema) is not None:
            reason = (
                f"{path[:100]} leads into {outer[:100]}. Map a column with the whole value as JSON to {outer[:100]}."
            )
            self._wrong(at, reason)
            return None
        field = field_of(path, self._schema)
        if field is None:
            self._wrong(at, f"There is no field {path[:100]}.")
        return field

    def _wrong(self, at: str, reason: str) -> None:
        self.faults.append(Pointed(reason, at))


def _invalid(faults: Sequence[Pointed]) -> Invalid:
    shown = tuple(faults[:FAULTS_MAX])
    return Invalid(reason=" ".join(dict.fromkeys(fault.detail for fault in shown)), errors=shown)
