"""What became of each row of an import: its outcome, its cells and its issues, put together again from what the job left."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from rowferry.destinations.postgres import ensure_table
from rowferry.domain.access import Principal
from rowferry.domain.declaration import from_declaration
from rowferry.domain.faults import MASK
from rowferry.domain.job import Job
from rowferry.domain.schema import ImportKind
from rowferry.service.changes import Changes
from rowferry.service.jobs import JobService, RowResult
from rowferry.service.transactions import Transactions
from rowferry.store.database import Connection, Database, Role, connect, listen, pool
from tenants import Tenant
from workshop import Workshop, workshop_of

R = TypeVar("R")
MIXED = b'n;code;note\n1;a;x\n99;b;\n2;a;again\n;c;"l\n2"\n3;d;toolong;more\n7;e;\n4\n'
"""Rows that are in, that failed for one and for two reasons, that came twice, and that have too many and too few cells."""


@pytest.fixture
def workshop(database: Database, admin: Connection, system: Connection, tenant: Tenant, tmp_path: Path) -> Workshop:
    return workshop_of(database, admin, system, tenant, tmp_path)


def keeping(workshop: Workshop, issues_max: int) -> Workshop:
    """A workshop that keeps so many issues of a job."""
    limits = replace(workshop.parts.limits, issues_max=issues_max)
    return replace(workshop, parts=replace(workshop.parts, limits=limits))


def asked(workshop: Workshop, ask: Callable[[JobService, Principal], Awaitable[R]]) -> R:
    """What the service answers."""

    async def asking() -> R:
        database = workshop.database
        async with pool(database, Role.APP, size=1, autocommit=True) as one:
            changes = Changes(lambda: listen(database, Role.APP, "rowferry_jobs"))
            service = JobService(Transactions(one, one, one), workshop.parts.blobs, changes)
            tenant = workshop.tenant
            principal = Principal(tenant.id, tenant.slug, tenant.user, "ana", "", frozenset())
            return await ask(service, principal)

    return asyncio.run(asking())


def every(workshop: Workshop, job: Job) -> list[RowResult]:
    async def ask(service: JobService, principal: Principal) -> list[RowResult]:
        return [row async for page in await service.all_results(principal, job) for row in page]

    return asked(workshop, ask)


def some(workshop: Workshop, job: Job, outcome: str, after_row: int = 0, size: int = 100) -> list[RowResult]:
    return asked(workshop, lambda service, ana: service.row_results(ana, job, outcome, after_row, size))


def plain(rows: list[RowResult]) -> list[tuple]:
    return [(one.row, one.line, one.outcome, dict(one.cells), [issue.code for issue in one.issues]) for one in rows]


FAILED = [
    (2, 3, "failed", {"n": "99", "code": "b", "note": ""}, ["out-of-range"]),
    (5, 7, "failed", {"n": "3", "code": "d", "note": "toolong"}, ["extra-cell"]),
    (6, 8, "failed", {"n": "7", "code": "e", "note": ""}, ["odd-note"]),
    (7, 9, "failed", {"n": "4"}, ["missing-cell"]),
]


@pytest.mark.parametrize("chunk_rows", [1, 3, 10])
def test_every_row_is_told_with_its_cells_and_issues(workshop: Workshop, chunk_rows: int) -> None:
    job = workshop.run(workshop.submit(MIXED, {"duplicates": "skip"}), [], chunk_rows)
    rows = plain(every(workshop, job))
    assert rows == sorted(
        [
            (1, None, "created", {"code": "a", "n": "1", "note": "x"}, []),
            (3, 4, "failed", {"n": "2", "code": "a", "note": "again"}, ["too-long", "primary-key"]),
            (4, None, "created", {"code": "c", "n": "", "note": "l\n2"}, []),
            *FAILED,
        ]
    )
    words = [outcome for _, _, outcome, *_ in rows]
    assert {word: words.count(word) for word in job.ledger.counts() if word != "read"} == {
        word: count for word, count in job.ledger.counts().items() if word != "read"
    }


def test_rows_that_failed_or_were_skipped_come_page_by_page(workshop: Workshop) -> None:
    content = b"n;code;note\n1;a;x\n2;a;y\nx;b;toolong\n3;a;z\ny;c;toolong\nz;d;\n"
    job = workshop.run(workshop.submit(content, {"duplicates": "skip"}), [], 10)
    first = some(workshop, job, "failed", size=2)
    assert [(one.row, [issue.code for issue in one.issues]) for one in first] == [
        (3, ["type-error", "too-long"]),
        (5, ["type-error", "too-long"]),
    ]
    assert [one.row for one in some(workshop, job, "failed", after_row=5, size=2)] == [6]
    assert some(workshop, job, "failed", after_row=6) == []
    assert plain(some(workshop, job, "skipped")) == [
        (2, 3, "skipped", {"n": "2", "code": "a", "note": "y"}, ["primary-key"]),
        (4, 5, "skipped", {"n": "3", "code": "a", "note": "z"}, ["primary-key"]),
    ]


def test_rows_whose_issues_were_too_many_are_told_by_the_error_file(workshop: Workshop) -> None:
    narrow = keeping(workshop, 1)
    job = narrow.run(narrow.submit(MIXED.replace(b"2;a;again\n", b""), {}), [], 2)
    assert len(some(narrow, job, "failed")) == 1
    failed = [one for one in plain(every(narrow, job)) if one[2] == "failed"]
    assert failed == [
        FAILED[0],
        (4, 6, "failed", {"n": "3", "code": "d", "note": "toolong"}, []),
        (5, 7, "failed", {"n": "7", "code": "e", "note": ""}, []),
        (6, 8, "failed", {"n": "4", "code": "", "note": ""}, []),  # the error file adds the cells that lack
    ]


def test_rows_that_were_not_reached_are_told_without_cells(workshop: Workshop) -> None:
    job_id = workshop.submit(b"code\na\nb\nc\n", {})
    workshop.admin.execute("update jobs set cancel_requested_at = now() where id = %s", [job_id])
    workshop.admin.execute("update jobs set rows_total = 3 where id = %s", [job_id])
    job = workshop.run(job_id, [], 1)
    assert plain(every(workshop, job)) == [(row, None, "not_attempted", {}, []) for row in (1, 2, 3)]


def test_a_refused_file_has_the_cells_of_its_rows_and_one_without_its_files_has_none(workshop: Workshop) -> None:
    job = workshop.run(workshop.submit(b"code,n\na,1\nb,x\n", {"on_error": "atomic"}), [], 10)
    told = [
        (1, None, "not_attempted", {"code": "a", "n": "1"}, []),
        (2, 3, "failed", {"code": "b", "n": "x"}, ["type-error"]),
    ]
    assert plain(every(workshop, job)) == told
    blobs = workshop.admin.execute("select blob from artifacts where job_id = %s", [job.id]).fetchall()
    workshop.parts.blobs.delete([blob for (blob,) in blobs])
    assert plain(every(workshop, job)) == [(1, None, "not_attempted", {}, []), told[1]]


def own_kind(workshop: Workshop, kind: ImportKind) -> Workshop:
    with connect(workshop.database, Role.OWNER) as owner:
        ensure_table(owner, kind)
    return replace(workshop, parts=replace(workshop.parts, kinds=lambda _, __, name: {name: kind}))


@pytest.mark.parametrize("issues_max", [1000, 1])
def test_a_cell_that_an_issue_hides_is_hidden(workshop: Workshop, issues_max: int) -> None:
    fields = [
        {"name": "code", "type": "string", "synonyms": ["The code"]},
        {"name": "tax", "type": "integer", "sensitive": True},
    ]
    secret = own_kind(workshop, from_declaration({"name": "secrets", "schema": {"fields": fields}}))
    secret = keeping(secret, issues_max)
    job = secret.run(secret.submit("The code\ttax\nx1\tabc\nx2\tdef\nü\t5\n".encode("cp1252"), {}), [], 10)
    assert job.source["mapping"] == {"The code": "code", "tax": "tax"}
    assert [dict(one.cells) for one in every(secret, job)] == [
        {"code": "x1", "tax": MASK},
        {"code": "x2", "tax": MASK},
        {"code": "ü", "tax": "5"},
    ]


def test_a_file_of_many_pages_is_told_whole(workshop: Workshop) -> None:
    count = 12_003
    content = b"code,n\n" + b"".join(b"%s,%d\n" % (b"a" if n % 2 else b"A", n % 50) for n in range(count))
    anything = own_kind(
        workshop,
        from_declaration(
            {
                "name": "anything",
                "schema": {
                    "fields": [
                        {"name": "code", "type": "string", "constraints": {"pattern": "[a-z]"}},
                        {"name": "n", "type": "integer"},
                    ]
                },
            }
        ),
    )
    anything = keeping(anything, 5_500)
    job = anything.run(anything.submit(content, {}), [], 5_001)
    rows = every(anything, job)
    assert [one.row for one in rows] == list(range(1, count + 1))
    assert [dict(one.cells) for one in rows] == [
        {"code": "a" if n % 2 else "A", "n": str(n % 50)} for n in range(count)
    ]
    assert {(one.cells["code"], one.outcome) for one in rows} == {("a", "created"), ("A", "failed")}
    assert [one.row for one in rows if one.issues] == list(range(1, 2 * 5_500, 2))
