"""The executor: a child process that runs one attempt at a time, and the handle by which its worker holds it."""

import asyncio
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Literal

import psutil
import structlog

from rowferry.domain.access import TenantId
from rowferry.domain.job import Fence, JobId

Answer = Literal["done", "handed_back", "lost", "failed"]
"""How an attempt left its executor. `lost`: its database went away; `failed`: it raised, and the log has the trace."""
SWITCH_SECONDS = 0.0005
"""How long a thread of an executor may compute while another waits: the one that feeds PostgreSQL is needed often, each time for a moment."""
EXIT_SECONDS = 2.0
"""How long a child whose pipe is closed may take until its exit code is known."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt to run: the job, its fence, whose it is."""

    job_id: JobId
    fence: Fence
    tenant: TenantId


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """What a child answers instead of `up` when it cannot work at all."""

    why: str


LEFT = "left"
"""The last word of a child that leaves because it was asked to. One that ends without it was ended by something, perhaps by its job."""

Work = Callable[[Order, Callable[[], bool]], Answer]
"""Runs an attempt; the second argument says whether the executor is wanted back."""

# In the child ---------------------------------------------------------------------------------------------------------


class _Wanted:
    """Whether the worker wants the executor back. Set by a signal, so it is a plain word without a lock."""

    def __init__(self) -> None:
        self.back = False


def serve(pipe: Connection, build: Callable[[], Work]) -> None:
    """The whole life of the child: builds its parts, says `up`, then runs orders until it is wanted back or its pipe ends."""
    orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
    wanted = _Wanted()

    def drain(*_: object) -> None:
        wanted.back = True
        orders.put(None)  # a SimpleQueue may be entered again from a signal handler

    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal is the worker's to judge
    signal.signal(signal.SIGTERM, drain)
    threading.Thread(target=_listen, args=(pipe, orders), name="orders", daemon=True).start()
    try:
        work = build()
    except Exception as error:  # the edge of the process: its worker must hear why there is no executor
        log.exception("executor.not_built")
        pipe.send(NotBuilt(str(error)))
        return
    pipe.send("up")
    while (order := orders.get()) is not None:
        pipe.send(_answer(work, order, wanted))
    pipe.send(LEFT)


def _listen(pipe: Connection, orders: "queue.SimpleQueue[Order | None]") -> None:
    """Reads orders for the main thread. The end of the pipe is the end of the worker: nobody is left to work for."""
    try:
        while True:
            orders.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(1)


def _answer(work: Work, order: Order, wanted: _Wanted) -> Answer:
    try:
        return work(order, lambda: wanted.back)
    except (Exception, SystemExit) as error:  # the edge of the process: no bug in one job may end it, or be silent
        log.exception("executor.failed", job_id=str(order.job_id), attempt=order.fence, error=type(error).__name__)
        return "failed"


# In the worker --------------------------------------------------------------------------------------------------------


def context(preload: Sequence[str]) -> ForkServerContext:
    """The way in which executors start: forked from a server that has imported the modules of `preload` once."""
    made = get_context("forkserver")
    made.set_forkserver_preload(list(preload))
    return made


class Executor:
    """One child as its worker holds it. Belongs to one event loop."""

    def __init__(self, name: str, process: ForkServerProcess, pipe: Connection) -> None:
        self.name = name
        self._process = process
        self._pipe = pipe
        self._seen = psutil.Process(process.pid)  # remembers the start time, so that a number used again is nobody
        self._answers: asyncio.Queue[object] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._parting = asyncio.Lock()
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._seen.pid

    @property
    def gone(self) -> bool:
        """Whether the child has ended, as far as its pipe tells."""
        return self._ended.is_set()

    @property
    def healthy(self) -> bool:
        """Whether the child can work at all: it is neither stopped nor dead. Says nothing about its getting on."""
        try:
            return self._seen.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE}
        except psutil.NoSuchProcess:
            return False

    async def answer(self) -> object | None:
        """The next word of the child, or None when it has ended."""
        return None if self.gone and self._answers.empty() else await self._answers.get()

    async def ended(self) -> None:
        """Waits until the child has ended."""
        await self._ended.wait()

    async def run(self, order: Order) -> object | None:
        """Hands over an attempt and waits for its end. `LEFT` when the child never began it, None when it died on the way."""
        try:
            self._pipe.send(order)
        except OSError:
            return LEFT
        return await self.answer()

    def ask_back(self) -> None:
        """Asks the child to finish its chunk and leave."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the child at once, also when it is stopped."""
        self._signal(signal.SIGKILL)

    async def farewell(self) -> int | None:
        """Closes the pipe, at which the child ends, and gives its exit code once it is known. Safe to call twice."""
        async with self._parting:
            self._leave()
            self._pipe.close()
            if self._process.exitcode is None:
                await asyncio.to_thread(self._process.join, EXIT_SECONDS)
            if self._process.exitcode is None:
                self.kill()
                await asyncio.to_thread(self._process.join, EXIT_SECONDS)
            return self._process.exitcode

    def _signal(self, number: signal.Signals) -> None:
        try:
            self._seen.send_signal(number)
        except psutil.NoSuchProcess:
            return

    def _readable(self) -> None:
        try:
            self._answers.put_nowait(self._pipe.recv())
        except (EOFError, OSError):
            self._leave()

    def _leave(self) -> None:
        if not self.gone:
            self._ended.set()
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._answers.put_nowait(None)


class NotUp(Exception):
    """An executor ended before it could take an order; the log of the child says why."""


async def launch(name: str, made: ForkServerContext, build: Callable[[], Work]) -> Executor:
    """Starts an executor and waits until it can take an order.

    Raises:
        NotUp: it ended instead.
    """
    ours, theirs = made.Pipe()
    process = made.Process(target=serve, args=(theirs, build), name=f"executor {name}", daemon=True)
    await asyncio.to_thread(process.start)  # the first start imports the preloaded modules
    theirs.close()
    executor = Executor(name, process, ours)
    said = await executor.answer()
    if said != "up":
        code = await executor.farewell()
        why = said.why if isinstance(said, NotBuilt) else f"It ended with {code}."
        raise NotUp(f"The executor {name} cannot start. {why}")
    return executor
