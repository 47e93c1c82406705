"""JSON through the whole server: arrays, lines and bodies with exact numbers, records at fault by their lines, broken files refused whole."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from driving import Running

STRINGS = Path(__file__).parents[2].parent / "shared" / "corpus" / "naughty-strings" / "blns.json"
KIND = {
    "name": "readings",
    "schema": {
        "fields": [
            {"name": "id", "type": "string", "constraints": {"required": True}},
            {"name": "value", "type": "number", "precision": 30, "scale": 4},
            {"name": "ok", "type": "boolean"},
            {"name": "day", "type": "date"},
            {"name": "more", "type": "object"},
        ],
        "primaryKey": ["id"],
    },
}
PHRASES = {
    "name": "phrases",
    "schema": {
        "fields": [{"name": "text", "type": "string"}, {"name": "at", "type": "integer"}],
        "primaryKey": ["text"],
    },
}


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx2.Client]:
    with running.client("objects") as client:
        for kind in (KIND, PHRASES):
            assert client.post("/v1/kinds", json=kind).status_code == 201
        yield client


def issues(client: httpx2.Client, job: dict) -> list[dict]:
    return client.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]


def stored(running: Running, client: httpx2.Client) -> dict[str, dict]:
    return {row["id"]: row for row in running.rows(client, "readings")}


def test_an_array_in_an_object_is_loaded_exactly(running: Running, client: httpx2.Client) -> None:
    file = b"""{"made": "2026-11-26", "rows": [
      {"id": "0001", "value": 12345678901234567890.1250, "ok": true, "more": {"a": [1.10, null]}},
      {"id": 2e1, "value": 1.5E-3, "ok": false, "day": "2026-03-01"},
      {},
      {"id": "x", "value": "12", "ok": "maybe"},
      {"id": "y", "id": "z"}
    ], "total": 5}"""
    job = running.imported(client, file, "readings")
    assert (job["status"], job["failure"]) == ("partial", None)
    assert (job["ledger"]["read"], job["ledger"]["created"], job["ledger"]["failed"]) == (4, 2, 2)
    said = {name: job["source"][name] for name in ("format", "delimiter", "columns", "blank_records")}
    assert said == {
        "format": "json",
        "delimiter": None,
        "columns": ["id", "value", "ok", "more", "day"],
        "blank_records": 1,
    }
    rows = stored(running, client)
    assert (rows["0001"]["value"], rows["20"]["value"]) == ("12345678901234567890.1250", "0.0015")
    assert (rows["0001"]["ok"], rows["0001"]["more"], rows["20"]["day"]) == (True, {"a": [1.1, None]}, "2026-03-01")
    assert [(one["row"], one["line"], one["field"], one["code"]) for one in issues(client, job)] == [
        (3, 5, "ok", "type-error"),
        (4, 6, None, "json-error"),
    ]
    assert issues(client, job)[1]["record"] == '{"id": "y", "id": "z"}'


def test_lines_fail_alone_and_their_error_file_is_a_table(running: Running, client: httpx2.Client) -> None:
    file = b'{"id": "l1", "value": 1}\r\n\r\n{"id": "l2", "value": }\r\n[1]\r\n{"id": "l3", "value": "one, two"}\r\n{"id": "l4"}'
    job = running.imported(client, file, "readings")
    assert (job["source"]["format"], job["source"]["encoding"]) == ("jsonl", "utf-8")
    assert (job["ledger"]["created"], job["ledger"]["failed"]) == (2, 3)
    found = [(one["row"], one["line"], one["code"]) for one in issues(client, job)]
    assert found == [(2, 3, "json-error"), (3, 4, "json-error"), (4, 5, "type-error")]
    assert "a value is expected at character 23" in issues(client, job)[0]["message"]
    listed = client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    (errors,) = [one for one in listed if one["category"] == "errors"]
    table = list(csv.DictReader(io.StringIO(client.get(errors["url"]).text, newline="")))
    assert [(row["id"], row["value"], row["_line"]) for row in table] == [
        ('{"id": "l2", "value": }', "", "3"),
        ("[1]", "", "4"),
        ("l3", "one, two", "5"),
    ]


def test_a_broken_array_is_refused_before_anything_is_written(running: Running, client: httpx2.Client) -> None:
    before = stored(running, client)
    job = running.imported(client, b'[{"id": "b1"},\n{"id": "b2"},\n {"id" "b3"}]', "readings")
    assert (job["status"], job["failure"]["code"]) == ("failed", "json-damaged")
    assert job["failure"]["details"] == {"line": 3, "column": 8}
    assert stored(running, client) == before


def test_rows_in_a_body_are_told_by_their_place_in_it(running: Running, client: httpx2.Client) -> None:
    rows = '{"id": "r1", "value": 1.10}, {},\n {"id": "r3",\n "ok": 5},{"value": 1}, {"id": "r5", "value": 2e2, "day": "2026-01-31"}'
    content = f'{{"kind": "readings", "rows": [{rows}]}}'
    answer = client.post("/v1/imports", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text
    job = running.ended(client, answer.json()["id"])
    assert (job["ledger"]["read"], job["ledger"]["created"], job["source"]["blank_records"]) == (4, 2, 1), job[
        "failure"
    ]
    assert [(one["row"], one["line"], one["field"]) for one in issues(client, job)] == [(2, 3, "ok"), (3, 4, "id")]
    assert (stored(running, client)["r1"]["value"], stored(running, client)["r5"]["value"]) == ("1.1000", "200.0000")
    again = running.ended(client, client.post(f"/v1/jobs/{job['id']}/rerun").json()["id"])
    assert (again["ledger"]["unchanged"], again["ledger"]["failed"]) == (2, 2)


@pytest.mark.skipif(not STRINGS.exists(), reason="the corpus of outside files is not at ../shared/corpus")
def test_strings_that_break_programs_are_stored_found_and_exported_unchanged(
    running: Running, client: httpx2.Client
) -> None:
    texts = [text for text in dict.fromkeys(json.loads(STRINGS.read_text(encoding="utf-8"))) if text.strip()]
    rows = [{"text": text, "at": at} for at, text in enumerate(texts)]
    answer = client.post("/v1/imports", json={"kind": "phrases", "rows": rows})
    job = running.ended(client, answer.json()["id"])
    odd = {issue["line"] - 1 for issue in issues(client, job)}
    assert odd <= {at for at, text in enumerate(texts) if "\0" in text}
    good = [row for at, row in enumerate(rows) if at not in odd]
    assert job["ledger"]["created"] == len(good)
    # Not by splitlines(), which takes some characters of the texts for line ends.
    lines = client.get("/v1/kinds/phrases/rows.jsonl").content.split(b"\n")[:-1]
    found = {row["at"]: row["text"] for row in map(json.loads, lines)}
    assert found == {row["at"]: row["text"] for row in good}
    for row in good[::16]:
        (one,) = client.get("/v1/kinds/phrases/rows", params={"text": row["text"]}).json()["rows"]
        assert one["at"] == row["at"]
    for ending in ("jsonl", "csv"):
        exported = client.get(f"/v1/kinds/phrases/rows.{ending}").content
        back = running.imported(client, exported, "phrases", columns_extra="ignore")
        assert back["ledger"]["unchanged"] == len(good), (ending, back["failure"], issues(client, back)[:3])
