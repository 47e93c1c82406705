"""A worker of plain Procrastinate with one task that does nothing; the yardstick for small jobs. Runs until it is told to end."""

import asyncio
import logging
import sys

import procrastinate


def app_of(database_url: str) -> procrastinate.App:
    """The application with its one task."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url))
    app.task(name="noop")(noop)
    return app


async def noop() -> None:
    """Nothing."""


async def work(database_url: str) -> None:
    """Takes jobs as they come, by notification."""
    async with app_of(database_url).open_async() as app:
        await app.run_worker_async()


if __name__ == "__main__":
    logging.getLogger("procrastinate").setLevel(
        logging.ERROR
    )  # it warns of an app in the main module, which is what we mean
    asyncio.run(work(sys.argv[1]))
