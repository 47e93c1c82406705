"""Turns the values of one member in many objects into a column of cells, and says which of them say their value themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.formats.objects import arrow
from rowferry.formats.objects.members import text_of
from rowferry.formats.objects.numbers import plain

Token = msgspec.Raw | bytes
"""A value of JSON as it stands in the text, without the spaces around it."""
Mask = npt.NDArray[np.bool_]

NULL = b"null"
EMPTY = (NULL, b'""')
"""Values without content."""
DIGITS = b"-0123456789"
QUOTE, N = b'"n'


@dataclass(frozen=True, slots=True)
class Cells:
    """A column: its texts, which of them say their value themselves, and which could not be had because they are no UTF-8; colons of the tokens."""

    texts: pl.Series
    typed: pl.Series
    colons: int
    spoilt: Mask | None = None


def cells(tokens: Sequence[Token], decoder: "msgspec.json.Decoder[list[str]]") -> Cells:
    """The cells of tokens that are JSON: texts without quotes and escapes, numbers in plain digits, null as nothing, all else as it stands."""
    data = b"".join(tokens)
    colons = data.count(b":")
    spoilt = None if data.isascii() else _spoilt(data, tokens)
    if spoilt is not None:
        tokens = [NULL if bad else token for token, bad in zip(tokens, spoilt, strict=True)]
        data = b"".join(tokens)
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    firsts = np.frombuffer(data, np.uint8)[np.cumsum(lengths) - lengths]
    texts = arrow.texts(data, lengths)
    quoted, null = firsts == QUOTE, firsts == N
    typed = ~(quoted | null)
    if b"e" in data or b"E" in data:
        texts, absurd = _without_exponents(texts, np.isin(firsts, np.frombuffer(DIGITS, np.uint8)))
        typed[absurd] = False
    if quoted.any():
        # No other value begins or ends with a quote.
        texts = _unescaped(texts, quoted, decoder) if b"\\" in data else _bare(texts)
    if null.any():
        texts = texts.set(pl.Series(null), "")
    return Cells(texts, pl.Series(typed), colons, spoilt)


def cell_of(token: bytes) -> str:
    """The cell of one token, also of one that is no proper text."""
    if token == NULL:
        return ""
    try:
        text = text_of(token) if token.startswith(b'"') else token.decode()
    except UnicodeDecodeError:
        return token.strip(b'"').decode("utf-8", "replace")
    number = plain(text) if token[:1] in DIGITS else None
    return (number or text).encode("utf-8", "replace").decode()


def _spoilt(data: bytes, tokens: Sequence[Token]) -> Mask | None:
    if _is_text(data):
        return None
    return np.array([not _is_text(bytes(token)) for token in tokens], np.bool_)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bare(texts: pl.Series) -> pl.Series:
    return texts.str.strip_prefix('"').str.strip_suffix('"')


def _unescaped(texts: pl.Series, quoted: Mask, decoder: "msgspec.json.Decoder[list[str]]") -> pl.Series:
    at = np.flatnonzero(quoted & texts.str.contains("\\", literal=True).to_numpy())
    escaped = texts.gather(at).to_list()
    return _bare(texts).scatter(at, decoder.decode(f"[{','.join(escaped)}]"))


def _without_exponents(texts: pl.Series, numbers: Mask) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """The numbers in plain digits, and the places of those whose exponents are absurd."""
    at = np.flatnonzero(numbers & texts.str.contains("[eE]").to_numpy())
    if not at.size:
        return texts, at
    written = texts.gather(at).to_list()
    found = [plain(one) for one in written]
    absurd = at[[one is None for one in found]]
    return texts.scatter(at, [new or old for new, old in zip(found, written, strict=True)]), absurd
