"""What a poll reads, in one round trip: whose token it is, and the job or its version as that tenant sees it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from rowferry.domain.access import Principal, TenantId, UserId
from rowferry.domain.job import TERMINAL, Job, JobId, Status
from rowferry.store.artifacts import Artifact
from rowferry.store.catalog import TokenState
from rowferry.store.database import AsyncConnection, Statement
from rowferry.store.jobs import job_from_row

Holder = tuple[Principal, TokenState]


@dataclass(frozen=True, slots=True)
class Seen:
    """Who polls, None for a token that we never gave out; and the job, None where the tenant has none of that id."""

    holder: Holder | None
    job: Job | None = None
    files: Sequence[Artifact] = ()
    """Only of a job that is asked for by number."""


@dataclass(frozen=True, slots=True)
class SeenVersion:
    """The same with the job's version and whether it is terminal."""

    holder: Holder | None
    version: tuple[int, bool] | None = None


def _holder(row: DictRow) -> Holder | None:
    if row["token_id"] is None:
        return None
    principal = Principal(
        tenant=TenantId(row["token_tenant"]),
        tenant_slug=row["tenant_slug"],
        user=UserId(row["token_user"]),
        user_name=row["user_name"],
        token=str(row["token_id"]),
        scopes=frozenset(row["scopes"]),
    )
    return principal, row["state"]


def _seen(row: DictRow) -> Seen:
    return Seen(_holder(row), None if row["id"] is None else job_from_row(row))


def _seen_files(row: DictRow) -> Seen:
    seen = _seen(row)
    return Seen(seen.holder, seen.job, [_file(one) for one in row["files"] or ()])


def _file(stored: Mapping[str, Any]) -> Artifact:
    """An artifact as JSON holds it."""
    expires = stored["expires_at"]
    read: dict[str, Any] = {
        "id": UUID(stored["id"]),
        "job_id": JobId(UUID(stored["job_id"])),
        "created_at": datetime.fromisoformat(stored["created_at"]),
        "expires_at": None if expires is None else datetime.fromisoformat(expires),
    }
    return Artifact(**{**stored, **read})


def _seen_version(row: DictRow) -> SeenVersion:
    known = None if row["version"] is None else (int(row["version"]), Status(row["status"]) in TERMINAL)
    return SeenVersion(_holder(row), known)


SEE = Statement("see_job", _seen)
SEE_NUMBER = Statement("see_job_number", _seen_files)
SEE_VERSION = Statement("see_job_version", _seen_version)


async def job(connection: AsyncConnection, secret: str, job_id: JobId) -> Seen:
    """The job for the holder of a token. Needs no tenant and no transaction around it."""
    return await SEE.one_async(connection, hash=_digest(secret), id=job_id) or Seen(None)


async def job_of_number(connection: AsyncConnection, secret: str, number: int) -> Seen:
    """The job of that number with its files, for the holder of a token. Needs no tenant and no transaction around it."""
    return await SEE_NUMBER.one_async(connection, hash=_digest(secret), number=number) or Seen(None)


async def version(connection: AsyncConnection, secret: str, job_id: JobId) -> SeenVersion:
    """The job's version for the holder of a token. Needs no tenant and no transaction around it."""
    return await SEE_VERSION.one_async(connection, hash=_digest(secret), id=job_id) or SeenVersion(None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
