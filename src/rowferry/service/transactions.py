"""How use cases reach the database: one transaction of one tenant, and what they say when it does not answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from rowferry.domain.access import TenantId
from rowferry.domain.faults import Unavailable
from rowferry.store.database import AsyncConnection, Gone, Pool, tenant_transaction

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Transactions:
    """The pools of a process that serves: `reads` gives connections out unseen, `writes` looks at each first, `system` sees all tenants."""

    reads: Pool
    writes: Pool
    system: Pool

    @asynccontextmanager
    async def write(self, tenant: TenantId) -> AsyncGenerator[AsyncConnection, None]:
        """One transaction that changes something.

        Raises:
            Unavailable: the database does not answer. Whether a commit under way took effect is then not known.
        """
        try:
            async with tenant_transaction(self.writes, tenant) as connection:
                yield connection
        except Gone as error:
            raise _unavailable(error) from error

    async def read(self, tenant: TenantId, work: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """What `work` finds in one transaction. Done again once: after a restart of the database each old connection fails once.

        Raises:
            Unavailable: the database does not answer.
        """
        return await _twice(lambda: tenant_transaction(self.reads, tenant), work)

    async def unbound(self, work: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """The same before the tenant is known: no row of any tenant is seen."""
        return await _twice(self.reads.connection, work)

    async def across(self, work: Callable[[AsyncConnection], Awaitable[R]]) -> R:
        """The same over all tenants, for what belongs to none."""
        return await _twice(self.system.connection, work)


async def _twice(
    connect: Callable[[], AbstractAsyncContextManager[AsyncConnection]], work: Callable[[AsyncConnection], Awaitable[R]]
) -> R:
    for last in (False, True):
        try:
            async with connect() as connection:
                return await work(connection)
        except Gone as error:
            if last or not _lost(error):
                raise _unavailable(error) from error
    raise AssertionError("the last try returns or raises")


def _lost(error: Gone) -> bool:
    """Whether the connection broke, rather than the statement."""
    return error.sqlstate is None or error.sqlstate[:2] in {"08", "57"}


def _unavailable(error: Gone) -> Unavailable:
    slow = error.sqlstate == "57014"
    return Unavailable(reason="The database took too long." if slow else "The database does not answer.")
