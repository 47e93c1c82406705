"""Decides which column of a file goes to which field of a kind, and suggests fields for columns that say nothing known."""

import difflib
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rowferry.domain.faults import JobFaultCode, JobStopped, stop
from rowferry.domain.schema import FieldsMatch, ImportOptions, Mode, Schema

NAMED_MAX = 20
"""Columns that a message names at most; its details have more."""
DETAILS_MAX = 200
NAME_LENGTH_MAX = 100
"""Characters of a name that are shown."""
COMPARED_MAX = 100
"""Columns that are compared with the fields letter by letter at most: the work grows with columns times fields."""
COMPARED_LENGTH_MAX = 80
UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Characters without a shape that programs leave in names: soft hyphens, joints, and byte order marks that came in twice."""
NEAR = 0.7
"""How alike (0 to 1) a column and a field must be called for the one to be suggested for the other."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What becomes of the columns of a file: `pairs` of position (from 0) and field, by position; the names of those left out."""

    pairs: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that columns of the file bring."""
        return frozenset(name for _, name in self.pairs)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The field that a column may mean, with a confidence from 0 to 1; None where no field is near."""

    position: int
    column: str
    field: str | None
    confidence: float


def map_columns(columns: Sequence[str], schema: Schema, options: ImportOptions, added: Sequence[int] = ()) -> Mapped:
    """Which columns go to which fields, by the option `mapping`, or else by the names, titles and synonyms of the fields.

    Args:
        columns: the cells of the header as they stand.
        schema: the kind's.
        options: of the import. A field with a default is not missing.
        added: positions of columns that an error file of ours has more than its original; they are left out.

    Raises:
        JobStopped: `duplicate-columns`, `invalid-mapping`, `unknown-columns` or `missing-columns`, in this order.
    """
    left_out = set(added)
    own = {position: name for position, name in enumerate(columns) if position not in left_out}
    twice = [name for name, count in Counter(own.values()).items() if count > 1 and name.strip()]
    if twice:
        raise stop(
            JobFaultCode.DUPLICATE_COLUMNS,
            f"The header has more than one column named {_listed(twice)}. Rename or remove them.",
            columns=_short(twice),
        )
    targets = _by_name(own, schema) if options.mapping is None else _by_mapping(own, schema, options.mapping)
    _refuse_shared_fields(own, targets)
    pairs = tuple((position, name) for position, name in sorted(targets.items()) if name is not None)
    extra = [position for position in own if position not in targets]
    if extra and not _extra_ignored(schema, options):
        raise _unknown_columns(own, extra, schema, pairs)
    mapped = Mapped(pairs, tuple(name for position, name in own.items() if targets.get(position) is None))
    _refuse_missing(mapped, schema, options)
    return mapped


def suggest(columns: Sequence[str], schema: Schema) -> tuple[Suggestion, ...]:
    """For each column the field that it may mean; each field at most once, to the column that is nearest to it."""
    sure = _by_name(dict(enumerate(columns)), schema)
    taken = {name for name in sure.values() if name is not None}
    words = {word: name for word, name in _words(schema).items() if name not in taken}
    open_columns = [position for position in range(len(columns)) if position not in sure][:COMPARED_MAX]
    near = sorted(
        ((score, position, name) for position in open_columns for score, name in _nearest(columns[position], words)),
        key=lambda one: (-one[0], one[1], one[2]),
    )
    found: dict[int, tuple[str, float]] = {}
    for score, position, name in near:
        if position not in found and name not in taken:
            found[position] = (name, round(score, 2))
            taken.add(name)
    found |= {position: (name, 1.0) for position, name in sure.items() if name is not None}
    return tuple(
        Suggestion(position, column, *found.get(position, (None, 0.0))) for position, column in enumerate(columns)
    )


# Which column is meant ------------------------------------------------------------------------------------------------


def folded(name: str) -> str:
    """A name as it is compared: small letters, one space for any run of spaces, `_` and `-`, and nothing that nobody sees."""
    seen = UNSEEN.sub("", unicodedata.normalize("NFC", name))
    return re.sub(r"[\s_-]+", " ", seen).strip().casefold()


def _by_name(columns: Mapping[int, str], schema: Schema) -> dict[int, str | None]:
    words = _words(schema)
    found = {position: words.get(folded(name)) for position, name in columns.items()}
    return {position: name for position, name in found.items() if name is not None}


def _words(schema: Schema) -> dict[str, str]:
    """The words that mean a field: its name before titles, titles before synonyms; words of two fields of one rank mean none."""
    ranks = (
        ((one.name, one.name) for one in schema.fields),
        ((one.title, one.name) for one in schema.fields if one.title),
        ((synonym, one.name) for one in schema.fields for synonym in one.synonyms),
    )
    words: dict[str, str] = {}
    for rank in ranks:
        meant: dict[str, set[str]] = {}
        for word, name in rank:
            meant.setdefault(folded(word), set()).add(name)
        for word, names in meant.items():
            if len(names) == 1:
                words.setdefault(word, *names)
    return words


def _by_mapping(
    columns: Mapping[int, str], schema: Schema, mapping: Iterable[tuple[str, str | None]]
) -> dict[int, str | None]:
    exact = {name: position for position, name in columns.items()}
    alike = _unambiguous(columns)
    faults: list[str] = []
    targets: dict[int, str | None] = {}
    for column, name in mapping:
        position = exact.get(column, alike.get(folded(column)))
        if position is None:
            near = _near_texts(column, exact) if len(faults) < NAMED_MAX else []
            faults.append(f"the file has no column {_quoted(column)}{_hint(near)}")
        elif name is not None and name not in schema.names:
            near = _near_texts(name, schema.names) if len(faults) < NAMED_MAX else []
            faults.append(f"the kind has no field {name[:NAME_LENGTH_MAX]}{_hint(near)}")
        elif targets.get(position, name) != name:
            faults.append(f"the column {_quoted(column)} goes to both {targets[position]} and {name}")
        else:
            targets[position] = name
    if faults:
        more = f"; and {len(faults) - NAMED_MAX} more" if len(faults) > NAMED_MAX else ""
        raise stop(
            JobFaultCode.INVALID_MAPPING,
            f"The option mapping does not fit: {'; '.join(faults[:NAMED_MAX])}{more}.",
            faults=faults[:DETAILS_MAX],
            columns=_short(columns.values()),
        )
    return targets


def _unambiguous(columns: Mapping[int, str]) -> dict[str, int]:
    counts = Counter(folded(name) for name in columns.values())
    return {folded(name): position for position, name in columns.items() if counts[folded(name)] == 1}


# What is refused ------------------------------------------------------------------------------------------------------


def _refuse_shared_fields(columns: Mapping[int, str], targets: Mapping[int, str | None]) -> None:
    sources: dict[str, list[str]] = {}
    for position, name in targets.items():
        if name is not None:
            sources.setdefault(name, []).append(columns[position])
    shared = {name: names for name, names in sources.items() if len(names) > 1}
    if shared:
        shown = "; ".join(f"{_listed(names)} to {name}" for name, names in shared.items())
        raise stop(
            JobFaultCode.DUPLICATE_COLUMNS,
            f"More than one column goes to the same field: {shown}. Say by the option mapping which one is meant.",
            columns=_short(one for names in shared.values() for one in names),
            fields=list(shared),
        )


def _extra_ignored(schema: Schema, options: ImportOptions) -> bool:
    if options.columns_extra is not None:
        return options.columns_extra == "ignore"
    return schema.fields_match in {FieldsMatch.SUBSET, FieldsMatch.PARTIAL}


def _unknown_columns(
    columns: Mapping[int, str], extra: Sequence[int], schema: Schema, pairs: Sequence[tuple[int, str]]
) -> JobStopped:
    taken = {name for _, name in pairs}
    words = {word: name for word, name in _words(schema).items() if name not in taken}
    near = {position: [name for _, name in _nearest(columns[position], words)] for position in extra[:NAMED_MAX]}
    shown = ", ".join(
        f"{_quoted(columns[position]) if columns[position].strip() else f'the one at {position + 1} without a name'}{_hint(fields)}"
        for position, fields in near.items()
    )
    more = f" and {len(extra) - NAMED_MAX} more" if len(extra) > NAMED_MAX else ""
    return stop(
        JobFaultCode.UNKNOWN_COLUMNS,
        f"The file has columns that go to no field: {shown}{more}. "
        "Rename them, map them by the option mapping, or set the option columns_extra to ignore.",
        columns=_short(columns[position] for position in extra),
        suggestions={columns[position][:NAME_LENGTH_MAX]: fields for position, fields in near.items() if fields},
        fields=list(schema.names),
    )


def _refuse_missing(mapped: Mapped, schema: Schema, options: ImportOptions) -> None:
    brought = mapped.fields | dict(options.defaults).keys()
    missing = [name for name in _needed(schema, options) if name not in brought]
    if missing:
        raise stop(
            JobFaultCode.MISSING_COLUMNS,
            f"The file has no column for {_listed(missing)}. Add the columns, map others to these fields by the option mapping, "
            "or give them a value by the option defaults.",
            fields=missing,
            ignored=_short(mapped.ignored),
        )
    if not mapped.pairs:
        raise stop(
            JobFaultCode.MISSING_COLUMNS,
            "No column of the file goes to a field. Give the columns the names of the fields, or map them by the option mapping.",
            fields=list(schema.names),
            ignored=_short(mapped.ignored),
        )
    order = [name for _, name in mapped.pairs]
    if schema.fields_match is FieldsMatch.EXACT and order != [name for name in schema.names if name in mapped.fields]:
        raise stop(
            JobFaultCode.MISSING_COLUMNS,
            f"The columns stand in another order than the fields of the kind, which takes them only as {_listed(schema.names)}.",
            fields=list(schema.names),
            found=order,
        )


def _needed(schema: Schema, options: ImportOptions) -> tuple[str, ...]:
    """The fields that must be there. An update leaves what the file does not bring as it is, so it needs the key and what it requires itself."""
    if schema.fields_match in {FieldsMatch.EXACT, FieldsMatch.EQUAL, FieldsMatch.SUBSET}:
        return schema.names
    needed = {*schema.primary_key, *options.required}
    if options.mode is not Mode.UPDATE:
        needed |= {one.name for one in schema.fields if one.required}
    return tuple(name for name in schema.names if name in needed)


# Near names -----------------------------------------------------------------------------------------------------------


def _nearest(column: str, words: Mapping[str, str]) -> list[tuple[float, str]]:
    """Up to two fields with how near (0 to 1) one of their words is to the column's name, the nearest first."""
    text = folded(column)[:COMPARED_LENGTH_MAX]
    matches = difflib.get_close_matches(text, words, n=4, cutoff=NEAR) if text else []
    best: dict[str, float] = {}
    for word in matches:
        best.setdefault(words[word], difflib.SequenceMatcher(None, word, text).ratio())
    return sorted(((score, name) for name, score in best.items()), reverse=True)[:2]


def _near_texts(text: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(text[:COMPARED_LENGTH_MAX], list(known), n=1, cutoff=NEAR)


def _hint(near: Sequence[str]) -> str:
    return f" (do you mean {' or '.join(near)}?)" if near else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(_quoted(name) for name in names[:NAMED_MAX]) + more


def _quoted(name: str) -> str:
    return f"“{name}”" if len(name) <= NAME_LENGTH_MAX else f"“{name[:NAME_LENGTH_MAX]}…”"


def _short(names: Iterable[str]) -> list[str]:
    """Names for the details of a fault, bounded: a header may be as long as a record."""
    return [name[:NAME_LENGTH_MAX] for name in itertools.islice(names, DETAILS_MAX)]
