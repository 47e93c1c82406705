"""Cuts JSON Lines into records, one a line."""

from collections.abc import Iterator
from typing import BinaryIO

from rowferry.formats.objects.records import RECORDS_MAX, Cut, Limits, Place

SPACE = b" \t\r"


class LineCutter:
    """Cuts a text whose every line is a record from a place to its end, in flat memory. Blank lines are counted, and are no records."""

    def __init__(self, file: BinaryIO, place: Place, limits: Limits) -> None:
        self._file, self._place, self._limits = file, place, limits

    def cuts(self) -> Iterator[Cut]:
        """All records, some at a time."""
        self._file.seek(self._place.offset)
        line, data, final = self._place.line, b"", False
        while data or not final:
            *whole, rest = data.split(b"\n", RECORDS_MAX)
            if final and rest and len(whole) < RECORDS_MAX:
                whole, rest = [*whole, rest], b""
            if whole:
                cut = self._cut(whole, line)
                yield cut
                line, data = line + len(whole), rest
            elif len(rest) > self._limits.record_bytes_max:
                cut, data = self._giant(rest, line)
                yield cut
                line, final = line + 1, False
            elif final:
                return
            else:
                wanted = max(self._limits.block_bytes, len(rest))
                got = self._file.read(wanted)
                data, final = rest + got, len(got) < wanted

    def _cut(self, lines: list[bytes], first: int) -> Cut:
        cut, limit = Cut(), self._limits.record_bytes_max
        for number, line in enumerate(lines, first):
            text = line if len(line) > limit else line.strip(SPACE)
            if text:
                cut.add(text, number, len(text), limit)
            else:
                cut.blanks += 1
        return cut

    def _giant(self, data: bytes, line: int) -> tuple[Cut, bytes]:
        """A first line longer than the limit: kept up to the limit, read over to its end."""
        kept, length = data[: self._limits.record_bytes_max], 0
        while (end := data.find(b"\n")) < 0:
            length += len(data)
            data = self._file.read(self._limits.block_bytes)
            if not data:
                break
        cut = Cut()
        cut.add(kept, line, length + max(0, end), self._limits.record_bytes_max)
        return cut, data[end + 1 :]
