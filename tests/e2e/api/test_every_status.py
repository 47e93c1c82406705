"""A job in each of its statuses, read through every face: the same keys, their types and words, whatever became of it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from documents import fits as fits_document
from rowferry.domain.job import TERMINAL, Status
from rowferry.store.database import Connection
from serving import Server

SPECIFICATION = Path(__file__).parents[4] / "shared/spec"
VENDORS = pytest.mark.skipif(
    not (SPECIFICATION / "fixtures").is_dir(), reason="the fixtures of the specification are not here"
)
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


# As the vendors show it -----------------------------------------------------------------------------------------------

NULLABLE = {
    "claret": {"current_step", "started_at", "completed_at"},
    "gu1": {"totalItems", "succeeded", "failed", "skipped", "heartbeatAt", "leaseExpiresAt", "workerError"}
    | {"completedAt", "metadata", "jobFailure"},
    "fifth-element": {"data", "error", "result", "completedAt"},
}
"""What may be null by the tables beside the fixtures."""
FREE = {"metadata", "details"}
"""Objects with members of our own."""
MAY_BE_ABSENT = {"details"}
SHOWN: Mapping[str, Mapping[str, str]] = {
    "claret": dict.fromkeys(("completed", "failed", "pending"), "job-status-{}")
    | {"in_progress": "job-status-in-progress"},
    "gu1": dict.fromkeys(("running", "completed", "failed"), "job-status-{}")
    | {"queued": "job-status-running", "cancelled": "job-status-completed", "interrupted": "job-status-completed"},
    "fifth-element": dict.fromkeys(("running", "completed", "failed"), "job-{}")
    | {"pending": "job-running", "cancelled": "job-completed"},
}
"""The fixture of each word; of one that no fixture shows, that of the word whose answer has the same keys."""


def fixture(vendor: str, name: str) -> dict:
    text = (SPECIFICATION / "fixtures" / vendor / f"{name}.json").read_text()
    # The vendor shows documents; an import counts rows.
    return json.loads(text.replace("documentsProcessed", "rowsImported"))


def form(value: object) -> str:
    """What sort of value it is; texts by how they are written."""
    if not isinstance(value, str):
        return type(value).__name__
    for name, written in (("seconds", SECONDS), ("milliseconds", MILLISECONDS), ("address", re.compile("https?://.+"))):
        if written.fullmatch(value):
            return name
    try:
        return "uuid" if UUID(value) else ""
    except ValueError:
        return "path" if value.startswith("/") else "text"


def forms(shown: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every place in a fixture with the form of what stands there."""
    yield place, form(shown)
    for name, value in shown.items() if isinstance(shown, dict) else ():
        yield from forms(value, f"{place}/{name}")
    for value in shown if isinstance(shown, list) else ():
        yield from forms(value, f"{place}[]")


def known_forms(vendor: str, pattern: str) -> dict[str, set[str]]:
    """The forms of each place over all fixtures of a route, and null where the tables allow it."""
    found: dict[str, set[str]] = {}
    for path in sorted((SPECIFICATION / "fixtures" / vendor).glob(f"{pattern}.json")):
        for place, one in forms(fixture(vendor, path.stem)):
            found.setdefault(place, set()).add(one)
    for place, several in found.items():
        if place.rpartition("/")[2] in NULLABLE[vendor]:
            several.add("NoneType")
        elif several == {"text"}:
            several.add("path")  # a text may begin as it likes
    return found


def as_shown(answer: object, shown: object, known: Mapping[str, set[str]], place: str = "") -> None:
    """The same keys in the same order, and in each place a value of a form that stands there in a fixture."""
    assert form(answer) in known[place], (place, answer)
    if isinstance(answer, dict) and isinstance(shown, dict):
        if place.rpartition("/")[2] not in FREE:
            assert [name for name in answer if name in shown or name not in MAY_BE_ABSENT] == list(shown), place
        for name in answer.keys() & shown.keys():
            as_shown(answer[name], shown[name], known, f"{place}/{name}")
    for one in answer if isinstance(answer, list) else ():
        as_shown(one, shown[0] if isinstance(shown, list) and shown else None, known, f"{place}[]")


def poll(client: httpx2.Client, vendor: str, job: dict, slug: str) -> httpx2.Response:
    """The job through a face."""
    paths = {
        "claret": f"/{slug}/api/v1/imports/status/{job['number']}",
        "gu1": f"/batch-import/jobs/{job['id']}",
        "fifth-element": f"/v1/api/jobs/{job['id']}",
        "native": f"/v1/jobs/{job['id']}",
    }
    answer = client.get(paths[vendor])
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture
def slug(job: dict, all_tenants: Connection) -> str:
    """What the test's tenant is called in addresses."""
    query = "select n.slug from jobs j join tenants n on n.id = j.tenant_id where j.id = %s"
    found = all_tenants.execute(query, [job["id"]]).fetchone()
    assert found is not None
    return str(found[0])


@VENDORS
def test_every_status_reads_as_the_vendors_show_it(ana: httpx2.Client, job: dict, slug: str) -> None:
    for number, (vendor, pattern) in enumerate(
        {"claret": "job-status-*", "gu1": "job-status-*", "fifth-element": "job-*"}.items()
    ):
        answer, known = poll(ana, vendor, job, slug).json(), known_forms(vendor, pattern)
        word = WORDS[job["status"]][number]
        shown = fixture(vendor, SHOWN[vendor][word].format(word))
        as_shown(answer, shown, known)


@VENDORS
@pytest.mark.parametrize("job", [Status.RUNNING], indirect=True)
def test_a_cancel_under_way_reads_as_the_vendor_shows_it(ana: httpx2.Client, job: dict, slug: str) -> None:
    answer = ana.post(f"/batch-import/jobs/{job['id']}/control", json={"kind": "entity_automatic", "action": "cancel"})
    shown, known = fixture("gu1", "job-status-cancel-requested"), known_forms("gu1", "job-status-*")
    for found in (answer, poll(ana, "gu1", job, slug)):
        as_shown(found.json(), shown, known)
        assert found.json()["job"]["metadata"]["batchCancelRequested"] is True


@VENDORS
def test_the_failures_of_every_status_read_as_the_vendor_shows_them(ana: httpx2.Client, job: dict) -> None:
    shown = fixture("gu1", "entity-failures")
    for path in (f"jobs/{job['id']}?include=failures", f"entity-jobs/{job['id']}/failures"):
        answer = ana.get(f"/batch-import/{path}").json()
        assert (answer.pop("jobFailure", None) is not None) == (job["status"] is Status.FAILED)
        as_shown(answer, shown, known_forms("gu1", "entity-failures"))


def shown_job() -> dict:
    """The job as the rules of the native API show it."""
    path = SPECIFICATION / "native-api.md"
    if not path.exists():
        pytest.skip("the rules of the native API are not here")
    _, _, rest = path.read_text().partition("## The job, as it reads")
    return json.loads(rest.partition("```json\n")[2].partition("```")[0])


def test_every_status_reads_as_the_native_rules_show_it(ana: httpx2.Client, job: dict, slug: str) -> None:
    answer = poll(ana, "native", job, slug).json()
    assert answer["status"] == job["status"]
    for place, value in (("", shown_job()), *shown_job().items()):
        found = answer[place] if place else answer
        if isinstance(value, dict) and place not in {"options", "metadata"}:
            assert set(value) <= set(found), place
    for name in ("created_at", "started_at", "finished_at", "cancel_requested_at"):
        assert answer[name] is None or form(answer[name]) == "milliseconds", name
    assert (answer["finished_at"] is not None) == (job["status"] in TERMINAL)
    assert (answer["failure"] is not None) == (job["status"] in {Status.FAILED, Status.INTERRUPTED})


def test_every_status_fits_the_documents(api: Server, ana: httpx2.Client, job: dict, slug: str) -> None:
    described = {
        "native": ("/openapi.json", "/v1/jobs/{job_id}"),
        "claret": ("/openapi/claret.json", "/{tenant}/api/v1/imports/status/{job_log_id}"),
        "gu1": ("/openapi/gu1.json", "/batch-import/jobs/{job_id}"),
        "fifth-element": ("/openapi/fifth-element.json", "/v1/api/jobs/{job_id}"),
    }
    for face, (document, path) in described.items():
        fits_document(ana.get(document).json(), path, "get", poll(ana, face, job, slug))
