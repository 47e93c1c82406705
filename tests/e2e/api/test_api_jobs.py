"""Following a job over HTTP: it reads as the native API says, waits, pages, cancels, and is nobody else's."""

import threading
import time

import httpx2
import pytest

from rowferry.ids import uuid7
from serving import CSV, Server, code, send, work_off

KEYS = {
    "id", "number", "kind", "type", "status", "version", "created_at", "started_at", "finished_at", "created_by", "source", "steps",
    "progress", "ledger", "attempt", "cancel_requested_at", "pause_requested_at", "failure", "result", "options", "metadata",
    "original_job_id", "same_file_as", "family", "links",
}  # fmt: skip


def made(client: httpx2.Client, **more) -> dict:
    answer = send(client, **more)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_a_file_sent_is_a_job_that_reads_as_it_should(ana) -> None:
    answer = send(ana, options='{"mode": "create", "metadata": {"batch": "7"}}')
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert set(job) == KEYS
    assert (job["status"], job["type"], job["kind"]) == ("queued", "import", "customers")
    assert job["created_by"]["name"] == "ana"
    assert job["source"]["file_name"] == "customers.csv"
    assert job["source"]["bytes"] == len(CSV)
    assert job["steps"] == {
        "completed": 0,
        "total": 8,
        "current": "receive",
        "names": ["receive", "inspect", "map", "validate", "match", "load", "report", "finish"],
    }
    assert job["ledger"] == dict.fromkeys(
        ("read", "created", "updated", "unchanged", "skipped", "failed", "not_attempted"), 0
    )
    assert job["options"]["mode"] == "create"
    assert job["options"]["on_error"] == "continue"
    assert job["options"]["columns_extra"] in {"error", "ignore"}
    assert job["metadata"] == {"batch": "7"}
    assert ana.get(answer.headers["location"]).json() == job


def test_a_job_that_is_not_over_says_when_to_look_again(ana) -> None:
    answer = ana.get(made(ana)["links"]["self"])
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-request-id"]
    assert answer.headers["ratelimit-policy"].startswith('"requests";q=300000;w=60')
    assert answer.headers["ratelimit"].startswith('"requests";r=')


def test_a_job_that_did_not_change_is_not_sent_again(ana) -> None:
    path = made(ana)["links"]["self"]
    answer = ana.get(path, headers={"If-None-Match": 'W/"1"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == 'W/"1"'
    assert ana.get(path, headers={"If-None-Match": 'W/"0"'}).status_code == 200


def test_a_wait_ends_with_the_change(api, ana, secret) -> None:
    job = made(ana)
    answers: list[httpx2.Response] = []

    def wait() -> None:
        with api.client(secret()) as other:
            answers.append(other.get(job["links"]["self"], headers={"Prefer": "wait=20", "If-None-Match": 'W/"1"'}))

    thread = threading.Thread(target=wait)
    began = time.monotonic()
    thread.start()
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    thread.join(25)
    assert answers[0].json()["status"] == "cancelled"
    assert answers[0].headers["preference-applied"] == "wait=20"
    assert time.monotonic() - began < 15


def test_a_wait_without_a_change_ends_with_its_time(ana) -> None:
    path = made(ana)["links"]["self"]
    answer = ana.get(path, headers={"Prefer": "wait=0", "If-None-Match": 'W/"1"'})
    assert answer.status_code == 304


def test_a_wait_for_a_job_that_is_over_is_none(ana) -> None:
    job = made(ana)
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    assert ana.get(job["links"]["self"], headers={"Prefer": "wait=60"}).json()["status"] == "cancelled"


def test_a_waiting_job_is_cancelled_at_once_and_asking_twice_is_asking_once(ana) -> None:
    job = made(ana)
    first = ana.post(f"/v1/jobs/{job['id']}/cancel")
    second = ana.post(f"/v1/jobs/{job['id']}/cancel")
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert first.json() == second.json()
    assert "retry-after" not in first.headers


def test_a_job_that_ended_otherwise_cannot_be_cancelled(ana, all_tenants) -> None:
    job = made(ana)
    all_tenants.execute("update jobs set status = 'succeeded', finished_at = now() where id = %s", (job["id"],))
    answer = ana.post(f"/v1/jobs/{job['id']}/cancel")
    assert code(answer) == (409, "not-allowed-now")
    assert "succeeded" in answer.json()["detail"]


def test_a_waiting_job_rests_at_once_and_goes_on_and_asking_twice_is_asking_once(ana) -> None:
    job = made(ana)
    rests = ana.post(f"/v1/jobs/{job['id']}/pause")
    assert (rests.status_code, rests.json()["status"]) == (200, "paused")
    assert ana.post(f"/v1/jobs/{job['id']}/pause").json() == rests.json()
    assert [one["id"] for one in ana.get("/v1/jobs?status=paused").json()["jobs"]] == [job["id"]]
    resumed = ana.post(f"/v1/jobs/{job['id']}/resume")
    assert (resumed.status_code, resumed.json()["status"]) == (200, "queued")
    assert ana.post(f"/v1/jobs/{job['id']}/resume").json() == resumed.json()


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_job_that_has_ended_neither_rests_nor_goes_on(ana, verb) -> None:
    job = made(ana)
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    answer = ana.post(f"/v1/jobs/{job['id']}/{verb}")
    assert code(answer) == (409, "not-allowed-now")
    assert "cancelled" in answer.json()["detail"]


def test_a_job_that_ended_is_run_again_as_a_new_one(api, ana, all_tenants) -> None:
    mine = CSV + b"eve@example.org,Eve\n"
    first = made(ana, content=mine, options='{"mode": "create", "priority": 2, "metadata": {"batch": "7"}}')
    early = ana.post(f"/v1/jobs/{first['id']}/rerun")
    assert code(early) == (409, "not-allowed-now")
    assert "queued" in early.json()["detail"]
    work_off(api, all_tenants)
    answer = ana.post(f"/v1/jobs/{first['id']}/rerun")
    second = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{second['id']}")
    assert (second["status"], second["original_job_id"], second["same_file_as"]) == ("queued", first["id"], first["id"])
    assert (second["options"], second["metadata"]) == (first["options"], {"batch": "7"})
    assert [second["source"][key] for key in ("file_name", "bytes", "sha256")] == [
        first["source"][key] for key in ("file_name", "bytes", "sha256")
    ]
    assert sum(blob.read_bytes() == mine for blob in api.blobs() if "uploads" in blob.parts) == 1
    work_off(api, all_tenants)
    ended = ana.get(f"/v1/jobs/{second['id']}").json()
    assert (ended["status"], ended["ledger"]["failed"]) == ("partial", 3)  # mode create: all are there already
    again = ana.post(f"/v1/jobs/{second['id']}/rerun").json()
    assert again["original_job_id"] == second["id"]
    assert ana.get(f"/v1/jobs/{first['id']}").json()["status"] == "succeeded"


def test_a_rerun_with_a_key_is_made_once(ana) -> None:
    job = made(ana)
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    key = {"Idempotency-Key": "again"}
    first, second = (ana.post(f"/v1/jobs/{job['id']}/rerun", headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    other = made(ana)
    ana.post(f"/v1/jobs/{other['id']}/cancel")
    assert code(ana.post(f"/v1/jobs/{other['id']}/rerun", headers=key)) == (422, "idempotency-mismatch")


def test_a_rerun_of_a_file_that_is_gone_is_refused_and_makes_no_job(api: Server, ana) -> None:
    mine = CSV + b"fay@example.org,Fay\n"
    job = made(ana, content=mine)
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    for blob in api.blobs():
        if blob.read_bytes() == mine:
            blob.unlink()
    assert code(ana.post(f"/v1/jobs/{job['id']}/rerun")) == (409, "source-missing")
    assert len(ana.get("/v1/jobs").json()["jobs"]) == 1


def test_a_task_is_run_again_with_its_params(api, ana, all_tenants) -> None:
    asked = {"kind": "export", "params": {"kind": "customers"}, "options": {"priority": 3}}
    first = ana.post("/v1/jobs", json=asked).json()
    work_off(api, all_tenants)
    second = ana.post(f"/v1/jobs/{first['id']}/rerun").json()
    assert (second["kind"], second["options"], second["original_job_id"]) == ("export", first["options"], first["id"])


def test_a_verb_needs_its_scope(api, ana, secret) -> None:
    job = made(ana)
    with api.client(secret("jobs:read", "imports:write")) as reader:
        for verb in ("pause", "resume", "rerun"):
            assert code(reader.post(f"/v1/jobs/{job['id']}/{verb}")) == (403, "forbidden")
    ana.post(f"/v1/jobs/{job['id']}/cancel")
    with api.client(secret("jobs:write")) as operator:
        assert code(operator.post(f"/v1/jobs/{job['id']}/rerun")) == (403, "forbidden")
    with api.client(secret("jobs:write", "imports:write:customers")) as importer:
        assert importer.post(f"/v1/jobs/{job['id']}/rerun").status_code == 202


def test_the_same_file_again_says_which_job_had_it(ana) -> None:
    first, second = made(ana), made(ana)
    assert first["same_file_as"] is None
    assert second["same_file_as"] == first["id"]


def test_the_history_is_paged_newest_first(ana) -> None:
    sent = [made(ana)["number"] for _ in range(5)]
    numbers: list[int] = []
    token = None
    while True:
        page = ana.get("/v1/jobs", params={"page_size": 2} | ({"page_token": token} if token else {})).json()
        numbers += [job["number"] for job in page["jobs"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert numbers == sent[::-1]


def test_the_history_is_filtered(ana) -> None:
    first = made(ana, name="spring.csv")
    second = made(ana, name="autumn.csv")
    ana.post(f"/v1/jobs/{first['id']}/cancel")

    def numbers(**filters) -> list[int]:
        answer = ana.get("/v1/jobs", params=filters)
        assert answer.status_code == 200, answer.text
        return [job["number"] for job in answer.json()["jobs"]]

    one, two = first["number"], second["number"]
    assert numbers(status="cancelled") == [one]
    assert numbers(status=["cancelled", "queued"]) == [two, one]
    assert numbers(kind="customers", status="queued") == [two]
    assert numbers(query="SPRING") == [one]
    assert numbers(query=first["id"]) == [one]
    assert numbers(created_by="ana") == [two, one]
    assert numbers(created_by="nobody") == []
    assert numbers(since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z") == []


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"page_size": "-1"}, "/query/page_size"),
        ({"page_size": "many"}, "/query/page_size"),
        ({"page_token": "abc"}, "/query/page_token"),
        ({"status": "done"}, "/query/status/0"),
        ({"since": "yesterday"}, "/query/since"),
        ({"stauts": "failed"}, "/query/stauts"),
        ({"query": "a\0b"}, "/query/query"),
        ({"kind": "x" * 5_000}, "/query/kind/0"),
    ],
)
def test_a_list_refuses_what_it_does_not_know(ana, parameters, pointer) -> None:
    answer = ana.get("/v1/jobs", params=parameters)
    assert code(answer) == (422, "invalid-request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_page_token_is_good_for_its_filters_only(ana) -> None:
    for _ in range(2):
        made(ana)
    token = ana.get("/v1/jobs", params={"page_size": 1}).json()["next_page_token"]
    assert ana.get("/v1/jobs", params={"page_token": token}).status_code == 200
    assert code(ana.get("/v1/jobs", params={"page_token": token, "status": "failed"})) == (422, "invalid-request")


@pytest.mark.parametrize("rest", ["", "/issues", "/issues.csv", "/issues.jsonl", "/issues/summary", "/artifacts"])
def test_a_job_of_another_tenant_is_as_one_that_is_not_there(ana, stranger, rest) -> None:
    theirs = stranger.get(f"/v1/jobs/{made(ana)['id']}{rest}")
    none = stranger.get(f"/v1/jobs/{uuid7()}{rest}")
    nonsense = stranger.get(f"/v1/jobs/nonsense{rest}")
    assert code(theirs) == code(none) == code(nonsense) == (404, "not-found")


def test_a_job_of_another_tenant_cannot_be_cancelled_nor_listed(ana, stranger) -> None:
    job = made(ana)
    assert code(stranger.post(f"/v1/jobs/{job['id']}/cancel")) == (404, "not-found")
    assert stranger.get("/v1/jobs").json()["jobs"] == []
    assert ana.get(job["links"]["self"]).json()["status"] == "queued"


def test_the_input_is_downloaded_whole_and_in_ranges(ana) -> None:
    job = made(ana, name="año 1.csv")
    (artifact,) = ana.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    assert (artifact["category"], artifact["bytes"], artifact["sha256"]) == ("input", len(CSV), job["source"]["sha256"])
    whole = ana.get(artifact["url"])
    assert whole.content == CSV
    assert whole.headers["content-disposition"].endswith("filename*=UTF-8''a%C3%B1o%201.csv")
    assert whole.headers["repr-digest"].startswith("sha-256=:")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    part = ana.get(artifact["url"], headers={"Range": "bytes=6-9"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, CSV[6:10], f"bytes 6-9/{len(CSV)}")
    old = ana.get(artifact["url"], headers={"Range": "bytes=6-9", "If-Range": '"old"'})
    assert (old.status_code, old.content) == (200, CSV)
    assert ana.get(artifact["url"], headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    behind = ana.get(artifact["url"], headers={"Range": f"bytes={len(CSV)}-"})
    assert code(behind) == (416, "range-not-satisfiable")
    assert behind.headers["content-range"] == f"bytes */{len(CSV)}"


def test_an_artifact_of_another_job_or_tenant_is_not_found(ana, stranger) -> None:
    first, second = made(ana), made(ana)
    (artifact,) = ana.get(f"/v1/jobs/{first['id']}/artifacts").json()["artifacts"]
    assert code(stranger.get(artifact["url"])) == (404, "not-found")
    assert code(ana.get(f"/v1/jobs/{second['id']}/artifacts/{artifact['id']}")) == (404, "not-found")
    assert code(ana.get(f"/v1/jobs/{first['id']}/artifacts/nonsense")) == (404, "not-found")


def test_a_file_that_is_gone_is_not_found(api: Server, ana) -> None:
    mine = CSV + b"cid@example.org,Cid\n"
    job = made(ana, content=mine)
    (artifact,) = ana.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    for blob in api.blobs():
        if blob.read_bytes() == mine:
            blob.unlink()
    assert code(ana.get(artifact["url"])) == (404, "not-found")


def test_a_task_is_started_by_its_params(ana) -> None:
    answer = ana.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers"}, "options": {"priority": 3}})
    job = answer.json()
    assert answer.status_code == 202, answer.text
    assert set(job) == KEYS
    assert (job["type"], job["kind"], job["options"]) == (
        "task",
        "export",
        {"priority": 3, "params": {"kind": "customers"}},
    )


@pytest.mark.parametrize(
    ("body", "expected", "pointer"),
    [
        ({"kind": "export", "params": {}}, (422, "invalid-request"), "/params"),
        ({"kind": "export", "params": {"kind": "customers", "x": 1}}, (422, "invalid-request"), "/params"),
        ({"kind": "export", "params": {"kind": 5}}, (422, "invalid-request"), "/params/kind"),
        ({"kind": "customers"}, (422, "invalid-request"), "/kind"),
        ({"kind": "exprot"}, (422, "unknown-kind"), None),
        ({"kind": "a\0b"}, (422, "invalid-request"), None),
        ({}, (422, "invalid-request"), "/kind"),
        ({"kind": "export", "more": 1}, (422, "invalid-request"), "/more"),
        ([], (422, "invalid-request"), ""),
    ],
)
def test_a_task_that_does_not_fit_is_refused(ana, body, expected, pointer) -> None:
    answer = ana.post("/v1/jobs", json=body)
    assert code(answer) == expected
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
