"""What gu1 answers when a request is not done: the one shape of its errors, in its own codes and numbers."""

from collections.abc import Mapping, Sequence
from typing import cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.gu1.shapes import error_shape
from rowferry.api.gu1.words import INTERNAL_ERROR, NOT_FOUND, REFUSALS, TOO_MANY_ITEMS, VALIDATION_ERROR
from rowferry.api.wire.models import invalid
from rowferry.api.wire.refusals import headers_of
from rowferry.api.wire.replies import json_answer
from rowferry.domain.faults import Invalid, Pointed, Refusal

BROKEN = "Something broke on our side. The log has it under the request id of this answer."


class Fault(Exception):
    """A request that is not done for a reason of this dialect alone: HTTP status, stable code, sentence, details."""

    def __init__(self, status: int, code: str, message: str, details: Mapping[str, object] | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        super().__init__(message)


def fault_of(refusal: Refusal) -> Fault:
    """A refusal in the words of the dialect."""
    status, code = REFUSALS[refusal.code]
    errors = [{"path": error.pointer, "message": error.detail} for error in refusal.errors]
    return Fault(status, code, str(refusal), {"errors": errors} if errors else None)


def too_many(limit: int) -> Fault:
    """More rows than a request may bring."""
    message = f"There are more than {limit:,} items. Send them in several requests."
    return Fault(400, TOO_MANY_ITEMS, message, {"limit": limit})


def wrong(path: str, reason: str) -> Invalid:
    """The refusal of one member of a request."""
    return Invalid(reason=reason, errors=(Pointed(reason, path),))


# What the application answers itself ----------------------------------------------------------------------------------


async def answer_fault(_: Request, error: Exception) -> Response:
    """A fault of the dialect."""
    return _answered(cast("Fault", error))


async def answer_refusal(_: Request, error: Exception) -> Response:
    """What a use case refuses."""
    refusal = cast("Refusal", error)
    return _answered(fault_of(refusal), headers_of(refusal))


async def answer_parameters(_: Request, error: Exception) -> Response:
    """Query parameters that do not fit."""
    found = cast("RequestValidationError", error).errors()
    return _answered(fault_of(invalid(cast("Sequence[Mapping[str, object]]", found))))


async def answer_address(request: Request, error: Exception) -> Response:
    """Addresses and methods that are not there."""
    if cast("HTTPException", error).status_code in {404, 405}:
        message = f"There is no {request.method} {request.url.path} here."
        return _answered(Fault(404, NOT_FOUND, message))
    return _answered(Fault(400, VALIDATION_ERROR, f"{cast('HTTPException', error).detail}."))


async def answer_bug(_request: Request, _error: Exception) -> Response:
    """A bug: it goes on to the log, and nothing of it to the caller."""
    return _answered(Fault(500, INTERNAL_ERROR, BROKEN))


def _answered(fault: Fault, headers: dict[str, str] | None = None) -> Response:
    shared = {"Cache-Control": "no-store"} | (headers or {})
    return json_answer(error_shape(fault.code, fault.message, fault.details), fault.status, shared)
