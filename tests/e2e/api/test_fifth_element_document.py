"""The document of Fifth Element: whole and true; each example fits its schema, and a machine that reads it finds nothing that is otherwise."""

import json
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from driving import Running, up
from fuzzing import ALIKE, examples
from rowferry.api import fifth_element

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
    negative_data_rejection, ignored_auth,
]  # fmt: skip
OPERATIONS = {
    "list_jobs", "create_job", "get_job", "cancel_job", "rerun_job", "download_file", "create_token", "list_repositories",
    "list_documents", "create_document", "documentation",
}  # fmt: skip
NUMBERS = {"200", "400", "401", "403", "404", "429", "500"}
LIMITS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(json.dumps(fifth_element.document()))


def operations(document: dict):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def validator(document: dict, schema: dict) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def test_the_document_is_served(api, document) -> None:
    with api.client(None) as client:
        assert client.get("/openapi/fifth-element.json").json() == document


def test_the_page_shows_every_route_without_a_key(api, document) -> None:
    with api.client(None) as client:
        page = client.get("/v1/documentation")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert int(page.headers["x-ratelimit-limit"]) > 0
    assert [path for path in document["paths"] if path not in page.text] == []


def test_every_route_is_described_once_with_the_numbers_of_the_dialect(document) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(names) == sorted(OPERATIONS)
    for name, operation in operations(document):
        responses = operation["responses"]
        assert operation["summary"], name
        assert set(responses) <= NUMBERS, name
        if operation.get("security") != []:
            assert {"200", "401", "403", "429", "500"} <= set(responses), name
        for number, response in responses.items():
            assert set(response["headers"]) >= LIMITS, (name, number)


def test_every_answer_and_body_has_an_example_that_fits_its_schema(document) -> None:
    found = 0
    for name, operation in operations(document):
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for content in contents:
            for media_type, described in content.items():
                examples = [one["value"] for one in described.get("examples", {}).values()]
                examples += [described["example"]] if "example" in described else []
                assert examples or media_type != "application/json", name
                for example in examples:
                    validator(document, described["schema"]).validate(example)
                    found += 1
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", ()):
            validator(document, schema).validate(example)
            found += 1
    assert found > 60


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document) -> None:
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named == set(document["components"]["schemas"])


@pytest.fixture(scope="module")
def running(data_folders) -> Iterator[Running]:
    """A server with a worker."""
    with up(data_folders(), workers=1) as server:
        server.token()
        yield server


described = schemathesis.openapi.from_dict(json.loads(json.dumps(fifth_element.document())))


@described.parametrize()
@settings(
    max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck), derandomize=ALIKE, database=None
)
def test_a_machine_that_reads_the_document_finds_nothing_otherwise(running, case) -> None:
    headers = {"Authorization": f"Bearer {running.token()}"}
    case.call_and_validate(base_url=running.url, headers=headers, checks=CHECKS)


WITH_IDS = [
    "get_job", "cancel_job", "rerun_job", "download_file", "list_documents", "create_document", "create_job",
]  # fmt: skip


@pytest.fixture(scope="module")
def bound(running):
    """The document for a job and a repository that are there."""
    made = json.loads(json.dumps(fifth_element.document()))
    with running.client() as client:
        job = client.post("/v1/api/jobs", json={"type": "export", "params": {"kind": "customers"}}).json()["data"]
        repository = client.get("/v1/api/repositories").json()["data"]["repositories"][0]
        running.ended(client, job["id"])
    known = {"job_id": job["id"], "repository_id": repository["id"]}
    for _, operation in operations(made):
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in known:
                parameter["schema"] = {"enum": [known[parameter["name"]]]}
                parameter["example"] = known[parameter["name"]]
    return schemathesis.openapi.from_dict(made)


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
@pytest.mark.parametrize("name", WITH_IDS)
def test_what_is_there_answers_as_described(running, bound, name, mode) -> None:
    operation = bound.find_operation_by_id(name)

    @settings(
        max_examples=examples(20),
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=ALIKE,
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case) -> None:
        headers = {"Authorization": f"Bearer {running.token()}"}
        case.call_and_validate(base_url=running.url, headers=headers, checks=CHECKS)

    run()
