"""The client's commands: import, jobs, kinds; their words, and the exit code of every end."""

import json
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from rowferry_client import show
from rowferry_client.models import Job, Wire

if TYPE_CHECKING:
    from rowferry_client.sync import Client


class Exit(IntEnum):
    """What the exit code of a command says; a number never changes its meaning."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    CANCELLED = 6
    TIMEOUT = 7
    CONFLICT = 8
    UNREACHABLE = 9
    CTRL_C = 130


OF_STATUS: Mapping[str, Exit] = {
    "succeeded": Exit.DONE,
    "partial": Exit.PARTIAL,
    "failed": Exit.FAILED,
    "cancelled": Exit.CANCELLED,
    "interrupted": Exit.CANCELLED,
}

WRONG_USE = frozenset({"unknown-kind", "invalid-request", "malformed-json"})
"""Refusals that are about how the command was typed."""

ISSUE_COLUMNS = ("row", "line", "field", "column", "code", "outcome", "value", "message")
"""What `jobs errors --format csv` shows of an issue."""
JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no words.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours.  [env: NO_COLOR]")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait at most.")]
AllowPartial = Annotated[bool, typer.Option("--allow-partial", help="Exit with 0 where some rows failed.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]


def group(help_text: str) -> typer.Typer:
    """A group of commands with our manners."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


jobs = group("Jobs: what runs, what became of it, which rows failed and why.")
kinds = group("Kinds: what can be imported, and how.")


def mount(app: typer.Typer) -> None:
    """Puts the client's commands under a program."""
    app.command("import")(import_file)
    app.add_typer(jobs, name="jobs")
    app.add_typer(kinds, name="kinds")


# Ends -----------------------------------------------------------------------------------------------------------------


def run(app: typer.Typer, explained: Callable[[Exception], tuple[str, int] | None] | None = None) -> None:
    """Runs the program and ends it with the exit code of what happened.

    Args:
        app: the commands.
        explained: the sentence and exit code of errors that this module does not know.
    """
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else Exit.DONE)
    except KeyboardInterrupt:
        sys.exit(Exit.CTRL_C)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        sys.exit(Exit.DONE)
    except Exception as error:  # noqa: BLE001  # the edge of the program: whatever it is, a person reads it
        sys.exit(_told(error, explained))


def _told(error: Exception, explained: Callable[[Exception], tuple[str, int] | None] | None) -> int:
    """Says what went wrong and gives the exit code. What nobody knows is raised again, with its trace."""
    show_itself: object = getattr(error, "show", None)
    if callable(show_itself):  # Click's own: wrong use, an aborted question
        show_itself()
        return int(getattr(error, "exit_code", Exit.USAGE))
    if type(error).__name__ == "Abort":
        return Exit.CTRL_C
    known = _known(error) or (explained(error) if explained else None)
    if known is None:
        raise error
    show.complain(known[0])
    return known[1]


def _known(error: Exception) -> tuple[str, int] | None:
    from rowferry_client import errors

    codes: tuple[tuple[tuple[type[Exception], ...], Exit], ...] = (
        ((errors.NotConfigured, errors.NotAllowed), Exit.NOT_ALLOWED),
        ((errors.NotFound, LookupError), Exit.NOT_FOUND),
        ((errors.Conflict, errors.RateLimited), Exit.CONFLICT),
        ((errors.Unreachable, errors.NotReady), Exit.UNREACHABLE),
        ((errors.JobStalled, errors.WaitTimeout), Exit.TIMEOUT),
        ((errors.RowferryError, OSError), Exit.FAILED),
    )
    for types, code in codes:
        if isinstance(error, types):
            wrong_use = isinstance(error, errors.APIError) and error.code in WRONG_USE
            return _sentence(error), Exit.USAGE if wrong_use or isinstance(error, FileNotFoundError) else code
    return None


def _sentence(error: Exception) -> str:
    """What, why, and what to do."""
    from rowferry_client import errors

    match error:
        case errors.APIError():
            faults = (f"\n  {fault.get('pointer')}: {fault.get('detail')}" for fault in error.refused.faults)
            return f"{error.detail or error}{''.join(faults)} ({error.code})"
        case errors.Unreachable():
            return f"{error}. Is the server up? ROWFERRY_URL says where it is."
        case errors.JobStalled() | errors.WaitTimeout():
            return f"{error} Come back with: rowferry jobs watch {error.job.id}"
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}."
        case _:
            return str(error.args[0]) if error.args else type(error).__name__


def exit_code(status: str, *, allow_partial: bool) -> int:
    """The exit code for the end of a job."""
    code = OF_STATUS.get(status, Exit.FAILED)
    return Exit.DONE if code is Exit.PARTIAL and allow_partial else code


def _client() -> "Client":
    from rowferry_client.sync import Client

    return Client()


# The main act ---------------------------------------------------------------------------------------------------------


def import_file(
    file: Annotated[str, typer.Argument(help="The file; - reads standard input.")],
    kind: Annotated[str, typer.Option(help="The kind; `rowferry kinds list` shows them.")],
    columns: Annotated[
        list[str] | None, typer.Option("--map", help='"Column=field"; "Column=" leaves the column out. Repeatable.')
    ] = None,
    mode: Annotated[str | None, typer.Option(help="upsert, create, update or skip_existing.")] = None,
    on_error: Annotated[str | None, typer.Option(help="continue, abort, atomic or stop.")] = None,
    max_errors: Annotated[int | None, typer.Option(help="Write nothing when more rows fail.")] = None,
    default: Annotated[
        list[str] | None, typer.Option(help='"field=text": stands where a row has no value. Repeatable.')
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="A field that must have a value in every row. Repeatable.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Look also at what the kind checks on request only.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option(help='Any other option of the API: "name=value". Repeatable.')
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait.")] = False,
    timeout: Timeout = 3600.0,
    allow_partial: AllowPartial = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Imports a file and waits for its end: rowferry import customers.csv --kind customers."""
    options = _options(option or [])
    given: dict[str, object] = {"mode": mode, "on_error": on_error, "max_errors": max_errors}
    options |= {key: value for key, value in given.items() if value is not None}
    if columns:
        options["mapping"] = dict(_pair(pair, "--map") for pair in columns)
    if default:
        options["defaults"] = dict(_default(pair) for pair in default)
    if require:
        options["required"] = require
    if strict:
        options["strict"] = True
    talk = show.Talk(quiet=quiet or as_json, color=not no_color)
    with _client() as client:
        with talk.upload() as on_bytes:
            source = sys.stdin.buffer if file == "-" else Path(file)
            job = client.imports.create(source, kind, options=options, on_bytes=on_bytes)
        with talk.leaving(job.id, Exit.CTRL_C):
            talk.submitted(job.state)
            if detach:
                _print_job(job.state, as_json=as_json)
                talk.hint(f"rowferry jobs watch {job.id}")
                return
            _watch(client, job.id, timeout, talk, as_json=as_json, allow_partial=allow_partial)


def _options(pairs: list[str]) -> dict[str, object]:
    return {name: _value(text) for name, text in (_pair(pair, "--option") for pair in pairs)}


def _pair(text: str, flag: str) -> tuple[str, str | None]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise typer.BadParameter(f"{text} is no NAME=VALUE.", param_hint=flag)
    return name, value or None


def _default(text: str) -> tuple[str, str]:
    name, value = _pair(text, "--default")
    if value is None:
        raise typer.BadParameter(f"{text} gives no text: it is FIELD=TEXT.", param_hint="--default")
    return name, value


def _value(text: str | None) -> object:
    """The value of an option: as JSON where it is JSON and no text that only looks like it."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _watch(
    client: "Client", job_id: str, timeout: float, talk: "show.Talk", *, as_json: bool, allow_partial: bool
) -> None:
    """Shows a job until its end, and ends the program with what became of it."""
    from rowferry_client import errors

    try:
        with talk.progress() as on_job:
            last: Job = client.jobs.wait(job_id, timeout, on_job=on_job).state
    except (errors.JobFailed, errors.JobCancelled, errors.JobInterrupted) as error:
        last = error.job
    if as_json:
        show.data(last.wire)
    else:
        talk.ended(last, client.jobs.get(job_id).errors.groups() if last.ledger.failed + last.ledger.skipped else [])
    raise typer.Exit(exit_code(last.status, allow_partial=allow_partial))


def _print_job(job: Job, *, as_json: bool) -> None:
    if as_json:
        show.data(job.wire)
    else:
        show.out(job.id)


# Jobs -----------------------------------------------------------------------------------------------------------------


@jobs.command("list")
def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs that stand so.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """The newest jobs."""
    filters = {key: value for key, value in {"status": status, "kind": kind}.items() if value}
    with _client() as client:
        found = [job.state for job, _ in zip(client.jobs.list(**filters), range(limit), strict=False)]
    if as_json:
        show.lines(job.wire for job in found)
        return
    lines = [
        (job.id, job.kind, job.status, f"{job.ledger.read:,}", f"{job.ledger.failed:,}", show.when(job))
        for job in found
    ]
    show.table(("JOB", "KIND", "STATUS", "ROWS", "FAILED", "CREATED"), lines)


@jobs.command("get")
def get_job(job_id: JobId, as_json: JsonFlag = False) -> None:
    """One job: where it stands, its ledger, why it stopped."""
    with _client() as client:
        job = client.jobs.get(job_id).state
    if as_json:
        show.data(job.wire)
    else:
        show.job(job)


@jobs.command("watch")
def watch_job(
    job_id: JobId,
    timeout: Timeout = 3600.0,
    allow_partial: AllowPartial = False,
    as_json: JsonFlag = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Waits for a job's end with its progress. Ctrl-C leaves the job running."""
    with _client() as client:
        talk = show.Talk(quiet=quiet or as_json, color=not no_color)
        with talk.leaving(job_id, Exit.CTRL_C):
            _watch(client, job_id, timeout, talk, as_json=as_json, allow_partial=allow_partial)


@jobs.command("errors")
def job_errors(
    job_id: JobId,
    grouped: Annotated[bool, typer.Option("--group/--no-group", help="Causes with counts, or every issue.")] = True,
    code: Annotated[str | None, typer.Option(help="Only issues of this code.")] = None,
    limit: Annotated[int, typer.Option(help="How many issues at most.")] = 1000,
    form: Annotated[
        Literal["table", "csv", "jsonl"], typer.Option("--format", help="How to show them; csv gives every issue.")
    ] = "table",
    as_json: JsonFlag = False,
) -> None:
    """Why rows failed: causes first, --no-group for each issue."""
    as_lines = as_json or form == "jsonl"
    with _client() as client:
        issues = client.jobs.get(job_id).errors
        if grouped and form != "csv":
            causes = [cause for cause in issues.groups() if code in {None, cause.code}]
            if as_lines:
                show.lines(cause.wire for cause in causes)
            else:
                show.causes(causes)
            return
        filters = {"code": code} if code else {}
        found = [issue for issue, _ in zip(issues.list(**filters), range(limit), strict=False)]
    if as_lines:
        show.lines(issue.wire for issue in found)
    elif form == "csv":
        show.csv(ISSUE_COLUMNS, [issue.wire for issue in found])
    else:
        lines = [(f"{issue.row}", f"{issue.line}", issue.field or "", issue.code, issue.message) for issue in found]
        show.table(("ROW", "LINE", "FIELD", "CODE", "MESSAGE"), lines)


@jobs.command("download")
def download(
    job_id: JobId,
    file: Annotated[
        Literal["errors", "output", "staging", "input"], typer.Option(help="Which file of the job.")
    ] = "errors",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; its own name by default.")] = None,
    form: Annotated[
        Literal["csv", "xlsx", "jsonl", "parquet"] | None,
        typer.Option("--format", help="The format of the file; as it is stored by default."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetches a file of a job and checks its digest; prints the path."""
    with _client() as client:
        path = client.jobs.download(job_id, file, output, form)
    if as_json:
        show.data({"path": str(path), "bytes": path.stat().st_size})
    else:
        show.out(str(path))


@jobs.command("cancel")
def cancel_job(job_id: JobId, as_json: JsonFlag = False) -> None:
    """Stops a job after the chunk under way. Rows that are in stay in."""
    with _client() as client:
        _shown(client.jobs.cancel(job_id).state, as_json)


@jobs.command("pause")
def pause_job(job_id: JobId, as_json: JsonFlag = False) -> None:
    """Lets a job rest after the chunk under way; it keeps its place and holds no worker."""
    with _client() as client:
        _shown(client.jobs.pause(job_id).state, as_json)


@jobs.command("resume")
def resume_job(job_id: JobId, as_json: JsonFlag = False) -> None:
    """Lets a job go on that rests or was interrupted."""
    with _client() as client:
        _shown(client.jobs.resume(job_id).state, as_json)


@jobs.command("rerun")
def rerun_job(job_id: JobId, as_json: JsonFlag = False) -> None:
    """Makes a new job that does again what a job that ended did."""
    with _client() as client:
        _shown(client.jobs.rerun(job_id).state, as_json)


def _shown(job: Job, as_json: bool) -> None:  # as the commands have it
    if as_json:
        show.data(job.wire)
    else:
        show.job(job)


# Kinds ----------------------------------------------------------------------------------------------------------------


@kinds.command("list")
def list_kinds(as_json: JsonFlag = False) -> None:
    """All kinds."""
    with _client() as client:
        found = client.kinds.list()
    if as_json:
        show.lines(kind.wire for kind in found)
    else:
        show.table(("KIND", "TYPE", "TITLE"), [(kind.name, kind.type, kind.title) for kind in found])


@kinds.command("get")
def get_kind(name: Annotated[str, typer.Argument(help="The kind.")], as_json: JsonFlag = False) -> None:
    """One kind: its fields and rules."""
    with _client() as client:
        kind = client.kinds.get(name)
    if as_json:
        show.data(kind.wire)
    else:
        show.kind(kind)


@kinds.command("create")
def create_kind(
    file: Annotated[str, typer.Argument(help="The declaration as JSON; - reads standard input.")],
    as_json: JsonFlag = False,
) -> None:
    """Declares a kind of your own, or adds to it."""
    text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    try:
        declaration: object = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{file} is not JSON: {error}", param_hint="FILE") from None
    if not isinstance(declaration, dict):
        raise typer.BadParameter(f"{file} holds no JSON object.", param_hint="FILE")
    with _client() as client:
        kind = client.kinds.create(cast(Wire, declaration))
    if as_json:
        show.data(kind.wire)
    else:
        show.out(kind.name)


@kinds.command("template")
def kind_template(
    name: Annotated[str, typer.Argument(help="The kind.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; standard output by default.")] = None,
    form: Annotated[
        Literal["csv", "xlsx"], typer.Option("--format", help="CSV, or a workbook with drop-downs and notes.")
    ] = "csv",
    as_json: JsonFlag = False,
) -> None:
    """A file to fill in, with the header of a kind."""
    with _client() as client:
        content = client.kinds.template(name, form)
    if output is not None:
        output.write_bytes(content)
    if as_json:
        shown = content.decode() if form == "csv" else None
        show.data({"kind": name, "path": str(output) if output else None, "content": shown})
    elif output is None:
        sys.stdout.buffer.write(content)
    else:
        show.out(str(output))
