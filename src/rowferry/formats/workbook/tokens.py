"""Finds the tags of plain XML by arithmetic over its bytes, a megabyte at a time, and the texts between them."""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.formats.workbook import arrow
from rowferry.formats.workbook.cutting import unescaped
from rowferry.ports import Lines

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

LESS, SLASH, QUOTE, EQUALS, GREATER, SPACE = b'</"=> '
KEPT_SPACE = b' xml:space="preserve">'
DIGITS_MAX = 8
BASE = 10


class Tokens:
    """The tags of a piece of XML without comments and declarations, padded so that a look ahead never leaves it.

    `kinds` has a letter a tag: the first of its name, a capital for one that closes.
    """

    def __init__(self, piece: bytes) -> None:
        self.data: Bytes = np.frombuffer(piece + b"<" + b"\0" * 32, np.uint8)
        self.places: Lines = np.flatnonzero(self.data == LESS)
        """Where each tag begins; one more for the end of the piece."""
        first, second = self.data[self.places[:-1] + 1], self.data[self.places[:-1] + 2]
        closes = first == SLASH
        self.kinds: Bytes = np.where(closes, second & 0xDF, first)
        self._names_end = np.where(closes, self.data[self.places[:-1] + 3], second)

    def are(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether the tags follow one another as the pattern over their letters says."""
        return pattern.fullmatch(self.kinds.tobytes()) is not None

    def of(self, kind: bytes) -> Lines:
        """The indexes of the tags with this letter."""
        return np.flatnonzero(self.kinds == kind[0])

    def short(self, indexes: Lines) -> bool:
        """Whether the names of these tags have just the one letter."""
        after = self._names_end[indexes]
        return bool(((after == GREATER) | (after == SPACE) | (after == SLASH)).all())

    def named(self, indexes: Lines, name: bytes) -> bool:
        """Whether these tags that open have this name."""
        places = self.places[indexes]
        return all(bool((self.data[places + 1 + at] == letter).all()) for at, letter in enumerate(name))

    def inside(self, indexes: Lines) -> tuple[Lines, Lines] | None:
        """Where the texts behind these tags begin and end; None where a tag has other attributes than one that keeps spaces."""
        places, data = self.places[indexes], self.data
        begins = places + 3
        spaced = data[places + 2] != GREATER
        if spaced.any():
            those = places[spaced] + 2
            if int(those.max(initial=0)) + len(KEPT_SPACE) > len(data):
                return None
            if not all(bool((data[those + at] == letter).all()) for at, letter in enumerate(KEPT_SPACE)):
                return None
            begins[spaced] = those + len(KEPT_SPACE)
        return begins, self.places[indexes + 1]

    def texts(self, begins: Lines, ends: Lines) -> pl.Series:
        """The bytes between these places, as texts, references not yet resolved."""
        return arrow.texts(self.data, begins, ends)


def digits(data: Bytes, begins: Lines, ends: Lines) -> Lines | None:
    """The whole numbers between these places; None where one is none or has more than eight digits. Nothing is 0."""
    sizes = ends - begins
    longest = int(sizes.max(initial=0))
    if longest > DIGITS_MAX:
        return None
    values = np.zeros(len(begins), np.int64)
    for at in range(longest):
        within = sizes > at
        digit = data[begins + at] - np.uint8(48)
        if (digit[within] >= BASE).any():
            return None
        values = np.where(within, values * BASE + digit, values)
    return values


def mended(texts: pl.Series, sign: str, mend: Callable[[str], str]) -> pl.Series:
    """The texts, those mended that hold a sign."""
    where = np.flatnonzero(texts.str.contains(sign, literal=True).fill_null(value=False).to_numpy())
    if not len(where):
        return texts
    return texts.scatter(where, pl.Series([mend(text) for text in texts.gather(where)], dtype=pl.String))


def resolved(texts: pl.Series) -> pl.Series:
    """The texts with references to characters resolved."""
    return mended(texts, "&", unescaped)


def sound(piece: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    if piece.isascii():
        return True
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True
