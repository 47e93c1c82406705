"""What every format must do, whatever it is: give each row with its line, its cells and its text, and do so as often as one asks."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doors.writing import FILES, TYPED, VALUES, Value, Written, says
from judging import check_blocks, readers, small_readers
from rowferry.domain.schema import ReadOptions
from rowferry.pipeline.inspect import Opened, open_file, source
from rowferry.ports import Block, Readers

SEARCH = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
UNWRITTEN = {"xls"}
"""Formats that nothing here writes."""


def opened(folder: Path, data: bytes, options: Mapping[str, object], by: Readers | None = None) -> Opened:
    """A file in a folder of its own, opened as an import would."""
    place = folder / f"{len(list(folder.iterdir()))}"
    (place / "scratch").mkdir(parents=True)
    (place / "upload").write_bytes(data)
    return open_file(place / "upload", ReadOptions(**options), by or readers(), place / "scratch")  # type: ignore[arg-type]  # tests name texts


def found(blocks: Sequence[Block]) -> list[tuple[int, tuple[str, ...], str, bytes]]:
    """Line, cells, code and text of each row."""
    rows = []
    for block in blocks:
        codes = {fault.position: str(fault.code) for fault in block.faults}
        for position in range(block.rows):
            line, cells = int(block.lines[position]), tuple(block.cut(position))
            rows.append((line, cells, codes.get(position, ""), block.raw(position)))
    return rows


def test_each_format_is_held_to_this_suite() -> None:
    assert {one.name for one in readers().formats} == FILES.keys() | UNWRITTEN
    assert TYPED.keys() <= FILES.keys()


@pytest.mark.parametrize("form", FILES)
@SEARCH
@given(data=st.data())
def test_a_table_is_read_as_it_was_written(form: str, data: st.DataObject) -> None:
    written: Written = data.draw(FILES[form]())
    expected = [(one.line, one.cells, one.code, one.raw) for one in written.rows]
    with TemporaryDirectory() as folder:
        file = opened(Path(folder), written.data, written.options)
        inspection = file.inspection
        assert inspection.format == form
        blocks = check_blocks(file)
        assert found(blocks) == expected
        small = opened(Path(folder), written.data, written.options, small_readers(64))
        assert found(list(small.blocks())) == expected
        assert replace(small.inspection, details={}) == replace(inspection, details={})
        packed = opened(Path(folder), gzip.compress(written.data), written.options)
        assert found(list(packed.blocks())) == expected
        assert packed.inspection.compression == "gzip"
    assert inspection.columns == written.columns
    assert (inspection.rows, inspection.blank_records) == (len(expected), written.blanks)
    assert inspection.added_columns == ()


@pytest.mark.parametrize("form", TYPED)
@SEARCH
@given(data=st.data())
def test_values_of_types_say_themselves_and_texts_do_not(form: str, data: st.DataObject) -> None:
    write, types, mixed = TYPED[form]
    chosen = types if mixed else (data.draw(st.sampled_from(types)),)
    values: list[Value] = data.draw(st.lists(st.one_of([VALUES[one] for one in chosen]), min_size=1, max_size=5))
    with TemporaryDirectory() as folder:
        file = opened(Path(folder), write(values), {})
        blocks = check_blocks(file)
    cells = [cell for block in blocks for cell in block.cells["0"]]
    assert len(cells) == len(values)
    assert [cell for cell, value in zip(cells, values, strict=True) if not says(cell, value)] == []
    assert _marks(blocks) == [not isinstance(value, str) for value in values]
    assert file.inspection.typed


def _marks(blocks: Sequence[Block]) -> list[bool]:
    marks = []
    for block in blocks:
        typed = block.typed is not None and "0" in block.typed.columns
        marks += block.typed["0"].to_list() if block.typed is not None and typed else [False] * block.cells.height
    return marks


@pytest.mark.parametrize("form", FILES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_what_is_found_in_a_file_is_said_with_its_reasons(form: str, data: st.DataObject) -> None:
    written: Written = data.draw(FILES[form]())
    with TemporaryDirectory() as folder:
        inspection = opened(Path(folder), written.data, written.options).inspection
    said = source(inspection)
    assert said["format"] == form
    assert said["rows"] == len(written.rows)
    text = bool(inspection.encoding)
    assert text == (form in {"csv", "json", "jsonl"})
    assert (said["delimiter"] is not None) == (form == "csv")
    assert inspection.reasons
    assert all(reason and not reason.endswith(".") for reason in inspection.reasons.values())
