"""Kinds over HTTP: those that are there, one's own, their templates, and whose they are."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.types.json import Jsonb

from serving import code, send, work_off

CONTACTS = {
    "name": "contacts",
    "title": "Contacts",
    "schema": {
        "fields": [
            {"name": "email", "type": "string", "format": "email", "constraints": {"required": True}},
            {"name": "name", "type": "string"},
        ],
        "primaryKey": ["email"],
    },
}


def declared(client, **more):
    return client.post("/v1/kinds", json=CONTACTS | more)


def test_the_built_in_kinds_are_listed_with_what_they_take(ana) -> None:
    kinds = {kind["name"]: kind for kind in ana.get("/v1/kinds").json()["kinds"]}
    assert {
        "customers",
        "inventory-import",
        "entity_automatic",
        "transaction_batch",
        "user_event_batch",
        "export",
    } <= set(kinds)
    customers, export = kinds["customers"], kinds["export"]
    assert (customers["type"], customers["own"], customers["modes"][0]) == ("import", False, "upsert")
    assert customers["declaration"]["schema"]["primaryKey"] == ["email"]
    assert customers["limits"]["bytes"] > 0
    assert (export["type"], export["params"]["required"], export["declaration"]) == ("task", ["kind"], None)


def test_one_kind_reads_as_in_the_list(ana) -> None:
    one = ana.get("/v1/kinds/customers").json()
    assert one in ana.get("/v1/kinds").json()["kinds"]
    assert code(ana.get("/v1/kinds/custmers")) == code(ana.get("/v1/kinds/a%00b")) == (404, "not-found")


def test_a_template_has_the_header(ana) -> None:
    answer = ana.get("/v1/kinds/customers/template.csv")
    assert answer.text.startswith("email,name,")
    assert answer.headers["content-disposition"] == 'attachment; filename="customers.template.csv"'
    assert code(ana.get("/v1/kinds/export/template.csv")) == (404, "not-found")


def test_a_declared_kind_takes_rows_at_once(api, ana, all_tenants) -> None:
    answer = declared(ana)
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/kinds/contacts")
    assert answer.json()["own"] is True
    assert ana.get("/v1/kinds/contacts").json() == answer.json()
    job = send(ana, b"email,name\nana@example.org,Ana\n", kind="contacts").json()
    work_off(api, all_tenants)
    assert ana.get(job["links"]["self"]).json()["status"] == "succeeded"
    assert [row["name"] for row in ana.get("/v1/kinds/contacts/rows").json()["rows"]] == ["Ana"]


def test_a_kind_of_another_tenant_is_unknown(ana, stranger) -> None:
    declared(ana)
    assert code(stranger.get("/v1/kinds/contacts")) == (404, "not-found")
    assert code(stranger.get("/v1/kinds/contacts/rows")) == (404, "not-found")
    assert code(send(stranger, kind="contacts")) == (422, "unknown-kind")
    assert "contacts" not in {kind["name"] for kind in stranger.get("/v1/kinds").json()["kinds"]}


def test_two_tenants_may_use_one_name(ana, stranger) -> None:
    assert declared(ana).status_code == declared(stranger, title="Ours").status_code == 201
    assert ana.get("/v1/kinds/contacts").json()["title"] == "Contacts"


def test_a_change_that_adds_is_applied_and_another_is_refused(api, ana, all_tenants) -> None:
    declared(ana)
    send(ana, b"email,name\nana@example.org,Ana\n", kind="contacts")
    work_off(api, all_tenants)
    assert declared(ana).status_code == 200
    fields = [*CONTACTS["schema"]["fields"], {"name": "phone", "type": "string"}]
    added = declared(ana, schema=CONTACTS["schema"] | {"fields": fields})
    assert added.status_code == 200, added.text
    assert ana.get("/v1/kinds/contacts/template.csv").text.startswith("email,name,phone")
    other = declared(
        ana, schema=CONTACTS["schema"] | {"fields": [fields[0], {"name": "name", "type": "integer"}, fields[2]]}
    )
    assert code(other) == (409, "kind-differs")


def test_a_kind_of_ones_own_takes_the_place_of_a_built_in_one(api, ana, stranger, all_tenants) -> None:
    assert declared(ana, name="customers", title="Mine").status_code == 201
    assert declared(ana, name="customers", title="Mine").status_code == 200
    job = send(ana, b"email,name\nana@example.org,Ana\n", kind="customers").json()
    work_off(api, all_tenants)
    assert ana.get(job["links"]["self"]).json()["status"] == "succeeded"
    (row,) = ana.get("/v1/kinds/customers/rows").json()["rows"]
    assert set(row) == {"email", "name", "_job_id", "_row"}
    assert [one["title"] for one in ana.get("/v1/kinds").json()["kinds"] if one["name"] == "customers"] == ["Mine"]
    assert stranger.get("/v1/kinds/customers").json()["own"] is False


def test_the_name_of_a_task_is_taken(ana) -> None:
    assert code(declared(ana, name="export")) == (409, "kind-exists")


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"name": "No Name"}, "/name"),
        ({"colour": "red"}, "/colour"),
        ({"schema": {"fields": [{"name": "a", "type": "text"}]}}, "/schema/fields/0/type"),
        ({"schema": {"fields": [{"name": "a", "constraints": {"pattern": "("}}]}}, None),
        ({"rules": [{"code": "r", "then": "nonsense (", "message": "m"}]}, None),
        (
            {
                "schema": CONTACTS["schema"]
                | {"foreignKeys": [{"fields": ["name"], "reference": {"resource": "none", "fields": ["x"]}}]}
            },
            "/schema/foreignKeys/0/reference/resource",
        ),
    ],
)
def test_a_declaration_that_does_not_hold_names_the_place(ana, more, pointer) -> None:
    answer = declared(ana, **more)
    assert code(answer) == (422, "invalid-declaration")
    if pointer is not None:
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert code(ana.get("/v1/kinds/contacts")) == (404, "not-found")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"{", (400, "malformed-json")), (b"[]", (422, "invalid-declaration")), (b"5", (422, "invalid-declaration")),
     (b'{"name": "a\\u0000"}', (422, "invalid-request")), (b" " * 1_000_001, (413, "too-large"))],
)  # fmt: skip
def test_a_declaration_that_is_none_is_refused(ana, content, expected) -> None:
    answer = ana.post("/v1/kinds", content=content, headers={"Content-Type": "application/json"})
    assert code(answer) == expected


def test_a_file_over_the_kinds_own_limit_is_refused(ana) -> None:
    declared(ana, limits={"bytes": 40})
    assert code(send(ana, b"email,name\n" + b"a@b.org,A\n" * 9, kind="contacts")) == (413, "too-large")
    assert send(ana, b"email,name\na@b.org,A\n", kind="contacts").status_code == 202


def test_two_hundred_kinds_are_the_most_however_many_are_declared_at_once(ana, acme, all_tenants) -> None:
    for number in range(198):
        all_tenants.execute(
            "insert into kinds (tenant_id, name, declaration) values (%s, %s, %s)",
            (acme[0], f"kind-{number}", Jsonb(CONTACTS | {"name": f"kind-{number}"})),
        )
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda number: declared(ana, name=f"more-{number}").status_code, range(6)))
    assert sorted(answers) == [201, 201, 429, 429, 429, 429]
    assert declared(ana, name="kind-1").status_code == 200
