"""Reads the text of one JSON object member by member, each value as the very text that stands there, and says what is wrong with it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from rowferry.domain.faults import RowCode
from rowferry.formats.objects.records import Told
from rowferry.formats.objects.shape import skip

DEPTH_MAX = 64
"""How deep the value of a member may be nested."""
NEVER_ENDS = "a text begins that never ends"
REASONS = (
    ("Expecting value", "a value is expected"),
    ("Expecting ',' delimiter", "a comma or a closing bracket is expected"),
    ("Expecting ':' delimiter", "a colon is expected"),
    ("Expecting property name", "a name in double quotes is expected"),
    ("Illegal trailing comma", "nothing follows the comma"),
    ("Unterminated string", NEVER_ENDS),
    ("Invalid control character", "a text holds a line end or another control character"),
    ("Invalid \\", "a backslash stands before what it cannot stand before"),
)
TOO_DEEP: Told = RowCode.JSON_ERROR, {"reason": f"it is nested more than {DEPTH_MAX} deep"}
SORTS = {"[": "an array", '"': "a text", "t": "true", "f": "false", "n": "null"}
_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Broken(Exception):
    """A text that is not JSON: why, and at which byte of it."""

    def __init__(self, reason: str, at: int) -> None:
        self.reason, self.at = reason, at
        super().__init__(reason)


class TooDeep(Exception):
    """A text that is nested deeper than can be followed."""


@dataclass(frozen=True, slots=True)
class Members:
    """The members of an object: the text of each value by its name, and what is wrong with the object as a whole (None: nothing)."""

    values: Mapping[str, bytes]
    fault: Told | None = None


class Scanner:
    """Follows JSON values in a text whose every character is a byte."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_refuse)

    def end(self, text: str, at: int) -> int:
        """The place behind the value that begins at a place.

        Raises:
            Broken: there is none.
            TooDeep: it is nested too deeply.
        """
        try:
            return self._decoder.raw_decode(text, at)[1]
        except json.JSONDecodeError as error:
            raise Broken(_reason(error.msg), error.pos) from None
        except RecursionError:
            raise TooDeep from None
        except ValueError as error:
            raise Broken(f"{error} is no value of JSON", at) from None


def members_of(record: bytes, encoding: str) -> Members:
    """The members of the object that is the whole record."""
    try:
        values, names = walked(record.decode("latin-1"))
    except Broken as broken:
        return Members({}, _wrong(f"{broken.reason} at character {_characters(record, broken.at)}"))
    except TooDeep:
        return Members({}, TOO_DEEP)
    except UnicodeDecodeError:
        return Members({}, (RowCode.ENCODING_ERROR, {"encoding": encoding}))
    twice = next((name for name in names if names.count(name) > 1), None) if len(names) > len(values) else None
    if twice is not None:
        return Members(values, _wrong(f"the name {_shown(twice)} comes twice"))
    if deep(record):
        return Members(values, TOO_DEEP)
    return Members(values, _unfit(values, encoding))


def walked(text: str) -> tuple[dict[str, bytes], list[str]]:
    """The members of an object that is a whole text of bytes as characters, and all names as they come.

    Raises:
        Broken: it is no object, or not JSON.
        TooDeep: it is nested too deeply.
        UnicodeDecodeError: a name is no UTF-8.
    """
    scanner, values, names = Scanner(), dict[str, bytes](), list[str]()
    at = skip(text, 0)
    if not text.startswith("{", at):
        scanner.end(text, at)
        raise Broken(f"{SORTS.get(text[at], 'a number')} stands where an object is expected", at)
    at = skip(text, at + 1)
    while not text.startswith("}", at):
        if not text.startswith('"', at):
            raise Broken("a name in double quotes is expected", at)
        end = scanner.end(text, at)
        name = text_of(text[at:end].encode("latin-1"))
        begin = _expected(text, skip(text, end), ":", "a colon is expected")
        end = scanner.end(text, begin)
        names.append(name)
        values[name] = text[begin:end].encode("latin-1")
        at = skip(text, end)
        if not text.startswith("}", at):
            at = _expected(text, at, ",", "a comma or a closing bracket is expected")
            if text.startswith("}", at):
                raise Broken("nothing follows the comma", at)
    behind = skip(text, at + 1)
    if behind < len(text):
        raise Broken("there is more behind the end of the object", behind)
    return values, names


def text_of(token: bytes) -> str:
    """The characters of a text that stands in quotes; half a surrogate pair stays one.

    Raises:
        UnicodeDecodeError: its bytes are no UTF-8.
    """
    return str(json.loads(token.decode()))


def deep(record: bytes) -> bool:
    """Whether a value of the record is nested more than `DEPTH_MAX` deep."""
    if record.count(b"{") + record.count(b"[") <= DEPTH_MAX + 1:
        return False
    depth = 0
    for mark in re.findall(r"[][{}]", _TEXT.sub("", record.decode("latin-1"))):
        depth += 1 if mark in "[{" else -1
        if depth > DEPTH_MAX + 1:
            return True
    return False


def whole(text: str) -> bool:
    """Whether no half of a surrogate pair is in a text."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _unfit(values: Mapping[str, bytes], encoding: str) -> Told | None:
    """What keeps values that are JSON from being texts."""
    try:
        texts = [text_of(token) if token.startswith(b'"') else token.decode() for token in values.values()]
    except UnicodeDecodeError:
        return RowCode.ENCODING_ERROR, {"encoding": encoding}
    if all(whole(text) for text in (*values, *texts)):
        return None
    return _wrong("a text holds half a surrogate pair")


def _wrong(reason: str) -> Told:
    return RowCode.JSON_ERROR, {"reason": reason}


def _expected(text: str, at: int, mark: str, reason: str) -> int:
    if not text.startswith(mark, at):
        raise Broken(reason, at)
    return skip(text, at + 1)


def _reason(message: str) -> str:
    return next((ours for theirs, ours in REASONS if message.startswith(theirs)), "it is not JSON")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _characters(record: bytes, at: int) -> int:
    return len(record[:at].decode("utf-8", "replace")) + 1


def _shown(name: str) -> str:
    return name.encode("utf-8", "replace").decode()[:80]
