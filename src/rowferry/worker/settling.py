"""What the rows of a chunk come to: outcomes, issues, and parts of the artifacts, foreseen beside the load and settled after it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rowferry.domain.faults import RowIssue
from rowferry.domain.ledger import Outcome
from rowferry.pipeline.report import PLACED, causes, error_lines, in_place, rows_csv
from rowferry.ports import Chunk, Loaded, Outcomes
from rowferry.store.blobs import Digest, Stored
from rowferry.store.chunks import encoded
from rowferry.worker.frame import Attempt, Settlement
from rowferry.worker.rows import Prepared, Source

Prepare = Callable[[Chunk, bytes], object]
Merge = Callable[[Prepared, Loaded], tuple[bytes, list[RowIssue]]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A chunk with its settlement as it will be if all rows that may be written come to the outcome `usual`."""

    prepared: Prepared
    foreseen: Settlement
    usual: Outcome


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
        self._passed = {} if attempt.job.cursor else {name: Digest() for name in source.headers()}
        for name, header in source.headers().items() if self._passed else ():
            self._passed[name].add(header)
        self.kept = int(str(attempt.job.checkpoint.get("issues_kept", 0)))
        """Issues that are stored, of all attempts."""

    def ready(self, chunks: Iterator[Prepared]) -> Iterator[Ready]:
        """The chunks with all stored already that can be foreseen: that costs a third of a load, and is done beside it."""
        return map(self._ready, chunks)

    def _ready(self, prepared: Prepared) -> Ready:
        chunk, usual = prepared.chunk, self._usual
        outcomes, issues = merged(prepared, Loaded(np.full(chunk.frame.height, usual, np.uint8), ()))
        staging = rows_csv(chunk.frame, header=False)
        parts = self._stored(chunk, {"staging": staging})
        contents = self._contents(prepared, outcomes, issues)
        parts |= self._stored(chunk, contents) | _shared(parts, contents)
        for name, passed in self._passed.items():
            passed.add(contents.get(name, staging))
        foreseen = Settlement(
            chunk.first_row,
            outcomes,
            issues,
            causes(issues),
            encoded=encoded(self._attempt.job.id, issues),
            parts=parts,
        )
        ready = replace(prepared, chunk=replace(chunk, prepared=self._prepare(chunk, staging)))
        return Ready(ready, foreseen, usual)

    def settle(self, ready: Ready, loaded: Loaded, merge: Merge) -> Settlement:
        """What the chunk came to, with its parts of the artifacts stored."""
        prepared, settlement = ready.prepared, ready.foreseen
        if merge is not merged or loaded.issues or (loaded.outcomes != ready.usual).any():
            settlement = self._settled(ready, *merge(prepared, loaded))
            if len(loaded.outcomes):
                self._usual = Outcome(int(np.bincount(loaded.outcomes).argmax()))
        room = max(0, self._attempt.parts.limits.issues_max - self.kept)
        if len(settlement.issues) <= room:
            return settlement
        return replace(settlement, issues=settlement.issues[:room], encoded=None)

    def known(self) -> Mapping[str, Stored]:
        """Size and digest of the artifacts by category, where they are known once all chunks are settled."""
        return {name: passed.stored() for name, passed in self._passed.items()}

    def _settled(self, ready: Ready, outcomes: bytes, issues: list[RowIssue]) -> Settlement:
        """The settlement of a chunk that did not come to what was foreseen."""
        chunk, foreseen = ready.prepared.chunk, ready.foreseen
        if issues == foreseen.issues and _placed(outcomes) == _placed(foreseen.outcomes):
            return replace(foreseen, outcomes=outcomes)  # the artifacts do not tell created from updated
        self._passed = {}
        contents = self._contents(ready.prepared, outcomes, issues)
        parts = {name: key for name, key in foreseen.parts.items() if name == "staging"}
        parts |= self._stored(chunk, contents) | _shared(parts, contents)
        return Settlement(chunk.first_row, outcomes, issues, causes(issues), parts=parts)

    def _contents(self, prepared: Prepared, outcomes: bytes, issues: Sequence[RowIssue]) -> dict[str, bytes]:
        """What depends on what became of the rows. No output: all rows are in, and it is the staging."""
        frame = prepared.chunk.frame
        errors = {"errors": error_lines(self._source.inspection, issues, prepared.raw)}
        written = in_place(frame, _of_rows(outcomes, frame, prepared.chunk.first_row))
        return errors if written.height == frame.height else errors | {"output": rows_csv(written, header=False)}

    def _stored(self, chunk: Chunk, contents: Mapping[str, bytes]) -> dict[str, str]:
        put = self._attempt.put_part
        return {name: put(name, chunk.first_row, content) for name, content in contents.items() if content}


def _shared(parts: Mapping[str, str], contents: Mapping[str, bytes]) -> dict[str, str]:
    """The output as the very part of the staging, where it has none of its own."""
    return {"output": parts["staging"]} if "output" not in contents and "staging" in parts else {}


def _placed(outcomes: bytes) -> bytes:
    return np.isin(np.frombuffer(outcomes, np.uint8), PLACED).tobytes()


def merged(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """One outcome byte per row of the chunk, and all its issues by row. A row with a fault failed, whatever else it is."""
    chunk = prepared.chunk
    outcomes = np.zeros(chunk.rows, np.uint8)
    outcomes[chunk.frame["_row"].to_numpy() - chunk.first_row] = loaded.outcomes
    for outcome, words in ((Outcome.SKIPPED, "skipped"), (Outcome.FAILED, "failed")):
        rows = np.array([issue.row for issue in prepared.issues if issue.outcome == words], np.int64)
        outcomes[rows - chunk.first_row] = outcome
    if not loaded.issues:
        return outcomes.tobytes(), list(prepared.issues)
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
