"""How the native API words what it shows: jobs, issues, causes, artifacts, kinds, workers, tokens, problems."""

from collections.abc import Mapping
from datetime import datetime

from rowferry.api.wire.transfer import stamp
from rowferry.domain.faults import JobFault, Refusal, RowIssue
from rowferry.domain.job import IMPORT_STEPS, Job, JobId, progress
from rowferry.service.access import Token
from rowferry.service.catalog import ImportKind, Kind, to_declaration
from rowferry.service.health import Worker
from rowferry.service.jobs import Artifact, StoredCause

SOURCE_KEYS = (
    "file_name",
    "bytes",
    "sha256",
    "compression",
    "member",
    "format",
    "encoding",
    "delimiter",
    "sheet",
    "sheets",
    "header_line",
    "columns",
    "blank_records",
    "lines_above",
    "mapping",
    "decimal_signs",
)
"""What is known of a file; null until it is known, and for a task always."""


def job_shape(job: Job, now: datetime) -> dict[str, object]:
    """The job as it reads; every key is always there."""
    way = progress(job, now)
    path = f"/v1/jobs/{job.id}"
    attempt = job.attempt
    return {
        "id": str(job.id),
        "number": job.number,
        "kind": job.kind,
        "type": job.type,
        "status": job.status,
        "version": job.version,
        "created_at": stamp(job.created_at),
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
        "created_by": None if job.created_by is None else {"id": job.created_by, "name": job.created_by_name},
        "source": {key: job.source.get(key) for key in SOURCE_KEYS},
        "steps": {
            "completed": job.steps_completed,
            "total": len(job.steps),
            "current": job.current_step,
            "names": job.steps,
        },
        "progress": {
            "fraction": way.fraction,
            "done": way.done,
            "total": way.total,
            "per_second": way.per_second,
            "seconds_left": way.seconds_left,
        },
        "ledger": job.ledger.counts(),
        "attempt": {
            "number": attempt.number,
            "max": attempt.max,
            "worker": attempt.worker,
            "heartbeat_at": stamp(attempt.heartbeat_at),
            "lease_expires_at": stamp(attempt.lease_expires_at),
        },
        "cancel_requested_at": stamp(job.cancel_requested_at),
        "pause_requested_at": stamp(job.pause_requested_at),
        "failure": None if job.failure is None else failure_shape(job.failure),
        "result": job.result,
        "options": job.options if job.type == "import" else {**job.options, "params": job.params},
        "metadata": job.metadata,
        "original_job_id": None if job.original_job_id is None else str(job.original_job_id),
        "same_file_as": None if job.same_file_as is None else str(job.same_file_as),
        "family": None,
        "links": {
            "self": path,
            "issues": f"{path}/issues",
            "artifacts": f"{path}/artifacts",
            "events": None,
            "page": None,
        },
    }


def failure_shape(fault: JobFault) -> dict[str, object]:
    """Why a job stopped as a whole."""
    return {
        "code": fault.code,
        "message": fault.message,
        "details": fault.details,
        "retryable": fault.retryable,
    }


def issue_shape(issue: RowIssue) -> dict[str, object]:
    """One fault of one row."""
    return {
        "row": issue.row,
        "line": issue.line,
        "field": issue.field,
        "column": issue.column,
        "code": issue.code,
        "level": "error" if issue.outcome == "failed" else "warning",
        "message": issue.message,
        "value": issue.value,
        "arguments": issue.arguments,
        "outcome": issue.outcome,
        "record": issue.record,
    }


def cause_shape(cause: StoredCause) -> dict[str, object]:
    """Issues of one code, field and shape of value, counted, with one of them as the sample."""
    return {
        "code": cause.code,
        "field": cause.field or None,
        "shape": cause.shape,
        "outcome": cause.outcome,
        "rows": cause.rows,
        "sample": cause.sample,
    }


def artifact_shape(job_id: JobId, artifact: Artifact) -> dict[str, object]:
    """A file of a job."""
    return {
        "id": str(artifact.id),
        "category": artifact.category,
        "name": artifact.name,
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "media_type": artifact.media_type,
        "expires_at": stamp(artifact.expires_at),
        "url": f"/v1/jobs/{job_id}/artifacts/{artifact.id}",
    }


def kind_shape(kind: Kind) -> dict[str, object]:
    """A kind: its declaration where it imports rows, the JSON Schema of its params where it is a task."""
    path = f"/v1/kinds/{kind.name}"
    shared: dict[str, object] = {"name": kind.name, "title": kind.title, "description": kind.description}
    if isinstance(kind, ImportKind):
        return shared | {
            "type": "import",
            "own": kind.tenant is not None,
            "declaration": to_declaration(kind),
            "params": None,
            "modes": kind.modes,
            "limits": {"rows": kind.limits.rows, "bytes": kind.limits.bytes},
            "steps": IMPORT_STEPS,
            "links": {
                "self": path,
                "template": f"{path}/template.csv",
                "template_xlsx": f"{path}/template.xlsx",
                "rows": f"{path}/rows",
            },
        }
    return shared | {
        "type": "task",
        "own": kind.tenant is not None,
        "declaration": None,
        "params": kind.params,
        "modes": (),
        "limits": None,
        "steps": kind.steps,
        "links": {"self": path, "template": None, "template_xlsx": None, "rows": None},
    }


def worker_shape(worker: Worker) -> dict[str, object]:
    """A process that runs jobs."""
    return {
        "name": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "job_id": None if worker.job_id is None else str(worker.job_id),
        "started_at": stamp(worker.started_at),
        "heartbeat_at": stamp(worker.heartbeat_at),
    }


def token_shape(token: Token) -> dict[str, object]:
    """A token without its secret, which nobody knows any more."""
    return {
        "id": str(token.id),
        "user": token.user_name,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": stamp(token.created_at),
        "expires_at": stamp(token.expires_at),
        "revoked_at": stamp(token.revoked_at),
    }


def problem_shape(refusal: Refusal, status: int, instance: str) -> dict[str, object]:
    """A refusal as problem details. Source: RFC 9457."""
    errors = [{"detail": error.detail, "pointer": error.pointer} for error in refusal.errors]
    return problem(refusal.code, refusal.title, status, str(refusal), instance) | ({"errors": errors} if errors else {})


def problem(code: str, title: str, status: int, detail: str, instance: str) -> dict[str, object]:
    """The members that every problem has."""
    return {
        "type": f"/docs/problems/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
    }


def list_shape(noun: str, entries: list[dict[str, object]], next_page_token: str | None) -> Mapping[str, object]:
    """A page of a list, named by its noun."""
    return {noun: entries, "next_page_token": next_page_token}
