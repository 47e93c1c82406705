"""The task kind `delete`: removes the rows of a kind that fit some conditions, and gives them back as a CSV file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from rowferry.domain.ledger import Outcome
from rowferry.ports import AnyOf, Batch, Filter, TaskContext, TaskKind, Texts

BATCH_ROWS = 5_000
PLACE = "after"
"""Where the checkpoint keeps the key of the last row that is deleted."""

VALUE: Mapping[str, object] = {"type": "string", "maxLength": 10_000}
PARAMS: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "kind": {"type": "string", "description": "The import kind whose rows are deleted.", "examples": ["customers"]},
        "any_of": {
            "type": "array",
            "description": "A row is deleted when all conditions of one of these objects hold for it.",
            "minItems": 1,
            "maxItems": 1_000,
            "items": {
                "type": "object",
                "description": "Fields and what they must be. A field of a row that the row refers to is written `bin_name.location`.",
                "minProperties": 1,
                "maxProperties": 20,
                "additionalProperties": {
                    "oneOf": [
                        {"type": "array", "items": VALUE, "minItems": 1, "maxItems": 10_000, "description": "Any of these values."},
                        {
                            "type": "object",
                            "properties": {"gte": VALUE, "lte": VALUE},
                            "minProperties": 1,
                            "additionalProperties": False,
                            "description": "At least, and at most.",
                        },
                    ]
                },
            },
            "examples": [[{"country": ["DE", "AT"], "start_date": {"lte": "2019-12-31"}}]],
        },
    },
    "required": ["kind", "any_of"],
    "additionalProperties": False,
}  # fmt: skip


def removes(params: Mapping[str, object]) -> AnyOf:
    """The conditions of `any_of`."""
    stated = cast("Sequence[Mapping[str, Sequence[str] | Mapping[str, str]]]", params["any_of"])
    return [[one for field, wanted in group.items() for one in _filters(field, wanted)] for group in stated]


def _filters(field: str, wanted: Sequence[str] | Mapping[str, str]) -> list[Filter]:
    if isinstance(wanted, Mapping):
        bounds = (Filter(field, "gte", wanted.get("gte", "")), Filter(field, "lte", wanted.get("lte", "")))
        return [one for one in bounds if one.operator in wanted]
    return [Filter(field, "eq", wanted[0], tuple(wanted[1:]))]


def batches(context: TaskContext) -> Iterator[Batch]:
    """The rows in the order of their key, header first; goes on behind the last row that an earlier attempt deleted.

    A row that comes to fit while the job runs is deleted where its key is still ahead.
    """
    context.enter("prepare")
    removing = context.removing()
    context.enter("delete", total=context.done + removing.count())
    if not context.done:
        yield Batch(output=Texts([removing.fields], []).csv())

    def work() -> Batch:
        place = context.checkpoint.get(PLACE)
        after = cast("list[object]", place) if isinstance(place, list) else None
        gone = removing.remove(after, BATCH_ROWS, context.done + 1)
        if not gone.rows:
            return Batch()  # the place stays that of the last row
        return Batch(bytes([Outcome.UPDATED]) * len(gone.rows), gone.csv(), {PLACE: gone.after})

    done = -1
    while context.done > done:
        done = context.done
        yield Batch(work=work)
    context.enter("delete", total=context.done)  # what others deleted meanwhile is no row of this job


def _result(counts: Mapping[str, int]) -> Mapping[str, object]:
    return {"rows_deleted": counts.get("updated", 0)}


kind = TaskKind(
    name="delete",
    title="Delete",
    description="Deletes the rows of a kind that fit one of some sets of conditions. What they were is kept, as for an update.",
    params=PARAMS,
    steps=("prepare", "delete", "report", "finish"),
    batches=batches,
    output=("{kind}.deleted.csv", "text/csv"),
    result=_result,
    names_kind="kind",
    removes=removes,
)
