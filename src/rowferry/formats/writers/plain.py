"""Writes tables as CSV and as JSON Lines, exact to the character: nothing is put before a text that looks like a formula."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from rowferry.domain.schema import FieldType
from rowferry.formats.writers.texts import placed, text, texts
from rowferry.ports import Column

ESCAPED = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    '"': '\\"',
    "\\": "\\\\",
}
"""Characters that stand in no JSON string as they are, and how they stand there. Source: RFC 8259, section 7."""


class CsvWriter:
    """Comma, double quotes, CR LF, UTF-8 without a mark. Source: RFC 4180."""

    name = "csv"
    media_type = "text/csv"
    rows_max: int | None = None
    typed = frozenset[FieldType]()

    def write(self, columns: Sequence[Column], frames: Iterable[pl.DataFrame], scratch: Path) -> Iterator[bytes]:  # noqa: ARG002  # ports.Writer
        """The file, a piece a frame."""
        header = io.StringIO(newline="")
        csv.writer(header, lineterminator="\r\n").writerow([column.name for column in columns])
        yield header.getvalue().encode()
        for frame in frames:
            piece = io.BytesIO()
            placed(frame).select(texts(columns)).write_csv(piece, include_header=False, line_terminator="\r\n")
            yield piece.getvalue()


class JsonLinesWriter:
    """One object a line, with all members each time: numbers with all their digits, documents as they are, UTF-8."""

    name = "jsonl"
    media_type = "application/jsonl"
    rows_max: int | None = None
    typed = frozenset(
        {FieldType.INTEGER, FieldType.NUMBER, FieldType.BOOLEAN, FieldType.OBJECT, FieldType.ARRAY, FieldType.STRING}
    )

    def write(self, columns: Sequence[Column], frames: Iterable[pl.DataFrame], scratch: Path) -> Iterator[bytes]:  # noqa: ARG002  # ports.Writer
        """The file, a piece a frame."""
        line = _line(columns)
        for frame in frames:
            if frame.height:
                yield placed(frame).select(line.str.join("")).item().encode()


def _line(columns: Sequence[Column]) -> pl.Expr:
    parts = list[pl.Expr]()
    for at, column in enumerate(columns):
        lead = ("{" if at == 0 else ",") + json.dumps(column.name, ensure_ascii=False) + ":"
        parts += [pl.lit(lead), _value(at, column).fill_null("null")]
    return pl.concat_str([*parts, pl.lit("}\n")])


def _value(at: int, column: Column) -> pl.Expr:
    shown = text(at, column)
    if column.json:  # between the members of a document a line end is a space like any other
        return shown.str.replace_many({"\n": " ", "\r": " "})
    if isinstance(column.type, (pl.Int64, pl.Decimal, pl.Boolean)):
        return shown
    return pl.concat_str([pl.lit('"'), shown.str.replace_many(ESCAPED), pl.lit('"')])
