"""The ledger: the six outcomes of a row, their counts, the sum rule and the verdict of the error policy."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Outcome(IntEnum):
    """Where one input row ended. The number is the byte that `chunks.outcomes` holds for the row."""

    CREATED = 1
    UPDATED = 2
    UNCHANGED = 3
    SKIPPED = 4
    FAILED = 5
    NOT_ATTEMPTED = 6

    @property
    def word(self) -> str:
        """The word of the wire, for example `not_attempted`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of rows: `read`, and of those read how many ended where."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    not_attempted: int = 0

    @property
    def settled(self) -> int:
        """Rows that have an outcome."""
        return self.created + self.updated + self.unchanged + self.skipped + self.failed + self.not_attempted

    @property
    def balanced(self) -> bool:
        """Whether every row read has exactly one outcome."""
        return self.settled == self.read

    @property
    def stored(self) -> int:
        """Rows that are in the destination as the file says: created, updated or unchanged."""
        return self.created + self.updated + self.unchanged

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(
            self.read + other.read,
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.not_attempted + other.not_attempted,
        )

    def counts(self) -> dict[str, int]:
        """The counts by the words of the wire, `read` first."""
        return {"read": self.read} | {outcome.word: getattr(self, outcome.word) for outcome in Outcome}


def from_outcomes(outcomes: bytes) -> Ledger:
    """The ledger of rows whose outcomes are given, one byte a row.

    Raises:
        ValueError: a byte is no outcome, so a row would be in no count.
    """
    ledger = Ledger(len(outcomes), *(outcomes.count(int(outcome)) for outcome in Outcome))
    if not ledger.balanced:
        raise ValueError(f"{ledger.read - ledger.settled} rows have no outcome")
    return ledger


class OnError(StrEnum):
    """What becomes of the job when rows fail."""

    CONTINUE = "continue"
    ABORT = "abort"
    ATOMIC = "atomic"
    STOP = "stop"
    """The first failed row ends the job; the rows before it stay written, those behind it are not attempted."""


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """How many failed rows a job bears. `max_error_rate` is a share of the rows read, 0 to 1."""

    on_error: OnError = OnError.CONTINUE
    max_errors: int | None = None
    max_error_rate: float | None = None

    @property
    def verdict_first(self) -> bool:
        """Whether all rows must be judged before one is written."""
        whole = self.on_error in {OnError.ABORT, OnError.ATOMIC}
        return whole or self.max_errors is not None or self.max_error_rate is not None

    def exceeded_by(self, failed: int, read: int) -> str | None:
        """The code of the job failure when these counts break the policy, or None. To be asked when all rows are judged."""
        if self.on_error is OnError.ABORT and failed > 0:
            return "aborted-on-error"
        if self.on_error is OnError.ATOMIC and failed > 0:
            return "atomic-rejected"
        if self.max_errors is not None and failed > self.max_errors:
            return "too-many-errors"
        if self.max_error_rate is not None and read > 0 and failed > self.max_error_rate * read:
            return "error-rate-exceeded"
        return None
