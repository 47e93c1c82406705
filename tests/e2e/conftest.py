"""One real `rowferry up` for all tests that only use it; tests that hurt a server start their own (driving.up)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from driving import Running, up


@pytest.fixture(scope="session")
def running(data_folders: Callable[[], Path]) -> Iterator[Running]:
    """A server with two executors and a short lease: `.url`, `.data`, `.token(tenant, scopes)`, `.client(tenant)`."""
    with up(data_folders(), workers=2, lease_seconds=2) as server:
        yield server
