"""Turns cut records into blocks: cells as text columns, and which records cannot be had as cells, and why."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.formats.csv import arrow
from rowferry.formats.csv.grammar import Grammar
from rowferry.formats.csv.records import RECORDS_MAX, Cut
from rowferry.ports import Block, Lines, RecordFault

MARK = codecs.BOM_UTF8


Faults = dict[int, tuple[RowCode, Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Table:
    """How records become cells: the grammar, how many cells each must have, and what its text was before it was UTF-8."""

    grammar: Grammar
    width: int
    encoding: str


def blocks(cuts: Iterable[Cut], table: Table) -> Iterator[Block]:
    """The data rows of all cuts, numbered from row 1."""
    first_row = 1
    for cut in cuts:
        rows = _rows(cut, table)
        for start in range(0, len(rows), RECORDS_MAX):
            block = _block(cut, table, rows[start : start + RECORDS_MAX], first_row)
            yield block
            first_row += block.rows


def _rows(cut: Cut, table: Table) -> Lines:
    """The indices of the records that are not blank."""
    blanks = cut.blanks(table.grammar)
    every = np.arange(len(cut.starts), dtype=np.int64)
    return np.delete(every, blanks) if blanks.size else every


def _block(cut: Cut, table: Table, rows: Lines, first_row: int) -> Block:
    first, last = int(rows[0]), int(rows[-1])
    faults: Faults = {
        fault.index: (fault.code, fault.arguments) for fault in cut.faults if first <= fault.index <= last
    }
    good = rows if not faults else rows[~np.isin(rows, list(faults))]
    cells, good, more = _cells(cut, table, good)
    position_of = _positions(rows, last + 1)
    found = [
        RecordFault(int(position_of[index]), code, arguments)
        for index, (code, arguments) in sorted((faults | more).items())
    ]
    return Block(
        first_row,
        cut.lines[rows],
        cells,
        position_of[good],
        found,
        _raw(cut, rows),
        _as_cut(cut, table, rows),
        nul=b"\0" in cut.data,
    )


def _positions(rows: Lines, records: int) -> Lines:
    positions = np.full(records, -1, np.int64)
    positions[rows] = np.arange(len(rows), dtype=np.int64)
    return positions


def _raw(cut: Cut, rows: Lines) -> Callable[[int], bytes]:
    def raw(position: int) -> bytes:
        return cut.record(int(rows[position]))

    return raw


def _as_cut(cut: Cut, table: Table, rows: Lines) -> Callable[[int], Sequence[str]]:
    def as_cut(position: int) -> Sequence[str]:
        record = cut.record(int(rows[position]))
        return [cell.decode("utf-8", "replace") for cell in table.grammar.cells(record)]

    return as_cut


def _cells(cut: Cut, table: Table, good: Lines) -> tuple[pl.DataFrame, Lines, Faults]:
    """The cells of those records that have as many as they must, which these are, and what is wrong with the others."""
    faults: Faults = {}
    data = _joined(cut, good)
    if not data.isascii():
        spoilt = _undecodable(cut, good, data)
        if spoilt:
            faults = {index: (RowCode.ENCODING_ERROR, {"encoding": table.encoding}) for index in spoilt}
            good = good[~np.isin(good, spoilt)]
            data = _joined(cut, good)
    if not good.size:
        return _frame([], table.width), good, faults
    parsed = _parse(data, table, len(good))
    frame, ragged = parsed if parsed is not None else _parse_slowly(cut, table, good)
    for at, cells in ragged.items():
        code = RowCode.MISSING_CELL if cells < table.width else RowCode.EXTRA_CELL
        faults[int(good[at])] = (code, {"cells": cells, "columns": table.width})
    return frame, np.delete(good, list(ragged)) if ragged else good, faults


def _joined(cut: Cut, indices: Lines) -> bytes:
    """The bytes of these records one after another; no copy when they are all of the data."""
    if not indices.size:
        return b""
    breaks = np.flatnonzero(np.diff(indices) != 1)
    firsts = cut.starts[indices[np.concatenate((np.zeros(1, np.int64), breaks + 1))]]
    ends = cut.ends[indices[np.concatenate((breaks, np.full(1, len(indices) - 1, np.int64)))]]
    if len(firsts) == 1 and firsts[0] == 0 and ends[0] == len(cut.data):
        return cut.data
    return b"".join(cut.data[start:end] for start, end in zip(firsts.tolist(), ends.tolist(), strict=True))


def _undecodable(cut: Cut, indices: Lines, data: bytes) -> list[int]:
    """The records that are no UTF-8. A character never crosses a record's end, which is ASCII."""
    lengths = np.cumsum(cut.ends[indices] - cut.starts[indices])
    view, start, found = memoryview(data), 0, list[int]()
    while start < len(data):
        try:
            codecs.utf_8_decode(view[start:], "strict", True)  # noqa: FBT003  # the function's own third parameter: final
        except UnicodeDecodeError as error:
            at = int(np.searchsorted(lengths, start + error.start, side="right"))
            found.append(int(indices[at]))
            start = int(lengths[at])
        else:
            break
    return found


def _parse(data: bytes, table: Table, records: int) -> tuple[pl.DataFrame, dict[int, int]] | None:
    """By pyarrow: the frame and the number of cells of each ragged record; None where it may not read as the grammar does."""
    if data.startswith(MARK):  # pyarrow takes it for the file's mark and drops it
        return None
    dialect = table.grammar.dialect
    if dialect.loose and dialect.quote and dialect.quote in data:  # to pyarrow a quote after a blank is text
        return None
    parsed = arrow.parse(data, dialect.mark.decode(), dialect.quote.decode(), table.width)
    if parsed is None or len(parsed[0]) + len(parsed[1]) != records:
        return None
    frame, ragged = parsed
    return (frame.select(pl.all().str.strip_chars_start(" ")), ragged) if dialect.loose else parsed


def _parse_slowly(cut: Cut, table: Table, indices: Lines) -> tuple[pl.DataFrame, dict[int, int]]:
    rows: list[Sequence[str]] = []
    ragged: dict[int, int] = {}
    for at, index in enumerate(indices.tolist()):
        cells = table.grammar.cells(cut.record(index))
        if len(cells) == table.width:
            rows.append([cell.decode() for cell in cells])
        else:
            ragged[at] = len(cells)
    return _frame(rows, table.width), ragged


def _frame(rows: Sequence[Sequence[str]], width: int) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return pl.DataFrame({str(at): pl.Series(column, dtype=pl.String) for at, column in enumerate(columns)})
