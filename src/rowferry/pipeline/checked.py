"""What became of a block: its rows, typed, and the issues that its cells' faults are told as."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from rowferry.domain.faults import MASK, RowIssue
from rowferry.domain.schema import Field
from rowferry.ports import Block, Lines

VALUE_CHARACTERS = 200
"""Characters of a cell that an issue shows at most; its record has the rest."""

Told = list[tuple[str, Mapping[str, object]]]
"""Codes of issues with the arguments of their messages, besides `value`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the cells of a field come from: the name of their column in `Checked.cells`, and the header's; None where a default alone brings it."""

    field: Field
    cell: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a block.

    `frame` has one row per record that had the header's cells: the fields that a column or a default brings, typed, in the schema's
    order, then `_row`; a cell that could not be read is null there. `ok` says for each row of the frame whether it has no issue.
    `issues` are those of all rows of the block, also of records that could not be cut into cells, by row, then in the order of the
    fields, rules last. `lines` has one line per row of the block, `positions` the row of the block of each row of the frame. `faulty`
    says for which rows of the frame a field has a fault of its own; fields without any are left out. `raw(position)` gives the bytes
    of a record of the block, `cells` its cells with the defaults in place.
    """

    first_row: int
    lines: Lines
    positions: Lines
    frame: pl.DataFrame
    ok: pl.Series
    issues: Sequence[RowIssue]
    faulty: Mapping[str, pl.Series]
    raw: Callable[[int], bytes]
    cells: pl.DataFrame
    sources: Mapping[str, Source]

    def issue(
        self,
        index: int,
        names: tuple[str, ...],
        code: str,
        outcome: Literal["failed", "skipped"],
        arguments: Mapping[str, object],
    ) -> RowIssue:
        """An issue of a row of the frame about one field, or about several together. Its argument `value` shows their cells."""
        sources = [self.sources[name] for name in names]
        values = [shown(source.field, self.cells[source.cell][index]) for source in sources]
        position = int(self.positions[index])
        alone = sources[0] if len(sources) == 1 else None
        return RowIssue(
            row=self.first_row + position,
            line=int(self.lines[position]),
            field=alone.field.name if alone else None,
            column=alone.column if alone else None,
            code=code,
            value=values[0] if alone else None,
            arguments={"value": ", ".join(values)} | dict(arguments),
            outcome=outcome,
            record=legible(self.raw(position)),
        )


@dataclass(frozen=True, slots=True)
class Defect:
    """Rows with one sort of fault: which, at which place among a row's faults, and what to tell about rows of these indexes.

    `source` is the column at fault, where that is one of the file or has a default, `field` what an issue names.
    """

    mask: pl.Series
    rank: int
    told: Callable[[npt.NDArray[np.uint32]], Told]
    source: Source | None
    field: str | None
    of_value: bool = True
    """Whether the value itself is at fault, and not how it goes with others."""


def shown(field: Field, cell: str | None) -> str:
    """What an issue shows of a cell: its text, cut, or a mask where the field is sensitive."""
    if field.sensitive:
        return MASK
    text = (cell or "").replace("\0", "\ufffd")
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"


def legible(record: bytes) -> str:
    """The text of a record; what is no text, and NUL, which no column of text holds, are replaced."""
    return record.decode("utf-8", "replace").replace("\0", "\ufffd")


def same(code: str, arguments: Mapping[str, object]) -> Callable[[npt.NDArray[np.uint32]], Told]:
    """The same code and arguments for all rows."""
    return lambda at: [(code, arguments)] * len(at)


def any_of(masks: Iterable[pl.Series], height: int) -> pl.Series:
    """Where one of the masks holds."""
    total = np.zeros(height, np.bool_)
    for mask in masks:
        total |= mask.to_numpy()
    return pl.Series(total)


def faulty(defects: Iterable[Defect], height: int) -> dict[str, pl.Series]:
    """By field, the rows whose value of it is at fault; fields without any are left out."""
    by_name = dict[str, list[pl.Series]]()
    for one in defects:
        if one.source is not None and one.of_value:
            by_name.setdefault(one.source.field.name, []).append(one.mask)
    return {name: any_of(masks, height) for name, masks in by_name.items()}


def issues(block: Block, defects: Sequence[Defect]) -> list[RowIssue]:
    """The issues of a block in the order of its rows; several of one row in the order of their ranks, those that could not be cut first."""
    told: list[tuple[int, int, tuple[str, Mapping[str, object]], str | None, str | None, str | None]] = [
        (one.position, -1, (one.code, one.arguments), None, None, None) for one in block.faults
    ]
    for one in defects:
        at = one.mask.arg_true().to_numpy()
        column = one.source.column if one.source else None
        told += [
            (position, one.rank, said, cell, one.field, column)
            for position, said, cell in zip(
                block.positions[at].tolist(), one.told(at), _shown(block, one.source, at), strict=True
            )
        ]
    told.sort(key=lambda one: one[:2])
    found, lines, last, record = list[RowIssue](), block.lines.tolist(), -1, ""
    for position, _, (code, arguments), value, field, column in told:
        if position != last:
            last, record = position, legible(block.raw(position))
        found.append(
            RowIssue(
                row=block.first_row + position,
                line=lines[position],
                field=field,
                column=column,
                code=code,
                value=value,
                arguments=arguments if value is None else {"value": value, **arguments},
                outcome="failed",
                record=record,
            )
        )
    return found


def _shown(block: Block, source: Source | None, at: npt.NDArray[np.uint32]) -> list[str | None]:
    if source is None:
        return [None] * len(at)
    return [shown(source.field, cell) for cell in block.cells[source.cell].gather(at)]
