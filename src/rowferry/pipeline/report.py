"""Error files and outputs with the original bytes; grouping of issues by cause."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import cast

import numpy as np
import polars as pl

from rowferry.domain.columns import ADDED_COLUMNS
from rowferry.domain.faults import RowCode, RowIssue
from rowferry.domain.ledger import Outcome
from rowferry.ports import Inspection, Outcomes

JOINED = " | "
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
PLACED = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED)
"""Outcomes of rows that are in the destination as the file says."""
CELL_CHARACTERS_MAX = 1 << 30
"""The reader's own limit is 131,072, and a cell of a faulty record may have more."""
SHAPE_MAX = 24
HEADERS_KEPT = 64
BY_LOOK = frozenset(
    {
        RowCode.TYPE_ERROR,
        RowCode.FORMAT,
        RowCode.PATTERN,
        RowCode.ENUM,
        RowCode.DATE_AMBIGUOUS,
        RowCode.NUMBER_AMBIGUOUS,
    }
)
"""Codes of values that look wrong; their issues are told apart by the shape of the value."""


# Artifacts ------------------------------------------------------------------------------------------------------------


def error_header(inspection: Inspection) -> bytes:
    """The first line of an error file: the original columns, then ours. Starts with the mark that the encoding needs.

    The error file of a file that is no text with delimiters is CSV in UTF-8.
    """
    columns = [text for position, text in enumerate(inspection.columns) if position not in inspection.added_columns]
    return _encoded(_line(inspection, [*columns, *ADDED_COLUMNS]), inspection, first=True)


def error_lines(inspection: Inspection, issues: Sequence[RowIssue], raw: Callable[[int], bytes]) -> bytes:
    """One record per failed row: its own text as it came, then row, line, codes, fields and messages.

    Args:
        inspection: how the file was read.
        issues: all issues of some rows, ordered by row; skipped rows are left out.
        raw: the bytes of a row by its number as a record of the error file, without a line end: UTF-8 where the source was transcoded.
    """
    out: list[bytes] = []
    delimiter, line = _delimiter(inspection).encode(), _lines(inspection)
    for row, of_row in _by_row(issue for issue in issues if issue.outcome == "failed"):
        codes = [issue.code for issue in of_row]
        record = _original(inspection, raw(row), codes)
        cells = [
            str(row),
            str(of_row[0].line),
            JOINED.join(codes),
            JOINED.join([issue.field or "" for issue in of_row]),
            safe(JOINED.join([issue.message for issue in of_row])),
        ]
        out += (record, delimiter, line(cells).encode())
    return _encoded_bytes(b"".join(out), inspection)


def record_of(inspection: Inspection, cells: Sequence[str]) -> bytes:
    """Cells as a record of the error file, without a line end. Source: RFC 4180."""
    return _line(inspection, cells).removesuffix("\r\n").encode("utf-8", "surrogateescape")


def safe(text: str) -> str:
    """A text of ours that no spreadsheet takes for a formula. Source: OWASP, CSV injection."""
    return f"'{text}" if text.startswith(FORMULA) else text


def rows_csv(frame: pl.DataFrame, *, header: bool) -> bytes:
    """Typed rows as CSV (comma, LF, UTF-8): the fields in their order, then `_row`."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=header, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    return buffer.getvalue()


@lru_cache(HEADERS_KEPT)
def rows_header(fields: tuple[str, ...]) -> bytes:
    """The first line of such rows."""
    return rows_csv(pl.DataFrame(schema={**dict.fromkeys(fields, pl.String), "_row": pl.Int64}), header=True)


def in_place(frame: pl.DataFrame, outcomes: Outcomes) -> pl.DataFrame:
    """The rows of a frame that are in the destination as the file says, by their outcomes."""
    placed = np.isin(outcomes, PLACED)
    return frame if placed.all() else frame.filter(pl.Series(placed))


def _by_row(issues: Iterable[RowIssue]) -> Iterable[tuple[int, list[RowIssue]]]:
    return ((row, list(of_row)) for row, of_row in groupby(issues, attrgetter("row")))


def _original(inspection: Inspection, record: bytes, codes: Sequence[str]) -> bytes:
    """The record without the columns that an error file of ours had added, and with the cells that it lacks.

    A record that could be cut no further is left alone: its last cell is open, and a delimiter would become part of it.
    """
    if RowCode.QUOTE_ERROR in codes:
        return record
    columns = len(inspection.columns) - len(inspection.added_columns)
    if inspection.added_columns:
        cells = _cells(inspection, record)
        keep = [cell for at, cell in enumerate(cells) if at not in inspection.added_columns]
        record = _line(inspection, keep).rstrip("\r\n").encode("utf-8", "surrogateescape")
    if RowCode.MISSING_CELL in codes:
        missing = columns - len(_cells(inspection, record))
        record += _delimiter(inspection).encode() * max(0, missing)
    return record


def _cells(inspection: Inspection, record: bytes) -> list[str]:
    return cells(record.decode("utf-8", "surrogateescape"), _delimiter(inspection), _quote(inspection))


def cells(record: str, delimiter: str, quote: str) -> list[str]:
    """The cells of one record as they stand, also of a faulty one. `quote` is empty where the file knows no quotes."""
    return next(records(io.StringIO(record, newline=""), delimiter, quote), list[str]())


def records(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """The cells of record after record; where a quoted cell never ends, it takes in all that follows.

    A blank after the delimiter says that blanks before cells are no part of them.
    """
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    one, loose = delimiter[:1], len(delimiter) > 1
    if not quote:
        return csv.reader(lines, delimiter=one, quoting=csv.QUOTE_NONE, skipinitialspace=loose)
    return csv.reader(lines, delimiter=one, quotechar=quote, skipinitialspace=loose)


def _line(inspection: Inspection, cells: Sequence[str]) -> str:
    return _lines(inspection)(cells)


def _lines(inspection: Inspection) -> Callable[[Sequence[str]], str]:
    """What makes lines of cells."""
    quote, delimiter = inspection.quote or '"', _delimiter(inspection)
    writer = csv.writer(_Echo(), delimiter=delimiter[:1], quotechar=quote, lineterminator="\r\n")
    line = cast("Callable[[Sequence[str]], str]", writer.writerow)
    if len(delimiter) == 1:
        return line
    return lambda cells: delimiter.join(line([cell]).removesuffix("\r\n") for cell in cells) + "\r\n"


class _Echo:
    """A file whose writer gets back what it wrote."""

    def write(self, text: str) -> str:
        return text


def _delimiter(inspection: Inspection) -> str:
    return inspection.delimiter or ","


def _quote(inspection: Inspection) -> str:
    return inspection.quote if inspection.delimiter else '"'


def _encoded(text: str, inspection: Inspection, *, first: bool = False) -> bytes:
    encoding = inspection.encoding or "utf-8"
    if not first:
        return text.encode(_without_mark(encoding), "replace")
    return text.encode(encoding if encoding in {"utf-8-sig", "utf-16"} else _without_mark(encoding), "replace")


def _encoded_bytes(utf8: bytes, inspection: Inspection) -> bytes:
    """Bytes as they stand for a source in UTF-8, faulty ones included; encoded back for one that was transcoded."""
    if inspection.encoding in {"", "utf-8", "utf-8-sig", "ascii"}:
        return utf8
    return _encoded(utf8.decode("utf-8", "replace"), inspection)


def _without_mark(encoding: str) -> str:
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)


# Causes ---------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cause:
    """Issues of one chunk that have one cause: code, field and the shape of the value. `sample` is the first of them."""

    code: str
    field: str
    shape: str
    outcome: str
    rows: int
    sample: Mapping[str, object]


def shape(value: str | None) -> str:
    """What a value looks like: runs of letters become `a`, runs of digits `9`, the rest stays; cut to 24 characters.

    Two values of one shape were most likely wrong for the same reason.
    """
    if value is None:
        return ""
    runs = re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", value[:200]))
    return re.sub(r"\s+", " ", runs)[:SHAPE_MAX]


def causes(issues: Iterable[RowIssue]) -> list[Cause]:
    """The issues grouped by cause, each with its first issue as the sample."""
    groups: dict[tuple[str, str, str], Cause] = {}
    for issue in issues:
        key = (issue.code, issue.field or "", _shape_of(issue))
        known = groups.get(key)
        if known is None:
            groups[key] = Cause(*key, issue.outcome, 1, _sample(issue))
        else:
            known.rows += 1
    return list(groups.values())


def _shape_of(issue: RowIssue) -> str:
    # A value that is wrong by what it is, not by how it looks, has one cause whatever its shape.
    return shape(issue.value) if issue.code in BY_LOOK else ""


def _sample(issue: RowIssue) -> dict[str, object]:
    return {
        "row": issue.row,
        "line": issue.line,
        "field": issue.field,
        "column": issue.column,
        "code": issue.code,
        "value": issue.value,
        "message": issue.message,
        "outcome": issue.outcome,
        "record": issue.record[:1000],
    }
