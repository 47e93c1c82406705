"""Writes the reference pages and the map in README.md from the code; with --check it only says which are out of date."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, cast

import typer.main
import yaml
from pydantic_core import PydanticUndefined
from typer.core import TyperArgument

from rowferry.api.app import Rates, build
from rowferry.api.wire.refusals import STATUS
from rowferry.cli import app as commands
from rowferry.domain.declaration import to_declaration
from rowferry.domain.faults import MESSAGES, JobFaultCode, Refusal, RowCode
from rowferry.domain.job import IMPORT_STEPS, TERMINAL, TRANSITIONS, Move, Status
from rowferry.domain.schema import Field, ImportKind, Schema
from rowferry.kinds import discover
from rowferry.ports import TaskKind
from rowferry.service import Services
from rowferry.settings import Settings
from rowferry.telemetry import SIGNALS, Meters
from rowferry_client.cli import Exit

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs/reference"
SOURCE = ROOT / "src"
NOTE = "<!-- Made by `make docs` from the code. Change the code, not this page. -->\n\n"
MAP_BEGINS, MAP_ENDS = "<!-- map: made by `make docs` -->", "<!-- end of the map -->"

GROUPED_FROM = 10_000
"""Numbers from here on are written with separators."""

Code = TypeVar("Code", str, int)

STEPS: Mapping[str, str] = {
    "receive": "The upload is stored, its digest and size are known, and both are on disk. Done before the `202`.",
    "inspect": "What was sent: encoding, delimiter, header, how many rows.",
    "map": "Columns become fields of the kind.",
    "validate": "Every cell is typed and checked by the kind's rules; every fault of a row is an issue.",
    "match": "Duplicates in the file, references, and which keys exist already.",
    "load": "Rows go into the table, chunk by chunk; each chunk commits with its outcomes, its cursor and its counts.",
    "report": "The error file and the output file are put together.",
    "finish": "The ledger is summed and checked; the terminal status, its event and the files become visible together.",
}
SEVEN_FLOORS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("7", "commands", ("__main__", "cli", "demo")),
    ("6", "where parts meet", ("main", "supervisor", "inspecting")),
    ("5", "faces", ("api", "web")),
    ("4", "asking and doing", ("service", "worker")),
    ("3", "five rooms without doors between them", ("pipeline", "kinds", "formats", "destinations", "store")),
    ("2", "the doors for strangers", ("ports",)),
    ("1", "words and rules, environment, names of signals", ("domain", "settings", "telemetry", "points", "ids")),
)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [
        head,
        ["---"] * len(head),
        *([str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(title: str, *parts: str) -> str:
    """A page of the reference."""
    return f"# {title}\n\n{NOTE}" + "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


# Settings -------------------------------------------------------------------------------------------------------------


def settings() -> str:
    """Every setting with its variable, default and bounds."""
    intro = "Each is an environment variable. The commands that take a setting as a flag say so in their help; a flag goes before the variable.\n"
    return page("Settings", intro, table(["variable", "default", "bounds", "what"], _settings()))


def _settings() -> Iterator[Sequence[object]]:
    symbols = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    for name, field in Settings.model_fields.items():
        bounds = ", ".join(
            f"{sign} {getattr(constraint, word):,}"
            for constraint in field.metadata
            for word, sign in symbols.items()
            if hasattr(constraint, word)
        )
        default = (
            "the system's or the user's data folder" if field.default is PydanticUndefined else _default(field.default)
        )
        yield f"`ROWFERRY_{name.upper()}`", default, bounds, field.description


def _default(value: object) -> str:
    if value is None or value == ():
        return "none"
    return f"`{value:_}`" if isinstance(value, int | float) and value >= GROUPED_FROM else f"`{value}`"


# Codes ----------------------------------------------------------------------------------------------------------------


def remedies() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What each code means and what to do about it."""
    return yaml.safe_load((ROOT / "docs/remedies.yaml").read_text(encoding="utf-8"))


def told(said: Mapping[Code, object], codes: Iterable[Code], what: str) -> None:
    """Makes sure that every code is explained and nothing else is.

    Raises:
        SystemExit: docs/remedies.yaml must be mended.
    """
    known = set(codes)
    missing, idle = known - said.keys(), said.keys() - known
    if missing or idle:
        raise SystemExit(f"docs/remedies.yaml, {what}: lacks {sorted(missing)}, explains for nothing {sorted(idle)}")


def refusals() -> str:
    """Every refusal: a request that was not done."""
    said = remedies()["refusals"]
    classes = {one.code: one for one in Refusal.__subclasses__()}
    told(said, classes, "refusals")
    parts = [
        f"## {code}\n\n{STATUS[code].value} {one.title}. {said[code]['means']}\n\n"
        f"Message: `{one.sentence.replace('`', chr(39))}`\n\nWhat to do: {said[code]['remedy']}\n"
        for code, one in sorted(classes.items())
    ]
    intro = (
        "A refusal is the answer to a request that was not done. It is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, "
        "`detail`, `instance` and `code`; where several parts of a body are at fault, `errors` has `detail` and `pointer` (RFC 6901) of each.\n"
    )
    return page("Refusals", intro, *parts)


def job_faults() -> str:
    """Every code of `failure`: why a job stopped as a whole."""
    said = remedies()["job-faults"]
    told(said, JobFaultCode, "job-faults")
    parts = [
        f"## {code}\n\n{said[code]['means']}\n\nWhat to do: {said[code]['remedy']}\n" for code in sorted(JobFaultCode)
    ]
    intro = (
        "A job that stopped as a whole has `failure` with `code`, `message`, `details` and `retryable`: "
        "whether the same file may pass next time.\n"
    )
    return page("Faults of a job", intro, *parts)


def row_codes() -> str:
    """Every code of a row issue."""
    said = remedies()["row-codes"]
    told(said, RowCode, "row-codes")
    parts = [f"## {code}\n\n{said[code]['means']}\n\nMessage: {MESSAGES[code]}\n" for code in RowCode]
    intro = (
        "A row that failed or was skipped has an issue for each of its faults. A rule of a kind adds its own code and message. "
        "The message says what is wrong and what to do; words in braces are filled in.\n"
    )
    return page("Row codes", intro, *parts)


# States ---------------------------------------------------------------------------------------------------------------


def states() -> str:
    """The diagram and the tables of states and steps."""
    ways = "".join(f"    {old} --> {new}: {move}\n" for (old, move), new in TRANSITIONS.items())
    ends = "".join(f"    {status} --> [*]\n" for status in Status if status in TERMINAL)
    diagram = f"```mermaid\nstateDiagram-v2\n    [*] --> {Status.QUEUED}\n{ways}{ends}```\n"
    moves = [move for move in Move if any(way == move for _, way in TRANSITIONS)]
    grid = table(
        ["from", *(f"`{move}`" for move in moves)],
        (
            [
                f"`{status}`",
                *(f"{TRANSITIONS[status, move]}" if (status, move) in TRANSITIONS else "" for move in moves),
            ]
            for status in Status
        ),
    )
    steps = table(
        ["", "step", "what happens"],
        ([number, f"`{step}`", STEPS[step]] for number, step in enumerate(IMPORT_STEPS, 1)),
    )
    return page(
        "States and moves",
        "A job has one status, and one table says which move leads from which status to which. Everything else, the `409` answers and the check "
        "in the database included, follows from it.\n",
        diagram,
        grid,
        "An empty cell is refused with `not-allowed-now`. `interrupted` is terminal, and the only end from which a resume leads on.\n",
        f"## The steps of an import\n\n{steps}",
        f"## Events\n\nEach change writes one event in the same transaction, numbered without gaps within its job.\n\n{_events()}",
    )


def _events() -> str:
    return table(["type", "when"], ([f"`{name}`", when] for name, when in remedies()["events"].items()))


# Kinds ----------------------------------------------------------------------------------------------------------------


def kinds() -> str:
    """The built-in kinds with their fields."""
    return page(
        "Built-in kinds",
        "`GET /v1/kinds` lists these and those of the tenant; how to add one: [Declare a kind](../howto/declare-a-kind.md).\n",
        *(_kind(kind) for kind in discover((), lambda _: None).all()),
    )


def _kind(kind: ImportKind | TaskKind) -> str:
    head = f"## {kind.name}\n\n{kind.description or kind.title or ''}\n\n"
    if isinstance(kind, TaskKind):
        params = yaml.safe_dump(dict(kind.params), sort_keys=False, allow_unicode=True)
        return f"{head}A task. Steps: {', '.join(f'`{step}`' for step in kind.steps)}. Params, as JSON Schema:\n\n```yaml\n{params}```\n"
    schema = kind.schema
    key = (
        f"Key: {', '.join(f'`{name}`' for name in schema.primary_key)}."
        if schema.primary_key
        else "No key: every row is new."
    )
    rules = "".join(f"- `{rule.code}`: {rule.message}\n" for rule in schema.rules)
    return (
        f"{head}{key} Modes: {', '.join(f'`{mode}`' for mode in kind.modes)}; the first is the default.\n\n"
        + table(["field", "type", "rules", "what"], map(_field, schema.fields))
        + (f"\nRules across fields:\n\n{rules}" if rules else "")
    )


def _field(field: Field) -> Sequence[object]:
    declared = to_declaration(ImportKind("one-field", Schema((field,))))
    member = declared["schema"]["fields"][0]  # type: ignore[index]  # the declaration of one field
    shown = {
        key: value
        for key, value in member.items()
        if key not in {"name", "type", "title", "description", "example", "synonyms", "values"}
    }
    rules = shown.pop("constraints", {}) | shown
    return (
        f"`{field.name}`",
        field.type,
        ", ".join(_rule(key, value) for key, value in rules.items()),
        field.description or field.title or "",
    )


def _rule(key: str, value: object) -> str:
    if value is True:
        return key
    return f"{key} {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"


# Faces ----------------------------------------------------------------------------------------------------------------


def routes() -> str:
    """Every route of the API."""
    application = build(cast(Services, None), Rates(), Meters())  # the document asks no service for anything
    document = application.state.document
    rows = [
        [f"`{method.upper()} {path}`", operation.get("summary", ""), ", ".join(sorted(operation["responses"]))]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    intro = "The full description, with every body and example, is the OpenAPI 3.1 document that the server gives at `/openapi.json`.\n"
    return page("Routes", intro, table(["route", "does", "answers"], rows))


def cli() -> str:
    """Every command with its flags."""
    root = typer.main.get_command(commands)
    parts = [_command(words, command) for words, command in _walk("rowferry", root)]
    exits = remedies()["exits"]
    told(exits, map(int, Exit), "exits")
    codes = table(["exit code", "means"], exits.items())
    return page(
        "Commands",
        "Data go to standard output, talk and bars to standard error.\n",
        *parts,
        f"## Exit codes\n\n{codes}",
    )


def _walk(words: str, command: object) -> Iterator[tuple[str, object]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, child in inner.items():
        if not child.hidden:
            yield from _walk(f"{words} {name}", child)


def _command(words: str, command: object) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False) and "--help" not in one.opts]  # type: ignore[attr-defined]
    arguments = "".join(f" {one.name.upper()}" for one in shown if isinstance(one, TyperArgument))
    rows = [
        [", ".join(f"`{opt}`" for opt in one.opts), one.help or ""]
        for one in shown
        if not isinstance(one, TyperArgument)
    ]
    text = (command.help or "").partition("\f")[0].strip()  # type: ignore[attr-defined]
    return f"## {words}\n\n`{words}{arguments}`\n\n{text}\n" + (f"\n{table(['flag', 'what'], rows)}" if rows else "")


def metrics() -> str:
    """Every metric."""
    rows = [[f"`{one.name}`", one.type, ", ".join(f"`{label}`" for label in one.labels), one.help] for one in SIGNALS]
    intro = (
        "`GET /metrics` gives these in Prometheus' text format. What is counted for all processes together is read from the database at "
        "the scrape.\n"
    )
    return page("Metrics", intro, table(["name", "type", "labels", "what"], rows))


# The map --------------------------------------------------------------------------------------------------------------


def sentence(module: Path) -> str:
    """The first sentence of a module's docstring."""
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0]


def house_map() -> str:
    """The floors from the top, each file with its sentence."""
    server, client = SOURCE / "rowferry", SOURCE / "rowferry_client"
    rows: list[Sequence[object]] = []
    for number, title, rooms in SEVEN_FLOORS:
        rows.append([f"**{number}**", f"**{title}**"])
        rows.extend(row for room in rooms for row in _room(server, room))
    rows.append(["", "**the client, for other people's programs**"])
    rows.extend(_files(client, client.parent))
    return table(["file", "what it decides or keeps"], rows)


def _room(server: Path, room: str) -> Iterator[Sequence[object]]:
    if (server / f"{room}.py").is_file():
        yield _line(server / f"{room}.py", server)
    elif (server / room).is_dir():
        yield from _files(server / room, server)


def _files(folder: Path, below: Path) -> Iterator[Sequence[object]]:
    yield from (
        _line(path, below)
        for path in sorted(folder.rglob("*.py"), key=lambda one: (one.parent, one.name != "__init__.py", one.name))
    )


def _line(path: Path, below: Path) -> Sequence[object]:
    name = path.relative_to(below).as_posix().removesuffix("__init__.py")
    return f"[`{name}`](src/{path.relative_to(SOURCE).as_posix()})", sentence(path)


def readme() -> str:
    """README.md with the map as it is now."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(MAP_BEGINS)
    _, _, after = rest.partition(MAP_ENDS)
    return f"{before}{MAP_BEGINS}\n\n{house_map()}\n{MAP_ENDS}{after}"


PAGES: Mapping[Path, Callable[[], str]] = {
    REFERENCE / "settings.md": settings,
    REFERENCE / "refusals.md": refusals,
    REFERENCE / "job-faults.md": job_faults,
    REFERENCE / "row-codes.md": row_codes,
    REFERENCE / "states.md": states,
    REFERENCE / "kinds.md": kinds,
    REFERENCE / "routes.md": routes,
    REFERENCE / "commands.md": cli,
    REFERENCE / "metrics.md": metrics,
    ROOT / "README.md": readme,
}


def main(arguments: Sequence[str]) -> int:
    """Writes what has changed, or only says so."""
    stale = [path for path, make in PAGES.items() if not path.is_file() or path.read_text(encoding="utf-8") != make()]
    for path in stale:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PAGES[path](), encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
