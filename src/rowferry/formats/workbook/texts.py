"""The texts that the cells of a workbook share, kept on disk in pieces, so that their number does not matter."""

import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import polars as pl

from rowferry.formats.workbook.limits import Meter, damaged
from rowferry.ports import Lines

PIECE_TEXTS = 1 << 16
PIECE_BYTES = 1 << 22
KEPT_BYTES = 48 << 20
"""Pieces in memory at most; more are read from disk again when they are wanted."""
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class SharedTexts:
    """Texts by their place, from 0. All are added first, then taken.

    Args:
        folder: where the pieces go; of this alone.
        meter: counts what goes there.
    """

    def __init__(self, folder: Path, meter: Meter) -> None:
        self._folder, self._meter = folder, meter
        self._pending, self._count, self._size = list[pl.Series](), 0, 0
        self._firsts = [0]
        self._kept: OrderedDict[int, pl.Series] = OrderedDict()
        self._kept_bytes = 0

    def add(self, texts: pl.Series) -> None:
        """Adds texts behind the others."""
        self._pending.append(texts)
        self._count += len(texts)
        self._size += int(texts.str.len_bytes().sum())
        if self._count >= PIECE_TEXTS or self._size >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what is pending; needed after the last."""
        if self._count:
            self._meter.count(self._size)
            self._folder.mkdir(parents=True, exist_ok=True)
            pl.DataFrame({"text": pl.concat(self._pending)}).write_ipc(
                self._path(len(self._firsts) - 1), compat_level=pl.CompatLevel.oldest()
            )
            self._firsts.append(self._firsts[-1] + self._count)
            self._pending, self._count, self._size = [], 0, 0

    def take(self, places: Lines) -> pl.Series:
        """The texts at these places, in their order.

        Raises:
            JobStopped: workbook-damaged, where there is no such place.
        """
        if not len(places):
            return pl.Series([], dtype=pl.String)
        if int(places.min()) < 0 or int(places.max()) >= self._firsts[-1]:
            raise damaged("cells refer to shared texts that are not there")
        piece_of = np.searchsorted(np.asarray(self._firsts), places, side="right") - 1
        pieces = np.unique(piece_of)
        if len(pieces) == 1:
            return self._piece(int(pieces[0])).gather(places - self._firsts[int(pieces[0])])
        order = np.argsort(piece_of, kind="stable")
        taken = [self._piece(int(one)).gather(places[piece_of == one] - self._firsts[int(one)]) for one in pieces]
        back = np.empty(len(places), np.int64)
        back[order] = np.arange(len(places))
        return pl.concat(taken, rechunk=True).gather(back)

    def _piece(self, index: int) -> pl.Series:
        kept = self._kept.pop(index, None)
        if kept is None:
            kept = pl.read_ipc(self._path(index))["text"]
            self._kept_bytes += int(kept.estimated_size())
        self._kept[index] = kept
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= int(self._kept.popitem(last=False)[1].estimated_size())
        return kept

    def _path(self, index: int) -> Path:
        return self._folder / f"{index:06}.texts"


def decoded(text: str) -> str:
    """A text with `_x000D_` and its like as the characters that they stand for. Source: ECMA-376, part 1, 22.9.2.19."""
    if "_x" not in text or _ESCAPED.search(text) is None:
        return text
    spelled = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return spelled.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
