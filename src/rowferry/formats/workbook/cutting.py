"""Cuts the XML of a large part into whole items without parsing it, for as long as its markup is plain."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rowferry.formats.workbook.limits import damaged
from rowferry.formats.workbook.markup import Read

PIECE_BYTES = 1 << 20
HEAD_BYTES_MAX = 1 << 20
_FOREIGN = re.compile(rb"""encoding=["'](?!utf-?8["'])""", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));")
HALVES = range(0xD800, 0xE000)
"""Code points that are halves of a pair and no character alone."""
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True, slots=True)
class Items:
    """How a part holds its items: the tags around all of them, and how one begins."""

    opening: re.Pattern[bytes]
    beginning: bytes
    closing: bytes


class Cutter:
    """Gives the items of a part in pieces of about a megabyte.

    It stops where something else than plain markup is met: comments, declarations, other encodings, prefixes. Then `rest` is what was
    read and not given, and `opened` says whether that is inside the tags around the items or from the beginning of the part.
    """

    def __init__(self, read: Read, items: Items) -> None:
        self._read, self._items = read, items
        self.opened = False
        self.over = False
        self.rest = b""

    def pieces(self) -> Iterator[bytes]:
        """Whole items, none twice.

        Raises:
            JobStopped: workbook-damaged.
        """
        buffer = self._open()
        while self.opened and not self.over:
            end = buffer.find(self._items.closing)
            if _declares(buffer):
                break
            if end < 0:
                end = buffer.rfind(self._items.beginning)
            else:
                self.over = True
            if end > 0:
                yield buffer[:end]
                buffer = buffer[end:]
            more = b"" if self.over else self._read(PIECE_BYTES)
            if not (more or self.over):
                raise damaged("its XML breaks off")
            buffer += more
            if len(buffer) > 16 * PIECE_BYTES:
                break
        self.rest = buffer
        while self.over and self._read(PIECE_BYTES):  # so that the check sum is compared
            pass

    def _open(self) -> bytes:
        """Reads up to the first item."""
        buffer = b""
        while piece := self._read(PIECE_BYTES):
            buffer += piece
            found = self._items.opening.search(buffer)
            if found is not None and not _unplain(buffer[: found.start()]):
                self.opened = True
                return buffer[found.end() :]
            if len(buffer) > HEAD_BYTES_MAX:
                break
        return buffer


def _declares(data: bytes) -> bool:
    """Whether there are comments, declarations or instructions. The rarer sign is looked for first, which is much quicker."""
    return (b"!" in data and b"<!" in data) or (b"?" in data and b"<?" in data)


def _unplain(head: bytes) -> bool:
    return b"<!" in head or b"\0" in head or _FOREIGN.search(head[:200]) is not None


def unescaped(text: str) -> str:
    """A text with its character references as the characters that they stand for. Source: XML 1.0, 4.1 and 4.6."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    code = int(found[1]) if found[1] else int(found[2], 16)
    if code > sys.maxunicode or code in HALVES:
        raise damaged("it refers to a character that does not exist")
    return chr(code)
