"""Imports of a small kind run in this process, one attempt after another, disturbed at any point."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rowferry.destinations.postgres import PostgresLoader, PostgresReading, PostgresRemoving, ensure_table
from rowferry.domain.declaration import from_declaration
from rowferry.domain.job import IMPORT_STEPS, Job, JobId
from rowferry.formats.csv import CsvFormat
from rowferry.ids import uuid7
from rowferry.points import Points
from rowferry.ports import Readers
from rowferry.store import jobs
from rowferry.store.blobs import open_blobs
from rowferry.store.connections import Connections
from rowferry.store.database import Connection, Database, Role, connect, load
from rowferry.worker import attempt
from rowferry.worker.frame import Limits, Parts
from tenants import Tenant

KIND = from_declaration(
    {
        "name": "things",
        "schema": {
            "fields": [
                {"name": "code", "type": "string", "constraints": {"required": True, "pattern": "[a-z]{1,2}"}},
                {"name": "n", "type": "integer", "constraints": {"minimum": 0, "maximum": 50}},
                {"name": "note", "type": "string", "empty": "keep", "constraints": {"maxLength": 3}},
            ],
            "primaryKey": ["code"],
        },
        "rules": [
            {
                "code": "odd-note",
                "when": "n = 7",
                "then": "note IS NOT NULL",
                "message": "A seven needs a note",
                "field": "note",
            }
        ],
    }
)


class Crash(BaseException):
    """The process is gone: nothing behind this point happens."""


HOLDS_THE_JOB = {"chunk.fenced", "rest.before_commit"}
"""Points at which the attempt holds the job's row: a wish would wait for its commit."""


class Disturbing(Points):
    """Ends the attempt at the nth point that it reaches, and wishes the job to rest at the nth, each counted from the one before."""

    def __init__(self, crashes: Sequence[int], pauses: Sequence[int], wish: Callable[[], None]) -> None:
        super().__init__(None)
        self._crashes = list(crashes)
        self._pauses = list(pauses)
        self._wish = wish

    def reach(self, name: str, job: object = "-", row: int = 0) -> None:
        if name not in HOLDS_THE_JOB and _due(self._pauses):
            self._wish()
        if _due(self._crashes):
            raise Crash(name)


def _due(left: list[int]) -> bool:
    if not left:
        return False
    left[0] -= 1
    if left[0] >= 0:
        return False
    left.pop(0)
    return True


@dataclass
class Workshop:
    """A database with one tenant and one kind, and all that an attempt needs, in this process."""

    database: Database
    admin: Connection
    system: Connection
    tenant: Tenant
    parts: Parts

    def submit(self, content: bytes, options: dict[str, object]) -> JobId:
        job_id, blob = JobId(uuid7()), f"uploads/{uuid7()}"
        self.parts.blobs.put(blob, content)
        self.admin.execute(
            "insert into jobs (id, tenant_id, kind, type, steps, steps_completed, options, source, attempts_max) "
            "values (%s, %s, 'things', 'import', %s, 1, %s, '{\"file_name\": \"rows.csv\"}', 1000)",
            [job_id, self.tenant.id, list(IMPORT_STEPS), json.dumps(options)],
        )
        self.admin.execute(
            "insert into artifacts (id, tenant_id, job_id, category, name, media_type, bytes, sha256, blob) "
            "values (%s, %s, %s, 'input', 'rows.csv', 'text/csv', %s, '', %s)",
            [uuid7(), self.tenant.id, job_id, len(content), blob],
        )
        self.admin.execute("insert into waiting values (%s) on conflict do nothing", [self.tenant.id])
        return job_id

    def run(self, job_id: JobId, crashes: Sequence[int], chunk_rows: int, pauses: Sequence[int] = ()) -> Job:
        """Attempts until the job has ended; each crash is found as a dead executor would be, and what rests is resumed."""

        def wish() -> None:
            self.admin.execute(
                "update jobs set pause_requested_at = now() where id = %s and status = 'running'", [job_id]
            )

        limits = replace(self.parts.limits, chunk_rows=chunk_rows)
        parts = replace(self.parts, points=Disturbing(crashes, pauses, wish), limits=limits)
        for _ in range(len(crashes) + len(pauses) + 2):
            job = jobs.claim(self.system, "test", 60)
            if job is None:
                break
            fence = job.attempt.number
            try:
                attempt.run(parts, job.id, fence, job.tenant, lambda: False)
            except Crash:
                jobs.take_back(self.system, [(job.id, fence)], "crashed", counted=True)
                self.admin.execute("update jobs set run_at = now() where id = %s", [job_id])
            self._resume(job_id)
        parts.connections.close()
        self.admin.execute("select set_config('rowferry.tenant', %s, false)", [str(self.tenant.id)])
        job = jobs.get_sync(self.admin, job_id)
        assert job is not None
        return job

    def _resume(self, job_id: JobId) -> None:
        """What `jobs.resume` and a hint do, without a pool."""
        asked = {"id": job_id, "status": "paused"}
        with self.admin.transaction():
            self.admin.execute("select set_config('rowferry.tenant', %s, true)", [str(self.tenant.id)])
            self.admin.execute(load("resume_job"), asked)
            self.admin.execute("insert into waiting values (%s) on conflict do nothing", [self.tenant.id])

    def table(self) -> dict[str, tuple[object, ...]]:
        rows = self.admin.execute(
            'select code, n, note, _job_id, _row from rows."things" where tenant_id = %s', [self.tenant.id]
        )
        return {row[0]: tuple(row[1:]) for row in rows}

    def issues(self, job_id: JobId) -> list[tuple[int, str, str]]:
        return self.admin.execute(
            "select row, code, outcome from row_issues where job_id = %s order by row, ordinal", [job_id]
        ).fetchall()


def workshop_of(database: Database, admin: Connection, system: Connection, tenant: Tenant, folder: Path) -> Workshop:
    """A workshop whose files are in a folder."""
    with connect(database, Role.OWNER) as owner:
        ensure_table(owner, KIND)
    scratch = folder / "scratch"
    scratch.mkdir()
    parts = Parts(
        connections=Connections(database),
        blobs=open_blobs(str(folder / "blobs")),
        kinds=lambda connection, tenant, names: {"things": KIND} if "things" in names else {},
        readers=Readers((CsvFormat(100_000, 100, block_bytes=64),)),
        loader=PostgresLoader,
        reading=lambda kind, tenant: PostgresReading(lambda: connect(database, Role.APP), kind, tenant, ()),
        removing=PostgresRemoving,
        limits=Limits(chunk_rows=10, issues_max=1000),
        points=Points(None),
        scratch=scratch,
        new_id=uuid7,
    )
    return Workshop(database, admin, system, tenant, parts)
