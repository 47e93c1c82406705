"""A worker as a process: hints, claims, leases, crashes, drains. Its executors do toy work; nothing else is made up."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.types.json import Jsonb

from rowferry.ids import uuid7
from rowferry.store import queue

TOY = Path(__file__).parent.parent / "toy_worker.py"
SECONDS = 30
COLUMNS = "id, status, attempt, crashes, worker, failure, finished_at"


class Workers:
    """Starts workers on a test's database, submits toy jobs, and waits for what becomes of them."""

    def __init__(self, database, admin, tenant) -> None:
        self.database = database
        self.admin = admin
        self.tenant = tenant
        self.listening = psycopg.connect(database.admin_url, autocommit=True)
        self.listening.execute("listen rowferry_jobs")

    @contextmanager
    def worker(self, **orders) -> Iterator[subprocess.Popen]:
        command = [sys.executable, str(TOY), self.database.admin_url, json.dumps(orders)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "worker ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

    def submit(self, do: str, hint: bool = True, **columns) -> str:
        job_id = uuid7()
        names = ["id", "tenant_id", "kind", "type", "steps", "params", *columns]
        values = [job_id, self.tenant.id, "toy", "task", ["work"], Jsonb({"do": do}), *columns.values()]
        marks = ", ".join(["%s"] * len(values))
        with self.admin.transaction():
            self.admin.execute("select set_config('rowferry.tenant', %s, true)", (str(self.tenant.id),))
            self.admin.execute(f"insert into jobs ({', '.join(names)}) values ({marks})", values)
            if hint:
                queue.hint_sync(self.admin)
        return job_id

    def job(self, job_id) -> dict:
        with self.admin.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(f"select {COLUMNS} from jobs where id = %s", (job_id,)).fetchone()

    def until(self, job_id, holds: Callable[[dict], bool]) -> dict:
        """Waits for changes of jobs until something holds of one."""
        job = self.job(job_id)
        while not holds(job):
            changes = list(self.listening.notifies(timeout=SECONDS, stop_after=1))
            assert changes, f"nothing has happened for {SECONDS} seconds; the job is {job}"
            job = self.job(job_id)
        return job

    def pid_of(self, job_id) -> int:
        """The executor that runs the job, as the list of workers says, once its attempt has begun."""
        begun = "select w.pid from workers w join jobs on jobs.id = w.job_id where w.job_id = %s and backend_pid is not null"
        while True:
            row = self.admin.execute(begun, (job_id,)).fetchone()
            if row is not None:
                return row[0]

    def events(self, job_id) -> list[tuple]:
        rows = self.admin.execute(
            "select seq, type, data ->> 'reason' from events where job_id = %s order by seq", (job_id,)
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def workers(database, admin, tenant) -> Iterator[Workers]:
    made = Workers(database, admin, tenant)
    yield made
    made.listening.close()


def running(job: dict) -> bool:
    return job["status"] == "running"


def ended(job: dict) -> bool:
    return job["finished_at"] is not None


def test_a_submitted_job_is_run_at_once(workers):
    with workers.worker():
        assert workers.until(workers.submit("end"), ended)["status"] == "succeeded"


def test_a_job_whose_hint_was_lost_is_found(workers):
    with workers.worker():
        job_id = workers.submit("end", hint=False)
        # No hint: only the clock finds it. The claim looks among tenants that wait, and the sweep finds those that were forgotten.
        assert workers.until(job_id, ended)["status"] == "succeeded"


def test_a_job_whose_executor_dies_goes_on_as_the_second_attempt(workers):
    with workers.worker():
        job = workers.until(workers.submit("die once"), ended)
    assert (job["status"], job["attempt"], job["crashes"]) == ("succeeded", 2, 1)
    assert ("requeued", "crashed") in {event[1:] for event in workers.events(job["id"])}


def test_a_job_that_kills_every_executor_ends_interrupted_and_the_others_go_on(workers):
    with workers.worker():
        poison = workers.submit("die", attempts_max=2)
        good = [workers.submit("end") for _ in range(5)]
        job = workers.until(poison, ended)
        assert {workers.until(one, ended)["status"] for one in good} == {"succeeded"}
    assert (job["status"], job["crashes"], job["failure"]["code"]) == ("interrupted", 2, "attempts-exhausted")


def test_an_exception_in_an_executor_is_a_crash_of_the_job_and_not_of_the_process(workers):
    with workers.worker(executors=1):
        first = workers.until(workers.submit("raise"), ended)
        assert (first["status"], first["attempt"], first["crashes"]) == ("succeeded", 2, 1)


@pytest.mark.parametrize("how", ["leave", "exit"])
def test_a_job_that_leaves_its_process_in_order_has_crashed_all_the_same(workers, how):
    with workers.worker(executors=1):
        job = workers.until(workers.submit(how), ended)
    assert (job["status"], job["attempt"], job["crashes"]) == ("succeeded", 2, 1)


def test_jobs_that_wait_for_their_tenant_s_turn_follow_each_other_without_the_clock(workers):
    workers.admin.execute("update tenants set running_max = 1")
    with workers.worker(executors=2, lease_seconds=60):
        jobs = [workers.submit("end") for _ in range(20)]
        for job in jobs:
            workers.until(job, ended)
    (longest,) = workers.admin.execute(
        "select max(started_at - before) from (select started_at, lag(finished_at) over (order by started_at) as before from jobs) j"
    ).fetchone()
    assert longest.total_seconds() < 0.5


def test_no_job_is_claimed_without_room_on_the_disk_and_all_are_when_there_is(workers, tmp_path):
    room = tmp_path / "room"
    room.write_text("999")
    with workers.worker(disk_floor_bytes=1000, room=str(room)):
        jobs = [workers.submit("end") for _ in range(6)]
        while workers.admin.execute("select count(*) from procrastinate_jobs").fetchone() != (0,):
            pass  # until every hint was taken
        assert {workers.job(job)["status"] for job in jobs} == {"queued"}
        room.write_text("1000")
        assert {workers.until(job, ended)["status"] for job in jobs} == {"succeeded"}


def test_a_frozen_executor_loses_its_job_and_is_killed(workers):
    with workers.worker(executors=2, lease_seconds=1):
        job_id = workers.submit("freeze once")
        frozen = psutil.Process(workers.pid_of(job_id))
        job = workers.until(job_id, ended)
        assert frozen.wait(SECONDS) is not None or not frozen.is_running()
    assert (job["status"], job["attempt"]) == ("succeeded", 2)


def test_a_job_without_progress_is_taken_from_its_executor(workers):
    with workers.worker(stall_seconds=1, lease_seconds=1):
        job = workers.until(workers.submit("hang once"), ended)
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    assert ("requeued", "stalled") in {event[1:] for event in workers.events(job["id"])}


def test_sigterm_hands_jobs_back_without_counting_a_crash_and_ends_with_0(workers):
    with workers.worker() as process:
        job_id = workers.submit("hang")
        workers.until(job_id, running)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    job = workers.job(job_id)
    assert (job["status"], job["crashes"], job["attempt"]) == ("queued", 0, 1)
    assert workers.admin.execute("select count(*) from workers").fetchone() == (0,)
    assert workers.admin.execute("select count(*) from procrastinate_jobs where status = 'doing'").fetchone() == (0,)


def test_a_worker_that_takes_the_place_of_a_killed_one_goes_on_with_its_jobs_before_the_lease_is_over(workers):
    with workers.worker(lease_seconds=3600) as process:
        job_id = workers.submit("hang once")
        executor = psutil.Process(workers.pid_of(job_id))
        process.kill()
        process.wait()
        psutil.wait_procs([executor], timeout=SECONDS)
        assert not executor.is_running() or executor.status() == psutil.STATUS_ZOMBIE
    with workers.worker(lease_seconds=3600):
        job = workers.until(job_id, ended)
    assert (job["status"], job["attempt"], job["crashes"]) == ("succeeded", 2, 1)
    assert ("requeued", "orphaned") in {event[1:] for event in workers.events(job_id)}


def test_a_job_of_a_dead_worker_is_taken_over_by_another_when_its_lease_is_over(workers):
    with workers.worker(lease_seconds=1) as first:
        job_id = workers.submit("hang once")
        workers.pid_of(job_id)
        with workers.worker(lease_seconds=1):
            first.kill()
            job = workers.until(job_id, ended)
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    assert ("requeued", "lease-over") in {event[1:] for event in workers.events(job_id)}


def test_two_workers_of_one_host_have_different_names(workers):
    with workers.worker(executors=2), workers.worker(executors=2):
        names = [row[0] for row in workers.admin.execute("select name from workers order by name")]
    assert len(set(names)) == 4


def test_a_backend_that_is_ended_costs_the_worker_no_job(workers):
    with workers.worker() as process:
        workers.until(workers.submit("end"), ended)
        workers.admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowferry_system' and datname = current_database()"
        )
        assert workers.until(workers.submit("end"), ended)["status"] == "succeeded"
        assert process.poll() is None


def test_events_get_their_overall_numbers(workers):
    with workers.worker():
        job = workers.until(workers.submit("end"), ended)
        while workers.admin.execute("select count(*) from events where overall is null").fetchone() != (0,):
            pass
    overall = [
        row[0]
        for row in workers.admin.execute("select overall from events where job_id = %s order by seq", (job["id"],))
    ]
    assert overall == sorted(overall)
