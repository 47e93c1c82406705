"""Makes blocks of rows: cells as text columns, which of them say their value themselves, and which rows are at fault."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import polars as pl

from rowferry.formats.objects.columns import Cells, Mask
from rowferry.formats.objects.records import RECORDS_MAX, Cut, Told
from rowferry.formats.objects.rows import Objects, Rows
from rowferry.ports import Block, RecordFault

CELLS_MAX = 1 << 20
"""Cells of a block at most: objects may have few members each, and many names all together."""


def blocks(cuts: Iterable[Cut], objects: Objects, names: Sequence[str]) -> Iterator[Block]:
    """The rows of all cuts, numbered from row 1; a column for each of the names."""
    first_row, size = 1, max(1, min(RECORDS_MAX, CELLS_MAX // len(names)))
    for cut in cuts:
        rows = objects.rows(cut)
        for start in range(0, len(rows.texts), size):
            block = _block(rows.part(start, start + size), objects, names, first_row)
            yield block
            first_row += block.rows


def _block(rows: Rows, objects: Objects, names: Sequence[str], first_row: int) -> Block:
    good = np.array(sorted(rows.values), np.int64)
    columns = objects.columns([rows.values[at] for at in good.tolist()], names) if good.size else []
    spoilt = good[_spoilt(columns, len(good))].tolist()
    no_text = dict.fromkeys(spoilt, objects.no_text())
    faults = {**rows.faults, **no_text, **objects.repeating(rows, columns, names)}
    kept = ~np.isin(good, list(faults))
    texts = _frame([one.texts for one in columns], len(names), pl.String())
    typed = _frame([one.typed for one in columns], len(names), pl.Boolean())
    whole = bool(kept.all())
    return Block(
        first_row=first_row,
        lines=np.array(rows.lines, np.int64),
        cells=texts if whole else texts.filter(pl.Series(kept)),
        positions=good[kept],
        faults=_faults(faults),
        raw=_raw(rows.texts),
        cut=_cut(rows.texts, objects, names),
        typed=typed if whole else typed.filter(pl.Series(kept)),
    )


def _frame(columns: Sequence[pl.Series], width: int, kind: pl.DataType) -> pl.DataFrame:
    every = columns or [pl.Series(dtype=kind)] * width
    return pl.DataFrame({str(at): one for at, one in enumerate(every)})


def _spoilt(columns: Sequence[Cells], height: int) -> Mask:
    """The rows with a value that is no text."""
    found = np.zeros(height, np.bool_)
    for one in columns:
        if one.spoilt is not None:
            found |= one.spoilt
    return found


def _faults(faults: dict[int, Told]) -> list[RecordFault]:
    return [RecordFault(at, code, arguments) for at, (code, arguments) in sorted(faults.items())]


def _raw(texts: Sequence[bytes]) -> Callable[[int], bytes]:
    return lambda position: texts[position]


def _cut(texts: Sequence[bytes], objects: Objects, names: Sequence[str]) -> Callable[[int], Sequence[str]]:
    return lambda position: objects.as_cut(texts[position], names)
