"""The processes of `rowferry up`: starts them, says when they are ready, restarts what dies, and stops them in order."""

import asyncio
import errno
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from rowferry.store import database
from rowferry.store.database import Database
from rowferry.store.embedded import Embedded

RESTART_SECONDS_MIN = 0.2
RESTART_SECONDS_MAX = 30.0
CALM_SECONDS = 60.0
"""A child that lived so long starts anew with the shortest pause."""
QUICK_DEATHS_MAX = 5
READY_SECONDS_MAX = 60.0
API_DRAIN_SECONDS = 10.0
KILL_SECONDS = 5.0
"""What a child gets on top of its own drain before it is killed."""
PIPES_SECONDS = 1.0
"""How long a dead child's pipes may take to end; a grandchild may still hold one."""
DATABASE_LOOK_SECONDS = 0.2
INPUT = 0
"""The descriptor of standard input."""
HTTP_OK = 200
MISCONFIGURED = 2
"""The exit code of a child that starting again cannot help."""
INTERRUPTED = 130
"""The exit code after a second Ctrl-C."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


class CannotStart(Exception):
    """`up` cannot serve; the message says why and what to do."""


class PortTaken(CannotStart):
    """Somebody else listens on the port."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` is to run.

    `settings` is what the children are told, as JSON; `data` and `database_url` are put in by the supervisor. `ready` is called once
    with what a caller may know: url, data, pid, database_url.
    """

    data: Path
    database_url: str | None
    host: str
    port: int
    drain_seconds: float
    settings: Mapping[str, object]
    ready: Callable[[Mapping[str, object]], None]


def up(plan: Plan) -> int:
    """Runs everything until SIGTERM or SIGINT, then stops it in order. Gives the exit code.

    Raises:
        CannotStart: the port is taken, or a process cannot live.
        DataInUse, NoEmbedded: the embedded database cannot start.
    """
    signal.signal(
        signal.SIGTERM, _leave
    )  # until the loop takes signals over, the database must be stopped all the same
    listening = bind(plan.host, plan.port)
    embedded = None if plan.database_url else Embedded(plan.data)
    try:
        url = plan.database_url or (embedded.start() if embedded else "")
        database.migrate(Database(url))
        return asyncio.run(Supervisor(plan, listening, url, embedded).run())
    finally:
        listening.close()
        if embedded is not None:
            embedded.stop()


def _leave(*_: object) -> None:
    raise SystemExit(0)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        PortTaken: somebody else has it.
        CannotStart: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(2048)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {port} on {host} is taken. Choose another with --port, or --port 0 for a free one."
            ) from None
        raise CannotStart(f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.") from None
    return made


def address(listening: socket.socket) -> str:
    """The URL of a listening socket, as a client on this machine would write it."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))  # noqa: S104  # read here, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(slots=True)
class Child:
    """One process under the supervisor: how it is started, and how its deaths are counted."""

    name: str
    command: str
    grace_seconds: float
    """How long it may take to stop."""
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    quick_deaths: int = 0

    def pause(self, lived_seconds: float) -> float:
        """How long to wait before the next start, after a life of so many seconds."""
        self.quick_deaths = 1 if lived_seconds > CALM_SECONDS else self.quick_deaths + 1
        seconds: float = min(RESTART_SECONDS_MAX, RESTART_SECONDS_MIN * 2.0 ** (self.quick_deaths - 1))
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311  # no secret: children of one outage must not come back in step


class Supervisor:
    """The life of `up` after the database is there."""

    def __init__(self, plan: Plan, listening: socket.socket, database_url: str, embedded: Embedded | None) -> None:
        self._plan = plan
        self._listening = listening
        self._database_url = database_url
        self._embedded = embedded
        self._stop = asyncio.Event()
        self._broken: str | None = None
        self._signals = 0
        self._api = Child("api", "serve", API_DRAIN_SECONDS)
        self._worker = Child("worker", "worker", plan.drain_seconds)

    async def run(self) -> int:
        """Starts the children, announces readiness, and stays until a signal or until a child cannot live. Gives the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        keepers = [asyncio.create_task(self._keep(child)) for child in (self._api, self._worker)]
        keepers += [asyncio.create_task(self._announce())]
        if self._embedded is not None:
            keepers += [asyncio.create_task(self._keep_database(self._embedded))]
        await self._stop.wait()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for child in (self._worker, self._api):
            await self._end(child)
        if self._broken is not None:
            raise CannotStart(self._broken)
        return INTERRUPTED if self._signals > 1 else 0

    def _signalled(self, number: signal.Signals) -> None:
        self._signals += number == signal.SIGINT
        if self._signals > 1:
            log.warning("up.leaving_at_once")
            for child in (self._worker, self._api):
                _send(child, signal.SIGKILL)
        elif not self._stop.is_set():
            log.info("up.stopping", signal=number.name)
            self._stop.set()

    def _give_up(self, why: str) -> None:
        self._broken = self._broken or why
        self._stop.set()

    async def _announce(self) -> None:
        """Says `ready` when a request is answered and a worker waits."""
        url = address(self._listening)
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await self._worker.ready.wait()
                while not await asyncio.to_thread(answers, url, "/readyz"):  # noqa: ASYNC110  # another process's state
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self._give_up(f"Not ready after {READY_SECONDS_MAX:.0f} seconds. The lines above say which part is not.")
            return
        said = {"url": url, "data": str(self._plan.data), "pid": os.getpid(), "database_url": self._database_url}
        self._plan.ready(said)

    async def _keep(self, child: Child) -> None:
        """Starts a child again whenever it ends, until it has died too often too quickly."""
        while True:
            began = time.monotonic()
            process = await self._started(child)
            log.info("up.started", process=child.name, child_pid=process.pid)
            await self._listen(child)
            code = await process.wait()
            pause = child.pause(time.monotonic() - began)
            log.error(
                "up.died",
                process=child.name,
                child_pid=process.pid,
                exit_code=code,
                again_in_seconds=round(pause, 2),
            )
            if code == MISCONFIGURED:
                self._give_up(f"The {child.name} process cannot start as it is configured. The line above says why.")
                return
            if child.quick_deaths >= QUICK_DEATHS_MAX:
                self._give_up(
                    f"The {child.name} process died {QUICK_DEATHS_MAX} times in a row. The lines above say why."
                )
                return
            await asyncio.sleep(pause)

    async def _started(self, child: Child) -> asyncio.subprocess.Process:
        """Starts a child; a stop waits for one that is half started, since it is a child to be ended."""
        starting = asyncio.create_task(self._start(child))
        try:
            child.process = process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            child.process = await starting
            raise
        return process

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        """Starts a child in a process group of its own, so that Ctrl-C reaches the supervisor alone.

        The first line of its input are its settings; the end of its input is the end of the supervisor, at which it leaves.
        """
        # -P: a folder in which somebody calls `rowferry` must not be searched for modules.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "rowferry",
            child.command,
            "--supervised",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._listening.fileno(),) if child is self._api else (),
            process_group=0,
        )
        told = {**self._plan.settings, "data": str(self._plan.data), "database_url": self._database_url}
        line = json.dumps({"settings": told, "socket": self._listening.fileno()})
        if process.stdin is not None:
            process.stdin.write(line.encode() + b"\n")
        return process

    async def _listen(self, child: Child) -> None:
        """Reads what the child says until it ends: `ready` counts, all else goes to the log."""
        out = child.process.stdout if child.process else None
        while out is not None and (line := await out.readline()):
            if line.strip() == f"{child.name} ready".encode():
                child.ready.set()
            else:
                sys.stderr.buffer.write(line)

    async def _keep_database(self, embedded: Embedded) -> None:
        """Starts the embedded server again when it ends; whoever used it connects anew."""
        while True:
            await asyncio.sleep(DATABASE_LOOK_SECONDS)
            if embedded.pid is None:
                log.error("up.database_died")
                try:
                    await asyncio.to_thread(embedded.start)
                except Exception as error:  # noqa: BLE001  # whatever it is, `up` cannot go on without its database
                    self._give_up(f"The embedded database ended and cannot be started again: {error}")
                    return

    async def _end(self, child: Child) -> None:
        """Asks a child to stop, and ends it when it does not."""
        process = child.process
        if process is None:
            return
        _send(child, signal.SIGTERM)
        try:
            async with asyncio.timeout(child.grace_seconds + KILL_SECONDS):
                await process.wait()
        except TimeoutError:
            log.error("up.killed", process=child.name, child_pid=process.pid)
            _send(child, signal.SIGKILL)
            await process.wait()
        await _let_go(process)


async def _let_go(process: asyncio.subprocess.Process) -> None:
    """Closes our ends of a dead child's pipes, so that nothing of it is left when the loop closes."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PIPES_SECONDS):
            if process.stdin is not None:
                process.stdin.close()
                await process.stdin.wait_closed()
            if process.stdout is not None:
                await process.stdout.read()


@dataclass(frozen=True, slots=True)
class Told:
    """What a child is told: its settings, and the number of the socket that it listens on."""

    settings: Mapping[str, object]
    socket: int


def told() -> Told:
    """Reads what the supervisor tells this process, and makes sure that it ends with the supervisor, however that ends."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(
            INPUT, 1
        )  # not by sys.stdin: its lock, held by a thread that reads, breaks the interpreter's exit
        if not piece:
            raise CannotStart("The supervisor ended before it said what to do.")
        line += piece
    told = json.loads(line)

    def outlived() -> None:
        _until_input_ends()
        os._exit(1)

    threading.Thread(target=outlived, name="supervisor", daemon=True).start()
    return Told(told["settings"], told["socket"])


def _until_input_ends() -> None:
    while os.read(INPUT, 1024):
        continue


def stop_when_input_ends() -> None:
    """Makes this process stop in order, as on SIGTERM, when whoever started it closes its input or dies."""

    def ended() -> None:
        _until_input_ends()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ended, name="input", daemon=True).start()


def _send(child: Child, number: signal.Signals) -> None:
    if child.process is not None and child.process.returncode is None:
        child.process.send_signal(number)


def answers(url: str, path: str) -> bool:
    """Whether a GET of the path is answered with 200."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTP_OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def become_init() -> None:
    """Leaves the rest to a child when we are process 1: the first process of a container must reap orphans, which asyncio does not.

    Returns in the child, or at once where we are not the first process.
    """
    if os.getpid() != 1:
        return
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: os.kill(child, got))
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
