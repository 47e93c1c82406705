"""Which HTTP status and headers a refusal has, whatever the dialect that words it."""

from collections.abc import Mapping
from http import HTTPStatus

from rowferry.domain import faults
from rowferry.domain.faults import Refusal

STATUS: Mapping[str, HTTPStatus] = {
    faults.NotAllowedNow.code: HTTPStatus.CONFLICT,
    faults.NotFound.code: HTTPStatus.NOT_FOUND,
    faults.Unauthenticated.code: HTTPStatus.UNAUTHORIZED,
    faults.Forbidden.code: HTTPStatus.FORBIDDEN,
    faults.Invalid.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.MalformedJson.code: HTTPStatus.BAD_REQUEST,
    faults.SourceMissing.code: HTTPStatus.CONFLICT,
    faults.UnknownKind.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.InvalidDeclaration.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.KindExists.code: HTTPStatus.CONFLICT,
    faults.KindDiffers.code: HTTPStatus.CONFLICT,
    faults.EmptyFile.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.MissingPart.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.TooLarge.code: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    faults.UploadIncomplete.code: HTTPStatus.BAD_REQUEST,
    faults.TooSlow.code: HTTPStatus.REQUEST_TIMEOUT,
    faults.IdempotencyMismatch.code: HTTPStatus.UNPROCESSABLE_ENTITY,
    faults.IdempotencyInProgress.code: HTTPStatus.CONFLICT,
    faults.RateLimited.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.StorageFull.code: HTTPStatus.INSUFFICIENT_STORAGE,
    faults.QuotaExceeded.code: HTTPStatus.TOO_MANY_REQUESTS,
    faults.RangeNotSatisfiable.code: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    faults.NotAcceptable.code: HTTPStatus.METHOD_NOT_ALLOWED,
    faults.UnsupportedMedia.code: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    faults.Unavailable.code: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of every refusal by its code; total, by test."""


def headers_of(refusal: Refusal) -> dict[str, str]:
    """The headers that belong to a refusal, besides its body."""
    details = refusal.details
    headers: dict[str, str] = {}
    match refusal:
        case faults.Unauthenticated():
            challenge = ', error="invalid_token"' if details.get("sent") is True else ""
            headers["WWW-Authenticate"] = f'Bearer realm="rowferry"{challenge}'
        case faults.Forbidden():
            scope = f'error="insufficient_scope", scope="{details.get("scope")}"'
            headers["WWW-Authenticate"] = f'Bearer realm="rowferry", {scope}'
        case faults.RateLimited():
            headers["Retry-After"] = str(details.get("retry_after", 1))
        case faults.IdempotencyInProgress() | faults.Unavailable():
            headers["Retry-After"] = "1"
        case faults.QuotaExceeded():
            headers["Retry-After"] = "10"
        case faults.RangeNotSatisfiable():
            headers["Content-Range"] = f"bytes */{details.get('bytes')}"
        case faults.NotAcceptable():
            headers["Allow"] = str(details.get("allow", ""))
        case _:
            pass
    return headers
