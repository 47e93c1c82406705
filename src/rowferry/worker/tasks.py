"""An attempt at a task: batch by batch, each with its outcomes, cursor and checkpoint in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from rowferry.domain.faults import Invalid, JobFaultCode, stop
from rowferry.domain.job import Move, RowNumber
from rowferry.domain.ledger import Ledger
from rowferry.pipeline.typed import columns_of, table_frames
from rowferry.ports import Batch, Choice, ImportKind, Kind, Reading, Removing, TaskKind
from rowferry.store import artifacts
from rowferry.store.fence import Wishes
from rowferry.worker.frame import Artifact, Attempt, Settlement


class Context:
    """What a task may ask of the frame (ports.TaskContext)."""

    def __init__(self, attempt: Attempt, kind: TaskKind) -> None:
        self._attempt = attempt
        self._kind = kind
        self._done: int = attempt.job.cursor
        self._checkpoint = attempt.job.checkpoint

    @property
    def params(self) -> Mapping[str, object]:
        return self._attempt.job.params

    @property
    def done(self) -> int:
        return self._done

    @property
    def checkpoint(self) -> Mapping[str, object]:
        return self._checkpoint

    def enter(self, step: str, total: int | None = None) -> None:
        self._attempt.learn(step, total)
        self._attempt.enter(step)

    def rows(self, kind: str) -> Reading:
        return self._attempt.parts.reading(import_kind(self._attempt.kinds(kind), kind), self._attempt.job.tenant)

    def removing(self) -> Removing:
        removes, param = self._kind.removes, self._kind.names_kind
        assert removes is not None, "only a task that removes rows asks for that"  # noqa: S101  # an invariant, as code
        assert param is not None, "and such a task names the kind"  # noqa: S101  # likewise
        name = str(self.params[param])
        found = self._attempt.kinds(name)
        kind = import_kind(found, name)
        choice = Choice(kind, removes(self.params), {other: import_kind(found, other) for other in kind.others})
        try:
            return self._attempt.parts.removing(self._attempt.connection, choice, self._attempt.job.tenant)
        except Invalid as refusal:
            raise stop(JobFaultCode.INVALID_PARAMS, str(refusal)) from refusal

    def settled(self, items: int, checkpoint: Mapping[str, object]) -> None:
        """A batch committed."""
        self._done += items
        self._checkpoint = {**self._checkpoint, **checkpoint}


def import_kind(kinds: Mapping[str, Kind], name: str) -> ImportKind:
    """The import kind of that name among those that were found.

    Raises:
        JobStopped: unknown-kind.
    """
    found = kinds.get(name)
    if not isinstance(found, ImportKind):
        raise stop(JobFaultCode.UNKNOWN_KIND, f"There is no import kind {name} here.", kind=name)
    return found


class Task:
    """One attempt at a job of a task kind."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        found = attempt.kinds(attempt.job.kind).get(attempt.job.kind)
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
        context = Context(attempt, self._kind)
        for batch in self._kind.batches(context):
            self._settle(batch, context)
        attempt.enter("report")
        artifacts = self.report()
        attempt.finish(Move.SUCCEED, artifacts, result=self._kind.result(attempt.ledger().counts()))

    def report(self) -> Sequence[artifacts.NewArtifact]:
        """The artifact, made of the bytes of all batches that committed."""
        if self._kind is None:
            return ()
        name, media_type = self._kind.output
        params = self._attempt.job.params
        file_name = name.format_map({key: str(value) for key, value in params.items()})
        # Bytes that no item followed make a file too: a header, where there was nothing to write below it.
        whole = Artifact("output", file_name, media_type, footer=self._pending, always=bool(self._pending))
        wanted = self._kind.table(params) if self._kind.table else None
        return self._attempt.make([whole if wanted is None else self._table(whole, wanted)])

    def _table(self, plain: Artifact, wanted: str) -> Artifact:
        """The artifact as its writer makes it, also of no rows."""
        attempt, writer = self._attempt, self._attempt.parts.writers[wanted]
        named = self._kind.names_kind if self._kind else None
        assert named is not None, "a table is one of a kind's rows"  # noqa: S101  # an invariant, as code
        name = str(attempt.job.params[named])
        kind = import_kind(attempt.kinds(name), name)

        def made(parts: Iterator[bytes]) -> Iterator[bytes]:
            lines = (line for part in parts for line in part.splitlines(keepends=True))
            frames = table_frames(kind.schema.fields, lines, writer.typed)
            return writer.write(columns_of(kind.schema.fields, writer.typed), frames, attempt.scratch)

        name = f"{PurePath(plain.name).stem}.{writer.name}"
        return replace(plain, name=name, media_type=writer.media_type, always=True, made=made)

    def _settle(self, batch: Batch, context: Context) -> None:
        attempt = self._attempt
        if not batch.outcomes and batch.work is None:  # bytes without items belong to the next batch that has some
            self._pending += batch.output
            return
        first, made = context.done + 1, list[Batch]()

        def chunk() -> Wishes:
            done = batch if batch.work is None else batch.work()
            made.append(done)
            if not done.outcomes:
                return attempt.pass_fence(RowNumber(first - 1), Ledger(), done.checkpoint)
            content = self._pending + done.output
            parts = {"output": attempt.put_part("output", first, content)} if content else {}
            return attempt.settle(Settlement(first, done.outcomes, parts=parts), done.checkpoint)

        wishes = attempt.in_transaction(chunk)
        done = made[-1]
        self._pending = b"" if done.outcomes else self._pending + done.output
        context.settled(len(done.outcomes), done.checkpoint)
        attempt.reach("chunk.committed", context.done)
        attempt.heed(wishes)
