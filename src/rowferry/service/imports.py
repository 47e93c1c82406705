"""How jobs come to be: uploads received and synced, then job, event, hint and key in one commit."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
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
    NotAllowedNow,
    NotFound,
    Pointed,
    QuotaExceeded,
    SourceMissing,
    StorageFull,
    TooLarge,
    Unavailable,
    UnknownKind,
)
from rowferry.domain.job import IMPORT_STEPS, Job, JobId
from rowferry.domain.options import SubmitOptions
from rowferry.domain.schema import ImportKind, ReadOptions
from rowferry.pipeline.transform import default_faults
from rowferry.points import Points
from rowferry.ports import Choice, TaskKind
from rowferry.service import joining
from rowferry.service.catalog import Catalog
from rowferry.service.records import ROWS, SentRows, scan
from rowferry.service.transactions import Transactions
from rowferry.store import artifacts, catalog, jobs, queue
from rowferry.store.artifacts import NewArtifact
from rowferry.store.blobs import BlobMissing, Blobs, NoRoom
from rowferry.store.catalog import Remembered
from rowferry.store.database import AsyncConnection
from rowferry.store.jobs import NewJob

KEY_WAIT_SECONDS = 2.0
"""How long a request waits for another with its key before it is told that the other is still running."""
MARKS = frozenset({b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"})
"""What a file without data may hold: nothing, or a byte order mark."""
HEAD_BYTES = 4
LOOK_AT_DISK_BYTES = 67_108_864
PARAM_FAULTS_MAX = 20
ROWS_NAME, TABLE_NAME = "rows.json", "rows.csv"


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
    login_days: float = 30.0


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
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    """What a dialect keeps of its request under its own name; JSON, no part of the native answer."""


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

    async def scanned(self, text: str, path: Sequence[str] = (ROWS,)) -> SentRows:
        """The rows of a JSON body, checked and counted beside the event loop; `path` names the members that lead to them.

        Raises:
            MalformedJson: the body is not JSON.
            Invalid: its rows are not objects.
        """
        return await asyncio.to_thread(scan, text, self.limits.columns_max, path)

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
        """The same for rows in a JSON body, which become a file of JSON: the line of a row is its place among them.

        Raises:
            EmptyFile: there is no row with a column.
        """
        exact = _of_rows(asked, sent)
        upload = await self.receive(ROWS_NAME, "application/json", in_thread(sent.json()))
        return await self.submit(principal, exact, upload)

    async def submit_table(self, principal: Principal, asked: Import, sent: SentRows) -> Submitted:
        """The same where all columns of `sent` must be there, whatever members the rows have: the file is CSV.

        Raises:
            EmptyFile: there is no row with a column.
        """
        exact = _of_rows(asked, sent)
        exact = replace(exact, options=replace(exact.options, reading=ReadOptions(",", '"', "utf-8", 1, None)))
        upload = await self.receive(TABLE_NAME, "text/csv", in_thread(sent.csv()))
        return await self.submit(principal, exact, upload)

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

    async def rerun(self, principal: Principal, job_id: JobId, key: str | None = None) -> Submitted:
        """Makes a new job that does again what a terminal one did: the same file or params, options, metadata; `original_job_id` names it.

        Raises:
            NotFound: the tenant has no such job.
            NotAllowedNow: the job is not terminal yet (`details["status"]`).
            SourceMissing: its file is no longer kept.
            Forbidden, UnknownKind, Invalid, QuotaExceeded, IdempotencyMismatch, Unavailable: no job was made.
        """
        new_id = JobId(self.new_id())
        submission = Submission(f"rerun of {job_id}", idempotency_key=key)

        async def insert(connection: AsyncConnection) -> Job:
            old = await jobs.get(connection, job_id)
            if old is None:
                raise NotFound(noun="job", name=job_id)
            if not old.terminal:
                raise NotAllowedNow(status=old.status, move="rerun")
            if old.type == "import":
                return await self._again(connection, principal, new_id, old)
            asked = Task(Submission(old.kind, old.metadata), old.params, _priority_of(old.options))
            return await self._insert_task(connection, principal, new_id, asked, old.id)

        return await self._commit(principal, new_id, submission, _fingerprint("", submission, {}), insert)

    async def _again(self, connection: AsyncConnection, principal: Principal, job_id: JobId, old: Job) -> Job:
        """A new import of the file of an old one; both jobs then name one blob."""
        kind = await self.catalog.find(connection, principal.tenant, old.kind)
        if not principal.may_import(old.kind):
            raise Forbidden(scope=f"{Scope.IMPORTS_WRITE}:{old.kind}")
        if not isinstance(kind, ImportKind):
            raise UnknownKind(kind=old.kind)
        files = await artifacts.of_job(connection, old.id)
        file = next((one for one in files if one.category == "input"), None)
        if file is None or not await self._is_kept(file.blob):
            raise SourceMissing(job=old.id)
        await self._refuse_over_quota(connection)
        new = NewJob(
            id=job_id,
            kind=kind.name,
            type="import",
            steps=IMPORT_STEPS,
            created_by=principal.user,
            options=old.options,
            params=old.params,
            metadata=old.metadata,
            priority=_priority_of(old.options),
            attempts_max=self.limits.attempts_max,
            original_job_id=old.id,
        )
        upload = Upload(file.blob, file.name, file.media_type, file.bytes, file.sha256)
        return await self._insert_with_file(connection, new, upload, kind)

    async def joined(self, file_name: str, uploads: Sequence[Upload]) -> Upload:
        """Several files as one CSV file: a column for each name that one of them has, their rows one after another; the parts are discarded.

        Raises:
            Invalid: one of them cannot be read as a table; the reason names it.
            EmptyFile: none has a row.
            TooLarge, StorageFull: as the files are.
        """
        try:
            with TemporaryDirectory(prefix="joined-") as scratch:
                pieces = in_thread(joining.csv_of(self._opened(uploads, Path(scratch))))
                async with aclosing(pieces):
                    return await self.receive(file_name, "text/csv", pieces)
        finally:
            for upload in uploads:
                await self.discard(upload)

    def _opened(self, uploads: Sequence[Upload], scratch: Path) -> Iterator[joining.Part]:
        """The files as tables."""
        for number, upload in enumerate(uploads):
            folder = scratch / str(number)
            folder.mkdir()
            path = self.blobs.local_path(upload.blob, folder)
            yield joining.part(upload.file_name, path, folder, self.catalog.doors.table)

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
        await _check_defaults(kind, settled)
        if upload.bytes > kind.limits.bytes:
            raise TooLarge(what=f"The file {upload.file_name}", limit=kind.limits.bytes)
        await self._refuse_over_quota(connection)
        new = NewJob(
            id=job_id,
            kind=kind.name,
            type="import",
            steps=IMPORT_STEPS,
            created_by=principal.user,
            options=wire_options.to_wire(settled),
            params=asked.params,
            metadata=submission.metadata,
            priority=settled.priority,
            attempts_max=self.limits.attempts_max,
            trace_parent=submission.trace_parent,
        )
        return await self._insert_with_file(connection, new, upload, kind)

    async def _insert_with_file(
        self, connection: AsyncConnection, new: NewJob, upload: Upload, kind: ImportKind
    ) -> Job:
        """The job with its file as first artifact."""
        source = {"file_name": upload.file_name, "bytes": upload.bytes, "sha256": upload.sha256}
        file = NewArtifact(
            self.new_id(),
            "input",
            upload.file_name,
            upload.media_type,
            upload.bytes,
            upload.sha256,
            upload.blob,
            kind.retention.input_days,
        )
        return await jobs.insert(connection, replace(new, source=source, file=file))

    async def _insert_task(
        self,
        connection: AsyncConnection,
        principal: Principal,
        job_id: JobId,
        asked: Task,
        original: JobId | None = None,
    ) -> Job:
        submission = asked.submission
        kind = await self.catalog.find(connection, principal.tenant, submission.kind)
        if kind is None:
            raise UnknownKind(kind=submission.kind)
        if not isinstance(kind, TaskKind):
            raise _not_so(f"{kind.name} imports rows. Send a file or rows with POST /v1/imports.")
        _check_params(kind, asked.params)
        await self._check_named(connection, principal, kind, asked.params)
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
                original_job_id=original,
                trace_parent=submission.trace_parent,
            ),
        )

    async def _check_named(
        self, connection: AsyncConnection, principal: Principal, task: TaskKind, params: Mapping[str, object]
    ) -> None:
        """Refuses a task about a kind that is not there, or that deletes rows of it which the caller may not or cannot choose."""
        if task.names_kind is None:
            return
        name = str(params[task.names_kind])
        kind = await self.catalog.find(connection, principal.tenant, name)
        if not isinstance(kind, ImportKind):
            reason = f"There is no import kind {name}."
            raise UnknownKind(kind=name, errors=(Pointed(reason, f"/params/{task.names_kind}"),))
        if task.removes is None:
            return
        if not principal.may_import(name):
            raise Forbidden(scope=f"{Scope.IMPORTS_WRITE}:{name}")
        others: dict[str, ImportKind] = {}
        for key in kind.schema.foreign_keys:
            other = await self.catalog.find(connection, principal.tenant, key.resource or name)
            if isinstance(other, ImportKind):
                others[key.resource] = other
        self.catalog.doors.check_choice(Choice(kind, task.removes(params), others))

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

    async def _is_kept(self, blob: str) -> bool:
        try:
            async with aclosing(self.blobs.stream(blob, 0, 1)) as pieces:
                await anext(pieces, b"")
        except BlobMissing:
            return False
        return True

    def _refuse_without_room(self) -> None:
        free = self.blobs.free_bytes()
        if free is not None and free < self.limits.disk_floor_bytes:
            raise StorageFull(floor=self.limits.disk_floor_bytes)


def _priority_of(options: Mapping[str, object]) -> int:
    priority = options.get("priority")
    return priority if isinstance(priority, int) else 0


def _of_rows(asked: Import, sent: SentRows) -> Import:
    """An import of rows, whose numbers in texts have a decimal point where nothing else is said."""
    if asked.options.reading != ReadOptions():
        reason = (
            "delimiter, quote, encoding, header_line, sheet and member say how to read a file; rows in JSON have none."
        )
        raise Invalid(reason=reason, errors=(Pointed(reason, "/options"),))
    if not sent.columns:
        raise EmptyFile(name="of rows")
    return replace(asked, options=replace(asked.options, decimal_sign=asked.options.decimal_sign or "."))


def _not_so(reason: str) -> Invalid:
    return Invalid(reason=reason, errors=(Pointed(reason, "/kind"),))


async def _check_defaults(kind: ImportKind, options: SubmitOptions) -> None:
    """Refuses defaults that can be no value of their field, each by the rules of the field itself."""
    if not options.defaults:
        return
    importing, _, _ = wire_options.from_wire(wire_options.to_wire(options), kind)
    faults = await asyncio.to_thread(default_faults, kind, importing)
    if faults:
        raise Invalid(reason=" ".join(fault.detail for fault in faults), errors=faults)


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


async def in_thread(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces, each made beside the event loop."""
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
