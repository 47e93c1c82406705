"""What Fifth Element answers, whatever the route: JSON in its envelope, and each failure in the same."""

import json
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from rowferry.api.fifth_element import shapes, words
from rowferry.api.fifth_element.limits import admitted, used_up
from rowferry.api.wire.refusals import headers_of
from rowferry.api.wire.replies import JSON, json_answer
from rowferry.domain.faults import NotFound, RateLimited, Refusal

NO_STORE = {"Cache-Control": "no-store"}
SHARED = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}


def exact_answer(value: object) -> Response:
    """JSON with integers of any length, for what callers wrote themselves."""
    return Response(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 200, SHARED, JSON)


async def refuse(request: Request, error: Exception) -> Response:
    """What a use case refuses."""
    refusal = cast("Refusal", error)
    if isinstance(refusal, RateLimited):
        used_up(request, refusal)
    return json_answer(shapes.refusal_shape(refusal), words.NUMBERS[refusal.code], headers_of(refusal) | NO_STORE)


async def refuse_address(request: Request, _error: Exception) -> Response:
    """Addresses and methods that are not there; the dialect has no number of its own for a wrong method."""
    try:
        await admitted(request)
    except RateLimited as refusal:
        return await refuse(request, refusal)
    except Refusal:  # without a good token an address is not there either
        pass
    return await refuse(request, NotFound(noun="address", name=""))


async def break_down(_request: Request, _error: Exception) -> Response:
    """A bug: it goes on to the log, and nothing of it to the caller."""
    return json_answer(shapes.failure(500, words.BROKEN), 500, NO_STORE)
