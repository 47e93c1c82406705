"""What tells an attempt that it is no longer the current one, and what people wish of it."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

NOT_CURRENT = "RF001"
"""The SQLSTATE that the functions of the database raise for an attempt that has been superseded."""


class FenceLost(Exception):
    """The job is another attempt's, or has ended; the transaction must roll back."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people asked for while the attempt was at work."""

    cancel: bool
    pause: bool


def wishes_from_row(row: DictRow) -> Wishes:
    """Wishes from a row with `cancel` and `pause`."""
    return Wishes(cancel=row["cancel"], pause=row["pause"])


@contextmanager
def only_current() -> Generator[None]:
    """Turns the database's refusal of a superseded attempt into `FenceLost`."""
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == NOT_CURRENT:
            raise FenceLost(str(error.diag.message_primary)) from None
        raise
