"""Judging and writing the rows of one import: the verdict where it must come first, then chunk by chunk, or all in one transaction."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rowferry.domain.faults import JobFaultCode, stop
from rowferry.domain.job import RowNumber
from rowferry.domain.ledger import ErrorPolicy, Ledger, OnError, Outcome, from_outcomes
from rowferry.domain.schema import ImportOptions
from rowferry.ports import Chunk, ImportKind, Loaded, Loader
from rowferry.store import database
from rowferry.store.fence import Wishes
from rowferry.worker.ahead import Ahead
from rowferry.worker.frame import Attempt, Settlement
from rowferry.worker.rows import Prepared, Source
from rowferry.worker.settling import Merge, Ready, Settling, merged, refused, to_first_failure

Write = Callable[[Chunk], Loaded]


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


class Loading:
    """The rows of one attempt at an import, from the verdict to the last chunk."""

    def __init__(self, attempt: Attempt, order: Order, source: Source, loader: Loader) -> None:
        self._attempt = attempt
        self._order = order
        self._source = source
        self._loader = loader

    def run(self) -> None:
        """Settles every row that is left.

        Raises:
            JobStopped: the file breaks the error policy, or the destination took back what it had promised.
            FenceLost, Cancelled, Paused, Drained: the attempt ends here.
        """
        try:
            verdict = self._verdict()
            self._attempt.enter("load")
            if verdict is not None:
                self._refuse(verdict)
            elif self._order.whole:
                self._load_whole()
            else:
                self._load(self._loader.foresee if self._order.dry_run else self._loader.load)
        finally:
            self._loader.close()

    def _verdict(self) -> str | None:
        """The code of the policy that the file breaks, or None. Judges every row before one is written.

        A verdict that an earlier attempt came to stands: its rows are being settled by it.
        """
        policy = self._order.policy
        if not policy.verdict_first:
            return None
        known = self._attempt.job.checkpoint.get("verdict")
        if known is not None:
            return str(known) or None
        total = Ledger()
        with self._judging() as chunks:
            for prepared in chunks:
                total += self._foreseen(prepared)
                last = total.read == self._source.inspection.rows
                self._attempt.enter("match" if last else "validate", rows_read=total.read)
                if total.failed and policy.on_error is OnError.ABORT:
                    break
        verdict = policy.exceeded_by(total.failed, total.read)
        self._attempt.enter("match", checkpoint={"verdict": verdict or ""})
        return verdict

    def _foreseen(self, prepared: Prepared) -> Ledger:
        attempt = self._attempt
        with database.transaction(attempt.connection, attempt.job.tenant, attempt.job.id):
            loaded = self._loader.foresee(prepared.chunk)
        return from_outcomes(merged(prepared, loaded)[0])

    def _load(self, write: Write) -> None:
        """Each chunk's rows, outcomes, counts and cursor commit together."""
        settling = Settling(self._attempt, self._source, self._loader.prepare, Outcome.CREATED)
        with self._settled(settling, self._attempt.job.cursor) as chunks:
            for ready in chunks:
                self._commit(settling, ready, write, merged)

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
        """All chunks in one transaction, with one fence at its end: all rows or none. A crash rolls back, and the next attempt begins anew."""
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
        settling = Settling(attempt, self._source, lambda _: None, Outcome.NOT_ATTEMPTED)
        with self._settled(settling, attempt.job.cursor) as chunks:
            for ready in chunks:
                if abort and attempt.ledger().failed:
                    break
                self._commit(settling, ready, self._loader.foresee, to_first_failure if abort else refused)
        ledger = attempt.ledger()
        sentence = _sentence(verdict, policy, ledger)
        raise stop(JobFaultCode(verdict), sentence, failed=ledger.failed, read=ledger.read)

    @contextmanager
    def _judging(self) -> Generator[Iterator[Prepared]]:
        """All chunks, for judging alone."""
        with self._source.seen(self._order.options.duplicates) as seen, Ahead(self._source.prepared(seen)) as chunks:
            yield chunks

    @contextmanager
    def _settled(self, settling: Settling, settled: int) -> Generator[Iterator[Ready]]:
        """The chunks behind the rows that are settled, ready to be."""
        with (
            self._source.seen(self._order.options.duplicates) as seen,
            Ahead(settling.ready(self._source.prepared(seen, settled))) as chunks,
        ):
            yield chunks


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
        case JobFaultCode.TOO_MANY_ERRORS:
            return f"{ledger.failed} rows failed, at most {policy.max_errors} were allowed. Nothing was written."
        case _:
            return f"{ledger.failed} of {ledger.read} rows failed, more than the share of {policy.max_error_rate}. Nothing was written."
