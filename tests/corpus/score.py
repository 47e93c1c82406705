"""Prints the score of each collection of the corpus; exits with 1 where a goal is missed or a case is wrong."""

import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

import pollock
import test_csv_spectrum
import test_csv_test_data
import test_csvkit
import test_csvlint
import test_csvw
import test_duckdb_csv
import test_frictionless
import test_papaparse
from reading import ABSENT, CORPUS, readers
from tally import Tally

TALLIES = (
    test_csv_spectrum.tally,
    test_csv_test_data.tally,
    test_papaparse.tally,
    test_csvkit.tally,
    test_csvlint.tally,
    test_frictionless.tally,
    test_duckdb_csv.tally,
    test_duckdb_csv.survival,
    test_csvw.tally,
)
WAYS = {"no hints": pollock.read_without_hints, "hints as options": pollock.read_with_hints}
SHOWN = 3
HERE = Path(__file__).parent
COUNTED = {Path(module.__code__.co_filename).name for module in TALLIES} | {"test_pollock.py"}


def main() -> int:
    if not CORPUS.is_dir():
        print(f"Nothing to score: {ABSENT}.")
        return 0
    missed = sum(tallied(tally()) for tally in TALLIES) + polluted()
    others = sorted(path for path in HERE.glob("test_*.py") if path.name not in COUNTED)
    return 1 if missed + sum(tested(path) for path in (*others, HERE.parent / "e2e" / "test_reports.py")) else 0


def tallied(found: Tally) -> int:
    print(f"{found.name:<32} {found}")
    for case in found.wrong:
        print(f"    wrong: {case}")
    for reason, cases in groupby(sorted(found.left_out, key=found.left_out.__getitem__), found.left_out.__getitem__):
        names = [*cases]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        print(f"    left out: {', '.join(names[:SHOWN])}{more}: {reason}")
    return len(found.wrong)


def polluted() -> int:
    """Pollock by its own rule, and the importer's score over the files with one polluted row."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = sorted((pollock.unpacked(Path(folder)) / "csv").glob("*.csv"))
        for name, way in WAYS.items():
            records = Path(folder) / name
            way(files, readers(), records)
            found = pollock.scores(files, records)
            rows = pollock.rows([path for path in files if path.name.startswith("row_")], records)
            simple, weighted = pollock.simple(found), pollock.weighted(found)
            print(f"{f'pollock, {name}':<32} {simple:.3f} simple, {weighted:.3f} weighted, of 10; {len(found):,} files")
            print(f"{'':<32} {rows}")
            missed += simple < pollock.SIMPLE_GOAL or weighted < pollock.WEIGHTED_GOAL or rows.unsound > 0
    return missed


def tested(module: Path) -> int:
    """Collections whose cases are tests of their own."""
    command = [sys.executable, "-m", "pytest", "--no-header", "--tb=no", "-p", "no:cacheprovider", str(module)]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=1800, check=False)
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()]
    print(f"{module.stem.removeprefix('test_'):<32} {lines[-1]}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
