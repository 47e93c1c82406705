"""Frictionless's bad tables give the codes that its error types became here; its good ones give none."""

import pytest
from reading import ABSENT, CORPUS, read_alike
from tally import Tally

FOLDER = CORPUS / "frictionless"
CODES = {
    "invalid.csv": {"duplicate-columns"},
    "capital-invalid.csv": {"duplicate-columns"},
    "duplicate-column.csv": {"duplicate-columns"},
    "duplicate-headers.csv": {"duplicate-columns"},
    "structure-errors.csv": {"extra-cell"},
    "schema-errors.csv": {"extra-cell"},
    "defective-rows.csv": {"missing-cell", "extra-cell"},
    "empty.csv": {"empty-file"},
    "wide.csv": {"too-many-columns"},
    "without-headers-extra.csv": {"extra-cell"},
    "countries.csv": {"missing-cell", "extra-cell"},
    "skip-rows.csv": {"missing-cell"},
    "skip-blank-at-the-end.csv": {"missing-cell"},
    "escaping.csv": {"quote-error"},
    "dialect.csv": {"extra-cell"},
}
"""What is wrong with a file, or with its records; nothing with all others."""
BLANK = {"blank-rows.csv": 1, "blank-rows-no-fields.csv": 1, "blank-rows-multiple.csv": 11, "structure-errors.csv": 1}
"""`blank-row` there is no error here: such records are no rows, and are counted."""
FOUND = {
    "delimiter.csv": (";", 1),
    "latin1.csv": (",", 1),
    "matrix-with-comment.csv": (",", 2),
    "skip-rows-before-headers.csv": (",", 2),
    "countries.csv": (",", 2),
    "skip-rows.csv": (",", 2),
    "capitals.csv": (", ", 1),
    "vix.csv": (";", 1),
}
"""Delimiter and the line of the header."""
LEFT_OUT = {
    "blank-headers.csv as blank-label": "a column with content and no name gets one by its place, and can be mapped",
    "*.xlsx, *.xls, *.ods": "test_workbooks.py reads them",
    "*.json, *.jsonl": "test_json.py reads them",
    "*.zip, *.gz": "test_compressed.py packs files itself",
    "invalid.csv, other errors of its rows": "its header has a name twice, so that no row is read",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("frictionless")
    found.leave_out(LEFT_OUT)
    got = {path.name: read_alike(path) for path in sorted(FOLDER.glob("*.csv"))}
    for name, one in got.items():
        found.judge(name, right=one.codes == CODES.get(name, set()), what=one.codes)
    for name, count in BLANK.items():
        blank = got[name].found
        found.judge(f"{name}, blank", right=blank is not None and blank.blank_records == count, what=blank)
    for name, wanted in FOUND.items():
        one = got[name].found
        what = (one.delimiter, one.header_line) if one else None
        found.judge(f"{name}, detected", right=what == wanted, what=what)
    unnamed = got["blank-headers.csv"].columns
    found.judge("blank-headers.csv, columns", right=unnamed == ["id", "column_2", "age"], what=unnamed)
    return found


def test_every_table_gives_the_codes_of_its_name() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 70
