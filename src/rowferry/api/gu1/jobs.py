"""Routes of jobs that are there: the poll, control, and the unified history."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from rowferry.api.gu1.bodies import ControlBody, HistoryQuery
from rowferry.api.gu1.document import JOB_PARAMETER, problems, shown
from rowferry.api.gu1.failures import failures_answer
from rowferry.api.gu1.replies import wrong
from rowferry.api.gu1.rights import job_id_of, may_control, may_read, reader
from rowferry.api.gu1.shapes import history_shape, status_shape
from rowferry.api.gu1.words import BatchKind, statuses_of
from rowferry.api.wire.bodies import json_of
from rowferry.api.wire.caller import caller, poll, services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.openapi import body
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import Principal
from rowferry.domain.job import Job, JobId
from rowferry.service.jobs import JobQuery

router = APIRouter(tags=["jobs"])

CONTROL_BYTES_MAX = 10_000
INCLUDE = {
    "name": "include",
    "in": "query",
    "required": False,
    "description": "Words with commas between them. `failures`: the answer is that of the kind's failures instead; others are ignored.",
    "schema": {"type": "string"},
    "examples": {"failures": {"value": "failures"}},
}


@router.get(
    "/batch-import/jobs/{job_id}",
    operation_id="get_batch_job",
    summary="A job as it stands",
    description="One look-up, whatever the kind and however long the history.",
    responses=problems("job") | shown("StatusAnswer", "EntityFailures", "TransactionFailures", "EventFailures"),
    openapi_extra={"parameters": [JOB_PARAMETER, INCLUDE]},
)
async def get_job(request: Request) -> Response:
    """The hot route; the dialect's application serves it too, without FastAPI in between."""
    if "failures" in request.query_params.get("include", "").split(","):
        principal = await reader(request)
        job = await services_of(request).jobs.get(principal, await job_id_of(request))
        return await failures_answer(request, principal, job)
    return json_answer(status_shape(await poll(request, await job_id_of(request), may_read)))


@router.post(
    "/batch-import/jobs/{job_id}/control",
    operation_id="control_batch_job",
    summary="Pause, resume or cancel a job",
    description="What is under way ends first: `metadata` says meanwhile what was asked. Asked twice is asked once.",
    responses=problems("control") | shown("StatusAnswer"),
    openapi_extra={"parameters": [JOB_PARAMETER], **body("ControlBody", "What shall happen to which kind of job.")},
)
async def control_job(request: Request) -> Response:
    principal = await caller(request)
    may_read(principal)
    job_id = await job_id_of(request)
    asked = checked(ControlBody, await json_of(request, CONTROL_BYTES_MAX))
    job = await services_of(request).jobs.get(principal, job_id)
    if job.kind != asked.kind:
        raise wrong("/kind", f"The job is of the kind {job.kind}, not {asked.kind}.")
    may_control(principal, BatchKind(asked.kind))
    return json_answer(status_shape(await _controlled(request, principal, job_id, asked)))


async def _controlled(request: Request, principal: Principal, job_id: JobId, asked: ControlBody) -> Job:
    jobs = services_of(request).jobs
    match asked.action:
        case "pause":
            return await jobs.pause(principal, job_id)
        case "resume":
            return await jobs.resume(principal, job_id)
        case "cancel":
            return await jobs.cancel(principal, job_id)


@router.get(
    "/batch-import/history",
    operation_id="list_batch_jobs",
    summary="Recent jobs, newest first",
    description="`total` is counted up to a cap; `totalCapped` says that there are more.",
    responses=problems("query") | shown("HistoryAnswer"),
)
async def list_jobs(request: Request, asked: Annotated[HistoryQuery, Query()]) -> Response:
    principal = await reader(request)
    query = JobQuery(
        statuses=() if asked.status is None else statuses_of(asked.status),
        kinds=tuple(BatchKind) if asked.kind is None else (asked.kind,),
    )
    found = await services_of(request).jobs.listing(principal, query, asked.offset, asked.limit)
    return json_answer(history_shape(found.jobs, asked.offset, asked.limit, found.total, capped=found.capped))
