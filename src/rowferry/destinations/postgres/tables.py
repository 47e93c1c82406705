"""The table of a kind: its name, columns, keys, walls and grants, made and migrated from the declaration."""

from hashlib import sha256

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from rowferry.destinations.postgres import shape
from rowferry.domain.faults import KindDiffers
from rowferry.domain.schema import Field, FieldType, ImportKind, Schema

SCHEMA = "rows"
NAME_BYTES_MAX = 63

TYPES: dict[FieldType, sql.SQL] = {
    FieldType.STRING: sql.SQL("text"),
    FieldType.INTEGER: sql.SQL("bigint"),
    FieldType.NUMBER: sql.SQL("numeric"),
    FieldType.BOOLEAN: sql.SQL("boolean"),
    FieldType.DATE: sql.SQL("date"),
    FieldType.DATETIME: sql.SQL("timestamptz"),
    FieldType.TIME: sql.SQL("time"),
    FieldType.OBJECT: sql.SQL("jsonb"),
    FieldType.ARRAY: sql.SQL("jsonb"),
}
REMEDY = "Take these changes back, or declare a kind of another name and import into that"


def table_name(kind: ImportKind) -> str:
    """The name of the kind's table in the schema `rows`; a tenant's own kind has a table of its own."""
    name = kind.name if kind.tenant is None else f"{kind.name}@{kind.tenant}"
    return _fitting(name)


def table(kind: ImportKind) -> sql.Identifier:
    """The kind's table as a part of a statement."""
    return sql.Identifier(SCHEMA, table_name(kind))


def column_type(field: Field) -> sql.Composable:
    """The type of the field's column."""
    digits = shape.digits(field)
    return TYPES[field.type] if digits is None else sql.SQL("numeric({}, {})").format(*digits)


def column_definition(schema: Schema, field: Field) -> sql.Composable:
    """Name and type of the field's column; texts in a key are ordered by bytes, as Polars orders them."""
    collation = (
        sql.SQL(' collate "C"') if field.type is FieldType.STRING and field.name in _in_keys(schema) else sql.SQL("")
    )
    return sql.SQL("{} {}{}").format(sql.Identifier(field.name), column_type(field), collation)


def unique_name(kind: ImportKind, fields: tuple[str, ...]) -> str:
    """The name of the constraint that keeps a set of fields unique."""
    return _fitting(f"{table_name(kind)}_{'_'.join(fields)}_unique")


def ensure_table(connection: psycopg.Connection[TupleRow], kind: ImportKind) -> None:
    """Makes the kind's table, or adds to it what the declaration adds. Two processes may do it at once.

    Args:
        connection: of the role that owns the tables.
        kind: as declared now.

    Raises:
        KindDiffers: the table has rows and the declaration does more than add.
    """
    wanted = shape.from_schema(kind.schema)
    with connection.transaction():
        if _comment(connection, kind) == wanted.to_json():
            return
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", ["rowferry.ensure_table"])
        comment = _comment(connection, kind)
        if comment is None:
            _create(connection, kind)
        elif comment != wanted.to_json():
            _migrate(connection, kind, comment, wanted)
        else:
            return
        _note(connection, kind, wanted)


def _comment(connection: psycopg.Connection[TupleRow], kind: ImportKind) -> str | None:
    """What the table says it was made for; None where there is no table."""
    found = connection.execute(
        "select coalesce(obj_description(c.oid, 'pg_class'), '') from pg_class c"
        " where c.relnamespace = 'rows'::regnamespace and c.relname = %s and c.relkind = 'r'",
        [table_name(kind)],
    ).fetchone()
    return None if found is None else str(found[0])


def _create(connection: psycopg.Connection[TupleRow], kind: ImportKind) -> None:
    connection.execute(create_statement(kind))
    connection.execute(wall_statements(kind))
    connection.execute(grant_statements(kind))


def _migrate(connection: psycopg.Connection[TupleRow], kind: ImportKind, comment: str, wanted: shape.Shape) -> None:
    # Row policies hide rows from the owner too, so that only the table's size tells whether there are any.
    connection.execute(sql.SQL("lock table {} in access exclusive mode").format(table(kind)))
    size = connection.execute("select pg_relation_size(%s::regclass)", [table(kind).as_string(None)]).fetchone()
    if size == (0,):
        connection.execute(sql.SQL("drop table {}").format(table(kind)))
        _create(connection, kind)
        return
    try:
        stored = shape.from_json(comment)
    except ValueError:
        raise KindDiffers(kind=kind.name, differences="its table was not made by Rowferry", remedy=REMEDY) from None
    if found := shape.differences(stored, wanted):
        raise KindDiffers(kind=kind.name, differences="; ".join(found), remedy=REMEDY)
    for statement in _additions(kind, stored):
        connection.execute(statement)
    connection.execute(grant_statements(kind))


def _additions(kind: ImportKind, stored: shape.Shape) -> list[sql.Composed]:
    made: list[sql.Composed] = []
    wanted = shape.from_schema(kind.schema)
    for field in kind.schema.fields:
        old, new = stored.columns.get(field.name), wanted.columns[field.name]
        if old is None:
            definition = column_definition(kind.schema, field)
            made.append(sql.SQL("alter table {} add column {}").format(table(kind), definition))
        elif (old.digits, old.scale) != (new.digits, new.scale):
            made.append(
                sql.SQL("alter table {} alter column {} type {}").format(
                    table(kind), sql.Identifier(field.name), column_type(field)
                )
            )
    return made


def _note(connection: psycopg.Connection[TupleRow], kind: ImportKind, made_for: shape.Shape) -> None:
    connection.execute(sql.SQL("comment on table {} is {}").format(table(kind), sql.Literal(made_for.to_json())))


# Statements -----------------------------------------------------------------------------------------------------------


def create_statement(kind: ImportKind) -> sql.Composed:
    """The table with its keys. Rows of a job are found by BRIN: a B-tree on `_job_id` would cost a fifth of the load."""
    schema = kind.schema
    lines: list[sql.Composable] = [column_definition(schema, field) for field in schema.fields]
    lines += [
        sql.SQL("tenant_id bigint not null default rowferry.tenant()"),
        sql.SQL("_job_id uuid not null default rowferry.current_job()"),
        sql.SQL("_row bigint not null"),
        sql.SQL("primary key ({})").format(_listed(("tenant_id", *(schema.primary_key or ("_job_id", "_row"))))),
    ]
    lines += [
        sql.SQL("constraint {} unique ({})").format(
            sql.Identifier(unique_name(kind, fields)), _listed(("tenant_id", *fields))
        )
        for fields in schema.unique_sets
    ]
    return sql.SQL("create table {table} ({lines}); create index on {table} using brin (_job_id, _row)").format(
        table=table(kind), lines=sql.SQL(", ").join(lines)
    )


def wall_statements(kind: ImportKind) -> sql.Composed:
    """Row-level security, forced: a tenant sees and writes its own rows only."""
    return sql.SQL(
        "alter table {table} enable row level security, force row level security;"
        " create policy own_tenant on {table} using (tenant_id = (select rowferry.tenant()))"
        " with check (tenant_id = (select rowferry.tenant()));"
        " create policy every_tenant on {table} to rowferry_system using (true) with check (true)"
    ).format(table=table(kind))


def grant_statements(kind: ImportKind) -> sql.Composed:
    """Who may do what. The loader passes by the policies, so it may never say whose a row is or which job wrote it."""
    return sql.SQL(
        "grant select on {table} to rowferry_app;"
        " grant select, insert, update, delete on {table} to rowferry_system;"
        " grant select, delete, insert ({written}), update ({changed}) on {table} to rowferry_loader"
    ).format(
        table=table(kind),
        written=_listed((*kind.schema.names, "_row")),
        changed=_listed((*kind.schema.names, "_job_id", "_row")),
    )


def _listed(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _in_keys(schema: Schema) -> frozenset[str]:
    return frozenset(schema.primary_key).union(*schema.unique_sets)


def _fitting(name: str) -> str:
    """The name, cut to what PostgreSQL holds, with a digest in place of what was cut."""
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    digest = sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[: NAME_BYTES_MAX - 17].decode(errors='ignore')}~{digest}"
