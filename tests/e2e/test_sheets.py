"""Workbooks through the whole server: cells are what the sheet means, errors of formulas are issues, the error file can be mended."""

import io
from collections.abc import Iterator
from datetime import datetime

import httpx2
import pytest
import xlsxwriter

from driving import Running

KIND = {
    "name": "parcels",
    "schema": {
        "fields": [
            {"name": "code", "type": "string", "constraints": {"required": True}},
            {"name": "weight", "type": "number", "scale": 2},
            {"name": "packed", "type": "date"},
            {"name": "sent", "type": "datetime", "timezone": "UTC"},
            {"name": "fragile", "type": "boolean"},
        ],
        "primaryKey": ["code"],
    },
}
HEADER = ["code", "weight", "packed", "sent", "fragile"]


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[httpx2.Client]:
    with running.client("sheets") as client:
        assert client.post("/v1/kinds", json=KIND).status_code == 201
        yield client


def workbook() -> bytes:
    """A note, then a sheet with a title above its header; a number whose sum is not exact, an error, a text that is no date."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        day, moment = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "d/m/yy hh:mm"})
        book.add_worksheet("Read me").write(0, 0, "Only the second sheet is meant")
        sheet = book.add_worksheet("Parcels")
        sheet.write(0, 0, "Parcels of March")
        sheet.write_row(2, 0, HEADER)
        sheet.write_row(3, 0, ["00012", 0.1 + 0.2])
        sheet.write_datetime(3, 2, datetime(2026, 3, 1), day)  # noqa: DTZ001  # a cell has no zone
        sheet.write_datetime(3, 3, datetime(2026, 3, 2, 17, 30), moment)  # noqa: DTZ001  # a cell has no zone
        sheet.write_boolean(3, 4, True)
        sheet.write_row(4, 0, [12345678901, 2])
        sheet.write_formula(5, 0, '="B"&"1"', value="B1")
        sheet.write_formula(5, 1, "=1/0", value="#DIV/0!")
        sheet.write_row(6, 0, ["B, 2", 7, "31.02.2026"])
    return content.getvalue()


def test_cells_of_a_sheet_are_what_the_sheet_means(running: Running, client: httpx2.Client) -> None:
    job = running.imported(client, workbook(), "parcels", date_order="dmy")

    assert (job["status"], job["ledger"]["created"], job["ledger"]["failed"]) == ("partial", 2, 2), job["failure"]
    said = {name: job["source"][name] for name in ("format", "sheet", "sheets", "header_line", "lines_above")}
    assert said == {
        "format": "xlsx",
        "sheet": "Parcels",
        "sheets": ["Read me", "Parcels"],
        "header_line": 3,
        "lines_above": 2,
    }
    first, second = sorted(running.rows(client, "parcels"), key=lambda row: row["code"])
    assert (first["code"], first["weight"], first["packed"]) == ("00012", "0.30", "2026-03-01")
    assert first["sent"].startswith("2026-03-02T17:30:00")
    assert first["fragile"] is True
    assert (second["code"], second["weight"], second["packed"]) == ("12345678901", "2.00", None)
    issues = client.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]
    assert [(one["line"], one["field"], one["code"]) for one in issues] == [
        (6, "weight", "cell-error"),
        (7, "packed", "type-error"),
    ]


def test_the_error_file_of_a_workbook_is_csv_that_can_be_mended_and_sent_again(
    running: Running, client: httpx2.Client
) -> None:
    job = running.imported(client, workbook(), "parcels")
    listed = client.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]
    (url,) = [one["url"] for one in listed if one["category"] == "errors"]
    text = client.get(url).text
    assert text.splitlines()[0].startswith("code,weight,packed,sent,fragile,_row,_line,_code")
    assert "B1,#DIV/0!,,,,3,6,cell-error,weight," in text
    assert '"B, 2",7,31.02.2026,,,4,7,type-error,packed,' in text

    mended = text.replace("#DIV/0!", "1.5").replace("31.02.2026", "2026-02-28").encode()
    again = running.imported(client, mended, "parcels")

    assert (again["status"], again["ledger"]["created"]) == ("succeeded", 2), again["failure"]
    stored = {row["code"]: row for row in running.rows(client, "parcels")}
    assert (stored["B1"]["weight"], stored["B, 2"]["packed"]) == ("1.50", "2026-02-28")


def test_a_sheet_is_chosen_by_name_or_place_and_an_unknown_one_is_told(running: Running, client: httpx2.Client) -> None:
    job = running.imported(client, workbook(), "parcels", sheet="parcels", dry_run=True)
    assert job["source"]["sheet"] == "Parcels"
    job = running.imported(client, workbook(), "parcels", sheet="2", dry_run=True)
    assert job["source"]["sheet"] == "Parcels"
    job = running.imported(client, workbook(), "parcels", sheet="April")
    assert (job["status"], job["failure"]["code"]) == ("failed", "unknown-sheet")
    assert "Read me, Parcels" in job["failure"]["message"]
