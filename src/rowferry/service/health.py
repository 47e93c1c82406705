"""Whether the server can do its work: the database answers, its shape is the present one, and who runs jobs."""

import asyncio
from dataclasses import dataclass, replace

from rowferry.domain.access import Principal
from rowferry.domain.faults import Unavailable
from rowferry.domain.job import JobId
from rowferry.service.transactions import Transactions
from rowferry.store import catalog, fleet, jobs
from rowferry.store.catalog import Worker
from rowferry.store.database import AsyncConnection, Database, Gone, pending
from rowferry.store.fleet import Counts

__all__ = ["Condition", "Counts", "Health", "Worker"]

ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How the server is. `workers` None: not known."""

    database: bool
    migrated: bool
    workers: int | None

    @property
    def ready(self) -> bool:
        """Whether requests can be served."""
        return self.database and self.migrated


@dataclass(frozen=True, slots=True)
class Health:
    """The use cases of whoever operates the server."""

    transactions: Transactions
    database: Database

    async def condition(self) -> Condition:
        """How the server is, within a few seconds whatever happens."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                missing = await asyncio.to_thread(pending, self.database)
                if missing:
                    return Condition(database=True, migrated=False, workers=None)
                workers = await self.transactions.across(catalog.workers)
                return Condition(database=True, migrated=True, workers=len(workers))
        except (Unavailable, Gone, TimeoutError):
            return Condition(database=False, migrated=False, workers=None)

    async def workers(self, principal: Principal) -> list[Worker]:
        """The processes that run jobs. What another tenant's job is stays unsaid."""
        found = await self.transactions.across(catalog.workers)

        async def own(connection: AsyncConnection) -> set[JobId]:
            ids = {worker.job_id for worker in found if worker.job_id is not None}
            return {job_id for job_id in ids if await jobs.version_of(connection, job_id) is not None}

        mine = await self.transactions.read(principal.tenant, own)
        return [worker if worker.job_id in mine else replace(worker, job_id=None) for worker in found]

    async def counts(self) -> Counts:
        """Jobs, rows and workers of the whole installation, for metrics."""
        return await self.transactions.across(fleet.count)
