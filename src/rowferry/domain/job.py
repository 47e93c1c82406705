"""The job: its statuses, the one table of transitions, and what a face may show of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType
from uuid import UUID

from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, NotAllowedNow
from rowferry.domain.ledger import Ledger

JobId = NewType("JobId", UUID)
Fence = NewType("Fence", int)
"""The number of an attempt, used as its fencing token."""
RowNumber = NewType("RowNumber", int)
"""A position among the data rows of a file, from 1; as a cursor, the number of rows that are settled."""
LineNumber = NewType("LineNumber", int)
"""A physical line of a file, from 1."""

JobType = Literal["import", "task"]
IMPORT_STEPS = ("receive", "inspect", "map", "validate", "match", "load", "report", "finish")


class Status(StrEnum):
    """The one word that says where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting_approval"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Move(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    """A worker takes it; the attempt number goes up by one."""
    HAND_BACK = "hand_back"
    """Its worker drains or died; attempts are left."""
    GIVE_UP = "give_up"
    """Its worker died and no attempt is left."""
    SUCCEED = "succeed"
    """All rows are in."""
    END_PARTIAL = "end_partial"
    """It came to its end, some rows failed."""
    FAIL = "fail"
    """A fault or the error policy stopped it as a whole."""
    CANCEL = "cancel"
    """A person's wish, once it takes effect."""
    PAUSE = "pause"
    RESUME = "resume"
    PLAN = "plan"
    """The plan is ready and waits for people."""
    APPROVE = "approve"


TRANSITIONS: Mapping[tuple[Status, Move], Status] = {
    (Status.QUEUED, Move.CLAIM): Status.RUNNING,
    (Status.QUEUED, Move.CANCEL): Status.CANCELLED,  # nobody works on it: at once
    (Status.QUEUED, Move.PAUSE): Status.PAUSED,
    (Status.RUNNING, Move.HAND_BACK): Status.QUEUED,
    (Status.RUNNING, Move.GIVE_UP): Status.INTERRUPTED,
    (Status.RUNNING, Move.SUCCEED): Status.SUCCEEDED,
    (Status.RUNNING, Move.END_PARTIAL): Status.PARTIAL,
    (Status.RUNNING, Move.FAIL): Status.FAILED,
    (Status.RUNNING, Move.CANCEL): Status.CANCELLED,  # the attempt itself, after its chunk
    (Status.RUNNING, Move.PAUSE): Status.PAUSED,  # likewise
    (Status.RUNNING, Move.PLAN): Status.AWAITING_APPROVAL,
    (Status.PAUSED, Move.RESUME): Status.QUEUED,
    (Status.PAUSED, Move.CANCEL): Status.CANCELLED,
    (Status.AWAITING_APPROVAL, Move.APPROVE): Status.QUEUED,
    (Status.AWAITING_APPROVAL, Move.CANCEL): Status.CANCELLED,
    (Status.INTERRUPTED, Move.RESUME): Status.QUEUED,  # goes on from its cursor with attempts anew
}

TERMINAL = frozenset({Status.SUCCEEDED, Status.PARTIAL, Status.FAILED, Status.CANCELLED, Status.INTERRUPTED})
WAITS_FOR_PEOPLE = frozenset({Status.PAUSED, Status.AWAITING_APPROVAL})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job by one worker. Times are aware; `number` is the fencing token, 0 before the first."""

    number: int = 0
    max: int = 3
    worker: str | None = None
    heartbeat_at: datetime | None = None
    progress_at: datetime | None = None
    lease_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a kind, as stored. `cursor` counts settled rows; `steps_completed` never falls."""

    id: JobId
    number: int
    tenant: TenantId
    kind: str
    type: JobType
    status: Status
    version: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    created_by: int | None
    created_by_name: str | None
    steps: tuple[str, ...]
    steps_completed: int
    rows_total: int | None
    """Data rows of the source, once counted."""
    load_started_at: datetime | None
    cursor: RowNumber
    ledger: Ledger
    attempt: Attempt
    cancel_requested_at: datetime | None
    pause_requested_at: datetime | None
    failure: JobFault | None
    source: Mapping[str, object]
    options: Mapping[str, object]
    params: Mapping[str, object]
    metadata: Mapping[str, str]
    result: Mapping[str, object] | None
    checkpoint: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the next attempt must know besides the cursor; written with the chunk that it belongs to."""
    original_job_id: JobId | None = None
    same_file_as: JobId | None = None

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def current_step(self) -> str | None:
        """The step under way, or None before the first attempt and after the end."""
        running = self.status not in TERMINAL and self.steps_completed < len(self.steps)
        return self.steps[self.steps_completed] if running else None


def allowed(status: Status, move: Move) -> bool:
    """Whether the table has a way."""
    return (status, move) in TRANSITIONS


def after(status: Status, move: Move) -> Status:
    """The status that a move leads to.

    Raises:
        NotAllowedNow: the table has no such way.
    """
    try:
        return TRANSITIONS[status, move]
    except KeyError:
        raise NotAllowedNow(status=status, move=move) from None


def apply(job: Job, move: Move, at: datetime) -> Job:
    """The job after a move at a time; the only function that changes a status.

    Raises:
        NotAllowedNow: the job's status does not allow the move.
    """
    status = after(job.status, move)
    ended = status in TERMINAL
    return replace(
        job,
        status=status,
        version=job.version + 1,
        started_at=job.started_at or (at if status is Status.RUNNING else None),
        finished_at=at if ended else None,
        steps_completed=len(job.steps) if status in {Status.SUCCEEDED, Status.PARTIAL} else job.steps_completed,
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. `fraction` 0 to 1; `per_second` rows a second of the load; None where nothing is known yet."""

    fraction: float
    done: int
    total: int | None
    per_second: float | None
    seconds_left: float | None


READING_SHARE = 0.25
"""How much of the way reading is, in jobs that judge all rows before they write one."""


ROWS_READ = "rows_read"
"""Where the checkpoint keeps how many rows were read ahead of the cursor: the ledger of a job that ended counts all rows as read."""


def reached(job: Job) -> float:
    """How far a job got, 0 to 1: 1 at a good end, and where it stopped at another. It never falls, whatever happens to the job.

    Where rows are written as they are read, read and settled rows are the same, and so is their share.
    """
    if job.status in {Status.SUCCEEDED, Status.PARTIAL}:
        return 1.0
    done, read = job.ledger.settled, job.ledger.read
    if job.terminal:
        ahead = job.checkpoint.get(ROWS_READ)
        done, read = job.cursor, max(job.cursor, ahead if isinstance(ahead, int) else 0)
    return min(1.0, (READING_SHARE * read + (1 - READING_SHARE) * done) / job.rows_total) if job.rows_total else 0.0


def progress(job: Job, now: datetime) -> Progress:
    """How far a job is; one that ended has no way left."""
    done, total = job.ledger.settled, job.rows_total
    if job.terminal:
        seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0
        return Progress(1.0, done, job.ledger.read, round(done / seconds, 1) if seconds > 0 else None, 0.0)
    since = job.load_started_at
    seconds = ((job.attempt.progress_at or now) - since).total_seconds() if since else 0.0
    rate = done / seconds if done and seconds > 0 else None
    left = max(0.0, (total - done) / rate) if total and rate else None
    return Progress(round(reached(job), 4), done, total, _rounded(rate), _rounded(left))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
