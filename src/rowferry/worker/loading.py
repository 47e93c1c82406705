"""Judging and writing the rows of one import: the verdict where it must come first, then chunk by chunk, or all in one transaction."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np

from rowferry.domain.faults import JobFault, JobFaultCode, JobStopped, RowCode, RowIssue, stop
from rowferry.domain.job import RowNumber
from rowferry.domain.ledger import ErrorPolicy, Ledger, OnError, Outcome, from_outcomes
from rowferry.domain.schema import ImportOptions
from rowferry.ports import Chunk, ImportKind, Loaded, Loader
from rowferry.store import database
from rowferry.store.blobs import Stored
from rowferry.store.fence import Wishes
from rowferry.worker.frame import Attempt, Settlement
from rowferry.worker.rows import Prepared, Source
from rowferry.worker.settling import Merge, Ready, Settling, merged, refused, to_failure, to_first_failure

Write = Callable[[Chunk], Loaded]
MISSING_SHOWN = 5
"""Values that are named where rows refer to nothing."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one import is asked to do, read once from the job."""

    kind: ImportKind
    options: ImportOptions
    policy: ErrorPolicy
    dry_run: bool

    @property
    def whole(self) -> bool:
        """Whether all rows are written in one transaction, or none."""
        return not self.dry_run and self.policy.on_error in {OnError.ATOMIC, OnError.ABORT}

    @property
    def rows_max(self) -> int:
        """How many rows the file may have."""
        asked = self.options.rows_max
        return self.kind.limits.rows if asked is None else min(asked, self.kind.limits.rows)

    def refuses_missing(self, fields: Sequence[str]) -> bool:
        """Whether a row that refers to nothing stops the job, so that all rows must be judged before one is written."""
        held = self.kind.schema.held_references(fields, strict=self.options.strict)
        return bool(held) and self.options.missing_reference == "abort"


class Loading:
    """The rows of one attempt at an import, from the verdict to the last chunk."""

    def __init__(self, attempt: Attempt, order: Order, source: Source, loader: Loader) -> None:
        self._attempt = attempt
        self._order = order
        self._source = source
        self._loader = loader
        self._missing: Mapping[str, object] = {}

    def run(self) -> Mapping[str, Stored]:
        """Settles every row that is left.

        Returns:
            Size and digest of the artifacts by category, where they are known.

        Raises:
            JobStopped: the file breaks the error policy, or the destination took back what it had promised.
            FenceLost, Cancelled, Paused, Drained: the attempt ends here.
        """
        self._attempt.learn("validate")
        try:
            verdict = self._verdict()
            if verdict is not None:
                self._refuse(verdict)
            elif self._order.whole:
                self._load_whole()
            elif self._order.policy.on_error is OnError.STOP:
                self._load_to_failure()
            else:
                return self._load(self._loader.foresee if self._order.dry_run else self._loader.load)
            return {}
        finally:
            self._loader.close()

    def _verdict(self) -> str | None:
        """The code of the policy that the file breaks, or None. Judges every row before one is written.

        A verdict that an earlier attempt came to stands: its rows are being settled by it.
        """
        policy = self._order.policy
        if not policy.verdict_first and not self._order.refuses_missing(self._source.plan.fields):
            return None
        known = self._attempt.job.checkpoint.get("verdict")
        self._missing = cast("Mapping[str, object]", self._attempt.job.checkpoint.get("missing") or {})
        if known is not None:
            return str(known) or None
        self._attempt.enter("validate")
        total, missing = Ledger(), _Missing()
        with self._judging() as chunks:
            for prepared in chunks:
                foreseen = self._foreseen(prepared)
                outcomes, issues = merged(prepared, foreseen)
                total += from_outcomes(outcomes)
                missing.count(issues)
                last = total.read == self._source.inspection.rows
                self._attempt.enter("match" if last else "validate", rows_read=total.read)
                if total.failed and policy.on_error is OnError.ABORT:
                    break
        verdict = policy.exceeded_by(total.failed, total.read)
        if missing.rows and self._order.options.missing_reference == "abort":
            verdict = JobFaultCode.INVALID_REFERENCES
        self._attempt.enter("match", checkpoint={"verdict": verdict or "", "missing": missing.details()})
        self._missing = missing.details()
        return verdict

    def _foreseen(self, prepared: Prepared) -> Loaded:
        attempt = self._attempt
        with database.transaction(attempt.connection, attempt.job.tenant, attempt.job.id):
            return self._loader.foresee(prepared.chunk)

    def _load(self, write: Write) -> Mapping[str, Stored]:
        """Each chunk's rows, outcomes, counts and cursor commit together."""
        prepare = _nothing if self._order.dry_run else self._loader.prepare
        settling = Settling(self._attempt, self._source, prepare, Outcome.CREATED)
        with self._settled(settling, self._attempt.job.cursor) as chunks:
            for ready in chunks:
                self._commit(settling, ready, write, merged)
        return settling.known()

    def _load_to_failure(self) -> None:
        """Each chunk like that, up to the first row that fails. The rows before it stay; what is behind it is not attempted."""
        attempt = self._attempt
        settling = Settling(attempt, self._source, self._loader.prepare, Outcome.CREATED)
        if not attempt.ledger().failed:  # else an earlier attempt came to the end and was lost there
            with self._settled(settling, attempt.job.cursor) as chunks:
                for ready in chunks:
                    write = self._loader.foresee if self._order.dry_run else partial(self._load_before, ready.prepared)
                    self._commit(settling, ready, write, to_failure)
                    if attempt.ledger().failed:
                        break
        if attempt.ledger().failed:
            raise stop(
                JobFaultCode.STOPPED_ON_ERROR,
                "A row failed, and the import was to stop there. The rows before it are in, those behind it were not tried. Fix the row "
                "and send the rest again.",
                rows=attempt.ledger().settled,
            )

    def _load_before(self, prepared: Prepared, chunk: Chunk) -> Loaded:
        """Writes the rows of a chunk before the first that fails, whoever finds that: what was written behind it is taken back."""
        height = chunk.frame.height
        first = min((issue.row for issue in prepared.issues if issue.outcome == "failed"), default=None)
        outcomes = np.full(height, Outcome.NOT_ATTEMPTED, np.uint8)
        issues: list[RowIssue] = []
        while True:
            part = chunk if first is None else _before(chunk, first)
            loaded = self._kept_or_taken_back(part)
            failed = loaded.outcomes.tobytes().find(bytes([Outcome.FAILED]))
            if failed < 0:
                outcomes[: part.frame.height] = loaded.outcomes
                return Loaded(outcomes, [*loaded.issues, *issues])
            first = int(part.frame["_row"][failed])
            outcomes[failed] = Outcome.FAILED
            issues = [one for one in loaded.issues if one.row == first]

    def _kept_or_taken_back(self, part: Chunk) -> Loaded:
        """What a load came to; where a row of it failed, nothing of it stays."""
        found: list[Loaded] = []
        with suppress(_TakenBack), self._attempt.connection.transaction():
            found.append(self._loader.load(part))
            if Outcome.FAILED in found[0].outcomes:
                raise _TakenBack
        return found[0]

    def _commit(self, settling: Settling, ready: Ready, write: Write, merge: Merge) -> None:
        attempt, chunk = self._attempt, ready.prepared.chunk
        made: list[Settlement] = []

        def work() -> Wishes:
            attempt.reach("chunk.begun", chunk.first_row)
            loaded = write(chunk)
            attempt.reach("chunk.copied", chunk.first_row)
            made.append(settling.settle(ready, loaded, merge))
            return attempt.settle(made[-1], {"issues_kept": settling.kept + len(made[-1].issues)})

        wishes = attempt.in_transaction(work)
        settling.kept += len(made[-1].issues)
        attempt.reach("chunk.committed", chunk.first_row)
        attempt.heed(wishes)

    def _load_whole(self) -> None:
        """All chunks in one transaction, with one fence at its end: all rows or none.

        A crash rolls back, and so does a wish to rest: it is heeded after the chunk under way like any other. The next attempt begins anew.
        """
        attempt = self._attempt
        if attempt.job.cursor:
            return  # an earlier attempt committed all and was lost before the end
        settling, total = Settling(attempt, self._source, self._loader.prepare, Outcome.CREATED), Ledger()
        with database.transaction(attempt.connection, attempt.job.tenant, attempt.job.id):
            with self._settled(settling, 0) as chunks:
                for ready in chunks:
                    attempt.reach("chunk.begun", ready.prepared.chunk.first_row)
                    settlement = settling.settle(ready, self._loader.load(ready.prepared.chunk), merged)
                    attempt.settle_part(settlement)
                    settling.kept += len(settlement.issues)
                    total += from_outcomes(settlement.outcomes)
                    _refuse_change(total)
                    attempt.enter("load")
            attempt.pass_fence(RowNumber(0), total, {"issues_kept": settling.kept})
        attempt.reach("chunk.committed", total.read)

    def _refuse(self, verdict: str) -> None:
        """Settles the rows of a file that breaks its policy: failed as judged, all others not attempted. Nothing is written."""
        attempt, policy = self._attempt, self._order.policy
        abort = policy.on_error is OnError.ABORT
        settling = Settling(attempt, self._source, _nothing, Outcome.NOT_ATTEMPTED)
        with self._settled(settling, attempt.job.cursor) as chunks:
            for ready in chunks:
                if abort and attempt.ledger().failed:
                    break
                self._commit(settling, ready, self._loader.foresee, to_first_failure if abort else refused)
        ledger = attempt.ledger()
        sentence = _sentence(verdict, policy, ledger)
        found = self._missing if verdict == JobFaultCode.INVALID_REFERENCES else dict[str, object]()
        raise JobStopped(JobFault(verdict, sentence, {"failed": ledger.failed, "read": ledger.read, **found}))

    @contextmanager
    def _judging(self) -> Generator[Iterator[Prepared]]:
        """All chunks, for judging alone."""
        with self._source.seen(self._order.options.duplicates) as seen, self._source.prepared(seen) as chunks:
            yield chunks

    @contextmanager
    def _settled(self, settling: Settling, settled: int) -> Generator[Iterator[Ready]]:
        """The chunks behind the rows that are settled, ready to be."""
        with (
            self._source.seen(self._order.options.duplicates) as seen,
            self._source.prepared(seen, settled) as judged,
            self._source.ahead(settling.ready(judged)) as chunks,
        ):
            yield self._announced(chunks)

    def _announced(self, chunks: Iterator[Ready]) -> Iterator[Ready]:
        """The chunks; when the first is ready, loading begins."""
        first = next(chunks, None)
        if first is not None:
            self._attempt.learn("validate", source=self._source.learned())
            self._attempt.enter("load")
            yield first
            del first  # the reader's now
            yield from chunks


def _before(chunk: Chunk, row: int) -> Chunk:
    """The rows of a chunk before one, which may itself be among those that had failed."""
    keep = chunk.frame["_row"] < row
    fresh = None if chunk.fresh is None else chunk.fresh.filter(keep)
    faulty = None if chunk.faulty is None else chunk.faulty.filter(chunk.faulty["_row"] == row)
    return replace(chunk, frame=chunk.frame.filter(keep), fresh=fresh, faulty=faulty, prepared=None)


def _nothing(_chunk: Chunk, _text: bytes) -> None:
    """What is made of a chunk ahead of its transaction where nothing is written."""


class _TakenBack(Exception):
    """What a savepoint wrote is not to stay."""


@dataclass(slots=True)
class _Missing:
    """Rows that refer to nothing: how many, and some of what they name."""

    rows: int = 0
    fields: dict[str, None] = field(default_factory=dict[str, None])
    values: dict[str, None] = field(default_factory=dict[str, None])

    def count(self, issues: Sequence[RowIssue]) -> None:
        found = [issue for issue in issues if issue.code == RowCode.FOREIGN_KEY]
        self.rows += len({issue.row for issue in found})
        for issue in found:
            if len(self.values) < MISSING_SHOWN:
                self.fields.setdefault(issue.field or "")
                self.values.setdefault(issue.value or str(issue.arguments.get("value", "")))

    def details(self) -> dict[str, object]:
        return {"rows": self.rows, "fields": list(self.fields), "values": list(self.values)} if self.rows else {}


def _refuse_change(total: Ledger) -> None:
    if total.failed:
        raise stop(
            JobFaultCode.DESTINATION_REJECTED,
            "Rows that could be written when they were judged can no longer: somebody else changed the data. Nothing was written.",
            retryable=True,
        )


def _sentence(code: str, policy: ErrorPolicy, ledger: Ledger) -> str:
    match code:
        case JobFaultCode.ABORTED_ON_ERROR:
            return "A row failed, and the import was to stop at the first. Nothing was written. Fix the row and send the file again."
        case JobFaultCode.ATOMIC_REJECTED:
            return f"{ledger.failed} rows failed, and the import was to write all rows or none. Nothing was written."
        case JobFaultCode.INVALID_REFERENCES:
            return "Rows refer to others that do not exist, and the import was to hold none. Nothing was written."
        case JobFaultCode.TOO_MANY_ERRORS:
            return f"{ledger.failed} rows failed, at most {policy.max_errors} were allowed. Nothing was written."
        case _:
            return f"{ledger.failed} of {ledger.read} rows failed, more than the share of {policy.max_error_rate}. Nothing was written."
