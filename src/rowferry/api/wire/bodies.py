"""How a request's body is taken in: as a stream that must keep its pace, counted against a limit, and as JSON."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import NoReturn, cast

from starlette.requests import ClientDisconnect, Request

from rowferry.domain.faults import Invalid, MalformedJson, TooLarge, TooSlow, UnsupportedMedia, UploadIncomplete

JSON_DEPTH_MAX = 64
"""How deep arrays and objects of a JSON body may be nested."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may come: seconds of silence at most, and after a while at least so many bytes a second."""

    silence_seconds: float = 30.0
    grace_seconds: float = 10.0
    bytes_per_second: int = 1_000


async def stream_of(request: Request, pace: Pace | None = None) -> AsyncGenerator[bytes, None]:
    """The body in the pieces in which it comes. Only the time that we wait for the caller counts as slowness.

    Raises:
        UploadIncomplete: the caller went away before the end.
        TooSlow: the body stood still for long, or came with less than 1,000 bytes a second.
    """
    pace = pace or Pace()
    source = request.stream()
    waited, taken = 0.0, 0
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(pace.silence_seconds):
                piece = await anext(source, None)
        except ClientDisconnect:
            raise UploadIncomplete(reason="the connection was closed.") from None
        except TimeoutError:
            raise TooSlow(rate=pace.bytes_per_second) from None
        if piece is None:
            return
        waited += time.monotonic() - began
        taken += len(piece)
        if waited > pace.grace_seconds and taken < pace.bytes_per_second * (waited - pace.grace_seconds):
            raise TooSlow(rate=pace.bytes_per_second)
        if piece:
            yield piece


def declared_length(request: Request) -> int | None:
    """What the header Content-Length says, if anything."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() and text.isascii() else None


def media_type(request: Request) -> str:
    """The content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refuse_over(request: Request, limit: int, what: str, around: int = 0) -> None:
    """Refuses a body that says it is over the limit, before a byte of it is read.

    `around` is what a form may hold beside the file that the limit is for.

    Raises:
        TooLarge: Content-Length is over the limit.
    """
    if (declared_length(request) or 0) > limit + around:
        raise TooLarge(what=what, limit=limit)


async def text_of(request: Request, limit: int) -> str:
    """The whole body as text.

    Raises:
        UnsupportedMedia: the content type is not JSON.
        TooLarge: the body is over the limit.
        MalformedJson: it is not UTF-8.
    """
    if media_type(request) != "application/json":
        raise UnsupportedMedia(media_type=media_type(request) or "(none)", accepted="application/json")
    refuse_over(request, limit, "The body")
    return _decoded(await gathered_bytes(stream_of(request), limit, "The body"), "The body")


async def json_of(request: Request, limit: int) -> object:
    """The body as JSON values; for bodies that are small.

    Raises:
        MalformedJson: it is not JSON, or not UTF-8.
    """
    return parsed(await text_of(request, limit), "The body")


async def gathered(pieces: AsyncIterator[bytes], limit: int, what: str) -> str:
    """A small part of a form as text.

    Raises:
        TooLarge: it is over the limit.
        MalformedJson: it is not UTF-8.
    """
    return _decoded(await gathered_bytes(pieces, limit, what), what)


async def gathered_bytes(pieces: AsyncIterator[bytes], limit: int, what: str) -> bytes:
    """The same as bytes.

    Raises:
        TooLarge: it is over the limit.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TooLarge(what=what, limit=limit)
    return bytes(body)


def parsed(text: str, part: str) -> object:
    """JSON values of a text. NaN and infinities are none.

    Raises:
        MalformedJson: the text is not JSON.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedJson(part=part, reason=f"{error or 'it is nested too deeply'}.") from None
    refuse_unstorable(value)
    return value


def refuse_unstorable(value: object) -> None:
    """Refuses JSON values that no database keeps.

    Raises:
        Invalid: they are nested too deeply, or a text holds NUL or half a surrogate pair.
    """
    fault = _fault(value, JSON_DEPTH_MAX)
    if fault:
        raise Invalid(reason=fault)


def _decoded(body: bytes, part: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedJson(part=part, reason=f"byte {error.start} is no UTF-8.") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _fault(value: object, levels: int) -> str | None:
    if isinstance(value, str):
        return "A text of the body holds NUL or half a surrogate pair." if _unstorable(value) else None
    if not isinstance(value, dict | list):
        return None
    if levels == 0:
        return f"The body is nested more than {JSON_DEPTH_MAX} deep."
    inner: list[object] = list(cast("dict[str, object] | list[object]", value))
    if isinstance(value, dict):
        inner += cast("dict[str, object]", value).values()
    return next((fault for one in inner if (fault := _fault(one, levels - 1))), None)


def _unstorable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= c <= "\udfff" for c in text if not text.isascii())
