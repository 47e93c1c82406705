"""How values of each type are written as text, exactly and in one way."""

from collections.abc import Sequence

import polars as pl

from rowferry.ports import Column

MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
CLOCK = "%H:%M:%S%.f"


def placed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its columns called by their places, "0", "1", …, whatever they were called."""
    return frame.rename(dict(zip(frame.columns, names(frame.width), strict=True)))


def names(width: int) -> list[str]:
    """The names of so many columns in a frame that is `placed`."""
    return [str(at) for at in range(width)]


def text(at: int, column: Column) -> pl.Expr:
    """The values of a column of a `placed` frame as text: digits with a point, `true` and `false`, ISO 8601; null stays null."""
    value = pl.col(str(at))
    kind = column.type
    if isinstance(kind, pl.Datetime):
        shown = value.dt.strftime(MOMENT)
        return shown if kind.time_zone is None else shown + "Z"
    if isinstance(kind, pl.Time):
        return value.dt.strftime(CLOCK)
    return value.cast(pl.String)


def texts(columns: Sequence[Column]) -> list[pl.Expr]:
    """The same of all columns."""
    return [text(at, column) for at, column in enumerate(columns)]
