"""What every answer carries, and what is counted of it: request id, limits, seconds; and HEAD for all that GET is for."""

import asyncio
import secrets
import time
from collections.abc import Callable, MutableMapping
from typing import Any, cast

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rowferry.api.wire.caller import LIMIT_HEADERS, WAITED_SECONDS
from rowferry.telemetry import REQUEST_ID, Meters

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


class Envelope:
    """Wraps an application: gives each request an id, adds the headers of limits, counts answers, logs and answers what broke.

    `broken` answers a bug where nothing inside did.
    """

    def __init__(self, app: ASGIApp, meters: Meters, broken: Callable[[Request], Response]) -> None:
        self._app = app
        self._meters = meters
        self._broken = broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        state = cast("MutableMapping[str, Any]", scope.setdefault("state", {}))
        status = 0
        began = time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                headers.append((b"x-request-id", request_id.encode()))
                limits = state.get(LIMIT_HEADERS)
                if limits is not None:
                    headers.append((b"ratelimit-policy", limits[0].encode()))
                    headers.append((b"ratelimit", limits[1].encode()))
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # the edge: a bug is told to the log here and only here
            if status == 0:
                await self._broken(Request(scope))(scope, receive, answer)
            with structlog.contextvars.bound_contextvars(**{REQUEST_ID: request_id}):
                log.exception("request.broke", path=scope["path"], error=type(error).__name__)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._meters.requests.labels(method, str(status)).inc()
            self._meters.request_seconds.observe(time.perf_counter() - began - state.get(WAITED_SECONDS, 0.0))


class Heads:
    """Answers HEAD as GET is answered, without the body. Source: RFC 9110 section 9.3.2.

    As soon as the head of an answer is sent, what would stream the body hears that the caller has gone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        sent = asyncio.Event()
        asked = False

        async def hear() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return await receive()
            await sent.wait()
            return {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not sent.is_set():
                sent.set()
                await send({"type": "http.response.body", "body": b""})

        await self._app({**scope, "method": "GET"}, hear, answer)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
