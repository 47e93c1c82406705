"""An own PostgreSQL by an administrator who is no superuser: server and worker as processes of their own, as the how-to says."""

import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from driving import PROGRAM, Running
from faults import faults_at
from rowferry.store.embedded import Embedded

ROWS = 600
CONTENT = b"email,name\n" + b"".join(b"a%d@example.org,Ana %d\n" % (n, n) for n in range(ROWS))
HOW_TO = Path(__file__).parent.parent.parent / "docs/howto/use-your-own-postgresql.md"


@pytest.fixture
def own_database(data_folders: Callable[[], Path]) -> Iterator[str]:
    """A fresh server on which somebody with all rights did what the how-to asks, and no more."""
    embedded = Embedded(data_folders())
    (asked,) = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    try:
        superuser = embedded.start()
        with psycopg.connect(make_conninfo(superuser, dbname="postgres"), autocommit=True) as connection:
            for statement in ["drop database rowferry", *asked.split(";")]:
                if statement.strip():
                    connection.execute(statement)
        yield make_conninfo(superuser, user="rowferry_admin", dbname="rowferry")
    finally:
        embedded.stop()


@contextmanager
def process(ready: str, *command: str, **settings: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command and the rest of the line by which it says that it is ready."""
    environment = {**os.environ, **{f"ROWFERRY_{name.upper()}": str(value) for name, value in settings.items()}}
    started = subprocess.Popen([*PROGRAM, *command], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith(ready)
        yield started, line.removeprefix(ready).strip()
    finally:
        if started.poll() is None:
            started.terminate()
        started.wait(timeout=40)
        if started.stdout:
            started.stdout.close()


def test_an_import_outlives_its_worker_on_an_own_database(own_database: str, tmp_path: Path) -> None:
    settings = {
        "database_url": own_database,
        "blobs_url": f"file://{tmp_path}/blobs",
        "data": tmp_path / "data",
        "lease_seconds": 2,
        "chunk_rows": 100,
        "workers": 1,
    }
    environment = {**os.environ, **{f"ROWFERRY_{name.upper()}": str(value) for name, value in settings.items()}}
    subprocess.run([*PROGRAM, "migrate"], check=True, env=environment, capture_output=True)
    with (
        faults_at(tmp_path / "s") as faults,
        process("ready ", "serve", "--port", "0", **settings) as (server, url),
        process("worker ready", "worker", points=faults.path, **settings) as (worker, _),
    ):
        release = faults.hold_at("chunk.copied", 3)
        running = Running(server, url, tmp_path / "data", own_database, deque())
        made = subprocess.run(
            [*PROGRAM, "token", "create", "--tenant", "acme"], check=True, env=environment, capture_output=True
        )
        running.tokens["acme None"] = made.stdout.decode().strip()
        with running.client() as client:
            job_id = running.send(client, CONTENT)["id"]
            faults.wait_for_fault()
            worker.kill()
            worker.wait()
            release.set()
            with process("worker ready", "worker", **settings):
                job = running.ended(client, job_id)
            assert (job["status"], job["ledger"]["created"], job["attempt"]["number"]) == ("succeeded", ROWS, 2)
            assert len(running.rows(client)) == ROWS
