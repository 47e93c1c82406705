"""Nasty Parquet files."""

import datetime as dt
import io
import struct
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from bad_input.nasty import Nasty, reads, stops


def _table(columns: dict[str, object], how: dict[str, object]) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data, **how)
    return data.getvalue()


def table(columns: dict[str, object], **how: object) -> Callable[[], bytes]:
    """A file with these columns."""
    return partial(_table, columns, how)


ONE = {"id": [1], "label": ["a"]}
MIDNIGHT, NOON = dt.datetime(2024, 2, 29), dt.datetime(2024, 2, 29, 12)  # noqa: DTZ001  # as files have them, without a zone


def _cut() -> bytes:
    return table(ONE)()[:-20]


def _without_footer() -> bytes:
    whole = table(ONE)()
    return whole[:-8] + struct.pack("<I", 2**31) + b"PAR1"


def _encrypted() -> bytes:
    return table(ONE)()[:-4] + b"PARE"


def _spoilt() -> bytes:
    """The first page is zeros."""
    whole = bytearray(table({"id": list(range(1_000)), "label": ["a"] * 1_000}, use_dictionary=False)())
    whole[30:600] = bytes(570)
    return bytes(whole)


def _two_of_one_name() -> bytes:
    data = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array(["a"]), pa.array(["b"])], ["id", "label", "label"]), data
    )
    return data.getvalue()


def _nested() -> bytes:
    rows = {"id": pa.array([1, 2]), "label": pa.array([{"a": [1, None]}, None]), "day": pa.array([[1], []])}
    return table(rows)()


TABLES: list[Nasty] = [
    stops("the first four bytes alone", "parquet", b"PAR1", "parquet-damaged"),
    stops("a file that is cut off", "parquet", _cut, "parquet-damaged"),
    stops("an end that is longer than the file", "parquet", _without_footer, "parquet-damaged"),
    stops("an end that is encrypted", "parquet", _encrypted, "parquet-encrypted", "encrypted"),
    stops("a page of zeros", "parquet", _spoilt, "parquet-damaged"),
    stops("a column twice", "parquet", _two_of_one_name, "duplicate-columns", "label"),
    stops("no column", "parquet", table({}), "no-header"),
    stops("a column of nobody", "parquet", table({**ONE, "colour": ["red"]}), "unknown-columns", "colour"),
    stops("more columns than are taken", "parquet", table({f"c{at}": [1] for at in range(100)}), "too-many-columns"),
    reads("no row", "parquet", table({"id": pa.array([], pa.int64()), "label": pa.array([], pa.string())}), 0),
    reads(
        "rows of nulls",
        "parquet",
        table({"id": [1, None, None, 4], "label": ["a", None, "c", None]}),
        3,
        (2, 3, "id", "required"),
        (3, 4, "label", "required"),
    ),
    reads(
        "bytes that are no text",
        "parquet",
        table({"id": [1, 2], "label": pa.array([b"a", b"\xff\xfe"], pa.binary())}),
        2,
        (2, 2, None, "encoding-error"),
    ),
    reads(
        "numbers of all sorts",
        "parquet",
        table(
            {
                "id": pa.array([1.0, 2.5, float("nan"), None, 2.0**70]),
                "label": pa.array([1, 2, 3, 4, 5], pa.uint64()),
                "price": pa.array([Decimal("1.5000"), Decimal("1.0005"), None, None, None], pa.decimal128(20, 4)),
            }
        ),
        5,
        (2, 2, "id", "type-error"),
        (2, 2, "price", "too-precise"),
        (3, 3, "id", "type-error"),
        (4, 4, "id", "required"),
        (5, 5, "id", "out-of-range"),
    ),
    reads(
        "days and moments",
        "parquet",
        table(
            {
                "id": [1, 2, 3],
                "label": pa.array([dt.date(2024, 2, 29)] * 3),
                "day": pa.array(
                    [MIDNIGHT, NOON, MIDNIGHT],
                    pa.timestamp("us"),
                ),
            }
        ),
        3,
        (2, 2, "day", "type-error"),
        values=("2024-02-29", "2024-02-29"),
    ),
    reads(
        "lists and structures",
        "parquet",
        _nested,
        2,
        (1, 1, "day", "type-error"),
        (2, 2, "label", "required"),
        (2, 2, "day", "type-error"),
    ),
    reads(
        "NUL in a text",
        "parquet",
        table({"id": [1, 2], "label": ["a\0b", "c"]}),
        2,
        (1, 1, "label", "type-error"),
        values=("c",),
    ),
    reads(
        "a text that is longer than is taken",
        "parquet",
        table({"id": [1, 2], "label": ["a", "x" * 50_000]}),
        2,
        (2, 2, None, "too-long"),
    ),
    reads(
        "the same key twice over groups of rows",
        "parquet",
        table({"id": [1, 2, 1], "label": ["a", "b", "c"]}, row_group_size=1),
        3,
        (3, 3, "id", "primary-key"),
    ),
    reads(
        "texts from a dictionary",
        "parquet",
        table({"id": pa.array(["1", "x", "1"]).dictionary_encode(), "label": ["a", "b", "c"]}),
        3,
        (2, 2, "id", "type-error"),
        (3, 3, "id", "primary-key"),
    ),
]
