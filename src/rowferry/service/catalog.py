"""What one may ask about kinds: which there are, declare one, its template, and the rows that it stored."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rowferry.domain.access import Principal, TenantId
from rowferry.domain.declaration import NAME, from_declaration, reference_faults, to_declaration
from rowferry.domain.faults import InvalidDeclaration, KindExists, NotFound, QuotaExceeded, Unavailable
from rowferry.domain.schema import ImportKind, ReadOptions
from rowferry.pipeline.inspect import Opened
from rowferry.pipeline.table import Table
from rowferry.ports import Choice, Filter, Kind, Reading, TaskKind, Writer
from rowferry.service.transactions import Transactions
from rowferry.store import catalog
from rowferry.store.database import AsyncConnection

__all__ = ["Catalog", "Filter", "ImportKind", "Kind", "RowPage", "TaskKind", "to_declaration"]

KINDS_MAX = 200
"""How many kinds a tenant may declare."""
STREAMS_MAX = 16
"""How many downloads of rows a process serves at once; each holds a connection of its own."""
STREAM_ROWS = 2_000

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Doors:
    """What the catalog is handed from outside: the operator's kinds, and what looks after tables and rows."""

    kinds: Mapping[str, Kind]
    replaceable: Set[str]
    """Names of those of which a tenant may declare its own."""
    check: Callable[[ImportKind], None]
    """Refuses patterns and rules that do not compile."""
    ensure_table: Callable[[ImportKind], None]
    """Makes or extends the table of a kind; refuses a change that does more than add."""
    reading: Callable[[ImportKind, TenantId, Sequence[Filter]], Reading]
    table: Callable[[Path, Path], Table]
    """A file as a table of texts, with a folder for what is made of it."""
    check_choice: Callable[[Choice], None]
    """Refuses rows to delete that cannot be asked for."""
    open: Callable[[Path, ReadOptions, Path], Opened]
    """A CSV file of our own making, with a folder for what is made of it."""
    writers: Mapping[str, Writer]
    """What writes files, by the words by which formats are asked for."""
    templates: Mapping[str, Callable[[ImportKind], bytes]]
    """What makes files to fill in, by the same words."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows of a kind, and the key behind which the next page begins."""

    rows: Sequence[Row]
    after: list[object] | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The use cases of kinds."""

    transactions: Transactions
    doors: Doors
    _streams: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(STREAMS_MAX))

    async def find(self, connection: AsyncConnection, tenant: TenantId, name: str) -> Kind | None:
        """The kind of that name that the tenant may use, or None."""
        if NAME.fullmatch(name) is None:
            return None
        declared = await catalog.declared(connection, name)
        return self.doors.kinds.get(name) if declared is None else from_declaration(declared.declaration, tenant)

    async def all(self, principal: Principal) -> list[Kind]:
        """Every kind that the tenant may use, by name."""
        declared = await self.transactions.read(principal.tenant, catalog.kinds)
        own: dict[str, Kind] = {}
        for stored in declared:
            kind = from_declaration(stored.declaration, principal.tenant)
            own[kind.name] = kind
        return [kind for _, kind in sorted((dict(self.doors.kinds) | own).items())]

    async def get(self, principal: Principal, name: str) -> Kind:
        """The kind of that name.

        Raises:
            NotFound: the tenant has none.
        """
        kind = await self.transactions.read(
            principal.tenant, lambda connection: self.find(connection, principal.tenant, name)
        )
        if kind is None:
            raise NotFound(noun="kind", name=name)
        return kind

    async def title(self, tenant: TenantId, name: str) -> str:
        """What a kind is called for people, without a query for the operator's; a name that is not known any more stands for itself."""
        kind = self.doors.kinds.get(name) or await self.transactions.read(
            tenant, lambda connection: self.find(connection, tenant, name)
        )
        return name if kind is None else kind.title or name

    async def import_kind(self, principal: Principal, name: str) -> ImportKind:
        """The import kind of that name.

        Raises:
            NotFound: the tenant has none, or it is a task and has no rows.
        """
        kind = await self.get(principal, name)
        if not isinstance(kind, ImportKind):
            raise NotFound(noun="import kind", name=name)
        return kind

    async def declare(self, principal: Principal, document: object) -> tuple[ImportKind, bool]:
        """Declares a kind of the tenant, or changes one where the change only adds. The second value: whether it is new.

        One with the name of a built-in import kind takes its place for this tenant, with a table of its own.

        Raises:
            InvalidDeclaration: the declaration does not hold; `errors` has every fault.
            KindExists: the operator has a kind of that name, or it is a task.
            KindDiffers: the kind has a table, and the change does more than add.
            QuotaExceeded: the tenant has too many kinds.
        """
        kind = from_declaration(document, principal.tenant)
        if kind.name in self.doors.kinds and kind.name not in self.doors.replaceable:
            raise KindExists(kind=kind.name)
        await asyncio.to_thread(self.doors.check, kind)
        others = {one.name: one for one in await self.all(principal) if isinstance(one, ImportKind)}
        faults = reference_faults(kind, others.get)
        if faults:
            raise InvalidDeclaration(reason=" ".join(fault.detail for fault in faults), errors=faults)
        async with self.transactions.write(principal.tenant) as connection:
            # The declaration commits last: one without a table would accept jobs that cannot load.
            new = (await catalog.put_kind(connection, kind.name, to_declaration(kind))).version == 1
            if new and len(await catalog.kinds(connection)) > KINDS_MAX:
                raise QuotaExceeded(what="The number of kinds", limit=KINDS_MAX)
            await asyncio.to_thread(self.doors.ensure_table, kind)
        return kind, new

    async def template(self, principal: Principal, name: str, wanted: Literal["csv", "xlsx"]) -> bytes:
        """A file to fill in: as CSV the header that an import of the kind expects, as a workbook with drop-downs and notes.

        Raises:
            NotFound: the tenant has no such import kind.
        """
        kind = await self.import_kind(principal, name)
        return await asyncio.to_thread(self.doors.templates[wanted], kind)

    async def rows(
        self, principal: Principal, kind: ImportKind, filters: Sequence[Filter], after: list[object] | None, size: int
    ) -> RowPage:
        """A page of the tenant's rows, ordered by their key.

        Raises:
            Invalid: a filter does not fit its field.
        """

        def first() -> RowPage:
            reading = self.doors.reading(kind, principal.tenant, filters)
            with reading.batches(after, size + 1) as batches:
                rows = next(batches, ())
            more = len(rows) > size
            return RowPage(rows[:size], reading.key_of(rows[size - 1]) if more else None)

        return await asyncio.to_thread(first)

    async def row_stream(
        self, principal: Principal, kind: ImportKind, filters: Sequence[Filter]
    ) -> AsyncIterator[Sequence[Row]]:
        """All rows, in batches, by a cursor of the database.

        Raises:
            Invalid: a filter does not fit its field.
            Unavailable: too many of such streams are read already.
        """
        if self._streams.locked():
            raise Unavailable(reason="Too many downloads of rows are under way.")
        reading = await asyncio.to_thread(self.doors.reading, kind, principal.tenant, filters)
        return self._batches(reading.batches(None, STREAM_ROWS))

    async def _batches(
        self, batches: AbstractContextManager[Iterator[Sequence[Row]]]
    ) -> AsyncGenerator[Sequence[Row], None]:
        # One thread a stream, so that its end always comes after what is under way on its connection, also when the
        # reader went away in the middle.
        async with self._streams:
            thread = ThreadPoolExecutor(1, "rows")
            loop = asyncio.get_running_loop()
            try:
                source = await loop.run_in_executor(thread, batches.__enter__)
                while batch := await loop.run_in_executor(thread, next, source, None):
                    yield batch
            finally:
                thread.submit(batches.__exit__, None, None, None)
                thread.shutdown(wait=False)
