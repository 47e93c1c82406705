"""A rule that is a function judges the rows of a real import, and one that fails ends its job with its name and without a lost row."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pytest

from rowferry.domain.declaration import normal
from rowferry.domain.schema import Rule
from workshop import KIND, Workshop, workshop_of

ROWS = b"code,n,note\n" + b"".join(b"%s,%d,x\n" % (bytes([97 + n // 26, 97 + n % 26]), n) for n in range(50))


@pytest.fixture
def bench(database, admin, system, tenant, tmp_path) -> Callable[[Callable], Workshop]:
    """Makes a workshop whose kind has a rule that is this function of the column `n`."""

    def make(function: Callable) -> Workshop:
        rule = Rule("own-rule", function, "Not as we want it", field="n", fields=("n",))
        kind = normal(replace(KIND, schema=replace(KIND.schema, rules=(*KIND.schema.rules, rule))))
        made = workshop_of(database, admin, system, tenant, tmp_path)
        made.parts = replace(made.parts, kinds=lambda _, __, name: {name: kind})
        return made

    return make


def below_forty(rows: pl.DataFrame) -> pl.Series:
    return rows["n"] < 40


def broken_from_forty(rows: pl.DataFrame) -> pl.Series:
    if (rows["n"] >= 40).any():
        raise ZeroDivisionError("on purpose")
    return rows["n"] >= 0


def test_rows_that_break_it_fail_and_all_others_are_in(bench) -> None:
    workshop = bench(below_forty)
    job_id = workshop.submit(ROWS, {})
    job = workshop.run(job_id, [], chunk_rows=10)
    assert (str(job.status), job.ledger.created, job.ledger.failed) == ("partial", 40, 10)
    assert workshop.issues(job_id) == [(row, "own-rule", "failed") for row in range(41, 51)]


def test_a_function_that_raises_ends_the_job_and_what_was_settled_stays(bench) -> None:
    workshop = bench(broken_from_forty)
    job = workshop.run(workshop.submit(ROWS, {}), [], chunk_rows=10)
    assert str(job.status) == "failed"
    assert job.failure is not None
    assert (job.failure.code, job.failure.details["rule"]) == ("rule-failed", "own-rule")
    assert "on purpose" in job.failure.message
    assert len(workshop.table()) == job.ledger.created < 50
    assert job.ledger.created + job.ledger.not_attempted == job.ledger.read == 50


def test_a_function_that_raises_writes_nothing_where_the_verdict_comes_first(bench) -> None:
    workshop = bench(broken_from_forty)
    job = workshop.run(workshop.submit(ROWS, {"on_error": "atomic"}), [], chunk_rows=10)
    assert job.failure is not None
    assert (job.failure.code, workshop.table()) == ("rule-failed", {})
