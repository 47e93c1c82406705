"""The benchmark runs as its page says, on few rows: what it finds is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)  # each starts servers, one after another, and does not care how long they take
SECONDS_MAX = 390
ROOT = Path(__file__).parents[2]
SMALL = ("--rows", "2000", "--memory-mb", "1", "--millions", "2")


def run(figures, *arguments):
    command = [sys.executable, "benchmarks/import.py", *SMALL, "--json", figures, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(figures.read_text()), done.stdout


def test_the_benchmark_checks_the_ledger_and_writes_its_figures(tmp_path):
    found, said = run(tmp_path / "figures.json", "--only", "import,small")

    assert found["rows"] == 2000 == found["clean_rows"] + found["bad_rows"] + found["duplicate_rows"]
    named = ("seconds", "rows_per_second", "copy_rows_per_second", "ratio_to_copy", "peak_rss_mb")
    assert [name for name in named if not found[name] > 0] == []
    assert set(found["small"]["small_ratio_to_noop"]) == {"noop", "native_100", "claret_99", "claret_1000"}
    assert "raw COPY" in said


@pytest.mark.parametrize("rows", ["full,memory,growth", "reimport,changed,dry-run"])
def test_each_row_has_a_ratio_and_a_goal(tmp_path, rows):
    found, _ = run(tmp_path / "figures.json", "--only", rows)

    judged = {line["row"] for line in found["table"] if line["reached"] is not None and line["ratio"] > 0}
    assert judged == set(rows.split(","))


def test_a_row_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    command = [sys.executable, "benchmarks/import.py", "--only", "import,exprot"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert "no such row: exprot; there are import, full" in done.stderr
