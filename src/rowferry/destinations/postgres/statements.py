"""The statements of a load, made once for a kind, the fields that the file brings, and what empty cells do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import starmap
from typing import LiteralString

from psycopg import sql

from rowferry.destinations.postgres.tables import TYPES, column_definition, table
from rowferry.domain.schema import Dependency, Empty, Field, FieldType, ForeignKey, ImportKind

OWN = sql.SQL("d.tenant_id = (select rowferry.tenant())")
"""The transaction's tenant, asked once a statement: the loader passes by the row policies, so each statement says it."""

TURN: LiteralString = "pg_advisory_xact_lock(hashtextextended(%s, rowferry.tenant()))"
TAKE_TURN = sql.SQL("select {}").format(sql.SQL(TURN))
"""Loaders of one tenant and table take turns, chunk by chunk, so that a match sees all that others committed."""
BY_INDEX = sql.SQL(
    "select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"
    " set_config('enable_material', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)"
)
"""A table filled by this very job has no statistics, and any plan but look-ups in a key's index would read the whole table
for every chunk; one that is kept for any array might compare each row with all of it, one by one. For the rest of the transaction."""
TAKE_TURN_BY_INDEX = sql.SQL("{}, {}").format(BY_INDEX, sql.SQL(TURN))
"""Both at once."""
BETWEEN = "\x1f"
"""The mark between keys that are sent as one text."""
BETWEEN_ROWS = "\x1e"
"""The mark between rows that come as one text."""
NOTHING = "\x1d"
"""The mark for a value that is not there."""
MICROSECONDS: LiteralString = "(extract(epoch from d.{})*1000000)::bigint::text"
WRITTEN: Mapping[FieldType, LiteralString] = {
    FieldType.STRING: "d.{}",
    FieldType.INTEGER: "d.{}::text",
    FieldType.NUMBER: "d.{}::text",
    FieldType.BOOLEAN: "d.{}::text",
    FieldType.DATE: "d.{}::text",
    FieldType.DATETIME: MICROSECONDS,
    FieldType.TIME: MICROSECONDS,
}
"""How PostgreSQL writes a value so that Polars writes the same (`unchanged.written`). JSON has no one way to be written."""
NO_MORE = sql.SQL("")
KEPT = 256
"""Loads and references whose statements a worker keeps: to put the text of one together takes as long as to run it."""
AT = "_at"
"""The column of the stage that says which row of the chunk's frame a row is."""


@dataclass(frozen=True)
class Statements:
    """The statements of one load. `fields` are those that the file brings, in the kind's order."""

    kind: ImportKind
    fields: tuple[Field, ...]
    empty: Empty

    @cached_property
    def stage(self) -> sql.Identifier:
        """The temporary table; its name tells its columns, so that an old one of another shape is never taken for it."""
        shape = sql.SQL(", ").join(self._definitions()).as_string(None)
        return sql.Identifier("pg_temp", f"stage_{sha256(shape.encode()).hexdigest()[:16]}")

    @cached_property
    def open_stage(self) -> bytes:
        """Makes the stage where it is missing and empties it: a transaction may hold many chunks."""
        return (
            sql.SQL(
                "create temporary table if not exists {stage} (_at int not null, {columns}, _row bigint not null) on commit delete rows;"
                " truncate {stage}"
            )
            .format(stage=self.stage, columns=sql.SQL(", ").join(self._definitions()))
            .as_bytes()
        )

    @cached_property
    def drop_stage(self) -> bytes:
        return sql.SQL("drop table if exists {}").format(self.stage).as_bytes()

    @cached_property
    def copy_rows(self) -> bytes:
        """Straight into the table; tenant and job come from the transaction."""
        return (
            sql.SQL("copy {} ({}, _row) from stdin with (format csv)")
            .format(table(self.kind), self._names())
            .as_bytes()
        )

    @cached_property
    def copy_stage(self) -> bytes:
        return (
            sql.SQL("copy {} (_at, {}, _row) from stdin with (format csv)").format(self.stage, self._names()).as_bytes()
        )

    @cached_property
    def match(self) -> bytes:
        """Which staged rows exist by their key, and whether the stored values differ: two arrays of equal length."""
        return (
            sql.SQL(
                "select coalesce(array_agg(s._at), '{{}}'), coalesce(array_agg({differ}), '{{}}')"
                " from {stage} s cross join lateral ({stored} limit 1) d"
            )
            .format(differ=self._differ(), stage=self.stage, stored=self._stored(self._same_key()))
            .as_bytes()
        )

    @cached_property
    def look_for_keys(self) -> bytes | None:
        """Which of some keys are stored: the keys of those as one text, see `_look`. None where they cannot be compared with the file's."""
        keys = [self.kind.schema.field(name) for name in self.kind.schema.primary_key]
        return self._look(keys, *self._of_keys()) if keys else None

    @cached_property
    def look_by_key(self) -> bytes | None:
        """The stored rows of some keys: see `_look`; last in which places of the table most of them lie, first and last.

        None where the values cannot be compared with the file's.
        """
        if not self.kind.schema.primary_key:
            return None
        most = sql.SQL(", percentile_disc(array[0.1, 0.9]) within group (order by s.place)::text[]")
        return self._look(self.fields, *self._of_keys(), sql.SQL(", d.ctid as place"), most)

    @cached_property
    def look_by_place(self) -> bytes | None:
        """The same of all stored rows from one place of the table to before another, in the order of their places.

        The places stand in a part of their own, so that no index is thought better than to read just these pages.
        """
        part = sql.SQL("(select * from {} where ctid >= %s::tid and ctid < %s::tid offset 0) d").format(
            table(self.kind)
        )
        return self._look(self.fields, part, sql.SQL("true")) if self.kind.schema.primary_key else None

    def _of_keys(self) -> tuple[sql.Composable, sql.Composable]:
        """The stored rows `d` of some keys: what they are taken from, and under which condition.

        The values of each field of the key come as one text: an array would be made and taken apart value by value. One text or integer is
        compared with all at once, which is twice as fast as key by key. A key that holds the mark between them is not found, or another one is.
        """
        key = [self.kind.schema.field(name) for name in self.kind.schema.primary_key]
        simple = {FieldType.STRING: sql.SQL("text[]"), FieldType.INTEGER: sql.SQL("bigint[]")}
        sent = sql.SQL("string_to_array(%s, {})").format(sql.Literal(BETWEEN))
        if len(key) == 1 and key[0].type in simple:
            wanted = sql.SQL("d.{} = any({}::{})").format(sql.Identifier(key[0].name), sent, simple[key[0].type])
            return sql.SQL("{} d").format(table(self.kind)), wanted
        names = [sql.Identifier(f"v{position}") for position in range(len(key))]
        same = (
            sql.SQL("d.{} = {}").format(sql.Identifier(field.name), _typed(field, name))
            for field, name in zip(key, names, strict=True)
        )
        rows = sql.SQL(
            "unnest({sent}) s({names}) cross join lateral (select d.*, d.ctid from {table} d where {own} and {same} limit 1) d"
        ).format(
            sent=sql.SQL(", ").join(sent for _ in key),
            names=sql.SQL(", ").join(names),
            table=table(self.kind),
            own=OWN,
            same=sql.SQL(" and ").join(same),
        )
        return rows, sql.SQL("true")

    def _look(
        self,
        fields: Sequence[Field],
        rows: sql.Composable,
        wanted: sql.Composable,
        each: sql.SQL = NO_MORE,
        more: sql.SQL = NO_MORE,
    ) -> bytes | None:
        """Stored rows as one text in UTF-8, how many those are, how many values are lacking in them, and how many rows there are in all.

        Each row is its key and then the other fields, as `unchanged.written` writes them. Rows with more than so many bytes are left
        out of the text, however long what is stored may be.
        """
        if any(field.type not in WRITTEN for field in fields):
            return None
        key = [self.kind.schema.field(name) for name in self.kind.schema.primary_key]
        parts = [
            *(sql.SQL(WRITTEN[field.type]).format(sql.Identifier(field.name)) for field in key),
            *(_written(field) for field in fields if field not in key),
        ]
        nothings = sql.SQL(", ").join(sql.SQL("d.{}").format(sql.Identifier(field.name)) for field in fields)
        # `offset 0` keeps the text of a row from being made once for each place that it is named in
        return (
            sql.SQL(
                "select convert_to(string_agg(s.row, {mark}) filter (where s.fits) || {mark}, 'UTF8'),"
                " count(*) filter (where s.fits), coalesce(sum(s.nothings) filter (where s.fits), 0)::bigint, count(*){more}"
                " from (select r.*, octet_length(r.row) <= %s as fits from"
                " (select concat_ws({between}, {row}) as row, num_nulls({nothings}) as nothings{each} from {rows} where {own} and {wanted}"
                " offset 0) r offset 0) s"
            )
            .format(
                mark=sql.Literal(BETWEEN_ROWS),
                between=sql.Literal(BETWEEN),
                nothings=nothings,
                more=more,
                each=each,
                row=sql.SQL(", ").join(parts),
                rows=rows,
                own=OWN,
                wanted=wanted,
            )
            .as_bytes()
        )

    def conflicts(self, unique: Sequence[str]) -> bytes:
        """Staged rows whose values of a unique set are those of a stored row with another key."""
        other = sql.SQL("not ({})").format(self._same_key()) if self.kind.schema.primary_key else sql.SQL("true")
        return (
            sql.SQL(
                "select coalesce(array_agg(s._at), '{{}}') from {stage} s cross join lateral ({stored} and {other} limit 1) d"
            )
            .format(stage=self.stage, stored=self._stored(_equal(unique)), other=other)
            .as_bytes()
        )

    @cached_property
    def insert(self) -> bytes:
        """Staged rows into the table, in the order of the key; gives the `_row` of each that went in."""
        return self._insert(sql.SQL(""))

    @cached_property
    def insert_free(self) -> bytes:
        """The same without the rows whose key or unique value somebody else was quicker to write."""
        return self._insert(sql.SQL("on conflict do nothing"))

    @cached_property
    def update(self) -> bytes:
        """Overwrites the mapped fields and keeps what was there; gives the `_at` of each row that was there and was the same still.

        A row that somebody else changes meanwhile is another version, and is neither overwritten nor kept. Its place alone does not
        tell that everywhere. Source: pgsql-hackers, September 2025, "Fix missing EvalPlanQual recheck for TID scans".
        """
        changes: list[sql.Composable] = [
            self._change(field) for field in self.fields if field.name not in self.kind.schema.primary_key
        ]
        changes += [sql.SQL("_job_id = (select rowferry.current_job())"), sql.SQL("_row = s._row")]
        return (
            sql.SQL(
                "with s as materialized (select s.*, d.* from {stage} s cross join lateral (select d.ctid as _place, d.xmin as _version,"
                " to_jsonb(d) - 'tenant_id' as _image from {table} d where {own} and {same_key} limit 1) d where s._at = any(%s::int[])),"
                " changed as (update {table} d set {changes} from s where d.ctid = s._place and d.xmin = s._version"
                " returning s._at, s._row, s._image),"
                " kept as (insert into rowferry.before_images (job_id, row, kind, image, expires_at)"
                " select (select rowferry.current_job()), _row, %s, _image, {expiry} from changed)"
                " select coalesce(array_agg(_at), '{{}}') from changed"
            )
            .format(
                table=table(self.kind),
                changes=sql.SQL(", ").join(changes),
                stage=self.stage,
                own=OWN,
                same_key=self._same_key(),
                expiry=expiry_of_images(self.kind),
            )
            .as_bytes()
        )

    def _stored(self, condition: sql.Composed) -> sql.Composed:
        """The stored rows of a staged one, as a lateral part that the planner cannot turn round.

        Without statistics it takes the table for a few rows, and would read the whole stage for each of them.
        """
        return sql.SQL("select d.* from {table} d where {own} and {condition}").format(
            table=table(self.kind), own=OWN, condition=condition
        )

    def _insert(self, on_conflict: sql.SQL) -> bytes:
        order = self.kind.schema.primary_key or ("_row",)
        return (
            sql.SQL(
                "with made as (insert into {table} ({names}, _row) select {names}, _row from {stage} where _at = any(%s::int[])"
                " order by {order} {on_conflict} returning _row)"
                " select coalesce(array_agg(_row), '{{}}') from made"
            )
            .format(
                table=table(self.kind),
                names=self._names(),
                stage=self.stage,
                order=sql.SQL(", ").join(sql.Identifier(name) for name in order),
                on_conflict=on_conflict,
            )
            .as_bytes()
        )

    def _definitions(self) -> list[sql.Composable]:
        return [column_definition(self.kind.schema, field) for field in self.fields]

    def _names(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(field.name) for field in self.fields)

    def _same_key(self) -> sql.Composed:
        return _equal(self.kind.schema.primary_key)

    def _keeps(self, field: Field) -> bool:
        return (field.empty or self.empty) == "keep"

    def _differ(self) -> sql.Composable:
        compared = [field for field in self.fields if field.name not in self.kind.schema.primary_key]
        if not compared:
            return sql.SQL("false")
        return sql.SQL(" or ").join(self._differs(field) for field in compared)

    def _differs(self, field: Field) -> sql.Composed:
        differs = "s.{0} is distinct from d.{0}"
        text = sql.SQL("(s.{0} is not null and s.{0} is distinct from d.{0})" if self._keeps(field) else differs)
        return text.format(sql.Identifier(field.name))

    def _change(self, field: Field) -> sql.Composed:
        text = sql.SQL("{0} = coalesce(s.{0}, d.{0})" if self._keeps(field) else "{0} = s.{0}")
        return text.format(sql.Identifier(field.name))


def expiry_of_images(kind: ImportKind) -> sql.Composed:
    """When what is overwritten or deleted now is no longer kept; null: never."""
    return sql.SQL("now() + make_interval(days => {})").format(sql.Literal(kind.retention.before_images_days))


@lru_cache(KEPT)
def statements_of(kind: ImportKind, fields: tuple[Field, ...], empty: Empty) -> Statements:
    """The statements of a load, kept with their texts for the next one like it."""
    return Statements(kind, fields, empty)


@lru_cache(KEPT)
def look(empty: ImportKind | None, named: tuple[tuple[ForeignKey, ImportKind], ...]) -> bytes:
    """What is asked before rows are written, in one statement.

    Whether the tenant has no row of a kind yet (null: not asked); and for each key, which of its values (one text[] a field) no row of the
    kind beside it has: their positions from 1.
    """
    none = sql.SQL("not exists (select from {} d where {})").format(table(empty), OWN) if empty else sql.NULL
    return sql.SQL("select {}").format(sql.SQL(", ").join([none, *starmap(_missing, named)])).as_bytes()


def _missing(key: ForeignKey, other: ImportKind) -> sql.Composed:
    ways = (key.reference_fields, *key.alternatives)
    arrays = sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in key.fields)
    names = [sql.Identifier(f"v{position}") for position in range(len(key.fields))]
    absent = [
        sql.SQL("not exists (select from {table} d where {own} and {same})").format(
            table=table(other),
            own=OWN,
            same=sql.SQL(" and ").join(
                sql.SQL("d.{} = {}").format(sql.Identifier(field), _typed(other.schema.field(field), name))
                for field, name in zip(way, names, strict=True)
            ),
        )
        for way in ways
    ]
    return sql.SQL("array(select s.n from unnest({arrays}) with ordinality s({names}, n) where {absent})").format(
        arrays=arrays, names=sql.SQL(", ").join(names), absent=sql.SQL(" and ").join(absent)
    )


@lru_cache(KEPT)
def contradicted(dependency: Dependency, names: tuple[str, ...], kind: ImportKind) -> bytes:
    """Which of some values (an array of texts for each of `names`) a stored row with another key contradicts: positions from 1.

    `names` are the fields of the dependency, the one that they determine, and those of the key. A null contradicts nothing.
    """
    values = [sql.Identifier(f"v{position}") for position in range(len(names))]
    equal = {
        name: sql.SQL("d.{} = {}").format(sql.Identifier(name), _typed(kind.schema.field(name), value))
        for name, value in zip(names, values, strict=True)
    }
    same = [equal[name] for name in dependency.fields]
    key = sql.SQL(" and ").join(equal[name] for name in kind.schema.primary_key)
    found = sql.SQL(
        "select coalesce(array_agg(s.n), '{{}}') from unnest({arrays}) with ordinality s({values}, n)"
        " where exists (select from {table} d where {own} and {same} and not ({other}) and not ({key}))"
    ).format(
        key=key,
        arrays=sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in names),
        values=sql.SQL(", ").join(values),
        table=table(kind),
        own=OWN,
        same=sql.SQL(" and ").join(same),
        other=equal[dependency.determines],
    )
    return found.as_bytes()


def same_values(key: ForeignKey) -> sql.Composed:
    """Holds where the row `d` refers to the row `r` by the key, in one of its ways."""
    ways = [
        sql.SQL(" and ").join(
            sql.SQL("r.{} = d.{}").format(sql.Identifier(theirs), sql.Identifier(mine))
            for mine, theirs in zip(key.fields, way, strict=True)
        )
        for way in (key.reference_fields, *key.alternatives)
    ]
    return sql.SQL("({})").format(sql.SQL(") or (").join(ways))


def _written(field: Field) -> sql.Composed:
    """A value, or the mark for nothing."""
    text = sql.SQL(WRITTEN[field.type]).format(sql.Identifier(field.name))
    return sql.SQL("coalesce({}, {})").format(text, sql.Literal(NOTHING))


def _typed(field: Field, name: sql.Identifier) -> sql.Composed:
    if field.type is FieldType.STRING:
        return sql.SQL('s.{} collate "C"').format(name)
    return sql.SQL("s.{}::{}").format(name, TYPES[field.type])  # without digits: a cast would round


def _equal(fields: Sequence[str]) -> sql.Composed:
    return sql.SQL(" and ").join(sql.SQL("d.{0} = s.{0}").format(sql.Identifier(name)) for name in fields)
