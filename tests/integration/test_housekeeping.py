"""A pass of housekeeping: what nobody can ask for any more goes, all else stays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rowferry.domain.job import Job
from rowferry.ids import uuid7
from rowferry.store.blobs import UNFINISHED, BlobMissing, Blobs, FolderBlobs, open_blobs
from rowferry.store.database import Connection, Database, Role, connect, transaction
from rowferry.store.upkeep import take_housekeeping
from rowferry.worker.housekeeping import Tidied, tidy

OLD, YOUNG = 0, 3600
"""How old a blob must be, so that those of a test are old enough, or not."""
CLEAN = Tidied(0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(params=["folder", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs" if request.param == "folder" else "memory:///")


def named(app: Connection, job: Job, blob: str, days: int | None = None) -> None:
    with transaction(app, job.tenant):
        app.execute(
            "insert into artifacts (id, job_id, category, name, media_type, bytes, sha256, blob, expires_at)"
            " values (%s, %s, 'input', 'a', 'text/csv', 1, '', %s, now() + make_interval(days => %s))",
            (uuid7(), job.id, blob, days),
        )


def end(system: Connection, *ended: Job) -> None:
    ids = [job.id for job in ended]
    system.execute("update jobs set status = 'cancelled', finished_at = now() where id = any(%s)", (ids,))
    system.commit()


def is_there(store: Blobs, key: str) -> bool:
    try:
        store.read(key)
    except BlobMissing:
        return False
    return True


def test_files_that_no_job_names_go_once_they_are_old_and_no_other_does(
    database: Database, app: Connection, submit: Callable[..., Job], tenant, store: Blobs
) -> None:
    first, again = submit(tenant), submit(tenant)
    kept, left, made = f"uploads/{uuid7()}", f"uploads/{uuid7()}", f"artifacts/{uuid7()}"
    for key in (kept, left, made):
        store.put(key, b"x")
    named(app, first, kept)
    named(app, again, kept)  # a rerun names the same file
    assert tidy(database, store, YOUNG) == CLEAN
    assert tidy(database, store, OLD) == replace(CLEAN, unnamed=2)
    assert [is_there(store, key) for key in (kept, left, made)] == [True, False, False]
    assert tidy(database, store, OLD) == CLEAN


def test_parts_go_when_their_job_has_ended(
    database: Database, system: Connection, submit: Callable[..., Job], tenant, store: Blobs
) -> None:
    ended, waiting = submit(tenant), submit(tenant)
    gone, kept = f"parts/{ended.id}-1-output-1.zst", f"parts/{waiting.id}-1-output-1.zst"
    for key in (gone, kept):
        store.put(key, b"x")
    end(system, ended)
    assert tidy(database, store, OLD) == replace(CLEAN, parts=1)
    assert [is_there(store, key) for key in (gone, kept)] == [False, True]


def test_what_a_write_left_that_broke_off_goes(database: Database, tmp_path: Path) -> None:
    unfinished = tmp_path / UNFINISHED
    unfinished.mkdir()
    (unfinished / "0123").write_bytes(b"x")
    assert tidy(database, FolderBlobs(tmp_path), YOUNG) == CLEAN
    assert tidy(database, FolderBlobs(tmp_path), OLD) == replace(CLEAN, unfinished=1)
    assert list(unfinished.iterdir()) == []


def test_keys_of_requests_go_when_their_time_is_over(
    database: Database, system: Connection, submit: Callable[..., Job], tenant, store: Blobs
) -> None:
    job = submit(tenant)
    for key, hours in (("past", -1), ("present", 1)):
        system.execute(
            "insert into idempotency_keys (tenant_id, key, fingerprint, job_id, expires_at)"
            " values (%s, %s, '', %s, now() + make_interval(hours => %s))",
            (tenant.id, key, job.id, hours),
        )
    system.commit()
    assert tidy(database, store, YOUNG) == replace(CLEAN, keys=1)
    assert system.execute("select key from idempotency_keys").fetchall() == [("present",)]


def test_files_of_ended_jobs_go_when_their_time_is_over(
    database: Database, app: Connection, system: Connection, submit: Callable[..., Job], tenant, store: Blobs
) -> None:
    first, again, waiting = submit(tenant), submit(tenant), submit(tenant)
    shared, past, young, forever, needed = (f"uploads/{uuid7()}" for _ in range(5))
    for key in (shared, past, young, forever, needed):
        store.put(key, b"x")
    named(app, first, shared, days=-1)
    named(app, again, shared, days=1)  # a rerun that is kept longer
    named(app, first, past, days=-1)
    named(app, first, young, days=1)
    named(app, first, forever)
    named(app, waiting, needed, days=-1)
    end(system, first, again)
    assert tidy(database, store, OLD) == replace(CLEAN, expired=2, unnamed=1)
    assert [is_there(store, key) for key in (shared, past, young, forever, needed)] == [True, False, True, True, True]
    end(system, waiting)
    assert tidy(database, store, OLD) == replace(CLEAN, expired=1, unnamed=1)
    assert not is_there(store, needed)


def test_before_images_go_when_their_time_is_over(
    database: Database, system: Connection, submit: Callable[..., Job], tenant, store: Blobs
) -> None:
    job = submit(tenant)
    for row, days in enumerate([-1, -1, None, 1, -1]):
        system.execute(
            "insert into before_images (tenant_id, job_id, row, kind, image, expires_at)"
            " values (%s, %s, %s, 'things', '{}', now() + make_interval(days => %s))",
            (tenant.id, job.id, row, days),
        )
    system.commit()
    assert tidy(database, store, OLD) == replace(CLEAN, images=3)
    assert system.execute("select row from before_images order by row").fetchall() == [(2,), (3,)]


def test_one_pass_at_a_time_in_the_whole_installation(database: Database, store: Blobs) -> None:
    with connect(database, Role.SYSTEM, autocommit=True) as other:
        assert take_housekeeping(other)
        assert tidy(database, store, OLD) is None
    assert tidy(database, store, OLD) == CLEAN
