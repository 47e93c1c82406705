"""Whatever is promised stands in the docs, and the docs are as the code is."""

import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from rowferry.cli import app
from rowferry.domain.faults import JobFaultCode, Refusal, RowCode
from rowferry.kinds import discover
from rowferry.settings import Settings
from rowferry.telemetry import SIGNALS

LINK = re.compile(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)")


@pytest.fixture(scope="module")
def reference(root):
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "docs/reference").glob("*.md"))}


def headings(text):
    return set(re.findall(r"^## (.+)$", text, re.MULTILINE))


def test_reference_and_map_are_as_the_code_is(root):
    command = [sys.executable, "docs/generate.py", "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)

    assert (done.stdout, done.returncode) == ("", 0), f"run `make docs`: {done.stdout}{done.stderr}"


def test_every_setting_is_told_with_its_variable(reference):
    assert [name for name in Settings.model_fields if f"`ROWFERRY_{name.upper()}`" not in reference["settings"]] == []


@pytest.mark.parametrize(
    ("page", "codes"),
    [
        ("refusals", {one.code for one in Refusal.__subclasses__()}),
        ("job-faults", set(JobFaultCode)),
        ("row-codes", set(RowCode)),
    ],
)
def test_every_code_has_an_anchor_of_its_own(reference, page, codes):
    assert headings(reference[page]) == codes


def test_every_refusal_and_job_fault_says_what_to_do(reference):
    for page in ("refusals", "job-faults"):
        parts = re.split(r"^## ", reference[page], flags=re.MULTILINE)[1:]
        assert [part.partition("\n")[0] for part in parts if "What to do: " not in part] == []


def test_every_metric_is_told(reference):
    assert [one.name for one in SIGNALS if f"`{one.name}`" not in reference["metrics"]] == []


def test_every_kind_is_told_with_its_fields(reference):
    kinds = discover((), lambda _: None).all()

    assert headings(reference["kinds"]) == {kind.name for kind in kinds}
    for kind in kinds:
        names = kind.schema.names if hasattr(kind, "schema") else ()
        assert [name for name in names if f"`{name}`" not in reference["kinds"]] == []


def commands(words, command):
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words
    for name, child in (inner or {}).items():
        if not child.hidden:
            yield from commands(f"{words} {name}", child)


def test_every_command_is_told(reference):
    said = headings(reference["commands"]) - {"Exit codes"}

    assert said == set(commands("rowferry", typer.main.get_command(app)))


def shown_commands(texts):
    """Every call of the program in a code block of the docs, as words."""
    for name, text in texts.items():
        if name.endswith(".md"):
            for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
                for call in re.findall(r"\.venv/bin/rowferry ([a-z][^\n#)|]*)", block):
                    yield name, shlex.split(call)


def test_every_command_that_a_page_shows_exists_with_its_flags(texts):
    unknown = []
    for name, words in shown_commands(texts):
        command, rest = typer.main.get_command(app), list(words)
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        flags = {option for parameter in command.params for option in parameter.opts}
        if getattr(command, "commands", None) or {word for word in rest if word.startswith("-")} - flags:
            unknown.append((name, " ".join(words)))

    assert unknown == []


def test_every_event_is_told(root, reference):
    """The types of events stand in one place each: where they are written."""
    source = root / "src/rowferry"
    statements = [
        *(source / "store/sql").glob("*.sql"),
        source / "store/migrations/0001_start.sql",
        *(source / "store").glob("*.py"),
    ]
    written = set()
    for path in statements:
        written |= set(
            re.findall(r"""(?:\bevent_seq, |\btype[=:] ?)['"]([a-z_]+)['"]""", path.read_text(encoding="utf-8"))
        )
    told = set(re.findall(r"^\| `(\w+)` \| ", reference["states"].partition("## Events")[2], re.MULTILINE))

    assert {"submitted", "claimed", "requeued", "interrupted", "finished"} <= told
    assert written <= told


def test_no_link_between_pages_leads_nowhere(root, texts):
    dead = []
    for name, text in texts.items():
        if not name.endswith(".md"):
            continue
        for target, anchor in LINK.findall(text):
            if "://" in target:
                continue
            path = ((root / name).parent / target).resolve()
            if not path.exists() or (anchor and anchor not in headings(path.read_text(encoding="utf-8"))):
                dead.append(f"{name}: {target}")

    assert dead == []


def test_every_page_can_be_reached_from_the_table_of_contents(root, texts):
    linked = {target for target, _ in LINK.findall((root / "docs/README.md").read_text(encoding="utf-8"))}
    pages = {name.removeprefix("docs/") for name in texts if name.startswith("docs/") and name.endswith(".md")}

    assert pages - {"README.md"} - linked == set()


def test_the_glossary_has_each_word_once_and_in_order(root):
    words = re.findall(r"^\| ([a-z ]+) \| ", (root / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)[1:]

    assert words == sorted(set(words))
    assert {"attempt", "fence", "lease", "cursor", "ledger", "outcome", "issue", "kind"} <= set(words)


def test_every_target_of_make_says_what_it_does(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    helped = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, timeout=20, check=True).stdout

    assert targets == set(re.findall(r"^make (\w+) ", helped, re.MULTILINE))
    assert {"help", "install", "demo", "test", "lint", "types", "bench", "docs", "lock"} <= targets


def test_the_first_screen_of_the_readme_has_the_two_commands(root):
    first = "\n".join((root / "README.md").read_text(encoding="utf-8").splitlines()[:30])

    assert "make demo" in first
    assert "make test" in first
