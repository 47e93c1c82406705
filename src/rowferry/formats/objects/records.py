"""What cutting a JSON text gives: the text of each record, the line where it begins, and which are too long to be kept whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from rowferry.domain.faults import JobFaultCode, JobStopped, RowCode, stop

RECORDS_MAX = 1 << 16
"""Records that are held as objects at once."""
PIECE = 1 << 20
LF = 10
_LINE_ENDS = re.compile(rb"\r\n?|\n")
_CONTINUED = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character."""

Told = tuple[str, Mapping[str, object]]
"""The code of a fault and its arguments."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a text: byte offset from the start of the file, and the physical line (from 1) it is on."""

    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at once, how long a record may be, and how many names all records may have."""

    block_bytes: int
    record_bytes_max: int
    columns_max: int


@dataclass(slots=True)
class Cut:
    """Some consecutive records in their order: texts as they stand, the lines where they begin, faults by index; blank lines among them."""

    texts: list[bytes] = field(default_factory=list[bytes])
    lines: list[int] = field(default_factory=list[int])
    faults: dict[int, Told] = field(default_factory=dict[int, Told])
    blanks: int = 0

    def add(self, text: bytes, line: int, length: int, limit: int) -> None:
        """A record; of one that is longer than the limit only the beginning is kept."""
        if length > limit:
            self.faults[len(self.texts)] = RowCode.TOO_LONG, {"length": length, "limit": limit}
        self.texts.append(text[:limit])
        self.lines.append(line)


def line_ends(data: bytes, end: int | None = None) -> int:
    """How many physical lines end in the data before a place."""
    found = data.count(b"\n", 0, end)
    returns = data.count(b"\r", 0, end)
    return found + returns - data.count(b"\r\n", 0, end) if returns else found


def lines_at(data: bytes, places: list[int], first: int) -> list[int]:
    """The physical lines of places in their order, where the data begin in the line `first`."""
    if b"\r" in data:
        ends = np.array([found.end() for found in _LINE_ENDS.finditer(data)], np.int64)
    else:
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == LF) + 1
    found: list[int] = (np.searchsorted(ends, places, "right") + first).tolist()
    return found


def damaged(file: BinaryIO, place: Place, start: int, reason: str) -> JobStopped:
    """What stops a job whose JSON breaks a rule at a place, from where nothing can be told. `start` is where the text begins in the file."""
    column = _column(file, start, place.offset)
    return stop(
        JobFaultCode.JSON_DAMAGED,
        f"The JSON is damaged in line {place.line}, column {column}: {reason}. Nothing was imported. Mend it there, or export it anew.",
        line=place.line,
        column=column,
    )


def _column(file: BinaryIO, start: int, offset: int) -> int:
    """The column of a byte in its line, in characters from 1."""
    characters, end = 1, offset
    while end > start:
        begin = max(start, end - PIECE)
        file.seek(begin)
        piece = file.read(end - begin)
        in_line = piece[max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1 :]
        characters += len(in_line.translate(None, _CONTINUED))
        if len(in_line) < len(piece):
            break
        end = begin
    return characters
