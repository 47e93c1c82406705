"""Routes of rows that failed: as JSON and CSV for each kind, and the report of all entities."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from rowferry.api.gu1.document import JOB_PARAMETER, problems, shown, table
from rowferry.api.gu1.replies import Fault
from rowferry.api.gu1.rights import job_id_of, reader
from rowferry.api.gu1.shapes import (
    ENTITY_COLUMNS,
    EVENT_COLUMNS,
    FAILURES_MAX,
    TRANSACTION_COLUMNS,
    failed_rows,
    failure_record,
    failures_shape,
    report_record,
)
from rowferry.api.gu1.words import CONFLICT, BatchKind
from rowferry.api.wire import tables
from rowferry.api.wire.caller import services_of
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import Principal
from rowferry.domain.faults import NotFound
from rowferry.domain.job import Job
from rowferry.service.jobs import RowResult

router = APIRouter(tags=["failures"], default_response_class=Response)

PAGE = 1_000
NOUNS = {
    BatchKind.ENTITIES: "entity",
    BatchKind.TRANSACTIONS: "transaction",
    BatchKind.EVENTS: "user-event",
}
"""What addresses call the kinds."""
ALIASES = {BatchKind.ENTITIES: (("download_bulk_failures", "/entities/automatic/bulk/imports/{job_id}/failures.csv"),)}
JSON_PATHS = {kind: f"/batch-import/{noun}-jobs/{{job_id}}/failures" for kind, noun in NOUNS.items()}
COLUMNS = {
    BatchKind.ENTITIES: ENTITY_COLUMNS,
    BatchKind.TRANSACTIONS: TRANSACTION_COLUMNS,
    BatchKind.EVENTS: EVENT_COLUMNS,
}
SCHEMAS = {
    BatchKind.ENTITIES: "EntityFailures",
    BatchKind.TRANSACTIONS: "TransactionFailures",
    BatchKind.EVENTS: "EventFailures",
}


async def failures_answer(request: Request, principal: Principal, job: Job) -> Response:
    """The failed rows of a job, the first 500, and of entities the skipped ones too."""
    jobs = services_of(request).jobs
    failures = await _failed(request, principal, job, 0, FAILURES_MAX)
    skips: list[RowResult] = []
    if job.kind == BatchKind.ENTITIES:
        skips = await jobs.row_results(principal, job, "skipped", 0, FAILURES_MAX)
    return json_answer(failures_shape(job, failures, skips))


async def as_json(request: Request, kind: BatchKind) -> Response:
    """The failed rows of a job of a kind."""
    principal, job = await _job_of(request, kind)
    return await failures_answer(request, principal, job)


async def as_csv(request: Request, kind: BatchKind) -> Response:
    """All of them, as a file."""
    principal, job = await _job_of(request, kind)
    first = await _failed(request, principal, job, 0, PAGE)
    content = tables.csv_of(COLUMNS[kind], _records(request, principal, job, first))
    return tables.download(content, tables.CSV, f"{job.id}-failures.csv")


async def _records(
    request: Request, principal: Principal, job: Job, page: list[RowResult]
) -> AsyncIterator[list[list[object]]]:
    while page:
        yield [failure_record(job, row) for row in page]
        page = await _failed(request, principal, job, page[-1].row, PAGE)


async def _failed(request: Request, principal: Principal, job: Job, after_row: int, size: int) -> list[RowResult]:
    """Rows that failed, behind a row; none where the job is blamed and not its rows, and none of a task."""
    if job.type != "import" or (job.terminal and not failed_rows(job)):
        return []
    return await services_of(request).jobs.row_results(principal, job, "failed", after_row, size)


async def _job_of(request: Request, kind: BatchKind) -> tuple[Principal, Job]:
    """The job that the path names; one of another kind is not there."""
    principal = await reader(request)
    job_id = await job_id_of(request)
    job = await services_of(request).jobs.get(principal, job_id)
    if job.kind != kind:
        raise NotFound(noun="job", name=job_id)
    return principal, job


# Routes ---------------------------------------------------------------------------------------------------------------


def _describe(kind: BatchKind) -> None:
    """Makes the two routes of a kind."""

    async def failures(request: Request) -> Response:
        return await as_json(request, kind)

    async def failures_csv(request: Request) -> Response:
        return await as_csv(request, kind)

    noun = NOUNS[kind].replace("-", "_")
    more = {"parameters": [JOB_PARAMETER]}
    router.add_api_route(
        JSON_PATHS[kind],
        failures,
        operation_id=f"list_{noun}_failures",
        summary=f"Failed rows of a job of the kind {kind}",
        responses=problems("job") | shown(SCHEMAS[kind]),
        openapi_extra=more,
    )
    for name, path in ((f"download_{noun}_failures", f"{JSON_PATHS[kind]}.csv"), *ALIASES.get(kind, ())):
        router.add_api_route(
            path,
            failures_csv,
            operation_id=name,
            summary=f"All failed rows of a job of the kind {kind} as CSV",
            description="A text that a spreadsheet would take for a formula begins with an apostrophe.",
            responses=problems("job") | table(f"The columns {', '.join(COLUMNS[kind])}."),
            openapi_extra=more,
        )


for one in BatchKind:
    _describe(one)


@router.get(
    "/batch-import/entity-jobs/{job_id}/report.csv",
    operation_id="download_entity_report",
    summary="Every row of a job of entities and what became of it, as CSV",
    responses=problems("report") | table(f"The columns {', '.join(ENTITY_COLUMNS)}."),
    openapi_extra={"parameters": [JOB_PARAMETER]},
)
async def report_csv(request: Request) -> Response:
    principal, job = await _job_of(request, BatchKind.ENTITIES)
    if not job.terminal:
        raise Fault(409, CONFLICT, "The job has not ended. Its report is made of its end.")
    pages = await services_of(request).jobs.all_results(principal, job)
    return tables.download(tables.csv_of(ENTITY_COLUMNS, _reported(job, pages)), tables.CSV, f"{job.id}-report.csv")


async def _reported(job: Job, pages: AsyncIterator[list[RowResult]]) -> AsyncIterator[list[list[object]]]:
    async for page in pages:
        yield [report_record(job, row) for row in page]
