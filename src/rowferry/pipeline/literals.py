"""The values that a declaration writes as text (bounds, enumerations, mapped values), read exactly."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation

import polars as pl

from rowferry.domain.schema import Field, FieldType

Value = str | int | Decimal | bool | date | datetime | time

DIGITS = 38
"""Digits of a decimal at most."""
SCALE_OPEN = 18
"""Decimals of a number whose field does not say how many."""
WHOLE_MIN, WHOLE_MAX = -(2**63), 2**63 - 1


def dtype(field: Field) -> pl.DataType:
    """The type of the field's column."""
    match field.type:
        case FieldType.STRING | FieldType.OBJECT | FieldType.ARRAY:
            kind: pl.DataType = pl.String()
        case FieldType.INTEGER:
            kind = pl.Int64()
        case FieldType.NUMBER:
            kind = pl.Decimal(*digits(field))
        case FieldType.BOOLEAN:
            kind = pl.Boolean()
        case FieldType.DATE:
            kind = pl.Date()
        case FieldType.DATETIME:
            kind = pl.Datetime("us", "UTC")
        case FieldType.TIME:
            kind = pl.Time()
    return kind


def digits(field: Field) -> tuple[int, int]:
    """Digits in all and decimals of a number field's column. A precision without a scale is one of whole numbers, as in SQL."""
    if field.scale is None:
        return (DIGITS, SCALE_OPEN) if field.precision is None else (field.precision, 0)
    return field.precision or DIGITS, field.scale


def literal(field: Field, text: str) -> Value:
    """The value that a text of the declaration stands for.

    Numbers have `.` before their decimals, dates and times are ISO 8601, a datetime without a zone is UTC.

    Raises:
        ValueError: the text is no value of the field's type.
    """
    reader = _READERS.get(field.type)
    return reader(text) if reader else text


def fitting(field: Field, text: str) -> Value:
    """The value of a text of the declaration that the field's column holds exactly.

    Raises:
        ValueError: the text is no value of the field's type, or has more digits than its column.
    """
    value = literal(field, text)
    if isinstance(value, Decimal):
        precision, scale = digits(field)
        decimals = -min(0, int(value.normalize(Context(prec=2 * DIGITS)).as_tuple().exponent))
        if decimals > scale or value.copy_abs() >= Decimal(10) ** (precision - scale):
            raise ValueError(f"{text} has more digits than the field")
    if field.type is FieldType.INTEGER and isinstance(value, int) and not WHOLE_MIN <= value <= WHOLE_MAX:
        raise ValueError(f"{text} has more than 64 bits")
    return value


def bound(field: Field, text: str, *, lower: bool) -> pl.Expr | bool:
    """The least (or greatest) value of the field's column that respects a bound; a bool where the bound lies beyond the column's range.

    True: every value respects it; False: none does. A bound with more decimals than the column is moved inwards, never rounded.

    Raises:
        ValueError: the text is no value of the field's type.
    """
    value = literal(field, text)
    if field.type is FieldType.NUMBER and isinstance(value, Decimal):
        precision, scale = digits(field)
        limit = Decimal(10) ** (precision - scale)
        inwards = Context(prec=2 * DIGITS, rounding=ROUND_CEILING if lower else ROUND_FLOOR)
        value = value.quantize(Decimal(1).scaleb(-scale), context=inwards)
        if value.copy_abs() >= limit:
            return (value < 0) == lower
    if field.type is FieldType.INTEGER and isinstance(value, int) and not WHOLE_MIN <= value <= WHOLE_MAX:
        return (value < 0) == lower
    return constant(field, value)


def constant(field: Field, value: Value) -> pl.Expr:
    """The value as an expression of the field's type."""
    return pl.lit(value, dtype=dtype(field))


def column(field: Field, values: list[Value]) -> pl.Series:
    """The values as a column of the field's type."""
    return pl.Series(values, dtype=dtype(field), strict=True)


def instant(text: str) -> datetime:
    """The instant of an ISO text; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def decimal(text: str) -> Decimal:
    """The number of a text, exactly."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text} is no number") from None
    if not value.is_finite():
        raise ValueError(f"{text} is no number")
    if abs(value.adjusted()) > DIGITS or len(value.as_tuple().digits) > DIGITS:
        raise ValueError(f"{text} has more than {DIGITS} digits")
    return value


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text} is neither true nor false")
    return text == "true"


_READERS: Mapping[FieldType, Callable[[str], Value]] = {
    FieldType.INTEGER: int,
    FieldType.NUMBER: decimal,
    FieldType.BOOLEAN: _truth,
    FieldType.DATE: date.fromisoformat,
    FieldType.DATETIME: instant,
    FieldType.TIME: time.fromisoformat,
}
