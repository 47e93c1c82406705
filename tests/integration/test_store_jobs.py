"""A job in the database: claimed, leased, taken back, fenced, ended."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from rowferry.domain import ledger
from rowferry.domain.faults import JobFault, NotAllowedNow, NotFound
from rowferry.domain.job import TERMINAL, TRANSITIONS, Fence, Job, JobId, Move, RowNumber, Status
from rowferry.domain.ledger import Ledger, Outcome
from rowferry.ids import uuid7
from rowferry.store import artifacts, attempts, catalog, chunks, jobs, queue
from rowferry.store import events as stored_events
from rowferry.store.attempts import Advance, Finish, LedgerBroken
from rowferry.store.chunks import Fenced, Settled
from rowferry.store.database import (
    AsyncConnection,
    Connection,
    Database,
    Role,
    connect,
    pool,
    tenant_transaction,
    transaction,
)
from rowferry.store.fence import FenceLost, Wishes
from tenants import Tenant

Submit = Callable[..., Job]
Asking = Callable[[AsyncConnection, JobId], Awaitable[Job]]


def claimed(system: Connection, lease: float = 60) -> Job:
    job = jobs.claim(system, "host/1", lease)
    assert job is not None
    return job


def settle(loader: Connection, job: Job, outcomes: bytes, cursor: int = 0) -> Wishes:
    counts = ledger.from_outcomes(outcomes)
    fenced = Fenced(job.id, Fence(job.attempt.number), RowNumber(cursor), RowNumber(cursor + len(outcomes)), counts)
    with transaction(loader, job.tenant, job.id):
        return chunks.settle(loader, Settled(job.id, cursor + 1, outcomes), fenced)


def advance(loader: Connection, job: Job, step: str, **more: object) -> Wishes:
    with transaction(loader, None):
        return attempts.advance(loader, job.tenant, Advance(job.id, Fence(job.attempt.number), step, **more))


def finish(loader: Connection, job: Job, move: Move, failure: JobFault | None = None) -> Job:
    with transaction(loader, job.tenant, job.id):
        attempts.finish(loader, job.tenant, Finish(job.id, Fence(job.attempt.number), move, failure))
        ended = jobs.get_sync(loader, job.id)
    assert ended is not None
    return ended


def register(loader: Connection, job: Job) -> bool:
    fence, pid = Fence(job.attempt.number), loader.info.backend_pid
    with transaction(loader, None):
        return attempts.register_backend(loader, job.tenant, job.id, fence, pid) is not None


def seen(admin: Connection, job: Job) -> Job:
    admin.execute("select set_config('rowferry.tenant', %s, false)", (str(job.tenant),))
    found = jobs.get_sync(admin, job.id)
    assert found is not None
    return found


def events(admin: Connection, job: Job) -> list[tuple[int, str]]:
    return admin.execute("select seq, type from events where job_id = %s order by seq", (job.id,)).fetchall()


def lapse(admin: Connection, job: Job) -> None:
    admin.execute("update jobs set lease_expires_at = now() - interval '1 s' where id = %s", (job.id,))


# Submit and claim -----------------------------------------------------------------------------------------------------


def test_a_submitted_job_its_event_its_tenants_place_and_its_hint_commit_together(
    database: Database, admin: Connection, tenant: Tenant
) -> None:
    new = jobs.NewJob(id=JobId(uuid7()), kind="customers", type="import", steps=["load"])

    def stored() -> tuple[int, ...]:
        tables = ("jobs", "events", "waiting", "queue.procrastinate_jobs")
        return tuple(admin.execute(f"select count(*) from {table}").fetchone()[0] for table in tables)

    with connect(database, Role.APP) as app:
        with transaction(app, tenant.id):
            jobs.insert_sync(app, new)
            queue.hint_sync(app)
            raise psycopg.Rollback
        assert stored() == (0, 0, 0, 0)
        with transaction(app, tenant.id):
            jobs.insert_sync(app, new)
            queue.hint_sync(app)
    assert stored() == (1, 1, 1, 1)


def test_a_claim_takes_the_highest_priority_then_the_oldest(system: Connection, submit: Submit, tenant: Tenant) -> None:
    old, new, urgent = submit(tenant), submit(tenant), submit(tenant, priority=5)
    assert [claimed(system).id for _ in range(3)] == [urgent.id, old.id, new.id]
    assert jobs.claim(system, "host/1", 60) is None


def test_a_claim_goes_to_the_tenant_with_fewest_running_jobs(
    system: Connection, submit: Submit, tenants: Callable[[str], Tenant]
) -> None:
    busy, small = tenants("busy"), tenants("small")
    for _ in range(5):
        submit(busy)
    claimed(system)
    submit(small)
    assert claimed(system).tenant == small.id


def test_a_tenant_has_no_more_jobs_running_than_it_may(
    admin: Connection, database: Database, submit: Submit, tenant: Tenant
) -> None:
    admin.execute("update tenants set running_max = 2")
    for _ in range(10):
        submit(tenant)

    def claim_one(_: int) -> Job | None:
        with connect(database, Role.SYSTEM, autocommit=True) as connection:
            return jobs.claim(connection, "host/1", 60)

    with ThreadPoolExecutor(6) as threads:
        taken = [job for job in threads.map(claim_one, range(6)) if job]
    assert len(taken) == 2


def test_many_claims_at_once_take_each_job_once(
    database: Database, submit: Submit, tenants: Callable[[str], Tenant]
) -> None:
    sent = {submit(tenant).id for tenant in (tenants("a"), tenants("b")) for _ in range(10)}

    def claim_all(_: int) -> list[JobId]:
        with connect(database, Role.SYSTEM, autocommit=True) as connection:
            return [job.id for job in iter(lambda: jobs.claim(connection, "host/1", 60), None)]

    with ThreadPoolExecutor(4) as threads:
        taken = [job_id for ids in threads.map(claim_all, range(4)) for job_id in ids]
    assert sorted(taken) == sorted(sent)


def test_a_job_that_waits_for_its_time_is_not_claimed_and_not_forgotten(
    admin: Connection, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    job = submit(tenant)
    admin.execute("update jobs set run_at = now() + interval '1 hour'")
    assert jobs.claim(system, "host/1", 60) is None
    admin.execute("update jobs set run_at = now()")
    assert claimed(system).id == job.id


# Leases and takeovers -------------------------------------------------------------------------------------------------


def test_a_renewal_gives_back_those_that_are_still_held_and_whether_they_overhear_a_cancel(
    admin: Connection, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant), submit(tenant), submit(tenant)
    first, second, third = claimed(system), claimed(system), claimed(system)
    admin.execute("update jobs set cancel_requested_at = now() - interval '11 s' where id <> %s", (first.id,))
    admin.execute("update jobs set progress_at = now() - interval '12 s' where id = %s", (second.id,))
    before = seen(admin, first).attempt.lease_expires_at
    held = [(first.id, Fence(1)), (second.id, Fence(1)), (second.id, Fence(7)), (third.id, Fence(1))]
    assert dict(jobs.renew(system, held, 120, 10)) == {first.id: False, second.id: True, third.id: False}
    assert not dict(jobs.renew(system, held, 120, 15))[second.id]
    after = seen(admin, first)
    assert after.attempt.lease_expires_at > before
    assert after.version == first.version


def test_a_job_whose_lease_runs_is_left_alone(system: Connection, submit: Submit, tenant: Tenant) -> None:
    submit(tenant)
    claimed(system)
    assert jobs.take_back(system, None, "lease-over", counted=True) == []


def test_a_lost_job_goes_back_into_the_queue_and_on_from_its_cursor(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    settle(loader, job, bytes([1] * 10))
    lapse(admin, job)
    (back,) = jobs.take_back(system, None, "lease-over", counted=True)
    assert (back.status, back.cursor, back.attempt.number) == (Status.QUEUED, 10, 1)
    again = claimed(system)
    assert (again.id, again.attempt.number, again.cursor) == (job.id, 2, 10)
    assert events(admin, job) == [(1, "submitted"), (2, "claimed"), (3, "requeued"), (4, "claimed")]


def test_what_a_superseded_attempt_writes_is_refused_whole(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    old = claimed(system)
    jobs.take_back(system, [(old.id, Fence(1))], "crashed", counted=True)
    new = claimed(system)
    for write in (
        lambda: settle(loader, old, bytes([1] * 10)),
        lambda: advance(loader, old, "load"),
        lambda: finish(loader, old, Move.SUCCEED),
    ):
        with pytest.raises(FenceLost):
            write()
    assert not register(loader, old)
    assert admin.execute("select count(*) from chunks").fetchone() == (0,)
    assert seen(admin, old).version == new.version
    settle(loader, new, bytes([1] * 3))


def test_rows_that_another_attempt_settled_are_not_settled_again(
    system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    settle(loader, job, bytes([1] * 10))
    with pytest.raises(FenceLost):
        settle(loader, job, bytes([1] * 10))
    with pytest.raises(FenceLost):
        settle(loader, job, bytes([1] * 10), cursor=20)


FROZEN = """
import sys
from rowferry.domain.ledger import Ledger
from rowferry.store import attempts, chunks
from rowferry.store.database import Database, Role, connect, transaction
from uuid import UUID
url, job, tenant, moment = sys.argv[1:]
with connect(Database(url), Role.LOADER) as connection:
    with transaction(connection, None):
        assert attempts.register_backend(connection, int(tenant), UUID(job), 1, connection.info.backend_pid)
    with transaction(connection, int(tenant), UUID(job)):
        if moment == "copying":
            with connection.cursor() as cursor, cursor.copy("copy row_issues (job_id, row, ordinal, line, code, outcome) from stdin") as copy:
                copy.write_row((job, 1, 1, 1, "required", "failed"))
                print("ready", flush=True)
                sys.stdin.readline()
        chunks.settle(connection, chunks.Settled(UUID(job), 1, bytes([1])), chunks.Fenced(UUID(job), 1, 0, 1, Ledger(1, 1)))
        print("ready", flush=True)
        sys.stdin.readline()
"""


@pytest.mark.parametrize("moment", ["copying", "before its commit"])
def test_a_frozen_attempt_loses_its_backend_and_its_job(
    database: Database, admin: Connection, system: Connection, submit: Submit, tenant: Tenant, moment: str
) -> None:
    submit(tenant)
    job = claimed(system, lease=0.1)
    command = [sys.executable, "-c", FROZEN, database.admin_url, str(job.id), str(tenant.id), moment]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as frozen:
        assert frozen.stdout.readline() == "ready\n"
        frozen.send_signal(signal.SIGSTOP)
        (back,) = jobs.take_back(system, None, "lease-over", counted=True)
        assert (back.status, back.cursor) == (Status.QUEUED, 0)
        frozen.send_signal(signal.SIGCONT)
        _, errors = frozen.communicate("\n", timeout=60)
    assert frozen.returncode != 0
    assert "AdminShutdown" in errors or "OperationalError" in errors
    assert admin.execute("select count(*) from chunks").fetchone() == (0,)
    assert claimed(system).attempt.number == 2


def test_a_job_that_loses_each_worker_ends_as_interrupted_with_its_books_closed(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant, attempts_max=2)
    job = claimed(system)
    advance(loader, job, "load", rows_total=25)
    settle(loader, job, bytes([Outcome.CREATED] * 7 + [Outcome.FAILED] * 3))
    jobs.take_back(system, [(job.id, Fence(1))], "crashed", counted=True)
    claimed(system)
    (ended,) = jobs.take_back(system, [(job.id, Fence(2))], "crashed", counted=True)
    assert ended.status is Status.INTERRUPTED
    assert ended.ledger == Ledger(read=25, created=7, failed=3, not_attempted=15)
    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.retryable) == ("attempts-exhausted", True)
    assert events(admin, job)[-1][1] == "interrupted"
    assert jobs.claim(system, "host/1", 60) is None


def test_a_worker_that_drains_costs_the_job_no_attempt(system: Connection, submit: Submit, tenant: Tenant) -> None:
    submit(tenant, attempts_max=1)
    for number in (1, 2, 3):
        job = claimed(system)
        assert job.attempt.number == number
        (back,) = jobs.take_back(system, [(job.id, Fence(number))], "drained", counted=False)
        assert back.status is Status.QUEUED


def test_the_first_crash_is_repeated_at_once_and_later_ones_wait(
    admin: Connection, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant, attempts_max=9)
    waits = []
    for number in (1, 2, 3):
        job = claimed(system)
        jobs.take_back(system, [(job.id, Fence(number))], "crashed", counted=True)
        row = admin.execute(
            "update jobs set run_at = now() from (select run_at - now() as wait from jobs) w returning wait"
        ).fetchone()
        waits.append(row[0])
    assert waits[0] <= timedelta(0)
    assert timedelta(seconds=0.4) < waits[1] < timedelta(seconds=1.6)
    assert timedelta(seconds=0.9) < waits[2] < timedelta(seconds=3.1)


def test_only_the_named_attempt_is_taken_back(system: Connection, submit: Submit, tenant: Tenant) -> None:
    submit(tenant)
    job = claimed(system)
    assert jobs.take_back(system, [(job.id, Fence(9))], "crashed", counted=True) == []
    assert jobs.take_back(system, [], "crashed", counted=True) == []
    assert len(jobs.take_back(system, [(job.id, Fence(1))], "crashed", counted=True)) == 1


# Steps, chunks and the end --------------------------------------------------------------------------------------------


def test_steps_never_go_back_and_each_has_one_event(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    advance(loader, job, "inspect", source={"encoding": "utf-8"})
    advance(loader, job, "load", rows_total=10, rows_read=4, checkpoint={"pass": 1})
    advance(loader, job, "load", rows_read=2)
    advance(loader, job, "map")
    now = seen(admin, job)
    assert (now.steps_completed, now.current_step, now.rows_total, now.ledger.read) == (5, "load", 10, 4)
    assert now.source == {"encoding": "utf-8"}
    assert now.checkpoint == {"pass": 1}
    assert now.load_started_at is not None
    assert [kind for _, kind in events(admin, job)] == ["submitted", "claimed", "step", "step"]


def test_a_step_that_the_job_does_not_have_is_a_bug(
    system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    with pytest.raises(psycopg.errors.RaiseException, match="no step dance"):
        advance(loader, job, "dance")


def test_a_chunk_moves_cursor_counts_and_version(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    assert settle(loader, job, bytes([1, 2, 3, 4, 5])) == Wishes(cancel=False, pause=False)
    settle(loader, job, bytes([1, 1]), cursor=5)
    now = seen(admin, job)
    assert now.cursor == 7
    assert now.ledger == Ledger(read=7, created=3, updated=1, unchanged=1, skipped=1, failed=1)
    assert now.version == job.version + 2


def test_a_job_that_ends_has_every_row_in_one_outcome(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    advance(loader, job, "load", rows_total=12)
    settle(loader, job, bytes([1] * 8))
    ended = finish(loader, job, Move.FAIL, JobFault("storage-full", "Full.", {"path": "/x"}, retryable=True))
    assert ended.status is Status.FAILED
    assert ended.finished_at is not None
    assert ended.ledger == Ledger(read=12, created=8, not_attempted=4)
    assert ended.failure == JobFault("storage-full", "Full.", {"path": "/x"}, retryable=True)
    assert events(admin, job)[-1][1] == "finished"


def test_a_job_whose_rows_are_in_has_all_its_steps_behind_it(
    system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    settle(loader, job, bytes([1, 2, 3]))
    ended = finish(loader, job, Move.SUCCEED)
    assert (ended.status, ended.steps_completed, ended.current_step) == (Status.SUCCEEDED, 8, None)


def test_a_job_with_a_failed_row_cannot_end_as_succeeded(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    settle(loader, job, bytes([1, 5]))
    with pytest.raises(LedgerBroken, match="succeeded_clean"):
        finish(loader, job, Move.SUCCEED)
    assert seen(admin, job).status is Status.RUNNING
    assert finish(loader, job, Move.END_PARTIAL).status is Status.PARTIAL


@pytest.mark.parametrize(
    "damage",
    [
        "update jobs set created = created + 1, updated = updated - 1",
        "update chunks set outcomes = '\\x789c4b04000062006200'",
        "delete from chunks",
    ],
)
def test_a_job_whose_chunks_say_otherwise_cannot_end(
    admin: Connection, system: Connection, loader: Connection, submit: Submit, tenant: Tenant, damage: str
) -> None:
    submit(tenant)
    job = claimed(system)
    settle(loader, job, bytes([1, 2]))
    admin.execute(damage)
    new = artifacts.NewArtifact(uuid7(), "output", "a.csv", "text/csv", 3, "abc", "artifacts/x")
    ending = Finish(job.id, Fence(job.attempt.number), Move.SUCCEED, artifacts=[new])
    with pytest.raises((LedgerBroken, ValueError)), transaction(loader, None):
        attempts.finish(loader, job.tenant, ending)
    assert seen(admin, job).status is Status.RUNNING
    assert admin.execute("select count(*) from artifacts").fetchone() == (0,)


# Every pair of status and move ----------------------------------------------------------------------------------------


class Ways:
    """How each move is made in the database; True where it took effect."""

    def __init__(self, database: Database, job: Job) -> None:
        self._database = database
        self._job = job

    def take(self, move: Move) -> bool:
        match move:
            case Move.CLAIM:
                with connect(self._database, Role.SYSTEM, autocommit=True) as system:
                    return jobs.claim(system, "host/1", 60) is not None
            case Move.HAND_BACK | Move.GIVE_UP:
                with connect(self._database, Role.SYSTEM, autocommit=True) as system:
                    held = [(self._job.id, Fence(self._job.attempt.number))]
                    return jobs.take_back(system, held, "x", counted=move is Move.GIVE_UP) != []
            case Move.CANCEL:
                return self._ask(jobs.request_cancel, move)
            case Move.PAUSE:
                return self._ask(jobs.request_pause, move)
            case Move.RESUME:
                return self._ask(jobs.resume, move)
            case _:
                return self._finish(move)

    def _finish(self, move: Move) -> bool:
        try:
            with connect(self._database, Role.LOADER) as loader:
                finish(loader, self._job, move)
        except FenceLost:
            return False
        return True

    def _ask(self, asking: Asking, move: Move) -> bool:
        """A wish; one that a running attempt is to heed is heeded at once."""

        async def ask() -> Job:
            async with (
                pool(self._database, Role.APP, size=1) as one,
                tenant_transaction(one, self._job.tenant) as connection,
            ):
                return await asking(connection, self._job.id)

        try:
            wished = asyncio.run(ask())
        except NotAllowedNow:
            return False
        if wished.status is Status.RUNNING and move is not Move.RESUME:
            return self._finish(move)
        return wished.version != self._job.version


@pytest.mark.parametrize("move", [move for move in Move if move is not Move.APPROVE])
@pytest.mark.parametrize("status", list(Status))
def test_the_database_moves_a_job_as_the_table_of_transitions_says(
    database: Database, admin: Connection, submit: Submit, tenant: Tenant, status: Status, move: Move
) -> None:
    sent = submit(tenant, attempts_max=1)
    admin.execute(
        "update jobs set attempt = 1, status = %(s)s, finished_at = case when %(terminal)s then now() end,"
        " lease_expires_at = case when %(s)s = 'running' then now() + interval '1 min' end",
        {"s": status.value, "terminal": status in TERMINAL},
    )
    job = seen(admin, sent)
    assert Ways(database, job).take(move) is ((status, move) in TRANSITIONS)
    assert seen(admin, job).status is TRANSITIONS.get((status, move), status)
    numbers = [seq for seq, _ in events(admin, job)]
    assert numbers == list(range(1, len(numbers) + 1))


# Asking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_cancel_of_a_queued_job_is_at_once_and_one_of_a_running_job_is_a_wish(
    database: Database, system: Connection, loader: Connection, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    running = submit(tenant)
    claimed(system)
    waiting = submit(tenant)
    async with pool(database, Role.APP, size=1) as one, tenant_transaction(one, tenant.id) as connection:
        cancelled = await jobs.request_cancel(connection, waiting.id)
        wished = await jobs.request_cancel(connection, running.id)
        again = await jobs.request_cancel(connection, running.id)
        assert await jobs.request_cancel(connection, waiting.id) == cancelled
        with pytest.raises(NotFound):
            await jobs.request_cancel(connection, JobId(uuid7()))
    assert cancelled.status is Status.CANCELLED
    assert (wished.status, wished.version) == (Status.RUNNING, again.version)
    assert wished.cancel_requested_at is not None
    job = seen(admin, running)
    assert settle(loader, job, bytes([1])).cancel
    assert finish(loader, job, Move.CANCEL).status is Status.CANCELLED
    assert [kind for _, kind in events(admin, running)] == ["submitted", "claimed", "cancel_requested", "finished"]


async def asked(database: Database, asking: Asking, job: Job) -> Job:
    """The job after a wish, with the hint that a wish to go on needs."""
    async with pool(database, Role.APP, size=1) as one, tenant_transaction(one, job.tenant) as connection:
        told = await asking(connection, job.id)
        if told.status is Status.QUEUED:
            await queue.hint(connection)
        return told


@pytest.mark.anyio
async def test_a_queued_job_that_is_paused_is_not_claimed_until_it_is_resumed(
    database: Database, system: Connection, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    waiting = submit(tenant)
    paused = await asked(database, jobs.request_pause, waiting)
    assert paused.status is Status.PAUSED
    assert await asked(database, jobs.request_pause, waiting) == paused
    assert jobs.claim(system, "host/1", 60) is None
    assert admin.execute("select count(*) from waiting").fetchone() == (0,)
    resumed = await asked(database, jobs.resume, waiting)
    assert (resumed.status, resumed.pause_requested_at) == (Status.QUEUED, None)
    assert (await asked(database, jobs.resume, waiting)).version == resumed.version
    assert claimed(system).id == waiting.id
    assert [kind for _, kind in events(admin, waiting)] == ["submitted", "paused", "resumed", "claimed"]


@pytest.mark.anyio
async def test_a_running_job_is_asked_to_rest_and_goes_on_behind_what_it_settled(
    database: Database, system: Connection, loader: Connection, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    wished = await asked(database, jobs.request_pause, job)
    assert (wished.status, wished.pause_requested_at is not None) == (Status.RUNNING, True)
    assert (await asked(database, jobs.request_pause, job)).version == wished.version
    assert settle(loader, job, bytes([1, 5])).pause
    rests = finish(loader, job, Move.PAUSE)
    assert (rests.status, rests.cursor, rests.finished_at, rests.pause_requested_at) == (Status.PAUSED, 2, None, None)
    assert rests.attempt.lease_expires_at is None
    await asked(database, jobs.resume, job)
    again = claimed(system)
    assert (again.id, again.attempt.number, again.cursor) == (job.id, 2, 2)
    settle(loader, again, bytes([1]), cursor=2)
    assert finish(loader, again, Move.END_PARTIAL).ledger == Ledger(read=3, created=2, failed=1)
    told = ["submitted", "claimed", "pause_requested", "paused", "resumed", "claimed", "finished"]
    assert [kind for _, kind in events(admin, job)] == told


@pytest.mark.anyio
async def test_a_wish_to_rest_that_is_taken_back_is_heeded_by_no_attempt(
    database: Database, system: Connection, loader: Connection, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    await asked(database, jobs.request_pause, job)
    assert (await asked(database, jobs.resume, job)).pause_requested_at is None
    assert not settle(loader, job, bytes([1])).pause
    await asked(database, jobs.request_pause, job)
    jobs.take_back(system, [(job.id, Fence(1))], "crashed", counted=True)
    assert seen(admin, job).pause_requested_at is not None
    assert (await asked(database, jobs.resume, job)).pause_requested_at is None


@pytest.mark.anyio
async def test_an_interrupted_job_that_is_resumed_has_its_books_open_and_attempts_anew(
    database: Database, system: Connection, loader: Connection, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant, attempts_max=2)
    job = claimed(system)
    advance(loader, job, "load", rows_total=10, rows_read=6)
    settle(loader, job, bytes([1, 1, 5, 6]))
    admin.execute("update jobs set crashes = 1, cancel_requested_at = now() where id = %s", (job.id,))
    (lost,) = jobs.take_back(system, [(job.id, Fence(1))], "crashed", counted=True)
    assert (lost.status, lost.ledger.not_attempted) == (Status.INTERRUPTED, 7)
    resumed = await asked(database, jobs.resume, job)
    assert resumed.ledger == Ledger(read=4, created=2, failed=1, not_attempted=1)
    assert (resumed.finished_at, resumed.failure, resumed.cancel_requested_at) == (None, None, None)
    again = claimed(system)
    (back,) = jobs.take_back(system, [(job.id, Fence(2))], "crashed", counted=True)
    assert (again.cursor, back.status) == (4, Status.QUEUED)
    last = claimed(system)
    settle(loader, last, bytes([1] * 6), cursor=4)
    assert finish(loader, last, Move.END_PARTIAL).ledger == Ledger(read=10, created=8, failed=1, not_attempted=1)


@pytest.mark.anyio
async def test_a_paused_job_that_is_cancelled_has_its_books_closed(
    database: Database, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    advance(loader, job, "load", rows_total=10)
    settle(loader, job, bytes([1, 5]))
    finish(loader, job, Move.PAUSE)
    ended = await asked(database, jobs.request_cancel, job)
    assert ended.status is Status.CANCELLED
    assert ended.ledger == Ledger(read=10, created=1, failed=1, not_attempted=8)


@pytest.mark.anyio
async def test_a_job_that_is_to_be_cancelled_does_not_rest(
    database: Database, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    await asked(database, jobs.request_cancel, job)
    with pytest.raises(NotAllowedNow):
        await asked(database, jobs.request_pause, job)
    jobs.take_back(system, [(job.id, Fence(1))], "crashed", counted=True)
    with pytest.raises(NotAllowedNow):
        await asked(database, jobs.request_pause, job)


@pytest.mark.anyio
async def test_of_a_cancel_and_an_end_at_once_one_wins(
    database: Database, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    async with pool(database, Role.APP, size=2) as two:
        for _ in range(20):
            submit(tenant)
            job = claimed(system)

            async def cancel(job: Job = job) -> bool:
                try:
                    async with tenant_transaction(two, tenant.id) as connection:
                        await jobs.request_cancel(connection, job.id)
                except NotAllowedNow:
                    return False
                return True

            def end(job: Job = job) -> Job:
                with connect(database, Role.LOADER) as loader:
                    return finish(loader, job, Move.SUCCEED)

            wished, ended = await asyncio.gather(cancel(), asyncio.to_thread(end))
            assert ended.status is Status.SUCCEEDED
            assert wished is (ended.cancel_requested_at is not None)


@pytest.mark.anyio
async def test_twenty_requests_with_one_key_at_once_make_one_job(
    database: Database, admin: Connection, tenant: Tenant
) -> None:
    async with pool(database, Role.APP, size=20) as many:

        async def send() -> JobId:
            new = jobs.NewJob(id=JobId(uuid7()), kind="customers", type="import", steps=["load"])
            async with tenant_transaction(many, tenant.id) as connection:
                before = await catalog.remember_key(connection, catalog.Remembered("key", b"print", new.id), 60)
                if before is not None:
                    return before.job_id
                await jobs.insert(connection, new)
                await queue.hint(connection)
            return new.id

        made = await asyncio.gather(*(send() for _ in range(20)))
    assert len(set(made)) == 1
    assert admin.execute("select count(*) from jobs").fetchone() == (1,)
    assert admin.execute("select count(*) from queue.procrastinate_jobs").fetchone() == (1,)


@pytest.mark.anyio
async def test_the_history_is_found_by_each_condition(
    database: Database, admin: Connection, system: Connection, submit: Submit, tenant: Tenant
) -> None:
    first = submit(tenant, kind="customers", source={"file_name": "Märkte_100%.csv", "sha256": "aa"})
    second = submit(tenant, kind="entity", source={"file_name": "b.csv", "sha256": "bb"}, metadata={"run": "7"})
    third = submit(tenant, kind="entity", created_by=None, source={"sha256": "bb"})
    claimed(system)
    query = jobs.JobQuery
    cases = [
        (query(), [third, second, first]),
        (query(size=1), [third]),
        (query(before=third.number), [second, first]),
        (query(statuses=[Status.QUEUED]), [third, second]),
        (query(statuses=[Status.QUEUED, Status.RUNNING]), [third, second, first]),
        (query(kinds=["entity"]), [third, second]),
        (query(kinds=["entity", "customers"], statuses=[Status.RUNNING]), [first]),
        (query(kinds=["entity"], before=third.number), [second]),
        (query(creator="ana"), [second, first]),
        (query(creator=int(tenant.user)), [second, first]),
        (query(creator="nobody"), []),
        (query(text="märkte_100%"), [first]),
        (query(text="0%"), [first]),
        (query(text="%"), [first]),
        (query(text="entit"), [third, second]),
        (query(text=str(second.number)), [second]),
        (query(text=str(third.id)[:34]), [third]),
        (query(created_from=second.created_at), [third, second]),
        (query(created_to=second.created_at), [first]),
    ]
    async with pool(database, Role.APP, size=1) as one, tenant_transaction(one, tenant.id) as connection:
        for asked, expected in cases:
            found = await jobs.page(connection, asked)
            assert [job.id for job in found] == [job.id for job in expected], asked
        assert await jobs.queued(connection, 10) == 2
        assert await jobs.queued(connection, 1) == 1
        assert (first.same_file_as, second.same_file_as, third.same_file_as) == (None, None, second.id)
        assert await jobs.version_of(connection, first.id) == (2, False)
        assert await jobs.version_of(connection, JobId(uuid7())) is None
        assert (await jobs.get(connection, second.id)).metadata == {"run": "7"}


@pytest.mark.anyio
async def test_artifacts_and_events_are_read_back(
    database: Database, system: Connection, loader: Connection, submit: Submit, tenant: Tenant
) -> None:
    submit(tenant)
    job = claimed(system)
    new = artifacts.NewArtifact(uuid7(), "errors", "a.errors.csv", "text/csv", 3, "abc", "artifacts/x")
    with transaction(loader, None):
        attempts.finish(loader, job.tenant, Finish(job.id, Fence(job.attempt.number), Move.SUCCEED, artifacts=[new]))
    async with pool(database, Role.APP, size=1) as one, tenant_transaction(one, tenant.id) as connection:
        (listed,) = await artifacts.of_job(connection, job.id)
        assert await artifacts.get(connection, job.id, new.id) == listed
        assert (listed.id, listed.name, listed.blob) == (new.id, "a.errors.csv", "artifacts/x")
        assert await artifacts.get(connection, job.id, uuid7()) is None
        assert [event.type for event in await stored_events.of_job(connection, job.id, 1, 10)] == [
            "claimed",
            "finished",
        ]


def test_events_get_overall_numbers_without_a_gap_whoever_numbers_them(
    database: Database, admin: Connection, submit: Submit, tenant: Tenant
) -> None:
    for _ in range(30):
        submit(tenant)

    def number(_: int) -> None:
        with connect(database, Role.SYSTEM, autocommit=True) as connection:
            connection.execute("select number_events()")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(number, range(8)))
    number(0)
    assert admin.execute("select array_agg(overall order by overall) from events").fetchone() == (list(range(1, 31)),)
