"""Row `small`: small imports beside a job of plain Procrastinate that does nothing, and a status poll of each dialect beside the native one."""

import asyncio
import http.client
import io
import json
import secrets
import statistics
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import procrastinate
import psycopg
from psycopg import sql

from figures import Found, Goal, Line
from leash import leashed
from noop import app_of
from plan import Plan
from serving import HERE, TERMINAL, Server

POLLS = 1_500
"""Polls of each address; they take turns in rounds, so that a busy moment hits all alike."""
ROUND = 50
JOBS = 15
"""Small imports of each size, and as many jobs that do nothing."""
LOOK_SECONDS = 0.005
"""How long who waits for an end lets pass between two looks, in both systems."""
SIZES = (99, 1_000)
DATABASE = "noop"


class Caller:
    """One connection that is kept, with the least between request and answer."""

    def __init__(self, server: Server, token: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(
        self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json"
    ) -> tuple[int, bytes]:
        headers = self._headers | ({"Content-Type": media_type} if body is not None else {})
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def json(self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json") -> dict:
        status, content = self.ask(method, path, body, media_type)
        if status >= 300:
            raise SystemExit(f"{method} {path} was answered with {status}: {content[:500]!r}")
        return json.loads(content)


def form(parts: Mapping[str, str], file: bytes) -> tuple[bytes, str]:
    """A multipart body with a file, and its content type."""
    boundary = secrets.token_hex(16)
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\nContent-Type: text/csv\r\n\r\n'
    return "".join(
        [*pieces, head]
    ).encode() + file + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


# Polls ----------------------------------------------------------------------------------------------------------------


def polls(caller: Caller, tenant: str, job: Mapping[str, object]) -> dict[str, float]:
    """Milliseconds of one poll of a job that has ended, through each face: medians."""
    paths = {
        "native": f"/v1/jobs/{job['id']}",
        "claret": f"/{tenant}/api/v1/imports/status/{job['number']}",
        "gu1": f"/batch-import/jobs/{job['id']}",
        "fifth-element": f"/v1/api/jobs/{job['id']}",
    }
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for turn in range(POLLS // ROUND + 1):
        for name, path in paths.items():
            for _ in range(ROUND):
                begin = time.perf_counter()
                status, content = caller.ask("GET", path)
                seconds = time.perf_counter() - begin
                if status != 200:
                    raise SystemExit(f"GET {path} was answered with {status}: {content[:500]!r}")
                if turn:  # the first round warms up
                    taken[name].append(seconds)
    return {name: round(statistics.median(all_of) * 1000, 4) for name, all_of in taken.items()}


# Small imports --------------------------------------------------------------------------------------------------------


def inventory(count: int, first: int) -> bytes:
    """Rows that are all new, as a CSV file of the fields' own names."""
    text = io.StringIO()
    text.write("item_name,bin_name,lot_name,date_filled,quantity,uom\n")
    for number in range(first, first + count):
        text.write(
            f"Item {number % 50},Bin {number % 20},Lot {number},2026-03-{number % 28 + 1:02},{number % 90 + 1}.5,kg\n"
        )
    return text.getvalue().encode()


def prepare(caller: Caller, rows: int) -> None:
    """Stores what inventory rows refer to."""
    named = {
        "item": [{"name": f"Item {number}"} for number in range(50)],
        "bin": [{"name": f"Bin {number}"} for number in range(20)],
        "lot": [{"name": f"Lot {number}"} for number in range(rows)],
        "unit-of-measure": [{"name": "Kilogram", "abbreviation": "kg"}],
    }
    for kind, records in named.items():
        body = json.dumps({"kind": kind, "rows": records}).encode()
        job = _ended_natively(caller, caller.json("POST", "/v1/imports", body))
        if job["status"] != "succeeded":
            raise SystemExit(f"The rows of {kind} were not stored: {job['failure']} {job['ledger']}")


def _ended_natively(caller: Caller, job: dict) -> dict:
    while job["status"] not in TERMINAL:
        time.sleep(LOOK_SECONDS)
        job = caller.json("GET", f"/v1/jobs/{job['id']}")
    return job


def claret_import(caller: Caller, tenant: str, file: bytes) -> float:
    """Seconds from the request to the word `completed`, through the Claret routes."""
    arguments = {"allow_record_creation": True, "allow_record_update": True, "should_continue_on_error": True}
    body, media_type = form({"source": "api", "arguments": json.dumps(arguments)}, file)
    begin = time.perf_counter()
    sent = caller.json("POST", f"/{tenant}/api/v1/inventory/import/process", body, media_type)
    address = f"/{tenant}/api/v1/imports/status/{sent['content']['job_log_id']}"
    while (found := caller.json("GET", address)["content"])["status"] in {"pending", "in_progress"}:
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - begin
    if found["status"] != "completed" or found["files"]["errors"]:
        raise SystemExit(f"The import ended wrongly: {found}")
    return seconds


def native_import(caller: Caller, file: bytes) -> float:
    """The same through the native routes."""
    body, media_type = form({"kind": "inventory-import"}, file)
    begin = time.perf_counter()
    job = _ended_natively(caller, caller.json("POST", "/v1/imports", body, media_type))
    if job["status"] != "succeeded":
        raise SystemExit(f"The import ended wrongly: {job}")
    return time.perf_counter() - begin


@contextmanager
def plain_procrastinate(server: Server) -> Iterator[str]:
    """A database of its own in the same PostgreSQL, with Procrastinate's schema and a worker process."""
    url = server.database_url
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(DATABASE)))
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        own = psycopg.conninfo.make_conninfo(url, dbname=DATABASE)
    connector = procrastinate.SyncPsycopgConnector(conninfo=own)
    with procrastinate.App(connector=connector).open() as app:
        app.schema_manager.apply_schema()
    with leashed([sys.executable, str(HERE / "noop.py"), own]):
        yield own


async def noops(database_url: str, count: int) -> list[float]:
    """Seconds from the call that defers a job to its end, each after the one before."""
    taken: list[float] = []
    async with (
        app_of(database_url).open_async() as app,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watch,
    ):
        for _ in range(count + 2):
            begin = time.perf_counter()
            number = await app.configure_task("noop").defer_async()
            while await _word(watch, number) != "succeeded":  # noqa: ASYNC110  # both systems are looked at in the same way
                await asyncio.sleep(LOOK_SECONDS)
            taken.append(time.perf_counter() - begin)
    return taken[2:]


async def _word(connection: psycopg.AsyncConnection, number: int) -> str:
    found = await connection.execute("select status::text from procrastinate_jobs where id = %s", [number])
    row = await found.fetchone()
    return "" if row is None else str(row[0])


def small(server: Server, caller: Caller, tenant: str) -> dict[str, float]:
    """Milliseconds of small imports and of jobs that do nothing, all in turns: medians."""
    prepare(caller, max(SIZES) * (JOBS + 1) * (len(SIZES) + 1))
    taken: dict[str, list[float]] = {"noop": []} | {f"claret_{size}": [] for size in SIZES} | {"native_100": []}
    first = 0

    def fresh(size: int) -> bytes:
        nonlocal first
        first += size
        return inventory(size, first - size)

    runs: Sequence[tuple[str, Callable[[], float]]] = [
        *((f"claret_{size}", lambda size=size: claret_import(caller, tenant, fresh(size))) for size in SIZES),
        ("native_100", lambda: native_import(caller, fresh(100))),
    ]
    with plain_procrastinate(server) as database_url:
        for turn in range(JOBS + 1):
            taken["noop"] += asyncio.run(noops(database_url, 1))
            for name, run in runs:
                seconds = run()
                if turn:  # the first turn warms up
                    taken[name].append(seconds)
    return {name: round(statistics.median(all_of) * 1000, 2) for name, all_of in taken.items()}


# The figures ----------------------------------------------------------------------------------------------------------


def measure(plan: Plan) -> Found:
    """All of it against one server."""
    tenant = "bench-dialects"
    with plan.server() as server:
        caller = Caller(server, server.token(tenant))
        times = small(server, caller, tenant)
        job = caller.json("GET", "/v1/jobs?page_size=1")["jobs"][0]
        poll = polls(caller, tenant, job)
    figures = {
        "poll_ms": poll,
        "poll_ratio": {name: round(one / poll["native"], 3) for name, one in poll.items()},
        "small_ms": times,
        "small_ratio_to_noop": {name: round(one / times["noop"], 2) for name, one in times.items()},
    }
    return Found([*_small_lines(times), *_poll_lines(poll)], figures)


SMALL = {
    "native_100": ("100 rows natively, request to terminal status", Goal(most=4)),
    "claret_99": ("99 records through Claret", Goal(most=4)),
    "claret_1000": ("1,000 records through Claret", Goal(most=8)),
}
POLL = Goal(most=1.2)


def _small_lines(times: Mapping[str, float]) -> Iterator[Line]:
    beside = f"a job of plain Procrastinate that does nothing: {times['noop']:.1f} ms"
    for name, (what, goal) in SMALL.items():
        yield Line(what, f"{times[name]:.1f} ms", beside, times[name] / times["noop"], goal)


def _poll_lines(poll: Mapping[str, float]) -> Iterator[Line]:
    for name, one in poll.items():
        if name != "native":
            beside = f"natively: {poll['native']:.2f} ms"
            yield Line(f"a status poll through {name}", f"{one:.2f} ms", beside, one / poll["native"], POLL)
