"""Writes tables as workbooks (XLSX): texts as texts, numbers as numbers while no digit is lost, dates as dates."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import FieldType
from rowferry.formats.writers.texts import placed, text
from rowferry.ports import Column

ROWS_MAX = 1_048_575
"""Rows of a sheet, the header taken off. Source: Excel specifications and limits."""
COLUMNS_MAX = 16_384
CELL_CHARACTERS_MAX = 32_767
EXACT_DIGITS = 15
"""Digits that a number of a workbook, a double, holds whatever they are. Source: IEEE 754."""
PIECE = 1 << 20
LEVEL = 2
"""A million rows of 8 columns take 8 s of a processor and 48 MB; level 6 takes 12 s for 42 MB."""
EPOCH = 25_569
"""Days from the workbook's day 0 to 1970."""
FIRST_DATE = -25_508
"""1 March 1900 as days from 1970. Days before it are counted wrong by some programs, since one of the first took 1900 for a leap year."""
CONTROL = {chr(code): f"_x{code:04X}_" for code in (*range(9), 11, 12, *range(13, 32), 0xFFFE, 0xFFFF)}
"""Characters that XML has not, or reads as others (CR), as workbooks write them. Source: ECMA-376, part 1, 22.9.2.19 (ST_Xstring)."""
SPACES = r"\A[ \t\n]|[ \t\n]\z|[\t\n]|  "
"""Texts whose blanks a reader may drop unless it is told to keep them."""
MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
GENERAL, TEXT, DATE, HEADER, FIRST_SCALE = range(5)
"""Styles of cells; from the last one on, numbers with 1, 2, … decimals."""
SCALES = 12
WIDTHS = ((pl.Date, 12), (pl.Boolean, 8), (pl.Int64, 12), (pl.Decimal, 14), (pl.Datetime, 26), (pl.Time, 10))
"""How wide columns are, in characters."""
WIDTH = 24


class WorkbookWriter:
    """One sheet, frozen below its header. The file is made whole before its first byte is given: only its end says where its parts are."""

    name = "xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    typed = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN, FieldType.DATE})

    def __init__(self, rows_max: int = ROWS_MAX) -> None:
        self._rows_max = rows_max

    @property
    def rows_max(self) -> int | None:
        """Rows of its one sheet."""
        return self._rows_max

    def write(self, columns: Sequence[Column], frames: Iterable[pl.DataFrame], scratch: Path) -> Iterator[bytes]:
        """The file in pieces.

        Raises:
            JobStopped: too-many-rows, too-many-columns, cell-too-long; before the first piece.
        """
        if len(columns) > COLUMNS_MAX:
            raise _unfit(JobFaultCode.TOO_MANY_COLUMNS, f"A sheet has at most {COLUMNS_MAX} columns.")
        with NamedTemporaryFile(dir=scratch, prefix="workbook-") as file:
            try:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
                    _fill(archive, columns, frames, self._rows_max)
            except (zipfile.LargeZipFile, RuntimeError) as fault:
                raise _unfit(JobFaultCode.TOO_MANY_ROWS, "The sheet is larger than a workbook holds (2 GB).") from fault
            file.seek(0)
            while piece := file.read(PIECE):
                yield piece


def _fill(archive: zipfile.ZipFile, columns: Sequence[Column], frames: Iterable[pl.DataFrame], rows_max: int) -> None:
    for name, content in SHELL.items():
        archive.writestr(name, content)
    with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
        sheet.write(_beginning(columns).encode())
        written = _rows(sheet, columns, frames, rows_max)
        sheet.write(_end(len(columns), written + 1).encode())


def _rows(sheet: IO[bytes], columns: Sequence[Column], frames: Iterable[pl.DataFrame], rows_max: int) -> int:
    """Writes the rows; gives how many there were."""
    cells = [_Cell(at, column) for at, column in enumerate(columns)]
    row = pl.concat_str(
        [pl.lit('<row r="'), pl.col("line"), pl.lit('">'), *(cell.xml() for cell in cells), pl.lit("</row>")]
    )
    written = 0
    for frame in frames:
        if written + frame.height > rows_max:
            raise _unfit(JobFaultCode.TOO_MANY_ROWS, f"A sheet has at most {rows_max} rows below its header.")
        if frame.height:
            lines = pl.int_range(written + 2, written + 2 + frame.height, eager=True).cast(pl.String).alias("line")
            whole = placed(frame).with_columns(lines)
            _check_lengths(whole, columns, written)
            sheet.write(whole.select(row.str.join("")).item().encode())
            written += frame.height
    return written


def _check_lengths(frame: pl.DataFrame, columns: Sequence[Column], written: int) -> None:
    for at, column in enumerate(columns):
        if not isinstance(column.type, pl.String):
            continue
        # A character beyond the first 65,536 counts twice there.
        texts = pl.col(str(at))
        lengths = texts.str.len_chars() + texts.str.count_matches(r"[\x{10000}-\x{10FFFF}]")
        long = frame.select((lengths > CELL_CHARACTERS_MAX).fill_null(value=False).arg_true()).to_series()
        if len(long):
            raise _unfit(
                JobFaultCode.CELL_TOO_LONG,
                f"Row {written + int(long[0]) + 1} has a text in {column.name} that is longer than the {CELL_CHARACTERS_MAX} "
                "characters of a cell.",
            )


def _unfit(code: JobFaultCode, reason: str) -> JobStopped:
    return stop(code, f"No workbook holds these rows. {reason} Take csv, jsonl or parquet.")


# Cells ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """The cells of one column, as XML."""

    at: int
    column: Column

    def xml(self) -> pl.Expr:
        """The cell of each row; "" where it is empty, since a cell that is not there is empty."""
        kind = self.column.type
        if isinstance(kind, pl.Boolean):
            cell = self._of("b", GENERAL, pl.col(str(self.at)).cast(pl.Int8).cast(pl.String))
        elif isinstance(kind, pl.Date):
            day = pl.col(str(self.at)).cast(pl.Int32)
            serial = self._of(None, DATE, (day + EPOCH).cast(pl.String))
            cell = pl.when(day >= FIRST_DATE).then(serial).otherwise(self._text())
        elif isinstance(kind, (pl.Int64, pl.Decimal)):
            cell = self._number(kind)
        else:
            cell = self._text()
        return cell.fill_null("")

    def _number(self, kind: pl.DataType) -> pl.Expr:
        shown = text(self.at, self.column)
        if isinstance(kind, pl.Decimal) and kind.scale:
            shown = shown.str.strip_chars_end("0").str.strip_suffix(".")
        digits = shown.str.replace_all("[^0-9]", "").str.strip_chars_start("0").str.len_bytes()
        scale = kind.scale if isinstance(kind, pl.Decimal) else 0
        style = FIRST_SCALE + scale - 1 if 0 < scale <= SCALES else GENERAL
        number = self._of(None, style, shown)
        return pl.when(digits <= EXACT_DIGITS).then(number).otherwise(self._text())

    def _text(self) -> pl.Expr:
        shown = text(self.at, self.column)
        # What looks like an escape is none; its underscore is escaped.
        safe = shown.str.replace_all("_(x[0-9A-Fa-f]{4})", "_x005F_$1").str.replace_many(CONTROL | MARKUP)
        spaced = pl.when(shown.str.contains(SPACES)).then(pl.lit(' xml:space="preserve"')).otherwise(pl.lit(""))
        lead = pl.lit(f'" s="{TEXT}" t="inlineStr"><is><t')
        cell = pl.concat_str([*self._place(), lead, spaced, pl.lit(">"), safe, pl.lit("</t></is></c>")])
        return pl.when(shown != "").then(cell)

    def _of(self, kind: str | None, style: int, value: pl.Expr) -> pl.Expr:
        marks = (f' s="{style}"' if style else "") + (f' t="{kind}"' if kind else "")
        return pl.concat_str([*self._place(), pl.lit(f'"{marks}><v>'), value, pl.lit("</v></c>")])

    def _place(self) -> list[pl.Expr]:
        return [pl.lit(f'<c r="{letters(self.at)}'), pl.col("line")]


def letters(at: int) -> str:
    """What a sheet calls its column at a place from 0: A to Z, then AA."""
    name = ""
    at += 1
    while at:
        at, left = divmod(at - 1, 26)
        name = chr(ord("A") + left) + name
    return name


# The sheet and what is around it --------------------------------------------------------------------------------------

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _beginning(columns: Sequence[Column]) -> str:
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{_width(column)}" customWidth="1"/>' for at, column in enumerate(columns, 1)
    )
    names = "".join(
        f'<c r="{letters(at)}1" s="{HEADER}" t="inlineStr"><is><t xml:space="preserve">{_escaped(column.name)}</t></is></c>'
        for at, column in enumerate(columns)
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0" tabSelected="1">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols>{widths}</cols><sheetData><row r="1">{names}</row>'
    )


def _end(columns: int, rows: int) -> str:
    return f'</sheetData><autoFilter ref="A1:{letters(columns - 1)}{rows}"/></worksheet>'


def _width(column: Column) -> int:
    return next((width for kind, width in WIDTHS if isinstance(column.type, kind)), WIDTH)


def _escaped(name: str) -> str:
    shown = pl.Series([name]).str.replace_all("_(x[0-9A-Fa-f]{4})", "_x005F_$1").str.replace_many(CONTROL)
    return escape(str(shown[0]))


def _styles() -> str:
    formats = [f"0.{'0' * scale}" for scale in range(1, SCALES + 1)]
    declared = "".join(
        f"<numFmt numFmtId={quoteattr(str(164 + at))} formatCode={quoteattr(code)}/>"
        for at, code in enumerate([*formats, "yyyy-mm-dd"])
    )
    cells = [(0, 0), (49, 0), (164 + SCALES, 0), (49, 1), *((164 + at, 0) for at in range(SCALES))]
    used = "".join(
        f'<xf numFmtId="{code}" fontId="{font}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
        for code, font in cells
    )
    return (
        f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="{SCALES + 1}">{declared}</numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{used}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


SHELL = {
    "[Content_Types].xml": (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETS}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Rows" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": _styles(),
}
"""All members but the sheet. Source: ECMA-376, part 1."""
