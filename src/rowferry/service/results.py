"""What became of each row of an import, put together from its outcomes, its issues, and the files that the job left."""

import csv
import io
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar, cast

from rowferry.domain.columns import ADDED_COLUMNS
from rowferry.domain.faults import MASK, RowIssue
from rowferry.domain.job import Job
from rowferry.domain.ledger import Outcome
from rowferry.pipeline.report import JOINED, records
from rowferry.pipeline.report import cells as cells_of
from rowferry.service.records import cells_of_object
from rowferry.store import packing
from rowferry.store.artifacts import Artifact
from rowferry.store.blobs import BlobMissing, Blobs
from rowferry.store.chunks import RECORD_CHARACTERS_MAX, PlacedIssue

T = TypeVar("T")
OBJECTS = frozenset({"json", "jsonl"})
"""Formats whose records are objects."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """One row of an import and what became of it.

    `line` is None where nothing tells it: only of rows with an issue it is kept. `outcome` is a word of the ledger. `cells` are the texts
    of its fields by name, as far as they can be read: as sent where the row failed, normalized where it did not. `issues` are those that
    were kept of it, in their order.
    """

    row: int
    line: int | None
    outcome: str
    cells: Mapping[str, str]
    issues: Sequence[RowIssue]


@dataclass(frozen=True, slots=True)
class Cutter:
    """How the job's records are cut, as its worker found out: the fields by the position of their column."""

    delimiter: str
    quote: str
    places: tuple[tuple[int, str], ...]
    columns: tuple[str, ...] = ()
    """The columns, where a record is a JSON object."""

    @classmethod
    def of(cls, job: Job) -> "Cutter":
        """That of a job; one whose columns were never mapped has no places."""
        source = job.source
        columns = cast("Sequence[str]", source.get("columns") or ())
        mapping = cast("Mapping[str, str]", source.get("mapping") or {})
        places = tuple((at, mapping[name]) for at, name in enumerate(columns) if name in mapping)
        if not source.get("delimiter"):
            return cls(",", '"', places, tuple(columns) if source.get("format") in OBJECTS else ())
        return cls(str(source["delimiter"]), str(source.get("quote") or ""), places)

    def fields(self, cells: Sequence[str], hidden: Iterable[str]) -> dict[str, str]:
        """The texts of the fields; those of hidden ones are masked."""
        found = {name: cells[at] for at, name in self.places if at < len(cells)}
        return found | dict.fromkeys(found.keys() & set(hidden), MASK)

    def record(self, issues: Sequence[RowIssue]) -> dict[str, str]:
        """The fields of a row by the record that its issues keep. A cell that was cut with the record is none."""
        text = issues[0].record
        if self.columns:
            whole = cells_of_object(text, self.columns)
        else:
            cells = cells_of(text, self.delimiter, self.quote)
            whole = cells[:-1] if len(text) >= RECORD_CHARACTERS_MAX else cells
        return self.fields(whole, (one.field for one in issues if one.field and one.value == MASK))


def of_issues(job: Job, outcome: str, placed: Sequence[PlacedIssue]) -> list[RowResult]:
    """The rows of some issues, each with all of its own."""
    cutter = Cutter.of(job)
    by_row = [list(group) for _, group in groupby((one.issue for one in placed), lambda issue: issue.row)]
    return [RowResult(issues[0].row, issues[0].line, outcome, cutter.record(issues), issues) for issues in by_row]


# Files of the job -----------------------------------------------------------------------------------------------------


class _Ordered(Generic[T]):
    """What a file tells of rows, in their order; each is asked for once, or passed over."""

    def __init__(self, rows: Generator[tuple[int, T]]) -> None:
        self._rows = rows
        self._next = (0, cast("T", None))

    def between(self, first: int, last: int) -> dict[int, T]:
        """What it tells of these rows."""
        found: dict[int, T] = {}
        while self._next[0] <= last:
            if self._next[0] >= first:
                found[self._next[0]] = self._next[1]
            following = next(self._rows, None)
            if following is None:
                break
            self._next = following
        return found

    def close(self) -> None:
        self._rows.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What the error file tells of a row."""

    line: int
    cells: Mapping[str, str]


def _staged(lines: Iterable[str]) -> Generator[tuple[int, dict[str, str]]]:
    rows = records(lines, ",", '"')
    header = next(rows, list[str]())[:-1]
    for cells in rows:
        yield int(cells[-1]), dict(zip(header, cells, strict=False))


def _told(lines: Iterable[str], cutter: Cutter) -> Generator[tuple[int, Told]]:
    """The records of an error file. Those that a broken quote has swallowed are left out."""
    ours = len(ADDED_COLUMNS)
    for cells in records(lines, cutter.delimiter, cutter.quote):
        *sent, row, line, _, fields, message = cells if len(cells) > ours else [*cells, *[""] * ours]
        if re.fullmatch("[0-9]+", row) and re.fullmatch("[0-9]+", line):
            hidden = fields.split(JOINED) if MASK in message else ()
            yield int(row), Told(int(line), cutter.fields(sent, hidden))


def _of_file(
    blobs: Blobs,
    artifact: Artifact | None,
    encoding: str,
    scratch: Path,
    rows_of: Callable[[Iterable[str]], Generator[tuple[int, T]]],
) -> Generator[tuple[int, T]]:
    """The rows of a file, opened when the first is asked for; one that is no longer kept has none."""
    if artifact is None:
        return
    try:
        path = blobs.local_path(artifact.blob, scratch)
    except BlobMissing:
        return
    with io.TextIOWrapper(packing.opened(path, artifact.blob), encoding, "replace", newline="") as lines:
        try:
            yield from rows_of(lines)
        except csv.Error:  # a quote that never ends has swallowed more than a cell may have
            return


# All rows -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Results:
    """All rows of an import that has ended, page by page in the order of the file. Blocking; used by one thread at a time."""

    cutter: Cutter
    staged: _Ordered[dict[str, str]]
    told: _Ordered[Told]

    @classmethod
    def of(cls, job: Job, artifacts: Sequence[Artifact], blobs: Blobs, scratch: Path) -> "Results":
        """Those of a job by its files; none is opened yet.

        Args:
            job: the import.
            artifacts: its files.
            blobs: where they are kept.
            scratch: a folder for copies, where the blobs are no files themselves.
        """
        files = {one.category: one for one in artifacts}
        cutter = Cutter.of(job)
        encoding = str(job.source.get("encoding") or "utf-8") if job.source.get("delimiter") else "utf-8"
        return cls(
            cutter,
            _Ordered(_of_file(blobs, files.get("staging"), "utf-8", scratch, _staged)),
            _Ordered(_of_file(blobs, files.get("errors"), encoding, scratch, lambda lines: _told(lines, cutter))),
        )

    def page(self, first_row: int, outcomes: bytes, issues: Sequence[RowIssue]) -> list[RowResult]:
        """Some consecutive rows.

        Args:
            first_row: the number of the first.
            outcomes: one byte each.
            issues: all that were kept of them, by row.
        """
        last = first_row + len(outcomes) - 1
        of_rows = {row: list(group) for row, group in groupby(issues, lambda issue: issue.row)}
        staged = self.staged.between(first_row, last)
        failed = {row for row, byte in enumerate(outcomes, first_row) if byte == Outcome.FAILED}
        told = self.told.between(first_row, last) if failed - of_rows.keys() else {}
        return [
            self._result(row, Outcome(byte), of_rows.get(row, []), staged.get(row), told.get(row))
            for row, byte in enumerate(outcomes, first_row)
        ]

    def _result(
        self, row: int, outcome: Outcome, issues: list[RowIssue], staged: dict[str, str] | None, told: Told | None
    ) -> RowResult:
        line = issues[0].line if issues else told.line if told else None
        if staged is not None and outcome is not Outcome.FAILED:
            return RowResult(row, line, outcome.word, staged, issues)
        if issues:
            return RowResult(row, line, outcome.word, self.cutter.record(issues), issues)
        return RowResult(row, line, outcome.word, told.cells if told else {}, ())

    def close(self) -> None:
        """Closes the files."""
        self.staged.close()
        self.told.close()
