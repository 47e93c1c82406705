"""The OpenAPI document of gu1: whole, valid and true; no request of its kind breaks the server, and every answer is described."""

import json
from functools import partial

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fuzzing import ALIKE, examples
from serving import work_off
from speaking_gu1 import ENTITIES, TRANSACTION, upload

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = {
    "import_entities", "import_transactions", "upload_transactions", "import_user_events", "import_entity_items", "create_transaction_batch",
    "create_background_batch", "create_background_batch_of_sources", "get_batch_job", "control_batch_job", "list_batch_jobs",
    "list_entity_failures", "download_entity_failures", "download_bulk_failures", "list_transaction_failures",
    "download_transaction_failures", "list_user_event_failures", "download_user_event_failures", "download_entity_report", "list_mappings",
    "create_mapping", "get_mapping", "change_mapping", "delete_mapping",
}  # fmt: skip
NUMBERS = {"200", "201", "202", "400", "401", "403", "404", "409", "429", "500"}
RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
NEVER_WRONG = {"list_mappings"}
CASES = [(name, RIGHT) for name in sorted(OPERATIONS)] + [(name, WRONG) for name in sorted(OPERATIONS - NEVER_WRONG)]


@pytest.fixture(scope="module")
def document(gu1) -> dict:
    with gu1.client(None) as client:
        return client.get("/openapi/gu1.json").json()


@pytest.fixture(scope="module")
def described(gu1):
    return schemathesis.openapi.from_url(f"{gu1.url}/openapi/gu1.json")


def operations(document: dict):
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


def validator(document: dict, schema: dict) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def test_every_route_is_described_once_under_a_stable_name(document):
    assert document["openapi"].startswith("3.1")
    assert {one["operationId"] for _, _, one in operations(document)} == OPERATIONS
    assert all(one["summary"] for _, _, one in operations(document))


def test_every_answer_has_a_number_of_the_dialect_a_schema_and_an_example(document):
    for path, method, one in operations(document):
        assert {"401", "403", "429", "500"} <= set(one["responses"]) <= NUMBERS, (path, method)
        for status, response in one["responses"].items():
            for media_type, content in response["content"].items():
                assert media_type == ("text/csv" if path.endswith(".csv") and status == "200" else "application/json")
                assert content["schema"]
                simple = media_type == "text/csv" or "anyOf" in content["schema"]
                assert simple or content.get("example") or content.get("examples"), (path, status)


def test_every_example_fits_its_schema(document):
    found = 0

    def walk(node):
        nonlocal found
        if isinstance(node, dict):
            if isinstance(node.get("schema"), dict):
                shown = [one["value"] for one in node.get("examples", {}).values()]
                for example in shown + ([node["example"]] if "example" in node else []):
                    validator(document, node["schema"]).validate(example)
                    found += 1
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document["paths"])
    assert found > 100


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document):
    text = json.dumps(document)
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    bases = {"Answer", "Body", "Accepted", "Failures", "EntityOptions", "TransactionOptions"}
    forms = {"EntityForm", "TransactionForm", "EventForm"}
    assert used <= set(document["components"]["schemas"])
    assert set(document["components"]["schemas"]) - used <= bases | forms
    assert "HTTPValidationError" not in text


def test_real_answers_fit_their_schemas(gu1, secret, all_tenants, document):
    with gu1.client(secret()) as client:
        sent = {
            "/batch-import/import/entities": upload(client, ENTITIES + b"x,nobody,,\n"),
            "/batch-import/import/transactions": upload(client, b"external_id,type,amount,currency\n1,NO,1,USD\n", "transactions"),
            "/transactions/batch/background": client.post("/transactions/batch/background", json={"transactions": [TRANSACTION]}),
            "/entities/automatic/bulk": client.post("/entities/automatic/bulk", json={"items": [{"taxId": "9", "type": "person"}], "country": "AR"}),
            "/batch-import/mappings": client.post(
                "/batch-import/mappings", json={"name": "x", "target": "transaction", "columnMapping": {"A": "amount"}}
            ),
        }  # fmt: skip
        work_off(gu1, all_tenants)
        fits = partial(_fits, document)
        for path, answer in sent.items():
            fits(path, "post", answer)
        job = sent["/batch-import/import/entities"].json()["jobId"]
        payments = sent["/batch-import/import/transactions"].json()["jobId"]
        fits("/batch-import/jobs/{job_id}", "get", client.get(f"/batch-import/jobs/{job}"))
        fits("/batch-import/jobs/{job_id}", "get", client.get(f"/batch-import/jobs/{job}?include=failures"))
        fits("/batch-import/history", "get", client.get("/batch-import/history"))
        fits("/batch-import/mappings", "get", client.get("/batch-import/mappings"))
        path = "/batch-import/entity-jobs/{job_id}/failures"
        fits(path, "get", client.get(path.format(job_id=job)))
        path = "/batch-import/transaction-jobs/{job_id}/failures"
        fits(path, "get", client.get(path.format(job_id=payments)))


def _fits(document, path, method, answer) -> None:
    responses = document["paths"][path][method]["responses"]
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    validator(document, schema).validate(answer.json())
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize(("name", "sort"), CASES)
def test_no_request_breaks_the_server(described, secret, name, sort):
    operation = described.find_operation_by_id(name)
    bearer = secret()

    @settings(
        max_examples=examples(15),
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=ALIKE,
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=sort))
    def run(case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {bearer}"}, checks=CHECKS)

    run()
