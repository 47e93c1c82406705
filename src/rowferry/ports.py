"""The doors for strangers, as types: kind, format, destination."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.domain.access import TenantId
from rowferry.domain.faults import RowIssue
from rowferry.domain.job import Job
from rowferry.domain.schema import FieldType, ImportKind, ImportOptions, ReadOptions

__all__ = [
    "AnyOf",
    "Batch",
    "Block",
    "Choice",
    "Chunk",
    "Column",
    "Compression",
    "Filter",
    "Format",
    "ImportKind",
    "Inspection",
    "Kind",
    "Lines",
    "LoadContext",
    "Loaded",
    "Loader",
    "Outcomes",
    "Readers",
    "Reading",
    "RecordFault",
    "Removing",
    "TableLines",
    "TaskContext",
    "TaskKind",
    "Texts",
    "Unpacked",
    "Writer",
]

Lines = npt.NDArray[np.int64]
Outcomes = npt.NDArray[np.uint8]

# Kinds ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """What a task did with the next items: one outcome byte an item, and bytes to append to the artifact `output`.

    `checkpoint` is what the next attempt finds in `TaskContext.checkpoint` when this batch was the last that committed. A batch that
    changes rows has `work` alone: the frame calls it inside the transaction that also holds the outcomes, the cursor and the fence, again
    where PostgreSQL asks for that, and takes its answer for the batch.
    """

    outcomes: bytes = b""
    output: bytes = b""
    checkpoint: Mapping[str, object] = field(default_factory=dict[str, object])
    work: "Callable[[], Batch] | None" = None


class TaskContext(Protocol):
    """What a task may ask of the frame that runs it."""

    @property
    def params(self) -> Mapping[str, object]:
        """The params of the job, valid by the kind's `params` schema."""
        ...

    @property
    def done(self) -> int:
        """Items that are settled, those of earlier attempts among them."""
        ...

    @property
    def checkpoint(self) -> Mapping[str, object]:
        """The checkpoint of the last batch that committed; empty at first."""
        ...

    def enter(self, step: str, total: int | None = None) -> None:
        """Says that a step begins and, once known, how many items there are in all."""
        ...

    def rows(self, kind: str) -> "Reading":
        """The tenant's rows of an import kind."""
        ...

    def removing(self) -> "Removing":
        """The rows that the params choose (`TaskKind.removes`), to be deleted; only in the `work` of a batch."""
        ...


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A kind whose jobs do anything else, batch by batch.

    `batches` is called once per attempt and yields batches in a stable order, beginning after `context.done`; the frame commits
    each with its outcomes, its cursor and its checkpoint, and looks for wishes in between. `output` names the artifact made of the
    bytes of all batches (a format string over the params) and its media type. `result` makes the job's result from the ledger's counts.
    `names_kind` is the param that names an import kind; without one there the task is refused. A task that deletes rows of that kind has
    `removes`, which gives which; it needs the right to import into the kind.
    """

    name: str
    title: str
    description: str
    params: Mapping[str, object]
    """JSON Schema (2020-12) of the params."""
    steps: tuple[str, ...]
    batches: Callable[[TaskContext], Iterator[Batch]]
    output: tuple[str, str]
    result: Callable[[Mapping[str, int]], Mapping[str, object]]
    tenant: TenantId | None = None
    names_kind: str | None = None
    removes: "Callable[[Mapping[str, object]], AnyOf] | None" = None
    table: "Callable[[Mapping[str, object]], str | None] | None" = None
    """Which writer makes the artifact of what the batches put out, by the params; None: nothing does, their bytes are the file.

    Each batch then puts out lines of JSON (`TableLines`), and the file's ending and media type are the writer's.
    """


Kind = ImportKind | TaskKind


@dataclass(frozen=True, slots=True)
class TableLines:
    """Rows on their way from a task to a writer: canonical texts by the names of the kind's fields, None for null."""

    rows: Sequence[Mapping[str, str | None]]

    def line(self) -> bytes:
        """The rows as one line of JSON."""
        return json.dumps(self.rows, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes) -> "TableLines":
        """The rows of such a line."""
        return cls(cast("list[dict[str, str | None]]", json.loads(line)))


# Formats --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a file before a row is taken from it.

    `columns` are the header's cells as they stand. `rows` counts the data rows exactly: header, lines above it and blank records
    are none. `added_columns` are the positions of the columns that an error file of ours has more than its original. Formats that are no
    text with delimiters have "" for `encoding`, `delimiter` and `quote`.
    """

    format: str
    encoding: str
    delimiter: str
    quote: str
    header_line: int
    columns: tuple[str, ...]
    added_columns: tuple[int, ...]
    rows: int
    blank_records: int
    lines_above: int
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    """What only this format must remember for `read`, as JSON."""
    sheet: str | None = None
    """The sheet that was read, of a format that has sheets."""
    sheets: tuple[str, ...] = ()
    """All sheets that could have been chosen."""
    compression: str | None = None
    """What the file was packed with: `gzip`, `zstd`, `zip`, or two of them, the outer one first: `zip+gzip`; None: nothing."""
    member: str | None = None
    """The file inside an archive that was read."""
    typed: bool = False
    """Whether blocks may have `typed` cells or `cell_errors`."""
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why each thing was found to be so, in a few words, by the member of `source` that it is about: `delimiter`, `header_line`, …"""


@dataclass(frozen=True, slots=True)
class RecordFault:
    """A record that could not be cut into the header's cells: its position in the block (from 0), the code, its arguments."""

    position: int
    code: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Block:
    """Some consecutive data rows of a file. Blank records are not among them.

    `first_row` is the row number of position 0. `lines` has one physical line per row, good and bad. `cells` has one String
    column per column of the file, named "0", "1", …, and one row per good record; an empty cell is "". `positions` says which
    row of the block each row of `cells` is. `raw(position)` gives the record's text without its line end, `cut(position)` its cells as
    they were cut, also those of a record at fault.
    """

    first_row: int
    lines: Lines
    cells: pl.DataFrame
    positions: Lines
    faults: Sequence[RecordFault]
    raw: Callable[[int], bytes]
    cut: Callable[[int], Sequence[str]]
    typed: pl.DataFrame | None = None
    """Boolean columns named as those of `cells`: where the cell says its value itself and no option can change how it is read.

    The text of such a cell is a number in plain digits with a point (no exponent, no group signs), `true` or `false`, a date, a date and time (`T`
    between them) or a time in ISO 8601, or JSON. None: there is no such cell.
    """
    cell_errors: Mapping[str, Lines] = field(default_factory=dict[str, Lines])
    """By column of `cells`, the rows of `cells` whose cell is an error of the spreadsheet; its text is the error (`#REF!`)."""
    nul: bool = True
    """Whether a cell may hold the character NUL, which no column of text can. False where that was looked for."""

    @property
    def rows(self) -> int:
        """How many data rows the block has."""
        return len(self.lines)


class Compression(Protocol):
    """One way to pack a file: recognise, unpack. The formats see what came out."""

    @property
    def name(self) -> str:
        """The word of `source.compression`."""
        ...

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether the file, whose first bytes are `head`, is packed so, and is no document that is packed itself (XLSX, ODS)."""
        ...

    def unpack(self, path: Path, options: ReadOptions, scratch: Path, sent_bytes: int) -> "Unpacked":
        """The file inside, written into the scratch folder.

        Args:
            path: the packed file.
            options: `member` chooses among several files.
            scratch: a folder of the attempt.
            sent_bytes: the size of the file that was sent, from which `path` may have been unpacked; what comes out is measured against it.

        Raises:
            JobStopped: it is damaged, protected, too large, holds several files and none was chosen, or the chosen one is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of a packed file: where it is now, and its name inside an archive (None where there are no names)."""

    path: Path
    member: str | None = None
    reason: str = ""
    """Why it is this file of the archive."""


class Format(Protocol):
    """One file format: recognise, inspect, read. All three raise `JobStopped` where the file as a whole cannot be read."""

    @property
    def name(self) -> str:
        """The word of `source.format`."""
        ...

    def recognises(self, head: bytes) -> bool:
        """Whether the first bytes (up to 64 KB) are this format's."""
        ...

    def inspect(self, path: Path, options: ReadOptions, scratch: Path) -> Inspection:
        """Detects how to read the file and counts its rows. May write what it needs later into `scratch` (a folder of the attempt)."""
        ...

    def read(self, path: Path, inspection: Inspection, scratch: Path) -> Iterator[Block]:
        """The data rows in blocks of about 4 MB. A pure function of file and inspection: every call cuts alike."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """All that can read files. Formats are asked in their order, those that take any text last."""

    formats: Sequence[Format]
    compressions: Sequence[Compression] = ()


# Writing --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table that is written: its name, the type of its values, and whether its texts are JSON documents.

    The types are String, Int64, Decimal, Boolean, Date, Datetime (with the zone UTC, or without one) and Time.
    """

    name: str
    type: pl.DataType
    json: bool = False


class Writer(Protocol):
    """One file format to write: what it writes, its `Format` reads back as the very same values."""

    @property
    def name(self) -> str:
        """The word by which callers ask for it; also the ending of the file's name."""
        ...

    @property
    def media_type(self) -> str:
        """The media type of the file."""
        ...

    @property
    def rows_max(self) -> int | None:
        """How many rows a file has at most; None: as many as there are."""
        ...

    @property
    def typed(self) -> frozenset[FieldType]:
        """Types whose cells say their value themselves when they are read back; of the others a cell is a text that the field must read."""
        ...

    def write(self, columns: Sequence[Column], frames: Iterable[pl.DataFrame], scratch: Path) -> Iterator[bytes]:
        """The file in pieces, in flat memory.

        Args:
            columns: at least one; no two have one name.
            frames: the rows in their order; the columns of each are those, in their order, whatever they are called.
            scratch: a folder for what must be made whole before its first byte is known.

        Raises:
            JobStopped: too-many-rows, cell-too-long; before the first piece.
        """
        ...


# Destinations ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that passed all checks and may be written, one transaction's worth of a file.

    `first_row`..`first_row + rows - 1` are the rows of the file that this chunk settles. `frame` has the mapped fields by name, typed,
    then `_row` (Int64), one row per valid row. `fresh` is True for rows whose keys are surely in no earlier row of the
    job; None when that is not known.
    """

    first_row: int
    rows: int
    lines: Lines
    frame: pl.DataFrame
    fresh: pl.Series | None
    raw: Callable[[int], str]
    """The text of a row of the file by its row number."""
    faulty: pl.DataFrame | None = None
    """The rows that failed before they came here, as far as they can be read, with the columns of `frame` and `_fresh`; None: there is none."""
    prepared: object = None
    """What the loader made of the chunk ahead of its transaction (`Loader.prepare`)."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a destination did: one outcome byte per row of `Chunk.frame`, in its order, and the issues of rows that it refused or skipped.

    Rows of `Chunk.faulty` have failed already; what else is wrong with them is among the issues too.
    """

    outcomes: Outcomes
    issues: Sequence[RowIssue]


class Loader(Protocol):
    """Writes the chunks of one attempt, each inside the transaction that also holds its outcomes and the fence."""

    def prepare(self, chunk: Chunk, text: bytes) -> object:
        """What can be made of a chunk before its transaction; called by another thread while an earlier chunk is loaded.

        `text` is the rows of `Chunk.frame` as CSV (RFC 4180, but LF; UTF-8), in their order: null is nothing, an empty text two quotes,
        a decimal its digits, dates and times as in ISO 8601.
        """
        ...

    def load(self, chunk: Chunk) -> Loaded:
        """Writes one chunk. `created` is what the write returned, not what a look before it said."""
        ...

    def foresee(self, chunk: Chunk) -> Loaded:
        """What `load` would do, without writing: for verdicts and dry runs."""
        ...

    def close(self) -> None:
        """Lets go of what the loader holds."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one field: equal to, or at least and at most; values are texts of the field's type.

    `or_values` are further values of which one does as well, for `eq`. In a `Choice` the field may be one of a row that the row refers
    to, as `bin_name.location`: by the foreign key whose fields are just the first name.
    """

    field: str
    operator: Literal["eq", "gte", "lte"]
    value: str
    or_values: tuple[str, ...] = ()


AnyOf = Sequence[Sequence[Filter]]
"""Sets of conditions: all conditions of a set must hold, and of the sets one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Some rows of a kind: those for which one of the sets of conditions holds. `references` are the kinds that its foreign keys name."""

    kind: ImportKind
    any_of: AnyOf
    references: Mapping[str, ImportKind] = field(default_factory=dict[str, ImportKind])


@dataclass(frozen=True, slots=True)
class Texts:
    """Some rows as cells of a file, one text a field in the kind's order; `after` goes on behind the last of them."""

    rows: Sequence[Sequence[str]]
    after: list[object]

    def csv(self) -> bytes:
        """The rows as records of a CSV file, exact: nothing is put before a cell that looks like a formula. Source: RFC 4180."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(self.rows)
        return text.getvalue().encode()


class Reading(Protocol):
    """A tenant's rows of one kind, streamed.

    A row is its fields by name, then `_job_id` and `_row`, all rendered as JSON values that lose nothing: numbers with decimals as
    text, dates and times as ISO 8601 in UTC.
    """

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in the kind's order."""
        ...

    def count(self) -> int:
        """How many rows there are now."""
        ...

    def batches(
        self, after: Sequence[object] | None, size: int
    ) -> AbstractContextManager[Iterator[Sequence[Mapping[str, object]]]]:
        """Batches of rows ordered by key, after the row with the key `after`, by a cursor of the database."""
        ...

    def values(
        self, after: Sequence[object] | None, size: int
    ) -> AbstractContextManager[Iterator[Sequence[Mapping[str, str | None]]]]:
        """The same as canonical texts: digits with a point, `true` and `false`, ISO 8601 in UTC, JSON as it is stored; None for null."""
        ...

    def texts(self, after: Sequence[object] | None, size: int) -> AbstractContextManager[Iterator[Texts]]:
        """The same as texts that an import into the kind reads back as the very values that are stored."""
        ...

    def key_of(self, row: Mapping[str, object]) -> list[object]:
        """What `after` takes to go on behind this row."""
        ...


class Removing(Protocol):
    """Deletes some of a tenant's rows of one kind, in the order of their key, inside the transaction that the caller opened."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in the kind's order."""
        ...

    def count(self) -> int:
        """How many rows there are to delete now."""
        ...

    def remove(self, after: Sequence[object] | None, size: int, first: int) -> Texts:
        """Deletes up to so many rows behind the key `after`, and keeps what they were.

        Args:
            after: `Texts.after` of the rows before; None at first.
            size: how many at most. Fewer come where no more are left.
            first: the number of the first of them among the rows of the job.

        Returns:
            The deleted rows as texts that an import into the kind reads back.
        """
        ...


@dataclass(frozen=True, slots=True)
class LoadContext:
    """For whom a loader writes: the kind, the job, which fields the file brings, and how."""

    kind: ImportKind
    job: Job
    fields: tuple[str, ...]
    options: ImportOptions
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Field to the header text of the column that brings it."""
    references: Mapping[str, ImportKind] = field(default_factory=dict[str, ImportKind])
    """The other kinds that foreign keys of mapped fields name."""
    in_file: Callable[[pl.DataFrame], pl.Series] | None = None
    """Which of these key values (columns named as the fields referred to) are those of a good row of the same file."""
