"""Files of jobs as they are stored, and files and rows of kinds in the format that is asked for, in flat memory."""

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

import polars as pl

from rowferry.domain.access import Principal
from rowferry.domain.faults import Invalid, JobStopped, NotFound, Pointed, Unavailable
from rowferry.domain.job import Job
from rowferry.domain.schema import Field, FieldType, ImportKind, ReadOptions
from rowferry.pipeline.inspect import Opened
from rowferry.pipeline.typed import columns_of, texts_of, typed
from rowferry.ports import Block, Column, Filter, Reading, Writer
from rowferry.service.catalog import Catalog
from rowferry.service.transactions import Transactions
from rowferry.store import packing
from rowferry.store.artifacts import Artifact
from rowferry.store.blobs import BlobMissing, Blobs

DOWNLOADS_MAX = 6
"""How many files a process makes at once; each takes a thread, and room on the disk for the file that it is made of."""
BATCH_ROWS = 2_000
CONVERTED = ("staging", "output", "errors")
"""Categories of an import's files that are tables of ours."""
OURS = (Field("_job_id"), Field("_row", FieldType.INTEGER))
"""What a stored row has behind its fields."""
EXTRA = "_extra_"
"""How columns are called for cells that a record has more than its header, with a number behind."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is made while it is sent: its pieces, its media type, the name under which it is saved."""

    pieces: AsyncIterator[bytes]
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Downloads:
    """The use cases of files in a format of one's choice."""

    transactions: Transactions
    blobs: Blobs
    catalog: Catalog
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(DOWNLOADS_MAX))

    @property
    def formats(self) -> tuple[str, ...]:
        """The words by which formats are asked for."""
        return tuple(self.catalog.doors.writers)

    async def rows(self, principal: Principal, kind: ImportKind, filters: Sequence[Filter], wanted: str) -> Download:
        """The tenant's rows of a kind, typed as its fields are, in the order of their key.

        Raises:
            Invalid: a filter does not fit its field, or no file of the format holds the rows.
            Unavailable: too many files are made already.
        """
        writer = self._writer(wanted)
        reading = await asyncio.to_thread(self.catalog.doors.reading, kind, principal.tenant, filters)
        if writer.rows_max is not None and await asyncio.to_thread(reading.count) > writer.rows_max:
            raise Invalid(reason=f"There are more rows than the {writer.rows_max} of one file. Take csv or parquet.")
        made = await self._made(lambda: _rows_written(writer, kind, reading))
        return Download(made, writer.media_type, f"{kind.name}.{writer.name}")

    async def content(self, artifact: Artifact, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes `start` to `end` (not included) of a file.

        Raises:
            NotFound: the file is past its time and gone.
        """
        packed = packing.is_packed(artifact.blob)
        pieces = self.blobs.stream(artifact.blob) if packed else self.blobs.stream(artifact.blob, start, end)
        try:
            first = await anext(pieces, b"")
        except BlobMissing:
            raise NotFound(noun="file for the artifact", name=artifact.id) from None
        whole = _with_first(first, pieces)
        return packing.unpacked(whole, start, end) if packed else whole

    async def artifact(self, principal: Principal, job: Job, artifact: Artifact, wanted: str) -> Download | None:
        """A file of an import in another format; None where that is the one in which it is stored.

        What was staged or put out has the types of the kind's fields; an error file has the texts as they were sent.

        Raises:
            Invalid: there is no such format, or the file is not one that can be had in another.
            NotFound: the file is past its time and gone.
            Unavailable: too many files are made already.
        """
        writer = self._writer(wanted)
        if writer.media_type == artifact.media_type:
            return None
        if job.type != "import" or artifact.category not in CONVERTED:
            raise _refused(f"This file is served only as it is stored: {artifact.media_type}. Leave format out.")
        kind = await self.transactions.read(
            principal.tenant, lambda connection: self.catalog.find(connection, principal.tenant, job.kind)
        )
        source = _Source(artifact, job, kind if isinstance(kind, ImportKind) else None)
        made = await self._made(lambda: self._converted(writer, source))
        return Download(made, writer.media_type, f"{PurePath(artifact.name).stem}.{writer.name}")

    def _writer(self, wanted: str) -> Writer:
        writer = self.catalog.doors.writers.get(wanted)
        if writer is None:
            raise _refused(f"There is no format {wanted[:40]!r}. Take one of {', '.join(self.formats)}.")
        return writer

    async def _made(self, make: Callable[[], Generator[bytes]]) -> AsyncIterator[bytes]:
        """The pieces of a file. The first is made at once, so that what no file holds is refused while that can be said."""
        if self._turns.locked():
            raise Unavailable(reason="Too many downloads are made at once.")
        pieces = self._threaded(make)
        try:
            first = await anext(pieces, b"")
        except JobStopped as stopped:
            raise Invalid(reason=stopped.fault.message) from stopped
        return _with_first(first, pieces)

    async def _threaded(self, make: Callable[[], Generator[bytes]]) -> AsyncGenerator[bytes, None]:
        # One thread a file, so that its end always comes after what is under way, also when the reader went away.
        async with self._turns:
            thread, loop, source = ThreadPoolExecutor(1, "download"), asyncio.get_running_loop(), make()
            try:
                while (piece := await loop.run_in_executor(thread, next, source, None)) is not None:
                    yield piece
            finally:
                thread.submit(source.close)
                thread.shutdown(wait=False)

    def _converted(self, writer: Writer, source: "_Source") -> Generator[bytes]:
        with TemporaryDirectory(prefix="download-") as folder:
            scratch = Path(folder)
            opened = self.catalog.doors.open(_plain(self.blobs, source.artifact, scratch), source.reading, scratch)
            table = _error_table(opened) if source.artifact.category == "errors" else _typed_table(opened, source.kind)
            yield from writer.write(table.columns, table.frames(), scratch)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file of an import, and how it is read."""

    artifact: Artifact
    job: Job
    kind: ImportKind | None

    @property
    def reading(self) -> ReadOptions:
        """An error file is written as the file that was sent, all others in one way."""
        told = self.job.source
        if self.artifact.category != "errors" or not told.get("delimiter"):
            return ReadOptions(delimiter=",", quote='"', encoding="utf-8", header_line=1)
        return ReadOptions(
            delimiter=str(told["delimiter"]),
            quote=str(told.get("quote") or ""),
            encoding=str(told.get("encoding") or "utf-8"),
            header_line=1,
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """What a writer takes."""

    columns: Sequence[Column]
    frames: Callable[[], Iterator[pl.DataFrame]]


def _plain(blobs: Blobs, artifact: Artifact, scratch: Path) -> Path:
    """The file, unpacked where it is kept packed."""
    try:
        path = blobs.local_path(artifact.blob, scratch)
    except BlobMissing:
        raise NotFound(noun="file for the artifact", name=artifact.id) from None
    if not packing.is_packed(artifact.blob):
        return path
    plain = scratch / "plain"
    with packing.opened(path, artifact.blob) as content, plain.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    return plain


def _refused(reason: str) -> Invalid:
    return Invalid(reason=reason, errors=(Pointed(reason, "/query/format"),))


async def _with_first(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


# Rows of a kind -------------------------------------------------------------------------------------------------------


def _rows_written(writer: Writer, kind: ImportKind, reading: Reading) -> Generator[bytes]:
    fields = (*kind.schema.fields, *OURS)

    def frames() -> Iterator[pl.DataFrame]:
        with reading.values(None, BATCH_ROWS) as batches:
            for batch in batches:
                frame, wrong = typed(fields, texts_of(fields, batch))
                if wrong:
                    reason = f"A value of {', '.join(wrong)} does not fit its type in a file."
                    raise Invalid(reason=f"{reason} Take rows.csv or rows.jsonl.")
                yield frame

    with TemporaryDirectory(prefix="download-") as scratch:
        yield from writer.write(columns_of(fields), frames(), Path(scratch))


# Files of ours --------------------------------------------------------------------------------------------------------


def _typed_table(opened: Opened, kind: ImportKind | None) -> _Table:
    """Staged rows in the types of the kind's fields. A field whose texts are not of its type, since the kind is another by now, is text."""
    known = {one.name: one for one in kind.schema.fields} if kind is not None else dict[str, Field]()
    known |= {one.name: one for one in OURS}
    fields = [known.get(name, Field(name)) for name in opened.inspection.columns]
    blanks = kind is not None and "" not in kind.schema.missing_values
    misfits = {name for block in opened.blocks() for name in typed(fields, block.cells)[1]}
    fields = [Field(one.name) if one.name in misfits else one for one in fields]

    def frames() -> Iterator[pl.DataFrame]:
        for block in opened.blocks():
            frame, _ = typed(fields, block.cells)
            texts = pl.col(pl.String)
            yield frame if blanks else frame.with_columns(pl.when(texts != "").then(texts).name.keep())

    return _Table(columns_of(fields), frames)


def _error_table(opened: Opened) -> _Table:
    """An error file with the texts as they stand. Cells that a record has more than the header come in columns of their own."""
    columns = opened.inspection.columns
    ours = len(opened.inspection.added_columns)
    own = len(columns) - ours
    extra = max((len(one) - len(columns) for block in opened.blocks() for one in _faulty(block).values()), default=0)
    extra = max(extra, 0)
    extras = [f"{EXTRA}{number}" for number in range(1, extra + 1)]
    names = _unique([*columns[:own], *extras, *columns[own:]])

    def frames() -> Iterator[pl.DataFrame]:
        for block in opened.blocks():
            faulty = _faulty(block)
            cells = block.cells.with_columns(pl.lit("").alias(f"x{number}") for number in range(extra))
            good = cells.select(
                [str(at) for at in range(own)]
                + [f"x{number}" for number in range(extra)]
                + [str(at) for at in range(own, len(columns))]
            )
            if not faulty:
                yield good
                continue
            rows = [(at, *_spread(one, own, extra, ours)) for at, one in faulty.items()]
            placed = good.insert_column(0, pl.Series("at", block.positions, dtype=pl.Int64))
            yield pl.concat([placed, pl.DataFrame(rows, placed.schema, orient="row")]).sort("at").drop("at")

    return _Table([Column(name, pl.String()) for name in names], frames)


def _faulty(block: Block) -> Mapping[int, Sequence[str]]:
    """The cells of records that could not be cut as the header says, by their positions."""
    return {fault.position: block.cut(fault.position) for fault in block.faults}


def _spread(cells: Sequence[str], own: int, extra: int, ours: int) -> list[str]:
    """The cells of a faulty record: those that were sent, those that are too many, and what we said of it, where it can be told apart."""
    sent, said = list(cells), [""] * ours
    if ours and len(cells) > ours and all(re.fullmatch("[0-9]+", cell) for cell in cells[-ours:][:2]):
        sent, said = list(cells[:-ours]), list(cells[-ours:])
    room = own + extra
    return [*(sent + [""] * room)[:room], *said]


def _unique(names: Sequence[str]) -> list[str]:
    """Names for all columns, none twice: those without one are called by their place."""
    taken, found = set(names), list[str]()
    for at, name in enumerate(names, 1):
        called = name or f"column_{at}"
        while not name and called in taken:
            called += "_"
        taken.add(called)
        found.append(called)
    return found
