"""How many requests a token of Fifth Element has left in the hour, on every answer; reads of a job use none up."""

from collections.abc import MutableMapping
from typing import Any, cast

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rowferry.api.wire import caller as callers
from rowferry.api.wire.caller import Limiter, gate_of, need
from rowferry.api.wire.transfer import now
from rowferry.domain import access
from rowferry.domain.access import Principal
from rowferry.domain.faults import RateLimited

LEFT = "fifth_element_left"
"""Where in the request's state the limit, what is left of it and the seconds until it begins anew wait for the answer."""
NOBODY = ""
"""Whose requests are never counted."""


class Limits:
    """Wraps an application: each answer gets the three headers. One without a valid token shows what any token has at first."""

    def __init__(self, app: ASGIApp, hourly: Limiter) -> None:
        self._app = app
        self._hourly = hourly

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = cast("MutableMapping[str, Any]", scope.setdefault("state", {}))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit, left, ends = state.get(LEFT) or (self._hourly.quota, *self._hourly.left(NOBODY))
                reset = int(now().timestamp()) + ends
                more = (
                    (b"x-ratelimit-limit", b"%d" % limit),
                    (b"x-ratelimit-remaining", b"%d" % left),
                    (b"x-ratelimit-reset", b"%d" % reset),
                )
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self._app(scope, receive, answer)


async def admitted(request: Request, scope: access.Scope | None = None) -> Principal:
    """Who calls, with the request counted in the hour.

    Raises:
        Unauthenticated, Forbidden, RateLimited: as `wire.caller.caller`; also where none was left in the hour.
    """
    principal = await callers.caller(request)
    hourly = gate_of(request).hourly
    _tell(request, hourly.quota, *hourly.take(principal.token))
    if scope is not None:
        need(principal, scope)
    return principal


def uncounted(request: Request, principal: Principal) -> None:
    """Shows what a caller has left without taking one."""
    hourly = gate_of(request).hourly
    _tell(request, hourly.quota, *hourly.left(principal.token))


def used_up(request: Request, refusal: RateLimited) -> None:
    """Shows the limit that a caller went over, whichever it was."""
    limit, ends = refusal.details["limit"], refusal.details["retry_after"]
    _tell(request, cast("int", limit), 0, cast("int", ends))


def _tell(request: Request, limit: int, left: int, ends: int) -> None:
    request.scope["state"][LEFT] = (limit, left, ends)
