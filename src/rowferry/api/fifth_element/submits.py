"""The route that creates jobs: imports of rows or of a file, exports, and other tasks."""

from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.fifth_element import words
from rowferry.api.fifth_element.bodies import FileParams, ImportParams, JobBody
from rowferry.api.fifth_element.limits import admitted
from rowferry.api.fifth_element.shapes import job_shape, success
from rowferry.api.wire.bodies import media_type, parsed, refuse_unstorable, text_of
from rowferry.api.wire.caller import count_submit, need, services_of
from rowferry.api.wire.models import checked
from rowferry.api.wire.replies import json_answer
from rowferry.api.wire.transfer import printable
from rowferry.api.wire.uploads import form_of
from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import Forbidden, Invalid, NotFound, Pointed, TooLarge, UnsupportedMedia
from rowferry.domain.job import Job
from rowferry.service.catalog import TaskKind
from rowferry.service.imports import Import, Submission, Task

ROWS = ("params", "rows")
TASK_CHARACTERS_MAX = 1_000_000


async def create_job(request: Request) -> Response:
    """Makes a job, and answers when it is stored."""
    principal = await admitted(request)
    imports_any = any(scope.startswith(f"{Scope.IMPORTS_WRITE}:") for scope in principal.scopes)
    if not (imports_any or principal.may(Scope.IMPORTS_WRITE) or principal.may(words.SCOPES["task"])):
        raise Forbidden(scope=f"{Scope.IMPORTS_WRITE} or {words.SCOPES['task']}")
    count_submit(request, principal)
    match media_type(request):
        case "application/json":
            job = await _of_json(request, principal)
        case "multipart/form-data":
            if not imports_any:
                need(principal, Scope.IMPORTS_WRITE)
            job = await _of_form(request, principal)
        case other:
            raise UnsupportedMedia(media_type=other or "(none)", accepted="application/json or multipart/form-data")
    return json_answer(success(job_shape(job)))


async def _of_json(request: Request, principal: Principal) -> Job:
    imports = services_of(request).imports
    text = await text_of(request, imports.limits.json_bytes_max)
    sent = await imports.scanned(text, ROWS)
    refuse_unstorable(sent.members)
    asked = checked(JobBody, sent.members)
    if asked.type != words.IMPORT:
        return await _task(request, principal, text)
    # The rows stay text, so what stands for them is as much as their model must see.
    rows = {} if sent.begin < 0 else {"rows": [dict[str, object]()] * min(sent.count, 1)}
    params = checked(ImportParams, asked.params | rows, "/params")
    wish = _import(principal, params)
    return (await imports.submit_rows(principal, wish, sent)).job


async def _of_form(request: Request, principal: Principal) -> Job:
    async with form_of(request, {"type", "params"}) as form:
        upload, word = form.upload, form.text("type")
        if word != words.IMPORT:
            raise _wrong_type(f"Only a job of the type {words.IMPORT} takes a file, not {printable(word)}.")
        params = checked(FileParams, parsed(form.text("params"), "The part params"), "/params")
        wish = _import(principal, params)
    return (await services_of(request).imports.submit(principal, wish, upload)).job


def _import(principal: Principal, params: FileParams) -> Import:
    if not principal.may_import(params.kind):
        raise Forbidden(scope=f"{Scope.IMPORTS_WRITE}:{params.kind}")
    return Import(Submission(params.kind, params.options.metadata), params.options.to_domain())


async def _task(request: Request, principal: Principal, text: str) -> Job:
    """A job of any other type; small, so that its body is read as a whole."""
    if len(text) > TASK_CHARACTERS_MAX:
        raise TooLarge(what="The body", limit=TASK_CHARACTERS_MAX)
    asked = checked(JobBody, parsed(text, "The body"))
    need(principal, words.SCOPES["task"])
    if asked.type in words.LATER:
        raise later(asked.type)
    services = services_of(request)
    try:
        kind = await services.catalog.get(principal, asked.type)
    except NotFound:
        kind = None
    if not isinstance(kind, TaskKind):
        word = printable(asked.type)
        more = "" if kind is None else f" To import into it, send the type {words.IMPORT} with it as params.kind."
        raise _wrong_type(f"There is no type of job {word} here.{more}")
    return (await services.imports.start(principal, Task(Submission(kind.name), asked.params))).job


def later(word: str) -> Invalid:
    """The refusal of a type whose work comes later."""
    return _wrong_type(f"{words.LATER[word]} in this release, so there are no jobs of the type {word} yet.")


def _wrong_type(reason: str) -> Invalid:
    return Invalid(reason=reason, errors=(Pointed(reason, "/type"),))
