"""What gu1 answers, as types; its OpenAPI document is made from them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rowferry.api.gu1.words import EntityType, StatusWord, Target

Count = Annotated[int, Field(ge=0)] | None
KindWord = Annotated[
    str, Field(description="`entity_automatic`, `transaction_batch`, `user_event_batch`, or the name of another kind.")
]


class Answer(BaseModel):
    """A JSON answer, in camelCase, without a member that is not named."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class ErrorBody(Answer):
    """What went wrong."""

    code: str = Field(description="A stable code.")
    message: str
    details: dict[str, object] = Field(
        default={}, description="For example `errors`: each fault of a body with its path; or `limit`."
    )


class ErrorAnswer(Answer):
    """A request that was not done."""

    success: Literal[False]
    error: ErrorBody


class JobFailure(Answer):
    """Why the whole job failed. `details.code` is Rowferry's own code, which says more."""

    code: str
    message: str
    details: dict[str, object] = {}


class Metadata(BaseModel):
    """What else is known of a job, the options of its upload among it."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    file_name: str = ""
    import_mode: Literal["manual", "automatic"] = "manual"
    skipped_existing: int = 0
    batch_cancel_requested: Literal[True] = True
    batch_paused: Literal[True] = True
    batch_pause_requested: Literal[True] = True
    api_error: ErrorBody = Field(
        default=ErrorBody(code="", message=""), description="The code and message of `jobFailure`, for the history."
    )


class JobBody(Answer):
    """A job. Counts are null until they are known."""

    job_id: UUID
    kind: KindWord
    status: StatusWord
    total_items: Count
    succeeded: Count
    failed: Count
    skipped: Count
    heartbeat_at: datetime | None
    lease_expires_at: datetime | None
    worker_error: str | None
    created_at: datetime
    completed_at: datetime | None
    metadata: Metadata | None
    job_failure: JobFailure | None = Field(default=None, description="Only where the status is `failed`.")


class StatusAnswer(Answer):
    """A job as it stands; `success` says that it was read, not that it went well."""

    success: Literal[True]
    job: JobBody


class EntityFailure(Answer):
    """A row of an entity that failed."""

    tax_id: str
    type: EntityType
    outcome: Literal["failed"]
    code: str
    message: str


class EntitySkip(Answer):
    """A row of an entity that exists."""

    tax_id: str
    type: EntityType
    outcome: Literal["skipped_existing"]
    code: Literal["SKIPPED_DUPLICATE_TAX_ID", "SKIPPED_ENTITY_ALREADY_EXISTS"]


class TransactionFailure(Answer):
    """A row of a transaction that failed."""

    external_id: str
    code: str
    message: str


class EventFailure(Answer):
    """A row of a user event that failed; `row_5` is line 5 of the file."""

    row_key: str = Field(pattern="^row_[0-9]+$")
    code: str
    message: str


class Failures(Answer):
    """What all answers with failed rows have."""

    success: Literal[True]
    job_id: UUID
    kind: KindWord
    status: StatusWord
    total_items: Count
    succeeded: Count
    failed: Count
    skipped: Count
    truncated: bool = Field(description="Whether there are more than are shown.")
    failures_total: int = Field(ge=0)
    job_failure: JobFailure | None = Field(default=None, description="Only where the status is `failed`.")


class EntityFailures(Failures):
    """The failed and the skipped rows of a job of entities, 500 of each at most."""

    failures: list[EntityFailure]
    skips: list[EntitySkip]
    skips_total: int = Field(ge=0)


class TransactionFailures(Failures):
    """The failed rows of a job of transactions, 500 at most."""

    failures: list[TransactionFailure]


class EventFailures(Failures):
    """The failed rows of a job of user events, or of another kind, 500 at most."""

    failures: list[EventFailure]


class Accepted(Answer):
    """A job that is stored and waits for a worker."""

    success: Literal[True]
    job_id: UUID
    status: StatusWord
    message: str


class BatchAccepted(Accepted):
    """An upload that is accepted."""

    kind: KindWord


class EntityAccepted(BatchAccepted):
    """Entities that are accepted, with the mode that their import has."""

    import_mode: Literal["manual", "automatic"]


class BackgroundAccepted(Accepted):
    """A batch of transactions that goes on in the background."""

    file_count: int = Field(default=1, description="How many sources it has; not said by a batch that was waited for.")


class CreatedTransaction(Answer):
    """A transaction that was created."""

    external_id: str


class Summary(Answer):
    """The counts of a batch; the four sum to `total`."""

    total: int
    created: int
    skipped: int
    failed: int
    not_attempted: int


class BatchDone(Answer):
    """A batch of transactions that has ended."""

    success: Literal[True]
    created: int
    skipped: int
    failed: int
    transactions: list[CreatedTransaction]
    errors: list[TransactionFailure]
    processing_time: str = Field(description="Seconds, for example `0.412s`.")
    summary: Summary


class Mapping(Answer):
    """A saved mapping."""

    id: UUID
    name: str
    target: Target
    column_mapping: dict[str, object]
    default_fields: dict[str, object] | None
    headers_snapshot: list[str] | None


class MappingAnswer(Answer):
    """One saved mapping."""

    mapping: Mapping


class MappingList(Answer):
    """All saved mappings."""

    mappings: list[Mapping]


class Deleted(Answer):
    """It is gone."""

    ok: Literal[True]


class Pagination(Answer):
    """Which part of the list this is. `totalCapped`: there are more than `total`."""

    total: int
    limit: int
    offset: int
    has_more: bool
    total_capped: bool


class HistoryAnswer(Answer):
    """A page of jobs, newest first."""

    success: Literal[True]
    jobs: list[JobBody]
    pagination: Pagination
