"""A thread that makes the next item while the reader works on the last one."""

import threading
from collections.abc import Iterator

import pytest

from rowferry.worker.ahead import Ahead


def test_the_items_come_in_their_order() -> None:
    with Ahead(iter(range(50))) as items:
        assert list(items) == list(range(50))


def test_what_breaks_the_maker_is_raised_at_the_reader_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    got: list[int] = []
    with Ahead(broken()) as items, pytest.raises(LookupError, match="no more"):
        got.extend(items)
    assert got == [1]


def test_leaving_early_ends_the_thread() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 0

    before = threading.active_count()
    with Ahead(endless()) as items:
        assert next(items) == 0
    assert threading.active_count() == before


def test_the_maker_is_one_item_ahead() -> None:
    made = threading.Semaphore(0)

    def counted() -> Iterator[int]:
        for number in range(3):
            made.release()
            yield number

    with Ahead(counted()) as items:
        assert next(items) == 0
        assert made.acquire(timeout=5)
        assert made.acquire(timeout=5)
        assert list(items) == [1, 2]
