"""How answers are carried: times, versions as ETags, waiting, ranges, names and digests of downloads."""

import base64
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import quote

from rowferry.domain.faults import Invalid, Pointed, RangeNotSatisfiable

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)
_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.ASCII | re.IGNORECASE)
_ETAG = re.compile(r'(?:W/)?"[^"]*"')

DOWNLOAD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}
"""What every download carries, so that a browser shows no file of a stranger as a page."""


def now() -> datetime:
    """The time for what is shown only; leases and ends are the database's."""
    return datetime.now(UTC)


def stamp(time: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC with milliseconds."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def stamp_seconds(time: datetime | None) -> str | None:
    """The same to the second, cut and not rounded: for dialects whose times have no fraction."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_stamp(text: str, name: str) -> datetime:
    """The time of a query parameter.

    Raises:
        Invalid: it is no RFC 3339 time with a zone.
    """
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo is not None else _no_time(name)
    except (ValueError, OverflowError):
        return _no_time(name)


def _no_time(name: str) -> NoReturn:
    reason = f"{name} is no time like 2026-11-25T16:00:00Z."
    raise Invalid(reason=reason, errors=(Pointed(reason, f"/query/{name}"),))


def etag(version: int) -> str:
    """The version of a job as a weak ETag: the heartbeat may differ under the same version."""
    return f'W/"{version}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a client already has what the tag names. Weak comparison, as RFC 9110 section 13.1.2 asks."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = tag.removeprefix("W/")
    return any(found.removeprefix("W/") == opaque for found in _ETAG.findall(if_none_match))


def retry_after(seconds_left: float | None) -> str:
    """When to look again: soon, and less often when much is left."""
    return str(max(1, min(5, math.ceil((seconds_left or 0) / 4))))


def wait_seconds(prefer: str | None, most: float) -> float | None:
    """How long a caller prefers to wait for a change, cut to what we bear. Source: RFC 7240 section 4.3."""
    if prefer is None:
        return None
    for preference in prefer.split(","):
        found = _WAIT.fullmatch(preference.split(";")[0].strip())
        if found:
            return min(float(found[1]), most)
    return None


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` (not included) of a file."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def span(range_header: str | None, size: int) -> Span | None:
    """The one range that is asked for, or None for the whole file. Source: RFC 9110 section 14.

    Several ranges, another unit and what is no range are ignored, as the RFC allows.

    Raises:
        RangeNotSatisfiable: the range begins behind the end.
    """
    found = _RANGE.fullmatch(range_header.strip()) if range_header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(bytes=size)
    return Span(start, end)


def attachment(name: str) -> str:
    """A Content-Disposition that saves under this name. Source: RFC 6266, RFC 8187."""
    shown = "".join(c for c in name if c.isprintable() and c not in '/\\"') or "file"
    plain = shown.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    header = f'attachment; filename="{plain}"'
    if plain != shown:
        header += f"; filename*=UTF-8''{quote(shown.encode('utf-8', 'replace'), safe='')}"
    return header


def repr_digest(sha256: str) -> str:
    """A hexadecimal SHA-256 as Repr-Digest. Source: RFC 9530."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def printable(text: str) -> str:
    """A text of a stranger, short and without what cannot be seen, for a message."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:100])
