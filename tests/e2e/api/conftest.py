"""What tests of the API share: one server without workers, and for each test a tenant and callers of its own."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from rowferry.domain.access import TenantId, UserId
from rowferry.store import catalog
from rowferry.store.database import Connection, Database, Role, connect
from serving import Server, serving, token
from speaking_gu1 import LIMIT

UPLOAD_BYTES_MAX = 100_000
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def api(server: str, template: str) -> Iterator[Server]:
    """The server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database asked template {template} strategy file_copy")
    data = Path(tempfile.mkdtemp(prefix="rowferry-api-"))
    database = replace(Database(server), admin_url=make_conninfo(server, dbname="asked"))
    with serving(
        database, data, upload_bytes_max=UPLOAD_BYTES_MAX, json_bytes_max=UPLOAD_BYTES_MAX, queued_max=30
    ) as running:
        yield running
    shutil.rmtree(data)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop database asked with (force)")


@pytest.fixture(scope="session")
def all_tenants(api: Server) -> Iterator[Connection]:
    """A connection across tenants to the server's database."""
    with connect(api.database, Role.SYSTEM, autocommit=True) as connection:
        yield connection


@pytest.fixture
def new_tenant(all_tenants: Connection) -> Callable[[], tuple[TenantId, UserId]]:
    """Makes tenants, each with a user ana."""

    def make() -> tuple[TenantId, UserId]:
        tenant = catalog.ensure_tenant(all_tenants, f"tenant-{next(NUMBERS)}")
        return tenant, catalog.ensure_user(all_tenants, tenant, "ana")

    return make


@pytest.fixture
def acme(new_tenant: Callable[[], tuple[TenantId, UserId]]) -> tuple[TenantId, UserId]:
    """The test's tenant."""
    return new_tenant()


@pytest.fixture
def secret(all_tenants: Connection, acme: tuple[TenantId, UserId]) -> Callable[..., str]:
    """Makes tokens of the test's tenant."""

    def make(*scopes: str, **more) -> str:
        return token(all_tenants, *acme, *scopes, **more)

    return make


@pytest.fixture
def ana(api: Server, secret: Callable[..., str]) -> Iterator[httpx2.Client]:
    """A caller who may do everything."""
    with api.client(secret()) as client:
        yield client


@pytest.fixture
def stranger(
    api: Server, all_tenants: Connection, new_tenant: Callable[[], tuple[TenantId, UserId]]
) -> Iterator[httpx2.Client]:
    """A caller of another tenant who may do everything there."""
    with api.client(token(all_tenants, *new_tenant())) as client:
        yield client


@pytest.fixture(scope="session")
def gu1(api: Server) -> Iterator[Server]:
    """The same installation with small limits for the dialect gu1, that waits for nothing."""
    limits = {"batch_entities_max": LIMIT, "batch_transactions_max": LIMIT, "batch_events_max": LIMIT}
    sizes = {"batch_json_bytes_max": 20_000, "batch_sources_bytes_max": 40_000}
    with serving(api.database, api.data, wait_seconds_max=0, **limits, **sizes) as running:
        yield running
