"""Makes one CSV file of several tables: a column for each name that one of them has, their rows one after another."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import EmptyFile, Invalid, JobStopped, MalformedJson
from rowferry.pipeline.table import Table
from rowferry.service.records import ROWS, scan

PIECE_CHARACTERS = 1 << 18
JSON_STARTS = ("[", "{")
HEAD_CHARACTERS = 1_024
WRAPPERS = ("transactions", "items", ROWS)
"""Members of a JSON object that may hold the rows."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a file becomes a table; `table` takes the file and a folder for what is made of it."""

    table: Callable[[Path, Path], Table]
    columns_max: int


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files, with the name that its sender gave it."""

    name: str
    table: Table


def part(name: str, path: Path, scratch: Path, reader: Reader) -> Part:
    """A file that is ready to be read; JSON becomes CSV first, with the exact text of each number.

    Raises:
        Invalid: it is no table; the reason names it.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_CHARACTERS).decode("utf-8-sig", "replace").lstrip()
    try:
        if head.startswith(JSON_STARTS):
            path = _from_json(path, scratch / "rows.csv", reader.columns_max)
        return Part(name, reader.table(path, scratch))
    except JobStopped as stopped:
        raise Invalid(reason=f"{name}: {stopped.fault.message}") from stopped
    except (Invalid, MalformedJson) as refusal:
        raise Invalid(reason=f"{name}: {refusal}") from refusal


def csv_of(parts: Iterator[Part]) -> Iterator[bytes]:
    """The joined file in pieces. Source: RFC 4180.

    Raises:
        Invalid: a record of a file cannot be read; the reason names the file and the line.
        EmptyFile: no file has a column with a name.
    """
    every = list(parts)
    columns = {name: at for at, name in enumerate(dict.fromkeys(n for one in every for n in one.table.columns if n))}
    if not columns:
        raise EmptyFile(name="of rows")
    text = io.StringIO(newline="")
    write = csv.writer(text, lineterminator="\r\n").writerow
    write(list(columns))
    for one in every:
        for cells in _rows(one):
            row = [""] * len(columns)
            for name, cell in zip(one.table.columns, cells, strict=True):
                if name:
                    row[columns[name]] = cell
            write(row)
            if text.tell() > PIECE_CHARACTERS:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
    yield text.getvalue().encode()


def _rows(one: Part) -> Iterator[Sequence[str]]:
    try:
        yield from one.table.rows()
    except JobStopped as stopped:
        raise Invalid(reason=f"{one.name}: {stopped.fault.message}") from stopped
    except Invalid as refusal:
        raise Invalid(reason=f"{one.name}: {refusal}") from refusal


def _from_json(path: Path, made: Path, columns_max: int) -> Path:
    """A JSON array of objects, or an object that has it under one of the usual names, as a CSV file."""
    try:
        text = path.read_text(encoding="utf-8-sig").lstrip()
    except UnicodeDecodeError as error:
        raise Invalid(reason="The JSON is not UTF-8.") from error
    if text.startswith("["):
        text = f'{{"{ROWS}":{text}}}'
    head = text[:HEAD_CHARACTERS]
    sent = scan(text, columns_max, (next((name for name in WRAPPERS if f'"{name}"' in head), ROWS),))
    if not sent.columns:
        raise Invalid(reason="There is no row with a column.")
    with made.open("wb") as file:
        file.writelines(sent.csv())
    return made
