"""The commands: up, serve, worker, migrate, token, demo, inspect, and those of the client."""

import json
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rowferry import __version__
from rowferry_client import cli as client
from rowferry_client.cli import Exit

if TYPE_CHECKING:
    from rowferry.settings import Settings
    from rowferry.store.database import Database

# Each command imports what it needs when it runs: `--help` and the client's commands must not wait for the server's libraries.

app = client.group("Bulk imports and background jobs. Start with: rowferry up")
tokens = client.group("Tokens: who may ask.")
app.add_typer(tokens, name="token", rich_help_panel="Set-up")
users = client.group("Users: who logs in with a password.")
app.add_typer(users, name="user", rich_help_panel="Set-up")
client.mount(app)

Data = Annotated[Path | None, typer.Option(help="Folder of the database and the files.  [env: ROWFERRY_DATA]")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="An own PostgreSQL instead of the embedded one.  [env: ROWFERRY_DATABASE_URL]"),
]
SCOPES = "jobs:read,jobs:write,imports:write,kinds:write,admin"
LOGIN_SCOPES = "jobs:read,jobs:write,imports:write"
RESTART_SECONDS = 10.0
"""How long a command waits for the database of a folder that somebody holds."""
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"rowferry {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Bulk imports and background jobs, every row accounted for. Start with: rowferry up."""


def main() -> None:
    """The program."""
    client.run(app, _explained)


def _explained(error: Exception) -> tuple[str, int] | None:
    """The sentence and the exit code of an error of the server's side that a person can do something about."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        return f"A setting is not valid: {faults}.", Exit.USAGE
    from rowferry import main as whole
    from rowferry.domain.faults import KindDiffers, Refusal
    from rowferry.store.database import BadUrl, Gone, UnsafeRole
    from rowferry.store.embedded import DataInUse, NoEmbedded
    from rowferry.supervisor import CannotStart, PortTaken
    from rowferry.worker.executor import NotUp

    match error:
        case DataInUse() | PortTaken():
            return str(error), Exit.CONFLICT
        case KindDiffers() | BadUrl():
            return str(error), Exit.USAGE
        case NoEmbedded() | CannotStart() | NotUp() | UnsafeRole() | Refusal():
            return str(error), Exit.FAILED
        case Gone():
            return "The database cannot be reached. Check --database-url or ROWFERRY_DATABASE_URL.", Exit.UNREACHABLE
        case _:
            return (str(error), Exit.USAGE) if whole.misconfigured(error) else None


# Start ----------------------------------------------------------------------------------------------------------------


@app.command(rich_help_panel="Start")
def up(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [env: ROWFERRY_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [env: ROWFERRY_PORT]")] = None,
    workers: Annotated[int | None, typer.Option(help="How many jobs run at once.  [env: ROWFERRY_WORKERS]")] = None,
    database_url: DatabaseUrl = None,
    kinds: Annotated[
        str | None, typer.Option(help="Folders or files with kinds, `:` between them.  [env: ROWFERRY_KINDS]")
    ] = None,
    lease_seconds: Annotated[
        float | None, typer.Option(help="How long a claim holds without renewal.  [env: ROWFERRY_LEASE_SECONDS]")
    ] = None,
    chunk_rows: Annotated[
        int | None, typer.Option(help="Rows that commit together at most.  [env: ROWFERRY_CHUNK_ROWS]")
    ] = None,
    as_json: Json = False,
    until_input_ends: Annotated[bool, typer.Option("--until-input-ends", hidden=True)] = False,
) -> None:
    """Server, workers and database in one: `rowferry up`. Ctrl-C stops it, your data stay."""
    from rowferry import supervisor
    from rowferry.telemetry import start_log

    given = {
        "data": data, "host": host, "port": port, "workers": workers, "database_url": database_url, "kinds": kinds,
        "lease_seconds": lease_seconds, "chunk_rows": chunk_rows,
    }  # fmt: skip
    settings = _settings(given)
    start_log()
    supervisor.become_init()
    if until_input_ends:
        supervisor.stop_when_input_ends()
    plan = supervisor.Plan(
        settings.data.absolute(),
        settings.database_url,
        settings.host,
        settings.port,
        settings.drain_seconds,
        settings.model_dump(mode="json"),
        _ready_json if as_json else _ready,
    )
    raise typer.Exit(supervisor.up(plan))


def _settings(given: Mapping[str, object]) -> "Settings":
    """The settings: flags before environment before defaults."""
    from rowferry.settings import Settings

    return Settings.model_validate({name: value for name, value in given.items() if value is not None})


def _ready(said: Mapping[str, object]) -> None:
    typer.echo(f"ready {said['url']}")


def _ready_json(said: Mapping[str, object]) -> None:
    typer.echo(json.dumps({"event": "ready", **said}))


@app.command(rich_help_panel="Start")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [env: ROWFERRY_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [env: ROWFERRY_PORT]")] = None,
    database_url: DatabaseUrl = None,
    supervised: Supervised = False,
) -> None:
    """The server alone, for production. Needs --database-url and files that all processes share."""
    import socket

    from rowferry import main as whole
    from rowferry import supervisor
    from rowferry.telemetry import start_log

    start_log()
    if supervised:
        told = supervisor.told()
        whole.run_api(_settings(told.settings), socket.socket(fileno=told.socket), lambda: None)
    else:
        settings = _settings({"host": host, "port": port, "database_url": database_url})
        _need_database(settings)
        listening = supervisor.bind(settings.host, settings.port)
        whole.run_api(settings, listening, lambda: typer.echo(f"ready {supervisor.address(listening)}"))


@app.command(rich_help_panel="Start")
def worker(
    processes: Annotated[int | None, typer.Option(help="How many jobs run at once.  [env: ROWFERRY_WORKERS]")] = None,
    database_url: DatabaseUrl = None,
    supervised: Supervised = False,
) -> None:
    """A worker alone, for production; as many of them on as many hosts as one likes."""
    from rowferry import main as whole
    from rowferry import supervisor
    from rowferry.telemetry import start_log

    start_log()
    if supervised:
        settings = _settings(supervisor.told().settings)
    else:
        settings = _settings({"workers": processes, "database_url": database_url})
        _need_database(settings)
    whole.run_worker(settings, lambda: typer.echo("worker ready"))


def _need_database(settings: "Settings") -> None:
    if settings.database_url is None:
        raise typer.BadParameter(
            "A server or a worker alone needs a database of its own. `rowferry up` brings one.",
            param_hint="--database-url",
        )


# Set-up ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _database(settings: "Settings") -> "Generator[Database]":
    """The database that is configured; else the embedded one, as it runs or started for the moment."""
    from rowferry.store.database import Database
    from rowferry.store.embedded import DataInUse, attach, running

    if settings.database_url is not None:
        yield Database(settings.database_url)
        return
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running(settings.data))
        except DataInUse:
            # Its holder is just starting the database, or starts it again.
            until = time.monotonic() + RESTART_SECONDS
            while (found := attach(settings.data)) is None:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            url = found
        yield Database(url)


@app.command(rich_help_panel="Set-up")
def migrate(
    data: Data = None,
    database_url: DatabaseUrl = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 8 when something is due.")] = False,
    as_json: Json = False,
) -> None:
    """Brings the database to the shape that this version needs."""
    from rowferry.store import database

    with _database(_settings({"data": data, "database_url": database_url})) as where:
        due = database.pending(where)
        if not check:
            database.migrate(where)
    if as_json:
        typer.echo(json.dumps({"pending": due} if check else {"applied": due}))
    else:
        typer.echo(f"{'Due' if check else 'Applied'}: {', '.join(due) or 'nothing'}")
    if check and due:
        raise typer.Exit(Exit.CONFLICT)


@tokens.command("create")
def create_token(
    tenant: Annotated[str, typer.Option(help="Whose data; made when it is new.")],
    scopes: Annotated[str, typer.Option(help="What the token may do, with commas.")] = SCOPES,
    user: Annotated[str, typer.Option(help="Who acts; made when new.")] = "operator",
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Makes a token and prints it alone. It is shown once and stored hashed."""
    from rowferry import main as whole

    asked = tuple(scope for scope in scopes.split(",") if scope)
    settings = _settings({"data": data, "database_url": database_url})
    with _database(settings) as where:
        secret = whole.create_token(where, tenant, user, asked)
    if as_json:
        typer.echo(json.dumps({"token": secret, "tenant": tenant, "user": user, "scopes": asked}))
    else:
        typer.echo(secret)


@users.command("create")
def create_user(
    tenant: Annotated[str, typer.Option(help="Whose data; made when it is new.")],
    email: Annotated[str, typer.Option(help="Who logs in.")],
    name: Annotated[str | None, typer.Option(help="What others see; the e-mail by default.")] = None,
    scopes: Annotated[str, typer.Option(help="What the user may do, with commas.")] = LOGIN_SCOPES,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Makes a user who logs in with a password, read from standard input; changes it where the user is there."""
    from rowferry import main as whole

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    asked = tuple(scope for scope in scopes.split(",") if scope)
    with _database(_settings({"data": data, "database_url": database_url})) as where:
        made = whole.create_user(where, whole.UserWish(tenant, email, name, asked), str(password))
    if as_json:
        typer.echo(json.dumps({"tenant": tenant, "user": made, "email": email, "scopes": asked}))
    else:
        typer.echo(f"{made} may log in to {tenant}.")


@app.command("inspect", rich_help_panel="Files")
def inspect_files(
    files: Annotated[list[Path], typer.Argument(help="The files.", exists=True, dir_okay=False)],
    delimiter: Annotated[str | None, typer.Option(help="What is between cells.")] = None,
    quote: Annotated[str | None, typer.Option(help="What is around cells that hold it; empty: nothing is.")] = None,
    encoding: Annotated[str | None, typer.Option(help="How text is encoded.")] = None,
    header_line: Annotated[
        int | None, typer.Option(help="Where the header is, from 1; 0: there is none.", min=0)
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook.")] = None,
    member: Annotated[str | None, typer.Option(help="Which file of an archive.")] = None,
    records: Annotated[
        Path | None, typer.Option(help="Folder for what was read of each FILE: FILE.csv and FILE.outcomes.json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Says what files are found to be and why, and which records are odd. Needs no server. 1: one could not be read."""
    from rowferry import inspecting
    from rowferry import main as whole
    from rowferry.domain.schema import ReadOptions
    from rowferry_client import show

    names = [file.name for file in files]
    if records is not None and len({*names}) < len(names):
        raise typer.BadParameter("Two files of one name would be written to one place.", param_hint="--records")
    options = ReadOptions(delimiter or None, quote, encoding or None, header_line, sheet or None, member or None)
    words = inspecting.Words(lambda line: show.out(show.plain_long(line)))
    teller = inspecting.JsonLines(sys.stdout.write) if as_json else words
    read = inspecting.Looking(whole.readers(_settings({})), options, teller, records).files(files)
    raise typer.Exit(Exit.DONE if read else Exit.FAILED)


@app.command(rich_help_panel="Start")
def demo(
    data: Annotated[
        Path, typer.Option(help="Folder of the demo; a second run uses it again.  [env: DEMO_DATA]", envvar="DEMO_DATA")
    ] = Path(".demo"),
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Stay up until Ctrl-C.  [env: DEMO_KEEP]", envvar="DEMO_KEEP")
    ] = True,
    rows: Annotated[int, typer.Option(help="Rows of the messy file.")] = 10_000,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
) -> None:
    """Starts everything, imports a messy file and shows what became of each row."""
    from rowferry.demo import Demo

    raise typer.Exit(Demo(data.absolute(), rows, port).run(keep=keep))
