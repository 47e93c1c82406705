"""The routes of Claret: tokens, imports, deletes, the status of a job, its files; and every failure in the same shape."""

import asyncio
import csv
import io
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from rowferry.api.claret import bodies, shapes, uploads, words
from rowferry.api.wire import transfer
from rowferry.api.wire.bodies import gathered, media_type, parsed, refuse_unstorable, stream_of, text_of
from rowferry.api.wire.caller import (
    WAITED_SECONDS,
    Gate,
    caller,
    count_submit,
    gate_of,
    need,
    poll_number,
    services_of,
)
from rowferry.api.wire.refusals import headers_of
from rowferry.api.wire.replies import json_answer
from rowferry.domain.access import SLUG, Principal, Scope
from rowferry.domain.faults import (
    Forbidden,
    JobFaultCode,
    NotAcceptable,
    NotFound,
    Refusal,
    RowIssue,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from rowferry.domain.job import Job, Status
from rowferry.service.imports import Import, Submission, Task
from rowferry.service.jobs import Artifact, IssueQuery
from rowferry.service.records import SentRows

WAIT_SECONDS = 600.0
"""How long a request that is answered when its job has ended waits for that at most."""
LOGIN_BYTES_MAX = 10_000
NO_STORE = {"Cache-Control": "no-store"}
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def build(gate: Gate, wait_seconds: float = WAIT_SECONDS) -> ASGIApp:
    """The application; it gets its requests with the whole path, and answers every failure in its own shape."""
    app = Starlette(
        routes=[
            Route("/{tenant}/api/v1/imports/status/{number}", job_status),
            Route("/{tenant}/api/v1/tokens/create", create_token, methods=["POST"]),
            Route("/{tenant}/api/v1/inventory/import/process", process_import, methods=["POST"]),
            Route("/{tenant}/api/v1/inventory/batch-delete", batch_delete, methods=["POST"]),
            Route("/{tenant}/download/{folder}/user-uploads/{type}/{date}/{number}/{name}", download),
            Route(f"/{{tenant}}{PAGE}/{{number}}", job_status),
        ],
        exception_handlers={Refusal: refuse, HTTPException: refuse_address, Exception: break_down},
    )
    app.router.redirect_slashes = False
    app.state.gate, app.state.wait_seconds = gate, wait_seconds
    return app


PAGE = "/settings/application-maintenance/job-management/imports/logs"
"""Where the page of a job is, behind the tenant."""


# Who ------------------------------------------------------------------------------------------------------------------


async def create_token(request: Request) -> Response:
    """A token for whoever knows a user's password."""
    asked = bodies.checked(bodies.Credentials, await _named(request))
    refuse_unstorable([asked.email, asked.password])
    tenant = str(request.path_params["tenant"])
    gate_of(request).logins.take(f"{tenant}/{asked.email.casefold()}")
    try:
        # What can be no slug need not be looked up, and might be no text that the database takes.
        known = SLUG.fullmatch(tenant) is not None
        made = await services_of(request).access.login(tenant, asked.email, asked.password) if known else None
    except Unauthenticated:
        made = None
    if made is None:
        return json_answer({"message": words.CREDENTIALS}, 401, NO_STORE)
    return json_answer({"token": made.secret}, headers=NO_STORE)


async def _named(request: Request) -> dict[str, object]:
    """What a request says by names, in its query and its body; the body wins."""
    given: dict[str, object] = dict(request.query_params)
    match media_type(request):
        case "application/json":
            text = await gathered(stream_of(request), LOGIN_BYTES_MAX, "The body")
            value = parsed(text, "The body") if text.strip() else dict[str, object]()
            if not isinstance(value, dict):
                raise bodies.wrong(words.BODY, "must be an object")
            return given | cast("dict[str, object]", value)
        case "application/x-www-form-urlencoded":
            text = await gathered(stream_of(request), LOGIN_BYTES_MAX, "The body")
            return given | dict(parse_qsl(text, keep_blank_values=True))
        case _:
            return given


async def _holder(request: Request) -> Principal:
    principal = await caller(request)
    _belong(request, principal)
    return principal


def _belong(request: Request, principal: Principal) -> None:
    """Refuses a token of another tenant than the address names, as one that is not known."""
    if principal.tenant_slug != request.path_params["tenant"]:
        raise Unauthenticated(reason="The token is not known here.", sent=True)


# Import ---------------------------------------------------------------------------------------------------------------


async def process_import(request: Request) -> Response:
    """Takes records as JSON and answers when they are in, or as a CSV file and answers at once."""
    principal = await _holder(request)
    if not principal.may_import(words.KIND):
        raise Forbidden(scope=Scope.IMPORTS_WRITE)
    count_submit(request, principal)
    match media_type(request):
        case "application/json":
            return await _import_records(request, principal)
        case "multipart/form-data":
            return await _import_file(request, principal)
        case other:
            raise UnsupportedMedia(media_type=other or "(none)", accepted="application/json or multipart/form-data")


async def _import_records(request: Request, principal: Principal) -> Response:
    imports = services_of(request).imports
    text = await text_of(request, min(uploads.BYTES_MAX, imports.limits.json_bytes_max))
    sent = await imports.scanned(text, ("payload",))
    refuse_unstorable(sent.members)
    payload = {"payload": [dict[str, object]()] * min(sent.count, bodies.RECORDS_MAX + 1)} if sent.begin >= 0 else {}
    asked = bodies.checked(bodies.ImportBody, sent.members | payload)
    wish = Import(Submission(words.KIND), bodies.options_of(asked.arguments))
    records = replace(sent, columns=words.FIELDS)
    await asyncio.to_thread(_refuse_blank, records)
    submitted = await imports.submit_table(principal, wish, records)
    job = await _end_of(request, principal, submitted.job)
    if job.status in {Status.SUCCEEDED, Status.PARTIAL} or _is_stopped(job):
        issues = [issue async for issue in _failures(request, principal, job)]
        return json_answer(shapes.imported_shape(job, issues, job_link(request, job.number)))
    return _unfinished(request, "import", job)


def _refuse_blank(sent: SentRows) -> None:
    """Refuses records without any value: in a file they would be blank lines, which are no rows and would shift the numbers of others."""
    text = b"".join(sent.csv()).decode()
    records = csv.reader(io.StringIO(text, newline=""))
    next(records)
    for index, record in enumerate(records):
        if not any(cell.strip() for cell in record):
            raise bodies.wrong(f"payload.{index}", "is required")


def _is_stopped(job: Job) -> bool:
    """Whether failed records ended the import, as was asked for."""
    return job.failure is not None and job.failure.code == JobFaultCode.ABORTED_ON_ERROR


async def _failures(request: Request, principal: Principal, job: Job) -> AsyncIterator[RowIssue]:
    async for page in await services_of(request).jobs.issue_stream(principal, IssueQuery(job.id, "failed")):
        for placed in page:
            yield placed.issue


async def _import_file(request: Request, principal: Principal) -> Response:
    imports = services_of(request).imports
    form = await uploads.form_of(request, min(uploads.BYTES_MAX, imports.limits.upload_bytes_max))
    bodies.checked(bodies.Source, form.texts)
    columns = await asyncio.to_thread(uploads.columns_of, form.file)
    options = bodies.options_of(form.arguments, form.mapping(columns))
    gate_of(request).meters.upload_bytes.inc(len(form.file))
    upload = await imports.receive(form.file_name, form.media_type, _once(form.file))
    submitted = await imports.submit(principal, Import(Submission(words.KIND), options), upload)
    return json_answer(shapes.accepted_shape(submitted.job, job_link(request, submitted.job.number)), 202)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


# Delete ---------------------------------------------------------------------------------------------------------------


async def batch_delete(request: Request) -> Response:
    """Deletes rows and answers when they are gone."""
    principal = await _holder(request)
    need(principal, Scope.JOBS_WRITE)
    if not principal.may_import(words.KIND):
        raise Forbidden(scope=Scope.IMPORTS_WRITE)
    count_submit(request, principal)
    services = services_of(request)
    text = await text_of(request, min(uploads.BYTES_MAX, services.imports.limits.json_bytes_max))
    asked = bodies.checked(bodies.DeleteBody, parsed(text, "The body"))
    params = {"kind": words.KIND, "any_of": asked.any_of()}
    submitted = await services.imports.start(principal, Task(Submission(words.DELETE), params))
    job = await _end_of(request, principal, submitted.job)
    if job.status is Status.SUCCEEDED:
        return json_answer(shapes.deleted_shape(job, job_link(request, job.number)))
    return _unfinished(request, "delete", job)


# The end of a job -----------------------------------------------------------------------------------------------------


async def _end_of(request: Request, principal: Principal, job: Job) -> Job:
    """The job at its end; or as it stood when the time was over, or when the database answered no more."""
    jobs, began = services_of(request).jobs, time.monotonic()
    until = began + cast("float", request.app.state.wait_seconds)
    version, terminal = job.version, job.terminal
    try:
        while not terminal and (left := until - time.monotonic()) > 0:
            version, terminal = await jobs.wait(principal, job.id, version, left)
        return await jobs.get(principal, job.id)
    except Unavailable:
        return job
    finally:
        request.scope.setdefault("state", {})[WAITED_SECONDS] = time.monotonic() - began


def _unfinished(request: Request, noun: str, job: Job) -> Response:
    """A job that was made but came to no good end: what is known of it, and where to look."""
    link = job_link(request, job.number)
    return json_answer({"message": shapes.unfinished_message(noun, job, link)}, 500, NO_STORE)


# Jobs that are there --------------------------------------------------------------------------------------------------


async def job_status(request: Request) -> Response:
    """The hot route: a job as it stands."""
    job, files = await _polled(request)
    title = await services_of(request).catalog.title(job.tenant, job.kind)
    paths = shapes.by_category(shapes.placed(str(request.path_params["tenant"]), job, files))
    return json_answer(shapes.job_shape(job, title, job_link(request, job.number), paths))


async def download(request: Request) -> Response:
    """A file of a job, as its status names it."""
    job, files = await _polled(request)
    name = str(request.path_params["name"])
    found = shapes.placed(str(request.path_params["tenant"]), job, files).get(request.scope["path"])
    if found is None:
        raise NotFound(noun="file", name=transfer.printable(name))
    file = found[1]
    headers = transfer.DOWNLOAD_HEADERS | {
        # As a header of its own: a media type is given a charset, and a file keeps the encoding that it came with.
        "Content-Type": "text/csv" if name.endswith(".csv") else file.media_type,
        "Content-Disposition": transfer.attachment(name),
        "Content-Length": str(file.bytes),
    }
    downloads = services_of(request).downloads
    if request.method == "HEAD":
        async for _ in await downloads.content(file, 0, min(1, file.bytes)):
            pass
        return Response(None, 200, headers)
    return StreamingResponse(await downloads.content(file, 0, file.bytes), 200, headers)


async def _polled(request: Request) -> tuple[Job, Sequence[Artifact]]:
    """The job that the address names, and its files."""

    def may(principal: Principal) -> None:
        _belong(request, principal)
        need(principal, Scope.JOBS_READ)

    number = str(request.path_params["number"])
    if NUMBER.fullmatch(number) is None:
        may(await caller(request))
        raise NotFound(noun="job", name=transfer.printable(number))
    return await poll_number(request, int(number), may)


def job_link(request: Request, number: int) -> str:
    """The absolute address of a job's page, on the host that the caller asked. Nothing else that a caller sends has a say in it."""
    host = request.headers.get("host", "")
    if HOST.fullmatch(host) is None:
        host = ":".join(str(part) for part in request.scope["server"] or ("localhost",))
    return f"{request.scope['scheme']}://{host}/{request.path_params['tenant']}{PAGE}/{number}"


# Failures -------------------------------------------------------------------------------------------------------------


async def refuse(request: Request, error: Exception) -> Response:
    """What a use case refuses; a browser without a token is led to the page for signing in."""
    refusal = cast("Refusal", error)
    if isinstance(refusal, Unauthenticated) and _is_browser(request):
        address = f"/{quote(str(request.path_params['tenant']), safe='')}/login"
        return Response(None, 302, NO_STORE | {"Location": address})
    headers = headers_of(refusal) | NO_STORE
    return json_answer(shapes.refusal_shape(refusal), words.NUMBERS[refusal.code], headers)


def _is_browser(request: Request) -> bool:
    accepted = (part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(","))
    return "x-requested-with" not in request.headers and "text/html" in accepted


async def refuse_address(request: Request, error: Exception) -> Response:
    """Addresses and methods that are not there; the dialect has no number of its own for a wrong method."""
    fault = cast("HTTPException", error)
    if fault.status_code == 405:  # noqa: PLR2004  # Starlette's word for a wrong method
        allow = (fault.headers or {}).get("Allow", "")
        return await refuse(request, NotAcceptable(method=transfer.printable(request.method), allow=allow))
    return await refuse(request, NotFound(noun="address", name=transfer.printable(request.scope["path"])))


async def break_down(_request: Request, _error: Exception) -> Response:
    """A bug: it goes on to the log, and nothing of it to the caller."""
    return json_answer({"message": words.BROKEN}, 500, NO_STORE)
