"""Workbooks from the outside world: what another reader sees in each of their sheets, what must be refused, what must be survived."""

import json
from pathlib import Path

import pytest

from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.formats.workbook import Limits, WorkbookFormat, workbooks
from rowferry.formats.workbook.canonical import number
from rowferry.formats.workbook.kept import keep, parts
from rowferry.formats.workbook.limits import Meter

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
FOLDERS = ("calamine", "apache-poi", "csvkit", "csvlint", "frictionless")
ENDINGS = {".xlsx", ".xls", ".xlsb", ".ods"}
LIMITS = Limits(bytes_max=1 << 30, ratio_max=500, record_bytes_max=4 << 20, columns_max=2_000)

PROTECTED = {
    "pass_protected.ods",
    "pass_protected.xlsb",
    "pass_protected.xlsx",
    "password.xls",
    "protected_passtika.xlsb",
    "protected_passtika.xlsx",
    "xor-encryption-abc.xls",
}
DIFFERENT = {
    "duplicate-filename.xlsx": "it has two parts of one name, of which readers take this or that: it is refused",
    "duplicate-filename-case-insensitive.xlsx": "the same, and part names have no case",
    "xlsx-corrupted.xlsx": "its table of texts is no XML: it is refused",
}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of outside files is not at ../shared/corpus")


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((CORPUS / folder).glob("*.*")) if path.suffix in ENDINGS]
    return [path for path in found if path.stat().st_size]


def format_of(path: Path) -> WorkbookFormat | None:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return next((one for one in workbooks(LIMITS) if one.recognises(head)), None)


def grid(path: Path, name: str, scratch: Path) -> list[list[str]]:
    """The first 40 rows and 20 columns of a sheet as canonical texts."""
    form, meter = format_of(path), Meter(LIMITS, path.stat().st_size, scratch)
    assert form is not None
    with form._opening.open(path, meter, scratch / "texts") as book:
        place = [sheet.name for sheet in book.sheets].index(name)
        keep(book, place, scratch / "rows", meter, 1 << 20)
    cells = {(line, column): text for part in parts(scratch / "rows") for line, column, text, _ in part.rows()}
    lines = range(1, 1 + min(40, max((line for line, _ in cells), default=0)))
    return [[cells.get((line, column), "") for column in range(20)] for line in lines]


def answers() -> list[tuple[Path, str, list[list[object]]]]:
    found = []
    for folder in FOLDERS:
        answer = CORPUS / folder / "openpyxl.json"
        for file, book in json.loads(answer.read_text(encoding="utf-8")).items() if answer.exists() else ():
            sheets = book.get("sheets", {})
            found += [(CORPUS / folder / file, name, sheet["rows"]) for name, sheet in sheets.items()]
    return found


def text_of(value: object) -> str:
    """What we make of a value that the other reader gives."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number(repr(value)) or ""
        case {"date": str(moment)}:
            return moment.removesuffix("T00:00:00").removesuffix("000")
        case {"seconds": float(seconds)}:
            whole = round(seconds)
            return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
        case _:
            return str(value).replace(
                "_x000D_", "\r"
            )  # which spreadsheet programs read so, and the other reader does not


@pytest.mark.parametrize(("path", "name", "rows"), answers(), ids=lambda value: getattr(value, "name", None))
def test_each_sheet_has_the_cells_that_another_reader_sees(path, name, rows, tmp_path):
    right = [[text_of(value) for value in row] for row in rows]
    width = max(map(len, right))
    while right and not "".join(right[-1]).strip():
        right.pop()  # rows without content are none
    if path.name in DIFFERENT:
        with pytest.raises(JobStopped):
            grid(path, name, tmp_path)
        return

    assert [row[:width] for row in grid(path, name, tmp_path)] == right


@pytest.mark.parametrize("path", files(*FOLDERS, "hostile"), ids=lambda path: path.name)
def test_each_workbook_is_read_or_refused_with_a_reason(path, tmp_path):
    form = format_of(path)
    if form is None:
        head = path.read_bytes()[:4096]
        assert not head.startswith(b"\xd0\xcf\x11\xe0")
        assert b"xl/" not in head
        return
    if path.name in PROTECTED:
        with pytest.raises(JobStopped, match="workbook-password"):
            form.inspect(path, ReadOptions(), tmp_path)
        return
    try:
        found = form.inspect(path, ReadOptions(), tmp_path)
    except JobStopped:
        return
    blocks = list(form.read(path, found, tmp_path))

    assert sum(block.rows for block in blocks) == found.rows
    for block in blocks:
        assert len(block.positions) + len(block.faults) == block.rows
        assert block.cells.columns == [str(at) for at in range(len(found.columns))]
