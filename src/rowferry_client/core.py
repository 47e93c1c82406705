"""Requests and answers without I/O: what is sent, when it is tried again, how long to wait, what an answer means.

Every operation is a generator: it yields what is to be done and is sent the answer. The sync and the async client drive the same ones.
"""

import base64
import itertools
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Literal, Protocol, TypeVar, cast
from urllib.parse import quote

from rowferry_client import errors, models
from rowferry_client.models import Artifact, Cause, Issue, Job, Kind, Wire, Worker, parts, text

T = TypeVar("T")

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
RETRY_SECONDS_MIN = 0.5
RETRY_SECONDS_MAX = 8.0
RETRY_AFTER_SECONDS_MAX = 120.0
LONG_POLL_SECONDS = 30
POLL_SECONDS = 0.2
"""The least pause between two looks at a job; the second look waits at the server for a change."""
FRESH_SECONDS = 10.0
"""After so long without a change a look asks for the whole job, since signs of life do not make a new version."""
LEASES_MAX = 3
WAIT_SECONDS = 3600.0
PAGE_SIZE = 100
OK, PARTIAL, NOT_MODIFIED, ERRORS = 200, 206, 304, 400


# What a driver does ---------------------------------------------------------------------------------------------------


class Upload(Protocol):
    """A file to send. May be opened again for another try."""

    @property
    def name(self) -> str:
        """What the server is told about its name."""
        ...

    @property
    def sha256(self) -> str:
        """The digest of what was sent last, in hexadecimal digits."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        ...


class Sink(Protocol):
    """Where the bytes of a download go."""

    @property
    def arrived(self) -> int:
        """How many bytes have arrived."""
        ...

    @property
    def sha256(self) -> str:
        """The digest of all that has arrived, in hexadecimal digits."""
        ...

    def restart(self) -> None:
        """Forgets what has arrived."""
        ...

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `safe`: doing it twice does no harm. `sink` takes the body of an answer with 200 or 206."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    form: Mapping[str, str] | None = None
    upload: Upload | None = None
    sink: Sink | None = None
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to do for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. The names of headers are in lower case. `body` is empty where a sink took it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Wire:
        """The body as an object; empty where it is none."""
        try:
            value: object = json.loads(self.body)
        except ValueError:
            return {}
        return cast(Wire, value) if isinstance(value, dict) else {}


class Lost(Exception):
    """Thrown into an operation by its driver: the connection could not be made, or broke. `sent`: the server may have acted."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


Exchange = Generator[Call | Pause, Answer, T]


@dataclass(frozen=True, slots=True)
class Policy:
    """How an operation bears trouble. `chance` gives numbers from 0 to 1, `clock` seconds that never go back."""

    clock: Callable[[], float]
    chance: Callable[[], float]
    retries: int = 2


# Trying again ---------------------------------------------------------------------------------------------------------


def retry_seconds(call: Call, tries: int, outcome: Answer | Lost, policy: Policy) -> float | None:
    """How long to wait before a request is sent again, or None when it is not.

    Args:
        call: the request.
        tries: how often it was sent.
        outcome: what came of the last time.
        policy: how many retries there are.
    """
    if tries > policy.retries:
        return None
    backoff = _backoff(tries, policy)
    if isinstance(outcome, Lost):
        return backoff if call.safe or not outcome.sent else None
    if outcome.status not in RETRY_STATUSES or outcome.json().get("retryable") is False:
        return None
    if not call.safe and outcome.status not in {429, 503}:  # those two say that nothing was done
        return None
    asked = retry_after(outcome)
    if asked is None:
        return backoff
    return asked if asked <= RETRY_AFTER_SECONDS_MAX else None


def _backoff(tries: int, policy: Policy) -> float:
    doubled: float = RETRY_SECONDS_MIN * 2.0 ** (tries - 1)
    return min(RETRY_SECONDS_MAX, doubled) * (0.75 + 0.5 * policy.chance())


def retry_after(answer: Answer) -> float | None:
    """The seconds of a `Retry-After`, or None. Source: RFC 9110, section 10.2.3; dates are not used by the server."""
    try:
        return max(0.0, float(answer.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def sent(call: Call, policy: Policy) -> Exchange[Answer]:
    """Sends a request, again where that is right, and gives its answer.

    Raises:
        APIError: the server refused it.
        Unreachable: there was no answer.
    """
    for tries in itertools.count(1):
        outcome: Answer | Lost
        try:
            outcome = yield call
        except Lost as lost:
            outcome = lost
        if isinstance(outcome, Answer) and outcome.status < ERRORS:
            return outcome
        seconds = retry_seconds(call, tries, outcome, policy)
        if seconds is None:
            raise _refused(outcome) if isinstance(outcome, Answer) else errors.Unreachable(str(outcome))
        yield Pause(seconds)
    raise AssertionError("counting never ends")


def _refused(answer: Answer) -> errors.APIError:
    problem = answer.json()
    retryable = problem.get("retryable")
    return errors.refusal(
        errors.Refused(
            answer.status,
            text(problem, "code") or f"http-{answer.status}",
            text(problem, "title"),
            text(problem, "detail"),
            text(problem, "type") or None,
            answer.headers.get("x-request-id"),
            retry_after(answer),
            retryable if isinstance(retryable, bool) else None,
            parts(problem, "errors"),
        )
    )


# Operations -----------------------------------------------------------------------------------------------------------


def get(path: str, policy: Policy, query: Mapping[str, str] | None = None) -> Exchange[Answer]:
    """Any GET."""
    return sent(Call("GET", path, query or {}), policy)


def submit(upload: Upload, kind: str, options: Wire, key: str, policy: Policy) -> Exchange[Job]:
    """Sends a file and gives its job.

    Args:
        upload: the file.
        kind: the import kind.
        options: as `native-api` lists them; what is left out is the server's default.
        key: the Idempotency-Key, one for all tries.
        policy: how trouble is borne.

    Raises:
        Damaged: the server got other bytes than were sent.
    """
    form = {"kind": kind, "options": json.dumps(options)}
    call = Call("POST", "/v1/imports", headers={"Idempotency-Key": key}, form=form, upload=upload)
    answer = yield from sent(call, policy)
    job = models.job(answer.json())
    got = text(job.source, "sha256")
    if got and got != upload.sha256:
        raise errors.Damaged(
            f"The server stored other bytes than were sent (job {job.id}). Cancel it and send the file again."
        )
    return job


def submit_json(path: str, body: Wire, key: str, policy: Policy) -> Exchange[Job]:
    """Sends a job as JSON: rows of an import, or a task."""
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    answer = yield from sent(Call("POST", path, headers=headers, body=json.dumps(body).encode()), policy)
    return models.job(answer.json())


def job(job_id: str, policy: Policy) -> Exchange[Job]:
    """Reads a job."""
    answer = yield from get(_job_path(job_id), policy)
    return models.job(answer.json())


def ask(job_id: str, verb: Literal["cancel", "pause", "resume"], policy: Policy) -> Exchange[Job]:
    """Asks a job to stop, to rest or to go on. One that runs heeds it after its chunk."""
    answer = yield from sent(Call("POST", f"{_job_path(job_id)}/{verb}"), policy)
    return models.job(answer.json())


def rerun(job_id: str, key: str, policy: Policy) -> Exchange[Job]:
    """Makes a new job that does again what a job that ended did; `key` is the Idempotency-Key, one for all tries."""
    answer = yield from sent(Call("POST", f"{_job_path(job_id)}/rerun", headers={"Idempotency-Key": key}), policy)
    return models.job(answer.json())


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the token of the next."""

    items: Sequence[Wire]
    next_token: str | None


def page(path: str, noun: str, query: Mapping[str, str], token: str | None, policy: Policy) -> Exchange[Page]:
    """One page of a list."""
    asked = {"page_size": str(PAGE_SIZE), **query, **({"page_token": token} if token else {})}
    body = (yield from get(path, policy, asked)).json()
    return Page(parts(body, noun), text(body, "next_page_token") or None)


def causes(job_id: str, policy: Policy) -> Exchange[list[Cause]]:
    """The issues of a job grouped by cause, the most rows first."""
    body = (yield from get(f"{_job_path(job_id)}/issues/summary", policy)).json()
    return [Cause.from_wire(wire) for wire in parts(body, "causes") or parts(body, "groups")]


def artifacts(job_id: str, policy: Policy) -> Exchange[list[Artifact]]:
    """The files of a job."""
    body = (yield from get(f"{_job_path(job_id)}/artifacts", policy)).json()
    return [Artifact.from_wire(wire) for wire in parts(body, "artifacts")]


def kinds(policy: Policy) -> Exchange[list[Kind]]:
    """The kinds that the tenant may use."""
    return [Kind.from_wire(wire) for wire in parts((yield from get("/v1/kinds", policy)).json(), "kinds")]


def kind(name: str, policy: Policy) -> Exchange[Kind]:
    """One kind with its declaration."""
    return Kind.from_wire((yield from get(f"/v1/kinds/{quote(name, safe='')}", policy)).json())


def create_kind(declaration: Wire, policy: Policy) -> Exchange[Kind]:
    """Declares a kind for the tenant, or changes the one of that name."""
    call = Call(
        "POST", "/v1/kinds", headers={"Content-Type": "application/json"}, body=json.dumps(declaration).encode()
    )
    return Kind.from_wire((yield from sent(call, policy)).json())


def template(name: str, form: str, policy: Policy) -> Exchange[bytes]:
    """A file to fill in: CSV with the header of a kind, or a workbook with drop-downs and notes."""
    return (yield from get(f"/v1/kinds/{quote(name, safe='')}/template.{quote(form, safe='')}", policy)).body


def workers(policy: Policy) -> Exchange[list[Worker]]:
    """The executor processes; needs the scope `admin`."""
    return [Worker.from_wire(wire) for wire in parts((yield from get("/v1/workers", policy)).json(), "workers")]


def downloaded(path: str, sink: Sink, sha256: str | None, policy: Policy) -> Exchange[None]:
    """Fetches a file into a sink, goes on where it broke off, and checks the digest.

    Raises:
        Damaged: what arrived has another digest than the server says.
    """
    for tries in itertools.count(1):
        headers = {"Range": f"bytes={sink.arrived}-"} if sink.arrived else {}
        try:
            answer = yield from sent(Call("GET", path, headers=headers, sink=sink), replace(policy, retries=0))
        except errors.Unreachable:
            if tries > policy.retries:
                raise
            yield Pause(_backoff(tries, policy))
            continue
        expected = _digest(answer) or sha256
        if expected is not None and sink.sha256 != expected:
            raise errors.Damaged("The file that arrived has another digest than the server says. Download it again.")
        return


def made(path: str, form: str, sink: Sink, policy: Policy) -> Exchange[None]:
    """Fetches a file that is made in a form while it is sent; begins anew where it broke off, since no two need be alike to the byte."""
    yield from sent(Call("GET", path, query={"format": form}, sink=sink), policy)


def name_in(name: str, form: str | None) -> str:
    """The name under which a file is saved: its own, with the ending of the form in which it comes."""
    plain = PurePosixPath(safe_name(name))
    return plain.name if form is None else plain.with_suffix(f".{form}").name


def _digest(answer: Answer) -> str | None:
    """The SHA-256 of a `Repr-Digest` in hexadecimal digits. Source: RFC 9530, section 3."""
    for item in answer.headers.get("repr-digest", "").split(","):
        name, _, value = item.strip().partition("=")
        if name == "sha-256":
            return base64.b64decode(value.strip(":")).hex()
    return None


def _job_path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


# Waiting --------------------------------------------------------------------------------------------------------------


def waited(
    job_id: str, seconds: float, policy: Policy, on_progress: Callable[[Job], None] | None = None
) -> Exchange[Job]:
    """Looks at a job until it has come to its end, and gives it.

    Raises:
        WaitTimeout: it has not, after so many seconds; it goes on.
        JobStalled: nobody has worked on it for three leases.
    """
    until = policy.clock() + seconds
    seen: Job | None = None
    etag, read_at = "", policy.clock()
    while True:
        left = until - policy.clock()
        if seen is not None and left <= 0:
            raise errors.WaitTimeout(
                seen, f"Job {seen.id} is still {seen.status} after {seconds:g} seconds. It goes on."
            )
        stale = policy.clock() - read_at > FRESH_SECONDS
        headers = {"If-None-Match": etag} if etag and not stale else {}
        patience = int(min(LONG_POLL_SECONDS, FRESH_SECONDS, left))
        if seen is not None and patience > 0:
            headers["Prefer"] = f"wait={patience}"
        answer = yield from sent(Call("GET", _job_path(job_id), headers=headers), policy)
        if answer.status != NOT_MODIFIED:
            seen, etag, read_at = models.job(answer.json()), answer.headers.get("etag", ""), policy.clock()
            if on_progress is not None:
                on_progress(seen)
            if seen.done:
                return seen
            if stalled(seen, answer):
                raise errors.JobStalled(
                    seen, f"No worker has given a sign of life for job {seen.id} for {LEASES_MAX} leases."
                )
        yield Pause(max(0.0, min(POLL_SECONDS, until - policy.clock())))


def stalled(job: Job, answer: Answer) -> bool:
    """Whether a running job's lease ran out two more leases ago, by the server's own clock."""
    if job.status != "running" or job.lease_expires_at is None or job.heartbeat_at is None:
        return False
    try:
        now: datetime = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return False
    lease = job.lease_expires_at - job.heartbeat_at
    return now > job.lease_expires_at + (LEASES_MAX - 1) * lease


def judged(job: Job, *, strict: bool) -> None:
    """Raises where the end of a job is not the one that was hoped for.

    Args:
        job: terminal.
        strict: whether a partial import counts as that.
    """
    match job.status:
        case "failed":
            raise errors.JobFailed(
                job, f"Job {job.id} failed: {job.failure.message if job.failure else 'no reason given'}"
            )
        case "cancelled":
            raise errors.JobCancelled(job, f"Job {job.id} was cancelled; {job.ledger.stored} rows are in.")
        case "interrupted":
            raise errors.JobInterrupted(job, f"Job {job.id} was interrupted; {job.ledger.stored} rows are in.")
        case "partial" if strict:
            raise errors.PartialImport(job, f"Job {job.id} left {job.ledger.failed} rows out.")
        case _:
            return


def of_category(found: Sequence[Artifact], category: str, job_id: str) -> Artifact:
    """The file of a category.

    Raises:
        LookupError: there is none; the sentence says which there are.
    """
    for artifact in found:
        if artifact.category == category:
            return artifact
    there_are = ", ".join(artifact.category for artifact in found) or "none yet"
    raise LookupError(f"Job {job_id} has no file {category}. It has: {there_are}.")


def safe_name(name: str) -> str:
    """The name of a file that the server gave, without any folder."""
    return PurePosixPath(name.replace("\\", "/")).name or "download"


def issues_of(page: Page) -> list[Issue]:
    """The issues of a page."""
    return [Issue.from_wire(wire) for wire in page.items]
