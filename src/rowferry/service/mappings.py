"""What one may ask about saved mappings: list, save, read, change, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound, QuotaExceeded
from rowferry.service.transactions import Transactions
from rowferry.store import mappings
from rowferry.store.mappings import MappingWish, SavedMapping

__all__ = ["MappingWish", "Mappings", "SavedMapping"]

MAPPINGS_MAX = 10_000
"""How many a tenant may keep."""


@dataclass(frozen=True, slots=True)
class Mappings:
    """The use cases of saved mappings; another tenant's do not exist."""

    transactions: Transactions
    new_id: Callable[[], UUID]

    async def all(self, principal: Principal) -> list[SavedMapping]:
        """The tenant's mappings, newest first."""
        return await self.transactions.read(principal.tenant, mappings.all_of)

    async def get(self, principal: Principal, mapping_id: UUID) -> SavedMapping:
        """One of them.

        Raises:
            NotFound: the tenant has none of that id.
        """
        found = await self.transactions.read(principal.tenant, lambda connection: mappings.get(connection, mapping_id))
        return _found(found, mapping_id)

    async def save(self, principal: Principal, wish: MappingWish) -> SavedMapping:
        """A new one.

        Raises:
            QuotaExceeded: the tenant has too many.
        """
        mapping_id = self.new_id()
        async with self.transactions.write(principal.tenant) as connection:
            if await mappings.count(connection) >= MAPPINGS_MAX:
                raise QuotaExceeded(what="The number of mappings", limit=MAPPINGS_MAX)
            return _found(await mappings.insert(connection, mapping_id, wish), mapping_id)

    async def change(self, principal: Principal, mapping_id: UUID, wish: MappingWish) -> SavedMapping:
        """Writes all of one anew.

        Raises:
            NotFound: the tenant has none of that id.
        """
        async with self.transactions.write(principal.tenant) as connection:
            return _found(await mappings.update(connection, mapping_id, wish), mapping_id)

    async def delete(self, principal: Principal, mapping_id: UUID) -> None:
        """Removes one; jobs that were made with it keep what it said.

        Raises:
            NotFound: the tenant has none of that id.
        """
        async with self.transactions.write(principal.tenant) as connection:
            if not await mappings.delete(connection, mapping_id):
                raise NotFound(noun="mapping", name=mapping_id)


def _found(mapping: SavedMapping | None, mapping_id: UUID) -> SavedMapping:
    if mapping is None:
        raise NotFound(noun="mapping", name=mapping_id)
    return mapping
