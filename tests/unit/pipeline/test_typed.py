"""Canonical texts become values again, to the digit, or their field is named; a pattern of a field's own is kept to."""

import datetime as dt
from decimal import Decimal

import polars as pl
import pytest

from rowferry.domain.schema import Field, FieldType
from rowferry.pipeline.typed import columns_of, table_frames, texts_of, typed, worded
from rowferry.ports import TableLines

NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)


def values(field: Field, *texts: str | None) -> tuple[list[object], list[str]]:
    frame, wrong = typed([field], pl.DataFrame({"0": texts}, schema={"0": pl.String}))
    return frame[field.name].to_list(), wrong


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Field("f"), "007", "007"),
        (Field("f"), "", ""),
        (Field("f", FieldType.INTEGER), "-9223372036854775808", -(2**63)),
        (Field("f", FieldType.NUMBER, scale=2), "1.5000", Decimal("1.50")),
        (Field("f", FieldType.NUMBER), "0.000000000000000001", Decimal("0.000000000000000001")),
        (Field("f", FieldType.NUMBER, precision=5, scale=0), "12345", Decimal(12345)),
        (Field("f", FieldType.BOOLEAN), "false", False),
        (Field("f", FieldType.DATE), "0001-01-01", dt.date(1, 1, 1)),
        (Field("f", FieldType.DATETIME), "2024-07-01T12:00:00Z", NOON),
        (Field("f", FieldType.DATETIME), "2024-07-01T12:00:00.000001Z", NOON.replace(microsecond=1)),
        (Field("f", FieldType.TIME), "06:30:00.000500000", dt.time(6, 30, 0, 500)),
        (Field("f", FieldType.OBJECT), '{"a": 1.10}', '{"a": 1.10}'),
        (Field("f", FieldType.INTEGER), "", None),
        (Field("f", FieldType.DATE), None, None),
    ],
)
def test_a_text_becomes_its_value(field, text, value) -> None:
    assert values(field, text) == ([value], [])


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("f", FieldType.INTEGER), "1.5"),
        (Field("f", FieldType.NUMBER, scale=2), "1.005"),
        (Field("f", FieldType.NUMBER, precision=3, scale=1), "1234"),
        (Field("f", FieldType.BOOLEAN), "yes"),
        (Field("f", FieldType.DATE), "01.02.2024"),
        (Field("f", FieldType.DATETIME), "2024-07-01"),
    ],
)
def test_a_text_that_is_no_value_names_its_field(field, text) -> None:
    assert values(field, text) == ([None], ["f"])


def test_rows_on_their_way_to_a_writer_keep_every_character() -> None:
    fields = [Field("a"), Field("b", FieldType.BOOLEAN)]
    rows = [{"a": 'x\r\n"é', "b": "true"}, {"a": "", "b": None}]
    assert texts_of(fields, TableLines.of(TableLines(rows).line()).rows).rows() == [('x\r\n"é', "true"), ("", None)]
    (frame,) = table_frames(fields, [TableLines(rows).line()], frozenset(FieldType))
    assert frame.rows() == [('x\r\n"é', True), ("", None)]


def test_dates_are_worded_as_their_field_reads_them() -> None:
    fields = [
        Field("day", FieldType.DATE, format="%d.%m.%Y"),
        Field("at", FieldType.DATETIME, format="%Y/%m/%d %H:%M:%S.%f", timezone="Europe/Berlin"),
        Field("plain", FieldType.DATETIME),
    ]
    frame = pl.DataFrame({"day": [NOON.date()], "at": [NOON], "plain": [NOON]})
    none = frozenset[FieldType]()
    assert worded(fields, frame, none).row(0) == ("01.07.2024", "2024/07/01 14:00:00.000000", NOON)
    assert [column.type for column in columns_of(fields, none)][:2] == [pl.String(), pl.String()]
    assert worded(fields, frame, frozenset(FieldType)).equals(frame)
