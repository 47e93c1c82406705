"""Parameters of addresses and queries that native routes share, each within its limits."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.openapi import path_parameter
from rowferry.api.wire.paging import PageSize
from rowferry.domain.job import JobId, Status

VALUE_CHARACTERS_MAX = 1_000
NO_NUL = r"^[^\x00]*$"

JOBS_PAGE = PageSize(default=50, most=200)
ISSUES_PAGE = PageSize(default=100, most=1_000)
ROWS_PAGE = PageSize(default=100, most=1_000)
TOKENS_PAGE = PageSize(default=100, most=1_000)

JOB_PARAMETER = path_parameter("job_id", "The id of a job.", {"type": "string", "format": "uuid"})

Word = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class Parameters(BaseModel):
    """Query parameters: one that is not known is an error, since a misspelt filter would show everything without a word."""

    model_config = ConfigDict(extra="forbid")


class Paged(Parameters):
    """Which page of a list."""

    page_size: int | None = Field(
        default=None, description="How many at most. 0 means the default; too large is lowered; negative is an error."
    )
    page_token: Annotated[str, Field(max_length=2_000, pattern=NO_NUL)] | None = Field(
        default=None, description="`next_page_token` of the page before."
    )


class JobFilters(Paged):
    """Which jobs."""

    status: Annotated[list[Status], Field(max_length=9)] = Field(default=[], description="Only jobs of these statuses.")
    kind: Annotated[list[Word], Field(max_length=20)] = Field(default=[], description="Only jobs of these kinds.")
    since: Word | None = Field(default=None, description="Created at this time or later (RFC 3339).")
    until: Word | None = Field(default=None, description="Created before this time (RFC 3339).")
    created_by: Word | None = Field(default=None, description="Only jobs of this user, by name.")
    query: Word | None = Field(default=None, description="Only jobs whose id, kind or file name has this text.")


class IssueFilters(Parameters):
    """Which issues of a job."""

    outcome: Literal["failed", "skipped"] | None = Field(default=None, description="Only of rows that ended so.")
    code: Word | None = Field(default=None, description="Only with this code.")
    field: Word | None = Field(default=None, description="Only of this field.")


class IssuePage(IssueFilters, Paged):
    """Which page of which issues."""


def job_id_of(request: Request) -> JobId:
    """The job that the path names."""
    return JobId(uuid_of(str(request.path_params["job_id"]), "job"))
