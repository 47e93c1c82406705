"""The client for asyncio programs: the same names as the blocking one, awaited."""

import asyncio
import builtins
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar, cast

import httpx2

from rowferry_client import core, models
from rowferry_client.files import FileDownload, FileUpload, Source
from rowferry_client.travel import CHUNK, READ_SECONDS, configured, headers, limits, lost, new_key, request

T = TypeVar("T")


class Job(models.Shown):
    """A job that can be asked and told things."""

    def __init__(self, state: models.Job, client: "AsyncClient") -> None:
        super().__init__(state)
        self.client = client

    async def refresh(self) -> "Job":
        """The job as it is now."""
        return await self.client.jobs.get(self.id)

    async def wait(
        self,
        timeout: float = core.WAIT_SECONDS,  # noqa: ASYNC109  # the name of the blocking twin; the core keeps the time
        *,
        strict: bool = False,
        on_progress: Callable[[models.Progress], None] | None = None,
    ) -> "Job":
        """Waits for the end; see `Jobs.wait`."""
        return await self.client.jobs.wait(self.id, timeout, strict=strict, on_progress=on_progress)

    async def cancel(self) -> "Job":
        """Asks for the job to stop after its chunk."""
        return await self.client.jobs.cancel(self.id)

    async def pause(self) -> "Job":
        """Asks for the job to rest after its chunk."""
        return await self.client.jobs.pause(self.id)

    async def resume(self) -> "Job":
        """Lets the job go on where it rests."""
        return await self.client.jobs.resume(self.id)

    async def rerun(self) -> "Job":
        """A new job that does the same again."""
        return await self.client.jobs.rerun(self.id)

    @property
    def errors(self) -> "Issues":
        """Why rows failed or were skipped."""
        return Issues(self.client, self.id)

    async def artifacts(self) -> list[models.Artifact]:
        """The files of the job."""
        return await self.client.jobs.artifacts(self.id)

    async def download(
        self, category: str, path: str | os.PathLike[str] | None = None, form: str | None = None
    ) -> Path:
        """Fetches a file of the job; see `Jobs.download`."""
        return await self.client.jobs.download(self.id, category, path, form)


class Issues:
    """The issues of one job, one by one in the order of rows, or grouped by cause."""

    def __init__(self, client: "AsyncClient", job_id: str) -> None:
        self._client = client
        self._job_id = job_id

    def __aiter__(self) -> AsyncIterator[models.Issue]:
        return self.list()

    async def list(self, **filters: str) -> AsyncIterator[models.Issue]:
        """Issues by `outcome`, `code`, `field`; pages are fetched as one goes on."""
        async for page in self._client.pages(f"/v1/jobs/{self._job_id}/issues", "issues", filters):
            for issue in core.issues_of(page):
                yield issue

    async def groups(self) -> builtins.list[models.Cause]:
        """The causes, the most rows first."""
        return await self._client.drive(core.causes(self._job_id, self._client.policy))


class Imports:
    """Files and rows on their way in."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def create(
        self,
        source: Source,
        kind: str,
        *,
        options: Mapping[str, object] | None = None,
        file_name: str | None = None,
        idempotency_key: str | None = None,
        on_bytes: Callable[[int, int], None] | None = None,
        **more: object,
    ) -> Job:
        """Sends a file and gives its job at once.

        Args:
            source: a path, bytes, or a binary file object; sent piece by piece.
            kind: the import kind.
            options: mode, on_error, max_errors, mapping, … as the API lists them.
            file_name: what the server is told; None: the file's own name.
            idempotency_key: the same key never makes two jobs; None: made for this call.
            on_bytes: called with the bytes sent and the size.
            **more: options too, by name.
        """
        with FileUpload(source, file_name, on_bytes) as upload:
            key = idempotency_key or new_key()
            job = await self._client.drive(
                core.submit(upload, kind, {**(options or {}), **more}, key, self._client.policy)
            )
        return Job(job, self._client)

    async def create_from_rows(
        self,
        rows: Iterable[Mapping[str, object]],
        kind: str,
        *,
        idempotency_key: str | None = None,
        **options: object,
    ) -> Job:
        """Sends rows from code, in one JSON body."""
        body = {"kind": kind, "options": options, "rows": list(rows)}
        key = idempotency_key or new_key()
        return Job(
            await self._client.drive(core.submit_json("/v1/imports", body, key, self._client.policy)), self._client
        )


class Jobs:
    """Jobs of any kind."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def create(self, kind: str, params: Mapping[str, object], *, idempotency_key: str | None = None) -> Job:
        """Starts a job of a task kind."""
        body = {"kind": kind, "params": dict(params)}
        key = idempotency_key or new_key()
        return Job(await self._client.drive(core.submit_json("/v1/jobs", body, key, self._client.policy)), self._client)

    async def get(self, job_id: str) -> Job:
        """A job by its id, which is all that another process needs to go on."""
        return Job(await self._client.drive(core.job(job_id, self._client.policy)), self._client)

    async def list(self, **filters: str) -> AsyncIterator[Job]:
        """Jobs, newest first, by `status`, `kind`, …; pages are fetched as one goes on."""
        async for page in self._client.pages("/v1/jobs", "jobs", filters):
            for wire in page.items:
                yield Job(models.job(wire), self._client)

    async def wait(
        self,
        job_id: str,
        timeout: float = core.WAIT_SECONDS,  # noqa: ASYNC109  # the name of the blocking twin; the core keeps the time
        *,
        strict: bool = False,
        on_progress: Callable[[models.Progress], None] | None = None,
        on_job: Callable[[models.Job], None] | None = None,
    ) -> Job:
        """Waits for the end of a job; leaving the wait never cancels it.

        Args:
            job_id: which.
            timeout: seconds.
            strict: raise `PartialImport` where rows failed.
            on_progress: called with each change.
            on_job: likewise, with the whole job.

        Raises:
            JobFailed, JobCancelled, JobInterrupted: it ended so.
            WaitTimeout, JobStalled: it has not ended.
        """

        def changed(job: models.Job) -> None:
            if on_progress is not None:
                on_progress(job.progress)
            if on_job is not None:
                on_job(job)

        job = await self._client.drive(core.waited(job_id, timeout, self._client.policy, changed))
        core.judged(job, strict=strict)
        return Job(job, self._client)

    async def cancel(self, job_id: str) -> Job:
        """Asks for a job to stop after its chunk."""
        return Job(await self._client.drive(core.ask(job_id, "cancel", self._client.policy)), self._client)

    async def pause(self, job_id: str) -> Job:
        """Asks for a job to rest after its chunk."""
        return Job(await self._client.drive(core.ask(job_id, "pause", self._client.policy)), self._client)

    async def resume(self, job_id: str) -> Job:
        """Lets a job go on that rests or was interrupted."""
        return Job(await self._client.drive(core.ask(job_id, "resume", self._client.policy)), self._client)

    async def rerun(self, job_id: str, idempotency_key: str | None = None) -> Job:
        """Makes a new job that does again what a job that ended did."""
        key = idempotency_key or new_key()
        return Job(await self._client.drive(core.rerun(job_id, key, self._client.policy)), self._client)

    async def artifacts(self, job_id: str) -> builtins.list[models.Artifact]:
        """The files of a job."""
        return await self._client.drive(core.artifacts(job_id, self._client.policy))

    async def download(
        self, job_id: str, category: str, path: str | os.PathLike[str] | None = None, form: str | None = None
    ) -> Path:
        """Fetches the file of a category and checks its digest; gives its path.

        Args:
            job_id: which job.
            category: `input`, `staging`, `output` or `errors`.
            path: where to; None: the file's own name, in the current folder.
            form: `csv`, `xlsx`, `jsonl` or `parquet`; None: as it is stored. What is made on the way has no digest to check.

        Raises:
            LookupError: the job has no such file.
        """
        found = core.of_category(await self.artifacts(job_id), category, job_id)
        target = Path(path) if path is not None else Path(core.name_in(found.name, form))
        policy = self._client.policy
        with FileDownload(target) as sink:
            if form is None:
                await self._client.drive(core.downloaded(found.url, sink, found.sha256, policy))
            else:
                await self._client.drive(core.made(found.url, form, sink, policy))
        return target


class Kinds:
    """Kinds: what may be imported, and how."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def list(self) -> list[models.Kind]:
        """All that the tenant may use."""
        return await self._client.drive(core.kinds(self._client.policy))

    async def get(self, name: str) -> models.Kind:
        """One kind with its declaration."""
        return await self._client.drive(core.kind(name, self._client.policy))

    async def create(self, declaration: Mapping[str, object]) -> models.Kind:
        """Declares a kind."""
        return await self._client.drive(core.create_kind(declaration, self._client.policy))

    async def template(self, name: str, form: str = "csv") -> bytes:
        """A file to fill in: `csv`, or `xlsx` with drop-downs and notes."""
        return await self._client.drive(core.template(name, form, self._client.policy))

    async def rows(self, name: str, **filters: str) -> AsyncIterator[models.Wire]:
        """The tenant's rows of an import kind."""
        async for page in self._client.pages(f"/v1/kinds/{name}/rows", "rows", filters):
            for row in page.items:
                yield row


class Workers:
    """The processes that work; needs the scope `admin`."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def list(self) -> list[models.Worker]:
        """Every executor."""
        return await self._client.drive(core.workers(self._client.policy))


class Raw:
    """Any address of the API, with login and retries done."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def get(self, path: str, **query: str) -> core.Answer:
        """A GET."""
        return await self._client.drive(core.get(path, self._client.policy, query))


class AsyncClient:
    """One server and one token. May be shared by threads. Use it in an `async with`, or call `close`."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retries: int = 2,
        timeout: float = READ_SECONDS,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Connects nothing yet.

        Args:
            url: address of the server; None: ROWFERRY_URL, else this machine.
            token: None: ROWFERRY_TOKEN.
            retries: how often a request is sent again.
            timeout: seconds of silence after which an answer is given up.
            transport: how requests travel, for tests.
        """
        self.url, secret = configured(url, token)
        self.policy = core.Policy(time.monotonic, random.random, retries)
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=limits(timeout),
            transport=transport,
        )
        self.imports = Imports(self)
        self.jobs = Jobs(self)
        self.kinds = Kinds(self)
        self.workers = Workers(self)
        self.raw = Raw(self)

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def pages(self, path: str, noun: str, query: Mapping[str, str]) -> AsyncIterator[core.Page]:
        """The pages of a list."""
        token: str | None = None
        while True:
            page = await self.drive(core.page(path, noun, query, token, self.policy))
            yield page
            token = page.next_token
            if token is None:
                return

    async def drive(self, exchange: core.Exchange[T]) -> T:
        """Does what an operation asks for, to its end."""
        try:
            step = next(exchange)
            while True:
                if isinstance(step, core.Pause):
                    await asyncio.sleep(step.seconds)
                    step = exchange.send(core.Answer(0, {}))
                    continue
                try:
                    answer = await self._do(step)
                except httpx2.TransportError as error:
                    step = exchange.throw(lost(error, self.url))
                else:
                    step = exchange.send(answer)
        except StopIteration as end:
            return cast(T, end.value)

    async def _do(self, call: core.Call) -> core.Answer:
        response = await self._http.send(request(self._http, call), stream=True)
        async with aclosing(response):
            if call.sink is not None and response.status_code in {core.OK, core.PARTIAL}:
                if response.status_code == core.OK:
                    call.sink.restart()
                async for chunk in response.aiter_raw(CHUNK):
                    call.sink.write(chunk)
                body = b""
            else:
                body = await response.aread()
            return core.Answer(response.status_code, headers(response), body)
