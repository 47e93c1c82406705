"""Who calls, and how often they may: the bearer token, the scopes, and the limits of requests a token has."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from starlette.requests import Request

from rowferry.domain.access import Principal, Scope
from rowferry.domain.faults import Forbidden, NotFound, RateLimited, Unauthenticated
from rowferry.domain.job import Job, JobId
from rowferry.service import Services
from rowferry.service.jobs import Artifact
from rowferry.telemetry import Meters

T = TypeVar("T")

WINDOW_SECONDS = 60
SECRET_CHARACTERS_MAX = 200
LIMIT_HEADERS = "limit_headers"
"""Where in the request's state the rate limit headers wait for the answer."""
WAITED_SECONDS = "waited_seconds"
"""Where it says how long the caller wished to wait; that is no slowness of ours."""


@dataclass(slots=True)
class Limiter:
    """Counts requests of tokens in windows of some seconds, in this process."""

    name: str
    quota: int
    seconds: int = WINDOW_SECONDS
    _window: int = 0
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, token: str) -> tuple[int, int]:
        """Counts one request. Returns how many are left and in how many seconds the window ends.

        Raises:
            RateLimited: none was left.
        """
        ends = self._open()
        taken = self._counts.get(token, 0) + 1
        self._counts[token] = taken
        if taken > self.quota:
            raise RateLimited(limit=self.quota, seconds=self.seconds, retry_after=ends, policy=self.policy)
        return self.quota - taken, ends

    def left(self, token: str) -> tuple[int, int]:
        """The same without counting one."""
        ends = self._open()
        return max(0, self.quota - self._counts.get(token, 0)), ends

    def _open(self) -> int:
        """Begins a new window where it is time; the seconds until this one ends."""
        now = time.monotonic()
        window = int(now // self.seconds)
        if window != self._window:
            self._window = window
            self._counts.clear()
        return max(1, int((window + 1) * self.seconds - now))

    @property
    def policy(self) -> str:
        """The limit in the words of RateLimit-Policy."""
        return f'"{self.name}";q={self.quota};w={self.seconds}'


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What a batch of the dialect gu1 may bring at most; see the settings of the same names."""

    entities_max: int = 100_000
    transactions_max: int = 100_000
    events_max: int = 100_000
    json_bytes_max: int = 50_000_000
    sources_bytes_max: int = 150_000_000


@dataclass(frozen=True, slots=True)
class Gate:
    """What every dialect asks before it serves: the services, the limits of a token, and where it counts."""

    services: Services
    requests: Limiter
    submits: Limiter
    logins: Limiter
    """Counts tries to log in, by who is tried."""
    hourly: Limiter
    """Counts requests of dialects that promise so many an hour."""
    wait_seconds_max: float
    meters: Meters
    batches: BatchLimits = field(default_factory=BatchLimits)


def gate_of(request: Request) -> Gate:
    """The gate of the application that serves the request."""
    return cast("Gate", request.app.state.gate)


def services_of(request: Request) -> Services:
    """The use cases."""
    return gate_of(request).services


async def caller(request: Request, scope: Scope | None = None) -> Principal:
    """Who calls.

    Raises:
        Unauthenticated: there is no token, or it is none of ours, expired or revoked.
        Forbidden: it lacks the scope.
        RateLimited: it asked too often.
    """
    gate = gate_of(request)
    principal = await gate.services.access.principal(_secret(request))
    _count(request, [gate.requests], principal)
    if scope is not None:
        need(principal, scope)
    return principal


def reads_jobs(principal: Principal) -> None:
    """Refuses a caller who may not read jobs.

    Raises:
        Forbidden: the token lacks the scope.
    """
    need(principal, Scope.JOBS_READ)


async def poll(request: Request, job_id: JobId, may: Callable[[Principal], None] = reads_jobs) -> Job:
    """A job that the caller may read, with the caller looked up in the same round trip.

    Args:
        request: it brings the token.
        job_id: which job.
        may: refuses a caller who may not; dialects have rules of their own.

    Raises:
        Unauthenticated, Forbidden, RateLimited: as `caller`.
        NotFound: the tenant has no such job.
    """
    principal, job = await services_of(request).jobs.see(_secret(request), job_id)
    return _served(request, principal, job, job_id, may)


async def poll_number(
    request: Request, number: int, may: Callable[[Principal], None] = reads_jobs
) -> tuple[Job, Sequence[Artifact]]:
    """The same for a job by its number, with its files.

    Raises:
        Unauthenticated, Forbidden, RateLimited, NotFound: as `poll`.
    """
    principal, job, files = await services_of(request).jobs.see_number(_secret(request), number)
    return _served(request, principal, job, number, may), files


async def poll_version(request: Request, job_id: JobId) -> tuple[Principal, int, bool]:
    """The same with the caller, the job's version, and whether it is terminal.

    Raises:
        Unauthenticated, Forbidden, RateLimited, NotFound: as `poll`.
    """
    principal, known = await services_of(request).jobs.see_version(_secret(request), job_id)
    return principal, *_served(request, principal, known, job_id)


def _served(
    request: Request,
    principal: Principal,
    found: T | None,
    job: JobId | int,
    may: Callable[[Principal], None] = reads_jobs,
) -> T:
    _count(request, [gate_of(request).requests], principal)
    may(principal)
    if found is None:
        raise NotFound(noun="job", name=job)
    return found


def need(principal: Principal, scope: Scope) -> None:
    """Refuses a caller without the scope.

    Raises:
        Forbidden: the token lacks it.
    """
    if not principal.may(scope):
        raise Forbidden(scope=scope)


def count_submit(request: Request, principal: Principal) -> None:
    """Counts a request that creates a job.

    Raises:
        RateLimited: the token created too many of late.
    """
    _count(request, [gate_of(request).submits], principal)


def _count(request: Request, limiters: Sequence[Limiter], principal: Principal) -> None:
    policies: list[str] = []
    left: list[str] = []
    for limiter in limiters:
        try:
            remaining, ends = limiter.take(principal.token)
        except RateLimited:
            _tell(request, limiter.policy, f'"{limiter.name}";r=0;t={limiter.seconds}')
            raise
        policies.append(limiter.policy)
        left.append(f'"{limiter.name}";r={remaining};t={ends}')
    _tell(request, ", ".join(policies), ", ".join(left))


def _tell(request: Request, policy: str, left: str) -> None:
    """Leaves the headers for the answer. Source: draft-ietf-httpapi-ratelimit-headers."""
    state = request.scope.setdefault("state", {})
    before = cast("tuple[str, str] | None", state.get(LIMIT_HEADERS))
    state[LIMIT_HEADERS] = (policy, left) if before is None else (f"{before[0]}, {policy}", f"{before[1]}, {left}")


def _secret(request: Request) -> str:
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthenticated(reason="The request has no token.")
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > SECRET_CHARACTERS_MAX:
        raise Unauthenticated(reason="The header Authorization holds no bearer token.", sent=True)
    return secret
