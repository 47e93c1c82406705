"""Measures an import end to end beside raw COPY of the same clean rows, and beside csv with pydantic and executemany."""

import argparse
import csv
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import httpx2
import psycopg
from psycopg import sql
from pydantic import BaseModel, Field, ValidationError
from rich.console import Console
from rich.table import Table

import dialects
from rows import COUNTRIES, FIELDS, Made, write
from serving import TERMINAL, Server, serving

KIND = "benchmark_entities"
SLICE_ROWS = 50_000
BATCH_ROWS = 1_000
BLOCK = 1 << 20
COUNTRY_CODES = dict(COUNTRIES)


@dataclass(frozen=True)
class Imported:
    """One import: from the start of the request to the terminal status, and what the worker needed for it."""

    seconds: float
    upload_seconds: float
    peak_rss_mb: float
    steps: dict[str, float]
    """Seconds from the beginning of each step to that of the next, by the times of the job's events."""


# The import -----------------------------------------------------------------------------------------------------------


def imported(server: Server, made: Made, messy: Path, tenant: str) -> Imported:
    """Sends the file to an empty table and waits for the end. The ledger must say what the generator says."""
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("truncate {}").format(_table(KIND)))
        admin.execute("checkpoint")
    with server.client(tenant) as client:
        _forget_peaks(client)
        begin = time.perf_counter()
        job = _send(client, messy)
        uploaded = time.perf_counter()
        job, peak = _ended(client, job)
        end = time.perf_counter()
    _check(job, made)
    _check_table(server, made)
    return Imported(end - begin, uploaded - begin, peak, _steps(server, job["id"]))


def _send(client: httpx2.Client, file: Path) -> dict:
    with file.open("rb") as content:
        answer = client.post("/v1/imports", data={"kind": KIND}, files={"file": (file.name, content, "text/csv")})
    if answer.status_code != 202:
        raise SystemExit(f"The import was refused: {answer.text}")
    return answer.json()


def _ended(client: httpx2.Client, job: dict) -> tuple[dict, float]:
    """The job at its end, and the most memory that any executor had meanwhile."""
    peak, etag = 0.0, ""
    while job["status"] not in TERMINAL:
        answer = client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=10", "If-None-Match": etag})
        if answer.status_code == 200:
            job, etag = answer.json(), answer.headers["ETag"]
        peak = max(peak, *map(_peak_mb, _pids(client)), 0.0)
    return job, peak


def _pids(client: httpx2.Client) -> list[int]:
    return [worker["pid"] for worker in client.get("/v1/workers").raise_for_status().json()["workers"]]


def _peak_mb(pid: int) -> float:
    """The peak of a process's resident memory; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0.0)


def _forget_peaks(client: httpx2.Client) -> None:
    for pid in _pids(client):
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM to what the process has now


def _check(job: dict, made: Made) -> None:
    expected = {
        "read": made.rows,
        "created": made.clean,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "not_attempted": 0,
    }
    expected["failed"] = made.bad + made.duplicates
    if job["ledger"] != expected:
        raise SystemExit(f"The ledger is wrong: {job['status']} {job['failure']} {job['ledger']}, expected {expected}")


def _check_table(server: Server, made: Made) -> None:
    with psycopg.connect(server.database_url) as admin:
        row = admin.execute(sql.SQL("select count(*) from {}").format(_table(KIND))).fetchone()
    if row is None or row[0] != made.clean:
        raise SystemExit(f"The table has {row} rows, expected {made.clean}")


def _steps(server: Server, job_id: str) -> dict[str, float]:
    question = "select coalesce(data ->> 'step', type), at from rowferry.events where job_id = %s order by seq"
    with psycopg.connect(server.database_url) as admin:
        moments = admin.execute(question, [job_id]).fetchall()
    return {
        name: round((following - at).total_seconds(), 3) for (name, at), (_, following) in itertools.pairwise(moments)
    }


# The comparators ------------------------------------------------------------------------------------------------------


@contextmanager
def _copy_of_the_table(server: Server) -> Iterator[tuple[psycopg.Connection, sql.Identifier]]:
    """An empty table with the same columns, defaults, checks and indexes, on a connection of the administrator."""
    table = _table("benchmark_copy")
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop table if exists {}").format(table))
        admin.execute(sql.SQL("create table {} (like {} including all)").format(table, _table(KIND)))
        admin.execute("checkpoint")
        yield admin, table
        admin.execute(sql.SQL("drop table {}").format(table))


def copied(server: Server, clean: Path) -> float:
    """Seconds of one raw COPY of the clean rows in file order, from a prepared CSV file, in one transaction."""
    with _copy_of_the_table(server) as (admin, table):
        # Tenant and job are constants here, so that COPY neither reads them nor asks a function for them: the least work there is.
        constant = "alter table {} alter tenant_id set default 1, alter _job_id set default '00000000-0000-7000-8000-000000000001'"
        admin.execute(sql.SQL(constant).format(table))
        statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(table, _columns())
        begin = time.perf_counter()
        with admin.cursor().copy(statement) as into, clean.open("rb") as content:
            while block := content.read(BLOCK):
                into.write(block)
        return time.perf_counter() - begin


class Entity(BaseModel):
    """The same rules as a model, as one would write them without Rowferry."""

    tax_id: Annotated[str, Field(pattern=r"^[0-9]{11}$")]
    type: Literal["person", "company"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$", max_length=254)]
    country: Annotated[str, Field(min_length=2, max_length=2)]
    birth_date: date | None
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    external_id: str | None
    notes: str | None


def by_hand(server: Server, messy: Path, rows: int) -> float:
    """Rows a second of csv, a pydantic model a row, and executemany, over the first rows of the same file."""
    taken = min(rows, SLICE_ROWS)
    with _copy_of_the_table(server) as (admin, table), messy.open(encoding="utf-8", newline="") as file:
        holes = sql.SQL(", ").join([sql.Placeholder()] * (len(FIELDS) + 3))
        insert = sql.SQL("insert into {} ({}, tenant_id, _job_id) values ({}) on conflict do nothing").format(
            table, _columns(), holes
        )
        begin = time.perf_counter()
        with admin.transaction(), admin.cursor() as cursor:
            good = _entities(itertools.islice(csv.DictReader(file, delimiter=";"), taken))
            while batch := list(itertools.islice(good, BATCH_ROWS)):
                cursor.executemany(insert, batch)
        return taken / (time.perf_counter() - begin)


def _entities(records: Iterator[dict]) -> Iterator[tuple[object, ...]]:
    for number, record in enumerate(records, 1):
        cells = [(record.get(column) or "").strip() for column in list(record)[: len(FIELDS)]]
        try:
            one = Entity(**_values(dict(zip(FIELDS, cells, strict=False))))
        except (ValidationError, ValueError):
            continue
        yield (*(getattr(one, field) for field in FIELDS), number, 1, "00000000-0000-7000-8000-000000000001")


def _values(cells: dict[str, str]) -> dict[str, object]:
    born = cells["birth_date"]
    return {
        **{name: value or None for name, value in cells.items()},
        "type": cells["type"].lower(),
        "email": cells["email"].lower(),
        "country": COUNTRY_CODES.get(cells["country"], ""),
        "birth_date": datetime.strptime(born, "%d/%m/%Y").date() if born else None,  # noqa: DTZ007  # a date has no zone
        "amount": cells["amount"].replace(".", "").replace(",", "."),
    }


def _columns() -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, (*FIELDS, "_row")))


def _table(name: str) -> sql.Identifier:
    return sql.Identifier("rows", name)


# The figures ----------------------------------------------------------------------------------------------------------


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All runs, their medians and what they ran on."""
    messy, clean = folder / "entities.csv", folder / "clean.csv"
    made = write(options.rows, messy, clean)
    with serving(folder / "data", options.workers) as server:
        _warm_up(server, folder)
        imports: list[Imported] = []
        copies: list[float] = []
        for number in range(options.repeat):
            runs: list[Callable[[], None]] = [
                lambda number=number: imports.append(imported(server, made, messy, f"bench-{number}")),
                lambda: copies.append(copied(server, clean)),
            ]
            for run in runs if number % 2 == 0 else reversed(runs):
                run()
        hand = by_hand(server, messy, options.rows)
        beside = {} if options.alone else {"dialects": dialects.measure(server)}
    return _figures(made, imports, copies, hand) | beside


def _warm_up(server: Server, folder: Path) -> None:
    """A hundred rows, so that the kind's table is there and the libraries are loaded, as on a server that runs."""
    made = write(100, folder / "small.csv", folder / "small-clean.csv")
    imported(server, made, folder / "small.csv", "warm-up")


def _figures(made: Made, imports: list[Imported], copies: list[float], hand: float) -> dict[str, object]:
    seconds, copy_seconds = statistics.median(one.seconds for one in imports), statistics.median(copies)
    rate = made.rows / seconds
    return {
        "rows": made.rows,
        "bytes": made.bytes,
        "bad_rows": made.bad,
        "duplicate_rows": made.duplicates,
        "clean_rows": made.clean,
        "seconds": round(seconds, 3),
        "upload_seconds": round(statistics.median(one.upload_seconds for one in imports), 3),
        "rows_per_second": round(rate),
        "copy_seconds": round(copy_seconds, 3),
        "copy_rows_per_second": round(made.clean / copy_seconds),
        "ratio_to_copy": round(
            statistics.median(copy / one.seconds for one, copy in zip(imports, copies, strict=True)), 3
        ),
        "by_hand_rows_per_second": round(hand),
        "ratio_to_by_hand": round(rate / hand, 2),
        "peak_rss_mb": round(max(one.peak_rss_mb for one in imports), 1),
        "runs": [asdict(one) | {"copy_seconds": copy} for one, copy in zip(imports, copies, strict=True)],
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }


def show(figures: dict) -> None:
    """The figures as a table."""
    table = Table(
        title=f"{figures['rows']:,} rows, {figures['bytes'] / 1e6:.0f} MB, {len(figures['runs'])} run(s), medians"
    )
    for column in ("what", "seconds", "rows/s", "beside COPY"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row(
        "Rowferry: upload to terminal status",
        f"{figures['seconds']:.2f}",
        f"{figures['rows_per_second']:,}",
        f"{figures['ratio_to_copy']:.2f}",
    )
    table.add_row(
        f"raw COPY of the {figures['clean_rows']:,} clean rows",
        f"{figures['copy_seconds']:.2f}",
        f"{figures['copy_rows_per_second']:,}",
        "1.00",
    )
    hand = figures["by_hand_rows_per_second"]
    table.add_row(
        f"csv + pydantic + executemany (first {min(figures['rows'], SLICE_ROWS):,} rows, scaled)",
        f"{figures['rows'] / hand:.2f}",
        f"{hand:,}",
        f"{figures['copy_seconds'] / (figures['rows'] / hand):.2f}",
    )
    console = Console(width=120)
    console.print(table)
    console.print(
        f"Peak memory of the worker process: {figures['peak_rss_mb']:.0f} MB. Of the seconds, {figures['upload_seconds']:.2f} are upload."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=1, help="runs; the median is shown, and the order alternates")
    parser.add_argument("--workers", type=int, default=2, help="executor processes")
    parser.add_argument(
        "--alone", action="store_true", help="the import alone, without the dialects and the small files"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rowferry-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the embedded PostgreSQL runs as another user, who must get to its folder
        figures = measure(options, folder)
    show(figures)
    if "dialects" in figures:
        dialects.show(figures["dialects"])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
