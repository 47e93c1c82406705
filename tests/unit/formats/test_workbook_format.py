"""Workbooks as tables: which sheet, which header, which rows, what each cell says, and what is refused with which words."""

import pytest

from bookmaking import LIMITS, by_hand, inspected, packed, rows_of, workbook
from rowferry.domain.faults import JobStopped
from rowferry.formats.workbook import Limits, workbooks

HEADER = ["id", "name"]
ROWS = [HEADER, [1, "a"], [2, "b"]]
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def refused(path, scratch, code, limits=LIMITS, **options) -> str:
    with pytest.raises(JobStopped) as stopped:
        inspected(path, scratch, limits, **options)
    assert stopped.value.fault.code == code
    return stopped.value.fault.message


# Which sheet ----------------------------------------------------------------------------------------------------------


def test_the_first_visible_sheet_with_rows_is_read_and_all_are_named(tmp_path):
    def hidden(_, sheet):
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, [9, "hidden"])
        sheet.hide()

    path = workbook(tmp_path / "b.xlsx", {"Empty": [], "Cover": [["Report"]], "Old": hidden, "Data": ROWS})

    found, blocks = inspected(path, tmp_path)

    assert (found.sheet, found.sheets) == ("Data", ("Empty", "Cover", "Old", "Data"))
    assert (found.format, found.rows, found.typed) == ("xlsx", 2, True)
    assert rows_of(blocks) == [("1", "a"), ("2", "b")]
    assert "not hidden" in found.reasons["sheet"]


@pytest.mark.parametrize(("stated", "sheet"), [("Two", "Two"), ("two ", "Two"), ("2", "Two"), ("1", "1"), ("3", "1")])
def test_a_sheet_is_named_by_its_name_first_then_whatever_its_case_then_by_its_place(tmp_path, stated, sheet):
    path = workbook(tmp_path / "b.xlsx", {"One": ROWS, "Two": ROWS, "1": ROWS})

    assert inspected(path, tmp_path, sheet=stated)[0].sheet == sheet


def test_an_unknown_sheet_is_refused_with_the_names_of_those_that_are_there(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"One": ROWS, "Two": ROWS})

    assert "It has One, Two." in refused(path, tmp_path, "unknown-sheet", sheet="Three")


def test_a_workbook_whose_only_rows_are_hidden_says_where_they_are(tmp_path):
    def hidden(_, sheet):
        sheet.write_row(0, 0, HEADER)
        sheet.very_hidden()

    path = workbook(tmp_path / "b.xlsx", {"Shown": [], "Secret": hidden})

    assert "Secret" in refused(path, tmp_path, "empty-file")
    assert inspected(path, tmp_path, sheet="Secret")[0].columns == ("id", "name")


# Which header and which rows ------------------------------------------------------------------------------------------


def test_titles_above_the_header_and_blank_rows_are_told_and_lines_are_those_of_the_sheet(tmp_path):
    path = workbook(
        tmp_path / "b.xlsx",
        {"S": [["Report of March"], [], ["no", "name", "city"], [1, "a", "x"], [], [" ", ""], [2, "b", "y"], [], [3]]},
    )

    found, blocks = inspected(path, tmp_path)

    assert (found.header_line, found.lines_above, found.rows, found.blank_records) == (3, 2, 3, 3)
    assert [line for block in blocks for line in block.lines] == [4, 7, 9]
    assert rows_of(blocks)[-1] == ("3", "", "")
    assert found.reasons["header_line"] == "the rows above it look like titles"


def test_the_header_can_be_stated_and_must_then_have_content(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"S": [["a", "b"], ["c", "d"], [], ["e", "f"]]})

    found, blocks = inspected(path, tmp_path, header_line=2)

    assert (found.columns, rows_of(blocks)) == (("c", "d"), [("e", "f")])
    assert "Row 3 of the sheet S is empty" in refused(path, tmp_path, "no-header", header_line=3)


def test_a_sheet_that_is_stated_to_have_no_header_is_all_rows_and_its_columns_have_their_places_as_names(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"S": [[], ["a", "b"], ["c"], [], ["d", "e", "f"]]})

    found, blocks = inspected(path, tmp_path, header_line=0)

    assert (found.columns, found.header_line, found.rows) == (("column_1", "column_2", "column_3"), 0, 3)
    assert (found.blank_records, found.lines_above) == (2, 0)
    assert rows_of(blocks) == [("a", "b", ""), ("c", "", ""), ("d", "e", "f")]
    assert "there is none" in found.reasons["header_line"]


def test_a_table_may_begin_anywhere_and_columns_without_a_name_have_one_where_they_have_content(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"S": [[], ["", "a", "", "b"], ["", 1, "x", 2], ["", 3, "", 4]]})

    found, blocks = inspected(path, tmp_path)

    assert found.columns == ("", "a", "column_3", "b")
    assert rows_of(blocks) == [("", "1", "x", "2"), ("", "3", "", "4")]


def test_a_cell_beyond_the_header_fails_its_row_alone_and_a_short_row_is_none(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"S": [HEADER, [1], [2, "b", "", "more"], [3, "c"]]})

    found, (block,) = inspected(path, tmp_path)

    assert found.rows == 3
    assert rows_of([block]) == [("1", ""), ("3", "c")]
    (fault,) = block.faults
    assert (fault.position, str(fault.code), dict(fault.arguments)) == (1, "extra-cell", {"cells": 4, "columns": 2})
    assert block.cut(1) == ["2", "b", "", "more"]
    assert block.raw(1) == b"2,b,,more"


def test_the_columns_that_an_error_file_of_ours_has_are_told_apart(tmp_path):
    added = ["_row", "_line", "_code", "_field", "_message"]
    path = workbook(tmp_path / "b.xlsx", {"S": [[*HEADER, *added], [1, "a", 1, 2, "x", "y", "z"]]})

    assert inspected(path, tmp_path)[0].added_columns == (2, 3, 4, 5, 6)


def test_two_columns_of_one_name_and_too_many_columns_are_refused(tmp_path):
    twice = workbook(tmp_path / "twice.xlsx", {"S": [["a", "b", "a"], [1, 2, 3]]})
    wide = workbook(tmp_path / "wide.xlsx", {"S": [[f"c{number}" for number in range(101)]]})

    assert "more than one column named a" in refused(twice, tmp_path, "duplicate-columns")
    assert "at most 100" in refused(wide, tmp_path, "too-many-columns")


# What a cell says -----------------------------------------------------------------------------------------------------


def test_merged_cells_have_their_value_in_the_first_alone(tmp_path):
    def merged(_, sheet):
        sheet.write_row(0, 0, ["group", "name"])
        sheet.merge_range("A2:A3", "north")
        sheet.write_column("B2", ["a", "b"])

    _, blocks = inspected(workbook(tmp_path / "b.xlsx", {"S": merged}), tmp_path)

    assert rows_of(blocks) == [("north", "a"), ("", "b")]


def test_errors_and_formulas_without_a_result_are_told_by_column_and_empty_results_are_empty(tmp_path):
    sheet = SHEET.format(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="str"><f>X1</f><v>b</v></c></row>'
        '<row r="2"><c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B2"><f>A1</f></c></row>'
        '<row r="3"><c r="A3"><f>A1</f><v/></c><c r="B3"><f>IF(1,"","x")</f><v></v></c></row>'
        '<row r="4"><c r="A4"><f t="shared" si="0"/><v>2.50</v></c><c r="B4" t="b"><v>1</v></c></row>'
    )

    _, (block,) = inspected(by_hand(tmp_path / "b.xlsx", sheet), tmp_path)

    assert rows_of([block]) == [("#DIV/0!", "#NOT-COMPUTED!"), ("#NOT-COMPUTED!", ""), ("2.5", "true")]
    assert {column: list(rows) for column, rows in block.cell_errors.items()} == {"0": [0, 1], "1": [0]}
    assert block.typed.rows() == [(False, False), (False, False), (True, True)]


def test_texts_keep_their_zeros_digits_and_line_ends_and_numbers_all_digits_that_are_written(tmp_path):
    texts = ["00042", "12345678901234567890", "1.10", "a_x000D_\nb", " x ", "&amp;", "_x005F_x0041_"]
    cells = "".join(f'<row r="{line}"><c r="A{line}" t="s"><v>{line - 2}</v></c></row>' for line in range(3, 10))
    written = [text.replace("&", "&amp;") for text in texts]
    strings = "<sst>" + "".join(f"<si><t>{text}</t></si>" for text in ["head", *written]) + "</sst>"
    sheet = SHEET.format(
        '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        '<row r="2"><c r="A2"><v>12345678901234567890</v></c></row>' + cells
    )

    _, (block,) = inspected(by_hand(tmp_path / "b.xlsx", sheet, strings=strings), tmp_path)

    assert [cell for (cell,) in rows_of([block])] == [
        "12345678901234567890",
        *texts[:3],
        "a\r\nb",
        " x ",
        "&amp;",
        "_x0041_",
    ]
    assert block.typed["0"].to_list() == [True, *[False] * 7]


def test_a_record_with_too_much_text_fails_alone(tmp_path):
    limits = Limits(bytes_max=1 << 30, ratio_max=500, record_bytes_max=2_000, columns_max=9)
    path = workbook(tmp_path / "b.xlsx", {"S": [HEADER, [1, "x" * 1_500], ["y" * 1_500, "y" * 1_500], [3, "z"]]})

    _, (block,) = inspected(path, tmp_path, limits)

    (fault,) = block.faults
    assert (fault.position, str(fault.code), dict(fault.arguments)) == (
        1,
        "too-long",
        {"length": 3_000, "limit": 2_000},
    )
    assert [row[0] for row in rows_of([block])] == ["1", "3"]
    assert len(block.raw(1)) < 2_000


def test_a_sheet_is_read_again_without_what_inspecting_it_kept(tmp_path):
    path = workbook(tmp_path / "b.xlsx", {"S": ROWS})
    found, blocks = inspected(path, tmp_path)
    (fresh := tmp_path / "fresh").mkdir()

    again = list(workbooks(LIMITS)[0].read(path, found, fresh))

    assert rows_of(again) == rows_of(blocks)


# What is refused ------------------------------------------------------------------------------------------------------


def test_what_unpacks_to_too_much_is_stopped_by_counting(tmp_path):
    sheet = SHEET.format('<row r="1"><c r="A1"><v>1</v></c></row>' + " " * 3_000_000)
    path = by_hand(tmp_path / "b.xlsx", sheet)
    dense = Limits(1 << 30, 50, 1 << 20, 100, ratio_exempt_bytes=100_000)
    small = Limits(1_000_000, 10_000, 1 << 20, 100)

    assert "50 times" in refused(path, tmp_path, "workbook-too-large", dense)
    assert "1000000 bytes" in refused(path, tmp_path, "workbook-too-large", small)


def test_a_small_table_of_texts_cannot_be_made_into_a_large_one(tmp_path):
    cells = "".join(
        f'<c r="A{line}" t="s"><v>0</v></c>'.join((f'<row r="{line}">', "</row>")) for line in range(1, 3_000)
    )
    path = by_hand(tmp_path / "b.xlsx", SHEET.format(cells), strings=f"<sst><si><t>{'x' * 30_000}</t></si></sst>")

    refused(path, tmp_path, "workbook-too-large", Limits(20_000_000, 10_000, 1 << 20, 100))


@pytest.mark.parametrize(
    ("sheet", "code"),
    [
        (SHEET.format("<row r='1'>"), "workbook-damaged"),
        (
            SHEET.format('<row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>'),
            "workbook-damaged",
        ),
        (SHEET.format('<row r="1"><c r="ZZZ1"><v>1</v></c></row>'), "workbook-damaged"),
        (SHEET.format('<row r="99999999"><c r="A1"><v>1</v></c></row>'), "workbook-damaged"),
        (SHEET.format('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'), "workbook-damaged"),
        (SHEET.format('<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'), "workbook-damaged"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + SHEET.format("&a;"), "workbook-too-large"),
        (SHEET.format("<row x='" + "y" * 9_000_000 + "'/>"), "workbook-damaged"),
        (SHEET.format(""), "empty-file"),
        ("no XML", "workbook-damaged"),
        ("", "workbook-damaged"),
    ],
)
def test_a_sheet_that_no_program_writes_is_refused(tmp_path, sheet, code):
    refused(by_hand(tmp_path / "b.xlsx", sheet), tmp_path, code)


def test_archives_that_are_cut_mixed_up_or_no_workbook_are_refused(tmp_path):
    whole = workbook(tmp_path / "b.xlsx", {"S": ROWS}).read_bytes()
    (cut := tmp_path / "cut.xlsx").write_bytes(whole[:-30])
    flipped = bytearray(whole)
    flipped[whole.index(b"xl/worksheets/sheet1.xml") + 60] ^= 0xFF
    (bad := tmp_path / "bad.xlsx").write_bytes(flipped)

    assert "cut off" in refused(cut, tmp_path, "workbook-damaged")
    refused(bad, tmp_path, "workbook-damaged")
    refused(packed(tmp_path / "none.xlsx", {"[Content_Types].xml": "<Types/>"}), tmp_path, "unknown-format")


def test_compound_files_that_hold_no_workbook_are_refused(tmp_path):
    beginning = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    for content in (beginning, beginning + bytes(504), beginning + b"\xff" * 5_000):
        (path := tmp_path / "b.xls").write_bytes(content)
        refused(path, tmp_path, "workbook-damaged")
