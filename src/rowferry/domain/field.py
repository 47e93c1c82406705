"""Reads one field of a declaration: which keys fit its type, and how its values are written and ordered."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import assert_never
from zoneinfo import ZoneInfo

from rowferry.domain.document import Place, needed, optional
from rowferry.domain.schema import Empty, Field, FieldType, Normalization

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""What a kind or a field may be called."""
RESERVED = frozenset({"tenant_id", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Names that a field may not have: our own column, and the system columns of PostgreSQL."""
SYNONYMS_MAX = 100
PRECISION_MAX = 38
LENGTH_MAX = 10_000_000
BIGINT = 2**63
STRING_FORMATS = ("default", "email", "uri", "uuid")

SCALARS = frozenset(FieldType) - {FieldType.OBJECT, FieldType.ARRAY}
_TIMES = frozenset({FieldType.DATE, FieldType.DATETIME, FieldType.TIME})
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMBER})
_STRING = frozenset({FieldType.STRING})
_NUMBER = frozenset({FieldType.NUMBER})
_BOOLEAN = frozenset({FieldType.BOOLEAN})

FITS: Mapping[str, frozenset[FieldType]] = {
    "scale": _NUMBER,
    "precision": _NUMBER,
    "decimalChar": _NUMBER,
    "groupChar": _NUMBERS,
    "bareNumber": _NUMBERS,
    "trueValues": _BOOLEAN,
    "falseValues": _BOOLEAN,
    "timezone": frozenset({FieldType.DATETIME}),
    "values": SCALARS,
    "unique": SCALARS,
    "enum": SCALARS,
    "pattern": _STRING,
    "minLength": _STRING,
    "maxLength": _STRING,
    "minimum": _NUMBERS | _TIMES,
    "maximum": _NUMBERS | _TIMES,
}
"""Keys of a field and constraints that only some types can have."""


def field_from(place: Place) -> tuple[str | None, Field | None]:
    """The name of a field, where it has one, and the field, where nothing is wrong with it."""
    before = len(place.faults)
    given = place.known(
        *("name", "type", "title", "description", "format", "constraints", "scale", "precision", "decimalChar"),
        *("groupChar", "bareNumber", "trueValues", "falseValues", "values", "synonyms", "normalize", "empty"),
        *("sensitive", "example", "timezone"),
    )
    name = needed(place, given, "name", lambda one: name_from(one, NAME))
    if name in RESERVED:
        place.at("name").wrong(f"The name {name} is taken by the database.")
    word = optional(given, "type", lambda one: one.word(FieldType), None if "type" in given else "string")
    constraints = given["constraints"].known(*_CONSTRAINTS) if "constraints" in given else dict[str, Place]()
    if word is None:
        return name, None
    kind = FieldType(word)
    fitting = _fitting(given, kind)
    field = _constrained(_read_as(_described(Field(name or "", kind), fitting), fitting), _fitting(constraints, kind))
    field = replace(field, values=optional(fitting, "values", lambda one: _values(one, field), ()))
    _check_together(field, fitting)
    return name, field if len(place.faults) == before else None


def _fitting(given: Mapping[str, Place], kind: FieldType) -> Mapping[str, Place]:
    """The keys that fit the type; the others are faults."""
    for key, one in given.items():
        if key in FITS and kind not in FITS[key]:
            one.wrong(f"{key} does not fit the type {kind}.")
    return {key: one for key, one in given.items() if key not in FITS or kind in FITS[key]}


def name_from(place: Place, form: re.Pattern[str]) -> str | None:
    """A text that is a name of this form."""
    text = place.text()
    if text is None or form.fullmatch(text):
        return text
    place.wrong(f"“{text[:100]}” is no name here; a name is {form.pattern}.")
    return None


def order(field: Field, text: str | None) -> Decimal | None:
    """Where a value stands among the values of its field; None for text that is no value of the field's type.

    The text is canonical: digits with a point, true and false, ISO 8601; a datetime has a zone.
    """
    if text is None:
        return None
    try:
        return _order(field, text)
    except (ValueError, OverflowError):
        return None


def _order(field: Field, text: str) -> Decimal | None:
    match field.type:
        case FieldType.INTEGER:
            whole = int(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else BIGINT
            return Decimal(whole) if -BIGINT <= whole < BIGINT else None
        case FieldType.NUMBER:
            return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,38}(\.[0-9]{1,38})?", text) else None
        case FieldType.BOOLEAN:
            return {"true": Decimal(1), "false": Decimal(0)}.get(text)
        case FieldType.DATE | FieldType.DATETIME | FieldType.TIME:
            return _moment(field, text)
        case FieldType.STRING | FieldType.OBJECT | FieldType.ARRAY:
            return None
        case _:
            assert_never(field.type)


def _moment(field: Field, text: str) -> Decimal | None:
    if field.type is FieldType.DATE and re.fullmatch(_DAY, text):
        return Decimal(date.fromisoformat(text).toordinal())
    if field.type is FieldType.TIME and re.fullmatch(_CLOCK, text):
        return _microseconds(datetime.combine(_EPOCH, time.fromisoformat(text), UTC))
    if field.type is FieldType.DATETIME and re.fullmatch(f"{_DAY}[T ]{_CLOCK}(Z|[+-][0-9]{{2}}:[0-9]{{2}})", text):
        return _microseconds(datetime.fromisoformat(text))
    return None


def _microseconds(moment: datetime) -> Decimal:
    return Decimal((moment - datetime.combine(_EPOCH, time(), UTC)) // timedelta(microseconds=1))


_EPOCH = date(1970, 1, 1)
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_CONSTRAINTS = ("required", "unique", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength")


def _described(field: Field, given: Mapping[str, Place]) -> Field:
    empty = optional(given, "empty", lambda one: one.word(("clear", "keep")), None)
    words: dict[str, Empty] = {"clear": "clear", "keep": "keep"}
    return replace(
        field,
        title=optional(given, "title", Place.text, None),
        description=optional(given, "description", Place.text, None),
        synonyms=optional(given, "synonyms", lambda one: one.each(Place.text, most=SYNONYMS_MAX), ()),
        empty=words[empty] if empty else None,
        sensitive=optional(given, "sensitive", Place.truth, default=False),
        example=optional(given, "example", Place.exact, None),
    )


def _read_as(field: Field, given: Mapping[str, Place]) -> Field:
    """How the text of a cell becomes a value."""
    return replace(
        field,
        format=optional(given, "format", lambda one: _format(one, field.type), "default"),
        scale=optional(given, "scale", lambda one: one.whole(least=0, most=PRECISION_MAX), None),
        precision=optional(given, "precision", lambda one: one.whole(least=1, most=PRECISION_MAX), None),
        decimal_char=optional(given, "decimalChar", _mark, None),
        group_char=optional(given, "groupChar", _mark, None),
        bare_number=optional(given, "bareNumber", Place.truth, default=True),
        true_values=optional(given, "trueValues", lambda one: one.each(Place.text, least=1), field.true_values),
        false_values=optional(given, "falseValues", lambda one: one.each(Place.text, least=1), field.false_values),
        normalize=optional(given, "normalize", _normalize, ()),
        timezone=optional(given, "timezone", _timezone, None),
    )


def _constrained(field: Field, given: Mapping[str, Place]) -> Field:
    constrained = replace(
        field,
        required=optional(given, "required", Place.truth, default=False),
        unique=optional(given, "unique", Place.truth, default=False),
        enum=optional(given, "enum", lambda one: one.each(lambda item: _value(item, field), least=1), None),
        pattern=optional(given, "pattern", Place.text, None),
        minimum=optional(given, "minimum", lambda one: _value(one, field), None),
        maximum=optional(given, "maximum", lambda one: _value(one, field), None),
        min_length=optional(given, "minLength", lambda one: one.whole(least=0, most=LENGTH_MAX), None),
        max_length=optional(given, "maxLength", lambda one: one.whole(least=1, most=LENGTH_MAX), None),
    )
    low, high = order(field, constrained.minimum), order(field, constrained.maximum)
    if low is not None and high is not None and low > high:
        given["minimum"].wrong(f"{constrained.minimum} is greater than the maximum {constrained.maximum}.")
    shortest, longest = constrained.min_length, constrained.max_length
    if shortest is not None and longest is not None and shortest > longest:
        given["minLength"].wrong(f"{shortest} is greater than the maxLength {longest}.")
    return constrained


def _check_together(field: Field, given: Mapping[str, Place]) -> None:
    """Faults that show only when several keys are seen together."""
    if field.precision is not None and (field.scale is None or field.scale > field.precision):
        given["precision"].wrong("precision counts all digits: it needs a scale that is not greater.")
    if field.group_char is not None and field.group_char == (field.decimal_char or "."):
        given["groupChar"].wrong("groupChar and decimalChar are the same; a number could not be read.")
    both = sorted(set(field.true_values) & set(field.false_values))
    if both:
        given.get("falseValues", given.get("trueValues", Place(None, "", []))).wrong(f"{both[0]} is true and false.")


def _format(place: Place, kind: FieldType) -> str | None:
    if kind in _TIMES:
        text = place.text(most=100)
        fault = None if text is None or text in {"default", "any"} else _pattern_fault(text, kind)
        if fault is not None:
            place.wrong(fault)
        return text
    return place.word(STRING_FORMATS if kind is FieldType.STRING else ("default",))


_DAY_LETTERS, _CLOCK_LETTERS = "YmdjbBaA", "HIMSpf"
_DAYS_NEEDED = (frozenset("Ymd"), frozenset("Ybd"), frozenset("YBd"), frozenset("Yj"))
_CLOCKS_NEEDED = (frozenset("HM"), frozenset("IMp"))


def _pattern_fault(pattern: str, kind: FieldType) -> str | None:
    """What is wrong with a strptime pattern. Years of two digits have no sure century."""
    allowed = {FieldType.DATE: _DAY_LETTERS, FieldType.TIME: _CLOCK_LETTERS}.get(
        kind, f"{_DAY_LETTERS}{_CLOCK_LETTERS}z"
    )
    found = [one for one in re.findall(r"%(.?)", pattern, re.DOTALL) if one != "%"]
    strange = next((one for one in found if one not in allowed or not one), None)
    if strange is not None:
        known = ", ".join(f"%{one}" for one in allowed)
        return f"%{strange} is not known in the format of a {kind}. Known are: {known}."
    if len(set(found)) != len(found):
        return "A directive stands here twice."
    if kind is not FieldType.TIME and not any(one <= set(found) for one in _DAYS_NEEDED):
        return f"The format of a {kind} has year, month and day, such as %d.%m.%Y."
    if kind is not FieldType.DATE and not any(one <= set(found) for one in _CLOCKS_NEEDED):
        return f"The format of a {kind} has hours and minutes, such as %H:%M."
    return "%f stands behind %S. only." if "f" in found and "%S.%f" not in pattern else None


def _mark(place: Place) -> str | None:
    text = place.text(most=1)
    if text is not None and (text.isalnum() or text in "+-"):
        place.wrong(f"“{text}” cannot part the digits of a number.")
    return text


def _normalize(place: Place) -> tuple[Normalization, ...] | None:
    words = place.each(lambda one: one.word(Normalization))
    if words is not None and {Normalization.LOWERCASE, Normalization.UPPERCASE} <= set(words):
        place.wrong("lowercase and uppercase exclude each other.")
    return None if words is None else tuple(one for one in Normalization if one in words)


def _timezone(place: Place) -> str | None:
    text = place.text(most=100)
    try:
        zone = text and ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown; not a relative path; a folder such as America
        zone = None
    if text and (zone is None or text.startswith(("posix/", "right/"))):
        place.wrong(f"“{text}” is no time zone of the IANA, such as Europe/Berlin.")
        return None
    return text


def _value(place: Place, field: Field) -> str | None:
    """A value of the field as its exact text. Text stays text: `no` and 007 of YAML are a truth and a number, and say so."""
    if field.type is FieldType.STRING:
        return place.text(least=0)
    text = place.exact()
    if text is not None and order(field, text) is None:
        zone = " with a zone, such as 2026-01-31T12:00:00Z" if field.type is FieldType.DATETIME else ""
        place.wrong(f"“{text[:100]}” is no {field.type}{zone}.")
    return text


def _values(place: Place, field: Field) -> tuple[tuple[str, str], ...] | None:
    """Texts of the file and the values that they stand for, by text. A value is written as in the declaration, not as in the file."""
    members = place.members()
    if members is None:
        return None
    pairs: list[tuple[str, str]] = []
    for text, one in members.items():
        value = one.text(least=0) if field.type is FieldType.STRING else one.exact()
        if value is None or Place(text, one.pointer, one.faults).text(least=0) is None:
            continue
        fault = _target_fault(field, value)
        if fault is not None:
            one.wrong(fault)
        pairs.append((text, value))
    return tuple(sorted(pairs))


def _target_fault(field: Field, value: str) -> str | None:
    if field.type is FieldType.STRING:
        missing = field.enum is not None and value not in field.enum
        return f"“{value[:100]}” is not in the enum." if missing else None
    return None if order(field, value) is not None else f"“{value[:100]}” is no {field.type}."
