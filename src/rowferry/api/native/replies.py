"""The answers of native routes: JSON, jobs with their version, refusals as problem details."""

import orjson
from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.native.shapes import job_shape, problem, problem_shape
from rowferry.api.wire import transfer
from rowferry.api.wire.refusals import STATUS, headers_of
from rowferry.api.wire.replies import json_answer
from rowferry.domain.faults import Refusal
from rowferry.domain.job import Job, progress

PROBLEM = "application/problem+json"


def job_answer(job: Job, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A job with its version as ETag, and when to look again while it is not terminal."""
    now = transfer.now()
    sent = {"ETag": transfer.etag(job.version)} | (headers or {})
    if not job.terminal:
        sent["Retry-After"] = transfer.retry_after(progress(job, now).seconds_left)
    return json_answer(job_shape(job, now), status, sent)


def refused(request: Request, refusal: Refusal) -> Response:
    """A refusal as problem details."""
    status = STATUS[refusal.code]
    return _problem(problem_shape(refusal, status, request.url.path), status, headers_of(refusal))


def broken(request: Request) -> Response:
    """The answer to a bug: that it is ours, and no more."""
    detail = "Something broke on our side. The log has it under the request id of this answer."
    return _problem(problem("internal", "Something broke", 500, detail, request.url.path), 500, {})


def _problem(shape: dict[str, object], status: int, headers: dict[str, str]) -> Response:
    shared = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(orjson.dumps(shape, default=str), status, shared | headers, PROBLEM)
