"""What a row that fails does to its job, and what rows must refer to and agree with, chunk by chunk and after crashes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry.destinations.postgres import ensure_table
from rowferry.domain.declaration import from_declaration
from rowferry.domain.job import Job
from rowferry.domain.schema import ForeignKey, ImportKind
from rowferry.store.database import Connection, Database, Role, connect
from tenants import Tenant
from workshop import KIND, Workshop, workshop_of

GROUPS = from_declaration(
    {
        "name": "groups",
        "schema": {
            "fields": [
                {"name": "code", "type": "string"},
                {"name": "short", "type": "string", "constraints": {"unique": True}},
            ],
            "primaryKey": ["code"],
        },
    }
)
REFERRING = replace(
    KIND,
    schema=replace(KIND.schema, foreign_keys=(ForeignKey(("note",), "groups", ("code",), alternatives=(("short",),)),)),
)
ON_REQUEST = replace(
    KIND,
    schema=replace(KIND.schema, foreign_keys=(ForeignKey(("note",), "groups", ("code",), on_request=True),)),
)
PARTIES = from_declaration(
    {
        "name": "parties",
        "schema": {
            "fields": [{"name": "tax", "type": "string"}, {"name": "type", "type": "string"}],
            "primaryKey": ["tax", "type"],
            "dependencies": [{"fields": ["tax"], "determines": "type", "onRequest": True}],
        },
    }
)


@pytest.fixture
def workshop(database: Database, admin: Connection, system: Connection, tenant: Tenant, tmp_path: Path) -> Workshop:
    """With groups `aa` (in short `1`) and `bb` (in short `2`)."""
    with connect(database, Role.OWNER) as owner:
        ensure_table(owner, GROUPS)
        ensure_table(owner, PARTIES)
    made = workshop_of(database, admin, system, tenant, tmp_path)
    groups = of_kinds(made, GROUPS)
    assert run(groups, b"code,short\naa,1\nbb,2\n", kind="groups").status == "succeeded"
    return made


def of_kinds(workshop: Workshop, *kinds: ImportKind) -> Workshop:
    known = {kind.name: kind for kind in (GROUPS, *kinds)}
    return replace(workshop, parts=replace(workshop.parts, kinds=lambda *_: known))


def run(
    workshop: Workshop,
    content: bytes,
    options: dict[str, object] | None = None,
    chunk_rows: int = 3,
    crashes: list[int] | None = None,
    kind: str = "things",
) -> Job:
    job_id = workshop.submit(content, options or {})
    workshop.admin.execute("update jobs set kind = %s where id = %s", [kind, job_id])
    return workshop.run(job_id, crashes or [], chunk_rows)


def counts(job: Job) -> dict[str, int]:
    return {word: count for word, count in job.ledger.counts().items() if count}


# References -----------------------------------------------------------------------------------------------------------


def test_a_row_may_be_named_in_each_way_that_the_reference_has(workshop: Workshop) -> None:
    things = of_kinds(workshop, REFERRING)
    job = run(things, b"code,n,note\na,1,aa\nb,2,2\nc,3,xx\nd,4,\n")
    assert counts(job) == {"read": 4, "created": 3, "failed": 1}
    assert workshop.issues(job.id) == [(3, "foreign-key", "failed")]


def test_a_row_with_other_faults_is_told_that_it_refers_to_nothing_too(workshop: Workshop) -> None:
    things = of_kinds(workshop, REFERRING)
    job = run(things, b"code,n,note\na,99,xx\nb,x,aa\nc,1,zz\na,1,yy\n")
    assert counts(job) == {"read": 4, "failed": 4}
    assert workshop.issues(job.id) == [
        (1, "out-of-range", "failed"),
        (1, "foreign-key", "failed"),
        (2, "type-error", "failed"),
        (3, "foreign-key", "failed"),
        (4, "primary-key", "failed"),
        (4, "foreign-key", "failed"),
    ]


def test_what_is_held_on_request_is_looked_at_by_strict_imports_alone(workshop: Workshop) -> None:
    things = of_kinds(workshop, ON_REQUEST)
    assert run(things, b"code,n,note\na,1,xx\n").status == "succeeded"
    job = run(things, b"code,n,note\nb,1,xx\n", {"strict": True})
    assert (job.status, counts(job)) == ("partial", {"read": 1, "failed": 1})


def test_of_several_references_those_that_are_held_are_looked_at_alone(workshop: Workshop) -> None:
    held, brought = ForeignKey(("note",), "groups", ("code",)), ForeignKey(("code",), "teams", ("code",))
    several = replace(KIND, schema=replace(KIND.schema, foreign_keys=(replace(brought, on_request=True), held)))
    things = of_kinds(workshop, several, replace(GROUPS, name="teams"))
    assert counts(run(things, b"code,n,note\na,1,aa\nb,1,xx\n")) == {"read": 2, "created": 1, "failed": 1}


def test_a_row_that_refers_to_nothing_in_several_ways_is_told_of_each(workshop: Workshop) -> None:
    keys = (ForeignKey(("note",), "groups", ("code",)), ForeignKey(("code", "note"), "parties", ("tax", "type")))
    things = of_kinds(workshop, replace(KIND, schema=replace(KIND.schema, foreign_keys=keys)), PARTIES)
    assert run(things, b"tax,type\na,aa\nc,xx\n", kind="parties").status == "succeeded"
    job = run(things, b"code,n,note\na,1,aa\nb,1,aa\nc,1,xx\nd,1,yy\ne,1,\n,1,bb\n")
    assert counts(job) == {"read": 6, "created": 2, "failed": 4}
    rows = [row for row, code, _ in workshop.issues(job.id) if code == "foreign-key"]
    assert rows == [2, 3, 4, 4]


@pytest.mark.parametrize("on_error", ["continue", "atomic", "stop"])
def test_an_import_that_may_hold_no_missing_reference_writes_nothing(workshop: Workshop, on_error: str) -> None:
    things = of_kinds(workshop, REFERRING)
    options = {"missing_reference": "abort", "on_error": on_error}
    content = b"code,n,note\na,1,aa\nb,2,bb\nc,3,xx\nd,4,yy\ne,5,aa\n"
    job = run(things, content, options, crashes=[7])
    assert (job.status, counts(job)) == ("failed", {"read": 5, "failed": 2, "not_attempted": 3})
    assert job.failure is not None
    assert job.failure.code == "invalid-references"
    assert (job.failure.details["rows"], job.failure.details["fields"]) == (2, ["note"])
    assert job.failure.details["values"] == ["xx", "yy"]
    assert workshop.table() == {}
    good = run(things, b"code,n,note\na,1,aa\nb,2,bb\n", options)
    assert (good.status, counts(good)) == ("succeeded", {"read": 2, "created": 2})


# Dependencies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_rows", [1, 2, 10])
def test_one_value_goes_with_another_in_the_table_and_in_the_file(workshop: Workshop, chunk_rows: int) -> None:
    parties = of_kinds(workshop, PARTIES)
    first = run(parties, b"tax,type\n1,person\n", {"strict": True}, chunk_rows, kind="parties")
    assert first.status == "succeeded"
    content = b"tax,type\n1,company\n2,company\n2,person\n3,person\n1,person\n"
    job = run(parties, content, {"strict": True}, chunk_rows, kind="parties")
    assert counts(job) == {"read": 5, "created": 2, "unchanged": 1, "failed": 2}
    assert workshop.issues(job.id) == [(1, "inconsistent", "failed"), (3, "inconsistent", "failed")]
    loose = run(parties, b"tax,type\n1,company\n", kind="parties")
    assert loose.status == "succeeded"


# The first failed row ends the job ------------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "?"]),
        st.sampled_from(["1", "7", "99", "x"]),
        st.sampled_from(["aa", "2", "zz", ""]),
    ),
    max_size=14,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS, chunk_rows=st.integers(1, 6), crashes=st.lists(st.integers(0, 25), max_size=2))
def test_the_first_failed_row_ends_the_job_and_the_rows_before_it_stay(
    workshop: Workshop, rows: list[tuple[str, str, str]], chunk_rows: int, crashes: list[int]
) -> None:
    workshop.admin.execute('delete from rows."things"')
    things = of_kinds(workshop, REFERRING)
    content = b"code,n,note\n" + b"".join(",".join(row).encode() + b"\n" for row in rows)
    job = run(things, content, {"on_error": "stop"}, chunk_rows, crashes)
    good: list[str] = []
    for code, n, note in rows:
        if code == "?" or code in good or n in {"99", "x"} or note == "zz" or (n == "7" and not note):
            break
        good.append(code)
    left = len(rows) - len(good)
    assert job.ledger.balanced
    assert set(workshop.table()) == set(good)
    assert (job.ledger.created, job.ledger.failed, job.ledger.not_attempted) == (
        len(good),
        min(left, 1),
        max(left - 1, 0),
    )
    assert (job.status, job.failure and job.failure.code) == (
        ("failed", "stopped-on-error") if left else ("succeeded", None)
    )
    assert {row for row, _, outcome in workshop.issues(job.id)} == ({len(good) + 1} if left else set())


def test_a_row_that_the_table_refuses_ends_the_job_like_any_other(workshop: Workshop) -> None:
    things = of_kinds(workshop, KIND)
    run(things, b"code,n\nc,1\n")
    job = run(things, b"code,n\na,1\nb,2\nc,3\nd,4\ne,5\n", {"on_error": "stop", "mode": "create"}, chunk_rows=10)
    assert (job.status, counts(job)) == ("failed", {"read": 5, "created": 2, "failed": 1, "not_attempted": 2})
    assert workshop.issues(job.id) == [(3, "already-exists", "failed")]
    assert set(workshop.table()) == {"a", "b", "c"}


def test_a_dry_run_says_where_the_job_would_stop(workshop: Workshop) -> None:
    things = of_kinds(workshop, KIND)
    job = run(things, b"code,n\na,1\nb,99\nc,3\n", {"on_error": "stop", "dry_run": True})
    assert (job.status, counts(job)) == ("failed", {"read": 3, "created": 1, "failed": 1, "not_attempted": 1})
    assert workshop.table() == {}


def test_a_verdict_knows_that_an_earlier_row_of_the_key_had_failed(workshop: Workshop) -> None:
    things = of_kinds(workshop, KIND)
    options = {"mode": "create", "duplicates": "apply", "max_errors": 2}
    content = b"code,n,note\na,99,\na,1,\nb,1,\nb,2,\n"
    for chunk_rows in (1, 2, 10):
        workshop.admin.execute('delete from rows."things"')
        job = run(things, content, options, chunk_rows)
        assert counts(job) == {"read": 4, "created": 2, "failed": 2}, job.failure
        assert workshop.issues(job.id) == [(1, "out-of-range", "failed"), (4, "already-exists", "failed")]
        assert set(workshop.table()) == {"a", "b"}
