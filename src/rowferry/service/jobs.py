"""What one may ask about jobs: read, list, wait, cancel, issues and their causes, artifacts."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar
from uuid import UUID

from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound, RowIssue
from rowferry.domain.job import Job, JobId, Status
from rowferry.domain.ledger import Outcome
from rowferry.service import results
from rowferry.service.access import admitted
from rowferry.service.changes import LOOK_SECONDS, Changes, until_set
from rowferry.service.results import Results, RowResult
from rowferry.service.transactions import Transactions
from rowferry.store import artifacts, chunks, jobs, polls, queue
from rowferry.store.artifacts import Artifact
from rowferry.store.blobs import Blobs
from rowferry.store.chunks import IssueQuery, PlacedIssue, StoredCause
from rowferry.store.database import AsyncConnection
from rowferry.store.jobs import JobQuery

__all__ = ["Artifact", "IssueQuery", "JobQuery", "JobService", "Listing", "PlacedIssue", "RowResult", "StoredCause"]

T = TypeVar("T")
STREAM_PAGE = 5_000
LISTED_MAX = 10_000
"""How far a list by position goes; a list by token has no end."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of jobs by position, newest first. `total` counts all that match, up to a cap; `capped` says that there are more."""

    jobs: Sequence[Job]
    total: int
    capped: bool


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

    async def see_number(self, secret: str, number: int) -> tuple[Principal, Job | None, Sequence[Artifact]]:
        """Who holds a token, the job of that number as that tenant sees it, and its files: a poll, in one round trip.

        Raises:
            Unauthenticated: the token is none of ours, has expired or was revoked.
        """
        seen = await self.transactions.unbound(lambda connection: polls.job_of_number(connection, secret, number))
        return admitted(seen.holder), seen.job, seen.files

    async def listing(self, principal: Principal, query: JobQuery, start: int, size: int) -> Listing:
        """Jobs of the tenant by position. What it costs is bounded: positions beyond the cap of `total` have no jobs."""
        within = max(0, min(size, LISTED_MAX - start))
        asked = replace(query, start=min(start, LISTED_MAX), size=within)

        async def both(connection: AsyncConnection) -> tuple[list[Job], int]:
            return await jobs.page(connection, asked), await jobs.count(connection, query, LISTED_MAX + 1)

        found, total = await self.transactions.read(principal.tenant, both)
        return Listing(found, min(total, LISTED_MAX), total > LISTED_MAX)

    async def pause(self, principal: Principal, job_id: JobId) -> Job:
        """Asks the job to rest: at once where nobody works on it, else after the chunk under way. Asked twice is asked once.

        Raises:
            NotFound: the tenant has no such job.
            NotAllowedNow: it has ended, or a cancel is under way.
        """
        async with self.transactions.write(principal.tenant) as connection:
            return await jobs.request_pause(connection, job_id)

    async def resume(self, principal: Principal, job_id: JobId) -> Job:
        """Lets a paused or interrupted job go on from its cursor, with attempts anew; takes a wish to pause back. Asked twice is asked once.

        Raises:
            NotFound: the tenant has no such job.
            NotAllowedNow: it has ended otherwise.
        """
        async with self.transactions.write(principal.tenant) as connection:
            job = await jobs.resume(connection, job_id)
            if job.status is Status.QUEUED:
                await queue.hint(connection)
            return job

    async def row_results(
        self, principal: Principal, job: Job, outcome: Literal["failed", "skipped"], after_row: int, size: int
    ) -> list[RowResult]:
        """Rows of an import that failed or were skipped, behind a row, as far as their issues were kept."""
        found = await self.transactions.read(
            principal.tenant,
            lambda connection: chunks.issues_of_rows(connection, job.id, outcome, after_row, size),
        )
        return results.of_issues(job, outcome, found)

    async def all_results(self, principal: Principal, job: Job) -> AsyncIterator[list[RowResult]]:
        """Every row of an import that has ended and what became of it, in the order of the file; memory stays flat.

        Raises:
            NotFound: the tenant has no such job.
        """
        return self._every_row(principal, job, await self.artifacts(principal, job.id))

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
        return await self.transactions.read(principal.tenant, lambda connection: artifacts.of_job(connection, job_id))

    async def artifact(self, principal: Principal, job_id: JobId, artifact_id: UUID) -> Artifact:
        """One file of a job.

        Raises:
            NotFound: the tenant has no such job, or the job no such file.
        """
        await self.version(principal, job_id)
        artifact = await self.transactions.read(
            principal.tenant, lambda connection: artifacts.get(connection, job_id, artifact_id)
        )
        if artifact is None:
            raise NotFound(noun="artifact", name=artifact_id)
        return artifact

    async def _pages(
        self, principal: Principal, query: IssueQuery, page: list[PlacedIssue]
    ) -> AsyncGenerator[list[PlacedIssue], None]:
        while page:
            yield page
            if len(page) < STREAM_PAGE:
                return
            page = await self._page_behind(principal, query, page[-1])

    async def _every_row(
        self, principal: Principal, job: Job, files: Sequence[Artifact]
    ) -> AsyncGenerator[list[RowResult], None]:
        with (
            TemporaryDirectory(prefix="results-") as scratch,
            closing(Results.of(job, files, self.blobs, Path(scratch))) as rows,
        ):
            row, kept = 1, _Kept(await self.issue_stream(principal, IssueQuery(job.id)))
            while (chunk := await self._chunk_of(principal, job.id, row)) is not None:
                outcomes = chunk.outcomes[row - chunk.first_row : row - chunk.first_row + STREAM_PAGE]
                issues = await kept.upto(row + len(outcomes) - 1)
                yield await asyncio.to_thread(rows.page, row, outcomes, issues)
                row += len(outcomes)
            for first in range(row, job.ledger.read + 1, STREAM_PAGE):
                left = min(STREAM_PAGE, job.ledger.read + 1 - first)
                yield rows.page(first, bytes([Outcome.NOT_ATTEMPTED]) * left, ())

    async def _chunk_of(self, principal: Principal, job_id: JobId, row: int) -> chunks.Outcomes | None:
        return await self.transactions.read(principal.tenant, lambda connection: chunks.of_row(connection, job_id, row))

    async def _page_behind(self, principal: Principal, query: IssueQuery, last: PlacedIssue) -> list[PlacedIssue]:
        following = replace(query, after=place_of(last), size=STREAM_PAGE)
        return await self.transactions.read(principal.tenant, lambda connection: chunks.issues(connection, following))


def _found(value: T | None, job_id: JobId) -> T:
    if value is None:
        raise NotFound(noun="job", name=job_id)
    return value


class _Kept:
    """The issues of a job in the order of its rows, taken some rows at a time."""

    def __init__(self, pages: AsyncIterator[list[PlacedIssue]]) -> None:
        self._pages = pages
        self._left: list[RowIssue] = []
        self._more = True

    async def upto(self, row: int) -> list[RowIssue]:
        """Those up to a row that were not taken before."""
        while self._more and (not self._left or self._left[-1].row <= row):
            page = await anext(self._pages, None)
            self._more = page is not None
            self._left += [placed.issue for placed in page or ()]
        at = bisect_right(self._left, row, key=lambda issue: issue.row)
        taken, self._left = self._left[:at], self._left[at:]
        return taken


def place_of(placed: PlacedIssue) -> tuple[int, int]:
    """Where an issue stands among those of its job; the next page begins behind it."""
    return placed.issue.row, placed.ordinal
