"""What the client's commands write: data on standard output; progress, words and next steps on standard error."""

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from csv import writer as csv_writer
from typing import TYPE_CHECKING

from rowferry_client.models import Cause, Job, Kind, Ledger, Wire, part, parts, text

if TYPE_CHECKING:
    from rich.console import Console

BAR_WIDTH = 24
TENTH = 0.1
CAUSES_SHOWN = 5
CELL_MAX = 100
THOUSAND = 1000.0
HOUR = 3600

STEP_WORDS = {
    "receive": "Receiving",
    "inspect": "Reading the file",
    "map": "Matching columns",
    "validate": "Checking rows",
    "match": "Matching rows",
    "load": "Importing",
    "report": "Writing reports",
    "finish": "Finishing",
}


def out(line: str) -> None:
    """A line of data."""
    sys.stdout.write(f"{line}\n")


def say(line: str) -> None:
    """A line of talk."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def colored() -> bool:
    """Whether the person has nothing against colours (no-color.org)."""
    return not os.environ.get("NO_COLOR")  # noqa: TID251  # the client is no part of the server and reads its own variables


def complain(sentence: str) -> None:
    """What went wrong."""
    say(f"Error: {sentence}")


def data(value: Wire) -> None:
    """One JSON object a line."""
    out(json.dumps(value, ensure_ascii=False, default=str))


def lines(values: Iterable[Wire]) -> None:
    """JSON Lines: a list as one object a line."""
    for value in values:
        data(value)


def csv(columns: Sequence[str], rows: Sequence[Wire]) -> None:
    """Some members of objects as CSV, with a header."""
    writer = csv_writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column) for column in columns] for row in rows)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table for eyes and for `awk`; nothing but the head where there are no lines."""
    rows = [[plain(cell) for cell in line] for line in lines]
    widths = [max(len(row[column]) for row in [list(head), *rows]) for column in range(len(head))]
    for row in [list(head), *rows]:
        out("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def plain(cell: str) -> str:
    """Text of strangers without what would move a terminal's cursor or turn its writing direction."""
    shown = "".join(char if char.isprintable() else " " for char in cell)
    return shown if len(shown) <= CELL_MAX else f"{shown[: CELL_MAX - 1]}…"


def size(count: float) -> str:
    """Bytes as a person says them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < THOUSAND:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= THOUSAND
    return f"{count:.1f} TB"


def clock(seconds: float | None) -> str:
    """Seconds as a clock shows them."""
    if seconds is None:
        return "-:--"
    whole = round(seconds)
    return (
        f"{whole // HOUR}:{whole // 60 % 60:02}:{whole % 60:02}" if whole >= HOUR else f"{whole // 60}:{whole % 60:02}"
    )


def when(job: Job) -> str:
    """When a job was made."""
    return f"{job.created_at:%Y-%m-%d %H:%M:%S}" if job.created_at else ""


def step(job: Job) -> str:
    """What a job does now, in words."""
    if job.status == "running":
        said = STEP_WORDS.get(job.progress.step or "", (job.progress.step or "working").capitalize())
        return f"{said}, stopping" if job.cancel_requested else said
    return {"queued": "Waiting", "paused": "Paused"}.get(job.status, job.status.replace("_", " ").capitalize())


def counts(ledger: Ledger) -> str:
    """The outcomes that are not zero."""
    shown = [f"{count:,} {name.replace('_', ' ')}" for name, count in ledger.outcomes().items() if count]
    return ", ".join(shown) or "no rows"


def job(shown: Job) -> None:
    """A job for eyes."""
    out(f"{shown.id}  {shown.kind}  {shown.status}")
    if shown.file_name:
        out(f"file     {plain(shown.file_name)}")
    out(f"step     {step(shown)} ({shown.progress.steps_completed} of {shown.progress.steps_total} done)")
    out(f"rows     {shown.ledger.read:,} read: {counts(shown.ledger)}")
    if shown.failure is not None:
        out(f"failure  {shown.failure.code}: {plain_long(shown.failure.message)}")


def plain_long(message: str) -> str:
    """A sentence of strangers without control characters, whole."""
    return "".join(char if char.isprintable() else " " for char in message)


def causes(found: Sequence[Cause]) -> None:
    """Causes for eyes."""
    lines = [(f"{cause.count:,}", cause.code, cause.field or "", example_of(cause)) for cause in found]
    table(("ROWS", "CODE", "FIELD", "FOR EXAMPLE"), lines)


def example_of(cause: Cause) -> str:
    """One row of a cause in words."""
    issue = cause.example
    if issue is None:
        return ""
    return f"line {issue.line}: {issue.message}" if issue.line else issue.message


def kind(shown: Kind) -> None:
    """A kind for eyes: what it is for and its fields."""
    out(f"{shown.name}  {plain(shown.title)}")
    if shown.description:
        out(plain_long(shown.description))
    lines: list[Sequence[str]] = []
    for field in parts(part(part(shown.wire, "declaration"), "schema"), "fields"):
        required = "required" if part(field, "constraints").get("required") is True else ""
        lines.append((text(field, "name"), text(field, "type"), required, text(field, "title")))
    if lines:
        table(("FIELD", "TYPE", "", "TITLE"), lines)


class Talk:
    """What a waiting command says on the way: a live line on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool, color: bool) -> None:
        self._quiet = quiet
        self._color = color
        self._live = not quiet and sys.stderr.isatty()

    def _console(self) -> "Console":
        from rich.console import Console  # noqa: PLC0415  # 60 ms that only a terminal needs

        return Console(stderr=True, no_color=None if self._color else True, highlight=False)

    def _say(self, line: str) -> None:
        if not self._quiet:
            say(line)

    def hint(self, *commands: str) -> None:
        """What to do next."""
        for number, command in enumerate(commands):
            self._say(f"{'Next:  ' if number == 0 else '       '}{command}")

    def submitted(self, sent: Job) -> None:
        """That the file has arrived, and what its job is."""
        name = plain(sent.file_name or "rows")
        bytes_sent = sent.source.get("bytes")
        amount = f", {size(bytes_sent)}" if isinstance(bytes_sent, int) else ""
        self._say(f"Sent {name}{amount}. Job {sent.id}")
        if sent.same_file_as:
            self._say(f"The same file was sent before, as job {sent.same_file_as}.")

    @contextmanager
    def leaving(self, job_id: str, code: int) -> Generator[None, None, None]:
        """Says on Ctrl-C that the job goes on and how to come back, and ends the program with a code."""
        try:
            yield
        except KeyboardInterrupt:
            self._left(job_id)
            raise SystemExit(code) from None

    def _left(self, job_id: str) -> None:
        self._say(f"Stopped watching; the job goes on. Come back with: rowferry jobs watch {job_id}")
        self._say(f"                                   Stop it with: rowferry jobs cancel {job_id}")

    @contextmanager
    def upload(self) -> Generator[Callable[[int, int], None] | None, None, None]:
        """Shows how much of a file is sent."""
        if not self._live:
            yield None
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn  # noqa: PLC0415  # late

        columns = (TextColumn("Sending"), BarColumn(BAR_WIDTH), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self._console(), transient=True) as bars:
            task = bars.add_task("", total=None)
            yield lambda sent, total: bars.update(task, completed=sent, total=total)

    @contextmanager
    def progress(self) -> Generator[Callable[[Job], None], None, None]:
        """Shows how a job gets on."""
        if not self._live:
            yield self._plain_lines() if not self._quiet else lambda _: None
            return
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  # likewise

        words = TextColumn("{task.description:<17}")
        numbers = TextColumn("{task.fields[rows]}  {task.fields[rate]}  {task.fields[left]}")
        with Progress(words, BarColumn(BAR_WIDTH), numbers, console=self._console(), transient=True) as bars:
            task = bars.add_task("Waiting", total=1.0, rows="", rate="", left="")

            def changed(seen: Job) -> None:
                way = seen.progress
                total = f"/{way.total:,}" if way.total else ""
                rate = f"{way.per_second:,.0f} rows/s" if way.per_second else ""
                left = clock(way.seconds_left) if way.seconds_left is not None else ""
                done = f"{way.done:,}{total}" if way.done or total else ""
                bars.update(task, description=step(seen), completed=way.fraction, rows=done, rate=rate, left=left)

            yield changed

    def _plain_lines(self) -> Callable[[Job], None]:
        """A line at each change of step and at each tenth of the way."""
        said: list[tuple[str, int]] = []

        def changed(seen: Job) -> None:
            mark = (step(seen), int(seen.progress.fraction / TENTH))
            if seen.done or mark in said:
                return
            said.append(mark)
            total = f" of {seen.progress.total:,}" if seen.progress.total else ""
            rate = f", {seen.progress.per_second:,.0f} rows/s" if seen.progress.per_second else ""
            say(f"{step(seen)}: {seen.progress.done:,}{total} rows{rate}")

        return changed

    def ended(self, last: Job, found: Sequence[Cause]) -> None:
        """What became of a job, why rows failed, and what to do next."""
        if self._quiet:
            return
        stored, ledger = last.ledger.stored, last.ledger
        sentence = {
            "succeeded": f"Done: {stored or ledger.read:,} rows in.",
            "partial": f"Partial: {stored:,} in, {ledger.failed:,} left out.",
            "failed": f"Failed: {plain_long(last.failure.message) if last.failure else ''} {stored:,} rows written.",
            "cancelled": f"Cancelled: {stored:,} rows are in, {ledger.not_attempted:,} were not tried.",
            "interrupted": f"Interrupted after crashes: {stored:,} rows are in, {ledger.not_attempted:,} were not tried.",
        }
        say(sentence.get(last.status, f"{last.status}."))
        say(f"Rows: {ledger.read:,} read = {counts(ledger)}")
        for cause in found[:CAUSES_SHOWN]:
            say(f"  {cause.count:>7,}  {cause.code:<18} {plain(example_of(cause))}")
        if len(found) > CAUSES_SHOWN:
            say(f"  and {len(found) - CAUSES_SHOWN} more causes: rowferry jobs errors {last.id}")
        if ledger.failed:
            self.hint(
                f"rowferry jobs errors {last.id}",
                f"rowferry jobs download {last.id} --file errors",
            )
