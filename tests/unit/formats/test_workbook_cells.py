"""Cells of workbooks against what must come out of them: numbers, days, texts, and both ways to read the markup of a sheet."""

import io
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookmaking import LIMITS, inspected, rows_of, workbook
from rowferry.formats.workbook.canonical import Calendar, canonical, number, numbers
from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.limits import Meter
from rowferry.formats.workbook.shapes import Sort, sort_of
from rowferry.formats.workbook.texts import SharedTexts, decoded
from rowferry.formats.workbook.worksheet import Worksheet

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\n"), max_size=30)
FIRST = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001  # cells have no zone


def said(sort: Sort, texts: list[str], tmp_path, *, from_1904: bool = False) -> list[tuple[str, bool]]:
    """The canonical texts of cells of one sort, and whether they say their value themselves."""
    at = np.arange(len(texts))
    batch = Batch(at + 1, at, np.full(len(texts), sort, np.uint8), pl.Series(texts, dtype=pl.String))
    made, marks = canonical(batch, Calendar(from_1904), SharedTexts(tmp_path, Meter(LIMITS, 1, tmp_path)))
    return list(zip(made.to_list(), (marks == 1).tolist(), strict=True))


# Numbers --------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**10), max_value=10**10))
def test_a_number_of_up_to_15_digits_is_its_own_value_in_plain_digits(value: Decimal) -> None:
    for written in (str(value), repr(float(value)), f"{float(value):.17g}", f"{value:e}"):
        (text,) = numbers(pl.Series([written], dtype=pl.String))[0]

        assert re.fullmatch(r"0|-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?", text)
        assert Decimal(text) == value


@settings(deadline=None)
@given(st.integers(-(10**40), 10**40))
def test_a_whole_number_keeps_every_digit_that_is_written(value: int) -> None:
    assert numbers(pl.Series([str(value)], dtype=pl.String))[0].to_list() == [str(value)]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("11.899999999999999", "11.9"),
        ("0.30000000000000004", "0.3"),
        ("1E-7", "0.0000001"),
        ("1.5E+20", "150000000000000000000"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("007", "7"),
        ("+5.", "5"),
    ],
)
def test_a_number_reads_as_programs_show_it(written: str, text: str) -> None:
    assert numbers(pl.Series([written], dtype=pl.String))[0].to_list() == [text]


@pytest.mark.parametrize("written", ["NaN", "INF", "1_000", "1e999", "--1", "1,5", "0x1", " 1", "٣"])
def test_what_is_no_number_stays_a_text(written: str) -> None:
    texts, marks = numbers(pl.Series([written], dtype=pl.String))

    assert (number(written), texts.to_list(), marks.tolist()) == (None, [written], [0])


# Days -----------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.datetimes(datetime(1904, 1, 2), datetime(9999, 12, 31)), st.booleans())  # noqa: DTZ001  # cells have no zone
def test_a_moment_is_the_same_in_both_calendars_to_the_millisecond(tmp_path_factory, moment, from_1904) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    days = (moment - FIRST[from_1904]) / timedelta(days=1)

    (text, typed), *_ = said(Sort.MOMENT, [repr(days)], tmp_path_factory.getbasetemp(), from_1904=from_1904)

    assert typed
    assert datetime.fromisoformat(text) == moment


@pytest.mark.parametrize(
    ("sort", "written", "text", "typed"),
    [
        (Sort.MOMENT, "1", "1900-01-01", True),
        (Sort.MOMENT, "59", "1900-02-28", True),
        (Sort.MOMENT, "60", "1900-02-29", False),
        (Sort.MOMENT, "61", "1900-03-01", True),
        (Sort.MOMENT, "0", "1900-01-00", False),
        (Sort.MOMENT, "0.5", "12:00:00", True),
        (Sort.MOMENT, "45000.25", "2023-03-15T06:00:00", True),
        (Sort.MOMENT, "45000.0000115741", "2023-03-15T00:00:01", True),
        (Sort.MOMENT, "-1", "-1", True),
        (Sort.MOMENT, "2958466", "2958466", True),
        (Sort.TIME, "0.25", "06:00:00", True),
        (Sort.TIME, "0", "00:00:00", True),
        (Sort.TIME, "1.25", "1900-01-01T06:00:00", True),
        (Sort.DURATION, "1.25", "30:00:00", False),
        (Sort.DURATION, "0.000001", "00:00:00.086", False),
        (Sort.TRUTH, "1", "true", True),
        (Sort.ISO, "2021-01-01T00:00:00", "2021-01-01", True),
        (Sort.ISO, "2021-01-01T10:00:00Z", "2021-01-01T10:00:00Z", True),
        (Sort.ISO, "1.1.2021", "1.1.2021", False),
    ],
)
def test_a_day_reads_as_the_sheet_means_it(tmp_path, sort, written, text, typed) -> None:
    assert said(sort, [written, written], tmp_path) == [(text, typed)] * 2


@pytest.mark.parametrize(
    ("code", "sort"),
    [
        ("General", Sort.NUMBER),
        ("0.00E+00", Sort.NUMBER),
        ('#,##0.00 "days"', Sort.NUMBER),
        ("[Red]0.0;[Blue]-0.0", Sort.NUMBER),
        ("[$-409]d/m/yy h:mm AM/PM;@", Sort.MOMENT),
        ("yyyy\\-mm\\-dd", Sort.MOMENT),
        ("mmm", Sort.MOMENT),
        ('yyyy"年"m"月"', Sort.MOMENT),
        ("mm:ss.0", Sort.TIME),
        ("h:mm AM/PM", Sort.TIME),
        ("[h]:mm:ss", Sort.DURATION),
        ("[Magenta][hh]:mm", Sort.DURATION),
        ("@", Sort.NUMBER),
        ("_-* #,##0.00\\ [$kr-406]_-", Sort.NUMBER),
    ],
)
def test_a_format_says_what_a_number_stands_for(code, sort) -> None:
    assert sort_of(code) is sort


def test_escaped_characters_of_texts_are_decoded_pairs_and_halves_alike() -> None:
    assert decoded("_xD83D__xDE00_ _x0041_ _x41_ _x005F_x") == "😀 A _x41_ _x"
    assert decoded("_xD83D_") == "\ufffd"


# The markup of sheets -------------------------------------------------------------------------------------------------

ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "&#10;", '"': "&quot;"})
CELLS = st.one_of(
    st.integers(-(10**9), 10**9).map(lambda value: (f"<v>{value}</v>", "", Sort.NUMBER, str(value))),
    st.just(("<v>45000</v>", ' s="1"', Sort.MOMENT, "45000")),
    st.integers(0, 99).map(lambda value: (f"<v>{value}</v>", ' t="s"', Sort.SHARED, str(value))),
    TEXT.map(lambda text: (f"<is><t>{text.translate(ESCAPES)}</t></is>", ' t="inlineStr"', Sort.TEXT, decoded(text))),
    TEXT.map(lambda text: (f"<f>A1&amp;B1</f><v>{text.translate(ESCAPES)}</v>", ' t="str"', Sort.TEXT, decoded(text))),
    st.just(("<f>A1</f>", "", Sort.ERROR, "#NOT-COMPUTED!")),
    st.just(('<f t="shared" si="0"/><v></v>', ' s="1"', Sort.MOMENT, "")),
    st.just(("<v>#N/A</v>", ' t="e"', Sort.ERROR, "#N/A")),
    st.just(("", ' s="7"', Sort.NUMBER, "")),
)
ROWS = st.lists(st.dictionaries(st.integers(0, 800), CELLS, max_size=5), max_size=12)


def letters(column: int) -> str:
    text, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def markup(rows, between: str) -> str:
    """A sheet with these rows, a gap before each third, and something between them."""
    written = []
    for at, row in enumerate(rows):
        line = at + at // 3 + 1
        cells = "".join(
            f'<c r="{letters(column)}{line}"{attributes}>{inside}</c>'
            if inside
            else f'<c r="{letters(column)}{line}"{attributes}/>'
            for column, (inside, attributes, _, _) in sorted(row.items())
        )
        written.append(f'<row r="{line}" spans="1:9">{cells}</row>' if cells else f'<row r="{line}"/>')
    return f'<?xml version="1.0"?><worksheet><sheetData>{between.join(written)}</sheetData><x/></worksheet>'


def cells_of(sheet: str, size: int) -> list[tuple[int, int, int, str]]:
    data = io.BytesIO(sheet.encode())
    batches = Worksheet([Sort.NUMBER, Sort.MOMENT]).batches(lambda limit: data.read(min(size, limit)))
    return [
        cell
        for batch in batches
        for cell in zip(batch.lines.tolist(), batch.columns.tolist(), batch.sorts.tolist(), batch.texts, strict=True)
        if cell[3]
    ]


@settings(deadline=None)
@given(ROWS, st.sampled_from([1, 7, 64, 1 << 20]), st.sampled_from(["", "<!-- <row> -->", "<ext><a/></ext>"]))
def test_both_ways_to_read_a_sheet_give_each_cell_whatever_the_pieces(rows, size, between) -> None:
    right = [
        (at + at // 3 + 1, column, int(sort), text)
        for at, row in enumerate(rows)
        for column, (_, _, sort, text) in sorted(row.items())
        if text
    ]

    assert cells_of(markup(rows, between), size) == right


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=20), st.booleans())
def test_what_a_library_writes_is_what_is_read(tmp_path_factory, rows, in_cells) -> None:
    folder = tmp_path_factory.mktemp("books")

    def texts(_, sheet):
        for line, row in enumerate([("a", "b"), *rows]):
            for column, text in enumerate(row):
                sheet.write_string(line, column, text)

    path = workbook(folder / "b.xlsx", {"S": texts}, constant_memory=in_cells)

    _, blocks = inspected(path, folder)

    assert rows_of(blocks) == [row for row in rows if "".join(row).strip(" \t\v\f\r\n")]


def test_dates_times_and_truths_of_a_library_are_typed(tmp_path) -> None:
    def typed(book, sheet):
        sheet.write_row(0, 0, ["a", "b", "c", "d"])
        sheet.write_datetime(1, 0, date(2024, 2, 29), book.add_format({"num_format": "d. mmmm yyyy"}))
        sheet.write_datetime(1, 1, time(7, 5), book.add_format({"num_format": "h:mm"}))
        sheet.write_boolean(1, 2, False)
        sheet.write_number(1, 3, 1e15 + 0.5)

    for from_1904 in (False, True):
        path = workbook(tmp_path / f"{from_1904}.xlsx", {"S": typed}, date_1904=from_1904)
        _, (block,) = inspected(path, tmp_path)

        assert rows_of([block]) == [("2024-02-29", "07:05:00", "false", "1000000000000000")]
        assert block.typed.row(0) == (True, True, True, True)
