"""csv-spectrum: each file reads as the JSON beside it says, cell by cell."""

import json

import pytest
from reading import ABSENT, CORPUS, read_alike
from tally import Tally

FOLDER = CORPUS / "csv-spectrum"
LEFT_OUT = {
    "newlines_crlf": "the answer has CRLF inside a cell, the stored file LF",
    "location_coordinates": "the answer is one object, and of another row",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("csv-spectrum")
    found.leave_out(LEFT_OUT)
    for path in sorted((FOLDER / "csvs").glob("*.csv")):
        if path.stem in LEFT_OUT:
            continue
        right = json.loads((FOLDER / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        got = read_alike(path)
        rows = [dict(zip(got.columns, row, strict=True)) for row in got.records]
        found.judge(path.name, right=rows == right and not got.codes, what=rows)
    return found


def test_every_file_reads_as_its_answer() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right == 10
