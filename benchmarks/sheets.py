"""Row `sheet`: an XLSX file from upload to terminal status, beside openpyxl that only reads it."""

import json
from pathlib import Path

from environments import Unavailable, run
from figures import Found, Goal, Line, pace
from importing import Imported, Refused, imported
from plan import Plan
from serving import Server

SHEET_KIND = "benchmark_sheets"
SHEET_ROWS = 100_000
SMALL_ROWS = 100
COLUMNS = 8
GOAL = Goal(3)


def measure(plan: Plan) -> Found:
    """Whether Rowferry takes such a file is found out by sending a small one."""
    rows = min(plan.rows, SHEET_ROWS)
    what = f"XLSX of {rows:,} rows of {COLUMNS} cells"
    try:
        small, file = _made(plan, SMALL_ROWS), _made(plan, rows)
        alone = run(plan.environments, "openpyxl", [str(file)])["seconds"]
    except Unavailable as error:
        return Found([Line(what, f"not measured: {error}", goal=GOAL)])
    beside = f"openpyxl reading alone: {pace(rows, alone)}"
    with plan.server() as server:
        if refusal := _refusal(server, small):
            return Found([Line(what, f"unsupported: {refusal}", beside, goal=GOAL)])
        runs = [_sent(server, file, f"bench-{number}", rows) for number in range(plan.repeat)]
    one = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    return _found(what, beside, one, alone, rows)


def _made(plan: Plan, rows: int) -> Path:
    file = plan.folder / f"entities-{rows}.xlsx"
    run(plan.environments, "openpyxl", [str(file), str(rows)], script="make_sheet")
    return file


def _refusal(server: Server, file: Path) -> str:
    """The code with which a spreadsheet is not taken, or nothing."""
    try:
        one = imported(server, file, "warm-up", kind=SHEET_KIND)
    except Refused as answer:
        return str(json.loads(str(answer)).get("code"))
    return str(one.failure["code"]) if one.failure else ""


def _sent(server: Server, file: Path, tenant: str, rows: int) -> Imported:
    return imported(server, file, tenant, kind=SHEET_KIND).must_have(read=rows, created=rows)


def _found(what: str, beside: str, one: Imported, alone: float, rows: int) -> Found:
    figures = {
        "seconds": round(one.seconds, 3),
        "openpyxl_seconds": round(alone, 3),
        "ratio": round(alone / one.seconds, 2),
        "peak_rss_mb": round(one.peak_rss_mb, 1),
        "steps": one.steps,
    }
    lines = [
        Line(what, pace(rows, one.seconds), beside, alone / one.seconds, GOAL),
        Line("memory of the executor at most", f"{one.peak_rss_mb:.0f} MB"),
    ]
    return Found(lines, figures)
