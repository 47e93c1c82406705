"""The OpenAPI document of gu1: whole, with the numbers of the dialect, and true; each example and each real answer fits its schema."""

from functools import partial

import pytest

from documents import fits, fitting_examples, operations, unreferenced
from serving import work_off
from speaking_gu1 import ENTITIES, TRANSACTION, upload

OPERATIONS = {
    "import_entities", "import_transactions", "upload_transactions", "import_user_events", "import_entity_items", "create_transaction_batch",
    "create_background_batch", "create_background_batch_of_sources", "get_batch_job", "control_batch_job", "list_batch_jobs",
    "list_entity_failures", "download_entity_failures", "download_bulk_failures", "list_transaction_failures",
    "download_transaction_failures", "list_user_event_failures", "download_user_event_failures", "download_entity_report", "list_mappings",
    "create_mapping", "get_mapping", "change_mapping", "delete_mapping",
}  # fmt: skip
NUMBERS = {"200", "201", "202", "400", "401", "403", "404", "409", "429", "500"}


@pytest.fixture(scope="module")
def document(gu1) -> dict:
    with gu1.client(None) as client:
        return client.get("/openapi/gu1.json").json()


def test_every_route_is_described_once_under_a_stable_name(document):
    assert document["openapi"].startswith("3.1")
    assert {one["operationId"] for _, one in operations(document)} == OPERATIONS
    assert all(one["summary"] for _, one in operations(document))


def test_every_answer_has_a_number_of_the_dialect_a_schema_and_an_example(document):
    for name, one in operations(document):
        assert {"401", "403", "429", "500"} <= set(one["responses"]) <= NUMBERS, name
        for status, response in one["responses"].items():
            for media_type, content in response["content"].items():
                assert media_type == ("text/csv" if name.endswith(".csv") and status == "200" else "application/json")
                assert content["schema"]
                simple = media_type == "text/csv" or "anyOf" in content["schema"]
                assert simple or content.get("example") or content.get("examples"), (name, status)


def test_every_example_fits_its_schema(document):
    assert fitting_examples(document) > 100


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(document):
    bases = {"Answer", "Body", "Accepted", "Failures", "EntityOptions", "TransactionOptions"}
    assert unreferenced(document) <= bases | {"EntityForm", "TransactionForm", "EventForm"}


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
        is_right = partial(fits, document)
        for path, answer in sent.items():
            is_right(path, "post", answer)
        job = sent["/batch-import/import/entities"].json()["jobId"]
        payments = sent["/batch-import/import/transactions"].json()["jobId"]
        is_right("/batch-import/jobs/{job_id}", "get", client.get(f"/batch-import/jobs/{job}"))
        is_right("/batch-import/jobs/{job_id}", "get", client.get(f"/batch-import/jobs/{job}?include=failures"))
        is_right("/batch-import/history", "get", client.get("/batch-import/history"))
        is_right("/batch-import/mappings", "get", client.get("/batch-import/mappings"))
        path = "/batch-import/entity-jobs/{job_id}/failures"
        is_right(path, "get", client.get(path.format(job_id=job)))
        path = "/batch-import/transaction-jobs/{job_id}/failures"
        is_right(path, "get", client.get(path.format(job_id=payments)))
