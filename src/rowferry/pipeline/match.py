"""Which rows of a file have a key or a unique value of an earlier row, and which values are those of a row of the file."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.domain.faults import RowCode, RowIssue
from rowferry.domain.schema import Schema
from rowferry.pipeline.checked import Checked
from rowferry.pipeline.keys import HIGH, LINE, LOW, OWNER, ROW, WIDTH, Entries, Keys, Words
from rowferry.pipeline.literals import dtype

ROWS_EXPECTED = 2_000_000
"""Rows of a file that nobody counted."""

Bits = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A row of a frame, by its index, has the values of an earlier row in a key set, by its number in `Seen.key_sets`."""

    index: int
    key_set: int
    row: int
    line: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of the rows of a block before they meet the destination.

    Per row of the frame: `valid`, nothing speaks against writing it; `fresh`, no earlier row has any of its keys. `issues` are all
    issues of the block by row, those of duplicates behind the others of their row. `duplicates` are ordered by row, then key set.
    """

    valid: pl.Series
    fresh: pl.Series
    issues: Sequence[RowIssue]
    duplicates: Sequence[Duplicate]


@dataclass(frozen=True, slots=True)
class _Hashed:
    """The keys of some rows, sorted by the first half of their hash; equal keys stand together, the earliest row first."""

    index: Places
    high: Words
    low: Words

    @property
    def first(self) -> Bits:
        """Whether each is the first of its key."""
        first = np.ones(len(self.high), np.bool_)
        first[1:] = (self.high[1:] != self.high[:-1]) | (self.low[1:] != self.low[:-1])
        return first


class Seen:
    """The keys of the rows of one file, seen once from its first row to its last.

    A key is the value, not its text: `007` and `7` are one integer. A row whose key has an empty or faulty part has no key, as in
    SQL. Memory does not grow with the file; what does not fit is in `scratch` until `close`.
    """

    def __init__(
        self,
        schema: Schema,
        fields: Sequence[str],
        duplicates: Literal["fail", "skip", "apply"],
        scratch: Path,
        *,
        rows: int = ROWS_EXPECTED,
    ) -> None:
        """Begins before the first row.

        Args:
            schema: of the kind; a key set of it counts when all of its fields are mapped.
            fields: the mapped fields.
            duplicates: what becomes of a row that has the primary key of an earlier one.
            scratch: a folder for what does not fit in memory.
            rows: how many rows the file has, to size the filter. A wrong number costs time, not exactness.
        """
        mapped = set(fields)
        primary = (schema.primary_key,) if schema.primary_key else ()
        self.key_sets = tuple(names for names in primary + schema.unique_sets if mapped.issuperset(names))
        self.keyed = bool(primary) and self.key_sets[:1] == primary
        """Whether the first key set is the primary key."""
        own = [one for one in schema.foreign_keys if not one.resource]
        referred = [names for one in own for names in (one.reference_fields, *one.alternatives)]
        self._references = tuple(dict.fromkeys(names for names in referred if mapped.issuperset(names)))
        self._duplicates = duplicates
        self._types = {field.name: dtype(field) for field in schema.fields}
        # Seeds of our own for every set: one store holds all of them, and nobody can prepare a file of colliding keys.
        sets = [*((True, names) for names in self.key_sets), *((False, names) for names in self._references)]
        self._seeds = {one: (secrets.randbits(63), secrets.randbits(63)) for one in sets}
        self._keys = Keys(scratch, rows * len(sets))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def judge(self, checked: Checked) -> Judged:
        """Finds the keys of these rows among those of earlier rows, and remembers them. Blocks must come in the order of the file.

        The first row with a key is the earlier one, whether it failed or not. A unique value is no conflict between rows of one
        primary key: they are one row in the end.
        """
        fresh = np.ones(checked.frame.height, np.bool_)
        owners = np.zeros(checked.frame.height, np.uint64)
        found = list[Duplicate]()
        for number, names in enumerate(self.key_sets):
            primary = number == 0 and self.keyed
            hashed = self._hashed(checked.frame, (True, names), _readable(checked, names))
            if primary:
                owners[hashed.index] = hashed.high
            again, holders = self._enter(checked, hashed, owners)
            fresh[hashed.index[again]] = False
            mine = owners[hashed.index]
            conflict = again & (primary | (mine == 0) | (mine != holders[:, OWNER]))
            rows, lines = holders[conflict, ROW].tolist(), holders[conflict, LINE].tolist()
            at = hashed.index[conflict].tolist()
            found += [Duplicate(index, number, row, line) for index, row, line in zip(at, rows, lines, strict=True)]
        found.sort(key=lambda one: (one.index, one.key_set))
        barred = [one.index for one in found if not self._applies(one)]
        valid = checked.ok.to_numpy().copy()
        valid[barred] = False
        self._refer(checked, valid)
        issues = sorted([*checked.issues, *self._issues(checked, found)], key=lambda issue: issue.row)
        return Judged(pl.Series("valid", valid), pl.Series("fresh", fresh), issues, found)

    def _issues(self, checked: Checked, duplicates: Sequence[Duplicate]) -> list[RowIssue]:
        """What to tell of duplicates: `primary-key` as the option says, `unique` always as a failure."""
        conflicts = {one.index for one in duplicates if not self._primary(one)}
        told = list[RowIssue]()
        for one in duplicates:
            names = self.key_sets[one.key_set]
            if not self._primary(one):
                told.append(checked.issue(one.index, names, RowCode.UNIQUE, "failed", {"where": f"in line {one.line}"}))
            elif self._duplicates != "apply":
                skipped = self._duplicates == "skip" and bool(checked.ok[one.index]) and one.index not in conflicts
                outcome: Literal["failed", "skipped"] = "skipped" if skipped else "failed"
                told.append(checked.issue(one.index, names, RowCode.PRIMARY_KEY, outcome, {"line": one.line}))
        return told

    def _primary(self, one: Duplicate) -> bool:
        return self.keyed and one.key_set == 0

    def _applies(self, one: Duplicate) -> bool:
        return self._primary(one) and self._duplicates == "apply"

    def knows(self, values: pl.DataFrame) -> pl.Series:
        """Whether each row of values is that of a row of the file without a fault, or refers to nothing, by a null.

        For references of a kind to itself, once all rows were judged. The columns have the names of the fields referred to.

        Raises:
            KeyError: no foreign key refers to these fields, or they are not mapped.
        """
        names = next((one for one in self._references if set(one) == set(values.columns)), None)
        if names is None:
            raise KeyError(", ".join(values.columns))
        frame = values.select(pl.col(name).cast(self._types[name]) for name in names)
        complete = frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        hashed = self._hashed(frame, (False, names), complete)
        known = ~complete
        known[hashed.index] = self._keys.find(hashed.high, hashed.low)[0]
        return pl.Series("known", known)

    def close(self) -> None:
        """Lets go of the files in `scratch`."""
        self._keys.close()

    def _refer(self, checked: Checked, valid: Bits) -> None:
        """Remembers what rows may be referred to by: rows that nothing speaks against."""
        for names in self._references:
            hashed = self._hashed(checked.frame, (False, names), _readable(checked, names) & valid)
            self._enter(checked, hashed, np.zeros(checked.frame.height, np.uint64))

    def _hashed(self, frame: pl.DataFrame, key_set: tuple[bool, tuple[str, ...]], rows: Bits) -> _Hashed:
        index = np.flatnonzero(rows)
        texts = frame.select(_canonical(frame.schema, key_set[1])).to_series()
        texts = texts if len(index) == len(texts) else texts.gather(index)
        high, low = (texts.hash(seed).to_numpy() for seed in self._seeds[key_set])
        order = np.argsort(high, kind="stable")
        hashed = _Hashed(index[order], high[order], low[order])
        twins = (hashed.high[1:] == hashed.high[:-1]) & (hashed.low[1:] != hashed.low[:-1])
        if twins.any():  # two keys with one first half: all but impossible, and they must not stand mixed
            order = np.lexsort((low, high))
            hashed = _Hashed(index[order], high[order], low[order])
        return hashed

    def _enter(self, checked: Checked, hashed: _Hashed, owners: Words) -> tuple[Bits, Entries]:
        """Remembers the keys; gives for each whether an earlier row has it, and the entry of the first row that has."""
        first = hashed.first
        heads = np.flatnonzero(first)
        known, entries = self._keys.find(hashed.high[heads], hashed.low[heads])
        new = heads[~known]
        positions = checked.positions[hashed.index[new]]
        added: Entries = np.empty((len(new), WIDTH), np.uint64)
        added[:, HIGH], added[:, LOW] = hashed.high[new], hashed.low[new]
        added[:, ROW], added[:, LINE] = checked.first_row + positions, checked.lines[positions]
        added[:, OWNER] = owners[hashed.index[new]]
        self._keys.add(added)
        entries[~known] = added
        group = np.cumsum(first) - 1
        return known[group] | ~first, entries[group]


def _readable(checked: Checked, names: tuple[str, ...]) -> Bits:
    """Which rows have all values of a key set, and no fault in any of them."""
    rows = np.ones(checked.frame.height, np.bool_)
    for name in names:
        if checked.frame[name].null_count():
            rows &= checked.frame[name].is_not_null().to_numpy()
        if name in checked.faulty:
            rows &= ~checked.faulty[name].to_numpy()
    return rows


def _canonical(schema: pl.Schema, names: tuple[str, ...]) -> pl.Expr:
    """One text per key, the same for the same values only: all parts but the last one say how long they are."""
    parts = [_text(schema[name], pl.col(name)) for name in names]
    if len(parts) == 1:
        return parts[0]
    sized = [part for text in parts[:-1] for part in (text.str.len_bytes().cast(pl.String), pl.lit(":"), text)]
    return pl.concat_str([*sized, parts[-1]])


def _text(kind: pl.DataType, value: pl.Expr) -> pl.Expr:
    if isinstance(kind, pl.String):
        return value
    return (value if isinstance(kind, pl.Decimal) else value.to_physical()).cast(pl.String)
