"""What a file is found to be and which of its records are odd, told and written out without server or database."""

import csv
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, cast

from rowferry.domain.faults import JobFault, JobFaultCode, JobStopped, RowCode, message, stop
from rowferry.domain.schema import ReadOptions
from rowferry.pipeline.inspect import Opened, open_file, source
from rowferry.ports import Block, Inspection, Readers

UNREADABLE = "Application Error\n"
"""What stands instead of the records of a file that cannot be read."""
OUTCOMES = '{"rows": ['
LABELS = {"header_line": "header line", "blank_records": "blank records"}
SHOWN = ("format", "compression", "member", "sheet", "encoding", "delimiter", "quote", "header_line")
"""What is told of each file for eyes, and in which order; what a format has not is left out."""
COLUMNS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Record:
    """A data row as it was read: number, line, cells, and why it fails; no code where nothing is wrong with it."""

    row: int
    line: int
    cells: Sequence[str]
    code: str | None = None
    message: str = ""


class Teller(Protocol):
    """Says what is found, while it is found."""

    def begin(self, file: str, inspection: Inspection) -> None:
        """What the file is."""
        ...

    def odd(self, record: Record) -> None:
        """A record that fails."""
        ...

    def end(self, odd: int) -> None:
        """The file is read."""
        ...

    def refused(self, file: str, fault: JobFault) -> None:
        """The file, of which the beginning may have been told, cannot be read (on)."""
        ...


@dataclass(frozen=True, slots=True)
class Looking:
    """How files are looked at: what can read them, how, who tells it, and where their records are written (None: nowhere)."""

    readers: Readers
    options: ReadOptions
    teller: Teller
    records: Path | None = None

    def files(self, paths: Sequence[Path]) -> bool:
        """Looks at each file; whether all could be read."""
        if self.records is not None:
            self.records.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="rowferry-inspect-") as scratch:
            read = [self._file(path, Path(scratch) / str(number)) for number, path in enumerate(paths)]
        return all(read)

    def _file(self, path: Path, scratch: Path) -> bool:
        scratch.mkdir()
        try:
            with ExitStack() as stack:
                written = None if self.records is None else stack.enter_context(Written(self.records, path.name))
                _see_that_it_opens(path)
                self._read(str(path), open_file(path, self.options, self.readers, scratch), written)
        except JobStopped as stopped:
            self.teller.refused(str(path), stopped.fault)
            return _nothing_in_it(stopped.fault)
        finally:
            shutil.rmtree(scratch)
        return True

    def _read(self, file: str, opened: Opened, written: "Written | None") -> None:
        self.teller.begin(file, opened.inspection)
        if written is not None:
            written.header(opened.inspection)
        odd = 0
        for block in opened.blocks():
            for record in records_of(block):
                if written is not None:
                    written.record(record)
                if record.code is not None:
                    odd += 1
                    self.teller.odd(record)
        self.teller.end(odd)


def _see_that_it_opens(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise stop(JobFaultCode.SOURCE_MISSING, f"The file cannot be opened: {error.strerror or error}.") from error


def _nothing_in_it(fault: JobFault) -> bool:
    """Whether the file could be read, and has no record: no byte, or nothing but blank lines."""
    return fault.code == JobFaultCode.EMPTY_FILE or fault.details.get("blank") is True


def records_of(block: Block) -> Iterator[Record]:
    """The rows of a block in their order, good and bad."""
    faults = {fault.position: fault for fault in block.faults}
    errors = _cell_errors(block)
    good = iter(enumerate(block.cells.iter_rows()))
    for position, line in enumerate(block.lines.tolist()):
        row, fault = block.first_row + position, faults.get(position)
        if fault is not None:
            told = message(fault.code, fault.arguments)
            yield Record(row, line, block.cut(position), fault.code, told)
            continue
        at, cells = next(good)
        column = errors.get(at)
        if column is None:
            yield Record(row, line, cells)
        else:
            told = message(RowCode.CELL_ERROR, {"value": cells[column]})
            yield Record(row, line, cells, RowCode.CELL_ERROR, f"Column {column + 1}: {told}")


def _cell_errors(block: Block) -> Mapping[int, int]:
    """By row of `cells`, the first column whose cell is an error of the spreadsheet."""
    found: dict[int, int] = {}
    for column in sorted(map(int, block.cell_errors)):
        for at in block.cell_errors[str(column)].tolist():
            found.setdefault(at, column)
    return found


# Writing --------------------------------------------------------------------------------------------------------------


class Written:
    """The records of one file as CSV, and the outcome of each as JSON; both appear whole when the file is read, or say that it could not be.

    **Source:** RFC 4180.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._targets = folder / f"{name}.csv", folder / f"{name}.outcomes.json"
        self._parts = [target.with_name(f"{target.name}.part") for target in self._targets]
        self._between = "\n"

    def __enter__(self) -> Self:
        self._records, self._outcomes = (part.open("w", encoding="utf-8", newline="") for part in self._parts)
        self._line = csv.writer(self._records, lineterminator="\r\n")
        self._outcomes.write(OUTCOMES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, JobStopped):
            self._begin_anew("" if _nothing_in_it(error.fault) else UNREADABLE)
        self._outcomes.write("\n]}\n")
        self._records.close()
        self._outcomes.close()
        for part, target in zip(self._parts, self._targets, strict=True):
            if error is None or isinstance(error, JobStopped):
                part.replace(target)
            else:
                part.unlink()

    def _begin_anew(self, records: str) -> None:
        for file, text in ((self._records, records), (self._outcomes, OUTCOMES)):
            file.seek(0)
            file.truncate()
            file.write(text)

    def header(self, inspection: Inspection) -> None:
        """The header as it stands in the file; nothing where the file has none. Formats without header lines have names nonetheless."""
        if inspection.header_line or not inspection.delimiter:
            nameless = cast("list[int]", inspection.details.get("nameless", []))
            self._line.writerow("" if at in nameless else name for at, name in enumerate(inspection.columns))

    def record(self, record: Record) -> None:
        """One row, good or bad."""
        self._line.writerow(record.cells)
        outcome = "ok" if record.code is None else "failed"
        told = json.dumps({"line": record.line, "outcome": outcome, "cells": list(record.cells)}, ensure_ascii=False)
        self._outcomes.write(f"{self._between}{told}")
        self._between = ",\n"


# Telling --------------------------------------------------------------------------------------------------------------


class Words:
    """For eyes: what was found and why, each odd record in a line, how many there are."""

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rows = 0

    def begin(self, file: str, inspection: Inspection) -> None:
        """What the file is."""
        self._line(file)
        told = source(inspection)
        for name in SHOWN:
            if told[name] is not None and (name != "header_line" or inspection.delimiter or inspection.header_line):
                self._member(name, _shown(told[name]), inspection.reasons.get(name))
        self._member("columns", _columns(inspection.columns), inspection.reasons.get("columns"))
        self._rows = inspection.rows
        if inspection.blank_records:
            self._member(
                "blank_records", str(inspection.blank_records), "no cell of them has content; they are no rows"
            )

    def odd(self, record: Record) -> None:
        """A record that fails."""
        self._line(f"  line {record.line}, row {record.row}: {record.code}: {record.message}")

    def end(self, odd: int) -> None:
        """How many."""
        self._line(f"  {self._rows:,} records, {odd:,} of them odd" if odd else f"  {self._rows:,} records, none odd")

    def refused(self, file: str, fault: JobFault) -> None:
        """Why not."""
        self._line(f"{file}: {fault.code}: {fault.message}")

    def _member(self, name: str, shown: str, reason: str | None) -> None:
        self._line(f"  {LABELS.get(name, name):<13} {shown}{f'  ({reason})' if reason else ''}")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return {"\t": "tab", " ": "blank", "": "none"}.get(value, value if value.isprintable() else repr(value))
    return "none" if value == 0 else str(value)


def _columns(columns: Sequence[str]) -> str:
    names = [name or "(no name)" for name in columns[:COLUMNS_SHOWN]]
    return f"{len(columns)}: {', '.join(names)}{', …' if len(columns) > COLUMNS_SHOWN else ''}"


class JsonLines:
    """For programs: one object a file, in a line, written as it is found."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._open: str | None = None
        self._odd = 0

    def begin(self, file: str, inspection: Inspection) -> None:
        """All of `source`, the reasons, and the beginning of the list of odd records."""
        members = {"file": file, **source(inspection), "reasons": dict(inspection.reasons)}
        self._write(f'{_json(members)[:-1]}, "odd": [')
        self._open, self._odd = file, 0

    def odd(self, record: Record) -> None:
        """A member of the list."""
        told = {"row": record.row, "line": record.line, "code": record.code, "message": record.message}
        self._write(f"{', ' if self._odd else ''}{_json(told)}")
        self._odd += 1

    def end(self, odd: int) -> None:
        """The end of the list and of the object."""
        self._write(f'], "odd_records": {odd}, "fault": null}}\n')
        self._open = None

    def refused(self, file: str, fault: JobFault) -> None:
        """The object of a file that cannot be read, or the end of one that was begun."""
        if self._open is None:
            self._write(f'{_json({"file": file})[:-1]}, "odd": [')
        told = _json({"code": fault.code, "message": fault.message, "details": dict(fault.details)})
        self._write(f'], "odd_records": {self._odd}, "fault": {told}}}\n')
        self._open, self._odd = None, 0


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
