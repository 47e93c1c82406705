"""Who waits for a job hears of its change from the database itself."""

import asyncio
from functools import partial

import pytest

from rowferry.domain.access import Principal
from rowferry.domain.job import JobId
from rowferry.ids import uuid7
from rowferry.points import Points
from rowferry.service import CHANNEL, Doors, Limits, Services, bundle
from rowferry.service.changes import Changes
from rowferry.store import database as store
from rowferry.store.blobs import open_blobs
from rowferry.store.database import Role

pytestmark = pytest.mark.anyio
SECONDS = 20


def _unused(*_: object):
    raise AssertionError("no kind is touched here")


@pytest.fixture
def services(database, tmp_path) -> Services:
    doors = Doors({}, frozenset(), _unused, _unused, _unused, _unused, _unused, _unused, {}, {})
    return bundle(database, open_blobs(tmp_path), doors, Limits(), Points(None), uuid7)


@pytest.fixture
def job(admin, tenant) -> JobId:
    job_id = uuid7()
    admin.execute(
        "insert into jobs (id, tenant_id, kind, type, steps) values (%s, %s, 'customers', 'import', '{receive}')",
        (job_id, tenant.id),
    )
    return JobId(job_id)


async def until_listening(admin) -> None:
    sql = "select count(*) from pg_stat_activity where datname = current_database() and lower(query) like 'listen%%'"
    while not (await asyncio.to_thread(admin.execute, sql)).fetchone()[0]:
        pass


def change(admin, job: JobId) -> None:
    admin.execute("update jobs set version = version + 1 where id = %s", (job,))


async def test_a_change_is_announced_to_whoever_waits_for_that_job(database, admin, job) -> None:
    changes = Changes(partial(store.listen, database, Role.APP, CHANNEL))
    async with changes.listening():
        await until_listening(admin)
        async with changes.of(job) as mine, changes.of(JobId(uuid7())) as another:
            await asyncio.to_thread(change, admin, job)
            await asyncio.wait_for(mine.wait(), SECONDS)
            assert not another.is_set()


async def test_listening_goes_on_after_its_connection_broke(database, admin, job) -> None:
    changes = Changes(partial(store.listen, database, Role.APP, CHANNEL))
    async with changes.listening():
        await until_listening(admin)
        kill = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and lower(query) like 'listen%%'"
        await asyncio.to_thread(admin.execute, kill)
        await until_listening(admin)
        async with changes.of(job) as mine:
            await asyncio.to_thread(change, admin, job)
            await asyncio.wait_for(mine.wait(), SECONDS)


async def test_a_wait_ends_with_a_change_even_where_nothing_is_announced(services, admin, tenant, job) -> None:
    principal = Principal(tenant.id, tenant.slug, tenant.user, "ana", "-", frozenset({"jobs:read"}))
    for pool in (services.transactions.reads, services.transactions.writes):
        await pool.open()
    try:
        waiting = asyncio.create_task(services.jobs.wait(principal, job, 1, 60))
        await asyncio.to_thread(change, admin, job)
        assert await asyncio.wait_for(waiting, SECONDS) == (2, False)
    finally:
        await services.transactions.reads.close()
        await services.transactions.writes.close()
