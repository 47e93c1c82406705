"""Cells of a workbook as canonical texts: numbers in plain digits, moments by the sheet's calendar, and which say their value themselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.shapes import TRUTHS, Sort
from rowferry.formats.workbook.texts import SharedTexts
from rowferry.ports import Lines

TYPED, ERROR = 1, 2
"""Marks of a cell: it says its value itself; it is an error of the spreadsheet."""
DAY_MS = 86_400_000
LAST_DAY = 2_958_466
"""The day after 9999-12-31, counted from 1899-12-30."""
NO_DAY = 60
"""The 29th of February 1900, which spreadsheet programs count and no calendar has."""
EPOCH_1904 = 1_462
"""Days from 1899-12-30 to 1904-01-01."""
EPOCH_1970 = 25_569

_WHOLE = r"\A(?:0|-?[1-9][0-9]{0,399})\z"
_SHORT = r"\A-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]\z"
SHORT_MAX = 16
"""Characters, beside a sign, of a number that has at most 15 digits and so is its own shortest form."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")
_ISO = r"\A(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?Z?)?|[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)\z"
_MIDNIGHT = r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})T00:00(?::00(?:\.0+)?)?\z"

Marks = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a workbook counts days: from 1900, or from 1904."""

    from_1904: bool = False


Made = tuple[pl.Series, Marks]
"""Texts and their marks."""


def canonical(batch: Batch, calendar: Calendar, shared: SharedTexts) -> Made:
    """The texts of a batch's cells with their marks, in their order.

    Raises:
        JobStopped: workbook-damaged, where a shared text is not there.
    """
    makers: dict[Sort, Callable[[pl.Series], Made]] = {
        Sort.SHARED: lambda texts: _plain(shared.take(_places(texts))),
        Sort.NUMBER: numbers,
        Sort.MOMENT: lambda texts: _days(texts, calendar, _moments),
        Sort.TIME: lambda texts: _days(texts, calendar, _clock),
        Sort.DURATION: lambda texts: _days(texts, calendar, _durations),
        Sort.TRUTH: _truths,
        Sort.ERROR: lambda texts: (texts, np.full(len(texts), ERROR, np.uint8)),
        Sort.ISO: _iso,
    }
    sorts = np.unique(batch.sorts)
    if len(sorts) <= 1:
        only = Sort(sorts[0]) if len(sorts) else Sort.TEXT
        return makers.get(only, _plain)(batch.texts)
    where = [np.flatnonzero(batch.sorts == sort) for sort in sorts]
    made = [makers.get(Sort(sort), _plain)(batch.texts.gather(at)) for sort, at in zip(sorts, where, strict=True)]
    back = np.empty(len(batch.sorts), np.int64)
    back[np.concatenate(where)] = np.arange(len(back))
    texts = pl.concat([one for one, _ in made], rechunk=True).gather(back)
    return texts, np.concatenate([marks for _, marks in made])[back]


def numbers(texts: pl.Series) -> Made:
    """Numbers in plain digits: whole ones as they stand, others by the 15 digits that spreadsheet programs show."""
    signs = texts.str.starts_with("-").cast(pl.UInt32)
    plain = texts.str.contains(_WHOLE) | (texts.str.contains(_SHORT) & (texts.str.len_bytes() - signs <= SHORT_MAX))
    marks = np.full(len(texts), TYPED, np.uint8)
    odd = np.flatnonzero(~plain.to_numpy())
    if not len(odd):
        return texts, marks
    spelled = [number(text) for text in texts.gather(odd)]
    marks[odd[[one is None for one in spelled]]] = 0
    instead = [one if one is not None else text for one, text in zip(spelled, texts.gather(odd), strict=True)]
    return texts.scatter(odd, pl.Series(instead, dtype=pl.String)), marks


def number(text: str) -> str | None:
    """A number in plain digits, or None where the text is none.

    A float has 15 digits that can be relied on; programs show no more, and what they compute differs from it behind them (`11.899999999999999`
    for 11.9). Source: IEEE 754-2019, 5.12.2.
    """
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    if not np.isfinite(value):
        return None
    spelled = format(Decimal(format(value, ".15g")), "f")
    return "0" if spelled == "-0" else spelled


def _plain(texts: pl.Series) -> Made:
    return texts, np.zeros(len(texts), np.uint8)


def _places(texts: pl.Series) -> Lines:
    return texts.str.strip_chars().cast(pl.Int64, strict=False).fill_null(-1).to_numpy()


def _truths(texts: pl.Series) -> Made:
    words = texts.replace_strict(TRUTHS, default=texts, return_dtype=pl.String)
    return words, np.asarray(words.is_in(list(TRUTHS.values())), np.uint8)


def _iso(texts: pl.Series) -> Made:
    marks = texts.str.contains(_ISO).to_numpy().astype(np.uint8)
    return texts.str.replace(_MIDNIGHT, "$1"), marks


# Days -----------------------------------------------------------------------------------------------------------------


def _days(texts: pl.Series, calendar: Calendar, spell: Callable[[Lines, Calendar], Made]) -> Made:
    """Numbers that count days as what they stand for; those that no date or time can be are numbers."""
    days = texts.cast(pl.Float64, strict=False).fill_null(float("nan")).fill_nan(-1.0).to_numpy()
    last = LAST_DAY - EPOCH_1904 if calendar.from_1904 else LAST_DAY
    inside = (days >= 0) & (days < last)
    milliseconds = np.rint(np.where(inside, days, 0.0) * DAY_MS).astype(np.int64)
    if inside.all():
        return spell(milliseconds, calendar)
    made, marks = spell(milliseconds[inside], calendar)
    outside = np.flatnonzero(~inside)
    others, other_marks = numbers(texts.gather(outside))
    every, every_marks = pl.concat([made, others], rechunk=True), np.concatenate([marks, other_marks])
    back = np.empty(len(texts), np.int64)
    back[np.concatenate([np.flatnonzero(inside), outside])] = np.arange(len(back))
    return every.gather(back), every_marks[back]


def _moments(milliseconds: Lines, calendar: Calendar) -> Made:
    """Dates at midnight, dates with a time otherwise; a time alone before the first day."""
    first = 0 if calendar.from_1904 else DAY_MS
    texts = _dated(milliseconds, calendar)
    marks = np.full(len(milliseconds), TYPED, np.uint8)
    if calendar.from_1904 or not len(milliseconds) or int(milliseconds.min()) >= (NO_DAY + 1) * DAY_MS:
        return texts, marks
    day = milliseconds // DAY_MS
    early = np.flatnonzero(milliseconds < first)
    texts = texts.scatter(
        early,
        pl.Series(["1900-01-00" if not one else _time(one) for one in milliseconds[early].tolist()], dtype=pl.String),
    )
    never = np.flatnonzero(day == NO_DAY)
    texts = texts.scatter(
        never,
        pl.Series([_with_time("1900-02-29", one % DAY_MS) for one in milliseconds[never].tolist()], dtype=pl.String),
    )
    marks[(milliseconds == 0) | (day == NO_DAY)] = 0
    return texts, marks


def _dated(milliseconds: Lines, calendar: Calendar) -> pl.Series:
    """Dates and times in ISO 8601 by the calendar."""
    before = (milliseconds < NO_DAY * DAY_MS).astype(np.int64)
    shift = np.full(len(milliseconds), EPOCH_1904, np.int64) if calendar.from_1904 else before
    moments = pl.Series(milliseconds + (shift - EPOCH_1970) * DAY_MS).cast(pl.Datetime("ms"))
    rest = milliseconds % DAY_MS
    if not rest.any():
        return moments.dt.to_string("%Y-%m-%d")
    spelled = moments.dt.to_string("%Y-%m-%dT%H:%M:%S%.3f")
    return spelled.str.replace(r"(?:T00:00:00)?\.000\z", "")


def _clock(milliseconds: Lines, calendar: Calendar) -> Made:
    """Times of a day; where there is a day before the time, with its date."""
    alone = milliseconds < DAY_MS
    texts, marks = _moments(milliseconds, calendar)
    times = np.flatnonzero(alone)
    marks[times] = TYPED
    return texts.scatter(times, pl.Series([_time(one) for one in milliseconds[times].tolist()], dtype=pl.String)), marks


def _durations(milliseconds: Lines, _: Calendar) -> Made:
    """Hours, minutes and seconds; as a text, since there is no type for it."""
    spelled = [_elapsed(*divmod(one, 3_600_000)) for one in milliseconds.tolist()]
    return pl.Series(spelled, dtype=pl.String), np.zeros(len(milliseconds), np.uint8)


def _elapsed(hours: int, rest: int) -> str:
    minutes, milliseconds = divmod(rest, 60_000)
    fraction = f".{milliseconds % 1000:03}" if milliseconds % 1000 else ""
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{fraction}"


def _time(milliseconds: int) -> str:
    return _elapsed(*divmod(milliseconds, 3_600_000))


def _with_time(date: str, milliseconds: int) -> str:
    return f"{date}T{_time(milliseconds)}" if milliseconds else date
