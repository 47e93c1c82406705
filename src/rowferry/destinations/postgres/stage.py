"""Puts rows of a frame into a table or a temporary stage by COPY, and finds those that PostgreSQL refuses."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import psycopg
from psycopg.rows import TupleRow

from rowferry.destinations.postgres.verdicts import Positions, Verdicts

SLICE_ROWS = 8_192
"""Rows that are encoded at once: PostgreSQL takes in one slice while the next is made."""
SLICE_BYTES = 1 << 19
DATA_FAULTS = ("22", "23", "54")
"""Classes of SQLSTATE that are a row's fault: its data, its keys, its size."""
MOMENT, CLOCK = "%Y-%m-%d %H:%M:%S%.6f+00", "%H:%M:%S%.6f"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Some rows of a chunk, by their positions, as the body of a COPY."""

    positions: Positions
    body: memoryview

    def slices(self) -> Iterator[memoryview]:
        """Some of it at a time."""
        for at in range(0, len(self.body), SLICE_BYTES):
            yield self.body[at : at + SLICE_BYTES]


def encoded(frame: pl.DataFrame) -> Iterator[bytes]:
    """A frame as CSV for COPY, slice by slice: a null as nothing, an empty text as two quotes, decimals digit by digit."""
    for part in frame.iter_slices(SLICE_ROWS):
        body = io.BytesIO()  # bytes at once: as text it would be copied twice more
        part.write_csv(body, include_header=False, datetime_format=MOMENT, time_format=CLOCK)
        yield body.getvalue()


def copy(
    connection: psycopg.Connection[TupleRow], statement: bytes, slices: Iterable[bytes | memoryview], rows: int
) -> None:
    """COPY of so many encoded rows."""
    with connection.cursor() as cursor:
        with cursor.copy(statement) as pipe:
            for part in slices:
                pipe.write(part)
        # PostgreSQL before 18 ends at a line `\.`, also inside a quoted text, and says nothing
        assert cursor.rowcount == rows, f"COPY took {cursor.rowcount} of {rows} rows"  # noqa: S101  # an invariant, as code


def is_data_fault(error: psycopg.Error) -> bool:
    """Whether the rows are to blame, and not the connection, the server or another transaction."""
    return (error.sqlstate or "")[:2] in DATA_FAULTS


def by_halves(
    connection: psycopg.Connection[TupleRow],
    verdicts: Verdicts,
    positions: Positions,
    write: Callable[[Positions], None],
) -> None:
    """Writes rows inside a savepoint; where PostgreSQL refuses some, halves them until each of those is found and decided.

    Args:
        connection: inside a transaction.
        verdicts: told which rows were refused.
        positions: the rows.
        write: writes some of the rows; called again with fewer.
    """
    if not positions.size:
        return
    try:
        with connection.transaction():
            write(positions)
    except psycopg.Error as error:
        if not is_data_fault(error):
            raise
        if positions.size == 1:
            verdicts.refuse(positions, error)
            return
        for half in np.array_split(positions, 2):
            by_halves(connection, verdicts, half, write)


def waves(frame: pl.DataFrame, key: tuple[str, ...]) -> Iterator[Positions]:
    """The rows in groups that hold each key once: its first row, then its second, and so on."""
    if not key:
        yield np.arange(frame.height)
        return
    order = frame.select(pl.int_range(pl.len()).over(key)).to_series().to_numpy()
    for number in range(int(order.max()) + 1 if order.size else 0):
        yield np.flatnonzero(order == number)
