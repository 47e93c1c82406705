"""The demo: a messy file, a real server, and what became of each row; it drives the program from outside as anybody could."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO

from rowferry_client import Client, show
from rowferry_client.models import Artifact, Cause, Job
from rowferry_client.show import plain, plain_long

KIND = "customers"
TENANT = "demo"
SEED = 20_260_131
HEADER = ("E-mail", "Name", "Country", "Customer since", "Balance", "Active", "Reports to", "Tax number")
EMAIL, NAME, COUNTRY, SINCE, BALANCE, ACTIVE, MANAGER, TAX = range(len(HEADER))
FIRST = (
    "Ana",
    "Luis",
    "Zoë",
    "Jürgen",
    "Aoife",
    "Søren",
    "María",
    "Piotr",
    "Inés",
    "François",
    "Grete",
    "Tom",
    "Åsa",
    "Nuno",
)
LAST = (
    "García",
    "Müller",
    "O'Brien",
    "Kowalska",
    "de Vries",
    "Rossi",
    "Lindqvist",
    "Costa",
    "Weiß",
    "Dubois",
    "Byrne",
    "Keller",
)
COMPANIES = ("Talleres Ruiz", "Nordwind GmbH", "Quay & Sons", "Ateliers Petit", "Blue Harbour Ltd")
COUNTRIES = ("DE", "ES", "FR", "IT", "PT", "Germany", "Spain", "United Kingdom", "IE", "NL", "SE", "PL")
GERMAN = frozenset({"DE", "Germany", "Deutschland"})
COMPANY_SHARE, BROKEN_LINE_SHARE, MANAGER_SHARE, SHORT_SHARE = 0.1, 0.01, 0.02, 0.5
STOP_SECONDS = 60.0
READY_LOG_LINES = 12


# The messy file -------------------------------------------------------------------------------------------------------


def messy(rows: int) -> bytes:
    """A file of customers as they come out of a spreadsheet: `;`, byte order mark, CRLF, and planted mistakes. Always the same."""
    chance = random.Random(SEED)  # noqa: S311  # the same file every time, and no secret
    records = [_customer(number, chance) for number in range(1, rows + 1)]
    for share, spoil in MISTAKES:
        for number in chance.sample(range(rows // 10, rows), max(1, int(rows * share))):
            spoil(records, number, chance)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(records)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _customer(number: int, chance: random.Random) -> list[str]:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    country = chance.choice(COUNTRIES)
    since = date(2015, 1, 1) + timedelta(days=chance.randrange(4000))
    name = chance.choice(COMPANIES) if chance.random() < COMPANY_SHARE else f"{first} {last}"
    if chance.random() < BROKEN_LINE_SHARE:
        name = f"{name}\r\nAccounts department"  # a line break inside a quoted cell is no mistake
    tax = f"{number + 10_000_000_000}" if country in GERMAN else ""
    manager = (
        f"customer{chance.randrange(1, number)}@example.org" if number > 1 and chance.random() < MANAGER_SHARE else ""
    )
    balance = f"{chance.randrange(-500_000, 5_000_000) / 100:.2f}"
    active = chance.choice(("yes", "no", "1", "0", "true"))
    return [f"customer{number}@example.org", name, country, since.isoformat(), balance, active, manager, tax]


Records = list[list[str]]


def _cell(position: int, values: Sequence[str]) -> Callable[[Records, int, random.Random], None]:
    def spoil(records: Records, number: int, chance: random.Random) -> None:
        if position < len(records[number]):
            records[number][position] = chance.choice(values)

    return spoil


def _repeated(records: Records, number: int, chance: random.Random) -> None:
    records[number][EMAIL] = records[chance.randrange(number // 2)][EMAIL]


def _ragged(records: Records, number: int, chance: random.Random) -> None:
    if chance.random() < SHORT_SHARE:
        del records[number][BALANCE:]
    else:
        records[number].append("called back on Monday")


def _no_tax_id(records: Records, number: int, _: random.Random) -> None:
    records[number][COUNTRY], records[number][TAX] = "DE", ""


MISTAKES: tuple[tuple[float, Callable[[Records, int, random.Random], None]], ...] = (
    (0.004, _cell(EMAIL, ("ana.garcia(at)example.org", "luis@", "no e-mail yet"))),
    (0.003, _cell(COUNTRY, ("Atlantis", "Deutschlnad", "XX"))),
    (0.003, _cell(SINCE, ("03/04/25", "05/06/2024", "11/12/23"))),
    (0.002, _cell(SINCE, ("2024-02-30", "last spring"))),
    (0.002, _cell(NAME, ("",))),
    (0.002, _cell(BALANCE, ("12.345", "a lot"))),
    (0.001, _cell(ACTIVE, ("maybe",))),
    (0.001, _cell(MANAGER, ("the.boss@example.org",))),
    (0.002, _no_tax_id),
    (0.002, _repeated),
    (0.001, _ragged),
)
"""Shares of the rows, and what is done to them. The last comes last: what is too short has no cells to spoil."""


# The program from outside ---------------------------------------------------------------------------------------------


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


@dataclass(slots=True)
class Server:
    """`rowferry up` as a child. Its log goes to a file; it ends when this process does."""

    data: Path
    port: int
    log: Path
    url: str = ""
    process: "subprocess.Popen[str] | None" = field(default=None)

    def __enter__(self) -> "Server":
        command = program("up", "--data", str(self.data), "--port", str(self.port), "--json", "--until-input-ends")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(  # noqa: S603  # this program itself
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, process_group=0
            )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            self.process.wait()
            last = self.log.read_text("utf-8", "replace").splitlines()[-READY_LOG_LINES:]
            raise DemoFailed("\n".join([f"The server did not start. The end of {self.log}:", *last]))
        self.url = str(json.loads(line)["url"])
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait(self) -> int:
        """Waits until the server ends by itself."""
        return self.process.wait() if self.process else 0


def program(*arguments: str) -> list[str]:
    """The command line of this program."""
    return [sys.executable, "-P", "-m", "rowferry", *arguments]


def token_of(data: Path) -> str:
    """A token of the demo's tenant, made as an operator would."""
    command = program("token", "create", "--data", str(data), "--tenant", TENANT, "--user", "ana", "--scopes")
    made = subprocess.run(  # noqa: S603  # this program itself
        [*command, "jobs:read,jobs:write,imports:write,kinds:write,admin"], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise DemoFailed(f"No token could be made: {made.stderr.strip()}")
    return made.stdout.strip()


# What a person sees ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """Where the demo writes: headings and lines, bold on a terminal."""

    out: TextIO

    def say(self, line: str = "") -> None:
        """A line."""
        self.out.write(f"{line}\n")
        self.out.flush()

    def head(self, title: str) -> None:
        """A heading."""
        bold, end = ("\x1b[1m", "\x1b[0m") if self.out.isatty() and show.colored() else ("", "")
        self.say(f"\n{bold}{title}{end}")


class Demo:
    """One run of the demo in one data folder."""

    def __init__(self, data: Path, rows: int, port: int) -> None:
        self._data = data
        self._rows = rows
        self._port = port
        self._page = Page(sys.stdout)

    def run(self, *, keep: bool) -> int:
        """Runs it. Gives 0 when every planted mistake ended where it should: the ledger adds up, and good rows are in."""
        page = self._page
        self._data.mkdir(parents=True, exist_ok=True)
        file = self._data / "customers-messy.csv"
        file.write_bytes(messy(self._rows))
        page.head("Rowferry demo")
        page.say(
            f"A messy file      {_near(file)}: {self._rows:,} customers, {show.size(file.stat().st_size)}, planted mistakes"
        )
        try:
            with Server(self._data, self._port, self._data / "up.log") as server:
                page.say(f"A real server     {server.url}, its log in {_near(server.log)}")
                token = token_of(self._data)
                with Client(server.url, token) as client:
                    good = self._import(client, file)
                self._next(server.url, token)
                if keep:
                    self._stay(server)
        except DemoFailed as failed:
            page.say(str(failed))
            return 1
        if not keep:
            page.say("\nStopped. The data stay for the next run.")
        return 0 if good else 1

    def _import(self, client: Client, file: Path) -> bool:
        page = self._page
        page.head("Import, over HTTP")
        talk = show.Talk(quiet=False, color=True)
        with talk.upload() as on_bytes:
            job = client.imports.create(file, KIND, on_bytes=on_bytes)
        talk.submitted(job.state)
        with talk.progress() as on_job:
            last = client.jobs.wait(job.id, 600, on_job=on_job)
        balanced = self._ledger(last.state)
        self._causes(last.errors.groups(), last.ledger.failed)
        self._where(client, last.id, client.jobs.artifacts(last.id))
        return balanced and last.status == "partial"

    def _ledger(self, job: Job) -> bool:
        page, ledger = self._page, job.ledger
        outcomes = ledger.outcomes()
        seconds = (job.finished_at - job.created_at).total_seconds() if job.finished_at and job.created_at else 0.0
        page.head(f"Ledger: {job.status}, {seconds:.2f} s from upload to end")
        for name, count in outcomes.items():
            page.say(f"  {count:>9,}  {name.replace('_', ' ')}")
        balanced = sum(outcomes.values()) == ledger.read
        page.say(
            f"  {ledger.read:>9,}  rows read" + ("; the six add up to it" if balanced else "; THE SIX DO NOT ADD UP")
        )
        return balanced

    def _causes(self, causes: Sequence[Cause], failed: int) -> None:
        page = self._page
        if not causes:
            return
        page.head(f"Why {failed:,} rows were left out: {len(causes)} causes, most rows first")
        for cause in causes:
            page.say(f"  {cause.count:>6,}  {cause.code:<20} {cause.field or 'the whole row'}")
            page.say(f"          for example {plain_long(show.example_of(cause))}")

    def _where(self, client: Client, job_id: str, files: Sequence[Artifact]) -> None:
        page = self._page
        page.head("Where things are")
        rows = client.raw.get(f"/v1/kinds/{KIND}/rows", page_size="1").json().get("rows")
        page.say(f"  the rows        GET {client.url}/v1/kinds/{KIND}/rows  (also rows.csv, rows.jsonl)")
        if isinstance(rows, list) and rows:
            page.say(f"                  {plain(json.dumps(rows[0], ensure_ascii=False))}")
        for file in files:
            if file.category == "errors":
                path = client.jobs.download(job_id, "errors", self._data / file.name)
                page.say(f"  the error file  {_near(path)}: the original columns, then why. Mend it and send it again")

    def _next(self, url: str, token: str) -> None:
        page = self._page
        page.head(f"The server runs at {url}. Try next, in another terminal:")
        command = "rowferry" if Path(sys.argv[0]).name == "rowferry" else f"{sys.executable} -m rowferry"
        command = _near(Path(sys.argv[0])) if Path(sys.argv[0]).name == "rowferry" else command
        page.say(f"  export ROWFERRY_URL={url} ROWFERRY_TOKEN={token}")
        page.say(f"  {command} jobs list")
        page.say(f"  {command} import {_near(self._data / 'customers-messy.csv')} --kind {KIND} --on-error abort")
        page.say(
            f'  curl -s -H "Authorization: Bearer $ROWFERRY_TOKEN" "$ROWFERRY_URL/v1/kinds/{KIND}/rows?country=ES&page_size=3"'
        )

    def _stay(self, server: Server) -> None:
        page = self._page
        page.say("\nCtrl-C stops it; the data stay.")
        try:
            code = server.wait()
        except KeyboardInterrupt:
            page.say("\nStopping…")
        else:
            raise DemoFailed(f"The server ended by itself with {code}. See {_near(server.log)}.")


def _near(path: Path) -> str:
    """A path as short as it can be typed from here."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
