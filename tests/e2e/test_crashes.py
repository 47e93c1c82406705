"""A job in mid-load outlives what ends around it: `up`, the worker, the database, the drain."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from driving import Running, up
from faults import Faults, faults_at
from rowferry_client import Client

ROWS = 600
CHUNK = 100
SECONDS = 30
CSV = b"email,name\nana@example.org,Ana\n"
CONTENT = b"email,name\n" + b"".join(b"a%d@example.org,Ana %d\n" % (n, n) for n in range(ROWS))


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[Faults]:
    with faults_at(tmp_path / "s") as faults:
        yield faults


@pytest.fixture
def start(data_folders: Callable[[], Path], faults: Faults) -> Callable[..., object]:
    """Starts `up` on one folder, again and again."""
    data = data_folders()

    def start(**settings: object) -> object:
        given = {"points": faults.path, "lease_seconds": 2, "chunk_rows": CHUNK, "workers": 1} | settings
        return up(data, **given)

    return start


def child(server: Running, command: str) -> psutil.Process:
    for process in psutil.Process(server.process.pid).children():
        if command in process.cmdline():
            return process
    raise AssertionError(f"no child runs {command}")


def postmaster(server: Running) -> psutil.Process:
    with psycopg.connect(server.database_url) as connection:
        [row] = connection.execute("select pid from pg_stat_activity where backend_type = 'checkpointer'").fetchall()
    found = psutil.Process(row[0]).parent()
    assert found is not None
    return found


def signal_all(database: psutil.Process, number: signal.Signals) -> None:
    """The postmaster first: one that is stopped starts nobody more."""
    database.send_signal(number)
    for backend in database.children():
        with suppress(psutil.NoSuchProcess):
            backend.send_signal(number)


def ended(pid: int) -> None:
    """Waits until a process is gone, or a zombie that nobody has reaped yet."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            psutil.wait_procs([process], timeout=0.02)


def until_said(server: Running, event: str) -> None:
    """Waits until the log of a server that is about to end has an event."""
    while not any(event in line for line in list(server.log)):
        psutil.wait_procs([psutil.Process(server.process.pid)], timeout=0.02)


def held_in_mid_load(
    server: Running, faults: Faults, nth: int = 3, tenant: str = "acme"
) -> tuple[str, Callable[[], None], int]:
    """A job whose attempt waits inside its nth chunk: its id, how it is let go, and its executor."""
    before = len(faults.done)
    release = faults.hold_at("chunk.copied", nth)
    with server.client(tenant) as client:
        job_id = server.send(client, CONTENT)["id"]
    faults.wait_for_fault(before + 1)
    return job_id, release.set, faults.done[-1][2]


def assert_whole(server: Running, job_id: str, crashes: int) -> dict:
    """The job ends by itself with every row once, its books and its events in order, and so many crashes counted."""
    with server.client() as client:
        # While the database is away, questions hear 503; the client asks again.
        with Client(server.url, server.token(), retries=20) as patient:
            patient.jobs.wait(job_id, SECONDS)
        job = server.ended(client, job_id)
        assert (job["status"], job["ledger"]["created"], job["ledger"]["read"]) == ("succeeded", ROWS, ROWS), job
        assert len({row["email"] for row in server.rows(client)}) == len(server.rows(client)) == ROWS
    with psycopg.connect(server.database_url, options="-c search_path=rowferry") as connection:
        events = connection.execute("select seq, type from events where job_id = %s order by seq", [job_id]).fetchall()
        assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
        assert [type_ for _, type_ in events].count("finished") == 1
        assert events[-1][1] == "finished"
        chunks = connection.execute(
            "select first_row, rows from chunks where job_id = %s order by 1", [job_id]
        ).fetchall()
        assert chunks == [(first, CHUNK) for first in range(1, ROWS, CHUNK)]
        (counted,) = connection.execute("select crashes from jobs where id = %s", [job_id]).fetchone() or (None,)
        assert counted == crashes, connection.execute(
            "select seq, type, data from events where job_id = %s order by seq", [job_id]
        ).fetchall()
    return job


def test_a_job_goes_on_from_its_cursor_after_up_was_stopped_in_mid_load_and_started_again(start, faults) -> None:
    with start() as first:
        job_id, release, _ = held_in_mid_load(first, faults)
        first.process.send_signal(signal.SIGTERM)
        until_said(first, "worker.draining")
        release()
        assert first.stop() == 0
    with start() as second:
        job = assert_whole(second, job_id, crashes=0)
    assert job["attempt"]["number"] == 2


def test_a_chunk_that_outlasts_the_drain_is_cut_off_and_costs_the_job_no_attempt(start, faults) -> None:
    with start(drain_seconds=1) as first:
        job_id, release, executor = held_in_mid_load(first, faults)
        assert first.stop() == 0
        assert not psutil.pid_exists(executor) or psutil.Process(executor).status() == psutil.STATUS_ZOMBIE
        release()
    with start() as second:
        assert_whole(second, job_id, crashes=0)


def test_a_job_goes_on_after_up_was_killed_in_mid_load_and_started_again(start, faults) -> None:
    with start() as first:
        job_id, release, _ = held_in_mid_load(first, faults)
        first.process.kill()
        first.process.wait()
        release()
        with start() as second:
            assert_whole(second, job_id, crashes=1)


def test_a_job_goes_on_when_its_worker_is_killed_and_its_executor_is_not(start, faults) -> None:
    with start() as server:
        job_id, release, executor = held_in_mid_load(server, faults)
        child(server, "worker").kill()
        psutil.wait_procs([psutil.Process(executor)] if psutil.pid_exists(executor) else [], timeout=SECONDS)
        release()
        assert_whole(server, job_id, crashes=1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT, signal.SIGINT])
def test_a_job_goes_on_when_the_database_ends_in_mid_load(start, faults, how) -> None:
    with start() as server:
        job_id, release, _ = held_in_mid_load(server, faults)
        database = postmaster(server)
        database.send_signal(how)
        psutil.wait_procs([database], timeout=SECONDS)
        release()
        assert_whole(server, job_id, crashes=0)
        assert server.process.poll() is None


def test_an_outage_that_outlasts_the_lease_costs_no_job_an_attempt(start, faults) -> None:
    with start(lease_seconds=1) as server:
        job_id, release, executor = held_in_mid_load(server, faults)
        database = postmaster(server)
        signal_all(database, signal.SIGSTOP)
        ended(executor)  # the worker ended it, since it could renew nothing
        signal_all(database, signal.SIGCONT)
        release()
        assert_whole(server, job_id, crashes=0)


def test_a_backend_that_dies_costs_no_job_of_the_worker_an_attempt(start, faults) -> None:
    with start(workers=2) as server:
        first, release_first, _ = held_in_mid_load(server, faults)
        second, release_second, _ = held_in_mid_load(server, faults, tenant="other")
        with psycopg.connect(server.database_url, options="-c search_path=rowferry") as connection:
            [(pid,)] = connection.execute("select backend_pid from jobs where id = %s", [first]).fetchall()
        psutil.Process(pid).kill()
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=SECONDS)
        release_first()
        release_second()
        for job_id, tenant in ((first, "acme"), (second, "other")):
            with Client(server.url, server.token(tenant), retries=20) as patient:
                patient.jobs.wait(job_id, SECONDS)
        with psycopg.connect(server.database_url, options="-c search_path=rowferry") as connection:
            jobs = connection.execute("select status, crashes from jobs").fetchall()
        assert jobs == [("succeeded", 0)] * 2


def test_a_stopped_executor_of_a_killed_up_ends_when_it_runs_again_and_writes_nothing(start, faults) -> None:
    with start() as first:
        job_id, release, executor = held_in_mid_load(first, faults)
        stopped = psutil.Process(executor)
        stopped.suspend()
        first.process.kill()
        first.process.wait()
        release()
        with start() as second:
            job = assert_whole(second, job_id, crashes=1)
            with suppress(
                psutil.NoSuchProcess
            ):  # most systems wake and end a stopped process that lost its group's parent
                stopped.resume()
            ended(executor)
            with second.client() as client:
                assert second.ended(client, job_id)["ledger"] == job["ledger"]
                assert len(second.rows(client)) == ROWS


def test_a_backend_that_outlives_its_killed_postmaster_is_ended_before_a_new_one_starts(start, faults) -> None:
    with start() as server:
        job_id, release, _ = held_in_mid_load(server, faults)
        with closing(psycopg.connect(server.database_url, autocommit=True)) as busy:
            pid = busy.info.backend_pid
            busy.pgconn.send_query(b"select count(*) from generate_series(1, 100000000000) n")
            database = postmaster(server)
            database.kill()
            psutil.wait_procs([database], timeout=SECONDS)
            release()
            assert_whole(server, job_id, crashes=0)
            assert not psutil.pid_exists(pid)
