"""The frame of an attempt: what any job needs while it runs, how it heeds wishes, settles chunks and makes artifacts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, JobFaultCode, RowIssue, stop
from rowferry.domain.job import ROWS_READ, Fence, Job, Move, RowNumber
from rowferry.domain.ledger import Ledger, from_outcomes
from rowferry.pipeline.report import Cause
from rowferry.points import Points
from rowferry.ports import Choice, ImportKind, Kind, LoadContext, Loader, Readers, Reading, Removing, Writer
from rowferry.store import artifacts as files
from rowferry.store import attempts, chunks, database, jobs, packing
from rowferry.store.blobs import Blobs, Digest, Stored
from rowferry.store.connections import Connections
from rowferry.store.database import Connection
from rowferry.store.fence import Wishes

REPEATS_MAX = 10
"""How often a chunk is tried again after a deadlock or a serialization failure; each try waits for the other transaction."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an attempt keeps to; see the settings of the same names."""

    chunk_rows: int
    issues_max: int


@dataclass(frozen=True, slots=True)
class Parts:
    """All that an attempt needs from outside, built once per executor."""

    connections: Connections
    blobs: Blobs
    kinds: Callable[[Connection, TenantId, str], Mapping[str, Kind]]
    """A tenant's kind of some name, and those that its rows may refer to, as far as there are such; by name."""
    readers: Readers
    loader: Callable[[Connection, LoadContext], Loader]
    reading: Callable[[ImportKind, TenantId], Reading]
    removing: Callable[[Connection, Choice, TenantId], Removing]
    limits: Limits
    points: Points
    scratch: Path
    new_id: Callable[[], UUID]
    writers: Mapping[str, Writer] = field(default_factory=dict[str, Writer])
    """What writes files, by the words by which formats are asked for."""


class Cancelled(Exception):
    """A person's wish took effect between two chunks."""


class Paused(Exception):
    """Likewise."""


class Drained(Exception):
    """The worker wants its executor back; the job goes on elsewhere from its cursor."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a chunk came to: its rows' outcomes, why rows failed, and the parts of artifacts by category."""

    first_row: int
    outcomes: bytes
    issues: Sequence[RowIssue] = ()
    causes: Sequence[Cause] = ()
    encoded: chunks.Encoded | None = None
    """The issues as they are written, where that was prepared."""
    parts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file to make of the parts that the chunks stored. One without parts is made only when `always`."""

    category: str
    name: str
    media_type: str
    header: bytes = b""
    footer: bytes = b""
    always: bool = False
    keep_days: int | None = None
    """How many days it is kept. None: for ever."""
    known: Stored | None = None
    """Size and digest of the whole, where they are known."""
    made: Callable[[Iterator[bytes]], Iterator[bytes]] | None = None
    """Makes the file of header, parts and footer; None: they are the file, one after another."""


@dataclass(slots=True)
class Learned:
    """What an attempt knows of its input and has not said yet."""

    step: str = ""
    """The one that it was learned in."""
    rows_total: int | None = None
    source: dict[str, object] = field(default_factory=dict[str, object])
    _said: dict[str, object] = field(default_factory=dict[str, object])

    def add(self, step: str, rows_total: int | None, source: Mapping[str, object]) -> None:
        """Keeps what is new."""
        self.step = step
        if rows_total is not None:
            self.rows_total = rows_total
        self.source |= {name: value for name, value in source.items() if self._said.get(name) != value}

    @property
    def left(self) -> bool:
        """Whether there is anything to say."""
        return self.rows_total is not None or bool(self.source)

    def told(self) -> tuple[int | None, Mapping[str, object]]:
        """All of it, which is said then."""
        said = self.rows_total, self.source
        self._said |= self.source
        self.rows_total, self.source = None, {}
        return said


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt holds. `connection` writes the chunks, and a takeover ends its backend; `side` commits by itself and says progress."""

    parts: Parts
    job: Job
    input: str | None
    """The key of the blob that the job was sent with. None: it had none, or that is no longer kept."""
    fence: Fence
    connection: Connection
    side: Connection
    scratch: Path
    stop: Callable[[], bool]
    learned: Learned = field(default_factory=Learned)

    def learn(self, step: str, rows_total: int | None = None, source: Mapping[str, object] | None = None) -> None:
        """Keeps what became known of the input in a step that is not said by itself; the next one that begins says it, too, or the end."""
        self.learned.add(step, rows_total, source or {})

    def enter(self, step: str, *, rows_read: int | None = None, checkpoint: Mapping[str, object] | None = None) -> None:
        """Says that a step begins or gets on, and what was learned meanwhile, and heeds wishes.

        Raises:
            FenceLost: the job is another attempt's.
            Cancelled, Paused, Drained: somebody wants the attempt to end here.
        """
        self.reach(f"step.{step}")
        self.heed(self._advance(step, rows_read, checkpoint))

    def _advance(
        self, step: str, rows_read: int | None = None, checkpoint: Mapping[str, object] | None = None
    ) -> Wishes:
        if rows_read is not None:  # of two attempts, what the one that got further had read
            checkpoint = {**(checkpoint or {}), ROWS_READ: max(rows_read, self.job.ledger.read)}
        total, source = self.learned.told()
        advance = attempts.Advance(self.job.id, self.fence, step, total, rows_read, source, checkpoint)
        return attempts.advance(self.side, self.job.tenant, advance)

    def heed(self, wishes: Wishes) -> None:
        """Ends the attempt where somebody wants that."""
        if wishes.cancel:
            raise Cancelled
        if wishes.pause:
            raise Paused
        if self.stop():
            raise Drained

    def reach(self, name: str, row: int = 0) -> None:
        """Tells a fault test where the attempt is."""
        self.parts.points.reach(name, self.job.id, row)

    def put_part(self, category: str, first_row: int, content: bytes) -> str:
        """Stores what a chunk adds to an artifact; the key says which attempt wrote it, so that a late one overwrites nothing."""
        key = f"parts/{self.job.id}-{self.fence}-{category}-{first_row}{packing.SUFFIX}"
        self.parts.blobs.put(key, packing.packed(content))
        return key

    def in_transaction(self, work: Callable[[], Wishes]) -> Wishes:
        """Runs a chunk's transaction, again where PostgreSQL asks for that (deadlock 40P01, serialization 40001)."""
        for _ in range(REPEATS_MAX):
            try:
                with database.transaction(self.connection, self.job.tenant, self.job.id):
                    return work()
            except database.Repeatable:
                self.reach("chunk.repeated")
        raise stop(
            JobFaultCode.DESTINATION_UNAVAILABLE,
            "A chunk met other writers again and again and was given up. Run the job again when they have ended.",
            retryable=True,
        )

    def settle(self, chunk: Settlement, checkpoint: Mapping[str, object]) -> Wishes:
        """Writes what a chunk came to, the fence last, inside the open transaction.

        Raises:
            FenceLost: the job is another attempt's; the transaction must roll back.
        """
        self.settle_part(chunk)
        return self.pass_fence(RowNumber(chunk.first_row - 1), from_outcomes(chunk.outcomes), checkpoint)

    def settle_part(self, chunk: Settlement) -> None:
        """The same without the fence, for a transaction that holds many chunks."""
        issues = chunks.encoded(self.job.id, chunk.issues) if chunk.encoded is None else chunk.encoded
        settled = chunks.Settled(self.job.id, chunk.first_row, chunk.outcomes, chunk.parts, issues, chunk.causes)
        chunks.settle_part(self.connection, settled)
        self.reach("chunk.settled", chunk.first_row)

    def pass_fence(self, cursor: RowNumber, counts: Ledger, checkpoint: Mapping[str, object]) -> Wishes:
        """The fence: moves the cursor and the counts, or raises `FenceLost`."""
        to = RowNumber(cursor + counts.read)
        wishes = chunks.fence(self.connection, chunks.Fenced(self.job.id, self.fence, cursor, to, counts, checkpoint))
        self.reach("chunk.fenced", to)
        return wishes

    def kinds(self, name: str) -> Mapping[str, Kind]:
        """The kind of that name, and those that its rows may refer to, as far as there are such; by name."""
        return self.parts.kinds(self.side, self.job.tenant, name)

    def ledger(self) -> Ledger:
        """The ledger as it is committed."""
        with database.transaction(self.connection, self.job.tenant):
            job = jobs.get_sync(self.connection, self.job.id)
        return job.ledger if job else Ledger()

    def make(self, artifacts: Sequence[Artifact]) -> list[files.NewArtifact]:
        """Joins the parts of all chunks to artifacts, each a blob, synced. Artifacts of the same parts are one blob."""
        keys = chunks.parts_of(self.side, self.job.tenant, self.job.id)
        wanted = [one for one in artifacts if keys.get(one.category) or one.always]
        joined: dict[tuple[object, ...], files.NewArtifact] = {}
        made: list[files.NewArtifact] = []
        for one in wanted:
            of = keys.get(one.category, list[str]())
            same = (one.header, one.footer, *of)
            if same not in joined:
                joined[same] = self._join(one, of)
            of_its_own = replace(joined[same], id=self.parts.new_id())
            made.append(replace(of_its_own, category=one.category, name=one.name, media_type=one.media_type))
        return made

    def finish(
        self,
        move: Move | None,
        artifacts: Sequence[files.NewArtifact] = (),
        failure: JobFault | None = None,
        result: Mapping[str, object] | None = None,
    ) -> None:
        """The end of the job: its terminal status, its artifacts' rows and its event commit together.

        Without a move it is done, with or without failed rows as the ledger says.

        Raises:
            FenceLost: the job is another attempt's.
            LedgerBroken: rows and outcomes differ; the job must not end as if they did not.
        """
        self.reach("finish.begun")
        if self.learned.left:  # where it ends on the way to its next step, the job still says what the file is
            self._advance(self.learned.step)
        attempts.finish(
            self.side, self.job.tenant, attempts.Finish(self.job.id, self.fence, move, failure, result, artifacts)
        )
        self.reach("finish.committed")
        parts = chunks.parts_of(self.side, self.job.tenant, self.job.id)
        self.parts.blobs.delete([key for keys in parts.values() for key in keys])

    def rest(self) -> None:
        """The end of the attempt and not of the job, which keeps its cursor and the parts of its artifacts.

        Raises:
            FenceLost: the job is another attempt's.
            Cancelled, Drained: a cancel was asked for meanwhile; or the wish to rest was taken back, and the job goes on.
        """
        self.reach("rest.begun")
        with database.transaction(self.connection, self.job.tenant, self.job.id):
            wishes = attempts.hold(self.connection, self.job.id, self.fence)
            if wishes.cancel:
                raise Cancelled
            if not wishes.pause:
                raise Drained
            attempts.finish(self.connection, self.job.tenant, attempts.Finish(self.job.id, self.fence, Move.PAUSE))
            self.reach("rest.before_commit")
        self.reach("rest.committed")

    def _join(self, artifact: Artifact, keys: Sequence[str]) -> files.NewArtifact:
        digest = Digest()

        def frames() -> Iterator[bytes]:
            for plain, key in ((artifact.header, None), *((b"", key) for key in keys), (artifact.footer, None)):
                yield packing.packed(plain) if key is None else packing.frame(self.parts.blobs.read(key), key)

        def content() -> Iterator[bytes]:
            if artifact.made is not None:
                whole = artifact.made(packing.content(piece) for piece in frames())
                yield from (packing.packed(piece) for piece in digest.passing(whole))
                return
            for piece in frames():
                if artifact.known is None:
                    digest.add(packing.content(piece))
                yield piece

        identity = self.parts.new_id()
        key = f"artifacts/{identity}{packing.SUFFIX}"
        self.parts.blobs.write(key, content())
        whole = artifact.known or digest.stored()
        return files.NewArtifact(
            identity,
            artifact.category,
            artifact.name,
            artifact.media_type,
            whole.bytes,
            whole.sha256,
            key,
            artifact.keep_days,
        )
