"""What workers keep in order by the clock: their names, lost hints and claims, numbers of events, what the dead left behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, TupleRow

from rowferry.domain.faults import MASK
from rowferry.domain.job import Fence, JobId
from rowferry.store.database import AsyncConnection, Connection, Database, Role, Statement, nothing

FRESH_SECONDS = 30.0
"""A name whose holder has not been heard of for so long is free, whoever has its process id now."""
NAMING = 7_160_302
"""The advisory lock under which names are taken."""
HOUSEKEEPING = 7_160_303
"""The advisory lock of whoever does the housekeeping."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running attempt and the executor that the database thinks has it."""

    job_id: JobId
    fence: Fence
    worker: str


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    pid: int
    fresh: bool


def _named(row: DictRow) -> _Named:
    return _Named(row["name"], row["pid"], row["fresh"])


def _running(row: DictRow) -> Running:
    return Running(JobId(row["id"]), Fence(row["attempt"]), row["worker"])


def _job_id(row: DictRow) -> JobId:
    return JobId(row["id"])


def _missing(row: DictRow) -> int:
    return int(row["missing"])


def _taken(row: DictRow) -> bool:
    return bool(row["taken"])


def _blob(row: DictRow) -> str:
    return str(row["blob"])


def _restarted(row: DictRow) -> bool:
    return bool(row["restarted"])


LIST_SEATS = Statement("list_worker_seats", _named)
TAKE_SEATS = Statement("take_worker_seats", nothing)
LEAVE_SEATS = Statement("leave_worker_seats", nothing)
RUNNING_AS = Statement("list_running_as", _running)
STALLED = Statement("list_stalled", _job_id)
HINTS_MISSING = Statement("count_hints_missing", _missing)
RESTARTED = Statement("has_restarted", _restarted)
NUMBER_EVENTS = Statement("number_events", nothing)
DELETE_DEAD_ENGINES = Statement("delete_dead_engines", nothing)
DELETE_DEAD_HINTS = Statement("delete_dead_hints", nothing)
REPAIR_WAITING = Statement("repair_waiting", nothing)
TAKE_HOUSEKEEPING = Statement("take_housekeeping", _taken)
NAMED_BLOBS = Statement("list_named_blobs", _blob)
ENDED_JOBS = Statement("list_ended_jobs", _job_id)
DELETE_EXPIRED_KEYS = Statement("delete_expired_keys", nothing)
DELETE_EXPIRED_ARTIFACTS = Statement("delete_expired_artifacts", nothing)
DELETE_EXPIRED_IMAGES = Statement("delete_expired_images", nothing)
MASK_EXPIRED_CAUSES = Statement("mask_expired_causes", nothing)
MASK_EXPIRED_ISSUES = Statement("mask_expired_issues", nothing)


async def connect(database: Database) -> AsyncConnection:
    """A connection of `rowferry_system` for what is done by the clock, each statement a transaction.

    Raises:
        Gone: the database does not answer.
    """
    return await psycopg.AsyncConnection[TupleRow].connect(database.url(Role.SYSTEM), autocommit=True)


async def take_names(
    connection: AsyncConnection, host: str, pid: int, count: int, alive: Callable[[int], bool]
) -> list[str]:
    """Takes the lowest names `HOST/N` that no living process of this host has.

    A worker that takes the place of a dead one so gets its names, and knows at once which running attempts are nobody's.

    Args:
        connection: of `rowferry_system`, with no transaction open.
        host: the name of this host, which no other host may have.
        pid: the worker's process id, shown until its executors report their own.
        count: how many names.
        alive: whether a process of this host with that id lives.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", (NAMING,))
        rows = await LIST_SEATS.all_async(connection, host=host, seconds=FRESH_SECONDS)
        taken = {row.name for row in rows if row.fresh and alive(row.pid)}
        numbered = (f"{host}/{number}" for number in range(1, len(taken) + count + 1))
        names = [name for name in numbered if name not in taken][:count]
        await TAKE_SEATS.run_async(connection, names=names, host=host, pid=pid)
    return names


async def leave(connection: AsyncConnection, names: Sequence[str]) -> None:
    """Takes executors off the list of workers, and with them those that have not been heard of for long."""
    await LEAVE_SEATS.run_async(connection, names=list(names), seconds=FRESH_SECONDS * 2)


async def running_as(connection: AsyncConnection, names: Sequence[str]) -> list[Running]:
    """The running attempts that were claimed under these names."""
    return await RUNNING_AS.all_async(connection, names=list(names)) if names else []


async def stalled(connection: AsyncConnection, ids: Sequence[JobId], seconds: float) -> list[JobId]:
    """Those of the jobs that have said no progress for so long."""
    return await STALLED.all_async(connection, ids=list(ids), seconds=seconds) if ids else []


async def hints_missing(connection: AsyncConnection, idle: int) -> int:
    """How many hints to add so that no idle executor waits while a job may run."""
    return await HINTS_MISSING.one_async(connection, idle=idle) or 0


async def restarted(connection: AsyncConnection, seconds: float) -> bool:
    """Whether the database as a whole was started within the last so many seconds."""
    return bool(await RESTARTED.one_async(connection, seconds=seconds))


async def number_events(connection: AsyncConnection) -> None:
    """Gives committed events their overall numbers; one process at a time does."""
    await NUMBER_EVENTS.run_async(connection)


async def clear_up(connection: AsyncConnection, engine_seconds: float) -> None:
    """Removes what dead workers left: their rows, the engine's, hints in the hands of nobody; and finds tenants that were forgotten.

    Args:
        connection: of `rowferry_system`, in autocommit.
        engine_seconds: after how long without a beat an engine's worker is dead.
    """
    await DELETE_DEAD_ENGINES.run_async(connection, seconds=engine_seconds)
    await DELETE_DEAD_HINTS.run_async(connection)
    await leave(connection, ())
    await REPAIR_WAITING.run_async(connection)


# Housekeeping, by `rowferry_system` in autocommit --------------------------------------------------------------------------


def take_housekeeping(connection: Connection) -> bool:
    """Whether the housekeeping is this connection's until it is closed; it is nobody else's then."""
    return bool(TAKE_HOUSEKEEPING.one(connection, housekeeping=HOUSEKEEPING))


def named_blobs(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Those of the blobs that belong to a file of a job."""
    return NAMED_BLOBS.all(connection, keys=list(keys))


def ended_jobs(connection: Connection, ids: Sequence[UUID]) -> list[JobId]:
    """Those of the jobs that have come to an end."""
    return ENDED_JOBS.all(connection, ids=list(ids))


def forget_expired_keys(connection: Connection) -> int:
    """Removes keys of requests past their time, of all tenants."""
    return DELETE_EXPIRED_KEYS.run(connection)


def forget_expired_artifacts(connection: Connection, most: int) -> int:
    """Removes the rows of so many files of ended jobs past their time, of all tenants; a blob that nothing names then is an orphan.

    Files of an import go only when its issues are masked.
    """
    return DELETE_EXPIRED_ARTIFACTS.run(connection, most=most)


def mask_expired_issues(connection: Connection, most: int) -> int:
    """Takes values and records out of so many issues of imports whose error file has passed its time, of all tenants.

    Row, line, field and code stay. The samples of their causes go first, since what they say of several fields stands in the issues alone.
    """
    while MASK_EXPIRED_CAUSES.run(connection, most=most, mask=MASK):
        pass
    return MASK_EXPIRED_ISSUES.run(connection, most=most, mask=MASK)


def forget_expired_images(connection: Connection, most: int) -> int:
    """Removes so many before-images past their time, of all tenants."""
    return DELETE_EXPIRED_IMAGES.run(connection, most=most)
