"""Files made after public bug reports of importers end as their description says: `../shared/corpus/reports`, those that are CSV."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from driving import Running

REPORTS = Path(__file__).parents[2].parent / "shared" / "corpus" / "reports"
CASES = {path.parent.name: json.loads(path.read_text()) for path in sorted(REPORTS.glob("*/expected.json"))}
RUNS = [
    pytest.param(name, run, id=f"{name}: {run['name']}")
    for name, case in CASES.items()
    for run in case["runs"]
    if run["file"].endswith((".csv", ".xlsx"))
]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")

pytestmark = pytest.mark.skipif(not RUNS, reason="the corpus of outside files is not at ../shared/corpus")


@pytest.mark.parametrize(("name", "run"), RUNS)
def test_a_file_after_a_public_report_ends_as_its_description_says(
    running: Running, name: str, run: dict, request: pytest.FixtureRequest
) -> None:
    kind = CASES[name]["kind"]
    with running.client(f"r{abs(hash(request.node.name)) % 10**9}") as client:
        declared = client.post("/v1/kinds", json=kind)
        assert declared.status_code == 201, declared.text
        for file in filter(None, [run.get("first")]):
            running.imported(client, (REPORTS / name / file).read_bytes(), kind["name"])
        content = (REPORTS / name / run["file"]).read_bytes()
        job = running.imported(client, content, kind["name"], **run["options"])
        issues = client.get(f"/v1/jobs/{job['id']}/issues", params={"page_size": 500}).json()["issues"]
        stored = running.rows(client, kind["name"])
    differences = [differing(accepted, job, issues, stored) for accepted in run["accept"]]
    assert "" in differences, differences


def differing(accepted: Mapping, job: Mapping, issues: list[dict], stored: list[dict]) -> str:
    """Where an accepted result and what happened differ; empty where they do not."""
    if "refused" in accepted:
        said = json.dumps(job["failure"])
        refused = job["status"] == "failed" and all(name in said for name in accepted["refused"]["names"])
        return "" if refused else f"not refused for that: {said}"
    if job["status"] not in accepted["status"].split(" or "):
        return f"status {job['status']}, {job['failure']}"
    for member, value in accepted.get("inspect", {}).items():
        found = job["source"][member]
        if found != value and found not in str(value).split(" or "):
            return f"{member} {found}"
    counts = {word: job["ledger"][word] for word in accepted.get("ledger", {})}
    if counts != accepted.get("ledger", {}):
        return f"ledger {counts}"
    if "stored" in accepted and not same_rows(accepted["stored"], stored):
        return f"stored {stored}"
    by_row = {row["_row"]: row for row in stored if row["_job_id"] == job["id"]}
    return next(filter(None, (row_differing(row, issues, by_row) for row in accepted.get("rows", []))), "")


def row_differing(row: Mapping, issues: list[dict], stored: Mapping[int, dict]) -> str:
    mine = [one for one in issues if one["row"] == row["row"]]
    if any(one["line"] != row["line"] for one in mine):
        return f"row {row['row']} on line {mine[0]['line']}"
    told = [(one["field"], one["code"]) for one in mine]
    wanted = row.get("issues", [{"field": None, "codes": row["codes"]}] if "codes" in row else [])
    for one in wanted:
        if not any(field == one["field"] and (not one["codes"] or code in one["codes"]) for field, code in told):
            return f"row {row['row']}: {told}"
    if row.get("outcome") in {"created", "updated"} and row["row"] not in stored:
        return f"row {row['row']} is not stored: {told}"
    if row.get("outcome") in {"failed", "skipped"} and not mine:
        return f"row {row['row']} has no issue"
    values = row.get("values", {})
    found = stored.get(row["row"], {})
    differing = {name: found.get(name) for name, value in values.items() if not same(value, found.get(name))}
    return f"row {row['row']}: {differing}" if differing else ""


def same_rows(wanted: list[dict], found: list[dict]) -> bool:
    """The same rows in any order; members that are not named are free."""
    left = list(found)
    for row in wanted:
        match = next((one for one in left if all(same(value, one.get(name)) for name, value in row.items())), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def same(wanted: object, found: object) -> bool:
    """Equal, numbers as numbers; 0005 is none."""
    if wanted == found:
        return True
    texts = [str(one) for one in (wanted, found)]
    return all(map(NUMBER.fullmatch, texts)) and Decimal(texts[0]) == Decimal(texts[1])
