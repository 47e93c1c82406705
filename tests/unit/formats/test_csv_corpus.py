"""Files from the outside world are read as their own answers say; skipped where they are not at hand."""

import json
from pathlib import Path

import pytest

from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"

WRONG_ANSWERS = {
    "newlines_crlf",  # the answer has CRLF inside a cell, the stored file LF
    "location_coordinates",  # the answer is one object, of another row
}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of outside files is not at ../shared/corpus")


def cases(folder: str) -> list[Path]:
    return sorted(path for path in (CORPUS / folder).glob("*.csv") if path.stem not in WRONG_ANSWERS)


def read(
    path: Path, scratch: Path, *, block: int
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[tuple[int, str]]]:
    form = CsvFormat(1 << 20, 2000, block)
    found = form.inspect(path, ReadOptions(), scratch)
    blocks = list(form.read(path, found, scratch))
    rows = [row for one in blocks for row in one.cells.rows()]
    faults = [(int(one.lines[fault.position]), str(fault.code)) for one in blocks for fault in one.faults]
    assert sum(one.rows for one in blocks) == found.rows == len(rows) + len(faults)
    return found.columns, rows, faults


@pytest.mark.parametrize("path", cases("csv-spectrum/csvs"), ids=lambda path: path.stem)
@pytest.mark.parametrize("block", [64, 1024, 4 << 20])
def test_csv_spectrum_reads_as_its_answers(path: Path, block: int, tmp_path: Path) -> None:
    columns, rows, faults = read(path, tmp_path, block=block)
    right = json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_text())
    assert [dict(zip(columns, row, strict=True)) for row in rows] == right
    assert not faults


@pytest.mark.parametrize("path", cases("csv-test-data/csv"), ids=lambda path: path.stem)
@pytest.mark.parametrize("block", [64, 4 << 20])
def test_csv_test_data_reads_as_its_answers(path: Path, block: int, tmp_path: Path) -> None:
    answer = path.parents[1] / "json" / f"{path.stem}.json"
    right = json.loads(answer.read_text()) if answer.exists() else None
    if right is None:
        assert_flagged_or_refused(path, tmp_path, block=block)
        return
    records = (
        [list(right[0]), *(list(row.values()) for row in right)] if right and isinstance(right[0], dict) else right
    )
    # A record whose cells are all empty is no row of ours.
    records = [record for record in records if any(record)]
    if path.stem.startswith("header-") and not right:
        assert read(path, tmp_path, block=block)[1:] == ([], [])
        return
    if not records:
        with pytest.raises(JobStopped):
            read(path, tmp_path, block=block)
        return
    columns, rows, faults = read(path, tmp_path, block=block)
    assert [list(columns), *map(list, rows)] == records
    assert not faults


def assert_flagged_or_refused(path: Path, scratch: Path, *, block: int) -> None:
    """A file that is bad by its name gives a fault, is refused, or has another header than the one that was wanted."""
    if path.stem == "bad-unescaped-quote":
        pytest.skip("a lone quote inside an unquoted cell is text here, as in most exports")
    try:
        columns, _, faults = read(path, scratch, block=block)
    except JobStopped:
        return
    assert faults or columns != ("foo", "bar", "baz") or path.stem.startswith("header-")


@pytest.mark.parametrize("path", sorted(CORPUS.glob("duckdb-csv/fuzz/**/*")), ids=lambda path: path.name)
def test_files_that_broke_another_reader_break_nothing_here(path: Path, tmp_path: Path) -> None:
    if path.is_dir():
        return
    try:
        whole = read(path, tmp_path, block=4 << 20)
    except JobStopped:
        return
    assert read(path, tmp_path, block=64) == whole
