"""Who waits for a job hears of its changes: one listening connection a process, and a look each second beside it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress

import structlog

from rowferry.domain.job import JobId
from rowferry.store.database import Gone

RECONNECT_SECONDS_MAX = 5.0
LOOK_SECONDS = 1.0

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


class Changes:
    """Wakes those who wait for a job. `announcements` opens a listening connection and yields the ids of changed jobs as text."""

    def __init__(self, announcements: Callable[[], AsyncGenerator[str, None]]) -> None:
        self._announcements = announcements
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None, None]:
        """Listens as long as the block runs."""
        task = asyncio.create_task(self._listen(), name="changes")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def of(self, job: JobId) -> AsyncGenerator[asyncio.Event, None]:
        """An event that is set at each change of the job from now on."""
        event = asyncio.Event()
        waiting = self._waiting[str(job)]
        waiting.add(event)
        try:
            yield event
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(str(job), None)

    async def _listen(self) -> None:
        pause = LOOK_SECONDS / 4
        while True:
            try:
                async with aclosing(self._announcements()) as announcements:
                    async for job in announcements:
                        pause = LOOK_SECONDS / 4
                        self._wake(job)
            except Gone as error:
                log.warning("changes.lost", error=type(error).__name__)
            # Those who wait look for themselves meanwhile.
            await asyncio.sleep(pause)
            pause = min(pause * 2, RECONNECT_SECONDS_MAX)

    def _wake(self, job: str) -> None:
        for event in self._waiting.get(job, ()):
            event.set()


async def until_set(event: asyncio.Event, seconds: float) -> None:
    """Waits until the event is set, at most so long, and clears it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
