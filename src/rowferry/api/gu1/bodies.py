"""What callers of gu1 may send beside rows: fields of forms and members of JSON bodies, each of its type."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar, cast

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from rowferry.api.gu1.words import EntityStatus, StatusWord, Target
from rowferry.api.wire import models
from rowferry.api.wire.bodies import parsed
from rowferry.api.wire.models import Name, Text, checked

B = TypeVar("B", bound="Body")
SOURCES_MAX = 5
FLAGS: Mapping[str, bool] = {"true": True, "false": False}

Country = Annotated[Text, Field(pattern="^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2.", examples=["AR"])]
Email = Annotated[Text, Field(pattern=r"^[^@\s\x00]+@[^@\s\x00]+$", max_length=254)]
Word = Annotated[Text, Field(max_length=200)]


class Body(models.Body):
    """What is sent, in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel)


# Options of uploads ---------------------------------------------------------------------------------------------------


class EntityOptions(Body):
    """What may be said about entities. Options of the vendor's risk engine are kept with the job and start nothing here."""

    stop_on_first_error: bool = Field(default=False, description="The first failed row ends the job.")
    duplicate_tax_id_policy: Literal["skip_existing", "error"] = Field(
        default="skip_existing", description="What becomes of a row whose taxId and type exist."
    )
    country: Country | None = Field(default=None, description="The country of rows without one.")
    nationality: Country | None = Field(default=None, description="The nationality of rows without one.")
    is_client: bool | None = Field(default=None, description="For rows that do not say it.")
    status: EntityStatus = Field(default="under_review", description="The status of rows without one.")
    attributes: dict[str, object] | None = Field(default=None, description="The attributes of rows without any.")
    skip_rules_execution: bool = Field(default=False, description="Kept.")
    risk_matrix_person_id: Word | None = Field(default=None, description="Kept.")
    risk_matrix_company_id: Word | None = Field(default=None, description="Kept.")
    auto_execute_integrations: bool = Field(default=False, description="Kept.")
    auto_execute_integrations_shareholders: bool = Field(default=False, description="Kept.")
    monitoring: dict[str, object] | None = Field(default=None, description="Kept.")
    depth: Annotated[int, Field(ge=0, le=5)] | None = Field(default=None, description="Kept.")
    report_recipient_emails: Annotated[list[Email], Field(max_length=10)] = Field(default=[], description="Kept.")
    email_locale: Literal["en", "es", "pt"] | None = Field(default=None, description="Kept.")


class EntityForm(EntityOptions):
    """The fields of a form with a file of entities."""

    mapping_id: Word | None = Field(default=None, description="A saved mapping for entities.")
    entity_import_mode: Literal["manual", "automatic", "manual_no_enrichment", "automatic_enriched"] = "manual"


class EntityBulk(EntityOptions):
    """A bulk of entities as JSON. `items` is read apart, one by one."""

    items: list[dict[str, object]] = Field(description="The entities, by the names of their fields.")
    import_mode: Literal["automatic_enriched", "manual_no_enrichment"] = Field(
        default="automatic_enriched", description="`manual_no_enrichment` needs `suggestedName` in every item."
    )


class TransactionOptions(Body):
    """What may be said about transactions."""

    execute_rules: bool = Field(default=True, description="Kept.")
    skip_duplicates: bool = Field(default=False, description="Skip rows whose externalId exists; else they fail.")
    validate_existing_entity: bool = Field(
        default=True, description="The whole job fails where a row names an entity that does not exist."
    )


class TransactionForm(TransactionOptions):
    """The fields of a form with files of transactions."""

    mapping_id: Word | None = Field(default=None, description="A saved mapping for transactions.")
    column_mapping: dict[str, object] | None = Field(default=None, description="A mapping for this file alone.")
    batch_error_handling: Literal["rollback_all", "stop_keep_success", "continue_collect_errors"] = "rollback_all"


class TransactionBatch(TransactionOptions):
    """Transactions as JSON. `transactions` is read apart, one by one."""

    transactions: list[dict[str, object]] = Field(description="The transactions, by the names of their fields.")


class TransactionSource(Body):
    """Some of the transactions of several sources."""

    transactions: list[dict[str, object]] = Field(description="The transactions, by the names of their fields.")
    file_name: Word | None = Field(default=None, description="What the caller calls the source.")


class TransactionSources(TransactionOptions):
    """Transactions of several sources as JSON. They are read apart, one by one."""

    sources: Annotated[list[TransactionSource], Field(min_length=1, max_length=SOURCES_MAX)]


class EventForm(Body):
    """The fields of a form with a file of user events."""

    mapping_id: Word = Field(description="A saved mapping for user events.")
    execute_rules: bool = Field(default=True, description="Kept.")
    with_auto_entity: bool = Field(
        default=True, description="Take events of unknown entities too; else their rows fail."
    )


# Control and mappings -------------------------------------------------------------------------------------------------


class ControlBody(Body):
    """What a job shall do."""

    kind: Literal["entity_automatic", "transaction_batch", "user_event_batch"]
    action: Literal["pause", "resume", "cancel"]


Columns = Annotated[
    dict[Annotated[Text, Field(min_length=1, max_length=1_000)], object],
    Field(min_length=1, max_length=500, description="Column to the path of a field, or to an object with `path`."),
]
Defaults = Annotated[dict[Name, object], Field(max_length=100, description="Field to its value where a row has none.")]
Headers = Annotated[list[Annotated[Text, Field(max_length=1_000)]], Field(max_length=2_000)]


class MappingBody(Body):
    """A mapping to save."""

    name: Name
    target: Target
    column_mapping: Columns
    default_fields: Defaults | None = None
    headers_snapshot: Headers | None = Field(default=None, description="The header of the file it was made for.")


class MappingPatch(Body):
    """What shall change of a mapping; what is not named stays."""

    name: Name = Field(default_factory=str)
    target: Target = Field(default_factory=lambda: cast("Target", ""))
    column_mapping: Columns = Field(default_factory=dict[str, object])
    default_fields: Defaults | None = None
    headers_snapshot: Headers | None = None


# Forms ----------------------------------------------------------------------------------------------------------------

JSON_FIELDS = frozenset({"attributes", "monitoring", "reportRecipientEmails", "columnMapping"})
INTEGERS = frozenset({"depth"})
TEXTS = frozenset(
    {"mappingId", "entityImportMode", "duplicateTaxIdPolicy", "country", "nationality", "status", "emailLocale"}
    | {"riskMatrixPersonId", "riskMatrixCompanyId", "batchErrorHandling"}
)
"""Fields that stay as they are written; any other is a flag."""


def names_of(model: type[Body]) -> frozenset[str]:
    """The names of a form's fields."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def of_form(model: type[B], fields: Mapping[str, str]) -> B:
    """The fields of a form, each as the type that it stands for; an empty one is as none.

    Raises:
        Invalid: they do not fit.
        MalformedJson: one that holds JSON does not.
    """
    return checked(model, {name: _value(name, text) for name, text in fields.items() if text.strip()})


def _value(name: str, text: str) -> object:
    if name in TEXTS:
        return text.strip()
    if name in JSON_FIELDS:
        return parsed(text, f"The field {name}")
    if name in INTEGERS:
        return int(text) if text.strip().isascii() and text.strip().isdecimal() else text
    return FLAGS.get(text.strip().lower(), text)


def kept(options: Body, *acted: str) -> dict[str, object]:
    """What was sent, as the job keeps it, without the members named."""
    told = json.loads(options.model_dump_json(by_alias=True, exclude_unset=True, exclude=set(acted)))
    return cast("dict[str, object]", told)


# Queries --------------------------------------------------------------------------------------------------------------


class HistoryQuery(models.Body):
    """Which jobs of the history. Words that are not known here are ignored."""

    model_config = ConfigDict(extra="ignore", strict=False)

    kind: Annotated[Text, Field(max_length=200)] | None = Field(
        default=None, description="Only jobs of this kind. Without it, of the three kinds of batches."
    )
    status: StatusWord | None = Field(default=None, description="Only jobs with this word.")
    limit: int = Field(default=50, ge=1, le=200, description="How many at most.")
    offset: int = Field(default=0, ge=0, le=1_000_000_000, description="How many of the newest to leave out.")
