"""What the options of an import make of its rows, from outside: defaults, required fields, numbers that the column tells."""

import pytest

from driving import Running

KIND = {
    "name": "stock",
    "schema": {
        "fields": [
            {"name": "sku", "type": "string", "normalize": ["trim", "uppercase"]},
            {"name": "site", "type": "string", "constraints": {"required": True, "maxLength": 5}},
            {"name": "amount", "type": "number", "scale": 3},
            {"name": "since", "type": "date", "format": "any"},
        ],
        "primaryKey": ["sku"],
    },
}


@pytest.fixture
def client(running: Running, request: pytest.FixtureRequest):
    """A tenant of the test's own that has declared the kind."""
    with running.client(f"o{abs(hash(request.node.name)) % 10**9}") as made:
        assert made.post("/v1/kinds", json=KIND).status_code == 201
        yield made


def stored(running: Running, client) -> list[tuple]:
    return [(row["sku"], row["site"], row["amount"], row["since"]) for row in running.rows(client, "stock")]


def artifact(client, job: dict, category: str) -> str:
    found = client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    (one,) = [one for one in found if one["category"] == category]
    return client.get(one["url"]).text


def test_defaults_stand_where_rows_have_no_value_and_are_shown_where_they_were_used(running: Running, client) -> None:
    content = b"sku,site\na1,\na2,west\n,\nb-far-too-long,\n"
    defaults = {"site": "east", "amount": "7", "since": "31.01.2026", "sku": " x9 "}
    job = running.imported(client, content, "stock", defaults=defaults)
    assert (job["status"], job["ledger"]["created"]) == ("succeeded", 3), job["failure"]
    assert stored(running, client)[0] == ("A1", "east", "7.000", "2026-01-31")
    assert artifact(client, job, "staging").splitlines()[:3] == [
        "sku,site,amount,since,_row",
        "A1,east,7.000,2026-01-31,1",
        "A2,west,7.000,2026-01-31,2",
    ]


def test_the_error_file_has_the_rows_as_they_were_sent(running: Running, client) -> None:
    job = running.imported(
        client, b"sku,site\na1,\na2,far away\n", "stock", defaults={"since": "2026-01-31", "site": "s"}
    )
    assert job["status"] == "partial"
    assert artifact(client, job, "errors").splitlines()[1].startswith("a2,far away,2,3,too-long,site,")


def test_an_update_writes_the_default_where_the_cell_is_empty(running: Running, client) -> None:
    running.imported(client, b"sku,site,amount\na1,west,1\na2,west,2\n", "stock")
    options = {"mode": "update", "empty": "keep", "defaults": {"amount": "9"}}
    job = running.imported(client, b"sku,amount\na1,\na2,3\n", "stock", **options)
    assert (job["status"], job["ledger"]["updated"]) == ("succeeded", 2)
    assert stored(running, client) == [("A1", "west", "9.000", None), ("A2", "west", "3.000", None)]


def test_what_the_import_requires_is_needed_in_every_row_and_as_a_column(running: Running, client) -> None:
    content = b"sku,site,amount\na1,west,1\na2,west,\n"
    job = running.imported(client, content, "stock", required=["amount"])
    assert (job["ledger"]["created"], job["ledger"]["failed"]) == (1, 1)
    job = running.imported(client, content, "stock", required=["since"])
    assert (job["status"], job["failure"]["code"], job["failure"]["details"]["fields"]) == (
        "failed",
        "missing-columns",
        ["since"],
    )
    assert (
        running.imported(client, content, "stock", required=["since"], defaults={"since": "2026-01-31", "amount": "5"})[
            "status"
        ]
        == "succeeded"
    )


def test_defaults_that_can_be_no_value_are_refused_at_once_each_at_its_place(client) -> None:
    options = {"defaults": {"colour": "red", "site": "x"}, "required": ["size"]}
    answer = client.post("/v1/imports", json={"kind": "stock", "options": options, "rows": [{"sku": "a"}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/options/defaults/colour", "/options/required/0"]
    options = {"defaults": {"site": "far away", "since": "01/02/2026", "amount": "x"}}
    answer = client.post("/v1/imports", json={"kind": "stock", "options": options, "rows": [{"sku": "a"}]})
    assert {one["pointer"]: one["detail"] for one in answer.json()["errors"]} == {
        "/options/defaults/site": "The value has 8 characters, at most 5 are allowed.",
        "/options/defaults/since": "01/02/2026 could be two dates. State the option date_order.",
        "/options/defaults/amount": "x is no number.",
    }


def test_the_job_says_which_decimal_sign_a_column_told(running: Running, client) -> None:
    job = running.imported(client, b"sku;site;amount\na1;w;-1.000\na2;w;2,5\n", "stock")
    assert (job["status"], job["source"]["decimal_signs"]) == ("succeeded", {"amount": ","})
    assert [row[2] for row in stored(running, client)] == ["-1000.000", "2.500"]
    job = running.imported(client, b"sku;site;amount\na1;w;2.5\n", "stock")
    assert (job["status"], job["source"]["decimal_signs"]) == ("succeeded", None)


def test_rows_that_are_sent_as_json_take_defaults_too(running: Running, client) -> None:
    body = {"kind": "stock", "options": {"defaults": {"site": "east"}}, "rows": [{"sku": "a", "amount": 1.234}]}
    job = running.ended(client, client.post("/v1/imports", json=body).json()["id"])
    assert job["status"] == "succeeded", job["failure"]
    assert stored(running, client) == [("A", "east", "1.234", None)]


def test_a_file_that_is_stated_to_have_no_header_is_all_rows(running: Running, client) -> None:
    mapping = {"column_1": "sku", "column_2": "site", "column_3": None}
    content = b"a1,west,new\na2,far away,old\n"
    refused = running.imported(client, content, "stock")
    assert (refused["status"], refused["failure"]["code"]) == ("failed", "unknown-columns")
    job = running.imported(client, content, "stock", header_line=0, mapping=mapping)
    assert (job["status"], job["ledger"]["read"], job["ledger"]["created"]) == ("partial", 2, 1), job["failure"]
    assert (job["source"]["header_line"], job["source"]["columns"]) == (0, ["column_1", "column_2", "column_3"])
    assert stored(running, client) == [("A1", "west", None, None)]
    header, row = artifact(client, job, "errors").splitlines()
    assert header.startswith("column_1,column_2,column_3,_row,_line,")
    assert row.startswith("a2,far away,old,2,2,too-long,site,")
    mended = f"{header}\n{row.replace('far away', 'east')}\n".encode()
    assert running.imported(client, mended, "stock", mapping=mapping)["status"] == "succeeded"
    assert [row[0] for row in stored(running, client)] == ["A1", "A2"]
