"""Decides from the first records of a file which delimiter it has and which of its records is the header."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rowferry.formats.csv.grammar import Dialect, Grammar
from rowferry.formats.csv.records import Cutter, Limits, Place

USUAL = (b",", b";", b"\t", b"|")
UNUSUAL = (b":", b"^", b"~", b"#", b"!", b"&", b"*", b"\x01", b"\x1f", b"\x1e", b"\x1c", b"\x1d", b" ")
"""Taken only where every record agrees, and a blank only where cells with blanks are quoted."""
RECORDS_MAX = 200
TITLES_MAX = 30
FOLLOWERS = 10
AGREEING = 0.8
"""Share of the records after a header that must have as many cells as it."""
LETTER = re.compile(r"[^\W\d_]")
SEP_LINE = re.compile(rb'"?sep=([\x00-\x7f])"?[ \t]*\r?\n?', re.IGNORECASE)
"""How some spreadsheets say the delimiter in a line of its own before the header."""


@dataclass(frozen=True, slots=True)
class Row:
    """One of the first records that are not blank: where it starts and its cells; no cells when its quoting is at fault."""

    place: Place
    cells: tuple[str, ...]

    @property
    def filled(self) -> int:
        """How many cells have content."""
        return sum(1 for cell in self.cells if cell.strip())


@dataclass(frozen=True, slots=True)
class Sample:
    """The first bytes of the text from the place where the header may be, ending with a line end or the file."""

    data: bytes
    place: Place

    def rows(self, dialect: Dialect) -> list[Row]:
        """The first records that are not blank, as this dialect reads them."""
        grammar = Grammar(dialect)
        limits = Limits(len(self.data) + 1, len(self.data) + 1)
        rows: list[Row] = []
        base = 0
        for cut in Cutter(io.BytesIO(self.data), grammar, Place(0, self.place.line), limits).cuts():
            skipped = {*cut.blanks(grammar).tolist()}
            faulty = {fault.index for fault in cut.faults}
            for index, start in enumerate(cut.starts.tolist()):
                if index in skipped:
                    continue
                cells = () if index in faulty else tuple(map(_text, grammar.cells(cut.record(index))))
                rows.append(Row(Place(self.place.offset + base + start, int(cut.lines[index])), cells))
                if len(rows) == RECORDS_MAX:
                    return rows
            base = cut.after.offset
        return rows


def stated_in_file(line: bytes) -> bytes | None:
    """The delimiter that a line `sep=;` states."""
    found = SEP_LINE.fullmatch(line)
    return found[1] if found and found[1] not in b"\r\n" else None


def dialect_of(sample: Sample, delimiter: bytes | None, quote: bytes | None, *, titles: bool) -> Dialect:
    """The dialect under which the header and the records after it agree best on how many cells they have.

    A comma where no delimiter is seen. Apostrophes are taken for quotes only where there is no double quote and they make more records agree.

    Args:
        sample: where to look.
        delimiter: as stated; None: detect.
        quote: as stated, empty for none; None: detect.
        titles: whether lines above the header are looked for.
    """
    usual = b'"' if quote is None else quote
    dialect, score = _best(sample, delimiter, usual, titles=titles)
    if quote is None and usual not in sample.data and b"'" in sample.data and delimiter != b"'":
        other, other_score = _best(sample, delimiter, b"'", titles=titles)
        if other_score[:2] > score[:2]:
            return other
    return dialect


Score = tuple[bool, float, int]


def _best(sample: Sample, delimiter: bytes | None, quote: bytes, *, titles: bool) -> tuple[Dialect, Score]:
    if delimiter is not None:
        dialect = Dialect(delimiter, quote)
        return dialect, _score(sample.rows(dialect), titles=titles)
    best: Score = (False, 0.0, 1)
    chosen = Dialect(b",", quote)
    for usual in USUAL:
        dialect = Dialect(usual, quote)
        score = _score(sample.rows(dialect), titles=titles)
        if score > best:
            best, chosen = score, dialect
    if best[0]:
        return chosen, best
    for unusual in UNUSUAL:
        dialect = Dialect(unusual, quote)
        rows = sample.rows(dialect)
        score = _score(rows, titles=False)
        if len(rows) > 1 and score[:2] == (True, 1.0) and _deliberate(dialect, sample):
            return dialect, score
    return chosen, best


def header_at(rows: Sequence[Row]) -> int:
    """The index of the header: the first record, unless it and some after it look like titles above a table.

    A title fills at most half as many cells as the header has, or one of three when it has as many. The header has at least two cells,
    all filled, all different, each with a letter, and most records after it have as many. In doubt it is the first.
    """
    for index, row in enumerate(rows[1 : TITLES_MAX + 1], 1):
        if _names(row) and _agreed(rows[index:]) and all(_title(above, len(row.cells)) for above in rows[:index]):
            return index
    return 0


def width_of(rows: Sequence[Row]) -> int | None:
    """How many cells most of these records have; None when there is none."""
    widths = Counter(len(row.cells) for row in rows if row.cells)
    return widths.most_common(1)[0][0] if widths else None


def _score(rows: Sequence[Row], *, titles: bool) -> Score:
    """Whether the header has as many cells as most records, the share of records that have, and how many these are."""
    table = rows[header_at(rows) :] if titles else rows
    width = width_of(table) or 1
    if width == 1:
        return False, 0.0, 1
    share = sum(1 for row in table if len(row.cells) == width) / len(table)
    header = table[0].cells
    # The header may lack the delimiter that ends every other line, or have one that no other line has.
    lacks = len(header) == width - 1 > 1 and not any(row.cells[-1] for row in table[1:] if row.cells)
    alone = len(header) == width + 1 and not header[-1]
    return len(header) == width or lacks or alone, share, width


def _deliberate(dialect: Dialect, sample: Sample) -> bool:
    if dialect.delimiter != b" ":
        return True
    q = re.escape(dialect.quote)
    return bool(q and re.search(b"%b[^%b\r\n]* [^%b\r\n]*%b" % (q, q, q, q), sample.data))


def _title(row: Row, width: int) -> bool:
    if len(row.cells) >= width:
        return row.filled * 3 <= width
    return row.filled * 2 <= width


def _names(row: Row) -> bool:
    cells = row.cells
    return (
        len(cells) > 1
        and len({cell.strip() for cell in cells}) == len(cells)
        and all(LETTER.search(cell) for cell in cells)
    )


def _agreed(rows: Sequence[Row]) -> bool:
    width = len(rows[0].cells)
    after = rows[1 : FOLLOWERS + 1]
    return bool(after) and sum(1 for row in after if len(row.cells) == width) >= AGREEING * len(after)


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace")
