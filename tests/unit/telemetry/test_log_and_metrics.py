"""What a process writes to its log, and what it tells a scrape."""

import io
import json
import logging

import polars as pl
import pytest
import structlog

from rowferry.telemetry import KINDS_MAX, SIGNALS, Fleet, Meters, capped, start_log


@pytest.fixture
def lines():
    """A started log on a stream of the test, and what was written to it; the process's own log is put back afterwards."""
    root = logging.getLogger()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    start_log(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before
    root.setLevel(level)


class _Database(Exception):
    sqlstate = "23505"


def test_a_log_that_is_no_terminal_is_one_json_object_a_line(lines):
    structlog.stdlib.get_logger("rowferry.worker").info("attempt.done", rows=3)

    (line,) = lines()
    assert (line["event"], line["rows"], line["level"], line["logger"]) == (
        "attempt.done",
        3,
        "info",
        "rowferry.worker",
    )
    assert line["timestamp"].endswith("Z")


def test_a_line_of_a_library_has_the_same_shape_and_the_job_that_it_was_written_for(lines):
    structlog.contextvars.bind_contextvars(job_id="j-1")
    logging.getLogger("procrastinate").warning("late by %s s", 3)

    (line,) = lines()
    assert (line["event"], line["level"], line["job_id"]) == ("late by 3 s", "warning", "j-1")


def test_a_value_with_line_ends_forges_no_line(lines):
    structlog.stdlib.get_logger().warning("upload.named", name='x\n{"event": "forged"}')

    assert [line["event"] for line in lines()] == ["upload.named"]


def test_secrets_and_cells_are_masked_whoever_logs_them(lines):
    structlog.stdlib.get_logger().info("asked", token="rf_secret", value="11987654321", rows=1)

    (line,) = lines()
    assert (line["token"], line["value"], line["rows"]) == ("•••", "•••", 1)


def _copy_in():
    cell = "1" * 11
    raise _Database(f"duplicate key\nDETAIL:  Key (tax_id)=({cell}) already exists.")


def _load():
    try:
        _copy_in()
    except _Database as error:
        raise RuntimeError("chunk failed") from error


@pytest.mark.parametrize("logger", [structlog.stdlib.get_logger("ours"), logging.getLogger("a-library")])
def test_of_an_error_of_the_database_only_the_sqlstate_is_written(lines, logger):
    try:
        _load()
    except RuntimeError:
        logger.exception("attempt.broke")

    (line,) = lines()
    assert "SQLSTATE 23505" in line["exception"]
    assert line["exception"].endswith("RuntimeError: chunk failed")
    assert "1" * 11 not in line["exception"]


def test_of_an_error_that_quotes_cells_only_the_type_is_written(lines):
    with pytest.raises(pl.exceptions.PolarsError, match="x" * 11) as caught:
        pl.Series(["x" * 11]).cast(pl.Int64)
    structlog.stdlib.get_logger().error("attempt.broke", exc_info=caught.value)

    (line,) = lines()
    assert "InvalidOperationError" in line["exception"]
    assert "x" * 11 not in line["exception"]


def test_a_scrape_shows_every_named_signal():
    meters = Meters()
    meters.requests.labels("GET", "200").inc()
    meters.upload_bytes.inc(117)
    fleet = Fleet({"queued": 2}, {("customers", "partial"): 1}, {"created": 9}, {"busy": 1, "idle": 1}, 2.5)

    text = meters.exposition(fleet).decode()

    assert [signal.name for signal in SIGNALS if signal.name not in text] == []
    assert 'rowferry_jobs_finished_total{kind="customers",outcome="partial"} 1.0' in text
    assert "rowferry_upload_bytes_total 117.0" in text
    assert "rowferry_oldest_waiting_job_age_seconds 2.5" in text


def test_two_processes_of_one_test_count_apart():
    first, second = Meters(), Meters()
    first.upload_bytes.inc(5)

    assert b"rowferry_upload_bytes_total 0.0" in second.exposition(Fleet())


def test_kinds_beyond_the_cap_are_counted_together():
    counts = capped({(f"kind-{n:03}", "succeeded"): n + 1 for n in range(KINDS_MAX + 2)})

    assert len(counts) == KINDS_MAX + 1
    assert counts["other", "succeeded"] == 1 + 2
