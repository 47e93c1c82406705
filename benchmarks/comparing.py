"""Row `comparators`: the same file beside what people use today, each in an environment of its own against the same PostgreSQL."""

import csv
import itertools
import json
import statistics
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from environments import Unavailable, run
from figures import Found, Goal, Line
from importing import first_import
from plan import File, Plan
from rows import FIELDS
from serving import Server

DATABASE = "comparators"
TABLE = """
    create table entities (tax_id text collate "C" primary key, type text not null, name text not null, email text, country text not null,
        birth_date date, amount numeric(18, 2) not null, external_id text, notes text)
"""


@dataclass(frozen=True)
class Comparator:
    """One way to do it. `share` of the rows is taken where it is slow; `messy` ones get the file as it is, others its clean rows."""

    environment: str
    title: str
    goal: Goal
    mode: str = ""
    share: float = 1.0
    messy: bool = False


COMPARATORS = (
    Comparator("django", "django-import-export, with look-ups", Goal(100), mode="upsert", share=0.2),
    Comparator("django", "django-import-export, creates only", Goal(30), mode="create", share=0.5),
    Comparator("frictionless", "frictionless, validates only", Goal(5)),
    Comparator("dlt", "dlt, append", Goal(5)),
    Comparator("pandas", "pandas to_sql", Goal(5), share=0.5),
    Comparator("pydantic", "csv + pydantic + executemany", Goal(5), messy=True),
)


def measure(plan: Plan) -> Found:
    """Rowferry's rate is that of the whole file; the others' is that of their rows."""
    file = plan.file()
    lines, figures = [], {}
    with plan.server() as server:
        runs = [first_import(server, file.messy, file.made, f"bench-{number}") for number in range(plan.repeat)]
        ours = file.made.rows / statistics.median(one.seconds for one in runs)
        for one in COMPARATORS:
            what = f"{file.made.rows:,} rows by {one.title}"
            try:
                found = _compared(plan, server, file, one)
            except Unavailable as error:
                lines.append(Line(what, f"not measured: {error}", goal=one.goal))
                continue
            rate = found["rows"] / found["seconds"]
            figure = f"{rate:,.0f} rows/s ({found['rows']:,.0f} rows)"
            lines.append(Line(what, figure, f"Rowferry: {ours:,.0f} rows/s", ours / rate, one.goal))
            figures[one.title] = {**found, "rows_per_second": round(rate), "ratio": round(ours / rate, 2)}
    return Found(lines, {"rowferry_rows_per_second": round(ours), "others": figures})


def _compared(plan: Plan, server: Server, file: File, one: Comparator) -> dict[str, float]:
    """Seconds and rows of a comparator on the first rows of the file, in a database of its own."""
    source = plan.folder / "compared.csv"
    count = _slice(file, source, _rows(plan, one), messy=one.messy)
    with _database(server) as parts:
        found = run(plan.environments, one.environment, [str(source), json.dumps(parts), one.mode])
    if not one.messy and found.get("created", count) != count:
        raise SystemExit(f"{one.title} stored {found['created']} of {count} rows")
    return {"rows": count, "seconds": found["seconds"]}


def _rows(plan: Plan, one: Comparator) -> int:
    rows = min(plan.comparator_rows, plan.rows)
    return rows if plan.whole else max(100, int(rows * one.share))


def _slice(file: File, into: Path, rows: int, *, messy: bool) -> int:
    """Writes the first rows, a header first, and gives how many there are. Clean ones are plain CSV with commas, points and ISO dates."""
    source, delimiter = (file.messy, ";") if messy else (file.clean, ",")
    with source.open(encoding="utf-8", newline="") as text, into.open("w", encoding="utf-8", newline="") as out:
        records: Iterable[list[str]] = csv.reader(text, delimiter=delimiter)
        if not messy:
            records = itertools.chain([list(FIELDS)], (record[: len(FIELDS)] for record in records))
        written = 0
        writer = csv.writer(out, delimiter=delimiter)
        for record in itertools.islice(records, rows + 1):
            writer.writerow(record)
            written += 1
    return written - 1


@contextmanager
def _database(server: Server) -> Iterator[dict[str, object]]:
    """An empty database beside Rowferry's, with the table; gives what one connects with."""
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server.database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {}").format(name))
        admin.execute(sql.SQL("create database {}").format(name))
        parts = {**conninfo.conninfo_to_dict(server.database_url), "dbname": DATABASE}
        with psycopg.connect(conninfo.make_conninfo(**parts), autocommit=True) as own:
            own.execute(TABLE)
            own.execute("checkpoint")
        yield parts
        admin.execute(sql.SQL("drop database {} with (force)").format(name))
