"""Parquet files as imports read them: every type to the digit, damage and bombs named, memory flat whatever the footer says."""

import datetime as dt
import io
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.parquet import Limits, ParquetFormat
from rowferry.ports import Block, Inspection

LIMITS = Limits(columns_max=50, record_bytes_max=100_000, pages_bytes_max=100_000_000)


def opened(path: Path, form: ParquetFormat | None = None) -> tuple[Inspection, list[Block]]:
    form = form or ParquetFormat(LIMITS)
    inspection = form.inspect(path, ReadOptions(), path.parent)
    return inspection, list(form.read(path, inspection, path.parent))


def moment(*parts: int) -> dt.datetime:
    """A moment without a zone, as files have them."""
    return dt.datetime(*parts)  # noqa: DTZ001  # on purpose


def written(tmp_path: Path, columns: dict[str, pa.Array], **how: object) -> Path:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path, **how)
    return path


def cells(tmp_path: Path, array: pa.Array, **how: object) -> tuple[list[str], list[bool]]:
    """The texts and typed marks of a column, beside a key that is never empty."""
    path = written(tmp_path, {"n": pa.array(range(len(array))), "it": array}, **how)
    _, (block,) = opened(path)
    assert block.typed is not None
    return block.cells["1"].to_list(), block.typed["1"].to_list()


def stopped(path: Path, form: ParquetFormat | None = None) -> str:
    with pytest.raises(JobStopped) as fault:
        opened(path, form)
    assert fault.value.fault.message.endswith(".")
    return fault.value.fault.code


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array([0, -7, 2**63 - 1, None], pa.int64()), ["0", "-7", "9223372036854775807", ""]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([1, 0, None], pa.int8()), ["1", "0", ""]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (
            pa.array([Decimal("1.50"), Decimal("-0.07"), Decimal("123456789012345678901234567890123456.78")], pa.decimal128(38, 2)),
            ["1.50", "-0.07", "123456789012345678901234567890123456.78"],
        ),
        (pa.array([Decimal("0.0000001")], pa.decimal128(38, 7)), ["0.0000001"]),
        (pa.array([Decimal("0.0000001")], pa.decimal256(60, 7)), ["0.0000001"]),
        (pa.array([0.1, 1.0, 1e21, 1e-7, -2.5]), ["0.1", "1", "1000000000000000000000", "0.0000001", "-2.5"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]), ["0001-01-01", "9999-12-31"]),
        (
            pa.array([moment(2024, 2, 29, 12), moment(2024, 2, 29, 12, 0, 0, 120000)], pa.timestamp("us")),
            ["2024-02-29T12:00:00", "2024-02-29T12:00:00.120"],
        ),
        (pa.array([moment(2024, 7, 1, 10)], pa.timestamp("ms", "Europe/Berlin")), ["2024-07-01T10:00:00Z"]),
        (pa.array([1], pa.timestamp("ns", "UTC")), ["1970-01-01T00:00:00.000000001Z"]),
        (pa.array([dt.time(6, 30), dt.time(23, 59, 59, 5)]), ["06:30:00", "23:59:59.000005"]),
        (pa.array([[1, None], [], None], pa.list_(pa.int32())), ["[1,null]", "[]", ""]),
        (
            pa.array([{"a": 'x"\n', "b": Decimal("1.10")}], pa.struct([("a", pa.string()), ("b", pa.decimal128(5, 2))])),
            ['{"a":"x\\"\\n","b":1.10}'],
        ),
        (pa.array([[("k", 1), ("l", None)]], pa.map_(pa.string(), pa.int8())), ['{"k":1,"l":null}']),
        (pa.array([[(1, "x")]], pa.map_(pa.int8(), pa.string())), ['[[1,"x"]]']),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)  # fmt: skip
def test_a_value_becomes_its_exact_text_that_says_itself(tmp_path, array, texts) -> None:
    assert cells(tmp_path, array) == (texts, [text != "" for text in texts])


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["007", "", None, "=1+1", "a\r\nb"]), ["007", "", "", "=1+1", "a\r\nb"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array(["zä"], pa.large_string()), ["zä"]),
        (pa.array([b"plain", None]), ["plain", ""]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), ["00000000-0000-0000-0000-000000000001"]),
        (pa.array(['{"a": 1}'], pa.json_()), ['{"a": 1}']),
        (pa.array([float("nan"), float("inf")]), ["NaN", "inf"]),
        (pa.nulls(2), ["", ""]),
        (pa.array([2**50], pa.timestamp("ms")), [str(2**50)]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_a_text_stays_as_it_is_and_says_nothing_by_itself(tmp_path, array, texts) -> None:
    assert cells(tmp_path, array) == (texts, [False] * len(texts))


def test_old_moments_of_96_bits_are_read(tmp_path) -> None:
    array = pa.array([moment(2024, 2, 29, 12)], pa.timestamp("ns"))
    assert cells(tmp_path, array, use_deprecated_int96_timestamps=True) == (["2024-02-29T12:00:00"], [True])


def test_rows_without_content_are_none_and_lines_are_places(tmp_path) -> None:
    path = written(
        tmp_path, {"a": pa.array([None, "x", "", "y", None]), "b": pa.array([None, 1, None, None, 2])}, row_group_size=2
    )
    inspection, blocks = opened(path, ParquetFormat(LIMITS, block_bytes=1))
    assert (inspection.rows, inspection.blank_records, inspection.columns) == (3, 2, ("a", "b"))
    assert [line for block in blocks for line in block.lines] == [2, 4, 5]
    assert [block.first_row for block in blocks] == [1, 2, 3]
    assert [block.raw(0) for block in blocks] == [b"x,1", b"y,", b",2"]


def test_a_file_without_rows_is_a_header(tmp_path) -> None:
    inspection, blocks = opened(written(tmp_path, {"a": pa.array([], pa.string())}))
    assert (inspection.rows, inspection.columns, blocks) == (0, ("a",), [])


def test_bytes_that_are_no_text_fail_their_row_alone(tmp_path) -> None:
    path = written(tmp_path, {"n": pa.array([1, 2, 3]), "b": pa.array([b"ok", b"\xff,", b"fine"])})
    _, (block,) = opened(path)
    assert [(fault.position, fault.code) for fault in block.faults] == [(1, "encoding-error")]
    assert block.cells["1"].to_list() == ["ok", "fine"]
    assert list(block.positions) == [0, 2]
    assert block.cut(1) == ["2", "\ufffd,"]
    assert block.raw(1).decode() == '2,"\ufffd,"'


def test_a_record_over_the_limit_fails_and_the_others_pass(tmp_path) -> None:
    path = written(tmp_path, {"n": pa.array([1, 2, 3]), "b": pa.array(["a", "b" * 200_000, "c"])})
    _, (block,) = opened(path)
    assert [(fault.position, fault.code) for fault in block.faults] == [(1, "too-long")]
    assert block.cells["1"].to_list() == ["a", "c"]
    assert block.cut(1) == ["", ""]


def test_nameless_and_twofold_columns(tmp_path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["x"]), pa.array([None], pa.string())], names=["a", "", " "])
    pq.write_table(table, tmp_path / "rows.parquet")
    assert opened(tmp_path / "rows.parquet")[0].columns == ("a", "column_2", "")
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "rows.parquet")
    assert stopped(tmp_path / "rows.parquet") == "duplicate-columns"


def test_columns_with_dots_and_members_of_the_same_name(tmp_path) -> None:
    path = written(
        tmp_path,
        {
            "a.b": pa.array(["x", None, "y"]),
            "a": pa.array([{"b": "p"}, {"b": "q"}, None]),
            "c": pa.array([None, None, "z"]),
        },
    )
    _, (block,) = opened(path)
    assert block.cells.rows() == [("x", '{"b":"p"}', ""), ("", '{"b":"q"}', ""), ("y", "", "z")]


def test_every_read_cuts_alike(tmp_path) -> None:
    rows = 30_000
    path = written(
        tmp_path,
        {"n": pa.array(range(rows)), "t": pa.array([f"text {n % 100} " * (n % 7) for n in range(rows)])},
        row_group_size=7_000,
    )
    form = ParquetFormat(LIMITS, block_bytes=100_000)
    inspection, first = opened(path, form)
    again = list(form.read(path, inspection, tmp_path))
    assert len(first) > 3
    assert [(block.first_row, block.rows) for block in first] == [(block.first_row, block.rows) for block in again]
    assert pl.concat([block.cells for block in first])["0"].to_list() == [str(n) for n in range(rows)]
    assert sum(block.rows for block in first) == inspection.rows == rows


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_codec_and_page_version_is_read(tmp_path, compression, version) -> None:
    path = written(
        tmp_path,
        {"t": pa.array(["a", "b"] * 500), "f": pa.array([0.5] * 1000)},
        compression=compression,
        data_page_version=version,
    )
    assert opened(path)[0].rows == 1000


def test_encodings_that_are_not_the_usual_ones_are_read(tmp_path) -> None:
    columns = {"t": pa.array([f"prefix {n}" for n in range(1000)]), "n": pa.array(range(1000))}
    encodings = {"t": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED"}
    path = written(tmp_path, columns, use_dictionary=False, column_encoding=encodings)
    _, blocks = opened(path)
    assert pl.concat([block.cells for block in blocks]).rows() == [(f"prefix {n}", str(n)) for n in range(1000)]


# Files that are none --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"n": pa.array(range(2000)), "t": pa.array([f"t{n}" for n in range(2000)])}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("keep", [4, 8, 11, 200, -1, -9])
def test_a_file_that_is_cut_off_is_damaged(tmp_path, sound, keep) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(sound[:keep])
    assert stopped(path) == "parquet-damaged"


def test_an_encrypted_footer_is_named(tmp_path, sound) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PARE" + sound[4:-4] + b"PARE")
    assert ParquetFormat(LIMITS).recognises(b"PARE....")
    assert stopped(path) == "parquet-encrypted"


def test_spoilt_bytes_anywhere_are_named_or_harmless(tmp_path, sound) -> None:
    path = tmp_path / "rows.parquet"
    for at in range(4, len(sound) - 8, 97):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :])
        assert survived(path)


def survived(path: Path) -> bool:
    """Whether a file is read with as many rows as were counted, or refused by one of the codes that say what is wrong."""
    try:
        inspection, blocks = opened(path)
    except JobStopped as stop:
        return stop.fault.code.startswith("parquet-") or stop.fault.code in {"duplicate-columns", "no-header"}
    return sum(block.rows for block in blocks) == inspection.rows


def test_a_footer_that_is_too_long_is_refused_unread(tmp_path) -> None:
    path = tmp_path / "rows.parquet"
    with path.open("wb") as file:
        file.write(b"PAR1")
        file.truncate(40_000_000)
        file.seek(40_000_000)
        file.write((39_000_000).to_bytes(4, "little") + b"PAR1")
    assert stopped(path) == "parquet-too-large"


def test_pages_that_unpack_to_too_much_are_refused_before_they_are_unpacked(tmp_path) -> None:
    path = written(
        tmp_path,
        {"t": pa.array(["0" * 20_000_000] * 6)},
        compression="zstd",
        use_dictionary=False,
        data_page_size=1 << 30,
    )
    assert path.stat().st_size < 100_000
    assert stopped(path) == "parquet-too-large"


def test_too_many_columns_are_refused(tmp_path) -> None:
    assert stopped(written(tmp_path, {f"c{n}": pa.array([1]) for n in range(51)})) == "too-many-columns"


MEASURE = """
import sys
from pathlib import Path
from rowferry.domain.schema import ReadOptions
from rowferry.formats.parquet import Limits, ParquetFormat

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

path = Path(sys.argv[1])
form = ParquetFormat(Limits(50, 4_000_000, 100_000_000))
before = peak()
inspection = form.inspect(path, ReadOptions(), path.parent)
blocks = form.read(path, inspection, path.parent)
sizes = [next(blocks).cells[sys.argv[2]].str.len_bytes().sum() for _ in range(20)]
print(max(sizes), peak() - before)
"""


def memory_of(path: Path, column: int) -> tuple[int, int]:
    """The bytes of text in the largest of 20 blocks, and by how many KB the memory of a process grows that reads them."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(column)], check=True, capture_output=True, text=True, timeout=120
    )
    size, grown = done.stdout.split()
    return int(size), int(grown)


def test_a_long_text_that_all_rows_share_stays_in_flat_memory(tmp_path) -> None:
    """200,000 rows of 90,000 characters are 18 GB of text in a file of 1 MB."""
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array(["x" * 90_000]))
    path = written(tmp_path, {"n": pa.array(range(200_000)), "t": shared})
    assert path.stat().st_size < 2_000_000
    size, grown = memory_of(path, 1)
    assert size < 10_000_000
    assert grown < 250_000


def test_texts_that_repeat_the_one_before_stay_in_flat_memory(tmp_path) -> None:
    """1,000 rows of 1 MB that are stored as `the same as above` are 1 GB of text in a file of 50 KB."""
    same = pa.array(["x" * 1_000_000]).take(pa.array([0] * 1_000))
    encoding = {"t": "DELTA_BYTE_ARRAY"}
    path = written(tmp_path, {"t": same}, use_dictionary=False, column_encoding=encoding, data_page_size=1 << 30)
    assert path.stat().st_size < 100_000
    size, grown = memory_of(path, 0)
    assert size < 10_000_000
    assert grown < 250_000


def test_a_list_that_is_too_long_for_any_memory_is_refused(tmp_path) -> None:
    values = pa.Array.from_buffers(pa.int8(), 17_000_000, [None, pa.py_buffer(bytes(17_000_000))])
    long = pa.ListArray.from_arrays(pa.array([0, 17_000_000], pa.int32()), values)
    path = written(tmp_path, {"l": long})
    assert path.stat().st_size < 100_000
    assert stopped(path) == "parquet-too-large"
