"""How jobs and their rows read in gu1: the vendor's own examples, key by key, and what each status makes of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from rowferry.api.gu1 import shapes
from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, RowIssue
from rowferry.domain.job import IMPORT_STEPS, Attempt, Job, JobId, RowNumber, Status
from rowferry.domain.ledger import Ledger
from rowferry.service.jobs import RowResult

FIXTURES = Path(__file__).parents[5] / "shared/spec/fixtures/gu1"
AT = datetime(2026, 3, 4, 9, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
JOB = Job(
    id=JobId(UUID("00000000-0000-4000-8000-000000000001")), number=1, tenant=TenantId(1), kind="entity_automatic", type="import",
    status=Status.QUEUED, version=1, created_at=AT, started_at=None, finished_at=None, created_by=7, created_by_name="ana",
    steps=IMPORT_STEPS, steps_completed=0, rows_total=None, load_started_at=None, cursor=RowNumber(0), ledger=Ledger(), attempt=Attempt(),
    cancel_requested_at=None, pause_requested_at=None, failure=None, source={"file_name": "people.csv", "bytes": 1}, options={}, params={},
    metadata={}, result=None,
)  # fmt: skip
RUNNING = replace(
    JOB,
    status=Status.RUNNING,
    rows_total=20,
    ledger=Ledger(read=14, created=11, failed=2, skipped=1),
    attempt=Attempt(1, heartbeat_at=AT + 30 * SECOND, lease_expires_at=AT + 630 * SECOND),
)
COMPLETED = replace(
    RUNNING,
    status=Status.PARTIAL,
    ledger=Ledger(read=20, created=17, failed=2, skipped=1),
    finished_at=AT + 59 * SECOND,
    attempt=Attempt(1, heartbeat_at=AT + 58 * SECOND),
)
FAILED = replace(
    COMPLETED,
    kind="transaction_batch",
    status=Status.FAILED,
    ledger=Ledger(read=20, not_attempted=20),
    source={"file_name": "payments.csv"},
    attempt=Attempt(1, heartbeat_at=AT + 5 * SECOND),
    finished_at=AT + 6 * SECOND,
    failure=JobFault("invalid-references", "3 transactions name entities that do not exist"),
)


def fixture(name: str) -> dict:
    path = FIXTURES / f"{name}.json"
    if not path.exists():
        pytest.skip("the wire formats' own examples are not here")
    return json.loads(path.read_text())


def issue(code: str, field: str | None = None, outcome: str = "failed", **arguments) -> RowIssue:
    return RowIssue(1, 2, field, None, code, None, arguments, outcome, "")


def row(number: int, outcome: str, *issues: RowIssue, **cells: str) -> RowResult:
    return RowResult(number, number + 1, outcome, cells, issues)


def without_ours(job: dict) -> dict:
    """A job without what the vendor's examples leave out of `metadata`, and the details of a failure."""
    found = json.loads(json.dumps(job))
    for name in ("skippedExisting", "apiError"):
        found["metadata"].pop(name, None)
    found.get("jobFailure", {}).pop("details", None)
    return found


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("job-status-running", RUNNING),
        ("job-status-cancel-requested", replace(RUNNING, cancel_requested_at=AT)),
        ("job-status-completed", COMPLETED),
        ("job-status-failed", FAILED),
    ],
)
def test_a_job_reads_as_in_the_vendors_example(name, job):
    shape = shapes.status_shape(job)
    expected = fixture(name)
    assert without_ours(shape["job"]) == expected["job"]
    assert [*shape] == [*expected]
    assert [*shape["job"]] == [*expected["job"]]


def test_the_failures_of_entities_read_as_in_the_vendors_example():
    failures = [
        row(1, "failed", issue("unique", value="c-1", where="in line 3"), tax_id="00000000001", type="Company "),
        row(2, "failed", issue("inconsistent", message="x"), tax_id="00000000002", type="person"),
    ]
    skips = [row(3, "skipped", issue("already-exists", outcome="skipped"), tax_id="00000000003", type="person")]
    shape, expected = shapes.failures_shape(COMPLETED, failures, skips), fixture("entity-failures")
    for shown in (shape, expected):
        for failure in shown["failures"]:
            assert failure.pop("message")
    assert shape == expected
    assert [*shape] == [*expected]


@pytest.mark.parametrize(
    ("name", "kind", "failure"),
    [
        (
            "transaction-failures",
            "transaction_batch",
            row(4, "failed", issue("already-exists", "external_id", value="tx-1"), external_id="tx-1"),
        ),
        ("user-event-failures", "user_event_batch", row(4, "failed", issue("required", "event_type"))),
    ],
)
def test_the_failures_of_other_kinds_read_as_in_the_vendors_examples(name, kind, failure):
    job = replace(COMPLETED, kind=kind, rows_total=10, ledger=Ledger(read=10, created=9, failed=1))
    shape, expected = shapes.failures_shape(job, [failure], []), fixture(name)
    shape["failures"][0]["message"] = expected["failures"][0]["message"]
    assert shape == expected
    assert [*shape] == [*expected]


def test_a_job_without_failed_rows_has_an_empty_list():
    job = replace(COMPLETED, kind="transaction_batch", status=Status.SUCCEEDED, ledger=Ledger(read=20, created=20))
    shape = shapes.failures_shape(job, [], [])
    assert shape == fixture("job-status-failures-none")


def test_counts_are_null_until_an_attempt_began():
    shape = shapes.job_shape(JOB)
    assert [shape[name] for name in ("totalItems", "succeeded", "failed", "skipped")] == [None] * 4
    assert (shape["heartbeatAt"], shape["leaseExpiresAt"], shape["completedAt"]) == (None, None, None)
    assert "jobFailure" not in shape


def test_counts_are_numbers_once_the_job_has_ended_whatever_became_of_it():
    shape = shapes.job_shape(replace(JOB, status=Status.CANCELLED, finished_at=AT))
    assert (shape["succeeded"], shape["failed"], shape["skipped"]) == (0, 0, 0)
    assert shape["completedAt"] == "2026-03-04T09:00:00.000Z"


def test_a_paused_job_reads_as_running_and_says_so():
    shape = shapes.job_shape(replace(RUNNING, status=Status.PAUSED))
    assert (shape["status"], shape["metadata"]["batchPaused"]) == ("running", True)


def test_a_wish_to_pause_is_told_until_it_takes_effect():
    shape = shapes.job_shape(replace(RUNNING, pause_requested_at=AT))
    assert shape["metadata"]["batchPauseRequested"] is True
    assert "batchPaused" not in shape["metadata"]


def test_a_cancel_that_took_effect_is_no_longer_asked_for():
    shape = shapes.job_shape(replace(COMPLETED, status=Status.CANCELLED, cancel_requested_at=AT))
    assert "batchCancelRequested" not in shape["metadata"]


def test_a_failed_job_tells_our_own_code_in_the_details():
    failure = JobFault("unknown-columns", "The file has columns that go to no field.", {"columns": ["x"]})
    shape = shapes.job_shape(replace(FAILED, failure=failure))
    assert shape["jobFailure"] == {
        "code": "INVALID_FILE",
        "message": "The file has columns that go to no field.",
        "details": {"columns": ["x"], "code": "unknown-columns"},
    }
    assert shape["metadata"]["apiError"] == {
        "code": "INVALID_FILE",
        "message": "The file has columns that go to no field.",
    }


def test_rows_that_name_no_entity_are_the_fault_of_the_job_alone():
    job = replace(FAILED, ledger=Ledger(read=20, failed=3, not_attempted=17))
    assert shapes.job_shape(job)["failed"] == 0
    shape = shapes.failures_shape(job, [], [])
    assert (shape["failures"], shape["failuresTotal"], shape["truncated"]) == ([], 0, False)


def test_an_interrupted_job_tells_why_but_has_not_failed():
    failure = JobFault("attempts-exhausted", "Its worker died three times.")
    shape = shapes.job_shape(replace(COMPLETED, status=Status.INTERRUPTED, failure=failure))
    assert shape["status"] == "interrupted"
    assert shape["workerError"] == "ATTEMPTS_EXHAUSTED: Its worker died three times."
    assert "jobFailure" not in shape


def test_a_long_reason_is_cut_in_the_one_text_that_is_short():
    shape = shapes.job_shape(replace(FAILED, failure=JobFault("internal", "x" * 5_000)))
    assert len(shape["workerError"]) == 500
    assert len(shape["jobFailure"]["message"]) == 5_000


def test_options_of_the_upload_are_shown_but_never_hide_what_we_say():
    kept = {"importMode": "automatic", "options": {"depth": 2, "fileName": "of the caller"}}
    shape = shapes.job_shape(replace(COMPLETED, params={"gu1": kept}))
    assert shape["metadata"] == {
        "fileName": "people.csv",
        "importMode": "automatic",
        "skippedExisting": 1,
        "depth": 2,
    }


def test_rows_that_came_as_json_have_no_file():
    shape = shapes.job_shape(replace(JOB, params={"gu1": {"items": True}}))
    assert shape["metadata"] is None


def test_a_row_that_cannot_be_read_is_told_without_its_names():
    shape = shapes.failures_shape(COMPLETED, [row(1, "failed", issue("quote-error"))], [])
    assert shape["failures"][0] == {
        "taxId": "",
        "type": "person",
        "outcome": "failed",
        "code": "VALIDATION_ERROR",
        "message": "A quoted cell never ends or goes on after its end. Double the quotes inside it.",
    }


def test_all_that_is_wrong_with_a_row_is_said_under_the_code_of_the_first():
    failed = row(1, "failed", issue("required", "country_code"), issue("type-error", value="x", type="date", hint=""))
    (failure,) = shapes.failures_shape(COMPLETED, [failed], [])["failures"]
    assert failure["message"] == "countryCode: A value is required. x is no date."


@pytest.mark.parametrize(
    ("mode", "code"), [("manual", "SKIPPED_DUPLICATE_TAX_ID"), ("automatic", "SKIPPED_ENTITY_ALREADY_EXISTS")]
)
def test_a_skip_is_called_after_the_mode_of_the_import(mode, code):
    job = replace(COMPLETED, params={"gu1": {"importMode": mode}})
    assert shapes.failures_shape(job, [], [row(1, "skipped")])["skips"][0]["code"] == code


def test_more_failures_than_are_shown_are_counted():
    job = replace(COMPLETED, ledger=Ledger(read=2_000, failed=2_000))
    shape = shapes.failures_shape(job, [row(n, "failed", issue("required")) for n in range(500)], [])
    assert (shape["truncated"], shape["failuresTotal"]) == (True, 2_000)


def test_a_report_tells_every_row():
    rows = [row(1, "created", tax_id="1", type="person"), row(2, "skipped", tax_id="2", type="company")]
    records = [shapes.report_record(COMPLETED, one) for one in rows]
    assert records == [
        ["1", "person", "created", "", ""],
        ["2", "company", "skipped_existing", "SKIPPED_DUPLICATE_TAX_ID", ""],
    ]
