"""Measures raw COPY of the clean rows, in file order and in one transaction: into a twin of the table, and into the table itself."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from importing import KIND, table_of
from rows import FIELDS
from serving import Server

BLOCK = 1 << 20
MADE_UP_JOB = "00000000-0000-7000-8000-000000000001"


def copied(server: Server, clean: Path) -> float:
    """Seconds of one COPY into an empty table with the same columns, checks and indexes."""
    table = table_of("benchmark_copy")
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop table if exists {}").format(table))
        admin.execute(sql.SQL("create table {} (like {} including all)").format(table, table_of(KIND)))
        with constant_columns(admin, table, 1):
            admin.execute("checkpoint")
            seconds = copy(admin, table, clean)
        admin.execute(sql.SQL("drop table {}").format(table))
    return seconds


def copy(admin: psycopg.Connection, table: sql.Identifier, clean: Path) -> float:
    """Seconds of one COPY from a prepared CSV file."""
    columns = sql.SQL(", ").join(map(sql.Identifier, (*FIELDS, "_row")))
    statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(table, columns)
    begin = time.perf_counter()
    with admin.cursor().copy(statement) as into, clean.open("rb") as content:
        while block := content.read(BLOCK):
            into.write(block)
    return time.perf_counter() - begin


@contextmanager
def constant_columns(admin: psycopg.Connection, table: sql.Identifier, tenant: int) -> Iterator[None]:
    """Makes tenant and job constants of the table, so that COPY neither reads them nor asks a function for them: the least work there is."""
    before = _defaults(admin, table)
    job = sql.Literal(MADE_UP_JOB)
    _set_defaults(admin, table, {"tenant_id": sql.Literal(tenant), "_job_id": job})
    try:
        yield
    finally:
        _set_defaults(admin, table, before)


def _defaults(admin: psycopg.Connection, table: sql.Identifier) -> dict[str, sql.Composable]:
    question = """
        select attname, pg_get_expr(adbin, adrelid) from pg_attrdef join pg_attribute on attrelid = adrelid and attnum = adnum
        where adrelid = %s::regclass and attname in ('tenant_id', '_job_id')
    """
    return {name: sql.SQL(text) for name, text in admin.execute(question, [table.as_string(admin)])}


def _set_defaults(admin: psycopg.Connection, table: sql.Identifier, defaults: Mapping[str, sql.Composable]) -> None:
    for name, value in defaults.items():
        admin.execute(sql.SQL("alter table {} alter {} set default {}").format(table, sql.Identifier(name), value))
