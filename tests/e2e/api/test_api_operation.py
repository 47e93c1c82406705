"""What belongs to no dialect: health, metrics, documents, unknown addresses, wrong methods, and bugs."""

import pytest

from serving import code, send, serving


def test_a_server_that_runs_is_live_and_ready(api) -> None:
    with api.client(None) as client:
        assert client.get("/livez").json() == {"status": "live"}
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["migrations"]) == (200, "ready", True)
    assert isinstance(ready.json()["workers"], int)


def test_metrics_count_requests_and_jobs(api, ana) -> None:
    send(ana)
    text = ana.get("/metrics").text
    assert 'rowferry_http_requests_total{method="POST",status="202"}' in text
    assert 'rowferry_jobs{status="queued"}' in text
    assert "tenant" not in text


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/v1", "/v1/", "/v1/nothing", "/v1/jobs/", "/v1/imports/x", "/v1/webhooks"]
)
def test_an_unknown_address_is_a_problem(ana, path) -> None:
    answer = ana.get(path)
    assert code(answer) == (404, "not-found")
    assert answer.json()["instance"] == path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/v1/jobs", "GET"), ("GET", "/v1/imports", "POST"), ("DELETE", "/livez", "GET"), ("PATCH", "/v1/kinds/customers", "GET")],
)  # fmt: skip
def test_a_wrong_method_is_a_problem_and_names_the_right_ones(ana, method, path, allowed) -> None:
    answer = ana.request(method, path)
    assert code(answer) == (405, "method-not-allowed")
    assert allowed in answer.headers["allow"]


def test_a_bug_is_a_problem_that_tells_nothing(api, ana, all_tenants) -> None:
    all_tenants.execute("update jobs set source = '5' where id = %s", ((job := send(ana).json()["id"]),))
    answer = ana.get(f"/v1/jobs/{job}")
    assert code(answer) == (500, "internal")
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"]
    all_tenants.execute("update jobs set source = '{}' where id = %s", (job,))


def test_the_page_of_routes_needs_no_other_host_and_no_script(api) -> None:
    with api.client(None) as client:
        page = client.get("/docs")
    assert "/v1/imports" in page.text
    assert "<script" not in page.text
    assert "http" not in page.text.replace("https://rowferry", "")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_type_of_a_problem_leads_to_what_it_means(api, ana) -> None:
    kind = ana.get("/v1/nothing").json()["type"]
    assert "Not found" in ana.get(kind).text
    assert code(ana.get("/docs/problems/no-such-code")) == (404, "not-found")


def test_head_is_answered_as_get_is_without_the_body(ana) -> None:
    job = f"/v1/jobs/{send(ana).json()['id']}"
    (artifact,) = ana.get(f"{job}/artifacts").json()["artifacts"]
    for path in (
        job,
        artifact["url"],
        f"{job}/issues.csv",
        "/v1/jobs",
        "/v1/kinds/customers/rows.csv",
        "/livez",
        "/docs",
        "/v1/nothing",
    ):
        whole, head = ana.get(path), ana.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b""), path
        changing = {"date", "x-request-id", "ratelimit", "retry-after", "transfer-encoding"}
        assert {name: head.headers[name] for name in head.headers if name not in changing} == {
            name: whole.headers[name] for name in whole.headers if name not in changing
        }, path
    assert int(ana.head(artifact["url"]).headers["content-length"]) == artifact["bytes"]
    assert ana.head(artifact["url"]).headers["repr-digest"].startswith("sha-256=:")
    refused = ana.head("/v1/imports")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_metrics_are_for_whoever_has_their_token_where_the_operator_sets_one(api) -> None:
    with (
        serving(api.database, api.data, metrics_token="a-token-of-metrics") as guarded,
        guarded.client(None) as nobody,
        guarded.client("a-token-of-metrics") as scraper,
    ):
        assert code(nobody.get("/metrics")) == (401, "unauthenticated")
        assert code(nobody.get("/metrics", headers={"Authorization": "Bearer another-token"})) == (
            401,
            "unauthenticated",
        )
        assert "rowferry_jobs" in scraper.get("/metrics").text
