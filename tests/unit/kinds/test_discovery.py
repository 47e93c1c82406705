"""Kinds are found where they lie, mean the same however they are written, and are refused with the file and the fault."""

import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from rowferry.domain.declaration import from_declaration, normal, to_declaration
from rowferry.domain.faults import InvalidDeclaration
from rowferry.domain.schema import FieldType
from rowferry.kinds import BrokenKind, discover, read_document
from rowferry.pipeline.transform import check
from rowferry.ports import ImportKind, TaskKind
from rows_of import checked

PEOPLE_YAML = """
name: people
title: People
description: Who works here.
schema:
  fields:
    - name: email
      type: string
      format: email
      title: E-mail
      constraints: {required: true, maxLength: 254}
      synonyms: [mail]
      normalize: [trim, lowercase]
    - {name: country, constraints: {enum: [DE, "NO"]}, values: {Germany: DE, Norway: "NO"}, example: DE}
    - {name: start_date, type: date, constraints: {minimum: 1990-01-01}}
    - {name: pay, type: number, scale: 2, constraints: {minimum: 0.00, maximum: 123456789012345678.90}}
    - {name: active, type: boolean, trueValues: ["yes"], falseValues: ["no"]}
    - {name: manager, empty: keep}
    - {name: tax_id, sensitive: true, constraints: {pattern: "[0-9]{11}", unique: true}}
  primaryKey: email
  uniqueKeys: [[tax_id]]
  foreignKeys:
    - {fields: manager, reference: {resource: people, fields: email}}
  missingValues: ["", "NULL"]
  fieldsMatch: subset
rules:
  - {code: german-needs-tax-id, when: "country = 'DE'", then: tax_id IS NOT NULL, message: A tax id is needed, field: tax_id}
modes: [upsert, create]
limits: {rows: 1000, bytes: 5000000}
retention: {input: 30d, errors: forever}
"""

PEOPLE_JSON = {
    "name": "people",
    "title": "People",
    "description": "Who works here.",
    "schema": {
        "fields": [
            {
                "name": "email",
                "type": "string",
                "format": "email",
                "title": "E-mail",
                "constraints": {"required": True, "maxLength": 254},
                "synonyms": ["mail"],
                "normalize": ["trim", "lowercase"],
            },
            {
                "name": "country",
                "constraints": {"enum": ["DE", "NO"]},
                "values": {"Norway": "NO", "Germany": "DE"},
                "example": "DE",
            },
            {"name": "start_date", "type": "date", "constraints": {"minimum": "1990-01-01"}},
            {
                "name": "pay",
                "type": "number",
                "scale": 2,
                "constraints": {"minimum": "0.00", "maximum": "123456789012345678.90"},
            },
            {"name": "active", "type": "boolean", "trueValues": ["yes"], "falseValues": ["no"]},
            {"name": "manager", "empty": "keep"},
            {"name": "tax_id", "sensitive": True, "constraints": {"pattern": "[0-9]{11}", "unique": True}},
        ],
        "primaryKey": ["email"],
        "uniqueKeys": [["tax_id"]],
        "foreignKeys": [{"fields": ["manager"], "reference": {"resource": "", "fields": ["email"]}}],
        "missingValues": ["", "NULL"],
        "fieldsMatch": ["subset"],
    },
    "rules": [
        {
            "code": "german-needs-tax-id",
            "when": "country = 'DE'",
            "then": "tax_id IS NOT NULL",
            "message": "A tax id is needed",
            "field": "tax_id",
        }
    ],
    "modes": ["upsert", "create"],
    "limits": {"rows": 1000, "bytes": 5000000},
    "retention": {"input": "30d", "errors": "forever"},
}

PEOPLE_PYTHON = '''
"""The people who work here."""

from rowferry.domain.schema import (
    Field, FieldsMatch, FieldType, ForeignKey, Limits, Mode, Normalization, Retention, Rule, Schema,
)
from rowferry.ports import ImportKind

kind = ImportKind(
    name="people",
    title="People",
    description="Who works here.",
    schema=Schema(
        fields=(
            Field(
                "email", format="email", title="E-mail", required=True, max_length=254, synonyms=("mail",),
                normalize=(Normalization.TRIM, Normalization.LOWERCASE),
            ),
            Field("country", enum=("DE", "NO"), values=(("Norway", "NO"), ("Germany", "DE")), example="DE"),
            Field("start_date", FieldType.DATE, minimum="1990-01-01"),
            Field("pay", FieldType.NUMBER, scale=2, minimum="0.00", maximum="123456789012345678.90"),
            Field("active", FieldType.BOOLEAN, true_values=("yes",), false_values=("no",)),
            Field("manager", empty="keep"),
            Field("tax_id", sensitive=True, pattern="[0-9]{11}", unique=True),
        ),
        primary_key=("email",),
        unique_keys=(("tax_id",),),
        foreign_keys=(ForeignKey(("manager",), "people", ("email",)),),
        missing_values=("", "NULL"),
        fields_match=FieldsMatch.SUBSET,
        rules=(Rule("german-needs-tax-id", "tax_id IS NOT NULL", "A tax id is needed", "country = 'DE'", "tax_id"),),
    ),
    modes=(Mode.UPSERT, Mode.CREATE),
    limits=Limits(1000, 5000000),
    retention=Retention(input_days=30, errors_days=None),
)
'''

TASK = '''
"""A task that does nothing."""

from rowferry.ports import TaskKind

kind = TaskKind("nothing", "Nothing", "Does nothing.", {}, ("work",), lambda context: iter(()), ("a.txt", "text/plain"), dict)
'''


def things(name="things", **more):
    return {"name": name, "schema": {"fields": [{"name": "a"}], **more}}


@pytest.fixture
def write(tmp_path):
    """Writes a file into a folder of kinds and gives its path."""

    def written(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return written


def found(*paths):
    return discover(paths, check)


def broken(*paths):
    with pytest.raises(BrokenKind) as caught:
        found(*paths)
    return str(caught.value)


# What is found --------------------------------------------------------------------------------------------------------


def test_the_built_in_kinds_are_there():
    registry = found()

    names = [kind.name for kind in registry.all()]
    assert {"customers", "entity_automatic", "inventory-import", "transaction_batch", "user_event_batch"} <= set(names)
    assert names == sorted(names)
    assert isinstance(registry.get("export"), TaskKind)
    assert registry.get("nothing") is None


def test_a_kind_dropped_into_a_folder_is_found(write, tmp_path):
    write("people.py", PEOPLE_PYTHON)
    write("nothing.py", TASK)
    write("one.yaml", "{name: one, schema: {fields: [{name: a}]}}")
    write("two.yml", "{name: two, schema: {fields: [{name: a}]}}")
    write("three.json", things("three"))

    registry = found(tmp_path)

    for name in ("people", "one", "two", "three"):
        assert isinstance(registry.get(name), ImportKind)
    assert isinstance(registry.get("nothing"), TaskKind)
    assert registry.origins["three"] == f"the file {tmp_path / 'three.json'}"


def test_a_file_by_itself_is_found_and_counts_once_if_its_folder_is_given_too(write, tmp_path):
    path = write("three.json", things("three"))

    assert found(path).get("three") == found(tmp_path, path).get("three") is not None


def test_other_files_of_a_folder_are_left_alone(write, tmp_path):
    write("README.md", "# Kinds")
    write("_shared.py", "raise RuntimeError")
    write(".hidden.json", "{")
    (tmp_path / "folder.py").mkdir()

    assert [kind.name for kind in found(tmp_path).all()] == [kind.name for kind in found().all()]


def test_a_python_file_leaves_nothing_beside_it_and_is_read_anew(write, tmp_path):
    path = write("people.py", PEOPLE_PYTHON)
    assert found(path).get("people") is not None

    write("people.py", PEOPLE_PYTHON.replace('"people"', '"crowds"'))

    assert found(path).get("crowds") is not None
    assert [one.name for one in tmp_path.iterdir()] == ["people.py"]


def test_a_kind_of_an_entry_point_is_found(tmp_path, monkeypatch):
    (tmp_path / "plugged_in.py").write_text(PEOPLE_PYTHON, encoding="utf-8")
    info = tmp_path / "plugged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[rowferry.kinds]\npeople = plugged_in\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    registry = found()

    assert registry.get("people") == from_declaration(PEOPLE_JSON)
    assert registry.origins["people"] == "the entry point people of plugged"
    del sys.modules["plugged_in"]


# What is the same -----------------------------------------------------------------------------------------------------


def test_the_three_forms_of_one_kind_are_equal(write, tmp_path):
    in_python = found(write("people.py", PEOPLE_PYTHON)).get("people")
    in_yaml = found(write("people.yaml", PEOPLE_YAML)).get("people")
    in_json = found(write("people.json", PEOPLE_JSON)).get("people")
    posted = from_declaration(PEOPLE_JSON)

    assert in_python == in_yaml == in_json == posted
    assert posted == from_declaration(json.loads(json.dumps(to_declaration(posted))))


@pytest.mark.parametrize(
    "name", ["customers", "entity_automatic", "inventory-import", "transaction_batch", "user_event_batch"]
)
def test_a_built_in_kind_is_in_its_normal_form_and_holds(name):
    kind = found().get(name)

    assert isinstance(kind, ImportKind)
    assert kind == normal(kind)
    assert kind.title
    assert kind.description
    check(kind)


def test_numbers_of_a_file_are_exact(write):
    in_json = read_document(write("a.json", '{"a": 123456789012345678.90, "b": 7}'))
    in_yaml = read_document(write("a.yaml", "{a: 123456789012345678.90, b: 7, c: 2024-05-31, d: 1.5e+3}"))

    assert in_json == {"a": Decimal("123456789012345678.90"), "b": 7}
    assert in_yaml == {"a": Decimal("123456789012345678.90"), "b": 7, "c": "2024-05-31", "d": 1500.0}
    assert str(in_yaml["a"]) == "123456789012345678.90"


def test_money_and_quantities_of_the_built_in_kinds_are_exact():
    registry = found()

    for name, field in (("customers", "balance"), ("transaction_batch", "amount"), ("inventory-import", "quantity")):
        assert registry.get(name).schema.field(field).type is FieldType.NUMBER


# What is refused ------------------------------------------------------------------------------------------------------


def test_two_kinds_of_one_name_are_refused_naming_both_origins(write):
    first, second = write("a.json", things()), write("b.yaml", "{name: things, schema: {fields: [{name: b}]}}")

    said = broken(first, second)
    assert "things" in said
    assert str(first) in said
    assert str(second) in said


def test_a_file_takes_the_place_of_a_built_in_kind_of_its_name(write):
    path = write("mine.json", things("customers"))
    registry = found(path)
    assert registry.origins["customers"] == f"the file {path}"
    assert "customers" not in registry.built_in
    assert "inventory-import" in registry.built_in
    assert "export" not in registry.built_in


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.py", "def (", "SyntaxError"),
        ("a.py", "import nothing_of_this_name", "ModuleNotFoundError"),
        ("a.py", "1 / 0", "ZeroDivisionError"),
        ("a.py", "kinds = 1", "no `kind`"),
        ("a.py", "kind = {'name': 'a'}", "no `kind`"),
        ("a.py", "from rowferry.ports import ImportKind\nkind = ImportKind('A', None)", "a.py"),
        ("a.py", PEOPLE_PYTHON.replace('"people"', '"People"'), "/name"),
        ("a.py", TASK.replace('"nothing"', '"No Thing"'), "task kind"),
        ("a.yaml", "name: [", "a.yaml"),
        ("a.yaml", "", "object"),
        ("a.yaml", "{name: a, name: b}", "the key name is said twice"),
        ("a.yaml", "!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a.yaml", "{name: a, schema: {fields: [{name: c, constraints: {enum: [DE, NO]}}]}}", "put it in quotes"),
        ("a.json", "{", "JSONDecodeError"),
        ("a.json", '{"name": "a", "name": "b"}', "the key name is said twice"),
        ("a.json", "[" * 100_000, "RecursionError"),
        ("a.json", {**things(), "colour": 1}, "There is no key colour"),
        ("a.json", things(primaryKey="z"), "/schema/primaryKey"),
        ("a.json", things(foreignKeys=[{"fields": "a", "reference": {"resource": "x", "fields": "y"}}]), "no import kind x"),
        ("a.json", things(foreignKeys=[{"fields": "a", "reference": {"resource": "export", "fields": "y"}}]), "no import kind"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_naming_the_file_and_the_fault(write, name, content, said):
    path = write(name, content)

    message = broken(path)

    assert str(path) in message
    assert said in message


def test_a_kind_that_the_handed_in_check_refuses_is_broken(write):
    def refuse(kind):
        if kind.name == "things":
            raise InvalidDeclaration(reason="The pattern ( is no pattern.")

    with pytest.raises(BrokenKind, match=r"a\.json cannot be used: The pattern \( is no pattern"):
        discover([write("a.json", things())], refuse)


def test_a_pattern_that_the_engine_does_not_take_is_found_at_once(write):
    kind = things()
    kind["schema"]["fields"] = [{"name": "a", "constraints": {"pattern": "(?=x)"}}]

    assert "a.json" in broken(write("a.json", kind))


def test_a_path_that_is_not_there_and_a_file_that_is_no_kind_are_refused(write, tmp_path):
    assert "no such file" in broken(tmp_path / "nowhere")
    assert ".yaml" in broken(write("kind.toml", "name = 'x'"))


def example_of(page: Path, heading: str) -> str:
    """The Python code under a heading of a page."""
    section = page.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    return section.partition("```python\n")[2].partition("```")[0]


def test_the_rule_in_python_of_the_guide_judges_whole_columns(write):
    guide = Path(__file__).parents[3] / "docs/howto/declare-a-kind.md"
    path = write("articles.py", example_of(guide, "Rules in Python"))
    kind = discover((path,), check).get("articles")

    issues = checked(kind, [["4006381333931", "Pen"], ["4006381333932", "Pencil"], ["4006381", "x"]]).issues

    assert [(one.row, one.field, one.code) for one in issues] == [
        (2, "gtin", "gtin-check-digit"),
        (3, "gtin", "pattern"),
        (3, "gtin", "gtin-check-digit"),
    ]


def test_a_rule_in_python_that_cannot_work_is_told_with_its_file_and_line(write):
    source = example_of(Path(__file__).parents[3] / "docs/howto/declare-a-kind.md", "Rules in Python")
    path = write("articles.py", source.replace('rows["gtin"]', 'rows["nowhere"]'))

    with pytest.raises(BrokenKind, match=r"gtin-check-digit.*ColumnNotFoundError.*line 8 of articles\.py"):
        discover((path,), check)
