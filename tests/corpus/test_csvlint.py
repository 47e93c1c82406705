"""csvlint's files: all line ends, a title row, bytes that are no UTF-8, and files that are valid or not by their names."""

import pytest
from reading import ABSENT, CORPUS, read_alike
from tally import Tally

FOLDER = CORPUS / "csvlint"
ENDS = (
    "crlf-line-endings.csv",
    "lf-line-endings.csv",
    "inconsistent-line-endings.csv",
    "inconsistent-line-endings-unquoted.csv",
    "title-row.csv",
)
"""The same table, also with a title above it."""
LEFT_OUT = {"spreadsheet.xls, spreadsheet.xlsx": "test_workbooks.py reads them"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("csvlint")
    found.leave_out(LEFT_OUT)
    got = {path.name: read_alike(path) for path in sorted(FOLDER.glob("*.csv"))}
    for name, one in got.items():
        wrong = name.startswith("invalid_")
        found.judge(name, right=bool(one.odd) == wrong and one.fault is None, what=one.codes)
    for name in ENDS:
        same = (got[name].columns, got[name].rows) == (got[ENDS[0]].columns, got[ENDS[0]].rows)
        found.judge(f"{name} as {ENDS[0]}", right=same, what=got[name].rows)
    title, bytes_ = got["title-row.csv"].found, got["invalid-byte-sequence.csv"].found
    found.judge("title-row.csv, header", right=title is not None and title.header_line == 2)
    guessed = bytes_ is not None and bytes_.details["encoding_guessed"] is True
    found.judge("invalid-byte-sequence.csv, encoding", right=guessed, what=bytes_ and bytes_.encoding)
    return found


def test_every_file_is_valid_or_not_as_its_name_says() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 19
