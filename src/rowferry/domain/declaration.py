"""Reads the declaration of an import kind, names every fault in it, and writes it back."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from rowferry.domain.access import TenantId
from rowferry.domain.document import Place, needed, optional
from rowferry.domain.faults import InvalidDeclaration, Pointed, RowCode
from rowferry.domain.field import NAME, SCALARS, field_from, name_from
from rowferry.domain.schema import (
    Dependency,
    Field,
    FieldsMatch,
    FieldType,
    ForeignKey,
    ImportKind,
    Limits,
    Mode,
    Retention,
    Rule,
    Schema,
)

__all__ = ["NAME", "from_declaration", "normal", "reference_faults", "to_declaration"]

RULE_CODE = re.compile(r"[a-z][a-z0-9-]{0,62}")
DAYS = re.compile(r"([1-9][0-9]{0,4})d")
FOREVER = "forever"
ANYTHING = "TRUE"
"""What stands in a document for a rule that no document can say."""

FIELDS_MAX = 500
KEYS_MAX = 16
KEY_FIELDS_MAX = 16
RULES_MAX = 100
MISSING_VALUES_MAX = 100


def from_declaration(document: object, tenant: TenantId | None = None) -> ImportKind:
    """The kind that a declaration says, in its normal form: key fields are required, the kind itself is the resource "".

    Source: Table Schema (Data Package v2) under `schema`, with names of our own for what it lacks.

    Raises:
        InvalidDeclaration: `errors` has every fault with its JSON pointer.
    """
    faults: list[Pointed] = []
    kind = _kind(Place(document, "", faults), tenant)
    if faults or kind is None:
        raise InvalidDeclaration(reason=_reason(faults), errors=tuple(faults))
    return kind


def normal(kind: ImportKind) -> ImportKind:
    """A kind that was written in Python, checked like a declaration and in its normal form.

    Raises:
        InvalidDeclaration: the kind is not declared rightly.
    """
    plain = tuple(one if isinstance(one.then, str) else replace(one, then=ANYTHING) for one in kind.schema.rules)
    found = from_declaration(to_declaration(_with_rules(kind, plain)), kind.tenant)
    pairs = zip(found.schema.rules, kind.schema.rules, strict=True)
    return _with_rules(found, tuple(replace(read, then=one.then, fields=one.fields) for read, one in pairs))


def reference_faults(
    kind: ImportKind, find: Callable[[str], ImportKind | None], held: Collection[ForeignKey] | None = None
) -> tuple[Pointed, ...]:
    """What is wrong with the foreign keys of a kind to other kinds, which `find` gives by name: with all, or with those that are held."""
    faults: list[Pointed] = []
    for index, key in enumerate(kind.schema.foreign_keys):
        place = Place(None, f"/schema/foreignKeys/{index}", faults)
        if key.resource and (held is None or key in held):
            other = find(key.resource)
            if other is None:
                place.at("reference").at("resource").wrong(f"There is no import kind {key.resource}.")
            else:
                _check_reference(place, key, kind.schema, other.schema)
    return tuple(faults)


# The kind -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named:
    """What later parts of a declaration may name: the fields as stated, and those that could be read."""

    kind: str
    stated: frozenset[str]
    fields: Mapping[str, Field]


def _kind(root: Place, tenant: TenantId | None) -> ImportKind | None:
    given = root.known("name", "title", "description", "schema", "rules", "modes", "limits", "retention")
    name = needed(root, given, "name", lambda place: name_from(place, NAME))
    schema = needed(root, given, "schema", lambda place: _schema(place, name or "", given.get("rules")))
    keyed = schema is not None and bool(schema.primary_key)
    modes = optional(given, "modes", lambda place: _modes(place, keyed=keyed or schema is None), None)
    limits = optional(given, "limits", _limits, Limits())
    retention = optional(given, "retention", _retention, Retention())
    title = optional(given, "title", Place.text, None)
    description = optional(given, "description", Place.text, None)
    if name is None or schema is None:
        return None
    return ImportKind(
        name=name,
        schema=schema,
        title=title,
        description=description,
        modes=modes or (tuple(Mode) if keyed else (Mode.CREATE,)),
        limits=limits,
        retention=retention,
        tenant=tenant,
    )


def _schema(place: Place, kind: str, rules: Place | None) -> Schema | None:
    given = place.known(
        *("fields", "primaryKey", "uniqueKeys", "foreignKeys", "dependencies", "missingValues", "fieldsMatch")
    )
    named = needed(place, given, "fields", lambda one: _fields(one, kind))
    if named is None:
        return None
    primary_key = optional(given, "primaryKey", lambda key: _key(key, named), ())
    unique_keys = optional(given, "uniqueKeys", lambda keys: keys.each(lambda key: _key(key, named), most=KEYS_MAX), ())
    schema = Schema(
        fields=tuple(replace(one, required=one.required or one.name in primary_key) for one in named.fields.values()),
        primary_key=primary_key,
        unique_keys=unique_keys,
        missing_values=optional(given, "missingValues", _missing_values, ("",)),
        fields_match=optional(given, "fieldsMatch", _fields_match, None),
        rules=_rules(rules, named) if rules else (),
    )
    return replace(
        schema,
        foreign_keys=optional(given, "foreignKeys", lambda keys: _foreign_keys(keys, named, schema), ()),
        dependencies=optional(given, "dependencies", lambda items: _dependencies(items, named, primary_key), ()),
    )


def _fields(place: Place, kind: str) -> _Named:
    stated: list[str] = []
    fields: dict[str, Field] = {}
    for one in place.items(least=1, most=FIELDS_MAX) or ():
        name, field = field_from(one)
        if name is not None and re.sub("[_-]", " ", name) in {re.sub("[_-]", " ", other) for other in stated}:
            one.at("name").wrong(f"Two fields are called {name}; _ and - count as the same.")
        stated += [name] if name is not None else []
        if field is not None:
            fields.setdefault(field.name, field)
    return _Named(kind, frozenset(stated), fields)


def _modes(place: Place, *, keyed: bool) -> tuple[Mode, ...] | None:
    modes = place.each(lambda one: one.word(Mode), least=1)
    if modes is not None and not keyed and modes != (Mode.CREATE,):
        place.wrong("A kind without primaryKey only creates rows: state [create], or a primaryKey.")
    return tuple(Mode(one) for one in modes) if modes else None


def _limits(place: Place) -> Limits:
    given = place.known("rows", "bytes")
    rows = optional(given, "rows", lambda one: one.whole(least=1, most=10**12), Limits().rows)
    return Limits(rows, optional(given, "bytes", lambda one: one.whole(least=1, most=10**15), Limits().bytes))


def _retention(place: Place) -> Retention:
    given = place.known("input", "errors", "before_images")
    usual = Retention()
    days = {key: _days(one) for key, one in given.items()}
    return Retention(
        input_days=days.get("input", usual.input_days),
        errors_days=days.get("errors", usual.errors_days),
        before_images_days=days.get("before_images", usual.before_images_days),
    )


def _days(place: Place) -> int | None:
    if place.value == FOREVER:
        return None
    found = DAYS.fullmatch(place.value) if isinstance(place.value, str) else None
    if found is None:
        place.wrong(f"A number of days such as 90d, or {FOREVER}, is needed here.")
        return None
    return int(found[1])


def _missing_values(place: Place) -> tuple[str, ...] | None:
    return place.each(lambda one: one.text(least=0), most=MISSING_VALUES_MAX)


def _fields_match(place: Place) -> FieldsMatch | None:
    items = (place,) if isinstance(place.value, str) else place.items(least=1, most=1)
    word = items[0].word(FieldsMatch) if items else None
    return FieldsMatch(word) if word else None


# Keys and rules -------------------------------------------------------------------------------------------------------


def _names(place: Place) -> tuple[str, ...] | None:
    """One name, or an array of names."""
    if isinstance(place.value, str):
        return (place.value,)
    return place.each(Place.text, least=1, most=KEY_FIELDS_MAX)


def _key(place: Place, named: _Named) -> tuple[str, ...] | None:
    names = _names(place)
    for name in names or ():
        field = named.fields.get(name)
        if name not in named.stated:
            place.wrong(f"There is no field {name} in this kind.")
        elif field is not None and field.type not in SCALARS:
            place.wrong(f"The field {name} is an {field.type}; a key needs fields that hold one value.")
    return names


def _foreign_keys(place: Place, named: _Named, schema: Schema) -> tuple[ForeignKey, ...] | None:
    return place.each(lambda one: _foreign_key(one, named, schema), most=KEYS_MAX)


def _foreign_key(place: Place, named: _Named, schema: Schema) -> ForeignKey | None:
    given = place.known("fields", "reference", "alternatives", "onRequest")
    fields = needed(place, given, "fields", lambda one: _key(one, named))
    reference = given.get("reference")
    alternatives = optional(given, "alternatives", lambda one: one.each(_names, most=KEYS_MAX), ())
    on_request = optional(given, "onRequest", Place.truth, default=False)
    if reference is None:
        place.wrong("The key reference is needed here.")
        return None
    there = reference.known("resource", "fields")
    resource = optional(there, "resource", lambda one: one.text(least=0), "")
    names = needed(reference, there, "fields", _names)
    if resource and not NAME.fullmatch(resource):
        reference.at("resource").wrong(f"“{resource[:100]}” is no name of a kind.")
    if fields is None or names is None:
        return None
    key = ForeignKey(fields, "" if resource == named.kind else resource, names, alternatives, on_request)
    uneven = [(at, one) for at, one in _ways(place, key) if len(one) != len(fields)]
    for at, one in uneven:
        at.wrong(f"{len(fields)} fields cannot refer to {len(one)}: as many are needed.")
    if uneven:
        return None
    if not key.resource and len(named.fields) == len(named.stated):
        _check_reference(place, key, schema, schema)
    return key


def _ways(place: Place, key: ForeignKey) -> list[tuple[Place, tuple[str, ...]]]:
    """Each of the ways in which a foreign key may name a row of the other kind, and where it stands."""
    alternatives = place.at("alternatives")
    usual = (place.at("reference").at("fields"), key.reference_fields)
    return [usual, *((alternatives.at(index), names) for index, names in enumerate(key.alternatives))]


def _check_reference(place: Place, key: ForeignKey, here: Schema, there: Schema) -> None:
    """A reference must be to a key or its beginning, which an index finds, and its fields of the types of the fields that refer."""
    for at, names in _ways(place, key):
        beginning = there.primary_key[: len(names)]
        if not any(set(one) == set(names) for one in (beginning, *there.unique_sets) if one):
            at.wrong(f"{', '.join(names)} is neither the primaryKey nor unique there.")
            continue
        for mine, other in zip(key.fields, names, strict=True):
            if mine in here.names and here.field(mine).type != there.field(other).type:
                at.wrong(f"{mine} is {here.field(mine).type}, but {other} is {there.field(other).type}.")


def _dependencies(place: Place, named: _Named, primary_key: tuple[str, ...]) -> tuple[Dependency, ...] | None:
    return place.each(lambda one: _dependency(one, named, primary_key), most=KEYS_MAX)


def _dependency(place: Place, named: _Named, primary_key: tuple[str, ...]) -> Dependency | None:
    given = place.known("fields", "determines", "onRequest")
    fields = needed(place, given, "fields", lambda one: _key(one, named))
    determined = needed(place, given, "determines", lambda one: _key(one, named) if one.text() else None)
    on_request = optional(given, "onRequest", Place.truth, default=False)
    if fields is None or determined is None:
        return None
    if set(fields) != set(primary_key[: len(fields)]):
        place.at("fields").wrong(
            f"{', '.join(fields)} is no beginning of the primaryKey, so that no index finds its rows."
        )
    if determined[0] in fields:
        place.at("determines").wrong(f"{determined[0]} is one of the fields, and determines itself.")
    return Dependency(fields, determined[0], on_request)


def _rules(place: Place, named: _Named) -> tuple[Rule, ...]:
    rules = place.each(lambda one: _rule(one, named), most=RULES_MAX) or ()
    codes = [rule.code for rule in rules]
    for index, code in enumerate(codes):
        if code in codes[:index]:
            place.at(index).at("code").wrong(f"Two rules have the code {code}.")
    return rules


def _rule(place: Place, named: _Named) -> Rule | None:
    given = place.known("code", "when", "then", "message", "field")
    code = needed(place, given, "code", lambda one: name_from(one, RULE_CODE))
    then = needed(place, given, "then", Place.text)
    message = needed(place, given, "message", Place.text)
    field = optional(given, "field", Place.text, None)
    if code in set(RowCode):
        place.at("code").wrong(f"The code {code} is one of ours; give the rule its own.")
    if field is not None and field not in named.stated:
        place.at("field").wrong(f"There is no field {field} in this kind.")
    if code is None or then is None or message is None:
        return None
    return Rule(code, then, message, optional(given, "when", Place.text, None), field)


def _reason(faults: list[Pointed]) -> str:
    shown = " ".join(f"{one.pointer}: {one.detail}" if one.pointer else one.detail for one in faults[:3])
    return shown if len(faults) <= len(faults[:3]) else f"{shown} And {len(faults) - 3} more faults."


# Back to a document ---------------------------------------------------------------------------------------------------


def to_declaration(kind: ImportKind) -> dict[str, object]:
    """The declaration of a kind as JSON values. What a kind leaves out is left out; modes, limits and retention are said.

    Reading it gives the kind again, if the kind is in its normal form and has no rule that is a function: of that only the name is said.
    """
    schema = kind.schema
    unsaid = not schema.primary_key and kind.modes == tuple(Mode)
    return _said(
        name=kind.name,
        title=kind.title,
        description=kind.description,
        schema=_said(
            fields=[_field_declared(one) for one in schema.fields],
            primaryKey=list(schema.primary_key) or None,
            uniqueKeys=[list(key) for key in schema.unique_keys] or None,
            foreignKeys=[
                _said(
                    fields=list(key.fields),
                    reference={"resource": key.resource, "fields": list(key.reference_fields)},
                    alternatives=[list(names) for names in key.alternatives] or None,
                    onRequest=key.on_request or None,
                )
                for key in schema.foreign_keys
            ]
            or None,
            dependencies=[
                _said(fields=list(one.fields), determines=one.determines, onRequest=one.on_request or None)
                for one in schema.dependencies
            ]
            or None,
            missingValues=list(schema.missing_values),
            fieldsMatch=schema.fields_match and str(schema.fields_match),
        ),
        rules=[
            _said(
                code=rule.code,
                when=rule.when,
                **_then_declared(rule),
                message=rule.message,
                field=rule.field,
            )
            for rule in schema.rules
        ]
        or None,
        modes=None if unsaid else [str(mode) for mode in kind.modes],
        limits={"rows": kind.limits.rows, "bytes": kind.limits.bytes},
        retention={
            "input": _days_declared(kind.retention.input_days),
            "errors": _days_declared(kind.retention.errors_days),
            "before_images": _days_declared(kind.retention.before_images_days),
        },
    )


def _then_declared(rule: Rule) -> dict[str, object]:
    if isinstance(rule.then, str):
        return {"then": rule.then}
    return {"function": getattr(rule.then, "__name__", type(rule.then).__name__), "fields": list(rule.fields)}


def _with_rules(kind: ImportKind, rules: tuple[Rule, ...]) -> ImportKind:
    return replace(kind, schema=replace(kind.schema, rules=rules))


def _field_declared(field: Field) -> dict[str, object]:
    usual = Field(field.name)
    words = field.type is FieldType.BOOLEAN or field.true_values != usual.true_values
    negations = field.type is FieldType.BOOLEAN or field.false_values != usual.false_values
    constraints = _said(
        required=field.required or None,
        unique=field.unique or None,
        enum=None if field.enum is None else list(field.enum),
        pattern=field.pattern,
        minimum=field.minimum,
        maximum=field.maximum,
        minLength=field.min_length,
        maxLength=field.max_length,
    )
    return _said(
        name=field.name,
        type=str(field.type),
        format=None if field.format == "default" else field.format,
        title=field.title,
        description=field.description,
        constraints=constraints or None,
        example=field.example,
        scale=field.scale,
        precision=field.precision,
        decimalChar=field.decimal_char,
        groupChar=field.group_char,
        bareNumber=None if field.bare_number else False,
        trueValues=list(field.true_values) if words else None,
        falseValues=list(field.false_values) if negations else None,
        values=dict(field.values) or None,
        synonyms=list(field.synonyms) or None,
        normalize=[str(one) for one in field.normalize] or None,
        empty=field.empty,
        sensitive=field.sensitive or None,
        timezone=field.timezone,
    )


def _days_declared(days: int | None) -> str:
    return FOREVER if days is None else f"{days}d"


def _said(**members: object) -> dict[str, object]:
    return {key: value for key, value in members.items() if value is not None}
