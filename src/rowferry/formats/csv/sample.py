"""The first records of a file, as any dialect would read them: what a delimiter, a quote and a header are judged by."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rowferry.formats.csv.grammar import Dialect, grammar_of
from rowferry.formats.csv.records import Cutter, Limits, Place

RECORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One of the first records that are not blank: where it starts, its cells, and whether its quoting is at fault."""

    place: Place
    cells: tuple[str, ...]
    faulty: bool = False

    @property
    def last_line(self) -> int:
        """The physical line where it ends."""
        return self.place.line + sum(max(cell.count("\n"), cell.count("\r")) for cell in self.cells)

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
        grammar = grammar_of(dialect)
        limits = Limits(len(self.data) + 1, len(self.data) + 1)
        rows: list[Row] = []
        base = 0
        for cut in Cutter(io.BytesIO(self.data), grammar, Place(0, self.place.line), limits).cuts():
            skipped = {*cut.blanks(grammar).tolist()}
            faulty = {fault.index for fault in cut.faults}
            for index, start in enumerate(cut.starts.tolist()):
                if index in skipped:
                    continue
                place = Place(self.place.offset + base + start, int(cut.lines[index]))
                rows.append(Row(place, tuple(grammar.texts(cut.record(index))), index in faulty))
                if len(rows) == RECORDS_MAX:
                    return rows
            base = cut.after.offset
        return rows


def width_of(rows: Sequence[Row]) -> int | None:
    """How many cells most of these records have; None when there is none."""
    widths = Counter(len(row.cells) for row in rows if not row.faulty)
    return widths.most_common(1)[0][0] if widths else None
