"""Looks at a file as it comes: counts the records of CSV text, and turns JSON into CSV, each against the limit of items."""

import codecs
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

from rowferry.api.gu1.replies import too_many

MARKS_OF_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BINARY = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
"""Beginnings of workbooks and archives: nothing is counted in them here."""
HEAD_BYTES = 4
JSON_STARTS = (b"{", b"[")

Pieces = AsyncIterator[bytes]


class Records:
    """Counts the records of CSV text, piece by piece: lines that are not empty, where a line end within quotes is none.

    The count includes the header. Source: RFC 4180.
    """

    def __init__(self) -> None:
        self._ended = 0
        self._begun = False
        self._quoted = False

    @property
    def count(self) -> int:
        """The records that have begun."""
        return self._ended + self._begun

    def feed(self, piece: bytes) -> None:
        """Takes the next piece."""
        for number, part in enumerate(piece.split(b'"')):
            if number:
                self._quoted = not self._quoted
                self._begun = True
            if not self._quoted:
                self._lines(part.replace(b"\r", b"\n").split(b"\n"))

    def _lines(self, lines: list[bytes]) -> None:
        self._begun |= bool(lines[0])
        if len(lines) > 1:
            self._ended += self._begun + sum(map(bool, lines[1:-1]))
            self._begun = bool(lines[-1])


async def begun(pieces: Pieces) -> tuple[bytes, Pieces]:
    """The first bytes of a file, without a mark and leading space, and the file still whole."""
    taken: list[bytes] = []
    head = b""
    async for piece in pieces:
        taken.append(piece)
        head = b"".join(taken).removeprefix(codecs.BOM_UTF8).lstrip()
        if len(head) >= HEAD_BYTES or len(taken) > HEAD_BYTES:
            break
    return head, _whole(taken, pieces)


async def counted(pieces: Pieces, limit: int) -> AsyncGenerator[bytes, None]:
    """The pieces of a CSV file as they are.

    Raises:
        Fault: more than a header and so many records come.
    """
    head, whole = await begun(pieces)
    if head.startswith(BINARY):
        async for piece in whole:
            yield piece
        return
    records = Records()
    decoder = codecs.getincrementaldecoder("utf-16")("replace") if head.startswith(MARKS_OF_UTF16) else None
    async for piece in whole:
        records.feed(piece if decoder is None else decoder.decode(piece).encode())
        if records.count > limit + 1:
            raise too_many(limit)
        yield piece


async def tabular(
    pieces: Pieces, count: Callable[[Pieces], Pieces], table: Callable[[Pieces], Awaitable[Pieces]]
) -> AsyncGenerator[bytes, None]:
    """The pieces of a file: JSON by way of `table`, which makes CSV of it; any other by way of `count`."""
    head, whole = await begun(pieces)
    chosen = await table(whole) if head.startswith(JSON_STARTS) else count(whole)
    async for piece in chosen:
        yield piece


async def _whole(taken: list[bytes], rest: Pieces) -> AsyncGenerator[bytes, None]:
    for piece in taken:
        yield piece
    async for piece in rest:
        yield piece
