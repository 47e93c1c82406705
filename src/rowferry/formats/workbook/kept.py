"""The rows of a sheet as canonical texts, written into scratch once and read from there in blocks as often as wanted."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl

from rowferry.formats.workbook.book import SPACES, Book
from rowferry.formats.workbook.canonical import canonical
from rowferry.formats.workbook.gathering import Batch
from rowferry.formats.workbook.limits import Meter
from rowferry.ports import Lines

TOO_LONG = 4
"""The mark of a made-up cell that stands for a record with too much text; its own text is how much."""
NOWHERE = -1
"""The column of such a cell."""
PART_ROWS = 1 << 15
CELL_BYTES = 4
"""What a cell counts for beside its text."""
SCHEMA = {"line": pl.Int64, "column": pl.Int32, "text": pl.String, "mark": pl.UInt8}


def keep(book: Book, place: int, folder: Path, meter: Meter, block_bytes: int) -> None:
    """Writes the rows of a sheet that have content, in parts of about `block_bytes` of text, unless they are there already.

    Each part has a row per cell: its line, its column from 0, its text and its marks.

    Raises:
        JobStopped: the sheet cannot be read to its end.
    """
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with closing(book.batches(place)) as batches:
        frames = (_rows(batch, book, meter.limits.record_bytes_max) for batch in batches)
        for number, part in enumerate(_parts(frames, block_bytes)):
            meter.count(int(part["text"].str.len_bytes().sum()) + CELL_BYTES * part.height)
            part.write_ipc(draft / f"{number:08}.rows", compat_level=pl.CompatLevel.oldest())
    draft.rename(folder)


def parts(folder: Path, *, lines_only: bool = False) -> Iterator[pl.DataFrame]:
    """The parts in their order."""
    for path in sorted(folder.iterdir()):
        yield pl.read_ipc(path, columns=["line"] if lines_only else None)


def starts_of(lines: Lines) -> Lines:
    """Where the cells of each row begin."""
    return np.flatnonzero(np.diff(lines, prepend=-1))


def _rows(batch: Batch, book: Book, bytes_max: int) -> pl.DataFrame:
    """The cells of those rows that have content."""
    texts, marks = canonical(batch, book.calendar, book.shared)
    frame = pl.DataFrame(
        {
            "line": pl.Series(batch.lines, dtype=pl.Int64),
            "column": pl.Series(batch.columns, dtype=pl.Int32),
            "text": texts,
            "mark": pl.Series(marks, dtype=pl.UInt8),
        }
    )
    if not frame.height:
        return frame
    starts = starts_of(batch.lines)
    filled = np.logical_or.reduceat(marks != 0, starts)
    counts = np.diff(np.append(starts, len(batch.lines)))
    if not filled.all():  # a row with a number or an error has content, whatever its texts are
        solid = (texts.str.strip_chars(SPACES) != "").to_numpy()
        filled = np.logical_or.reduceat(solid, starts)
    kept = np.repeat(filled, counts) & (texts != "").to_numpy()
    return _bounded(frame if kept.all() else frame.filter(pl.Series(kept)), bytes_max)


def _bounded(frame: pl.DataFrame, bytes_max: int) -> pl.DataFrame:
    """The rows with no more text than they may have; one that had more says so."""
    if not frame.height:
        return frame
    starts = starts_of(frame["line"].to_numpy())
    sizes = frame["text"].str.len_bytes().cast(pl.Int64).to_numpy()
    sums = np.add.reduceat(sizes, starts)
    long = np.flatnonzero(sums > bytes_max)
    if not len(long):
        return frame
    counts = np.diff(np.append(starts, frame.height))
    upto = np.cumsum(sizes)
    within = upto - np.repeat(upto[starts] - sizes[starts], counts) <= bytes_max
    said = pl.DataFrame(
        {
            "line": frame["line"].gather(starts[long]),
            "column": pl.Series([NOWHERE] * len(long), dtype=pl.Int32),
            "text": pl.Series([str(size) for size in sums[long].tolist()], dtype=pl.String),
            "mark": pl.Series([TOO_LONG] * len(long), dtype=pl.UInt8),
        }
    )
    return pl.concat([said, frame.filter(pl.Series(within))]).sort("line", maintain_order=True)


def _parts(frames: Iterable[pl.DataFrame], block_bytes: int) -> Iterator[pl.DataFrame]:
    """The same rows, cut and joined into parts of about `block_bytes` of text."""
    pending, size, rows = list[pl.DataFrame](), 0, 0
    for frame in frames:
        for piece in _cut(frame, block_bytes):
            pending.append(piece)
            size += int(piece["text"].str.len_bytes().sum())
            rows += len(starts_of(piece["line"].to_numpy()))
            if size >= block_bytes or rows >= PART_ROWS:
                yield pl.concat(pending)
                pending, size, rows = [], 0, 0
    if pending:
        yield pl.concat(pending)


def _cut(frame: pl.DataFrame, block_bytes: int) -> Iterator[pl.DataFrame]:
    """A frame in pieces of at most about `block_bytes` of text, cut between rows."""
    sizes = frame["text"].str.len_bytes().cast(pl.Int64).to_numpy()
    if not frame.height or int(sizes.sum()) <= block_bytes:
        yield from [frame] if frame.height else []
        return
    starts = starts_of(frame["line"].to_numpy())
    before = np.append(0, np.cumsum(np.add.reduceat(sizes, starts))[:-1])
    firsts = starts[np.flatnonzero(np.diff(before // block_bytes, prepend=-1))]
    for first, end in zip(firsts, np.append(firsts[1:], frame.height), strict=True):
        yield frame.slice(int(first), int(end - first))
