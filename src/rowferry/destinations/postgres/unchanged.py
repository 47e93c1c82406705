"""Tells by texts which rows of a chunk are stored just so, where the last chunk's lie or by their keys, and which keys are stored at all."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
from psycopg.rows import TupleRow

from rowferry.destinations.postgres.statements import BETWEEN, BETWEEN_ROWS, NOTHING, Statements
from rowferry.destinations.postgres.texts import column, ends_by, spelled

LOOK_BYTES_MAX = 16 << 20
"""Bytes of stored rows that are looked at as text for one chunk at most."""
PAGES_MAX = LOOK_BYTES_MAX >> 13
"""Pages of 8 KiB that are read for one chunk at most."""
PAGES_BEFORE = 2
"""Pages before the expected place that are read too."""
PAGES_MORE = 1.05
"""How many more pages are read than the rows took last time: a few in between, and what was rounded."""
FEW = 0.01
"""The share of the rows of a chunk that is looked up by key where it lies elsewhere: short rows fill the gaps of earlier pages."""
MOST = 0.8
"""The share of the rows of a chunk between the places that a look by key tells."""

Bits = npt.NDArray[np.bool_]
Ask = Callable[[bytes, Sequence[object]], TupleRow]


@dataclass(frozen=True, slots=True)
class Looked:
    """For each row whether it is stored just so; and how many rows have a key that is stored, as far as is known."""

    same: Bits
    found: int | None


@dataclass(frozen=True, slots=True)
class _Near:
    """Where the rows of the next chunk lie if they lie behind those of the last: the first page, and how many pages a row takes."""

    page: int
    pages_per_row: float


class Unchanged:
    """Looks at stored rows for the chunks of one load, in the order of the file.

    Rows that an earlier import of the same file wrote lie one chunk after another, and to read those pages is a third of the work of
    finding the rows by key. So the first chunk is looked up by key and tells where it lies; the next ones are sought behind it as long as
    most of them are there. Nothing rests on that guess: what is not found there is looked up.
    """

    def __init__(self, statements: Statements, ask: Ask) -> None:
        self._look_by_key = statements.look_by_key
        self._look_by_place = statements.look_by_place
        self._look_for_keys = statements.look_for_keys
        self._key = list(statements.kind.schema.primary_key)
        self._ask = ask
        self._near: _Near | None = None
        self._ordered = True
        self.pays = self._look_by_key is not None
        """Whether to look: not where rows cannot be told by text, or most of the last chunk were not just so."""

    def prepare(self, rows: pl.DataFrame) -> "Written | None":
        """The rows as they are compared, made ahead of their look. The mapped fields alone."""
        return written(rows, self._key)

    def among(self, rows: pl.DataFrame, prepared: "Written | None") -> Looked:
        """Which rows are stored just so.

        Args:
            rows: the mapped fields alone.
            prepared: what `prepare` made of just these rows, where it was asked.
        """
        mine = prepared or self.prepare(rows)
        if mine is None:
            return Looked(np.zeros(rows.height, np.bool_), None)
        own, longest = mine.split(), LOOK_BYTES_MAX // rows.height
        if self._near is not None and (near := self._behind(own, mine.columns, longest, self._near)) is not None:
            elsewhere = np.flatnonzero(~near.same)
            if not 0 < len(elsewhere) <= FEW * rows.height:
                return near
            keys = rows.select(self._key)[elsewhere]
            same, found, _ = self._by_keys(keys, own.gather(elsewhere), mine.columns, longest)
            near.same[elsewhere] = same
            return Looked(near.same, rows.height - len(elsewhere) + found)
        same, found, most = self._by_keys(rows.select(self._key), own, mine.columns, longest)
        self.pays = int(same.sum()) * 2 > rows.height
        if most and self._ordered and self.pays:
            first, last = (int(place.strip("()").split(",")[0]) for place in most)
            pages = (last - first + 1) / MOST
            self._near = _Near(last + int(pages * (1 - MOST) / 2), pages / found)
        return Looked(same, found)

    def _by_keys(
        self, keys: pl.DataFrame, own: pl.Series, columns: int, longest: int
    ) -> tuple[Bits, int, Sequence[str] | None]:
        """Which rows are stored just so, how many have a key that is stored, and between which places most of those lie."""
        assert self._look_by_key is not None, "who asks has seen that it pays"  # noqa: S101  # an invariant, as code
        *answer, found, most = self._ask(self._look_by_key, [longest, *self._sent(keys)])
        return own.is_in(_stored(answer, columns).split().implode()).to_numpy(), int(found), most

    def known(self, keys: pl.DataFrame) -> Bits | None:
        """Which of these keys are stored; None where that cannot be told by their texts."""
        if self._look_for_keys is None or (mine := written(keys, self._key)) is None:
            return None
        *answer, _ = self._ask(self._look_for_keys, [LOOK_BYTES_MAX // keys.height, *self._sent(keys)])
        stored = _stored(answer, mine.columns)
        if not stored.rows:
            return np.zeros(keys.height, np.bool_)
        return mine.split().is_in(stored.split().implode()).to_numpy()

    def _sent(self, keys: pl.DataFrame) -> Sequence[str]:
        """The keys as the looks take them, neighbours in the index one after another."""
        ordered = keys.sort(self._key)
        return ordered.select(spelled(pl.col(name), ordered.schema[name]).str.join(BETWEEN) for name in self._key).row(
            0
        )

    def _behind(self, own: pl.Series, columns: int, longest: int, near: _Near) -> Looked | None:
        """What is found behind the rows of the last chunk; None where that is too little."""
        assert self._look_by_place is not None, "what can be looked up by key can be by place"  # noqa: S101  # an invariant, as code
        pages = min(int(len(own) * near.pages_per_row * PAGES_MORE) + PAGES_BEFORE + 2, PAGES_MAX)
        first = max(0, near.page - PAGES_BEFORE)
        *answer, there = self._ask(self._look_by_place, [longest, f"({first},0)", f"({first + pages},0)"])
        stored = _stored(answer, columns).split().rename("row").to_frame().with_row_index("place")
        mine = own.rename("row").to_frame()
        places = mine.join(stored, on="row", how="left", maintain_order="left")["place"]
        found = len(places) - places.null_count()
        if found * 2 < max(len(own), int(there)):
            self._near, self._ordered = None, False
            return None
        passed = cast("int", places.max()) + 1
        self._near = _Near(first + int(pages * passed / stored.height), near.pages_per_row)
        return Looked(places.is_not_null().to_numpy(writable=True), found)


@dataclass(frozen=True, slots=True)
class Written:
    """Rows as one text: `BETWEEN` between values, `BETWEEN_ROWS` behind each row, `NOTHING` where there is no value.

    No value holds one of these three.
    """

    text: bytes
    rows: int
    columns: int

    def split(self) -> pl.Series:
        """Each row as bytes, with the mark behind it."""
        return column(self.text, ends_by(BETWEEN_ROWS, self.text))


def written(rows: pl.DataFrame, key: Sequence[str]) -> Written | None:
    """Rows as one text, the key first; None where a value holds one of the marks, so that it could be taken for another row."""
    names = (*key, *(name for name in rows.columns if name not in key))
    out = io.BytesIO()
    rows.select(_plain(rows.schema[name], pl.col(name)) for name in names).write_csv(
        out,
        include_header=False,
        separator=BETWEEN,
        line_terminator=BETWEEN_ROWS,
        quote_style="never",
        null_value=NOTHING,
    )
    return _unmistakable(out.getvalue(), rows.height, rows.width, sum(rows.null_count().row(0)))


def _stored(answer: Sequence[object], columns: int) -> Written:
    """What a look gave; no rows where one cannot be told from others."""
    text, rows, nothings = answer
    found = _unmistakable(bytes(cast("bytes", text)), int(str(rows)), columns, int(str(nothings))) if rows else None
    return found or Written(b"", 0, columns)


def _unmistakable(text: bytes, rows: int, columns: int, nothings: int) -> Written | None:
    marks = ((BETWEEN_ROWS, rows), (BETWEEN, rows * (columns - 1)), (NOTHING, nothings))
    return Written(text, rows, columns) if all(text.count(mark.encode()) == many for mark, many in marks) else None


def _plain(kind: pl.DataType, value: pl.Expr) -> pl.Expr:
    if isinstance(kind, pl.Time):
        return value.to_physical() // 1000
    return value.to_physical() if isinstance(kind, pl.Datetime) else value
