"""Reads rows of a sheet whose markup is plain, as nearly all of it is: column, sort and text of every cell, by arithmetic over bytes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.shapes import NOT_COMPUTED, Sort
from rowferry.formats.workbook.texts import decoded
from rowferry.formats.workbook.tokens import EQUALS, QUOTE, Bytes, Tokens, digits, mended, resolved, sound
from rowferry.ports import Lines

GRAMMAR = re.compile(rb"(?:r(?:c(?:(?:fF?+)?+(?:vV?+|itTI)?+C)?+)*+R?+)*+")
"""Rows, cells, formulas, values, inline texts; any of them may be one tag that closes itself."""
FIRST_OF_ROW, FIRST_OF_CELL, NEXT = b'<row r="', b"<c r=", b'" s='
"""What stands before the first attribute of either, and between the quotes of two that follow each other."""
QUOTES = (2, 4, 6)
LETTERS = 26
NUMBER_OR_NONE = 255
TYPES = {
    (1, b"s"): Sort.SHARED,
    (1, b"n"): NUMBER_OR_NONE,
    (1, b"b"): Sort.TRUTH,
    (1, b"e"): Sort.ERROR,
    (1, b"d"): Sort.ISO,
    (3, b"s"): Sort.TEXT,
    (9, b"i"): Sort.TEXT,
}
"""What a type says of the text, by its length and first letter: `str`, `inlineStr`."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """The tags of the cells: their indexes among all, and the quotes around the values of their attributes."""

    indexes: Lines
    quotes: Lines
    first: Lines
    count: Lines


def plain_rows(piece: bytes, styles: Sequence[Sort]) -> Batch | None:
    """The cells with content of whole rows; None where the markup is not plain enough.

    Args:
        piece: UTF-8 from the beginning of a row to the end of another.
        styles: what numbers of each style are.
    """
    if b"\r" in piece or not sound(piece):
        return None
    tokens = Tokens(piece)
    rows, cells = tokens.of(b"r"), tokens.of(b"c")
    if not (len(rows) and tokens.are(GRAMMAR) and tokens.named(rows, b"row ") and tokens.short(cells)):
        return None
    if not (all(tokens.short(tokens.of(kind)) for kind in (b"v", b"f", b"t")) and tokens.named(tokens.of(b"i"), b"is")):
        return None
    quotes = np.flatnonzero(tokens.data == QUOTE)
    lines = _row_lines(tokens, rows, quotes)
    attributes = _attributes(tokens, cells, quotes)
    if lines is None or attributes is None:
        return None
    columns, sorts = _columns(tokens, attributes), _sorts(tokens, attributes, styles)
    if columns is None or sorts is None:
        return None
    line_of = lines[np.searchsorted(rows, cells) - 1]
    return _batch(tokens, cells, line_of, columns, sorts)


def _row_lines(tokens: Tokens, rows: Lines, quotes: Lines) -> Lines | None:
    """The lines of rows that say theirs first."""
    at = np.searchsorted(quotes, tokens.places[rows])
    if int(at[-1]) + 1 >= len(quotes):
        return None
    begins, ends = quotes[at] + 1, quotes[at + 1]
    if not ((begins - tokens.places[rows] == len(FIRST_OF_ROW)).all() and tokens.named(rows, FIRST_OF_ROW[1:])):
        return None
    lines = digits(tokens.data, begins, ends)
    return lines if lines is not None and (np.diff(lines) > 0).all() else None


def _attributes(tokens: Tokens, cells: Lines, quotes: Lines) -> _Cells | None:
    """The attributes of cells that have `r` first and at most two more, `s` or `t`, each name behind one space."""
    first = np.searchsorted(quotes, tokens.places[cells])
    count = np.searchsorted(quotes, tokens.places[cells + 1]) - first
    if not len(cells):
        return _Cells(cells, quotes, first, count)
    if not np.isin(count, QUOTES).all():
        return None
    data = tokens.data
    if not ((quotes[first] - tokens.places[cells] == len(FIRST_OF_CELL)) & (data[quotes[first] - 2] == ord("r"))).all():
        return None
    for more in (2, 4):
        opening = quotes[first[count > more] + more]
        before = quotes[first[count > more] + more - 1]
        if not ((opening - before == len(NEXT)) & (data[opening - 1] == EQUALS)).all():
            return None
    return _Cells(cells, quotes, first, count)


def _columns(tokens: Tokens, cells: _Cells) -> Lines | None:
    """The places of columns, from 0, by the letters of `r`."""
    begins, ends = cells.quotes[cells.first] + 1, cells.quotes[cells.first + 1]
    letters = [tokens.data[begins + at].astype(np.int64) - 64 for at in range(4)]
    are = [(one > 0) & (one <= LETTERS) for one in letters]
    if not (are[0].all() and not (are[0] & are[1] & are[2] & are[3]).any() and (ends > begins + 1).all()):
        return None
    columns = letters[0]
    columns = np.where(are[1], columns * LETTERS + letters[1], columns)
    columns = np.where(are[1] & are[2], columns * LETTERS + letters[2], columns)
    return columns - 1


def _sorts(tokens: Tokens, cells: _Cells, styles: Sequence[Sort]) -> Bytes | None:
    """What the texts of the cells are, by their types and styles."""
    data, sorts = tokens.data, np.full(len(cells.indexes), NUMBER_OR_NONE, np.uint8)
    style = np.full(len(cells.indexes), len(styles), np.int64)
    for more in (2, 4):
        those = np.flatnonzero(cells.count > more)
        opening, closing = cells.quotes[cells.first[those] + more], cells.quotes[cells.first[those] + more + 1]
        name = data[opening - 2]
        styled = name == ord("s")
        numbers = digits(data, opening[styled] + 1, closing[styled])
        if numbers is None or not (styled | (name == ord("t"))).all():
            return None
        style[those[styled]] = numbers
        found = _typed(data, opening[~styled] + 1, closing[~styled])
        if found is None:
            return None
        sorts[those[~styled]] = found
    by_style = np.array([*styles, Sort.NUMBER], np.uint8)
    return np.where(sorts == NUMBER_OR_NONE, by_style[np.minimum(style, len(styles))], sorts)


def _typed(data: Bytes, begins: Lines, ends: Lines) -> Bytes | None:
    """What types say; None where one is unknown."""
    sizes, letters = ends - begins, data[begins]
    found, known = np.zeros(len(begins), np.uint8), np.zeros(len(begins), np.bool_)
    for (size, letter), sort in TYPES.items():
        those = (sizes == size) & (letters == letter[0])
        found[those] = sort
        known |= those
    return found if known.all() else None


def _batch(tokens: Tokens, cells: Lines, lines: Lines, columns: Lines, sorts: Bytes) -> Batch | None:
    """The cells that have a text, an inline one or a value."""
    values = tokens.of(b"v")
    values = values[tokens.data[tokens.places[values] + 2] != ord("/")] if len(values) else values
    values = values[tokens.kinds[np.minimum(values + 1, len(tokens.kinds) - 1)] == ord("V")]
    inline = tokens.of(b"t")
    order = np.concatenate([values, inline])
    order.sort()
    between = tokens.inside(order)
    if between is None:
        return None
    cell = np.searchsorted(cells, order) - 1
    inner = tokens.kinds[order] == ord("t")
    sorts = sorts.copy()
    sorts[cell[inner]] = Sort.TEXT
    texts = resolved(tokens.texts(*between))
    sort = sorts[cell]
    if texts.str.contains("_x", literal=True).any():
        text = np.flatnonzero(sort == Sort.TEXT)
        texts = texts.scatter(text, mended(texts.gather(text), "_x", decoded))
    batch = Batch(lines[cell], columns[cell], sort, texts)
    return _with_uncomputed(tokens, cells, cell, batch, lines, columns)


def _with_uncomputed(tokens: Tokens, cells: Lines, filled: Lines, batch: Batch, lines: Lines, columns: Lines) -> Batch:
    """With a word in the cells whose formula has no result; a program that computes writes an empty one too."""
    formulas = tokens.of(b"f")
    if not len(formulas):
        return batch
    lacking = np.setdiff1d(np.searchsorted(cells, formulas) - 1, filled, assume_unique=True)
    if not len(lacking):
        return batch
    return batch.merged(lines[lacking], columns[lacking], Sort.ERROR, NOT_COMPUTED)
