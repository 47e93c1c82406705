"""What one may ask about documents: the tenant's repositories (named collections), and the documents in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound
from rowferry.service.transactions import Transactions
from rowferry.store import repositories
from rowferry.store.database import AsyncConnection
from rowferry.store.repositories import Document, Repository

__all__ = ["Document", "Documents", "Repository"]

FIRST = "Default"
"""The repository that each tenant has from its first look."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The use cases of repositories and documents; another tenant's do not exist."""

    transactions: Transactions
    new_id: Callable[[], UUID]

    async def repositories(self, principal: Principal, start: int, size: int) -> tuple[Sequence[Repository], int]:
        """The tenant's repositories from a position, and how many there are; the first look makes one named `Default`."""
        total = await self.transactions.read(principal.tenant, repositories.count)
        if total == 0:
            async with self.transactions.write(principal.tenant) as connection:
                await repositories.ensure(connection, self.new_id(), FIRST)
            total = 1
        found = await self.transactions.read(
            principal.tenant, lambda connection: repositories.page(connection, start, size)
        )
        return found, total

    async def documents(
        self, principal: Principal, repository: UUID, start: int, size: int
    ) -> tuple[Sequence[Document], int]:
        """The documents of a repository from a position, oldest first, and how many there are.

        Raises:
            NotFound: the tenant has no such repository.
        """

        async def look(connection: AsyncConnection) -> tuple[Sequence[Document], int]:
            await _check(connection, repository)
            found = await repositories.documents(connection, repository, start, size)
            return found, await repositories.count_documents(connection, repository)

        return await self.transactions.read(principal.tenant, look)

    async def add(
        self, principal: Principal, repository: UUID, title: str, content: str, metadata: Mapping[str, object]
    ) -> Document:
        """Stores a new document.

        Raises:
            NotFound: the tenant has no such repository.
        """
        async with self.transactions.write(principal.tenant) as connection:
            await _check(connection, repository)
            new = f"doc_{self.new_id().hex}"
            made = await repositories.insert_document(connection, repository, new, title, content, metadata)
        if made is None:
            raise LookupError(f"the document {new} is not there though it was just made")
        return made


async def _check(connection: AsyncConnection, repository: UUID) -> None:
    if await repositories.get(connection, repository) is None:
        raise NotFound(noun="repository", name=repository)
