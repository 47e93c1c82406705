"""The recommended flow of gu1 with real workers: upload, poll, read which rows failed, for each kind and each way of bearing errors."""

import csv
import gzip
import io
import json
from collections.abc import Iterator

import httpx2
import pytest

from bookmaking import workbook
from driving import Running
from speaking_gu1 import alike, ended, error, fixture, upload

HEADER = b"tax_id,type,suggested_name,country_code,external_id\n"
PAYMENTS = b"external_id,type,amount,currency\n"


@pytest.fixture
def ana(running: Running, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """A caller of an organization of the test's own."""
    name = "g" + "".join(c for c in request.node.name.lower() if c.isalnum())[-50:]
    with running.client(name) as client:
        yield client


def rows(client: httpx2.Client, kind: str) -> list[dict]:
    """The rows of a kind, as they are stored."""
    return [json.loads(line) for line in client.get(f"/v1/kinds/{kind}/rows.jsonl").text.splitlines()]


def table(answer: httpx2.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def failures(client: httpx2.Client, job: dict) -> dict:
    return client.get(f"/batch-import/jobs/{job['jobId']}?include=failures").json()


def counts(job: dict) -> tuple:
    return job["status"], job["totalItems"], job["succeeded"], job["failed"], job["skipped"]


# Entities -------------------------------------------------------------------------------------------------------------


def test_entities_are_uploaded_polled_and_their_failures_read(ana):
    stored = HEADER + b"1,person,Ana,AR,e-1\n2,company,Acme,AR,e-2\n"
    assert counts(ended(ana, upload(ana, stored))) == ("completed", 2, 2, 0, 0)
    content = (
        HEADER
        + b"1,person,Ana,AR,e-9\n1,company,Ana,AR,\n3,person,Bob,AR,e-2\n4,person,,AR,\n5,person,Eve,,\n6,person,Kim,CL,\n6,person,Kim,CL,\n"
    )
    job = ended(ana, upload(ana, content))
    assert counts(job) == ("completed", 7, 1, 4, 2)
    assert job["metadata"]["skippedExisting"] == 2
    found = failures(ana, job)
    assert found == ana.get(f"/batch-import/entity-jobs/{job['jobId']}/failures").json()
    assert [(one["taxId"], one["type"], one["code"]) for one in found["failures"]] == [
        ("1", "company", "TAX_ID_TYPE_MISMATCH"),
        ("3", "person", "DUPLICATE_EXTERNAL_ID"),
        ("4", "person", "VALIDATION_ERROR"),
        ("5", "person", "VALIDATION_ERROR"),
    ]
    assert [(one["taxId"], one["code"]) for one in found["skips"]] == [
        ("1", "SKIPPED_DUPLICATE_TAX_ID"),
        ("6", "SKIPPED_DUPLICATE_TAX_ID"),
    ]
    assert (found["failuresTotal"], found["skipsTotal"], found["truncated"]) == (4, 2, False)
    alike(found, fixture("entity-failures"))
    alike(ana.get(f"/batch-import/jobs/{job['jobId']}").json(), fixture("job-status-completed"))
    as_table = table(ana.get(f"/batch-import/entity-jobs/{job['jobId']}/failures.csv"))
    assert [(one["tax_id"], one["outcome"], one["code"], one["error_message"]) for one in as_table] == [
        (one["taxId"], "failed", one["code"], one["message"]) for one in found["failures"]
    ]
    report = table(ana.get(f"/batch-import/entity-jobs/{job['jobId']}/report.csv"))
    assert [(one["tax_id"], one["outcome"]) for one in report] == [
        ("1", "skipped_existing"), ("1", "failed"), ("3", "failed"), ("4", "failed"), ("5", "failed"), ("6", "created"), ("6", "skipped_existing"),
    ]  # fmt: skip
    assert {row["tax_id"]: row["status"] for row in rows(ana, "entity_automatic")} == dict.fromkeys(
        ("1", "2", "6"), "under_review"
    )


def test_entities_that_exist_fail_under_an_error_policy(ana):
    content = HEADER + b"1,person,Ana,AR,\n1,person,Ana,AR,\n"
    job = ended(ana, upload(ana, content, duplicateTaxIdPolicy="error"))
    assert counts(job) == ("completed", 2, 1, 1, 0)
    assert [one["code"] for one in failures(ana, job)["failures"]] == ["DUPLICATE_TAX_ID"]


def test_the_first_error_stops_where_the_caller_says_so(ana):
    content = HEADER + b"1,person,Ana,AR,\n2,nobody,Bob,AR,\n3,person,Cid,AR,\n"
    job = ended(ana, upload(ana, content, stopOnFirstError="true"))
    assert job["status"] == "failed"
    assert job["jobFailure"]["details"]["code"] == "stopped-on-error"
    assert [row["tax_id"] for row in rows(ana, "entity_automatic")] == ["1"]


def test_a_mapping_and_the_form_fill_what_rows_lack(ana):
    mapping = {
        "name": "Firms",
        "target": "entity_company",
        "columnMapping": {"CUIT": "taxId", "Firm": "suggestedName", "Since": {"path": "registrationDate"}},
        "defaultFields": {"countryCode": "AR", "isClient": True},
    }
    saved = ana.post("/batch-import/mappings", json=mapping).json()["mapping"]
    content = b"CUIT,Firm,Since,Remark\n30-1,Acme,2020-05-31,not read\n"
    job = ended(ana, upload(ana, content, mappingId=saved["id"], nationality="UY", attributes='{"a": 1}'))
    assert counts(job) == ("completed", 1, 1, 0, 0), job
    (row,) = rows(ana, "entity_automatic")
    assert (row["type"], row["country_code"], row["nationality"], row["is_client"]) == ("company", "AR", "UY", True)
    assert (row["registration_date"], row["attributes"]) == ("2020-05-31", {"a": 1})


def test_a_workbook_of_entities_is_read_like_any_file(ana, tmp_path):
    people = [
        ["tax_id", "type", "suggested_name", "country_code", "is_client"],
        ["20-1", "person", "Ana", "AR", True],
        [301, "company", "Acme", "AR", False],
        ["20-2", "person", "Eve"],
    ]
    content = workbook(tmp_path / "people.xlsx", {"People": people}).read_bytes()
    job = ended(ana, upload(ana, content, name="people.xlsx"))
    assert counts(job) == ("completed", 3, 2, 1, 0), failures(ana, job)
    assert {row["tax_id"]: row["is_client"] for row in rows(ana, "entity_automatic")} == {"20-1": True, "301": False}


def test_a_file_whose_rows_only_its_job_counts_is_refused_by_it_where_they_are_too_many(ana):
    content = gzip.compress(HEADER + b"1,person,Ana,AR,\n" * 100_001)
    job = ended(ana, upload(ana, content, name="people.csv.gz"))
    assert (job["status"], job["jobFailure"]["code"]) == ("failed", "TOO_MANY_ITEMS")
    assert rows(ana, "entity_automatic") == []


def test_a_bulk_of_entities_skips_by_its_mode(ana):
    items = [
        {
            "taxId": "1",
            "type": "person",
            "attributes": {"deep": [1, {"x": 1.50}]},
            "isClient": True,
            "suggestedName": None,
        }
    ]
    first = ended(ana, ana.post("/entities/automatic/bulk", json={"items": items, "country": "AR"}))
    assert counts(first) == ("completed", 1, 1, 0, 0), failures(ana, first)
    again = ended(ana, ana.post("/entities/automatic/bulk", json={"items": items, "country": "AR"}))
    assert [one["code"] for one in failures(ana, again)["skips"]] == ["SKIPPED_ENTITY_ALREADY_EXISTS"]
    named = [{"taxId": "3", "type": "person", "suggestedName": "Cid"}, {"taxId": "4", "type": "person"}]
    manual = {"items": named, "importMode": "manual_no_enrichment", "country": "CL"}
    job = ended(ana, ana.post("/entities/automatic/bulk", json=manual))
    assert [(one["taxId"], one["code"]) for one in failures(ana, job)["failures"]] == [("4", "VALIDATION_ERROR")]


# Transactions ---------------------------------------------------------------------------------------------------------

MIXED = PAYMENTS + b"1,PAYMENT,10.50,USD\n2,NOTHING,1,USD\n3,FEE,0,ARS\n"


@pytest.mark.parametrize(
    ("handling", "status", "written"),
    [
        ("rollback_all", "failed", []),
        ("stop_keep_success", "failed", ["1"]),
        ("continue_collect_errors", "completed", ["1", "3"]),
    ],
)
def test_errors_of_transactions_are_borne_as_the_caller_says(ana, handling, status, written):
    job = ended(ana, upload(ana, MIXED, "transactions", batchErrorHandling=handling, validateExistingEntity="false"))
    assert job["status"] == status, job
    assert [row["external_id"] for row in rows(ana, "transaction_batch")] == written
    found = failures(ana, job)
    assert [(one["externalId"], one["code"]) for one in found["failures"]] == [("2", "VALIDATION_ERROR")]
    assert ("jobFailure" in found) is (status == "failed")
    assert table(ana.get(f"/batch-import/transaction-jobs/{job['jobId']}/failures.csv")) == [
        {"external_id": "2", "code": "VALIDATION_ERROR", "error": found["failures"][0]["message"]}
    ]


def test_transactions_that_name_entities_that_do_not_exist_fail_as_a_whole(ana):
    content = b"external_id,type,amount,currency,origin_external_id\n1,PAYMENT,1,USD,e-1\n2,PAYMENT,1,USD,\n"
    job = ended(ana, upload(ana, content, "transactions", name="payments.csv"))
    assert (job["status"], job["jobFailure"]["code"]) == ("failed", "INVALID_ENTITY_REFERENCES")
    assert job["workerError"].startswith("INVALID_ENTITY_REFERENCES: ")
    assert job["metadata"]["apiError"]["code"] == "INVALID_ENTITY_REFERENCES"
    alike(ana.get(f"/batch-import/jobs/{job['jobId']}").json(), fixture("job-status-failed"))
    assert (failures(ana, job)["failures"], failures(ana, job)["failuresTotal"]) == ([], 0)
    assert rows(ana, "transaction_batch") == []
    ended(ana, upload(ana, HEADER + b"9,person,Ana,AR,e-1\n"))
    assert counts(ended(ana, upload(ana, content, "transactions"))) == ("completed", 2, 2, 0, 0)


def test_transactions_that_exist_fail_or_are_skipped(ana):
    content = PAYMENTS + b"1,PAYMENT,1.25,USD\n"
    assert ended(ana, upload(ana, content, "transactions"))["status"] == "completed"
    job = ended(
        ana, upload(ana, content + b"2,FEE,1,USD\n", "transactions", batchErrorHandling="continue_collect_errors")
    )
    assert counts(job) == ("completed", 2, 1, 1, 0)
    found = failures(ana, job)
    assert found["failures"][0]["code"] == "DUPLICATE_EXTERNAL_ID"
    alike(found, fixture("transaction-failures"))
    skipped = ended(ana, upload(ana, content, "transactions", skipDuplicates="true"))
    assert counts(skipped) == ("completed", 1, 0, 0, 1)
    alike(failures(ana, skipped), fixture("job-status-failures-none"))


def test_several_files_become_one_job(ana):
    other = json.dumps(
        [{"externalId": "j-1", "type": "PAYMENT", "amount": 1.234, "currency": "USD", "metadata": {"a": 1}}]
    )
    files = [
        ("file", ("a.csv", PAYMENTS + b"1,PAYMENT,1,USD\n")),
        ("file", ("b.csv", b"currency;external_id;type;amount\nUSD;2;FEE;2\n")),
        ("file", ("c.json", other.encode())),
    ]
    job = ended(ana, ana.post("/batch-import/import/transactions", files=files))
    assert counts(job) == ("completed", 3, 3, 0, 0), job
    found = {row["external_id"]: row["amount"] for row in rows(ana, "transaction_batch")}
    assert {name: float(amount) for name, amount in found.items()} == {"1": 1.0, "2": 2.0, "j-1": 1.234}


def test_a_batch_is_answered_at_its_end(ana):
    one = '{"externalId": "1", "type": "PAYMENT", "amount": 12345678901234567.25, "currency": "USD"}'
    other = '{"externalId": "2", "type": "NOTHING", "amount": 1, "currency": "USD"}'
    content = f'{{"transactions": [{one}, {other}]}}'
    answer = ana.post("/transactions/batch", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    shape = answer.json()
    assert (shape["success"], shape["created"], shape["skipped"], shape["failed"]) == (True, 1, 0, 1)
    assert shape["transactions"] == [{"externalId": "1"}]
    assert [(one["externalId"], one["code"]) for one in shape["errors"]] == [("2", "VALIDATION_ERROR")]
    assert shape["summary"] == {"total": 2, "created": 1, "skipped": 0, "failed": 1, "notAttempted": 0}
    assert isinstance(shape["processingTime"], str)
    (row,) = rows(ana, "transaction_batch")
    assert (row["status"], row["amount"]) == ("CREATED", "12345678901234567.25")


def test_a_batch_that_fails_as_a_whole_says_why_in_the_shape_of_errors(ana):
    body = {
        "transactions": [
            {"externalId": "1", "type": "FEE", "amount": 1, "currency": "USD", "originExternalId": "nobody"}
        ]
    }
    assert error(ana.post("/transactions/batch", json=body)) == (400, "INVALID_ENTITY_REFERENCES")
    assert rows(ana, "transaction_batch") == []
    loose = ana.post("/transactions/batch", json=body | {"validateExistingEntity": False})
    assert (loose.status_code, loose.json()["created"]) == (200, 1)


def test_sources_become_one_job(ana):
    sources = [
        {"transactions": [{"externalId": "1", "type": "FEE", "amount": 1.5, "currency": "USD"}], "fileName": "a"},
        {"transactions": [{"external_id": "2", "type": "FEE", "amount": 2, "currency": "USD", "channel": "web"}]},
    ]
    job = ended(ana, ana.post("/transactions/batch/background-multi", json={"sources": sources}))
    assert counts(job) == ("completed", 2, 2, 0, 0), job


# User events ----------------------------------------------------------------------------------------------------------


def test_user_events_need_a_mapping_and_tell_the_line_that_failed(ana):
    mapping = {
        "name": "Logins",
        "target": "user_event",
        "columnMapping": {"Event": "eventType", "Who": "entityExternalId"},
    }
    saved = ana.post("/batch-import/mappings", json=mapping).json()["mapping"]
    content = b"Event,Who\nLOGIN_SUCCESS,nobody\n\nLOGIN_FAILED,nobody\n,somebody\n"
    job = ended(ana, upload(ana, content, "user-events", mappingId=saved["id"]))
    assert counts(job) == ("completed", 3, 2, 1, 0)
    found = failures(ana, job)
    assert [(one["rowKey"], one["code"]) for one in found["failures"]] == [("row_5", "VALIDATION_ERROR")]
    alike(found, fixture("user-event-failures"))
    (failed,) = table(ana.get(f"/batch-import/user-event-jobs/{job['jobId']}/failures.csv"))
    assert (failed["row_key"], failed["code"], failed["error"]) == tuple(found["failures"][0].values())
    assert all(row["timestamp"] for row in rows(ana, "user_event_batch"))


def test_events_of_unknown_entities_fail_where_the_caller_says_so(ana):
    mapping = {"name": "Logins", "target": "user_event", "columnMapping": {"Event": "eventType", "Who": "taxId"}}
    saved = ana.post("/batch-import/mappings", json=mapping).json()["mapping"]
    ended(ana, upload(ana, HEADER + b"1,person,Ana,AR,\n"))
    content = b"Event,Who\nLOGIN_SUCCESS,1\nLOGIN_SUCCESS,2\n"
    job = ended(ana, upload(ana, content, "user-events", mappingId=saved["id"], withAutoEntity="false"))
    assert counts(job) == ("completed", 2, 1, 1, 0)
    assert [(one["rowKey"], one["code"]) for one in failures(ana, job)["failures"]] == [("row_3", "ENTITY_NOT_FOUND")]


# Files that are none --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n", "unknown-format"),
        (b"tax_id,type\n1,person\n", "missing-columns"),
        (HEADER.strip() + b",colour\n1,person,Ana,AR,,red\n", "unknown-columns"),
    ],
)
def test_a_file_that_cannot_be_read_fails_the_job_with_a_reason(ana, content, said):
    job = ended(ana, upload(ana, content))
    assert (job["status"], job["jobFailure"]["code"]) == ("failed", "INVALID_FILE")
    assert job["jobFailure"]["details"]["code"] == said


def test_more_failures_than_are_shown_are_all_in_the_table(ana):
    content = HEADER + b"".join(b"%d,nobody,X,AR,\n" % number for number in range(1_200))
    job = ended(ana, upload(ana, content))
    found = failures(ana, job)
    assert (len(found["failures"]), found["truncated"], found["failuresTotal"]) == (500, True, 1_200)
    as_table = table(ana.get(f"/batch-import/entity-jobs/{job['jobId']}/failures.csv"))
    assert [one["tax_id"] for one in as_table] == [str(number) for number in range(1_200)]


# Control --------------------------------------------------------------------------------------------------------------


def test_a_job_is_cancelled_paused_and_resumed_whenever_the_wish_comes(ana):
    content = HEADER + b"".join(b"%d,person,X,AR,\n" % number for number in range(20_000))
    answer = upload(ana, content)
    path = f"/batch-import/jobs/{answer.json()['jobId']}/control"
    paused = ana.post(path, json={"kind": "entity_automatic", "action": "pause"})
    assert paused.status_code in {200, 409}, paused.text
    if paused.status_code == 200:
        assert ana.post(path, json={"kind": "entity_automatic", "action": "resume"}).status_code in {200, 409}
    job = ended(ana, answer)
    assert counts(job) == ("completed", 20_000, 20_000, 0, 0)
    assert error(ana.post(path, json={"kind": "entity_automatic", "action": "cancel"})) == (409, "CONFLICT")
