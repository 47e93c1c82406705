"""Makes the blocks of a table from the kept rows of a sheet: which of them are data, their cells by column, and what is wrong with a row."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from rowferry.domain.faults import RowCode
from rowferry.formats.workbook.book import SPACES
from rowferry.formats.workbook.canonical import ERROR, TYPED
from rowferry.formats.workbook.header import Row
from rowferry.formats.workbook.kept import TOO_LONG, parts, starts_of
from rowferry.ports import Block, Lines, RecordFault

LINE_END = "\r\n"
BLOCK_CELLS = 1 << 20
"""Places for cells in a block at most, empty ones included; a sheet may be wide and have few cells."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a sheet: where its rows are kept, the line of its header, how many cells that has, how much text a row may have."""

    folder: Path
    header_line: int
    width: int
    record_bytes_max: int

    def blocks(self) -> Iterator[Block]:
        """The data rows, numbered from row 1."""
        first_row = 1
        size = max(1, BLOCK_CELLS // max(self.width, 1))
        for part in parts(self.folder):
            data = part.filter(pl.col("line") > self.header_line)
            starts = np.append(starts_of(data["line"].to_numpy()), data.height)
            for at in range(0, len(starts) - 1, size):
                last = min(at + size, len(starts) - 1)
                block = _Rows(data.slice(int(starts[at]), int(starts[last] - starts[at])), self).block(first_row)
                yield block
                first_row += block.rows


def first_rows(folder: Path, count: int, from_line: int = 1) -> list[Row]:
    """The first rows from a line on, each with its cells up to the last that has content."""
    found = list[Row]()
    for part in parts(folder):
        data = part.filter((pl.col("line") >= from_line) & (pl.col("column") >= 0))
        starts = np.append(starts_of(data["line"].to_numpy()), data.height).tolist()
        for start, end in pairwise(starts[: count - len(found) + 1]):
            found.append(Row(int(data["line"][start]), _filled_in(data.slice(start, end - start))))
        if len(found) == count:
            break
    return found


def counts(folder: Path, header_line: int) -> tuple[int, int]:
    """How many rows are below the header, and how many blank ones are among them."""
    rows, last = 0, header_line
    for part in parts(folder, lines_only=True):
        lines = part["line"].filter(part["line"] > header_line)
        rows += len(starts_of(lines.to_numpy()))
        last = max(last, int(lines[-1])) if len(lines) else last
    return rows, last - header_line - rows


def _filled_in(cells: pl.DataFrame) -> tuple[str, ...]:
    """The cells of one row, "" where there is none, up to the last that has content."""
    by_column = dict(cells.select("column", "text").iter_rows())
    last = max((column for column, text in by_column.items() if text.strip(SPACES)), default=-1)
    return tuple(by_column.get(column, "") for column in range(last + 1))


class _Rows:
    """Some rows of a part: one cell after the other, and which row each is of."""

    def __init__(self, cells: pl.DataFrame, table: Table) -> None:
        lines = cells["line"].to_numpy()
        self._starts = starts_of(lines)
        self._lines = lines[self._starts]
        self._row_of = np.repeat(np.arange(len(self._starts)), np.diff(np.append(self._starts, len(lines))))
        self._columns = cells["column"].to_numpy()
        self._texts, self._marks = cells["text"], cells["mark"].to_numpy()
        self._table = table

    def block(self, first_row: int) -> Block:
        faults = self._faults()
        good = np.delete(np.arange(len(self._lines)), sorted(faults))
        at = np.full(len(self._lines), -1, np.int64)
        at[good] = np.arange(len(good))
        cells, typed, errors = self._by_column(at, len(good))
        return Block(
            first_row=first_row,
            lines=self._lines.astype(np.int64),
            cells=cells,
            positions=good.astype(np.int64),
            faults=[RecordFault(row, code, arguments) for row, (code, arguments) in sorted(faults.items())],
            raw=self._raw,
            cut=self._cut,
            typed=typed,
            cell_errors=errors,
        )

    def _faults(self) -> dict[int, tuple[RowCode, Mapping[str, object]]]:
        width, found = self._table.width, dict[int, tuple[RowCode, Mapping[str, object]]]()
        beyond = np.flatnonzero(self._columns >= width)
        for cell in beyond.tolist():
            if self._texts[cell].strip(SPACES):
                arguments = {"cells": int(self._columns[cell]) + 1, "columns": width}
                found[int(self._row_of[cell])] = (RowCode.EXTRA_CELL, arguments)
        for cell in np.flatnonzero(self._marks == TOO_LONG).tolist():
            arguments = {"length": int(self._texts[cell]), "limit": self._table.record_bytes_max}
            found[int(self._row_of[cell])] = (RowCode.TOO_LONG, arguments)
        return found

    def _by_column(self, at: Lines, rows: int) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Lines]]:
        """The cells of good rows: texts, which are typed, and which are errors, by column."""
        width, row_of = self._table.width, at[self._row_of]
        texts = pl.concat([self._texts, pl.Series([""], dtype=pl.String)], rechunk=True)
        order = np.argsort(self._columns, kind="stable")
        bounds = np.searchsorted(self._columns[order], np.arange(width + 1))
        columns, typed, errors = dict[str, pl.Series](), dict[str, pl.Series](), dict[str, Lines]()
        for column in range(width):
            cells = order[bounds[column] : bounds[column + 1]]
            cells = cells[row_of[cells] >= 0]
            places = np.full(rows, len(self._texts), np.int64)
            places[row_of[cells]] = cells
            columns[str(column)] = texts.gather(places)
            marks = self._marks[cells]
            if (marks & TYPED).any():
                mask = np.zeros(rows, np.bool_)
                mask[row_of[cells[(marks & TYPED) > 0]]] = True
                typed[str(column)] = pl.Series(mask)
            if (marks & ERROR).any():
                errors[str(column)] = row_of[cells[(marks & ERROR) > 0]]
        return pl.DataFrame(columns), pl.DataFrame(typed), errors

    def _cut(self, position: int) -> Sequence[str]:
        ends = np.append(self._starts, len(self._texts))
        own = range(int(ends[position]), int(ends[position + 1]))
        cells = {int(self._columns[cell]): self._texts[cell] for cell in own}
        # Spaces beyond the header are no content, and would be an extra cell where the row comes back as text.
        solid = (column for column, text in cells.items() if column < self._table.width or text.strip(SPACES))
        width = max(self._table.width, 1 + max(solid, default=0))
        return [cells.get(column, "") for column in range(width)]

    def _raw(self, position: int) -> bytes:
        """The record as RFC 4180 has it."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=LINE_END).writerow(self._cut(position))
        return text.getvalue().removesuffix(LINE_END).encode()


Filled = Callable[[list[int]], set[int]]


def filled_columns(table: Table) -> Filled:
    """Tells which of some columns have content in any row."""

    def filled(positions: list[int]) -> set[int]:
        wanted, found = pl.Series(positions, dtype=pl.Int32), set[int]()
        for part in parts(table.folder):
            own = part.filter((pl.col("line") > table.header_line) & pl.col("column").is_in(wanted.implode()))
            solid = own.filter(pl.col("text").str.strip_chars(SPACES) != "")
            found.update(solid["column"].unique().to_list())
            if len(found) == len(positions):
                break
        return found

    return filled
