"""How gu1 words what it shows: jobs, their failed and skipped rows, saved mappings, errors."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from rowferry.api.gu1.words import OUTCOMES, SKIP_CODES, STATUS, BatchKind, job_code, row_code
from rowferry.api.wire.transfer import stamp
from rowferry.domain.faults import JobFault, JobFaultCode
from rowferry.domain.job import Job, Status
from rowferry.service.jobs import RowResult
from rowferry.service.mappings import SavedMapping

KEPT = "gu1"
"""Under which name a job's params hold what a request of this dialect said."""
WORKER_ERROR_CHARACTERS_MAX = 500
FAILURES_MAX = 500
"""How many failed rows, and how many skipped ones, an answer shows at most."""

ENTITY_COLUMNS = ("tax_id", "type", "outcome", "code", "error_message")
TRANSACTION_COLUMNS = ("external_id", "code", "error")
EVENT_COLUMNS = ("row_key", "code", "error")

Shape = dict[str, object]


# Jobs -----------------------------------------------------------------------------------------------------------------


def job_shape(job: Job) -> Shape:
    """A job, whatever its kind. Counts are null until an attempt has begun; `jobFailure` is there only where it failed."""
    known = job.attempt.number > 0 or job.terminal
    ledger, failure = job.ledger, job.failure
    shape: Shape = {
        "jobId": str(job.id),
        "kind": job.kind,
        "status": STATUS[job.status],
        **_counts(job),
        "heartbeatAt": stamp(job.attempt.heartbeat_at),
        "leaseExpiresAt": None if job.terminal else stamp(job.attempt.lease_expires_at),
        "workerError": None if failure is None else _worker_error(failure),
        "createdAt": stamp(job.created_at),
        "completedAt": stamp(job.finished_at) if job.terminal else None,
        "metadata": _metadata(job, ledger.skipped if known and job.kind == BatchKind.ENTITIES else None),
    }
    return shape | _job_failure(job)


def _counts(job: Job) -> Shape:
    known = job.attempt.number > 0 or job.terminal
    ledger = job.ledger
    total = ledger.read if job.rows_total is None and job.terminal and ledger.read else job.rows_total
    return {
        "totalItems": total,
        "succeeded": ledger.stored if known else None,
        "failed": failed_rows(job) if known else None,
        "skipped": ledger.skipped if known else None,
    }


def failed_rows(job: Job) -> int:
    """How many rows failed. Where the references of a job fail, the dialect blames the job and not its rows."""
    blamed = job.failure is not None and job.failure.code == JobFaultCode.INVALID_REFERENCES
    return 0 if blamed else job.ledger.failed


def _job_failure(job: Job) -> Shape:
    """The member that is there only where the job failed as a whole."""
    failure = job.failure
    return {} if failure is None or job.status is not Status.FAILED else {"jobFailure": job_failure_shape(failure)}


def job_failure_shape(failure: JobFault) -> Shape:
    """Why a job failed as a whole; the details have our own code, which says more."""
    return {
        "code": job_code(failure.code),
        "message": failure.message,
        "details": {**failure.details, "code": failure.code},
    }


def _worker_error(failure: JobFault) -> str:
    said = f"{job_code(failure.code)}: {failure.message}"
    return said if len(said) <= WORKER_ERROR_CHARACTERS_MAX else f"{said[: WORKER_ERROR_CHARACTERS_MAX - 1]}…"


def _metadata(job: Job, skipped: int | None) -> Shape | None:
    kept = _kept(job)
    found: Shape = {}
    if job.source.get("file_name") and not kept.get("items"):
        found["fileName"] = job.source["file_name"]
    if "importMode" in kept:
        found["importMode"] = kept["importMode"]
    if skipped is not None:
        found["skippedExisting"] = skipped
    if not job.terminal and job.cancel_requested_at is not None:
        found["batchCancelRequested"] = True
    if job.status is Status.PAUSED:
        found["batchPaused"] = True
    elif not job.terminal and job.pause_requested_at is not None:
        found["batchPauseRequested"] = True
    if job.failure is not None:
        found["apiError"] = {"code": job_code(job.failure.code), "message": job.failure.message}
    options = cast("Shape", kept.get("options") or {})
    return found | {name: value for name, value in options.items() if name not in found} or None


def _kept(job: Job) -> Shape:
    return cast("Shape", job.params.get(KEPT) or {})


def status_shape(job: Job) -> Shape:
    """The answer to a poll and to a control."""
    return {"success": True, "job": job_shape(job)}


def history_shape(jobs: Sequence[Job], start: int, size: int, total: int, *, capped: bool) -> Shape:
    """A page of jobs."""
    pagination = {
        "total": total,
        "limit": size,
        "offset": start,
        "hasMore": start + len(jobs) < total,
        "totalCapped": capped,
    }
    return {"success": True, "jobs": [job_shape(job) for job in jobs], "pagination": pagination}


def accepted_shape(job: Job, message: str) -> Shape:
    """The answer to rows that are stored and wait; the caller adds what its route says besides."""
    return {"success": True, "jobId": str(job.id), "status": STATUS[job.status], "message": message}


def batch_shape(job: Job, created: Sequence[str], failed: Sequence[RowResult], seconds: float) -> Shape:
    """The answer to a batch of transactions that has ended: what was created, and why rows failed."""
    ledger = job.ledger
    counts = {"created": ledger.created, "skipped": ledger.skipped, "failed": ledger.failed}
    return {
        "success": True,
        **counts,
        "transactions": [{"externalId": external_id} for external_id in created],
        "errors": [failure_shape(job, row) for row in failed],
        "processingTime": f"{seconds:.3f}s",
        "summary": {"total": ledger.read, **counts, "notAttempted": ledger.not_attempted},
    }


# Rows -----------------------------------------------------------------------------------------------------------------


def failures_shape(job: Job, failures: Sequence[RowResult], skips: Sequence[RowResult]) -> Shape:
    """The failed rows of a job; those given are the first. Where a job's rows are entities, the skipped ones too."""
    total = max(failed_rows(job), len(failures))
    shape: Shape = {
        "success": True,
        "jobId": str(job.id),
        "kind": job.kind,
        "status": STATUS[job.status],
        **_counts(job),
        "failures": [failure_shape(job, row) for row in failures],
        "truncated": total > len(failures),
        "failuresTotal": total,
    } | _job_failure(job)
    if job.kind == BatchKind.ENTITIES:
        shape["skips"] = [_skip_shape(job, row) for row in skips]
        shape["skipsTotal"] = max(job.ledger.skipped, len(skips))
    return shape


def failure_shape(job: Job, row: RowResult) -> Shape:
    """One failed row, named by what its kind is named by."""
    why: Shape = {"code": _code(job, row), "message": _message(row)}
    match job.kind:
        case BatchKind.ENTITIES:
            return {**_entity(row), "outcome": OUTCOMES[row.outcome], **why}
        case BatchKind.TRANSACTIONS:
            return {"externalId": row.cells.get("external_id", ""), **why}
        case _:
            return {"rowKey": _row_key(row), **why}


def _skip_shape(job: Job, row: RowResult) -> Shape:
    return {**_entity(row), "outcome": OUTCOMES[row.outcome], "code": _code(job, row)}


def _entity(row: RowResult) -> Shape:
    """Who the row is about. Where the type cannot be read the word is `person`, since the dialect has no third."""
    said = row.cells.get("type", "").strip().lower()
    return {"taxId": row.cells.get("tax_id", ""), "type": said if said == "company" else "person"}


def _row_key(row: RowResult) -> str:
    """The line of the file; where that is not known, the row is taken for a line below a header."""
    return f"row_{row.row + 1 if row.line is None else row.line}"


def _code(job: Job, row: RowResult) -> str:
    if row.outcome == "skipped":
        return SKIP_CODES[str(_kept(job).get("importMode") or "manual")]
    if row.outcome == "failed":
        return row_code(job.kind, row.issues[0].code) if row.issues else row_code(job.kind, "")
    return ""


def _message(row: RowResult) -> str:
    """All that is wrong with the row; before each sentence the column, or the field where the row has no column for it."""
    return " ".join(
        f"{issue.column or camel(issue.field)}: {issue.message}" if issue.field else issue.message
        for issue in row.issues
    )


def failure_record(job: Job, row: RowResult) -> list[object]:
    """One failed row in the columns of its kind's CSV."""
    match job.kind:
        case BatchKind.ENTITIES:
            return report_record(job, row)
        case BatchKind.TRANSACTIONS:
            return [row.cells.get("external_id", ""), _code(job, row), _message(row)]
        case _:
            return [_row_key(row), _code(job, row), _message(row)]


def report_record(job: Job, row: RowResult) -> list[object]:
    """One row of an entity job and what became of it."""
    entity = _entity(row)
    said = _message(row) if row.outcome == "failed" else ""
    return [entity["taxId"], entity["type"], OUTCOMES[row.outcome], _code(job, row), said]


def camel(name: str) -> str:
    """`tax_id` as `taxId`."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


# Mappings -------------------------------------------------------------------------------------------------------------


def mapping_shape(mapping: SavedMapping) -> Shape:
    """A saved mapping."""
    return {
        "id": str(mapping.id),
        "name": mapping.name,
        "target": mapping.target,
        "columnMapping": dict(mapping.columns),
        "defaultFields": None if mapping.defaults is None else dict(mapping.defaults),
        "headersSnapshot": None if mapping.headers is None else list(mapping.headers),
    }


# Errors ---------------------------------------------------------------------------------------------------------------


def error_shape(code: str, message: str, details: Mapping[str, object] | None = None) -> Shape:
    """What went wrong before there was a job."""
    return {"success": False, "error": {"code": code, "message": message} | ({"details": details} if details else {})}
