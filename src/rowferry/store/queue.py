"""Hints for the engine, in the transaction that made the work: a delivery says that there is work, and not which."""

from functools import cache
from typing import Any

import procrastinate
from psycopg_pool import AsyncConnectionPool

from rowferry.store.database import AsyncConnection, Connection, Statement, check, nothing

HINT = "rowferry.hint"
WORK = "work"
CONNECTIONS_MAX = 8

SAY_WAITING = Statement("say_waiting", nothing)


def make_app(conninfo: str) -> procrastinate.App:
    """The engine of a worker process, not yet open; the worker registers its task by the name `HINT`.

    Args:
        conninfo: of `rowferry_system`, to the database itself: notifications do not pass a transaction pooler.
    """
    return procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=conninfo, min_size=2, max_size=CONNECTIONS_MAX, pool_factory=_pool
        )
    )


def _pool(**given: Any) -> AsyncConnectionPool:  # noqa: ANN401  # handed on as they come
    """The engine's own asks each connection before its use, which costs a round trip."""
    given["check"] = check
    return AsyncConnectionPool(**given)


@cache
def _deferring() -> procrastinate.App:
    """An engine that is never opened: hints go over the connection of whoever makes the work."""
    return procrastinate.App(connector=procrastinate.PsycopgConnector())


async def hint(connection: AsyncConnection) -> None:
    """Says that the transaction's tenant has a job that may run. The last statement before the commit: it locks the tenant's place."""
    await SAY_WAITING.run_async(connection)
    await _deferring().configure_task(HINT, queue=WORK, connection=connection).defer_async()


def hint_sync(connection: Connection) -> None:
    """The same in the other colour."""
    SAY_WAITING.run(connection)
    _deferring().configure_task(HINT, queue=WORK, connection=connection).defer()
