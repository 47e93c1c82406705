"""Cutting and parsing agree with a slow reader of its own, whatever the block size."""

from pathlib import Path

import pytest
import slow_reader_of_csv as slow_reader
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat
from rowferry.formats.csv.grammar import Dialect, Grammar
from rowferry.formats.csv.records import Cutter, Limits, Place
from rowferry.ports import Inspection

SIZES = (1, 7, 64, 1024, 4 << 20)


def inspection_of(columns: int, delimiter: str, quote: str) -> Inspection:
    names = tuple(f"c{at}" for at in range(columns))
    details = {"offset": 0, "line": 1, "codec": None}
    return Inspection("csv", "utf-8", delimiter, quote, 0, names, (), 0, 0, 0, details)


def read(path: Path, columns: int, delimiter: str, quote: str, *, block: int, limit: int = 1 << 20) -> list:
    form = CsvFormat(limit, 100, block)
    got: list = []
    for block_ in form.read(path, inspection_of(columns, delimiter, quote), path.parent):
        assert block_.first_row == len(got) + 1
        rows: list = [None] * block_.rows
        for position, cells in zip(block_.positions.tolist(), block_.cells.rows(), strict=True):
            rows[position] = list(cells)
        for fault in block_.faults:
            assert rows[fault.position] is None
            rows[fault.position] = str(fault.code)
        raws = [block_.raw(position) for position in range(block_.rows)]
        got += [(int(line), raw, row) for line, raw, row in zip(block_.lines, raws, rows, strict=True)]
    return got


def expected(data: bytes, columns: int, delimiter: str, quote: str, limit: int = 1 << 20) -> list:
    def outcome(record: slow_reader.Record) -> object:
        if record.code:
            return record.code
        if len(record.cells) == columns:
            return record.cells
        return "missing-cell" if len(record.cells) < columns else "extra-cell"

    return [(one.line, one.raw, outcome(one)) for one in slow_reader.read(data, delimiter, quote, limit)]


pieces = st.sampled_from(
    [
        ";",
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        "a",
        "é",
        " ",
        '"b"',
        '"x;y"',
        '"p\nq"',
        "\ufeff",
        "1",
        "\t",
        "'",
        "\x1c",
        "\0",
    ]
)
noise = st.lists(pieces, max_size=40).map("".join)
cells = st.one_of(
    st.text("ab é;\n\r\"'", max_size=6).map(lambda text: '"' + text.replace('"', '""') + '"'),
    st.text("ab é1", max_size=6),
    st.just('12" disc'),
)
rows = st.lists(cells, min_size=1, max_size=4).map(";".join)
tables = st.tuples(
    st.lists(st.one_of(rows, rows, rows, noise), max_size=12), st.sampled_from(["\n", "\r\n", "\r"])
).map(lambda drawn: drawn[1].join(drawn[0]))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cutting") / "file.csv"


@settings(max_examples=200, deadline=None)
@given(
    text=st.one_of(noise, tables),
    columns=st.integers(1, 4),
    quote=st.sampled_from(['"', "'", ""]),
    delimiter=st.sampled_from([";", "; "]),
)
@example(text='1;"open\n2;b\n3;"c"\n', columns=2, quote='"', delimiter=";")
@example(text='a";"x\na";"x\na";"x\n', columns=2, quote='"', delimiter=";")
@example(text='boots"warm; dry";9\n12" disc;7" single\n5"x7";8"x10"\n', columns=2, quote='"', delimiter=";")
@example(text='1; "a; b" \n "p\nq" ;  x\n; ""\n boots "warm; dry"; 9\n', columns=2, quote='"', delimiter="; ")
@example(text='""\r\n;;;;;;\'\n\'"";\r\n\' ', columns=1, quote="'", delimiter="; ")
def test_every_block_size_reads_what_the_slow_reader_reads(
    path: Path, text: str, columns: int, quote: str, delimiter: str
) -> None:
    data = text.encode()
    path.write_bytes(data)
    right = expected(data, columns, delimiter, quote)
    for size in SIZES:
        assert read(path, columns, delimiter, quote, block=size) == right


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(noise, tables), limit=st.integers(4, 40))
@example(text='";\n";\n";\n";\n"x";\n', limit=5)
@example(text='x;"a\ny";"b\nz"\n', limit=11)
@example(text='"""\n"a\n"', limit=4)
@example(text='"\r;a";"\ra";"\r"', limit=11)
def test_every_block_size_keeps_the_same_limit_of_a_record(path: Path, text: str, limit: int) -> None:
    data = text.encode()
    path.write_bytes(data)
    right = expected(data, 2, ";", '"', limit)
    for size in SIZES:
        assert read(path, 2, ";", '"', block=size, limit=limit) == right


@settings(max_examples=80, deadline=None)
@given(text=st.one_of(noise, tables), size=st.sampled_from(SIZES))
def test_the_records_are_all_bytes_of_the_file(path: Path, text: str, size: int) -> None:
    path.write_bytes(text.encode())
    with path.open("rb") as file:
        cuts = list(Cutter(file, Grammar(Dialect(b";", b'"')), Place(0, 1), Limits(size, 1 << 20)).cuts())
    whole = b"".join(cut.data[start:end] for cut in cuts for start, end in zip(cut.starts, cut.ends, strict=True))
    assert whole == text.encode()
    if cuts:
        assert cuts[-1].after.offset == len(text.encode())


@settings(max_examples=60, deadline=None)
@given(text=tables.filter(str.strip), size=st.sampled_from(SIZES))
def test_the_inspection_counts_the_rows_that_are_read(path: Path, text: str, size: int) -> None:
    data = b"alpha;beta;gamma\n" + text.encode()
    path.write_bytes(data)
    form = CsvFormat(1 << 20, 100, size)
    found = form.inspect(path, ReadOptions(delimiter=";", header_line=1, encoding="utf-8"), path.parent)
    assert found.rows == sum(block.rows for block in form.read(path, found, path.parent))


def test_a_file_of_several_blocks_is_cut_as_a_whole_however_much_is_read_at_once_first(tmp_path: Path) -> None:
    """What is read at once doubles from half a megabyte on; quoted line ends and line numbers go across the seams."""
    path = tmp_path / "rows.csv"
    data = "".join(f'{n};"two\nlines; ""{n}""";{"x" * (n % 97)}\r\n' for n in range(30_000)).encode()
    path.write_bytes(data)
    assert read(path, 3, ";", '"', block=4 << 20) == expected(data, 3, ";", '"')
