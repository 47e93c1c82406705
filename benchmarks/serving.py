"""Starts the server that a benchmark measures, as `rowferry up` on an empty data folder."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from leash import leashed

HERE = Path(__file__).parent
PROGRAM = (sys.executable, "-m", "rowferry")
TERMINAL = {"succeeded", "partial", "failed", "cancelled", "interrupted"}
KINDS = (HERE / "entities.yaml", HERE / "sheets.yaml")


@dataclass(frozen=True)
class Server:
    """A `rowferry up` of our own."""

    url: str
    database_url: str
    data: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, tenant: str) -> str:
        """A token of the tenant, made once."""
        if tenant not in self._tokens:
            command = [*PROGRAM, "token", "create", "--data", str(self.data), "--tenant", tenant, "--scopes", "admin"]
            made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120)
            self._tokens[tenant] = made.stdout.strip()
        return self._tokens[tenant]

    def client(self, tenant: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token(tenant)}"}, timeout=600)


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[Server]:
    """Starts a server with an empty database and stops it."""
    kinds = f"ROWFERRY_KINDS={':'.join(map(str, KINDS))}"
    command = ["env", kinds, *PROGRAM, "up", "--data", str(folder), "--port", "0", "--workers", str(workers), "--json"]
    log = folder.with_name("server.log")
    with log.open("w") as errors, leashed(command, out=subprocess.PIPE, errors=errors) as process:
        yield _ready(process, folder, log)


def _ready(process: "subprocess.Popen[str]", folder: Path, log: Path) -> Server:
    for line in process.stdout or ():
        said = json.loads(line)
        if said.get("event") == "ready":
            return Server(said["url"], said["database_url"], folder)
    raise SystemExit(f"The server did not start:\n{log.read_text()[-2000:]}")
