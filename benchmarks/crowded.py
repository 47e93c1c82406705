"""Row `full`: the import into a table that holds ten times as many other rows of the tenant, beside raw COPY into that same table."""

import statistics

import psycopg
from psycopg import sql

from copying import constant_columns, copy
from figures import Found, Goal, Line, pace
from importing import KIND, Imported, empty, imported, table_of
from plan import File, Plan
from rows import tax_id
from serving import Server

TENANT = "bench-full"
FILL_JOB = "00000000-0000-7000-8000-0000000f1110"
LEAF_FILL = 70
"""Per cent of a leaf of the key's index that is in use, as after many inserts in no order; an index that was just built has 90, and splits."""

FILL = """
    insert into {table} (tenant_id, _job_id, _row, tax_id, type, name, email, country, birth_date, amount, external_id, notes)
    select {tenant}, {job}, n, {key}, case when n % 5 < 3 then 'person' else 'company' end, 'Other entity number ' || n,
        'other.' || n || '@example' || n % 97 || '.com', (array['AR', 'BR', 'MX', 'ES', 'DE', 'FR', 'CL', 'US', 'CO', 'PE'])[1 + n % 10],
        case when n % 5 < 3 then date '1940-01-01' + (n % 23000)::int end, (n * 7919 % 100000000)::numeric / 100, 'EXT-' || lpad(n::text, 9, '0'),
        case n % 4 when 0 then 'imported from legacy system' when 3 then 'vip' end
    from generate_series({first}::bigint, {last}::bigint) n
"""


def measure(plan: Plan) -> Found:
    """Both go into the same table in the same state: what one of them wrote is taken away again, and the index is built anew."""
    file = plan.file()
    imports: list[Imported] = []
    copies: list[float] = []
    with plan.server() as server, psycopg.connect(server.database_url, autocommit=True) as admin:
        tenant = _tenant(server, admin, plan)
        _fill(admin, tenant, file.made.rows, plan.other_rows)
        plan.rounds(
            lambda: imports.append(_imported(server, admin, file, plan.other_rows)),
            lambda: copies.append(_copied(admin, tenant, file, plan.other_rows)),
        )
    return _found(plan, file, imports, copies)


def _tenant(server: Server, admin: psycopg.Connection, plan: Plan) -> int:
    """The number of the tenant, by a row of his."""
    empty(server)
    imported(server, plan.file(100).messy, TENANT)
    row = admin.execute(sql.SQL("select tenant_id from {} limit 1").format(table_of(KIND))).fetchone()
    empty(server)
    if row is None:
        raise SystemExit("The first rows did not arrive")
    return row[0]


def _fill(admin: psycopg.Connection, tenant: int, first: int, count: int) -> None:
    """Other rows with other keys; the key's index is built afterwards, as it would be after many inserts."""
    table = table_of(KIND)
    name, definition = admin.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'p'",
        [table.as_string(admin)],
    ).fetchone() or ("", "")
    admin.execute(sql.SQL("alter table {} drop constraint {}").format(table, sql.Identifier(name)))
    values = {
        "table": table,
        "tenant": sql.Literal(tenant),
        "job": sql.Literal(FILL_JOB),
        "key": sql.SQL(tax_id("n")),
        "first": sql.Literal(first),
        "last": sql.Literal(first + count - 1),
    }
    admin.execute(sql.SQL(FILL).format(**values))
    again = sql.SQL("alter table {} add constraint {} {} with (fillfactor = {})")
    admin.execute(again.format(table, sql.Identifier(name), sql.SQL(definition), sql.Literal(LEAF_FILL)))
    admin.execute(sql.SQL("vacuum analyze {}").format(table))


def _restore(admin: psycopg.Connection, kept: int) -> None:
    """The table as it was filled: rows at the end are gone with their pages, and the index knows nothing of them. Then a checkpoint."""
    table = table_of(KIND)
    if _count(admin) != kept:
        admin.execute(sql.SQL("delete from {} where _job_id <> {}").format(table, sql.Literal(FILL_JOB)))
        admin.execute(sql.SQL("vacuum (truncate true, analyze) {}").format(table))
        admin.execute(sql.SQL("reindex table {}").format(table))
    if (count := _count(admin)) != kept:
        raise SystemExit(f"The table has {count} rows, expected {kept}")
    admin.execute("checkpoint")


def _imported(server: Server, admin: psycopg.Connection, file: File, kept: int) -> Imported:
    made = file.made
    _restore(admin, kept)
    one = imported(server, file.messy, TENANT)
    return one.must_have(read=made.rows, created=made.clean, failed=made.bad + made.duplicates)


def _copied(admin: psycopg.Connection, tenant: int, file: File, kept: int) -> float:
    _restore(admin, kept)
    with constant_columns(admin, table_of(KIND), tenant):
        return copy(admin, table_of(KIND), file.clean)


def _count(admin: psycopg.Connection) -> int:
    row = admin.execute(sql.SQL("select count(*) from {}").format(table_of(KIND))).fetchone()
    return row[0] if row else 0


def _found(plan: Plan, file: File, imports: list[Imported], copies: list[float]) -> Found:
    made = file.made
    seconds, copy_seconds = statistics.median(one.seconds for one in imports), statistics.median(copies)
    ratio = statistics.median(copied / one.seconds for one, copied in zip(imports, copies, strict=True))
    figures = {
        "other_rows": plan.other_rows,
        "seconds": round(seconds, 3),
        "copy_seconds": round(copy_seconds, 3),
        "ratio_to_copy": round(ratio, 3),
        "steps": [one.steps for one in imports],
    }
    what = f"{made.rows:,} rows to {plan.other_rows:,} others of the tenant"
    beside = f"raw COPY into that table: {pace(made.clean, copy_seconds)}"
    return Found([Line(what, pace(made.rows, seconds), beside, ratio, Goal(0.7))], figures)
