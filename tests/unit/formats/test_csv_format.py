"""What a CSV file of any make is found to be, and what becomes of its rows."""

import codecs
import tracemalloc
from pathlib import Path

import pytest

from rowferry.domain.columns import ADDED_COLUMNS
from rowferry.domain.faults import JobStopped, RowIssue
from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat
from rowferry.pipeline.report import error_header, error_lines
from rowferry.ports import Inspection


class Reader:
    """A file in a folder of its own, read whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def inspect(
        self, data: bytes | str, *, columns_max: int = 50, limit: int = 1 << 20, **options: object
    ) -> Inspection:
        self.path = self.folder / f"{len(list(self.folder.iterdir()))}.csv"
        self.path.write_bytes(data.encode() if isinstance(data, str) else data)
        self.form = CsvFormat(limit, columns_max)
        self.found = self.form.inspect(self.path, ReadOptions(**options), self.folder)
        return self.found

    def rows(self, data: bytes | str, **options: object) -> list:
        """Each row: its line, then its cells or the code that it fails with."""
        found = self.inspect(data, **options)
        rows: list = []
        for block in self.form.read(self.path, found, self.folder):
            of_block: list = [None] * block.rows
            for position, cells in zip(block.positions.tolist(), block.cells.rows(), strict=True):
                of_block[position] = cells
            for fault in block.faults:
                of_block[fault.position] = str(fault.code)
            rows += zip(block.lines.tolist(), of_block, strict=True)
        assert len(rows) == found.rows
        return rows

    def refusal(self, data: bytes | str, **options: object) -> JobStopped:
        with pytest.raises(JobStopped) as raised:
            self.inspect(data, **options)
        return raised.value


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


# Delimiter, quote, line end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^", "\x01"])
def test_the_delimiter_is_the_one_that_all_records_agree_on(reader: Reader, delimiter: str) -> None:
    rows = ["id,name,note", "1,Ana,x y", "2,Ben,z"]
    found = reader.inspect("\n".join(rows).replace(",", delimiter))
    assert (found.delimiter, found.columns) == (delimiter, ("id", "name", "note"))


def test_decimal_commas_are_no_delimiters(reader: Reader) -> None:
    assert reader.inspect("sku;weight\nA;13,75\nB;-35,01\nC;10,5\n").delimiter == ";"


def test_one_column_needs_no_delimiter(reader: Reader) -> None:
    assert reader.rows("full name\nAna Maria\nBen Carl\n") == [(2, ("Ana Maria",)), (3, ("Ben Carl",))]


def test_blanks_are_delimiters_where_cells_with_blanks_are_quoted(reader: Reader) -> None:
    assert reader.rows('id name note\n1 Ana "x y"\n2 Ben z\n')[0] == (2, ("1", "Ana", "x y"))


def test_a_stated_delimiter_is_believed(reader: Reader) -> None:
    assert reader.rows("a;b,c\n1;2,3\n", delimiter=";") == [(2, ("1", "2,3"))]


def test_a_tab_may_be_spelled(reader: Reader) -> None:
    assert reader.rows("a\tb\n1\t2\n", delimiter="\\t") == [(2, ("1", "2"))]


@pytest.mark.parametrize("options", [{"delimiter": "§"}, {"delimiter": ";;"}, {"delimiter": '"'}, {"quote": "\n"}])
def test_an_option_that_cannot_be_is_refused_by_its_name(reader: Reader, options: dict) -> None:
    fault = reader.refusal("a;b\n1;2\n", **options).fault
    assert fault.code == "invalid-params"
    assert fault.details["option"] in options


def test_a_line_sep_states_the_delimiter(reader: Reader) -> None:
    assert reader.rows("sep=;\r\nsku;qty\r\nA,1;3\r\n") == [(3, ("A,1", "3"))]
    assert (reader.found.header_line, reader.found.lines_above) == (2, 1)


def test_apostrophes_are_quotes_where_they_must_be(reader: Reader) -> None:
    assert reader.rows("id,name\n1,'a, b'\n2,'c, d'\n") == [(2, ("1", "a, b")), (3, ("2", "c, d"))]
    assert reader.found.quote == "'"


def test_a_stated_apostrophe_is_a_quote(reader: Reader) -> None:
    assert reader.rows("id,name\n1,'it''s, so'\n", quote="'") == [(2, ("1", "it's, so"))]


def test_without_quotes_a_quotation_mark_is_text(reader: Reader) -> None:
    assert reader.rows('a;b\n"1;2"\n', quote="") == [(2, ('"1', '2"'))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(reader: Reader, end: str) -> None:
    rows = reader.rows(end.join(["a,b", "1,2", f'3,"x{end}y"', "5,6"]))
    assert rows == [(2, ("1", "2")), (3, ("3", f"x{end}y")), (5, ("5", "6"))]


def test_line_ends_may_be_mixed(reader: Reader) -> None:
    assert reader.rows("a,b\r1,2\r\n3,4\n5,6") == [(2, ("1", "2")), (3, ("3", "4")), (4, ("5", "6"))]


def test_blanks_after_every_delimiter_are_no_part_of_the_cells(reader: Reader) -> None:
    rows = reader.rows('id, name, note\n1, Ana, "x, y"\n2, "Ben" , z \n3, , \n')
    assert rows == [(2, ("1", "Ana", "x, y")), (3, ("2", "Ben", "z ")), (4, ("3", "", ""))]
    assert (reader.found.delimiter, reader.found.columns) == (", ", ("id", "name", "note"))


def test_a_record_that_disagrees_says_nothing_about_blanks(reader: Reader) -> None:
    rows = reader.rows('a, b, c\n"0,5", 1, 2\n, "0,5", 1, 2\n"0,5", 3, 4\n')
    assert rows == [(2, ("0,5", "1", "2")), (3, "extra-cell"), (4, ("0,5", "3", "4"))]


def test_blanks_after_some_delimiters_are_part_of_the_cells(reader: Reader) -> None:
    assert reader.rows("id,name\n1, Ana\n2,Ben\n") == [(2, ("1", " Ana")), (3, ("2", "Ben"))]


def test_cells_that_are_quoted_after_blanks_are_no_text_with_quotes_in_it(reader: Reader) -> None:
    assert reader.rows('id;name\n1; "a; b"\n2;"c; d"\n') == [(2, ("1", "a; b")), (3, ("2", "c; d"))]


def test_a_stated_delimiter_may_have_a_blank_behind_it(reader: Reader) -> None:
    assert reader.rows("a,b\n1,  2\n", delimiter=", ") == [(2, ("1", "2"))]


def test_apostrophes_are_quotes_also_where_a_quotation_mark_is_text(reader: Reader) -> None:
    assert reader.rows("id,name\n1,'disc, 12\"'\n2,'c, d'\n") == [(2, ("1", 'disc, 12"')), (3, ("2", "c, d"))]


def test_apostrophes_are_text_where_quotation_marks_are_quotes(reader: Reader) -> None:
    rows = reader.rows("id,name\n1,'t Hooft\n2,\"O'Neil, 'Ed'\"\n3,'s Gravenhage\n")
    assert [cells[1] for _, cells in rows] == ["'t Hooft", "O'Neil, 'Ed'", "'s Gravenhage"]


# Encoding -------------------------------------------------------------------------------------------------------------

TEXT = "name,city\nJosé,Málaga\nZoë,Köln\n"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("cp1252"), "windows-1252"),
    ],
)
def test_the_encoding_is_found(reader: Reader, data: bytes, name: str) -> None:
    assert reader.rows(data) == [(2, ("José", "Málaga")), (3, ("Zoë", "Köln"))]
    assert reader.found.encoding == name
    assert reader.found.columns == ("name", "city")
    assert reader.found.details["encoding_guessed"] is (name == "windows-1252")


@pytest.mark.parametrize("name", ["iso-8859-15", "utf-16", "utf-16-le", "cp037", "utf-8-sig", "mac-roman"])
def test_a_stated_encoding_is_used(reader: Reader, name: str) -> None:
    assert reader.rows(TEXT.encode(name), encoding=name) == [(2, ("José", "Málaga")), (3, ("Zoë", "Köln"))]


def test_only_the_rows_that_are_no_utf8_fail_when_it_is_stated(reader: Reader) -> None:
    rows = reader.rows(b"a,b\nx,\xc3\xa9\ny,\xe9\nz,ok\n", encoding="utf-8")
    assert rows == [(2, ("x", "é")), (3, "encoding-error"), (4, ("z", "ok"))]


def test_a_few_bad_bytes_do_not_make_a_file_something_else_than_utf8(reader: Reader) -> None:
    rows = reader.rows(b"a,b\n" + "ñ,ó\n".encode() * 200 + b"y,\xe9\n")
    assert reader.found.encoding == "utf-8"
    assert rows[-1] == (202, "encoding-error")


def test_bytes_that_a_guessed_encoding_lacks_fail_with_their_row(reader: Reader) -> None:
    assert reader.rows(b"a,b\nx,\xe9\ny,\x81\xe9\n") == [(2, ("x", "é")), (3, "encoding-error")]


@pytest.mark.parametrize("name", ["utf-9", "utf-7", "base64", "unicode_escape", "idna", "a\0b", ""])
def test_an_encoding_that_is_none_is_refused(reader: Reader, name: str) -> None:
    assert reader.refusal(TEXT, encoding=name).fault.code == "unknown-encoding"


@pytest.mark.parametrize(
    ("data", "stated"),
    [
        (TEXT.encode(), "utf-16"),
        (TEXT.encode("utf-16"), "utf-8"),
        (TEXT.encode("utf-16-le"), "utf-8"),
        (TEXT.encode("utf-16-be"), "utf-16-le"),
        (TEXT.encode("utf-16-le") + b"\0", "utf-16-le"),
        (TEXT.encode(), "utf-32"),
    ],
)
def test_a_stated_encoding_that_does_not_fit_is_refused(reader: Reader, data: bytes, stated: str) -> None:
    assert reader.refusal(data, encoding=stated).fault.code == "encoding-mismatch"


def test_a_transcoded_file_keeps_its_lines_and_its_text(reader: Reader) -> None:
    found = reader.inspect('a,b\r\n"x\r\ny",é\r\nz\r\n'.encode("utf-16"))
    (block,) = reader.form.read(reader.path, found, reader.folder)
    assert block.lines.tolist() == [2, 4]
    assert [block.raw(0), block.raw(1)] == ['"x\r\ny",é'.encode(), b"z"]


def test_a_transcoded_file_is_made_again_where_it_is_gone(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = reader.inspect(TEXT.encode("cp1252"))
    elsewhere = tmp_path_factory.mktemp("attempt")
    (block,) = reader.form.read(reader.path, found, elsewhere)
    assert block.cells.rows()[0] == ("José", "Málaga")


# Header ---------------------------------------------------------------------------------------------------------------


def test_titles_above_the_header_are_passed_over(reader: Reader) -> None:
    data = "Account;DE00\r\nPeriod;January\r\n\r\nref;booked;text;amount\r\nt1;02.01.;Rent;-9\r\nt2;05.01.;Tea;-7\r\n"
    rows = reader.rows(data)
    assert rows[0] == (5, ("t1", "02.01.", "Rent", "-9"))
    assert (reader.found.header_line, reader.found.lines_above) == (4, 3)


@pytest.mark.parametrize(
    "data",
    [
        "a,b,c\n1,2,3\n4,5,6\n",
        "a;b;c\nx;y;z;\nu;v;w;\n",
        "a,b,c\nx\ny\n",
        "only\n",
    ],
)
def test_the_header_is_the_first_record_in_doubt(reader: Reader, data: str) -> None:
    assert reader.inspect(data).header_line == 1


def test_the_header_line_may_be_stated(reader: Reader) -> None:
    assert reader.rows("x,y\n1,2\na,b\n3,4\n", header_line=3) == [(4, ("3", "4"))]
    assert reader.found.columns == ("a", "b")


def test_a_header_in_the_third_row_may_have_years_for_names(reader: Reader) -> None:
    rows = reader.rows("Sales by region,,,\n,,,\nRegion,2023,2024,2025\nNorth,1,2,3\nSouth,4,5,6\n")
    assert rows == [(4, ("North", "1", "2", "3")), (5, ("South", "4", "5", "6"))]
    assert (reader.found.header_line, reader.found.lines_above) == (3, 2)


@pytest.mark.parametrize("data", ["1,2\n3,4\n", "\n1,2\n3,4\n"])
def test_a_file_without_a_header_has_columns_called_by_their_places(reader: Reader, data: str) -> None:
    rows = reader.rows(data, header_line=0)
    assert [cells for _, cells in rows] == [("1", "2"), ("3", "4")]
    assert (reader.found.header_line, reader.found.columns) == (0, ("column_1", "column_2"))


def test_a_first_record_of_values_of_which_one_comes_twice_is_a_row(reader: Reader) -> None:
    assert reader.rows("1,1,2024-05-01,x\n2,7,2024-05-02,y\n") == [
        (1, ("1", "1", "2024-05-01", "x")),
        (2, ("2", "7", "2024-05-02", "y")),
    ]
    assert (reader.found.header_line, reader.found.lines_above) == (0, 0)


def test_every_finding_has_its_reason(reader: Reader) -> None:
    found = reader.inspect("Report\n\nid;name;note\n1;'a;b';x\n2;'c;d';y\n")
    assert found.reasons == {
        "encoding": "every byte of the file is UTF-8",
        "delimiter": "3 of the first 3 records have 3 cells with it",
        "quote": "with apostrophes around cells more records agree",
        "header_line": "each record above it fills few cells, it has a name in each, and most records after it have as many",
    }


def test_what_is_stated_says_so(reader: Reader) -> None:
    found = reader.inspect("a,b\n1,2\n", delimiter=",", quote="", encoding="utf-8", header_line=1)
    assert {*found.reasons.values()} == {"as stated"}
    assert reader.inspect("sep=;\na;b\n1;2\n").reasons["delimiter"] == "the first line of the file states it"


@pytest.mark.parametrize(("data", "line"), [("a,b\n1,2\n", 9), ("sep=,\na,b\n", 1)])
def test_a_stated_header_line_that_is_none_is_refused(reader: Reader, data: str, line: int) -> None:
    fault = reader.refusal(data, header_line=line).fault
    assert (fault.code, fault.details["line"]) == ("no-header", line)


@pytest.mark.parametrize("data", ["\n\n\n", ",,\n,\n", "   \n", '""\n'])
def test_a_file_of_blank_lines_has_no_header(reader: Reader, data: str) -> None:
    assert reader.refusal(data).fault.code == "no-header"


@pytest.mark.parametrize(
    ("data", "columns"),
    [('"a,b\n1,2\n', ('"a', "b")), ('a,"b"c,d\n1,2,3\n', ("a", '"b"c', "d")), ('""a",b\n1,2\n', ('""a"', "b"))],
)
def test_a_header_whose_quotes_are_at_fault_has_its_cells_as_they_were_cut(
    reader: Reader, data: str, columns: tuple[str, ...]
) -> None:
    assert [line for line, _ in reader.rows(data)] == [2]
    assert (reader.found.header_line, reader.found.columns) == (1, columns)
    assert "quotes are at fault" in reader.found.reasons["header_line"]


def test_names_that_come_twice_are_refused_by_name(reader: Reader) -> None:
    fault = reader.refusal("id,name,id\n1,2,3\n").fault
    assert (fault.code, fault.details["columns"]) == ("duplicate-columns", ["id"])


def test_too_many_columns_are_refused(reader: Reader) -> None:
    fault = reader.refusal(",".join(f"c{at}" for at in range(51)) + "\n").fault
    assert (fault.code, fault.details["columns"], fault.details["limit"]) == ("too-many-columns", 51, 50)


def test_a_header_beyond_the_limit_of_a_record_is_refused(reader: Reader) -> None:
    assert reader.refusal("a" * 5000 + "\n1\n", limit=1024).fault.code == "record-too-long"


def test_a_header_without_rows_is_a_file_without_rows(reader: Reader) -> None:
    assert reader.rows("a,b") == []


def test_delimiters_at_the_end_of_every_line_make_a_column_without_a_name(reader: Reader) -> None:
    assert reader.rows("a,b,\n1,2,\n3,4,\n") == [(2, ("1", "2", "")), (3, ("3", "4", ""))]
    assert reader.found.columns == ("a", "b", "")


def test_delimiters_at_the_end_of_every_row_need_none_in_the_header(reader: Reader) -> None:
    assert reader.rows("a;b\n1;2;\n3;4;\n") == [(2, ("1", "2", "")), (3, ("3", "4", ""))]
    assert reader.found.columns == ("a", "b", "")


def test_a_delimiter_at_the_end_of_the_header_alone_makes_no_column(reader: Reader) -> None:
    assert reader.rows("a;b;\n1;2\n3;4\n") == [(2, ("1", "2")), (3, ("3", "4"))]


def test_a_column_with_content_and_no_name_gets_one(reader: Reader) -> None:
    assert reader.inspect("a,,c,\n1,2,3,\n4,,6,\n").columns == ("a", "column_2", "c", "")


def test_the_columns_that_an_error_file_adds_are_told_apart(reader: Reader) -> None:
    found = reader.inspect("a;b;" + ";".join(ADDED_COLUMNS) + "\n1;2;7;8;required;b;A value is required.\n")
    assert found.added_columns == (2, 3, 4, 5, 6)
    assert found.columns == ("a", "b", *ADDED_COLUMNS)


# Rows -----------------------------------------------------------------------------------------------------------------


def test_blank_records_are_no_rows(reader: Reader) -> None:
    rows = reader.rows('a,b\n\n1,2\n,,\n , \n"",\n3,4\n\n\n')
    assert rows == [(3, ("1", "2")), (7, ("3", "4"))]
    assert reader.found.blank_records == 6


def test_rows_with_too_few_or_too_many_cells_fail_alone(reader: Reader) -> None:
    found = reader.inspect("a,b\n1\n1,2,3\n1,2\n")
    (block,) = reader.form.read(reader.path, found, reader.folder)
    assert [(fault.position, fault.code, fault.arguments) for fault in block.faults] == [
        (0, "missing-cell", {"cells": 1, "columns": 2}),
        (1, "extra-cell", {"cells": 3, "columns": 2}),
    ]
    assert block.positions.tolist() == [2]


def test_totals_at_the_end_touch_no_other_row(reader: Reader) -> None:
    assert reader.rows("sku,qty,price\nA,1,2\nB,3,4\n\nTotal: 2 rows\nTotal,4,6\n") == [
        (2, ("A", "1", "2")),
        (3, ("B", "3", "4")),
        (5, "missing-cell"),
        (6, ("Total", "4", "6")),
    ]


def test_a_header_that_comes_again_is_a_row(reader: Reader) -> None:
    assert reader.rows("sku,qty\nA,1\nsku,qty\nB,2\n")[1] == (3, ("sku", "qty"))


def test_a_second_table_below_the_first_fails_where_it_is_wider_or_narrower(reader: Reader) -> None:
    rows = reader.rows("a,b,c\n1,2,3\n4,5,6\n7,8,9\nx,y\n1,2\n")
    assert rows[3:] == [(5, "missing-cell"), (6, "missing-cell")]


def test_a_quote_that_never_ends_fails_its_line_alone(reader: Reader) -> None:
    assert reader.rows('id;title\n1;a\n2;"open\n3;c\n4;"d; e"\n') == [
        (2, ("1", "a")),
        (3, "quote-error"),
        (4, ("3", "c")),
        (5, ("4", "d; e")),
    ]


def test_a_quoted_cell_that_goes_on_after_its_end_fails_its_line_alone(reader: Reader) -> None:
    assert reader.rows('id;title\n1;the "old" mill\n2;"the "old" mill"\n3;c\n') == [
        (2, ("1", 'the "old" mill')),
        (3, "quote-error"),
        (4, ("3", "c")),
    ]


def test_a_lost_delimiter_before_a_quoted_cell_fails_rather_than_shift_cells(reader: Reader) -> None:
    assert reader.rows('id,title,note\n1,boots"warm, dry"\n2,a 12" disc,7" too\n') == [
        (2, "quote-error"),
        (3, ("2", 'a 12" disc', '7" too')),
    ]


def test_words_between_quotes_on_both_sides_of_a_delimiter_fail_rather_than_shift_cells(reader: Reader) -> None:
    rows = reader.rows('id,said,by\n1,so "warm, dry" he said\n2,a 12" disc,"7"" too"\n3,"b",12" x 7" "big" one\n')
    assert rows[0] == (2, "quote-error")
    assert rows[1:] == [(3, ("2", 'a 12" disc', '7" too')), (4, ("3", "b", '12" x 7" "big" one'))]


def test_zero_bytes_stay_in_their_cell(reader: Reader) -> None:
    assert reader.rows("a,b\nx\0y,2\n" + "1,2\n" * 20)[0] == (2, ("x\0y", "2"))


def test_a_mark_inside_the_file_stays_text(reader: Reader) -> None:
    assert reader.rows("a,b\n\ufeffx,2\n") == [(2, ("\ufeffx", "2"))]


def test_a_cell_of_many_megabytes_fails_its_row_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n1,2\n3,")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\n5,6\n")
    form = CsvFormat(100_000, 10, 1 << 18)
    tracemalloc.start()
    try:
        found = form.inspect(path, ReadOptions(), tmp_path)
        blocks = list(form.read(path, found, tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    rows = [row for block in blocks for row in block.cells.rows()]
    faults = [
        (block.first_row + fault.position, fault.code, fault.arguments) for block in blocks for fault in block.faults
    ]
    assert rows == [("1", "2"), ("5", "6")]
    assert faults == [(2, "too-long", {"length": 50_000_003, "limit": 100_000})]
    assert peak < 8_000_000


def test_a_quote_left_open_over_the_limit_fails_its_line_and_eats_nothing(reader: Reader) -> None:
    data = "a,b\n" + '1,"open\n' + "2,x\n" * 1000
    rows = reader.rows(data, limit=1024)
    assert rows[0] == (2, "quote-error")
    assert rows[1:] == [(line, ("2", "x")) for line in range(3, 1003)]


def test_lines_that_each_leave_a_quote_open_are_read_in_one_go(reader: Reader) -> None:
    # Followed to the limit once per line, this file would take minutes.
    rows = reader.rows("a,b\n" + 'x","y\n' * 50_000, limit=1 << 20)
    assert {row for _, row in rows} == {"quote-error"}
    assert len(rows) == 50_000


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"%PDF-1.7\n",
        b"<!DOCTYPE html><html>",
        b"  <?xml version='1.0'?>",
        b'[{"a": 1}]',
        b'{"a": 1}',
        b"a,b\n" + b"\0\1\2" * 100,
    ],
)
def test_what_is_no_table_of_text_is_not_taken_for_one(head: bytes) -> None:
    assert not CsvFormat(1024, 10).recognises(head)


@pytest.mark.parametrize(
    "head", [b"a,b\n1,2\n", "ä;ö\n".encode("utf-16"), "a;ö\n".encode("cp1252"), b"a\0,b\n", b"[x],<y>\n"]
)
def test_text_is_taken(head: bytes) -> None:
    assert CsvFormat(1024, 10).recognises(head)


# There and back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("header", ["id;name;note", "id;name;note;"])
def test_an_error_file_of_ours_reads_as_its_original(reader: Reader, header: str, encoding: str) -> None:
    end = ";" if header.endswith(";") else ""
    text = "\r\n".join([header, f"1;Zoë;x{end}", "2;Ben", f'3;"a;\r\nb";"say ""é"""{end}', ""])
    found = reader.inspect(text.encode(encoding), encoding=None)
    (block,) = reader.form.read(reader.path, found, reader.folder)
    codes = {1: "required", 2: "missing-cell", 3: "pattern"}
    issues = [
        RowIssue(row, int(block.lines[row - 1]), None, None, code, "v", {"cells": 2}, "failed", "")
        for row, code in codes.items()
    ]
    error_file = error_header(found) + error_lines(found, issues, lambda row: block.raw(row - 1))
    again = reader.rows(error_file, encoding=encoding)
    width = len(found.columns)
    assert reader.found.columns == (*found.columns, *ADDED_COLUMNS)
    assert reader.found.added_columns == tuple(range(width, width + 5))
    assert [cells[:3] for _, cells in again] == [("1", "Zoë", "x"), ("2", "Ben", ""), ("3", "a;\r\nb", 'say "é"')]
    assert [cells[width : width + 3] for _, cells in again] == [
        ("1", "2", "required"),
        ("2", "3", "missing-cell"),
        ("3", "4", "pattern"),
    ]


def test_an_error_file_of_loose_delimiters_reads_as_its_original(reader: Reader) -> None:
    found = reader.inspect('id, name, note\n1, "Zoë, A.", x\n2, Ben\n')
    (block,) = reader.form.read(reader.path, found, reader.folder)
    issues = [
        RowIssue(row, int(block.lines[row - 1]), None, None, code, "v", {"cells": 2}, "failed", "")
        for row, code in {1: "required", 2: "missing-cell"}.items()
    ]
    again = reader.rows(error_header(found) + error_lines(found, issues, lambda row: block.raw(row - 1)))
    assert reader.found.columns == (*found.columns, *ADDED_COLUMNS)
    assert [cells[:5] for _, cells in again] == [("1", "Zoë, A.", "x", "1", "2"), ("2", "Ben", "", "2", "3")]
