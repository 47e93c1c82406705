"""What a delimiter and a quote make of text: where a record ends, which records are blank, and the cells of one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LINE = re.compile(rb"[^\r\n]*+(?:\r\n|\r|\n)")
"""A physical line with its end: LF, CRLF or CR alone."""
SPACES = b" \t\v\f"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One byte between cells, and one byte around cells that hold it (none: nothing is quoted).

    A blank after the delimiter's byte says that blanks after delimiters, and around quotes, are no part of the cells.
    """

    delimiter: bytes
    quote: bytes

    @property
    def mark(self) -> bytes:
        """The byte between cells."""
        return self.delimiter[:1]

    @property
    def loose(self) -> bool:
        """Whether blanks before a cell are no part of it."""
        return len(self.delimiter) > 1


class Grammar:
    """The rules of one dialect: RFC 4180 and what it leaves open.

    A record ends with any of the three line ends; a quote inside an unquoted cell is text; a quoted cell is over at its second lone quote.

    **Source:** RFC 4180, section 2.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        d, q = re.escape(dialect.mark), re.escape(dialect.quote)
        s, blank = (b"\\x20*+", b"\\x20") if dialect.loose else (b"", b"")
        quoted = b"%b(?>[^%b]++|%b%b)*+%b%b" % (q, q, q, q, q, s)
        # To the end of what is there a closed cell may have more blanks before its delimiter.
        still = b"(?>%b%b\\Z)?" % (q, s) if dialect.loose else b""
        opened = b"%b(?>[^%b]++|%b%b)*+%b" % (q, q, q, q, still)
        bare = b"[^%b%b\r\n][^%b\r\n]*+|" % (d, q, d)
        if not dialect.quote:
            quoted = opened = b"(?!)"
        cell = b"%b(?>%b|%b)" % (s, quoted, bare)
        cells = b"%b(?>%b%b)*+" % (cell, d, cell)
        self._ended = re.compile(b"%b(?:\r\n|\r|\n)" % cells)
        self._last = re.compile(b"%b\\Z" % cells)
        self._begun = re.compile(b"(?>%b%b)*+%b(?>%b|%b)?" % (cell, d, s, opened, bare))
        between = b"%b((?>[^%b]++|%b%b)*+)%b%b(?=%b|\\Z)" % (q, q, q, q, q, s, d) if q else b"((?!))"
        self._cell = re.compile(b"%b(?>%b|([^%b]*+))" % (s, between, d))
        self._inner = re.compile(b"[^%b%b%b\r\n]%b%b[^%b%b \t\r\n]" % (d, q, blank, s, q, d, q)) if q else None
        self._word_begins = re.compile(b"[ \t]%b[^%b \t]" % (q, q) if q else b"(?!)")
        self._word_ends = re.compile(b"[^%b \t]%b[ \t]" % (q, q) if q else b"(?!)")
        inside = b"%b[%b\r\n]*+%b" % (q, SPACES, q) if q else b"(?!)"
        outside = b"[%b]*+" % SPACES.replace(dialect.mark, b"")
        empty = b"%b(?>%b%b|%b)" % (s, inside, s, outside)
        self._blank = re.compile(b"%b(?>%b%b)*+[\r\n]*" % (empty, d, empty))

    def end_of(self, data: bytes, start: int, limit: int) -> int | None:
        """Where the record that starts here ends, its line end included, if that is before `limit`."""
        found = self._ended.match(data, start, limit)
        return found.end() if found else None

    def ends_with_file(self, data: bytes, start: int) -> bool:
        """Whether the rest of the data is one record without a line end."""
        return self._last.match(data, start) is not None

    def stuck_at(self, data: bytes, start: int, limit: int) -> int:
        """How far the record that starts here can be followed: to `limit`, or to the quote after which something is wrong."""
        found = self._begun.match(data, start, limit)
        return found.end() if found else start

    def glued(self, data: bytes, start: int, end: int) -> bool:
        """Whether a quoted cell of this record seems to have lost the delimiter before it.

        `boots"warm, dry";9` reads as two cells with a quote each. It is taken for one lost delimiter when text follows the first quote,
        its cell is not closed by another, and a later cell ends with one: a record that would be cut in the wrong places must fail. So must
        `said "warm, dry" and left`, where a quote begins a word of one cell and ends a word of another.
        """
        if self._inner is None or self._inner.search(data, start, end) is None:
            return False
        quote, opened, spoken = self.dialect.quote, False, False
        for cell, quoted in self._pieces(data[start:end].rstrip(b"\r\n")):
            if quoted or quote not in cell:
                continue
            odd = cell.count(quote) & 1 == 1
            if cell.endswith(quote):
                if opened:
                    return True
            elif spoken and odd and self._word_ends.search(cell):
                return True
            elif self._inner.search(cell):
                opened = True
                spoken = spoken or (odd and self._word_begins.search(cell) is not None)
        return False

    def blank(self, data: bytes, start: int, end: int) -> bool:
        """Whether no cell of this well-formed record has more than spaces in it."""
        return self._blank.fullmatch(data, start, end) is not None

    def cells(self, record: bytes) -> list[bytes]:
        """The cells of one well-formed record (without its line end), quotes taken off."""
        quote = self.dialect.quote
        if self._plain(record):
            cells = record.split(self.dialect.mark)
            return [cell.lstrip(b" ") for cell in cells] if self.dialect.loose else cells
        return [cell.replace(quote + quote, quote) if quoted else cell for cell, quoted in self._pieces(record)]

    def texts(self, record: bytes) -> list[str]:
        """The same cells as text; what is no UTF-8 becomes U+FFFD."""
        if self._plain(record) and not self.dialect.loose:  # no byte of a longer character is ASCII, as the mark is
            return record.decode("utf-8", "replace").split(self.dialect.mark.decode())
        return [cell.decode("utf-8", "replace") for cell in self.cells(record)]

    def _plain(self, record: bytes) -> bool:
        return not self.dialect.quote or self.dialect.quote not in record

    def _pieces(self, record: bytes) -> Iterator[tuple[bytes, bool]]:
        """What is between the delimiters, or between its quotes, and whether it had quotes."""
        position = 0
        while position <= len(record) and (found := self._cell.match(record, position)) is not None:
            yield (found[2], False) if found[1] is None else (found[1], True)
            position = found.end() + 1


@lru_cache(64)
def grammar_of(dialect: Dialect) -> Grammar:
    """The grammar of a dialect, kept: each of the usual ones is asked for several times a file."""
    return Grammar(dialect)
