"""What an upload of each kind comes to: the options of its import, and what the job keeps of what was said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from rowferry.api.gu1.bodies import Body, EntityOptions, EventForm, TransactionForm, TransactionOptions, kept
from rowferry.api.gu1.columns import Translation
from rowferry.api.gu1.replies import wrong
from rowferry.api.gu1.shapes import KEPT
from rowferry.api.gu1.words import STATUS_DEFAULTS, TIME_FIELDS, BatchKind, ImportMode
from rowferry.api.wire.transfer import stamp
from rowferry.domain.ledger import ErrorPolicy, OnError
from rowferry.domain.options import SubmitOptions
from rowferry.domain.schema import Mode
from rowferry.service.imports import Import, Submission

ON_ERROR: Mapping[str, OnError] = {
    "rollback_all": OnError.ATOMIC,
    "stop_keep_success": OnError.STOP,
    "continue_collect_errors": OnError.CONTINUE,
}
KEPT_CHARACTERS_MAX = 10_000
"""How long what a job keeps may be as JSON: every poll shows it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An import to be made."""

    kind: BatchKind
    options: SubmitOptions
    kept: Mapping[str, object]

    def of_items(self, mapping: tuple[tuple[str, str], ...] | None) -> "Plan":
        """The same for rows that come as JSON, whose members are mapped so; None: they are called as the fields."""
        return replace(self, options=replace(self.options, mapping=mapping), kept={**self.kept, "items": True})

    def keeping(self, more: Mapping[str, object]) -> "Plan":
        """The same with more of what was said."""
        options = cast("Mapping[str, object]", self.kept["options"])
        return replace(self, kept={**self.kept, "options": {**options, **more}})

    def limited(self, rows: int) -> "Plan":
        """The same for a file of at most so many rows; for workbooks and packed files, whose rows only the job counts."""
        return replace(self, options=replace(self.options, rows_max=rows))

    def asked(self) -> Import:
        """The import as the service takes it."""
        return Import(Submission(self.kind), self.options, {KEPT: self.kept})


def of_entities(options: EntityOptions, mode: ImportMode, translation: Translation | None) -> Plan:
    """Entities: one tax id is of one type, every row has a country, and in the mode `manual` a name.

    Raises:
        Invalid: what the job would keep is too long.
    """
    said = {
        "country_code": options.country,
        "nationality": options.nationality,
        "is_client": None if options.is_client is None else json.dumps(options.is_client),
        "status": options.status if "status" in options.model_fields_set else None,
        "attributes": None if options.attributes is None else json.dumps(options.attributes, ensure_ascii=False),
    }
    fails = options.duplicate_tax_id_policy == "error"
    made = replace(
        _plain(translation, _own(BatchKind.ENTITIES), said),
        mode=Mode.CREATE if fails else Mode.SKIP_EXISTING,
        duplicates="fail" if fails else "skip",
        policy=ErrorPolicy(OnError.STOP if options.stop_on_first_error else OnError.CONTINUE),
        required=("country_code", "suggested_name") if mode == "manual" else ("country_code",),
        strict=True,
    )
    told = _told(options, "items", "attributes", "entity_import_mode", "import_mode")
    return Plan(BatchKind.ENTITIES, made, {"importMode": mode, "options": told})


def of_transactions(options: TransactionOptions, translation: Translation | None, now: datetime) -> Plan:
    """Transactions: a form says how errors are borne, and JSON collects them.

    Raises:
        Invalid: what the job would keep is too long.
    """
    handling = options.batch_error_handling if isinstance(options, TransactionForm) else "continue_collect_errors"
    made = replace(
        _plain(translation, _own(BatchKind.TRANSACTIONS, now), {}),
        mode=Mode.SKIP_EXISTING if options.skip_duplicates else Mode.CREATE,
        duplicates="skip" if options.skip_duplicates else "fail",
        policy=ErrorPolicy(ON_ERROR[handling]),
        strict=options.validate_existing_entity,
        missing_reference="abort" if options.validate_existing_entity else "fail",
    )
    return Plan(BatchKind.TRANSACTIONS, made, {"options": _told(options, "transactions", "sources", "column_mapping")})


def of_events(options: EventForm, translation: Translation, now: datetime) -> Plan:
    """User events: those of entities that do not exist fail where the caller says so.

    Raises:
        Invalid: what the job would keep is too long.
    """
    made = replace(
        _plain(translation, _own(BatchKind.EVENTS, now), {}),
        mode=Mode.CREATE,
        strict=not options.with_auto_entity,
    )
    return Plan(BatchKind.EVENTS, made, {"options": _told(options)})


def _plain(translation: Translation | None, own: Mapping[str, str], said: Mapping[str, str | None]) -> SubmitOptions:
    """What all three have in common. A default that the request says goes before one of its mapping, and that before our own.

    Numbers are written as in JSON, since the dialect has no option that says otherwise.
    """
    mapped = translation.defaults if translation is not None else dict[str, str]()
    defaults = {**own, **mapped, **{name: text for name, text in said.items() if text is not None}}
    return SubmitOptions(
        mapping=None if translation is None else translation.mapping,
        columns_extra=None if translation is None else "ignore",
        decimal_sign=".",
        defaults=tuple(defaults.items()),
    )


def _own(kind: BatchKind, now: datetime | None = None) -> dict[str, str]:
    """The dialect's own defaults."""
    own = {"status": STATUS_DEFAULTS[kind]} if kind in STATUS_DEFAULTS else dict[str, str]()
    time = stamp(now)
    return own if time is None else own | {TIME_FIELDS[kind]: time}


def _told(options: Body, *acted: str) -> dict[str, object]:
    told = kept(options, *acted)
    if len(json.dumps(told)) > KEPT_CHARACTERS_MAX:
        raise wrong("", f"The options are longer than {KEPT_CHARACTERS_MAX:,} characters.")
    return told
