"""How Fifth Element words what it shows: jobs, repositories, documents, tokens, and failures, each in its envelope."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic.alias_generators import to_camel

from rowferry.api.fifth_element import words
from rowferry.api.wire.transfer import stamp_seconds
from rowferry.domain.faults import Refusal
from rowferry.domain.job import Job, Status, reached
from rowferry.service.access import MadeToken
from rowferry.service.documents import Document, Repository

Shape = dict[str, object]


def success(data: object) -> Shape:
    """What was asked for."""
    return {"data": data, "error": None}


def listed(name: str, items: Sequence[object], total: int, start: int, limit: int) -> Shape:
    """A page of a list."""
    return success({name: items, "pagination": {"total": total, "start": start, "limit": limit}})


# Jobs -----------------------------------------------------------------------------------------------------------------


def job_shape(job: Job) -> Shape:
    """The job as it reads. Every key is always there; that of the job that it repeats only where it repeats one."""
    shape: Shape = {
        "id": str(job.id),
        "type": words.type_of(job),
        "status": words.STATUS[job.status],
        "progress": percent(job),
        "result": result_shape(job) if job.terminal else None,
        "createdAt": stamp_seconds(job.created_at),
        "completedAt": stamp_seconds(job.finished_at),
    }
    if job.original_job_id is not None:
        shape["originalJobId"] = str(job.original_job_id)
    return shape


def percent(job: Job) -> int:
    """How far a job is, 0 to 100; 100 only at a good end."""
    if job.status in {Status.SUCCEEDED, Status.PARTIAL}:
        return 100
    return min(99, int(100 * reached(job)))


def result_shape(job: Job) -> Shape:
    """What a job that has ended came to. Of one that failed it says why."""
    word = words.type_of(job)
    shape = _done(job, words.COUNTERS.get(word)) | {"errors": job.ledger.failed}
    if word == words.EXPORT:
        done = words.STATUS[job.status] == "completed"
        shape["fileUrl"] = f"{words.BASE}/jobs/{job.id}/file" if done else None
    if job.failure is not None:
        shape["error"] = {"code": job.failure.code, "message": job.failure.message}
    elif words.STATUS[job.status] == "failed":
        shape["error"] = {"code": str(job.status), "message": "The job was interrupted and had no attempt left."}
    return shape


def _done(job: Job, counter: str | None) -> Shape:
    """What is counted as done. A task of another type has a result of its own only at a good end, and the ledger's outcomes at another."""
    if counter is not None:
        return {counter: 0 if job.options.get("dry_run") is True else job.ledger.stored}
    outcomes = {name: count for name, count in job.ledger.counts().items() if name not in {"read", "failed"}}
    return {to_camel(name): value for name, value in (outcomes if job.result is None else job.result).items()}


def rerun_shape(job: Job) -> Shape:
    """A job that repeats another, as it was just made."""
    return {
        "id": str(job.id),
        "type": words.type_of(job),
        "status": words.STATUS[job.status],
        "originalJobId": str(job.original_job_id),
        "createdAt": stamp_seconds(job.created_at),
    }


# Others ---------------------------------------------------------------------------------------------------------------


def token_shape(made: MadeToken, name: str, at: datetime) -> Shape:
    """A key with its secret."""
    return {"id": str(made.id), "name": name, "token": made.secret, "createdAt": stamp_seconds(at)}


def repository_shape(repository: Repository) -> Shape:
    """A repository."""
    return {
        "id": str(repository.id),
        "name": repository.name,
        "createdAt": stamp_seconds(repository.created_at),
        "updatedAt": stamp_seconds(repository.updated_at),
    }


def document_shape(document: Document) -> Shape:
    """A document, whole."""
    return {
        "id": document.id,
        "title": document.title,
        "content": document.content,
        "metadata": document.metadata,
        "createdAt": stamp_seconds(document.created_at),
        "updatedAt": stamp_seconds(document.updated_at),
    }


# Failures -------------------------------------------------------------------------------------------------------------


def failure(number: int, message: str, details: Mapping[str, object] | None = None) -> Shape:
    """Why a request was not done."""
    return {"data": None, "error": {"name": words.NAMES[number], "message": message, "details": dict(details or {})}}


def refusal_shape(refusal: Refusal) -> Shape:
    """A refusal in the words of the dialect."""
    told = dict(refusal.details)
    if refusal.code == "not-allowed-now":
        told["status"] = words.STATUS[Status(str(told["status"]))]
    sentence = words.SENTENCES.get(refusal.code)
    message = str(refusal) if sentence is None else sentence.format_map(told)
    shown = {name: told[ours] for ours, name in words.DETAILS.get(refusal.code, {}).items() if ours in told}
    # A query parameter's fault is told by the message alone, as in the vendor's example.
    errors = [
        {"path": _placed(one.pointer), "message": one.detail}
        for one in refusal.errors
        if not one.pointer.startswith("/query/")
    ]
    return failure(words.NUMBERS[refusal.code], message, shown | ({"errors": errors} if errors else {}))


def _placed(pointer: str) -> str:
    """A place in the body; the options of an import are a member of its params here."""
    return f"/params{pointer}" if pointer.split("/", 2)[1:2] == ["options"] else pointer
