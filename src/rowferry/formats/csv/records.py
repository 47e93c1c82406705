"""Cuts a stream of bytes into records, each with its first physical line, its exact bytes and what is wrong with its quoting.

The rules, whatever the size of a block:

1. A record is what `Grammar` takes from its start to a line end, at most `record_bytes_max` bytes with its line end.
2. Where there is no such record, or one whose quotes say that a delimiter is lost (`Grammar.glued`), the first physical line alone is a
   record at fault, and reading goes on with the next line, so that one stray quote eats nothing: `too-long` when that line is longer
   than the limit, `quote-error` otherwise.
3. A quoted cell that stayed open to the limit makes the whole lines up to there suspects: one of them that leaves a cell open fails
   too. Without this rule a file of such lines would be searched to the limit once per line; with it every byte is looked at a few
   times at most.

A block whose quotes are all where RFC 4180 wants them is cut by numpy; any doubt sends the block to the regular expressions of
the grammar. Both follow the same rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from rowferry.domain.faults import RowCode
from rowferry.formats.csv.grammar import LINE, SPACES, Grammar
from rowferry.ports import Lines

LF, CR = 10, 13
RECORDS_MAX = 1 << 16
"""Records that are held as objects at once: a block of the shortest lines has millions."""
ONE_BY_ONE_MAX = 1 << 10
"""Records that are looked at one by one before all are at once."""
FIRST_BYTES = 1 << 19
"""What is read at first; it doubles until it is a block. With the first rows soon, what comes behind has work soon."""
Bytes = npt.NDArray[np.uint8]


class _Doubt(Exception):
    """The quick way cannot be sure of this block."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position between two records: byte offset from the start of the file, and the physical line that begins there (from 1)."""

    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that is no record: its index in the cut, the code, its arguments."""

    index: int
    code: RowCode
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cut:
    """Some consecutive records, blank ones included: where each starts and ends in `data` (its line end included), and its line."""

    data: bytes
    starts: Lines
    ends: Lines
    lines: Lines
    faults: tuple[Fault, ...]
    after: Place
    """Where the next record starts."""

    def record(self, index: int) -> bytes:
        """The bytes of a record without its line end."""
        start, end = int(self.starts[index]), int(self.ends[index])
        if end > start and self.data[end - 1] == LF:
            end -= 1
        if end > start and self.data[end - 1] == CR and (end == self.ends[index] or self.data[end] == LF):
            end -= 1
        return self.data[start:end]

    def blanks(self, grammar: Grammar) -> Lines:
        """The indices of the records in which no cell has content."""
        none = np.empty(0, np.int64)
        if not len(self.starts):
            return none
        thin = np.zeros(256, np.bool_)
        thin[list(grammar.dialect.delimiter + grammar.dialect.quote + SPACES + b"\r\n")] = True
        data = np.frombuffer(self.data, np.uint8)
        # Few records begin and end thinly and are not thin all through, so only those are looked at whole.
        likely = np.flatnonzero(thin[data[self.starts]])
        likely = likely[thin[data[np.maximum(self.ends[likely] - 3, self.starts[likely])]]]
        if likely.size > ONE_BY_ONE_MAX:
            spans = np.stack((self.starts[likely], self.ends[likely]), axis=1).ravel()
            solid = np.logical_or.reduceat(np.append(~thin[data], values=False), spans)[0::2]
            likely = likely[~solid]
        faulty = {fault.index for fault in self.faults}
        found = [
            index
            for index in likely.tolist()
            if index not in faulty and grammar.blank(self.data, int(self.starts[index]), int(self.ends[index]))
        ]
        return np.array(found, np.int64)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read at once, and how long a record may be."""

    block_bytes: int
    record_bytes_max: int


class Cutter:
    """Cuts one file from a place between two records to its end."""

    def __init__(self, file: BinaryIO, grammar: Grammar, place: Place, limits: Limits) -> None:
        self._file = file
        self._grammar = grammar
        self._limits = limits
        self._offset = place.offset
        self._line = place.line
        self._suspect_until = 0
        self._final = False
        self._wanted = min(limits.block_bytes, FIRST_BYTES)

    def cuts(self) -> Iterator[Cut]:
        """All records, some at a time."""
        self._file.seek(self._offset)
        data = b""
        while True:
            cut = self._cut(data) if data else None
            if cut is not None:
                data = data[int(cut.ends[-1]) :]
            elif self._overlong(data):
                cut, data = self._giant(data)
            elif self._final:
                return
            else:
                data = self._more(data)
                continue
            self._offset, self._line = cut.after.offset, cut.after.line
            yield cut

    def _more(self, data: bytes) -> bytes:
        # Twice what is there: a long record is then looked at a few times, not once per block.
        wanted = max(self._wanted, len(data))
        self._wanted = min(self._limits.block_bytes, self._wanted * 2)
        got = self._file.read(wanted)
        self._final = len(got) < wanted
        return data + got

    def _cut(self, data: bytes) -> Cut | None:
        """The complete records at the start of the data; None when there is none."""
        if self._offset >= self._suspect_until:
            try:
                return self._quick(data)
            except _Doubt:
                pass
        return self._careful(data)

    # The quick way ----------------------------------------------------------------------------------------------------

    def _quick(self, data: bytes) -> Cut | None:
        view = np.frombuffer(data, np.uint8)
        breaks = self._line_breaks(data, view)
        quote = self._grammar.dialect.quote
        quotes = np.flatnonzero(view == quote[0]) if quote else np.empty(0, np.int64)
        last = breaks
        if quotes.size:
            last = breaks[(np.searchsorted(quotes, breaks) & 1) == 0]
            self._check_quotes(view, quotes, last)
        ends = last + 1
        if self._final and (not ends.size or ends[-1] != view.size):
            ends = np.append(ends, view.size)
        if not ends.size:
            if view.size > self._limits.record_bytes_max:
                raise _Doubt
            return None
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
        if int((ends - starts).max()) > self._limits.record_bytes_max:
            raise _Doubt
        before = np.searchsorted(breaks, starts) if quotes.size else np.arange(len(starts), dtype=np.int64)
        end = int(ends[-1])
        after = Place(self._offset + end, self._line + int(np.searchsorted(breaks, end)))
        return Cut(data, starts, ends, self._line + before, (), after)

    def _line_breaks(self, data: bytes, view: Bytes) -> Lines:
        """The last byte of each line end. A CR at the end of the data counts only when no LF can follow."""
        breaks = np.flatnonzero(view == LF)
        if b"\r" not in data:
            return breaks
        carriage = np.flatnonzero(view == CR)
        if not self._final and carriage[-1] == view.size - 1:
            carriage = carriage[:-1]
        following = view[np.minimum(carriage + 1, view.size - 1)]
        alone = carriage[following != LF]
        return np.sort(np.concatenate((breaks, alone))) if alone.size else breaks

    def _check_quotes(self, view: Bytes, quotes: Lines, breaks: Lines) -> None:
        """Sees to it that every quote up to the last record's end opens or closes a cell, or is one of a pair inside one."""
        if not self._final:
            quotes = quotes[: np.searchsorted(quotes, breaks[-1])] if breaks.size else quotes[:0]
        elif quotes.size & 1:
            raise _Doubt
        if not quotes.size:
            return
        fits = np.zeros(256, np.bool_)
        fits[[self._grammar.dialect.mark[0], self._grammar.dialect.quote[0], LF, CR]] = True
        opening, closing = quotes[0::2], quotes[1::2]
        well_opened = fits[view[np.maximum(opening - 1, 0)]] | (opening == 0)
        well_closed = fits[view[np.minimum(closing + 1, view.size - 1)]] | (closing == view.size - 1)
        if not (well_opened.all() and well_closed.all()):
            raise _Doubt

    # The careful way --------------------------------------------------------------------------------------------------

    def _careful(self, data: bytes) -> Cut | None:
        starts: list[int] = []
        lines: list[int] = []
        faults: list[Fault] = []
        position, line, quote_at = 0, self._line, -1
        while position < len(data) and len(starts) < RECORDS_MAX:
            quote_at = self._quote_from(data, position) if quote_at < position else quote_at
            first = self._first_line(data, position)
            if first is not None and first <= min(quote_at, position + self._limits.record_bytes_max):
                end, faulty = first, False  # a line without a quote, as most are
            elif (found := self._next(data, position, first)) is not None:
                end, faulty = found
            else:
                break
            if faulty:
                faults.append(Fault(len(starts), RowCode.QUOTE_ERROR, {}))
            starts.append(position)
            lines.append(line)
            line += 1 if faulty or end == first else _line_ends(data, position, end)
            position = end
        if not starts:
            return None
        ends = np.array([*starts[1:], position], np.int64)
        after = Place(self._offset + position, line)
        return Cut(data, np.array(starts, np.int64), ends, np.array(lines, np.int64), tuple(faults), after)

    def _quote_from(self, data: bytes, start: int) -> int:
        quote = self._grammar.dialect.quote
        found = data.find(quote, start) if quote else -1
        return len(data) if found < 0 else found

    def _next(self, data: bytes, start: int, first: int | None) -> tuple[int, bool] | None:
        """Where the record ends and whether it is at fault; None when more must be read, or when its first line is too long."""
        limit = start + self._limits.record_bytes_max
        if first is not None and self._offset + first <= self._suspect_until:
            within = self._grammar.end_of(data, start, first) == first or self._last_record(data, start, first)
            if first > limit:
                return None
            return self._judged(data, start, first, first) if within else (first, True)
        end = self._grammar.end_of(data, start, min(limit, len(data)))
        if end is not None and not self._splits_line_end(data, end):
            return self._judged(data, start, end, first)
        if len(data) <= limit and self._last_record(data, start, len(data)):
            return self._judged(data, start, len(data), first)
        return self._fault(data, start, limit, first) if end is None or end < len(data) else None

    def _judged(self, data: bytes, start: int, end: int, first: int | None) -> tuple[int, bool]:
        glued = self._grammar.glued(data, start, end)
        return (first or end, True) if glued else (end, False)

    def _fault(self, data: bytes, start: int, limit: int, first: int | None) -> tuple[int, bool] | None:
        stuck = self._grammar.stuck_at(data, start, min(limit, len(data)))
        if len(data) <= limit and not self._final and stuck >= len(data) - 1:
            return None
        if first is None or first > limit:
            return None
        self._suspect_until = max(self._suspect_until, self._offset + stuck)
        return first, True

    def _first_line(self, data: bytes, start: int) -> int | None:
        """The end of the physical line that starts here, if the data hold it whole."""
        found = LINE.match(data, start)
        if found is None:
            return len(data) if self._final else None
        return None if self._splits_line_end(data, found.end()) else found.end()

    def _last_record(self, data: bytes, start: int, end: int) -> bool:
        return self._final and end == len(data) and self._grammar.ends_with_file(data, start)

    def _splits_line_end(self, data: bytes, end: int) -> bool:
        """Whether a CR just before `end` may be, or is, half of a CRLF."""
        if data[end - 1] != CR:
            return False
        return not self._final if end == len(data) else data[end] == LF

    # Lines beyond the limit -------------------------------------------------------------------------------------------

    def _overlong(self, data: bytes) -> bool:
        first = self._first_line(data, 0) if data else 0
        return (len(data) if first is None else first) > self._limits.record_bytes_max

    def _giant(self, data: bytes) -> tuple[Cut, bytes]:
        """A first line longer than the limit: kept up to the limit, read over to its end in flat memory."""
        kept = data[: self._limits.record_bytes_max]
        length = 0
        while (end := self._first_line(data, 0)) is None:
            # The last byte stays: it may be the CR of a CRLF.
            length += len(data) - 1
            data = self._more_of_line(data[-1:])
        length += end
        arguments = {"length": length, "limit": self._limits.record_bytes_max}
        zero, line = np.zeros(1, np.int64), np.array([self._line], np.int64)
        after = Place(self._offset + length, self._line + 1)
        fault = Fault(0, RowCode.TOO_LONG, arguments)
        return Cut(kept, zero, np.array([len(kept)], np.int64), line, (fault,), after), data[end:]

    def _more_of_line(self, rest: bytes) -> bytes:
        got = self._file.read(self._limits.block_bytes)
        self._final = len(got) < self._limits.block_bytes
        return rest + got


def _line_ends(data: bytes, start: int, end: int) -> int:
    """How many physical lines a record takes."""
    feeds = data.count(b"\n", start, end)
    returns = data.count(b"\r", start, end)
    if returns:
        feeds += returns - data.count(b"\r\n", start, end)
    return feeds
