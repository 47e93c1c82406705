"""Mappings of columns that tenants keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from rowferry.store.database import AsyncConnection, Statement, nothing


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A mapping that a tenant keeps for its files. `columns` and `defaults` are JSON as they were sent; `target` is a word of whoever saved it."""

    id: UUID
    name: str
    target: str
    columns: Mapping[str, object]
    defaults: Mapping[str, object] | None
    headers: Sequence[str] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MappingWish:
    """What a mapping is to be made of."""

    name: str
    target: str
    columns: Mapping[str, object]
    defaults: Mapping[str, object] | None = None
    headers: Sequence[str] | None = None


def _mapping(row: DictRow) -> SavedMapping:
    return SavedMapping(**row)


def _count(row: DictRow) -> int:
    return int(row["n"])


LIST = Statement("list_mappings", _mapping)
GET = Statement("get_mapping", _mapping)
INSERT = Statement("insert_mapping", _mapping)
UPDATE = Statement("update_mapping", _mapping)
DELETE = Statement("delete_mapping", nothing)
COUNT = Statement("count_mappings", _count)


async def all_of(connection: AsyncConnection) -> list[SavedMapping]:
    """The tenant's mappings, newest first."""
    return await LIST.all_async(connection)


async def count(connection: AsyncConnection) -> int:
    """How many the tenant has."""
    return await COUNT.one_async(connection) or 0


async def get(connection: AsyncConnection, mapping_id: UUID) -> SavedMapping | None:
    """One of them, or None."""
    return await GET.one_async(connection, id=mapping_id)


async def insert(connection: AsyncConnection, mapping_id: UUID, wish: MappingWish) -> SavedMapping | None:
    """A new one."""
    return await INSERT.one_async(connection, id=mapping_id, **_parameters(wish))


async def update(connection: AsyncConnection, mapping_id: UUID, wish: MappingWish) -> SavedMapping | None:
    """Writes all of one anew; None where the tenant has none of that id."""
    return await UPDATE.one_async(connection, id=mapping_id, **_parameters(wish))


async def delete(connection: AsyncConnection, mapping_id: UUID) -> bool:
    """Removes one. False: the tenant has none of that id."""
    return await DELETE.run_async(connection, id=mapping_id) > 0


def _parameters(wish: MappingWish) -> dict[str, object]:
    return {
        "name": wish.name,
        "target": wish.target,
        "columns": Jsonb(wish.columns),
        "defaults": None if wish.defaults is None else Jsonb(wish.defaults),
        "headers": None if wish.headers is None else Jsonb(list(wish.headers)),
    }
