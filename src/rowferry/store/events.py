"""What happened to jobs, in order: one row for each change, numbered densely within a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from rowferry.domain.job import JobId
from rowferry.store.database import AsyncConnection, Statement


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a job. `seq` is dense within the job; `overall` is given soon after the commit."""

    job_id: JobId
    seq: int
    overall: int | None
    at: datetime
    type: str
    data: Mapping[str, object]


def _event(row: DictRow) -> Event:
    return Event(**row)


LIST = Statement("list_job_events", _event)


async def of_job(connection: AsyncConnection, job_id: JobId, after_seq: int, most: int) -> list[Event]:
    """The job's events behind a number, in their order."""
    return await LIST.all_async(connection, job_id=job_id, after=after_seq, most=most)
