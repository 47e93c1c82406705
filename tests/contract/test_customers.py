"""Programs as a customer of each vendor would write them run unchanged: Python with requests, a shell with curl, Node with fetch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from driving import PROGRAM, Running, up

CLIENTS = Path(__file__).parent / "clients"
SECONDS = 120


@pytest.fixture(scope="module")
def running(data_folders) -> Iterator[Running]:
    # Small chunks, so that a program may stop a job between two of them.
    with up(data_folders(), workers=1, chunk_rows=100) as server:
        yield server


def told(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed here")
    return found


def test_a_python_program_for_fifth_element(running: Running, tmp_path: Path) -> None:
    base = f"{running.url}/v1/api"
    command = [sys.executable, str(CLIENTS / "fifth_element.py"), base, running.token("elements"), "0.05"]
    assert json.loads(told(command, tmp_path)) == {
        "imported": {"rowsImported": 20, "errors": 1},
        "lines": 21,
        "original": True,
        "rerun": "completed",
        "listed": 2,
        "limited": True,
        "asked": True,
        "stopped": ["cancelled", True, True],
        "late": ["ValidationError", "cancelled"],
    }


def test_a_shell_script_for_claret(running: Running, tmp_path: Path) -> None:
    needed("curl")
    user = [*PROGRAM, "user", "create", "--data", str(running.data), "--tenant", "stocks", "--email", "ana@example.org"]
    subprocess.run(user, input="a long password\n", text=True, capture_output=True, check=True, timeout=SECONDS)
    with running.client("stocks") as client:
        for kind, rows in (
            ("item", [{"name": "Item A"}]),
            ("bin", [{"name": "Bin 1"}]),
            ("lot", [{"name": "Lot 1"}]),
            ("unit-of-measure", [{"name": "Kilogram", "abbreviation": "kg"}]),
        ):
            sent = client.post("/v1/imports", json={"kind": kind, "rows": rows}).json()
            assert running.ended(client, sent["id"])["status"] == "succeeded"
    command = ["sh", str(CLIENTS / "claret.sh"), running.url, "stocks", "ana@example.org", "a long password", "0.05"]
    assert told(command, tmp_path).splitlines() == [
        "import completed",
        "output 1",
        "errors 1",
        "input 3",
        "deleted 1",
        "refresh completed",
        "nobody 401",
    ]


def test_a_node_program_for_gu1(running: Running, tmp_path: Path) -> None:
    node = needed("node")
    command = [node, str(CLIENTS / "gu1.mjs"), running.url, running.token("guards"), "50"]
    assert json.loads(told(command, tmp_path)) == {
        "entities": ["completed", 2, 1, "entities.csv"],
        "failures": [1, "3", "VALIDATION_ERROR", False],
        "csv": [200, "text/csv", "tax_id,type,outcome,code,error_message"],
        "paid": ["completed", 2],
        "refused": ["failed", "INVALID_ENTITY_REFERENCES"],
        "late": 409,
        "paused": ["running", True, True, True],
        "resumed": True,
        "cancelled": ["cancelled", True, True],
        "history": True,
    }


def made_by_claret(client: httpx2.Client) -> str:
    """The id of a job that came by Claret, whose own number leads to it."""
    arguments = dict.fromkeys(("allow_record_creation", "allow_record_update", "should_continue_on_error"), True)
    body = {"source": "api", "arguments": arguments, "payload": [STOCK]}
    answer = client.post("/both/api/v1/inventory/import/process", json=body)
    assert answer.status_code == 200, answer.text
    link = answer.json()["content"]["job_status_link"]
    number = int(link.rsplit("/", 1)[1])
    return next(job["id"] for job in client.get("/v1/jobs").json()["jobs"] if job["number"] == number)


def made_by_gu1(client: httpx2.Client) -> str:
    files = {"file": ("entities.csv", b"tax_id,type\n1,person\n", "text/csv")}
    return client.post("/batch-import/import/entities", files=files).json()["jobId"]


def made_by_fifth_element(client: httpx2.Client) -> str:
    body = {"type": "import", "params": {"kind": "customers", "rows": [{"email": "a@b.org", "name": "A"}]}}
    return client.post("/v1/api/jobs", json=body).json()["data"]["id"]


STOCK = {"item_name": "I", "bin_name": "B", "lot_name": "L", "date_filled": "2026-03-04", "quantity": 1, "uom": "kg"}


@pytest.mark.parametrize("make", [made_by_claret, made_by_gu1, made_by_fifth_element])
def test_a_job_of_one_vendor_is_seen_by_the_clients_of_the_others(
    running: Running, make: Callable[[httpx2.Client], str]
) -> None:
    with running.client("both") as client:
        job = running.ended(client, make(client))
        claret = client.get(f"/both/api/v1/imports/status/{job['number']}").json()["content"]
        gu1 = client.get(f"/batch-import/jobs/{job['id']}").json()["job"]
        fifth = client.get(f"/v1/api/jobs/{job['id']}").json()["data"]
    assert {claret["status"], gu1["status"], fifth["status"]} <= {"completed", "failed"}
    assert len({claret["status"], gu1["status"], fifth["status"]}) == 1
    assert (claret["job_log_id"], gu1["jobId"], fifth["id"]) == (job["number"], job["id"], job["id"])


def test_many_pollers_at_the_advised_pace_meet_no_limit(data_folders) -> None:
    """An hour of three keys, fifty requests at a time, where the hour of a key has fewer requests than one poller sends."""
    with up(data_folders(), workers=1, requests_per_hour=700) as server, server.client("pollers") as client:
        made = client.post("/v1/api/jobs", json={"type": "export", "params": {"kind": "customers"}}).json()["data"]
        keys = [server.token("pollers", scopes) for scopes in ("jobs:read", "jobs:read,jobs:write", "admin,jobs:read")]

        def poll(number: int) -> int:
            headers = {"Authorization": f"Bearer {keys[number % 3]}"}
            return client.get(f"/v1/api/jobs/{made['id']}", headers=headers).status_code

        with ThreadPoolExecutor(50) as pool:
            found = set(pool.map(poll, range(3 * 720)))
    assert found == {200}
