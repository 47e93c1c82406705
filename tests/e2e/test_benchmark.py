"""The benchmark runs as its page says, on few rows: what it finds is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_checks_the_ledger_and_writes_its_figures(tmp_path):
    figures = tmp_path / "figures.json"
    command = [sys.executable, "benchmarks/import.py", "--rows", "3000", "--json", figures]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["rows"] == 3000 == found["clean_rows"] + found["bad_rows"] + found["duplicate_rows"]
    named = (
        "seconds",
        "rows_per_second",
        "copy_rows_per_second",
        "ratio_to_copy",
        "by_hand_rows_per_second",
        "peak_rss_mb",
    )
    assert [name for name in named if not found[name] > 0] == []
    assert "raw COPY" in done.stdout
