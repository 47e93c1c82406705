"""What the database says about all processes together, for metrics: jobs by status, ended jobs, rows, workers, the oldest wait."""

from dataclasses import dataclass, field

from psycopg.rows import DictRow

from rowferry.domain.ledger import Outcome
from rowferry.store.database import AsyncConnection, Statement


@dataclass(slots=True)
class Counts:
    """`finished` counts ended jobs by (kind, status), `rows` the rows of ended jobs by outcome, `workers` by `busy` and `idle`."""

    jobs: dict[str, int] = field(default_factory=dict[str, int])
    finished: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    rows: dict[str, int] = field(default_factory=dict[str, int])
    workers: dict[str, int] = field(default_factory=dict[str, int])
    oldest_waiting_seconds: float = 0.0


def _row(row: DictRow) -> DictRow:
    return row


COUNT_JOBS = Statement("count_jobs", _row)
COUNT_WORKERS = Statement("count_workers", _row)


async def count(connection: AsyncConnection) -> Counts:
    """The counts of this moment, over all tenants. Its cost grows with the history; ask every few seconds at most."""
    counts = Counts()
    for row in await COUNT_JOBS.all_async(connection):
        status, number = str(row["status"]), int(row["jobs"])
        counts.jobs[status] = counts.jobs.get(status, 0) + number
        counts.oldest_waiting_seconds = max(counts.oldest_waiting_seconds, float(row["oldest_waiting_seconds"] or 0))
        if row["ended"]:
            counts.finished[str(row["kind"]), status] = number
            for outcome in Outcome:
                counts.rows[outcome.word] = counts.rows.get(outcome.word, 0) + int(row[outcome.word])
    for row in await COUNT_WORKERS.all_async(connection):
        counts.workers[str(row["state"])] = int(row["workers"])
    return counts
