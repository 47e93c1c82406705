"""Job rows: read, page, and every change of one, each with its event in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from psycopg.rows import DictRow, dict_row

from rowferry.domain.access import TenantId, UserId
from rowferry.domain.faults import JobFault, NotAllowedNow, NotFound
from rowferry.domain.job import TERMINAL, Attempt, Fence, Job, JobId, JobType, Move, RowNumber, Status, after
from rowferry.domain.ledger import Ledger, Outcome
from rowferry.store.artifacts import NewArtifact
from rowferry.store.database import AsyncConnection, Connection, Statement, load, nothing
from rowferry.store.documents import document


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a job is made of."""

    id: JobId
    kind: str
    type: JobType
    steps: Sequence[str]
    source: Mapping[str, object] = field(default_factory=dict[str, object])
    file: NewArtifact | None = None
    """The file that comes with it, its first artifact."""
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    priority: int = 0
    attempts_max: int = 3
    created_by: UserId | None = None
    original_job_id: JobId | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs of the history, newest first. None and empty: no condition.

    `text` is looked for in kind and file name, and as a number or the beginning of an id. `before` is the number of the last job
    of the page before. `start` leaves out so many of the newest: what that costs grows with it.
    """

    statuses: Sequence[Status] = ()
    kinds: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    creator: int | str | None = None
    text: str | None = None
    before: int | None = None
    size: int = 50
    start: int = 0


# Rows to words --------------------------------------------------------------------------------------------------------


def job_from_row(row: DictRow) -> Job:
    """A job from a row that has all its columns by name, and `created_by_name`."""
    failure: Mapping[str, object] | None = row["failure"]
    return Job(
        id=JobId(row["id"]),
        number=row["number"],
        tenant=TenantId(row["tenant_id"]),
        kind=row["kind"],
        type=row["type"],
        status=Status(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        created_by=row["created_by"],
        created_by_name=row["created_by_name"],
        steps=tuple(row["steps"]),
        steps_completed=row["steps_completed"],
        rows_total=row["rows_total"],
        load_started_at=row["load_started_at"],
        cursor=RowNumber(row["cursor"]),
        ledger=_ledger(row),
        attempt=_attempt(row),
        cancel_requested_at=row["cancel_requested_at"],
        pause_requested_at=row["pause_requested_at"],
        failure=_fault(failure) if failure is not None else None,
        source=row["source"],
        options=row["options"],
        params=row["params"],
        metadata=row["metadata"],
        result=row["result"],
        checkpoint=row["checkpoint"],
        original_job_id=row["original_job_id"],
        same_file_as=row["same_file_as"],
    )


def _ledger(row: DictRow) -> Ledger:
    return Ledger(row["rows_read"], *(row[outcome.word] for outcome in Outcome))


def _attempt(row: DictRow) -> Attempt:
    return Attempt(
        row["attempt"],
        row["attempts_max"],
        row["worker"],
        row["heartbeat_at"],
        row["progress_at"],
        row["lease_expires_at"],
    )


def _fault(failure: Mapping[str, object]) -> JobFault:
    return JobFault(
        code=str(failure["code"]),
        message=str(failure["message"]),
        details=cast(Mapping[str, object], failure.get("details") or {}),
        retryable=bool(failure.get("retryable")),
    )


def _job_id(row: DictRow) -> JobId:
    return JobId(row["id"])


def _version(row: DictRow) -> tuple[int, bool]:
    return row["version"], Status(row["status"]) in TERMINAL


def _renewed(row: DictRow) -> tuple[JobId, bool]:
    return JobId(row["id"]), bool(row["unheeded"])


def _count(row: DictRow) -> int:
    return int(row["n"])


BEFORE = b"j.number < %(before)s and j.age > -%(before)s::bigint"
"""The condition of a further page, as the indexes of the three statements have it."""
CREATED_FROM = b"""j.created_at >= %(created_from)s and j.number >= coalesce((select t.number from jobs t
    where t.tenant_id = tenant() and t.created_at >= %(created_from)s order by t.created_at limit 1) - 1000, 9223372036854775807)"""
CREATED_TO = b"""j.created_at < %(created_to)s and j.number <= coalesce((select t.number from jobs t
    where t.tenant_id = tenant() and t.created_at < %(created_to)s order by t.created_at desc limit 1), 0) + 1000"""
"""Numbers rise with the time, but for transactions at once: so a time is also a range of numbers, with some room."""

INSERT = Statement("insert_job", job_from_row)
GET = Statement("get_job", job_from_row)
LOCK = Statement("lock_job", _job_id)
VERSION = Statement("get_job_version", _version)
COUNT_QUEUED = Statement("count_queued_jobs", _count)
CANCEL = Statement("cancel_job", nothing)
ASK_CANCEL = Statement("ask_cancel_job", nothing)
PAUSE = Statement("pause_job", nothing)
ASK_PAUSE = Statement("ask_pause_job", nothing)
RESUME = Statement("resume_job", nothing)
WITHDRAW_PAUSE = Statement("withdraw_pause", nothing)
CLAIM = Statement("claim_job", job_from_row)
RENEW = Statement("renew_leases", _renewed)
TAKE_BACK = Statement("take_back_jobs", job_from_row)


# Asking: inside a transaction of the tenant ---------------------------------------------------------------------------


async def insert(connection: AsyncConnection, job: NewJob) -> Job:
    """Makes a job, queued, with its event `submitted`. It runs once `queue.hint` has been called in the same transaction."""
    return _made(await INSERT.one_async(connection, **_insert_parameters(job)), job.id)


def insert_sync(connection: Connection, job: NewJob) -> Job:
    """The same in the other colour, with the tenant set."""
    return _made(INSERT.one(connection, **_insert_parameters(job)), job.id)


def _made(job: Job | None, job_id: JobId) -> Job:
    if job is None:
        raise LookupError(f"the job {job_id} is not there though it was just written")
    return job


def _insert_parameters(job: NewJob) -> dict[str, object]:
    file = job.file
    return {
        "id": job.id,
        "kind": job.kind,
        "type": job.type,
        "steps": list(job.steps),
        "source": document(job.source),
        "options": document(job.options),
        "params": document(job.params),
        "metadata": document(job.metadata),
        "priority": job.priority,
        "attempts_max": job.attempts_max,
        "created_by": job.created_by,
        "original_job_id": job.original_job_id,
        "trace_parent": job.trace_parent,
        "file_id": file and file.id,
        "file_name": file and file.name,
        "media_type": file and file.media_type,
        "bytes": file and file.bytes,
        "sha256": file and file.sha256,
        "blob": file and file.blob,
        "days": file and file.keep_days,
    }


async def get(connection: AsyncConnection, job_id: JobId) -> Job | None:
    """The job, or None where the tenant has none of that id."""
    return await GET.one_async(connection, id=job_id)


async def version_of(connection: AsyncConnection, job_id: JobId) -> tuple[int, bool] | None:
    """The job's version and whether it is terminal: what a poll that knows a version must see."""
    return await VERSION.one_async(connection, id=job_id)


async def page(connection: AsyncConnection, query: JobQuery) -> list[Job]:
    """A page of the history, newest first. What it costs depends on the page, not on how many jobs there are."""
    statement, parameters = history(query)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        return [job_from_row(row) for row in await cursor.fetchall()]


def history(query: JobQuery) -> tuple[bytes, Mapping[str, object]]:
    """The statement of a page and its parameters."""
    conditions, parameters = _conditions(query)
    parameters |= {"limit": query.start + query.size, "size": query.size, "start": query.start}
    name = "list_jobs"
    if query.statuses or query.kinds:
        # Each pair has its own range of an index in the order of the numbers; so none reads more than a page.
        name = "list_jobs_by_kind" if query.kinds else "list_jobs_by_status"
        parameters |= {"statuses": [*(query.statuses or Status)], "kinds": list(query.kinds)}
    return load(name).replace(b"/* conditions */", conditions), parameters


async def count(connection: AsyncConnection, query: JobQuery, most: int) -> int:
    """How many jobs fit, counted up to `most`."""
    statement, parameters = counting(query, most)
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        row = await cursor.fetchone()
    return _count(row) if row else 0


def counting(query: JobQuery, most: int) -> tuple[bytes, Mapping[str, object]]:
    """The statement of a count and its parameters: that of a page of so many, so that it takes the same indexes."""
    statement, parameters = history(replace(query, start=0, size=most))
    return b"select count(*) as n from (" + statement + b") found", parameters


def _conditions(query: JobQuery) -> tuple[bytes, dict[str, object]]:
    """The conditions besides status and kind, and their parameters: the one place where one is put into SQL."""
    conditions: list[bytes] = []
    parameters: dict[str, object] = {}

    def when(value: object, condition: bytes, **more: object) -> None:
        if value is not None:
            conditions.append(b" and " + condition)
            parameters.update(more)

    when(query.before, BEFORE, before=query.before)
    when(query.created_from, CREATED_FROM, created_from=query.created_from)
    when(query.created_to, CREATED_TO, created_to=query.created_to)
    if isinstance(query.creator, int):
        when(query.creator, b"j.created_by = %(creator)s", creator=query.creator)
    else:
        by_name = b"j.created_by = (select u.id from users u where u.tenant_id = tenant() and u.name = %(creator)s)"
        when(query.creator, by_name, creator=query.creator)
    when(
        query.text,
        b"(j.kind ilike %(like)s or j.source ->> 'file_name' ilike %(like)s or j.id::text like %(id)s or j.number::text = %(text)s)",
        text=query.text,
        like=f"%{_escaped(query.text or '')}%",
        id=f"{_escaped((query.text or '').lower())}%",
    )
    return b"".join(conditions), parameters


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def queued(connection: AsyncConnection, most: int) -> int:
    """How many of the tenant's jobs wait, counted up to `most`."""
    return await COUNT_QUEUED.one_async(connection, most=most) or 0


async def request_cancel(connection: AsyncConnection, job_id: JobId) -> Job:
    """Cancels a job that nobody works on; asks the attempt of one that runs to stop after its chunk.

    Raises:
        NotFound: the tenant has no such job.
        NotAllowedNow: the job is terminal otherwise.
    """
    job = await _locked(connection, job_id)
    if job.status is Status.CANCELLED:
        return job
    return await _moved(connection, job, Move.CANCEL, ASK_CANCEL if job.status is Status.RUNNING else CANCEL)


async def request_pause(connection: AsyncConnection, job_id: JobId) -> Job:
    """Lets a job that nobody works on rest; asks the attempt of one that runs to stop after its chunk.

    Raises:
        NotFound: the tenant has no such job.
        NotAllowedNow: the job is terminal, or a cancel is under way.
    """
    job = await _locked(connection, job_id)
    if job.status is Status.PAUSED:
        return job
    return await _moved(connection, job, Move.PAUSE, ASK_PAUSE if job.status is Status.RUNNING else PAUSE)


async def resume(connection: AsyncConnection, job_id: JobId) -> Job:
    """Lets a job that rests or was interrupted go on; it runs once `queue.hint` has been called in the same transaction.

    A job that was asked to rest and has not yet, because it runs or its worker was lost, is no longer asked.

    Raises:
        NotFound: the tenant has no such job.
        NotAllowedNow: the job is terminal otherwise, or waits for something else.
    """
    job = await _locked(connection, job_id)
    if job.status in {Status.QUEUED, Status.RUNNING}:
        await WITHDRAW_PAUSE.run_async(connection, id=job_id, status=job.status)
        return await _got(connection, job_id)
    return await _moved(connection, job, Move.RESUME, RESUME)


async def _locked(connection: AsyncConnection, job_id: JobId) -> Job:
    await LOCK.one_async(connection, id=job_id)
    job = await get(connection, job_id)
    if job is None:
        raise NotFound(noun="job", name=job_id)
    return job


async def _moved(connection: AsyncConnection, job: Job, move: Move, statement: Statement[None]) -> Job:
    """The job after a move that the table allows, and that the statement makes where the job still stands there."""
    after(job.status, move)
    if await statement.run_async(connection, id=job.id, status=job.status) == 0:
        raise NotAllowedNow(status=job.status, move=move)
    return await _got(connection, job.id)


async def _got(connection: AsyncConnection, job_id: JobId) -> Job:
    return _made(await get(connection, job_id), job_id)


# Doing: claim, lease, takeover, by the role that sees every tenant ----------------------------------------------------


def claim(connection: Connection, worker: str, lease_seconds: float) -> Job | None:
    """Takes the fairest job that may run now: running, one attempt more, a lease. None: there is none."""
    return CLAIM.one(connection, worker=worker, lease=lease_seconds)


async def claim_async(connection: AsyncConnection, worker: str, lease_seconds: float) -> Job | None:
    """The same in the other colour."""
    return await CLAIM.one_async(connection, worker=worker, lease=lease_seconds)


Held = tuple[JobId, Fence]


def renew(
    connection: Connection, held: Sequence[Held], lease_seconds: float, patience_seconds: float
) -> list[tuple[JobId, bool]]:
    """Renews leases. Each job that is still its attempt's comes back, the others are lost.

    With it comes whether a cancel is unheeded: asked for longer ago than `patience_seconds`, and no progress since.
    """
    return RENEW.all(connection, **_pairs(held), lease=lease_seconds, patience=patience_seconds)


async def renew_async(
    connection: AsyncConnection, held: Sequence[Held], lease_seconds: float, patience_seconds: float
) -> list[tuple[JobId, bool]]:
    """The same in the other colour."""
    return await RENEW.all_async(connection, **_pairs(held), lease=lease_seconds, patience=patience_seconds)


def take_back(connection: Connection, held: Sequence[Held] | None, reason: str, *, counted: bool) -> list[Job]:
    """Puts lost jobs back into the queue, or ends them as interrupted; the backends of their attempts are gone then.

    Args:
        connection: of `rowferry_system`.
        held: these attempts; None: all whose lease has run out.
        reason: a word for the event, for example `crashed`.
        counted: whether this counts as one of the attempts that a job has.
    """
    return TAKE_BACK.all(connection, **_pairs(held), reason=reason, counted=counted)


async def take_back_async(
    connection: AsyncConnection, held: Sequence[Held] | None, reason: str, *, counted: bool
) -> list[Job]:
    """The same in the other colour."""
    return await TAKE_BACK.all_async(connection, **_pairs(held), reason=reason, counted=counted)


def _pairs(held: Sequence[Held] | None) -> dict[str, object]:
    if held is None:
        return {"ids": None, "attempts": None}
    return {"ids": [job_id for job_id, _ in held], "attempts": [int(fence) for _, fence in held]}


# Doing: an attempt, inside a transaction of the job's tenant ----------------------------------------------------------


def get_sync(connection: Connection, job_id: JobId) -> Job | None:
    """The job, or None."""
    return GET.one(connection, id=job_id)
