"""What Fifth Element answers, as types that allow no other key; its OpenAPI document is made from them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from rowferry.api.fifth_element.words import StatusWord

Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", json_schema_extra={"format": "date-time"})
]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """A JSON answer, in camelCase."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


# Failures -------------------------------------------------------------------------------------------------------------


class FailureBody(Answer):
    """What went wrong."""

    name: Literal[
        "ValidationError", "UnauthorizedError", "ForbiddenError", "NotFoundError", "RateLimitError", "ApplicationError"
    ]
    message: str
    details: dict[str, object] = Field(
        description="What a program may branch on, for example `status` of the job, `limit`, or `errors`: each fault of a body with its place."
    )


class Failure(Answer):
    """A request that was not done."""

    data: None
    error: FailureBody


# Jobs -----------------------------------------------------------------------------------------------------------------


class JobError(Answer):
    """Why a job failed as a whole."""

    code: str = Field(description="A stable code.")
    message: str


class ImportResult(Answer):
    """What an import came to."""

    rows_imported: Count = Field(description="Rows that are in the destination as sent.")
    errors: Count = Field(description="Rows that failed.")
    error: JobError = Field(default_factory=lambda: JobError(code="", message=""))


class ExportResult(Answer):
    """What an export came to."""

    rows_exported: Count
    errors: Count
    file_url: str | None = Field(description="Where the file is, relative to the host; null unless it is whole.")
    error: JobError = Field(default_factory=lambda: JobError(code="", message=""))


class TaskResult(BaseModel):
    """What any other task came to: the members of its own result besides."""

    model_config = ConfigDict(extra="allow")

    errors: Count
    error: JobError = Field(default_factory=lambda: JobError(code="", message=""))


class Job(Answer):
    """A job as it stands."""

    id: UUID
    type: str = Field(description="`import`, `export`, or the name of another task.")
    status: StatusWord
    progress: Annotated[int, Field(ge=0, le=100)] = Field(description="Percent; it never falls.")
    result: ImportResult | ExportResult | TaskResult | None = Field(description="Null until the job has ended.")
    created_at: Time
    completed_at: Time | None
    original_job_id: UUID = Field(default_factory=UUID, description="The job that this one repeats, if it does.")


class JobAnswer(Answer):
    """One job."""

    data: Job
    error: None


class Pagination(Answer):
    """Which entries of how many."""

    total: Count = Field(description="Of jobs counted up to 10,000.")
    start: Count
    limit: Count


class JobPage(Answer):
    """Some jobs, newest first."""

    jobs: list[Job]
    pagination: Pagination


class JobList(Answer):
    """A page of jobs."""

    data: JobPage
    error: None


class Rerun(Answer):
    """A job that was just made to repeat another."""

    id: UUID
    type: str
    status: StatusWord
    original_job_id: UUID
    created_at: Time


class RerunAnswer(Answer):
    """A job is run again."""

    data: Rerun
    error: None


# Others ---------------------------------------------------------------------------------------------------------------


class Token(Answer):
    """A key; it is shown here and never again."""

    id: UUID
    name: str
    token: str
    created_at: Time


class TokenAnswer(Answer):
    """A key is made."""

    data: Token
    error: None


class Repository(Answer):
    """A named collection of documents."""

    id: UUID
    name: str
    created_at: Time
    updated_at: Time


class RepositoryPage(Answer):
    """Some repositories, oldest first."""

    repositories: list[Repository]
    pagination: Pagination


class RepositoryList(Answer):
    """A page of repositories."""

    data: RepositoryPage
    error: None


class Document(Answer):
    """A text with a title."""

    id: Annotated[str, Field(pattern="^doc_")]
    title: str
    content: str
    metadata: dict[str, object]
    created_at: Time
    updated_at: Time


class DocumentAnswer(Answer):
    """One document."""

    data: Document
    error: None


class DocumentPage(Answer):
    """Some documents, oldest first."""

    documents: list[Document]
    pagination: Pagination


class DocumentList(Answer):
    """A page of documents."""

    data: DocumentPage
    error: None
