"""Deleting rows over HTTP: what is refused before a job is made, who may, and what becomes of the rows."""

import pytest

from serving import code, send, work_off


def asked(client, *any_of, kind="customers"):
    return client.post("/v1/jobs", json={"kind": "delete", "params": {"kind": kind, "any_of": list(any_of)}})


def test_chosen_rows_are_deleted_and_given_back(api, ana, all_tenants) -> None:
    send(ana, b"email,name,country\na@example.org,A,CH\nb@example.org,B,AT\nc@example.org,C,CH\n")
    work_off(api, all_tenants)
    job = asked(ana, {"country": ["CH"], "email": {"gte": "b"}}).json()
    work_off(api, all_tenants)
    ended = ana.get(f"/v1/jobs/{job['id']}").json()
    assert (ended["status"], ended["result"]) == ("succeeded", {"rows_deleted": 1})
    rows = ana.get("/v1/kinds/customers/rows").json()["rows"]
    assert [row["email"] for row in rows] == ["a@example.org", "b@example.org"]
    [artifact] = ana.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    content = ana.get(f"/v1/jobs/{job['id']}/artifacts/{artifact['id']}").text
    assert [line.split(",")[0] for line in content.splitlines()] == ["email", "c@example.org"]


@pytest.mark.parametrize(
    ("any_of", "answer"),
    [
        ([], (422, "invalid-request")),
        ([{}], (422, "invalid-request")),
        ([{"country": []}], (422, "invalid-request")),
        ([{"country": {}}], (422, "invalid-request")),
        ([{"country": "DE"}], (422, "invalid-request")),
        ([{"country": {"gt": "DE"}}], (422, "invalid-request")),
        ([{"colour": ["red"]}], (422, "invalid-request")),
        ([{"start_date": ["today"]}], (422, "invalid-request")),
        ([{"country": ["DE"]}, {"balance": {"lte": "much"}}], (422, "invalid-request")),
    ],
)
def test_conditions_that_do_not_hold_are_refused_before_a_job_is_made(ana, any_of, answer) -> None:
    assert code(asked(ana, *any_of)) == answer
    assert ana.get("/v1/jobs").json()["jobs"] == []


@pytest.mark.parametrize("kind", ["nothing", "export", "delete"])
def test_a_kind_that_has_no_rows_is_refused_at_once(ana, kind) -> None:
    assert code(asked(ana, {"email": ["a"]}, kind=kind)) == (422, "unknown-kind")
    assert code(ana.post("/v1/jobs", json={"kind": "export", "params": {"kind": kind}})) == (422, "unknown-kind")


def test_who_may_not_import_into_a_kind_may_not_delete_from_it(api, secret) -> None:
    with api.client(secret("jobs:read", "jobs:write", "imports:write:item")) as client:
        assert code(asked(client, {"email": ["a"]})) == (403, "forbidden")
        assert asked(client, {"name": ["a"]}, kind="item").status_code == 202
