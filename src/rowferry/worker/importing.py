"""An attempt at an import: inspect, map, judge where the verdict comes first, load chunk by chunk, report, finish."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import polars as pl

from rowferry.domain import options as wire_options
from rowferry.domain.faults import JobFaultCode, RowIssue, stop
from rowferry.domain.job import Move, RowNumber
from rowferry.domain.ledger import ErrorPolicy, Ledger, OnError, Outcome, from_outcomes
from rowferry.domain.mapping import Mapped, map_columns
from rowferry.domain.schema import ImportOptions
from rowferry.pipeline import inspect, transform
from rowferry.pipeline.match import Seen
from rowferry.pipeline.report import causes, error_header, error_lines, rows_csv, with_outcomes
from rowferry.ports import Chunk, ImportKind, LoadContext, Loaded, Loader, Outcomes
from rowferry.store import database, jobs
from rowferry.store.fence import Wishes
from rowferry.worker.ahead import Ahead
from rowferry.worker.frame import Artifact, Attempt, Settlement
from rowferry.worker.rows import Prepared, Source, staging_columns

RECORD_CHARACTERS_MAX = 10_000
"""How much of a record is kept with an issue; the error file has all of it."""

Write = Callable[[Chunk], Loaded]
Merge = Callable[[Prepared, Loaded], tuple[bytes, list[RowIssue]]]


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


@dataclass(frozen=True, slots=True)
class Ready:
    """A chunk with its staging part, and its output part as it will be if all its rows come to the usual outcome."""

    prepared: Prepared
    staging: str | None
    usual: Outcome
    output: str | None


class Import:
    """One attempt at a job of an import kind."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._source: Source | None = None
        self._kept = int(str(attempt.job.checkpoint.get("issues_kept", 0)))
        self._usual = Outcome.CREATED

    def run(self) -> None:
        """All that is left of the import, to its terminal status."""
        attempt = self._attempt
        order = self._order()
        source, mapped = self._opened(order)
        self._source = source
        with self._in_file(order, source) as in_file:
            context = LoadContext(
                order.kind,
                attempt.job,
                source.plan.fields,
                order.options,
                columns={field: source.inspection.columns[at] for at, field in mapped.pairs},
                references=self._references(order.kind, source.plan.fields),
                in_file=in_file.knows if in_file else None,
            )
            self._written(order, source, attempt.parts.loader(attempt.connection, context))
        attempt.enter("report")
        artifacts = self.report()
        attempt.finish(Move.END_PARTIAL if self._ledger().failed else Move.SUCCEED, artifacts)

    def report(self) -> Sequence[jobs.NewArtifact]:
        """Staging, output and error file, of all chunks that committed in any attempt."""
        if self._source is None:
            return ()
        source = self._source
        stem = PurePath(str(self._attempt.job.source.get("file_name") or "rows.csv")).stem or "rows"
        plain = staging_columns(source.plan)
        output = plain.with_columns(pl.lit("").alias("_outcome"))
        return self._attempt.make(
            [
                Artifact("staging", f"{stem}.staging.csv", "text/csv", rows_csv(plain, header=True)),
                Artifact("output", f"{stem}.output.csv", "text/csv", rows_csv(output, header=True)),
                Artifact("errors", f"{stem}.errors.csv", "text/csv", error_header(source.inspection)),
            ]
        )

    # Before a row is read ---------------------------------------------------------------------------------------------

    def _order(self) -> Order:
        job = self._attempt.job
        with database.transaction(self._attempt.connection, job.tenant):
            kind = self._attempt.parts.kind(self._attempt.connection, job.tenant, job.kind)
        if not isinstance(kind, ImportKind):
            raise stop(JobFaultCode.UNKNOWN_KIND, f"No import kind {job.kind} is known to this worker.", kind=job.kind)
        options, policy, dry_run = wire_options.from_wire(job.options, kind)
        if options.mode not in kind.modes:
            allowed = ", ".join(kind.modes)
            raise stop(
                JobFaultCode.MODE_NOT_ALLOWED, f"The kind {kind.name} takes the modes {allowed}.", mode=options.mode
            )
        return Order(kind, options, policy, dry_run)

    def _opened(self, order: Order) -> tuple[Source, Mapped]:
        attempt, parts = self._attempt, self._attempt.parts
        path = parts.blobs.local_path(self._input(), attempt.scratch)
        attempt.reach("source.opened")
        form, inspection = inspect.inspect(path, order.options.reading, parts.formats, attempt.scratch)
        if inspection.rows > order.kind.limits.rows:
            raise stop(
                JobFaultCode.TOO_MANY_ROWS,
                f"The file has {inspection.rows} rows, at most {order.kind.limits.rows} are taken. Send it in parts.",
                rows=inspection.rows,
                limit=order.kind.limits.rows,
            )
        said = {**attempt.job.source, **inspect.source(inspection)}
        attempt.enter("map", rows_total=inspection.rows, source=said)
        nameless = (at for at, name in enumerate(inspection.columns) if not name)
        left_out = (*inspection.added_columns, *nameless)
        mapped = map_columns(inspection.columns, order.kind.schema, order.options, left_out)
        plan = transform.compile(order.kind, inspection.columns, mapped.pairs, order.options)
        return Source(form, path, inspection, plan, attempt.scratch, parts.limits.chunk_rows), mapped

    def _input(self) -> str:
        """The key of the blob that the job was sent with."""
        attempt = self._attempt
        with database.transaction(attempt.connection, attempt.job.tenant):
            files = jobs.artifacts_sync(attempt.connection, attempt.job.id)
        for file in files:
            if file.category == "input":
                return file.blob
        raise stop(JobFaultCode.SOURCE_MISSING, "The file of this job is no longer kept. Send it again.")

    def _references(self, kind: ImportKind, fields: Sequence[str]) -> Mapping[str, ImportKind]:
        found: dict[str, ImportKind] = {}
        attempt = self._attempt
        for key in kind.schema.foreign_keys:
            if key.resource in {"", kind.name} or not set(key.fields) <= set(fields):
                continue
            with database.transaction(attempt.connection, attempt.job.tenant):
                other = attempt.parts.kind(attempt.connection, attempt.job.tenant, key.resource)
            if not isinstance(other, ImportKind):
                raise stop(
                    JobFaultCode.UNKNOWN_KIND,
                    f"The kind {kind.name} refers to {key.resource}, which is not there.",
                    kind=key.resource,
                )
            found[key.resource] = other
        return found

    @contextmanager
    def _in_file(self, order: Order, source: Source) -> Generator[Seen | None]:
        """The keys of the whole file, where rows may refer to other rows of the same file, earlier or later."""
        own = [key for key in order.kind.schema.foreign_keys if key.resource in {"", order.kind.name}]
        if not any(set(key.fields) <= set(source.plan.fields) for key in own):
            yield None
            return
        self._attempt.enter("validate")
        with self._seen(order, source) as seen:
            for prepared in source.prepared(seen):
                self._attempt.enter("validate", rows_read=prepared.chunk.first_row + prepared.chunk.rows - 1)
            yield seen

    def _seen(self, order: Order, source: Source) -> Seen:
        schema, inspection = order.kind.schema, source.inspection
        return Seen(schema, source.plan.fields, order.options.duplicates, self._attempt.scratch, rows=inspection.rows)

    # Judging and writing ----------------------------------------------------------------------------------------------

    def _written(self, order: Order, source: Source, loader: Loader) -> None:
        attempt = self._attempt
        try:
            verdict = self._verdict(order, source, loader)
            attempt.enter("load")
            if verdict is not None:
                self._refuse(order, source, loader, verdict)
            elif order.whole:
                if attempt.job.cursor == 0:  # else an earlier attempt committed all and was lost before the end
                    self._load_whole(source, loader, order)
            else:
                self._load(source, loader.foresee if order.dry_run else loader.load, order)
        finally:
            loader.close()

    def _verdict(self, order: Order, source: Source, loader: Loader) -> str | None:
        """The code of the policy that the file breaks, or None. Judges every row before one is written.

        A verdict that an earlier attempt came to stands: its rows are being settled by it.
        """
        if not order.policy.verdict_first:
            return None
        known = self._attempt.job.checkpoint.get("verdict")
        if known is not None:
            return str(known) or None
        read = failed = 0
        with self._pass(order, source, 0) as chunks:
            for prepared in chunks:
                settlement = self._foreseen(prepared, loader)
                counts = from_outcomes(settlement.outcomes)
                read, failed = read + counts.read, failed + counts.failed
                self._attempt.enter("match" if read == source.inspection.rows else "validate", rows_read=read)
                if failed and order.policy.on_error is OnError.ABORT:
                    break
        verdict = order.policy.exceeded_by(failed, read)
        self._attempt.enter("match", checkpoint={"verdict": verdict or "", "failed": failed, "read": read})
        return verdict

    def _load(self, source: Source, write: Write, order: Order) -> None:
        """Each chunk's rows, outcomes, counts and cursor commit together."""
        attempt = self._attempt
        with self._settling(order, source, attempt.job.cursor) as chunks:
            for ready in chunks:
                self._commit(ready, write, source, _merged)

    def _commit(self, ready: Ready, write: Write, source: Source, merge: Merge) -> None:
        attempt, chunk = self._attempt, ready.prepared.chunk
        made: list[Settlement] = []

        def work() -> Wishes:
            attempt.reach("chunk.begun", chunk.first_row)
            loaded = write(chunk)
            attempt.reach("chunk.copied", chunk.first_row)
            made.append(self._settlement(ready, loaded, source, merge))
            return attempt.settle(made[-1], {"issues_kept": self._kept + len(made[-1].issues)})

        wishes = attempt.in_transaction(work)
        self._kept += len(made[-1].issues)
        attempt.reach("chunk.committed", chunk.first_row)
        attempt.heed(wishes)

    def _load_whole(self, source: Source, loader: Loader, order: Order) -> None:
        """All chunks in one transaction, with one fence at its end: all rows or none. A crash rolls back, and the next attempt begins anew."""
        attempt = self._attempt
        total = Ledger()
        with database.transaction(attempt.connection, attempt.job.tenant, attempt.job.id):
            with self._settling(order, source, 0) as chunks:
                for ready in chunks:
                    chunk = ready.prepared.chunk
                    attempt.reach("chunk.begun", chunk.first_row)
                    settlement = self._settlement(ready, loader.load(chunk), source, _merged)
                    attempt.settle_part(settlement)
                    self._kept += len(settlement.issues)
                    total = total + from_outcomes(settlement.outcomes)
                    if total.failed:
                        raise stop(
                            JobFaultCode.DESTINATION_REJECTED,
                            "Rows that could be written when they were judged can no longer: somebody else changed the data. Nothing was written.",
                            retryable=True,
                        )
                    attempt.enter("load")
            attempt.pass_fence(RowNumber(0), total, {"issues_kept": self._kept})
        attempt.reach("chunk.committed", total.read)

    def _refuse(self, order: Order, source: Source, loader: Loader, verdict: str) -> None:
        """Settles the rows of a file that breaks its policy: failed as judged, all others not attempted. Nothing is written."""
        abort = order.policy.on_error is OnError.ABORT
        self._usual = Outcome.NOT_ATTEMPTED
        with self._settling(order, source, self._attempt.job.cursor) as chunks:
            for ready in chunks:
                if abort and self._ledger().failed:
                    break
                self._commit(ready, loader.foresee, source, _to_first_failure if abort else _refused)
        ledger = self._ledger()
        raise stop(
            JobFaultCode(verdict), _sentence(verdict, order.policy, ledger), failed=ledger.failed, read=ledger.read
        )

    @contextmanager
    def _pass(self, order: Order, source: Source, settled: int) -> Generator[Iterator[Prepared]]:
        """The chunks behind the settled rows, for judging alone."""
        with self._seen(order, source) as seen, Ahead(source.prepared(seen, settled)) as chunks:
            yield chunks

    @contextmanager
    def _settling(self, order: Order, source: Source, settled: int) -> Generator[Iterator[Ready]]:
        """The same, with parts of the artifacts stored already: that costs as much as a third of the load, and is done beside it."""
        with self._seen(order, source) as seen, Ahead(self._ready(source.prepared(seen, settled))) as chunks:
            yield chunks

    def _ready(self, chunks: Iterator[Prepared]) -> Iterator[Ready]:
        for prepared in chunks:
            chunk, usual = prepared.chunk, self._usual
            staging = self._part("staging", chunk, rows_csv(chunk.frame, header=False))
            expected = np.full(chunk.frame.height, usual, np.uint8)
            yield Ready(prepared, staging, usual, self._part("output", chunk, _output(chunk, expected)))

    def _part(self, category: str, chunk: Chunk, content: bytes) -> str | None:
        return self._attempt.put_part(category, chunk.first_row, content) if content else None

    def _foreseen(self, prepared: Prepared, loader: Loader) -> Settlement:
        attempt = self._attempt
        with database.transaction(attempt.connection, attempt.job.tenant, attempt.job.id):
            loaded = loader.foresee(prepared.chunk)
        outcomes, issues = _merged(prepared, loaded)
        return Settlement(prepared.chunk.first_row, outcomes, issues)

    def _settlement(self, ready: Ready, loaded: Loaded, source: Source, merge: Merge) -> Settlement:
        """What the chunk came to, with its parts of the artifacts stored."""
        prepared, chunk = ready.prepared, ready.prepared.chunk
        outcomes, issues = merge(prepared, loaded)
        of_frame, output = _of_frame(outcomes, chunk), ready.output
        if not (of_frame == ready.usual).all():
            output = self._part("output", chunk, _output(chunk, of_frame))
        if len(of_frame):
            self._usual = Outcome(int(np.bincount(of_frame).argmax()))
        errors = self._part("errors", chunk, error_lines(source.inspection, issues, prepared.raw))
        named = {"staging": ready.staging, "output": output, "errors": errors}
        parts = {name: key for name, key in named.items() if key is not None}
        room = max(0, self._attempt.parts.limits.issues_max - self._kept)
        return Settlement(chunk.first_row, outcomes, [_kept(issue) for issue in issues[:room]], causes(issues), parts)

    def _ledger(self) -> Ledger:
        attempt = self._attempt
        with database.transaction(attempt.connection, attempt.job.tenant):
            job = jobs.get_sync(attempt.connection, attempt.job.id)
        return job.ledger if job else Ledger()


def _merged(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
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


def _output(chunk: Chunk, outcomes: Outcomes) -> bytes:
    return rows_csv(with_outcomes(chunk.frame, outcomes), header=False)


def _of_frame(outcomes: bytes, chunk: Chunk) -> Outcomes:
    of_frame: Outcomes = np.frombuffer(outcomes, np.uint8)[chunk.frame["_row"].to_numpy() - chunk.first_row]
    return of_frame


def _refused(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """The same for a job whose verdict is no: what did not fail was not attempted."""
    outcomes, issues = _merged(prepared, loaded)
    failed = np.frombuffer(outcomes, np.uint8) == Outcome.FAILED
    settled = np.where(failed, np.uint8(Outcome.FAILED), np.uint8(Outcome.NOT_ATTEMPTED))
    return settled.tobytes(), [issue for issue in issues if issue.outcome == "failed"]


def _to_first_failure(prepared: Prepared, loaded: Loaded) -> tuple[bytes, list[RowIssue]]:
    """The same for a job that its first failed row ends: no row behind that one was attempted."""
    outcomes, issues = _refused(prepared, loaded)
    at = outcomes.find(bytes([Outcome.FAILED]))
    if at < 0:
        return outcomes, issues
    behind = bytes([Outcome.NOT_ATTEMPTED]) * (len(outcomes) - at - 1)
    return outcomes[: at + 1] + behind, [issue for issue in issues if issue.row == prepared.chunk.first_row + at]


def _kept(issue: RowIssue) -> RowIssue:
    """The issue as the database keeps it: no record without an end."""
    return replace(issue, record=issue.record[:RECORD_CHARACTERS_MAX])


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
