"""Routes of jobs that are there: read, list, wait, cancel, issues, causes, artifacts."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from rowferry.api.native import answers, examples
from rowferry.api.native.document import problems
from rowferry.api.native.parameters import (
    ISSUES_PAGE,
    JOB_PARAMETER,
    JOBS_PAGE,
    IssueFilters,
    IssuePage,
    JobFilters,
    job_id_of,
)
from rowferry.api.native.replies import job_answer
from rowferry.api.native.shapes import artifact_shape, cause_shape, issue_shape, job_shape, list_shape
from rowferry.api.wire import tables, transfer
from rowferry.api.wire.addresses import uuid_of
from rowferry.api.wire.caller import WAITED_SECONDS, caller, gate_of, poll, poll_version, services_of
from rowferry.api.wire.openapi import answer, path_parameter
from rowferry.api.wire.paging import Binding
from rowferry.api.wire.replies import json_answer
from rowferry.domain import faults
from rowferry.domain.access import Principal, Scope
from rowferry.domain.job import Move, Status
from rowferry.service.downloads import Download
from rowferry.service.jobs import Artifact, IssueQuery, JobQuery, PlacedIssue, place_of

router = APIRouter()
ARTIFACT_PARAMETER = path_parameter("artifact_id", "The id of an artifact.", {"type": "string", "format": "uuid"})
ISSUE_COLUMNS = ("row", "line", "field", "column", "code", "level", "outcome", "message", "value", "record")


# Read -----------------------------------------------------------------------------------------------------------------


@router.get(
    "/jobs/{job_id}",
    operation_id="get_job",
    tags=["jobs"],
    summary="The job as it stands",
    description="A readable job is always 200, whatever became of it. Send the ETag back as If-None-Match for a 304 while "
    "nothing changed; send `Prefer: wait=30` to be answered at the next change, or after 30 seconds.",
    responses=problems(examples.no_job())
    | {200: answer("The job.", answers.JobAnswer), 304: answer("Nothing changed since the version sent.")},
    openapi_extra={
        "parameters": [
            JOB_PARAMETER,
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "The ETag that the caller has.",
                "schema": {"type": "string"},
                "example": 'W/"41"',
            },
            {
                "name": "Prefer",
                "in": "header",
                "required": False,
                "description": "`wait=N`: answer at the next change, at the latest after N seconds (60 at most).",
                "schema": {"type": "string"},
                "example": "wait=30",
            },
        ]
    },
)
async def get_job(request: Request) -> Response:
    """The hot route; the outer application serves it too, without FastAPI in between."""
    job_id, had = job_id_of(request), request.headers.get("if-none-match")
    seconds = transfer.wait_seconds(request.headers.get("prefer"), gate_of(request).wait_seconds_max)
    if had is None and seconds is None:
        return job_answer(await poll(request, job_id))
    principal, version, terminal = await poll_version(request, job_id)
    applied: dict[str, str] = {}
    jobs = services_of(request).jobs
    if seconds is not None:
        applied["Preference-Applied"] = f"wait={seconds:g}"
        if not terminal and (had is None or transfer.matches(had, transfer.etag(version))):
            began = time.perf_counter()
            version, terminal = await jobs.wait(principal, job_id, version, seconds)
            request.scope["state"][WAITED_SECONDS] = time.perf_counter() - began
    tag = transfer.etag(version)
    if transfer.matches(had, tag):
        retry = {} if terminal else {"Retry-After": "1"}
        return Response(None, 304, {"ETag": tag, "Cache-Control": "private, no-cache"} | retry | applied)
    return job_answer(await jobs.get(principal, job_id), headers=applied)


@router.get(
    "/jobs",
    operation_id="list_jobs",
    tags=["jobs"],
    summary="History, newest first",
    description="Its cost does not grow with the history.",
    responses=problems(examples.bad_page()) | {200: answer("A page of jobs.", answers.JobList)},
)
async def list_jobs(
    request: Request,
    asked: Annotated[JobFilters, Query()],
) -> Response:
    principal = await caller(request, Scope.JOBS_READ)
    size = JOBS_PAGE.of(asked.page_size)
    filters = asked.model_dump(exclude={"page_size", "page_token"})
    binding = Binding(principal.tenant, "jobs", tuple(filters.values()))
    before = binding.position(asked.page_token)
    query = JobQuery(
        statuses=tuple(asked.status),
        kinds=tuple(asked.kind),
        created_from=None if asked.since is None else transfer.from_stamp(asked.since, "since"),
        created_to=None if asked.until is None else transfer.from_stamp(asked.until, "until"),
        creator=asked.created_by,
        text=asked.query,
        before=before if isinstance(before, int) else None,
        size=size + 1,
    )
    found = await services_of(request).jobs.page(principal, query)
    now = transfer.now()
    following = binding.token(found[size - 1].number) if len(found) > size else None
    return json_answer(list_shape("jobs", [job_shape(job, now) for job in found[:size]], following))


# Cancel ---------------------------------------------------------------------------------------------------------------


@router.post(
    "/jobs/{job_id}/cancel",
    operation_id="cancel_job",
    tags=["jobs"],
    summary="Stop the job",
    description="At once where nobody works on it; else after the chunk under way, and `cancel_requested_at` says so meanwhile. "
    "Asked twice is asked once. What is written stays; what was not tried is counted as `not_attempted`.",
    responses=problems(examples.no_job(), faults.NotAllowedNow(status=Status.SUCCEEDED, move=Move.CANCEL))
    | {200: answer("The job: cancelled, or with the wish noted.", answers.JobAnswer)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def cancel_job(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_WRITE)
    return job_answer(await services_of(request).jobs.cancel(principal, job_id_of(request)))


# Rest -----------------------------------------------------------------------------------------------------------------


@router.post(
    "/jobs/{job_id}/pause",
    operation_id="pause_job",
    tags=["jobs"],
    summary="Let the job rest",
    description="At once where nobody works on it; else after the chunk under way, and `pause_requested_at` says so meanwhile. "
    "A job that rests holds no worker and keeps its place. Asked twice is asked once. "
    "An import that writes all rows or none begins anew when it is resumed.",
    responses=problems(examples.no_job(), faults.NotAllowedNow(status=Status.SUCCEEDED, move=Move.PAUSE))
    | {200: answer("The job: paused, or with the wish noted.", answers.JobAnswer)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def pause_job(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_WRITE)
    return job_answer(await services_of(request).jobs.pause(principal, job_id_of(request)))


@router.post(
    "/jobs/{job_id}/resume",
    operation_id="resume_job",
    tags=["jobs"],
    summary="Let the job go on",
    description="A job that rests, or was interrupted when its attempts were used up, goes on behind the last row that it settled, with "
    "attempts anew. One that was asked to rest and has not yet is no longer asked. Asked twice is asked once.",
    responses=problems(examples.no_job(), faults.NotAllowedNow(status=Status.SUCCEEDED, move=Move.RESUME))
    | {200: answer("The job: queued again.", answers.JobAnswer)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def resume_job(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_WRITE)
    return job_answer(await services_of(request).jobs.resume(principal, job_id_of(request)))


# Issues ---------------------------------------------------------------------------------------------------------------


@router.get(
    "/jobs/{job_id}/issues",
    operation_id="list_issues",
    tags=["jobs"],
    summary="Why rows failed or were skipped",
    responses=problems(examples.no_job(), examples.bad_page()) | {200: answer("A page of issues.", answers.IssueList)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def list_issues(
    request: Request,
    asked: Annotated[IssuePage, Query()],
) -> Response:
    principal = await caller(request, Scope.JOBS_READ)
    job_id, size = job_id_of(request), ISSUES_PAGE.of(asked.page_size)
    binding = Binding(principal.tenant, f"issues of {job_id}", (asked.outcome, asked.code, asked.field))
    query = IssueQuery(
        job_id, asked.outcome, asked.code, asked.field, _place(binding.position(asked.page_token)), size + 1
    )
    found = await services_of(request).jobs.issues(principal, query)
    following = binding.token(place_of(found[size - 1])) if len(found) > size else None
    return json_answer(list_shape("issues", [issue_shape(placed.issue) for placed in found[:size]], following))


@router.get(
    "/jobs/{job_id}/issues.csv",
    operation_id="download_issues_csv",
    tags=["jobs"],
    summary="All issues as CSV",
    description="A text that a spreadsheet would take for a formula begins with an apostrophe.",
    responses=problems(examples.no_job(), examples.bad_filter())
    | {200: answer("One line an issue, by row.", media_types={"text/csv": {"type": "string"}})},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def download_issues_csv(request: Request, asked: Annotated[IssueFilters, Query()]) -> Response:
    pages = await _issue_pages(request, asked)
    return tables.download(
        tables.csv_of(ISSUE_COLUMNS, _records(pages)), tables.CSV, f"{job_id_of(request)}.issues.csv"
    )


@router.get(
    "/jobs/{job_id}/issues.jsonl",
    operation_id="download_issues_jsonl",
    tags=["jobs"],
    summary="All issues as JSON Lines",
    responses=problems(examples.no_job(), examples.bad_filter())
    | {200: answer("One JSON object an issue, by row.", media_types={"application/jsonl": {"type": "string"}})},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def download_issues_jsonl(request: Request, asked: Annotated[IssueFilters, Query()]) -> Response:
    pages = await _issue_pages(request, asked)
    return tables.download(_jsonl_of(pages), "application/jsonl", f"{job_id_of(request)}.issues.jsonl")


@router.get(
    "/jobs/{job_id}/issues/summary",
    operation_id="summarize_issues",
    tags=["jobs"],
    summary="Issues grouped by cause",
    responses=problems(examples.no_job()) | {200: answer("The causes, the most frequent first.", answers.CauseList)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def summarize_issues(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_READ)
    found = await services_of(request).jobs.causes(principal, job_id_of(request))
    return json_answer(list_shape("causes", [cause_shape(cause) for cause in found], None))


async def _issue_pages(request: Request, asked: IssueFilters) -> AsyncIterator[list[PlacedIssue]]:
    principal = await caller(request, Scope.JOBS_READ)
    query = IssueQuery(job_id_of(request), asked.outcome, asked.code, asked.field)
    return await services_of(request).jobs.issue_stream(principal, query)


def _place(position: object) -> tuple[int, int] | None:
    """The place in a token that is sealed, so that it is one of ours."""
    return None if position is None else cast("tuple[int, int]", tuple(cast("list[int]", position)))


async def _jsonl_of(pages: AsyncIterator[list[PlacedIssue]]) -> AsyncIterator[bytes]:
    async for page in pages:
        yield b"".join(orjson.dumps(issue_shape(placed.issue)) + b"\n" for placed in page)


async def _records(pages: AsyncIterator[list[PlacedIssue]]) -> AsyncIterator[list[list[object]]]:
    async for page in pages:
        shapes = [issue_shape(placed.issue) for placed in page]
        yield [[shape[column] for column in ISSUE_COLUMNS] for shape in shapes]


# Artifacts ------------------------------------------------------------------------------------------------------------


@router.get(
    "/jobs/{job_id}/artifacts",
    operation_id="list_artifacts",
    tags=["jobs"],
    summary="The files of a job",
    responses=problems(examples.no_job()) | {200: answer("All files of the job.", answers.ArtifactList)},
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def list_artifacts(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_READ)
    job_id = job_id_of(request)
    found = await services_of(request).jobs.artifacts(principal, job_id)
    return json_answer(list_shape("artifacts", [artifact_shape(job_id, one) for one in found], None))


@router.get(
    "/jobs/{job_id}/artifacts/{artifact_id}",
    operation_id="download_artifact",
    tags=["jobs"],
    summary="Download a file of a job",
    description="One range is served; several are answered with the whole file. `Repr-Digest` is that of the whole file. With `format` the "
    "staged rows, the output and the error file of an import are made into that format while they are sent, without ranges and digest: "
    "staged rows and output in the types of the kind's fields, error files with their texts as they were sent.",
    responses=problems(
        faults.NotFound(noun="artifact", name=examples.ARTIFACT_ID),
        faults.RangeNotSatisfiable(bytes=5120),
        examples.invalid("There is no format doc. Take one of csv, xlsx, jsonl, parquet.", "/query/format"),
        faults.Unavailable(reason="Too many downloads are made at once."),
    )
    | {
        # Of the type that it came with or was made as, so that no schema holds for every one.
        200: answer("The whole file.", media_types={"*/*": {}}),
        206: answer("The range.", media_types={"*/*": {}}),
        304: answer("The caller has the file."),
    },
    openapi_extra={
        "parameters": [
            JOB_PARAMETER,
            ARTIFACT_PARAMETER,
            {
                "name": "Range",
                "in": "header",
                "required": False,
                "description": "One range of bytes.",
                "schema": {"type": "string"},
                "example": "bytes=0-1023",
            },
            {
                "name": "format",
                "in": "query",
                "required": False,
                "description": "The format that is wanted; left out: as the file is stored.",
                "schema": {"enum": ["csv", "xlsx", "jsonl", "parquet"]},
                "example": "xlsx",
            },
        ]
    },
)
async def download_artifact(request: Request) -> Response:
    principal = await caller(request, Scope.JOBS_READ)
    jobs = services_of(request).jobs
    artifact_id: UUID = uuid_of(str(request.path_params["artifact_id"]), "artifact")
    artifact = await jobs.artifact(principal, job_id_of(request), artifact_id)
    made = await _in_format(request, principal, artifact)
    if made is not None:
        return tables.download(made.pieces, made.media_type, made.name)
    tag = f'"{artifact.sha256}"'
    headers = transfer.DOWNLOAD_HEADERS | {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": transfer.attachment(artifact.name),
        "Repr-Digest": transfer.repr_digest(artifact.sha256),
    }
    if transfer.matches(request.headers.get("if-none-match"), tag):
        return Response(None, 304, headers)
    condition = request.headers.get("if-range", tag)
    span = transfer.span(request.headers.get("range"), artifact.bytes) if condition == tag else None
    start, end = (0, artifact.bytes) if span is None else (span.start, span.end)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.bytes}"
    headers["Content-Length"] = str(end - start)
    content = await services_of(request).downloads.content(artifact, start, end)
    return StreamingResponse(content, 200 if span is None else 206, headers, artifact.media_type)


async def _in_format(request: Request, principal: Principal, artifact: Artifact) -> Download | None:
    """The file in the format that is asked for; None where it is served as it is stored."""
    wanted = request.query_params.get("format")
    if wanted is None:
        return None
    services = services_of(request)
    job = await services.jobs.get(principal, artifact.job_id)
    return await services.downloads.artifact(principal, job, artifact, wanted)
