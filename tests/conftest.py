"""One embedded server per run, one database from a migrated template per test, and what tests of the store share."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from rowferry.domain.access import TenantId, UserId
from rowferry.domain.job import IMPORT_STEPS, Job, JobId
from rowferry.ids import uuid7
from rowferry.store import jobs, queue
from rowferry.store.blobs import Blobs, open_blobs
from rowferry.store.database import Connection, Database, Role, connect, migrate, transaction
from rowferry.store.embedded import Embedded
from tenants import Tenant

NUMBERS = itertools.count(1)
SERVER = "ROWFERRY_TESTS_SERVER"
"""Names the URL of a superuser on another PostgreSQL, for a run against its version: `-n 0`, tests of the store and of destinations."""


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session")
def data_folders() -> Iterator[Callable[[], Path]]:
    """Makes data folders that PostgreSQL's user can reach (pytest's own are private to root); removed at the end."""
    made: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="rowferry-test-"))
        folder.chmod(0o711)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(data_folders: Callable[[], Path]) -> Iterator[str]:
    """The administrator's URL of one server for the whole run. It does not wait for disks: no test cuts the power."""
    if other := os.environ.get(SERVER):
        yield other
        return
    embedded = Embedded(data_folders(), {"fsync": "off", "max_wal_size": "512MB", "shared_buffers": "128MB"})
    yield embedded.start()
    embedded.stop()


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a migrated, empty database on the server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database template_of_tests")
    migrate(Database(make_conninfo(server, dbname="template_of_tests")))
    return "template_of_tests"


@pytest.fixture
def database(server: str, template: str) -> Iterator[Database]:
    """A fresh, migrated database of the test's own."""
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} strategy file_copy")
    yield replace(Database(server), admin_url=make_conninfo(server, dbname=name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def admin(database: Database) -> Iterator[Connection]:
    """A superuser's connection, each statement a transaction: for looking, and for what no role may do."""
    with psycopg.connect(database.admin_url, autocommit=True, options="-c search_path=rowferry,queue") as connection:
        yield connection


@pytest.fixture
def app(database: Database) -> Iterator[Connection]:
    """A connection of the role that serves."""
    with connect(database, Role.APP) as connection:
        yield connection


@pytest.fixture
def system(database: Database) -> Iterator[Connection]:
    """A connection of the role that works across tenants, each statement a transaction."""
    with connect(database, Role.SYSTEM, autocommit=True) as connection:
        yield connection


@pytest.fixture
def loader(database: Database) -> Iterator[Connection]:
    """A connection of the role that loads."""
    with connect(database, Role.LOADER) as connection:
        yield connection


@pytest.fixture
def tenants(admin: Connection) -> Callable[[str], Tenant]:
    """Makes tenants by slug, each with one user `ana`."""

    def make(slug: str) -> Tenant:
        row = admin.execute("insert into tenants (slug) values (%s) returning id", (slug,)).fetchone()
        assert row is not None
        user = admin.execute("insert into users (tenant_id, name) values (%s, 'ana') returning id", row).fetchone()
        assert user is not None
        return Tenant(TenantId(row[0]), slug, UserId(user[0]))

    return make


@pytest.fixture
def tenant(tenants: Callable[[str], Tenant]) -> Tenant:
    """A tenant called acme."""
    return tenants("acme")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """A store of files in a folder of the test's own."""
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def submit(database: Database) -> Iterator[Callable[..., Job]]:
    """Makes queued jobs with a hint, each in a transaction of the tenant: `submit(tenant, kind="customers", type="task", …)`."""
    with connect(database, Role.APP) as connection:

        def make(tenant: Tenant, **fields: object) -> Job:
            given = {"kind": "customers", "type": "import", "steps": IMPORT_STEPS, "created_by": tenant.user} | fields
            with transaction(connection, tenant.id):
                job = jobs.insert_sync(connection, jobs.NewJob(id=JobId(uuid7()), **given))
                queue.hint_sync(connection)
            return job

        yield make
