"""Tables of any delimiter, of which one row is spoilt or around which something stands: every other row is read as it was written."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rowferry.domain.schema import ReadOptions
from rowferry.formats.csv import CsvFormat

WORDS = ("stone", "River", "summer", "São", "blue", "gamma", "Köln", "8 Wt.")
KINDS: Sequence[st.SearchStrategy[str]] = (
    st.integers(0, 10**6).map(str),
    st.decimals(0, 999, places=2).map(lambda value: str(value).replace(".", ",")),
    st.dates().map(lambda day: f"{day:%d/%m/%Y}"),
    st.times().map(lambda hour: f"{hour:%H:%M}"),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda words: ", ".join(words) + "."),
    st.sampled_from(["", "it's fine", 'say "hi"', '12" disc']),
)
NAMES = ("Date", "Product Type", "qty", "Größe", "URL", "id_2", "Ort")


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and some rows, each column of one kind; no row is blank."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=3, max_size=7))
    rows = draw(st.lists(st.tuples(*kinds).map(list).filter(any), min_size=5, max_size=12))
    return [list(NAMES[: len(kinds)]), *rows]


def line(cells: Sequence[str], delimiter: str) -> str:
    return delimiter.join(quoted(cell, delimiter) for cell in cells)


def quoted(cell: str, delimiter: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if delimiter[0] in cell or '"' in cell else cell


def read(path: Path, text: str) -> list[tuple[int, list[str] | None]]:
    """Each row: its line and its cells; None for one that fails."""
    path.write_bytes(text.encode())
    form = CsvFormat(1 << 20, 100)
    found = form.inspect(path, ReadOptions(), path.parent)
    rows: list[tuple[int, list[str] | None]] = []
    for block in form.read(path, found, path.parent):
        cells: list[list[str] | None] = [None] * block.rows
        for position, of_row in zip(block.positions.tolist(), block.cells.rows(), strict=True):
            cells[position] = list(of_row)
        rows += zip(block.lines.tolist(), cells, strict=True)
    return rows


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pollution") / "file.csv"


delimiters = st.sampled_from([",", ";", "\t", "|", ", "])
ends = st.sampled_from(["\n", "\r\n", "\r"])


@settings(max_examples=150, deadline=None)
@given(
    table=tables(),
    delimiter=delimiters,
    end=ends,
    above=st.sampled_from([[], ["Report of May"], ["Report", "", ""]]),
    below=st.sampled_from([[], [""], ["", "Total: 9 rows"]]),
)
@example(
    table=[["Date", "Product Type", "qty"], *[["stone, River, stone.", "0,00", ""]] * 5],
    delimiter=";",
    end="\n",
    above=["Report of May"],
    below=[],
)
def test_what_stands_around_a_table_changes_no_row(
    path: Path, table: list[list[str]], delimiter: str, end: str, above: list[str], below: list[str]
) -> None:
    lines = [line(cells, delimiter) for cells in table]
    rows = read(path, end.join([*above, *lines, *below]))
    wanted: list[tuple[int, list[str] | None]] = list(enumerate(table[1:], len(above) + 2))
    total = [(len(above) + len(lines) + len(below), None)] if "Total: 9 rows" in below else []
    assert rows == wanted + total


@settings(max_examples=200, deadline=None)
@given(table=tables(), delimiter=delimiters, data=st.data())
def test_one_spoilt_row_changes_no_other(
    path: Path, table: list[list[str]], delimiter: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(table) - 1), label="row")
    column = data.draw(st.integers(0, len(table[0]) - 2), label="column")
    how = data.draw(st.sampled_from(["more", "less", "quote", "blanks"]), label="how")
    cells = [quoted(cell, delimiter) for cell in table[at]]
    spoilt = {
        "more": delimiter.join([*cells[:column], "", *cells[column:]]),
        "less": delimiter.join([*cells[:column], cells[column] + cells[column + 1], *cells[column + 2 :]]),
        "quote": delimiter.join([*cells[:column], '"' + cells[column], *cells[column + 1 :]]),
        "blanks": line([f"{cell} {cell}" for cell in table[at][:1]], delimiter),
    }[how]
    lines = [line(row, delimiter) for row in table]
    rows = read(path, "\n".join([*lines[:at], spoilt, *lines[at + 1 :], ""]))
    wanted: list[tuple[int, list[str] | None]] = list(enumerate(table[1:], 2))
    wanted[at - 1] = (at + 1, None)
    # A row that is blank now is none.
    assert rows == [row for row in wanted if row[1] is not None or spoilt.strip()]
