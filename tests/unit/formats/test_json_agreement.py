"""The fast reader of JSON agrees with a slow one on columns, cells, lines and faults, whatever the size of its blocks."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from slow_reader_of_json import DECODER, Read, dumped, read_array, read_lines

from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.objects import JsonFormat, JsonLinesFormat
from rowferry.ports import Block

NAMES = st.sampled_from(["a", "b", "c d", "e:f", "é", "\U0001d11e", 'q"', "\\"])
NUMBERS = st.sampled_from(
    ["0", "-0", "1.10", "-12.500", "1e2", "1E-3", "-1.5e+1", "12345678901234567890123", "1e400", "1e99999", "0.1e-2000"]
)
TEXTS = st.text(st.sampled_from('abc"\\:,{}[] é\n\t\x00\U0001d11eeE01null'), max_size=8)
BAD_TEXTS = st.sampled_from([b'"\xff"', b'"a\xc3"', rb'"\ud800"', rb'"x\udc00y"', b'"\xed\xa0\x80"'])


def told(text: str, escaped: bool) -> bytes:
    return json.dumps(text, ensure_ascii=escaped).encode()


SCALARS = st.one_of(
    st.sampled_from([b"null", b"true", b"false", b'""']),
    NUMBERS.map(str.encode),
    st.builds(told, TEXTS, st.booleans()),
)
SPACE = st.sampled_from([b"", b" ", b"\t", b"  "])


def around(space: bytes, inside: bytes) -> bytes:
    return space + inside + space


def of_members(members: list[tuple[bytes, bytes]], space: bytes) -> bytes:
    return b"{" + b",".join(around(space, name) + b":" + around(space, value) for name, value in members) + b"}"


KEYS = st.builds(told, NAMES, st.booleans())


def containers(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    arrays = st.builds(lambda some, space: b"[" + (b"," + space).join(some) + b"]", st.lists(values, max_size=3), SPACE)
    return arrays | st.builds(of_members, st.lists(st.tuples(KEYS, values), max_size=3), SPACE)


VALUES = st.one_of(SCALARS, SCALARS, st.recursive(SCALARS, containers, max_leaves=6), BAD_TEXTS)
UNIQUE = st.lists(st.tuples(KEYS, VALUES), max_size=4)
OBJECTS = st.builds(of_members, UNIQUE, SPACE)
DEEP = st.integers(60, 70).map(lambda depth: b'{"a":' + b"[" * depth + b"]" * depth + b"}")
ELEMENTS = st.one_of(OBJECTS, OBJECTS, OBJECTS, DEEP, SCALARS)
NO_JSON = st.sampled_from(
    [b'{"a":1', b'{"a":}', b'{"a":1,}', b'{"a" 1}', b"{a:1}", b'{"a":01}', b'{"a":NaN}', b"x", b'{"a":1}}']
)
SIZES = [64, 1_024, 1 << 22]


def seen(form: JsonFormat, path: Path) -> tuple[list[str], list[tuple[object, ...]], int, int]:
    """The columns, each row as it was read, how many there are said to be, and how many blank ones."""
    inspection = form.inspect(path, ReadOptions(), path.parent)
    rows: list[tuple[object, ...]] = []
    for block in form.read(path, inspection, path.parent):
        assert block.first_row == len(rows) + 1
        rows += rows_of(block)
    assert len(rows) == inspection.rows
    return list(inspection.columns), rows, inspection.rows, inspection.blank_records


def rows_of(block: Block) -> list[tuple[object, ...]]:
    faults = {fault.position: fault.code for fault in block.faults}
    assert block.typed is not None
    assert block.cells.height == block.typed.height == block.rows - len(faults)
    good = {int(at): place for place, at in enumerate(block.positions)}
    assert set(good) | set(faults) == set(range(block.rows))
    found: list[tuple[object, ...]] = []
    for at, line in enumerate(block.lines.tolist()):
        assert len(block.cut(at)) == block.cells.width
        cells = block.cells.row(good[at]) if at in good else None
        typed = block.typed.row(good[at]) if at in good else None
        found.append((line, block.raw(at), faults.get(at), cells, typed))
        if cells is not None:
            assert list(block.cut(at)) == list(cells)
    return found


def agree(path: Path, form: type[JsonFormat], expected: Read) -> None:
    every = []
    for size in SIZES:
        columns, rows, count, blanks = seen(form(1_000_000, 100, size), path)
        every.append((columns, rows))
        assert (columns, count, blanks) == (expected.columns, len(expected.records), expected.blanks)
    assert every[0] == every[1] == every[2]
    for (line, raw, code, cells, typed), record in zip(every[0][1], expected.records, strict=True):
        assert (line, raw) == (record.line, record.raw)
        assert code in record.codes if record.codes else code is None
        if cells is not None:
            flags = dict(zip(expected.columns, typed, strict=True))
            assert {name for name, flag in flags.items() if flag} == record.typed
            assert list(map(alike, cells)) == [alike(record.members.get(name, "")) for name in expected.columns]


def alike(cell: str) -> str:
    """A cell that is a document in the one form in which two are compared."""
    if not cell.startswith(("{", "[")):
        return cell
    try:
        return dumped(DECODER.decode(cell))
    except ValueError:
        return cell


def names_are_told(expected: Read) -> bool:
    """Whether the columns are those of records that can be had: what names a broken record has is not promised."""
    good = {name for record in expected.records if not record.codes for name in record.members}
    return bool(good) and set(expected.columns) == good


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(ELEMENTS, ELEMENTS, NO_JSON, SPACE), min_size=1, max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_lines_are_read_as_the_slow_reader_reads_them(records: list[bytes], end: bytes, last: bool) -> None:
    data = end.join([b'{"a":"first"}', b'{"b":"second"}', *records]) + (end if last else b"")
    expected = read_lines(data)
    assume(names_are_told(expected))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        assert JsonLinesFormat(1, 1).recognises(data)
        agree(path, JsonLinesFormat, expected)


BETWEEN = st.sampled_from([b",", b", ", b",\n", b" ,\r\n  ", b",\r", b"\n,\n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(ELEMENTS, BETWEEN), min_size=1, max_size=25), BETWEEN, st.booleans())
def test_an_array_is_read_as_the_slow_reader_reads_it(
    elements: list[tuple[bytes, bytes]], one: bytes, same: bool
) -> None:
    data = b'[{"a":"first"}' + b"".join((one if same else other) + element for element, other in elements) + b"\n]\n"
    expected = read_array(data)
    assume(names_are_told(expected))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        assert JsonFormat(1, 1).recognises(data)
        agree(path, JsonFormat, expected)


@settings(max_examples=200, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=6), st.data())
def test_an_array_that_is_broken_anywhere_is_refused_at_one_place_or_read_as_what_it_is(
    objects: list[bytes], data: st.DataObject
) -> None:
    text = bytearray(b'[{"a":1},' + b",".join(objects) + b"]")
    at = data.draw(st.integers(0, len(text) - 1))
    what = data.draw(st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"x", b"\n"]))
    text[at : at + data.draw(st.integers(0, 1))] = what
    broken, answers = bytes(text), []
    assume(JsonFormat(1, 1).recognises(broken))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(broken)
        for size in SIZES:
            try:
                answers.append(seen(JsonFormat(1_000_000, 100, size), path))
            except JobStopped as stopped:
                answers.append((stopped.fault.code, stopped.fault.details))
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0][0] == "json-damaged") != well_formed(broken)


def well_formed(text: bytes) -> bool:
    try:
        DECODER.decode(text.decode("utf-8", "surrogateescape"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("size", SIZES)
def test_records_beyond_the_limit_fail_alone_wherever_blocks_end(tmp_path: Path, size: int) -> None:
    long = [
        '{"a": "' + "x" * 3_000 + '"}',
        '{"b": [' + "[1, 2], " * 500 + '"]}\\""]}',
        "9" * 2_000,
        '"' + "\\\\" * 900 + '"',
    ]
    for form, text in (
        (JsonFormat, '[{"a": 1},\n' + ",\r\n".join(f'{one},\n{{"a": {at}}}' for at, one in enumerate(long)) + "]"),
        (JsonLinesFormat, '{"a": 1}\n' + "\n".join(f'{one}\n{{"a": {at}}}' for at, one in enumerate(long))),
    ):
        path = tmp_path / form.name
        path.write_text(text, newline="")
        columns, rows, count, _ = seen(form(1_500, 100, size), path)
        assert (columns, count) == (["a"], 9)
        assert [(line, code) for line, _, code, _, _ in rows if code] == [(line, "too-long") for line in (2, 4, 6, 8)]
        assert [len(raw) for _, raw, code, _, _ in rows if code] == [1_500] * 4
        assert [cells for *_, cells, _ in rows if cells] == [("1",), ("0",), ("1",), ("2",), ("3",)]
