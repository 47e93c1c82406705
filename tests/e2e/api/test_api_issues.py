"""Why rows failed, read over HTTP: pages, filters, files, causes; and the rows that went in."""

import csv
import io
import json

import pytest

from serving import code, send, work_off

BAD = (
    b"email,name,balance\nana@example.org,Ana,1.50\nnot-an-address,=1+1,x\n,Bob,2\ncid@example.org,Cid,7.25\nnope,,y\n"
)


@pytest.fixture
def job(api, ana, all_tenants) -> dict:
    """An import that ended with failed rows."""
    sent = send(ana, BAD).json()
    work_off(api, all_tenants)
    job = ana.get(sent["links"]["self"]).json()
    assert job["status"] == "partial", job["failure"]
    return job


def test_issues_tell_row_line_field_and_code(ana, job) -> None:
    found = ana.get(f"/v1/jobs/{job['id']}/issues").json()
    assert found["next_page_token"] is None
    first = found["issues"][0]
    assert (first["row"], first["line"], first["outcome"], first["level"]) == (2, 3, "failed", "error")
    assert first["record"] == "not-an-address,=1+1,x"
    assert {
        "row",
        "line",
        "field",
        "column",
        "code",
        "level",
        "message",
        "value",
        "arguments",
        "outcome",
        "record",
    } == set(first)
    assert {(issue["row"], issue["field"], issue["code"]) for issue in found["issues"]} >= {
        (2, "email", "format"),
        (3, "email", "required"),
        (5, "name", "required"),
    }


def test_issues_are_paged_and_none_is_lost(ana, job) -> None:
    whole = ana.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]
    pages = []
    token = None
    while True:
        parameters = {"page_size": 1} | ({"page_token": token} if token else {})
        page = ana.get(f"/v1/jobs/{job['id']}/issues", params=parameters).json()
        pages += page["issues"]
        token = page["next_page_token"]
        if token is None:
            break
    assert pages == whole


def test_issues_are_filtered(ana, job) -> None:
    found = ana.get(f"/v1/jobs/{job['id']}/issues", params={"code": "required", "field": "email"}).json()["issues"]
    assert [issue["row"] for issue in found] == [3]
    assert ana.get(f"/v1/jobs/{job['id']}/issues", params={"outcome": "skipped"}).json()["issues"] == []
    answer = ana.get(f"/v1/jobs/{job['id']}/issues", params={"outcome": "created"})
    assert code(answer) == (422, "invalid-request")


def test_issues_come_as_files_with_the_same_content(ana, job) -> None:
    whole = ana.get(f"/v1/jobs/{job['id']}/issues").json()["issues"]
    lines = ana.get(f"/v1/jobs/{job['id']}/issues.jsonl")
    assert [json.loads(line) for line in lines.text.splitlines()] == whole
    table = ana.get(f"/v1/jobs/{job['id']}/issues.csv")
    assert "attachment" in table.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [(int(row["row"]), row["code"]) for row in rows] == [(issue["row"], issue["code"]) for issue in whole]


def test_a_cell_that_looks_like_a_formula_is_text_in_the_file(ana, api, all_tenants) -> None:
    sent = send(ana, b"email,name\n=cmd|' /C calc'!A0,Ana\n").json()
    work_off(api, all_tenants)
    table = ana.get(f"/v1/jobs/{sent['id']}/issues.csv").text
    assert "'=cmd|" in table
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(table, newline="")) for cell in row)


def test_causes_count_and_show_a_sample(ana, job) -> None:
    causes = ana.get(f"/v1/jobs/{job['id']}/issues/summary").json()["causes"]
    assert sum(cause["rows"] for cause in causes if cause["code"] == "format" and cause["field"] == "email") == 2
    assert [cause["rows"] for cause in causes] == sorted((cause["rows"] for cause in causes), reverse=True)
    assert all(cause["sample"]["row"] for cause in causes)


def test_a_job_that_is_over_never_changes_its_version(ana, job) -> None:
    answer = ana.get(job["links"]["self"], headers={"Prefer": "wait=30", "If-None-Match": f'W/"{job["version"]}"'})
    assert answer.status_code == 304
    assert "retry-after" not in answer.headers


def test_the_rows_that_went_in_are_read_back(ana, job) -> None:
    rows = ana.get("/v1/kinds/customers/rows").json()["rows"]
    assert [(row["email"], row["balance"], row["_row"]) for row in rows] == [
        ("ana@example.org", "1.50", 1),
        ("cid@example.org", "7.25", 4),
    ]
    assert {row["_job_id"] for row in rows} == {job["id"]}


def test_rows_are_filtered_and_paged(ana, job) -> None:
    def emails(**filters) -> list[str]:
        answer = ana.get("/v1/kinds/customers/rows", params=filters)
        assert answer.status_code == 200, answer.text
        return [row["email"] for row in answer.json()["rows"]]

    assert emails(email="cid@example.org") == ["cid@example.org"]
    assert emails(**{"balance.gte": "2"}) == ["cid@example.org"]
    assert emails(**{"balance.lte": "1.5"}) == ["ana@example.org"]
    page = ana.get("/v1/kinds/customers/rows", params={"page_size": 1}).json()
    assert emails(page_token=page["next_page_token"]) == ["cid@example.org"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"colour": "red"},
        {"balance": "much"},
        {"balance.gte": "NaN'; drop"},
        {"start_date": "2026-02-30"},
        {"email": "a\0b"},
        {"email": "x" * 5_000},
        {"page_size": "-1"},
        {"page_size": "1e3"},
        {"page_token": "abc"},
        {"email.gt": "a"},
    ],
)
def test_a_filter_that_does_not_fit_is_refused(ana, parameters) -> None:
    assert code(ana.get("/v1/kinds/customers/rows", params=parameters)) == (422, "invalid-request")
    if "page" not in next(iter(parameters)):
        assert code(ana.get("/v1/kinds/customers/rows.csv", params=parameters)) == (422, "invalid-request")


def test_rows_come_as_files(ana, job) -> None:
    table = list(csv.DictReader(io.StringIO(ana.get("/v1/kinds/customers/rows.csv").text, newline="")))
    lines = [json.loads(line) for line in ana.get("/v1/kinds/customers/rows.jsonl").text.splitlines()]
    assert [row["email"] for row in table] == [row["email"] for row in lines] == ["ana@example.org", "cid@example.org"]
    assert [row["_row"] for row in table] == ["1", "4"]


def test_another_tenant_sees_no_row(stranger, job) -> None:
    assert stranger.get("/v1/kinds/customers/rows").json() == {"rows": [], "next_page_token": None}
    assert stranger.get("/v1/kinds/customers/rows.jsonl").text == ""


def test_the_error_file_is_among_the_artifacts(ana, job) -> None:
    found = {one["category"]: one for one in ana.get(f"/v1/jobs/{job['id']}/artifacts").json()["artifacts"]}
    assert {"input", "errors"} <= set(found)
    assert ana.get(found["errors"]["url"]).text.splitlines()[0] == "email,name,balance,_row,_line,_code,_field,_message"
