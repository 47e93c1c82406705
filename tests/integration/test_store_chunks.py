"""What chunks leave behind, and how it is read back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from rowferry.domain import ledger
from rowferry.domain.faults import RowIssue
from rowferry.domain.job import Fence, Job, RowNumber
from rowferry.domain.ledger import Outcome
from rowferry.store import chunks, jobs
from rowferry.store.chunks import Fenced, IssueQuery, PlacedIssue, Settled, StoredCause
from rowferry.store.database import Connection, Database, Role, pool, tenant_transaction, transaction
from tenants import Tenant

ISSUE = RowIssue(
    41, 42, "tax_id", "Tax Id", "pattern", "12-X", {"value": "12-X", "pattern": "[0-9]{11}"}, "failed", "a;12-X;b"
)


@dataclass(frozen=True)
class Running:
    """A running job, and what an attempt may do with it."""

    job: Job
    loader: Connection
    database: Database

    def settle(self, outcomes: bytes, cursor: int = 0, issues: Sequence[RowIssue] = (), **more: Any) -> None:
        move = Fenced(
            self.job.id,
            Fence(1),
            RowNumber(cursor),
            RowNumber(cursor + len(outcomes)),
            ledger.from_outcomes(outcomes),
            {"at": cursor},
        )
        with transaction(self.loader, self.job.tenant, self.job.id):
            encoded = chunks.encoded(self.job.id, issues)
            chunks.settle(self.loader, Settled(self.job.id, cursor + 1, outcomes, issues=encoded, **more), move)

    async def issues(self, **conditions: Any) -> list[PlacedIssue]:
        async with pool(self.database, Role.APP, size=1) as one, tenant_transaction(one, self.job.tenant) as connection:
            return await chunks.issues(connection, IssueQuery(self.job.id, **conditions))


@pytest.fixture
def run(
    database: Database, system: Connection, loader: Connection, submit: Callable[..., Job], tenant: Tenant
) -> Running:
    submit(tenant)
    job = jobs.claim(system, "host/1", 60)
    assert job is not None
    return Running(job, loader, database)


@pytest.mark.anyio
async def test_an_issue_is_read_back_as_it_was_written(run: Running) -> None:
    whole_record = replace(ISSUE, row=43, field=None, column=None, value=None, code="quote-error", arguments={})
    run.settle(bytes([1] * 42 + [5]), issues=[ISSUE, replace(ISSUE, code="too-long"), whole_record])
    assert await run.issues() == [
        PlacedIssue(ISSUE, 1),
        PlacedIssue(replace(ISSUE, code="too-long"), 2),
        PlacedIssue(whole_record, 1),
    ]


@pytest.mark.anyio
async def test_what_postgresql_cannot_hold_is_shown_and_not_lost(run: Running) -> None:
    nasty = "a\x00b\udc80\\n\t\"'\u202e\U0001f600"
    issue = replace(
        ISSUE,
        value=nasty,
        record=nasty,
        column=nasty,
        arguments={"value": nasty, "big": 2**70, "list": [nasty], "\x00": None},
    )
    run.settle(
        bytes([5]), issues=[issue], causes=[StoredCause("pattern", "tax_id", nasty, "failed", 1, {"record": nasty})]
    )
    (placed,) = await run.issues()
    shown = nasty.replace("\x00", "\u2400").replace("\udc80", "\ufffd" * 3)
    assert placed.issue.value == placed.issue.column == placed.issue.record == placed.issue.arguments["value"] == shown
    assert placed.issue.arguments["list"] == [shown]
    assert placed.issue.arguments["big"] == str(2**70)


@pytest.mark.anyio
async def test_issues_are_found_by_each_condition_and_page_by_page(run: Running) -> None:
    made = [replace(ISSUE, row=row, code=code, field=field, outcome=outcome) for row, code, field, outcome in (
        (1, "required", "name", "failed"),
        (1, "pattern", "tax_id", "failed"),
        (2, "already-exists", None, "skipped"),
        (7, "pattern", "tax_id", "failed"),
    )]  # fmt: skip
    run.settle(bytes([5, 4, 1, 1, 1, 1, 5]), issues=made)

    async def rows(**conditions: Any) -> list[tuple[int, int]]:
        return [(placed.issue.row, placed.ordinal) for placed in await run.issues(**conditions)]

    assert await rows() == [(1, 1), (1, 2), (2, 1), (7, 1)]
    assert await rows(size=2) == [(1, 1), (1, 2)]
    assert await rows(after=(1, 1)) == [(1, 2), (2, 1), (7, 1)]
    assert await rows(outcome="skipped") == [(2, 1)]
    assert await rows(code="pattern") == [(1, 2), (7, 1)]
    assert await rows(field="name") == [(1, 1)]


@pytest.mark.anyio
async def test_causes_add_up_over_chunks_and_the_biggest_comes_first(run: Running) -> None:
    small = StoredCause("required", "name", "", "failed", 1, {"row": 1})
    big = StoredCause("pattern", "tax_id", "9-a", "failed", 2, {"row": 2})
    run.settle(bytes([5] * 3), causes=[small, big])
    run.settle(bytes([5] * 2), cursor=3, causes=[replace(big, sample={"row": 4})])
    async with pool(run.database, Role.APP, size=1) as one, tenant_transaction(one, run.job.tenant) as connection:
        assert await chunks.summary(connection, run.job.id) == [replace(big, rows=4), small]
        assert await chunks.summary(connection, run.job.id, 1) == [replace(big, rows=4)]


@pytest.mark.anyio
async def test_the_fate_of_each_row_is_known(run: Running) -> None:
    run.settle(bytes([1, 2, 5]))
    run.settle(bytes([3, 4]), cursor=3)
    async with pool(run.database, Role.APP, size=1) as one, tenant_transaction(one, run.job.tenant) as connection:
        fates = [await chunks.outcome_of(connection, run.job.id, RowNumber(row)) for row in (0, 1, 3, 4, 5, 6)]
    assert fates == [None, Outcome.CREATED, Outcome.FAILED, Outcome.UNCHANGED, Outcome.SKIPPED, None]


def test_parts_come_back_by_category_in_the_order_of_the_rows(run: Running) -> None:
    run.settle(bytes([1]), parts={"output": "parts/a", "errors": "parts/e"})
    run.settle(bytes([1]), cursor=1, parts={"output": "parts/b"})
    with transaction(run.loader, run.job.tenant):
        assert chunks.parts_of(run.loader, run.job.tenant, run.job.id) == {
            "output": ["parts/a", "parts/b"],
            "errors": ["parts/e"],
        }


def test_one_fence_closes_a_transaction_of_many_chunks(run: Running) -> None:
    with transaction(run.loader, run.job.tenant, run.job.id):
        for first in (1, 3):
            chunks.settle_part(run.loader, Settled(run.job.id, first, bytes([1, 1])))
        chunks.fence(
            run.loader, Fenced(run.job.id, Fence(1), RowNumber(0), RowNumber(4), ledger.Ledger(4, 4), {"a": 1})
        )
    with transaction(run.loader, run.job.tenant):
        assert chunks.histogram(run.loader, run.job.tenant, run.job.id) == ledger.Ledger(4, 4)
        job = jobs.get_sync(run.loader, run.job.id)
    assert job is not None
    assert (job.cursor, job.checkpoint) == (4, {"a": 1})


def test_a_chunk_that_fails_leaves_nothing(run: Running, admin: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        run.settle(bytes([5]), issues=[ISSUE, replace(ISSUE, outcome="lost")])  # type: ignore[arg-type]
    assert admin.execute("select count(*) from chunks").fetchone() == (0,)


def test_a_deleted_checkpoint_of_an_earlier_chunk_is_kept_beside_the_new_one(run: Running, admin: Connection) -> None:
    run.settle(bytes([1]))
    run.settle(bytes([1]), cursor=1)
    assert admin.execute("select checkpoint, cursor from jobs").fetchone() == ({"at": 1}, 2)
