"""Rows, templates, exports and the files of jobs in each format that may be asked for, over HTTP."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving import code, send, work_off

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
THINGS = {
    "name": "things",
    "title": "Things",
    "schema": {
        "fields": [
            {"name": "id", "type": "string", "title": "Number", "constraints": {"required": True, "pattern": "[0-9]+"}},
            {"name": "price", "type": "number", "scale": 2, "decimalChar": ","},
            {"name": "sold", "type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]},
            {"name": "day", "type": "date", "format": "%d.%m.%Y"},
            {"name": "at", "type": "datetime", "format": "%Y/%m/%d %H:%M", "timezone": "Europe/Berlin"},
            {"name": "more", "type": "object"},
        ],
        "primaryKey": ["id"],
    },
}
ROWS = (
    b"Number;price;sold;day;at;more\n"
    b'007;1234,50;ja;29.02.2024;2024/07/01 12:00;"{""a"": 0.12345678901234567890123}"\n'
    b"12345678901234567890;;nein;;;\n"
)
BAD = b"Number;price;sold;day;at;more\nx=1;1,00;ja;;;\n8;1,50;ja;;;\n=9;;;;;;;surplus\n10;oops;ja;;;\n"


@pytest.fixture
def things(api, ana, all_tenants):
    """A caller whose kind has two rows; and the job that brought them."""
    assert ana.post("/v1/kinds", json=THINGS).status_code == 201
    return ana, done(api, ana, all_tenants, send(ana, ROWS, kind="things").json())


def done(api, client, all_tenants, job: dict) -> dict:
    """The job when it has ended."""
    work_off(api, all_tenants)
    return client.get(job["links"]["self"]).json()


def artifact(client, job: dict, category: str, wanted: str | None = None):
    """The answer to a download of a file of a job."""
    files = client.get(job["links"]["artifacts"]).json()["artifacts"]
    url = next(one["url"] for one in files if one["category"] == category)
    return client.get(url, params={} if wanted is None else {"format": wanted})


def sheet(content: bytes) -> list[tuple[object, ...]]:
    """The cells of the first sheet, the header among them."""
    found = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    return list(found.iter_rows(values_only=True))


def table(content: bytes) -> list[dict[str, object]]:
    """The rows of a Parquet file."""
    return pq.read_table(io.BytesIO(content)).to_pylist()


def test_rows_come_as_a_workbook_and_as_parquet(things) -> None:
    ana, job = things
    answer = ana.get("/v1/kinds/things/rows.xlsx")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    assert answer.headers["content-disposition"] == 'attachment; filename="things.xlsx"'
    header, first, second = sheet(answer.content)
    assert header == ("id", "price", "sold", "day", "at", "more", "_job_id", "_row")
    assert first[:3] == ("007", 1234.5, True)
    assert first[3].date() == dt.date(2024, 2, 29)
    assert first[4:] == ("2024-07-01T10:00:00Z", '{"a": 0.12345678901234567890123}', job["id"], 1)
    assert second[:3] == ("12345678901234567890", None, False)

    answer = ana.get("/v1/kinds/things/rows.parquet", params={"id": "007"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, PARQUET)
    (row,) = table(answer.content)
    assert (row["price"], row["sold"], row["day"]) == (Decimal("1234.50"), True, dt.date(2024, 2, 29))
    assert row["at"] == dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)


def test_rows_of_nobody_are_a_header(api, ana, stranger) -> None:
    assert ana.post("/v1/kinds", json=THINGS).status_code == 201
    assert sheet(ana.get("/v1/kinds/things/rows.xlsx").content) == [
        ("id", "price", "sold", "day", "at", "more", "_job_id", "_row")
    ]
    assert code(stranger.get("/v1/kinds/things/rows.parquet")) == (404, "not-found")
    assert code(ana.get("/v1/kinds/things/rows.parquet?colour=red")) == (422, "invalid-request")
    assert code(ana.get("/v1/kinds/things/rows.xlsx?day=nonsense")) == (422, "invalid-request")


def test_a_kind_has_a_workbook_to_fill_in(things) -> None:
    ana, _ = things
    links = ana.get("/v1/kinds/things").json()["links"]
    answer = ana.get(links["template_xlsx"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    assert answer.headers["content-disposition"] == 'attachment; filename="things.template.xlsx"'
    assert sheet(answer.content) == [("Number", "price", "sold", "day", "at", "more")]
    assert code(ana.get("/v1/kinds/export/template.xlsx")) == (404, "not-found")


def test_staged_rows_and_output_have_the_types_of_the_fields(things) -> None:
    ana, job = things
    assert job["status"] == "succeeded"
    for category in ("staging", "output"):
        answer = artifact(ana, job, category, "parquet")
        assert (answer.status_code, answer.headers["content-type"]) == (200, PARQUET)
        assert answer.headers["content-disposition"] == f'attachment; filename="customers.{category}.parquet"'
        first, second = table(answer.content)
        assert (first["id"], first["price"], first["day"]) == ("007", Decimal("1234.50"), dt.date(2024, 2, 29))
        assert (second["id"], second["price"], second["more"], second["_row"]) == (
            "12345678901234567890",
            None,
            None,
            2,
        )
    lines = [json.loads(line) for line in artifact(ana, job, "output", "jsonl").text.splitlines()]
    assert lines[0]["sold"] is True
    assert '"price":1234.50,' in artifact(ana, job, "output", "jsonl").text
    assert sheet(artifact(ana, job, "staging", "xlsx").content)[1][0] == "007"


def test_the_format_that_is_stored_is_served_as_it_is_stored(things) -> None:
    ana, job = things
    plain, asked = artifact(ana, job, "output"), artifact(ana, job, "output", "csv")
    assert asked.content == plain.content
    assert asked.headers["repr-digest"] == plain.headers["repr-digest"]
    assert asked.headers["accept-ranges"] == "bytes"
    assert "repr-digest" not in artifact(ana, job, "output", "xlsx").headers


def test_an_error_file_comes_as_a_workbook_with_every_text_as_it_was_sent(api, things, all_tenants) -> None:
    ana, _ = things
    job = done(api, ana, all_tenants, send(ana, BAD, kind="things").json())
    assert (job["status"], job["ledger"]["failed"]) == ("partial", 3)
    rows = sheet(artifact(ana, job, "errors", "xlsx").content)
    own = ("Number", "price", "sold", "day", "at", "more")
    assert rows[0] == (*own, "_extra_1", "_extra_2", "_row", "_line", "_code", "_field", "_message")
    assert rows[1][:6] == ("x=1", "1,00", "ja", None, None, None)
    assert rows[1][8:11] == ("1", "2", "pattern")
    assert rows[2][:11] == ("=9", None, None, None, None, None, None, "surplus", "3", "4", "extra-cell")
    assert rows[3][:2] == ("10", "oops")
    lines = [json.loads(line) for line in artifact(ana, job, "errors", "jsonl").text.splitlines()]
    assert [line["_row"] for line in lines] == ["1", "3", "4"]


def test_an_error_file_is_mended_as_a_workbook_and_sent_back(api, things, all_tenants) -> None:
    ana, _ = things
    bad = b"Number;price;sold;day;at;more\nx=1;1,00;ja;01.02.2024;;\n8;1,50;ja;;;\n"
    job = done(api, ana, all_tenants, send(ana, bad, kind="things").json())
    book = openpyxl.load_workbook(io.BytesIO(artifact(ana, job, "errors", "xlsx").content))
    book.worksheets[0]["A2"] = "0099"
    mended = io.BytesIO()
    book.save(mended)
    again = done(api, ana, all_tenants, send(ana, mended.getvalue(), kind="things", name="mended.xlsx").json())
    assert (again["status"], again["ledger"]["created"]) == ("succeeded", 1), again
    row = next(row for row in ana.get("/v1/kinds/things/rows").json()["rows"] if row["id"] == "0099")
    assert (row["price"], row["sold"], row["day"]) == ("1.00", True, "2024-02-01")


def test_a_parquet_file_is_imported_in_its_own_types(api, things, all_tenants) -> None:
    ana, _ = things
    columns = {
        "id": pa.array([b"1", b"\xff", None, b"x", b"2"]),
        "price": pa.array([Decimal("1.234"), None, None, Decimal("2.500"), Decimal("3.000")], pa.decimal128(38, 3)),
        "sold": pa.array([True, True, None, False, None]),
        "day": pa.array([dt.date(2024, 2, 29), None, None, None, dt.date(1970, 1, 1)]),
        "at": pa.array([0, 0, None, 0, 1_500_000], pa.timestamp("us", "Europe/Berlin")),
        "more": pa.array([{"a": 1}, None, None, None, None]),
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    job = done(api, ana, all_tenants, send(ana, file.getvalue(), kind="things", name="things.parquet").json())
    assert (job["source"]["format"], job["source"]["blank_records"]) == ("parquet", 1), job["failure"]
    issues = ana.get(job["links"]["issues"]).json()["issues"]
    assert [(one["row"], one["line"], one["field"], one["code"]) for one in issues] == [
        (1, 1, "price", "too-precise"),
        (2, 2, None, "encoding-error"),
        (3, 4, "id", "pattern"),
    ]
    row = next(row for row in ana.get("/v1/kinds/things/rows").json()["rows"] if row["id"] == "2")
    assert (row["price"], row["day"], row["at"]) == ("3.00", "1970-01-01", "1970-01-01T00:00:01.500Z")
    told = list(csv.reader(io.StringIO(artifact(ana, job, "errors").text)))
    assert told[0][:6] == ["id", "price", "sold", "day", "at", "more"]
    assert told[1][:6] == ["1", "1.234", "true", "2024-02-29", "1970-01-01T00:00:00Z", '{"a":1}']


def test_what_cannot_be_had_in_a_format_is_refused(things) -> None:
    ana, job = things
    for category, wanted in (("output", "doc"), ("output", ""), ("input", "xlsx")):
        answer = artifact(ana, job, category, wanted)
        assert code(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["pointer"] == "/query/format"


@pytest.mark.parametrize("wanted", ["csv", "xlsx", "jsonl", "parquet"])
def test_an_export_in_any_format_comes_back_unchanged(api, things, all_tenants, wanted) -> None:
    ana, _ = things
    asked = {"kind": "export", "params": {"kind": "things", "format": wanted}}
    job = done(api, ana, all_tenants, ana.post("/v1/jobs", json=asked).json())
    assert (job["status"], job["result"]) == ("succeeded", {"rows_exported": 2}), job["failure"]
    (made,) = ana.get(job["links"]["artifacts"]).json()["artifacts"]
    assert made["name"] == f"things.{wanted}"
    answer = ana.get(made["url"])
    assert answer.headers["content-type"].split(";")[0] == made["media_type"]
    assert len(answer.content) == made["bytes"]
    again = send(ana, answer.content, kind="things", name=made["name"]).json()
    again = done(api, ana, all_tenants, again)
    assert (again["status"], again["ledger"]["unchanged"]) == ("succeeded", 2), again


def test_an_export_of_no_rows_is_a_file_all_the_same(api, ana, all_tenants) -> None:
    assert ana.post("/v1/kinds", json=THINGS).status_code == 201
    for wanted in ("csv", "xlsx", "parquet"):
        asked = {"kind": "export", "params": {"kind": "things", "format": wanted}}
        job = done(api, ana, all_tenants, ana.post("/v1/jobs", json=asked).json())
        content = artifact(ana, job, "output").content
        header = {
            "csv": lambda content: next(csv.reader(io.StringIO(content.decode()))),
            "xlsx": lambda content: list(sheet(content)[0]),
            "parquet": lambda content: pq.read_table(io.BytesIO(content)).column_names,
        }[wanted](content)
        assert header == ["id", "price", "sold", "day", "at", "more"]


def test_a_format_that_is_none_is_refused_before_the_job(ana) -> None:
    answer = ana.post("/v1/jobs", json={"kind": "export", "params": {"kind": "customers", "format": "doc"}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/params/format"
