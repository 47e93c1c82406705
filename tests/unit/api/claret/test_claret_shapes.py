"""How a job reads in Claret, whatever became of it, and how refusals are worded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rowferry.api.claret import shapes, words
from rowferry.domain import faults
from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, Pointed, RowIssue
from rowferry.domain.job import IMPORT_STEPS, Attempt, Job, JobId, RowNumber, Status
from rowferry.domain.ledger import Ledger
from rowferry.ids import uuid7
from rowferry.service.jobs import Artifact

FIXTURES = Path(__file__).parents[5] / "shared/spec/fixtures/claret"
AT = datetime(2026, 3, 4, 9, 0, 0, 987_000, tzinfo=UTC)
LINK = "https://example.org/acme/settings/application-maintenance/job-management/imports/logs/31"


def job_of(status: Status, steps_completed: int, **more) -> Job:
    job = Job(
        id=JobId(uuid7()), number=31, tenant=TenantId(1), kind="inventory-import", type="import", status=status, version=1,
        created_at=AT, started_at=None if status is Status.QUEUED else AT, finished_at=None, created_by=7, created_by_name="ana",
        steps=IMPORT_STEPS, steps_completed=steps_completed, rows_total=None, load_started_at=None, cursor=RowNumber(0), ledger=Ledger(),
        attempt=Attempt(), cancel_requested_at=None, pause_requested_at=None, failure=None, source={}, options={}, params={}, metadata={},
        result=None,
    )  # fmt: skip
    return replace(job, **more)


def files_of(job: Job, **names: str) -> list[Artifact]:
    return [
        Artifact(uuid7(), job.id, category, name, "text/csv", 1, "", "", AT, None) for category, name in names.items()
    ]


def read(job: Job, **names: str) -> dict:
    paths = shapes.by_category(shapes.placed("acme", job, files_of(job, **names)))
    return shapes.job_shape(job, "Inventory Import", LINK, paths)


ALL = {
    "input": "stock.csv",
    "staging": "stock.staging.csv",
    "output": "stock.output.csv",
    "errors": "stock.errors.csv",
}
AS_SHOWN = {
    "job-status-pending": (job_of(Status.QUEUED, 0), ["input"]),
    "job-status-in-progress": (job_of(Status.RUNNING, 5), ["input", "staging"]),
    "job-status-completed": (
        job_of(Status.PARTIAL, 8, finished_at=AT + timedelta(seconds=75)),
        ["input", "staging", "output", "errors"],
    ),
    "job-status-failed": (
        job_of(Status.FAILED, 4, finished_at=AT + timedelta(seconds=40)),
        ["input", "staging", "errors"],
    ),
}


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the fixtures of the specification are not here")
@pytest.mark.parametrize("name", sorted(AS_SHOWN))
def test_a_job_reads_as_the_vendor_shows_it(name) -> None:
    job, categories = AS_SHOWN[name]
    shown = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    assert json.dumps(read(job, **{category: ALL[category] for category in categories})) == json.dumps(shown)


@pytest.mark.parametrize("status", list(Status))
def test_every_key_is_there_in_every_status(status) -> None:
    content = read(job_of(status, 3, created_by=None))["content"]
    assert list(content) == [
        "job_log_id", "status", "type", "description", "progress", "files", "job_status_link", "timestamps", "user_id",
    ]  # fmt: skip
    assert list(content["progress"]) == ["completed_steps", "total_steps", "current_step"]
    assert list(content["files"]) == ["input", "staging", "output", "errors"]
    assert list(content["timestamps"]) == ["started_at", "completed_at"]
    assert content["user_id"] == 0
    assert content["progress"]["current_step"] == ("validate" if content["status"] == "in_progress" else None)


def test_a_job_that_was_handed_back_says_no_less_progress_than_before() -> None:
    progress = read(job_of(Status.QUEUED, 5, started_at=AT))["content"]["progress"]
    assert progress == {"completed_steps": 5, "total_steps": 8, "current_step": None}


def test_a_job_that_failed_as_a_whole_says_why() -> None:
    failure = JobFault("missing-columns", "The file has no column for “quantity”.")
    said = read(job_of(Status.FAILED, 2, failure=failure))["message"]
    assert said == "Job status retrieved successfully. The job failed: The file has no column for “quantity”."


def test_days_and_times_are_utc_wherever_the_database_is() -> None:
    late = datetime(2026, 3, 4, 23, 30, tzinfo=timezone(timedelta(hours=-3)))
    content = read(job_of(Status.RUNNING, 1, created_at=late, started_at=late), input="a.csv")["content"]
    assert content["timestamps"]["started_at"] == "2026-03-05T02:30:00Z"
    assert content["files"]["input"] == [
        "/acme/download/acme/user-uploads/inventory-import/2026-03-05/31/inventory_20260305_untouched.csv"
    ]


def test_no_two_files_have_one_path_and_no_name_of_a_stranger_gets_into_one() -> None:
    job = job_of(Status.SUCCEEDED, 3, kind="batch_embedding")
    strange = Artifact(uuid7(), job.id, "output", "../../x.csv/..;rm", "text/csv", 1, "", "", AT, None)
    parts = [replace(strange, name=name) for name in ("a.jsonl", "b.jsonl", strange.name)]
    paths = list(shapes.placed("acme", job, parts))
    folder = "/acme/download/acme/user-uploads/batch_embedding/2026-03-04/31/batch_20260304_final"
    assert paths == [f"{folder}.jsonl", f"{folder}_2.jsonl", f"{folder}.csv"]


# What was done --------------------------------------------------------------------------------------------------------


def issue(row: int, field: str | None, code: str, **arguments: object) -> RowIssue:
    return RowIssue(row, row + 1, field, field, code, None, arguments, "failed", "")


def test_an_import_counts_what_was_as_sent_already_as_updated_and_gathers_faults_by_record() -> None:
    job = job_of(Status.PARTIAL, 8, ledger=Ledger(read=6, created=1, updated=1, unchanged=2, failed=2))
    issues = [issue(2, "item_name", "required"), issue(2, "quantity", "required"), issue(5, None, "required")]
    content = shapes.imported_shape(job, issues, LINK)["content"]
    assert content == {
        "created": 1,
        "updated": 3,
        "failed": 2,
        "errors": [
            {"row": 2, "errors": ["item_name: A value is required.", "quantity: A value is required."]},
            {"row": 5, "errors": ["A value is required."]},
        ],
        "job_status_link": LINK,
    }


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (job_of(Status.RUNNING, 5), "has not ended yet and goes on"),
        (job_of(Status.CANCELLED, 5), "was cancelled"),
        (job_of(Status.INTERRUPTED, 5), "was interrupted"),
        (job_of(Status.FAILED, 5, failure=JobFault("internal", "Something broke.")), "failed: Something broke."),
    ],
)
def test_a_job_without_a_result_says_so_and_where_to_look(job, said) -> None:
    message = shapes.unfinished_message("import", job, LINK)
    assert said in message
    assert LINK in message


# Refusals -------------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_names_every_field_in_the_manner_of_laravel() -> None:
    refusal = faults.Invalid(
        reason="…",
        errors=(Pointed("One.", "/payload/0"), Pointed("Two.", "/payload/0"), Pointed("Three.", "/a~1b/c")),
    )
    assert shapes.refusal_shape(refusal) == {
        "message": "One. (and 2 more errors)",
        "errors": {"payload.0": ["One.", "Two."], "a/b.c": ["Three."]},
    }


def test_what_does_not_fit_always_names_a_field() -> None:
    for refusal, field in (
        (faults.MalformedJson(part="The body", reason="no."), "body"),
        (faults.EmptyFile(name="a.csv"), "file"),
    ):
        assert shapes.refusal_shape(refusal) == {"message": str(refusal), "errors": {field: [str(refusal)]}}


def test_a_refused_token_is_not_told_why() -> None:
    refusal = faults.Unauthenticated(reason="The token was revoked.", sent=True)
    assert shapes.refusal_shape(refusal) == {"message": words.UNAUTHENTICATED}
