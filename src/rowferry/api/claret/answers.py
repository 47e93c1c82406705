"""What Claret answers, as types that allow no other key; the OpenAPI document is made from them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rowferry.api.claret.words import StatusWord

Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", json_schema_extra={"format": "date-time"})
]
Count = Annotated[int, Field(ge=0)]
Link = Annotated[str, Field(pattern=r"^https?://", description="The address of the job's page.")]
Path = Annotated[str, Field(pattern=r"^/", description="Relative to the host.")]


class Answer(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(extra="forbid")


class Token(Answer):
    """A token just made; it is shown here and never again."""

    token: Annotated[str, Field(pattern=r"^[0-9]+\|[A-Za-z0-9]{40}$")]


class Progress(Answer):
    """How many steps are done, and which one is under way; it never goes backwards."""

    completed_steps: Count
    total_steps: Annotated[int, Field(ge=1)]
    current_step: str | None = Field(description="Null while the job waits, and when it has ended.")


class Files(Answer):
    """The job's files by category, each a path to be asked for with the same token."""

    input: list[Path] = Field(description="What was sent.")
    staging: list[Path] = Field(description="The rows that passed validation, normalized.")
    output: list[Path] = Field(description="The rows that were processed.")
    errors: list[Path] = Field(description="The rows that failed, with messages.")


class Timestamps(Answer):
    """When the job began and ended; null until then."""

    started_at: Time | None
    completed_at: Time | None


class JobContent(Answer):
    """One job. Every key is always there."""

    job_log_id: int
    status: StatusWord
    type: str
    description: str
    progress: Progress
    files: Files
    job_status_link: Link
    timestamps: Timestamps
    user_id: int = Field(description="The user who started it; 0 where that was nobody.")


class JobStatus(Answer):
    """The job as it stands."""

    message: str = Field(description="For people. Of a job that failed as a whole it says why.")
    content: JobContent


class AcceptedContent(Answer):
    """The job of a file that waits for a worker."""

    job_log_id: int
    status: Literal["pending"]
    job_status_link: Link


class Accepted(Answer):
    """A file is stored and its job waits."""

    message: str
    content: AcceptedContent


class RowErrors(Answer):
    """All that is wrong with one record."""

    row: Annotated[int, Field(ge=1)] = Field(description="Counts records from 1.")
    errors: list[str]


class ImportedContent(Answer):
    """What became of the records."""

    created: Count
    updated: Count = Field(description="Records that were there, also those that were as sent already.")
    failed: Count
    errors: list[RowErrors]
    job_status_link: Link


class Imported(Answer):
    """An import is done. Where errors were to stop it and one came, nothing was written."""

    message: str
    content: ImportedContent


class DeletedContent(Answer):
    """How many rows are gone."""

    deleted: Count
    job_status_link: Link


class Deleted(Answer):
    """A delete is done."""

    message: str
    content: DeletedContent


class Failure(Answer):
    """Why a request was not done."""

    message: str


class Unprocessable(Answer):
    """What does not fit, by field; `body` is the whole."""

    message: str
    errors: dict[str, list[str]]
