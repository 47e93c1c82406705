"""Sends a file to a server as a client does, waits for the end, and holds the ledger against what must be in it."""

import itertools
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import psycopg
from psycopg import sql

from rows import Made
from serving import TERMINAL, Server

KIND = "benchmark_entities"
MEBIBYTE_KIB = 1024
OUTCOMES = ("read", "created", "updated", "unchanged", "skipped", "failed", "not_attempted")


@dataclass(frozen=True)
class Imported:
    """One import: from the start of the request to the terminal status, and what the worker needed for it."""

    job_id: str
    status: str
    seconds: float
    upload_seconds: float
    peak_rss_mb: float
    """The most resident memory of one executor with its children (`VmHWM`, reset before)."""
    steps: dict[str, float]
    """Seconds from the beginning of each step to that of the next, by the times of the job's events."""
    ledger: dict[str, int]
    failure: dict[str, object] | None

    def must_have(self, **expected: int) -> "Imported":
        """Itself, when the ledger is as expected; outcomes that are not named must be 0."""
        wanted = dict.fromkeys(OUTCOMES, 0) | expected
        if self.ledger != wanted:
            raise SystemExit(
                f"The ledger is wrong: {self.status} {self.failure} {self.ledger}, expected {wanted} (job {self.job_id})"
            )
        return self


class Refused(Exception):
    """The server did not take the file; the message is its answer."""


def imported(
    server: Server, file: Path, tenant: str, *, kind: str = KIND, options: Mapping[str, object] | None = None
) -> Imported:
    """Sends the file and waits for the end.

    Raises:
        Refused: the file was not accepted.
    """
    with server.client(tenant) as client:
        _forget_peaks(client)
        begin = time.perf_counter()
        job = _send(client, file, {"kind": kind, "options": json.dumps(options or {})})
        uploaded = time.perf_counter()
        job, peak = _ended(client, job)
        end = time.perf_counter()
    steps = _steps(server, job["id"])
    return Imported(job["id"], job["status"], end - begin, uploaded - begin, peak, steps, job["ledger"], job["failure"])


def first_import(server: Server, file: Path, made: Made, tenant: str) -> Imported:
    """Imports the file into an empty table; the ledger and the table must have what the generator says."""
    empty(server)
    one = imported(server, file, tenant).must_have(
        read=made.rows, created=made.clean, failed=made.bad + made.duplicates
    )
    check_table(server, made.clean)
    return one


def empty(server: Server) -> None:
    """An empty table and a checkpoint, as each run begins."""
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("truncate {}").format(table_of(KIND)))
    checkpoint(server)


def checkpoint(server: Server) -> None:
    """What was written before is on the disk, so that what is measured next does not pay for it."""
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute("checkpoint")


def check_table(server: Server, rows: int) -> None:
    """The kind's table must have so many rows."""
    with psycopg.connect(server.database_url) as admin:
        row = admin.execute(sql.SQL("select count(*) from {}").format(table_of(KIND))).fetchone()
    if row is None or row[0] != rows:
        raise SystemExit(f"The table has {row} rows, expected {rows}")


def table_of(name: str) -> sql.Identifier:
    """The table of a kind."""
    return sql.Identifier("rows", name)


def _send(client: httpx2.Client, file: Path, parts: Mapping[str, str]) -> dict:
    with file.open("rb") as content:
        answer = client.post("/v1/imports", data=parts, files={"file": (file.name, content)})
    if answer.status_code != 202:
        raise Refused(answer.text)
    return answer.json()


def _ended(client: httpx2.Client, job: dict) -> tuple[dict, float]:
    """The job at its end, and the most memory that any executor had meanwhile."""
    peak, etag = 0.0, ""
    while job["status"] not in TERMINAL:
        answer = client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=10", "If-None-Match": etag})
        if answer.status_code == 200:
            job, etag = answer.json(), answer.headers["ETag"]
        peak = max(peak, *map(_peak_mb, _pids(client)), 0.0)
    return job, peak


def _pids(client: httpx2.Client) -> list[int]:
    return [worker["pid"] for worker in client.get("/v1/workers").raise_for_status().json()["workers"]]


def _with_children(pid: int) -> Iterable[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _peak_mb(pid: int) -> float:
    """The peaks of resident memory of an executor and of its children, summed; 0 where it is gone."""
    return sum(map(_own_peak_mb, _with_children(pid)))


def _own_peak_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / MEBIBYTE_KIB for line in text.splitlines() if line.startswith("VmHWM:")), 0.0)


def _forget_peaks(client: httpx2.Client) -> None:
    for pid in itertools.chain.from_iterable(map(_with_children, _pids(client))):
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM to what the process has now


def _steps(server: Server, job_id: str) -> dict[str, float]:
    question = "select coalesce(data ->> 'step', type), at from rowferry.events where job_id = %s order by seq"
    with psycopg.connect(server.database_url) as admin:
        moments = admin.execute(question, [job_id]).fetchall()
    return {
        name: round((following - at).total_seconds(), 3) for (name, at), (_, following) in itertools.pairwise(moments)
    }
