"""`rowferry up` as a process tree: ready, restarted, drained, and gone as a whole."""

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from driving import PROGRAM, Running, up
from rowferry_client import Client

SECONDS = 60
CSV = b"email,name\nana@example.org,Ana\n"


@pytest.fixture
def server(data_folders: Callable[[], Path]) -> Iterator[Running]:
    """A server of the test's own, to be hurt."""
    with up(data_folders(), workers=1, lease_seconds=2) as running:
        yield running


def child(server: Running, command: str) -> psutil.Process:
    for process in psutil.Process(server.process.pid).children():
        if command in process.cmdline():
            return process
    raise AssertionError(f"no child runs {command}")


def workers(server: Running) -> list[dict]:
    with server.client() as client:
        return client.get("/v1/workers").json()["workers"]


def test_ready_is_one_line_on_standard_output_and_sigterm_ends_with_0(data_folders):
    command = [*PROGRAM, "up", "--data", str(data_folders()), "--port", "0", "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with process:
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == ""
        assert process.wait(SECONDS) == 0


def test_the_ready_event_says_where_everything_is(server):
    assert server.url.startswith("http://127.0.0.1:")
    with psycopg.connect(server.database_url) as connection:
        assert connection.execute("select count(*) from rowferry.workers").fetchone() == (1,)


def test_a_killed_executor_a_killed_worker_and_a_killed_server_are_replaced(server):
    for victim in (
        psutil.Process(workers(server)[0]["pid"]),
        child(server, "worker"),
        child(server, "serve"),
    ):
        victim.kill()
        psutil.wait_procs([victim], timeout=SECONDS)
        with server.client() as client:
            assert server.imported(client, CSV)["status"] == "succeeded"


def test_a_killed_database_comes_back_and_work_goes_on(server):
    with psycopg.connect(server.database_url) as connection:
        [row] = connection.execute("select pid from pg_stat_activity where backend_type = 'checkpointer'").fetchall()
    postmaster = psutil.Process(row[0]).parent()
    assert postmaster is not None
    server.token()
    postmaster.kill()
    psutil.wait_procs([postmaster], timeout=SECONDS)
    # The port stays open: what is asked meanwhile waits or hears 503, which the client tries again.
    with Client(server.url, server.token(), retries=20) as client:
        assert client.imports.create(CSV, "customers").wait(SECONDS).status == "succeeded"


def test_children_die_with_a_killed_supervisor_and_the_folder_can_be_used_again(data_folders):
    data = data_folders()
    with up(data, workers=1) as first:
        tree = [one for one in psutil.Process(first.process.pid).children(recursive=True) if one.name() != "postgres"]
        first.process.kill()
        first.process.wait()
        _, alive = psutil.wait_procs(tree, timeout=SECONDS)
        assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
        with up(data, workers=1) as second, second.client() as client:
            assert second.imported(client, CSV)["status"] == "succeeded"


def test_a_second_up_on_the_same_folder_is_refused_in_one_sentence(running):
    done = subprocess.run(
        [*PROGRAM, "up", "--data", str(running.data), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 8
    assert done.stdout == ""
    assert f"The folder {running.data} is in use" in done.stderr


def test_a_port_that_is_taken_is_named(data_folders):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*PROGRAM, "up", "--data", str(data_folders()), "--port", port],
            capture_output=True,
            check=False,
            text=True,
            timeout=SECONDS,
        )
    assert done.returncode == 8
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr


def test_a_kind_that_does_not_hold_ends_up_at_once_and_says_which(data_folders, tmp_path):
    (tmp_path / "broken.json").write_text(json.dumps({"name": "broken"}))
    command = [*PROGRAM, "up", "--data", str(data_folders()), "--port", "0", "--kinds", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 1
    assert "broken.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_can_be_made_while_nothing_runs(data_folders):
    done = subprocess.run(
        [*PROGRAM, "token", "create", "--data", str(data_folders()), "--tenant", "acme"],
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS,
    )
    assert done.stdout.startswith("rf_")
    assert done.stdout.count("\n") == 1
