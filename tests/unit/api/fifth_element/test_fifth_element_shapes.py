"""How a job reads in Fifth Element, whatever became of it, and how refusals are worded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rowferry.api.fifth_element import shapes
from rowferry.domain import faults
from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, Pointed
from rowferry.domain.job import IMPORT_STEPS, Attempt, Job, JobId, RowNumber, Status
from rowferry.domain.ledger import Ledger
from rowferry.ids import uuid7

FIXTURES = Path(__file__).parents[5] / "shared/spec/fixtures/fifth-element"
VENDOR = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures of the specification are not here")
AT = datetime(2026, 3, 4, 9, 0, 0, 987_000, tzinfo=UTC)
KEYS = ["id", "type", "status", "progress", "result", "createdAt", "completedAt"]


def job_of(status: Status, **more) -> Job:
    job = Job(
        id=JobId(uuid7()), number=31, tenant=TenantId(1), kind="customers", type="import", status=status, version=1,
        created_at=AT, started_at=None if status is Status.QUEUED else AT, finished_at=None, created_by=7, created_by_name="ana",
        steps=IMPORT_STEPS, steps_completed=2, rows_total=None, load_started_at=None, cursor=RowNumber(0), ledger=Ledger(),
        attempt=Attempt(), cancel_requested_at=None, pause_requested_at=None, failure=None, source={}, options={}, params={}, metadata={},
        result=None,
    )  # fmt: skip
    return replace(job, **more)


DOCUMENTS = {"kind": "document_processing", "type": "task"}
UNREADABLE = JobFault("document-unreadable", "The file is encrypted.")
AS_SHOWN = {
    "job-completed": job_of(Status.SUCCEEDED, finished_at=AT, ledger=Ledger(12, created=12), **DOCUMENTS),
    "job-running": job_of(Status.RUNNING, rows_total=10, cursor=RowNumber(4), ledger=Ledger(4, 4), **DOCUMENTS),
    "job-failed": job_of(
        Status.FAILED, finished_at=AT, rows_total=10, cursor=RowNumber(4), ledger=Ledger(5, 4, failed=1), failure=UNREADABLE, **DOCUMENTS
    ),
}  # fmt: skip


@VENDOR
@pytest.mark.parametrize("name", AS_SHOWN)
def test_a_job_reads_as_the_vendor_shows_it(name) -> None:
    shown = json.loads((FIXTURES / f"{name}.json").read_text())
    made = shapes.success(shapes.job_shape(AS_SHOWN[name]))
    assert list(made) == list(shown)
    assert list(made["data"]) == list(shown["data"])
    for key in ("type", "status", "progress"):
        assert made["data"][key] == shown["data"][key]
    for key in ("result", "completedAt"):
        assert (made["data"][key] is None) == (shown["data"][key] is None)
    if shown["data"]["result"]:
        assert list(made["data"]["result"]) == list(shown["data"]["result"])


@pytest.mark.parametrize("status", Status)
def test_every_key_is_there_in_every_status(status) -> None:
    job = job_of(status)
    shape = shapes.job_shape(job)
    assert list(shape) == KEYS
    assert isinstance(shape["progress"], int)
    assert (shape["result"] is None) == (not job.terminal)
    assert shape["type"] == "import"


def test_times_are_utc_to_the_second_and_cut() -> None:
    later = datetime(2026, 3, 4, 11, 1, 15, 999_999, tzinfo=timezone(timedelta(hours=2)))
    shape = shapes.job_shape(job_of(Status.SUCCEEDED, finished_at=later))
    assert (shape["createdAt"], shape["completedAt"]) == ("2026-03-04T09:00:00Z", "2026-03-04T09:01:15Z")


def test_an_import_counts_what_is_in_and_what_failed() -> None:
    ledger = Ledger(10, created=3, updated=2, unchanged=1, skipped=1, failed=3)
    assert shapes.result_shape(job_of(Status.PARTIAL, ledger=ledger)) == {"rowsImported": 6, "errors": 3}


def test_an_export_says_where_its_file_is_once_it_is_whole() -> None:
    export = {"kind": "export", "type": "task", "ledger": Ledger(7, created=7)}
    done = job_of(Status.SUCCEEDED, result={"rows_exported": 7}, **export)
    assert shapes.job_shape(done)["type"] == "export"
    assert shapes.result_shape(done) == {
        "rowsExported": 7,
        "errors": 0,
        "fileUrl": f"/v1/api/jobs/{done.id}/file",
    }
    assert shapes.result_shape(job_of(Status.CANCELLED, **export)) == {"rowsExported": 7, "errors": 0, "fileUrl": None}


def test_another_task_shows_its_own_result_in_camel_case() -> None:
    job = job_of(Status.SUCCEEDED, kind="delete", type="task", result={"rows_deleted": 3})
    assert shapes.job_shape(job)["type"] == "delete"
    assert shapes.result_shape(job) == {"rowsDeleted": 3, "errors": 0}


def test_another_task_that_ended_early_shows_what_became_of_its_rows() -> None:
    job = job_of(Status.CANCELLED, kind="delete", type="task", ledger=Ledger(7, updated=3, failed=1, not_attempted=3))
    counts = {"created": 0, "updated": 3, "unchanged": 0, "skipped": 0, "notAttempted": 3}
    assert shapes.result_shape(job) == {**counts, "errors": 1}


def test_a_dry_run_imports_nothing() -> None:
    job = job_of(Status.PARTIAL, ledger=Ledger(3, created=2, failed=1), options={"dry_run": True})
    assert shapes.result_shape(job) == {"rowsImported": 0, "errors": 1}


def test_a_job_that_failed_says_why() -> None:
    stopped = job_of(Status.FAILED, failure=JobFault("no-header", "The file has no header.", {"secret": "detail"}))
    assert shapes.result_shape(stopped)["error"] == {"code": "no-header", "message": "The file has no header."}
    assert shapes.result_shape(job_of(Status.INTERRUPTED))["error"]["code"] == "interrupted"
    assert "error" not in shapes.result_shape(job_of(Status.CANCELLED))


def test_progress_ends_at_100_only_at_a_good_end() -> None:
    all_rows = {"rows_total": 10, "cursor": RowNumber(10), "ledger": Ledger(10, 10)}
    assert shapes.percent(job_of(Status.QUEUED)) == 0
    assert shapes.percent(job_of(Status.RUNNING, **all_rows)) == 99
    assert shapes.percent(job_of(Status.FAILED, **all_rows)) == 99
    assert shapes.percent(job_of(Status.SUCCEEDED)) == 100


def test_only_a_job_that_repeats_another_names_it() -> None:
    old = JobId(uuid7())
    again = job_of(Status.QUEUED, original_job_id=old)
    assert list(shapes.job_shape(again)) == [*KEYS, "originalJobId"]
    assert shapes.job_shape(again)["originalJobId"] == str(old)


# Refusals -------------------------------------------------------------------------------------------------------------


@VENDOR
@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("error-not-found", faults.NotFound(noun="job", name="x")),
        (
            "error-validation",
            faults.Invalid(
                reason="limit must be a number.", errors=(Pointed("limit must be a number.", "/query/limit"),)
            ),
        ),
    ],
)
def test_a_failure_reads_as_the_vendor_shows_it(name, refusal) -> None:
    assert shapes.refusal_shape(refusal) == json.loads((FIXTURES / f"{name}.json").read_text())


def test_a_job_in_the_wrong_status_says_the_status_in_the_words_of_the_dialect() -> None:
    shape = shapes.refusal_shape(faults.NotAllowedNow(status=Status.PAUSED, move="rerun"))
    assert shape["error"]["name"] == "ValidationError"
    assert shape["error"]["details"] == {"status": "running"}
    assert "paused" not in shape["error"]["message"]


def test_each_fault_of_a_body_is_told_with_its_place() -> None:
    errors = (Pointed("mode is wrong.", "/options/mode"), Pointed("title is missing.", "/title"))
    shape = shapes.refusal_shape(faults.Invalid(reason="Both.", errors=errors))
    assert [one["path"] for one in shape["error"]["details"]["errors"]] == ["/params/options/mode", "/title"]


SAMPLES = {
    "not-allowed-now": {"status": "succeeded", "move": "rerun"},
    "unauthenticated": {"reason": "No."},
    "rate-limited": {"limit": 1, "seconds": 60, "retry_after": 3},
}


@pytest.mark.parametrize("refusal", faults.Refusal.__subclasses__())
def test_every_refusal_has_the_one_shape(refusal) -> None:
    told = dict.fromkeys(
        ("noun", "name", "scope", "reason", "part", "job", "kind", "differences", "remedy", "what", "limit", "rate", "key",
         "retry_after", "seconds", "floor", "bytes", "method", "media_type", "accepted"), "x",
    )  # fmt: skip
    shape = shapes.refusal_shape(refusal(**told | SAMPLES.get(refusal.code, {})))
    assert shape["data"] is None
    assert list(shape["error"]) == ["name", "message", "details"]
    assert shape["error"]["message"]
    assert isinstance(shape["error"]["details"], dict)
