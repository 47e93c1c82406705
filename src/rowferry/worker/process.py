"""The worker: takes hints, claims jobs for its executors, renews their leases, sees crashes, and drains."""

import asyncio
import logging
import math
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import procrastinate
import psutil
import structlog

from rowferry.domain.job import Fence, Job, JobId
from rowferry.store import catalog, database, jobs, queue, upkeep
from rowferry.store.database import AsyncConnection, Database, Gone, Pool, Role
from rowferry.worker.crew import DRAINED, STALLED, STOPPED, UNHEEDED, UNRENEWED, Crew, Ending, Held, Seat
from rowferry.worker.executor import Order, Work, context

TICK_SECONDS = 1.0
"""How often events are numbered and lost hints made up for."""
REPORT_SECONDS = 2.0
REPORT_PAUSE_SECONDS = 0.05
"""Reports that follow each other faster are put together."""
POLL_SECONDS = 1.0
"""How soon a hint is found whose notification was lost."""
PRUNE_SECONDS = 30.0
"""After how long without a beat Procrastinate's row of a worker is that of a dead one."""
AGAIN_SECONDS_MIN = 0.1
AGAIN_SECONDS_MAX = 5.0
CANCEL_SECONDS = 10.0
"""How long a cancel waits for a step that is not cut into chunks: a file is unpacked, a lock of somebody else is waited for."""
CLAIM_TRIES = 4
"""One more than the connections of the pool: after a restart of the database each of them fails once."""

OWN_KEPT = 1_000
"""Claims of late that a worker knows to be its own."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker keeps to; see the settings of the same names."""

    executors: int
    lease_seconds: float
    stall_seconds: float
    drain_seconds: float
    disk_floor_bytes: int
    housekeeping_seconds: float


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker needs from outside.

    `build` is called in each executor and must be picklable; `preload` names the modules that executors share; `free_bytes` is the
    room that is left where files go, None where that is not known; `ready` is called once when executors wait for work; `tidy` is a
    pass of housekeeping.
    """

    database: Database
    build: Callable[[], Work]
    preload: Sequence[str]
    free_bytes: Callable[[], int | None]
    ready: Callable[[], None]
    tidy: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt whose database went away, begun at a time of the monotonic clock."""

    since: float

    async def judged(self, database: Database) -> Ending:
        """A restart of the database is nobody's fault; backends that died without one may have died of this job.

        Asked over a new connection: a backend of a server that is being stopped may still answer, and knows of no restart.

        Raises:
            Gone: the database is not back yet.
        """
        async with await upkeep.connect(database) as connection:
            restarted = await upkeep.restarted(connection, time.monotonic() - self.since)
        return Ending("database-away", counted=False) if restarted else Ending("database-lost", counted=True)


async def run(orders: Orders, tools: Tools) -> None:
    """Runs a worker until SIGTERM or SIGINT, then drains it.

    Raises:
        NotUp: executors cannot start at all.
    """
    logging.getLogger("procrastinate").setLevel(logging.WARNING)  # it says two lines a hint
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host = socket.gethostname()
    async with await upkeep.connect(tools.database) as connection:
        names = await upkeep.take_names(connection, host, os.getpid(), orders.executors, psutil.pid_exists)
    crew = Crew(names, context(tools.preload), tools.build)
    async with database.pool(tools.database, Role.SYSTEM, size=CLAIM_TRIES - 1, autocommit=True) as pool:
        worker = Worker(orders, tools, crew, pool, host)
        await crew.start()
        log.info("worker.started", executors=[seat.name for seat in crew.seats])
        await worker.work(stop)
    log.info("worker.stopped")


class Worker:
    """One worker process: claims, leases, and what is done by the clock."""

    def __init__(self, orders: Orders, tools: Tools, crew: Crew, pool: Pool, host: str) -> None:
        self._orders = orders
        self._tools = tools
        self._crew = crew
        self._pool = pool
        self._host = host
        self._swept_at = 0.0
        self._ticked_at = -math.inf
        self._inherited = False
        self._own: deque[jobs.Held] = deque(maxlen=OWN_KEPT)
        self._reached_at = 0.0
        """Since when the database could be asked all the time; a lease that ran out before is no sign of a dead worker."""
        self._again_seconds_max = min(AGAIN_SECONDS_MAX, orders.lease_seconds / 3)

    async def work(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set, then lets go of all that is held."""
        lease = self._orders.lease_seconds
        beats = [
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._keep_house()),
            asyncio.create_task(self._beat("renew", lease / 6, self._renew)),
            asyncio.create_task(self._beat("tick", min(TICK_SECONDS, lease / 3), self._tick)),
            asyncio.create_task(self._beat("report", REPORT_SECONDS, self._report, self._crew.changed)),
        ]
        hints = asyncio.create_task(self._take_hints())
        self._tools.ready()
        await stop.wait()
        await _cancel([hints])
        await self._crew.leave(self._orders.drain_seconds)
        await _cancel(beats)
        await self._sign_off()

    # Hints and attempts

    async def _take_hints(self) -> None:
        """Runs Procrastinate's worker, and again whenever an outage of the database ended it."""
        pause = AGAIN_SECONDS_MIN
        while True:
            # A hint that comes again after a crash of the database, since its taking was lost, finds nothing to claim.
            app = queue.make_app(self._tools.database.url(Role.SYSTEM, durable=False))
            app.task(name=queue.HINT, queue=queue.WORK)(self._hint)
            began = time.monotonic()
            try:
                async with app.open_async():
                    await self._take_hints_of(app)
            except Exception as error:  # noqa: BLE001  # the loop that must go on whatever the engine says
                log.warning("worker.engine_ended", error=type(error).__name__, again_in_seconds=pause)
            pause = AGAIN_SECONDS_MIN if time.monotonic() - began > PRUNE_SECONDS else min(AGAIN_SECONDS_MAX, pause * 2)
            await asyncio.sleep(pause)

    async def _take_hints_of(self, app: procrastinate.App) -> None:
        await app.run_worker_async(
            queues=[queue.WORK],
            concurrency=self._orders.executors,
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=POLL_SECONDS,
            # An attempt outlives the hint that led to it, so that the engine can be restarted under it.
            shutdown_graceful_timeout=0,
        )

    async def _hint(self) -> None:
        """What a hint does: waits for a free executor, claims the fairest job for it, waits for the attempt's end."""
        seat = await self._crew.free()
        await asyncio.shield(self._crew.attempt(self._serve(seat)))

    async def _serve(self, seat: Seat) -> None:
        """Runs jobs while there are any that may run: one that waited for its tenant's turn or for room has no hint any more."""
        try:
            while self._may_claim(seat) and (job := await self._claim(seat.name)) is not None:
                await self._attempt(seat, Order(job.id, Fence(job.attempt.number), job.tenant))
                self._crew.put_down(seat)
        finally:
            self._crew.vacate(seat)

    async def _attempt(self, seat: Seat, order: Order) -> None:
        began = time.monotonic()
        ending: Ending | Lost
        answer, ending = (None, DRAINED) if self._crew.leaving else await self._crew.run(seat, order)
        if answer == "done":
            return
        if answer == "handed_back":
            ending = DRAINED
        log.info(
            "attempt.back", job_id=str(order.job_id), attempt=order.fence, reason=ending.reason, executor=seat.name
        )
        if answer == "lost":
            ending = Lost(began)
        await self._take_back(order, ending)

    def _may_claim(self, seat: Seat) -> bool:
        return seat.able and not self._crew.leaving and not self._disk_full()

    async def _claim(self, name: str) -> Job | None:
        for _ in range(CLAIM_TRIES):
            try:
                async with self._pool.connection() as connection:
                    job = await jobs.claim_async(connection, name, self._orders.lease_seconds)
            except Gone as error:
                log.warning("worker.claim_failed", error=type(error).__name__)
            else:
                if job is not None:
                    self._own.append((job.id, Fence(job.attempt.number)))
                return job
        return None

    async def _take_back(self, order: Order, ending: Ending | Lost) -> None:
        """Puts the attempt's job back into the queue with a hint, however often the database must be asked for that."""
        pause = AGAIN_SECONDS_MIN
        while True:
            try:
                if isinstance(ending, Lost):
                    ending = await ending.judged(self._tools.database)
                async with self._pool.connection() as connection, connection.transaction():
                    pair = [(order.job_id, order.fence)]
                    for _ in await jobs.take_back_async(connection, pair, ending.reason, counted=ending.counted):
                        await queue.hint(connection)
            except Gone as error:
                log.warning("worker.take_back_failed", job_id=str(order.job_id), error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(self._again_seconds_max, pause * 2)
            else:
                return

    # What is done by the clock

    async def _renew(self, connection: AsyncConnection) -> None:
        """Renews the leases of executors that can work, and ends those whose attempt is no longer theirs."""
        for seat, held in await self._renewed(connection):
            if held.missed:
                log.warning("worker.lease_lost", executor=seat.name, job_id=str(held.order.job_id))
                seat.end(DRAINED)
            else:
                held.missed = True  # it may just have ended and be about to say so

    async def _renewed(self, connection: AsyncConnection) -> list[tuple[Seat, Held]]:
        """Renews leases: of executors that can work, and of attempts that wait to be handed back. Gives the first that were not found.

        An executor that does not heed a cancel is ended.
        """
        asked = [
            (seat, held)
            for seat, held in self._crew.holdings()
            if seat.executor is not held.executor or held.executor.healthy
        ]
        pairs = [(held.order.job_id, held.order.fence) for _, held in asked]
        lease = self._orders.lease_seconds
        alive = dict(await jobs.renew_async(connection, pairs, lease, CANCEL_SECONDS)) if pairs else dict[JobId, bool]()
        now = time.monotonic()
        missing: list[tuple[Seat, Held]] = []
        for seat, held in asked:
            if held.order.job_id in alive:
                held.renewed_at, held.missed = now, False
                if alive[held.order.job_id] and seat.held is held and seat.executor is held.executor:
                    log.warning("worker.cancel_unheeded", executor=seat.name, job_id=str(held.order.job_id))
                    seat.end(UNHEEDED)
            elif seat.held is held and seat.executor is held.executor:
                missing.append((seat, held))
        return missing

    def _end_unrenewed(self) -> None:
        """Ends executors whose lease must have run out: they are stopped, or the database was away for so long."""
        for seat, held, executor in self._crew.holding():
            if time.monotonic() - held.renewed_at > self._orders.lease_seconds:
                log.warning("worker.lease_over", executor=seat.name, job_id=str(held.order.job_id))
                seat.end(UNRENEWED if executor.healthy else STOPPED)

    async def _watch(self) -> None:
        """Looks at leases however long the database may take to answer."""
        while True:
            await asyncio.sleep(self._orders.lease_seconds / 6)
            self._end_unrenewed()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._orders.housekeeping_seconds)
            try:
                await asyncio.to_thread(self._tools.tidy)
            except Exception as error:  # noqa: BLE001  # what a pass leaves the next finds, whatever the database or the store said
                log.warning("housekeeping.failed", error=type(error).__name__)

    async def _tick(self, connection: AsyncConnection) -> None:
        await upkeep.number_events(connection)
        now = time.monotonic()
        # Leases are renewed every sixth of one: only when nobody could ask for longer than the rest may one run out of a worker that lives.
        if now - self._ticked_at > self._orders.lease_seconds * 5 / 6:
            self._reached_at = now
        self._ticked_at = now
        if time.monotonic() - self._swept_at >= self._orders.lease_seconds / 3:
            await self._sweep(connection)
            self._swept_at = time.monotonic()
        if self._crew.idle and not self._crew.leaving and not self._disk_full():
            for _ in range(await upkeep.hints_missing(connection, self._crew.idle)):
                await queue.hint(connection)

    async def _sweep(self, connection: AsyncConnection) -> None:
        """Takes back what is lost anywhere, ends what does not get on here, and clears up after dead workers."""
        held = {held.order.job_id: seat for seat, held, _ in self._crew.holding()}
        for job_id in await upkeep.stalled(connection, list(held), self._orders.stall_seconds):
            log.warning("worker.stalled", executor=held[job_id].name, job_id=str(job_id))
            held[job_id].end(STALLED)
        await self._take_back_orphans(connection)
        if time.monotonic() - self._reached_at > self._orders.lease_seconds:
            await self._sweep_leases(connection)
        await upkeep.clear_up(connection, PRUNE_SECONDS)

    async def _sweep_leases(self, connection: AsyncConnection) -> None:
        """Takes back what dead or cut-off workers hold. Ours are renewed first: the machine may have slept, and we with it."""
        await self._renewed(connection)
        for job in await jobs.take_back_async(connection, None, "lease-over", counted=True):
            log.warning("worker.swept", job_id=str(job.id), status=job.status)

    async def _take_back_orphans(self, connection: AsyncConnection) -> None:
        """Takes back claims whose answer never came, and at first those of the dead worker that had our names before.

        Only these count as crashes: from then on a claim under our names is our own, as is one that we know we made.
        """
        seats = {seat.name: seat for seat in self._crew.seats}
        found = await upkeep.running_as(connection, [name for name, seat in seats.items() if not seat.taken])
        # A seat that was taken while the database answered may hold what it found.
        orphans = [(one.job_id, one.fence) for one in found if not seats[one.worker].taken]
        for own in (True, False):
            if pairs := [one for one in orphans if (one in self._own) is own]:
                counted = not own and not self._inherited
                await jobs.take_back_async(connection, pairs, "orphaned", counted=counted)
        self._inherited = True

    async def _report(self, connection: AsyncConnection) -> None:
        """Says which executors there are and what they hold, in the list of workers."""
        self._crew.changed.clear()
        rows = [
            catalog.WorkerRow(seat.name, self._host, seat.executor.pid, seat.held.order.job_id if seat.held else None)
            for seat in self._crew.seats
            if seat.executor is not None
        ]
        await catalog.report(connection, rows)
        await asyncio.sleep(REPORT_PAUSE_SECONDS)

    async def _sign_off(self) -> None:
        try:
            async with self._pool.connection() as connection:
                await upkeep.leave(connection, [seat.name for seat in self._crew.seats])
        except Gone as error:
            log.warning("worker.sign_off_failed", error=type(error).__name__)

    def _disk_full(self) -> bool:
        free = self._tools.free_bytes()
        return free is not None and free < self._orders.disk_floor_bytes

    async def _beat(
        self,
        name: str,
        seconds: float,
        act: Callable[[AsyncConnection], Awaitable[None]],
        sooner: asyncio.Event | None = None,
    ) -> None:
        """Does something every so many seconds on a connection of its own, and goes on with a new one after any failure."""
        pause = AGAIN_SECONDS_MIN
        while True:
            try:
                async with asyncio.timeout(AGAIN_SECONDS_MAX):
                    connection = await upkeep.connect(self._tools.database)
                async with connection:
                    while True:
                        async with asyncio.timeout(max(seconds * 3, AGAIN_SECONDS_MAX)):
                            await act(connection)
                        pause = AGAIN_SECONDS_MIN
                        await _pause(seconds, sooner)
            except Exception as error:  # noqa: BLE001  # the loop by the clock, which must outlive whatever one round of it meets
                log.warning("worker.beat_failed", beat=name, error=type(error).__name__, again_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(self._again_seconds_max, pause * 2)


async def _pause(seconds: float, sooner: asyncio.Event | None) -> None:
    if sooner is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await sooner.wait()
    except TimeoutError:
        return


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
