"""What an attempt does to its job: says whose backend writes it, how it gets on, and where it led."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault
from rowferry.domain.job import Fence, Job, JobId, Move, Status, after
from rowferry.domain.ledger import Outcome
from rowferry.store import chunks
from rowferry.store.artifacts import NewArtifact
from rowferry.store.database import Connection, Statement, nothing
from rowferry.store.documents import document
from rowferry.store.fence import Wishes, only_current, wishes_from_row
from rowferry.store.jobs import job_from_row

BROKEN = "RF002"
"""The SQLSTATE that the database raises for a job whose chunks hold other counts than its counters."""


class LedgerBroken(AssertionError):
    """The outcomes of the chunks are not what the job's counters say: a bug, and no end for a job."""


@dataclass(frozen=True, slots=True)
class Advance:
    """What an attempt says about its job besides chunks. `source` and `checkpoint` are merged into what is there."""

    id: JobId
    fence: Fence
    step: str
    rows_total: int | None = None
    rows_read: int | None = None
    source: Mapping[str, object] | None = None
    checkpoint: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Where an attempt leads: the move, and why or with what."""

    id: JobId
    fence: Fence
    move: Move | None
    """None: done, with or without failed rows."""
    failure: JobFault | None = None
    result: Mapping[str, object] | None = None
    artifacts: Sequence[NewArtifact] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """The job of an attempt that begins, and the key of the blob that it was sent with, where there is one still."""

    job: Job
    input: str | None


def _registered(row: DictRow) -> Registered:
    return Registered(job_from_row(row), row["input"])


REGISTER_BACKEND = Statement("register_backend", _registered)
ADVANCE = Statement("advance_job", wishes_from_row)
HOLD = Statement("hold_job", wishes_from_row)
FINISH = Statement("finish_job", nothing)


def register_backend(
    connection: Connection, tenant: TenantId, job_id: JobId, fence: Fence, pid: int
) -> Registered | None:
    """Says which backend writes the attempt's chunks, so that a takeover can end it. None: the job is another's; leave.

    Args:
        connection: one that commits by itself.
        tenant: whose job it is.
        job_id: the job.
        fence: the attempt.
        pid: of the backend.
    """
    return REGISTER_BACKEND.one(connection, tenant=str(tenant), id=job_id, attempt=fence, pid=pid)


def advance(connection: Connection, tenant: TenantId, advance: Advance) -> Wishes:
    """Says that a step begins or gets on, and hears what people wish: one round trip over a connection that commits by itself.

    Raises:
        FenceLost: the attempt is no longer the current one.
    """
    with only_current():
        wishes = ADVANCE.one(
            connection,
            tenant=str(tenant),
            id=advance.id,
            attempt=advance.fence,
            step=advance.step,
            rows_total=advance.rows_total,
            rows_read=advance.rows_read,
            source=document(advance.source or {}),
            checkpoint=document(advance.checkpoint or {}),
        )
    return wishes or Wishes(cancel=False, pause=False)


def hold(connection: Connection, job_id: JobId, fence: Fence) -> Wishes:
    """Holds the job's row to the end of the transaction: what people wish of it until then is what comes back.

    Raises:
        FenceLost: the attempt is no longer the current one.
    """
    with only_current():
        wishes = HOLD.one(connection, id=job_id, attempt=fence)
    assert wishes is not None, "the function gives the job or raises"  # noqa: S101  # an invariant, as code
    return wishes


def finish(connection: Connection, tenant: TenantId, finish: Finish) -> None:
    """Moves the job to where the attempt led, with its files. A terminal status closes the books: what was not reached is `not_attempted`.

    A second look comes first: the chunks' own bytes are counted, and the statement refuses a count that is not what the counters say.

    Args:
        connection: one that commits by itself, or with a transaction of the tenant open.
        tenant: whose job it is.
        finish: where to.

    Raises:
        FenceLost: the attempt is no longer the current one.
        LedgerBroken: the outcomes of the chunks are not what the counters say.
    """
    fault, made = finish.failure, finish.artifacts
    counted = None if finish.move is Move.PAUSE else chunks.histogram(connection, tenant, finish.id)
    failed = counted is not None and counted.failed
    status = after(Status.RUNNING, finish.move or (Move.END_PARTIAL if failed else Move.SUCCEED))
    with only_current():
        try:
            FINISH.run(
                connection,
                tenant=str(tenant),
                id=finish.id,
                attempt=finish.fence,
                status=status,
                failure=document(_failure(fault)) if fault is not None else None,
                result=document(finish.result) if finish.result is not None else None,
                counted=None if counted is None else [counted.read, *(counted.counts()[one.word] for one in Outcome)],
                ids=[one.id for one in made],
                categories=[one.category for one in made],
                names=[one.name for one in made],
                media_types=[one.media_type for one in made],
                bytes=[one.bytes for one in made],
                sha256s=[one.sha256 for one in made],
                blobs=[one.blob for one in made],
                days=[one.keep_days for one in made],
            )
        except psycopg.Error as error:
            if error.sqlstate not in {BROKEN, psycopg.errors.CheckViolation.sqlstate}:
                raise
            raise LedgerBroken(f"a job cannot end as {status}: {error.diag.message_primary}") from error


def _failure(fault: JobFault) -> dict[str, object]:
    return {
        "code": str(fault.code),
        "message": fault.message,
        "details": dict(fault.details),
        "retryable": fault.retryable,
    }
