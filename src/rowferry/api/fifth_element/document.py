"""Makes the OpenAPI 3.1 document of Fifth Element: every route with its bodies, answers, failures and an example of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from rowferry import __version__
from rowferry.api.fifth_element import answers, bodies, queries, shapes, words
from rowferry.api.wire.openapi import JSON, body, path_parameter, ref, schemas, show
from rowferry.domain import faults
from rowferry.domain.faults import Pointed, Refusal
from rowferry.domain.job import Status

DESCRIPTION = """\
The Jobs API of the document platform Fifth Element, spoken by Rowferry. A job is created, read every 5 to 10 seconds until its status is
`completed`, `failed` or `cancelled`, and may be run again. Reading a job does not count in the hourly limit that the headers tell.

Every answer is `{"data": …, "error": null}` or `{"data": null, "error": {"name", "message", "details"}}`. Times are UTC to the second."""

JOB_ID = "01936b5e-7c00-7000-8000-00000000000a"
NEW_ID = "01936b5e-7c00-7000-8000-00000000000b"
REPOSITORY_ID = "01936b5e-7c00-7000-8000-00000000000c"
AT, LATER_AT = "2026-03-04T09:00:00Z", "2026-03-04T09:02:00Z"
JOB: Mapping[str, object] = {
    "id": JOB_ID,
    "type": "import",
    "status": "completed",
    "progress": 100,
    "result": {"rowsImported": 1199, "errors": 1},
    "createdAt": AT,
    "completedAt": LATER_AT,
}
PENDING = dict(JOB) | {"status": "pending", "progress": 0, "result": None, "completedAt": None}
PAGED = {"total": 1, "start": 0, "limit": 50}
DOCUMENT_SENT: Mapping[str, object] = {
    "title": "Guide",
    "content": "Text.",
    "metadata": {"source": "API", "tags": ["a"]},
}
DOCUMENT = {"id": "doc_01936b5e7c007000800000000000000d"} | dict(DOCUMENT_SENT) | {"createdAt": AT, "updatedAt": AT}
REPOSITORY = {"id": REPOSITORY_ID, "name": "Default", "createdAt": AT, "updatedAt": AT}
EXAMPLES: Mapping[str, object] = {
    "JobAnswer": shapes.success(JOB),
    "JobList": shapes.listed("jobs", [JOB], **PAGED),
    "RerunAnswer": shapes.success(
        {"id": NEW_ID, "type": "import", "status": "pending", "originalJobId": JOB_ID, "createdAt": LATER_AT}
    ),
    "TokenBody": {"name": "nightly"},
    "TokenAnswer": shapes.success({"id": NEW_ID, "name": "nightly", "token": "rf_0123456789", "createdAt": AT}),
    "RepositoryList": shapes.listed("repositories", [REPOSITORY], **PAGED),
    "DocumentBody": DOCUMENT_SENT,
    "DocumentAnswer": shapes.success(DOCUMENT),
    "DocumentList": shapes.listed("documents", [DOCUMENT], **PAGED),
}
IMPORT_PARAMS: Mapping[str, object] = {
    "kind": "customers",
    "rows": [{"email": "ana@example.org", "name": "Ana"}],
    "options": {"mode": "upsert"},
}

TOO_OFTEN = faults.RateLimited(limit=10_000, seconds=3600, retry_after=1200)
NO_JOB = faults.NotFound(noun="job", name=JOB_ID)
NO_REPOSITORY = faults.NotFound(noun="repository", name=REPOSITORY_ID)
BAD_PAGE = faults.Invalid(
    reason="limit must be a number.", errors=(Pointed("limit must be a number.", "/query/limit"),)
)
UNFIT: Mapping[str, Refusal] = {
    "a member": faults.Invalid(reason="title is missing.", errors=(Pointed("title is missing.", "/title"),)),
    "no JSON": faults.MalformedJson(part="The body", reason="Expecting value: line 1 column 1 (char 0)."),
    "too large": faults.TooLarge(what="The body", limit=64_000_000),
    "content type": faults.UnsupportedMedia(media_type="text/plain", accepted="application/json"),
}

JOB_PARAMETER = path_parameter(
    "job_id",
    "The id of a job, with or without `job_` before it.",
    {"type": "string", "pattern": "^(job_)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
) | {"example": JOB_ID}
REPOSITORY_PARAMETER = path_parameter(
    "repository_id", "The id of a repository.", {"type": "string", "format": "uuid"}
) | {"example": REPOSITORY_ID}
USER_IDENTIFIER = {
    "name": "x-user-identifier",
    "in": "header",
    "required": False,
    "description": "Taken and left alone: every key here is a user's own.",
    "schema": {"type": "string"},
    "example": "ana@example.org",
}
LIMIT_HEADERS = {
    f"X-RateLimit-{name}": {"description": said, "required": True, "schema": {"type": "integer"}}
    for name, said in (
        ("Limit", "Requests of a key in an hour."),
        ("Remaining", "How many are left."),
        ("Reset", "When the hour begins anew, in seconds since 1970."),
    )
}
RETRY = {"Retry-After": {"description": "When to come back, in seconds.", "schema": {"type": "integer"}}}
SAID = {
    400: "The request does not fit, or the job's status does not allow it.",
    401: "No key, or none that is good.",
    403: "The key may not do this.",
    404: "There is none.",
    429: "Too often.",
    500: "It broke on our side, or the database does not answer.",
}


def document() -> dict[str, object]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, object] = {
        f"{words.BASE}/jobs": {"get": _list_jobs(), "post": _create_job()},
        f"{words.BASE}/jobs/{{job_id}}": {"get": _get_job()},
        f"{words.BASE}/jobs/{{job_id}}/cancel": {"post": _cancel_job()},
        f"{words.BASE}/jobs/{{job_id}}/rerun": {"post": _rerun_job()},
        f"{words.BASE}/jobs/{{job_id}}/file": {"get": _download_file()},
        f"{words.BASE}/user-api-tokens": {"post": _create_token()},
        f"{words.BASE}/repositories": {"get": _list_repositories()},
        f"{words.BASE}/repositories/{{repository_id}}/documents": {
            "get": _list_documents(),
            "post": _create_document(),
        },
        "/v1/documentation": {"get": _documentation()},
    }
    made = schemas(answers.Answer, bodies.Body)
    for name, shown in EXAMPLES.items():
        made[name]["examples"] = [shown]
    show(paths, EXAMPLES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rowferry, dialect Fifth Element", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(made.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of the tenant."}},
        },
        "security": [{"key": []}],
    }


# Jobs -----------------------------------------------------------------------------------------------------------------


def _list_jobs() -> dict[str, object]:
    status = {"type": "string", "enum": list(dict.fromkeys(words.STATUS.values()))}
    return _operation(
        "list_jobs",
        "Jobs, newest first",
        _answered("JobList", "A page of jobs. Beyond the first 10,000 there are no pages."),
        [_query("type", "Only of this type.", {"type": "string"}), _query("status", "Only with this.", status), *PAGE],
        {400: {"query": BAD_PAGE}},
    )


def _create_job() -> dict[str, object]:
    params = {"properties": {"type": {"const": words.IMPORT}, "params": ref("ImportParams")}}
    rows = {"type": "object", "required": ["type", "params"], "additionalProperties": False} | params
    shown = {
        "import": {"value": {"type": words.IMPORT, "params": IMPORT_PARAMS}},
        "export": {"value": {"type": words.EXPORT, "params": {"kind": "customers"}}},
    }
    form = {
        "type": "object",
        "required": ["type", "params", "file"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": words.IMPORT},
            "params": ref("FileParams"),
            "file": {"type": "string", "minLength": 1, "contentMediaType": "text/csv", "description": "The file."},
        },
    }
    content: dict[str, object] = {
        JSON: {"schema": {"anyOf": [rows, ref("JobBody")]}, "examples": shown},
        "multipart/form-data": {"schema": form, "encoding": {"params": {"contentType": JSON}}},
    }
    unknown = faults.UnknownKind(kind="customer")
    described: dict[str, object] = _operation(
        "create_job",
        "Create a job",
        _answered("JobAnswer", "The job is stored and waits for a worker.", PENDING),
        [],
        {400: {**UNFIT, "kind": unknown}},
    )
    said = "An import of rows as JSON, of a file as a form, an export, or another task."
    return described | {"description": said, "requestBody": {"required": True, "content": content}}


def _get_job() -> dict[str, object]:
    answer = _answered("JobAnswer", "The job, whatever became of it. Not counted in the hour.")
    return _operation("get_job", "A job as it stands", answer, [JOB_PARAMETER], {404: {"no job": NO_JOB}})


def _cancel_job() -> dict[str, object]:
    answer = _answered("JobAnswer", "The job: cancelled, or soon to be.", dict(PENDING) | {"status": "running"})
    ended = faults.NotAllowedNow(status=Status.SUCCEEDED, move="cancel")
    return _operation(
        "cancel_job", "Stop a job", answer, [JOB_PARAMETER], {400: {"ended": ended}, 404: {"no job": NO_JOB}}
    )


def _rerun_job() -> dict[str, object]:
    refused: dict[int, Mapping[str, Refusal]] = {
        400: {
            "not ended": faults.NotAllowedNow(status=Status.RUNNING, move="rerun"),
            "no file": faults.SourceMissing(job=JOB_ID),
        },
        404: {"no job": NO_JOB},
    }
    answer = _answered("RerunAnswer", "A new job; the old one stays as it is.")
    return _operation("rerun_job", "Run a job that ended again", answer, [JOB_PARAMETER], refused)


def _download_file() -> dict[str, object]:
    file = {
        "description": "The file.",
        "headers": LIMIT_HEADERS,
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
    no_file = faults.NotFound(noun="file", name="output")
    return _operation(
        "download_file",
        "The file that a job was run for",
        file,
        [JOB_PARAMETER],
        {404: {"no job": NO_JOB, "no file": no_file}},
    )


# Others ---------------------------------------------------------------------------------------------------------------


def _create_token() -> dict[str, object]:
    answer = _answered("TokenAnswer", "The key, which may do what the caller may.")
    return _operation("create_token", "Make a key", answer, [], {400: UNFIT}) | body("TokenBody", "Its name.")


def _list_repositories() -> dict[str, object]:
    answer = _answered("RepositoryList", "A page of repositories; there is always one.")
    return _operation("list_repositories", "Repositories", answer, [*PAGE], {400: {"query": BAD_PAGE}})


def _list_documents() -> dict[str, object]:
    refused: dict[int, Mapping[str, Refusal]] = {400: {"query": BAD_PAGE}, 404: {"no repository": NO_REPOSITORY}}
    answer = _answered("DocumentList", "A page of documents.")
    return _operation("list_documents", "Documents of a repository", answer, [REPOSITORY_PARAMETER, *PAGE], refused)


def _create_document() -> dict[str, object]:
    return _operation(
        "create_document",
        "Store a document",
        _answered("DocumentAnswer", "The document as it is stored."),
        [REPOSITORY_PARAMETER],
        {400: UNFIT, 404: {"no repository": NO_REPOSITORY}},
    ) | body("DocumentBody", "The document. A form with a file is not taken in this release.")


def _documentation() -> dict[str, object]:
    answer = {
        "description": "HTML.",
        "headers": LIMIT_HEADERS,
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "documentation",
        "summary": "The routes on a page",
        "security": [],
        "responses": {"200": answer, "500": _failing(500, BROKEN)},
    }


# Pieces ---------------------------------------------------------------------------------------------------------------


def _query(name: str, said: str, schema: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "in": "query", "required": False, "description": said, "schema": dict(schema)}


PAGE = (
    _query(
        "start", "How many to leave out.", {"type": "integer", "minimum": 0, "maximum": queries.START_MAX, "default": 0}
    ),
    _query(
        "limit",
        "How many at most.",
        {"type": "integer", "minimum": 1, "maximum": queries.LIMIT_MAX, "default": queries.LIMIT},
    ),
)
ALWAYS: Mapping[int, Mapping[str, Refusal]] = {
    401: {"no key": faults.Unauthenticated(reason="The request has no token.")},
    403: {"scope": faults.Forbidden(scope="jobs:write")},
    429: {"too often": TOO_OFTEN},
}
BROKEN: Mapping[str, object] = {
    "broken": {"value": shapes.failure(500, words.BROKEN)},
    "unavailable": {"value": shapes.refusal_shape(faults.Unavailable(reason="The database does not answer."))},
}


def _operation(
    name: str,
    summary: str,
    answer: Mapping[str, object],
    parameters: Sequence[Mapping[str, object]],
    refused: Mapping[int, Mapping[str, Refusal]],
) -> dict[str, Any]:
    """A route that asks for a key."""
    responses: dict[str, object] = {"200": answer}
    for number, refusals in sorted({**ALWAYS, **refused}.items()):
        shown = {case: {"value": shapes.refusal_shape(refusal)} for case, refusal in refusals.items()}
        responses[str(number)] = _failing(number, shown)
    responses["500"] = _failing(500, BROKEN)
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [*parameters, USER_IDENTIFIER],
        "responses": responses,
    }


def _answered(model: str, description: str, data: object = None) -> dict[str, object]:
    """The one good answer of a route, with an example of its own where that of the model would mislead."""
    content: dict[str, object] = {"schema": ref(model)}
    if data is not None:
        content = {"schema": {"allOf": [ref(model)]}, "example": shapes.success(data)}
    return {"description": description, "headers": LIMIT_HEADERS, "content": {JSON: content}}


def _failing(number: int, shown: Mapping[str, object]) -> dict[str, object]:
    return {
        "description": SAID[number],
        "headers": LIMIT_HEADERS | (RETRY if number == 429 else {}),  # noqa: PLR2004  # the one number that tells when
        "content": {JSON: {"schema": ref("Failure"), "examples": dict(shown)}},
    }
