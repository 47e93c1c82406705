"""A real worker process is killed or frozen at several points of an import; the job ends right, by itself, as an undisturbed run does."""

import signal
import zlib
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest

from driving import Running, table
from faults import ATTEMPTS_MAX, CHUNK, Faults

ROWS = 1_000


def a_file(rows: int = ROWS) -> bytes:
    """Rows with every outcome: faults, keys that come twice far apart, quoted line breaks."""
    lines = ["email,name,country"]
    for number in range(1, rows + 1):
        key = number - 450 if number % 97 == 0 and number > 450 else number
        country = "XX" if number % 50 == 0 else "ES" if number % 3 else "Spain"
        name = f'"Ana\n{number}"' if number % 71 == 0 else f"Ana {number}"
        lines.append(f"a{key}@example.org,{name},{country}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def undisturbed(fragile: Running) -> tuple[dict, list[dict], list[dict]]:
    with fragile.client("undisturbed") as client:
        job = fragile.imported(client, a_file())
        assert job["attempt"]["number"] == 1
        assert job["ledger"]["created"] > ROWS * 0.9
        return job, table(fragile.rows(client)), issues(client, job["id"])


def issues(client: httpx2.Client, job_id: str) -> list[dict]:
    answer = client.get(f"/v1/jobs/{job_id}/issues", params={"page_size": 500})
    return answer.json()["issues"]


def artifacts(client: httpx2.Client, job_id: str) -> dict[str, str]:
    return {one["category"]: one["sha256"] for one in client.get(f"/v1/jobs/{job_id}/artifacts").json()["artifacts"]}


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("source.opened", 1),
        ("step.load", 1),
        ("chunk.begun", 1),
        ("chunk.begun", 6),
        ("chunk.copied", 1),
        ("chunk.copied", 4),
        ("chunk.settled", 3),
        ("chunk.fenced", 2),
        ("chunk.fenced", 10),
        ("chunk.committed", 1),
        ("chunk.committed", 10),
        ("step.report", 1),
        ("finish.begun", 1),
        ("finish.committed", 1),
    ],
)
def test_kill_9_at_any_point_loses_and_doubles_nothing(
    fragile: Running,
    client: httpx2.Client,
    faults: Faults,
    undisturbed: tuple[dict, list[dict], list[dict]],
    point: str,
    nth: int,
) -> None:
    usual, rows, usual_issues = undisturbed
    before = len(faults.done)
    faults.kill_at(point, nth)
    job = fragile.imported(client, a_file())
    faults.wait_for_fault(before + 1)
    assert faults.done[-1][0] == point
    assert (job["status"], job["ledger"]) == (usual["status"], usual["ledger"])
    assert table(fragile.rows(client)) == rows
    assert issues(client, job["id"]) == usual_issues
    assert job["attempt"]["number"] == (1 if point == "finish.committed" else 2)


def test_artifacts_after_a_kill_are_those_of_an_undisturbed_run(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: tuple[dict, list[dict], list[dict]]
) -> None:
    with fragile.client("undisturbed") as other:
        usual = artifacts(other, undisturbed[0]["id"])
    faults.kill_at("chunk.copied", 5)
    job = fragile.imported(client, a_file())
    assert artifacts(client, job["id"]) == usual


def test_several_kills_in_one_job_still_end_right(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: tuple[dict, list[dict], list[dict]]
) -> None:
    for nth in (3, 7, 11):
        faults.kill_at("chunk.copied", nth)
    job = fragile.imported(client, a_file())
    assert job["attempt"]["number"] == 4
    assert (job["status"], job["ledger"]) == (undisturbed[0]["status"], undisturbed[0]["ledger"])
    assert table(fragile.rows(client)) == undisturbed[1]


def test_a_worker_that_freezes_past_its_lease_writes_nothing_when_it_wakes(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: tuple[dict, list[dict], list[dict]]
) -> None:
    faults.kill_at("chunk.copied", 2, signal.SIGSTOP)
    before = len(faults.done)
    job_id = fragile.send(client, a_file())["id"]
    faults.wait_for_fault(before + 1)
    job = fragile.ended(client, job_id)
    assert (job["status"], job["ledger"]) == (undisturbed[0]["status"], undisturbed[0]["ledger"])
    assert table(fragile.rows(client)) == undisturbed[1]


def test_a_file_that_kills_its_worker_each_time_ends_interrupted_and_others_go_on(
    fragile: Running, client: httpx2.Client, faults: Faults
) -> None:
    for nth in range(1, ATTEMPTS_MAX + 1):
        faults.kill_at("step.load", nth)
    job = fragile.imported(client, a_file())
    assert job["status"] == "interrupted"
    assert job["failure"]["code"] == "attempts-exhausted"
    assert job["ledger"]["not_attempted"] == job["ledger"]["read"]
    assert fragile.imported(client, b"email,name\na@b.org,Ana\n")["status"] == "succeeded"


def test_a_cancel_takes_effect_after_the_chunk_under_way_and_the_rest_is_not_attempted(
    fragile: Running, client: httpx2.Client, faults: Faults
) -> None:
    release = faults.hold_at("chunk.copied", 3)
    before = len(faults.done)
    job_id = fragile.send(client, a_file())["id"]
    faults.wait_for_fault(before + 1)
    shown = client.post(f"/v1/jobs/{job_id}/cancel").json()
    assert (shown["status"], shown["cancel_requested_at"] is not None) == ("running", True)
    release.set()
    job = fragile.ended(client, job_id)
    assert job["status"] == "cancelled"
    ledger = job["ledger"]
    assert (ledger["read"], ledger["not_attempted"]) == (ROWS, ROWS - 3 * CHUNK)
    assert len(fragile.rows(client)) == ledger["created"]
    assert {one["category"] for one in client.get(f"/v1/jobs/{job_id}/artifacts").json()["artifacts"]} >= {
        "input",
        "output",
        "errors",
    }


@pytest.mark.parametrize(("point", "nth", "chunks"), [("source.opened", 1, 0), ("chunk.begun", 4, 3)])
def test_a_cancel_takes_effect_also_where_the_attempt_does_not_get_on(
    fragile: Running, client: httpx2.Client, faults: Faults, point: str, nth: int, chunks: int
) -> None:
    faults.hold_at(point, nth)
    before = len(faults.done)
    job_id = fragile.send(client, a_file())["id"]
    faults.wait_for_fault(before + 1)
    assert client.post(f"/v1/jobs/{job_id}/cancel").json()["status"] == "running"
    job = fragile.ended(client, job_id)
    assert (job["status"], job["attempt"]["number"]) == ("cancelled", 2)
    assert job["ledger"]["created"] + job["ledger"]["failed"] == chunks * CHUNK
    assert len(fragile.rows(client)) == job["ledger"]["created"]
    assert artifacts(client, job_id).keys() == ({"input", "staging", "output", "errors"} if chunks else {"input"})
    assert fragile.imported(client, b"email,name\na@b.org,Ana\n")["status"] == "succeeded"


def test_an_export_that_is_killed_holds_every_row_once(fragile: Running, client: httpx2.Client, faults: Faults) -> None:
    content = b"email,name\n" + b"".join(b"a%05d@example.org,Ana\n" % n for n in range(12_000))
    fragile.imported(client, content)
    faults.kill_at("chunk.settled", 2)
    before = len(faults.done)
    answer = client.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers"}})
    job = fragile.ended(client, answer.json()["id"])
    assert len(faults.done) == before + 1
    assert (job["status"], job["ledger"]["created"], job["attempt"]["number"]) == ("succeeded", 12_000, 2)
    (output,) = [
        one for one in client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"] if one["category"] == "output"
    ]
    keys = [line.split(",")[0] for line in client.get(output["url"]).text.splitlines()[1:]]
    assert keys == [f"a{n:05d}@example.org" for n in range(12_000)]


def test_an_atomic_import_that_is_killed_is_rolled_back_and_done_anew(
    fragile: Running, client: httpx2.Client, faults: Faults
) -> None:
    content = b"email,name\n" + b"".join(b"a%d@example.org,Ana\n" % n for n in range(500))
    faults.kill_at("chunk.begun", 3)
    job = fragile.imported(client, content, on_error="atomic")
    assert (job["status"], job["ledger"]["created"]) == ("succeeded", 500)
    assert len(fragile.rows(client)) == 500


def test_the_workers_own_death_is_repaired_by_the_supervisor(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: tuple[dict, list[dict], list[dict]]
) -> None:
    faults.kill_at("chunk.copied", 4, signal.SIGSTOP)
    before = len(faults.done)
    job_id = fragile.send(client, a_file())["id"]
    faults.wait_for_fault(before + 1)
    executor = psutil.Process(faults.done[-1][2])
    worker = next(process for process in executor.parents() if "worker" in process.cmdline())
    worker.kill()
    job = fragile.ended(client, job_id)
    assert (job["status"], job["ledger"]) == (undisturbed[0]["status"], undisturbed[0]["ledger"])
    assert table(fragile.rows(client)) == undisturbed[1]


def test_the_stored_outcome_bytes_are_the_ledger(
    fragile: Running, undisturbed: tuple[dict, list[dict], list[dict]]
) -> None:
    with psycopg.connect(fragile.database_url) as connection:
        chunks = connection.execute(
            "select outcomes from rowferry.chunks where job_id = %s order by first_row", [undisturbed[0]["id"]]
        ).fetchall()
    outcomes = b"".join(zlib.decompress(chunk) for (chunk,) in chunks)
    words = ("created", "updated", "unchanged", "skipped", "failed", "not_attempted")
    assert {word: outcomes.count(at) for at, word in enumerate(words, 1)} == {
        word: undisturbed[0]["ledger"][word] for word in words
    }


def test_nothing_of_the_parts_is_left_over(fragile: Running, undisturbed: tuple[dict, list[dict], list[dict]]) -> None:
    left: list[Path] = [path for path in (fragile.data / "blobs" / "parts").rglob("*") if path.is_file()]
    assert [path for path in left if undisturbed[0]["id"] in str(path)] == []
