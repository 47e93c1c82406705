"""A worker's executors: which seat has which child, what each holds, and what is due when one ends."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext

import structlog

from rowferry.worker.executor import LEFT, Executor, NotUp, Order, Work, launch

RESPAWN_SECONDS_MIN = 0.05
RESPAWN_SECONDS_MAX = 10.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an attempt goes back to the queue, and whether that counts as a crash of its job."""

    reason: str
    counted: bool


CRASHED = Ending("crashed", counted=True)
STALLED = Ending("stalled", counted=True)
STOPPED = Ending("stopped", counted=True)
UNRENEWED = Ending("lease-over", counted=False)
"""The executor could work, but nobody could say so: the database was away for a whole lease, or the worker itself was stopped."""
UNHEEDED = Ending("cancelled", counted=False)
"""A cancel was asked for in a step that does not hear of it; the next attempt does, before it begins."""
FAILED = Ending("failed", counted=True)
DRAINED = Ending("drained", counted=False)


@dataclass(slots=True)
class Held:
    """The attempt that a seat's executor works on. Times are of the monotonic clock."""

    order: Order
    executor: Executor
    since: float
    renewed_at: float
    missed: bool = False
    """Whether the last renewal did not find the attempt; it may just have ended."""
    ending: Ending | None = None
    """Why we ended the executor, where we did."""


@dataclass(slots=True)
class Seat:
    """One numbered place for an executor. Its name is what jobs and the list of workers show."""

    name: str
    executor: Executor | None = None
    held: Held | None = None
    taken: bool = False

    @property
    def free(self) -> bool:
        """Whether its executor can take an attempt."""
        return not self.taken and self.able

    @property
    def able(self) -> bool:
        """Whether it has an executor that lives."""
        return self.executor is not None and not self.executor.gone

    def end(self, why: Ending) -> None:
        """Kills the executor for a reason that the attempt is handed back with."""
        if self.held is not None and self.held.ending is None:
            self.held.ending = why
        if self.executor is not None:
            self.executor.kill()


class Crew:
    """The seats of one worker. An executor that ends is replaced at once; `changed` is set whenever the picture changes."""

    def __init__(self, names: Sequence[str], context: ForkServerContext, build: Callable[[], Work]) -> None:
        self.seats = tuple(Seat(name) for name in names)
        self.changed = asyncio.Event()
        self.leaving = False
        self._context = context
        self._build = build
        self._freed = asyncio.Event()
        self._starting = asyncio.Lock()  # multiprocessing keeps its list of children without one
        self._attempts: set[asyncio.Task[None]] = set()
        self._lives: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Fills every seat.

        Raises:
            NotUp: an executor cannot start.
        """
        for seat in self.seats:
            await self._fill(seat)
            _keep(self._lives, self._live(seat))

    async def free(self) -> Seat:
        """Takes a seat whose executor has nothing to do, and waits for one; to be given back with `vacate`."""
        while True:
            self._freed.clear()
            for seat in self.seats:
                if seat.free:
                    seat.taken = True
                    return seat
            await self._freed.wait()

    @property
    def idle(self) -> int:
        """How many executors have nothing to do."""
        return sum(seat.free for seat in self.seats)

    def holdings(self) -> Iterator[tuple[Seat, Held]]:
        """All attempts, those too that are only being handed back."""
        for seat in self.seats:
            if seat.held is not None:
                yield seat, seat.held

    def holding(self) -> Iterator[tuple[Seat, Held, Executor]]:
        """The seats that work, with what they hold. An attempt whose executor is dead is only being handed back."""
        for seat, held in self.holdings():
            if seat.executor is held.executor:
                yield seat, held, held.executor

    async def run(self, seat: Seat, order: Order) -> tuple[object | None, Ending]:
        """Lets the seat's executor run an attempt. Gives its answer, None when it died, and then what it died of."""
        executor = seat.executor
        if executor is None:
            return None, DRAINED
        now = time.monotonic()
        held = seat.held = Held(order, executor, now, now)
        self.changed.set()
        answer = await executor.run(order)
        if answer is not None and answer != LEFT:
            return answer, FAILED
        await executor.farewell()
        return None, held.ending or (DRAINED if answer == LEFT else CRASHED)

    def put_down(self, seat: Seat) -> None:
        """Notes that the seat's attempt is over; the seat stays taken."""
        seat.held = None
        self.changed.set()

    def vacate(self, seat: Seat) -> None:
        """Gives a seat back."""
        seat.taken = False
        self.put_down(seat)
        self._freed.set()

    def attempt(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Runs what has to do with one attempt to its end, whatever becomes of who asked for it."""
        return _keep(self._attempts, work)

    async def leave(self, drain_seconds: float) -> None:
        """Lets executors finish their chunk, ends those that do not, and waits until all is handed back."""
        self.leaving = True
        for seat in self.seats:
            if seat.executor is not None:
                seat.executor.ask_back()
        log.info("worker.draining")
        if self._attempts:
            await asyncio.wait(set(self._attempts), timeout=drain_seconds)
        for seat, held, _ in self.holding():
            log.warning("worker.drain_ended", executor=seat.name, job_id=str(held.order.job_id))
            seat.end(DRAINED)
        if self._attempts:
            await asyncio.wait(set(self._attempts))
        for seat in self.seats:
            if seat.executor is not None:
                await seat.executor.farewell()
        for life in self._lives:
            life.cancel()

    async def _fill(self, seat: Seat) -> None:
        async with self._starting:
            seat.executor = await launch(seat.name, self._context, self._build)
        self.changed.set()
        self._freed.set()

    async def _live(self, seat: Seat) -> None:
        """Replaces the seat's executor whenever it ends."""
        pause = RESPAWN_SECONDS_MIN
        while not self.leaving:
            if seat.executor is not None:
                await seat.executor.ended()
                code = await seat.executor.farewell()
                log.warning("executor.ended", executor=seat.name, pid=seat.executor.pid, exit_code=code)
                seat.executor = None
                continue
            try:
                await self._fill(seat)
                pause = RESPAWN_SECONDS_MIN
            except NotUp as error:
                log.error("executor.not_up", executor=seat.name, error=str(error), again_in_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(RESPAWN_SECONDS_MAX, pause * 2)


def _keep(tasks: "set[asyncio.Task[None]]", work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
    """Starts a task that is remembered until its end, since asyncio itself does not."""
    task = asyncio.create_task(work)
    tasks.add(task)

    def done(task: "asyncio.Task[None]") -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker.task_broke", exc_info=error)

    task.add_done_callback(done)
    return task
