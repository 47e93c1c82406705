"""All that goes wrong, by stable code: refusals (raised), faults of a job and of a row (data)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal


class Refusal(Exception):
    """A request that is not done. Each subclass is one stable code; what differs is in `details`, and the sentence is made from it.

    The message names what is wrong and what to do. No HTTP number: the edges have the table of those.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    """A format string over `details`."""

    def __init__(self, *, errors: "tuple[Pointed, ...]" = (), **details: object) -> None:
        self.details: Mapping[str, object] = details
        self.errors = errors
        super().__init__(self.sentence.format_map(details))


@dataclass(frozen=True, slots=True)
class Pointed:
    """One of several faults of a body: what is wrong, and where (RFC 6901 JSON pointer)."""

    detail: str
    pointer: str


class NotAllowedNow(Refusal):
    code = "not-allowed-now"
    title = "The job's status does not allow this"
    sentence = "A job that is {status} cannot take the move {move}."


class NotFound(Refusal):
    code = "not-found"
    title = "Not found"
    sentence = "There is no {noun} {name} here."


class Unauthenticated(Refusal):
    code = "unauthenticated"
    title = "Not signed in"
    sentence = "{reason} Send a token as `Authorization: Bearer …`."


class Forbidden(Refusal):
    code = "forbidden"
    title = "Not allowed"
    sentence = "This token lacks the scope {scope}."


class Invalid(Refusal):
    code = "invalid-request"
    title = "The request is not valid"
    sentence = "{reason}"


class MalformedJson(Refusal):
    code = "malformed-json"
    title = "Not JSON"
    sentence = "{part} is not JSON: {reason}"


class SourceMissing(Refusal):
    code = "source-missing"
    title = "The file is no longer kept"
    sentence = "The file of the job {job} is no longer kept. Send it again."


class UnknownKind(Refusal):
    code = "unknown-kind"
    title = "No such kind"
    sentence = "There is no kind {kind} here. GET /v1/kinds lists those that are."


class InvalidDeclaration(Refusal):
    code = "invalid-declaration"
    title = "The kind is not declared rightly"
    sentence = "{reason}"


class KindExists(Refusal):
    code = "kind-exists"
    title = "The name is taken"
    sentence = "The kind {kind} is the operator's or a task and cannot be declared again. Choose another name."


class KindDiffers(Refusal):
    code = "kind-differs"
    title = "The change does more than add"
    sentence = "The kind {kind} has rows and differs: {differences}. {remedy}"


class EmptyFile(Refusal):
    code = "empty-file"
    title = "The file is empty"
    sentence = "The file {name} holds no byte of data. Send a file with a header and rows."


class MissingPart(Refusal):
    code = "missing-part"
    title = "A part of the form is missing"
    sentence = "The form has no part named {part}."


class TooLarge(Refusal):
    code = "too-large"
    title = "Too large"
    sentence = "{what} is over the limit of {limit} bytes."


class UploadIncomplete(Refusal):
    code = "upload-incomplete"
    title = "The upload broke off"
    sentence = "The upload ended before its end: {reason} Nothing was stored; send it again."


class TooSlow(Refusal):
    code = "request-timeout"
    title = "The body came too slowly"
    sentence = (
        "The body came with less than {rate} bytes a second. Nothing was stored; send it again over a better line."
    )


class IdempotencyMismatch(Refusal):
    code = "idempotency-mismatch"
    title = "The key was used for another request"
    sentence = "The Idempotency-Key {key} came before with another payload. Use a new key."


class IdempotencyInProgress(Refusal):
    code = "idempotency-in-progress"
    title = "The first request is still running"
    sentence = "A request with the Idempotency-Key {key} is still running. Try again soon."


class RateLimited(Refusal):
    code = "rate-limited"
    title = "Too many requests"
    sentence = "More than {limit} requests in {seconds} seconds. Try again in {retry_after} seconds."


class StorageFull(Refusal):
    code = "storage-full"
    title = "No room"
    sentence = "The server has less than {floor} bytes left and takes no uploads. Nothing was stored."


class QuotaExceeded(Refusal):
    code = "quota-exceeded"
    title = "A limit of the tenant is reached"
    sentence = "{what} is over the limit of {limit}."


class RangeNotSatisfiable(Refusal):
    code = "range-not-satisfiable"
    title = "No such range"
    sentence = "The file has {bytes} bytes."


class NotAcceptable(Refusal):
    code = "method-not-allowed"
    title = "Not that method"
    sentence = "{method} is not for this address."


class UnsupportedMedia(Refusal):
    code = "unsupported-media-type"
    title = "Not that content type"
    sentence = "The content type {media_type} is not taken here. Use {accepted}."


class Unavailable(Refusal):
    code = "unavailable"
    title = "Not ready"
    sentence = "{reason} Try again soon."


# What stops a job as a whole ------------------------------------------------------------------------------------------


class JobFaultCode(StrEnum):
    """Why a job stopped; stable."""

    EMPTY_FILE = "empty-file"
    NO_HEADER = "no-header"
    NOT_TEXT = "not-text"
    ENCODING_MISMATCH = "encoding-mismatch"
    UNKNOWN_ENCODING = "unknown-encoding"
    UNKNOWN_FORMAT = "unknown-format"
    ARCHIVE_CONTENT = "archive-content"
    ARCHIVE_DAMAGED = "archive-damaged"
    ARCHIVE_PASSWORD = "archive-password"  # noqa: S105  # a code, no secret
    ARCHIVE_TOO_LARGE = "archive-too-large"
    UNKNOWN_COLUMNS = "unknown-columns"
    MISSING_COLUMNS = "missing-columns"
    DUPLICATE_COLUMNS = "duplicate-columns"
    TOO_MANY_COLUMNS = "too-many-columns"
    TOO_MANY_ROWS = "too-many-rows"
    RECORD_TOO_LONG = "record-too-long"
    CELL_TOO_LONG = "cell-too-long"
    JSON_DAMAGED = "json-damaged"
    JSON_SHAPE = "json-shape"
    PARQUET_DAMAGED = "parquet-damaged"
    PARQUET_ENCRYPTED = "parquet-encrypted"
    PARQUET_TOO_LARGE = "parquet-too-large"
    WORKBOOK_DAMAGED = "workbook-damaged"
    WORKBOOK_PASSWORD = "workbook-password"  # noqa: S105  # a code, no secret
    WORKBOOK_TOO_LARGE = "workbook-too-large"
    UNKNOWN_SHEET = "unknown-sheet"
    NUMBER_AMBIGUOUS = "number-ambiguous"
    INVALID_MAPPING = "invalid-mapping"
    UNKNOWN_KIND = "unknown-kind"
    MODE_NOT_ALLOWED = "mode-not-allowed"
    RULE_FAILED = "rule-failed"
    ABORTED_ON_ERROR = "aborted-on-error"
    STOPPED_ON_ERROR = "stopped-on-error"
    INVALID_REFERENCES = "invalid-references"
    ATOMIC_REJECTED = "atomic-rejected"
    TOO_MANY_ERRORS = "too-many-errors"
    ERROR_RATE_EXCEEDED = "error-rate-exceeded"
    ATTEMPTS_EXHAUSTED = "attempts-exhausted"
    STALLED = "stalled"
    SOURCE_MISSING = "source-missing"
    DESTINATION_REJECTED = "destination-rejected"
    DESTINATION_UNAVAILABLE = "destination-unavailable"
    STORAGE_FULL = "storage-full"
    INVALID_PARAMS = "invalid-params"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class JobFault:
    """Why a job stopped as a whole. `retryable`: a rerun of the same file may pass."""

    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    retryable: bool = False


class JobStopped(Exception):
    """Raised inside an attempt to end the job with this fault; the attempt turns it into data."""

    def __init__(self, fault: JobFault) -> None:
        self.fault = fault
        super().__init__(f"{fault.code}: {fault.message}")


def stop(code: JobFaultCode, message: str, *, retryable: bool = False, **details: object) -> JobStopped:
    """The exception that ends a job with a code, a sentence and details."""
    return JobStopped(JobFault(code, message, details, retryable))


# What is wrong with a row ---------------------------------------------------------------------------------------------


class RowCode(StrEnum):
    """Why a row failed or was skipped; stable. A rule of a kind adds its own code."""

    MISSING_CELL = "missing-cell"
    EXTRA_CELL = "extra-cell"
    CELL_ERROR = "cell-error"
    ENCODING_ERROR = "encoding-error"
    QUOTE_ERROR = "quote-error"
    JSON_ERROR = "json-error"
    REQUIRED = "required"
    TYPE_ERROR = "type-error"
    DATE_AMBIGUOUS = "date-ambiguous"
    NUMBER_AMBIGUOUS = "number-ambiguous"
    FORMAT = "format"
    PATTERN = "pattern"
    ENUM = "enum"
    OUT_OF_RANGE = "out-of-range"
    TOO_LONG = "too-long"
    TOO_SHORT = "too-short"
    TOO_PRECISE = "too-precise"
    PRIMARY_KEY = "primary-key"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign-key"
    INCONSISTENT = "inconsistent"
    ALREADY_EXISTS = "already-exists"
    NOT_FOUND = "not-found"
    REJECTED = "rejected"


MESSAGES: Mapping[str, str] = {
    RowCode.MISSING_CELL: "The row has {cells} cells, the header has {columns}. Add what is missing, or quote cells that hold the delimiter.",
    RowCode.EXTRA_CELL: "The row has {cells} cells, the header has {columns}. Take out what is too much, or quote cells that hold the delimiter.",
    RowCode.CELL_ERROR: "The cell holds the error {value}. Mend the formula.",
    RowCode.ENCODING_ERROR: "The row holds bytes that are no text in {encoding}. Save the file in that encoding, or state its own.",
    RowCode.QUOTE_ERROR: "A quoted cell never ends or goes on after its end. Double the quotes inside it.",
    RowCode.JSON_ERROR: "The record is no JSON object that can be read: {reason}. Mend it in the program that wrote it.",
    RowCode.REQUIRED: "A value is required.",
    RowCode.TYPE_ERROR: "{value} is no {type}{hint}.",
    RowCode.DATE_AMBIGUOUS: "{value} could be two dates. State the option date_order.",
    RowCode.NUMBER_AMBIGUOUS: "{value} could be two numbers. State the option decimal_sign.",
    RowCode.FORMAT: "{value} is no {format}.",
    RowCode.PATTERN: "{value} does not match the pattern {pattern}.",
    RowCode.ENUM: "{value} is not one of the allowed values: {allowed}.",
    RowCode.OUT_OF_RANGE: "{value} is not within {range}.",
    RowCode.TOO_LONG: "The value has {length} characters, at most {limit} are allowed.",
    RowCode.TOO_SHORT: "The value has {length} characters, at least {limit} are needed.",
    RowCode.TOO_PRECISE: "{value} has more than {scale} decimals. Round it yourself; we do not.",
    RowCode.PRIMARY_KEY: "{value} is also the key of line {line}.",
    RowCode.UNIQUE: "{value} must be unique and is also {where}.",
    RowCode.INCONSISTENT: "Another row with {value} has another {determines}; one value goes with it in all rows.",
    RowCode.FOREIGN_KEY: "There is no row of {resource} with {value}.",
    RowCode.ALREADY_EXISTS: "{value} exists already.",
    RowCode.NOT_FOUND: "{value} does not exist.",
    RowCode.REJECTED: "The destination refused the row: {reason}",
}

MASK = "•••"


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def message(code: str, arguments: Mapping[str, object]) -> str:
    """The sentence of a row code. A rule's own code brings its sentence as the argument `message`."""
    return MESSAGES.get(code, "{message}").format_map(_Known(arguments))


@dataclass(frozen=True, slots=True)
class RowIssue:
    """Why one row failed or was skipped.

    `row` counts data rows from 1; `line` is the physical line where the record begins, from 1. `field` and `column` are None
    where the whole record is at fault. `value` is the text of the file, masked for a sensitive field. `record` is the raw text.
    """

    row: int
    line: int
    field: str | None
    column: str | None
    code: str
    value: str | None
    arguments: Mapping[str, object]
    outcome: Literal["failed", "skipped"]
    record: str

    @property
    def message(self) -> str:
        return message(self.code, self.arguments)
