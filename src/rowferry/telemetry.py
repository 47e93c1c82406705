"""The names of all signals: metrics and their labels, log keys, and how a process writes its log."""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Literal, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rowferry import __version__

JOB_ID = "job_id"
REQUEST_ID = "request_id"
"""The two keys by which log lines of several processes are put together."""

SECRET_KEYS = frozenset(
    {"authorization", "password", "secret", "token", "database_url", "blobs_url", "value", "record", "dsn", "conninfo"}
)
"""Keys whose values no log line may hold, whoever wrote it."""

QUIET = ("alembic", "httpcore2", "httpx2", "procrastinate", "psycopg.pool")
"""Libraries that say at length what went well; of these only warnings are written."""

TELL_ROWS = frozenset({"polars", "pyarrow"})
"""Libraries whose errors quote the cells that they failed at."""

KINDS_MAX = 50
"""How many kinds are told apart by a label; the rest are counted together as `other`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One metric. Labels never hold a job, a tenant, a file or a user: there is no limit to their number."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


BUILD_INFO = Signal("rowferry_build_info", "gauge", "Always 1; the label says which version runs.", ("version",))
JOBS = Signal("rowferry_jobs", "gauge", "Jobs by status.", ("status",))
JOBS_FINISHED = Signal(
    "rowferry_jobs_finished_total",
    "counter",
    "Jobs that came to an end, by kind and terminal status.",
    ("kind", "outcome"),
)
ROWS = Signal("rowferry_rows_total", "counter", "Rows of ended jobs, by outcome.", ("outcome",))
OLDEST_WAITING = Signal(
    "rowferry_oldest_waiting_job_age_seconds", "gauge", "Age of the oldest job that may run and does not."
)
WORKERS = Signal("rowferry_workers", "gauge", "Executor processes, by whether they have a job.", ("state",))
REQUESTS = Signal(
    "rowferry_http_requests_total",
    "counter",
    "Requests that this process answered, by method and status.",
    ("method", "status"),
)
REQUEST_SECONDS = Signal("rowferry_http_request_seconds", "histogram", "How long answers took, waits excluded.")
UPLOAD_BYTES = Signal("rowferry_upload_bytes_total", "counter", "Bytes of uploads that this process stored.")

SIGNALS: tuple[Signal, ...] = (
    BUILD_INFO, JOBS, JOBS_FINISHED, ROWS, OLDEST_WAITING, WORKERS, REQUESTS, REQUEST_SECONDS, UPLOAD_BYTES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the database says about all processes together, read at the moment of a scrape.

    `finished` counts by (kind, terminal status), `rows` by outcome, `workers` by `busy` and `idle`.
    """

    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    finished: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    workers: Mapping[str, int] = field(default_factory=dict[str, int])
    oldest_waiting_seconds: float = 0.0


class Meters:
    """What one process counts itself, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(REQUESTS.name, REQUESTS.help, REQUESTS.labels, registry=self.registry)
        self.request_seconds = Histogram(REQUEST_SECONDS.name, REQUEST_SECONDS.help, registry=self.registry)
        self.upload_bytes = Counter(UPLOAD_BYTES.name, UPLOAD_BYTES.help, registry=self.registry)

    def exposition(self, fleet: Fleet) -> bytes:
        """The text of `/metrics` (Prometheus exposition format 0.0.4): the fleet's state, then this process's counts."""
        of_fleet = CollectorRegistry()
        of_fleet.register(_FleetCollector(fleet))
        return generate_latest(of_fleet) + generate_latest(self.registry)


class _FleetCollector(Collector):
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        fleet = self._fleet
        yield _family(BUILD_INFO, {(__version__,): 1})
        yield _family(JOBS, {(status,): count for status, count in fleet.jobs.items()})
        yield _family(JOBS_FINISHED, capped(fleet.finished))
        yield _family(ROWS, {(outcome,): count for outcome, count in fleet.rows.items()})
        yield _family(OLDEST_WAITING, {(): fleet.oldest_waiting_seconds})
        yield _family(WORKERS, {(state,): count for state, count in fleet.workers.items()})


def capped(finished: Mapping[tuple[str, str], int]) -> dict[tuple[str, ...], float]:
    """The counts with the `KINDS_MAX` most used kinds by name and all others as `other`."""
    totals: dict[str, int] = {}
    for (kind, _), count in finished.items():
        totals[kind] = totals.get(kind, 0) + count
    named = set(sorted(totals, key=lambda kind: (-totals[kind], kind))[:KINDS_MAX])
    counts: dict[tuple[str, ...], float] = {}
    for (kind, outcome), count in finished.items():
        label = (kind if kind in named else "other", outcome)
        counts[label] = counts.get(label, 0) + count
    return counts


def _family(signal: Signal, values: Mapping[tuple[str, ...], float]) -> Metric:
    make = CounterMetricFamily if signal.type == "counter" else GaugeMetricFamily
    family = make(signal.name, signal.help, labels=signal.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def start_log(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Makes this process write its log, the libraries' too, to standard error: for eyes on a terminal, else one JSON object a line."""
    out = stream or sys.stderr
    first: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        without_secrets,
    ]
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _renderer(terminal=out.isatty()),
    ]
    structlog.configure(
        processors=[
            *first,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a cached logger would keep the settings of the process that it was forked from
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=first, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def without_secrets(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """The event with the values of `SECRET_KEYS` masked."""
    for key in SECRET_KEYS & event.keys():
        event[key] = "•••"
    return event


def trace(error: BaseException) -> str:
    """The trace of an error and of what led to it, without the texts that hold values of rows.

    Of a database's error that is its SQLSTATE, of the libraries that handle rows the type alone.
    """
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    led_to = f"{trace(before)}\n\nand then\n\n" if before is not None else ""
    sqlstate: object = getattr(error, "sqlstate", None)
    said = f"SQLSTATE {sqlstate}" if sqlstate else str(error)
    if type(error).__module__.partition(".")[0] in TELL_ROWS:
        said = "(its text may hold values of rows)"
    return f"{led_to}{''.join(traceback.format_tb(error.__traceback__))}{type(error).__qualname__}: {said}"


def _with_trace(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = trace(error)
    return event


def _error(exc_info: object) -> BaseException | None:
    """The error that a log call means: itself, one of the triple of `sys.exc_info`, or the one being handled."""
    if isinstance(exc_info, tuple):
        given = cast("tuple[object, ...]", exc_info)
        return next((one for one in given if isinstance(one, BaseException)), None)
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exception() if exc_info else None


def _renderer(*, terminal: bool) -> structlog.typing.Processor:
    return structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
