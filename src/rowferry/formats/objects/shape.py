"""Tells by its first bytes how a JSON text holds its records: in an array, in an object around an array, one after another, one a line."""

import json
import re
from enum import StrEnum

from rowferry.formats.objects.encoding import encoding_of

HEAD_BYTES = 1 << 16
WRAPPERS = frozenset(
    {"rows", "data", "records", "items", "results", "entries", "value", "entities", "transactions", "events"}
)
"""Members of an object that may hold the array of all records."""
SPACE = " \t\n\r"
_BEGINNING = re.compile(r'\{[ \t\n\r]*(?:["}]|\Z)|\[[ \t\n\r]*(?:[\[{"\]]|\Z|-?[0-9]|(?:null|true|false)[ \t\n\r,\]])')
_SPACES = re.compile(r"[ \t\n\r]*")
_UNFINISHED = ("{", "[", ",", ":")
"""How a line ends after which its object goes on."""


class Shape(StrEnum):
    """How the records of a text lie."""

    ARRAY = "array"
    WRAPPED = "wrapped"
    SEQUENCE = "sequence"
    LINES = "lines"


def shape_of(head: bytes) -> Shape | None:
    """The shape of the text that begins with these bytes; None: it is not JSON, or it is a mere text, number or word."""
    encoding = encoding_of(head)
    utf8 = head[encoding.mark :]
    if encoding.codec is not None:
        utf8 = utf8.decode(encoding.codec, "replace").encode("utf-8", "replace")
    text = utf8.decode("latin-1").lstrip(SPACE)
    if _BEGINNING.match(text) is None:
        return None
    if text.startswith("["):
        return Shape.ARRAY
    return _of_objects(text, whole=len(head) < HEAD_BYTES)


def _of_objects(text: str, *, whole: bool) -> Shape:
    first, _, others = text.partition("\n")
    first, others = first.rstrip(SPACE), others.lstrip(SPACE)
    if others.startswith("{") and not first.endswith(_UNFINISHED):
        return Shape.LINES
    if array_at(text) is not None:
        return Shape.WRAPPED
    endless = not others and not whole
    return Shape.LINES if endless or first.endswith("}") else Shape.SEQUENCE


def array_at(text: str) -> int | None:
    """Where the array of records begins in an object that begins the text, as far as the text goes."""
    decoder = json.JSONDecoder(parse_int=len, parse_float=len)
    try:
        at = _behind(text, skip(text, 0), "{")
        while at is not None:
            name, at = decoder.raw_decode(text, at)
            at = _behind(text, skip(text, at), ":")
            if at is not None and name in WRAPPERS and _holds_records(text, at):
                return at
            if at is not None:
                _, at = decoder.raw_decode(text, at)
                at = _behind(text, skip(text, at), ",")
    except (ValueError, RecursionError):
        return None
    return None


def skip(text: str, at: int) -> int:
    """The place of the next character that is no space of JSON."""
    found = _SPACES.match(text, at)
    return found.end() if found else at


def _holds_records(text: str, at: int) -> bool:
    """Whether an array begins there whose first element, if it has one, is an object."""
    inside = skip(text, at + 1)
    return text.startswith("[", at) and text[inside : inside + 1] in {"{", "]"}


def _behind(text: str, at: int, mark: str) -> int | None:
    return skip(text, at + 1) if text.startswith(mark, at) else None
