"""A job in each of its statuses, read through every face: the same keys, their types and words, whatever became of it."""

import re
from collections.abc import Callable, Iterator, Mapping

import httpx2
import pytest

from rowferry.domain.job import TERMINAL, Status
from rowferry.store.database import Connection

SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
Check = Callable[[object], bool]


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def text(value: object) -> bool:
    return isinstance(value, str)


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def like(form: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def one_of(*words: str) -> Check:
    return lambda value: value in words


def listed(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one.startswith("/") for one in value)


CLARET: Mapping[str, object] = {
    "job_log_id": whole,
    "status": one_of("pending", "in_progress", "completed", "failed"),
    "type": like(re.compile(r"[a-z0-9_-]+")),
    "description": text,
    "progress": {"completed_steps": whole, "total_steps": whole, "current_step": maybe(text)},
    "files": dict.fromkeys(("input", "staging", "output", "errors"), listed),
    "job_status_link": like(re.compile(r"https?://.+/imports/logs/\d+")),
    "timestamps": {"started_at": maybe(like(SECONDS)), "completed_at": maybe(like(SECONDS))},
    "user_id": whole,
}
GU1: Mapping[str, object] = {
    "jobId": text,
    "kind": text,
    "status": one_of("queued", "running", "completed", "failed", "cancelled", "interrupted"),
    **dict.fromkeys(("totalItems", "succeeded", "failed", "skipped"), maybe(whole)),
    **dict.fromkeys(("heartbeatAt", "leaseExpiresAt", "completedAt"), maybe(like(MILLISECONDS))),
    "workerError": maybe(text),
    "createdAt": like(MILLISECONDS),
    "metadata": lambda value: isinstance(value, dict),
}
FIFTH: Mapping[str, object] = {
    "id": text,
    "type": one_of("import", "export"),
    "status": one_of("pending", "running", "completed", "failed", "cancelled"),
    "progress": lambda value: whole(value) and 0 <= int(str(value)) <= 100,
    "result": maybe(lambda value: isinstance(value, dict)),
    "createdAt": like(SECONDS),
    "completedAt": maybe(like(SECONDS)),
}
WORDS = {
    Status.QUEUED: ("pending", "queued", "pending"),
    Status.RUNNING: ("in_progress", "running", "running"),
    Status.PAUSED: ("in_progress", "running", "running"),
    Status.AWAITING_APPROVAL: ("in_progress", "running", "running"),
    Status.SUCCEEDED: ("completed", "completed", "completed"),
    Status.PARTIAL: ("completed", "completed", "completed"),
    Status.FAILED: ("failed", "failed", "failed"),
    Status.CANCELLED: ("failed", "cancelled", "cancelled"),
    Status.INTERRUPTED: ("failed", "interrupted", "failed"),
}


def fits(value: object, shape: object, place: str = "") -> None:
    if isinstance(shape, Mapping):
        assert isinstance(value, dict), place
        assert list(value) == list(shape), place
        for name, inner in shape.items():
            fits(value[name], inner, f"{place}/{name}")
    else:
        assert shape(value), (place, value)  # type: ignore[operator]


@pytest.fixture(params=list(Status))
def job(request: pytest.FixtureRequest, ana: httpx2.Client, all_tenants: Connection) -> Iterator[dict]:
    """A job of three rows in each status; of one that ended otherwise than well a row was stored, one failed, one was not reached."""
    body = {"kind": "entity_automatic", "rows": [{"tax_id": str(n), "type": "person"} for n in range(3)]}
    made = ana.post("/v1/imports", json=body).json()
    status: Status = request.param
    well = status is Status.SUCCEEDED
    books = (3, 0, 0) if well else (2, 1, 0) if status is Status.PARTIAL else (1, 1, 1)
    all_tenants.execute(
        "update jobs set status = %(status)s, started_at = case when %(status)s <> 'queued' then now() end,"
        " finished_at = case when %(ended)s then now() end, rows_total = 3, rows_read = case when %(ended)s then 3 else 1 end,"
        " created = case when %(ended)s then %(stored)s else 1 end, failed = case when %(ended)s then %(failed)s else 0 end,"
        " not_attempted = case when %(ended)s then %(left)s else 0 end, cursor = 1, attempt = 1,"
        " heartbeat_at = now(), lease_expires_at = case when %(status)s = 'running' then now() + interval '1 hour' end,"
        " steps_completed = case when %(ended)s then 8 else 5 end, failure = case when %(status)s in ('failed', 'interrupted')"
        ' then \'{"code": "internal", "message": "Something broke.", "details": {}, "retryable": true}\'::jsonb end'
        " where id = %(id)s",
        {
            "status": status,
            "ended": status in TERMINAL,
            "id": made["id"],
            **dict(zip(("stored", "failed", "left"), books, strict=True)),
        },
    )
    yield {**made, "status": status}
    # No other test is to work on it: its books are made up.
    all_tenants.execute(
        "update jobs set status = 'paused', finished_at = null, lease_expires_at = null where id = %s", [made["id"]]
    )


def test_a_job_reads_alike_in_every_status(ana: httpx2.Client, job: dict, all_tenants: Connection) -> None:
    slug = all_tenants.execute(
        "select n.slug from jobs j join tenants n on n.id = j.tenant_id where j.id = %s", [job["id"]]
    ).fetchone()
    assert slug is not None
    claret, gu1, fifth = WORDS[job["status"]]

    answer = ana.get(f"/{slug[0]}/api/v1/imports/status/{job['number']}")
    assert (answer.status_code, list(answer.json())) == (200, ["message", "content"])
    fits(answer.json()["content"], CLARET)
    assert answer.json()["content"]["status"] == claret
    assert (answer.json()["content"]["timestamps"]["completed_at"] is not None) == (job["status"] in TERMINAL)

    answer = ana.get(f"/batch-import/jobs/{job['id']}")
    assert (answer.status_code, list(answer.json()), answer.json()["success"]) == (200, ["success", "job"], True)
    found = answer.json()["job"]
    failure = found.pop("jobFailure", None)
    assert (failure is not None) == (gu1 == "failed")
    assert {*found} == {*GU1}
    for name, check in GU1.items():
        fits(found[name], check, name)
    assert found["status"] == gu1
    assert (found["metadata"].get("batchPaused") is True) == (job["status"] is Status.PAUSED)
    assert (found["completedAt"] is not None) == (job["status"] in TERMINAL)

    answer = ana.get(f"/v1/api/jobs/{job['id']}")
    assert (answer.status_code, list(answer.json()), answer.json()["error"]) == (200, ["data", "error"], None)
    found = answer.json()["data"]
    fits(found, FIFTH)
    assert found["status"] == fifth
    assert (found["result"] is not None) == (job["status"] in TERMINAL) == (found["completedAt"] is not None)
    if job["status"] is Status.SUCCEEDED:
        assert (found["progress"], found["result"]) == (100, {"rowsImported": 3, "errors": 0})
    if fifth == "failed":
        assert found["result"]["error"]["code"] == "internal"
