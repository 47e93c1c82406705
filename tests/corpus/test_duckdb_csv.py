"""DuckDB's sniffer cases are found to be what their names say; its fuzzer's finds are survived, alike in every size of blocks."""

import pytest
from reading import ABSENT, BLOCKS, CORPUS, csv_readers, read, read_alike
from tally import Tally

FOLDER = CORPUS / "duckdb-csv"
DELIMITERS = {
    "auto/pipe_delim.csv": "|",
    "auto/pipe_delim_quote.csv": "|",
    "auto/quote_escape.csv": "|",
    "auto/multi_column_string_r.csv": "|",
    "auto/semicolon_delim.csv": ";",
    "auto/semicolon_quote.csv": ";",
    "auto/semicolon_escape.csv": ";",
    "auto/tab.csv": "\t",
    "auto/tab_single_quote.csv": "\t",
    "auto/tab_single_quote_varchar.csv": "\t",
    "cases/mixed_decimal.csv": ";",
    "cases/mixed_decimal_delimiter.csv": "|",
    "cases/decimal_separators/decimal_separators.csv": ";",
    "cases/decimal_separators/decimal_separators_csv.csv": ",",
    "cases/all_quotes.csv": ", ",
    "cases/ignore_errors.csv": ";",
}
HEADERS = {
    "auto/skip_row.csv": 2,
    "auto/empty_header.csv": 2,
    "cases/dirty_line.csv": 2,
    "cases/empty_first_line.csv": 2,
}
"""The line of the header where it is not the first."""
CODES = {
    "auto/duplicate_header_col.csv": {"duplicate-columns"},
    "auto/duplicate_header_collision.csv": {"duplicate-columns"},
    "auto/duplicate_header_columns.csv": {"duplicate-columns"},
    "auto/mock_duckdb_test_data.csv": {"missing-cell", "extra-cell"},
    "auto/backslash_escape.csv": {"quote-error"},
    "cases/extra_delimiters.csv": {"extra-cell"},
    "cases/missing_column.csv": {"missing-cell"},
    "cases/locations_row_trailing_comma.csv": {"extra-cell"},
    "cases/empty.csv": {"empty-file"},
    "cases/evil_nullpadding.csv": {"missing-cell"},
    "cases/error/mid_null.csv": {"extra-cell"},
}
ALIKE = {
    "auto/issue_1254_rn.csv": "auto/issue_1254.csv",
    "auto/multi_column_string_mix_r_n.csv": "auto/multi_column_string_mix.csv",
    "auto/multi_column_string_r_n.csv": "auto/multi_column_string_r.csv",
    "auto/test_single_column_rn.csv": "auto/test_single_column.csv",
}
LEFT_OUT = {
    "cases/comments": "comments inside a table are no part of CSV here; their lines fail or are rows",
    "auto/single_quote_backslash.csv": "a backslash escapes nothing here; the cell stays as it stands",
    "types of columns": "every cell is a text until a kind reads it",
    "files without a header": "the first record is the header unless it is stated that there is none",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("duckdb-csv")
    found.leave_out(LEFT_OUT)
    for name, delimiter in DELIMITERS.items():
        one = read_alike(FOLDER / name).found
        found.judge(f"{name}, delimiter", right=one is not None and one.delimiter == delimiter, what=one)
    for name, line in HEADERS.items():
        one = read_alike(FOLDER / name).found
        found.judge(f"{name}, header", right=one is not None and one.header_line == line, what=one)
    for name, codes in CODES.items():
        got = read_alike(FOLDER / name)
        found.judge(f"{name}, codes", right=got.codes == codes, what=got.codes)
    for name, other in ALIKE.items():
        got, like = read_alike(FOLDER / name), read_alike(FOLDER / other)
        found.judge(f"{name} as {other}", right=(got.columns, got.rows) == (like.columns, like.rows), what=got.rows)
    return found


def survival() -> Tally:
    found = Tally("duckdb-csv, survival")
    for path in sorted(path for path in FOLDER.glob("**/*") if path.is_file() and path.stat().st_size < 1 << 20):
        got = [read(path, csv_readers(size)) for size in BLOCKS]
        same = all((one.fault, one.records, one.odd) == (got[0].fault, got[0].records, got[0].odd) for one in got)
        found.judge(str(path.relative_to(FOLDER)), right=same, what=[(one.fault, len(one.records)) for one in got])
    return found


def test_every_case_is_found_to_be_what_its_name_says() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 35


def test_what_broke_another_reader_breaks_nothing_here() -> None:
    found = survival()
    assert found.wrong == []
    assert found.right >= 350
