"""The options of an import: as a caller asks, as a job keeps them in the words of the wire, and as the steps use them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from rowferry.domain.faults import Invalid, Pointed
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.schema import (
    Empty,
    FieldsMatch,
    ImportKind,
    ImportOptions,
    MissingReference,
    Mode,
    Normalization,
    ReadOptions,
    Schema,
)

ColumnsExtra = Literal["error", "ignore"]
Duplicates = Literal["fail", "skip", "apply"]
DateOrder = Literal["dmy", "mdy", "ymd"]
DecimalSign = Literal[".", ","]
ColumnMapping = tuple[tuple[str, str | None], ...]
"""Column to field; None: the column is not imported."""

PRIORITY_LIMIT = 100
"""Priorities go from minus this to this; higher runs first."""


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """What a caller may say about an import. None: the kind's default, or detected in the file."""

    mode: Mode | None = None
    policy: ErrorPolicy = field(default_factory=ErrorPolicy)
    dry_run: bool = False
    mapping: ColumnMapping | None = None
    columns_extra: ColumnsExtra | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    date_order: DateOrder | None = None
    decimal_sign: DecimalSign | None = None
    empty: Empty = "clear"
    duplicates: Duplicates = "fail"
    priority: int = 0
    defaults: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()
    strict: bool = False
    missing_reference: MissingReference = "fail"
    rows_max: int | None = None
    """Rows that the file may have; None: as many as the kind takes. A dialect says it, for files whose rows it does not count itself."""


def settle(options: SubmitOptions, kind: ImportKind) -> SubmitOptions:
    """The options with the kind's defaults filled in.

    Whether a default can be a value of its field is for the pipeline to say (`transform.default_faults`).

    Raises:
        Invalid: the kind does not take the mode, or the mapping, a default or `required` names a field that it does not have, or one
            twice, or a default is what the kind takes for no value.
    """
    mode = options.mode or kind.modes[0]
    faults: list[Pointed] = []
    if mode not in kind.modes:
        faults.append(Pointed(f"The kind takes the modes {', '.join(kind.modes)}, not {mode}.", "/options/mode"))
    faults += _mapping_faults(options.mapping or (), kind.schema)
    faults += _default_faults(options.defaults, kind.schema)
    faults += _required_faults(options.required, kind.schema)
    if faults:
        raise Invalid(reason=" ".join(fault.detail for fault in faults), errors=tuple(faults))
    open_ended = kind.schema.fields_match in {FieldsMatch.SUBSET, FieldsMatch.PARTIAL}
    return replace(options, mode=mode, columns_extra=options.columns_extra or ("ignore" if open_ended else "error"))


def _mapping_faults(mapping: ColumnMapping, schema: Schema) -> list[Pointed]:
    faults: list[Pointed] = []
    taken: dict[str, str] = {}
    known = set(schema.names)
    for column, name in mapping:
        pointer = _pointer("mapping", column)
        if name is None:
            continue
        if name not in known:
            faults.append(Pointed(f"The kind has no field {name}.", pointer))
        elif name in taken:
            faults.append(Pointed(f"The columns {taken[name]} and {column} both go to the field {name}.", pointer))
        taken.setdefault(name, column)
    return faults


def _default_faults(defaults: tuple[tuple[str, str], ...], schema: Schema) -> list[Pointed]:
    faults: list[Pointed] = []
    for name, text in defaults:
        if name not in schema.names:
            faults.append(Pointed(f"The kind has no field {name}.", _pointer("defaults", name)))
            continue
        trimmed = text.strip() if Normalization.TRIM in schema.field(name).normalize else text
        if {text, trimmed} & set(schema.missing_values):
            faults.append(Pointed(f"“{text}” is no value in this kind.", _pointer("defaults", name)))
    return faults


def _required_faults(required: tuple[str, ...], schema: Schema) -> list[Pointed]:
    faults: list[Pointed] = []
    for index, name in enumerate(required):
        if name not in schema.names:
            faults.append(Pointed(f"The kind has no field {name}.", f"/options/required/{index}"))
        elif name in required[:index]:
            faults.append(Pointed(f"{name} stands here twice.", f"/options/required/{index}"))
    return faults


def _pointer(option: str, key: str) -> str:
    return f"/options/{option}/" + key.replace("~", "~0").replace("/", "~1")


def to_wire(options: SubmitOptions) -> dict[str, object]:
    """The options in the words of the wire, every one named; what a job keeps and shows."""
    reading = options.reading
    return {
        "mode": options.mode,
        "on_error": options.policy.on_error,
        "max_errors": options.policy.max_errors,
        "max_error_rate": options.policy.max_error_rate,
        "dry_run": options.dry_run,
        "mapping": None if options.mapping is None else dict(options.mapping),
        "columns_extra": options.columns_extra,
        "delimiter": reading.delimiter,
        "quote": reading.quote,
        "encoding": reading.encoding,
        "header_line": reading.header_line,
        "sheet": reading.sheet,
        "member": reading.member,
        "date_order": options.date_order,
        "decimal_sign": options.decimal_sign,
        "empty": options.empty,
        "duplicates": options.duplicates,
        "priority": options.priority,
        "defaults": dict(options.defaults),
        "required": list(options.required),
        "strict": options.strict,
        "missing_reference": options.missing_reference,
        **({} if options.rows_max is None else {"rows_max": options.rows_max}),
    }


def from_wire(options: Mapping[str, object], kind: ImportKind) -> tuple[ImportOptions, ErrorPolicy, bool]:
    """What a job's stored options mean for its steps: how rows take effect, what errors it bears, and whether it is a dry run.

    An option that is not there has its default, so that jobs of an older release read on.
    """
    mapping = cast("Mapping[str, str | None] | None", options.get("mapping"))
    importing = ImportOptions(
        mode=Mode(str(options.get("mode") or kind.modes[0])),
        reading=ReadOptions(
            delimiter=_text(options, "delimiter"),
            quote=_text(options, "quote"),
            encoding=_text(options, "encoding"),
            header_line=_integer(options, "header_line"),
            sheet=_text(options, "sheet"),
            member=_text(options, "member"),
        ),
        columns_extra=cast("ColumnsExtra | None", options.get("columns_extra")),
        duplicates=cast("Duplicates", options.get("duplicates") or "fail"),
        mapping=None if mapping is None else tuple(mapping.items()),
        date_order=cast("DateOrder | None", options.get("date_order")),
        decimal_sign=cast("DecimalSign | None", options.get("decimal_sign")),
        empty=cast("Empty", options.get("empty") or "clear"),
        defaults=tuple(cast("Mapping[str, str]", options.get("defaults") or {}).items()),
        required=tuple(cast("Sequence[str]", options.get("required") or ())),
        strict=options.get("strict") is True,
        missing_reference=cast("MissingReference", options.get("missing_reference") or "fail"),
        rows_max=_integer(options, "rows_max"),
    )
    rate = options.get("max_error_rate")
    policy = ErrorPolicy(
        on_error=OnError(str(options.get("on_error") or OnError.CONTINUE)),
        max_errors=_integer(options, "max_errors"),
        max_error_rate=float(rate) if isinstance(rate, int | float) else None,
    )
    return importing, policy, options.get("dry_run") is True


def _text(options: Mapping[str, object], name: str) -> str | None:
    value = options.get(name)
    return value if isinstance(value, str) else None


def _integer(options: Mapping[str, object], name: str) -> int | None:
    value = options.get(name)
    return value if isinstance(value, int) else None
