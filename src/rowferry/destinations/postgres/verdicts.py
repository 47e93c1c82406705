"""Keeps where each row of a chunk ended and why, in the words of the file that it came from."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import psycopg

from rowferry.destinations.postgres.tables import unique_name
from rowferry.domain.faults import MASK, RowCode, RowIssue
from rowferry.domain.ledger import Outcome
from rowferry.domain.schema import ImportKind
from rowferry.ports import Chunk, Loaded

Positions = npt.NDArray[np.int64]
"""Rows of a chunk's frame, from 0."""

VALUE_CHARACTERS = 200
"""How much of a value an issue shows."""

REASONS: Mapping[str, str] = {
    "22001": "a text is too long for its column.",
    "22003": "a number has more digits than its column holds.",
    "22007": "a date or time is out of range.",
    "22008": "a date or time is out of range.",
    "22021": "a text holds bytes that are no characters.",
    "22P02": "a value does not fit the type of its column.",
    "22P05": "a text holds a character that cannot be stored.",
    "23502": "a value is missing that the table needs.",
    "23514": "a value breaks a rule of the table.",
    "54000": "a key is too long for its index.",
    "54001": "a value is nested too deeply.",
}
"""Why PostgreSQL refused a row, by SQLSTATE. Its own texts hold values of rows and are never shown."""


class Verdicts:
    """Outcomes and issues of a chunk's rows while it is loaded. 0 stands for a row that is not decided yet."""

    def __init__(self, chunk: Chunk, kind: ImportKind, columns: Mapping[str, str]) -> None:
        self._chunk = chunk
        self._kind = kind
        self._columns = columns
        self._outcomes = np.zeros(chunk.frame.height, np.uint8)
        self._issues: list[RowIssue] = []
        self.rows: npt.NDArray[np.int64] = chunk.frame["_row"].to_numpy()

    def settle(self, positions: Positions, outcome: Outcome) -> None:
        """Decides rows."""
        self._outcomes[positions] = outcome

    def open(self, positions: Positions) -> Positions:
        """Those of the rows that are not decided yet."""
        left: Positions = positions[self._outcomes[positions] == 0]
        return left

    def issues(
        self,
        positions: Positions,
        code: RowCode,
        fields: Sequence[str],
        outcome: Literal["failed", "skipped"] = "failed",
        **arguments: object,
    ) -> None:
        """Decides rows as failed or skipped, and says why: one field, several together, or none and the whole record."""
        if not positions.size:
            return
        self._outcomes[positions] = Outcome.FAILED if outcome == "failed" else Outcome.SKIPPED
        rows = self.rows[positions]
        lines = self._chunk.lines[rows - self._chunk.first_row]
        alone = fields[0] if len(fields) == 1 else None
        column = self._columns.get(alone) if alone else None
        texts = self._texts(positions, fields) if fields else [None] * len(positions)
        for row, line, text in zip(rows.tolist(), lines.tolist(), texts, strict=True):
            said = {"value": text, **arguments} if fields else arguments
            self._issues.append(
                RowIssue(row, line, alone, column, code, text if alone else None, said, outcome, self._chunk.raw(row))
            )

    def refuse(self, position: Positions, error: psycopg.Error) -> None:
        """Decides a row that PostgreSQL alone refuses; `position` holds one."""
        for unique in self._kind.schema.unique_sets:
            if error.diag.constraint_name == unique_name(self._kind, unique):
                self.issues(position, RowCode.UNIQUE, unique, where="in the table")
                return
        state = error.sqlstate or "unknown"
        reason = REASONS.get(state, f"it gave the code {state}.")
        self.issues(position, RowCode.REJECTED, (), reason=reason)

    @property
    def told(self) -> Sequence[RowIssue]:
        """The issues so far."""
        return self._issues

    def loaded(self) -> Loaded:
        """What all rows came to.

        Raises:
            AssertionError: a row was forgotten, which would be a bug here.
        """
        assert self._outcomes.all(), "a row of the chunk has no outcome"  # noqa: S101  # an invariant, as code
        return Loaded(self._outcomes, sorted(self._issues, key=lambda issue: issue.row))

    def over(self, loaded: Loaded) -> Loaded:
        """These decisions laid over others: what is decided here stands, the rest is as it was."""
        outcomes = np.where(self._outcomes == 0, loaded.outcomes, self._outcomes)
        return Loaded(outcomes, sorted([*loaded.issues, *self._issues], key=lambda issue: issue.row))

    def _texts(self, positions: Positions, fields: Sequence[str]) -> list[str]:
        """The values of these fields in each row, those of sensitive fields masked."""
        brought = [name for name in fields if name in self._chunk.frame.columns]
        masked = [self._kind.schema.field(name).sensitive for name in brought]
        found = self._chunk.frame.select(pl.col(name).gather(positions) for name in brought)
        return [
            ", ".join(MASK if hidden else shown(value) for value, hidden in zip(row, masked, strict=True))
            for row in found.iter_rows()
        ]


def shown(value: object) -> str:
    """A value as an issue shows it: cut where it is long."""
    text = text_of(value)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[: VALUE_CHARACTERS - 1]}…"


def text_of(value: object) -> str:
    """A value of a frame as a person would write it: no exponent, ISO 8601, UTC."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            text = f"{value:f}"  # `normalize` would round to the digits of the context
            return text.rstrip("0").rstrip(".") if "." in text else text
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
