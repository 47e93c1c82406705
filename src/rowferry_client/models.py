"""What the API answers, as frozen values; fields that this version does not know are kept in `wire`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as described
from datetime import datetime
from typing import cast

Wire = Mapping[str, object]

TERMINAL = frozenset({"succeeded", "partial", "failed", "cancelled", "interrupted"})


def part(wire: Wire, key: str) -> Wire:
    """An object within an object; empty where there is none."""
    value = wire.get(key)
    return cast(Wire, value) if isinstance(value, Mapping) else {}


def parts(wire: Wire, key: str) -> Sequence[Wire]:
    """A list of objects within an object."""
    value = wire.get(key)
    return cast(Sequence[Wire], value) if isinstance(value, list) else ()


def text(wire: Wire, key: str) -> str:
    """A text; empty where there is none."""
    value = wire.get(key)
    return "" if value is None else str(value)


def maybe_text(wire: Wire, key: str) -> str | None:
    """A text or None."""
    value = wire.get(key)
    return None if value is None else str(value)


def number(wire: Wire, key: str) -> int:
    """A whole number; 0 where there is none."""
    value = wire.get(key)
    return int(value) if isinstance(value, int | float | str) else 0


def maybe_number(wire: Wire, key: str) -> float | None:
    """A number or None."""
    value = wire.get(key)
    return float(value) if isinstance(value, int | float | str) else None


def maybe_int(wire: Wire, key: str) -> int | None:
    """A whole number or None."""
    value = wire.get(key)
    return int(value) if isinstance(value, int | float | str) else None


def moment(wire: Wire, key: str) -> datetime | None:
    """A time or None."""
    value = wire.get(key)
    return datetime.fromisoformat(value) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the rows ended. In a terminal job the six outcomes sum to `read`."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    not_attempted: int = 0

    @classmethod
    def from_wire(cls, wire: Wire) -> "Ledger":
        """Reads the object of the API."""
        names = ("read", "created", "updated", "unchanged", "skipped", "failed", "not_attempted")
        return cls(*(number(wire, name) for name in names))

    @property
    def stored(self) -> int:
        """Rows that are in the destination as the file says."""
        return self.created + self.updated + self.unchanged

    def outcomes(self) -> dict[str, int]:
        """The six counts by name."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "skipped": self.skipped,
            "failed": self.failed,
            "not_attempted": self.not_attempted,
        }

    def __str__(self) -> str:
        counts = [f"{name}={count}" for name, count in self.outcomes().items() if count]
        return " ".join([*counts, f"read={self.read}"])


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `fraction` 0 to 1, rows done and in all, rows a second, seconds left; None where not known."""

    fraction: float
    done: int
    total: int | None
    per_second: float | None
    seconds_left: float | None
    step: str | None
    steps_completed: int
    steps_total: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job stopped as a whole."""

    code: str
    message: str
    retryable: bool
    details: Wire


@dataclass(frozen=True)
class Job:
    """One job as the server showed it. `wire` is the whole answer."""

    id: str
    number: int
    kind: str
    type: str
    status: str
    version: int
    created_at: datetime | None
    finished_at: datetime | None
    ledger: Ledger
    progress: Progress
    failure: Failure | None
    cancel_requested: bool
    lease_expires_at: datetime | None
    heartbeat_at: datetime | None
    same_file_as: str | None
    source: Wire
    result: Wire | None
    wire: Wire = described(repr=False, compare=False)

    @property
    def done(self) -> bool:
        """Whether the job has come to its end."""
        return self.status in TERMINAL

    @property
    def file_name(self) -> str | None:
        """The name of the file, for imports."""
        return maybe_text(self.source, "file_name")


def job(wire: Wire) -> Job:
    """A job out of the API's object."""
    steps, progress, attempt, failure = (part(wire, key) for key in ("steps", "progress", "attempt", "failure"))
    return Job(
        id=text(wire, "id"),
        number=number(wire, "number"),
        kind=text(wire, "kind"),
        type=text(wire, "type"),
        status=text(wire, "status"),
        version=number(wire, "version"),
        created_at=moment(wire, "created_at"),
        finished_at=moment(wire, "finished_at"),
        ledger=Ledger.from_wire(part(wire, "ledger")),
        progress=Progress(
            maybe_number(progress, "fraction") or 0.0,
            number(progress, "done"),
            maybe_int(progress, "total"),
            maybe_number(progress, "per_second"),
            maybe_number(progress, "seconds_left"),
            maybe_text(steps, "current"),
            number(steps, "completed"),
            number(steps, "total"),
        ),
        failure=Failure(
            text(failure, "code"), text(failure, "message"), failure.get("retryable") is True, part(failure, "details")
        )
        if failure
        else None,
        cancel_requested=wire.get("cancel_requested_at") is not None,
        lease_expires_at=moment(attempt, "lease_expires_at"),
        heartbeat_at=moment(attempt, "heartbeat_at"),
        same_file_as=maybe_text(wire, "same_file_as"),
        source=part(wire, "source"),
        result=part(wire, "result") if wire.get("result") is not None else None,
        wire=wire,
    )


class Shown:
    """What the jobs of both clients show of the state that they were read in."""

    def __init__(self, state: Job) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"<job {self.id} of {self.kind}: {self.status}>"

    @property
    def id(self) -> str:
        """What to keep, to come back later from any process."""
        return self.state.id

    @property
    def kind(self) -> str:
        """What the job does."""
        return self.state.kind

    @property
    def status(self) -> str:
        """Where it stood."""
        return self.state.status

    @property
    def done(self) -> bool:
        """Whether it had come to its end."""
        return self.state.done

    @property
    def ledger(self) -> Ledger:
        """Where its rows ended."""
        return self.state.ledger

    @property
    def progress(self) -> Progress:
        """How far it was."""
        return self.state.progress

    @property
    def failure(self) -> Failure | None:
        """Why it stopped as a whole, if it did."""
        return self.state.failure

    @property
    def result(self) -> Wire | None:
        """What a task returned."""
        return self.state.result

    @property
    def wire(self) -> Wire:
        """The whole answer of the API."""
        return self.state.wire


@dataclass(frozen=True, slots=True)
class Issue:
    """Why one row failed or was skipped."""

    row: int
    line: int
    field: str | None
    column: str | None
    code: str
    message: str
    value: str | None
    outcome: str
    record: str | None
    wire: Wire = described(repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Wire) -> "Issue":
        """Reads the object of the API."""
        return cls(
            number(wire, "row"),
            number(wire, "line"),
            maybe_text(wire, "field"),
            maybe_text(wire, "column"),
            text(wire, "code"),
            text(wire, "message"),
            maybe_text(wire, "value"),
            text(wire, "outcome"),
            maybe_text(wire, "record"),
            wire,
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """Issues of one code, field and shape of value: how many rows, and one of them."""

    code: str
    field: str | None
    outcome: str
    count: int
    example: Issue | None
    wire: Wire = described(repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Wire) -> "Cause":
        """Reads the object of the API."""
        samples = parts(wire, "samples") or ([part(wire, "sample")] if part(wire, "sample") else [])
        example = {"code": text(wire, "code"), "outcome": text(wire, "outcome"), **samples[0]} if samples else None
        return cls(
            text(wire, "code"),
            maybe_text(wire, "field"),
            text(wire, "outcome"),
            number(wire, "rows"),
            Issue.from_wire(example) if example else None,
            wire,
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a job: category `input`, `staging`, `output` or `errors`."""

    id: str
    category: str
    name: str
    bytes: int
    sha256: str
    media_type: str
    url: str
    wire: Wire = described(repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Wire) -> "Artifact":
        """Reads the object of the API."""
        texts = {key: text(wire, key) for key in ("id", "category", "name", "sha256", "media_type", "url")}
        return cls(
            texts["id"],
            texts["category"],
            texts["name"],
            number(wire, "bytes"),
            texts["sha256"],
            texts["media_type"],
            texts["url"],
            wire,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job, with its declaration in `wire`."""

    name: str
    title: str
    description: str
    type: str
    wire: Wire = described(repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Wire) -> "Kind":
        """Reads the object of the API."""
        return cls(text(wire, "name"), text(wire, "title"), text(wire, "description"), text(wire, "type"), wire)


@dataclass(frozen=True, slots=True)
class Worker:
    """An executor process, and the job that it works on."""

    name: str
    host: str
    pid: int
    job_id: str | None
    wire: Wire = described(repr=False, compare=False)

    @classmethod
    def from_wire(cls, wire: Wire) -> "Worker":
        """Reads the object of the API."""
        return cls(text(wire, "name"), text(wire, "host"), number(wire, "pid"), maybe_text(wire, "job_id"), wire)
