"""Jobs of a real worker rest and go on, also where it is killed around that; what they leave is what an undisturbed run leaves."""

import httpx2
import pytest

from driving import Running, table
from faults import ATTEMPTS_MAX, CHUNK, Faults

ROWS = 1_000
ROW = b"email,name\nbo@example.org,Bo\n"


def a_file() -> bytes:
    """Rows with faults, and keys that come twice far apart."""
    lines = ["email,name,country"]
    for number in range(1, ROWS + 1):
        key = number - 450 if number % 97 == 0 and number > 450 else number
        lines.append(f"a{key}@example.org,Ana {number},{'XX' if number % 50 == 0 else 'ES'}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def undisturbed(fragile: Running) -> dict:
    with fragile.client("undisturbed") as client:
        return left_by(fragile, client, fragile.imported(client, a_file()))


def left_by(fragile: Running, client: httpx2.Client, job: dict) -> dict:
    """All that a job left and that two runs must have in common."""
    path = f"/v1/jobs/{job['id']}"
    return {
        "ended": (job["status"], job["ledger"], job["steps"], job["progress"]["fraction"]),
        "rows": table(fragile.rows(client)),
        "issues": client.get(f"{path}/issues", params={"page_size": 500}).json()["issues"],
        "files": {one["category"]: one["sha256"] for one in client.get(f"{path}/artifacts").json()["artifacts"]},
    }


def asked(client: httpx2.Client, job_id: str, verb: str) -> dict:
    answer = client.post(f"/v1/jobs/{job_id}/{verb}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(client: httpx2.Client, job_id: str, status: str) -> dict:
    """Waits for a status, without sleeping."""
    etag = ""
    for _ in range(200):
        answer = client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=20", "If-None-Match": etag})
        if answer.status_code == 200:
            job = answer.json()
            if job["status"] == status:
                return job
            assert job["finished_at"] is None or status == "interrupted", job
            etag = answer.headers["ETag"]
    raise AssertionError(f"the job was never {status}: {job}")


def held(fragile: Running, client: httpx2.Client, faults: Faults, point: str, nth: int, **options: object):
    """A job whose attempt waits at a point, and what lets it go."""
    before = len(faults.done)
    release = faults.hold_at(point, nth)
    job_id = fragile.send(client, a_file(), **options)["id"]
    faults.wait_for_fault(before + 1)
    return job_id, release


def test_a_load_that_is_paused_lets_others_run_and_goes_on_where_it_was(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: dict
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.copied", 3)
    wished = asked(client, job_id, "pause")
    assert (wished["status"], wished["pause_requested_at"] is not None) == ("running", True)
    assert asked(client, job_id, "pause")["pause_requested_at"] == wished["pause_requested_at"]
    release.set()
    rests = until(client, job_id, "paused")
    assert (rests["ledger"]["read"], rests["progress"]["done"], rests["pause_requested_at"]) == (300, 300, None)
    assert rests["attempt"]["lease_expires_at"] is None
    with fragile.client("bystander") as other:
        assert fragile.imported(other, ROW)["status"] == "succeeded"
    assert until(client, job_id, "paused")["version"] == rests["version"]
    assert len(fragile.rows(client)) == rests["ledger"]["created"]
    begun = faults.seen["chunk.begun"]
    assert asked(client, job_id, "resume")["status"] in {"queued", "running"}
    job = fragile.ended(client, job_id)
    assert faults.seen["chunk.begun"] - begun == (ROWS - 300) // CHUNK
    assert job["attempt"]["number"] == 2
    assert left_by(fragile, client, job) == undisturbed


def test_a_pause_that_is_taken_back_in_time_changes_nothing(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: dict
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.copied", 3)
    asked(client, job_id, "pause")
    assert asked(client, job_id, "resume")["pause_requested_at"] is None
    release.set()
    job = fragile.ended(client, job_id)
    assert job["attempt"]["number"] == 1
    assert left_by(fragile, client, job) == undisturbed


def test_a_pause_that_is_taken_back_while_the_attempt_leaves_lets_the_job_go_on(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: dict
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.copied", 3)
    leaves = faults.hold_at("rest.begun")
    asked(client, job_id, "pause")
    before = len(faults.done)
    release.set()
    faults.wait_for_fault(before + 1)
    asked(client, job_id, "resume")
    leaves.set()
    assert left_by(fragile, client, fragile.ended(client, job_id)) == undisturbed


def test_a_cancel_while_the_attempt_leaves_to_rest_ends_the_job_with_its_files(
    fragile: Running, client: httpx2.Client, faults: Faults
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.copied", 3)
    leaves = faults.hold_at("rest.begun")
    asked(client, job_id, "pause")
    before = len(faults.done)
    release.set()
    faults.wait_for_fault(before + 1)
    assert client.post(f"/v1/jobs/{job_id}/cancel").json()["status"] == "running"
    assert client.post(f"/v1/jobs/{job_id}/pause").status_code == 409
    leaves.set()
    job = fragile.ended(client, job_id)
    assert (job["status"], job["ledger"]["not_attempted"]) == ("cancelled", ROWS - 300)
    assert {"input", "output", "errors"} <= left_by(fragile, client, job)["files"].keys()


@pytest.mark.parametrize(
    "point", ["chunk.copied", "chunk.committed", "rest.begun", "rest.before_commit", "rest.committed"]
)
def test_kill_9_around_a_pause_loses_and_doubles_nothing(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: dict, point: str
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.begun", 4)
    asked(client, job_id, "pause")
    before = len(faults.done)
    faults.kill_at(point)
    release.set()
    faults.wait_for_fault(before + 1)
    rests = until(client, job_id, "paused")
    assert rests["ledger"]["read"] == (300 if point == "chunk.copied" else 400)
    asked(client, job_id, "resume")
    assert left_by(fragile, client, fragile.ended(client, job_id)) == undisturbed


@pytest.mark.parametrize(
    ("point", "nth", "options"),
    [("chunk.begun", 4, {"on_error": "atomic"}), ("step.match", 1, {"max_errors": 500}), ("step.report", 1, {})],
)
def test_a_pause_at_any_stage_leaves_what_an_undisturbed_run_leaves(
    fragile: Running, client: httpx2.Client, faults: Faults, point: str, nth: int, options: dict
) -> None:
    content = b"email,name\n" + b"".join(b"a%d@example.org,Ana\n" % n for n in range(ROWS))
    with fragile.client(f"undisturbed {point}".replace(" ", "-").replace(".", "-")) as other:
        usual = left_by(fragile, other, fragile.imported(other, content, **options))
    before = len(faults.done)
    release = faults.hold_at(point, nth)
    job_id = fragile.send(client, content, **options)["id"]
    faults.wait_for_fault(before + 1)
    asked(client, job_id, "pause")
    release.set()
    rests = until(client, job_id, "paused")
    if options:  # all rows at once, or none judged to its end: nothing is written yet
        assert fragile.rows(client) == []
        assert rests["progress"]["done"] == 0
    asked(client, job_id, "resume")
    assert left_by(fragile, client, fragile.ended(client, job_id)) == usual


def test_a_paused_job_that_is_cancelled_ends_at_once_and_its_books_are_closed(
    fragile: Running, client: httpx2.Client, faults: Faults
) -> None:
    job_id, release = held(fragile, client, faults, "chunk.copied", 2)
    asked(client, job_id, "pause")
    release.set()
    until(client, job_id, "paused")
    job = asked(client, job_id, "cancel")
    assert (job["status"], job["ledger"]["read"], job["ledger"]["not_attempted"]) == ("cancelled", ROWS, ROWS - 200)
    assert len(fragile.rows(client)) == job["ledger"]["created"]
    assert client.post(f"/v1/jobs/{job_id}/resume").status_code == 409


def test_an_export_that_is_paused_holds_every_row_once(fragile: Running, client: httpx2.Client, faults: Faults) -> None:
    content = b"email,name\n" + b"".join(b"a%05d@example.org,Ana\n" % n for n in range(12_000))
    fragile.imported(client, content)
    before = len(faults.done)
    release = faults.hold_at("chunk.settled", 2)
    job_id = client.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers"}}).json()["id"]
    faults.wait_for_fault(before + 1)
    asked(client, job_id, "pause")
    release.set()
    rests = until(client, job_id, "paused")
    assert 0 < rests["ledger"]["read"] < 12_000
    asked(client, job_id, "resume")
    job = fragile.ended(client, job_id)
    assert (job["status"], job["ledger"]["created"], job["attempt"]["number"]) == ("succeeded", 12_000, 2)
    (output,) = client.get(f"/v1/jobs/{job_id}/artifacts").json()["artifacts"]
    keys = [line.split(",")[0] for line in client.get(output["url"]).text.splitlines()[1:]]
    assert keys == [f"a{n:05d}@example.org" for n in range(12_000)]


def test_a_job_that_used_up_its_attempts_goes_on_with_attempts_anew(
    fragile: Running, client: httpx2.Client, faults: Faults, undisturbed: dict
) -> None:
    for nth in range(4, 4 + ATTEMPTS_MAX):
        faults.kill_at("chunk.copied", nth)
    job_id = fragile.send(client, a_file())["id"]
    lost = fragile.ended(client, job_id)
    assert (lost["status"], lost["ledger"]["not_attempted"]) == ("interrupted", ROWS - 300)
    faults.kill_at("chunk.copied", 2)  # one more crash is no end
    resumed = asked(client, job_id, "resume")
    assert (resumed["finished_at"], resumed["failure"], resumed["ledger"]["not_attempted"]) == (None, None, 0)
    job = fragile.ended(client, job_id)
    assert job["attempt"]["number"] == ATTEMPTS_MAX + 2
    assert left_by(fragile, client, job) == undisturbed
