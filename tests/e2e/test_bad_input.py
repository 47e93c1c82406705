"""Bad files through the whole server: each gets its code, and nothing that was good is lost."""

import csv
import io
from collections.abc import Iterator

import httpx2
import pytest

from bad_input.delimited import DELIMITED
from bad_input.nasty import DECLARATION, Nasty
from bad_input.objects import ARRAYS, LINES
from bad_input.parquet import TABLES
from bad_input.workbooks import SHEETS
from driving import Running

KIND = {
    "name": "parts",
    "schema": {
        "fields": [
            {"name": "id", "type": "integer", "constraints": {"required": True}},
            {"name": "label", "type": "string", "constraints": {"required": True, "maxLength": 100}},
            {"name": "price", "type": "number", "scale": 2},
        ],
        "primaryKey": ["id"],
    },
}
NASTY = [
    one for one in [*DELIMITED, *ARRAYS, *LINES, *SHEETS, *TABLES] if one.issues or one.code not in {"", "empty-file"}
]
FIRST = {(one.form, one.code == ""): one for one in reversed(NASTY)}
"""Of the nasty files of each format, the first that stops its job and the first with rows at fault."""


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx2.Client]:
    with running.client("bad-input") as client:
        assert client.post("/v1/kinds", json=KIND).status_code == 201
        assert client.post("/v1/kinds", json={**DECLARATION, "name": "nasties"}).status_code == 201
        yield client


def issues(client: httpx2.Client, job: dict) -> list[tuple[int, int, str | None, str]]:
    answer = client.get(f"/v1/jobs/{job['id']}/issues").json()
    return [(one["row"], one["line"], one["field"], one["code"]) for one in answer["issues"]]


def artifact(client: httpx2.Client, job: dict, category: str) -> bytes:
    listed = client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    (url,) = [one["url"] for one in listed if one["category"] == category]
    return client.get(url).content


@pytest.mark.parametrize(
    ("content", "options", "code", "named"),
    [
        pytest.param(b"id,label,colour\n1,a,red\n", {}, "unknown-columns", "colour", id="unknown columns"),
        pytest.param(b"id,price\n1,2\n", {}, "missing-columns", "label", id="missing required columns"),
        pytest.param(b"id,label,label\n1,a,b\n", {}, "duplicate-columns", "label", id="duplicate header"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 8,
            {},
            "not-text",
            "picture",
            id="a picture named .csv",
        ),
        pytest.param(
            b"PK\x03\x04" + b"xl/workbook.xml" + bytes(200),
            {},
            "workbook-damaged",
            "workbook",
            id="half a workbook named .csv",
        ),
        pytest.param(b"\x1f\x8b\x08" + bytes(range(256)), {}, "archive-damaged", "gzip", id="a damaged gzip archive"),
        pytest.param(
            b"id,label\n1,a\n", {"encoding": "utf-16"}, "encoding-mismatch", "utf-16", id="wrong encoding declared"
        ),
        pytest.param(b"id,label\n1,a\n", {"encoding": "klingon"}, "unknown-encoding", "klingon", id="no such encoding"),
        pytest.param(b"\n\n\n", {}, "no-header", "blank", id="nothing but line ends"),
        pytest.param(
            b"id,label\n1,a\n",
            {"mapping": {"id": "id", "label": "label", "price": "price"}},
            "invalid-mapping",
            "price",
            id="no such column",
        ),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_stops_its_job_with_a_code(
    running: Running, client: httpx2.Client, content: bytes, options: dict, code: str, named: str
) -> None:
    before = running.rows(client, "parts")
    job = running.imported(client, content, "parts", **options)
    assert (job["status"], job["failure"]["code"]) == ("failed", code)
    assert named.lower() in job["failure"]["message"].lower()
    assert job["ledger"]["read"] == job["ledger"]["not_attempted"]
    assert running.rows(client, "parts") == before


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        pytest.param(
            b"id,label\n101,a\n102\n103,c,d\n104,e\n",
            {},
            [(2, 3, None, "missing-cell"), (3, 4, None, "extra-cell")],
            id="ragged rows",
        ),
        pytest.param(b"id,label\n111,a\n112,b\0c\n113,d\n", {}, [(2, 3, "label", "type-error")], id="NUL in a cell"),
        pytest.param(
            b'id,label\n121,a\n122,"open and never closed\n',
            {},
            [(2, 3, None, "quote-error")],
            id="cut in a quoted cell",
        ),
        pytest.param(
            b"id,label\n131,a\n132,caf\xe9\n133,c\n",
            {"encoding": "utf-8"},
            [(2, 3, None, "encoding-error")],
            id="bytes that are no UTF-8",
        ),
        pytest.param(
            b"id,label\n141,a\nx,b\n143,\n",
            {},
            [(2, 3, "id", "type-error"), (3, 4, "label", "required")],
            id="wrong values",
        ),
        pytest.param(
            b"id,label,price\nx,,1.2345\n",
            {},
            [(1, 2, "id", "type-error"), (1, 2, "label", "required"), (1, 2, "price", "too-precise")],
            id="several faults",
        ),
    ],
)
def test_a_bad_row_fails_alone_with_its_line_and_code(
    running: Running, client: httpx2.Client, content: bytes, options: dict, expected: list
) -> None:
    job = running.imported(client, content, "parts", **options)
    assert job["status"] == "partial"
    assert issues(client, job) == expected
    failed = len({row for row, *_ in expected})
    assert job["ledger"]["failed"] == failed
    assert job["ledger"]["created"] == job["ledger"]["read"] - failed


@pytest.mark.parametrize("case", FIRST.values(), ids=[f"{one.form}: {one.name}" for one in FIRST.values()])
def test_a_nasty_file_of_each_format_gives_its_code_or_those_of_its_rows(
    running: Running, client: httpx2.Client, case: Nasty
) -> None:
    job = running.imported(client, case.build(), "nasties", **case.options)
    assert (job["failure"] or {}).get("code", "") == case.code
    assert issues(client, job) == list(case.issues)
    assert job["ledger"]["failed"] == len({row for row, *_ in case.issues})
    if case.issues:
        assert job["source"]["format"] == case.form
        assert job["ledger"]["read"] == case.rows
        again = running.imported(
            client, artifact(client, job, "errors"), "nasties", dry_run=True, columns_extra="ignore"
        )
        assert again["ledger"]["read"] == again["ledger"]["failed"] == job["ledger"]["failed"]


def test_a_header_without_rows_is_an_import_of_nothing(running: Running, client: httpx2.Client) -> None:
    job = running.imported(client, b"id,label\n", "parts")
    assert (job["status"], job["ledger"]["read"]) == ("succeeded", 0)


def test_a_cell_of_50_mb_fails_its_row_and_no_other(running: Running, client: httpx2.Client) -> None:
    for open_quote, close_quote in ((b"", b""), (b'"', b'"')):
        content = b"id,label\n201,a\n202," + open_quote + b"x" * 50_000_000 + close_quote + b"\n203,c\n"
        job = running.imported(client, content, "parts")
        assert job["status"] == "partial", job["failure"]
        assert [one[:2] for one in issues(client, job)] == [(2, 3)]
        assert (job["ledger"]["read"], job["ledger"]["failed"]) == (3, 1)


def test_an_error_file_that_is_mended_and_sent_back_brings_the_failed_rows_in(
    running: Running, client: httpx2.Client
) -> None:
    job = running.imported(client, b'id;label\n301;"a; b"\n302;\nx;"c\nd"\n304;e;f\n', "parts")
    assert job["ledger"]["failed"] == 3
    errors = artifact(client, job, "errors").decode()
    assert 'x;"c\nd"' in errors
    mended = (
        errors.replace("302;;2;", "302;mended;2;", 1)
        .replace('x;"c\nd"', '303;"c\nd"', 1)
        .replace("304;e;f;", "304;e;", 1)
    )
    again = running.imported(client, mended.encode(), "parts")
    assert (again["status"], again["ledger"]["created"]) == ("succeeded", 3), issues(client, again)
    assert {row["id"]: row["label"] for row in running.rows(client, "parts") if row["id"] in {302, 303, 304}} == {
        302: "mended",
        303: "c\nd",
        304: "e",
    }


def test_an_error_file_sent_back_as_it_is_fails_again_in_the_same_rows(running: Running, client: httpx2.Client) -> None:
    job = running.imported(client, b'id,label\n1x,"open\n,\n12\n1,2,3\n401,ok\n', "parts")
    codes = [code for *_, code in issues(client, job)]
    again = running.imported(client, artifact(client, job, "errors"), "parts")
    assert again["ledger"] == {**again["ledger"], "read": job["ledger"]["failed"], "failed": job["ledger"]["failed"]}
    # what a record lacked is there now, and empty
    assert [code for *_, code in issues(client, again)] == [
        "required" if code == "missing-cell" else code for code in codes
    ]


def test_staging_holds_the_valid_rows_typed_and_output_those_that_are_in(
    running: Running, client: httpx2.Client
) -> None:
    job = running.imported(client, b"id,label,price\n501,a,1.5\n0502,b,\nx,c,1\n", "parts")
    staging = list(csv.DictReader(io.StringIO(artifact(client, job, "staging").decode())))
    assert staging == [
        {"id": "501", "label": "a", "price": "1.50", "_row": "1"},
        {"id": "502", "label": "b", "price": "", "_row": "2"},
    ]
    output = list(csv.DictReader(io.StringIO(artifact(client, job, "output").decode())))
    assert output == staging


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"on_error": "abort"}, "failed", "aborted-on-error"),
        ({"on_error": "atomic"}, "failed", "atomic-rejected"),
        ({"max_errors": 1}, "failed", "too-many-errors"),
        ({"max_error_rate": 0.4}, "failed", "error-rate-exceeded"),
        ({"max_errors": 2, "max_error_rate": 0.5}, "partial", None),
    ],
)
def test_the_error_policy_is_judged_before_a_row_is_written(
    running: Running, client: httpx2.Client, options: dict, status: str, code: str | None
) -> None:
    before = len(running.rows(client, "parts"))
    job = running.imported(client, b"id,label\n601,a\nx,b\n603,c\ny,d\n", "parts", **options)
    assert (job["status"], (job["failure"] or {}).get("code")) == (status, code)
    written = len(running.rows(client, "parts")) - before
    assert written == job["ledger"]["created"] == (2 if status == "partial" else 0)
    assert sum(job["ledger"].values()) == 2 * job["ledger"]["read"] == 8
    if code == "aborted-on-error":
        assert (job["ledger"]["failed"], job["ledger"]["not_attempted"]) == (1, 3)


def test_a_dry_run_says_what_would_be_and_writes_nothing(running: Running, client: httpx2.Client) -> None:
    running.imported(client, b"id,label\n701,a\n702,b\n", "parts")
    before = running.rows(client, "parts")
    job = running.imported(client, b"id,label\n701,changed\n702,b\n703,c\nx,d\n", "parts", dry_run=True)
    ledger = job["ledger"]
    assert (ledger["created"], ledger["updated"], ledger["unchanged"], ledger["failed"]) == (1, 1, 1, 1)
    assert running.rows(client, "parts") == before


def test_a_running_import_that_is_cancelled_stops_after_its_chunk(running: Running, client: httpx2.Client) -> None:
    content = b"id,label\n" + b"".join(b"%d,a\n" % number for number in range(10_000, 400_000))
    job = running.send(client, content, "parts")
    assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code in {200, 202}
    ended = running.ended(client, job["id"])
    assert ended["status"] == "cancelled"
    ledger = ended["ledger"]
    assert ledger["created"] + ledger["not_attempted"] == ledger["read"]
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"


def test_an_export_gives_a_file_that_imports_back_unchanged(running: Running, client: httpx2.Client) -> None:
    running.imported(client, 'id,label,price\n801,"a, ""b""\nc",1.50\n802,é,\n'.encode(), "parts")
    answer = client.post("/v1/jobs", json={"kind": "export", "params": {"kind": "parts"}})
    assert answer.status_code == 202, answer.text
    job = running.ended(client, answer.json()["id"])
    assert job["status"] == "succeeded"
    assert job["ledger"]["created"] == job["ledger"]["read"] == len(running.rows(client, "parts"))
    again = running.imported(client, artifact(client, job, "output"), "parts")
    assert (again["status"], again["ledger"]["unchanged"]) == ("succeeded", job["ledger"]["read"]), issues(
        client, again
    )
