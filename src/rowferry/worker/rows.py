"""From a file to chunks that may be written: reads, validates, finds duplicates, and cuts to what commits together."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Literal, TypeVar

import numpy as np
import polars as pl

from rowferry.domain.faults import JobFaultCode, RowIssue, stop
from rowferry.domain.schema import Schema
from rowferry.pipeline.checked import Checked
from rowferry.pipeline.inspect import Opened
from rowferry.pipeline.match import Judged, Seen
from rowferry.pipeline.report import error_header, record_of, rows_header
from rowferry.pipeline.transform import Plan
from rowferry.ports import Block, Chunk, Inspection
from rowferry.worker.ahead import Ahead

SMALL_ROWS = 5_000
"""A file of no more rows is judged before a thread would pay."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk before it meets the destination: what may be written, and what is known to be wrong."""

    chunk: Chunk
    issues: tuple[RowIssue, ...]
    raw: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """One file with all that says how it is read and judged. Every pass over it gives the same chunks."""

    opened: Opened
    plan: Plan
    schema: Schema
    chunk_rows: int

    @property
    def inspection(self) -> Inspection:
        """What was found in the file."""
        return self.opened.inspection

    @property
    def small(self) -> bool:
        """Whether the file is one chunk of so few rows that nothing about it takes long enough to be done beside something else."""
        return self.inspection.rows <= min(self.chunk_rows, SMALL_ROWS)

    def learned(self) -> Mapping[str, object]:
        """What the rows told of the file so far, by the words of a job's source."""
        return {"decimal_signs": dict(self.plan.signs)} if self.plan.signs else {}

    def headers(self) -> Mapping[str, bytes]:
        """The first line of each artifact, by category."""
        rows = rows_header(self.plan.fields)
        return {"staging": rows, "output": rows, "errors": error_header(self.inspection)}

    def seen(self, duplicates: Literal["fail", "skip", "apply"]) -> Seen:
        """The memory of keys for one pass over the file."""
        return Seen(self.schema, self.plan.fields, duplicates, self.opened.scratch, rows=self.inspection.rows)

    @contextmanager
    def prepared(self, seen: Seen, settled: int = 0) -> Generator[Iterator[Prepared]]:
        """The chunks behind the first `settled` rows; one thread reads ahead, and another judges what is read.

        The rows that are settled are read all the same: they may hold keys of later ones.

        Raises:
            JobStopped: number-ambiguous, before the first chunk, where every row has a number that may be two and nothing says which.
        """
        with self.ahead(self.opened.blocks()) as blocks:
            # A `for` would keep each block while the next is made.
            of_blocks = map(partial(self._chunks, seen, settled), blocks)
            with self.ahead(chain.from_iterable(of_blocks)) as chunks:
                yield chunks

    def ahead(self, items: Iterator[T]) -> AbstractContextManager[Iterator[T]]:
        """What is made of the file, one ahead; a small file has nothing to be ahead with."""
        return nullcontext(items) if self.small else Ahead(items)

    def _chunks(self, seen: Seen, settled: int, block: Block) -> Sequence[Prepared]:
        """The chunks of one block behind the rows that are settled."""
        checked = self.plan.apply(block)
        _refuse_hopeless(self.plan)
        judged = seen.judge(checked)
        last = block.first_row + block.rows - 1
        starts = range(max(block.first_row, settled + 1), last + 1, self.chunk_rows)
        ranges = (range(start, min(start + self.chunk_rows - 1, last) + 1) for start in starts)
        return [self._cut(block, checked, judged, of) for of in ranges]

    def _cut(self, block: Block, checked: Checked, judged: Judged, of: range) -> Prepared:
        """Some rows of a block, by their numbers."""
        first, rows = of.start, len(of)
        numbers = checked.frame["_row"].to_numpy()
        begin, end = np.searchsorted(numbers, [of.start, of.stop])
        places = slice(int(begin), int(end))
        valid, every, fresh = judged.valid[places], checked.frame[places], judged.fresh[places]
        whole = bool(valid.all())
        issues = tuple(issue for issue in judged.issues if issue.row in of)
        offset, raw = block.first_row, block.raw  # what reads records must not keep the cells
        chunk = Chunk(
            first_row=first,
            rows=rows,
            lines=block.lines[first - offset : first - offset + rows],
            frame=every if whole else every.filter(valid),
            fresh=fresh if whole else fresh.filter(valid),
            raw=lambda row: raw(row - offset).decode("utf-8", "replace"),
            faulty=None if whole else _faulty(every.hstack([fresh.alias("_fresh")]), valid, issues),
        )
        return Prepared(chunk, issues, self._record_of(block))

    def _record_of(self, block: Block) -> Callable[[int], bytes]:
        """The records of an error file by their rows' numbers: the bytes as they came, or their cells where those are no text."""
        offset, raw, cut = block.first_row, block.raw, block.cut
        if self.inspection.delimiter:
            return lambda row: raw(row - offset)
        return lambda row: record_of(self.inspection, cut(row - offset))


def _refuse_hopeless(plan: Plan) -> None:
    if plan.hopeless:
        names = [source.column or source.field.name for source in plan.hopeless]
        raise stop(
            JobFaultCode.NUMBER_AMBIGUOUS,
            f"Every row has a number in {', '.join(names[:20])} that could be two, such as 1.234 or 1,234, and nothing in the file says "
            "which. State the option decimal_sign.",
            columns=names,
            fields=[source.field.name for source in plan.hopeless],
        )


def _faulty(every: pl.DataFrame, valid: pl.Series, issues: Sequence[RowIssue]) -> pl.DataFrame:
    """The rows that failed; a row that is left out is none of them."""
    skipped = [issue.row for issue in issues if issue.outcome == "skipped"]
    faulty = every.filter(~valid)
    return faulty.filter(~pl.col("_row").is_in(skipped)) if skipped else faulty
