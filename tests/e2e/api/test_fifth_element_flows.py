"""The flows of Fifth Element by a real server with workers: create, poll as the vendor publishes it, fetch the file, run again."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from driving import Running, up

BASE = "/v1/api"
FIXTURES = Path(__file__).parents[4] / "shared/spec/fixtures/fifth-element"
VENDOR = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures of the specification are not here")
ROWS = [{"email": f"c{number}@example.org", "name": f"Customer {number}"} for number in range(1, 6)]


@pytest.fixture(scope="module")
def running(data_folders) -> Iterator[Running]:
    """A server whose keys may ask as seldom as the lower tier allows."""
    with up(data_folders(), workers=1, requests_per_hour=1000) as server:
        yield server


@pytest.fixture
def client(running) -> Iterator[httpx2.Client]:
    with running.client() as client:
        yield client


def poll_job(running: Running, job_id: str, printed: list[str], rest: Callable[[], None], timeout: float = 300) -> dict:
    """The vendor's published poller: it looks at no HTTP status, retries nothing, and wants each key where it reads it.

    `rest` is where it sleeps for 5 seconds.
    """
    deadline = time.monotonic() + timeout
    with httpx2.Client(base_url=running.url, timeout=30) as session:
        while time.monotonic() < deadline:
            answer = session.get(f"{BASE}/jobs/{job_id}", headers={"Authorization": f"Bearer {running.token()}"})
            job = answer.json()["data"]
            if job["status"] in {"completed", "failed", "cancelled"}:
                printed.append(f"Job {job['status']}: {job['result']}")
                return job
            printed.append(f"Progress: {job['progress']:d}%")
            rest()
    raise TimeoutError(f"{job_id} did not end in {timeout} seconds")


def polled(running: Running, job_id: str) -> dict:
    """The job at its end, by the poller, which rests until the job changes; all that it asks for and shows is checked."""
    printed: list[str] = []
    with running.client() as native:

        def rest() -> None:
            native.get(f"/v1/jobs/{job_id.removeprefix('job_')}", headers={"Prefer": "wait=5"})

        job = poll_job(running, job_id, printed, rest)
    assert printed[-1].startswith(f"Job {job['status']}")
    shown = [int(line.removeprefix("Progress: ").rstrip("%")) for line in printed[:-1]]
    assert shown == sorted(shown)
    return job


def made(client: httpx2.Client, kind: str, params: dict) -> dict:
    answer = client.post(f"{BASE}/jobs", json={"type": kind, "params": params})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def rerun(client: httpx2.Client, job_id: str) -> dict:
    answer = client.post(f"{BASE}/jobs/{job_id}/rerun")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()["data"]) == ["id", "type", "status", "originalJobId", "createdAt"]
    return answer.json()["data"]


def shown(name: str) -> dict:
    return json.loads((FIXTURES / f"{name}.json").read_text())["data"]


def test_an_import_is_followed_to_its_end_with_its_failing_rows_counted(running, client) -> None:
    job = made(client, "import", {"kind": "customers", "rows": [*ROWS, {"email": "no address", "name": "X"}]})
    ended = polled(running, job["id"])
    assert (ended["status"], ended["progress"]) == ("completed", 100)
    assert ended["result"] == {"rowsImported": 5, "errors": 1}
    assert {"email": "c3@example.org", "name": "Customer 3"}.items() <= running.rows(client)[2].items()


@VENDOR
def test_a_job_at_its_end_has_the_keys_that_the_vendor_shows(running, client) -> None:
    good = polled(running, f"job_{made(client, 'import', {'kind': 'customers', 'rows': ROWS})['id']}")
    bad = polled(running, made(client, "import", {"kind": "customers", "rows": [{"nothing": "of it"}]})["id"])
    for job, name in ((good, "job-completed"), (bad, "job-failed")):
        vendor = shown(name)
        assert list(job) == list(vendor)
        assert {key: type(value) for key, value in job.items()} == {key: type(value) for key, value in vendor.items()}
        assert job["status"] == vendor["status"]
    assert set(bad["result"]) == {"rowsImported", "errors", "error"}
    assert list(bad["result"]["error"]) == list(shown("job-failed")["result"]["error"])


def test_numbers_in_json_keep_their_text(running, client) -> None:
    kind = {
        "name": "prices",
        "schema": {
            "fields": [
                {"name": "sku", "type": "string", "constraints": {"required": True}},
                {"name": "price", "type": "number"},
            ],
            "primaryKey": ["sku"],
        },
    }
    assert client.post("/v1/kinds", json=kind).status_code == 201
    text = '{"type": "import", "params": {"kind": "prices", "rows": [{"sku": "a", "price": 12345678901234567.89}]}}'
    answer = client.post(f"{BASE}/jobs", content=text, headers={"Content-Type": "application/json"})
    assert polled(running, answer.json()["data"]["id"])["result"] == {"rowsImported": 1, "errors": 0}
    assert "12345678901234567.89" in client.get("/v1/kinds/prices/rows.csv").text


def test_an_export_gives_its_file_to_the_same_key(running, client) -> None:
    polled(running, made(client, "import", {"kind": "customers", "rows": ROWS})["id"])
    job = made(client, "export", {"kind": "customers"})
    assert job["type"] == "export"
    ended = polled(running, job["id"])
    assert ended["status"] == "completed"
    assert ended["result"]["errors"] == 0
    answer = client.get(ended["result"]["fileUrl"])
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert int(answer.headers["x-ratelimit-remaining"]) > 0
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == ended["result"]["rowsExported"] >= 5
    assert {row["email"] for row in ROWS} <= {row["email"] for row in rows}
    assert client.head(ended["result"]["fileUrl"]).headers["content-length"] == str(len(answer.content))
    with httpx2.Client(base_url=running.url) as stranger:
        assert stranger.get(ended["result"]["fileUrl"]).status_code == 401


def test_an_export_of_nothing_is_a_file_with_a_header(running, client) -> None:
    ended = polled(running, made(client, "export", {"kind": "lot"})["id"])
    assert (ended["status"], ended["result"]["rowsExported"]) == ("completed", 0)
    answer = client.get(ended["result"]["fileUrl"])
    assert answer.status_code == 200, answer.text
    assert [len(line) > 0 for line in csv.reader(io.StringIO(answer.text))] == [True]


def test_another_task_runs_by_its_own_name(running, client) -> None:
    polled(running, made(client, "import", {"kind": "item", "rows": [{"name": "A"}, {"name": "B"}]})["id"])
    job = made(client, "delete", {"kind": "item", "any_of": [{"name": ["A"]}]})
    assert job["type"] == "delete"
    assert polled(running, job["id"])["result"] == {"rowsDeleted": 1, "errors": 0}


def test_a_rerun_of_a_rerun_names_the_job_that_it_was_called_on(running, client) -> None:
    first = polled(running, made(client, "import", {"kind": "customers", "rows": ROWS})["id"])
    second = rerun(client, first["id"])
    assert (second["status"], second["originalJobId"]) == ("pending", first["id"])
    ended = polled(running, second["id"])
    assert (ended["status"], ended["originalJobId"]) == ("completed", first["id"])
    assert ended["result"] == first["result"]
    third = rerun(client, f"job_{second['id']}")
    assert third["originalJobId"] == second["id"]
    assert polled(running, third["id"])["originalJobId"] == second["id"]
    before = client.get(f"{BASE}/jobs/{first['id']}").json()["data"]
    assert before == first
    assert "originalJobId" not in before
    listed = client.get(f"{BASE}/jobs?type=import&limit=3").json()["data"]["jobs"]
    assert [job["id"] for job in listed] == [third["id"], second["id"], first["id"]]


def test_a_failed_job_is_run_again_in_the_same_poller(running, client) -> None:
    failed = polled(running, made(client, "import", {"kind": "customers", "rows": [{"nothing": "x"}]})["id"])
    assert failed["status"] == "failed"
    again = polled(running, rerun(client, failed["id"])["id"])
    assert (again["status"], again["result"]) == ("failed", failed["result"])


def test_a_cancelled_job_ends_the_poller_and_may_run_again(running, client) -> None:
    content = "email,name\n" + "".join(f"m{number}@example.org,M\n" for number in range(50_000))
    many = {"file": ("many.csv", content, "text/csv")}
    fields = {"type": "import", "params": json.dumps({"kind": "customers"})}
    before = client.post(f"{BASE}/jobs", data=fields, files=many).json()["data"]
    behind = made(client, "import", {"kind": "customers", "rows": ROWS})
    assert client.post(f"{BASE}/jobs/{behind['id']}/cancel").status_code == 200
    ended = polled(running, behind["id"])
    assert (ended["status"], ended["result"]) == ("cancelled", {"rowsImported": 0, "errors": 0})
    refused = client.post(f"{BASE}/jobs/{behind['id']}/cancel")
    assert (refused.status_code, refused.json()["error"]["details"]) == (400, {"status": "cancelled"})
    assert polled(running, before["id"])["result"] == {"rowsImported": 50_000, "errors": 0}
    assert polled(running, rerun(client, behind["id"])["id"])["result"] == {"rowsImported": 5, "errors": 0}


def test_polling_without_end_meets_no_limit(running, client) -> None:
    job = polled(running, made(client, "import", {"kind": "customers", "rows": ROWS})["id"])
    left = {client.get(f"{BASE}/jobs/{job['id']}").headers["x-ratelimit-remaining"] for _ in range(1_100)}
    assert len(left) == 1
