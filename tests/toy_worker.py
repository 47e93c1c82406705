"""A real worker whose executors do toy work: what a job's params say. Run as a program: toy_worker.py CONNINFO JSON."""

import asyncio
import json
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from rowferry.domain.job import Move
from rowferry.store import attempts
from rowferry.store.database import Database, Role, connect, transaction
from rowferry.telemetry import start_log
from rowferry.worker import process
from rowferry.worker.executor import Answer, Order


def build(url: str):
    """Work by `params.do`: end; hang until asked back; die; die the first time; raise; leave; exit; freeze the first time."""
    start_log()
    database = Database(url)

    def work(order: Order, wanted_back) -> Answer:
        with connect(database, Role.LOADER) as connection:
            with transaction(connection, None):
                pid = connection.info.backend_pid
                found = attempts.register_backend(connection, order.tenant, order.job_id, order.fence, pid)
            do = found.job.params["do"]
            if do == "die" or (do == "die once" and order.fence == 1):
                os.kill(os.getpid(), signal.SIGKILL)
            if do == "raise" and order.fence == 1:
                raise ValueError("toy")
            if do == "leave" and order.fence == 1:
                sys.exit(0)
            if do == "exit" and order.fence == 1:
                os._exit(0)
            if do == "freeze once" and order.fence == 1:
                os.kill(os.getpid(), signal.SIGSTOP)
            while do == "hang" or (do == "hang once" and order.fence == 1):
                if wanted_back():
                    return "handed_back"
                threading.Event().wait(0.01)
            with transaction(connection, order.tenant, order.job_id):
                attempts.finish(connection, order.tenant, attempts.Finish(order.job_id, order.fence, Move.SUCCEED))
        return "done"

    return work


def main() -> None:
    url, orders = sys.argv[1], json.loads(sys.argv[2])
    room = Path(orders.pop("room")) if "room" in orders else None
    start_log()
    tools = process.Tools(
        database=Database(url),
        build=partial(build, url),
        preload=("psycopg", "rowferry.store.jobs", "rowferry.worker.executor"),
        free_bytes=lambda: int(room.read_text()) if room else None,
        ready=lambda: print("worker ready", flush=True),
        tidy=lambda: None,
    )
    defaults = {
        "executors": 2,
        "lease_seconds": 2.0,
        "stall_seconds": 60.0,
        "drain_seconds": 5.0,
        "disk_floor_bytes": 1,
        "housekeeping_seconds": 3600.0,
    }
    asyncio.run(process.run(process.Orders(**{**defaults, **orders}), tools))


if __name__ == "__main__":
    main()
