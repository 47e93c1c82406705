"""What becomes of the cells of one field: which are empty, what is done to their text, how it is read, and what else the field demands."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.domain.schema import Field, FieldType, ImportOptions, Mode, Normalization
from rowferry.pipeline.dates import dates, instants, times
from rowferry.pipeline.documents import documents
from rowferry.pipeline.literals import Value, bound, column, constant, fitting
from rowferry.pipeline.numbers import Sign, decimals, integers
from rowferry.pipeline.reading import Misdeclared, Reading, whole, wrong_type

CANONICAL = ImportOptions(mode=Mode.UPSERT, decimal_sign=".", date_order=None)
"""How texts are read that say their value themselves: digits with a point, ISO 8601."""
SIGNED = frozenset(
    {FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME, FieldType.TIME}
)
"""Types whose texts can be written in several ways."""
TRUTHS = frozenset({"true", "false"})
"""How typed cells write them, whatever words a field has."""
ALLOWED_SHOWN = 20
"""Values of an enumeration that a message names at most."""

_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?"
_FORMATS: Mapping[str, tuple[str, str]] = {
    # Plain and sane, not all of RFC 5322: one @, no blanks, quotes or brackets, a domain of at least two labels.
    "email": (rf'[^\s@"(),:;<>\[\]\\\x00-\x1f\x7f]+@(?:{_LABEL}[.])+{_LABEL}', "e-mail address"),
    # Source: RFC 3986, appendix B, with the characters that section 2 leaves out.
    "uri": (r'[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`\x00-\x1f\x7f]+', "URI"),
    # Source: RFC 9562, section 4. The letters' case is left as it is.
    "uuid": ("[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}", "UUID"),
}


@dataclass(frozen=True, slots=True)
class Demand:
    """Something that values of a field must be, and the code and arguments of the issue where `broken` holds.

    `broken` is null-safe: null counts as not broken. `measured`: the message wants the length of the text.
    """

    code: RowCode
    broken: pl.Expr
    arguments: Mapping[str, object] = field(default_factory=dict[str, object])
    measured: bool = False


def texts(declared: Field, missing: tuple[str, ...], cell: pl.Expr, typed: pl.Expr | None = None) -> pl.Expr:
    """The texts of a field's cells, normalised; null where the cell is one of the missing values, as it stands or trimmed.

    Args:
        declared: the field.
        missing: the missing values of the kind.
        cell: the cells.
        typed: which of them say their value themselves; their texts stay as they are where they are no strings. None: none.
    """
    text = trimmed = _trimmed(declared, cell)
    for step in Normalization:
        if step in declared.normalize:
            text = _normalized(step, text)
    if typed is not None and declared.type in SIGNED and declared.normalize:
        text = pl.when(typed).then(trimmed).otherwise(text)
    return pl.when(~gone(declared, missing, cell)).then(text)


def filled(declared: Field, missing: tuple[str, ...], cell: pl.Expr, default: str) -> pl.Expr:
    """The cells of a field with the default in place of those that are one of the missing values."""
    return pl.when(gone(declared, missing, cell)).then(pl.lit(default)).otherwise(cell)


def unmapped(declared: Field, text: pl.Expr) -> pl.Expr:
    """The texts that stand for themselves; null in place of those that the field maps to values."""
    return pl.when(~text.is_in([old for old, _ in declared.values])).then(text) if declared.values else text


def reading(
    declared: Field,
    options: ImportOptions,
    text: pl.Expr,
    told: Set[Sign] = frozenset(),
    typed: pl.Expr | None = None,
) -> Reading:
    """How the texts of a field become its values.

    Args:
        declared: the field.
        options: how dates and numbers are written.
        text: the texts.
        told: what the column says of its decimal sign (`numbers.decimals`).
        typed: which of the texts say their value themselves (`Block.typed`); None: none.

    Raises:
        Misdeclared: the field cannot be read as it is declared.
    """
    read = _read(declared, options, text, told)
    if typed is not None and declared.type in SIGNED:
        itself = _read(_canonical(declared), CANONICAL, _canonically(declared.type, text), frozenset())
        value = pl.when(typed).then(itself.value).otherwise(read.value)
        own = [replace(reason, when=reason.when & typed) for reason in itself.reasons]
        stated = [replace(reason, when=reason.when & ~typed) for reason in read.reasons]
        read = replace(read, value=value, reasons=(*own, *stated))
    if not declared.values or declared.type is FieldType.STRING:
        return read
    # Mapped values are written as the declaration writes values, whatever signs and orders the file uses.
    value = read.value
    for old, new in declared.values:
        value = pl.when(text == old).then(constant(declared, _value(declared, new, "values"))).otherwise(value)
    return replace(read, value=value)


def _canonical(declared: Field) -> Field:
    """The field as it reads texts that say their value themselves."""
    return replace(
        declared,
        format="default",
        decimal_char=None,
        group_char=None,
        bare_number=True,
        true_values=("true", *(one for one in declared.true_values if one not in TRUTHS)),
        false_values=("false", *(one for one in declared.false_values if one not in TRUTHS)),
    )


def _canonically(kind: FieldType, text: pl.Expr) -> pl.Expr:
    """Typed texts as values of a type are written: a whole number without decimals, a date without midnight, a moment with its hours."""
    if kind is FieldType.INTEGER:
        return text.str.replace(r"\A(-?[0-9]+)\.0+\z", "$1")
    if kind is FieldType.DATE:  # many programs have no other type for dates than one for moments
        return text.str.replace(r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00:00(\.0+)?\z", "$1")
    if kind is FieldType.DATETIME:
        return text.str.replace(r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})\z", "${1}T00:00:00")
    return text


def demands(declared: Field, value: pl.Expr) -> tuple[Demand, ...]:
    """What the field demands of values that could be read, in the order in which issues name it.

    Raises:
        Misdeclared: a constraint does not fit the type.
    """
    found = list[Demand]()
    if declared.type is FieldType.STRING:
        found += _text_demands(declared, value)
    elif declared.pattern is not None or declared.min_length is not None or declared.max_length is not None:
        member = (
            "pattern"
            if declared.pattern is not None
            else "minLength"
            if declared.min_length is not None
            else "maxLength"
        )
        raise Misdeclared(f"is for strings, the field is of the type {declared.type}", f"constraints/{member}")
    if declared.enum is not None:
        found.append(_enum(declared, value))
    found += _bounds(declared, value)
    return tuple(found)


def _trimmed(declared: Field, cell: pl.Expr) -> pl.Expr:
    return cell.str.strip_chars() if Normalization.TRIM in declared.normalize else cell


def gone(declared: Field, missing: tuple[str, ...], cell: pl.Expr) -> pl.Expr:
    """Whether a cell is one of the missing values, as it stands or trimmed."""
    gone = _one_of(_trimmed(declared, cell), missing)
    trim = Normalization.TRIM in declared.normalize
    untrimmed = tuple(value for value in missing if value != value.strip()) if trim else ()
    return gone | _one_of(cell, untrimmed) if untrimmed else gone


def _one_of(text: pl.Expr, values: tuple[str, ...]) -> pl.Expr:
    return text == values[0] if len(values) == 1 else text.is_in(list(values))


def _normalized(step: Normalization, text: pl.Expr) -> pl.Expr:
    match step:
        case Normalization.TRIM:
            return text  # was the first that was done, to find the missing values
        case Normalization.COLLAPSE_SPACES:
            return text.str.replace_all(r"\s+", " ")
        case Normalization.NFC:
            return text.str.normalize("NFC")
        case Normalization.LOWERCASE:
            return text.str.to_lowercase()
        case Normalization.UPPERCASE:
            return text.str.to_uppercase()


def _read(declared: Field, options: ImportOptions, text: pl.Expr, told: Set[Sign]) -> Reading:
    match declared.type:
        case FieldType.STRING:
            read = _strings(declared, text)
        case FieldType.INTEGER:
            read = integers(declared, options.decimal_sign, text)
        case FieldType.NUMBER:
            read = decimals(declared, options.decimal_sign, text, told)
        case FieldType.BOOLEAN:
            read = _booleans(declared, text)
        case FieldType.DATE:
            read = dates(declared, options.date_order, text)
        case FieldType.DATETIME:
            read = instants(declared, options.date_order, text)
        case FieldType.TIME:
            read = times(declared, text)
        case FieldType.OBJECT:
            read = documents(dict, text)
        case FieldType.ARRAY:
            read = documents(list, text)
    return read


def _strings(declared: Field, text: pl.Expr) -> Reading:
    if declared.format not in {"default", *_FORMATS}:
        raise Misdeclared(f"a string has one of the formats default, {', '.join(_FORMATS)}", "format")
    nul = text.str.contains("\0", literal=True)
    mapped = text.replace(dict(declared.values)) if declared.values else text
    value = pl.when(~nul).then(mapped)
    return Reading(value, pl.String(), (wrong_type(nul, ": it holds a NUL character"),), without_nul=mapped)


def _booleans(declared: Field, text: pl.Expr) -> Reading:
    both = set(declared.true_values) & set(declared.false_values)
    if both:
        raise Misdeclared(f"{min(both)} would be both true and false", "trueValues")
    yes = pl.when(_one_of(text, declared.true_values)).then(pl.lit(value=True))
    value = yes.when(_one_of(text, declared.false_values)).then(pl.lit(value=False))
    words = ", ".join((*declared.true_values, *declared.false_values))
    return Reading(value, pl.Boolean(), (), f": write one of {words}")


def _text_demands(declared: Field, value: pl.Expr) -> list[Demand]:
    found = list[Demand]()
    if declared.format != "default":
        pattern, word = _FORMATS[declared.format]
        found.append(Demand(RowCode.FORMAT, ~value.str.contains(whole(pattern)), {"format": word}))
    if declared.pattern is not None:
        # Alone first: what is not well-formed alone could still be so inside the pattern for whole values.
        for pattern in (declared.pattern, whole(declared.pattern)):
            _try_pattern(pattern)
        broken = ~value.str.contains(whole(declared.pattern))
        found.append(Demand(RowCode.PATTERN, broken, {"pattern": declared.pattern}))
    length = value.str.len_chars()
    if declared.min_length is not None:
        found.append(
            Demand(RowCode.TOO_SHORT, length < declared.min_length, {"limit": declared.min_length}, measured=True)
        )
    if declared.max_length is not None:
        found.append(
            Demand(RowCode.TOO_LONG, length > declared.max_length, {"limit": declared.max_length}, measured=True)
        )
    return found


def _try_pattern(pattern: str) -> None:
    """The engine is linear in time, and bounded in size; it alone says what it takes. Python's own is not, so it never sees data."""
    try:
        pl.Series([], dtype=pl.String).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        words = str(error).split("This error occurred")[0].strip().splitlines()
        raise Misdeclared(words[-1] if words else "is no pattern", "constraints/pattern") from None


def _enum(declared: Field, value: pl.Expr) -> Demand:
    values = [_value(declared, text, "constraints/enum") for text in declared.enum or ()]
    shown = [*(declared.enum or ())[:ALLOWED_SHOWN], *(["…"] if len(values) > ALLOWED_SHOWN else [])]
    allowed = pl.lit(column(declared, values)).implode()
    return Demand(RowCode.ENUM, ~value.is_in(allowed), {"allowed": ", ".join(shown)})


def _bounds(declared: Field, value: pl.Expr) -> list[Demand]:
    lower, upper = declared.minimum, declared.maximum
    if lower is None and upper is None:
        return []
    if declared.type in {FieldType.STRING, FieldType.BOOLEAN, FieldType.OBJECT, FieldType.ARRAY}:
        member = "minimum" if lower is not None else "maximum"
        raise Misdeclared(
            f"is for numbers, dates and times, the field is of the type {declared.type}", f"constraints/{member}"
        )
    broken = pl.lit(value=False)
    if lower is not None:
        least = _bound(declared, lower, "minimum")
        broken = broken | (
            value < least if isinstance(least, pl.Expr) else pl.lit(value=not least) & value.is_not_null()
        )
    if upper is not None:
        greatest = _bound(declared, upper, "maximum")
        broken = broken | (
            value > greatest if isinstance(greatest, pl.Expr) else pl.lit(value=not greatest) & value.is_not_null()
        )
    words = (
        f"{lower} to {upper}"
        if lower is not None and upper is not None
        else f"{lower} and above"
        if upper is None
        else f"{upper} and below"
    )
    return [Demand(RowCode.OUT_OF_RANGE, broken, {"range": words})]


def _bound(declared: Field, text: str, member: str) -> pl.Expr | bool:
    try:
        return bound(declared, text, lower=member == "minimum")
    except ValueError:
        raise Misdeclared(f"{text} is no {declared.type}", f"constraints/{member}") from None


def _value(declared: Field, text: str, member: str) -> Value:
    try:
        return fitting(declared, text)
    except ValueError:
        raise Misdeclared(f"{text} is no {declared.type} of this field", member) from None
