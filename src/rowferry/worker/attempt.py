"""One try at one job, to its end in every case: done, stopped by a fault or a wish, handed back, or another's."""

import errno
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import structlog

from rowferry.domain.access import TenantId
from rowferry.domain.faults import JobFault, JobFaultCode, JobStopped
from rowferry.domain.job import Fence, Job, JobId, Move
from rowferry.store import attempts, database
from rowferry.store.fence import FenceLost, Wishes
from rowferry.worker import importing, tasks
from rowferry.worker.frame import Attempt, Cancelled, Drained, Parts, Paused

Ended = Literal["done", "handed_back", "lost"]
"""`done`: the job is terminal or paused, or another's; `handed_back`: a stop was asked for; `lost`: the database went away."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


def run(parts: Parts, job_id: JobId, fence: Fence, tenant: TenantId, stop: Callable[[], bool]) -> Ended:
    """Runs one attempt. Whatever happens to the job becomes its status; nothing of that is raised.

    Args:
        parts: what the attempt needs from outside.
        job_id: the job that the worker claimed.
        fence: the attempt's number.
        tenant: whose job it is.
        stop: whether the executor is wanted back; asked between chunks.
    """
    try:
        with (
            parts.connections.pair() as (connection, side),
            _emptied(parts.scratch) as scratch,
        ):
            found = attempts.register_backend(side, tenant, job_id, fence, connection.info.backend_pid)
            if found is None:
                return "done"
            return _to_its_end(Attempt(parts, found.job, found.input, fence, connection, side, scratch, stop))
    except FenceLost:
        log.info("attempt.superseded", job_id=str(job_id), attempt=fence)
        return "done"
    except database.Gone as error:
        log.warning("attempt.lost", job_id=str(job_id), attempt=fence, error=type(error).__name__)
        return "lost"


@contextmanager
def _emptied(parent: Path) -> Generator[Path]:
    """A folder with nothing in it, before and after. The thread's next attempt has it again: making one takes longer than a small file's reading."""
    folder = parent / f"attempt-{threading.get_ident()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    try:
        yield folder
    finally:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def _to_its_end(attempt: Attempt) -> Ended:
    work = importing.Import(attempt) if attempt.job.type == "import" else tasks.Task(attempt)
    try:
        _run_or_rest(attempt, work)
    except Drained:
        return "handed_back"
    except Cancelled:
        attempt.finish(Move.CANCEL, work.report())
    except JobStopped as stopped:
        attempt.finish(Move.FAIL, work.report(), stopped.fault)
    except (FenceLost, database.Gone):
        raise
    except database.Refused as error:  # its text may hold values of rows, which no log may have
        log.error("attempt.refused", job_id=str(attempt.job.id), error=type(error).__name__, sqlstate=error.sqlstate)
        attempt.finish(Move.FAIL, (), database.translate(error))
    except Exception as error:  # noqa: BLE001  # the one place where a bug in a job's way ends as that job's fault
        attempt.finish(Move.FAIL, (), _fault(attempt.job, error))
    return "done"


def _run_or_rest(attempt: Attempt, work: importing.Import | tasks.Task) -> None:
    """Runs the job to its end, or lets it rest: a wish that outlived an earlier attempt is heeded before a row is read."""
    job = attempt.job
    try:
        attempt.heed(Wishes(cancel=job.cancel_requested_at is not None, pause=job.pause_requested_at is not None))
        work.run()
    except Paused:
        attempt.rest()


def _fault(job: Job, error: Exception) -> JobFault:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return JobFault(
            JobFaultCode.STORAGE_FULL,
            "There was no room left on the worker's disk. What is settled stays settled. Run the job again when there is.",
            retryable=True,
        )
    log.error("attempt.broke", job_id=str(job.id), exc_info=error)
    return JobFault(
        JobFaultCode.INTERNAL,
        "Something broke on our side; the log has the trace. What is settled stays settled. "
        "Run the job again, or tell the operator.",
        retryable=True,
    )
