"""Rooms and files are nouns, each says what it is for, and nothing grows past its budget."""

import ast
import re
import statistics

import pytest

BANNED = {"utils", "util", "common", "helpers", "helper", "core", "base", "manager", "managers", "misc", "tools", "lib"}
PUBLIC_ROOMS = ("rowferry/ports", "rowferry/domain/", "rowferry/service/", "rowferry_client/")
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_P90_MAX = 25
MODULE_LINES_MAX = 600
MODULE_LINES_P90_MAX = 400
SENTENCE_CHARACTERS_MAX = 150
IGNORE = re.compile(r"#\s*(?:noqa|type:\s*ignore|pyright:\s*ignore|pragma)")
RULES = r"(?:noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|type: ignore\[[a-z, -]+\]|pyright: ignore\[[A-Za-z, ]+\]|pragma: no cover)"
REASONED = re.compile(rf"#\s*{RULES}\s+(?:# )?\S+ \w+|^\s*assert .*[\"']\)?\s+# noqa: S101")
"""The rule, then the reason. An assertion says its reason in its message."""


def lines(node):
    return node.end_lineno - node.lineno + 1


def p90(values):
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def test_no_module_is_named_after_nothing(modules):
    names = {module.name.removesuffix(".py") for module in modules} - {
        "rowferry_client/core"
    }  # requests and answers without I/O
    words = {part for name in names for part in name.split("/")}

    assert words & BANNED == set()
    assert [word for word in words if len(word) < 3] == []


def test_every_module_begins_with_one_sentence(modules):
    unsaid = [
        module.name for module in modules
        if not module.sentence.endswith((".", "?")) or len(module.sentence) > SENTENCE_CHARACTERS_MAX
    ]  # fmt: skip

    assert unsaid == []


def test_no_two_modules_say_the_same(modules):
    said = [module.sentence for module in modules]

    assert [sentence for sentence in set(said) if said.count(sentence) > 1] == []


def test_no_function_is_longer_than_a_page(modules):
    long = {f"{module.name}:{one.lineno} {one.name}": lines(one) for module in modules for one in module.functions}

    assert {name: count for name, count in long.items() if count > FUNCTION_LINES_MAX} == {}


def test_nine_of_ten_functions_fit_on_half_a_screen(modules):
    counts = [lines(one) for module in modules for one in module.functions]

    assert p90(counts) <= FUNCTION_LINES_P90_MAX


def test_no_module_is_longer_than_one_can_keep_in_mind(modules):
    counts = {module.name: len(module.text.splitlines()) for module in modules}

    assert {name: count for name, count in counts.items() if count > MODULE_LINES_MAX} == {}
    assert p90(list(counts.values())) <= MODULE_LINES_P90_MAX


def test_every_ignore_names_its_rule_and_its_reason(modules):
    bare = [
        f"{module.name}:{number}"
        for module in modules
        for number, line in enumerate(module.text.splitlines(), 1)
        if IGNORE.search(line) and not REASONED.search(line)
    ]

    assert bare == []


def test_public_names_of_the_open_rooms_say_what_they_give(modules):
    silent = [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules
        if module.name.startswith(PUBLIC_ROOMS)
        for node in public_definitions(module.tree)
        if ast.get_docstring(node) is None
    ]

    assert silent == []


def public_definitions(tree):
    """Public functions, classes and methods. A property is named after what it gives; a refusal says so in its title."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from (one for one in node.body if is_public_method(one))
            if not (isinstance(node, ast.ClassDef) and has_title(node)):
                yield node


def is_public_method(node):
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
        return False
    decorators = {ast.unparse(one).rpartition(".")[2] for one in node.decorator_list}
    return not decorators & {"property", "overload", "setter"}


def has_title(node):
    return any(isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "title" for one in node.body)


def test_nothing_is_left_to_do_in_a_comment(texts):
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    left = [
        name
        for name, text in texts.items()
        if name.startswith(("src/", "tests/", "benchmarks/")) and words.search(text)
    ]

    assert left == []


@pytest.mark.parametrize("called", ["sleep", "patch", "setattr"])
def test_tests_wait_for_events_and_patch_nothing(test_modules, called):
    """`monkeypatch.setenv` stays allowed: the environment is an input of the settings. Programs of customers rest between polls."""
    owners = {"sleep": {"time", "asyncio", "anyio"}, "patch": {"mock"}, "setattr": {"monkeypatch"}}[called]
    found = [
        f"{module.name}:{node.lineno}"
        for module in test_modules
        if module.path.parent.name != "clients"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr == called and ast.unparse(node.value) in owners
    ]

    assert found == []


def test_no_module_keeps_state(modules):
    """Module-level names may be constants, types and loggers, no lists, sets or dicts that code fills."""
    filled = [
        f"{module.name}:{node.lineno}"
        for module in modules
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and (
            (
                isinstance(node.value, ast.List | ast.Dict | ast.Set)
                and not (getattr(node.value, "elts", None) or getattr(node.value, "keys", None))
            )
            or (
                isinstance(node.value, ast.Call)
                and ast.unparse(node.value.func) in {"list", "dict", "set", "defaultdict"}
                and not node.value.args
            )
        )
    ]
    rebound = [
        f"{module.name}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
    ]

    assert filled + rebound == []
