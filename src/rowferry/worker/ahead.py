"""Runs an iterator in a thread, one item ahead of its reader, and lets go of it at any moment."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class Ahead(Generic[T]):
    """The items of an iterator, each made by a thread while the reader works on the one before, and never two: an item is some megabytes.

    Polars, pyarrow and psycopg release the interpreter's lock, so that making and loading really overlap. An exception of the
    iterator is raised at the reader. Leaving the `with` ends the thread, whether the items are used up or not.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._queue: queue.SimpleQueue[_Item[T] | _End] = queue.SimpleQueue()
        self._taken = threading.Semaphore(0)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)

    def __enter__(self) -> Iterator[T]:
        self._thread.start()
        return self._read()

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._taken.release()
        self._thread.join()

    def _read(self) -> Iterator[T]:
        while isinstance(got := self._queue.get(), _Item):
            self._taken.release()
            yield got.value
        if got.error is not None:
            raise got.error

    def _make(self) -> None:
        error: BaseException | None = None
        try:
            for value in self._items:
                self._queue.put(_Item(value))
                del value  # the reader's now
                self._taken.acquire()
                if self._left.is_set():
                    return
        except BaseException as raised:  # noqa: BLE001  # handed over to the reader, who knows what it means
            error = raised
        self._queue.put(_End(error))
