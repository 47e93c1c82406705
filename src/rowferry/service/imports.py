"""How jobs come to be: uploads received and synced, then job, event, hint and key in one commit."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast
from uuid import UUID

from jsonschema import Draft202012Validator

from rowferry.domain import options as wire_options
from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import (
    EmptyFile,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyMismatch,
    Invalid,
    Pointed,
    QuotaExceeded,
    StorageFull,
    TooLarge,
    Unavailable,
    UnknownKind,
)
from rowferry.domain.job import IMPORT_STEPS, Job, JobId
from rowferry.domain.options import SubmitOptions
from rowferry.domain.schema import ImportKind, ReadOptions
from rowferry.points import Points
from rowferry.ports import TaskKind
from rowferry.service.catalog import Catalog
from rowferry.service.records import SentRows, scan
from rowferry.service.transactions import Transactions
from rowferry.store import catalog, jobs, queue
from rowferry.store.blobs import Blobs, NoRoom
from rowferry.store.catalog import Remembered
from rowferry.store.database import AsyncConnection
from rowferry.store.jobs import NewArtifact, NewJob

KEY_WAIT_SECONDS = 2.0
"""How long a request waits for another with its key before it is told that the other is still running."""
MARKS = frozenset({b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"})
"""What a file without data may hold: nothing, or a byte order mark."""
HEAD_BYTES = 4
LOOK_AT_DISK_BYTES = 67_108_864
PARAM_FAULTS_MAX = 20
ROWS_NAME = "rows.csv"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request that creates a job keeps to; see the settings of the same names."""

    upload_bytes_max: int = 5_000_000_000
    json_bytes_max: int = 64_000_000
    columns_max: int = 2_000
    disk_floor_bytes: int = 256_000_000
    queued_max: int = 100_000
    attempts_max: int = 3
    idempotency_hours: float = 24.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is stored and synced, but belongs to no job yet."""

    blob: str
    file_name: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What every request that creates a job says."""

    kind: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """An import that is asked for."""

    submission: Submission
    options: SubmitOptions = field(default_factory=SubmitOptions)


@dataclass(frozen=True, slots=True)
class Task:
    """A task that is asked for."""

    submission: Submission
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job, and whether an earlier request with the same key had made it."""

    job: Job
    repeated: bool


@dataclass(frozen=True, slots=True)
class Imports:
    """The use cases that create jobs."""

    transactions: Transactions
    blobs: Blobs
    catalog: Catalog
    limits: Limits
    points: Points
    new_id: Callable[[], UUID]
    _under_way: dict[tuple[int, str], asyncio.Event] = field(default_factory=dict[tuple[int, str], asyncio.Event])

    # Receive ----------------------------------------------------------------------------------------------------------

    async def receive(self, file_name: str, media_type: str | None, pieces: AsyncIterator[bytes]) -> Upload:
        """Stores a file as it comes, synced to the disk, with its size and digest. Nothing stays of one that is refused or breaks off.

        Raises:
            StorageFull: there is no room.
            TooLarge: the file goes over the limit.
            EmptyFile: it holds no byte of data.
        """
        self._refuse_without_room()
        blob = f"uploads/{self.new_id()}"
        head = bytearray()
        try:
            stored = await self.blobs.put_stream(blob, self._counted(pieces, head))
        except NoRoom as error:
            raise StorageFull(floor=self.limits.disk_floor_bytes) from error
        if bytes(head) in MARKS:
            await self.blobs.discard([blob])
            raise EmptyFile(name=file_name)
        return Upload(blob, file_name, media_type or "application/octet-stream", stored.bytes, stored.sha256)

    async def discard(self, upload: Upload) -> None:
        """Removes a file that no job will have."""
        await asyncio.shield(self.blobs.discard([upload.blob]))

    async def scanned(self, text: str) -> SentRows:
        """The rows of a JSON body, checked and counted beside the event loop.

        Raises:
            MalformedJson: the body is not JSON.
            Invalid: its rows are not objects.
        """
        return await asyncio.to_thread(scan, text, self.limits.columns_max)

    # Submit -----------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def once(self, principal: Principal, key: str | None) -> AsyncGenerator[None, None]:
        """Holds a key while its request is served. Whoever comes with it meanwhile waits a little.

        Raises:
            IdempotencyInProgress: the other request is still running.
        """
        if key is None:
            yield
            return
        name = (int(principal.tenant), key)
        other = self._under_way.get(name)
        if other is not None:
            try:
                async with asyncio.timeout(KEY_WAIT_SECONDS):
                    await other.wait()
            except TimeoutError:
                raise IdempotencyInProgress(key=key) from None
            # Its row is committed now, or it was refused; the database decides between those who waited.
            yield
            return
        mine = self._under_way[name] = asyncio.Event()
        try:
            yield
        finally:
            mine.set()
            del self._under_way[name]

    async def submit(self, principal: Principal, asked: Import, upload: Upload) -> Submitted:
        """Makes the job of an upload. On a refusal, and when the key had its job before, the upload is removed.

        Raises:
            Forbidden, UnknownKind, Invalid, TooLarge, QuotaExceeded, IdempotencyMismatch, Unavailable: no job was made.
        """
        self.points.reach("submit.stored")
        job_id = JobId(self.new_id())
        fingerprint = _fingerprint(upload.sha256, asked.submission, wire_options.to_wire(asked.options))

        async def insert(connection: AsyncConnection) -> Job:
            return await self._insert_import(connection, principal, job_id, asked, upload)

        try:
            submitted = await self._commit(principal, job_id, asked.submission, fingerprint, insert)
        except Unavailable:
            # The commit may have taken effect although its answer was lost: looked up, not guessed. Where that fails too,
            # housekeeping removes the file if no job has it.
            job = await self.transactions.read(principal.tenant, lambda connection: jobs.get(connection, job_id))
            if job is not None:
                return Submitted(job, repeated=False)
            await self.discard(upload)
            raise
        except BaseException:
            await self.discard(upload)
            raise
        if submitted.repeated:
            await self.discard(upload)
        return submitted

    async def submit_rows(self, principal: Principal, asked: Import, sent: SentRows) -> Submitted:
        """The same for rows in a JSON body, which become a CSV file.

        Raises:
            EmptyFile: there is no row with a column.
        """
        if asked.options.reading != ReadOptions():
            reason = "delimiter, quote, encoding, header_line and sheet say how to read a file; rows in JSON have none."
            raise Invalid(reason=reason, errors=(Pointed(reason, "/options"),))
        if not sent.columns:
            raise EmptyFile(name="of rows")
        exact = replace(
            asked.options,
            reading=ReadOptions(",", '"', "utf-8", 1, None),
            decimal_sign=asked.options.decimal_sign or ".",
        )
        upload = await self.receive(ROWS_NAME, "text/csv", _in_thread(sent.csv()))
        return await self.submit(principal, replace(asked, options=exact), upload)

    async def start(self, principal: Principal, asked: Task) -> Submitted:
        """Makes the job of a task.

        Raises:
            UnknownKind, Invalid, QuotaExceeded, IdempotencyMismatch, Unavailable: no job was made.
        """
        job_id = JobId(self.new_id())
        fingerprint = _fingerprint("", asked.submission, {"params": asked.params, "priority": asked.priority})

        async def insert(connection: AsyncConnection) -> Job:
            return await self._insert_task(connection, principal, job_id, asked)

        return await self._commit(principal, job_id, asked.submission, fingerprint, insert)

    async def _commit(
        self,
        principal: Principal,
        job_id: JobId,
        submission: Submission,
        fingerprint: bytes,
        insert: Callable[[AsyncConnection], Awaitable[Job]],
    ) -> Submitted:
        """Job, event, artifact, key and hint in one commit; or the job that the key had before."""
        key = submission.idempotency_key
        async with self.transactions.write(principal.tenant) as connection:
            if key is not None:
                before = await self._taken(connection, Remembered(key, fingerprint, job_id))
                if before is not None:
                    return Submitted(before, repeated=True)
            job = await insert(connection)
            await queue.hint(connection)
            self.points.reach("submit.before_commit", job.id)
        self.points.reach("submit.committed", job.id)
        return Submitted(job, repeated=False)

    async def _taken(self, connection: AsyncConnection, wanted: Remembered) -> Job | None:
        """The job that the key had before, or None, and the key is this request's. Waits for a commit under way."""
        before = await catalog.remember_key(connection, wanted, self.limits.idempotency_hours * 3600)
        if before is None:
            return None
        if before.fingerprint != wanted.fingerprint:
            raise IdempotencyMismatch(key=wanted.key)
        return await jobs.get(connection, before.job_id)

    async def _insert_import(
        self, connection: AsyncConnection, principal: Principal, job_id: JobId, asked: Import, upload: Upload
    ) -> Job:
        submission = asked.submission
        kind = await self.catalog.find(connection, principal.tenant, submission.kind)
        if not principal.may_import(submission.kind):
            raise Forbidden(scope=f"{Scope.IMPORTS_WRITE}:{submission.kind}")
        if kind is None:
            raise UnknownKind(kind=submission.kind)
        if not isinstance(kind, ImportKind):
            raise _not_so(f"{kind.name} is a task and takes no file. Start it with POST /v1/jobs.")
        settled = wire_options.settle(asked.options, kind)
        if upload.bytes > kind.limits.bytes:
            raise TooLarge(what=f"The file {upload.file_name}", limit=kind.limits.bytes)
        await self._refuse_over_quota(connection)
        job = await jobs.insert(
            connection,
            NewJob(
                id=job_id,
                kind=kind.name,
                type="import",
                steps=IMPORT_STEPS,
                created_by=principal.user,
                source={"file_name": upload.file_name, "bytes": upload.bytes, "sha256": upload.sha256},
                options=wire_options.to_wire(settled),
                metadata=submission.metadata,
                priority=settled.priority,
                attempts_max=self.limits.attempts_max,
                same_file_as=await jobs.last_with_file(connection, upload.sha256),
                trace_parent=submission.trace_parent,
            ),
        )
        days = kind.retention.input_days
        expires_at = None if days is None else job.created_at + timedelta(days=days)
        artifact = NewArtifact(
            self.new_id(),
            "input",
            upload.file_name,
            upload.media_type,
            upload.bytes,
            upload.sha256,
            upload.blob,
            expires_at,
        )
        await jobs.insert_artifact(connection, job.id, artifact)
        return job

    async def _insert_task(self, connection: AsyncConnection, principal: Principal, job_id: JobId, asked: Task) -> Job:
        submission = asked.submission
        kind = await self.catalog.find(connection, principal.tenant, submission.kind)
        if kind is None:
            raise UnknownKind(kind=submission.kind)
        if not isinstance(kind, TaskKind):
            raise _not_so(f"{kind.name} imports rows. Send a file or rows with POST /v1/imports.")
        _check_params(kind, asked.params)
        await self._refuse_over_quota(connection)
        return await jobs.insert(
            connection,
            NewJob(
                id=job_id,
                kind=kind.name,
                type="task",
                steps=kind.steps,
                created_by=principal.user,
                options={"priority": asked.priority},
                params=asked.params,
                metadata=submission.metadata,
                priority=asked.priority,
                attempts_max=self.limits.attempts_max,
                trace_parent=submission.trace_parent,
            ),
        )

    async def _refuse_over_quota(self, connection: AsyncConnection) -> None:
        if await jobs.queued(connection, self.limits.queued_max) >= self.limits.queued_max:
            raise QuotaExceeded(what="The number of waiting jobs", limit=self.limits.queued_max)

    # Files ------------------------------------------------------------------------------------------------------------

    async def _counted(self, pieces: AsyncIterator[bytes], head: bytearray) -> AsyncGenerator[bytes, None]:
        """The pieces, refused where they go over the limit or leave no room. `head` gets the first bytes."""
        size, looked = 0, 0
        async for piece in pieces:
            size += len(piece)
            if size > self.limits.upload_bytes_max:
                raise TooLarge(what="The upload", limit=self.limits.upload_bytes_max)
            if size - looked > LOOK_AT_DISK_BYTES:
                looked = size
                self._refuse_without_room()
            if len(head) < HEAD_BYTES:
                head += piece[: HEAD_BYTES - len(head)]
            yield piece

    def _refuse_without_room(self) -> None:
        free = self.blobs.free_bytes()
        if free is not None and free < self.limits.disk_floor_bytes:
            raise StorageFull(floor=self.limits.disk_floor_bytes)


def _not_so(reason: str) -> Invalid:
    return Invalid(reason=reason, errors=(Pointed(reason, "/kind"),))


def _check_params(kind: TaskKind, params: Mapping[str, object]) -> None:
    validator = Draft202012Validator(dict(kind.params))
    faults = validator.iter_errors(cast("Mapping[str, str]", params))  # pyright: ignore[reportUnknownMemberType]  # its stubs
    found = sorted(faults, key=lambda one: one.json_path)
    if found:
        errors = tuple(
            Pointed(one.message[:500], "/params" + "".join(f"/{step}" for step in one.absolute_path))
            for one in found[:PARAM_FAULTS_MAX]
        )
        raise Invalid(reason=" ".join(error.detail for error in errors), errors=errors)


def _fingerprint(file_sha256: str, submission: Submission, options: Mapping[str, object]) -> bytes:
    """What makes two requests the same: the file's digest, the kind and what was asked for; not the bytes of the form."""
    said = {"file": file_sha256, "kind": submission.kind, "options": options, "metadata": submission.metadata}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=dict).encode()).digest()


async def _in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces, each made beside the event loop."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
