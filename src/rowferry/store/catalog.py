"""What is declared and who there is: tenants, users, tokens, kinds, workers, and the keys of requests that were answered."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from psycopg.rows import DictRow

from rowferry.domain.access import Principal, TenantId, UserId
from rowferry.domain.job import JobId
from rowferry.store.database import AsyncConnection, Connection, Statement, nothing
from rowferry.store.documents import document

TOKEN_PREFIX = "rf_"  # noqa: S105  # what tokens begin with, not one
TOKEN_BYTES = 32
WORKER_SEEN_SECONDS = 60.0
"""Workers that have not been heard of for so long are not shown."""

TokenState = Literal["valid", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer."""

    id: TenantId
    slug: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """Whose a token is and what it may do."""

    id: UUID
    tenant: TenantId
    user: UserId
    scopes: Sequence[str]
    name: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it may be shown: its secret is not known to us."""

    id: UUID
    name: str
    user_name: str
    scopes: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeclaredKind:
    """A kind that a tenant declared, as its document."""

    name: str
    declaration: Mapping[str, object]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """What an executor says of itself."""

    name: str
    host: str
    pid: int
    job_id: JobId | None


@dataclass(frozen=True, slots=True)
class Worker:
    """An executor that was heard of lately."""

    name: str
    host: str
    pid: int
    job_id: JobId | None
    started_at: datetime
    heartbeat_at: datetime


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that was answered: the key, what it was about, and the job that it made."""

    key: str
    fingerprint: bytes
    job_id: JobId


def _tenant(row: DictRow) -> Tenant:
    return Tenant(TenantId(row["id"]), row["slug"])


def _user(row: DictRow) -> UserId:
    return UserId(row["id"])


def _token(row: DictRow) -> Token:
    return Token(**row)


def _expiry(row: DictRow) -> datetime | None:
    return cast("datetime | None", row["expires_at"])


def _kind(row: DictRow) -> DeclaredKind:
    return DeclaredKind(**row)


def _worker(row: DictRow) -> Worker:
    return Worker(**row)


def _remembered(row: DictRow) -> Remembered:
    return Remembered(row["key"], bytes(row["fingerprint"]), JobId(row["job_id"]))


def _principal(row: DictRow) -> tuple[Principal, TokenState]:
    principal = Principal(
        tenant=TenantId(row["tenant_id"]),
        tenant_slug=row["tenant_slug"],
        user=UserId(row["user_id"]),
        user_name=row["user_name"],
        token=str(row["token_id"]),
        scopes=frozenset(row["scopes"]),
    )
    return principal, row["state"]


GET_TENANT = Statement("get_tenant", _tenant)
INSERT_TENANT = Statement("insert_tenant", nothing)
LIST_TENANTS = Statement("list_tenants", _tenant)
GET_USER = Statement("get_user", _user)
INSERT_USER = Statement("insert_user", nothing)
INSERT_TOKEN = Statement("insert_token", nothing)
LIST_TOKENS = Statement("list_tokens", _token)
GET_TOKEN_EXPIRY = Statement("get_token_expiry", _expiry)
REVOKE_TOKEN = Statement("revoke_token", _token)
GET_PRINCIPAL = Statement("get_principal", _principal)
GET_KINDS = Statement("get_kinds", _kind)
GET_OWN_KIND = Statement("get_own_kind", _kind)
LIST_KINDS = Statement("list_kinds", _kind)
LOCK_KINDS = Statement("lock_kinds", nothing)
PUT_KIND = Statement("put_kind", _kind)
REPORT_WORKERS = Statement("report_workers", nothing)
LIST_WORKERS = Statement("list_workers", _worker)
REMEMBER_KEY = Statement("remember_key", _remembered)
GET_KEY = Statement("get_key", _remembered)


# Who ------------------------------------------------------------------------------------------------------------------


def ensure_tenant(connection: Connection, slug: str) -> TenantId:
    """The tenant of that slug, made when there is none. By `rowferry_system`."""
    INSERT_TENANT.run(connection, slug=slug)
    tenant = GET_TENANT.one(connection, slug=slug)
    if tenant is None:
        raise LookupError(f"the tenant {slug} is not there though it was just made")
    return tenant.id


def tenants(connection: Connection) -> list[Tenant]:
    """All tenants, by slug. By `rowferry_system`."""
    return LIST_TENANTS.all(connection)


def ensure_user(connection: Connection, tenant: TenantId, name: str) -> UserId:
    """The tenant's user of that name, made when there is none. By `rowferry_system`, or in a transaction of the tenant."""
    INSERT_USER.run(connection, tenant=tenant, name=name)
    user = GET_USER.one(connection, tenant=tenant, name=name)
    if user is None:
        raise LookupError(f"the user {name} is not there though it was just made")
    return user


async def ensure_user_async(connection: AsyncConnection, tenant: TenantId, name: str) -> UserId:
    """The same in the other colour."""
    await INSERT_USER.run_async(connection, tenant=tenant, name=name)
    user = await GET_USER.one_async(connection, tenant=tenant, name=name)
    if user is None:
        raise LookupError(f"the user {name} is not there though it was just made")
    return user


def create_token(connection: Connection, token: NewToken) -> str:
    """Makes a token and gives its secret, which is nowhere kept: only its digest is."""
    secret = _new_secret()
    INSERT_TOKEN.run(connection, **_token_parameters(token, secret))
    return secret


async def create_token_async(connection: AsyncConnection, token: NewToken) -> str:
    """The same in the other colour."""
    secret = _new_secret()
    await INSERT_TOKEN.run_async(connection, **_token_parameters(token, secret))
    return secret


async def store_token(connection: AsyncConnection, token: NewToken, secret: str) -> None:
    """Makes a token with a secret that was made elsewhere."""
    await INSERT_TOKEN.run_async(connection, **_token_parameters(token, secret))


async def tokens(connection: AsyncConnection, after: UUID | None, size: int) -> list[Token]:
    """So many of the tenant's tokens behind one of them, oldest first."""
    return await LIST_TOKENS.all_async(connection, after=after, size=size)


async def token_expiry(connection: AsyncConnection, token_id: UUID) -> datetime | None:
    """When a token of the tenant ends; None: never."""
    return await GET_TOKEN_EXPIRY.one_async(connection, id=token_id)


async def revoke_token(connection: AsyncConnection, token_id: UUID) -> Token | None:
    """Ends a token at once. None: the tenant has none of that id."""
    return await REVOKE_TOKEN.one_async(connection, id=token_id)


async def principal(connection: AsyncConnection, secret: str) -> tuple[Principal, TokenState] | None:
    """Who a secret stands for and whether it still does; None for one that we never gave out. Needs no tenant."""
    return await GET_PRINCIPAL.one_async(connection, hash=_digest(secret))


def _new_secret() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _token_parameters(token: NewToken, secret: str) -> dict[str, object]:
    return {
        "id": token.id,
        "tenant": token.tenant,
        "user": token.user,
        "name": token.name,
        "hash": _digest(secret),
        "scopes": list(token.scopes),
        "expires_at": token.expires_at,
    }


# Kinds that tenants declare -------------------------------------------------------------------------------------------


async def declared(connection: AsyncConnection, name: str) -> DeclaredKind | None:
    """The tenant's kind of that name, or None."""
    return await GET_OWN_KIND.one_async(connection, name=name)


def declared_sync(connection: Connection, tenant: TenantId, names: Iterable[str]) -> list[DeclaredKind]:
    """Those of some names, for workers, which know the tenant from the job."""
    return GET_KINDS.all(connection, tenant=tenant, names=list(names))


async def kinds(connection: AsyncConnection) -> list[DeclaredKind]:
    """The kinds that the tenant declared, by name."""
    return await LIST_KINDS.all_async(connection)


async def put_kind(connection: AsyncConnection, name: str, declaration: Mapping[str, object]) -> DeclaredKind:
    """Stores a declaration; the version counts how often the name was declared.

    Until the transaction ends no other of the tenant stores one, so that what is counted in it holds.
    """
    await LOCK_KINDS.run_async(connection)
    kind = await PUT_KIND.one_async(connection, name=name, declaration=document(declaration))
    if kind is None:
        raise LookupError(f"the kind {name} is not there though it was just stored")
    return kind


# Workers --------------------------------------------------------------------------------------------------------------


async def report(connection: AsyncConnection, rows: Sequence[WorkerRow]) -> None:
    """Says which executors a host has and what they do. By `rowferry_system`."""
    await REPORT_WORKERS.run_async(
        connection,
        names=[row.name for row in rows],
        hosts=[row.host for row in rows],
        pids=[row.pid for row in rows],
        jobs=[row.job_id for row in rows],
    )


async def workers(connection: AsyncConnection) -> list[Worker]:
    """The executors that were heard of lately, by name, with the jobs of all tenants. By `rowferry_system`."""
    return await LIST_WORKERS.all_async(connection, seconds=WORKER_SEEN_SECONDS)


# Keys of requests -----------------------------------------------------------------------------------------------------


async def find_key(connection: AsyncConnection, key: str) -> Remembered | None:
    """The request that came before with this Idempotency-Key and is still remembered."""
    return await GET_KEY.one_async(connection, key=key)


async def remember_key(connection: AsyncConnection, remembered: Remembered, seconds: float) -> Remembered | None:
    """Takes a key for a job that this transaction makes: call it before anything else is written.

    While another transaction takes the same key, this waits for its end.

    Returns:
        None where the key is ours now; else what it was taken for, and nothing of ours may be written.
    """
    mine = await REMEMBER_KEY.one_async(
        connection,
        key=remembered.key,
        fingerprint=remembered.fingerprint,
        job_id=remembered.job_id,
        seconds=seconds,
    )
    return None if mine is not None else await find_key(connection, remembered.key)
