"""Reads JSON as the rules say it, record by record with Python's json module; slow, and independent of the product."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

DIGITS_MAX = 1_000
DEPTH_MAX = 64
SPACES = " \t\r\n"


class Number(str):
    """The text of a number."""

    __slots__ = ()


class Pairs(list[tuple[str, object]]):
    """The members of an object, one name as often as it comes."""


@dataclass
class Record:
    """A record: the line where it begins, its text, its members by name, and the codes that it may fail with (none: it is good)."""

    line: int
    raw: bytes
    members: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)


@dataclass
class Read:
    """A file: the names of its columns, its records without those that are blank, and how many those are."""

    columns: list[str]
    records: list[Record]
    blanks: int


def refused(word: str) -> NoReturn:
    raise ValueError(word)


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=refused, object_pairs_hook=Pairs)


def read_lines(data: bytes) -> Read:
    """JSON Lines."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if not lines[-1]:
        lines.pop()
    return collected([record_of(number, line.strip(SPACES)) for number, line in enumerate(lines, 1)])


def read_array(data: bytes) -> Read:
    """One array that is well formed."""
    text = data.decode("utf-8", "surrogateescape")
    at, records = text.index("[") + 1, []
    while (at := behind(text, at, ",")) < len(text) and text[at] != "]":
        _, end = DECODER.raw_decode(text, at)
        before = text[:at].replace("\r\n", "\n").replace("\r", "\n")
        records.append(record_of(1 + before.count("\n"), text[at:end]))
        at = end
    return collected(records)


def behind(text: str, at: int, also: str) -> int:
    while at < len(text) and text[at] in SPACES + also:
        at += 1
    return at


def collected(records: list[Record | None]) -> Read:
    columns: dict[str, None] = {}
    for record in records:
        columns |= dict.fromkeys(record.members if record else ())
    kept = [one for one in records if one is not None and (one.codes or any(one.members.values()))]
    return Read(list(columns), kept, len(records) - len(kept))


def record_of(line: int, text: str) -> Record | None:
    """One record; None: the text is empty."""
    if not text:
        return None
    record = Record(line, text.encode("utf-8", "surrogateescape"))
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        record.codes = {"json-error"}
        return record
    if not isinstance(value, Pairs):
        record.codes = {"json-error"}
        return record
    for name, member in value:
        put(record, name, member)
    names = [name for name, _ in value]
    if len(set(names)) < len(names) or deep(value):
        record.codes.add("json-error")
    if any("\udc80" <= one <= "\udcff" for one in text):
        record.codes.add("encoding-error")
    if any("\ud800" <= one <= "\udfff" for one in "".join([*names, *record.members.values()])):
        record.codes |= {"json-error"} - ({"json-error"} if "encoding-error" in record.codes else set())
    return record


def put(record: Record, name: str, value: object) -> None:
    record.typed.discard(name)
    match value:
        case None:
            record.members[name] = ""
        case bool():
            record.members[name] = "true" if value else "false"
            record.typed.add(name)
        case Number():
            exact = plain(value)
            record.members[name] = exact or value
            record.typed |= {name} if exact else set()
        case str():
            record.members[name] = value
        case _:
            record.members[name] = dumped(value)
            record.typed.add(name)


def plain(number: Number) -> str | None:
    """The number without an exponent; None: that would be absurdly long."""
    if not set(number) & {"e", "E"}:
        return number
    value = Decimal(number)
    if value and abs(value.adjusted()) + len(number) > DIGITS_MAX:
        return None
    return format(value, "f")


def dumped(value: object) -> str:
    """A nested value in a form in which two that are alike are the same."""
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{dumped(one)}" for name, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dumped(one) for one in value) + "]"
    return value if isinstance(value, Number) else json.dumps(value)


def deep(value: object, depth: int = 0) -> bool:
    """Whether anything is nested deeper in a member than it may be; a member itself has the depth 1."""
    if not isinstance(value, list):
        return False
    inside = [one for _, one in value] if isinstance(value, Pairs) else value
    return depth > DEPTH_MAX or any(deep(one, depth + 1) for one in inside)
