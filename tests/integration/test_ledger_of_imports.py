"""For random files, modes, policies, chunk sizes, crashes and pauses: the outcomes sum to the rows, and the table holds what the ledger says."""

import csv
import io
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rowferry.destinations.postgres import ensure_table
from rowferry.domain.declaration import from_declaration
from rowferry.domain.job import JobId
from rowferry.domain.ledger import Ledger
from rowferry.domain.options import from_wire
from rowferry.domain.schema import ImportKind, Mode, Retention
from rowferry.domain.schema import Limits as KindLimits
from rowferry.store.database import Connection, Database, Role, connect
from slow_reader import find_duplicates, read_rows
from tenants import Tenant
from workshop import KIND, Workshop, workshop_of

FIELDS = ("code", "n", "note")


@pytest.fixture
def workshop(database: Database, admin: Connection, system: Connection, tenant: Tenant, tmp_path: Path) -> Workshop:
    return workshop_of(database, admin, system, tenant, tmp_path)


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


DISTURBED = st.lists(st.integers(0, 30), max_size=3)


def as_csv(columns: tuple[str, ...], rows: list[list[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows([columns, *rows])
    return buffer.getvalue().encode()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files=st.lists(st.tuples(FILES, OPTIONS, st.integers(1, 12), DISTURBED, DISTURBED), min_size=1, max_size=2))
def test_every_row_has_one_outcome_and_the_table_holds_what_the_ledger_says(
    workshop: Workshop, files: list[Any]
) -> None:
    workshop.admin.execute('delete from rows."things"')
    for (columns, rows), options, chunk_rows, crashes, pauses in files:
        # a record whose cells are all empty is no row
        kept = [row for row in rows if any(row)]
        before = workshop.table()
        job_id = workshop.submit(as_csv(columns, rows), options)
        job = workshop.run(job_id, crashes, chunk_rows, pauses)
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
    return replace(workshop, parts=replace(workshop.parts, kinds=lambda _, __, name: {name: kind}))


def test_a_file_with_more_rows_than_the_kind_takes_is_refused_before_a_row_is_written(workshop: Workshop) -> None:
    small = with_kind(workshop, replace(KIND, limits=KindLimits(rows=2)))
    job = small.run(small.submit(b"code,n\na,1\nb,2\nc,3\n", {}), [], 10)
    assert (job.status, job.failure and job.failure.code) == ("failed", "too-many-rows")
    assert job.ledger == Ledger()
    assert workshop.table() == {}


def test_what_an_import_makes_is_kept_as_long_as_its_kind_says(workshop: Workshop) -> None:
    kept = with_kind(workshop, replace(KIND, retention=Retention(errors_days=7)))
    job = kept.run(kept.submit(b"code,n\na,1\nb,x\n", {}), [], 10)
    question = "select category, extract(days from expires_at - created_at) from artifacts where job_id = %s and category <> 'input'"
    made = workshop.admin.execute(question, [job.id]).fetchall()
    assert dict(made) == dict.fromkeys(("staging", "output", "errors"), 7)


def test_a_mode_that_the_kind_took_when_the_job_was_sent_and_takes_no_more_stops_it(workshop: Workshop) -> None:
    narrow = with_kind(workshop, replace(KIND, modes=(Mode.CREATE,)))
    job = narrow.run(narrow.submit(b"code,n\na,1\n", {"mode": "upsert"}), [], 10)
    assert (job.status, job.failure and job.failure.code) == ("failed", "mode-not-allowed")


def test_a_column_that_tells_its_decimal_sign_in_its_last_row_is_read_alike_in_every_block_and_by_every_attempt(
    workshop: Workshop,
) -> None:
    kind = from_declaration(
        {
            "name": "sums",
            "schema": {
                "fields": [{"name": "code", "type": "string"}, {"name": "n", "type": "number", "scale": 3}],
                "primaryKey": ["code"],
            },
        }
    )
    with connect(workshop.database, Role.OWNER) as owner:
        ensure_table(owner, kind)
    rows = [[f"c{number}", f"{number}.000"] for number in range(1, 60)] + [["last", "0,5"]]
    sums = with_kind(workshop, kind)
    job = sums.run(sums.submit(as_csv(("code", "n"), rows), {"delimiter": ","}), [25, 30], 7)
    assert (job.status, job.ledger.created, job.attempt.number) == ("succeeded", 60, 3)
    assert job.source["decimal_signs"] == {"n": ","}
    stored = dict(workshop.admin.execute("select code, n::text from rows.sums").fetchall())
    assert stored == {f"c{number}": f"{number}000.000" for number in range(1, 60)} | {"last": "0.500"}


@pytest.mark.parametrize("options", [{}, {"on_error": "atomic"}])
def test_a_file_of_which_no_number_can_be_read_one_way_is_refused_with_what_to_say(
    workshop: Workshop, options: dict[str, object]
) -> None:
    kind = from_declaration({"name": "sums", "schema": {"fields": [{"name": "n", "type": "number", "scale": 3}]}})
    with connect(workshop.database, Role.OWNER) as owner:
        ensure_table(owner, kind)
    sums = with_kind(workshop, kind)
    job = sums.run(sums.submit(b"N\n1.000\n31.422\n", options), [], 10)
    assert (job.status, job.failure and job.failure.code) == ("failed", "number-ambiguous")
    assert job.ledger == Ledger(read=2, not_attempted=2)
    assert (job.source["columns"], job.source["mapping"]) == (["N"], {"N": "n"})
    assert job.failure is not None
    assert "N" in job.failure.message
    assert "decimal_sign" in job.failure.message
    told = sums.run(sums.submit(b"N\n1.000\n31.422\n7\n", {}), [], 10)
    assert (told.status, told.ledger.created, told.ledger.failed) == ("partial", 1, 2)
    assert [code for _, code, _ in workshop.issues(told.id)] == ["number-ambiguous"] * 2
