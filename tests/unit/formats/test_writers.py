"""What each writer writes, an import reads back as the very same values; and what no file of a format holds is said."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from rowferry import main
from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import Field, FieldType, ImportKind, ImportOptions, Mode, ReadOptions, Schema
from rowferry.formats.writers.columnar import ParquetWriter
from rowferry.formats.writers.plain import CsvWriter, JsonLinesWriter
from rowferry.formats.writers.workbook import WorkbookWriter, letters
from rowferry.pipeline import transform
from rowferry.pipeline.inspect import Opened, open_file
from rowferry.ports import Column, Writer
from rowferry.settings import Settings

WRITERS: tuple[Writer, ...] = (CsvWriter(), JsonLinesWriter(), ParquetWriter(), WorkbookWriter())
FIELDS = (
    Field("key", FieldType.INTEGER),
    Field("text"),
    Field("long_id"),
    Field("whole", FieldType.INTEGER),
    Field("price", FieldType.NUMBER, scale=2),
    Field("ratio", FieldType.NUMBER),
    Field("sure", FieldType.BOOLEAN),
    Field("day", FieldType.DATE),
    Field("at", FieldType.DATETIME),
    Field("clock", FieldType.TIME),
    Field("more", FieldType.OBJECT),
)
KIND = ImportKind("things", Schema(FIELDS, ("key",)))
TYPES = (
    *(pl.Int64(), pl.String(), pl.String(), pl.Int64(), pl.Decimal(38, 2), pl.Decimal(38, 18), pl.Boolean(), pl.Date()),
    *(pl.Datetime("us", "UTC"), pl.Time(), pl.String()),
)
COLUMNS = tuple(Column(field.name, kind, json=field.name == "more") for field, kind in zip(FIELDS, TYPES, strict=True))

CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
"""What PostgreSQL stores as text."""
TEXTS = st.text(CHARACTERS, min_size=1, max_size=20) | st.sampled_from(
    ["=1+1", "-2", "+3", "@x", "007", "1e5", "TRUE", "null", " lead", "trail ", "a\r\nb", "a\rb", "a\nb", "\t", '"', '""', "a,b", "a;b",
     "_x000D_", "_x0041_x0042_", "<a>&amp;", "\u2028", "\x1b", "\ufffe", "🙂", "e\u0301", "2020-01-02", "#REF!", "'quoted", "\ufeff"]
)  # fmt: skip
ROW = st.tuples(
    TEXTS,
    st.from_regex("[0-9]{20}", fullmatch=True),
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(-(10**35), 10**35, places=2),
    st.decimals(-(10**19), 10**19, places=18),
    st.booleans(),
    st.dates(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.times(),
    st.dictionaries(st.text(CHARACTERS), st.integers() | st.text(CHARACTERS), max_size=3).map(
        lambda value: json.dumps(value, ensure_ascii=False)
    ),
)
HOLED = ROW.flatmap(lambda row: st.tuples(*(st.sampled_from([None, value]) for value in row)))


def frame_of(rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    numbered = [(number, *row) for number, row in enumerate(rows, 1)]
    return pl.DataFrame(numbered, dict(zip((field.name for field in FIELDS), TYPES, strict=True)), orient="row")


def file_of(writer: Writer, frames: Iterable[pl.DataFrame], folder: Path, columns: Sequence[Column] = COLUMNS) -> Path:
    path = folder / f"rows.{writer.name}"
    path.write_bytes(b"".join(writer.write(columns, frames, folder)))
    return path


def opened_as_by_an_import(path: Path) -> Opened:
    """The file as an import opens it."""
    readers = main.readers(Settings(data=path.parent, database_url=None))
    return open_file(path, ReadOptions(), readers, path.parent)


def imported(path: Path) -> pl.DataFrame:
    """The values that an import makes of a file, without a word about how to read it."""
    opened = opened_as_by_an_import(path)
    pairs = tuple((at, name) for at, name in enumerate(opened.inspection.columns))
    plan = transform.compile(
        KIND, opened.inspection.columns, pairs, ImportOptions(Mode.UPSERT), opened.blocks, typed=opened.inspection.typed
    )
    parts = [plan.apply(block) for block in opened.blocks()]
    assert [issue for part in parts for issue in part.issues] == []
    return pl.concat([part.frame for part in parts]).select(field.name for field in FIELDS)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
@given(rows=st.lists(ROW | HOLED, min_size=1, max_size=8), cut=st.integers(0, 8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_written_is_read_back_to_the_last_digit(writer, rows, cut) -> None:
    frame = frame_of(rows)
    with TemporaryDirectory() as folder:
        path = file_of(writer, [frame[:cut], frame[cut:]], Path(folder))
        assert_frame_equal(imported(path), frame)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_many_frames_are_one_table_in_flat_pieces(writer, tmp_path) -> None:
    size, count = 1_000, 120
    row = (
        "x",
        "0" * 20,
        1,
        Decimal("1.50"),
        Decimal(2),
        True,
        dt.date(2024, 2, 29),
        dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
    )
    frame = pl.concat([frame_of([(*row, dt.time(6, 30), "{}")])] * size)
    pieces = list(writer.write(COLUMNS, (frame for _ in range(count)), tmp_path))
    assert max(len(piece) for piece in pieces) < 2_000_000
    (tmp_path / "rows").write_bytes(b"".join(pieces))
    assert imported(tmp_path / "rows").height == size * count


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_table_without_rows_has_a_header_where_the_format_has_one(writer, tmp_path) -> None:
    path = file_of(writer, [], tmp_path)
    if writer.name == "jsonl":
        assert path.read_bytes() == b""
    else:
        opened = opened_as_by_an_import(path)
        assert opened.inspection.columns == tuple(column.name for column in COLUMNS)
        assert opened.inspection.rows == 0


def test_csv_is_plain_rfc_4180(tmp_path) -> None:
    columns = (Column('a "b"', pl.String()), Column("n", pl.Decimal(10, 2)))
    frame = pl.DataFrame({"x": ["=1+1", "a\r\nb", None, ""], "y": ["1.50", "-0.05", None, None]}).cast(
        {"y": pl.Decimal(10, 2)}
    )
    path = file_of(CsvWriter(), [frame], tmp_path, columns)
    assert path.read_bytes() == b'"a ""b""",n\r\n=1+1,1.50\r\n"a\r\nb",-0.05\r\n,\r\n"",\r\n'


def test_json_lines_have_all_digits_and_documents_as_such(tmp_path) -> None:
    columns = (
        Column('"k"', pl.Int64()),
        Column("d", pl.Decimal(38, 20)),
        Column("m", pl.String(), json=True),
        Column("s", pl.String()),
    )
    frame = pl.DataFrame(
        {
            "k": [1, None],
            "d": ["0.12345678901234567890", None],
            "m": ['{"a":\n 1.10}', None],
            "s": ['\x00\x1f"\\/é\u2028', None],
        }
    ).cast({"d": pl.Decimal(38, 20)})
    text = file_of(JsonLinesWriter(), [frame], tmp_path, columns).read_bytes().decode()
    lines = text.split("\n")
    assert lines[0].startswith('{"\\"k\\"":1,"d":0.12345678901234567890,"m":{"a":  1.10},"s":"')
    assert json.loads(lines[0])["s"] == '\x00\x1f"\\/é\u2028'
    assert lines[1:] == ['{"\\"k\\"":null,"d":null,"m":null,"s":null}', ""]


def test_a_workbook_has_values_in_their_own_types(tmp_path) -> None:
    columns = (
        *(
            Column("id", pl.String()),
            Column("n", pl.Int64()),
            Column("price", pl.Decimal(38, 2)),
            Column("day", pl.Date()),
        ),
        *(Column("sure", pl.Boolean()), Column("at", pl.Datetime("us", "UTC"))),
    )
    frame = pl.DataFrame(
        {
            "id": ["007", "=1+1", " a\r\nb_x000D_"],
            "n": [1, 123456789012345, 1234567890123456],
            "price": [Decimal("1.50"), Decimal("-0.07"), Decimal("12345678901234.56")],
            "day": [dt.date(2024, 2, 29), dt.date(1899, 12, 31), None],
            "sure": [True, False, None],
            "at": [dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), None, None],
        },
        schema_overrides={"price": pl.Decimal(38, 2)},
    )
    sheet = openpyxl.load_workbook(file_of(WorkbookWriter(), [frame], tmp_path, columns)).active
    assert sheet is not None
    assert sheet.freeze_panes == "A2"
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("id", "n", "price", "day", "sure", "at")
    assert rows[1] == ("007", 1, 1.5, dt.datetime(2024, 2, 29), True, "2024-02-29T12:00:00Z")  # noqa: DTZ001  # as it comes
    assert rows[2] == ("=1+1", 123456789012345, -0.07, "1899-12-31", False, None)
    assert rows[3][1:3] == ("1234567890123456", "12345678901234.56")
    assert sheet["A3"].data_type == "s"
    assert (sheet["A2"].number_format, sheet["C2"].number_format, sheet["D2"].number_format) == (
        "@",
        "0.00",
        "yyyy-mm-dd",
    )


def test_columns_of_a_sheet_are_called_as_sheets_do() -> None:
    assert [letters(at) for at in (0, 25, 26, 51, 701, 702, 16_383)] == ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]


def test_more_rows_than_a_sheet_has_are_refused_before_the_first_byte(tmp_path) -> None:
    frame = pl.DataFrame({"a": ["x"] * 2})
    with pytest.raises(JobStopped, match=r"too-many-rows.*csv"):
        next(WorkbookWriter(rows_max=3).write((Column("a", pl.String()),), [frame, frame], tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("text", "fits"), [("x" * 32_767, True), ("x" * 32_768, False), ("🙂" * 16_384, False)])
def test_a_text_that_no_cell_holds_is_named(tmp_path, text, fits) -> None:
    frame = pl.DataFrame({"a": ["fine", text]})
    pieces = WorkbookWriter().write((Column("a", pl.String()),), [frame], tmp_path)
    if fits:
        assert b"".join(pieces)
    else:
        with pytest.raises(JobStopped, match=r"cell-too-long.*Row 2 has a text in a "):
            next(pieces)
