"""The PostgreSQL that we bring: started, found, stopped, and started again after every kind of death."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from rowferry.store.embedded import SETTINGS, DataInUse, Embedded, attach, running, shared_buffers

UNSYNCED = {"fsync": "off"}


@pytest.fixture
def data(data_folders: Callable[[], Path]) -> Path:
    return data_folders()


@pytest.fixture
def embedded(data: Path) -> Iterator[Embedded]:
    server = Embedded(data, UNSYNCED)
    yield server
    server.stop()


def answer(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def left_behind(data: Path) -> int:
    """Starts a server by a process that is killed; gives the number of the server that stays."""
    program = (
        "import os, sys; from pathlib import Path; from rowferry.store.embedded import Embedded\n"
        "server = Embedded(Path(sys.argv[1]), {'fsync': 'off'}); server.start(); print(server.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    return int(done.stdout.split()[-1])


def test_it_starts_is_found_and_stops(data: Path, embedded: Embedded) -> None:
    url = embedded.start()
    assert answer(url, "select current_database()") == "rowferry"
    assert attach(data) == url
    embedded.stop()
    embedded.stop()
    assert attach(data) is None
    assert not list(data.glob("**/postmaster.pid"))


def test_a_second_start_keeps_what_was_stored(embedded: Embedded) -> None:
    with psycopg.connect(embedded.start()) as connection:
        connection.execute("create table kept as select 7 as value")
    embedded.stop()
    assert answer(embedded.start(), "select value from kept") == 7


def test_by_itself_it_waits_for_the_disk_and_logs_no_values(data: Path) -> None:
    server = Embedded(data)
    try:
        url = server.start()
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert answer(url, f"select current_setting('{name}')") == "on"
        for name, value in SETTINGS.items():
            assert answer(url, f"select current_setting('{name}')") == value
        with psycopg.connect(url) as connection:
            connection.execute("create table secrets (value text unique)")
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("insert into secrets values ('canary'), ('canary')")
    finally:
        server.stop()
    assert "canary" not in (data / "postgres.log").read_text()


@pytest.mark.parametrize(
    ("memory", "pages"), [(512 << 20, "128MB"), (4 << 30, "512MB"), (16 << 30, "2048MB"), (1 << 40, "2048MB")]
)
def test_an_eighth_of_the_memory_holds_pages_within_bounds(memory: int, pages: str) -> None:
    assert shared_buffers(memory) == pages


def test_a_folder_in_use_is_refused(data: Path, embedded: Embedded) -> None:
    embedded.start()
    with pytest.raises(DataInUse, match="is in use by another rowferry"):
        Embedded(data).start()


def test_a_server_that_a_killed_process_left_is_replaced(data: Path, embedded: Embedded) -> None:
    left = left_behind(data)
    assert psutil.pid_exists(left)
    url = embedded.start()
    assert embedded.pid != left
    assert answer(url, "select 1") == 1
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


def test_it_starts_again_after_the_server_was_killed(embedded: Embedded) -> None:
    with psycopg.connect(embedded.start()) as connection:
        connection.execute("create table kept as select 7 as value")
    assert embedded.pid is not None
    os.kill(embedded.pid, signal.SIGKILL)
    assert answer(embedded.start(), "select value from kept") == 7


def test_a_pid_file_that_names_a_stranger_is_no_server(data: Path, embedded: Embedded) -> None:
    embedded.start()
    embedded.stop()
    (stale,) = data.glob("postgres")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        text = f"{stranger.pid}\n{stale}\n1\n5432\n{stale}\n\n0 0\nready\n"
        (stale / "postmaster.pid").write_text(text)
        assert answer(embedded.start(), "select 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_start_that_broke_in_the_middle_of_making_the_cluster_is_begun_anew(data: Path, embedded: Embedded) -> None:
    cluster = data / "postgres"
    cluster.mkdir(mode=0o700)
    (cluster / "base").mkdir()
    (cluster / "half").write_text("")
    if os.geteuid() == 0:
        shutil.chown(cluster, "rowferry", "rowferry")
    (data / "cluster").write_text("postgres")
    assert answer(embedded.start(), "select 1") == 1


def test_a_path_too_long_for_a_socket_is_no_hindrance(data: Path) -> None:
    server = Embedded(data / ("long" * 25) / "data", UNSYNCED)
    try:
        url = server.start()
        assert answer(url, "select 1") == 1
        assert attach(data / ("long" * 25) / "data") == url
    finally:
        server.stop()


def test_a_command_uses_the_server_that_runs_or_its_own_for_a_while(data: Path, embedded: Embedded) -> None:
    with running(data) as url:
        assert answer(url, "select 1") == 1
    assert attach(data) is None
    own = embedded.start()
    with running(data) as url:
        assert url == own
    assert attach(data) == own


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that PostgreSQL's user cannot reach")
def test_a_folder_that_only_root_can_enter_has_its_cluster_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server = Embedded(tmp_path / "data", UNSYNCED)
    try:
        url = server.start()
        cluster = Path((tmp_path / "data" / "cluster").read_text())
        assert not cluster.is_relative_to(tmp_path)
        assert attach(tmp_path / "data") == url
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
    assert answer(server.start(), "select 1") == 1
    server.stop()
    shutil.rmtree(cluster)
