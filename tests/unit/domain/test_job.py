"""The job's table of transitions and its progress."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowferry.domain.access import TenantId
from rowferry.domain.faults import NotAllowedNow
from rowferry.domain.job import (
    IMPORT_STEPS,
    ROWS_READ,
    TERMINAL,
    TRANSITIONS,
    Attempt,
    Job,
    JobId,
    Move,
    RowNumber,
    Status,
    allowed,
    apply,
    progress,
    reached,
)
from rowferry.domain.ledger import Ledger

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def a_job(status: Status = Status.QUEUED, **changes: object) -> Job:
    job = Job(
        id=JobId(UUID(int=7)),
        number=1,
        tenant=TenantId(1),
        kind="customers",
        type="import",
        status=status,
        version=1,
        created_at=NOW,
        started_at=None,
        finished_at=None,
        created_by=None,
        created_by_name=None,
        steps=IMPORT_STEPS,
        steps_completed=1,
        rows_total=None,
        load_started_at=None,
        cursor=RowNumber(0),
        ledger=Ledger(),
        attempt=Attempt(),
        cancel_requested_at=None,
        pause_requested_at=None,
        failure=None,
        source={},
        options={},
        params={},
        metadata={},
        result=None,
    )
    return replace(job, **changes)


@given(st.sampled_from(Status), st.sampled_from(Move))
def test_a_move_that_is_not_in_the_table_is_refused_with_both_words(status: Status, move: Move) -> None:
    job = a_job(status)
    if allowed(status, move):
        assert apply(job, move, NOW).status is TRANSITIONS[status, move]
    else:
        with pytest.raises(NotAllowedNow) as refusal:
            apply(job, move, NOW)
        assert status in str(refusal.value)
        assert move in str(refusal.value)


@given(st.lists(st.sampled_from(Move), max_size=30))
def test_a_job_that_has_ended_stays_as_it_is_unless_it_was_interrupted(moves: list[Move]) -> None:
    job = a_job()
    for move in moves:
        ended = job.status in TERMINAL and job.status is not Status.INTERRUPTED
        if not allowed(job.status, move):
            continue
        assert not ended
        job = apply(job, move, NOW)
        assert (job.finished_at is not None) == (job.status in TERMINAL)


def test_every_status_but_the_first_can_be_reached_from_queued() -> None:
    reached = {Status.QUEUED}
    for _ in Status:
        reached |= {to for (origin, _), to in TRANSITIONS.items() if origin in reached}
    assert reached == set(Status)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_progress_never_goes_backwards_while_rows_are_read_and_settled(steps: list[tuple[int, int]]) -> None:
    total = sum(read for read, _ in steps) + 1
    job, last = a_job(Status.RUNNING, rows_total=total, load_started_at=NOW), 0.0
    for read, settled in steps:
        ledger = job.ledger
        more = min(settled, ledger.read + read - ledger.settled)
        job = replace(job, ledger=replace(ledger, read=ledger.read + read, created=ledger.created + more))
        now = progress(job, NOW + timedelta(seconds=1)).fraction
        assert last <= now <= 1.0
        last = now


@given(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100))
def test_a_job_that_ends_early_stays_where_it_was(total: int, read: int, settled: int) -> None:
    read, settled = min(read, total), min(settled, read, total)
    running = a_job(Status.RUNNING, rows_total=total, cursor=RowNumber(settled), ledger=Ledger(read, created=settled))
    left = replace(running.ledger, read=total, not_attempted=total - settled)  # how the books are closed
    ended = replace(running, ledger=left, checkpoint={ROWS_READ: read})
    for status in TERMINAL - {Status.SUCCEEDED, Status.PARTIAL}:
        assert reached(replace(ended, status=status)) == reached(running)
    assert reached(replace(ended, status=Status.PARTIAL)) == 1.0


def test_a_finished_job_shows_all_of_the_way_and_its_rate() -> None:
    job = a_job(
        Status.PARTIAL,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=2),
        ledger=Ledger(read=10, created=8, failed=2),
    )
    shown = progress(job, NOW)
    assert (shown.fraction, shown.done, shown.total, shown.per_second, shown.seconds_left) == (1.0, 10, 10, 5.0, 0.0)
