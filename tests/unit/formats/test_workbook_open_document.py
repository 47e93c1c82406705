"""ODS: cells say their types, rows and cells stand for many, what is drawn or noted is no content."""

import pytest

from bookmaking import inspected, packed, rows_of
from rowferry.domain.faults import JobStopped
from rowferry.formats.workbook import Limits

DOCUMENT = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x" xmlns:style="s" xmlns:calcext="c" xmlns:draw="d">'
    '<office:automatic-styles><style:style style:name="off" style:family="table">'
    '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
    "<office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"
)
TABLE = '<table:table table:name="{}" table:style-name="{}">{}</table:table>'
HEADER = (
    "<table:table-row>"
    + "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>' for name in "abc"
    )
    + "</table:table-row>"
)


def ods(path, *tables, manifest="<manifest/>"):
    document = DOCUMENT.format("".join(TABLE.format(*table) for table in tables))
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return packed(path, {"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": document})


def test_cells_are_what_their_types_say(tmp_path):
    rows = (
        '<table:table-row><table:table-cell office:value-type="float" office:value="1.50"><text:p>1,5</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-03-01"/>'
        '<table:table-cell office:value-type="date" office:date-value="2026-03-01T10:20:30"/></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="time" office:time-value="PT10H20M30S"/>'
        '<table:table-cell office:value-type="time" office:time-value="PT30H00M00S"/>'
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"/></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="percentage" office:value="0.5"/>'
        '<table:table-cell office:value-type="string" calcext:value-type="error"><text:p>#REF!</text:p></table:table-cell>'
        '<table:table-cell table:formula="of:=1"/></table:table-row>'
    )
    found, (block,) = inspected(ods(tmp_path / "b.ods", ("S", "on", HEADER + rows)), tmp_path)

    assert found.format == "ods"
    assert rows_of([block]) == [
        ("1.5", "2026-03-01", "2026-03-01T10:20:30"),
        ("10:20:30", "30:00:00", "true"),
        ("0.5", "#REF!", "#NOT-COMPUTED!"),
    ]
    assert block.typed.rows() == [(True, True, True), (True, False, True), (True, False, False)]
    assert {column: list(rows) for column, rows in block.cell_errors.items()} == {"1": [2], "2": [2]}


def test_repeated_rows_and_cells_are_as_many_as_they_say_and_empty_ones_are_none(tmp_path):
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell>'
    rows = (
        f'<table:table-row table:number-rows-repeated="3">{cell}<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="4"><table:table-cell/></table:table-row>'
        f"<table:table-row><table:covered-table-cell/>{cell}</table:table-row>"
        '<table:table-row table:number-rows-repeated="1048567"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    found, blocks = inspected(ods(tmp_path / "b.ods", ("S", "on", HEADER + rows)), tmp_path)

    assert (found.rows, found.blank_records) == (4, 4)
    assert rows_of(blocks) == [*[("x", "x", "")] * 3, ("", "x", "x")]
    assert [line for block in blocks for line in block.lines] == [2, 3, 4, 9]


def test_a_row_that_stands_for_too_many_is_stopped(tmp_path):
    cell = f'<table:table-cell office:value-type="string"><text:p>{"x" * 1000}</text:p></table:table-cell>'
    rows = f'<table:table-row table:number-rows-repeated="1048000">{cell}</table:table-row>'
    path = ods(tmp_path / "b.ods", ("S", "on", HEADER + rows))

    with pytest.raises(JobStopped, match="workbook-too-large"):
        inspected(path, tmp_path, Limits(20_000_000, 500, 1 << 20, 100))


def test_spaces_tabs_and_paragraphs_are_kept_and_notes_and_drawings_left_out(tmp_path):
    cell = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>note</text:p></office:annotation>'
        "<draw:frame><text:p>drawn</text:p></draw:frame>"
        '<text:p> a<text:s text:c="3"/>b <text:span>c</text:span><text:tab/>d</text:p><text:p>e</text:p></table:table-cell>'
    )
    _, blocks = inspected(
        ods(tmp_path / "b.ods", ("S", "on", HEADER + f"<table:table-row>{cell}</table:table-row>")), tmp_path
    )

    assert rows_of(blocks) == [("a   b c\td\ne", "", "")]


def test_hidden_sheets_are_passed_over_and_protected_files_refused(tmp_path):
    path = ods(tmp_path / "b.ods", ("H", "off", HEADER + HEADER), ("S", "on", HEADER + HEADER))
    locked = ods(
        tmp_path / "locked.ods",
        ("S", "on", HEADER),
        manifest="<m:manifest xmlns:m='m'><m:encryption-data/></m:manifest>",
    )

    found, _ = inspected(path, tmp_path)

    assert (found.sheet, found.sheets) == ("S", ("H", "S"))
    with pytest.raises(JobStopped, match="workbook-password"):
        inspected(locked, tmp_path)
