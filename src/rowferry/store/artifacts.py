"""The files of jobs, as rows: the uploaded one, and those that an attempt made; several rows may name one blob."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from rowferry.domain.job import JobId
from rowferry.store.database import AsyncConnection, Statement


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """A file of a job whose blob is stored."""

    id: UUID
    category: str
    name: str
    media_type: str
    bytes: int
    sha256: str
    blob: str
    keep_days: int | None = None
    """How many days it is kept. None: for ever."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a job, as stored."""

    id: UUID
    job_id: JobId
    category: str
    name: str
    media_type: str
    bytes: int
    sha256: str
    blob: str
    created_at: datetime
    expires_at: datetime | None


def _artifact(row: DictRow) -> Artifact:
    return Artifact(**row)


LIST = Statement("list_artifacts", _artifact)
GET = Statement("get_artifact", _artifact)


async def of_job(connection: AsyncConnection, job_id: JobId) -> list[Artifact]:
    """The job's files, in the order in which they were made."""
    return await LIST.all_async(connection, job_id=job_id)


async def get(connection: AsyncConnection, job_id: JobId, artifact_id: UUID) -> Artifact | None:
    """One file of the job, or None."""
    return await GET.one_async(connection, job_id=job_id, id=artifact_id)
