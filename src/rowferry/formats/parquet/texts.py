"""How columns of Parquet become cells: strings as they are, everything else as canonical text that says its value itself."""

# pyarrow brings no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUnknownLambdaType=false

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import cast
from uuid import UUID

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
Sizes = npt.NDArray[np.int64]
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
YEARS = (-62_135_596_800, 253_402_300_799)
"""Seconds from 1970 to the first and the last of the years 1 to 9999: what ISO 8601 and PostgreSQL write alike."""
VALUE_BYTES = 12
"""What the text of a value takes that is neither text nor nested, about."""
DAY_SECONDS = 86_400
UUID_BYTES = 16
MOMENT = "%Y-%m-%dT%H:%M:%S%.f"


@dataclass(frozen=True, slots=True)
class Texts:
    """A column as texts ("" for null), which of them say their value themselves, and which could not be had as text."""

    texts: pl.Series
    typed: Mask
    spoilt: Mask


def texts_of(array: pa.Array, *, uuid: bool = False) -> Texts:
    """The texts of a column. A text that is no UTF-8 is spoilt, and shown with marks in place of what cannot be read."""
    if isinstance(array, pa.ExtensionArray):
        array = cast(pa.Array, array.storage)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if uuid and array.type == pa.binary(UUID_BYTES):
        return _of_strings([None if one is None else str(UUID(bytes=cast("bytes", one))) for one in array.to_pylist()])
    if _textual(array.type):
        return _strings(array)
    return _values(array)


def has_content(array: pa.Array) -> Mask:
    """Which cells are not empty: neither null nor a text without a character."""
    if isinstance(array, pa.ExtensionArray):
        array = cast(pa.Array, array.storage)
    given = _mask(array.is_valid())
    if not pa.types.is_dictionary(array.type):
        return given & (_lengths(array) > 0) if _textual(array.type) else given
    filled = np.append(has_content(array.dictionary), False)  # what a null comes to
    return filled[_codes(array)]


def sizes(array: pa.Array) -> Sizes:
    """Bytes that each cell will take as text, roughly; exactly for texts that are kept once for many rows."""
    if isinstance(array, pa.ExtensionArray):
        array = cast(pa.Array, array.storage)
    if pa.types.is_dictionary(array.type):
        lengths = np.append(sizes(array.dictionary), 0)
        return lengths[_codes(array)]
    if _textual(array.type):
        return _lengths(array)
    if pa.types.is_nested(array.type):
        return _nested_sizes(array)
    return _plain(array)


def added(columns: Sequence[Sizes]) -> Sizes:
    """The sizes of the same rows in several columns, added up."""
    total = columns[0].copy()
    for column in columns[1:]:
        total += column
    return total


def _nested_sizes(array: pa.Array) -> Sizes:
    """The sizes of what lies in each value, added up."""
    kind = array.type
    if pa.types.is_struct(kind):
        parts = array.flatten()
        return added([_plain(array), *(sizes(part) for part in parts)])
    if pa.types.is_map(kind):
        held = array
        inner = sizes(held.keys) + sizes(held.items)
        return _summed(inner, np.asarray(held.offsets))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        listed = array
        return _summed(sizes(listed.values), np.asarray(listed.offsets))
    return _plain(array)


def _codes(array: pa.Array) -> Sizes:
    """The place of each cell's value among the distinct ones; behind the last for null. The library believes them, whatever they are.

    Raises:
        ValueError: one is no place.
    """
    count = len(array.dictionary)
    codes = np.asarray(pc.fill_null(array.indices.cast(pa.int64()), count))
    if codes.size and (codes.min() < 0 or codes.max() > count):
        raise ValueError("a value is none of the distinct ones")
    return codes


def _lengths(array: pa.Array) -> Sizes:
    return np.asarray(pc.fill_null(pc.call_function("binary_length", [array]), 0)).astype(np.int64)


def _plain(array: pa.Array) -> Sizes:
    return np.full(len(array), VALUE_BYTES, np.int64)


def _summed(inner: Sizes, offsets: Sizes) -> Sizes:
    total = np.concatenate((np.zeros(1, np.int64), np.cumsum(inner)))
    return total[offsets[1:]] - total[offsets[:-1]] + VALUE_BYTES


# Texts ----------------------------------------------------------------------------------------------------------------


def _textual(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
            *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view),
        )
    )


def _strings(array: pa.Array) -> Texts:
    """Texts that are tested to be some: a Parquet file may have any bytes under that name."""
    try:
        bytes_of = array.cast(pa.large_binary())
        valid = bytes_of.cast(pa.large_string())
    except pa.ArrowInvalid:
        return _decoded(array.cast(pa.large_binary()).to_pylist())
    return _untyped(cast("pl.Series", pl.from_arrow(valid)).fill_null(""))


def _decoded(values: Sequence[bytes | None]) -> Texts:
    texts, spoilt = list[str](), np.zeros(len(values), np.bool_)
    for at, value in enumerate(values):
        try:
            texts.append((value or b"").decode())
        except UnicodeDecodeError:
            texts.append((value or b"").decode("utf-8", "replace"))
            spoilt[at] = True
    found = _untyped(pl.Series(texts, dtype=pl.String))
    return Texts(found.texts, found.typed, spoilt)


def _untyped(texts: pl.Series) -> Texts:
    return Texts(texts, np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.bool_))


def _of_strings(texts: list[str | None]) -> Texts:
    return _untyped(pl.Series(texts, dtype=pl.String).fill_null(""))


# Values ---------------------------------------------------------------------------------------------------------------


def _values(array: pa.Array) -> Texts:
    shown = next((show for fits, show in _SHOWN if fits(array.type)), _others)
    texts, sure = shown(array)
    given = (texts != "").to_numpy()
    return Texts(texts, given & sure, np.zeros(len(array), np.bool_))


def _whole(array: pa.Array) -> tuple[pl.Series, Mask]:
    return _cast(array), _all(array)


def _truths(array: pa.Array) -> tuple[pl.Series, Mask]:
    return _cast(array), _all(array)


def _floats(array: pa.Array) -> tuple[pl.Series, Mask]:
    """The shortest text that is read back as the same float, without an exponent. NaN and infinities are no number's text."""
    numbers = cast("pl.Series", pl.from_arrow(array))
    texts = numbers.cast(pl.String).fill_null("").str.strip_suffix(".0")
    long = texts.str.contains("e", literal=True)
    if long.any():
        plain = texts.filter(long).map_elements(lambda text: format(Decimal(text), "f"), return_dtype=pl.String)
        texts = texts.scatter(long.arg_true(), plain)
    finite = numbers.cast(pl.Float64).is_finite().fill_null(value=False).to_numpy()
    return texts, finite


def _decimals(array: pa.Array) -> tuple[pl.Series, Mask]:
    if pa.types.is_decimal128(array.type):
        return _cast(array), _all(array)
    return _mapped(array, lambda value: format(cast("Decimal", value), "f"))


def _dates(array: pa.Array) -> tuple[pl.Series, Mask]:
    days = np.asarray(pc.fill_null(array.cast(pa.date32()).cast(pa.int32()), 0))
    seconds = days.astype(np.int64) * DAY_SECONDS
    sure = (seconds >= YEARS[0]) & (seconds <= YEARS[1])
    return _where(array, sure, lambda some: _cast(some.cast(pa.date32())))


def _moments(array: pa.Array) -> tuple[pl.Series, Mask]:
    kind = array.type
    ticks = UNITS[kind.unit]
    counts = np.asarray(pc.fill_null(array.cast(pa.int64()), 0))
    sure = (counts >= YEARS[0] * ticks if kind.unit != "ns" else True) & (counts // ticks <= YEARS[1])
    zone = "" if kind.tz is None else "Z"
    bare = pa.timestamp("us" if kind.unit == "s" else kind.unit)

    def shown(some: pa.Array) -> pl.Series:
        # The instant is what is stored, the zone only how it was shown, so the ticks are read as UTC.
        moments = some.cast(pa.int64()).cast(pa.timestamp(kind.unit)).cast(bare)
        return (cast("pl.Series", pl.from_arrow(moments)).dt.strftime(MOMENT) + zone).fill_null("")

    return _where(array, np.broadcast_to(np.asarray(sure), counts.shape), shown)


def _clocks(array: pa.Array) -> tuple[pl.Series, Mask]:
    kind = array.type
    integer = pa.int32() if pa.types.is_time32(array.type) else pa.int64()
    counts = np.asarray(pc.fill_null(array.cast(integer), 0)).astype(np.int64)
    sure = (counts >= 0) & (counts < DAY_SECONDS * UNITS[kind.unit])

    def shown(some: pa.Array) -> pl.Series:
        clocks = cast("pl.Series", pl.from_arrow(some.cast(pa.time64("us") if kind.unit != "ns" else some.type)))
        return clocks.dt.strftime("%H:%M:%S%.f").fill_null("")

    return _where(array, sure, shown)


def _others(array: pa.Array) -> tuple[pl.Series, Mask]:
    """Types that no field has: as Python shows them, and nothing says how they are meant."""
    texts, _ = _mapped(array, str)
    return texts, ~_all(array)


def _documents(array: pa.Array) -> tuple[pl.Series, Mask]:
    return _mapped(array, lambda value: document(value, array.type))


def _where(array: pa.Array, sure: Mask, shown: Callable[[pa.Array], pl.Series]) -> tuple[pl.Series, Mask]:
    """Those that can be shown; of the others the number that is stored."""
    if sure.all():
        return shown(array), sure
    texts = shown(pc.call_function("if_else", [pa.array(sure), array, pa.scalar(None, array.type)]))
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()  # noqa: PLR2004  # bits
    stored = cast("pl.Series", pl.from_arrow(array.cast(width))).cast(pl.String).fill_null("")
    return texts.zip_with(pl.Series(sure), stored), sure


def _cast(array: pa.Array) -> pl.Series:
    return cast("pl.Series", pl.from_arrow(array)).cast(pl.String).fill_null("")


def _mapped(array: pa.Array, shown: Callable[[object], str]) -> tuple[pl.Series, Mask]:
    values = cast("Iterable[object]", array.to_pylist())
    return pl.Series(["" if value is None else shown(value) for value in values], dtype=pl.String), _all(array)


def _all(array: pa.Array) -> Mask:
    return np.ones(len(array), np.bool_)


def _mask(array: object) -> Mask:
    return np.asarray(pc.fill_null(array, False), np.bool_)  # noqa: FBT003  # the value for null


_SHOWN: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], tuple[pl.Series, Mask]]], ...] = (
    (pa.types.is_integer, _whole),
    (pa.types.is_boolean, _truths),
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_timestamp, _moments),
    (pa.types.is_time, _clocks),
    (pa.types.is_nested, _documents),
)


# Nested values --------------------------------------------------------------------------------------------------------


def document(value: object, kind: pa.DataType) -> str:
    """A nested value as JSON: numbers with all their digits, times as ISO 8601, maps as objects where their keys are texts."""
    if value is None:
        return "null"
    if pa.types.is_struct(kind):
        members = cast("Mapping[str, object]", value)
        inner = kind
        return _object((one.name, document(members[one.name], one.type)) for one in inner)
    if pa.types.is_map(kind):
        return _map(cast("list[tuple[object, object]]", value), kind)
    if pa.types.is_nested(kind):
        inner_kind = kind.value_type
        return "[" + ",".join(document(one, inner_kind) for one in cast("list[object]", value)) + "]"
    return _leaf(value)


def _map(pairs: list[tuple[object, object]], kind: pa.MapType) -> str:
    item = kind.item_type
    keys = {key for key, _ in pairs if isinstance(key, str)}
    if len(keys) == len(pairs):
        return _object((cast("str", key), document(value, item)) for key, value in pairs)
    return "[" + ",".join(f"[{document(key, kind.key_type)},{document(value, item)}]" for key, value in pairs) + "]"


def _object(members: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{_quoted(name)}:{text}" for name, text in members) + "}"


def _leaf(value: object) -> str:
    for kind, shown in _LEAVES:
        if isinstance(value, kind):
            return shown(value)
    return _quoted(str(value))


def _number(value: object) -> str:
    text = Decimal(repr(value)) if isinstance(value, float) else cast("Decimal", value)
    return format(text, "f") if text.is_finite() else "null"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_LEAVES: tuple[tuple[type, Callable[[object], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (int, str),
    (float, _number),
    (Decimal, _number),
    (bytes, lambda value: _quoted(cast("bytes", value).decode("utf-8", "replace"))),
    (datetime, lambda value: _quoted(cast("datetime", value).isoformat().replace("+00:00", "Z"))),
    (date, lambda value: _quoted(cast("date", value).isoformat())),
    (time, lambda value: _quoted(cast("time", value).isoformat())),
)
"""How the innermost values are written, by the first type that they are of: a truth is a whole number to Python, a moment a date."""
