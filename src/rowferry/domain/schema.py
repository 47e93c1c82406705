"""What a row of a kind must look like: fields, types, rules, keys, modes, empty cells."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from rowferry.domain.access import TenantId


class FieldType(StrEnum):
    """The types of Table Schema that a kind may use."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    OBJECT = "object"
    ARRAY = "array"


class Normalization(StrEnum):
    """What is done to the text of a cell before anything is checked, in the order of this list."""

    TRIM = "trim"
    COLLAPSE_SPACES = "collapse_spaces"
    NFC = "nfc"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


class Mode(StrEnum):
    """What an import does with rows that exist, and with those that do not."""

    UPSERT = "upsert"
    CREATE = "create"
    UPDATE = "update"
    SKIP_EXISTING = "skip_existing"

    @property
    def overwrites(self) -> bool:
        """Whether a row that exists is made like that of the file."""
        return self in {Mode.UPSERT, Mode.UPDATE}


class FieldsMatch(StrEnum):
    """How the columns of a file and the fields of the kind must agree. Source: Table Schema (Data Package v2), fieldsMatch."""

    EXACT = "exact"
    """The same fields in the same order."""
    EQUAL = "equal"
    """The same fields in any order."""
    SUBSET = "subset"
    """All fields of the kind; the file may have more columns."""
    SUPERSET = "superset"
    """Only fields of the kind; the file may leave out those that are not required."""
    PARTIAL = "partial"
    """At least one field in common."""


Empty = Literal["clear", "keep"]
"""What an empty cell does to a stored value: write null, or leave the old value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. `minimum` and `maximum` are kept as the text of the declaration, so that decimals stay exact.

    `precision` counts all digits, `scale` those after the point. `values` maps texts of the file to values of the field.
    """

    name: str
    type: FieldType = FieldType.STRING
    title: str | None = None
    description: str | None = None
    format: str = "default"
    required: bool = False
    unique: bool = False
    enum: tuple[str, ...] | None = None
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    scale: int | None = None
    precision: int | None = None
    decimal_char: str | None = None
    group_char: str | None = None
    bare_number: bool = True
    true_values: tuple[str, ...] = ("true", "True", "TRUE", "1")
    false_values: tuple[str, ...] = ("false", "False", "FALSE", "0")
    values: tuple[tuple[str, str], ...] = ()
    synonyms: tuple[str, ...] = ()
    normalize: tuple[Normalization, ...] = ()
    empty: Empty | None = None
    sensitive: bool = False
    example: str | None = None
    timezone: str | None = None

    @property
    def label(self) -> str:
        """What a person calls the field."""
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Values of `fields` must be those of `reference_fields` of a row of the kind `resource`; "" is the kind itself.

    A row of the other kind may also be named by one of `alternatives`, each as many fields as `fields`. One that is `on_request` is
    looked at only by imports that are `strict`.
    """

    fields: tuple[str, ...]
    resource: str
    reference_fields: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...] = ()
    on_request: bool = False


@dataclass(frozen=True, slots=True)
class Dependency:
    """All rows with the same values of `fields` have one value of `determines` (a functional dependency).

    `fields` are a beginning of the primary key, so that the look-up has an index. One that is `on_request` is looked at only by imports that
    are `strict`.
    """

    fields: tuple[str, ...]
    determines: str
    on_request: bool = False


Check = Callable[..., object]
"""A rule's function: of a `polars.DataFrame` with typed columns it gives for each row whether it is good (Boolean `Series` or `Expr`).

It is asked about some rows at a time, and about the same rows again when a job is tried again: what it says of a row may depend on that row alone.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule across fields: where `when` holds (None: always), `then` must hold; the issue is about `field`.

    Both are SQL boolean expressions over typed fields. In a kind that is a Python file `then` may be a function over whole columns; it
    gets those of `fields`, with the rows for which `when` holds and whose cells in these fields could be read.
    """

    code: str
    then: str | Check = field(hash=False)  # a function may be an object that has no hash
    message: str
    when: str | None = None
    field: str | None = None
    fields: tuple[str, ...] = ()
    """The fields that a function is asked about. Conditions name theirs themselves."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of a kind and how rows are told apart. A kind without `primary_key` only creates rows."""

    fields: tuple[Field, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    missing_values: tuple[str, ...] = ("",)
    fields_match: FieldsMatch | None = None
    rules: tuple[Rule, ...] = ()

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            KeyError: the schema has none.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in their order."""
        return tuple(one.name for one in self.fields)

    def held_references(self, fields: Collection[str], *, strict: bool) -> tuple[ForeignKey, ...]:
        """The foreign keys that rows which bring these fields must keep to."""
        return tuple(
            one for one in self.foreign_keys if set(one.fields) <= set(fields) and (strict or not one.on_request)
        )

    def held_dependencies(self, fields: Collection[str], *, strict: bool) -> tuple[Dependency, ...]:
        """The dependencies that rows which bring these fields must keep to."""
        return tuple(
            one
            for one in self.dependencies
            if {*one.fields, one.determines} <= set(fields) and (strict or not one.on_request)
        )

    @property
    def unique_sets(self) -> tuple[tuple[str, ...], ...]:
        """Every set of fields whose values are unique besides the primary key: `unique_keys`, then single `unique` fields."""
        singles = tuple((one.name,) for one in self.fields if one.unique)
        return tuple(dict.fromkeys(key for key in self.unique_keys + singles if key != self.primary_key))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file of the kind may hold at most."""

    rows: int = 10_000_000
    bytes: int = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days files and before-images are kept; None: for ever."""

    input_days: int | None = 90
    errors_days: int | None = 90
    before_images_days: int | None = 30


@dataclass(frozen=True, slots=True)
class ImportKind:
    """A kind whose jobs bring rows of a file into a table. `tenant` is None for kinds of the operator and built-in ones."""

    name: str
    schema: Schema
    title: str | None = None
    description: str | None = None
    modes: tuple[Mode, ...] = (Mode.UPSERT, Mode.CREATE, Mode.UPDATE, Mode.SKIP_EXISTING)
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    tenant: TenantId | None = None

    @property
    def others(self) -> frozenset[str]:
        """The names of the other kinds that its rows may refer to."""
        return frozenset(key.resource for key in self.schema.foreign_keys if key.resource)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file; None means: detect, and refuse where two readings are possible. `header_line` counts from 1; 0: there is none."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    header_line: int | None = None
    sheet: str | None = None
    member: str | None = None
    """The file inside an archive."""


MissingReference = Literal["fail", "abort"]
"""What a row that refers to nothing does: it fails, or the whole job stops before a row is written."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of one import that say how cells become values and rows take effect."""

    mode: Mode
    reading: ReadOptions = field(default_factory=ReadOptions)
    columns_extra: Literal["error", "ignore"] | None = None
    duplicates: Literal["fail", "skip", "apply"] = "fail"
    mapping: tuple[tuple[str, str | None], ...] | None = None
    """Column to field; a column that maps to None is not imported. None: by name, title and synonyms."""
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    decimal_sign: Literal[".", ","] | None = None
    empty: Empty = "clear"
    defaults: tuple[tuple[str, str], ...] = ()
    """Field to the text of a cell that stands where a row has none in the field, be the column there or not."""
    required: tuple[str, ...] = ()
    """Fields that must have a value in this import, besides those of the kind."""
    strict: bool = False
    """Whether also what the kind holds on request is looked at: foreign keys and dependencies."""
    missing_reference: MissingReference = "fail"
    rows_max: int | None = None
    """Rows that the file may have, where the import takes fewer than its kind."""
