"""What the rows of a chunk come to: outcomes, issues, and parts of the artifacts, foreseen beside the load and settled after it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rowferry.domain.faults import RowIssue
from rowferry.domain.ledger import Outcome
from rowferry.pipeline.report import causes, error_lines, in_place, rows_csv
from rowferry.ports import Chunk, Loaded, Outcomes
from rowferry.store.chunks import RECORD_CHARACTERS_MAX
from rowferry.worker.frame import Attempt, Settlement
from rowferry.worker.rows import Prepared, Source

Prepare = Callable[[Chunk], object]
Merge = Callable[[Prepared, Loaded], tuple[bytes, list[RowIssue]]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A chunk with its settlement as it will be if all rows that may be written come to the usual outcome."""

    prepared: Prepared
    foreseen: Settlement


class Settling:
    """Makes the settlements of one pass over a source, and stores their parts of the artifacts."""

    def __init__(self, attempt: Attempt, source: Source, prepare: Prepare, usual: Outcome) -> None:
        """Begins a pass.

        Args:
            attempt: stores the parts.
            source: how the file was read.
            prepare: makes what the loader wants of a chunk ahead of its transaction.
            usual: the first guess of what rows come to; later it is what the last chunk's came to.
        """
        self._attempt = attempt
        self._prepare = prepare
        self._source = source
        self._usual = usual
        self.kept = int(str(attempt.job.checkpoint.get("issues_kept", 0)))
        """Issues that are stored, of all attempts."""

    def ready(self, chunks: Iterator[Prepared]) -> Iterator[Ready]:
        """The chunks with all stored already that can be foreseen: that costs a third of a load, and is done beside it."""
        for prepared in chunks:
            height = prepared.chunk.frame.height
            outcomes, issues = merged(prepared, Loaded(np.full(height, self._usual, np.uint8), ()))
            parts = self._stored("staging", prepared, rows_csv(prepared.chunk.frame, header=False))
            parts |= self._parts_after(prepared, outcomes, issues, parts)
            ready = replace(prepared, chunk=replace(prepared.chunk, prepared=self._prepare(prepared.chunk)))
            yield Ready(ready, Settlement(prepared.chunk.first_row, outcomes, issues, causes(issues), parts))

    def settle(self, ready: Ready, loaded: Loaded, merge: Merge) -> Settlement:
        """What the chunk came to, with its parts of the artifacts stored."""
        prepared, settlement = ready.prepared, ready.foreseen
        outcomes, issues = merge(prepared, loaded)
        if outcomes != settlement.outcomes or len(issues) != len(settlement.issues):
            parts = {name: key for name, key in settlement.parts.items() if name == "staging"}
            parts |= self._parts_after(prepared, outcomes, issues, parts)
            settlement = Settlement(prepared.chunk.first_row, outcomes, issues, causes(issues), parts)
            if len(loaded.outcomes):
                self._usual = Outcome(int(np.bincount(loaded.outcomes).argmax()))
        room = max(0, self._attempt.parts.limits.issues_max - self.kept)
        return replace(settlement, issues=[_kept(issue) for issue in settlement.issues[:room]])

    def _parts_after(
        self, prepared: Prepared, outcomes: bytes, issues: Sequence[RowIssue], parts: Mapping[str, str]
    ) -> dict[str, str]:
        """The parts that depend on what became of the rows. Where all are in, the output is the staging."""
        frame = prepared.chunk.frame
        written = in_place(frame, _of_rows(outcomes, frame, prepared.chunk.first_row))
        if written.height == frame.height:
            output = {"output": parts["staging"]} if frame.height else {}
        else:
            output = self._stored("output", prepared, rows_csv(written, header=False))
        return output | self._stored("errors", prepared, error_lines(self._source.inspection, issues, prepared.raw))

    def _stored(self, category: str, prepared: Prepared, content: bytes) -> dict[str, str]:
        if not content:
            return {}
        return {category: self._attempt.put_part(category, prepared.chunk.first_row, content)}


def merged(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """One outcome byte per row of the chunk, and all its issues by row. A row with a fault failed, whatever else it is."""
    chunk = prepared.chunk
    outcomes = np.zeros(chunk.rows, np.uint8)
    outcomes[chunk.frame["_row"].to_numpy() - chunk.first_row] = loaded.outcomes
    for issue in prepared.issues:
        at = issue.row - chunk.first_row
        if outcomes[at] != Outcome.FAILED:
            outcomes[at] = Outcome.FAILED if issue.outcome == "failed" else Outcome.SKIPPED
    issues = sorted([*prepared.issues, *loaded.issues], key=lambda issue: issue.row)
    return outcomes.tobytes(), issues


def _of_rows(outcomes: bytes, frame: pl.DataFrame, first_row: int) -> Outcomes:
    of_rows: Outcomes = np.frombuffer(outcomes, np.uint8)[frame["_row"].to_numpy() - first_row]
    return of_rows


def refused(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """The same for a job whose verdict is no: what did not fail was not attempted."""
    outcomes, issues = merged(prepared, loaded)
    failed = np.frombuffer(outcomes, np.uint8) == Outcome.FAILED
    settled = np.where(failed, np.uint8(Outcome.FAILED), np.uint8(Outcome.NOT_ATTEMPTED))
    return settled.tobytes(), [issue for issue in issues if issue.outcome == "failed"]


def to_first_failure(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """The same for a job that its first failed row ends: no row behind that one was attempted."""
    outcomes, issues = refused(prepared, loaded)
    at = outcomes.find(bytes([Outcome.FAILED]))
    if at < 0:
        return outcomes, issues
    behind = bytes([Outcome.NOT_ATTEMPTED]) * (len(outcomes) - at - 1)
    return outcomes[: at + 1] + behind, [issue for issue in issues if issue.row == prepared.chunk.first_row + at]


def to_failure(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """The same for a job that its first failed row ends, with the rows before that one as they came to be."""
    outcomes, issues = merged(prepared, loaded)
    at = outcomes.find(bytes([Outcome.FAILED]))
    if at < 0:
        return outcomes, issues
    behind = bytes([Outcome.NOT_ATTEMPTED]) * (len(outcomes) - at - 1)
    return outcomes[: at + 1] + behind, [issue for issue in issues if issue.row <= prepared.chunk.first_row + at]


def _kept(issue: RowIssue) -> RowIssue:
    """The issue as the database keeps it: no record without an end."""
    return replace(issue, record=issue.record[:RECORD_CHARACTERS_MAX])
