"""What goes wrong, by class: what the server refuses, what the network does, and how jobs end."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rowferry_client.models import Job, Wire


class RowferryError(Exception):
    """Everything that this library raises of its own."""


class Unreachable(RowferryError):
    """The server could not be reached, or broke off, as often as it was tried."""


class Damaged(RowferryError):
    """What arrived is not what was sent: the digests differ."""


class NotConfigured(RowferryError):
    """The address or the token of the server is missing."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What the server said about a request that it did not do (RFC 9457)."""

    status: int
    code: str
    title: str
    detail: str
    docs_url: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    retryable: bool | None = None
    faults: Sequence[Wire] = field(default_factory=tuple[Wire, ...])


class APIError(RowferryError):
    """The server refused a request. `code` is stable."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        self.status = refused.status
        self.code = refused.code
        self.detail = refused.detail
        self.docs_url = refused.docs_url
        self.request_id = refused.request_id
        self.retry_after = refused.retry_after
        super().__init__(f"{refused.detail or refused.title} ({refused.code}, HTTP {refused.status})")


class NotAllowed(APIError):
    """Not signed in, or the token lacks a scope."""


class NotFound(APIError):
    """There is no such thing for this token."""


class Conflict(APIError):
    """The state of things does not allow it, or a quota is used up."""


class RateLimited(APIError):
    """Too many requests; `retry_after` says for how many seconds."""


class NotReady(APIError):
    """The server cannot serve now."""


def refusal(refused: Refused) -> APIError:
    """The exception of a refusal, by its HTTP status."""
    match refused.status:
        case 401 | 403:
            return NotAllowed(refused)
        case 404 | 410:
            return NotFound(refused)
        case 409 | 412 | 507:
            return Conflict(refused)
        case 429:
            return RateLimited(refused)
        case 502 | 503 | 504:
            return NotReady(refused)
        case _:
            return APIError(refused)


class JobError(RowferryError):
    """A job did not come to the end that was waited for. `job` is its last state."""

    def __init__(self, job: Job, sentence: str) -> None:
        self.job = job
        super().__init__(sentence)

    @property
    def code(self) -> str | None:
        """The code of the job's failure, where it has one."""
        return self.job.failure.code if self.job.failure else None

    @property
    def retryable(self) -> bool:
        """Whether running the same job again may help."""
        return self.job.failure is not None and self.job.failure.retryable


class JobFailed(JobError):
    """A fault or the error policy stopped the job as a whole."""


class JobCancelled(JobError):
    """Somebody cancelled it."""


class JobInterrupted(JobError):
    """Crashes used up its attempts."""


class PartialImport(JobError):
    """It finished, and some rows failed; raised by a strict wait only."""


class WaitTimeout(JobError):
    """The wait ran out of time. The job goes on."""


class JobStalled(JobError):
    """No worker has given a sign of life for three leases. The job may still be taken up."""
