"""Workbooks of spreadsheet programs (XLSX, XLSB, XLS, ODS): recognised by content, one sheet of them read in flat memory."""

from collections.abc import Iterator
from pathlib import Path

from rowferry.domain.columns import name_columns
from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import ReadOptions
from rowferry.formats.workbook.book import choose
from rowferry.formats.workbook.header import ROWS_LOOKED_AT, Row, header_at
from rowferry.formats.workbook.kept import keep
from rowferry.formats.workbook.limits import Limits, Meter
from rowferry.formats.workbook.opening import Opening, open_archive, open_compound
from rowferry.formats.workbook.table import Table, counts, filled_columns, first_rows
from rowferry.ports import Block, Inspection

__all__ = ["Limits", "WorkbookFormat", "workbooks"]

BLOCK_BYTES = 4 << 20
ARCHIVE = b"PK\x03\x04"
OLDER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How compound files begin, among them XLS and whatever a password protects. Source: [MS-CFB] 2.2."""
OFFICE_INSIDE = (b"xl/", b"xl\\", b"[Content_Types].xml")
OPEN_INSIDE = (b"opendocument.spreadsheet", b"content.xml")
OTHERS_INSIDE = (b"word/", b"ppt/", b"opendocument.text", b"opendocument.presentation", b"opendocument.graphics")
"""What the first parts of an archive are called that is a workbook, and one that is another document."""


class WorkbookFormat:
    """One sort of workbook (ports.Format).

    Args:
        name: the word of `source.format`; what was found inside may be one that is closer.
        opening: how it begins, and how it is opened.
        limits: what may be in it.
        block_bytes: about how much text a block has.
    """

    def __init__(self, name: str, opening: Opening, limits: Limits, block_bytes: int = BLOCK_BYTES) -> None:
        self._name, self._opening, self._limits, self._block_bytes = name, opening, limits, block_bytes

    @property
    def name(self) -> str:
        """The word of `source.format`."""
        return self._name

    def recognises(self, head: bytes) -> bool:
        """Whether the first bytes are those of such a workbook."""
        return self._opening.begins(head)

    def inspect(self, path: Path, options: ReadOptions, scratch: Path) -> Inspection:
        """Chooses the sheet, keeps its rows in scratch, and finds the header among them.

        Raises:
            JobStopped: the file as a whole cannot be read, or an option does not fit it.
        """
        meter = Meter(self._limits, path.stat().st_size, scratch)
        with self._opening.open(path, meter, _texts_folder(path, scratch)) as book:
            place, why = choose(book, options.sheet)
            folder = _rows_folder(path, scratch, place)
            keep(book, place, folder, meter, self._block_bytes)
        sheet = book.sheets[place].name
        header, reason = _header(folder, options.header_line, sheet)
        self._check_count(header)
        table = Table(folder, header.line, len(header.cells), self._limits.record_bytes_max)
        columns, added = name_columns(header.cells, filled_columns(table))
        rows, blank = counts(folder, header.line)
        return Inspection(
            format=book.format,
            encoding="",
            delimiter="",
            quote="",
            header_line=header.line,
            columns=columns,
            added_columns=added,
            rows=rows,
            blank_records=blank,
            lines_above=max(0, header.line - 1),
            details={"place": place},
            sheet=sheet,
            sheets=tuple(one.name for one in book.sheets),
            typed=True,
            reasons={
                "format": f"its content is that of a workbook ({book.format.upper()})",
                "sheet": why,
                "header_line": reason,
            },
        )

    def read(self, path: Path, inspection: Inspection, scratch: Path) -> Iterator[Block]:
        """The data rows in blocks of about 4 MB of text."""
        place = inspection.details["place"]
        if not isinstance(place, int):
            raise TypeError("the details of an inspection come from the format that made it")
        folder = _rows_folder(path, scratch, place)
        if not folder.exists():
            meter = Meter(self._limits, path.stat().st_size, scratch)
            with self._opening.open(path, meter, _texts_folder(path, scratch)) as book:
                keep(book, place, folder, meter, self._block_bytes)
        return Table(folder, inspection.header_line, len(inspection.columns), self._limits.record_bytes_max).blocks()

    def _check_count(self, header: Row) -> None:
        columns, limit = len(header.cells), self._limits.columns_max
        if columns > limit:
            raise stop(
                JobFaultCode.TOO_MANY_COLUMNS,
                f"The header in row {header.line} has {columns} columns; at most {limit} are taken.",
                columns=columns,
                limit=limit,
            )


def workbooks(limits: Limits) -> tuple[WorkbookFormat, ...]:
    """All sorts of workbooks."""
    return (
        WorkbookFormat("xlsx", Opening(_begins_as_xlsx, open_archive), limits),
        WorkbookFormat("xls", Opening(lambda head: head.startswith(OLDER), open_compound), limits),
        WorkbookFormat("ods", Opening(_begins_as_ods, open_archive), limits),
    )


def _begins_as_xlsx(head: bytes) -> bool:
    inside = any(name in head for name in OFFICE_INSIDE)
    return head.startswith(ARCHIVE) and inside and not any(name in head for name in OTHERS_INSIDE)


def _begins_as_ods(head: bytes) -> bool:
    inside = any(name in head for name in OPEN_INSIDE)
    return head.startswith(ARCHIVE) and inside and not any(name in head for name in OTHERS_INSIDE)


def _header(folder: Path, stated: int | None, sheet: str) -> tuple[Row, str]:
    """The header, and in a few words why it is this row.

    Raises:
        JobStopped: no-header.
    """
    if stated:
        found = first_rows(folder, 1, stated)
        if not found or found[0].line != stated:
            raise _no_header(f"Row {stated} of the sheet {sheet} is empty and cannot be the header.", stated)
        return found[0], "the option header_line names it"
    rows = first_rows(folder, ROWS_LOOKED_AT)
    if not rows:
        raise _no_header(f"The sheet {sheet} has no cell with content. The header must name the columns.", 1)
    if stated == 0:
        width = max(len(row.cells) for row in rows)
        return Row(0, tuple(f"column_{at + 1}" for at in range(width))), "as stated: there is none"
    index = header_at(rows)
    if index:
        return rows[index], "the rows above it look like titles"
    return rows[0], "it is the first row with content"


def _no_header(message: str, line: int) -> JobStopped:
    return stop(JobFaultCode.NO_HEADER, f"{message} The option header_line names another row.", line=line)


def _rows_folder(path: Path, scratch: Path, place: int) -> Path:
    return scratch / f"{path.name}.rows-{place}"


def _texts_folder(path: Path, scratch: Path) -> Path:
    return scratch / f"{path.name}.texts"
