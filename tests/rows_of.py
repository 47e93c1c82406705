"""Small kinds and blocks of rows for tests of the pipeline, without a file."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from rowferry.domain.schema import Field, ImportKind, ImportOptions, Mode, Schema
from rowferry.pipeline import transform
from rowferry.pipeline.checked import Checked
from rowferry.ports import Block, RecordFault

UPSERT = ImportOptions(mode=Mode.UPSERT)


def kind_of(*fields: Field, **schema: object) -> ImportKind:
    return ImportKind("things", Schema(fields=fields, **schema))  # type: ignore[arg-type]  # tests name what they set


def block_of(
    rows: Sequence[Sequence[str]],
    columns: int,
    first_row: int = 1,
    bad: Sequence[int] = (),
    first_line: int | None = None,
) -> Block:
    """The rows as one block; those at the positions `bad` could not be cut into cells. Each row is one line below the header."""
    good = [position for position in range(len(rows)) if position not in bad]
    cells = {str(n): [rows[position][n] for position in good] for n in range(columns)}
    line = first_row + 1 if first_line is None else first_line
    return Block(
        first_row=first_row,
        lines=np.arange(line, line + len(rows), dtype=np.int64),
        cells=pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String)),
        positions=np.array(good, dtype=np.int64),
        faults=[
            RecordFault(position, "extra-cell", {"cells": len(rows[position]), "columns": columns}) for position in bad
        ],
        raw=lambda position: ";".join(rows[position]).encode(),
        cut=lambda position: rows[position],
    )


def blocks_of(rows: Sequence[Sequence[str]], columns: int, size: int) -> Iterator[Block]:
    for start in range(0, len(rows), size):
        yield block_of(rows[start : start + size], columns, first_row=start + 1)


def checked(kind: ImportKind, rows: Sequence[Sequence[str]], options: ImportOptions = UPSERT) -> Checked:
    """Rows with one cell for each field of the kind, in its order."""
    names = kind.schema.names
    block = block_of(rows, len(names))
    plan = transform.compile(
        kind, tuple(name.title() for name in names), tuple(enumerate(names)), options, lambda: [block]
    )
    return plan.apply(block)


def read(field: Field, *texts: str, options: ImportOptions = UPSERT) -> list[object]:
    """What becomes of texts in one field: the value, or the code of the fault, or several codes joined by blanks."""
    found = checked(kind_of(field), [[text] for text in texts], options)
    codes: dict[int, list[str]] = {}
    for issue in found.issues:
        codes.setdefault(issue.row, []).append(str(issue.code))
    values = found.frame[field.name].to_list()
    return [" ".join(codes[row]) if row in codes else value for row, value in enumerate(values, start=1)]


def message_of(field: Field, text: str, options: ImportOptions = UPSERT) -> str:
    """The sentence of the one issue of a text."""
    (issue,) = checked(kind_of(field), [[text]], options).issues
    return issue.message
