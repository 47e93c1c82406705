"""Decides from the first records of a file which delimiter and which quote it has, and says why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rowferry.formats.csv.grammar import Dialect
from rowferry.formats.csv.sample import Row, Sample, width_of
from rowferry.formats.csv.titles import header_at, names

USUAL = (b", ", b";", b"; ", b"\t", b"|", b"| ")
"""What is tried besides a comma; with a blank: those after the delimiter are no part of the cells."""
UNUSUAL = (b":", b"^", b"~", b"#", b"!", b"&", b"*", b"\x01", b"\x1f", b"\x1e", b"\x1c", b"\x1d", b" ")
"""Taken only where every record agrees, and a blank only where cells with blanks are quoted."""
SEP_LINE = re.compile(rb'"?sep=([\x00-\x7f])"?[ \t]*\r?\n?', re.IGNORECASE)
"""How some spreadsheets say the delimiter in a line of its own before the header."""
QUOTED = re.compile(rb'(?:^|[,;\t|]) *"', re.MULTILINE)
"""A cell that begins with the usual quote, whatever the delimiter is."""
APOSTROPHES = re.compile(rb"(?:^|[,;\t|]) *'(?:[^']++|'')*+' *(?:$|[,;\t|\r])", re.MULTILINE)
"""A cell between apostrophes."""
HALF = 0.5
NAMES_MIN = 3
AMISS, SKIPPED = 0.6, 0.95
"""How much a reading counts whose header has another number of cells than the records, and one that takes records for titles."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What is stated and not to be detected; None: detect.

    `by` says who states the delimiter, `titles` whether lines above the header are looked for.
    """

    delimiter: bytes | None
    quote: bytes | None
    by: str = "as stated"
    titles: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """A dialect, the first records as it reads them, which of them is the header, and why it was chosen, by member of `source`.

    `fits` says whether the header has as many cells as most records have, which is `width`; `share` is the share of the records that have.
    """

    dialect: Dialect
    rows: Sequence[Row]
    header: int
    width: int
    share: float
    fits: bool
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def worth(self) -> float:
        """How much the records speak for the dialect: that many cells agree is less likely to be chance than that two do."""
        if self.width == 1:
            return 0.0
        return self.share**2 * (1 - 1 / self.width) * (1 if self.fits else AMISS) * (SKIPPED if self.header else 1)

    @property
    def headed(self) -> bool:
        """Whether the header has names enough, and about as many as most records have cells."""
        if not self.rows or self.share < HALF:
            return False
        cells = len(self.rows[self.header].cells)
        return cells >= NAMES_MIN and abs(cells - self.width) <= 1 and names(self.rows[self.header])

    @property
    def sure(self) -> bool:
        """Whether every record agrees."""
        return len(self.rows) > 1 and self.fits and self.share == 1

    def explained(self, member: str, reason: str) -> "Reading":
        """With the reason for a member."""
        return replace(self, reasons={**self.reasons, member: reason})


def stated_in_file(line: bytes) -> bytes | None:
    """The delimiter that a line `sep=;` states."""
    found = SEP_LINE.fullmatch(line)
    return found[1] if found and found[1] not in b"\r\n" else None


def reading_of(sample: Sample, stated: Stated) -> Reading:
    """The dialect under which the header and the records after it agree best on how many cells they have; a comma where no delimiter is seen."""
    if stated.quote is not None:
        return _best(sample, stated, stated.quote).explained("quote", "as stated")
    found = _best(sample, stated, b'"')
    quoted = QUOTED.search(sample.data) is not None
    if stated.delimiter != b"'" and APOSTROPHES.search(sample.data) and not (quoted and found.fits):
        other = _best(sample, stated, b"'")
        if other.worth > found.worth:
            return other.explained("quote", "with apostrophes around cells more records agree")
        if other.worth == found.worth and _between_apostrophes(found.rows[found.header + 1 :]):
            return other.explained("quote", "every cell of a column is between apostrophes")
    return found.explained("quote", "cells begin with it" if quoted else "the usual one; no cell begins with it")


def _between_apostrophes(rows: Sequence[Row]) -> bool:
    """Whether there is a column of which every cell that has content is between apostrophes, and some are."""
    columns = zip(*(row.cells for row in rows), strict=False)
    filled = ([cell for cell in column if cell] for column in columns)
    quoted = (len(column) > 1 and all(len(c) > 1 and c[0] == c[-1] == "'" for c in column) for column in filled)
    return any(quoted)


def _best(sample: Sample, stated: Stated, quote: bytes) -> Reading:
    if stated.delimiter is not None:
        found = _tried(sample, Dialect(stated.delimiter, quote), titles=stated.titles)
        return found.explained("delimiter", stated.by)
    best = _tried(sample, Dialect(b",", quote), titles=stated.titles)
    for delimiter in USUAL:
        if delimiter in sample.data:
            other = _tried(sample, Dialect(delimiter, quote), titles=stated.titles)
            if _better(other, best) or _all_loose(best, other):
                best = other
    if best.fits:
        return _agreeing(best)
    return _agreeing(_unusual(sample, quote) or best)


def _better(other: Reading, best: Reading) -> bool:
    """Whether the other is worth more; what is a header of several names to one of them is no title to the other."""
    if best.headed and other.header > best.header:
        return False
    if other.headed and best.header > other.header:
        return True
    return other.worth > best.worth


def _tried(sample: Sample, dialect: Dialect, *, titles: bool) -> Reading:
    rows = sample.rows(dialect)
    header = header_at(rows) if titles else 0
    table = rows[header:]
    width = width_of(table) or 1
    agreeing = sum(1 for row in table if len(row.cells) == width and not row.faulty)
    return Reading(dialect, rows, header, width, agreeing / max(1, len(table)), width > 1 and _fits(table, width))


def _fits(table: Sequence[Row], width: int) -> bool:
    """Whether the header has as many cells as most records.

    It may lack the delimiter that ends every other line, or have one that no other line has.
    """
    header = table[0].cells
    lacks = len(header) == width - 1 > 1 and not any(row.cells[-1] for row in table[1:] if not row.faulty)
    alone = len(header) == width + 1 and not header[-1]
    return len(header) == width or lacks or alone


def _unusual(sample: Sample, quote: bytes) -> Reading | None:
    """Another delimiter, where every record agrees on it."""
    for unusual in UNUSUAL:
        if unusual in sample.data:
            found = _tried(sample, Dialect(unusual, quote), titles=False)
            if found.sure and _deliberate(found.dialect, sample):
                return found
    return None


def _deliberate(dialect: Dialect, sample: Sample) -> bool:
    if dialect.delimiter != b" ":
        return True
    q = re.escape(dialect.quote)
    return bool(q and re.search(b"%b[^%b\r\n]* [^%b\r\n]*%b" % (q, q, q, q), sample.data))


def _agreeing(found: Reading) -> Reading:
    if found.width == 1:
        return found.explained("delimiter", "none is seen: one column")
    looked = len(found.rows) - found.header
    many = round(found.share * looked)
    loose = "; blanks after it are no part of the cells" if found.dialect.loose else ""
    return found.explained("delimiter", f"{many} of the first {looked} records have {found.width} cells with it{loose}")


def _all_loose(plain: Reading, other: Reading) -> bool:
    """Whether each delimiter has a blank after it, and the other reading is the one to which these are no part of the cells.

    Asked of the records that agree on how many cells they have.
    """
    if not other.dialect.loose or other.dialect.mark != plain.dialect.delimiter:
        return False
    rows = [row for row in plain.rows if len(row.cells) == plain.width and not row.faulty]
    cells = [cell for row in rows for cell in row.cells[1:]]
    return len(rows) > 1 and bool(cells) and all(cell.startswith(" ") for cell in cells)
