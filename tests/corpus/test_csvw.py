"""The W3C's CSVW validation tests, those whose metadata our kinds can say: what must pass has no issue, what must fail has one."""

import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from reading import ABSENT, CORPUS, readers
from tally import Tally

from rowferry.domain.declaration import from_declaration
from rowferry.domain.faults import InvalidDeclaration, JobStopped
from rowferry.domain.schema import ImportKind, ImportOptions, ReadOptions
from rowferry.pipeline import transform
from rowferry.pipeline.inspect import open_file
from rows_of import UPSERT

FOLDER = CORPUS / "csvw"
TESTS = FOLDER / "tests"
TEXTS = {"string", "normalizedString", "NMTOKEN", "token", "anyURI"}
WHOLE = {
    "integer": (None, None),
    "long": (-(2**63), 2**63 - 1),
    "int": (-(2**31), 2**31 - 1),
    "short": (-(2**15), 2**15 - 1),
    "byte": (-128, 127),
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
    "unsignedLong": (0, 2**63 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 255),
}
NUMBERS = {"decimal", "number", "float", "double"}
SAYABLE = re.compile(r"(?:%[YmdHMS]|[-/. :T])+")
SCALE = 12
MOMENTS = {"date": "date", "dateTime": "datetime", "datetime": "datetime", "time": "time"}
PATTERNS = {"yyyy": "%Y", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
ONE_DIGIT = re.compile(r"(?<!M)M(?!M)|(?<!d)d(?!d)")
"""A day or a month of one digit: `any` takes both, in the order that the import states."""
PIECES = re.compile("|".join(PATTERNS))
METADATA = "what is wrong is the metadata itself, and kinds are declared otherwise"
LEFT_OUT = {
    **{
        f"test{number:03}": METADATA
        for number in (*range(59, 112), 144, 115, *range(128, 152), 153, 156, 159, 184, 191)
    },
    **dict.fromkeys(("test238", "test243", "test244", "test267", "test269", "test274", "test308"), METADATA),
    "test039": "its columns show inherited properties, which a kind has none of",
    "test124": "columns with names and no titles are taken by their places in this test",
    "test219": "a field's bound and a rule that no value meets both are no fault of a declaration",
    "test221": "two rules that no value meets both are no fault of a declaration",
    "test170": "a percent sign is part of no number here",
    "test171": "a per-mille sign is part of no number here",
}


class Unsayable(Exception):
    """A kind cannot say this; the sentence says why."""


def tally() -> Tally:
    found = Tally("csvw")
    known = readers()
    for case in json.loads((FOLDER / "cases.json").read_text(encoding="utf-8")):
        name, kind = case["id"], case["type"].removesuffix("ValidationTest")
        if name in LEFT_OUT:
            found.leave_out({f"{name} {case['name']}": LEFT_OUT[name]})
            continue
        try:
            path, table = table_of(case)
            codes = issues(path, table, known)
        except Unsayable as reason:
            found.leave_out({f"{name} {case['name']}": str(reason)})
            continue
        found.judge(f"{name} {case['name']}", right=bool(codes) == (kind == "Negative"), what=codes)
    return found


def table_of(case: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """The file of a case, and what its metadata says of it."""
    named = case["metadata"] or (case["action"] if case["action"].endswith(".json") else None)
    if named is None and case["implicit"]:
        raise Unsayable("its metadata must be found by where it lies, which we do not do")
    if named is None:
        return TESTS / case["action"], {}
    metadata = json.loads((TESTS / named).read_text(encoding="utf-8"))
    tables = metadata.get("tables", [metadata])
    if len(tables) != 1 or not isinstance(tables[0].get("url"), str):
        raise Unsayable("it has several tables, or a table without an address")
    path = (TESTS / named).parent / tables[0]["url"]
    if not path.is_file():
        raise Unsayable("its file is not here")
    return path, {**metadata, **tables[0]}


def issues(path: Path, table: Mapping[str, Any], known: Any) -> list[str]:
    """The codes of all that is wrong with a file."""
    schema = table.get("tableSchema", {})
    if not isinstance(schema, dict):
        raise Unsayable("its schema is elsewhere")
    if "foreignKeys" in schema or "separator" in table or "separator" in schema:
        raise Unsayable("other tables and lists in cells are no part of a file of ours")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            opened = open_file(path, read_options(table.get("dialect", {})), known, Path(scratch))
        except JobStopped as stopped:
            return [str(stopped.fault.code)]
        columns = opened.inspection.columns
        said = [one for one in schema.get("columns", []) if not one.get("virtual")]
        if said and not (len(said) == len(columns) and all(map(named, said, columns))):
            return ["unknown-columns"]
        inherited = {
            key: value for key, value in {**table, **schema}.items() if key in {"null", "required", "datatype"}
        }
        every = {f"f{at}": {**inherited, **one} for at, one in enumerate(said or [{}] * len(columns))}
        fields = [field(name, one) for name, one in every.items()]
        of_rows = [rule for name, one in every.items() for rule in rules(name, one)]
        try:
            things = {"name": "things", "schema": {"fields": fields, **missing([inherited, *said])}}
            kind = from_declaration(things | ({"rules": of_rows} if of_rows else {}))
            transform.check(kind)
        except InvalidDeclaration as refused:
            return [str(one.pointer) for one in refused.errors]
        options = replace(UPSERT, date_order=order_of(every.values()))
        return checked(kind, opened, columns, options) + twice(opened, key_of(schema, said))


def named(column: Mapping[str, Any], header: str) -> bool:
    """Whether a cell of the header is one of the names of a column; one without titles takes any."""
    titles = column.get("titles", [])
    every = [*titles.values()] if isinstance(titles, dict) else titles if isinstance(titles, list) else [titles]
    texts = [text for one in every for text in (one if isinstance(one, list) else [one]) if isinstance(text, str)]
    return not texts or header.strip() in [*texts, column.get("name")]


def read_options(dialect: Mapping[str, Any]) -> ReadOptions:
    if dialect.get("header") is False or dialect.get("headerRowCount", 1) != 1 or dialect.get("commentPrefix"):
        raise Unsayable("several lines of header, none, or comments inside the table")
    return ReadOptions(dialect.get("delimiter"), dialect.get("quoteChar"), dialect.get("encoding"))


def missing(columns: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    stated = [one["null"] for one in columns if "null" in one]
    texts = [text for one in stated for text in (one if isinstance(one, list) else [one]) if isinstance(text, str)]
    return {"missingValues": ["", *filter(None, texts)]} if texts else {}


def field(name: str, column: Mapping[str, Any]) -> dict[str, object]:
    """The field of a kind that takes what the column takes."""
    if "separator" in column or "default" in column:
        raise Unsayable("lists in cells, and texts for empty ones, are no part of a field")
    datatype = column.get("datatype") or {}
    stated = {"base": datatype} if isinstance(datatype, str) else datatype
    base, how = stated.get("base", "string"), stated.get("format")
    bounds = constraints(stated)
    if column.get("required"):
        bounds["required"] = True
    said = {"name": name, **typed(base, how, bounds)}
    return {**said, "constraints": bounds} if bounds else said


def constraints(stated: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    if "length" in stated:
        found |= {"minLength": stated["length"], "maxLength": stated["length"]}
    for name in ("minLength", "maxLength"):
        if name in stated and found.get(name, stated[name]) != stated[name]:
            raise Unsayable("bounds that contradict each other cannot be said twice in one field")
        if name in stated:
            found[name] = stated[name]
    for name in ("minimum", "maximum"):
        inclusive = f"{name[:3]}Inclusive"
        if name in stated or inclusive in stated:
            found[name] = str(stated.get(name, stated.get(inclusive)))
    return found


def rules(name: str, column: Mapping[str, Any]) -> list[dict[str, object]]:
    """Bounds that are no values themselves: rules, as bounds of fields are inclusive."""
    stated = column.get("datatype")
    if not isinstance(stated, dict):
        return []
    signs = {"minExclusive": ">", "maxExclusive": "<"}
    texts = {key: str(stated[key]) for key in signs if key in stated}
    if any(key.replace("Ex", "In") in stated for key in texts) or len(texts) > 1:
        raise Unsayable("bounds that contradict each other cannot be said twice in one field")
    dates = stated.get("base") in MOMENTS
    return [
        {
            "code": f"{name}-{key.lower()}",
            "when": f"{name} IS NOT NULL",
            "then": f"{name} {signs[key]} " + (f"'{text}'" if dates else text),
            "message": f"{name} {signs[key]} {text}",
            "field": name,
        }
        for key, text in texts.items()
    ]


def typed(base: str, how: Any, bounds: dict[str, object]) -> dict[str, object]:
    if base in TEXTS:
        if how is not None:
            bounds["pattern"] = how.removeprefix("^").removesuffix("$")
        return {"type": "string"}
    if base in WHOLE or base in NUMBERS:
        return numeric(base, how, bounds)
    if base == "boolean":
        words = how.split("|") if isinstance(how, str) else None
        return {"type": "boolean"} | ({"trueValues": words[:1], "falseValues": words[1:]} if words else {})
    if base in MOMENTS:
        return {"type": MOMENTS[base]} | moment(base, how)
    raise Unsayable(f"no field has the type {base}")


def numeric(base: str, how: Any, bounds: dict[str, object]) -> dict[str, object]:
    if isinstance(how, str) or (how and "pattern" in how):
        raise Unsayable("patterns of numbers are no part of a field")
    least, most = WHOLE.get(base, (None, None))
    bounds.update({name: str(value) for name, value in (("minimum", least), ("maximum", most)) if value is not None})
    marks = {name: how[name] for name in ("groupChar", "decimalChar") if how and name in how}
    return {"type": "integer", **marks} if base in WHOLE else {"type": "number", "scale": SCALE, **marks}


def moment(base: str, how: Any) -> dict[str, object]:
    zone: dict[str, object] = {} if base in {"date", "time"} else {"timezone": "UTC"}
    if how is None:
        return zone
    pattern = how if isinstance(how, str) else how.get("pattern", "")
    if ONE_DIGIT.search(pattern):
        return {"format": "any", **zone}
    pattern = PIECES.sub(lambda found: PATTERNS[found[0]], pattern)
    if SAYABLE.fullmatch(pattern) is None:
        raise Unsayable("zones and fractions in patterns are written in another way here")
    return {"format": pattern, **zone}


def key_of(schema: Mapping[str, Any], said: Sequence[Mapping[str, Any]]) -> list[int]:
    wanted = schema.get("primaryKey", [])
    names = [one.get("name") for one in said]
    return [names.index(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]


def order_of(columns: Iterable[Mapping[str, Any]]) -> Any:
    """The option date_order that fits the patterns with one digit."""
    stated = [column.get("datatype") for column in columns]
    dated = [one for one in stated if isinstance(one, dict) and one.get("base") in MOMENTS]
    patterns = [one["format"] for one in dated if isinstance(one.get("format"), str)]
    orders = {"".join(dict.fromkeys(re.sub("[^dMy]", "", one))).lower() for one in patterns if ONE_DIGIT.search(one)}
    if len(orders) > 1:
        raise Unsayable("an import has one order of dates")
    return next(iter(orders), None)


def checked(kind: ImportKind, opened: Any, columns: Sequence[str], options: ImportOptions) -> list[str]:
    """Cells against the fields, column by column in their order."""
    mapping = tuple((at, f"f{at}") for at in range(len(columns)))
    blocks = list(opened.blocks())
    plan = transform.compile(kind, tuple(columns), mapping, options, lambda: blocks)
    return [str(issue.code) for block in blocks for issue in plan.apply(block).issues]


def twice(opened: Any, key: list[int]) -> list[str]:
    """Whether two rows have one key; the loading of a kind with a primary key says so too, and is tested with a database."""
    if not key:
        return []
    cells = pl.concat(block.cells for block in opened.blocks()).select([str(at) for at in key])
    return ["primary-key"] if cells.is_duplicated().any() else []


pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def test_what_must_pass_passes_and_what_must_fail_fails() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 95
