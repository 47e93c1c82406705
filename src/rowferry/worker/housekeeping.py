"""Housekeeping: removes what nobody can ask for any more; one worker of the installation at a time does, by the clock."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from uuid import UUID

import structlog

from rowferry.store import upkeep
from rowferry.store.blobs import Blobs
from rowferry.store.database import Connection, Database, Role, connect

PART = re.compile(r"parts/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[-/].+")
"""Earlier versions had a folder for each job."""
BATCH = 1_000
"""Blobs that are looked up at once."""
PASS_MAX = 10_000
"""Files of a sort that one pass removes at most; the next goes on."""
ROWS_BATCH = 50_000
ROWS_PASS_MAX = 2_000_000
"""Likewise before-images and issues: an import may have overwritten a million rows."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Tidied:
    """How much a pass removed."""

    issues: int
    """Issues of rows whose error file is past its time, which lost their values and records."""
    expired: int
    """Files past the time that their kind keeps them."""
    unnamed: int
    parts: int
    unfinished: int
    keys: int
    images: int
    """Before-images past theirs."""


def tidy(database: Database, blobs: Blobs, orphan_seconds: float) -> Tidied | None:
    """One pass. None when another worker has one under way.

    Safe beside everything that is under way: a blob is named by a row within seconds of its writing, and only blobs older than
    `orphan_seconds` are looked at; a job that has ended writes no part.

    Args:
        database: where.
        blobs: the store, which belongs to this installation alone.
        orphan_seconds: how old a blob must be that no row names.

    Raises:
        Gone: the database does not answer.
    """
    with connect(database, Role.SYSTEM, autocommit=True) as connection:
        if not upkeep.take_housekeeping(connection):
            return None
        done = Tidied(
            issues=_by_batches(partial(upkeep.mask_expired_issues, connection)),
            expired=upkeep.forget_expired_artifacts(connection, PASS_MAX),  # their blobs are unnamed then
            unnamed=sum(_unnamed(connection, blobs, prefix, orphan_seconds) for prefix in ("uploads", "artifacts")),
            parts=_parts(connection, blobs, orphan_seconds),
            unfinished=blobs.clear_unfinished(orphan_seconds),
            keys=upkeep.forget_expired_keys(connection),
            images=_by_batches(partial(upkeep.forget_expired_images, connection)),
        )
    log.info("housekeeping.done", **asdict(done))
    return done


def _by_batches(forget: Callable[[int], int]) -> int:
    """Forgets rows past their time, batch by batch, so that none holds its locks for long."""
    forgotten = 0
    while forgotten < ROWS_PASS_MAX and (gone := forget(ROWS_BATCH)):
        forgotten += gone
    return forgotten


def _unnamed(connection: Connection, blobs: Blobs, prefix: str, seconds: float) -> int:
    """Removes uploads whose job was never made, and artifacts of attempts that ended before their job did."""

    def left(keys: Sequence[str]) -> Iterable[str]:
        named = set(upkeep.named_blobs(connection, keys))
        return (key for key in keys if key not in named)

    return _remove(blobs, blobs.older(prefix, seconds), left)


def _parts(connection: Connection, blobs: Blobs, seconds: float) -> int:
    """Removes what artifacts of ended jobs were made of."""

    def left(keys: Sequence[str]) -> Iterable[str]:
        job_of = {key: UUID(found[1]) for key in keys if (found := PART.fullmatch(key))}
        ended = set(upkeep.ended_jobs(connection, sorted(set(job_of.values()))))
        return (key for key, job in job_of.items() if job in ended)

    return _remove(blobs, blobs.older("parts", seconds), left)


def _remove(blobs: Blobs, found: Iterator[str], left: Callable[[Sequence[str]], Iterable[str]]) -> int:
    removed = 0
    while removed < PASS_MAX and (keys := list(islice(found, BATCH))):
        removable = list(left(keys))
        blobs.delete(removable)
        removed += len(removable)
    return removed
