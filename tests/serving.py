"""Runs the real application over real HTTP on a test's own database, without workers."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from rowferry import main
from rowferry.domain.access import TenantId, UserId
from rowferry.domain.job import Fence
from rowferry.ids import uuid7
from rowferry.settings import Settings
from rowferry.store import catalog, jobs
from rowferry.store.database import Connection, Database
from rowferry.worker import attempt

EVERYTHING = ("jobs:read", "jobs:write", "imports:write", "kinds:write", "admin")
START_SECONDS = 30
OPERATIONS = {
    "create_import", "create_job", "list_jobs", "get_job", "cancel_job", "pause_job", "resume_job", "rerun_job", "list_issues",
    "download_issues_csv", "download_issues_jsonl", "summarize_issues", "list_artifacts", "download_artifact",
    "list_kinds", "declare_kind",
    "get_kind", "download_template", "download_template_xlsx", "list_rows", "download_rows_csv", "download_rows_jsonl",
    "download_rows_xlsx", "download_rows_parquet", "list_workers", "create_token", "list_tokens", "revoke_token", "list_tenants",
    "live", "ready", "metrics", "openapi", "docs", "problem",
}  # fmt: skip
"""Every route by its stable name."""


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    data: Path
    database: Database

    def client(self, token: str | None, **headers: str) -> httpx2.Client:
        shared = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers={**shared, **headers}, timeout=30, trust_env=False)

    def blobs(self) -> list[Path]:
        """The files that are stored."""
        return sorted(path for path in (self.data / "blobs").rglob("*") if path.is_file())


@contextmanager
def serving(database: Database, data: Path, **settings: object) -> Iterator[Server]:
    """A server on a free port, stopped at the end."""
    chosen: dict[str, Any] = {"data": data, "database_url": database.admin_url, "disk_floor_bytes": 0} | settings
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        main.build_api(Settings(**chosen)), http="httptools", lifespan="on", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)
    started = threading.Event()

    class Telling(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    server = Telling(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    assert started.wait(START_SECONDS), "the server did not start"
    try:
        yield Server(f"http://127.0.0.1:{listening.getsockname()[1]}", data, database)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


def token(
    connection: Connection,
    tenant: TenantId,
    user: UserId,
    *scopes: str,
    expires_in: timedelta | None = None,
) -> str:
    """The secret of a new token; without scopes it may do everything."""
    expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
    made = catalog.NewToken(uuid7(), tenant, user, scopes or EVERYTHING, "", expires_at)
    return catalog.create_token(connection, made)


CSV = b"email,name\nana@example.org,Ana\nbob@example.org,Bob\n"


def send(
    client: httpx2.Client,
    content: bytes = CSV,
    kind: str = "customers",
    options: str | None = None,
    name: str = "customers.csv",
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Sends a file as a form."""
    fields = {"kind": kind} | ({} if options is None else {"options": options})
    return client.post("/v1/imports", data=fields, files={"file": (name, content, "text/csv")}, headers=headers or {})


def code(answer: httpx2.Response) -> tuple[int, str]:
    """The status and the stable code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"/docs/problems/{problem['code']}"
    assert {"title", "detail", "instance"} <= set(problem)
    return answer.status_code, problem["code"]


def work_off(server: Server, connection: Connection) -> None:
    """Runs every waiting job to its end in this process, as an executor would."""
    settings = Settings(data=server.data, database_url=server.database.admin_url, disk_floor_bytes=0)
    parts = main.worker_parts(settings)
    with closing(parts.connections):
        while (job := jobs.claim(connection, "test/1", 60)) is not None:
            attempt.run(parts, job.id, Fence(job.attempt.number), job.tenant, lambda: False)
