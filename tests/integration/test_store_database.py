"""Roles, walls and migrations on the real PostgreSQL."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from psycopg.conninfo import make_conninfo

from rowferry.domain.job import Job
from rowferry.store.connections import Connections
from rowferry.store.database import (
    Connection,
    Database,
    Role,
    UnsafeRole,
    check_serving_role,
    connect,
    listen,
    migrate,
    pending,
    pool,
    tenant_transaction,
    transaction,
    translate,
)
from tenants import Tenant

TENANT_TABLES = [
    "users",
    "tokens",
    "kinds",
    "jobs",
    "waiting",
    "chunks",
    "row_issues",
    "issue_causes",
    "before_images",
    "artifacts",
    "events",
    "idempotency_keys",
]


def test_a_migrated_database_lacks_nothing(database: Database) -> None:
    assert pending(database) == []


def test_an_empty_database_lacks_every_revision_and_two_migrations_at_once_are_safe(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database migrated_twice")
        connection.execute("create database migrated_beside")
    twice, beside = (Database(make_conninfo(server, dbname=f"migrated_{name}")) for name in ("twice", "beside"))
    revisions = Path("src/rowferry/store/migrations/versions").glob("[0-9]*.py")
    assert pending(twice) == sorted(path.name[:4] for path in revisions)
    program = "import sys; from rowferry.store.database import Database, migrate; migrate(Database(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", program, one.admin_url]) for one in (twice, beside, twice)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert pending(twice) == pending(beside) == []
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database migrated_twice")
        connection.execute("drop database migrated_beside")


def test_the_engines_tables_are_those_of_the_installed_procrastinate() -> None:
    ours = Path("src/rowferry/store/migrations/0001_queue.sql").read_text()
    assert ours == SchemaManager.get_schema()


def test_each_role_connects_with_our_search_path_and_clock(database: Database) -> None:
    for role in Role:
        with connect(database, role) as connection:
            row = connection.execute(
                "select current_user, current_setting('search_path'), current_setting('TimeZone'), current_setting('DateStyle')"
            ).fetchone()
        assert row == (role.value, "rowferry,queue", "UTC", "ISO, MDY")


def test_passwords_of_roles_are_made_from_the_administrators() -> None:
    first = Database("postgresql://admin:secret@db/rowferry")
    assert "secret" not in first.url(Role.APP)
    assert first.password(Role.APP) != first.password(Role.LOADER)
    assert first.password(Role.APP) != Database("postgresql://admin:other@db/rowferry").password(Role.APP)
    assert Database("postgresql://admin@db/rowferry").password(Role.APP) is None


def test_a_role_with_a_password_gets_it_at_migration(server: str, template: str) -> None:
    given = Database(make_conninfo(server, dbname=template, password="secret"))
    with psycopg.connect(server, autocommit=True) as connection:
        try:
            migrate(given)
            stored = "select count(*) from pg_authid where rolname like 'rowferry_%' and rolpassword like 'SCRAM-%'"
            assert connection.execute(stored).fetchone() == (4,)
        finally:
            for role in Role:
                connection.execute(f"alter role {role.value} password null")


def test_the_serving_role_passes_its_check(app: Connection) -> None:
    check_serving_role(app)


def test_a_superuser_and_a_role_that_bypasses_policies_are_refused(admin: Connection, loader: Connection) -> None:
    with pytest.raises(UnsafeRole, match="it is a superuser"):
        check_serving_role(admin)
    with pytest.raises(UnsafeRole, match="it bypasses row policies"):
        check_serving_role(loader)


def test_a_role_that_owns_tables_is_refused(database: Database) -> None:
    with connect(database, Role.OWNER) as owner, pytest.raises(UnsafeRole, match=r"it owns rowferry\.jobs"):
        check_serving_role(owner)


@pytest.mark.parametrize("change", ["disable row level security", "no force row level security"])
def test_a_table_of_tenants_without_forced_policies_is_refused(admin: Connection, app: Connection, change: str) -> None:
    admin.execute(f"alter table kinds {change}")
    with pytest.raises(UnsafeRole, match=r"rowferry\.kinds has no forced row policies"):
        check_serving_role(app)


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_without_a_tenant_the_serving_role_sees_no_row(
    app: Connection, submit: Callable[..., Job], tenant: Tenant, table: str
) -> None:
    submit(tenant)
    with transaction(app, tenant.id):
        app.execute("select 1 from jobs")
    # The setting is '' and not NULL after the transaction that set it.
    assert app.execute(f"select count(*) from {table}").fetchone() == (0,)


def test_a_tenant_sees_and_changes_its_own_rows_alone(
    app: Connection, submit: Callable[..., Job], tenants: Callable[[str], Tenant]
) -> None:
    acme, globex = tenants("acme"), tenants("globex")
    job = submit(acme)
    with transaction(app, globex.id):
        assert app.execute("select count(*) from jobs").fetchone() == (0,)
        assert app.execute("update jobs set priority = 1 where id = %s", (job.id,)).rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute("insert into kinds (tenant_id, name, declaration) values (%s, 'theirs', '{}')", (acme.id,))
    with transaction(app, acme.id):
        assert app.execute("select count(*) from jobs").fetchone() == (1,)


def test_the_loader_may_not_say_a_tenant_and_writes_nothing_without_one(
    loader: Connection, submit: Callable[..., Job], tenant: Tenant
) -> None:
    job = submit(tenant)
    row = "(job_id, first_row, rows, outcomes) values (%s, 1, 1, '')"
    with transaction(loader, tenant.id):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), loader.transaction():
            loader.execute(
                "insert into chunks (tenant_id, job_id, first_row, rows, outcomes) values (1, %s, 1, 1, '')", (job.id,)
            )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), loader.transaction():
            loader.execute("update chunks set tenant_id = 2")
        loader.execute(f"insert into chunks {row}", (job.id,))
        assert loader.execute("select tenant_id from chunks").fetchone() == (tenant.id,)
    with pytest.raises(psycopg.errors.NotNullViolation):
        loader.execute(f"insert into chunks {row}", (job.id,))
    loader.rollback()


def test_no_serving_role_may_claim_or_take_back(app: Connection, loader: Connection) -> None:
    for connection in (app, loader):
        for call in ("claim('x', '1s')", "take_back(null, null, 'x', true)", "number_events()"):
            if connection is app and call.startswith("number"):
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select * from {call}")
            connection.rollback()


def end_backends(admin: Connection, role: Role) -> None:
    """Ends the backends of a role in this database, and waits until PostgreSQL says that each has ended."""
    found = "select bool_and(pg_terminate_backend(pid, 10000)) from pg_stat_activity where usename = %s and datname = current_database()"
    assert admin.execute(found, (role.value,)).fetchone() == (True,)


@pytest.mark.anyio
async def test_a_checked_pool_gives_no_connection_whose_backend_has_ended(
    database: Database, admin: Connection
) -> None:
    async with pool(database, Role.APP, size=2, checked=True) as connections:
        await connections.wait()
        end_backends(admin, Role.APP)
        for _ in range(3):
            async with connections.connection() as one:
                await one.execute("select 1")


def test_kept_connections_are_made_anew_where_a_backend_has_ended(database: Database, admin: Connection) -> None:
    kept = Connections(database)
    for _ in range(3):
        with kept.pair() as pair:
            for one in pair:
                assert one.execute("select 1").fetchone() == (1,)
                one.rollback()
        end_backends(admin, Role.LOADER)
    kept.close()


@pytest.mark.anyio
async def test_fifty_tenants_on_two_connections_never_see_each_other(database: Database, admin: Connection) -> None:
    admin.execute("insert into tenants (slug) select 't' || n from generate_series(1, 50) n")
    admin.execute("insert into users (tenant_id, name) select id, slug from tenants")
    ids = dict(admin.execute("select id, slug from tenants").fetchall())

    async with pool(database, Role.APP, size=2) as connections:

        async def look(number: int) -> list[str]:
            tenant = list(ids)[number % len(ids)]
            try:
                async with (
                    asyncio.timeout(0 if number % 10 == 3 else None),
                    tenant_transaction(connections, tenant) as one,
                ):
                    rows = await (await one.execute("select name from users")).fetchall()
            except TimeoutError:  # a caller who hangs up leaves no tenant behind
                return []
            assert rows == [(ids[tenant],)]
            return rows[0]

        seen = await asyncio.gather(*(look(number) for number in range(2000)))
        assert sum(bool(rows) for rows in seen) >= 1700
        async with connections.connection() as one:
            assert await (await one.execute("select count(*) from users")).fetchone() == (0,)


@pytest.mark.anyio
async def test_a_listener_hears_of_each_change_of_a_job(
    database: Database, system: Connection, submit: Callable[..., Job], tenant: Tenant
) -> None:
    job = submit(tenant)
    heard = listen(database, Role.APP, "rowferry_jobs")
    first = asyncio.ensure_future(anext(heard))
    async with asyncio.timeout(20):
        while not first.done():  # the listener may not listen yet
            system.execute("update jobs set version = version + 1 where id = %s", (job.id,))
            await asyncio.wait([first], timeout=0.1)
    assert first.result() == str(job.id)
    await heard.aclose()


@pytest.mark.parametrize(
    ("statement", "code", "retryable"),
    [
        ("select 1 / 0", "destination-rejected", False),
        ("insert into tenants (slug) values ('acme')", "destination-rejected", False),
        ("do $$ begin raise exception 'x' using errcode = '53100'; end $$", "storage-full", True),
        ("do $$ begin raise exception 'x' using errcode = '57P01'; end $$", "destination-unavailable", True),
        ("do $$ begin raise exception 'x' using errcode = 'XX000'; end $$", "internal", True),
    ],
)
def test_an_error_of_the_database_becomes_a_fault_without_its_values(
    admin: Connection, tenant: Tenant, statement: str, code: str, retryable: bool
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        admin.execute(statement)
    fault = translate(caught.value)
    assert (fault.code, fault.retryable) == (code, retryable)
    assert "acme" not in fault.message


def test_a_connection_that_broke_is_a_fault_that_may_pass() -> None:
    assert translate(psycopg.OperationalError("gone")).retryable
