"""The dialect gu1 as a client meets it before and beside the work: keys, uploads, limits, mappings, control, history, errors."""

import io
import json
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import psycopg
import pytest

from rowferry.domain.job import Fence
from rowferry.store import jobs
from serving import Server, send, serving, token, work_off
from speaking_gu1 import ENTITIES, LIMIT, TRANSACTION, alike, error, fixture, upload

BULK = {"items": [{"taxId": "1", "type": "person"}], "country": "AR"}
UNKNOWN = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def ana(gu1: Server, secret) -> Iterator[httpx2.Client]:
    """A caller who may do everything."""
    with gu1.client(secret()) as client:
        yield client


@pytest.fixture
def stranger(gu1: Server, all_tenants, new_tenant) -> Iterator[httpx2.Client]:
    """A caller of another tenant."""
    with gu1.client(token(all_tenants, *new_tenant())) as client:
        yield client


def job_of(client: httpx2.Client, answer: httpx2.Response) -> dict:
    assert answer.status_code == 202, answer.text
    found = client.get(f"/batch-import/jobs/{answer.json()['jobId']}")
    assert found.status_code == 200, found.text
    return found.json()["job"]


def native(client: httpx2.Client, answer: httpx2.Response) -> dict:
    """The job of an upload as the native API shows it."""
    assert answer.status_code == 202, answer.text
    return client.get(f"/v1/jobs/{answer.json()['jobId']}").json()


# Keys -----------------------------------------------------------------------------------------------------------------


def test_no_key_is_asked_for_one(gu1):
    with gu1.client(None) as client:
        for path in (
            f"/batch-import/jobs/{UNKNOWN}",
            "/batch-import/jobs/x",
            "/batch-import/history",
            "/batch-import/mappings",
        ):
            answer = client.get(path)
            assert error(answer) == (401, "UNAUTHORIZED")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert error(upload(client, ENTITIES)) == (401, "UNAUTHORIZED")


def test_a_key_that_is_unknown_or_over_is_refused(gu1):
    with gu1.client("gk_unknown") as client:
        assert error(client.get(f"/batch-import/jobs/{UNKNOWN}")) == (401, "UNAUTHORIZED")


def test_reading_needs_any_scope_and_uploading_the_one_of_the_kind(gu1, ana):
    def holder(*scopes: str) -> httpx2.Client:
        made = ana.post("/v1/tokens", json={"scopes": scopes})
        assert made.status_code == 201, made.text
        return gu1.client(made.json()["token"])

    job = job_of(ana, upload(ana, ENTITIES))
    path, control = f"/batch-import/jobs/{job['jobId']}", {"kind": job["kind"], "action": "cancel"}
    with holder("kinds:write") as client:
        assert error(client.get(path)) == (403, "FORBIDDEN")
        assert error(client.get("/batch-import/mappings")) == (403, "FORBIDDEN")
    with holder("jobs:read") as client:
        assert client.get(path).status_code == 200
        assert error(upload(client, ENTITIES)) == (403, "FORBIDDEN")
    with holder("events:create") as client:
        assert client.get(path).status_code == 200
        assert error(upload(client, ENTITIES)) == (403, "FORBIDDEN")
        assert error(client.post(f"{path}/control", json=control)) == (403, "FORBIDDEN")
        assert error(client.post("/batch-import/mappings", json=PEOPLE)) == (403, "FORBIDDEN")
    with holder("entities:bulk_import") as client:
        assert upload(client, ENTITIES).status_code == 202
        assert error(client.post("/entities/automatic/bulk", json=BULK)) == (403, "FORBIDDEN")
        assert client.post(f"{path}/control", json=control).status_code == 200
    with holder("entities:bulk_import", "entities:create") as client:
        assert client.post("/entities/automatic/bulk", json=BULK).status_code == 202
    with holder("transactions:create") as client:
        assert client.post("/transactions/batch/background", json={"transactions": [TRANSACTION]}).status_code == 202


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/batch-import/nothing"), ("GET", "/transactions/batch"), ("DELETE", f"/batch-import/jobs/{UNKNOWN}"),
        ("GET", "/entities"), ("GET", f"/batch-import/jobs/{UNKNOWN}/"), ("GET", f"/batch-import/jobs/{UNKNOWN}"),
        ("GET", "/batch-import/jobs/12"), ("GET", f"/batch-import/jobs/{UNKNOWN}?include=failures"),
        ("GET", "/batch-import/entity-jobs/x/failures"), ("GET", f"/batch-import/transaction-jobs/{UNKNOWN}/failures.csv"),
        ("GET", f"/entities/automatic/bulk/imports/{UNKNOWN}/failures.csv"), ("GET", f"/batch-import/entity-jobs/{UNKNOWN}/report.csv"),
        ("GET", f"/batch-import/mappings/{UNKNOWN}"), ("DELETE", "/batch-import/mappings/x"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found_in_the_shape_of_the_dialect(ana, method, path):
    assert error(ana.request(method, path)) == (404, "NOT_FOUND")


def test_a_job_of_another_organization_is_not_there(ana, stranger):
    job = job_of(ana, upload(ana, ENTITIES))
    for path in (
        f"jobs/{job['jobId']}",
        f"jobs/{job['jobId']}?include=failures",
        f"entity-jobs/{job['jobId']}/failures",
    ):
        assert error(stranger.get(f"/batch-import/{path}")) == (404, "NOT_FOUND")
    control = {"kind": job["kind"], "action": "cancel"}
    assert error(stranger.post(f"/batch-import/jobs/{job['jobId']}/control", json=control)) == (404, "NOT_FOUND")
    assert stranger.get("/batch-import/history").json()["jobs"] == []


# Polls ----------------------------------------------------------------------------------------------------------------


def test_a_job_is_readable_right_after_its_upload(ana):
    answer = upload(ana, ENTITIES)
    assert answer.status_code == 202
    shape = answer.json()
    assert set(shape) == {"success", "jobId", "status", "kind", "message", "importMode"}
    assert (shape["success"], shape["status"], shape["importMode"]) == (True, "queued", "manual")
    job = job_of(ana, answer)
    assert (job["status"], job["totalItems"], job["succeeded"], job["completedAt"]) == ("queued", None, None, None)
    assert job["metadata"] == {"fileName": "people.csv", "importMode": "manual"}
    assert "jobFailure" not in job


def test_a_job_of_another_kind_is_read_under_its_own_name(ana):
    sent = send(ana).json()
    assert ana.get(f"/batch-import/jobs/{sent['id']}").json()["job"]["kind"] == "customers"
    assert error(ana.get(f"/batch-import/entity-jobs/{sent['id']}/failures")) == (404, "NOT_FOUND")


def test_words_of_include_that_are_unknown_are_ignored(ana):
    job = job_of(ana, upload(ana, ENTITIES))
    assert "job" in ana.get(f"/batch-import/jobs/{job['jobId']}?include=weather,moon").json()
    failures = ana.get(f"/batch-import/jobs/{job['jobId']}?include=moon,failures").json()
    assert (failures["failures"], failures["failuresTotal"], failures["truncated"]) == ([], 0, False)
    assert failures == ana.get(f"/batch-import/entity-jobs/{job['jobId']}/failures").json()


# Control --------------------------------------------------------------------------------------------------------------


def test_a_queued_job_pauses_goes_on_and_is_cancelled(ana):
    job = job_of(ana, upload(ana, ENTITIES))

    def control(action: str) -> httpx2.Response:
        return ana.post(f"/batch-import/jobs/{job['jobId']}/control", json={"kind": job["kind"], "action": action})

    paused = control("pause").json()["job"]
    assert (paused["status"], paused["metadata"]["batchPaused"]) == ("running", True)
    resumed = control("resume").json()["job"]
    assert (resumed["status"], "batchPaused" in resumed["metadata"]) == ("queued", False)
    assert control("cancel").json()["job"]["status"] == "cancelled"
    assert control("cancel").json()["job"]["status"] == "cancelled"
    assert error(control("pause")) == (409, "CONFLICT")
    assert error(control("resume")) == (409, "CONFLICT")


@pytest.mark.parametrize(
    "asked", [{"kind": "transaction_batch", "action": "pause"}, {"kind": "entity_automatic", "action": "stop"}, {"action": "pause"}, [], 1]
)  # fmt: skip
def test_a_control_that_does_not_fit_the_job_is_refused(ana, asked):
    job = job_of(ana, upload(ana, ENTITIES))
    assert error(ana.post(f"/batch-import/jobs/{job['jobId']}/control", json=asked)) == (400, "VALIDATION_ERROR")


def test_a_cancel_under_way_is_told(ana, all_tenants):
    job = job_of(ana, upload(ana, ENTITIES))
    while (claimed := jobs.claim(all_tenants, "test/1", 60)) is not None and str(claimed.id) != job["jobId"]:
        pass
    alike(ana.get(f"/batch-import/jobs/{job['jobId']}").json(), fixture("job-status-running"))
    answer = ana.post(f"/batch-import/jobs/{job['jobId']}/control", json=fixture("control-request"))
    alike(answer.json(), fixture("job-status-cancel-requested"))
    asked = answer.json()["job"]
    assert (asked["status"], asked["metadata"]["batchCancelRequested"]) == ("running", True)
    assert asked["leaseExpiresAt"] is not None


# Uploads --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("manual", "manual"),
        ("manual_no_enrichment", "manual"),
        ("automatic", "automatic"),
        ("automatic_enriched", "automatic"),
    ],
)
def test_old_words_of_the_mode_are_normalized(ana, said, mode):
    answer = upload(ana, ENTITIES, entityImportMode=said)
    assert answer.json()["importMode"] == mode
    assert job_of(ana, answer)["metadata"]["importMode"] == mode


def test_options_of_the_risk_engine_are_kept_and_shown(ana):
    answer = upload(
        ana, ENTITIES, skipRulesExecution="true", depth="2", monitoring='{"daily": true}', riskMatrixPersonId="m-1"
    )
    metadata = job_of(ana, answer)["metadata"]
    assert metadata["skipRulesExecution"] is True
    assert (metadata["depth"], metadata["monitoring"], metadata["riskMatrixPersonId"]) == (2, {"daily": True}, "m-1")


def test_an_option_of_the_wrong_type_names_itself(ana):
    answer = upload(ana, ENTITIES, depth="7", isClient="perhaps")
    assert error(answer) == (400, "VALIDATION_ERROR")
    assert {one["path"] for one in answer.json()["error"]["details"]["errors"]} == {"/depth", "/isClient"}


def test_a_field_that_is_unknown_is_refused(ana):
    assert error(upload(ana, ENTITIES, colour="red")) == (400, "VALIDATION_ERROR")


def test_a_refused_upload_leaves_no_file(ana, gu1):
    before = gu1.blobs()
    assert error(upload(ana, ENTITIES, depth="7")) == (400, "VALIDATION_ERROR")
    assert error(upload(ana, ENTITIES + b"1,person,A,AR\n" * LIMIT)) == (400, "TOO_MANY_ITEMS")
    assert error(upload(ana, ENTITIES, mappingId=UNKNOWN)) == (400, "MAPPING_NOT_FOUND")
    assert gu1.blobs() == before


@pytest.mark.parametrize(
    ("path", "fields"), [("entities", {}), ("transactions", {}), ("user-events", {"mappingId": UNKNOWN})]
)
def test_more_rows_than_the_limit_are_refused_before_there_is_a_job(ana, path, fields):
    answer = upload(ana, b"a,b\n" + b'"x\ny",2\n' * (LIMIT + 1), path, **fields)
    assert error(answer) == (400, "TOO_MANY_ITEMS")
    assert answer.json()["error"]["details"] == {"limit": LIMIT}
    assert ana.get("/batch-import/history").json()["jobs"] == []


def test_lines_inside_quotes_and_empty_lines_are_no_rows(ana):
    content = b"tax_id,type,suggested_name,country_code\n" + b'1,person,"A\n\nB",AR\n\n' * LIMIT
    assert upload(ana, content).status_code == 202


def test_a_file_without_data_and_a_form_without_a_file_are_refused(ana):
    assert error(upload(ana, b"")) == (400, "EMPTY_FILE")
    assert error(upload(ana, b"\xef\xbb\xbf", "transactions")) == (400, "EMPTY_FILE")
    answer = ana.post("/batch-import/import/entities", files={"other": ("x", b"1")})
    assert error(answer) == (400, "VALIDATION_ERROR")
    assert error(ana.post("/batch-import/import/entities", json={})) == (400, "VALIDATION_ERROR")
    assert error(ana.post("/batch-import/import/user-events", files={"file": ("x", b"a\n1\n")})) == (
        400,
        "VALIDATION_ERROR",
    )


def test_one_file_is_taken_where_one_is_said_and_five_at_most_elsewhere(ana):
    two = [("file", (f"{n}.csv", ENTITIES)) for n in range(2)]
    assert error(ana.post("/batch-import/import/entities", files=two)) == (400, "VALIDATION_ERROR")
    six = [("file", (f"{n}.csv", b"external_id\n1\n")) for n in range(6)]
    assert error(ana.post("/batch-import/import/transactions", files=six)) == (400, "VALIDATION_ERROR")


def test_the_other_address_of_transactions_takes_a_query(ana):
    files = {"file": ("payments.csv", b"external_id,type,amount,currency\n1,PAYMENT,1,USD\n")}
    metadata = job_of(ana, ana.post("/transactions/batch/upload?validateGap=true", files=files))["metadata"]
    assert (metadata["fileName"], metadata["validateGap"]) == ("payments.csv", True)
    answer = ana.post("/transactions/batch/upload?validateGap=maybe", files=files)
    assert error(answer) == (400, "VALIDATION_ERROR")


def test_a_json_file_of_transactions_is_counted_and_taken(ana):
    taken = upload(ana, json.dumps([TRANSACTION]).encode(), "transactions", "t.json")
    assert native(ana, taken)["source"]["file_name"] == "t.json"
    assert upload(ana, json.dumps({"transactions": [TRANSACTION]}).encode(), "transactions").status_code == 202
    many = json.dumps([TRANSACTION] * (LIMIT + 1)).encode()
    assert error(upload(ana, many, "transactions")) == (400, "TOO_MANY_ITEMS")
    for broken in (b"[{]", b'{"transactions": 1}', b"[]", b'{"rows": []}', b"[" + b" " * 30_000 + b"]"):
        assert error(upload(ana, broken, "transactions"))[0] == 400


# JSON -----------------------------------------------------------------------------------------------------------------


def test_a_bulk_of_entities_becomes_a_job(ana):
    answer = ana.post("/entities/automatic/bulk", json={"items": [{"taxId": "1", "type": "person"}], "country": "AR"})
    assert answer.json()["importMode"] == "automatic"
    job = job_of(ana, answer)
    assert job["metadata"] == {"importMode": "automatic", "country": "AR"}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"items": []}, {"items": [{}]}, {"items": {}}, {"items": [1]}, {"items": [{"taxId": "1", "shoe": 42}]},
        {"items": [{"taxId": "1"}], "importMode": "manual"}, {"items": [{"taxId": "1"}], "isClient": "true"},
        {"items": [{"taxId": "1"}], "depth": 1.5}, {"items": [{"taxId": "1"}], "hello": 1}, {"items": [{"taxId": "1", "type": "person"}]},
    ],
)  # fmt: skip
def test_a_bulk_that_does_not_fit_is_refused(ana, body):
    assert error(ana.post("/entities/automatic/bulk", json=body)) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "path", ["/transactions/batch", "/transactions/batch/background", "/transactions/batch/background-multi"]
)
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"1", b'{"a": NaN}', b'"\xff"', b'{"transactions": [], "transactions": []}']
)
def test_a_body_that_is_not_what_it_should_be_is_refused(ana, path, content):
    answer = ana.post(path, content=content, headers={"Content-Type": "application/json"})
    assert error(answer) == (400, "VALIDATION_ERROR")
    assert error(ana.post(path, content=content, headers={"Content-Type": "text/plain"})) == (400, "VALIDATION_ERROR")


def test_too_many_items_and_too_long_a_body_are_refused_with_one_code(ana):
    many = {"transactions": [TRANSACTION] * (LIMIT + 1)}
    for path in ("/transactions/batch", "/transactions/batch/background"):
        assert error(ana.post(path, json=many)) == (400, "TOO_MANY_ITEMS")
        assert error(ana.post(path, json={"transactions": [{"description": "x" * 30_000}]})) == (400, "TOO_MANY_ITEMS")
    items = {"items": [{"taxId": str(n)} for n in range(LIMIT + 1)]}
    assert error(ana.post("/entities/automatic/bulk", json=items)) == (400, "TOO_MANY_ITEMS")
    assert error(ana.post("/transactions/batch/background-multi", json={"sources": [many]})) == (400, "TOO_MANY_ITEMS")


def test_a_batch_that_takes_longer_than_one_waits_goes_on_in_the_background(ana):
    answer = ana.post("/transactions/batch", json={"transactions": [TRANSACTION]})
    assert answer.status_code == 202
    assert set(answer.json()) == {"success", "jobId", "status", "message"}
    assert job_of(ana, answer)["metadata"] is None


def test_a_background_batch_counts_its_sources(ana):
    one = ana.post("/transactions/batch/background", json={"transactions": [TRANSACTION], "executeRules": False})
    assert set(one.json()) == {"success", "jobId", "status", "message", "fileCount"}
    assert one.json()["fileCount"] == 1
    assert job_of(ana, one)["metadata"] == {"executeRules": False}
    other = {"external_id": "tx-2", "type": "PAYMENT", "amount": 1, "currency": "USD", "channel": "web"}
    sources = [{"transactions": [TRANSACTION], "fileName": "a"}, {"transactions": [other]}]
    several = ana.post("/transactions/batch/background-multi", json={"sources": sources})
    assert several.status_code == 202, several.text
    assert several.json()["fileCount"] == 2


ONE = {"transactions": [TRANSACTION]}


@pytest.mark.parametrize(
    "sources",
    [[], [{"transactions": []}], [{"transactions": [{"shoe": 1}]}], [1], [{}], {}, [ONE | {"x": 1}], [ONE] * 6],
)
def test_sources_that_do_not_fit_are_refused_and_leave_nothing(ana, gu1, sources):
    before = gu1.blobs()
    assert error(ana.post("/transactions/batch/background-multi", json={"sources": sources})) == (
        400,
        "VALIDATION_ERROR",
    )
    assert gu1.blobs() == before


# Mappings -------------------------------------------------------------------------------------------------------------

PEOPLE = {
    "name": "People",
    "target": "entity_person",
    "columnMapping": {"Tax number": "taxId", "Full name": {"path": "suggestedName", "transform": "trim"}},
    "defaultFields": {"countryCode": "AR"},
    "headersSnapshot": ["Tax number", "Full name"],
}


def test_a_mapping_is_saved_read_changed_and_deleted(ana):
    created = ana.post("/batch-import/mappings", json=PEOPLE)
    assert created.status_code == 201, created.text
    mapping = created.json()["mapping"]
    assert mapping == PEOPLE | {"id": mapping["id"]}
    path = f"/batch-import/mappings/{mapping['id']}"
    assert ana.get("/batch-import/mappings").json() == {"mappings": [mapping]}
    assert ana.get(path).json() == {"mapping": mapping}
    changed = ana.patch(path, json={"name": "Firms", "target": "entity_company", "defaultFields": None})
    assert changed.json() == {"mapping": mapping | {"name": "Firms", "target": "entity_company", "defaultFields": None}}
    assert ana.get(path).json() == changed.json()
    assert (ana.delete(path).status_code, error(ana.get(path))) == (200, (404, "NOT_FOUND"))
    assert error(ana.delete(path)) == (404, "NOT_FOUND")
    assert error(ana.patch(path, json={"name": "x"})) == (404, "NOT_FOUND")


def test_the_vendors_own_example_of_a_mapping_is_saved_and_deleted(ana):
    asked = fixture("mapping-create-request")
    created = ana.post("/batch-import/mappings", json=asked)
    assert created.status_code == 201
    assert created.json()["mapping"] == asked | {"id": created.json()["mapping"]["id"]}
    deleted = ana.delete(f"/batch-import/mappings/{created.json()['mapping']['id']}")
    assert (deleted.status_code, deleted.json()) == (200, fixture("mapping-deleted"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"target": "person"}, {"columnMapping": {}}, {"columnMapping": {"A": "nope"}}, {"columnMapping": {"A": "attributes.x"}},
        {"columnMapping": {"A": {"path": "taxId", "transform": "uppercase"}}}, {"defaultFields": {"nope": 1}}, {"headersSnapshot": "A"},
        {"more": 1}, {"columnMapping": {"A": "taxId", "B": "tax_id"}},
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_its_kind_is_refused(ana, wrong):
    assert error(ana.post("/batch-import/mappings", json=PEOPLE | wrong)) == (400, "VALIDATION_ERROR")
    mapping = ana.post("/batch-import/mappings", json=PEOPLE).json()["mapping"]
    assert error(ana.patch(f"/batch-import/mappings/{mapping['id']}", json=wrong)) == (400, "VALIDATION_ERROR")


def test_a_mapping_of_another_organization_does_not_exist(ana, stranger):
    mapping = ana.post("/batch-import/mappings", json=PEOPLE).json()["mapping"]
    assert error(stranger.get(f"/batch-import/mappings/{mapping['id']}")) == (404, "NOT_FOUND")
    assert error(upload(stranger, ENTITIES, mappingId=mapping["id"])) == (400, "MAPPING_NOT_FOUND")


def test_a_mapping_of_another_target_than_the_uploads_is_refused(ana):
    mapping = ana.post("/batch-import/mappings", json=PEOPLE).json()["mapping"]
    assert error(upload(ana, ENTITIES, "transactions", mappingId=mapping["id"])) == (400, "VALIDATION_ERROR")
    assert error(upload(ana, ENTITIES, "user-events", mappingId=mapping["id"])) == (400, "VALIDATION_ERROR")


def test_a_mapping_for_one_file_is_judged_at_once(ana):
    content = b"Id,Kind,Sum,Money\n1,PAYMENT,1,USD\n"
    columns = {"Id": "externalId", "Kind": "type", "Sum": "amount", "Money": "currency"}
    assert upload(ana, content, "transactions", columnMapping=json.dumps(columns)).status_code == 202
    answer = upload(ana, content, "transactions", columnMapping=json.dumps(columns | {"Sum": "sum"}))
    assert error(answer) == (400, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["errors"][0]["path"] == "/columnMapping/Sum"
    assert error(upload(ana, content, "transactions", columnMapping="[1]")) == (400, "VALIDATION_ERROR")
    assert error(upload(ana, content, "transactions", columnMapping="{}", mappingId=UNKNOWN)) == (
        400,
        "VALIDATION_ERROR",
    )


# History --------------------------------------------------------------------------------------------------------------


def test_the_history_has_jobs_of_the_three_kinds_newest_first(ana):
    send(ana)
    ids = [upload(ana, ENTITIES).json()["jobId"] for _ in range(3)]
    ids.append(upload(ana, b"external_id\n1\n", "transactions").json()["jobId"])
    page = ana.get("/batch-import/history").json()
    assert [job["jobId"] for job in page["jobs"]] == ids[::-1]
    assert page["pagination"] == {"total": 4, "limit": 50, "offset": 0, "hasMore": False, "totalCapped": False}
    page = ana.get("/batch-import/history?limit=2&offset=1&kind=entity_automatic").json()
    assert [job["jobId"] for job in page["jobs"]] == [ids[1], ids[0]]
    assert page["pagination"] == {"total": 3, "limit": 2, "offset": 1, "hasMore": False, "totalCapped": False}
    assert ana.get("/batch-import/history?limit=1").json()["pagination"]["hasMore"] is True
    assert ana.get("/batch-import/history?status=completed").json()["jobs"] == []
    assert len(ana.get("/batch-import/history?status=queued&more=1").json()["jobs"]) == 4


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "offset=-1", "offset=99999999999999999999", "status=succeeded", "kind=%00"],
)
def test_a_history_that_is_asked_for_wrongly_is_refused(ana, query):
    assert error(ana.get(f"/batch-import/history?{query}")) == (400, "VALIDATION_ERROR")


# Faults of ours -------------------------------------------------------------------------------------------------------


def test_a_limit_is_told_in_the_shape_of_the_dialect(api, secret):
    with serving(api.database, api.data, requests_per_minute=1) as server, server.client(secret()) as client:
        answers = [client.get(f"/batch-import/jobs/{uuid4()}") for _ in range(3)]
    assert error(answers[-1]) == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["retry-after"]) > 0


def test_a_database_that_is_gone_is_a_fault_of_ours(database, server, data_folders):
    name = psycopg.conninfo.conninfo_to_dict(database.admin_url)["dbname"]
    with (
        serving(database, data_folders()) as running,
        running.client("x") as client,
        psycopg.connect(server, autocommit=True) as connection,
    ):
        connection.execute(f"alter database {name} with allow_connections false")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        answer = client.get(f"/batch-import/jobs/{UNKNOWN}")
        connection.execute(f"alter database {name} with allow_connections true")
    assert error(answer) == (500, "INTERNAL_ERROR")


# With rows ------------------------------------------------------------------------------------------------------------


def test_cells_that_look_like_formulas_are_texts_in_the_table_of_failures(gu1, ana, all_tenants):
    sent = upload(ana, b"tax_id,type,suggested_name,country_code\n=1+1,nobody,Ana,AR\n")
    work_off(gu1, all_tenants)
    job = job_of(ana, sent)
    assert (job["status"], job["failed"]) == ("completed", 1), job
    table = ana.get(f"/batch-import/entity-jobs/{job['jobId']}/failures.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert "attachment" in table.headers["content-disposition"]
    lines = io.StringIO(table.text, newline="").readlines()
    assert lines[0] == "tax_id,type,outcome,code,error_message\r\n"
    assert lines[1].startswith("'=1+1,person,failed,VALIDATION_ERROR,")
    assert table.text == ana.get(f"/entities/automatic/bulk/imports/{job['jobId']}/failures.csv").text


def test_a_job_under_way_has_no_report_yet(gu1, ana, all_tenants):
    sent = upload(ana, ENTITIES)
    path = f"/batch-import/entity-jobs/{sent.json()['jobId']}/report.csv"
    assert error(ana.get(path)) == (409, "CONFLICT")
    work_off(gu1, all_tenants)
    assert ana.get(path).status_code == 200


def test_an_attempt_that_is_lost_leaves_the_job_readable(ana, all_tenants):
    job = job_of(ana, upload(ana, ENTITIES))
    while (claimed := jobs.claim(all_tenants, "test/1", 60)) is not None and str(claimed.id) != job["jobId"]:
        pass
    assert claimed is not None
    jobs.take_back(all_tenants, [(claimed.id, Fence(claimed.attempt.number))], "crashed", counted=True)
    again = ana.get(f"/batch-import/jobs/{job['jobId']}").json()["job"]
    assert (again["status"], again["succeeded"]) == ("queued", 0)
