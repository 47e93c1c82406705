"""csv-test-data: good files read as their answers say, bad ones give an issue or are refused."""

import json
from pathlib import Path

import pytest
from reading import ABSENT, CORPUS, Read, read_alike
from tally import Tally

FOLDER = CORPUS / "csv-test-data"
LEFT_OUT = {"bad-unescaped-quote": "a lone quote inside an unquoted cell is text here, as in most exports"}
HEADER = ["foo", "bar", "baz"]
"""What a `bad-header-` file should have."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("csv-test-data")
    found.leave_out(LEFT_OUT)
    for path in sorted((FOLDER / "csv").glob("*.csv")):
        if path.stem in LEFT_OUT:
            continue
        headed = path.stem.startswith(("header-", "bad-header-"))
        got = read_alike(path) if headed else read_alike(path, header_line=0)
        right = flagged(got, path) if path.stem.startswith("bad-") else as_answered(got, path)
        found.judge(path.name, right=right, what=(got.fault, got.columns, got.records, got.odd))
    return found


def flagged(got: Read, path: Path) -> bool:
    wants_header = path.stem.startswith("bad-header-")
    return bool(got.codes) or (wants_header and got.columns != HEADER)


def as_answered(got: Read, path: Path) -> bool:
    answer = json.loads((FOLDER / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    if path.stem.startswith("header-"):
        return got.codes == set() and [dict(zip(got.columns, row, strict=True)) for row in got.rows] == answer
    # A record whose cells are all empty is no row of ours.
    records = [record for record in answer if any(record)]
    if not records:
        return got.fault == "no-header"
    return got.codes == set() and got.rows == records


def test_good_files_read_as_their_answers_and_bad_ones_are_flagged() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right == 24
