"""The words of Fifth Element and what of ours each stands for: statuses, types, counters, scopes, numbers and names of failures."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from rowferry.domain import faults
from rowferry.domain.access import Scope
from rowferry.domain.job import Job, Status

BASE = "/v1/api"
ID_PREFIX = "job_"
"""What may stand before a job's id in an address."""

StatusWord = Literal["pending", "running", "completed", "failed", "cancelled"]
STATUS: Mapping[Status, StatusWord] = {
    Status.QUEUED: "pending",
    Status.RUNNING: "running",
    Status.PAUSED: "running",
    Status.AWAITING_APPROVAL: "running",
    Status.SUCCEEDED: "completed",
    Status.PARTIAL: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.INTERRUPTED: "failed",
}
"""Total, by test. The dialect's clients know no sixth word."""

IMPORT = "import"
EXPORT = "export"
DOCUMENT_PROCESSING = "document_processing"

LATER: Mapping[str, str] = {
    DOCUMENT_PROCESSING: "Documents are not processed",
    "web_crawling": "Web pages are not crawled",
    "batch_embedding": "Embeddings are not made",
}
"""Types of jobs whose work comes in a later release, each with what is not done yet."""

COUNTERS: Mapping[str, str] = {
    IMPORT: "rowsImported",
    EXPORT: "rowsExported",
    DOCUMENT_PROCESSING: "documentsProcessed",
    "web_crawling": "pagesCrawled",
    "batch_embedding": "embeddingsGenerated",
}
"""How the result of a type calls the items that are done. Other types have the members of their own result."""

Deed = Literal["read", "document", "task", "control"]
SCOPES: Mapping[Deed, Scope] = {
    "read": Scope.JOBS_READ,
    "document": Scope.IMPORTS_WRITE,
    "task": Scope.JOBS_WRITE,
    "control": Scope.JOBS_WRITE,
}
"""What a caller needs, to read anything, to store a document, to start a task, to cancel a job or run it again. To import: the kind's own scope."""


def type_of(job: Job) -> str:
    """The type of a job: every import is one, a task has its kind's name."""
    return IMPORT if job.type == "import" else job.kind


# Refusals -------------------------------------------------------------------------------------------------------------

NUMBERS: Mapping[str, int] = {
    faults.NotAllowedNow.code: HTTPStatus.BAD_REQUEST,
    faults.NotFound.code: HTTPStatus.NOT_FOUND,
    faults.Unauthenticated.code: HTTPStatus.UNAUTHORIZED,
    faults.Forbidden.code: HTTPStatus.FORBIDDEN,
    faults.Invalid.code: HTTPStatus.BAD_REQUEST,
    faults.MalformedJson.code: HTTPStatus.BAD_REQUEST,
    faults.SourceMissing.code: HTTPStatus.BAD_REQUEST,
    faults.UnknownKind.code: HTTPStatus.BAD_REQUEST,
    faults.InvalidDeclaration.code: HTTPStatus.BAD_REQUEST,
    faults.KindExists.code: HTTPStatus.BAD_REQUEST,
    faults.KindDiffers.code: HTTPStatus.BAD_REQUEST,
    faults.EmptyFile.code: HTTPStatus.BAD_REQUEST,
    faults.MissingPart.code: HTTPStatus.BAD_REQUEST,
    faults.TooLarge.code: HTTPStatus.BAD_REQUEST,
    faults.UploadIncomplete.code: HTTPStatus.BAD_REQUEST,
    faults.TooSlow.code: HTTPStatus.BAD_REQUEST,
    faults.IdempotencyMismatch.code: HTTPStatus.BAD_REQUEST,
    faults.IdempotencyInProgress.code: HTTPStatus.BAD_REQUEST,
    faults.RateLimited.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.StorageFull.code: HTTPStatus.INTERNAL_SERVER_ERROR,
    faults.QuotaExceeded.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.RangeNotSatisfiable.code: HTTPStatus.BAD_REQUEST,
    faults.NotAcceptable.code: HTTPStatus.NOT_FOUND,
    faults.UnsupportedMedia.code: HTTPStatus.BAD_REQUEST,
    faults.Unavailable.code: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The number of every refusal; total, by test. The dialect knows no others than these six."""

NAMES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "ValidationError",
    HTTPStatus.UNAUTHORIZED: "UnauthorizedError",
    HTTPStatus.FORBIDDEN: "ForbiddenError",
    HTTPStatus.NOT_FOUND: "NotFoundError",
    HTTPStatus.TOO_MANY_REQUESTS: "RateLimitError",
    HTTPStatus.INTERNAL_SERVER_ERROR: "ApplicationError",
}
"""The `name` of a failure by its number."""

SENTENCES: Mapping[str, str] = {
    faults.NotFound.code: "No such {noun}.",
    faults.NotAcceptable.code: "No such address.",
    faults.NotAllowedNow.code: "The job is {status}, which does not allow this: {move}.",
    faults.UnknownKind.code: "There is no kind {kind} here.",
}
"""What is said in place of our own sentence; format strings over the details, the status as the dialect's word."""

DETAILS: Mapping[str, Mapping[str, str]] = {
    faults.NotAllowedNow.code: {"status": "status"},
    faults.Forbidden.code: {"scope": "scope"},
    faults.MalformedJson.code: {"reason": "reason"},
    faults.MissingPart.code: {"part": "part"},
    faults.TooLarge.code: {"limit": "limit"},
    faults.UnknownKind.code: {"kind": "kind"},
    faults.UnsupportedMedia.code: {"accepted": "accepted"},
    faults.RateLimited.code: {"limit": "limit", "seconds": "seconds", "retry_after": "retryAfter"},
    faults.QuotaExceeded.code: {"limit": "limit"},
}
"""Which details of a refusal are shown, and under which name."""

BROKEN = "Something broke on our side. The log has it under the request id of this answer."
