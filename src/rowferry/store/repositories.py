"""Repositories of tenants, which are named collections, and the documents in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from rowferry.store.database import AsyncConnection, Statement, nothing


@dataclass(frozen=True, slots=True)
class Repository:
    """A named collection of documents."""

    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """A text with a title; `id` begins with `doc_`."""

    id: str
    title: str
    content: str
    metadata: Mapping[str, object]
    created_at: datetime
    updated_at: datetime


def _repository(row: DictRow) -> Repository:
    return Repository(**row)


def _document(row: DictRow) -> Document:
    return Document(**row)


def _count(row: DictRow) -> int:
    return int(row["n"])


INSERT = Statement("insert_repository", nothing)
LIST = Statement("list_repositories", _repository)
COUNT = Statement("count_repositories", _count)
GET = Statement("get_repository", _repository)
INSERT_DOCUMENT = Statement("insert_document", _document)
LIST_DOCUMENTS = Statement("list_documents", _document)
COUNT_DOCUMENTS = Statement("count_documents", _count)


async def ensure(connection: AsyncConnection, repository_id: UUID, name: str) -> None:
    """Makes a repository, where the tenant has none of that name."""
    await INSERT.run_async(connection, id=repository_id, name=name)


async def page(connection: AsyncConnection, start: int, size: int) -> list[Repository]:
    """The tenant's repositories from a position, oldest first."""
    return await LIST.all_async(connection, start=start, size=size)


async def count(connection: AsyncConnection) -> int:
    """How many the tenant has."""
    return await COUNT.one_async(connection) or 0


async def get(connection: AsyncConnection, repository_id: UUID) -> Repository | None:
    """One of them, or None."""
    return await GET.one_async(connection, id=repository_id)


async def documents(connection: AsyncConnection, repository_id: UUID, start: int, size: int) -> list[Document]:
    """The documents of a repository from a position, oldest first."""
    return await LIST_DOCUMENTS.all_async(connection, repository=repository_id, start=start, size=size)


async def count_documents(connection: AsyncConnection, repository_id: UUID) -> int:
    """How many a repository has."""
    return await COUNT_DOCUMENTS.one_async(connection, repository=repository_id) or 0


async def insert_document(
    connection: AsyncConnection,
    repository_id: UUID,
    document_id: str,
    title: str,
    content: str,
    metadata: Mapping[str, object],
) -> Document | None:
    """A new document."""
    return await INSERT_DOCUMENT.one_async(
        connection, id=document_id, repository=repository_id, title=title, content=content, metadata=Jsonb(metadata)
    )
