"""What a user may ask for, bundled: imports, jobs, catalog, access, health, mappings, documents, downloads."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from rowferry.points import Points
from rowferry.service.access import Access
from rowferry.service.catalog import Catalog, Doors
from rowferry.service.changes import Changes
from rowferry.service.documents import Documents
from rowferry.service.downloads import Downloads
from rowferry.service.health import Health
from rowferry.service.imports import Imports, Limits
from rowferry.service.jobs import JobService
from rowferry.service.mappings import Mappings
from rowferry.service.transactions import Transactions
from rowferry.store.blobs import Blobs
from rowferry.store.database import Database, Role, listen, pool

__all__ = ["Doors", "Limits", "Services", "bundle"]

CHANNEL = "rowferry_jobs"
"""Where the database announces the ids of jobs that changed."""
READS, WRITES, SYSTEM = 8, 8, 2
"""Connections of a process that serves, by what they are for."""


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of one process that serves."""

    imports: Imports
    jobs: JobService
    catalog: Catalog
    access: Access
    health: Health
    mappings: Mappings
    documents: Documents
    downloads: Downloads
    transactions: Transactions

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Opens the pools and listens to changes as long as the block runs."""
        async with AsyncExitStack() as stack:
            pools = self.transactions
            for pool in (pools.reads, pools.writes, pools.system):
                await stack.enter_async_context(pool)
            await stack.enter_async_context(self.jobs.changes.listening())
            yield


def bundle(
    database: Database, blobs: Blobs, doors: Doors, limits: Limits, points: Points, new_id: Callable[[], UUID]
) -> Services:
    """The use cases over one database and one store of blobs; nothing is opened yet.

    Args:
        database: where jobs are kept.
        blobs: where files are kept.
        doors: the operator's kinds, and what looks after tables and rows.
        limits: what requests keep to.
        points: the moments of a fault test.
        new_id: makes a UUIDv7.
    """
    transactions = Transactions(
        reads=pool(database, Role.APP, size=READS, autocommit=True),
        writes=pool(database, Role.APP, size=WRITES, checked=True),
        system=pool(database, Role.SYSTEM, size=SYSTEM, autocommit=True),
    )
    catalog = Catalog(transactions, doors)
    changes = Changes(lambda: listen(database, Role.APP, CHANNEL))
    return Services(
        imports=Imports(transactions, blobs, catalog, limits, points, new_id),
        jobs=JobService(transactions, blobs, changes),
        catalog=catalog,
        access=Access(transactions, new_id, limits.login_days),
        health=Health(transactions, database),
        mappings=Mappings(transactions, new_id),
        documents=Documents(transactions, new_id),
        downloads=Downloads(transactions, blobs, catalog),
        transactions=transactions,
    )
