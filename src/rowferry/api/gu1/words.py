"""The words of gu1 and what of ours each stands for: kinds, statuses, outcomes, codes, scopes, targets."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from rowferry.domain import faults
from rowferry.domain.faults import JobFaultCode, RowCode
from rowferry.domain.job import Status
from rowferry.domain.ledger import Outcome

# Kinds ----------------------------------------------------------------------------------------------------------------


class BatchKind(StrEnum):
    """The three kinds of batches; our import kinds have the same names."""

    ENTITIES = "entity_automatic"
    TRANSACTIONS = "transaction_batch"
    EVENTS = "user_event_batch"


SCOPES: Mapping[BatchKind, str] = {
    BatchKind.ENTITIES: "entities:bulk_import",
    BatchKind.TRANSACTIONS: "transactions:create",
    BatchKind.EVENTS: "events:create",
}
"""What a token needs to send a batch of the kind, and to control one."""
SCOPE_OF_BULK = "entities:create"
"""What it needs besides for a bulk of entities as JSON."""

Target = Literal["transaction", "entity_person", "entity_company", "entity_mixed", "user_event"]
TARGETS: Mapping[str, BatchKind] = {
    "transaction": BatchKind.TRANSACTIONS,
    "entity_person": BatchKind.ENTITIES,
    "entity_company": BatchKind.ENTITIES,
    "entity_mixed": BatchKind.ENTITIES,
    "user_event": BatchKind.EVENTS,
}
"""Which kind a mapping is for."""
TYPE_OF_TARGET: Mapping[str, str] = {"entity_person": "person", "entity_company": "company"}
"""The type of an entity whose row has none."""

EntityType = Literal["person", "company"]
EntityStatus = Literal["active", "inactive", "blocked", "under_review", "suspended", "expired", "deleted", "rejected"]
STATUS_DEFAULTS: Mapping[BatchKind, str] = {
    BatchKind.ENTITIES: "under_review",
    BatchKind.TRANSACTIONS: "CREATED",
}
TIME_FIELDS: Mapping[BatchKind, str] = {BatchKind.TRANSACTIONS: "transacted_at", BatchKind.EVENTS: "timestamp"}
"""The field whose default is the time of the request."""

ImportMode = Literal["manual", "automatic"]
IMPORT_MODES: Mapping[str, ImportMode] = {
    "manual": "manual",
    "automatic": "automatic",
    "manual_no_enrichment": "manual",
    "automatic_enriched": "automatic",
}
"""The modes of a form, the old words too."""
BULK_MODES: Mapping[ImportMode, str] = {"manual": "manual_no_enrichment", "automatic": "automatic_enriched"}
"""The words of a bulk as JSON."""

# Statuses and outcomes ------------------------------------------------------------------------------------------------

StatusWord = Literal["queued", "running", "completed", "failed", "cancelled", "interrupted"]
STATUS: Mapping[Status, StatusWord] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.PAUSED: "running",
    Status.AWAITING_APPROVAL: "running",
    Status.SUCCEEDED: "completed",
    Status.PARTIAL: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.INTERRUPTED: "interrupted",
}

OUTCOMES: Mapping[str, str] = {
    Outcome.CREATED.word: "created",
    Outcome.UPDATED.word: "updated",
    Outcome.UNCHANGED.word: "unchanged",
    Outcome.SKIPPED.word: "skipped_existing",
    Outcome.FAILED.word: "failed",
    Outcome.NOT_ATTEMPTED.word: "not_attempted",
}
"""Outcomes of rows in a report. The dialect's own routes never lead to `updated` and `unchanged`."""

# Codes ----------------------------------------------------------------------------------------------------------------

VALIDATION_ERROR = "VALIDATION_ERROR"
PROCESSING_ERROR = "PROCESSING_ERROR"
INVALID_FILE = "INVALID_FILE"
EMPTY_FILE = "EMPTY_FILE"
TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
MAPPING_NOT_FOUND = "MAPPING_NOT_FOUND"
NOT_FOUND = "NOT_FOUND"
INTERNAL_ERROR = "INTERNAL_ERROR"
CONFLICT = "CONFLICT"
DUPLICATE_EXTERNAL_ID = "DUPLICATE_EXTERNAL_ID"
DUPLICATE_TAX_ID = "DUPLICATE_TAX_ID"
ENTITY_NOT_FOUND = "ENTITY_NOT_FOUND"

REFUSALS: Mapping[str, tuple[int, str]] = {
    faults.NotAllowedNow.code: (409, CONFLICT),
    faults.NotFound.code: (404, NOT_FOUND),
    faults.Unauthenticated.code: (401, "UNAUTHORIZED"),
    faults.Forbidden.code: (403, "FORBIDDEN"),
    faults.Invalid.code: (400, VALIDATION_ERROR),
    faults.MalformedJson.code: (400, VALIDATION_ERROR),
    faults.UnknownKind.code: (400, VALIDATION_ERROR),
    faults.InvalidDeclaration.code: (400, VALIDATION_ERROR),
    faults.KindExists.code: (409, CONFLICT),
    faults.KindDiffers.code: (409, CONFLICT),
    faults.EmptyFile.code: (400, EMPTY_FILE),
    faults.MissingPart.code: (400, VALIDATION_ERROR),
    faults.TooLarge.code: (400, INVALID_FILE),
    faults.UploadIncomplete.code: (400, INVALID_FILE),
    faults.TooSlow.code: (400, INVALID_FILE),
    faults.SourceMissing.code: (409, CONFLICT),
    faults.IdempotencyMismatch.code: (409, CONFLICT),
    faults.IdempotencyInProgress.code: (409, CONFLICT),
    faults.RateLimited.code: (429, "RATE_LIMITED"),
    faults.StorageFull.code: (500, INTERNAL_ERROR),
    faults.QuotaExceeded.code: (429, "QUOTA_EXCEEDED"),
    faults.RangeNotSatisfiable.code: (400, VALIDATION_ERROR),
    faults.NotAcceptable.code: (404, NOT_FOUND),
    faults.UnsupportedMedia.code: (400, VALIDATION_ERROR),
    faults.Unavailable.code: (500, INTERNAL_ERROR),
}
"""The HTTP number and the code of every refusal before a job; total, by test. The dialect knows no other numbers."""

JOB_CODES: Mapping[str, str] = {
    JobFaultCode.EMPTY_FILE: EMPTY_FILE,
    JobFaultCode.NO_HEADER: INVALID_FILE,
    JobFaultCode.NOT_TEXT: INVALID_FILE,
    JobFaultCode.ENCODING_MISMATCH: INVALID_FILE,
    JobFaultCode.UNKNOWN_ENCODING: INVALID_FILE,
    JobFaultCode.UNKNOWN_FORMAT: INVALID_FILE,
    JobFaultCode.ARCHIVE_CONTENT: INVALID_FILE,
    JobFaultCode.ARCHIVE_DAMAGED: INVALID_FILE,
    JobFaultCode.ARCHIVE_PASSWORD: INVALID_FILE,
    JobFaultCode.ARCHIVE_TOO_LARGE: INVALID_FILE,
    JobFaultCode.UNKNOWN_COLUMNS: INVALID_FILE,
    JobFaultCode.MISSING_COLUMNS: INVALID_FILE,
    JobFaultCode.DUPLICATE_COLUMNS: INVALID_FILE,
    JobFaultCode.TOO_MANY_COLUMNS: INVALID_FILE,
    JobFaultCode.TOO_MANY_ROWS: TOO_MANY_ITEMS,
    JobFaultCode.RECORD_TOO_LONG: INVALID_FILE,
    JobFaultCode.JSON_DAMAGED: INVALID_FILE,
    JobFaultCode.JSON_SHAPE: INVALID_FILE,
    JobFaultCode.WORKBOOK_DAMAGED: INVALID_FILE,
    JobFaultCode.WORKBOOK_PASSWORD: INVALID_FILE,
    JobFaultCode.WORKBOOK_TOO_LARGE: INVALID_FILE,
    JobFaultCode.UNKNOWN_SHEET: INVALID_FILE,
    JobFaultCode.PARQUET_DAMAGED: INVALID_FILE,
    JobFaultCode.PARQUET_ENCRYPTED: INVALID_FILE,
    JobFaultCode.PARQUET_TOO_LARGE: INVALID_FILE,
    JobFaultCode.INVALID_MAPPING: INVALID_FILE,
    JobFaultCode.NUMBER_AMBIGUOUS: INVALID_FILE,
    JobFaultCode.UNKNOWN_KIND: PROCESSING_ERROR,
    JobFaultCode.CELL_TOO_LONG: PROCESSING_ERROR,
    JobFaultCode.RULE_FAILED: PROCESSING_ERROR,
    JobFaultCode.MODE_NOT_ALLOWED: PROCESSING_ERROR,
    JobFaultCode.ABORTED_ON_ERROR: VALIDATION_ERROR,
    JobFaultCode.STOPPED_ON_ERROR: VALIDATION_ERROR,
    JobFaultCode.INVALID_REFERENCES: "INVALID_ENTITY_REFERENCES",
    JobFaultCode.ATOMIC_REJECTED: VALIDATION_ERROR,
    JobFaultCode.TOO_MANY_ERRORS: VALIDATION_ERROR,
    JobFaultCode.ERROR_RATE_EXCEEDED: VALIDATION_ERROR,
    JobFaultCode.ATTEMPTS_EXHAUSTED: "ATTEMPTS_EXHAUSTED",
    JobFaultCode.STALLED: "WORKER_LOST",
    JobFaultCode.SOURCE_MISSING: PROCESSING_ERROR,
    JobFaultCode.DESTINATION_REJECTED: PROCESSING_ERROR,
    JobFaultCode.DESTINATION_UNAVAILABLE: PROCESSING_ERROR,
    JobFaultCode.STORAGE_FULL: PROCESSING_ERROR,
    JobFaultCode.INVALID_PARAMS: PROCESSING_ERROR,
    JobFaultCode.INTERNAL: PROCESSING_ERROR,
}
"""The code of a job that failed as a whole, by ours; total, by test. A task may have codes of its own: those are errors of processing."""

ROW_CODES: Mapping[str, str] = {
    RowCode.MISSING_CELL: VALIDATION_ERROR,
    RowCode.EXTRA_CELL: VALIDATION_ERROR,
    RowCode.CELL_ERROR: VALIDATION_ERROR,
    RowCode.ENCODING_ERROR: VALIDATION_ERROR,
    RowCode.QUOTE_ERROR: VALIDATION_ERROR,
    RowCode.JSON_ERROR: VALIDATION_ERROR,
    RowCode.REQUIRED: VALIDATION_ERROR,
    RowCode.TYPE_ERROR: VALIDATION_ERROR,
    RowCode.DATE_AMBIGUOUS: VALIDATION_ERROR,
    RowCode.NUMBER_AMBIGUOUS: VALIDATION_ERROR,
    RowCode.FORMAT: VALIDATION_ERROR,
    RowCode.PATTERN: VALIDATION_ERROR,
    RowCode.ENUM: VALIDATION_ERROR,
    RowCode.OUT_OF_RANGE: VALIDATION_ERROR,
    RowCode.TOO_LONG: VALIDATION_ERROR,
    RowCode.TOO_SHORT: VALIDATION_ERROR,
    RowCode.TOO_PRECISE: VALIDATION_ERROR,
    RowCode.PRIMARY_KEY: VALIDATION_ERROR,
    RowCode.UNIQUE: VALIDATION_ERROR,
    RowCode.FOREIGN_KEY: ENTITY_NOT_FOUND,
    RowCode.INCONSISTENT: VALIDATION_ERROR,
    RowCode.ALREADY_EXISTS: VALIDATION_ERROR,
    RowCode.NOT_FOUND: VALIDATION_ERROR,
    RowCode.REJECTED: PROCESSING_ERROR,
}
"""The code of a failed row by ours, whatever its kind; total, by test. A rule's own code is a VALIDATION_ERROR."""
KEY_CODES: Mapping[str, Mapping[str, str]] = {
    BatchKind.ENTITIES: {
        RowCode.PRIMARY_KEY: DUPLICATE_TAX_ID,
        RowCode.ALREADY_EXISTS: DUPLICATE_TAX_ID,
        RowCode.INCONSISTENT: "TAX_ID_TYPE_MISMATCH",
        RowCode.UNIQUE: DUPLICATE_EXTERNAL_ID,
    },
    BatchKind.TRANSACTIONS: {
        RowCode.PRIMARY_KEY: DUPLICATE_EXTERNAL_ID,
        RowCode.ALREADY_EXISTS: DUPLICATE_EXTERNAL_ID,
    },
}
"""What those codes mean that are about the kind's own keys."""
SKIP_CODES: Mapping[str, str] = {
    "manual": "SKIPPED_DUPLICATE_TAX_ID",
    "automatic": "SKIPPED_ENTITY_ALREADY_EXISTS",
}
"""The code of a skipped entity by the mode of its import."""


def row_code(kind: str, code: str) -> str:
    """The code of a failed row of a kind."""
    return KEY_CODES.get(kind, {}).get(code) or ROW_CODES.get(code, VALIDATION_ERROR)


def job_code(code: str) -> str:
    """The code of a job that failed as a whole."""
    return JOB_CODES.get(code, PROCESSING_ERROR)


def statuses_of(word: StatusWord) -> tuple[Status, ...]:
    """Our statuses that read as this word."""
    return tuple(status for status, said in STATUS.items() if said == word)
