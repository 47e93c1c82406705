"""One real `rowferry up` for all tests that only use it; tests that hurt a server start their own (driving.up)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from driving import Running, up
from faults import FRAGILE, Faults, faults_at


@pytest.fixture(scope="session")
def running(data_folders: Callable[[], Path]) -> Iterator[Running]:
    """A server with two executors and a short lease: `.url`, `.data`, `.token(tenant, scopes)`, `.client(tenant)`."""
    with up(data_folders(), workers=2, lease_seconds=2) as server:
        yield server


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    """What may happen at the points of the fragile server."""
    with faults_at(tmp_path_factory.mktemp("points") / "s") as faults:
        yield faults


@pytest.fixture(scope="module")
def fragile(data_folders: Callable[[], Path], faults: Faults) -> Iterator[Running]:
    """A server whose one executor waits, freezes or dies where a test plans it."""
    with up(data_folders(), points=faults.path, **FRAGILE) as server:
        yield server


@pytest.fixture
def client(fragile: Running, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """A caller of the fragile server, of a tenant of the test's own."""
    with fragile.client("t" + str(abs(hash(request.node.name)) % 10**9)) as client:
        yield client
