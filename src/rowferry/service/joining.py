"""Makes one CSV file of several tables: a column for each name that one of them has, their rows one after another."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rowferry.domain.faults import EmptyFile, Invalid, JobStopped
from rowferry.pipeline.table import Table

PIECE_CHARACTERS = 1 << 18


Reader = Callable[[Path, Path], Table]
"""How a file becomes a table: takes the file, and a folder for what is made of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files, with the name that its sender gave it."""

    name: str
    table: Table


def part(name: str, path: Path, scratch: Path, reader: Reader) -> Part:
    """A file that is ready to be read.

    Raises:
        Invalid: it is no table; the reason names it.
    """
    try:
        return Part(name, reader(path, scratch))
    except JobStopped as stopped:
        raise Invalid(reason=f"{name}: {stopped.fault.message}") from stopped


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
