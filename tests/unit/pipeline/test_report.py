"""Error files keep each failed record as it came; issues are grouped by cause."""

import csv
import io
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from rowferry.domain.faults import RowIssue
from rowferry.domain.ledger import Outcome
from rowferry.pipeline.report import causes, error_header, error_lines, in_place, rows_csv, safe, shape
from rowferry.ports import Inspection

PLAIN = Inspection("csv", "utf-8", ";", '"', 1, ("id", "name"), (), 3, 0, 0)


def issue(row: int, code: str, field: str | None = "name", value: str | None = "x", **arguments: object) -> RowIssue:
    return RowIssue(row, row + 1, field, field, code, value, arguments, "failed", "raw")


def read(content: bytes, encoding: str = "utf-8") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=";"))


def test_a_failed_record_stands_in_the_error_file_byte_for_byte() -> None:
    record = b'"7"; "a ""b""\r\nc" '
    lines = error_lines(PLAIN, [issue(2, "required")], lambda _: record)
    assert lines.startswith(record + b";")


def test_the_faults_of_one_row_are_joined_and_ours_are_the_last_five_cells() -> None:
    issues = [issue(2, "required", "id"), issue(2, "enum", value="b", allowed="x, y"), issue(3, "required")]
    content = error_header(PLAIN) + error_lines(PLAIN, issues, lambda row: b"%d;n" % row)
    header, second, third = read(content)
    assert header == ["id", "name", "_row", "_line", "_code", "_field", "_message"]
    assert second[:6] == ["2", "n", "2", "3", "required | enum", "id | name"]
    assert third[2:5] == ["3", "4", "required"]


def test_cells_that_a_record_lacks_are_added_so_that_ours_stand_below_their_names() -> None:
    lines = error_lines(PLAIN, [issue(1, "missing-cell", None, cells=1, columns=2)], lambda _: b"only")
    assert read(lines)[0][:3] == ["only", "", "1"]


def test_an_error_file_that_is_sent_back_and_fails_again_does_not_collect_columns() -> None:
    again = replace(
        PLAIN, columns=("id", "name", "_row", "_line", "_code", "_field", "_message"), added_columns=(2, 3, 4, 5, 6)
    )
    content = error_header(again) + error_lines(again, [issue(1, "required")], lambda _: b"7;n;4;5;enum;name;bad")
    assert [len(cells) for cells in read(content)] == [7, 7]
    assert read(content)[1][:3] == ["7", "n", "1"]


def test_a_source_in_another_encoding_gets_its_errors_in_that_encoding() -> None:
    latin = replace(PLAIN, encoding="cp1252", columns=("id", "größe"))
    content = error_header(latin) + error_lines(latin, [issue(1, "required")], lambda _: "1;é".encode())
    assert read(content, "cp1252")[1][:2] == ["1", "é"]
    utf16 = replace(PLAIN, encoding="utf-16", columns=("id", "größe"))
    content = error_header(utf16) + error_lines(utf16, [issue(1, "required")], lambda _: "1;é".encode())
    assert read(content, "utf-16")[1][:2] == ["1", "é"]


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    assert error_lines(PLAIN, [issue(1, "encoding-error", None, encoding="utf-8")], lambda _: b"1;\xff").startswith(
        b"1;\xff;"
    )


def test_a_message_of_ours_is_no_formula() -> None:
    lines = error_lines(PLAIN, [issue(1, "enum", value="=1+1", allowed="a")], lambda _: b"1;=1+1")
    assert safe("=1") == "'=1"
    assert not read(lines)[0][6].startswith("=")


@pytest.mark.parametrize(
    ("value", "looks"),
    [("03/04/25", "9/9/9"), ("12,3x", "9,9a"), ("Ana María", "a a"), (None, ""), ("", ""), ("a\n\nb", "a a")],
)
def test_values_that_look_alike_have_one_shape(value: str | None, looks: str) -> None:
    assert shape(value) == looks


def test_issues_of_one_cause_are_one_group_with_their_first_as_the_sample() -> None:
    issues = [
        issue(1, "type-error", value="1x"),
        issue(2, "type-error", value="23y"),
        issue(3, "required"),
        issue(4, "type-error", value="-"),
    ]
    groups = causes(issues)
    assert [(group.code, group.shape, group.rows) for group in groups] == [
        ("type-error", "9a", 2),
        ("required", "", 1),
        ("type-error", "-", 1),
    ]
    assert groups[0].sample["row"] == 1


def test_the_output_holds_the_rows_that_are_in() -> None:
    frame = pl.DataFrame({"name": ["a", None, ""], "_row": [1, 2, 3]})
    outcomes = np.array([Outcome.CREATED, Outcome.FAILED, Outcome.UNCHANGED], np.uint8)
    assert rows_csv(in_place(frame, outcomes), header=True).decode() == 'name,_row\na,1\n"",3\n'
