"""The task kind `export`: a tenant's rows of a kind as a file that an import takes back unchanged."""

from collections.abc import Iterator, Mapping
from typing import cast

from rowferry.domain.faults import JobFaultCode, stop
from rowferry.domain.ledger import Outcome
from rowferry.ports import Batch, Reading, TableLines, TaskContext, TaskKind, Texts

BATCH_ROWS = 5_000
SHEET_ROWS_MAX = 1_048_575
"""Rows below the header of a sheet. Source: Excel specifications and limits."""
PLACE = "after"
"""Where the checkpoint keeps the key of the last row that is written."""

PARAMS: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "kind": {"type": "string", "description": "The import kind whose rows are wanted.", "examples": ["customers"]},
        "format": {
            "enum": ["csv", "xlsx", "jsonl", "parquet"],
            "default": "csv",
            "description": "The format of the file. An import takes each of them back; a workbook holds 1,048,575 rows.",
        },
    },
    "required": ["kind"],
    "additionalProperties": False,
}


def batches(context: TaskContext) -> Iterator[Batch]:
    """All rows in the order of their key, header first; goes on behind the last row that an earlier attempt committed."""
    context.enter("prepare")
    reading = context.rows(str(context.params["kind"]))
    count = max(reading.count(), context.done)
    if context.params.get("format") == "xlsx" and count > SHEET_ROWS_MAX:
        raise stop(
            JobFaultCode.TOO_MANY_ROWS,
            f"There are {count} rows, and a workbook holds {SHEET_ROWS_MAX}. Export as csv, jsonl or parquet.",
            rows=count,
            limit=SHEET_ROWS_MAX,
        )
    context.enter("write", total=count)
    place = context.checkpoint.get(PLACE)
    after = cast("list[object]", place) if isinstance(place, list) else None
    if _table(context.params) is None:
        yield from _as_csv(reading, after, begun=context.done > 0)
    else:
        yield from _as_table(reading, after)


def _as_csv(reading: Reading, after: list[object] | None, *, begun: bool) -> Iterator[Batch]:
    if not begun:
        yield Batch(output=Texts([reading.fields], []).csv())
    with reading.texts(after, BATCH_ROWS) as found:
        for some in found:
            yield Batch(bytes([Outcome.CREATED]) * len(some.rows), some.csv(), {PLACE: some.after})


def _as_table(reading: Reading, after: list[object] | None) -> Iterator[Batch]:
    with reading.values(after, BATCH_ROWS) as found:
        for rows in found:
            place = {PLACE: reading.key_of(rows[-1])}
            lines = TableLines([{name: row[name] for name in reading.fields} for row in rows])
            yield Batch(bytes([Outcome.CREATED]) * len(rows), lines.line(), place)


def _table(params: Mapping[str, object]) -> str | None:
    wanted = str(params.get("format", "csv"))
    return None if wanted == "csv" else wanted


def _result(counts: Mapping[str, int]) -> Mapping[str, object]:
    return {"rows_exported": counts.get("created", 0)}


kind = TaskKind(
    name="export",
    title="Export",
    description="Writes all rows of a kind to a file: CSV, a workbook, JSON Lines or Parquet.",
    params=PARAMS,
    steps=("prepare", "write", "report", "finish"),
    batches=batches,
    output=("{kind}.csv", "text/csv"),
    result=_result,
    names_kind="kind",
    table=_table,
)
