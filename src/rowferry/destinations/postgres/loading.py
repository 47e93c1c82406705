"""Loads chunks into a kind's table: which rows are new, which differ, which may not in, and the writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl
import psycopg
from psycopg.rows import TupleRow

from rowferry.destinations.postgres.stage import Encoded, by_halves, copy, encoded, is_data_fault, waves
from rowferry.destinations.postgres.statements import (
    AT,
    BY_INDEX,
    KEPT,
    TAKE_TURN_BY_INDEX,
    contradicted,
    look,
    statements_of,
)
from rowferry.destinations.postgres.tables import table_name
from rowferry.destinations.postgres.texts import ends_of_lines, literal, taken
from rowferry.destinations.postgres.unchanged import Unchanged, Written
from rowferry.destinations.postgres.verdicts import Positions, Verdicts
from rowferry.domain.faults import RowCode
from rowferry.domain.ledger import Outcome
from rowferry.domain.schema import ForeignKey, ImportKind, Mode
from rowferry.ports import Chunk, LoadContext, Loaded

ROUNDS_MAX = 10
"""How often rows are matched anew because somebody outside the lock was quicker."""
FEW_ROWS = 5_000
"""Rows of a first chunk at most that are written once a handful was looked up; behind a larger one that is refused, too much is to be taken back."""
HANDFUL = 8
"""Keys that are looked up first, evenly from all of the chunk."""


@dataclass(frozen=True, slots=True)
class _Match:
    """Staged rows: those without a stored row of their key, and those with one, the same or different."""

    new: Positions
    same: Positions
    different: Positions


class PostgresLoader:
    """Writes the chunks of one attempt (ports.Loader), inside the transaction that the caller opened for the tenant and the job."""

    def __init__(self, connection: psycopg.Connection[TupleRow], context: LoadContext) -> None:
        schema = context.kind.schema
        assert set(schema.primary_key) <= set(context.fields), "the file must bring the key"  # noqa: S101  # an invariant, as code
        self._connection = connection
        self._context = context
        self._schema = schema
        fields = tuple(field for field in schema.fields if field.name in context.fields)
        self._names = [field.name for field in fields]
        self._statements = statements_of(context.kind, fields, context.options.empty)
        self._unique_sets = [one for one in schema.unique_sets if set(one) <= set(context.fields)]
        self._foreign_keys = schema.held_references(context.fields, strict=context.options.strict)
        self._dependencies = schema.held_dependencies(context.fields, strict=context.options.strict)
        self._empty_at_start: bool | None = None
        self._all_failed: set[tuple[object, ...]] = set()
        self._mostly_new = False
        self._none_stored = False
        self._refused = False
        self._begun = False
        self._hopeful = False
        self._unchanged = Unchanged(self._statements, self._one)
        self._staged = False

    def prepare(self, chunk: Chunk, text: bytes) -> Encoded | Written | None:
        """What is most likely wanted of the rows.

        Returns:
            Those that go straight into the table as the body of a COPY in the order of the key, or all as they are compared with what
            is stored.
        """
        if self._context.options.mode is Mode.UPDATE or (self._empty_at_start is False and not self._mostly_new):
            return (
                self._unchanged.prepare(chunk.frame.select(self._names)) if self._looks and chunk.frame.height else None
            )
        if chunk.fresh is None:
            return None
        fresh, key = chunk.fresh.to_numpy(), self._schema.primary_key
        order = chunk.frame.select(pl.arg_sort_by(key) if key else pl.int_range(pl.len())).to_series().to_numpy()
        return Encoded(np.flatnonzero(fresh), taken(text, ends_of_lines(text), order[fresh[order]]))

    def load(self, chunk: Chunk) -> Loaded:
        """Writes one chunk. `created` is what the write returned, not what a look before it said."""
        verdicts = self._verdicts(chunk)
        if chunk.frame.height:
            self._connection.execute(TAKE_TURN_BY_INDEX, [table_name(self._context.kind)])
            for wave in self._waves(chunk):
                referring = self._referring(chunk, verdicts, wave, self._step(wave))
                self._write(chunk, verdicts, self._consistent(chunk, verdicts, referring))
        return self._with_faulty(chunk, verdicts.loaded())

    def foresee(self, chunk: Chunk) -> Loaded:
        """What `load` would do, without writing: for verdicts and dry runs. Of dependencies it sees those within a chunk and with the table."""
        if self._schema.primary_key and self._context.options.duplicates == "apply":
            return self._try(chunk)
        verdicts = self._verdicts(chunk)
        if chunk.frame.height:
            self._connection.execute(BY_INDEX)
            positions = self._referring(chunk, verdicts, np.arange(chunk.frame.height))
            positions = self._consistent(chunk, verdicts, positions)
            straight = self._straight(chunk, positions)
            verdicts.settle(straight, Outcome.CREATED)
            self._settle_same(chunk, verdicts, verdicts.open(positions))
            if (rest := verdicts.open(positions)).size:
                found = self._judge(verdicts, self._match(self._stage(chunk, verdicts, rest)))
                verdicts.settle(found.new, Outcome.CREATED)
                verdicts.settle(found.different, Outcome.UPDATED)
        return self._with_faulty(chunk, verdicts.loaded())

    def close(self) -> None:
        """Drops the stage, where the connection still takes statements."""
        if self._staged and self._connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            with self._connection.transaction():
                self._connection.execute(self._statements.drop_stage)

    # What comes before a row is written -------------------------------------------------------------------------------

    def _verdicts(self, chunk: Chunk) -> Verdicts:
        return Verdicts(chunk, self._context.kind, self._context.columns)

    def _waves(self, chunk: Chunk) -> list[Positions]:
        """The rows in the order in which they take effect; only `apply` lets a key come more than once."""
        once = self._context.options.duplicates != "apply" or (chunk.fresh is not None and chunk.fresh.all())
        return list(waves(chunk.frame, () if once else self._schema.primary_key))

    def _straight(self, chunk: Chunk, positions: Positions) -> Positions:
        """Rows that need no look-up: their keys are in no earlier row of the job, and the table was empty before it."""
        if self._context.options.mode is Mode.UPDATE:
            return positions[:0]
        if not self._schema.primary_key and not self._unique_sets:
            return positions
        if not self._empty_at_start or chunk.fresh is None:
            return positions[:0]
        fresh: Positions = positions[chunk.fresh.to_numpy()[positions]]
        return fresh

    def _step(self, positions: Positions) -> int:
        """Of how many rows of a small first chunk one is looked up by its key before all are written; 0: none is."""
        first, self._begun = not self._begun, True
        few = first and positions.size <= FEW_ROWS
        hoping = few and self._schema.primary_key and self._context.options.mode is not Mode.UPDATE
        return -(-positions.size // HANDFUL) if hoping else 0

    def _referring(self, chunk: Chunk, verdicts: Verdicts, positions: Positions, step: int = 0) -> Positions:
        """The rows whose foreign keys all refer to something; the others are decided here."""
        self._decide_dangling(chunk.frame, verdicts, positions, step)
        return verdicts.open(positions)

    def _decide_dangling(self, frame: pl.DataFrame, verdicts: Verdicts, positions: Positions, step: int = 0) -> None:
        """Decides those of some rows of a frame that refer to nothing."""
        named = tuple((key, self._other(key)) for key in self._foreign_keys)
        names = [*dict.fromkeys(name for key, _ in named for name in key.fields)]
        names += [name for name in self._schema.primary_key if step and name not in names]
        rows = frame if positions.size == frame.height or not names else frame[positions, names]
        for (key, other), numbers in zip(named, self._looked_up(rows, named, step), strict=True):
            if numbers:
                lost = rows.select(_distinct(key.fields))[np.array(numbers, np.int64) - 1]
                dangling = self._dangling(key, other, rows.select(key.fields), lost)
                verdicts.issues(positions[dangling], RowCode.FOREIGN_KEY, key.fields, resource=other.name)

    def _looked_up(
        self, rows: pl.DataFrame, named: tuple[tuple[ForeignKey, ImportKind], ...], step: int
    ) -> Sequence[Sequence[int]]:
        """By foreign key, the values that no row has.

        The same question tells, once, whether the table is empty, and of every `step`th row whether one of its key is stored: where that
        is so of none, and the table is not empty, all are hoped to be new.
        """
        kind, key = self._context.kind, self._schema.primary_key
        unknown, self._hopeful = self._empty_at_start is None, False
        if not rows.height or not (unknown or named or step):
            return [()] * len(named)
        asked = (*named, (ForeignKey(key, "", key), kind)) if step else named
        types = rows.schema
        of = tuple((name, types[name]) for name in dict.fromkeys(name for one, _ in named for name in one.fields))
        texts = rows.select(_literals(tuple(one.fields for one, _ in named), of)).row(0) if named else ()
        some = [_texts(rows[name].to_list()[::step]) for name in key] if step else []
        empty, *missing = self._one(look(kind if unknown else None, asked), [*texts, *some])
        if unknown:
            self._empty_at_start = bool(empty)
        if step:
            self._hopeful = len(missing.pop()) == -(-rows.height // step) and not self._empty_at_start
        return missing

    def _other(self, key: ForeignKey) -> ImportKind:
        return self._context.references[key.resource] if key.resource else self._context.kind

    def _dangling(self, key: ForeignKey, other: ImportKind, referring: pl.DataFrame, lost: pl.DataFrame) -> Positions:
        """The rows that refer to one of the lost values, which no stored row has, unless a row of the file itself has it."""
        fields = list(key.fields)
        for way in (key.reference_fields, *key.alternatives):
            if other is self._context.kind and self._context.in_file is not None and lost.height:
                renamed = lost.rename(dict(zip(fields, way, strict=True)))
                lost = lost.filter(~self._context.in_file(renamed))
        found = referring.with_row_index(AT).join(lost, on=fields, how="semi")
        return np.sort(found[AT].to_numpy())

    def _consistent(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> Positions:
        """The rows that contradict neither a stored row nor an earlier one of the chunk; the others are decided here.

        A row without one of the values contradicts none.
        """
        for one in self._dependencies:
            names = tuple(dict.fromkeys((*one.fields, one.determines, *self._schema.primary_key)))
            frame = chunk.frame[verdicts.open(positions)].select(pl.Series(AT, verdicts.open(positions)), *names)
            said = frame.drop_nulls([*one.fields, one.determines])
            if said.is_empty():
                continue
            values = said.select(names).unique()
            texts = values.select(literal(pl.col(name), values.schema[name]).alias(name) for name in names).row(0)
            (found,) = self._one(contradicted(one, names, self._context.kind), texts)
            stored = said.join(values[np.array(found, np.int64) - 1], on=names, how="semi", nulls_equal=True)
            determined = self._schema.field(one.determines).label
            verdicts.issues(np.sort(stored[AT].to_numpy()), RowCode.INCONSISTENT, one.fields, determines=determined)
            # Of those that are left the first of the chunk decides.
            left = said.join(stored, on=AT, how="anti").sort(AT)
            other = left.filter(
                pl.col(one.determines).ne_missing(pl.col(one.determines).first().over(list(one.fields)))
            )
            verdicts.issues(other[AT].to_numpy(), RowCode.INCONSISTENT, one.fields, determines=determined)
        return verdicts.open(positions)

    def _with_faulty(self, chunk: Chunk, loaded: Loaded) -> Loaded:
        """With what is wrong besides with rows that had failed before: what they refer to that is not there."""
        if chunk.faulty is None or not self._foreign_keys:
            return loaded
        faulty = replace(chunk, frame=chunk.faulty)
        verdicts = self._verdicts(faulty)
        self._decide_dangling(chunk.faulty, verdicts, np.arange(chunk.faulty.height))
        return Loaded(loaded.outcomes, sorted([*loaded.issues, *verdicts.told], key=lambda issue: issue.row))

    # Writing ----------------------------------------------------------------------------------------------------------

    def _write(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> None:
        self._copy(chunk, verdicts, self._straight(chunk, positions))
        if self._hopeful:  # the write tells of those that are not new after all, and is less than a look at all
            self._copy(chunk, verdicts, verdicts.open(positions))
        found = self._settle_same(chunk, verdicts, verdicts.open(positions))
        self._copy(chunk, verdicts, self._absent(chunk, verdicts.open(positions), found))
        for _ in range(ROUNDS_MAX):
            undecided = verdicts.open(positions)
            if not undecided.size:
                return
            self._write_by_look(chunk, verdicts, undecided)
        raise psycopg.errors.SerializationFailure("rows of the chunk were changed by others again and again")

    def _copy(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> None:
        """New rows straight into the table. Where one of them may not in, all of them go the careful way instead."""
        if not positions.size:
            return
        ready = chunk.prepared
        if isinstance(ready, Encoded) and np.array_equal(ready.positions, positions):
            slices: Iterable[bytes | memoryview] = ready.slices()
        else:
            slices = encoded(self._columns(self._sorted(chunk.frame[positions])))
        try:
            with self._connection.transaction():
                copy(self._connection, self._statements.copy_rows, slices, positions.size)
        except psycopg.Error as error:
            if not is_data_fault(error):
                raise
            self._refused = True
        else:
            verdicts.settle(positions, Outcome.CREATED)

    def _settle_same(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> int | None:
        """Decides rows that are stored just so, by their text. Where few are, what is stored is compared on the stage instead.

        Returns:
            How many of the rows have a key that is stored, where that was looked up.
        """
        if not self._looks or not positions.size:
            return None
        whole = positions.size == chunk.frame.height
        rows = (chunk.frame if whole else chunk.frame[positions]).select(self._names)
        looked = self._unchanged.among(rows, chunk.prepared if whole and isinstance(chunk.prepared, Written) else None)
        verdicts.settle(positions[looked.same], Outcome.UNCHANGED)
        if looked.found is not None:
            self._mostly_new = looked.found * 2 < positions.size
        return looked.found

    @property
    def _looks(self) -> bool:
        """Whether rows are looked at that may be stored just so."""
        return self._unchanged.pays and self._context.options.mode.overwrites

    def _absent(self, chunk: Chunk, positions: Positions, found: int | None) -> Positions:
        """Rows whose keys are not in the table, as far as is known; none where most of the last chunk's were there.

        They are asked for by key alone, so that only what exists need be staged. Where none of the last chunk was there, none of this one
        is expected either: the write is what decides, and as long as it refused nothing, nobody asks before it.
        """
        if not self._mostly_new or not positions.size or self._context.options.mode is Mode.UPDATE:
            return positions[:0]
        if found is None and self._none_stored and not self._refused:
            return positions
        known = (
            np.zeros(positions.size, np.bool_) if found == 0 else self._unchanged.known(self._keys(chunk, positions))
        )
        if known is None:
            return positions[:0]
        absent: Positions = positions[~known]
        self._mostly_new = absent.size * 2 > positions.size
        self._none_stored = absent.size == positions.size
        return absent

    def _keys(self, chunk: Chunk, positions: Positions) -> pl.DataFrame:
        return chunk.frame.select(self._schema.primary_key)[positions]

    def _write_by_look(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> None:
        found = self._judge(verdicts, self._match(self._stage(chunk, verdicts, positions)))
        self._insert(verdicts, found.new)
        by_halves(self._connection, verdicts, found.different, lambda some: self._update(verdicts, some))

    def _stage(self, chunk: Chunk, verdicts: Verdicts, positions: Positions) -> Positions:
        """Copies rows into the stage; gives those that are in it, the others are decided."""
        self._connection.execute(self._statements.open_stage)
        self._staged = True
        frame = self._sorted(chunk.frame[positions].with_columns(pl.Series(AT, positions)))
        ordered = frame[AT].to_numpy()

        def write(some: Positions) -> None:
            part = frame if some is ordered else frame.filter(pl.col(AT).is_in(some.tolist()))
            staged = encoded(part.select(AT, *self._names, "_row"))
            copy(self._connection, self._statements.copy_stage, staged, part.height)

        by_halves(self._connection, verdicts, ordered, write)
        return verdicts.open(ordered)

    def _match(self, staged: Positions) -> _Match:
        if not self._schema.primary_key or not staged.size:
            return _Match(staged, staged[:0], staged[:0])
        found, differs = self._one(self._statements.match)
        existing, different = np.array(found, np.int64), np.array(differs, np.bool_)
        self._mostly_new = existing.size * 2 < staged.size
        return _Match(np.setdiff1d(staged, existing), existing[~different], existing[different])

    def _judge(self, verdicts: Verdicts, found: _Match) -> _Match:
        """What the mode makes of it: decides the rows that are not written, gives those that are."""
        key = self._schema.primary_key
        existing = np.concatenate((found.same, found.different))
        match self._context.options.mode:
            case Mode.CREATE:
                verdicts.issues(existing, RowCode.ALREADY_EXISTS, key, "failed")
            case Mode.SKIP_EXISTING:
                verdicts.issues(existing, RowCode.ALREADY_EXISTS, key, "skipped")
            case Mode.UPDATE:
                verdicts.issues(found.new, RowCode.NOT_FOUND, key)
                verdicts.settle(found.same, Outcome.UNCHANGED)
            case Mode.UPSERT:
                verdicts.settle(found.same, Outcome.UNCHANGED)
        written = verdicts.open(np.concatenate((found.new, found.different)))
        self._conflicts(verdicts, written)
        return _Match(verdicts.open(found.new), found.same, verdicts.open(found.different))

    def _conflicts(self, verdicts: Verdicts, positions: Positions) -> None:
        """Decides rows whose unique values a stored row with another key has."""
        if not positions.size:
            return
        for unique in self._unique_sets:
            (found,) = self._one(self._statements.conflicts(unique))
            taken = np.intersect1d(positions, np.array(found, np.int64))
            verdicts.issues(taken, RowCode.UNIQUE, unique, where="in the table")

    def _insert(self, verdicts: Verdicts, positions: Positions) -> None:
        """New rows from the stage into the table; a row that lost a race stays undecided."""
        if not positions.size:
            return
        try:
            with self._connection.transaction():
                (made,) = self._one(self._statements.insert, [positions.tolist()])
        except psycopg.Error as error:
            if not is_data_fault(error):
                raise
            by_halves(self._connection, verdicts, positions, lambda some: self._insert_free(verdicts, some))
        else:
            self._created(verdicts, positions, made)

    def _insert_free(self, verdicts: Verdicts, positions: Positions) -> None:
        (made,) = self._one(self._statements.insert_free, [positions.tolist()])
        self._created(verdicts, positions, made)

    def _created(self, verdicts: Verdicts, positions: Positions, rows: object) -> None:
        written = np.isin(verdicts.rows[positions], np.array(rows, np.int64))
        verdicts.settle(positions[written], Outcome.CREATED)

    def _update(self, verdicts: Verdicts, positions: Positions) -> None:
        """Overwrites and keeps what was there; a row that somebody else changed or took away stays undecided."""
        (changed,) = self._one(self._statements.update, [positions.tolist(), self._context.kind.name])
        verdicts.settle(np.array(changed, np.int64), Outcome.UPDATED)

    def _try(self, chunk: Chunk) -> Loaded:
        """What `load` does, taken back at once: rows of one key build on each other, which only doing it can tell.

        Rows of earlier chunks are not in the table then: a row is a later one of its key where one of those got in.
        """
        with self._connection.transaction(force_rollback=True):
            loaded = self.load(chunk)
        if chunk.fresh is None:
            return loaded
        verdicts, key = self._verdicts(chunk), self._schema.primary_key
        later = self._later(chunk, loaded)
        match self._context.options.mode:
            case Mode.CREATE:
                verdicts.issues(later, RowCode.ALREADY_EXISTS, key, "failed")
            case Mode.SKIP_EXISTING:
                verdicts.issues(later, RowCode.ALREADY_EXISTS, key, "skipped")
            case Mode.UPDATE | Mode.UPSERT:
                verdicts.settle(later, Outcome.UPDATED)
        return verdicts.over(loaded)

    def _later(self, chunk: Chunk, loaded: Loaded) -> Positions:
        """Rows that would be created but for a row of an earlier chunk that has their key and got in.

        Remembers the keys of which every row has failed so far: few, since rows fail seldom.
        """
        later: list[int] = []
        for _, at, key, fresh in self._of_repeated_keys(chunk, loaded):
            open_still = fresh or key in self._all_failed
            if at < 0 or loaded.outcomes[at] == Outcome.FAILED:
                if open_still:
                    self._all_failed.add(key)
                continue
            if loaded.outcomes[at] == Outcome.CREATED and not open_still:
                later.append(at)
            self._all_failed.discard(key)
        return np.array(later, np.int64)

    def _of_repeated_keys(self, chunk: Chunk, loaded: Loaded) -> list[tuple[int, int, tuple[object, ...], bool]]:
        """Rows that failed or are not the first of their key, in the order of the file.

        Each is its number, its position in the frame (-1: it failed before it came here), its key, and whether no earlier row has that.
        """
        names = list(self._schema.primary_key)
        assert chunk.fresh is not None, "who asks has looked"  # noqa: S101  # an invariant, as code
        at = np.flatnonzero((loaded.outcomes == Outcome.FAILED) | ~chunk.fresh.to_numpy())
        here = chunk.frame[at].select("_row", pl.Series(AT, at), *names, chunk.fresh[at].alias("_fresh"))
        frames = [here]
        if chunk.faulty is not None:
            readable = chunk.faulty.drop_nulls(names)
            frames.append(readable.select("_row", pl.lit(-1, pl.Int64).alias(AT), *names, "_fresh"))
        rows = pl.concat(frames).sort("_row").iter_rows()
        return [(row, position, tuple(key), fresh) for row, position, *key, fresh in rows]

    def _columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(*self._names, "_row")

    def _sorted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """By key: neighbours in the index come one after another, which loads a fourth faster than the order of a file."""
        return frame.sort(self._schema.primary_key) if self._schema.primary_key else frame

    def _one(self, statement: bytes, parameters: Sequence[object] = ()) -> TupleRow:
        with self._connection.cursor(binary=True) as cursor:
            row = cursor.execute(statement, parameters or None).fetchone()
        assert row is not None, "the statement gives one row"  # noqa: S101  # an invariant, as code
        return row


@lru_cache(KEPT)
def _literals(several: tuple[tuple[str, ...], ...], types: tuple[tuple[str, pl.DataType], ...]) -> Sequence[pl.Expr]:
    """What rows have in each of several groups of fields, see `_distinct`: one text[] a field, to be asked for at once."""
    of = dict(types)
    values = ((field, value) for fields in several for field, value in zip(fields, _distinct(fields), strict=True))
    return [literal(value, of[field]).alias(str(at)) for at, (field, value) in enumerate(values)]


def _texts(values: Sequence[object]) -> list[str | None]:
    """A few values as PostgreSQL reads them: for so few an expression takes longer."""
    return [None if one is None else str(one) for one in values]


def _distinct(fields: Sequence[str]) -> list[pl.Expr]:
    """What rows have in these fields, where they have something in all of them: each once, in the order of the rows."""
    if len(fields) == 1:
        return [pl.col(fields[0]).drop_nulls().unique(maintain_order=True)]
    several = pl.struct(fields).filter(pl.all_horizontal(pl.col(fields).is_not_null())).unique(maintain_order=True)
    return [several.struct.field(name) for name in fields]
