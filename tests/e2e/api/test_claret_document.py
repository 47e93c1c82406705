"""The document of Claret: whole, with the numbers of the dialect; each example fits its schema."""

import json

import pytest

from documents import fitting_examples, operations, unreferenced, without_example
from rowferry.api import claret

OPERATIONS = {"create_token", "import_inventory", "delete_inventory", "get_job_status", "download_file", "get_job_page"}
NUMBERS = {"200", "202", "302", "401", "403", "404", "422", "429", "500"}


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(json.dumps(claret.document()))


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
    assert without_example(document) == []
    assert fitting_examples(document) > 40


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document) -> None:
    assert unreferenced(document) == set()
