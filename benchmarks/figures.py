"""What a row of the benchmark found: lines with a ratio and its goal, shown as one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """What a ratio should be: at least, or at most, a number."""

    least: float | None = None
    most: float | None = None

    def reached(self, ratio: float) -> bool:
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)

    def __str__(self) -> str:
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"


@dataclass(frozen=True)
class Line:
    """One line of the table. Without a ratio the figure says why there is none, or stands for itself."""

    what: str
    figure: str
    beside: str = ""
    """What the ratio is to, with its own figure."""
    ratio: float | None = None
    goal: Goal | None = None

    def as_json(self) -> dict[str, object]:
        judged = self.goal is not None and self.ratio is not None
        return {
            "what": self.what,
            "figure": self.figure,
            "beside": self.beside,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "goal": None if self.goal is None else str(self.goal),
            "reached": self.goal.reached(self.ratio) if judged else None,
        }


@dataclass(frozen=True)
class Found:
    """All that a row of the benchmark found."""

    lines: Sequence[Line]
    figures: Mapping[str, object] = field(default_factory=dict)


def pace(rows: int, seconds: float) -> str:
    """Seconds and rows a second, as the table shows them."""
    return f"{seconds:.2f} s, {rows / seconds:,.0f} rows/s"


def show(title: str, found: Mapping[str, Found]) -> None:
    """All lines as one table, in the order of the rows."""
    table = Table(title=title)
    for column in ("row", "what", "figure", "beside"):
        table.add_column(column)
    for column in ("ratio", "goal", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for name, one in found.items():
        for number, line in enumerate(one.lines):
            table.add_row("" if number else name, *map(escape, _cells(line)))
    Console(width=150).print(table)


def _cells(line: Line) -> tuple[str, ...]:
    ratio = "" if line.ratio is None else f"{line.ratio:,.2f}"
    judged = "" if line.goal is None or line.ratio is None else "yes" if line.goal.reached(line.ratio) else "no"
    return line.what, line.figure, line.beside, ratio, "" if line.goal is None else str(line.goal), judged
