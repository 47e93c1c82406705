"""What one may ask about jobs: read, list, wait, cancel, issues and their causes, artifacts."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound
from rowferry.domain.job import Job, JobId, Status
from rowferry.service.access import admitted
from rowferry.service.changes import LOOK_SECONDS, Changes, until_set
from rowferry.service.transactions import Transactions
from rowferry.store import chunks, jobs, polls
from rowferry.store.blobs import BlobMissing, Blobs
from rowferry.store.chunks import IssueQuery, PlacedIssue, StoredCause
from rowferry.store.jobs import Artifact, JobQuery

__all__ = ["Artifact", "IssueQuery", "JobQuery", "JobService", "PlacedIssue", "StoredCause"]

T = TypeVar("T")
STREAM_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class JobService:
    """The use cases of a job that is there."""

    transactions: Transactions
    blobs: Blobs
    changes: Changes

    async def get(self, principal: Principal, job_id: JobId) -> Job:
        """The job as it stands.

        Raises:
            NotFound: the tenant has no such job.
        """
        job = await self.transactions.read(principal.tenant, lambda connection: jobs.get(connection, job_id))
        return _found(job, job_id)

    async def version(self, principal: Principal, job_id: JobId) -> tuple[int, bool]:
        """The job's version, and whether it is terminal: all that a caller with an old version must know.

        Raises:
            NotFound: the tenant has no such job.
        """
        known = await self.transactions.read(principal.tenant, lambda connection: jobs.version_of(connection, job_id))
        return _found(known, job_id)

    async def see(self, secret: str, job_id: JobId) -> tuple[Principal, Job | None]:
        """Who holds a token, and the job as that tenant sees it: a poll, in one round trip.

        Raises:
            Unauthenticated: the token is none of ours, has expired or was revoked.
        """
        seen = await self.transactions.unbound(lambda connection: polls.job(connection, secret, job_id))
        return admitted(seen.holder), seen.job

    async def see_version(self, secret: str, job_id: JobId) -> tuple[Principal, tuple[int, bool] | None]:
        """The same with the job's version, and whether it is terminal.

        Raises:
            Unauthenticated: the token is none of ours, has expired or was revoked.
        """
        seen = await self.transactions.unbound(lambda connection: polls.version(connection, secret, job_id))
        return admitted(seen.holder), seen.version

    async def wait(self, principal: Principal, job_id: JobId, version: int, seconds: float) -> tuple[int, bool]:
        """Waits until the job has another version than this, is terminal, or the time is over; then says both.

        Raises:
            NotFound: the tenant has no such job.
        """
        until = time.monotonic() + seconds
        async with self.changes.of(job_id) as changed:
            while True:
                now_version, terminal = await self.version(principal, job_id)
                left = until - time.monotonic()
                if now_version != version or terminal or left <= 0:
                    return now_version, terminal
                await until_set(changed, min(left, LOOK_SECONDS))

    async def page(self, principal: Principal, query: JobQuery) -> list[Job]:
        """Jobs of the tenant, newest first."""
        return await self.transactions.read(principal.tenant, lambda connection: jobs.page(connection, query))

    async def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """Asks the job to stop: at once where nobody works on it, else after the chunk under way. Asked twice is asked once.

        Raises:
            NotFound: the tenant has no such job.
            NotAllowedNow: it has ended otherwise.
        """
        async with self.transactions.write(principal.tenant) as connection:
            job = _found(await jobs.get(connection, job_id), job_id)
            if job.status is Status.CANCELLED:
                return job
            return await jobs.request_cancel(connection, job_id)

    async def issues(self, principal: Principal, query: IssueQuery) -> list[PlacedIssue]:
        """Some issues of a job, by row.

        Raises:
            NotFound: the tenant has no such job.
        """
        await self.version(principal, query.job_id)
        return await self.transactions.read(principal.tenant, lambda connection: chunks.issues(connection, query))

    async def issue_stream(self, principal: Principal, query: IssueQuery) -> AsyncIterator[list[PlacedIssue]]:
        """All issues of a job, by row; no connection is held while the reader takes its time.

        Raises:
            NotFound: the tenant has no such job.
        """
        first = await self.issues(principal, replace(query, size=STREAM_PAGE))
        return self._pages(principal, query, first)

    async def causes(self, principal: Principal, job_id: JobId) -> list[StoredCause]:
        """The job's issues grouped by code, field and shape of the value, the most frequent first.

        Raises:
            NotFound: the tenant has no such job.
        """
        await self.version(principal, job_id)
        return await self.transactions.read(principal.tenant, lambda connection: chunks.summary(connection, job_id))

    async def artifacts(self, principal: Principal, job_id: JobId) -> list[Artifact]:
        """The files of a job.

        Raises:
            NotFound: the tenant has no such job.
        """
        await self.version(principal, job_id)
        return await self.transactions.read(principal.tenant, lambda connection: jobs.artifacts(connection, job_id))

    async def artifact(self, principal: Principal, job_id: JobId, artifact_id: UUID) -> Artifact:
        """One file of a job.

        Raises:
            NotFound: the tenant has no such job, or the job no such file.
        """
        await self.version(principal, job_id)
        artifact = await self.transactions.read(
            principal.tenant, lambda connection: jobs.artifact(connection, job_id, artifact_id)
        )
        if artifact is None:
            raise NotFound(noun="artifact", name=artifact_id)
        return artifact

    async def content(self, artifact: Artifact, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes `start` to `end` (not included) of a file.

        Raises:
            NotFound: the file is past its time and gone.
        """
        pieces = self.blobs.stream(artifact.blob, start, end)
        try:
            first = await anext(pieces, b"")
        except BlobMissing:
            raise NotFound(noun="file for the artifact", name=artifact.id) from None
        return _with_first(first, pieces)

    async def _pages(
        self, principal: Principal, query: IssueQuery, page: list[PlacedIssue]
    ) -> AsyncGenerator[list[PlacedIssue], None]:
        while page:
            yield page
            if len(page) < STREAM_PAGE:
                return
            page = await self._page_behind(principal, query, page[-1])

    async def _page_behind(self, principal: Principal, query: IssueQuery, last: PlacedIssue) -> list[PlacedIssue]:
        following = replace(query, after=place_of(last), size=STREAM_PAGE)
        return await self.transactions.read(principal.tenant, lambda connection: chunks.issues(connection, following))


def _found(value: T | None, job_id: JobId) -> T:
    if value is None:
        raise NotFound(noun="job", name=job_id)
    return value


def place_of(placed: PlacedIssue) -> tuple[int, int]:
    """Where an issue stands among those of its job; the next page begins behind it."""
    return placed.issue.row, placed.ordinal


async def _with_first(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
