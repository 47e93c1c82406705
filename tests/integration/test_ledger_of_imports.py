"""For random files, modes, policies, chunk sizes and crashes: the outcomes sum to the rows, and the table holds what the ledger says."""

import csv
import io
import json
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry.destinations.postgres import PostgresLoader, PostgresReading, ensure_table
from rowferry.domain.declaration import from_declaration
from rowferry.domain.job import IMPORT_STEPS, Job, JobId
from rowferry.domain.ledger import Ledger
from rowferry.domain.options import from_wire
from rowferry.domain.schema import ImportKind, Mode
from rowferry.domain.schema import Limits as KindLimits
from rowferry.formats.csv import CsvFormat
from rowferry.ids import uuid7
from rowferry.points import Points
from rowferry.store import jobs
from rowferry.store.blobs import open_blobs
from rowferry.store.database import Connection, Database, Role, connect
from rowferry.worker import attempt
from rowferry.worker.frame import Limits, Parts
from slow_reader import find_duplicates, read_rows

KIND = from_declaration(
    {
        "name": "things",
        "schema": {
            "fields": [
                {"name": "code", "type": "string", "constraints": {"required": True, "pattern": "[a-z]{1,2}"}},
                {"name": "n", "type": "integer", "constraints": {"minimum": 0, "maximum": 50}},
                {"name": "note", "type": "string", "empty": "keep", "constraints": {"maxLength": 3}},
            ],
            "primaryKey": ["code"],
        },
        "rules": [
            {
                "code": "odd-note",
                "when": "n = 7",
                "then": "note IS NOT NULL",
                "message": "A seven needs a note",
                "field": "note",
            }
        ],
    }
)
FIELDS = ("code", "n", "note")


class Crash(BaseException):
    """The process is gone: nothing behind this point happens."""


class Crashing(Points):
    """Ends the attempt at the nth point that it reaches."""

    def __init__(self, left: list[int]) -> None:
        super().__init__(None)
        self.left = left

    def reach(self, name: str, job: object = "-", row: int = 0) -> None:
        if self.left:
            self.left[0] -= 1
            if self.left[0] < 0:
                self.left.pop(0)
                raise Crash(name)


@dataclass
class Workshop:
    """A database with one tenant and one kind, and all that an attempt needs, in this process."""

    database: Database
    admin: Connection
    system: Connection
    tenant: Any
    parts: Parts

    def submit(self, content: bytes, options: dict[str, object]) -> JobId:
        job_id, blob = JobId(uuid7()), f"uploads/{uuid7()}"
        self.parts.blobs.put(blob, content)
        self.admin.execute(
            "insert into jobs (id, tenant_id, kind, type, steps, steps_completed, options, source, attempts_max) "
            "values (%s, %s, 'things', 'import', %s, 1, %s, '{\"file_name\": \"rows.csv\"}', 1000)",
            [job_id, self.tenant.id, list(IMPORT_STEPS), json.dumps(options)],
        )
        self.admin.execute(
            "insert into artifacts (id, tenant_id, job_id, category, name, media_type, bytes, sha256, blob) "
            "values (%s, %s, %s, 'input', 'rows.csv', 'text/csv', %s, '', %s)",
            [uuid7(), self.tenant.id, job_id, len(content), blob],
        )
        self.admin.execute("insert into waiting values (%s) on conflict do nothing", [self.tenant.id])
        return job_id

    def run(self, job_id: JobId, crashes: list[int], chunk_rows: int) -> Job:
        """Attempts until the job has ended; each crash is found as a dead executor would be."""
        limits = replace(self.parts.limits, chunk_rows=chunk_rows)
        parts = replace(self.parts, points=Crashing(list(crashes)), limits=limits)
        for _ in range(len(crashes) + 2):
            job = jobs.claim(self.system, "test", 60)
            if job is None:
                break
            fence = job.attempt.number
            try:
                attempt.run(parts, job.id, fence, job.tenant, lambda: False)
            except Crash:
                jobs.take_back(self.system, [(job.id, fence)], "crashed", counted=True)
                self.admin.execute("update jobs set run_at = now() where id = %s", [job_id])
        self.admin.execute("select set_config('rowferry.tenant', %s, false)", [str(self.tenant.id)])
        job = jobs.get_sync(self.admin, job_id)
        assert job is not None
        return job

    def table(self) -> dict[str, tuple[object, ...]]:
        rows = self.admin.execute(
            'select code, n, note, _job_id, _row from rows."things" where tenant_id = %s', [self.tenant.id]
        )
        return {row[0]: tuple(row[1:]) for row in rows}

    def issues(self, job_id: JobId) -> list[tuple[int, str, str]]:
        return self.admin.execute(
            "select row, code, outcome from row_issues where job_id = %s order by row, ordinal", [job_id]
        ).fetchall()


@pytest.fixture
def workshop(database: Database, admin: Connection, system: Connection, tenant: Any, tmp_path: Path) -> Workshop:
    with connect(database, Role.OWNER) as owner:
        ensure_table(owner, KIND)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    parts = Parts(
        database=database,
        blobs=open_blobs(str(tmp_path / "blobs")),
        kind=lambda connection, tenant, name: KIND if name == "things" else None,
        formats=(CsvFormat(100_000, 100, block_bytes=64),),
        loader=PostgresLoader,
        reading=lambda kind, tenant: PostgresReading(lambda: connect(database, Role.APP), kind, tenant, ()),
        limits=Limits(chunk_rows=10, issues_max=1000),
        points=Points(None),
        scratch=scratch,
        new_id=uuid7,
    )
    return Workshop(database, admin, system, tenant, parts)


# The model: one row after another, in plain Python -----------------------------------------------------------------------


@dataclass
class Told:
    """What ought to become of a file."""

    status: str
    ledger: dict[str, int]
    issues: list[tuple[int, str, str]]
    table: dict[str, tuple[object, ...]]


def foretold(
    rows: list[list[str]],
    columns: tuple[str, ...],
    options: dict[str, Any],
    before: dict[str, tuple[object, ...]],
    job_id: JobId,
) -> Told:
    importing, policy, dry_run = from_wire(options, KIND)
    read = read_rows(KIND, importing, columns, rows)
    twice = {row: code for row, _, code, _ in find_duplicates(KIND, importing, read)}
    table = deepcopy(before)
    outcomes: list[str] = []
    issues: list[tuple[int, str, str]] = []
    for row in read:
        codes = [code for _, code in row.faults]
        if row.number in twice:
            codes.append(twice[row.number])
        outcome, code = "failed", None
        if codes == ["primary-key"] and importing.duplicates == "skip":
            outcome = "skipped"
        elif not codes:
            outcome, code = applied(row.values, columns, importing.mode, table, (job_id, row.number))
            codes = [code] if code else []
        outcomes.append(outcome)
        issues += [(row.number, one, outcome) for one in codes]
    failed = outcomes.count("failed")
    refusal = policy.exceeded_by(failed, len(outcomes))
    if refusal:
        table = before
        first = outcomes.index("failed")
        abort = refusal == "aborted-on-error"
        outcomes = [
            one if (one == "failed" and (not abort or at <= first)) else "not_attempted"
            for at, one in enumerate(outcomes)
        ]
        issues = [(row, code, how) for row, code, how in issues if outcomes[row - 1] == "failed"]
    if dry_run:
        table = before
    status = "failed" if refusal else "partial" if failed else "succeeded"
    words = ("created", "updated", "unchanged", "skipped", "failed", "not_attempted")
    return Told(status, {"read": len(outcomes), **{word: outcomes.count(word) for word in words}}, issues, table)


def applied(
    values: dict[str, object],
    columns: tuple[str, ...],
    mode: str,
    table: dict[str, tuple[object, ...]],
    mark: tuple[JobId, int],
) -> tuple[str, str | None]:
    key = str(values["code"])
    old = table.get(key)
    if old is None:
        if mode == "update":
            return "failed", "not-found"
        table[key] = (values.get("n"), values.get("note"), *mark)
        return "created", None
    if mode == "create":
        return "failed", "already-exists"
    if mode == "skip_existing":
        return "skipped", "already-exists"
    n = values["n"] if "n" in columns else old[0]
    note = values["note"] if "note" in columns and values["note"] is not None else old[1]
    if (n, note) == old[:2]:
        return "unchanged", None
    table[key] = (n, note, *mark)
    return "updated", None


CODES = st.sampled_from(["a", "b", "c", "d", "ab", "zz", "", "A", "abc"]) | st.text("abcdefg", min_size=1, max_size=2)
CELLS = {
    "code": CODES,
    "n": st.sampled_from(["", "1", "7", "07", "50", "51", "-1", "x", "1.0"]),
    "note": st.sampled_from(["", "x", "ab", "toolong", 'q"', "l\n2", "a,b"]),
}
FILES = st.sampled_from([FIELDS, ("code", "n"), ("note", "code"), ("n", "note", "code")]).flatmap(
    lambda columns: st.tuples(
        st.just(columns), st.lists(st.tuples(*(CELLS[name] for name in columns)).map(list), max_size=25)
    )
)
OPTIONS = st.fixed_dictionaries(
    {"mode": st.sampled_from(["upsert", "create", "update", "skip_existing"])},
    optional={
        "on_error": st.sampled_from(["continue", "abort", "atomic"]),
        "max_errors": st.integers(0, 5),
        "max_error_rate": st.sampled_from([0.0, 0.2, 0.9]),
        "duplicates": st.sampled_from(["fail", "skip", "apply"]),
        "dry_run": st.booleans(),
    },
)


def as_csv(columns: tuple[str, ...], rows: list[list[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([columns, *rows])
    return buffer.getvalue().encode()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    files=st.lists(
        st.tuples(FILES, OPTIONS, st.integers(1, 12), st.lists(st.integers(0, 30), max_size=3)), min_size=1, max_size=2
    )
)
def test_every_row_has_one_outcome_and_the_table_holds_what_the_ledger_says(
    workshop: Workshop, files: list[Any]
) -> None:
    workshop.admin.execute('delete from rows."things"')
    for (columns, rows), options, chunk_rows, crashes in files:
        # a record whose cells are all empty is no row
        kept = [row for row in rows if any(row)]
        before = workshop.table()
        job_id = workshop.submit(as_csv(columns, rows), options)
        job = workshop.run(job_id, crashes, chunk_rows)
        told = foretold(kept, columns, options, before, job_id)
        assert job.ledger.balanced
        assert (job.status, job.ledger.counts()) == (told.status, told.ledger), job.failure
        assert workshop.table() == told.table
        assert workshop.issues(job_id) == told.issues
        assert (
            sum(1 for row in workshop.table().values() if row[2] == job_id) <= job.ledger.created + job.ledger.updated
        )


def test_a_job_without_rows_has_succeeded(workshop: Workshop) -> None:
    job = workshop.run(workshop.submit(b"code,n\n", {}), [], 10)
    assert (job.status, job.ledger) == ("succeeded", Ledger())


def with_kind(workshop: Workshop, kind: ImportKind) -> Workshop:
    return replace(workshop, parts=replace(workshop.parts, kind=lambda *_: kind))


def test_a_file_with_more_rows_than_the_kind_takes_is_refused_before_a_row_is_written(workshop: Workshop) -> None:
    small = with_kind(workshop, replace(KIND, limits=KindLimits(rows=2)))
    job = small.run(small.submit(b"code,n\na,1\nb,2\nc,3\n", {}), [], 10)
    assert (job.status, job.failure and job.failure.code) == ("failed", "too-many-rows")
    assert job.ledger == Ledger()
    assert workshop.table() == {}


def test_a_mode_that_the_kind_took_when_the_job_was_sent_and_takes_no_more_stops_it(workshop: Workshop) -> None:
    narrow = with_kind(workshop, replace(KIND, modes=(Mode.CREATE,)))
    job = narrow.run(narrow.submit(b"code,n\na,1\n", {"mode": "upsert"}), [], 10)
    assert (job.status, job.failure and job.failure.code) == ("failed", "mode-not-allowed")
