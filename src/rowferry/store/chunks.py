"""What a chunk leaves: outcomes, issues and their causes, parts of artifacts, and the fence that commits or refuses them all."""

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import polars as pl
import psycopg
from psycopg.rows import DictRow

from rowferry.domain.access import TenantId
from rowferry.domain.faults import RowIssue
from rowferry.domain.job import Fence, JobId, RowNumber
from rowferry.domain.ledger import Ledger, Outcome, from_outcomes
from rowferry.store.database import AsyncConnection, Connection, Statement, load, nothing
from rowferry.store.documents import document, dumped, text
from rowferry.store.fence import FenceLost, Wishes, only_current, wishes_from_row

ESCAPED, ESCAPES = ["\\", "\t", "\n", "\r"], ["\\\\", "\\t", "\\n", "\\r"]
"""What the text format of COPY gives a meaning, and how it is written. Source: PostgreSQL, COPY, text format."""
CAUSES_MAX = 10_000
"""Causes of a job that are shown at most."""
RECORD_CHARACTERS_MAX = 10_000
"""How much of a record is kept with an issue; the error file has all of it."""


class Cause(Protocol):
    """Issues that have one cause: code, field (empty: the whole record) and shape of the value. `sample` is one of them."""

    @property
    def code(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def shape(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def sample(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class StoredCause:
    """A cause of a job's issues, with how many rows it has in all."""

    code: str
    field: str
    shape: str
    outcome: str
    rows: int
    sample: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Settled:
    """What some consecutive rows came to: one outcome byte a row from `first_row` on, why rows failed, and bytes for artifacts."""

    id: JobId
    first_row: int
    outcomes: bytes
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    issues: "Encoded | None" = None
    causes: Sequence[Cause] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """Issues of a job as the body of a COPY, and how many they are."""

    body: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """What the fence moves: the cursor from where it must stand, the counts, and what the next attempt must know."""

    id: JobId
    fence: Fence
    from_cursor: RowNumber
    to_cursor: RowNumber
    counts: Ledger
    checkpoint: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class IssueQuery:
    """Which issues of a job, by row and then in the order within the row. `after` is the place of the last one before."""

    job_id: JobId
    outcome: str | None = None
    code: str | None = None
    field: str | None = None
    after: tuple[int, int] | None = None
    size: int = 50


@dataclass(frozen=True, slots=True)
class PlacedIssue:
    """An issue and its place among those of the job: `(issue.row, ordinal)`."""

    issue: RowIssue
    ordinal: int


def _issue(row: DictRow) -> PlacedIssue:
    issue = RowIssue(
        row=row["row"],
        line=row["line"],
        field=row["field"],
        column=row["column"],
        code=row["code"],
        value=row["value"],
        arguments=row["arguments"],
        outcome=row["outcome"],
        record=row["record"] or "",
    )
    return PlacedIssue(issue, row["ordinal"])


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the rows of a chunk came to, one byte each."""

    first_row: int
    rows: int
    outcomes: bytes


def _outcomes(row: DictRow) -> Outcomes:
    return Outcomes(row["first_row"], row["rows"], zlib.decompress(row["outcomes"]))


def _cause(row: DictRow) -> StoredCause:
    return StoredCause(**row)


def _parts(row: DictRow) -> Mapping[str, str]:
    return cast(Mapping[str, str], row["parts"])


INSERT_CHUNK = Statement("insert_chunk", nothing)
ADD_CAUSES = Statement("add_issue_causes", nothing)
PASS_FENCE = Statement("pass_fence", wishes_from_row)
LIST_OUTCOMES = Statement("list_chunk_outcomes", _outcomes)
CHUNK_OF_ROW = Statement("get_chunk_of_row", _outcomes)
LIST_PARTS = Statement("list_parts", _parts)
LIST_ISSUES = Statement("list_issues", _issue)
LIST_ISSUES_OF_ROWS = Statement("list_issues_of_rows", _issue)
LIST_CAUSES = Statement("list_causes", _cause)


# An attempt's side: inside the chunk's transaction, with tenant and job set ---------------------------------------------


def settle(connection: Connection, settled: Settled, fenced: Fenced) -> Wishes:
    """Writes what a chunk came to, the fence last.

    Raises:
        FenceLost: the attempt is no longer the current one; the transaction must roll back.
    """
    settle_part(connection, settled)
    return fence(connection, fenced)


def settle_part(connection: Connection, settled: Settled) -> None:
    """The same without the fence, for a transaction that holds many chunks and has one fence at its end.

    Raises:
        FenceLost: another attempt has settled these rows; the transaction must roll back.
    """
    try:
        INSERT_CHUNK.run(
            connection,
            job_id=settled.id,
            first_row=settled.first_row,
            rows=len(settled.outcomes),
            outcomes=zlib.compress(settled.outcomes, 1),
            parts=document(settled.parts),
        )
    except psycopg.errors.UniqueViolation:
        raise FenceLost(f"row {settled.first_row} of job {settled.id} is settled by another attempt") from None
    if settled.issues:
        _copy_issues(connection, settled.issues)
    if settled.causes:
        _add_causes(connection, settled.id, settled.causes)


def fence(connection: Connection, fenced: Fenced) -> Wishes:
    """Moves cursor and counts if the attempt is the current one and the cursor is where it thinks. Always the last statement.

    First, it would lock the job's row for as long as the chunk takes, against renewal and takeover.

    Raises:
        FenceLost: it is not; the transaction must roll back.
    """
    counts = fenced.counts
    with only_current():
        wishes = PASS_FENCE.one(
            connection,
            **{"from": fenced.from_cursor},
            id=fenced.id,
            attempt=fenced.fence,
            to=fenced.to_cursor,
            counts=[counts.counts()[outcome.word] for outcome in Outcome],
            checkpoint=document(fenced.checkpoint),
        )
    return wishes or Wishes(cancel=False, pause=False)


def encoded(job_id: JobId, issues: Sequence[RowIssue]) -> Encoded:
    """The issues as they are written; a record is cut to what is kept. Source: PostgreSQL, COPY, text format."""
    if not issues:
        return Encoded(b"", 0)
    ordinals: dict[int, int] = {}
    placed: list[int] = []
    for issue in issues:
        ordinal = ordinals[issue.row] = ordinals.get(issue.row, 0) + 1
        placed.append(ordinal)
    texts = {
        "field": [issue.field for issue in issues],
        "column": [None if issue.column is None else text(issue.column) for issue in issues],
        "code": [issue.code for issue in issues],
        "outcome": [issue.outcome for issue in issues],
        "value": [None if issue.value is None else text(issue.value) for issue in issues],
        "arguments": [dumped(issue.arguments) for issue in issues],
        "record": [text(issue.record[:RECORD_CHARACTERS_MAX]) for issue in issues],
    }
    frame = pl.DataFrame(
        {
            "row": [issue.row for issue in issues],
            "ordinal": placed,
            "line": [issue.line for issue in issues],
            **texts,
        },
        schema=dict.fromkeys(("row", "ordinal", "line"), pl.Int64) | dict.fromkeys(texts, pl.String),
    )
    escaped = frame.select(
        pl.lit(str(job_id)), "row", "ordinal", "line", pl.col(*texts).str.replace_many(ESCAPED, ESCAPES)
    )
    body = io.BytesIO()
    escaped.write_csv(body, include_header=False, separator="\t", quote_style="never", null_value="\\N")
    return Encoded(body.getvalue(), len(issues))


def _copy_issues(connection: Connection, issues: Encoded) -> None:
    if issues.count:
        with connection.cursor() as cursor, cursor.copy(load("copy_row_issues")) as copy:
            copy.write(issues.body)


def _add_causes(connection: Connection, job_id: JobId, causes: Sequence[Cause]) -> None:
    ADD_CAUSES.run(
        connection,
        job_id=job_id,
        codes=[cause.code for cause in causes],
        fields=[cause.field for cause in causes],
        shapes=[text(cause.shape) for cause in causes],
        outcomes=[cause.outcome for cause in causes],
        rows=[cause.rows for cause in causes],
        samples=[document(cause.sample) for cause in causes],
    )


def histogram(connection: Connection, tenant: TenantId, job_id: JobId) -> Ledger:
    """The ledger as the chunks' own outcome bytes say it. Needs no transaction of the tenant.

    Raises:
        ValueError: rows are missing between chunks, or a byte is no outcome.
    """
    total = Ledger()
    for chunk in LIST_OUTCOMES.all(connection, tenant=tenant, job_id=job_id):
        if chunk.first_row != total.read + 1 or chunk.rows != len(chunk.outcomes):
            raise ValueError(f"the chunk of row {chunk.first_row} does not follow on row {total.read}")
        total += from_outcomes(chunk.outcomes)
    return total


def parts_of(connection: Connection, tenant: TenantId, job_id: JobId) -> dict[str, list[str]]:
    """The keys of the parts by category of their artifact, in the order of the rows. Needs no transaction of the tenant."""
    keys: dict[str, list[str]] = {}
    for parts in LIST_PARTS.all(connection, tenant=tenant, job_id=job_id):
        for category, key in parts.items():
            keys.setdefault(category, []).append(key)
    return keys


# Asking: inside a transaction of the tenant ---------------------------------------------------------------------------


async def issues(connection: AsyncConnection, query: IssueQuery) -> list[PlacedIssue]:
    """A page of issues. A stream of all is page after page."""
    row, ordinal = query.after or (0, 0)
    return await LIST_ISSUES.all_async(
        connection,
        job_id=query.job_id,
        outcome=query.outcome,
        code=query.code,
        field=query.field,
        after_row=row,
        after_ordinal=ordinal,
        size=query.size,
    )


async def summary(connection: AsyncConnection, job_id: JobId, most: int = CAUSES_MAX) -> list[StoredCause]:
    """The causes of a job's issues, those with most rows first. They were counted as chunks committed, so this reads no issue."""
    return await LIST_CAUSES.all_async(connection, job_id=job_id, most=most)


async def issues_of_rows(
    connection: AsyncConnection, job_id: JobId, outcome: str, after_row: int, size: int
) -> list[PlacedIssue]:
    """All issues of the next rows of one outcome, as many rows as `size` says. A row with one failed issue has failed."""
    return await LIST_ISSUES_OF_ROWS.all_async(
        connection, job_id=job_id, failed=outcome == "failed", after_row=after_row, size=size
    )


async def of_row(connection: AsyncConnection, job_id: JobId, row: int) -> Outcomes | None:
    """The chunk that settled a row, or None while none has."""
    chunk = await CHUNK_OF_ROW.one_async(connection, job_id=job_id, row=row)
    return None if chunk is None or row >= chunk.first_row + chunk.rows else chunk


async def outcome_of(connection: AsyncConnection, job_id: JobId, row: RowNumber) -> Outcome | None:
    """Where one row ended, or None while it has not."""
    chunk = await of_row(connection, job_id, row)
    return None if chunk is None else Outcome(chunk.outcomes[row - chunk.first_row])
