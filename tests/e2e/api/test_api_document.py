"""The OpenAPI document: whole, valid, and true; each example fits its schema, and so does each real answer."""

import pytest

from documents import fits, fitting_examples, operations, unreferenced
from serving import OPERATIONS, send, work_off


@pytest.fixture
def document(api) -> dict:
    with api.client(None) as client:
        return client.get("/openapi.json").json()


def test_every_route_is_described_once_under_a_stable_name(document) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(names) == sorted(OPERATIONS)
    assert all(operation["summary"] for _, operation in operations(document))


def test_every_route_that_is_served_is_described(api, document) -> None:
    for path in document["paths"]:
        assert path.startswith(("/v1/", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs"))
    with api.client(None) as client:
        assert client.get("/v1/openapi.json").status_code == 404


def test_every_route_with_a_token_describes_its_problems(document) -> None:
    for name, operation in operations(document):
        if operation.get("security") == []:
            continue
        responses = operation["responses"]
        assert {"401", "403", "429", "500", "503"} <= set(responses), name
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (name, status)
                assert response["content"]["application/problem+json"]["examples"], (name, status)


def test_every_example_fits_its_schema(document) -> None:
    assert fitting_examples(document) > 100


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document) -> None:
    assert unreferenced(document) <= {"Answer", "Body"}


def test_real_answers_fit_their_schemas(api, ana, all_tenants, document) -> None:
    sent = send(ana, b"email,name\nana@example.org,Ana\nnope,\n").json()
    work_off(api, all_tenants)
    job = f"/v1/jobs/{sent['id']}"
    paths = {
        job: "/v1/jobs/{job_id}",
        "/v1/jobs": "/v1/jobs",
        f"{job}/issues": "/v1/jobs/{job_id}/issues",
        f"{job}/issues/summary": "/v1/jobs/{job_id}/issues/summary",
        f"{job}/artifacts": "/v1/jobs/{job_id}/artifacts",
        "/v1/kinds": "/v1/kinds",
        "/v1/kinds/customers": "/v1/kinds/{name}",
        "/v1/kinds/customers/rows": "/v1/kinds/{name}/rows",
        "/v1/workers": "/v1/workers",
        "/v1/tenants": "/v1/tenants",
    }
    for path, described in paths.items():
        fits(document, described, "get", ana.get(path))
