"""What callers of Claret may send as JSON or by names, checked in the manner of Laravel, and what is asked for by it."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Literal, TypeVar, cast

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from rowferry.api.claret import words
from rowferry.api.wire import models
from rowferry.domain.faults import Invalid, Pointed
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.options import ColumnMapping, SubmitOptions

S = TypeVar("S", bound="Sent")

RECORDS_MAX = 1_000
NAMES_MAX = 10_000
"""How many names one criterion of a filter may have."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _day(text: str) -> str:
    fits = DAY.fullmatch(text)
    try:
        date.fromisoformat(text)
    except ValueError:
        fits = None
    if fits is None:
        raise ValueError("must match the format Y-m-d")
    return text


Name = Annotated[models.Text, Field(min_length=1, max_length=1_000)]
Names = Annotated[list[Name], Field(min_length=1, max_length=NAMES_MAX)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]


class Sent(models.Body):
    """A body; members that it does not know are left alone, as the vendor's framework does."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Credentials(Sent):
    """Who wants a token."""

    email: Annotated[models.Text, Field(min_length=1, max_length=254)] = Field(description="The name of the user.")
    password: Annotated[models.Text, Field(min_length=1, max_length=1_000)]


class Source(Sent):
    """Where records come from."""

    source: Literal["api"]


class Arguments(Sent):
    """What an import may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"allow_record_creation": {"const": True}}},
                {"properties": {"allow_record_update": {"const": True}}},
            ]
        }
    )

    allow_record_creation: bool = Field(description="Records that do not exist are created; otherwise they fail.")
    allow_record_update: bool = Field(description="Records that exist are updated; otherwise they fail.")
    should_continue_on_error: bool = Field(
        description="Records that fail are left out; otherwise the first one ends the import and nothing is written."
    )


class Record(Sent):
    """A record of an import. One that does not fit fails by itself, and the answer says why."""

    item_name: str = Field(description="The name of an item that exists.")
    bin_name: str = Field(description="The name of a bin that exists.")
    lot_name: str = Field(description="The name of a lot that exists.")
    date_filled: Day
    quantity: Annotated[float, Field(gt=0)] = Field(description="Kept with all its decimals.")
    uom: str = Field(description="The name or the abbreviation of a unit of measure that exists.")


class ImportBody(Source):
    """An import as JSON."""

    arguments: Arguments
    payload: Annotated[list[dict[str, object]], Field(min_length=1, max_length=RECORDS_MAX)] = Field(
        description="The records.",
        json_schema_extra={
            "items": {
                "anyOf": [
                    {"$ref": "#/components/schemas/Record"},
                    {"type": "object", "description": "Any other object is a record that fails."},
                ]
            }
        },
    )


class Deletion(Sent):
    """What says which rows are deleted: a member that is not known is refused, since what is misspelt would delete more."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DeleteRow(Deletion):
    """A row to delete: all that is given must hold for it."""

    item: Name
    location: Name = Field(default_factory=str)
    location_area: Name = Field(default_factory=str)
    bin: Name = Field(default_factory=str)
    lot: Name = Field(default_factory=str)
    date_filled: Day = Field(default_factory=str)


class DeleteBody(Deletion):
    """Which rows are deleted: those of `rows`, or those for which every criterion of the filter holds. If both are sent, `rows` wins."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [name]} for name in ("rows", *words.FILTER_CRITERIA, *words.FILTER_BOUNDS)]
        }
    )

    rows: Annotated[list[DeleteRow], Field(min_length=1, max_length=RECORDS_MAX)] = Field(
        default_factory=list[DeleteRow]
    )
    items: Names = Field(default_factory=list[str])
    locations: Names = Field(default_factory=list[str])
    location_areas: Names = Field(default_factory=list[str])
    bins: Names = Field(default_factory=list[str])
    lots: Names = Field(default_factory=list[str])
    date_filled_from: Day = Field(default_factory=str, description="This day or later.")
    date_filled_to: Day = Field(default_factory=str, description="This day or earlier.")

    def any_of(self) -> list[dict[str, object]]:
        """The conditions in the words of the task `delete`.

        Raises:
            Invalid: there is none.
        """
        given = cast("Mapping[str, Sequence[str]]", self.model_dump(exclude_unset=True, exclude={"rows"}))
        if "rows" in self.model_fields_set:
            rows = (row.model_dump(exclude_unset=True) for row in self.rows)
            return [{words.ROW_CRITERIA[name]: [value] for name, value in row.items()} for row in rows]
        criteria: dict[str, object] = {
            words.FILTER_CRITERIA[name]: given[name] for name in words.FILTER_CRITERIA if name in given
        }
        bounds = {bound: given[name] for name, bound in words.FILTER_BOUNDS.items() if name in given}
        if bounds:
            criteria["date_filled"] = bounds
        if not criteria:
            others = " / ".join((*words.FILTER_CRITERIA, *words.FILTER_BOUNDS))
            raise wrong("rows", f"is required when none of {others} are present")
        return [criteria]


def checked(model: type[S], value: object, *place: str) -> S:
    """The value at a place of the request as the model reads it.

    Raises:
        Invalid: it does not fit; `errors` has each fault with its JSON pointer.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = tuple(
            _pointed((*place, *one["loc"]), one["type"], one["msg"], one.get("ctx", {}))
            for one in error.errors(include_url=False)[: models.FAULTS_MAX]
        )
        raise Invalid(reason=errors[0].detail, errors=errors) from None


def _pointed(place: Sequence[str | int], fault: str, said: str, arguments: Mapping[str, object]) -> Pointed:
    steps = [str(step) for step in place]
    phrase = words.PHRASES[fault].format_map(arguments) if fault in words.PHRASES else f"is not valid: {said}"
    pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
    return Pointed(words.sentence(".".join(steps) or words.BODY, phrase), pointer)


def wrong(field: str, phrase: str) -> Invalid:
    """The refusal of one field."""
    fault = Pointed(words.sentence(field, phrase), "/" + field.replace("~", "~0").replace("/", "~1"))
    return Invalid(reason=fault.detail, errors=(fault,))


def options_of(arguments: Arguments, mapping: ColumnMapping | None = None) -> SubmitOptions:
    """The options that the arguments of an import stand for. Columns that are no field are left out.

    Where records may be updated, one that comes again in the same request updates the one before.

    Raises:
        Invalid: they allow nothing.
    """
    update = arguments.allow_record_update
    mode = words.MODES.get((arguments.allow_record_creation, update))
    if mode is None:
        raise wrong("arguments", "must allow to create records or to update them, since otherwise nothing can be done")
    on_error = OnError.CONTINUE if arguments.should_continue_on_error else OnError.ABORT
    return SubmitOptions(
        mode=mode,
        policy=ErrorPolicy(on_error),
        mapping=mapping,
        columns_extra="ignore",
        duplicates="apply" if update else "fail",
    )
