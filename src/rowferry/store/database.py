"""How the database is reached: logins, connections, the tenant of a transaction, statements in both colours, migrations."""

import hashlib
import hmac
import select
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Generic, LiteralString, TypeVar

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.exc import DBAPIError

from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, JobFaultCode
from rowferry.domain.job import JobId

R = TypeVar("R")
Connection = psycopg.Connection[TupleRow]
AsyncConnection = psycopg.AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[AsyncConnection]
Gone = psycopg.OperationalError
"""The database does not answer, went away, or gave a statement up; `sqlstate` tells which, None: the connection broke."""
Refused = psycopg.Error
"""Whatever PostgreSQL says no with. Its text may hold values of rows: it goes through `translate`, never into a log."""
Repeatable = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
"""What a transaction is asked to be tried again for (40P01, 40001)."""

SCHEMAS = ("rowferry", "rows", "queue")
MIGRATING = 7_160_301
"""The advisory lock of a migration, per database."""
APP_STATEMENT_SECONDS = 5


class Role(StrEnum):
    """The logins. Each process connects as the one that may do no more than its work."""

    OWNER = "rowferry_owner"
    """Owns tables; migrates, and makes the tables of kinds."""
    APP = "rowferry_app"
    """Serves requests, under the row policies."""
    SYSTEM = "rowferry_system"
    """Does the few things across tenants: claim, renew, take back, administration."""
    LOADER = "rowferry_loader"
    """Writes chunks by COPY; passes the row policies, but may name no tenant."""


class BadUrl(Exception):
    """The URL of the database is none."""


@dataclass(frozen=True, slots=True)
class Database:
    """One PostgreSQL database, by the URL of its administrator.

    Raises:
        BadUrl: the URL cannot be read; the sentence does not repeat it.
    """

    admin_url: str

    def __post_init__(self) -> None:
        try:
            conninfo_to_dict(self.admin_url)
        except psycopg.ProgrammingError:  # its text quotes the URL, password and all
            raise BadUrl(
                "The URL of the database cannot be read. It is like postgresql://user:password@host/name."
            ) from None

    def url(self, role: Role, *, durable: bool = True) -> str:
        """The conninfo of a login: our search path, UTC, ISO dates, and signs of life that notice a dead network.

        Args:
            role: as whom.
            durable: whether commits wait for the disk; see `transaction`.
        """
        timeout = f" -c statement_timeout={APP_STATEMENT_SECONDS}s" if role is Role.APP else ""
        lazily = "" if durable else " -c synchronous_commit=off"
        return make_conninfo(
            self.admin_url,
            user=role.value,
            password=self.password(role),
            options=f"-c search_path=rowferry,queue -c TimeZone=UTC -c DateStyle=ISO{timeout}{lazily}",
            application_name=role.value,
            connect_timeout=10,
            keepalives=1,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=30_000,
        )

    def password(self, role: Role) -> str | None:
        """A login's password, derived from the administrator's: one secret to keep. None where there is none (embedded)."""
        secret = conninfo_to_dict(self.admin_url).get("password")
        if not secret:
            return None
        return hmac.new(str(secret).encode(), role.value.encode(), hashlib.sha256).hexdigest()


# Connections ----------------------------------------------------------------------------------------------------------


def connect(database: Database, role: Role, *, autocommit: bool = False) -> Connection:
    """A connection for workers and commands."""
    return psycopg.connect(database.url(role), autocommit=autocommit)


def pool(database: Database, role: Role, *, size: int, checked: bool = False, autocommit: bool = False) -> Pool:
    """A pool for the API and the worker process, not yet open.

    Args:
        database: where.
        role: as whom.
        size: connections at most.
        checked: look at each connection before it is given out (`quiet`); for writes, which cannot be sent twice.
        autocommit: a statement outside `tenant_transaction` is a transaction of its own, for one round trip instead of three.
    """
    return AsyncConnectionPool(
        database.url(role),
        connection_class=psycopg.AsyncConnection[TupleRow],
        kwargs={"prepare_threshold": 0, "autocommit": autocommit},
        min_size=min(2, size),
        max_size=size,
        open=False,
        timeout=10,
        check=check if checked else None,
        name=role.value,
    )


def quiet(connection: Connection | AsyncConnection) -> bool:
    """Whether nothing waits to be read from an idle connection, which costs no round trip.

    A backend that ended, with a restart of PostgreSQL or by a takeover, has said so there. A host that vanished says nothing; the first
    statement finds that out.
    """
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)


async def check(connection: AsyncConnection) -> None:
    """Asks the backend whether it is there still, where it may have said that it is not."""
    if not quiet(connection):
        await AsyncConnectionPool.check_connection(connection)


async def listen(database: Database, role: Role, channel: str) -> AsyncGenerator[str]:
    """The payloads of a channel from now on, over a connection of its own.

    Raises:
        Gone: the connection broke; what was announced meanwhile is not told later.
    """
    url = database.url(role)
    async with await psycopg.AsyncConnection[TupleRow].connect(url, autocommit=True) as connection:
        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        async with aclosing(connection.notifies()) as notifications:
            async for notification in notifications:
                yield notification.payload


SET_TENANT = "select set_config('rowferry.tenant', %s, true), set_config('rowferry.job', %s, true)"


@asynccontextmanager
async def tenant_transaction(pool: Pool, tenant: TenantId) -> AsyncGenerator[AsyncConnection]:
    """One transaction of one tenant: commits at the end, rolls back on any exception."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(SET_TENANT, (str(tenant), ""))
        yield connection


@contextmanager
def transaction(connection: Connection, tenant: TenantId | None, job: JobId | None = None) -> Generator[None]:
    """The same for workers, on a connection of theirs.

    Args:
        connection: with no transaction open.
        tenant: whose rows; None for work across tenants by `rowferry_system`.
        job: what rows written by the loader name as their origin.
    """
    with connection.transaction():
        if tenant is not None:
            connection.execute(SET_TENANT, (str(tenant), str(job) if job else ""))
        yield


# Statements -----------------------------------------------------------------------------------------------------------


@cache
def load(name: str) -> bytes:
    """The text of `sql/NAME.sql`, as the database is sent it."""
    return resources.files("rowferry.store").joinpath("sql", f"{name}.sql").read_bytes()


def nothing(_: DictRow) -> None:
    """The reader of a statement that returns no rows."""


@dataclass(frozen=True, slots=True)
class Statement(Generic[R]):
    """A statement as data: the name of its file in `sql/`, and how one of its rows is read. Runs in both colours.

    Parameters are named in the file: `%(name)s`.
    """

    name: str
    read: Callable[[DictRow], R]

    def one(self, connection: Connection, **parameters: object) -> R | None:
        """The first row, or None."""
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(load(self.name), parameters).fetchone()
            return None if row is None else self.read(row)

    def all(self, connection: Connection, **parameters: object) -> list[R]:
        """Every row."""
        with connection.cursor(row_factory=dict_row) as cursor:
            return [self.read(row) for row in cursor.execute(load(self.name), parameters)]

    def run(self, connection: Connection, **parameters: object) -> int:
        """Runs it for its effect; the number of rows that it touched."""
        return connection.execute(load(self.name), parameters).rowcount

    async def one_async(self, connection: AsyncConnection, **parameters: object) -> R | None:
        """The first row, or None."""
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(load(self.name), parameters)
            row = await cursor.fetchone()
            return None if row is None else self.read(row)

    async def all_async(self, connection: AsyncConnection, **parameters: object) -> list[R]:
        """Every row."""
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(load(self.name), parameters)
            return [self.read(row) for row in await cursor.fetchall()]

    async def run_async(self, connection: AsyncConnection, **parameters: object) -> int:
        """Runs it for its effect; the number of rows that it touched."""
        return (await connection.execute(load(self.name), parameters)).rowcount


# Roles, schemas, migrations -------------------------------------------------------------------------------------------


def migrate(database: Database) -> None:
    """Makes logins and schemas where they are missing and brings the database to the present shape. Two at once are safe."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", (MIGRATING,))
        _make_roles(connection, database)
        _make_schemas(connection)
        with _connected(database) as migrating:
            migrating.exec_driver_sql("set role rowferry_owner")
            migrating.commit()
            config = _config()
            config.attributes["connection"] = migrating
            command.upgrade(config, "head")


def pending(database: Database) -> list[str]:
    """The revisions that this program knows and the database lacks, oldest first; empty when it is up to date."""
    with _connected(database) as connection:
        present = MigrationContext.configure(connection, opts={"version_table_schema": "rowferry"}).get_current_heads()
    scripts = ScriptDirectory.from_config(_config())
    known = [script.revision for script in scripts.walk_revisions()][::-1]
    applied = {script.revision for script in scripts.iterate_revisions(present, "base")} if present else set[str]()
    return [revision for revision in known if revision not in applied]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _engine(database: Database) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database.admin_url, options="-c search_path=rowferry,queue -c TimeZone=UTC"),
        poolclass=sqlalchemy.NullPool,
    )


@contextmanager
def _connected(database: Database) -> Generator[sqlalchemy.Connection]:
    """A connection for Alembic. Why there is none is said as for every other connection.

    Raises:
        Gone: the database does not answer.
    """
    try:
        connection = _engine(database).connect()
    except DBAPIError as error:
        raise (error.orig or error) from None
    with connection:
        yield connection


def _make_roles(connection: Connection, database: Database) -> None:
    for role in Role:
        attributes = sql.SQL("bypassrls") if role is Role.LOADER else sql.SQL("")
        statement = sql.SQL("create role {} login nosuperuser nocreatedb nocreaterole {}")
        _settle(connection, statement.format(sql.Identifier(role), attributes))
        password = database.password(role)
        if password is not None:
            setting = sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
            _settle(connection, setting)
    # It ends the backends of lost attempts, and must see when they began.
    _settle(connection, sql.SQL("grant pg_signal_backend, pg_read_all_stats to rowferry_system"))
    if not _one(connection, "select rolsuper from pg_roles where rolname = current_user"):
        for role in Role:  # an administrator who is no superuser makes things in their name
            _settle(connection, sql.SQL("grant {} to current_user").format(sql.Identifier(role)))


def _settle(connection: Connection, statement: sql.Composed | sql.SQL) -> None:
    """Runs a change of roles. Roles belong to the cluster, so a migration of another database may do the same just now."""
    for last in (False, False, False, True):
        try:
            connection.execute(statement)
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            return
        except psycopg.errors.InternalError_:  # "tuple concurrently updated"
            if last:
                raise
        else:
            return


def _make_schemas(connection: Connection) -> None:
    for schema in SCHEMAS:
        connection.execute(
            sql.SQL("create schema if not exists {} authorization rowferry_owner").format(sql.Identifier(schema))
        )


def _one(connection: Connection, statement: LiteralString) -> object:
    row = connection.execute(statement).fetchone()
    return None if row is None else row[0]


class UnsafeRole(Exception):
    """The login that serves requests could look past the tenants' wall."""


def check_serving_role(connection: Connection) -> None:
    """Refuses to serve on a login for which row policies would not hold.

    Raises:
        UnsafeRole: the login is superuser, bypasses row policies or owns a table; or a table of tenants lacks forced policies.
    """
    faults = [str(fault) for (fault,) in connection.execute(load("check_serving_role"))]
    if faults:
        raise UnsafeRole(f"This login must not serve: {'; '.join(faults)}. Run `rowferry migrate`.")


# What PostgreSQL's errors mean for a job ------------------------------------------------------------------------------


def translate(error: psycopg.Error) -> JobFault:
    """The fault of a job that an error of its destination is, by SQLSTATE alone: texts of PostgreSQL hold values of rows."""
    state = error.sqlstate or "08000"
    details = {"sqlstate": state}
    if state in {"53100", "53200", "58030"}:
        return JobFault(
            JobFaultCode.STORAGE_FULL,
            f"The database has no room left (SQLSTATE {state}). Make room and run the job again.",
            details,
            retryable=True,
        )
    if state[:2] in {"08", "53", "57", "40", "55", "58"}:
        return JobFault(
            JobFaultCode.DESTINATION_UNAVAILABLE,
            f"The database could not be reached or gave up (SQLSTATE {state}). Run the job again.",
            details,
            retryable=True,
        )
    if state[:2] in {"22", "23", "42", "44"}:
        return JobFault(
            JobFaultCode.DESTINATION_REJECTED,
            f"The database refused the rows as a whole (SQLSTATE {state}). The server's log names the statement.",
            details,
        )
    return JobFault(
        JobFaultCode.INTERNAL,
        f"The database reported a fault that we did not foresee (SQLSTATE {state}). Tell the operator.",
        details,
        retryable=True,
    )
