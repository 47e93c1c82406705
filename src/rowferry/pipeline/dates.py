"""How texts become dates, times and instants: by ISO 8601, a declared pattern or a stated order, and refused where two readings are possible."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.reading import Misdeclared, Reading, Reason, literally, whole, wrong_type

Order = Literal["dmy", "mdy", "ymd"]

FRACTION_DIGITS = 6
FIRST_DATE = date(1, 1, 1)
FIRST_INSTANT, LAST_INSTANT = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
LAST_YEAR_OF_ZONES = 2099
UTC_MICROSECONDS = pl.Datetime("us", "UTC")

_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = (
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]"  # neither 24:00 nor a leap second: the engine would make the next day of them
)
_FRACTION = "[.,][0-9]{1,6}0{0,3}"
_TIME = f"{_CLOCK}(?::[0-5][0-9](?:{_FRACTION})?)?"
_INSTANT = "%Y-%m-%dT%H:%M:%S%.f%#z"
_ZONE = "(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)"

# The parts of a date that is not ISO, once one sign stands between them.
_ANY_PARTS = "[0-9]{1,4}(?:/[0-9]{1,2}/|[.][0-9]{1,2}[.]|-[0-9]{1,2}-)[0-9]{1,4}"
_YEAR_LAST = "[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"
_YEAR_FIRST = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_YEAR_SHORT = "[0-9]{1,2}-[0-9]{1,2}-[0-9]{2}"
_ORDERS: Mapping[Order, tuple[str, str]] = {
    "dmy": (_YEAR_LAST, "%d-%m-%Y"),
    "mdy": (_YEAR_LAST, "%m-%d-%Y"),
    "ymd": (_YEAR_FIRST, "%Y-%m-%d"),
}

# Directives of a declared pattern: the digits they take here, and the engine's own directive, which alone takes fewer.
_DATE_PARTS: Mapping[str, tuple[str, str]] = {
    "%Y": ("[0-9]{4}", "%Y"),
    "%m": ("(?:0[1-9]|1[0-2])", "%m"),
    "%d": ("(?:0[1-9]|[12][0-9]|3[01])", "%d"),
    "%j": ("[0-9]{3}", "%j"),
    "%b": ("[A-Za-z]{3}", "%b"),
    "%B": ("[A-Za-z]{3,9}", "%B"),
    "%a": ("[A-Za-z]{3}", "%a"),
    "%A": ("[A-Za-z]{6,9}", "%A"),
    "%%": ("%", "%%"),
}
_TIME_PARTS: Mapping[str, tuple[str, str]] = {
    "%H": ("(?:[01][0-9]|2[0-3])", "%H"),
    "%I": ("(?:0[1-9]|1[0-2])", "%I"),
    "%M": ("[0-5][0-9]", "%M"),
    "%S": ("[0-5][0-9]", "%S"),
    "%p": ("(?:[AaPp][Mm])", "%p"),
    "%%": ("%", "%%"),
}
_INSTANT_PARTS: Mapping[str, tuple[str, str]] = {".%f": ("[.][0-9]{1,6}", "%.f"), "%z": (_ZONE, "%#z")}
_TIME_PARTS_FULL: Mapping[str, tuple[str, str]] = {**_TIME_PARTS, ".%f": _INSTANT_PARTS[".%f"]}
_PART = re.compile(r"[.]%f|%.?|[^%.]+|[.]", re.DOTALL)
_DATE_NEEDED = (
    frozenset({"%Y", "%m", "%d"}),
    frozenset({"%Y", "%b", "%d"}),
    frozenset({"%Y", "%B", "%d"}),
    frozenset({"%Y", "%j"}),
)
_TIME_NEEDED = (frozenset({"%H", "%M"}), frozenset({"%I", "%M", "%p"}))


def dates(field: Field, order: Order | None, text: pl.Expr) -> Reading:
    """Dates of the years 1 to 9999.

    ISO 8601 is always read, unless the field declares a pattern: then only that is. A stated order reads `3/4/2025`, `03.04.2025`
    and `3-4-2025` as well. Without one, a text that may be two dates is `date-ambiguous`; a text that can be one date only is
    read where the format is `any`, and refused with the remedy where it is the default, which promises ISO alone.
    """
    if field.format not in {"default", "any"}:
        strict, engine = _compiled(field)
        value = pl.when(text.str.contains(strict)).then(text).str.to_date(engine, strict=False)
        return Reading(_dated(value), pl.Date(), (), f": the pattern is {field.format}")
    value = pl.when(text.str.contains(whole(_ISO_DATE))).then(text).str.to_date("%Y-%m-%d", strict=False)
    if order is not None:
        value = pl.coalesce(value, _ordered(_with_dashes(text), order))
    elif field.format == "any":
        value = pl.coalesce(value, _only(_with_dashes(text)))
    return Reading(_dated(value), pl.Date(), _unordered(order, text, r"\z"), ": write it as YYYY-MM-DD")


def instants(field: Field, order: Order | None, text: pl.Expr) -> Reading:
    """Instants in UTC, to the microsecond: ISO 8601, `T` or a space before the time.

    Without a zone in the text, the field's `timezone` counts; where it has none, or where its clocks show that time twice or never,
    there is no instant. Orders are as with dates.
    """
    _check_zone(field)
    if field.format in {"default", "any"}:
        read = _iso_reader(field, order)
        value = text.map_batches(read, return_dtype=UTC_MICROSECONDS, is_elementwise=True)
        local = text.str.contains(rf"\A{_ISO_DATE}[T ]{_TIME}\z")
        hint = ": write it as YYYY-MM-DDThh:mm:ss with Z or an offset like +02:00"
        shape = rf"\A{_ISO_DATE}[T ]{_CLOCK}:[0-5][0-9][.,][0-9]{{7,}}{_ZONE}?\z"
        precise = Reason(RowCode.TOO_PRECISE, text.str.contains(shape), {"scale": FRACTION_DIGITS})
        reasons = (_unlocated(field, local), precise, *_unordered(order, text, rf"[T ]{_TIME}{_ZONE}?\z"))
    else:
        strict, engine = _compiled(field)
        kept = pl.when(text.str.contains(strict)).then(text)
        moment = kept.str.to_datetime(engine, time_unit="us", strict=False)
        value = moment if "%#z" in engine else _located(moment, field.timezone)
        local = moment.is_not_null() & ("%#z" not in engine)
        hint, reasons = f": the pattern is {field.format}", (_unlocated(field, local),)
    first, last = pl.lit(FIRST_INSTANT, dtype=UTC_MICROSECONDS), pl.lit(LAST_INSTANT, dtype=UTC_MICROSECONDS)
    placed = pl.when(value.is_between(first, last)).then(value)
    return Reading(placed, UTC_MICROSECONDS, reasons, hint)


def times(field: Field, text: pl.Expr) -> Reading:
    """Times of a day, to the microsecond, without a zone: ISO 8601 with or without seconds, or the declared pattern."""
    if field.format not in {"default", "any"}:
        strict, engine = _compiled(field)
        value = pl.when(text.str.contains(strict)).then(text).str.to_time(engine, strict=False)
        return Reading(value, pl.Time(), (), f": the pattern is {field.format}")
    kept = pl.when(text.str.contains(whole(_TIME))).then(text).str.replace(",", ".", literal=True)
    full = kept.str.to_time("%H:%M:%S%.f", strict=False)
    value = pl.coalesce(full, kept.str.to_time("%H:%M", strict=False))
    precise = text.str.contains(whole(rf"{_CLOCK}:[0-5][0-9][.,][0-9]{{7,}}"))
    reasons = (Reason(RowCode.TOO_PRECISE, precise, {"scale": FRACTION_DIGITS}),)
    return Reading(value, pl.Time(), reasons, ": write it as hh:mm:ss")


def _dated(value: pl.Expr) -> pl.Expr:
    """Year 0 passes the engine and then fails where nobody expects it."""
    return pl.when(value >= pl.lit(FIRST_DATE)).then(value)


def _with_dashes(text: pl.Expr) -> pl.Expr:
    """The parts of a date with dashes between them, or null where it has no three parts, or two different signs between them."""
    return pl.when(text.str.contains(whole(_ANY_PARTS))).then(text).str.replace_all("[/.]", "-")


def _ordered(parts: pl.Expr, order: Order) -> pl.Expr:
    """The date of parts in that order, or null. The engine takes days and months of one digit; the year has four."""
    pattern, engine = _ORDERS[order]
    return _dated(pl.when(parts.str.contains(whole(pattern))).then(parts).str.to_date(engine, strict=False))


def _only(parts: pl.Expr) -> pl.Expr:
    """The date of parts that can be one date only, or null."""
    day, month = _ordered(parts, "dmy"), _ordered(parts, "mdy")
    one = pl.when(day.is_null()).then(month).when(month.is_null() | (day == month)).then(day)
    return pl.coalesce(one, _ordered(parts, "ymd"))


def _short(parts: pl.Expr) -> pl.Expr:
    """Whether parts with a year of two digits could be two dates of one century."""
    kept = pl.when(parts.str.contains(whole(_YEAR_SHORT))).then(parts)
    last, first = kept.str.replace(r"-([0-9]{2})\z", "-20${1}"), pl.lit("20") + kept
    readings = [_ordered(last, "dmy"), _ordered(last, "mdy"), _ordered(first, "ymd")]
    return pl.max_horizontal(readings) != pl.min_horizontal(readings)


def _unordered(order: Order | None, text: pl.Expr, behind: str) -> tuple[Reason, ...]:
    """Why a date of parts was not read. `behind` is what the text may have after its date."""
    parts = _with_dashes(text.str.extract(rf"\A([0-9]+[/.-][0-9]+[/.-][0-9]+){behind}", 1))
    years = wrong_type(parts.str.contains(whole(_YEAR_SHORT)), ": write the year with four digits")
    if order is not None:
        return (years,)
    twofold = _ordered(parts, "dmy") != _ordered(parts, "mdy")
    single = wrong_type(_only(parts).is_not_null(), ": write it as YYYY-MM-DD or state the option date_order")
    return (
        Reason(RowCode.DATE_AMBIGUOUS, twofold),
        Reason(RowCode.DATE_AMBIGUOUS, _short(parts)),
        years,
        single,
    )


def _unlocated(field: Field, local: pl.Expr) -> Reason:
    if field.timezone is None:
        return wrong_type(local, ": it names no time zone")
    return wrong_type(local, f": the clocks of {field.timezone} never show it, or twice")


def _located(moment: pl.Expr, zone: str | None) -> pl.Expr:
    """The instants of local times; null without a zone, and where the clocks show that time twice or never."""
    if zone is None:
        return pl.when(moment.is_null()).then(pl.lit(None, dtype=UTC_MICROSECONDS))
    placed = moment.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    # The engine's table of zones ends with the year 2099: later summers would be an hour off, without a word.
    late = moment.dt.year() > LAST_YEAR_OF_ZONES
    rules = ZoneInfo(zone)

    def place(moments: pl.Series) -> pl.Series:
        placed = [None if one is None else _placed(one, rules) for one in moments.to_list()]
        return pl.Series(moments.name, placed, dtype=UTC_MICROSECONDS)

    by_rule = pl.when(late).then(moment).map_batches(place, return_dtype=UTC_MICROSECONDS, is_elementwise=True)
    return pl.when(late).then(by_rule).otherwise(placed)


def _placed(moment: datetime, zone: ZoneInfo) -> datetime | None:
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        return None
    try:
        return first.astimezone(UTC)
    except OverflowError:
        return None


def _iso_reader(field: Field, order: Order | None) -> Callable[[pl.Series], pl.Series]:
    """Reads ISO instants. Most files write all of them in one way, so that way is read at once, and others only where they occur."""
    texts = pl.col("text")
    usual = texts.str.contains(rf"\A{_ISO_DATE}T{_CLOCK}:[0-5][0-9](?:[.][0-9]{{1,6}}0{{0,3}})?{_ZONE}\z")
    at_once = pl.when(usual).then(texts).str.to_datetime(_INSTANT, time_unit="us", strict=False)
    others = _iso_instants(_as_iso(field, order, texts), field.timezone)

    def read(series: pl.Series) -> pl.Series:
        frame = pl.DataFrame({"text": series}).select(texts, usual.alias("usual"), at_once.alias("value"))
        if frame["usual"].all():  # nulls are skipped
            return frame["value"].alias(series.name)
        rest = frame.select(pl.when(pl.col("usual")).then("value").otherwise(others).alias(series.name))
        return rest.to_series()

    return read


def _as_iso(field: Field, order: Order | None, text: pl.Expr) -> pl.Expr:
    """The text with its date written as ISO has it, where it is of the stated order, or can be one date only and the format is `any`."""
    if order is None and field.format != "any":
        return text
    parts = _with_dashes(text.str.extract(r"\A([0-9]+[/.-][0-9]+[/.-][0-9]+)[T ]", 1))
    read = _only(parts) if order is None else _ordered(parts, order)
    rest = text.str.extract(r"([T ].*)\z", 1)
    iso = pl.when(~text.str.contains(rf"\A{_ISO_DATE}[T ]")).then(read.dt.to_string("%Y-%m-%d") + rest)
    return pl.coalesce(iso, text)


def _iso_instants(text: pl.Expr, zone: str | None) -> pl.Expr:
    """The instants of ISO texts in any of the ways in which ISO writes them, or null."""
    kept: pl.Expr = pl.when(text.str.contains(rf"\A{_ISO_DATE}[T ]{_TIME}{_ZONE}?\z")).then(text)
    kept = kept.str.replace(" ", "T", literal=True).str.replace(",", ".", literal=True)
    kept = kept.str.replace(r"T([0-9]{2}:[0-9]{2})(Z|[+-].*)?\z", "T${1}:00${2}")
    zoned = kept.str.to_datetime(_INSTANT, time_unit="us", strict=False)
    local = kept.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return pl.coalesce(zoned, _located(local, zone))


def _compiled(field: Field) -> tuple[str, str]:
    """A declared pattern twice: as the exact shape of its texts, and for the engine, which alone takes blanks and fewer digits."""
    kind = str(field.type)
    parts = _TIME_PARTS_FULL if field.type is FieldType.TIME else _DATE_PARTS
    if field.type is FieldType.DATETIME:
        parts = {**_DATE_PARTS, **_TIME_PARTS, **_INSTANT_PARTS}
    shape, engine, seen = "", "", list[str]()
    for part in _PART.findall(field.format):
        if part in parts:
            seen.append(part)
            shape, engine = shape + parts[part][0], engine + parts[part][1]
        elif part.startswith("%") or part == ".%f":
            raise Misdeclared(f"{part} is not read here in a {kind}; these are: {' '.join(parts)}", "format")
        else:
            shape, engine = shape + literally(part), engine + part
    if len(set(seen) - {"%%"}) < len(seen) - seen.count("%%"):
        raise Misdeclared("a directive stands twice in the pattern", "format")
    _check_complete(field.type, set(seen))
    return whole(shape), engine


def _check_complete(kind: FieldType, seen: set[str]) -> None:
    dated = any(needed <= seen for needed in _DATE_NEEDED) or kind is FieldType.TIME
    timed = any(needed <= seen for needed in _TIME_NEEDED) or kind is FieldType.DATE
    if not (dated and timed):
        raise Misdeclared(f"the pattern does not tell a whole {kind}: %Y %m %d make a date, %H %M a time", "format")


def _check_zone(field: Field) -> None:
    if field.timezone is None:
        return
    try:
        pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(field.timezone)
        ZoneInfo(field.timezone)
    except (pl.exceptions.PolarsError, ValueError, KeyError, OSError):
        raise Misdeclared(f"{field.timezone} is no time zone of the tz database", "timezone") from None
