"""The words of Claret and what of ours each stands for: statuses, files, fields, numbers of HTTP, sentences of validation."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal

from rowferry.domain import faults
from rowferry.domain.job import Status
from rowferry.domain.schema import Mode

KIND = "inventory-import"
DELETE = "delete"

StatusWord = Literal["pending", "in_progress", "completed", "failed"]
STATUS: Mapping[Status, StatusWord] = {
    Status.QUEUED: "pending",
    Status.RUNNING: "in_progress",
    Status.PAUSED: "in_progress",
    Status.AWAITING_APPROVAL: "in_progress",
    Status.SUCCEEDED: "completed",
    Status.PARTIAL: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
    Status.INTERRUPTED: "failed",
}
"""Total, by test. The dialect's clients know no fifth word."""

FILES: Mapping[str, str] = {"input": "untouched", "staging": "staging", "output": "final", "errors": "errors"}
"""The categories of files, and how the names of their files end."""

FIELDS = ("item_name", "bin_name", "lot_name", "date_filled", "quantity", "uom")
"""What a record of an import holds."""

MODES: Mapping[tuple[bool, bool], Mode] = {
    (True, True): Mode.UPSERT,
    (True, False): Mode.CREATE,
    (False, True): Mode.UPDATE,
}
"""The mode of an import by `allow_record_creation` and `allow_record_update`; with neither there is nothing to do."""

ROW_CRITERIA: Mapping[str, str] = {
    "item": "item_name",
    "location": "bin_name.location",
    "location_area": "bin_name.location_area",
    "bin": "bin_name",
    "lot": "lot_name",
    "date_filled": "date_filled",
}
"""What a row of a delete names, and the field that it means."""
FILTER_CRITERIA: Mapping[str, str] = {
    "items": "item_name",
    "locations": "bin_name.location",
    "location_areas": "bin_name.location_area",
    "bins": "bin_name",
    "lots": "lot_name",
}
FILTER_BOUNDS: Mapping[str, str] = {"date_filled_from": "gte", "date_filled_to": "lte"}
"""Criteria on `date_filled`."""

SWITCHES: Mapping[str, bool] = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}
"""How a form says yes and no."""

# Refusals -------------------------------------------------------------------------------------------------------------

NUMBERS: Mapping[str, int] = {
    faults.NotAllowedNow.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.NotFound.code: HTTPStatus.NOT_FOUND,
    faults.Unauthenticated.code: HTTPStatus.UNAUTHORIZED,
    faults.Forbidden.code: HTTPStatus.FORBIDDEN,
    faults.Invalid.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.MalformedJson.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.SourceMissing.code: HTTPStatus.NOT_FOUND,
    faults.UnknownKind.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.InvalidDeclaration.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.KindExists.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.KindDiffers.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.EmptyFile.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.MissingPart.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.TooLarge.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.UploadIncomplete.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.TooSlow.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.IdempotencyMismatch.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.IdempotencyInProgress.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.RateLimited.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.StorageFull.code: HTTPStatus.INTERNAL_SERVER_ERROR,
    faults.QuotaExceeded.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.RangeNotSatisfiable.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.NotAcceptable.code: HTTPStatus.NOT_FOUND,
    faults.UnsupportedMedia.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.Unavailable.code: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The number of every refusal; total, by test. The dialect knows no others than these six."""

UNAUTHENTICATED = "Unauthenticated."
CREDENTIALS = "These credentials do not match our records."
BROKEN = "Server Error"

FIELD_OF: Mapping[str, str] = {faults.EmptyFile.code: "file"}
"""The field that a refusal without a place of its own is about; `BODY` for all others."""
BODY = "body"

PHRASES: Mapping[str, str] = {
    "missing": "is required",
    "string_too_short": "is required",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "literal_error": "must be {expected}",
    "too_long": "must not have more than {max_length} items",
    "too_short": "must not be empty",
    "string_too_long": "must not be greater than {max_length} characters",
    "extra_forbidden": "is not known here",
    "value_error": "{error}",
}
"""What Pydantic finds at a field, in the manner of Laravel's validation; `{…}` are its arguments."""


def sentence(field: str, phrase: str) -> str:
    """What is wrong with a field."""
    return f"The {field} field {phrase}."
