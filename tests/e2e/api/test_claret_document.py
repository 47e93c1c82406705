"""The document of Claret: whole and true; each example fits its schema, and a machine that reads it finds nothing that is otherwise."""

import json
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from driving import Running, up
from fuzzing import ALIKE, examples
from rowferry.api import claret

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
    negative_data_rejection, ignored_auth, unsupported_method,
]  # fmt: skip
OPERATIONS = {"create_token", "import_inventory", "delete_inventory", "get_job_status", "download_file", "get_job_page"}
NUMBERS = {"200", "202", "302", "401", "403", "404", "422", "429", "500"}


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(json.dumps(claret.document()))


def operations(document: dict):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def validator(document: dict, schema: dict) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def test_the_document_is_served(api, document) -> None:
    with api.client(None) as client:
        assert client.get("/openapi/claret.json").json() == document


def test_every_route_is_described_once_with_the_numbers_of_the_dialect(document) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(names) == sorted(OPERATIONS)
    for name, operation in operations(document):
        responses = operation["responses"]
        assert operation["summary"], name
        assert set(responses) <= NUMBERS, name
        assert {"401", "429", "500"} <= set(responses), name
        if operation.get("security") != []:
            assert {"302", "403"} <= set(responses), name


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
    assert found > 40


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document) -> None:
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named == set(document["components"]["schemas"])


def bound() -> dict:
    """The document for one tenant."""
    made = json.loads(json.dumps(claret.document()))
    for _, operation in operations(made):
        for parameter in operation["parameters"]:
            if parameter["name"] in {"tenant", "folder"}:
                parameter["schema"] = {"enum": ["acme"]}
    return made


@pytest.fixture(scope="module")
def running(data_folders) -> Iterator[Running]:
    """A server with a worker."""
    with up(data_folders(), workers=1) as server:
        server.token()
        yield server


described = schemathesis.openapi.from_dict(bound())


@described.parametrize()
@settings(
    max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck), derandomize=ALIKE, database=None
)
def test_a_machine_that_reads_the_document_finds_nothing_otherwise(running, case) -> None:
    headers = {"Authorization": f"Bearer {running.token()}"}
    case.call_and_validate(base_url=running.url, headers=headers, checks=CHECKS)
