"""The routes of jobs that are there: read, list, cancel, run again, and the file that one made."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rowferry.api.fifth_element import words
from rowferry.api.fifth_element.limits import admitted, uncounted
from rowferry.api.fifth_element.queries import job_id_of, page_of, statuses_of
from rowferry.api.fifth_element.shapes import job_shape, listed, rerun_shape, success
from rowferry.api.wire import transfer
from rowferry.api.wire.caller import caller, count_submit, need, poll, services_of
from rowferry.api.wire.paging import invalid_parameter
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import Principal
from rowferry.domain.faults import NotAllowedNow, NotFound
from rowferry.domain.job import Move
from rowferry.service.catalog import ImportKind
from rowferry.service.jobs import JobQuery

OUTPUT = "output"
"""The category of the file that a job is run for."""


async def get_job(request: Request) -> Response:
    """The hot route: a job as it stands, in one look-up, and not counted in the hour."""

    def may(principal: Principal) -> None:
        uncounted(request, principal)
        need(principal, words.SCOPES["read"])

    try:
        job_id = job_id_of(request)
    except NotFound:
        may(await caller(request))  # who has no token hears that first
        raise
    return json_answer(success(job_shape(await poll(request, job_id, may))))


async def list_jobs(request: Request) -> Response:
    """The history, newest first."""
    principal = await admitted(request, words.SCOPES["read"])
    asked = page_of(request)
    query = JobQuery(statuses=statuses_of(request), kinds=await _kinds(request, principal))
    found = await services_of(request).jobs.listing(principal, query, asked.start, asked.limit)
    return json_answer(listed("jobs", [job_shape(job) for job in found.jobs], found.total, asked.start, asked.limit))


async def _kinds(request: Request, principal: Principal) -> Sequence[str]:
    """The kinds behind the type in the query; none without one."""
    word = request.query_params.get("type")
    if word is None:
        return ()
    every = await services_of(request).catalog.all(principal)
    if word == words.IMPORT:
        return [kind.name for kind in every if isinstance(kind, ImportKind)]
    tasks = {kind.name for kind in every if not isinstance(kind, ImportKind)}
    if word in tasks | words.LATER.keys():
        return (word,)
    known = ", ".join(sorted({words.IMPORT} | tasks | words.LATER.keys()))
    raise invalid_parameter("type", f"type must be one of {known}, not {transfer.printable(word)}.")


async def cancel_job(request: Request) -> Response:
    """Stops a job that has not ended."""
    principal = await admitted(request, words.SCOPES["control"])
    jobs, job_id = services_of(request).jobs, job_id_of(request)
    job = await jobs.get(principal, job_id)
    if job.terminal:
        raise NotAllowedNow(status=job.status, move=Move.CANCEL)
    return json_answer(success(job_shape(await jobs.cancel(principal, job_id))))


async def rerun_job(request: Request) -> Response:
    """Does again, as a new job, what one that ended did."""
    principal = await admitted(request, words.SCOPES["control"])
    count_submit(request, principal)
    submitted = await services_of(request).imports.rerun(principal, job_id_of(request))
    return json_answer(success(rerun_shape(submitted.job)))


async def download_file(request: Request) -> Response:
    """The file that a job was run for."""
    principal = await admitted(request, words.SCOPES["read"])
    services = services_of(request)
    files = await services.jobs.artifacts(principal, job_id_of(request))
    file = next((one for one in files if one.category == OUTPUT), None)
    if file is None:
        raise NotFound(noun="file", name=OUTPUT)
    headers = transfer.DOWNLOAD_HEADERS | {
        "Content-Type": file.media_type,
        "Content-Disposition": transfer.attachment(file.name),
        "Content-Length": str(file.bytes),
    }
    content = await services.downloads.content(file, 0, file.bytes)
    return StreamingResponse(content, 200, headers)
