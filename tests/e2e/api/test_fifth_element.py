"""The dialect Fifth Element as a client meets it before and beside the work: keys, limits, lists, documents, every failure in its shape."""

import json
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from serving import CSV, Server, serving, work_off

BASE = "/v1/api"
FIXTURES = Path(__file__).parents[4] / "shared/spec/fixtures/fifth-element"
VENDOR = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures of the specification are not here")
UNKNOWN = "00000000-0000-4000-8000-000000000001"
ROWS = [{"email": "ana@example.org", "name": "Ana"}, {"email": "bob@example.org", "name": "Bob"}]
NAMES = {
    400: "ValidationError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "ApplicationError",
}


def limits(answer: httpx2.Response) -> tuple[int, int, int]:
    return tuple(int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))


def data(answer: httpx2.Response):
    """What was asked for."""
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["data", "error"]
    assert answer.json()["error"] is None
    assert limits(answer)
    return answer.json()["data"]


def error(answer: httpx2.Response) -> tuple[int, dict]:
    """The status and the error of a failure, which has the one shape."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body = answer.json()
    assert list(body) == ["data", "error"]
    assert body["data"] is None
    assert list(body["error"]) == ["name", "message", "details"]
    assert body["error"]["name"] == NAMES[answer.status_code]
    assert isinstance(body["error"]["details"], dict)
    assert limits(answer)
    return answer.status_code, body["error"]


def create(client: httpx2.Client, kind: str, params: dict) -> httpx2.Response:
    return client.post(f"{BASE}/jobs", json={"type": kind, "params": params})


def imported(client: httpx2.Client, rows: list[dict] = ROWS, **options) -> dict:
    return data(create(client, "import", {"kind": "customers", "rows": rows, "options": options}))


def repository(client: httpx2.Client) -> str:
    return data(client.get(f"{BASE}/repositories"))["repositories"][0]["id"]


def same_shape(made: object, shown: object) -> None:
    """The same keys in the same nesting and the same types, whatever the values."""
    assert type(made) is type(shown), (made, shown)
    if isinstance(shown, dict):
        assert list(made) == list(shown)
        for key, value in shown.items():
            same_shape(made[key], value)
    elif isinstance(shown, list) and shown and made:
        same_shape(made[0], shown[0])


# Keys -----------------------------------------------------------------------------------------------------------------


def routes() -> list[tuple[str, str]]:
    return [
        ("GET", f"{BASE}/jobs"), ("POST", f"{BASE}/jobs"), ("GET", f"{BASE}/jobs/{UNKNOWN}"), ("GET", f"{BASE}/jobs/x"),
        ("POST", f"{BASE}/jobs/{UNKNOWN}/cancel"), ("POST", f"{BASE}/jobs/{UNKNOWN}/rerun"), ("GET", f"{BASE}/jobs/{UNKNOWN}/file"),
        ("POST", f"{BASE}/user-api-tokens"), ("GET", f"{BASE}/repositories"), ("GET", f"{BASE}/repositories/{UNKNOWN}/documents"),
        ("POST", f"{BASE}/repositories/{UNKNOWN}/documents"),
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_asks_for_a_key(api, secret, method, path) -> None:
    with api.client(None) as client:
        answer = client.request(method, path)
        assert error(answer)[0] == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert error(client.request(method, path, headers={"Authorization": "Bearer rf_unknown"}))[0] == 401
    with api.client(secret("kinds:write")) as client:
        if not path.endswith("user-api-tokens"):
            number, fault = error(client.request(method, path))
            assert number == 403
            assert fault["details"]["scope"]


def test_a_key_makes_a_key_that_may_do_the_same(api, secret) -> None:
    with api.client(secret("jobs:read")) as client:
        answer = client.post(f"{BASE}/user-api-tokens", json={"name": "nightly"})
        made = data(answer)
    assert list(made) == ["id", "name", "token", "createdAt"]
    assert made["name"] == "nightly"
    assert "no-store" in answer.headers["cache-control"]
    with api.client(made["token"], **{"x-user-identifier": "ana@example.org"}) as client:
        assert data(client.get(f"{BASE}/jobs"))["jobs"] == []
        assert error(client.post(f"{BASE}/jobs", json={"type": "export", "params": {"kind": "customers"}}))[0] == 403


@pytest.mark.parametrize("expires_in", [None, timedelta(hours=1)])
def test_a_key_ends_with_the_key_that_made_it(api, secret, all_tenants, expires_in) -> None:
    with api.client(secret(expires_in=expires_in)) as client:
        made = data(client.post(f"{BASE}/user-api-tokens", json={"name": "nightly"}))
    with api.client(made["token"]) as client:
        grandchild = data(client.post(f"{BASE}/user-api-tokens", json={"name": "again"}))
    ends = all_tenants.execute(
        "select distinct expires_at from tokens where tenant_id = (select tenant_id from tokens where id = %s)",
        [grandchild["id"]],
    ).fetchall()
    assert len(ends) == 1
    assert (ends[0][0] is None) == (expires_in is None)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 7}, {"name": "a", "scopes": ["admin"]}, [], "text"])
def test_a_key_without_a_good_name_is_not_made(ana, body) -> None:
    assert error(ana.post(f"{BASE}/user-api-tokens", json=body))[0] == 400


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", BASE), ("GET", f"{BASE}/"), ("GET", f"{BASE}/nothing"), ("GET", f"{BASE}/jobs/"), ("DELETE", f"{BASE}/jobs"),
        ("PUT", f"{BASE}/jobs/{UNKNOWN}"), ("GET", f"{BASE}/user-api-tokens"), ("OPTIONS", f"{BASE}/jobs"), ("POST", "/v1/documentation"),
        ("GET", "/v1/documentation/more"), ("GET", f"{BASE}/jobs/{UNKNOWN}/rerun"), ("GET", f"{BASE}/jobs/job_{UNKNOWN}"),
        ("GET", f"{BASE}/jobs/job_abc123"), ("GET", f"{BASE}/jobs/{UNKNOWN}/file"), ("GET", f"{BASE}/jobs/%00"),
        ("GET", f"{BASE}/repositories/x/documents"), ("GET", f"{BASE}/repositories/{UNKNOWN}/documents"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found_in_the_shape_of_the_dialect(ana, method, path) -> None:
    answer = ana.request(method, path)
    assert error(answer)[0] == 404
    assert "allow" not in answer.headers


@VENDOR
def test_an_unknown_job_and_a_wrong_number_read_as_the_vendor_shows_them(ana) -> None:
    for answer, name in (
        (ana.get(f"{BASE}/jobs/{UNKNOWN}"), "error-not-found"),
        (ana.get(f"{BASE}/jobs?limit=many"), "error-validation"),
    ):
        shown = json.loads((FIXTURES / f"{name}.json").read_text())
        assert answer.json() == shown
        same_shape(answer.json(), shown)


def test_a_job_of_another_tenant_is_not_there(ana, stranger) -> None:
    job = imported(ana)
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/rerun"), ("GET", "/file")):
        assert error(stranger.request(method, f"{BASE}/jobs/{job['id']}{path}"))[0] == 404
    assert data(stranger.get(f"{BASE}/jobs"))["jobs"] == []


# Limits ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scarce(api: Server):
    """The same installation with few requests an hour."""
    with serving(api.database, api.data, requests_per_hour=5) as running:
        yield running


def test_the_headers_count_down_and_reads_of_a_job_use_none_up(scarce, secret) -> None:
    with scarce.client(secret()) as client:
        job = imported(client)
        limit, left, reset = limits(client.get(f"{BASE}/jobs/{job['id']}"))
        assert (limit, left) == (5, 4)
        assert 0 < reset - time.time() <= 3601
        for _ in range(20):
            assert limits(client.get(f"{BASE}/jobs/{job['id']}"))[1] == 4
        assert limits(client.get(f"{BASE}/jobs/x"))[1] == 4
        assert limits(client.get(f"{BASE}/nothing"))[1] == 3
        assert limits(client.post(f"{BASE}/jobs/{UNKNOWN}/rerun"))[1] == 2
        assert [limits(client.get(f"{BASE}/jobs"))[1] for _ in range(2)] == [1, 0]
        answer = client.get(f"{BASE}/jobs")
        number, fault = error(answer)
        assert number == 429
        assert limits(answer)[:2] == (5, 0)
        assert fault["details"]["retryAfter"] == int(answer.headers["retry-after"])
        assert abs(limits(answer)[2] - time.time() - int(answer.headers["retry-after"])) <= 2
        assert error(client.get(f"{BASE}/nothing"))[0] == 429
        assert data(client.get(f"{BASE}/jobs/{job['id']}"))["id"] == job["id"]
    with scarce.client(secret()) as other:
        assert limits(other.get(f"{BASE}/jobs"))[1] == 4


def test_a_poller_that_goes_mad_meets_the_limit_of_all_requests(api, secret) -> None:
    with serving(api.database, api.data, requests_per_minute=3) as running, running.client(secret()) as client:
        answers = [client.get(f"{BASE}/jobs/{UNKNOWN}") for _ in range(5)]
    assert error(answers[-1])[0] == 429
    assert limits(answers[-1])[1] == 0
    assert "retry-after" in answers[-1].headers


# Read -----------------------------------------------------------------------------------------------------------------


def test_a_job_is_read_by_its_id_with_or_without_the_prefix(ana) -> None:
    job = imported(ana)
    assert list(job) == ["id", "type", "status", "progress", "result", "createdAt", "completedAt"]
    assert (job["type"], job["status"], job["progress"]) == ("import", "pending", 0)
    assert job["result"] is job["completedAt"] is None
    for written in (job["id"], f"job_{job['id']}", job["id"].upper()):
        assert data(ana.get(f"{BASE}/jobs/{written}")) == job


def test_jobs_are_listed_newest_first_and_by_type_and_status(api, ana, all_tenants) -> None:
    first = imported(ana)
    second = data(create(ana, "export", {"kind": "customers"}))
    work_off(api, all_tenants)
    third = imported(ana)

    def ids(**query: object) -> list[str]:
        return [job["id"] for job in data(ana.get(f"{BASE}/jobs", params=query))["jobs"]]

    assert ids() == [third["id"], second["id"], first["id"]]
    assert ids(type="import") == [third["id"], first["id"]]
    assert ids(type="export", status="completed") == [second["id"]]
    assert ids(status="pending") == [third["id"]]
    assert ids(type="import", status="completed") == [first["id"]]
    assert ids(status="cancelled") == ids(type="document_processing") == []
    page = data(ana.get(f"{BASE}/jobs?start=1&limit=1"))
    assert [job["id"] for job in page["jobs"]] == [second["id"]]
    assert page["pagination"] == {"total": 3, "start": 1, "limit": 1}
    assert data(ana.get(f"{BASE}/jobs"))["pagination"] == {"total": 3, "start": 0, "limit": 50}
    assert data(ana.get(f"{BASE}/jobs?start=999999999999"))["jobs"] == []


@pytest.mark.parametrize("path", ["jobs", "repositories", f"repositories/{UNKNOWN}/documents"])
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=",
        "limit=1.5",
        "limit=%C2%B2",
        "start=-1",
        "start=a",
        "start=" + "9" * 5000,
    ],
)
def test_a_page_that_is_none_is_refused(ana, path, query) -> None:
    number, fault = error(ana.get(f"{BASE}/{path}?{query}"))
    assert number == 400
    assert fault["message"].startswith(query.partition("=")[0])


@pytest.mark.parametrize(
    "query", ["type=customers", "type=", "type=%00", "status=queued", "status=", "status=COMPLETED"]
)
def test_a_word_that_is_none_is_refused(ana, query) -> None:
    assert error(ana.get(f"{BASE}/jobs?{query}"))[0] == 400


# Create ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/type"),
        ({"type": 7}, "/type"),
        ({"type": "nothing"}, "/type"),
        ({"type": "customers"}, "/type"),
        ({"type": "document_processing"}, "/type"),
        ({"type": "web_crawling", "params": {"url": "https://example.org"}}, "/type"),
        ({"type": "batch_embedding"}, "/type"),
        ({"type": "import"}, "/params/kind"),
        ({"type": "import", "params": {"kind": "customers"}}, "/params/rows"),
        ({"type": "import", "params": {"kind": "customers", "rows": []}}, "/params/rows"),
        ({"type": "import", "params": {"kind": "customers", "rows": [1]}}, "/params/rows/0"),
        ({"type": "import", "params": {"kind": "customers", "rows": ROWS, "options": {"mode": "x"}}}, "/params/options/mode"),
        ({"type": "import", "params": {"kind": "customers", "rows": ROWS, "more": 1}}, "/params/more"),
        ({"type": "export", "params": {}}, "/params"),
        ({"type": "export", "params": {"kind": "nothing"}}, "/params/kind"),
        ({"type": "export", "params": {"kind": "customers"}, "more": 1}, "/more"),
    ],
)  # fmt: skip
def test_a_job_that_does_not_fit_is_refused_with_the_place(ana, body, place) -> None:
    number, fault = error(ana.post(f"{BASE}/jobs", json=body))
    assert number == 400
    assert place in [one["path"] for one in fault["details"]["errors"]]
    assert data(ana.get(f"{BASE}/jobs"))["jobs"] == []


def test_a_type_whose_work_comes_later_says_so(ana) -> None:
    for word in ("document_processing", "web_crawling", "batch_embedding"):
        _, fault = error(create(ana, word, {}))
        assert "in this release" in fault["message"]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{", "application/json"),
        (b"\xff{}", "application/json"),
        (b'{"type": "export", "type": "import"}', "application/json"),
        (b'{"type": "export\\u0000"}', "application/json"),
        (b'{"type": "export", "params": {"kind": 1e999}}', "application/json"),
        (b'{"type": "import", "params": {"kind": "\\ud800", "rows": [{}]}}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"type": "export", "params": {"kind": "' + b"x" * 200_000 + b'"}}', "application/json"),
        (b"type=export", "application/x-www-form-urlencoded"),
        (b"", "application/json"),
        (b"", "multipart/form-data"),
        (b"--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_is_none_is_refused(ana, content, media_type) -> None:
    assert error(ana.post(f"{BASE}/jobs", content=content, headers={"Content-Type": media_type}))[0] == 400


def test_an_import_of_an_unknown_kind_is_refused(ana) -> None:
    number, fault = error(create(ana, "import", {"kind": "nothing", "rows": ROWS}))
    assert (number, fault["details"]) == (400, {"kind": "nothing"})


def test_a_file_is_imported_by_a_form(ana) -> None:
    files = {"file": ("customers.csv", CSV, "text/csv")}
    params = json.dumps({"kind": "customers", "options": {"mode": "create"}})
    job = data(ana.post(f"{BASE}/jobs", data={"type": "import", "params": params}, files=files))
    native = ana.get(f"/v1/jobs/{job['id']}").json()
    assert (native["source"]["file_name"], native["options"]["mode"]) == ("customers.csv", "create")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "export", "params": '{"kind": "customers"}'},
        {"type": "document_processing", "params": "{}"},
        {"type": "import"},
        {"type": "import", "params": "{"},
        {"type": "import", "params": "[]"},
        {"type": "import", "params": '{"kind": "customers", "rows": []}'},
        {"type": "import", "params": '{"kind": "nothing"}'},
        {"params": '{"kind": "customers"}'},
        {"type": "import", "params": '{"kind": "customers"}', "more": "x"},
    ],
)
def test_a_form_that_does_not_fit_leaves_nothing(api, ana, fields) -> None:
    before = api.blobs()
    assert error(ana.post(f"{BASE}/jobs", data=fields, files={"file": ("a.csv", CSV, "text/csv")}))[0] == 400
    assert api.blobs() == before


def test_what_a_key_may_import_is_decided_by_the_kind(api, secret) -> None:
    with api.client(secret("imports:write:customers")) as client:
        assert imported(client)["type"] == "import"
        assert error(create(client, "import", {"kind": "item", "rows": [{"name": "A"}]}))[0] == 403
        assert error(create(client, "export", {"kind": "customers"}))[0] == 403
    with api.client(secret("jobs:write")) as client:
        assert error(create(client, "import", {"kind": "customers", "rows": ROWS}))[0] == 403
        files = {"file": ("a.csv", CSV, "text/csv")}
        assert error(client.post(f"{BASE}/jobs", data={"type": "import"}, files=files))[0] == 403


# Cancel, rerun --------------------------------------------------------------------------------------------------------


def test_a_waiting_job_is_cancelled_once(ana) -> None:
    job = imported(ana)
    cancelled = data(ana.post(f"{BASE}/jobs/{job['id']}/cancel"))
    assert cancelled["status"] == "cancelled"
    assert cancelled["result"] == {"rowsImported": 0, "errors": 0}
    assert cancelled["completedAt"]
    number, fault = error(ana.post(f"{BASE}/jobs/{job['id']}/cancel"))
    assert (number, fault["details"]) == (400, {"status": "cancelled"})


def test_a_job_that_has_not_ended_is_not_run_again(ana) -> None:
    job = imported(ana)
    number, fault = error(ana.post(f"{BASE}/jobs/{job['id']}/rerun"))
    assert (number, fault["details"]) == (400, {"status": "pending"})


@VENDOR
def test_a_rerun_reads_as_the_vendor_shows_it(ana) -> None:
    job = imported(ana)
    ana.post(f"{BASE}/jobs/{job['id']}/cancel")
    answer = ana.post(f"{BASE}/jobs/job_{job['id']}/rerun")
    same_shape(answer.json(), json.loads((FIXTURES / "job-rerun.json").read_text()))
    again = data(answer)
    assert (again["status"], again["originalJobId"]) == ("pending", job["id"])
    assert data(ana.get(f"{BASE}/jobs/{again['id']}"))["originalJobId"] == job["id"]
    assert data(ana.get(f"{BASE}/jobs/{job['id']}"))["status"] == "cancelled"


# Documents ------------------------------------------------------------------------------------------------------------


@VENDOR
def test_documents_read_as_the_vendor_shows_them(ana) -> None:
    path = f"{BASE}/repositories/{repository(ana)}/documents"
    sent = json.loads((FIXTURES / "document-create-request.json").read_text())
    made = data(ana.post(path, json=sent))
    assert {key: made[key] for key in sent} == sent
    answer = ana.get(path)
    shown = json.loads((FIXTURES / "documents-list.json").read_text())
    shown["data"]["documents"][0]["metadata"] = made["metadata"]
    same_shape(answer.json(), shown)
    assert data(answer)["documents"] == [made]
    assert data(answer)["pagination"] == {"total": 1, "start": 0, "limit": 50}


def test_every_tenant_has_a_repository_of_its_own(ana, stranger) -> None:
    found = data(ana.get(f"{BASE}/repositories"))
    assert [list(one) for one in found["repositories"]] == [["id", "name", "createdAt", "updatedAt"]]
    assert found["pagination"] == {"total": 1, "start": 0, "limit": 50}
    path = f"{BASE}/repositories/{found['repositories'][0]['id']}/documents"
    assert error(stranger.get(path))[0] == 404
    assert error(stranger.post(path, json={"title": "a", "content": ""}))[0] == 404


def test_a_document_keeps_what_was_sent(ana) -> None:
    path = f"{BASE}/repositories/{repository(ana)}/documents"
    metadata = {"n": 10**30, "f": 1e20, "small": 1.5e-7, "deep": [{"a": None, "b": True}], "": "ü☃𝄞"}
    made = data(ana.post(path, json={"title": "ü" * 500, "content": "a\n𝄞\t", "metadata": metadata}))
    assert made["metadata"] == metadata
    assert (made["title"], made["content"]) == ("ü" * 500, "a\n𝄞\t")
    assert data(ana.post(path, json={"title": "b", "content": ""}))["metadata"] == {}
    page = data(ana.get(f"{path}?start=1&limit=1"))
    assert [one["title"] for one in page["documents"]] == ["b"]
    assert page["pagination"]["total"] == 2
    assert data(ana.get(path))["documents"][0] == made


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"content": "a"}, "/title"),
        ({"title": "a"}, "/content"),
        ({"title": "", "content": "a"}, "/title"),
        ({"title": "a" * 501, "content": "a"}, "/title"),
        ({"title": "a", "content": 7}, "/content"),
        ({"title": "a", "content": "a", "metadata": []}, "/metadata"),
        ({"title": "a", "content": "a", "metadata": {"a": "x" * 65_536}}, "/metadata"),
        ({"title": "a", "content": "a", "url": "x"}, "/url"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_with_the_place(ana, body, place) -> None:
    path = f"{BASE}/repositories/{repository(ana)}/documents"
    number, fault = error(ana.post(path, json=body))
    assert (number, [one["path"] for one in fault["details"]["errors"]]) == (400, [place])
    assert data(ana.get(path))["documents"] == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"title": "a\\u0000", "content": ""}',
        b'{"title": "a", "content": "\\ud800"}',
        b'{"title": "a", "content": "", "metadata": {"\\u0000": 1}}',
        b'{"title": "a", "content": "", "metadata": {"a": 1e999}}',
        b'{"title": "a", "content": "", "metadata": {"a": NaN}}',
        b'{"title": "a", "content": "", "metadata": {"a": ' + b"[" * 70 + b"]" * 70 + b"}}",
    ],
)
def test_what_no_database_keeps_is_refused(ana, content) -> None:
    path = f"{BASE}/repositories/{repository(ana)}/documents"
    assert error(ana.post(path, content=content, headers={"Content-Type": "application/json"}))[0] == 400


def test_a_file_for_processing_is_told_to_come_later(ana) -> None:
    path = f"{BASE}/repositories/{repository(ana)}/documents"
    number, fault = error(ana.post(path, files={"file": ("a.pdf", b"%PDF", "application/pdf")}))
    assert number == 400
    assert "in this release" in fault["message"]
    assert error(ana.post(f"{BASE}/repositories/{uuid4()}/documents", files={"file": ("a.pdf", b"%PDF")}))[0] == 404


def test_a_content_of_a_million_characters_is_taken_and_no_more(api, secret) -> None:
    with serving(api.database, api.data) as running, running.client(secret()) as client:
        path = f"{BASE}/repositories/{repository(client)}/documents"
        assert len(data(client.post(path, json={"title": "a", "content": "𝄞" * 1_000_000}))["content"]) == 1_000_000
        assert error(client.post(path, json={"title": "a", "content": "a" * 1_000_001}))[0] == 400


# When the server is not well ------------------------------------------------------------------------------------------


def test_without_room_for_a_file_the_failure_has_the_one_shape(api, secret) -> None:
    with serving(api.database, api.data, disk_floor_bytes=10**18) as running, running.client(secret()) as client:
        number, fault = error(create(client, "import", {"kind": "customers", "rows": ROWS}))
    assert number == 500
    assert "Nothing was stored" in fault["message"]
