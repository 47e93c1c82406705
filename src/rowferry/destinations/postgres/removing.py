"""Deletes the rows of a kind that fit some conditions, batch by batch in the order of their key, and keeps what they were."""

from collections.abc import Sequence

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads

from rowferry.destinations.postgres.reading import behind, by_key, condition, read_json, texts_columns, texts_of
from rowferry.destinations.postgres.statements import OWN, TAKE_TURN, expiry_of_images, same_values
from rowferry.destinations.postgres.tables import table, table_name
from rowferry.domain.access import TenantId
from rowferry.domain.faults import Invalid
from rowferry.domain.schema import ForeignKey, ImportKind
from rowferry.ports import Choice, Filter, Texts


class PostgresRemoving:
    """Deletes some of a tenant's rows of one kind (ports.Removing).

    Args:
        connection: of the loader's role.
        choice: which rows.
        tenant: whose rows.

    Raises:
        Invalid: a condition names no field, or its value is not of the field's type.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow], choice: Choice, tenant: TenantId) -> None:
        self._connection = connection
        self._kind = choice.kind
        self._tenant = tenant
        self._chosen = chosen(choice)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in the kind's order."""
        return self._kind.schema.names

    def count(self) -> int:
        """How many rows there are to delete now."""
        statement = sql.SQL("select count(*) from {} d where {} and {}").format(table(self._kind), OWN, self._chosen)
        with self._connection.transaction():
            self._connection.execute("select set_config('rowferry.tenant', %s, true)", [str(self._tenant)])
            row = self._connection.execute(statement, prepare=False).fetchone()
        return int(row[0]) if row else 0

    def remove(self, after: Sequence[object] | None, size: int, first: int) -> Texts:
        """Deletes up to so many rows behind the key `after`, and keeps what they were; see `ports.Removing`."""
        self._connection.execute(TAKE_TURN, [table_name(self._kind)])
        places = self._connection.execute(self._find(after, size), prepare=False).fetchall()
        with self._connection.cursor() as cursor:
            set_json_loads(read_json, cursor)
            cursor.execute(self._delete(), [[place for (place,) in places], self._kind.name, first - 1], prepare=False)
            return texts_of(self._kind, cursor.fetchall())

    def _find(self, after: Sequence[object] | None, size: int) -> sql.Composed:
        """Where the next rows are, locked: what is deleted is what fits, also where somebody changes rows out of turn."""
        ahead = sql.SQL("true") if after is None else behind(self._kind, after)
        return sql.SQL(
            "select d.ctid::text from {table} d where {own} and {chosen} and {ahead} order by {key} limit {size} for update of d"
        ).format(
            table=table(self._kind),
            own=OWN,
            chosen=self._chosen,
            ahead=ahead,
            key=by_key(self._kind),
            size=sql.Literal(size),
        )

    def _delete(self) -> sql.Composed:
        return sql.SQL(
            "with gone as (delete from {table} d where {own} and d.ctid = any(%s::tid[]) returning d.*),"
            " kept as (insert into rowferry.before_images (job_id, kind, row, image, expires_at)"
            " select rowferry.current_job(), %s, %s + row_number() over (order by {key}), to_jsonb(d) - 'tenant_id', {expiry} from gone d)"
            " select {columns} from gone d order by {key}"
        ).format(
            table=table(self._kind),
            own=OWN,
            key=by_key(self._kind),
            expiry=expiry_of_images(self._kind),
            columns=sql.SQL(", ").join(texts_columns(self._kind)),
        )


def check_choice(choice: Choice) -> None:
    """Refuses a choice that cannot be asked for.

    Raises:
        Invalid: a condition names no field, or its value is not of the field's type.
    """
    chosen(choice)


def chosen(choice: Choice) -> sql.Composed:
    """Holds for the rows that are chosen.

    Raises:
        Invalid: a condition names no field, or its value is not of the field's type, or there is none: never all rows.
    """
    if not choice.any_of or not all(choice.any_of):
        raise Invalid(reason="At least one condition is needed, or all rows would be meant.")
    groups = [sql.SQL(" and ").join(_holds(choice, one) for one in group) for group in choice.any_of]
    return sql.SQL("(({}))").format(sql.SQL(") or (").join(groups))


def _holds(choice: Choice, one: Filter) -> sql.Composed:
    mine, dot, theirs = one.field.partition(".")
    if not dot or one.field in choice.kind.schema.names:
        return condition(choice.kind, one)
    for key in choice.kind.schema.foreign_keys:
        if key.fields == (mine,):
            return _referred(choice, key, Filter(theirs, one.operator, one.value, one.or_values))
    raise Invalid(reason=f"The field {mine} of the kind {choice.kind.name} refers to no other, as {one.field} needs.")


def _referred(choice: Choice, key: ForeignKey, one: Filter) -> sql.Composed:
    """Holds for rows that refer to one that fits."""
    other: ImportKind = choice.references.get(key.resource, choice.kind)
    return sql.SQL("exists (select from {table} r where r.tenant_id = d.tenant_id and ({same}) and {fits})").format(
        table=table(other), same=same_values(key), fits=condition(other, one, "r")
    )
