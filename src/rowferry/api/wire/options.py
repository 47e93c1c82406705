"""The options of an import in the words of the native API, which other dialects take too."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rowferry.api.wire.models import Body, Metadata, Name, Priority, Text
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.options import SubmitOptions
from rowferry.domain.schema import Mode, ReadOptions

LONG = 9_007_199_254_740_991
"""The largest integer that every JSON reader keeps."""


def _mode(value: object) -> object:
    if value == "replace":
        raise ValueError("The mode replace is not taken in this release. Take upsert, create, update or skip_existing")
    return value


def _mapping(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(  # noqa: TRY004  # Pydantic turns this one into a fault of the body
            "Saved mappings are not taken in this release. Send an object of columns and fields"
        )
    return value


class ImportOptions(Body):
    """The options of an import. Null: the kind's default, or detected in the file and refused where two readings are possible."""

    mode: Annotated[
        Literal["upsert", "create", "update", "skip_existing"] | None,
        BeforeValidator(_mode),
        Field(description="What becomes of rows that exist, and of those that do not. Null: the kind's first mode."),
    ] = None
    on_error: Literal["continue", "abort", "atomic", "stop"] = Field(
        default="continue",
        description="`continue` leaves failed rows out; `abort` ends the job at the first and writes nothing; `atomic` writes all rows or none; "
        "`stop` ends the job at the first and keeps the rows before it.",
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
    delimiter: Annotated[Text, Field(min_length=1, max_length=2)] | None = Field(
        default=None, description="Between two cells: one character, which a blank may follow."
    )
    quote: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(default=None, description="Around a cell.")
    encoding: Annotated[Text, Field(min_length=1, max_length=40)] | None = Field(
        default=None, description="For example `utf-8` or `windows-1252`."
    )
    header_line: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="The physical line of the header, from 1. 0: there is none, and the columns are `column_1`, `column_2`, ….",
    )
    sheet: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        description="The sheet of a workbook, by its name, or by its place from 1. Null: the first that has rows.",
    )
    member: Annotated[Text, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="The file inside an archive, by its name. Null: the only one that can be read."
    )
    date_order: Literal["dmy", "mdy", "ymd"] | None = Field(default=None, description="How 03/04/25 is to be read.")
    decimal_sign: Literal[".", ","] | None = Field(
        default=None, description="How 1,234 is to be read. Null: as the other cells of its column tell."
    )
    empty: Literal["clear", "keep"] = Field(default="clear", description="What an empty cell does to a stored value.")
    duplicates: Literal["fail", "skip", "apply"] = Field(
        default="fail", description="What becomes of a row whose key an earlier row of the file has."
    )
    defaults: Annotated[
        dict[Name, Annotated[Text, Field(min_length=1, max_length=1000)]],
        Field(
            max_length=500, description="Field to the text of a cell that stands where a row has no value in the field."
        ),
    ] = Field(default={})
    required: Annotated[
        list[Name], Field(max_length=500, description="Fields that must have a value, besides those of the kind.")
    ] = Field(default=[])
    strict: bool = Field(
        default=False, description="Look also at those references and dependencies that the kind keeps for this."
    )
    missing_reference: Literal["fail", "abort"] = Field(
        default="fail",
        description="What a row does that refers to nothing: `fail`, or `abort` the job before anything is written.",
    )
    priority: Priority = 0
    metadata: Metadata = Field(default={})

    def to_domain(self) -> SubmitOptions:
        """The options as the service takes them; metadata go beside them."""
        return SubmitOptions(
            mode=None if self.mode is None else Mode(self.mode),
            policy=ErrorPolicy(OnError(self.on_error), self.max_errors, self.max_error_rate),
            dry_run=self.dry_run,
            mapping=None if self.mapping is None else tuple(self.mapping.items()),
            columns_extra=self.columns_extra,
            reading=ReadOptions(self.delimiter, self.quote, self.encoding, self.header_line, self.sheet, self.member),
            date_order=self.date_order,
            decimal_sign=self.decimal_sign,
            empty=self.empty,
            duplicates=self.duplicates,
            priority=self.priority,
            defaults=tuple(self.defaults.items()),
            required=tuple(self.required),
            strict=self.strict,
            missing_reference=self.missing_reference,
        )
