"""What a number in a cell stands for by its number format: a number, a moment, a time of day, a duration."""

import re
from collections.abc import Mapping
from enum import IntEnum


class Sort(IntEnum):
    """What the text of a cell is, before it is made canonical."""

    TEXT = 0
    SHARED = 1
    """The place of a text in the table of shared texts."""
    NUMBER = 2
    MOMENT = 3
    """A number that counts days, shown with a date."""
    TIME = 4
    """A number that counts days, shown as a time of day alone."""
    DURATION = 5
    """A number that counts days, shown as hours that go beyond 24."""
    TRUTH = 6
    ERROR = 7
    ISO = 8
    """A date, a date and time, or a time, in ISO 8601."""


NOT_COMPUTED = "#NOT-COMPUTED!"
"""Stands in a cell whose formula no program has computed yet."""
TRUTHS = {"0": "false", "1": "true"}

_MOMENTS = {*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58}
_TIMES = {18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56}
BUILT_IN: Mapping[int, Sort] = (
    dict.fromkeys(_MOMENTS, Sort.MOMENT) | dict.fromkeys(_TIMES, Sort.TIME) | {46: Sort.DURATION}
)
"""Formats that a workbook refers to by number and does not spell out. Source: ECMA-376, part 1, 18.8.30."""

_LITERAL = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]?', re.IGNORECASE | re.DOTALL)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_NO_PARTS = re.compile(r"general|am/pm|a/p|e[+-]", re.IGNORECASE)
FORMAT_CHARACTERS_MAX = 1_000


def sort_of(code: str) -> Sort:
    """What a number with this format code is.

    **Source:** ECMA-376, part 1, 18.8.31.
    """
    bare = _LITERAL.sub("", code[:FORMAT_CHARACTERS_MAX]).partition(";")[0].lower()
    if _ELAPSED.search(bare):
        return Sort.DURATION
    clock = "am/pm" in bare or "a/p" in bare
    parts = {*_NO_PARTS.sub("", bare)}
    if parts & {"d", "y"} or ("e" in parts and not parts & {"0", "#"}):
        return Sort.MOMENT
    if clock or parts & {"h", "s"}:
        return Sort.TIME
    return Sort.MOMENT if "m" in parts else Sort.NUMBER


def sorts_of(formats: Mapping[int, str], used: list[int]) -> list[Sort]:
    """What numbers of each style are.

    Args:
        formats: the format codes that the workbook spells out, by number.
        used: the number of the format of each style.
    """
    known = {**BUILT_IN, **{number: sort_of(code) for number, code in formats.items()}}
    return [known.get(number, Sort.NUMBER) for number in used]
