"""csvkit's small files: encodings, line ends, skipped lines and ragged rows are found as the names of the files say."""

import pytest
from reading import ABSENT, CORPUS, Read, read_alike
from tally import Tally

FOLDER = CORPUS / "csvkit"
ALIKE = {
    "test_utf8_bom.csv": "test_utf8.csv",
    "test_utf16_big.csv": "test_utf16_little.csv",
    "test_skip_lines.csv": "dummy.csv",
    "optional_quote_characters.csv": "dummy.csv",
    "sniff_limit.csv": "dummy.csv",
}
"""Files that hold the same table in another way."""
FOUND = {
    "test_utf16_big.csv": ("utf-16-be", ",", 1),
    "test_utf16_little.csv": ("utf-16", ",", 1),
    "test_latin1.csv": ("windows-1252", ",", 1),
    "test_utf8_bom.csv": ("utf-8", ",", 1),
    "test_skip_lines.csv": ("utf-8", ",", 4),
    "bad_skip_lines.csv": ("utf-8", ",", 4),
    "sniff_limit.csv": ("utf-8", ";", 1),
    "mac_newlines.csv": ("utf-8", ",", 1),
}
"""Encoding, delimiter and the line of the header."""
ODD = {
    "bad.csv": {"extra-cell", "missing-cell"},
    "bad_skip_lines.csv": {"extra-cell", "missing-cell"},
    "test_extra_header.csv": {"missing-cell"},
    "test_empty_columns.csv": {"missing-cell"},
    "empty.csv": {"no-header"},
}
"""What is wrong; nothing with all others."""
LEFT_OUT = {
    "*.xlsx, *.xls": "test_workbooks.py reads them",
    "*.json": "test_json.py reads them",
    "dummy.csv.bz2": "bzip2 is refused by its name; test_compressed.py packs files itself",
    "test_locale.csv against test_locale_converted.csv": "the conversion of numbers needs a kind",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("csvkit")
    found.leave_out(LEFT_OUT)
    got = {path.name: read_alike(path) for path in sorted(FOLDER.glob("*.csv"))}
    for name, one in got.items():
        found.judge(name, right=one.codes == ODD.get(name, set()), what=one.codes)
    for name, wanted in FOUND.items():
        what = detected(got[name])
        found.judge(f"{name}, detected", right=what == wanted, what=what)
    for name, other in ALIKE.items():
        same = (got[name].columns, got[name].rows) == (got[other].columns, got[other].rows)
        found.judge(f"{name} as {other}", right=same, what=got[name].rows)
    return found


def detected(got: Read) -> tuple[str, str, int] | None:
    return (got.found.encoding, got.found.delimiter, got.found.header_line) if got.found else None


def test_every_file_is_found_to_be_what_its_name_says() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 40
