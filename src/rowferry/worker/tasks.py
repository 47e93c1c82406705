"""An attempt at a task: batch by batch, each with its outcomes, cursor and checkpoint in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rowferry.domain.faults import JobFaultCode, stop
from rowferry.domain.job import Move
from rowferry.ports import Batch, ImportKind, Reading, TaskKind
from rowferry.store import database, jobs
from rowferry.store.fence import Wishes
from rowferry.worker.frame import Artifact, Attempt, Settlement


@dataclass(frozen=True, slots=True)
class Context:
    """What a task may ask of the frame (ports.TaskContext)."""

    attempt: Attempt

    @property
    def params(self) -> Mapping[str, object]:
        return self.attempt.job.params

    @property
    def done(self) -> int:
        return self.attempt.job.cursor

    @property
    def checkpoint(self) -> Mapping[str, object]:
        return self.attempt.job.checkpoint

    def enter(self, step: str, total: int | None = None) -> None:
        self.attempt.enter(step, rows_total=total)

    def rows(self, kind: str) -> Reading:
        attempt = self.attempt
        with database.transaction(attempt.connection, attempt.job.tenant):
            found = attempt.parts.kind(attempt.connection, attempt.job.tenant, kind)
        if not isinstance(found, ImportKind):
            raise stop(JobFaultCode.UNKNOWN_KIND, f"There is no import kind {kind} here.", kind=kind)
        return attempt.parts.reading(found, attempt.job.tenant)


class Task:
    """One attempt at a job of a task kind."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        with database.transaction(attempt.connection, attempt.job.tenant):
            found = attempt.parts.kind(attempt.connection, attempt.job.tenant, attempt.job.kind)
        self._kind = found if isinstance(found, TaskKind) else None
        self._pending = b""

    def run(self) -> None:
        """All batches that are left, then the artifact and the end."""
        attempt = self._attempt
        if self._kind is None:
            raise stop(
                JobFaultCode.UNKNOWN_KIND,
                f"No task kind {attempt.job.kind} is known to this worker.",
                kind=attempt.job.kind,
            )
        cursor: int = attempt.job.cursor
        for batch in self._kind.batches(Context(attempt)):
            cursor = self._settle(batch, cursor)
        attempt.enter("report")
        artifacts = self.report()
        attempt.finish(Move.SUCCEED, artifacts, result=self._kind.result(attempt.ledger().counts()))

    def report(self) -> Sequence[jobs.NewArtifact]:
        """The artifact, made of the bytes of all batches that committed."""
        if self._kind is None:
            return ()
        name, media_type = self._kind.output
        file_name = name.format_map({key: str(value) for key, value in self._attempt.job.params.items()})
        return self._attempt.make([Artifact("output", file_name, media_type, footer=self._pending)])

    def _settle(self, batch: Batch, cursor: int) -> int:
        attempt = self._attempt
        if not batch.outcomes:  # bytes without items belong to the next batch that has some
            self._pending += batch.output
            return cursor
        content, self._pending = self._pending + batch.output, b""
        first = cursor + 1
        parts = {"output": attempt.put_part("output", first, content)} if content else {}

        def chunk() -> Wishes:
            return attempt.settle(Settlement(first, batch.outcomes, parts=parts), batch.checkpoint)

        wishes = attempt.in_transaction(chunk)
        attempt.reach("chunk.committed", cursor + len(batch.outcomes))
        attempt.heed(wishes)
        return cursor + len(batch.outcomes)
