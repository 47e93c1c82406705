"""Answers in JSON, whatever the dialect."""

import orjson
from starlette.responses import Response

JSON = "application/json"


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON that no cache keeps unasked."""
    shared = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(orjson.dumps(value), status, shared | (headers or {}), JSON)
