"""The document of Fifth Element: whole, with the numbers and headers of the dialect; each example fits its schema."""

import json

import pytest

from documents import fitting_examples, operations, unreferenced, without_example
from rowferry.api import fifth_element

OPERATIONS = {
    "list_jobs", "create_job", "get_job", "cancel_job", "rerun_job", "download_file", "create_token", "list_repositories",
    "list_documents", "create_document", "documentation",
}  # fmt: skip
NUMBERS = {"200", "400", "401", "403", "404", "429", "500"}
LIMITS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(json.dumps(fifth_element.document()))


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
    assert without_example(document) == []
    assert fitting_examples(document) > 60


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document) -> None:
    assert unreferenced(document) == set()
