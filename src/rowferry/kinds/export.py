"""The task kind `export`: a tenant's rows of a kind as a CSV file that an import takes back unchanged."""

from collections.abc import Iterator, Mapping
from typing import cast

from rowferry.domain.ledger import Outcome
from rowferry.ports import Batch, TaskContext, TaskKind, Texts

BATCH_ROWS = 5_000
PLACE = "after"
"""Where the checkpoint keeps the key of the last row that is written."""

PARAMS: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "kind": {"type": "string", "description": "The import kind whose rows are wanted.", "examples": ["customers"]},
        "format": {"enum": ["csv"], "default": "csv", "description": "The format of the file."},
    },
    "required": ["kind"],
    "additionalProperties": False,
}


def batches(context: TaskContext) -> Iterator[Batch]:
    """All rows in the order of their key, header first; goes on behind the last row that an earlier attempt committed."""
    context.enter("prepare")
    reading = context.rows(str(context.params["kind"]))
    context.enter("write", total=max(reading.count(), context.done))
    place = context.checkpoint.get(PLACE)
    after = cast("list[object]", place) if isinstance(place, list) else None
    if not context.done:
        yield Batch(output=Texts([reading.fields], []).csv())
    with reading.texts(after, BATCH_ROWS) as found:
        for some in found:
            yield Batch(bytes([Outcome.CREATED]) * len(some.rows), some.csv(), {PLACE: some.after})


def _result(counts: Mapping[str, int]) -> Mapping[str, object]:
    return {"rows_exported": counts.get("created", 0)}


kind = TaskKind(
    name="export",
    title="Export",
    description="Writes all rows of a kind to a CSV file.",
    params=PARAMS,
    steps=("prepare", "write", "report", "finish"),
    batches=batches,
    output=("{kind}.csv", "text/csv"),
    result=_result,
    names_kind="kind",
)
