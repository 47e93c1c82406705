"""What callers of the native API may send as JSON, checked member by member."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rowferry.domain.faults import Invalid, Pointed
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.options import PRIORITY_LIMIT, SubmitOptions
from rowferry.domain.schema import Mode, ReadOptions

B = TypeVar("B", bound=BaseModel)
FAULTS_MAX = 50
LONG = 9_007_199_254_740_991
"""The largest integer that every JSON reader keeps."""


def _mode(value: object) -> object:
    if value == "replace":
        raise ValueError("The mode replace is not taken in this release. Take upsert, create, update or skip_existing")
    return value


def _sheet(value: object) -> object:
    if value is not None:
        raise ValueError("Spreadsheets are not taken in this release, so there is no sheet to choose. Send a CSV file")
    return value


def _mapping(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004  # Pydantic turns this one into a fault of the body
            "Saved mappings are not taken in this release. Send an object of columns and fields"
        )
    return value


Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
Metadata = Annotated[
    dict[Annotated[Text, Field(min_length=1, max_length=100)], Annotated[Text, Field(max_length=1000)]],
    Field(max_length=50, description="What the caller wants to find again with the job; texts only."),
]
Priority = Annotated[
    int, Field(ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT, description="Higher runs first among the tenant's jobs.")
]


class Body(BaseModel):
    """A JSON body: members that it does not know are an error that names them."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ImportOptions(Body):
    """The options of an import. Null: the kind's default, or detected in the file and refused where two readings are possible."""

    mode: Annotated[
        Literal["upsert", "create", "update", "skip_existing"] | None,
        BeforeValidator(_mode),
        Field(description="What becomes of rows that exist, and of those that do not. Null: the kind's first mode."),
    ] = None
    on_error: Literal["continue", "abort", "atomic"] = Field(
        default="continue",
        description="`continue` leaves failed rows out; `abort` ends the job at the first and writes nothing; `atomic` writes all rows or none.",
    )
    max_errors: Annotated[int, Field(ge=0, le=LONG)] | None = Field(
        default=None, description="More failed rows than this end the job before anything is written."
    )
    max_error_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="A larger share of failed rows than this ends the job before anything is written."
    )
    dry_run: bool = Field(default=False, description="Judge every row and say what would happen, but write nothing.")
    mapping: Annotated[
        Annotated[dict[Annotated[Text, Field(max_length=1000)], Name | None], Field(max_length=2000)] | None,
        BeforeValidator(_mapping),
        Field(description="Column to field; null leaves the column out. Null: by name, title and synonyms."),
    ] = None
    columns_extra: Literal["error", "ignore"] | None = Field(
        default=None,
        description="What becomes of columns that the kind does not know. Null: `error`, unless the kind is open.",
    )
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="Between two cells."
    )
    quote: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(default=None, description="Around a cell.")
    encoding: Annotated[Text, Field(min_length=1, max_length=40)] | None = Field(
        default=None, description="For example `utf-8` or `windows-1252`."
    )
    header_line: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        default=None, description="The physical line of the header, from 1."
    )
    sheet: Annotated[None, BeforeValidator(_sheet)] = Field(default=None, description="Always null in this release.")
    date_order: Literal["dmy", "mdy", "ymd"] | None = Field(default=None, description="How 03/04/25 is to be read.")
    decimal_sign: Literal[".", ","] | None = Field(default=None, description="How 1,234 is to be read.")
    empty: Literal["clear", "keep"] = Field(default="clear", description="What an empty cell does to a stored value.")
    duplicates: Literal["fail", "skip", "apply"] = Field(
        default="fail", description="What becomes of a row whose key an earlier row of the file has."
    )
    priority: Priority = 0
    metadata: Metadata = {}

    def to_domain(self) -> SubmitOptions:
        """The options as the service takes them; metadata go beside them."""
        return SubmitOptions(
            mode=None if self.mode is None else Mode(self.mode),
            policy=ErrorPolicy(OnError(self.on_error), self.max_errors, self.max_error_rate),
            dry_run=self.dry_run,
            mapping=None if self.mapping is None else tuple(self.mapping.items()),
            columns_extra=self.columns_extra,
            reading=ReadOptions(self.delimiter, self.quote, self.encoding, self.header_line, None),
            date_order=self.date_order,
            decimal_sign=self.decimal_sign,
            empty=self.empty,
            duplicates=self.duplicates,
            priority=self.priority,
        )


class ImportRows(Body):
    """An import whose rows come in the body. `rows` is read apart, row by row."""

    kind: Name = Field(description="The import kind.", examples=["customers"])
    options: ImportOptions = ImportOptions()
    rows: list[dict[str, object]] = Field(
        description="The rows: objects of column and value. Numbers keep their exact text."
    )


class TaskOptions(Body):
    """The options of a task."""

    priority: Priority = 0
    metadata: Metadata = {}


class TaskBody(Body):
    """A job of a task kind."""

    kind: Name = Field(description="The task kind.", examples=["export"])
    params: dict[str, object] = Field(
        default={}, description="What the kind asks for; see its `params` under /v1/kinds."
    )
    options: TaskOptions = TaskOptions()


class TokenBody(Body):
    """A token to be made for the caller's own tenant."""

    user: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Whose token it is; made if new. Null: the caller's own."
    )
    name: Annotated[Text, Field(max_length=100)] = Field(default="", description="What the token is for.")
    scopes: list[Annotated[Text, Field(max_length=100)]] = Field(
        min_length=1, max_length=50, description="What it may do, for example `jobs:read`."
    )
    expires_at: Annotated[AwareDatetime, Field(strict=False)] | None = Field(
        default=None, description="When it ends. Null: never."
    )

    def ends_at(self) -> datetime | None:
        """When the token ends."""
        return self.expires_at


def checked(model: type[B], value: object, base: str = "") -> B:
    """The value as the model reads it.

    Raises:
        Invalid: it does not fit; `errors` has each fault with its JSON pointer.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(cast("Sequence[Mapping[str, object]]", error.errors(include_url=False)), base) from None


def invalid(found: Sequence[Mapping[str, object]], base: str = "") -> Invalid:
    """Faults as Pydantic finds them, as one refusal."""
    errors = tuple(_pointed(one, base) for one in found[:FAULTS_MAX])
    return Invalid(reason=" ".join(dict.fromkeys(error.detail for error in errors)), errors=errors)


def _pointed(found: Mapping[str, object], base: str) -> Pointed:
    place = [str(step) for step in cast("Sequence[object]", found.get("loc", ()))]
    pointer = base + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in place)
    name = place[-1] if place else "The body"
    said = str(found.get("msg", "is not valid")).removeprefix("Value error, ")
    match found.get("type"):
        case "extra_forbidden":
            return Pointed(f"{name} is not known here.", pointer)
        case "string_pattern_mismatch":
            return Pointed(f"{name} holds NUL.", pointer)
        case "missing":
            return Pointed(f"{name} is missing.", pointer)
        case _:
            return Pointed(f"{name}: {said}.", pointer)
