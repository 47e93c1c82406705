"""How Claret words what it shows: a job with its files, what an import or a delete came to, refusals."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from pathlib import PurePath

from rowferry.api.claret import words
from rowferry.api.wire.transfer import stamp_seconds
from rowferry.domain.faults import JobFault, Refusal, RowIssue, Unauthenticated
from rowferry.domain.job import Job
from rowferry.service.jobs import Artifact

SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
RETRIEVED = "Job status retrieved successfully"


# Jobs -----------------------------------------------------------------------------------------------------------------


def job_shape(job: Job, title: str, link: str, files: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """The job as it reads; every key is always there.

    Args:
        job: the job.
        title: its kind's, for people.
        link: the address of its page.
        files: the paths of its files by category.
    """
    status = words.STATUS[job.status]
    return {
        "message": RETRIEVED if job.failure is None else f"{RETRIEVED}. The job failed: {job.failure.message}",
        "content": {
            "job_log_id": job.number,
            "status": status,
            "type": job.kind,
            "description": title,
            "progress": {
                "completed_steps": job.steps_completed,
                "total_steps": len(job.steps),
                "current_step": job.current_step if status == "in_progress" else None,
            },
            "files": files,
            "job_status_link": link,
            "timestamps": {
                "started_at": stamp_seconds(job.started_at),
                "completed_at": stamp_seconds(job.finished_at),
            },
            "user_id": job.created_by or 0,
        },
    }


def placed(tenant: str, job: Job, files: Sequence[Artifact]) -> dict[str, tuple[str, Artifact]]:
    """The job's files by their paths, each with its category. No two files have one path."""
    day = job.created_at.astimezone(UTC).date().isoformat()
    folder = f"/{tenant}/download/{tenant}/user-uploads/{job.kind}/{day}/{job.number}"
    name = f"{re.split('[-_]', job.kind)[0]}_{day.replace('-', '')}"
    found: dict[str, tuple[str, Artifact]] = {}
    for file in files:
        suffix = PurePath(file.name).suffix.lower()
        stem = f"{folder}/{name}_{words.FILES[file.category]}"
        ending = suffix if SUFFIX.fullmatch(suffix) else ".csv"
        path = stem + ending
        if path in found:
            path = f"{stem}_{len(found) + 1}{ending}"
        found[path] = file.category, file
    return found


def by_category(files: Mapping[str, tuple[str, Artifact]]) -> dict[str, list[str]]:
    """The paths of placed files by category; one without files is there too."""
    return {
        category: [path for path, (of_category, _) in files.items() if of_category == category]
        for category in words.FILES
    }


# What was done --------------------------------------------------------------------------------------------------------


def accepted_shape(job: Job, link: str) -> dict[str, object]:
    """The answer to a file that waits for a worker."""
    content = {"job_log_id": job.number, "status": words.STATUS[job.status], "job_status_link": link}
    return {"message": "The import is accepted. Follow it by its job_log_id.", "content": content}


def imported_shape(job: Job, issues: Sequence[RowIssue], link: str) -> dict[str, object]:
    """What an import came to, that ended by itself or by its first failed row. A row that was as sent already counts as updated."""
    by_row: dict[int, list[str]] = {}
    for issue in issues:
        by_row.setdefault(issue.row, []).append(issue_text(issue))
    ledger = job.ledger
    content = {
        "created": ledger.created,
        "updated": ledger.updated + ledger.unchanged,
        "failed": ledger.failed,
        "errors": [{"row": row, "errors": texts} for row, texts in by_row.items()],
        "job_status_link": link,
    }
    return {"message": _imported(job.failure, ledger.failed), "content": content}


def _imported(failure: JobFault | None, failed: int) -> str:
    if failure is not None:
        return f"Nothing was imported. {failure.message}"
    return "The import is done, and some records failed." if failed else "The import is done."


def issue_text(issue: RowIssue) -> str:
    """What is wrong with a row, with the field that it is about."""
    return issue.message if issue.field is None else f"{issue.field}: {issue.message}"


def deleted_shape(job: Job, link: str) -> dict[str, object]:
    """What a delete came to."""
    content = {"deleted": (job.result or {}).get("rows_deleted", 0), "job_status_link": link}
    return {"message": "The delete is done.", "content": content}


def unfinished_message(noun: str, job: Job, link: str) -> str:
    """Why there is no result of a job, and where to look."""
    if not job.terminal:
        return f"The {noun} has not ended yet and goes on. See {link} for how it stands."
    reason = f"was {job.status}." if job.failure is None else f"failed: {job.failure.message}"
    return f"The {noun} {reason} See {link}."


# Refusals -------------------------------------------------------------------------------------------------------------


def refusal_shape(refusal: Refusal) -> dict[str, object]:
    """A refusal in the manner of Laravel; what does not fit names each field with all that is wrong with it."""
    if isinstance(refusal, Unauthenticated):
        return {"message": words.UNAUTHENTICATED}
    if words.NUMBERS[refusal.code] != 422:  # noqa: PLR2004  # the one number whose body names fields
        return {"message": str(refusal)}
    errors: dict[str, list[str]] = {}
    for one in refusal.errors:
        errors.setdefault(dotted(one.pointer), []).append(one.detail)
    if not errors:
        return {"message": str(refusal), "errors": {words.FIELD_OF.get(refusal.code, words.BODY): [str(refusal)]}}
    more = len(refusal.errors) - 1
    behind = f" (and {more} more {'errors' if more > 1 else 'error'})" if more else ""
    return {"message": refusal.errors[0].detail + behind, "errors": errors}


def dotted(pointer: str) -> str:
    """A JSON pointer as Laravel writes a place: `payload.0.quantity`."""
    steps = pointer.split("/")[1:]
    return ".".join(step.replace("~1", "/").replace("~0", "~") for step in steps) or words.BODY
