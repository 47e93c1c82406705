"""What the native API answers, as types; the OpenAPI document is made from them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

StatusWord = Literal[
    "queued",
    "running",
    "paused",
    "awaiting_approval",
    "succeeded",
    "partial",
    "failed",
    "cancelled",
    "interrupted",
]
CategoryWord = Literal["input", "staging", "output", "errors"]
OutcomeWord = Literal["failed", "skipped"]


class Answer(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(extra="allow")


class Creator(Answer):
    """Who sent the job."""

    id: int
    name: str | None


class Source(Answer):
    """The file, as far as it is known; all null for a task."""

    file_name: str | None
    bytes: int | None
    sha256: str | None
    compression: str | None = Field(description="What the file was packed with; null: nothing.")
    member: str | None = Field(description="The file inside an archive that was read.")
    format: str | None
    encoding: str | None
    delimiter: str | None
    sheet: str | None = Field(description="The sheet of a workbook that was read.")
    sheets: list[str] | None = Field(description="All its sheets; empty for a format without.")
    header_line: int | None = Field(description="The physical line of the header, from 1; 0: there is none.")
    columns: list[str] | None
    blank_records: int | None = Field(description="Records whose cells are all empty; they are no rows.")
    lines_above: int | None = Field(description="Lines above the header.")
    mapping: dict[str, str] | None = Field(description="By column, the field that it went to.")
    decimal_signs: dict[str, str] | None = Field(
        description="By field, the decimal sign that only the other cells of its column told; null where none had to. Known at the end."
    )


class Steps(Answer):
    """The named stages; `current` is null before the first attempt and after the end."""

    completed: int
    total: int
    current: str | None
    names: list[str]


class Progress(Answer):
    """How far the job is; null where nothing is known yet. It never goes backwards."""

    fraction: float = Field(ge=0, le=1)
    done: int
    total: int | None
    per_second: float | None
    seconds_left: float | None


class LedgerAnswer(Answer):
    """Rows read, and how many of them ended where. In a terminal status the six outcomes sum to `read`."""

    read: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int
    not_attempted: int


class AttemptAnswer(Answer):
    """The try under way, or the last; number 0 before the first."""

    number: int
    max: int
    worker: str | None
    heartbeat_at: datetime | None
    lease_expires_at: datetime | None


class Failure(Answer):
    """Why the job stopped as a whole."""

    code: str
    message: str
    details: dict[str, object]
    retryable: bool


class Family(Answer):
    """The fate of the first job's rows, over all jobs that were made from it."""

    root_job_id: UUID
    jobs: int
    ledger: LedgerAnswer


class Links(Answer):
    """Where to go on; null: not in this release."""

    self: str  # pyright: ignore[reportGeneralTypeIssues]  # the word of the wire
    issues: str
    artifacts: str
    events: str | None
    page: str | None


class JobAnswer(Answer):
    """One run of a kind. Every key is always there."""

    id: UUID
    number: int
    kind: str
    type: Literal["import", "task"]
    status: StatusWord
    version: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    created_by: Creator | None
    source: Source
    steps: Steps
    progress: Progress
    ledger: LedgerAnswer
    attempt: AttemptAnswer
    cancel_requested_at: datetime | None
    pause_requested_at: datetime | None
    failure: Failure | None
    result: dict[str, object] | None = Field(description="What a task returns.")
    options: dict[str, object] = Field(description="The options in force, defaults filled in; of a task also `params`.")
    metadata: dict[str, str]
    original_job_id: UUID | None
    same_file_as: UUID | None = Field(description="The last job that had the same file.")
    family: Family | None
    links: Links


class JobList(Answer):
    """A page of jobs, newest first."""

    jobs: list[JobAnswer]
    next_page_token: str | None


class IssueAnswer(Answer):
    """One fault of one row. A row with several faults has an issue for each."""

    row: int = Field(description="Counts data rows from 1.")
    line: int = Field(description="The physical line where the record begins, from 1.")
    field: str | None
    column: str | None
    code: str
    level: Literal["error", "warning"]
    message: str
    value: str | None
    arguments: dict[str, object]
    outcome: OutcomeWord
    record: str | None = Field(description="The raw text of the row.")


class IssueList(Answer):
    """A page of issues, by row."""

    issues: list[IssueAnswer]
    next_page_token: str | None


class CauseAnswer(Answer):
    """Issues of one code, field and shape of value."""

    code: str
    field: str | None
    shape: str
    outcome: OutcomeWord
    rows: int
    sample: dict[str, object]


class CauseList(Answer):
    """The causes of a job's issues, the most frequent first."""

    causes: list[CauseAnswer]
    next_page_token: str | None


class ArtifactAnswer(Answer):
    """A file of a job."""

    id: UUID
    category: CategoryWord
    name: str
    bytes: int
    sha256: str
    media_type: str
    expires_at: datetime | None
    url: str


class ArtifactList(Answer):
    """All files of a job."""

    artifacts: list[ArtifactAnswer]
    next_page_token: str | None


class KindLimits(Answer):
    """What a file may hold at most."""

    rows: int
    bytes: int


class KindLinks(Answer):
    """Where to go on; null for a task."""

    self: str  # pyright: ignore[reportGeneralTypeIssues]  # the word of the wire
    template: str | None
    template_xlsx: str | None
    rows: str | None


class KindAnswer(Answer):
    """What a job may do: a kind with its declaration (import) or the JSON Schema of its params (task)."""

    name: str
    type: Literal["import", "task"]
    title: str | None
    description: str | None
    own: bool = Field(description="Whether the tenant declared it itself.")
    declaration: dict[str, object] | None
    params: dict[str, object] | None
    modes: list[str]
    limits: KindLimits | None
    steps: list[str]
    links: KindLinks


class KindList(Answer):
    """All kinds that the tenant may use, by name."""

    kinds: list[KindAnswer]
    next_page_token: str | None


class RowList(Answer):
    """A page of rows. A row is its fields, then `_job_id` and `_row` that wrote it."""

    rows: list[dict[str, object]]
    next_page_token: str | None


class WorkerAnswer(Answer):
    """A process that runs jobs."""

    name: str
    host: str
    pid: int
    job_id: UUID | None
    started_at: datetime
    heartbeat_at: datetime


class WorkerList(Answer):
    """The processes that run jobs; of a job of another tenant the id is not shown."""

    workers: list[WorkerAnswer]
    next_page_token: str | None


class TokenAnswer(Answer):
    """A token just made. `token` is shown here and never again."""

    id: UUID
    token: str
    user: str
    name: str
    scopes: list[str]
    expires_at: datetime | None


class TokenEntry(Answer):
    """A token as it is kept: without its secret."""

    id: UUID
    user: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenList(Answer):
    """A page of the tenant's tokens."""

    tokens: list[TokenEntry]
    next_page_token: str | None


class TenantAnswer(Answer):
    """A customer whose data this is."""

    id: int
    slug: str


class TenantList(Answer):
    """The tenants that the token may see: its own. Tenants are made by the operator, with the command line."""

    tenants: list[TenantAnswer]
    next_page_token: str | None


class ErrorAnswer(Answer):
    """One of several faults: what is wrong, and where (RFC 6901)."""

    detail: str
    pointer: str


class Problem(Answer):
    """Problem details (RFC 9457). `code` is stable; `type` is the address of its documentation."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[ErrorAnswer] = Field(default=[], description="Each fault, where there are several or it has a place.")


class Readiness(Answer):
    """Whether the server can do its work; `workers` says how many processes run jobs, which does not decide."""

    status: Literal["ready", "not ready"]
    database: bool
    migrations: bool
    workers: int | None
