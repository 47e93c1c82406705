"""A tenant's side of a destination: chunks made of plain rows, loaded as one job each, and read back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import polars as pl

from rowferry.destinations.postgres import PostgresLoader, PostgresReading, ensure_table, shape
from rowferry.domain.job import Attempt, Job, JobId, RowNumber, Status
from rowferry.domain.ledger import Ledger, Outcome
from rowferry.domain.schema import FieldType, ImportKind, ImportOptions, Mode
from rowferry.ports import Chunk, Filter, LoadContext, Loaded
from rowferry.store.database import Connection, Database, Role, connect, transaction

DTYPES: Mapping[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.NUMBER: pl.Decimal(38, 18),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.DATE: pl.Date(),
    FieldType.DATETIME: pl.Datetime("us", "UTC"),
    FieldType.TIME: pl.Time(),
    FieldType.OBJECT: pl.String(),
    FieldType.ARRAY: pl.String(),
}


def job_of(tenant: int, number: int) -> Job:
    return Job(
        id=JobId(UUID(int=number)),
        number=number,
        tenant=tenant,
        kind="people",
        type="import",
        status=Status.RUNNING,
        version=1,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        started_at=None,
        finished_at=None,
        created_by=None,
        created_by_name=None,
        steps=("load",),
        steps_completed=0,
        rows_total=None,
        load_started_at=None,
        cursor=RowNumber(0),
        ledger=Ledger(),
        attempt=Attempt(1),
        cancel_requested_at=None,
        pause_requested_at=None,
        failure=None,
        source={},
        options={},
        params={},
        metadata={},
        result=None,
    )


def chunk_of(
    kind: ImportKind, rows: Sequence[Mapping[str, object]], *, fresh: bool | None, first_row: int = 1
) -> Chunk:
    names = [name for name in kind.schema.names if any(name in row for row in rows)]
    columns: dict[str, pl.Series] = {}
    for name in names:
        field = kind.schema.field(name)
        digits = shape.digits(field)
        dtype = pl.Decimal(*digits) if digits else DTYPES[field.type]
        columns[name] = pl.Series(name, [row.get(name) for row in rows], dtype, strict=True)
    count = len(rows)
    frame = pl.DataFrame([*columns.values(), pl.Series("_row", range(first_row, first_row + count), pl.Int64)])
    marks = None if fresh is None else pl.Series([fresh] * count, dtype=pl.Boolean)
    lines = np.arange(first_row + 1, first_row + 1 + count)
    return Chunk(first_row, count, lines, frame, marks, lambda row: f"raw {row}")


@dataclass
class Place:
    """A tenant's side of a destination."""

    database: Database
    connection: Connection
    tenant: int
    kind: ImportKind
    job: int = 0
    references: Mapping[str, ImportKind] | None = None
    in_file: Callable[[pl.DataFrame], pl.Series] | None = None

    def loader(self, rows: Sequence[Mapping[str, object]], options: ImportOptions) -> PostgresLoader:
        fields = tuple(name for name in self.kind.schema.names if any(name in row for row in rows))
        columns = {name: name.upper() for name in fields}
        context = LoadContext(
            self.kind, job_of(self.tenant, self.job), fields, options, columns, self.references or {}, self.in_file
        )
        return PostgresLoader(self.connection, context)

    def load(
        self, *rows: Mapping[str, object], mode: Mode = Mode.UPSERT, fresh: bool | None = None, **options
    ) -> Loaded:
        """One job with one chunk."""
        self.job += 1
        loader = self.loader(rows, ImportOptions(mode, **options))
        with transaction(self.connection, self.tenant, UUID(int=self.job)):
            loaded = loader.load(chunk_of(self.kind, rows, fresh=fresh))
        loader.close()
        return loaded

    def foresee(
        self, *rows: Mapping[str, object], mode: Mode = Mode.UPSERT, fresh: bool | None = None, **options
    ) -> Loaded:
        loader = self.loader(rows, ImportOptions(mode, **options))
        with transaction(self.connection, self.tenant, UUID(int=self.job + 1)):
            loaded = loader.foresee(chunk_of(self.kind, rows, fresh=fresh))
        loader.close()
        return loaded

    def rows(self, *filters: Filter) -> list[Mapping[str, object]]:
        reading = PostgresReading(lambda: connect(self.database, Role.APP), self.kind, self.tenant, filters)
        with reading.batches(None, 2) as batches:
            return [row for batch in batches for row in batch]


def words(loaded: Loaded) -> list[str]:
    return [Outcome(byte).word for byte in loaded.outcomes]


def codes(loaded: Loaded) -> list[tuple[int, str, str | None]]:
    return [(issue.row, issue.code, issue.field) for issue in loaded.issues]


def declare(database: Database, kind: ImportKind) -> None:
    with connect(database, Role.OWNER) as owner:
        ensure_table(owner, kind)
