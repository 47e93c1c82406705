"""The hot statements find their rows by an index, as the role that runs them, on filled tables."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowferry.domain.job import Status
from rowferry.ids import uuid7
from rowferry.store import jobs
from rowferry.store.database import Connection, load, transaction
from rowferry.store.jobs import JobQuery
from tenants import Tenant

JOBS = 20_000


@pytest.fixture
def filled(admin: Connection, tenants: Any) -> Tenant:
    """A tenant with 20,000 jobs of the past and one job with 20,000 issues, beside another tenant with as many."""
    acme, globex = tenants("acme"), tenants("globex")
    for tenant in (acme, globex):
        admin.execute(
            "insert into jobs (id, tenant_id, kind, type, status, finished_at, steps, created_by, source)"
            " select gen_random_uuid(), %(t)s, case when n = 5 then 'rare' else 'customers' end, 'import',"
            "  case when n = 7 then 'failed' else 'succeeded' end, now(), '{load}', %(u)s,"
            "  jsonb_build_object('sha256', n::text, 'file_name', 'a.csv')"
            " from generate_series(1, %(n)s) n",
            {"t": tenant.id, "u": tenant.user, "n": JOBS},
        )
        admin.execute(
            "insert into row_issues (tenant_id, job_id, row, ordinal, line, field, code, outcome, value, record)"
            " select %(t)s, (select id from jobs where tenant_id = %(t)s order by number limit 1), n, 1, n + 1,"
            "  'tax_id', 'pattern', 'failed', 'x', 'x'"
            " from generate_series(1, 20000) n",
            {"t": tenant.id},
        )
        admin.execute(
            "insert into issue_causes (tenant_id, job_id, code, field, shape, outcome, rows, sample)"
            " select %(t)s, j.id, 'pattern', 'tax_id', n::text, 'failed', n, '{}' from generate_series(1, 20) n,"
            "  (select id from jobs where tenant_id = %(t)s order by number limit 200) j",
            {"t": tenant.id},
        )
    admin.execute("analyze")
    return acme


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def explained(connection: Connection, statement: bytes, parameters: Mapping[str, object]) -> list[Mapping[str, Any]]:
    row = connection.execute(b"explain (analyze, buffers, format json) " + statement, parameters).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return list(nodes(plan[0]["Plan"]))


def touched(plan: list[Mapping[str, Any]]) -> int:
    """Rows that were read from tables, those that a filter threw away too."""
    scans = [node for node in plan if "Relation Name" in node]
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in scans
    )


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (JobQuery(size=50), 151),
        (JobQuery(size=50, before=JOBS // 2), 151),
        (JobQuery(statuses=[Status.FAILED]), 151),
        (JobQuery(statuses=[Status.QUEUED, Status.RUNNING, Status.FAILED]), 151),
        (JobQuery(statuses=[Status.SUCCEEDED, Status.FAILED], before=JOBS // 2), 260),
        (JobQuery(creator=99), 151),
        (JobQuery(creator="nobody"), 151),
        (JobQuery(created_from=datetime.now(UTC) + timedelta(days=1)), 151),
        (JobQuery(created_to=datetime(2001, 1, 1, tzinfo=UTC)), 1151),
        (JobQuery(kinds=["rare"]), 151),
        (JobQuery(kinds=["customers"]), 260),
        (JobQuery(kinds=["rare", "customers"], statuses=[Status.FAILED, Status.QUEUED]), 151),
    ],
)
def test_a_page_of_the_history_reads_no_more_than_the_page(
    app: Connection, filled: Tenant, query: JobQuery, most: int
) -> None:
    statement, parameters = jobs.history(query)
    with transaction(app, filled.id):
        plan = explained(app, statement, parameters)
    assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "jobs"]
    assert touched(plan) <= most


@pytest.mark.parametrize(
    "query",
    [
        JobQuery(),
        JobQuery(statuses=[Status.FAILED]),
        JobQuery(statuses=[Status.SUCCEEDED, Status.FAILED]),
        JobQuery(kinds=["rare", "customers"]),
        JobQuery(kinds=["rare"], statuses=[Status.SUCCEEDED]),
        JobQuery(creator=99),
        JobQuery(created_from=datetime.now(UTC) + timedelta(days=1)),
    ],
)
def test_a_count_of_the_history_reads_no_more_than_a_page_of_so_many(
    app: Connection, filled: Tenant, query: JobQuery
) -> None:
    statement, parameters = jobs.counting(query, 101)
    with transaction(app, filled.id):
        plan = explained(app, statement, parameters)
    assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "jobs"]
    assert touched(plan) <= 3 * 101 + 60


def test_a_page_by_position_reads_no_more_than_what_lies_before_it(app: Connection, filled: Tenant) -> None:
    for query in (JobQuery(start=200), JobQuery(start=200, kinds=["rare", "customers"], statuses=[Status.SUCCEEDED])):
        statement, parameters = jobs.history(query)
        with transaction(app, filled.id):
            plan = explained(app, statement, parameters)
        assert touched(plan) <= 2 * 250 + 100


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("get_job", 3),
        ("get_job_version", 2),
        ("lock_job", 2),
        ("count_queued_jobs", 0),
        ("list_artifacts", 0),
        ("list_job_events", 0),
        ("get_chunk_of_row", 0),
        ("list_chunk_outcomes", 0),
        ("list_issues", 51),
        ("list_issues_of_rows", 102),
        ("list_causes", 20),
    ],
)
def test_a_hot_statement_reads_no_more_than_it_gives(
    app: Connection, admin: Connection, filled: Tenant, name: str, most: int
) -> None:
    row = admin.execute("select id from jobs where tenant_id = %s order by number limit 1", (filled.id,)).fetchone()
    assert row is not None
    given = {"id": row[0], "job_id": row[0], "most": 100, "after": 0, "row": 5, "size": 50}
    given |= {
        "tenant": filled.id,
        "after_row": 10_000,
        "after_ordinal": 0,
        "failed": True,
        "outcome": None,
        "code": None,
        "field": None,
    }
    with transaction(app, filled.id):
        plan = explained(
            app, load(name), {key: value for key, value in given.items() if f"%({key})s".encode() in load(name)}
        )
    assert touched(plan) <= most
    tables = [node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"]
    assert not {"jobs", "row_issues", "issue_causes"} & set(tables)


def test_a_new_job_finds_the_last_one_of_its_file_and_reads_no_other(app: Connection, filled: Tenant) -> None:
    texts = {"id": uuid7(), "kind": "customers", "type": "import", "source": '{"sha256": "77"}', "steps": ["load"]}
    rest = {"options": "{}", "params": "{}", "metadata": "{}", "priority": 0, "attempts_max": 3}
    file = ("file_id", "file_name", "media_type", "bytes", "sha256", "blob", "days")
    nothing = dict.fromkeys(("created_by", "original_job_id", "trace_parent", *file))
    with transaction(app, filled.id), app.transaction(force_rollback=True):
        plan = explained(app, load("insert_job"), texts | rest | nothing)
    assert touched(plan) <= 5
    assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "jobs"]


def test_a_claim_and_a_sweep_read_no_job_of_the_past(
    admin: Connection, system: Connection, filled: Tenant, submit: Any
) -> None:
    submit(filled)
    admin.execute("analyze jobs")

    def reads() -> int:
        row = admin.execute("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()").fetchone()
        assert row is not None
        found = admin.execute("select seq_tup_read from pg_stat_user_tables where relname = 'jobs'").fetchone()
        assert found is not None
        return found[0]

    system.execute("select pg_stat_force_next_flush()")
    before = reads()
    job = jobs.claim(system, "host/1", 60)
    assert job is not None
    jobs.renew(system, [(job.id, 1)], 60, 10)
    assert jobs.take_back(system, None, "lease-over", counted=True) == []
    assert len(jobs.take_back(system, [(job.id, 1)], "crashed", counted=True)) == 1
    system.execute("select pg_stat_force_next_flush()")
    system.execute("select 1")
    assert reads() - before < JOBS


def test_every_index_that_a_statement_relies_on_is_led_by_the_tenant_or_the_job(admin: Connection) -> None:
    found = admin.execute(
        "select indexdef from pg_indexes where schemaname = 'rowferry' and tablename in ('jobs', 'row_issues', 'chunks')"
    ).fetchall()
    leads = {re.search(r"\((\w+)", text)[1] for (text,) in found}
    assert leads <= {"tenant_id", "job_id", "id", "number", "lease_expires_at"}
