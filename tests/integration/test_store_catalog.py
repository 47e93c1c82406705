"""Who there is and what is declared, as the database keeps it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from rowferry.domain.access import UserId
from rowferry.domain.job import Job, JobId
from rowferry.ids import uuid7
from rowferry.store import catalog, upkeep
from rowferry.store.database import Connection, Database, Role, connect, pool, tenant_transaction, transaction
from tenants import Tenant


def new(tenant: Tenant, **more: object) -> catalog.NewToken:
    return catalog.NewToken(uuid7(), tenant.id, tenant.user, ["jobs:read", "imports:write:customers"], **more)


def test_a_tenant_and_a_user_are_made_once(system: Connection) -> None:
    tenant = catalog.ensure_tenant(system, "acme")
    assert catalog.ensure_tenant(system, "acme") == tenant
    user = catalog.ensure_user(system, tenant, "ana")
    assert catalog.ensure_user(system, tenant, "ana") == user
    assert [one.slug for one in catalog.tenants(system)] == ["acme"]


@pytest.mark.anyio
async def test_a_token_says_who_it_is_and_its_secret_is_nowhere(
    database: Database, admin: Connection, system: Connection, tenant: Tenant
) -> None:
    secret = catalog.create_token(system, new(tenant))
    assert secret.startswith("rf_")
    assert len(secret) == 46
    async with pool(database, Role.APP, size=1) as one, one.connection() as connection:
        found = await catalog.principal(connection, secret)
        assert await catalog.principal(connection, secret[:-1]) is None
        assert await catalog.principal(connection, "\udc80") is None
    assert found is not None
    principal, state = found
    assert state == "valid"
    assert (principal.tenant, principal.tenant_slug, principal.user, principal.user_name) == (
        tenant.id,
        "acme",
        tenant.user,
        "ana",
    )
    assert principal.scopes == {"jobs:read", "imports:write:customers"}
    stored = admin.execute("select t::text from tokens t").fetchone()
    assert stored is not None
    assert secret not in stored[0]


@pytest.mark.anyio
async def test_expired_and_revoked_tokens_are_told_apart(
    database: Database, system: Connection, tenant: Tenant, tenants: Callable[[str], Tenant]
) -> None:
    old = catalog.create_token(system, new(tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    token = new(tenant, name="laptop")
    lost = catalog.create_token(system, token)
    async with pool(database, Role.APP, size=1) as one:
        async with tenant_transaction(one, tenants("globex").id) as connection:
            assert not await catalog.revoke_token(connection, token.id)
            assert await catalog.tokens(connection, None, 10) == []
        async with tenant_transaction(one, tenant.id) as connection:
            assert await catalog.revoke_token(connection, token.id)
            listed = await catalog.tokens(connection, None, 10)
            assert await catalog.tokens(connection, listed[0].id, 10) == listed[1:]
            assert [(one.name, one.user_name, one.revoked_at is None) for one in listed] == [
                ("", "ana", True),
                ("laptop", "ana", False),
            ]
        async with one.connection() as connection:
            states = [(await catalog.principal(connection, secret))[1] for secret in (old, lost)]
    assert states == ["expired", "revoked"]


@pytest.mark.anyio
async def test_a_tenant_makes_its_own_users_and_tokens_and_no_others(
    database: Database, tenant: Tenant, tenants: Callable[[str], Tenant]
) -> None:
    globex = tenants("globex")
    async with pool(database, Role.APP, size=1) as one:
        async with tenant_transaction(one, tenant.id) as connection:
            user = await catalog.ensure_user_async(connection, tenant.id, "ben")
            mine = catalog.NewToken(uuid7(), tenant.id, user, ["admin"])
            assert await catalog.create_token_async(connection, mine)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with tenant_transaction(one, tenant.id) as connection:
                await catalog.create_token_async(
                    connection, catalog.NewToken(uuid7(), globex.id, UserId(globex.user), ["admin"])
                )


@pytest.mark.anyio
async def test_a_kind_belongs_to_its_tenant_and_counts_its_versions(
    database: Database, loader: Connection, tenant: Tenant, tenants: Callable[[str], Tenant]
) -> None:
    globex = tenants("globex")
    async with pool(database, Role.APP, size=1) as one:
        async with tenant_transaction(one, tenant.id) as connection:
            first = await catalog.put_kind(connection, "shoes", {"name": "shoes", "schema": {"fields": []}})
            second = await catalog.put_kind(connection, "shoes", {"name": "shoes"})
            assert (first.version, second.version) == (1, 2)
            assert await catalog.declared(connection, "shoes") == second
            assert await catalog.kinds(connection) == [second]
        async with tenant_transaction(one, globex.id) as connection:
            assert await catalog.declared(connection, "shoes") is None
            assert await catalog.kinds(connection) == []
    with transaction(loader, tenant.id):
        assert catalog.declared_sync(loader, tenant.id, ["shoes", "hats"]) == [second]
        assert catalog.declared_sync(loader, globex.id, ["shoes"]) == []


@pytest.mark.anyio
async def test_workers_are_shown_while_they_are_heard_of(
    database: Database, admin: Connection, submit: Callable[..., Job], tenant: Tenant
) -> None:
    job = submit(tenant)
    rows = [catalog.WorkerRow("a/1", "a", 11, job.id), catalog.WorkerRow("a/2", "a", 12, None)]
    async with pool(database, Role.SYSTEM, size=1) as one, one.connection() as connection:
        await catalog.report(connection, rows)
        await catalog.report(connection, rows[:1])
        await connection.execute("update workers set heartbeat_at = now() - interval '5 min' where name = 'a/2'")
        shown = await catalog.workers(connection)
    assert [(worker.name, worker.pid, worker.job_id) for worker in shown] == [("a/1", 11, job.id)]


@pytest.mark.anyio
async def test_a_key_is_found_until_its_time_is_over_and_then_free(
    database: Database, admin: Connection, submit: Callable[..., Job], tenant: Tenant
) -> None:
    first, second = submit(tenant), submit(tenant)
    async with pool(database, Role.APP, size=1) as one, tenant_transaction(one, tenant.id) as connection:
        key = catalog.Remembered("k", b"\x00\x01", first.id)
        assert await catalog.find_key(connection, "k") is None
        assert await catalog.remember_key(connection, key, 60) is None
        assert await catalog.find_key(connection, "k") == key
        assert await catalog.remember_key(connection, catalog.Remembered("k", b"2", second.id), 60) == key
        await connection.execute("update idempotency_keys set expires_at = now()")
        assert await catalog.find_key(connection, "k") is None
        assert await catalog.remember_key(connection, catalog.Remembered("k", b"2", second.id), 60) is None
    admin.execute("update idempotency_keys set expires_at = now()")
    with connect(database, Role.SYSTEM) as connection:
        assert upkeep.forget_expired_keys(connection) == 1


def test_a_key_of_a_job_that_was_never_made_does_not_commit(app: Connection, tenant: Tenant) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation), transaction(app, tenant.id):
        catalog.REMEMBER_KEY.one(app, key="k", fingerprint=b"1", job_id=JobId(uuid7()), seconds=60)
