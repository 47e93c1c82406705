"""The routes of Claret without workers: who may ask, what is refused and how, what a job reads like and which files it has."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import psycopg
import pytest

from rowferry import main
from rowferry.api import claret
from rowferry.settings import Settings
from serving import send, serving, token, work_off

JOB = "/imports/status"
IMPORT = "/inventory/import/process"
DELETE = "/inventory/batch-delete"
PAGE = "/settings/application-maintenance/job-management/imports/logs"
ARGUMENTS = {"allow_record_creation": True, "allow_record_update": True, "should_continue_on_error": True}
RECORD = {
    "item_name": "Item A",
    "bin_name": "Bin 1",
    "lot_name": "Lot 1",
    "date_filled": "2026-03-04",
    "quantity": 12.5,
    "uom": "kg",
}
CSV = b"item_name,bin_name,lot_name,date_filled,quantity,uom\nItem A,Bin 1,Lot 1,2026-03-04,12.5,kg\n"
ON = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def slug(ana) -> str:
    """The test's tenant as it stands in addresses."""
    (own,) = ana.get("/v1/tenants").json()["tenants"]
    return own["slug"]


@pytest.fixture
def base(slug) -> str:
    return f"/{slug}/api/v1"


def send_csv(client, base: str, content: bytes = CSV, **fields: str):
    form = {"source": "api", "arguments": json.dumps(ARGUMENTS)} | fields
    return client.post(f"{base}{IMPORT}", data=form, files={"file": ("stock.csv", content, "text/csv")})


def said(answer, status: int) -> dict:
    """The body of a failure: a message, the fields where something does not fit, and nothing else."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == ({"message", "errors"} if status == 422 else {"message"})
    assert body["message"]
    for texts in body.get("errors", {}).values():
        assert texts
        assert all(isinstance(text, str) for text in texts)
    return body


# Jobs and files -------------------------------------------------------------------------------------------------------


def test_a_file_is_accepted_and_its_job_can_be_read_at_once(ana, slug, base) -> None:
    answer = send_csv(ana, base)
    content = answer.json()["content"]
    assert (answer.status_code, set(answer.json())) == (202, {"message", "content"})
    assert list(content) == ["job_log_id", "status", "job_status_link"]
    assert content["status"] == "pending"

    job = ana.get(f"{base}{JOB}/{content['job_log_id']}")
    shown = job.json()["content"]
    day = shown["files"]["input"][0].split("/")[6]
    folder = f"/{slug}/download/{slug}/user-uploads/inventory-import/{day}/{content['job_log_id']}"
    assert (job.status_code, list(job.json())) == (200, ["message", "content"])
    assert shown == {
        "job_log_id": content["job_log_id"],
        "status": "pending",
        "type": "inventory-import",
        "description": "Inventory Import",
        "progress": {"completed_steps": 0, "total_steps": 8, "current_step": None},
        "files": {
            "input": [f"{folder}/inventory_{day.replace('-', '')}_untouched.csv"],
            "staging": [],
            "output": [],
            "errors": [],
        },
        "job_status_link": content["job_status_link"],
        "timestamps": {"started_at": None, "completed_at": None},
        "user_id": shown["user_id"],
    }
    assert isinstance(shown["user_id"], int)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", day)


def test_a_file_downloads_as_it_came_with_the_same_token(api, ana, base) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    (path,) = ana.get(f"{base}{JOB}/{number}").json()["content"]["files"]["input"]
    answer, head = ana.get(path), ana.head(path)
    assert (answer.status_code, answer.content) == (200, CSV)
    assert (head.status_code, head.content) == (200, b"")
    for one in (answer, head):
        assert one.headers["content-type"] == "text/csv"
        assert one.headers["content-disposition"] == f'attachment; filename="{path.rsplit("/", 1)[1]}"'
        assert one.headers["content-length"] == str(len(CSV))
        assert one.headers["x-content-type-options"] == "nosniff"
    with api.client(None) as nobody:
        said(nobody.get(path, headers=ON), 401)


def test_only_the_paths_of_a_status_lead_to_files(api, ana, slug, base) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    (path,) = ana.get(f"{base}{JOB}/{number}").json()["content"]["files"]["input"]
    for wrong in (
        path.replace("untouched", "final"),
        path.replace("inventory-import", "entity"),
        path.replace(f"/{number}/", f"/{number + 1}/"),
        path.replace(f"/{number}/", "/x/"),
        path.replace(f"download/{slug}", "download/other"),
        f"/{slug}/download/nothing",
        f"{path}/",
    ):
        said(ana.get(wrong), 404)


def test_a_file_that_is_past_its_time_is_not_found(api, ana, base) -> None:
    number = send_csv(ana, base, CSV + b"x").json()["content"]["job_log_id"]
    (path,) = ana.get(f"{base}{JOB}/{number}").json()["content"]["files"]["input"]
    before = {blob for blob in api.blobs() if blob.read_bytes() == CSV + b"x"}
    for blob in before:
        blob.unlink()
    said(ana.get(path), 404)
    said(ana.get(path.replace("untouched", "final")), 404)
    assert ana.head(path).status_code == 404


def test_any_job_of_the_tenant_reads_in_the_same_shape(api, ana, base, all_tenants) -> None:
    sent = send(ana, b"email,name\nana@example.org,Ana\nnope,\n").json()
    task = ana.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers"}}).json()
    work_off(api, all_tenants)
    shapes = []
    for job in (sent, task):
        content = ana.get(f"{base}{JOB}/{job['number']}").json()["content"]
        assert content["status"] == "completed"
        assert content["type"] == job["kind"]
        assert content["progress"]["completed_steps"] == content["progress"]["total_steps"]
        assert content["progress"]["current_step"] is None
        for paths in content["files"].values():
            assert [ana.get(path).status_code for path in paths] == [200] * len(paths)
        shapes.append(content)
    assert [len(shapes[0]["files"][category]) for category in ("input", "staging", "output", "errors")] == [1, 1, 1, 1]
    assert (shapes[0]["progress"]["total_steps"], shapes[1]["description"]) == (8, "Export")


def test_a_job_that_rests_reads_as_one_that_is_under_way(ana, base) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    (job,) = ana.get("/v1/jobs").json()["jobs"]
    assert ana.post(f"/v1/jobs/{job['id']}/pause").status_code == 200
    content = ana.get(f"{base}{JOB}/{number}").json()["content"]
    assert content["status"] == "in_progress"
    assert content["timestamps"]["completed_at"] is None


def test_a_kind_of_the_tenants_own_has_its_title(api, ana, base) -> None:
    fields = [{"name": "email", "type": "string", "constraints": {"required": True}}]
    own = {"name": "guests", "title": "Guests", "schema": {"fields": fields, "primaryKey": ["email"]}}
    assert ana.post("/v1/kinds", json=own).status_code == 201
    number = send(ana, b"email\na\n", kind="guests").json()["number"]
    assert ana.get(f"{base}{JOB}/{number}").json()["content"]["description"] == "Guests"


def test_a_job_that_failed_as_a_whole_says_why_in_its_message(api, ana, base, all_tenants) -> None:
    number = send_csv(ana, base, b"item_name,qty\nItem A,1\n").json()["content"]["job_log_id"]
    work_off(api, all_tenants)
    job = ana.get(f"{base}{JOB}/{number}").json()
    assert job["content"]["status"] == "failed"
    assert "bin_name" in job["message"]
    assert job["content"]["timestamps"]["completed_at"].endswith("Z")


# The link -------------------------------------------------------------------------------------------------------------


def test_the_link_is_absolute_on_the_host_that_was_asked_and_leads_to_the_job(api, ana, slug, base) -> None:
    content = send_csv(ana, base).json()["content"]
    assert content["job_status_link"] == f"{api.url}/{slug}{PAGE}/{content['job_log_id']}"
    page = ana.get(content["job_status_link"])
    assert page.json() == ana.get(f"{base}{JOB}/{content['job_log_id']}").json()


def test_nothing_but_the_host_has_a_say_in_the_link(ana, api, slug, base) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    behind = f"/{slug}{PAGE}/{number}"

    def link(**headers: str) -> str:
        return ana.get(f"{base}{JOB}/{number}", headers=headers).json()["content"]["job_status_link"]

    assert link(Host="claret.example:8443") == f"http://claret.example:8443{behind}"
    assert link(Host="[::1]:80") == f"http://[::1]:80{behind}"
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Prefix": "/evil"}
    assert link(**forged) == f"{api.url}{behind}"
    assert link(Host='evil"><script>') == f"{api.url}{behind}"


# Who may ask ----------------------------------------------------------------------------------------------------------


def guarded(base: str, slug: str) -> list[tuple[str, str]]:
    return [
        ("GET", f"{base}{JOB}/1"),
        ("GET", f"{base}{JOB}/x"),
        ("POST", f"{base}{IMPORT}"),
        ("POST", f"{base}{DELETE}"),
        ("GET", f"/{slug}{PAGE}/1"),
        ("GET", f"/{slug}/download/{slug}/user-uploads/inventory-import/2026-03-04/1/inventory_20260304_final.csv"),
    ]


def test_every_route_refuses_a_token_that_is_missing_wrong_expired_or_of_another_tenant(
    api, secret, base, slug, stranger
) -> None:
    strange = stranger.headers["authorization"].removeprefix("Bearer ")
    for bearer in (None, "rf_wrong", secret(expires_in=timedelta(seconds=-1)), strange):
        with api.client(bearer) as client:
            for method, path in guarded(base, slug):
                answer = client.request(method, path)
                assert said(answer, 401) == {"message": "Unauthenticated."}
                assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_another_tenants_address_is_as_unknown_as_one_that_is_not_there(ana, stranger) -> None:
    (theirs,) = stranger.get("/v1/tenants").json()["tenants"]
    answers = [ana.get(f"/{slug}/api/v1{JOB}/1") for slug in (theirs["slug"], "nobody")]
    assert [said(answer, 401) for answer in answers] == [{"message": "Unauthenticated."}] * 2


def test_another_tenants_job_is_not_found(ana, stranger, base) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    (theirs,) = stranger.get("/v1/tenants").json()["tenants"]
    slug = theirs["slug"]
    said(stranger.get(f"/{slug}/api/v1{JOB}/{number}"), 404)
    said(stranger.get(f"/{slug}{PAGE}/{number}"), 404)
    (path,) = ana.get(f"{base}{JOB}/{number}").json()["content"]["files"]["input"]
    said(stranger.get(path), 401)
    said(stranger.get(path.replace(path.split("/")[1], slug)), 404)


@pytest.mark.parametrize(
    ("accept", "requested", "status"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", None, 302),
        ("TEXT/HTML;q=0.9", None, 302),
        ("text/html", "XMLHttpRequest", 401),
        ("application/json", None, 401),
        ("*/*", None, 401),
    ],
)
def test_only_a_browser_without_a_token_is_led_to_the_page_for_signing_in(
    api, base, slug, accept, requested, status
) -> None:
    headers = {"Accept": accept} | ({"X-Requested-With": requested} if requested else {})
    with api.client("rf_wrong", **headers) as client:
        for method, path in guarded(base, slug):
            answer = client.request(method, path, follow_redirects=False)
            assert answer.status_code == status
            assert answer.headers.get("location") == (f"/{slug}/login" if status == 302 else None)


def test_the_way_to_the_page_for_signing_in_leads_to_no_other_host(api) -> None:
    with api.client(None, Accept="text/html") as client:
        answer = client.get(f"/%5Cevil.example%3F/api/v1{JOB}/1", follow_redirects=False)
    assert answer.headers["location"] == "/%5Cevil.example%3F/login"


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("jobs:read",), {"read"}),
        (("imports:write",), {"import"}),
        (("imports:write:inventory-import",), {"import"}),
        (("imports:write:customers", "jobs:write"), set()),
        (("imports:write", "jobs:write"), {"import", "delete"}),
        (("jobs:write",), set()),
    ],
)
def test_a_token_does_what_its_scopes_allow(api, ana, secret, base, scopes, may) -> None:
    slug = base.split("/")[1]
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    (path,) = ana.get(f"{base}{JOB}/{number}").json()["content"]["files"]["input"]
    with api.client(secret(*scopes)) as client:
        answers = {
            "read": [client.get(one) for one in (f"{base}{JOB}/{number}", f"/{slug}{PAGE}/{number}", path)],
            "import": [client.post(f"{base}{IMPORT}", json={})],
            "delete": [client.post(f"{base}{DELETE}", json={})],
        }
    for what, of_route in answers.items():
        for answer in of_route:
            if what in may:
                assert answer.status_code in {200, 422}
            else:
                assert "scope" in said(answer, 403)["message"]


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["0", "99999999", "999999999999999999", "9" * 40, "x", "1.0", "-1", "1%00", "%D9%A1", "1x"]
)
def test_a_job_that_is_not_there_is_not_found(ana, base, number) -> None:
    said(ana.get(f"{base}{JOB}/{number}"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/{slug}/api/v1"),
        ("GET", "/{slug}/api/v1/"),
        ("GET", "/{slug}/api/v1/nothing"),
        ("GET", "/{slug}/api/v1/imports/status"),
        ("GET", "/{slug}/api/v1/imports/status/1/"),
        ("GET", "/{slug}/download"),
        ("GET", "/{slug}/settings/nothing"),
        ("DELETE", "/{slug}/api/v1/imports/status/1"),
        ("OPTIONS", "/{slug}/api/v1/imports/status/1"),
        ("GET", "/{slug}/api/v1/inventory/import/process"),
        ("PUT", "/{slug}/api/v1/inventory/batch-delete"),
        ("GET", "/{slug}/api/v1/tokens/create"),
    ],
)
def test_unknown_addresses_and_wrong_methods_are_not_found(ana, slug, method, path) -> None:
    said(ana.request(method, path.format(slug=slug)), 404)


@pytest.mark.parametrize("route", [IMPORT, DELETE])
@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"\xff", "application/json"),
        (b'{"rows": [{"item": "\\ud800"}], "source": "\\u0000"}', "application/json"),
        (b'{"payload": [NaN]}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b" " * 200_000, "application/json"),
        (b"a=1", "application/x-www-form-urlencoded"),
        (b"a,b\n", "text/csv"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=b"),
    ],
)
def test_a_body_that_cannot_be_read_does_not_fit(ana, base, route, content, media_type) -> None:
    said(ana.post(f"{base}{route}", content=content, headers={"Content-Type": media_type}), 422)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, {"source", "arguments", "payload"}),
        ({"source": "ui", "arguments": ARGUMENTS, "payload": [RECORD]}, {"source"}),
        ({"source": "api", "arguments": [], "payload": [RECORD]}, {"arguments"}),
        ({"source": "api", "arguments": ARGUMENTS, "payload": RECORD}, {"payload"}),
        ({"source": "api", "arguments": ARGUMENTS, "payload": []}, {"payload"}),
        ({"source": "api", "arguments": ARGUMENTS, "payload": [RECORD, 5]}, {"payload.1"}),
        (
            {"source": "api", "arguments": ARGUMENTS, "payload": [RECORD, {"item_name": " ", "uom": None}]},
            {"payload.1"},
        ),
        ({"source": "api", "arguments": ARGUMENTS, "payload": [RECORD, {}]}, {"payload.1"}),
        ({"source": "api", "arguments": ARGUMENTS, "payload": [{"uom": "kg"}] * 1001}, {"payload"}),
        (
            {"source": "api", "arguments": ARGUMENTS | {"allow_record_update": 1}, "payload": [RECORD]},
            {"arguments.allow_record_update"},
        ),
        (
            {"source": "api", "arguments": dict.fromkeys(ARGUMENTS, False), "payload": [RECORD]},
            {"arguments"},
        ),
    ],
)
def test_an_import_as_json_that_does_not_fit_names_its_fields_and_makes_no_job(ana, base, body, places) -> None:
    assert set(said(ana.post(f"{base}{IMPORT}", json=body), 422)["errors"]) == places
    assert ana.get("/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("fields", "content", "places"),
    [
        ({"source": "ui"}, CSV, {"source"}),
        ({"arguments": "{"}, CSV, {"body"}),
        ({"arguments": "{}"}, CSV, {f"arguments.{name}" for name in ARGUMENTS}),
        ({"field_mapping": '{"x": "y"}'}, CSV, {"field_mapping"}),
        ({"field_mapping": '{"x": "uom"}', "field_mapping[y]": "quantity"}, CSV, {"field_mapping"}),
        ({"arguments[allow_record_update]": "1"}, CSV, {"arguments"}),
        ({"colour": "red"}, CSV, {"colour"}),
        ({}, b"", {"file"}),
        ({}, b"\xef\xbb\xbf", {"file"}),
        ({}, b"item_name\n" + b"Item A\n" * 1001, {"file"}),
        ({}, b"x" * 150_000, {"body"}),
    ],
)
def test_a_form_that_does_not_fit_names_its_fields_and_leaves_nothing(api, ana, base, fields, content, places) -> None:
    before = api.blobs()
    assert set(said(send_csv(ana, base, content, **fields), 422)["errors"]) == places
    assert ana.get("/v1/jobs").json()["jobs"] == []
    assert api.blobs() == before


def test_a_form_without_a_file_or_with_two_does_not_fit(ana, base) -> None:
    fields = {"source": (None, "api"), "arguments": (None, json.dumps(ARGUMENTS))}
    missing = ana.post(f"{base}{IMPORT}", files=fields)
    assert set(said(missing, 422)["errors"]) == {"file"}
    twice = ana.post(f"{base}{IMPORT}", files=[*fields.items(), ("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))])
    assert set(said(twice, 422)["errors"]) == {"file"}


@pytest.mark.parametrize("said", [{"field_mapping": '{"uom": null}'}, {"field_mapping[uom]": ""}])
def test_a_column_may_be_mapped_to_no_field(ana, base, said) -> None:
    form = {"source": "api", "arguments": json.dumps(ARGUMENTS)} | said
    answer = ana.post(f"{base}{IMPORT}", data=form, files={"file": ("stock.csv", CSV)})
    assert answer.status_code == 202, answer.text
    (job,) = ana.get("/v1/jobs").json()["jobs"]
    assert job["options"]["mapping"] == {name: None if name == "uom" else name for name in RECORD}


def test_arguments_and_mapping_may_come_as_php_sends_them(ana, base) -> None:
    form = {f"arguments[{name}]": "1" for name in ARGUMENTS} | {"source": "api", "field_mapping[Menge]": "quantity"}
    answer = ana.post(f"{base}{IMPORT}", data=form, files={"file": ("stock.csv", CSV.replace(b"quantity", b"Menge"))})
    assert answer.status_code == 202
    (job,) = ana.get("/v1/jobs").json()["jobs"]
    mapped = job["options"]["mapping"]
    assert mapped["Menge"] == "quantity"
    assert set(mapped.values()) == set(RECORD)
    assert (job["options"]["mode"], job["options"]["on_error"]) == ("upsert", "continue")


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"items": []}, {"rows": [{}]}, {"everything": True}, {"items": [""]}]
)
def test_a_delete_never_takes_everything(ana, base, body) -> None:
    said(ana.post(f"{base}{DELETE}", json=body), 422)
    assert ana.get("/v1/jobs").json()["jobs"] == []


def test_who_asks_too_often_is_told_when_to_come_back(database, tmp_path, system, tenant) -> None:
    with (
        serving(database, tmp_path, requests_per_minute=5, submits_per_minute=1) as server,
        server.client(token(system, tenant.id, tenant.user)) as client,
    ):
        base = f"/{tenant.slug}/api/v1"
        sends, polls = [send_csv(client, base) for _ in range(3)], [client.get(f"{base}{JOB}/1") for _ in range(8)]
        for answers in (sends, polls):
            assert answers.pop(0).status_code in {200, 202}
            answer = next(one for one in answers if one.status_code not in {200, 202})
            said(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1


def test_a_quota_that_is_used_up_is_said_with_a_number_of_the_dialect(database, tmp_path, system, tenant) -> None:
    with (
        serving(database, tmp_path, queued_max=1) as server,
        server.client(token(system, tenant.id, tenant.user)) as client,
    ):
        base = f"/{tenant.slug}/api/v1"
        assert send_csv(client, base).status_code == 202
        said(send_csv(client, base), 429)


def test_a_disk_that_is_full_is_our_fault(database, tmp_path, system, tenant) -> None:
    with (
        serving(database, tmp_path, disk_floor_bytes=10**18) as server,
        server.client(token(system, tenant.id, tenant.user)) as client,
    ):
        said(send_csv(client, f"/{tenant.slug}/api/v1"), 500)


def test_a_bug_tells_nothing(ana, base, all_tenants) -> None:
    number = send_csv(ana, base).json()["content"]["job_log_id"]
    all_tenants.execute("update jobs set failure = '5' where number = %s", (number,))
    answer = ana.get(f"{base}{JOB}/{number}")
    assert said(answer, 500) == {"message": "Server Error"}
    assert answer.headers["x-request-id"]
    all_tenants.execute("update jobs set failure = null where number = %s", (number,))


def test_a_database_that_does_not_answer_is_said_in_the_same_shape(server, database, tmp_path, system, tenant) -> None:
    bearer = token(system, tenant.id, tenant.user)
    with serving(database, tmp_path) as serves, serves.client(bearer) as client:
        base = f"/{tenant.slug}/api/v1"
        assert client.get(f"{base}{JOB}/1").status_code == 404
        name = psycopg.conninfo.conninfo_to_dict(database.admin_url)["dbname"]
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"alter database {name} allow_connections false")
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
            said(client.get(f"{base}{JOB}/1"), 500)
            admin.execute(f"alter database {name} allow_connections true")


# Answers that wait for the end ----------------------------------------------------------------------------------------


def test_an_import_that_is_cancelled_meanwhile_says_so_and_where_to_look(ana, base) -> None:
    body = {"source": "api", "arguments": ARGUMENTS, "payload": [RECORD]}
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(ana.post, f"{base}{IMPORT}", json=body)
        while not (jobs := ana.get("/v1/jobs").json()["jobs"]):
            assert not answer.done()
        assert ana.post(f"/v1/jobs/{jobs[0]['id']}/cancel").status_code == 200
        message = said(answer.result(), 500)["message"]
    assert "was cancelled" in message
    assert f"{PAGE}/{jobs[0]['number']}" in message


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("route", "body"),
    [
        (IMPORT, {"source": "api", "arguments": ARGUMENTS, "payload": [RECORD]}),
        (DELETE, {"items": ["Item A"]}),
    ],
)
async def test_what_does_not_end_in_time_goes_on_and_says_where(
    database, tmp_path, system, tenant, route, body
) -> None:
    chosen = Settings(data=tmp_path, database_url=database.admin_url, disk_floor_bytes=0)
    gate = main.build_api(chosen).state.gate
    headers = {"Authorization": f"Bearer {token(system, tenant.id, tenant.user)}"}
    transport = httpx2.ASGITransport(claret.build(gate, wait_seconds=0))
    async with (
        gate.services.running(),
        httpx2.AsyncClient(transport=transport, base_url="http://claret.example", headers=headers) as client,
    ):
        message = said(await client.post(f"/{tenant.slug}/api/v1{route}", json=body), 500)["message"]
        link = re.search(r"http://claret\.example/\S+/\d+", message)[0]
        job = (await client.get(link)).json()["content"]
    assert "goes on" in message
    assert job["status"] == "pending"


# Tokens ---------------------------------------------------------------------------------------------------------------


TOKENS = "/tokens/create"


@pytest.mark.parametrize(
    ("sent", "places"),
    [
        ({}, {"email", "password"}),
        ({"params": {"email": "ana"}}, {"password"}),
        ({"params": {"email": "", "password": "x"}}, {"email"}),
        ({"json": {"email": 5, "password": ["x"]}}, {"email", "password"}),
        ({"json": {"email": "a\0b", "password": "x"}}, {"body"}),
        ({"params": {"email": "a\0b", "password": "x"}}, {"email"}),
        ({"json": []}, {"body"}),
        ({"data": {"email": "ana"}}, {"password"}),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, {"body"}),
        ({"content": b"x" * 20_000, "headers": {"Content-Type": "application/json"}}, {"body"}),
    ],
)
def test_credentials_that_do_not_fit_name_their_fields(api, base, sent, places) -> None:
    with api.client(None) as client:
        assert set(said(client.post(f"{base}{TOKENS}", **sent), 422)["errors"]) == places


PASSWORD = "correct horse; battery staple"


@pytest.fixture
def user(api, slug) -> str:
    """A user of the test's tenant who logs in with a password, by e-mail."""
    wish = main.UserWish(slug, "ana@example.org", None, ("jobs:read", "imports:write"))
    main.create_user(api.database, wish, PASSWORD)
    return "ana@example.org"


@pytest.mark.parametrize("how", ["params", "data", "json"])
def test_who_knows_a_password_gets_a_token_that_may_what_the_user_may(api, base, user, how) -> None:
    with api.client(None) as client:
        answer = client.post(f"{base}{TOKENS}", **{how: {"email": user, "password": PASSWORD}})
    assert (answer.status_code, set(answer.json())) == (200, {"token"})
    assert re.fullmatch(r"[0-9]+\|[A-Za-z0-9]{40}", answer.json()["token"])
    assert answer.headers["cache-control"] == "no-store"
    with api.client(answer.json()["token"], **ON) as client:
        number = send_csv(client, base).json()["content"]["job_log_id"]
        assert client.get(f"{base}{JOB}/{number}").status_code == 200
        said(client.post(f"{base}{DELETE}", json={"items": ["Item A"]}), 403)


def test_what_the_body_says_wins_over_the_query(api, base, user) -> None:
    with api.client(None) as client:
        answer = client.post(f"{base}{TOKENS}?email=nobody&password=x", data={"email": user, "password": PASSWORD})
    assert answer.status_code == 200


def test_wrong_credentials_are_refused_without_saying_which(api, base, user) -> None:
    tried = [
        (base, user, "wrong"),
        (base, "nobody@example.org", PASSWORD),
        ("/nobody/api/v1", user, PASSWORD),
        ("/No%00body/api/v1", user, PASSWORD),
    ]
    with api.client(None, Accept="text/html") as client:
        for path, email, password in tried:
            answer = client.post(f"{path}{TOKENS}", params={"email": email, "password": password})
            assert said(answer, 401) == {"message": "These credentials do not match our records."}


def test_tries_to_sign_in_are_counted_by_tenant_and_e_mail(api, base, user) -> None:
    with api.client(None) as client:

        def tried(email: str, path: str = base):
            return client.post(f"{path}{TOKENS}", params={"email": email, "password": "wrong"})

        answers = [tried(user.upper() if turn % 2 else user) for turn in range(24)]
        limited = [answer for answer in answers if answer.status_code != 401]
        assert limited
        for answer in limited:
            said(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1
        said(tried("somebody@example.org"), 401)
        said(tried(user, "/nobody/api/v1"), 401)
