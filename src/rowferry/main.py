"""Where parts meet: settings in, running processes out; the only file that names formats, destinations and kinds."""

import asyncio
import os
import re
import shutil
import signal
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rowferry.settings import Settings, settle_libraries
from rowferry.store.database import Connection, Database, Role

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from rowferry.domain.access import TenantId
    from rowferry.kinds import Registry
    from rowferry.ports import Filter, Format, ImportKind, Kind, Readers, Reading, Writer
    from rowferry.service import Doors
    from rowferry.store.blobs import Blobs
    from rowferry.worker.executor import Work
    from rowferry.worker.frame import Parts

PRELOAD = ("polars", "psycopg", "pyarrow", "rowferry.main", "rowferry.worker.attempt", "rowferry.worker.executor")
"""What executors share: imported once by the process that they are forked from."""
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
API_DRAIN_SECONDS = 5
"""How long requests may go on after a stop is asked for; an event stream would hold the exit for ever."""


# What all processes have ----------------------------------------------------------------------------------------------


def database(settings: Settings) -> Database:
    """The database.

    Raises:
        ValueError: none is configured; only `up` brings one.
    """
    if settings.database_url is None:
        raise ValueError("ROWFERRY_DATABASE_URL is not set.")
    return Database(settings.database_url)


def blobs(settings: Settings) -> "Blobs":
    """Where files are kept."""
    from rowferry.store.blobs import open_blobs

    return open_blobs(settings.blobs_url or settings.data.absolute() / "blobs")


def kinds(settings: Settings) -> "Registry":
    """The built-in kinds and the operator's.

    Raises:
        BrokenKind: one of them does not hold.
    """
    from rowferry.kinds import discover
    from rowferry.pipeline.transform import check

    return discover(settings.kinds, check)


def readers(settings: Settings) -> "Readers":
    """All that can read files: the formats in the order in which they are asked, and what unpacks."""
    from rowferry.formats.compressed import Limits, compressions
    from rowferry.formats.csv import CsvFormat
    from rowferry.formats.objects import JsonFormat, JsonLinesFormat
    from rowferry.formats.parquet import Limits as ParquetLimits
    from rowferry.formats.parquet import ParquetFormat
    from rowferry.formats.workbook import Limits as SheetLimits
    from rowferry.formats.workbook import workbooks
    from rowferry.ports import Readers

    tables = ParquetLimits(settings.columns_max, settings.record_bytes_max, settings.parquet_pages_bytes_max)
    sheets = SheetLimits(
        bytes_max=settings.unpacked_bytes_max,
        ratio_max=settings.unpacked_ratio_max,
        record_bytes_max=settings.record_bytes_max,
        columns_max=settings.columns_max,
        disk_free_min=settings.disk_floor_bytes,
    )
    text = CsvFormat(settings.record_bytes_max, settings.columns_max)
    json = (form(settings.record_bytes_max, settings.columns_max) for form in (JsonFormat, JsonLinesFormat))
    formats: tuple[Format, ...] = (ParquetFormat(tables), *workbooks(sheets), *json, text)
    limits = Limits(settings.unpacked_bytes_max, settings.unpacked_ratio_max, settings.disk_floor_bytes)
    return Readers(formats, compressions(limits, formats))


def writers() -> "Mapping[str, Writer]":
    """All that writes files, by the words by which formats are asked for."""
    from rowferry.formats.writers.columnar import ParquetWriter
    from rowferry.formats.writers.plain import CsvWriter, JsonLinesWriter
    from rowferry.formats.writers.workbook import WorkbookWriter

    every: tuple[Writer, ...] = (CsvWriter(), WorkbookWriter(), JsonLinesWriter(), ParquetWriter())
    return {one.name: one for one in every}


def reading(where: Database) -> "Callable[[ImportKind, TenantId, Sequence[Filter]], Reading]":
    """How a tenant's rows are read back: under the row policies."""
    from rowferry.destinations.postgres import PostgresReading
    from rowferry.store.database import connect

    def connected() -> AbstractContextManager[Connection]:
        return connect(where, Role.APP)

    def read(kind: "ImportKind", tenant: "TenantId", filters: "Sequence[Filter]") -> "Reading":
        return PostgresReading(connected, kind, tenant, filters)

    return read


def ensure_table(where: Database, kind: "ImportKind") -> None:
    """Makes or extends the table of a kind.

    Raises:
        KindDiffers: its rows do not fit the declaration any more.
    """
    from rowferry.destinations import postgres
    from rowferry.store.database import connect

    with connect(where, Role.OWNER) as connection:
        postgres.ensure_table(connection, kind)


# The server -----------------------------------------------------------------------------------------------------------


def build_api(settings: Settings) -> "ASGIApp":
    """The application that serves requests; nothing is opened before its first."""
    from rowferry.api.app import Rates, build
    from rowferry.api.wire.caller import BatchLimits
    from rowferry.ids import uuid7
    from rowferry.points import Points
    from rowferry.ports import ImportKind
    from rowferry.service import Limits, bundle
    from rowferry.store.database import check_serving_role, connect
    from rowferry.telemetry import Meters

    where = database(settings)
    with connect(where, Role.APP) as connection:
        check_serving_role(connection)
    known = kinds(settings)
    for kind in known.all():
        if isinstance(kind, ImportKind):
            ensure_table(where, kind)
    limits = Limits(
        upload_bytes_max=settings.upload_bytes_max,
        json_bytes_max=settings.json_bytes_max,
        columns_max=settings.columns_max,
        disk_floor_bytes=settings.disk_floor_bytes,
        queued_max=settings.queued_max,
        attempts_max=settings.attempts_max,
        idempotency_hours=settings.idempotency_hours,
        login_days=settings.login_days,
    )
    services = bundle(where, blobs(settings), doors(settings, known), limits, Points(settings.points), uuid7)
    rates = Rates(
        requests_per_minute=settings.requests_per_minute,
        submits_per_minute=settings.submits_per_minute,
        wait_seconds_max=settings.wait_seconds_max,
        requests_per_hour=settings.requests_per_hour,
        logins_per_minute=settings.logins_per_minute,
        batches=BatchLimits(
            entities_max=settings.batch_entities_max,
            transactions_max=settings.batch_transactions_max,
            events_max=settings.batch_events_max,
            json_bytes_max=settings.batch_json_bytes_max,
            sources_bytes_max=settings.batch_sources_bytes_max,
        ),
    )
    return build(services, rates, Meters(), settings.metrics_token)


def doors(settings: Settings, known: "Registry") -> "Doors":
    """What use cases are handed from outside."""
    from rowferry.destinations.postgres import check_choice
    from rowferry.domain.columns import ADDED_COLUMNS
    from rowferry.formats.csv import CsvFormat
    from rowferry.formats.writers.template import header_csv, template_of
    from rowferry.pipeline.inspect import open_file
    from rowferry.pipeline.table import open_table
    from rowferry.pipeline.transform import check
    from rowferry.ports import Readers
    from rowferry.service import Doors

    where = database(settings)
    # A record of an error file is longer by what is said of it.
    own = CsvFormat(settings.record_bytes_max * 2, settings.columns_max + len(ADDED_COLUMNS))
    return Doors(
        kinds=known.kinds,
        replaceable=known.built_in,
        check=check,
        ensure_table=partial(ensure_table, where),
        reading=reading(where),
        table=partial(open_table, readers(settings)),
        check_choice=check_choice,
        open=lambda path, options, scratch: open_file(path, options, Readers((own,)), scratch),
        writers=writers(),
        templates={"csv": header_csv, "xlsx": template_of},
    )


def run_api(settings: Settings, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serves on a socket until SIGTERM or SIGINT."""
    import uvicorn

    from rowferry.api.wire.connections import PromptProtocol

    config = uvicorn.Config(
        build_api(settings),
        loop="uvloop",
        http=PromptProtocol,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        timeout_graceful_shutdown=API_DRAIN_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises what stopped it once more when it has stopped, and an end that was asked for must be an end with 0.
        signal.signal(number, _heard)
    ready()
    uvicorn.Server(config).run(sockets=[listening])


def _heard(*_: object) -> None:
    """A signal that uvicorn has already heeded."""


# The worker -----------------------------------------------------------------------------------------------------------


def worker_parts(settings: Settings) -> "Parts":
    """What attempts need from outside."""
    from rowferry.destinations.postgres import PostgresLoader, PostgresRemoving
    from rowferry.domain.declaration import from_declaration
    from rowferry.ids import uuid7
    from rowferry.points import Points
    from rowferry.store import catalog
    from rowferry.store.connections import Connections
    from rowferry.worker.frame import Limits, Parts

    where, known, read = database(settings), kinds(settings), reading(database(settings))

    def those_of(connection: Connection, tenant: "TenantId", names: Collection[str]) -> "dict[str, Kind]":
        declared = catalog.declared_sync(connection, tenant, names)
        known_to_all = {name: kind for name in names if (kind := known.get(name)) is not None}
        return known_to_all | {one.name: from_declaration(one.declaration, tenant) for one in declared}

    def kinds_of(connection: Connection, tenant: "TenantId", name: str) -> "Mapping[str, Kind]":
        likely = {name} | _others(known.get(name))  # one question, unless the tenant has a kind of its own by this name
        found = those_of(connection, tenant, likely)
        left = _others(found.get(name)) - likely
        return found | those_of(connection, tenant, left) if left else found

    scratch = scratch_folder(settings.data.absolute() / "scratch")
    return Parts(
        connections=Connections(where),
        blobs=blobs(settings),
        kinds=kinds_of,
        readers=readers(settings),
        loader=PostgresLoader,
        reading=lambda kind, tenant: read(kind, tenant, ()),
        removing=PostgresRemoving,
        limits=Limits(settings.chunk_rows, settings.issues_max),
        points=Points(settings.points),
        scratch=scratch,
        new_id=uuid7,
        writers=writers(),
    )


def _others(kind: "Kind | None") -> frozenset[str]:
    """The names of the kinds that the rows of a kind may refer to."""
    from rowferry.domain.schema import ImportKind

    return kind.others if isinstance(kind, ImportKind) else frozenset()


def executor_work(settings: Settings) -> "Work":
    """What an executor does with an order. Called in the child, which so warms the libraries and connects before its first job."""
    import polars as pl

    from rowferry.store.database import Gone
    from rowferry.telemetry import start_log
    from rowferry.worker import attempt
    from rowferry.worker.executor import Answer, Order

    start_log()
    parts = worker_parts(settings)
    pl.LazyFrame({"warm": ["1"]}).select(pl.col("warm").cast(pl.Int64)).collect()
    with suppress(Gone), parts.connections.pair():
        pass  # kept for the first attempt, which connects where this could not

    def work(order: Order, wanted_back: Callable[[], bool]) -> Answer:
        return attempt.run(parts, order.job_id, order.fence, order.tenant, wanted_back)

    return work


def run_worker(settings: Settings, ready: Callable[[], None]) -> None:
    """Runs a worker with its executors until SIGTERM or SIGINT."""
    from rowferry.worker import housekeeping, process

    settle_libraries()
    orders = process.Orders(
        executors=settings.workers,
        lease_seconds=settings.lease_seconds,
        stall_seconds=settings.stall_seconds,
        drain_seconds=settings.drain_seconds,
        disk_floor_bytes=settings.disk_floor_bytes,
        housekeeping_seconds=settings.housekeeping_seconds,
    )
    tools = process.Tools(
        database=database(settings),
        build=partial(executor_work, settings),
        preload=PRELOAD,
        free_bytes=partial(free_bytes, settings.data.absolute()),
        ready=ready,
        tidy=partial(housekeeping.tidy, database(settings), blobs(settings), settings.orphan_hours * 3600),
    )
    asyncio.run(process.run(orders, tools))


def scratch_folder(parent: Path) -> Path:
    """A folder for this process alone. What processes left that are no more goes."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        if not (left.name.isdigit() and psutil.pid_exists(int(left.name))):
            shutil.rmtree(left, ignore_errors=True)
    own = parent / str(os.getpid())
    own.mkdir(exist_ok=True)
    return own


def free_bytes(data: Path) -> int:
    """The room that is left where scratch files go."""
    return shutil.disk_usage(data).free


def misconfigured(error: Exception) -> bool:
    """Whether starting again cannot help: somebody must mend the settings or a kind."""
    from rowferry.kinds import BrokenKind

    return isinstance(error, BrokenKind)


# Commands -------------------------------------------------------------------------------------------------------------


def create_token(where: Database, slug: str, user: str, scopes: Sequence[str]) -> str:
    """Makes a token, with its tenant and user where they are new, in a database that is brought up to date first.

    Raises:
        Invalid: the tenant's name or a scope is none.
    """
    from rowferry.ids import uuid7
    from rowferry.store import catalog
    from rowferry.store.database import connect, migrate, pending

    granted = _checked_grant(slug, scopes)
    if pending(where):
        migrate(where)
    with connect(where, Role.SYSTEM) as connection:
        tenant = catalog.ensure_tenant(connection, slug)
        owner = catalog.ensure_user(connection, tenant, user)
        return catalog.create_token(connection, catalog.NewToken(uuid7(), tenant, owner, granted))


@dataclass(frozen=True, slots=True)
class UserWish:
    """A user who is to log in with a password. `name` None: the e-mail."""

    tenant: str
    email: str
    name: str | None
    scopes: Sequence[str]


def create_user(where: Database, wish: UserWish, password: str) -> str:
    """Makes a user who may log in, or sets the password and scopes of the one with that e-mail; gives the name.

    Raises:
        Invalid: the tenant's name, the e-mail, the password or a scope cannot be taken.
    """
    from rowferry.domain.faults import Invalid
    from rowferry.service import passwords
    from rowferry.store import catalog, people
    from rowferry.store.database import connect, migrate, pending

    scopes = _checked_grant(wish.tenant, wish.scopes)
    if EMAIL.fullmatch(wish.email) is None:
        raise Invalid(reason=f"{wish.email} is no e-mail address.")
    try:
        digest = passwords.hashed(password)
    except passwords.UnfitPassword as fault:
        raise Invalid(reason=str(fault)) from fault
    if pending(where):
        migrate(where)
    with connect(where, Role.SYSTEM) as connection:
        tenant = catalog.ensure_tenant(connection, wish.tenant)
        try:
            return people.set_password(connection, people.NewUser(tenant, wish.email, digest, scopes, wish.name))
        except people.EmailTaken as fault:
            raise Invalid(reason=str(fault)) from fault


def _checked_grant(slug: str, scopes: Sequence[str]) -> tuple[str, ...]:
    """The scopes in our own words, once tenant and scopes are found good.

    Raises:
        Invalid: the tenant's name or a scope is none.
    """
    from rowferry.domain.access import RESERVED_SLUGS, SLUG, native_scopes, valid_scope
    from rowferry.domain.faults import Invalid

    if SLUG.fullmatch(slug) is None or slug in RESERVED_SLUGS:
        raise Invalid(reason=f"{slug} is no name for a tenant. Take lower-case letters, digits and -, a letter first.")
    unknown = [scope for scope in scopes if not valid_scope(scope)]
    if unknown or not scopes:
        raise Invalid(
            reason=f"{', '.join(unknown) or 'Nothing'} is no scope. Take, for example, jobs:read,imports:write."
        )
    return native_scopes(scopes)
