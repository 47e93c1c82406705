"""Drives a real `rowferry up` from outside, as a program that embeds Rowferry would: one process tree, HTTP, and its signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from rowferry.cli import SCOPES
from rowferry.main import create_token
from rowferry.store.database import Database

PROGRAM = (sys.executable, "-m", "rowferry")
READY_SECONDS = 60


@dataclass
class Running:
    """A server that is up."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    database_url: str
    log: deque[str]
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, tenant: str = "acme", scopes: str | None = None) -> str:
        """A token of a tenant, as the command line makes it; without scopes one that may do everything."""
        key = f"{tenant} {scopes}"
        if key not in self.tokens:
            granted = (scopes or SCOPES).split(",")
            self.tokens[key] = create_token(Database(self.database_url), tenant, "operator", granted)
        return self.tokens[key]

    def client(self, tenant: str = "acme") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token(tenant)}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=90)

    def send(self, client: httpx2.Client, content: bytes, kind: str = "customers", **options: object) -> dict:
        """Sends a file and gives the job as it was accepted."""
        files = {"file": ("rows.csv", content, "text/csv")}
        answer = client.post("/v1/imports", data={"kind": kind, "options": json.dumps(options)}, files=files)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def ended(self, client: httpx2.Client, job_id: str) -> dict:
        """Waits for a job's end, without sleeping: the server holds each question until the job changes."""
        etag = ""
        for _ in range(500):
            answer = client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=20", "If-None-Match": etag})
            if answer.status_code == 200:
                job = answer.json()
                if job["finished_at"]:
                    return job
                etag = answer.headers["ETag"]
            assert answer.status_code in {200, 304}, answer.text
        raise AssertionError(f"the job never ended: {job}")

    def imported(self, client: httpx2.Client, content: bytes, kind: str = "customers", **options: object) -> dict:
        return self.ended(client, self.send(client, content, kind, **options)["id"])

    def rows(self, client: httpx2.Client, kind: str = "customers") -> list[dict]:
        """All rows of a kind, as the API streams them."""
        answer = client.get(f"/v1/kinds/{kind}/rows.jsonl")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


@contextmanager
def up(data: Path, *flags: str, **settings: object) -> Iterator[Running]:
    """A server on a free port with settings given in lower case, stopped at the end whatever happens."""
    command = [*PROGRAM, "up", "--data", str(data), "--port", "0", "--json", *flags]
    environment = {**os.environ, **{f"ROWFERRY_{name.upper()}": str(value) for name, value in settings.items()}}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    log: deque[str] = deque(maxlen=400)
    threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True).start()
    timer = threading.Timer(READY_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        timer.cancel()
        assert line, "".join(log)
        said = json.loads(line)
        running = Running(process, said["url"], Path(said["data"]), said["database_url"], log)
        yield running
    except AssertionError:
        sys.stderr.write("".join(log))
        raise
    finally:
        timer.cancel()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def table(rows: Sequence[Mapping[str, object]]) -> list[dict]:
    """Rows without the job that wrote them, for comparing two runs."""
    return sorted(({key: value for key, value in row.items() if key != "_job_id"} for row in rows), key=json.dumps)
