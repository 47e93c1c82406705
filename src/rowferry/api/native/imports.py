"""Routes that create jobs: files and rows of imports, and tasks."""

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from rowferry.api.native import answers, bodies, examples
from rowferry.api.native.document import problems
from rowferry.api.native.parameters import JOB_PARAMETER, job_id_of
from rowferry.api.native.replies import job_answer
from rowferry.api.wire.bodies import (
    json_of,
    media_type,
    parsed,
    refuse_unstorable,
    text_of,
)
from rowferry.api.wire.caller import caller, count_submit, need, services_of
from rowferry.api.wire.openapi import Responses, answer, body, header_parameter, ref
from rowferry.api.wire.uploads import form_of
from rowferry.domain import faults
from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import Forbidden, Invalid, Pointed, UnsupportedMedia
from rowferry.domain.job import Status
from rowferry.service.imports import Import, Submission, Submitted, Task
from rowferry.service.records import ROWS

router = APIRouter()

TASK_BYTES_MAX = 1_000_000
KEY_CHARACTERS_MAX = 255
TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)

SUBMIT_HEADERS = [
    header_parameter(
        "Idempotency-Key",
        "Makes the request safe to repeat for 24 hours: the same key and payload give the first job again.",
        "nightly-2026-11-24",
        KEY_CHARACTERS_MAX,
    ),
    header_parameter(
        "traceparent",
        "The caller's trace (W3C), which the worker's span is linked to.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
]
CREATED: Responses = {
    202: {
        **answer("The job is stored and waits for a worker.", answers.JobAnswer),
        "headers": {
            "Location": {"description": "The address of the job.", "schema": {"type": "string"}},
            "Retry-After": {"description": "When to look again, in seconds.", "schema": {"type": "string"}},
        },
    }
}
IMPORT_BODY = {
    "description": "A form with the parts `file`, `kind` and `options` (JSON) in any order; or JSON with the rows themselves.",
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "kind"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        "type": "string",
                        "minLength": 1,
                        "contentMediaType": "application/octet-stream",
                        "description": "The file.",
                    },
                    "kind": {"type": "string", "description": "The import kind.", "examples": ["customers"]},
                    "options": ref("ImportOptions"),
                },
            },
            "encoding": {"options": {"contentType": "application/json"}},
        },
        **body("ImportRows", "")["requestBody"]["content"],
    },
}


@router.post(
    "/imports",
    status_code=202,
    operation_id="create_import",
    tags=["imports"],
    summary="Send a file or rows",
    description="The answer comes when the file is stored, synced, and the job is committed: nothing that was answered can be lost.",
    responses=problems(*examples.of_import()) | CREATED,
    openapi_extra={"requestBody": IMPORT_BODY, "parameters": SUBMIT_HEADERS},
)
async def create_import(request: Request) -> Response:
    principal = await caller(request)
    if not principal.may(Scope.IMPORTS_WRITE) and not any(
        s.startswith(f"{Scope.IMPORTS_WRITE}:") for s in principal.scopes
    ):
        raise Forbidden(scope=Scope.IMPORTS_WRITE)
    count_submit(request, principal)
    imports, key = services_of(request).imports, _idempotency_key(request)
    async with imports.once(principal, key):
        if media_type(request) == "multipart/form-data":
            submitted = await _of_form(request, principal, key)
        elif media_type(request) == "application/json":
            submitted = await _of_rows(request, principal, key)
        else:
            accepted = "multipart/form-data or application/json"
            raise UnsupportedMedia(media_type=media_type(request) or "(none)", accepted=accepted)
    return _accepted(submitted)


@router.post(
    "/jobs",
    status_code=202,
    operation_id="create_job",
    tags=["jobs"],
    summary="Start a task",
    responses=problems(*examples.of_submit()) | CREATED,
    openapi_extra={"parameters": SUBMIT_HEADERS, **body("TaskBody", "The kind of task and its params.")},
)
async def create_job(request: Request) -> Response:
    principal = await caller(request)
    need(principal, Scope.JOBS_WRITE)
    count_submit(request, principal)
    imports, key = services_of(request).imports, _idempotency_key(request)
    async with imports.once(principal, key):
        task = bodies.checked(bodies.TaskBody, await json_of(request, TASK_BYTES_MAX))
        submission = Submission(task.kind, task.options.metadata, key, _trace_parent(request))
        submitted = await imports.start(principal, Task(submission, task.params, task.options.priority))
    return _accepted(submitted)


@router.post(
    "/jobs/{job_id}/rerun",
    status_code=202,
    operation_id="rerun_job",
    tags=["jobs"],
    summary="Do again what a job that ended did",
    description="A new job with the same file or params, options and metadata; `original_job_id` names the old one, which stays as it is.",
    responses=problems(
        examples.no_job(),
        *examples.of_submit(),
        faults.NotAllowedNow(status=Status.RUNNING, move="rerun"),
        faults.SourceMissing(job=examples.JOB_ID),
    )
    | CREATED,
    openapi_extra={"parameters": [JOB_PARAMETER, *SUBMIT_HEADERS[:1]]},
)
async def rerun_job(request: Request) -> Response:
    principal = await caller(request)
    need(principal, Scope.JOBS_WRITE)
    count_submit(request, principal)
    imports, key = services_of(request).imports, _idempotency_key(request)
    async with imports.once(principal, key):
        submitted = await imports.rerun(principal, job_id_of(request), key)
    return _accepted(submitted)


def _accepted(submitted: Submitted) -> Response:
    headers = {"Location": f"/v1/jobs/{submitted.job.id}"}
    if submitted.repeated:
        headers["Idempotency-Replayed"] = "true"
    return job_answer(submitted.job, 202, headers)


# A form ---------------------------------------------------------------------------------------------------------------


async def _of_form(request: Request, principal: Principal, key: str | None) -> Submitted:
    async with form_of(request, {"kind", "options"}) as form:
        upload, kind, text = form.upload, form.text("kind"), form.fields.get("options", "")
        value: object = parsed(text, "The part options") if text.strip() else dict[str, object]()
        options = bodies.checked(bodies.ImportOptions, value, "/options")
        submission = Submission(kind, options.metadata, key, _trace_parent(request))
    return await services_of(request).imports.submit(principal, Import(submission, options.to_domain()), upload)


# Rows -----------------------------------------------------------------------------------------------------------------


async def _of_rows(request: Request, principal: Principal, key: str | None) -> Submitted:
    imports = services_of(request).imports
    text = await text_of(request, imports.limits.json_bytes_max)
    sent = await imports.scanned(text)
    refuse_unstorable(sent.members)
    members = sent.members | ({ROWS: list[object]()} if sent.begin >= 0 else {})
    asked = bodies.checked(bodies.ImportRows, members)
    submission = Submission(asked.kind, asked.options.metadata, key, _trace_parent(request))
    return await imports.submit_rows(principal, Import(submission, asked.options.to_domain()), sent)


# Headers --------------------------------------------------------------------------------------------------------------


def _idempotency_key(request: Request) -> str | None:
    """The key, with or without the quotes that the draft asks for. Source: draft-ietf-httpapi-idempotency-key-header."""
    header = request.headers.get("idempotency-key")
    if header is None:
        return None
    key = header.strip().removeprefix('"').removesuffix('"')
    if not 0 < len(key) <= KEY_CHARACTERS_MAX or not (key.isascii() and key.isprintable()):
        reason = f"Idempotency-Key must be 1 to {KEY_CHARACTERS_MAX} printable ASCII characters."
        raise Invalid(reason=reason, errors=(Pointed(reason, "/header/Idempotency-Key"),))
    return key


def _trace_parent(request: Request) -> str | None:
    """The caller's trace; one that is not well formed is as none, as W3C Trace Context says."""
    header = request.headers.get("traceparent", "")
    return header if TRACE_PARENT.fullmatch(header) else None
