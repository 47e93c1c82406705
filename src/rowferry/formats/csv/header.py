"""Finds the header of a file: where it begins, what its cells are, where the records after it begin."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import JobFaultCode, JobStopped, RowCode, stop
from rowferry.formats.csv.grammar import Dialect, Grammar, grammar_of
from rowferry.formats.csv.records import Cut, Cutter, Limits, Place
from rowferry.formats.csv.sample import Row, Sample, width_of

SAMPLE_BYTES = 1 << 16
SAMPLE_BYTES_MAX = 1 << 20
SAMPLE_LINES = 3
"""A sample with fewer lines is taken larger."""
LAST_LINE_END = re.compile(rb".*[\r\n]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Header:
    """The physical line where the header begins (from 1; 0: there is none), its cells as they stand, and where the records after it begin.

    `faulty` says that its quotes are at fault; its cells are then as they were cut.
    """

    line: int
    cells: tuple[str, ...]
    after: Place
    faulty: bool = False


def sample_of(text: Path, place: Place) -> Sample:
    """The first bytes from a place on, up to the end of a line."""
    with text.open("rb") as file:
        file.seek(place.offset)
        data = file.read(SAMPLE_BYTES)
        if len(data) == SAMPLE_BYTES and data.count(b"\n") + data.count(b"\r") < SAMPLE_LINES:
            data += file.read(SAMPLE_BYTES_MAX - SAMPLE_BYTES)
        whole = not file.read(1)
    if not whole:
        found = LAST_LINE_END.match(data)
        data = found[0] if found else data
    return Sample(data, place)


def line_at(text: Path, line: int, first: Place, limits: Limits) -> Place:
    """Where a physical line begins.

    Raises:
        JobStopped: no-header, where the file has fewer lines.
    """
    # Without a quote a record is a line, and what is between its cells does not matter.
    lines = grammar_of(Dialect(b"\0", b""))
    base = first.offset
    if line < first.line:
        raise _no_header(f"Line {line} is no header: it says the delimiter.", line)
    with text.open("rb") as file:
        for cut in Cutter(file, lines, first, limits).cuts():
            if line < cut.after.line or (len(cut.lines) and line == cut.lines[-1]):
                return Place(base + int(cut.starts[line - int(cut.lines[0])]), line)
            base = cut.after.offset
    raise _no_header(f"The file has no line {line}, which should be the header.", line)


def header_from(text: Path, grammar: Grammar, place: Place, limits: Limits) -> Header:
    """The first record from a place on that is not blank.

    Raises:
        JobStopped: no-header, record-too-long, encoding-mismatch.
    """
    base = place.offset
    with text.open("rb") as file:
        for cut in Cutter(file, grammar, place, limits).cuts():
            blanks = {*cut.blanks(grammar).tolist()}
            found = next((index for index in range(len(cut.starts)) if index not in blanks), None)
            if found is not None:
                return _header(cut, found, grammar, base)
            base = cut.after.offset
    raise blank_file(place.line)


def named_columns(header: Header, rows: Sequence[Row]) -> list[str]:
    """The header's cells, with one more or one less where every record's last delimiter, or the header's own, is a mere line end.

    A cell without a name is "" here.
    """
    columns = [cell if cell.strip() else "" for cell in header.cells]
    width = width_of(rows)
    if header.faulty:
        return columns
    if len(columns) > 1 and not columns[-1] and width == len(columns) - 1:
        return columns[:-1]
    complete = [row.cells for row in rows if not row.faulty]
    if complete and all(len(cells) == len(columns) + 1 and not cells[-1] for cells in complete):
        return [*columns, ""]
    return columns


def _header(cut: Cut, index: int, grammar: Grammar, base: int) -> Header:
    line = int(cut.lines[index])
    fault = next((fault for fault in cut.faults if fault.index == index), None)
    if fault is not None and fault.code == RowCode.TOO_LONG:
        raise stop(
            JobFaultCode.RECORD_TOO_LONG,
            f"The header in line {line} is longer than {fault.arguments['limit']} bytes.",
            line=line,
            length=fault.arguments["length"],
            limit=fault.arguments["limit"],
        )
    last = index + 1 == len(cut.starts)
    after = cut.after if last else Place(base + int(cut.starts[index + 1]), int(cut.lines[index + 1]))
    try:
        cells = tuple(cell.decode() for cell in grammar.cells(cut.record(index)))
    except UnicodeDecodeError as error:
        raise stop(
            JobFaultCode.ENCODING_MISMATCH,
            f"The header in line {line} holds bytes that are no text in the file's encoding. State the option encoding.",
            line=line,
        ) from error
    return Header(line, cells, after, fault is not None)


def blank_file(line: int) -> JobStopped:
    """Nothing to read from a line on."""
    return stop(
        JobFaultCode.NO_HEADER,
        "Every line of the file is blank. The first that is not must hold the columns' names.",
        line=line,
        blank=True,
    )


def _no_header(message: str, line: int) -> JobStopped:
    return stop(JobFaultCode.NO_HEADER, f"{message} The option header_line names another line.", line=line)
