"""Cuts the elements of a JSON array, or objects one after another, as a stream; what breaks the rules stops the job."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO

import msgspec

from rowferry.formats.objects.members import NEVER_ENDS, Broken, Scanner, TooDeep
from rowferry.formats.objects.records import RECORDS_MAX, Cut, Limits, Place, damaged, line_ends, lines_at
from rowferry.formats.objects.shape import skip
from rowferry.formats.objects.skipping import Skipper

SHORT_CHARACTERS = 12
"""How near to its end a text that is cut off may be found to be broken."""
TRIES_MAX = 3
TO_LEARN = 2
"""Elements that show what stands between two."""
LONG = -1
EXPONENT, FRACTION = "e+0", ".eE"
"""What the digits of a number must be followed by so that it goes on: as long as that at most, and beginning so."""
CLOSING = '}]"'
APART = b" \t\n\r,"
NEVER = "the file ends here, before the JSON does"
_BETWEEN = re.compile(rb"[ \t\n\r,]*")
_FIRST_NAME = re.compile(rb'\{[ \t\n\r]*"[^"\\]*"[ \t\n\r]*:')
_SPACES = re.compile(rb"[ \t\n\r]*")


class Needed(Enum):
    """What must come next: a comma or the closing bracket, an element, or either an element or the bracket."""

    MARK = 1
    ELEMENT = 2
    ANY = 3


class ArrayCutter:
    """Cuts elements from a place, which is behind the opening bracket, to the closing one or, of a `sequence`, to the end of the file.

    Three ways lead to the same cuts. Where two elements in a row have shown what stands between them, all up to the last such joint are
    read at once; that they can be read proves that the joint was one, since JSON is read from left to right in one way only. Where this
    fails, elements are followed one by one. One that is longer than the limit is read over.
    """

    def __init__(self, file: BinaryIO, place: Place, limits: Limits, *, sequence: bool = False, start: int = 0) -> None:
        self._file, self._limits, self._sequence, self._start = file, limits, sequence, start
        self._offset, self._line = place.offset, place.line
        self._data, self._final = b"", False
        self._joint = self._between = b""
        self._tried = False
        self._needed = Needed.ANY
        self._elements = msgspec.json.Decoder(list[msgspec.Raw])
        self._scanner = Scanner()
        self.over = False
        """Whether the closing bracket was met."""

    @property
    def place(self) -> Place:
        """Where reading stands: at the end, behind the closing bracket."""
        return Place(self._offset, self._line)

    def cuts(self) -> Iterator[Cut]:
        """All elements, some at a time.

        Raises:
            JobStopped: json-damaged.
        """
        self._file.seek(self._offset)
        while not self.over:
            cut = Cut()
            while not self.over and (self._at_once(cut) or self._one_by_one(cut)):
                pass
            if cut.texts:
                yield cut
            elif not self.over:
                self._grow()

    def _grow(self) -> None:
        if self._final:
            raise self._broken(len(self._data), NEVER)
        wanted = max(self._limits.block_bytes, len(self._data))
        got = self._file.read(wanted)
        self._data += got
        self._final = len(got) < wanted

    def _advance(self, at: int) -> None:
        self._line += line_ends(self._data, at)
        self._offset += at
        self._data = self._data[at:]

    def _broken(self, at: int, reason: str) -> Exception:
        line = self._line + line_ends(self._data, at)
        return damaged(self._file, Place(self._offset + at, line), self._start, reason)

    # All at once ------------------------------------------------------------------------------------------------------

    def _at_once(self, cut: Cut) -> bool:
        """Takes all elements up to the last joint; whether there were any."""
        room = RECORDS_MAX - len(cut.texts)
        if not self._joint or room <= 0:
            return False
        begin = self._element()
        if begin is None:
            return False
        count = self._data.count(self._joint, begin)
        end = len(self._data) if count < room else len(self._data) * room // count
        for _ in range(TRIES_MAX):
            end = self._data.rfind(self._joint, begin, end)
            if end < 0:
                return False
            try:
                found = self._elements.decode(b"[" + self._data[begin : end + 1] + b"]")
            except (msgspec.DecodeError, RecursionError):
                continue
            texts = list(map(bytes, found))
            self._needed = Needed.MARK
            self._take(cut, self._spans(begin, texts), texts, end + 1)
            return True
        return False

    def _element(self) -> int | None:
        """Where the next element begins, where it surely does."""
        at = _SPACES.match(self._data)
        begin = at.end() if at else 0
        if self._needed is Needed.MARK:
            if not self._data.startswith(b",", begin):
                return None
            at = _SPACES.match(self._data, begin + 1)
            begin = at.end() if at else 0
        return begin if self._data.startswith(b"{", begin) else None

    def _spans(self, at: int, texts: list[bytes]) -> list[tuple[int, int]]:
        """Where elements are that have nothing but commas and spaces between them."""
        spans, data, between = list[tuple[int, int]](), self._data, self._between
        for text in texts:
            if data.startswith(between, at):
                at += len(between)
            if data[at] in APART:
                found = _BETWEEN.match(data, at)
                at = found.end() if found else at
            spans.append((at, at + len(text)))
            at += len(text)
        return spans

    def _take(self, cut: Cut, spans: list[tuple[int, int]], texts: list[bytes], at: int) -> None:
        """Takes elements, and goes on at a place behind them."""
        limit = self._limits.record_bytes_max
        lines = lines_at(self._data, [begin for begin, _ in spans], self._line)
        for text, line in zip(texts, lines, strict=True):
            cut.add(text, line, len(text), limit)
        self._advance(at)

    # One by one -------------------------------------------------------------------------------------------------------

    def _one_by_one(self, cut: Cut) -> bool:
        """Takes some elements; whether there may be more in what was read."""
        text = self._data.decode("latin-1")
        most = RECORDS_MAX if self._tried or self._sequence else TO_LEARN
        most = min(most, RECORDS_MAX - len(cut.texts))
        at, spans, long = 0, list[tuple[int, int]](), False
        while len(spans) < most and not long:
            at, begin = self._before(text, at)
            if begin is None:
                break
            end = self._end(text, begin)
            if end is None:
                break
            if end == LONG:
                at, long = begin, True
            else:
                spans.append((begin, end))
                at, self._needed = end, Needed.MARK
        self._learn(spans)
        self._take(cut, spans, [self._data[begin:end] for begin, end in spans], at)
        if long:
            self._read_over(cut)
        return long or len(spans) == most > 0

    def _before(self, text: str, at: int) -> tuple[int, int | None]:
        """How far a text is understood up to its next element, and where that begins; None: what was read has none."""
        begin = skip(text, at)
        mark = text[begin : begin + 1]
        if mark == "," and self._needed is Needed.MARK and not self._sequence:
            self._needed = Needed.ELEMENT
            begin = skip(text, begin + 1)
            mark = text[begin : begin + 1]
        if not mark:
            self.over = self._final and self._sequence
            # The last byte stays where it may be the first half of a line end.
            return max(at, begin - text.endswith("\r")), None
        if mark == "]" and self._needed is not Needed.ELEMENT and not self._sequence:
            self.over = True
            return begin + 1, None
        if self._needed is Needed.MARK and not self._sequence:
            raise self._broken(begin, "a comma or a closing bracket is expected")
        return begin, begin

    def _end(self, text: str, begin: int) -> int | None:
        """Where an element ends; None: more must be read, `LONG`: it is longer than what is read at once."""
        longest = begin + self._limits.record_bytes_max
        try:
            end = self._scanner.end(text, begin)
        except TooDeep:
            return LONG
        except Broken as broken:
            endless = broken.reason == NEVER_ENDS
            if broken.at > longest or (endless and len(text) > longest):
                return LONG
            if not self._final and (endless or broken.at >= len(text) - SHORT_CHARACTERS):
                return LONG if len(text) > longest else None
            raise self._broken(broken.at, broken.reason) from None
        rest = text[end : end + len(EXPONENT)]
        cut = not rest or (len(rest) < len(EXPONENT) and rest[0] in FRACTION)  # a number may go on in what comes next
        if not cut or self._final or text[end - 1] in CLOSING:
            return end
        return LONG if len(text) > longest else None

    def _learn(self, spans: list[tuple[int, int]]) -> None:
        """What stands between two elements, up to the name of the second's first member where it is that of the first as well."""
        if self._joint or self._sequence or len(spans) < TO_LEARN:
            return
        self._tried = True
        (_, end), (other, _) = spans[:TO_LEARN]
        first, second = (_FIRST_NAME.match(self._data, begin) for begin, _ in spans[:TO_LEARN])
        if first and second:
            self._between = self._data[end:other]
            self._joint = self._data[end - 1 : other] + (second[0] if second[0] == first[0] else b"{")

    def _read_over(self, cut: Cut) -> None:
        """Takes the element with which the data begin, of which only the beginning is kept."""
        skipper, kept, length, line = Skipper(), bytearray(), 0, self._line
        while (end := skipper.feed(self._data)) is None:
            # The last byte stays where it may be the first half of a line end.
            used = len(self._data) - self._data.endswith(b"\r")
            kept += self._data[: max(0, min(used, self._limits.record_bytes_max - len(kept)))]
            length += used
            self._advance(used)
            got = self._file.read(self._limits.block_bytes)
            if not got:
                raise self._broken(len(self._data), NEVER)
            self._data += got
        kept += self._data[: max(0, min(end, self._limits.record_bytes_max - len(kept)))]
        cut.add(bytes(kept), line, length + end, self._limits.record_bytes_max)
        self._needed = Needed.MARK
        self._advance(end)
