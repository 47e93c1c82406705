"""What a run of the benchmark is asked to do, and the files and servers that its rows share."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from importing import imported
from rows import Made, write
from serving import Server, serving

LOG_CHARACTERS = 3_000


@dataclass(frozen=True)
class File:
    """A file of rows as an old system writes them, and beside it what a clean table would hold."""

    made: Made
    messy: Path
    clean: Path

    def remove(self) -> None:
        self.messy.unlink()
        self.clean.unlink()


@dataclass(frozen=True)
class Plan:
    """The sizes, and a folder for all that is made."""

    folder: Path
    rows: int
    repeat: int
    workers: int
    other_rows: int
    """Rows that are in the table already in the row `full`."""
    comparator_rows: int
    memory_mb: tuple[int, ...]
    millions: int
    """Files of `rows` rows each in the row `growth`."""
    environments: Path
    whole: bool
    """Slow comparators take all rows, too."""
    _files: dict[tuple[int, int, bool], File] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def file(self, rows: int | None = None, first: int = 0, *, changed: bool = False) -> File:
        """A file of the given rows (else of the plan's), made once."""
        key = (rows or self.rows, first, changed)
        if key not in self._files or not self._files[key].messy.exists():
            name = "-".join(map(str, key))
            messy, clean = self.folder / f"{name}.csv", self.folder / f"{name}-clean.csv"
            self._files[key] = File(write(key[0], messy, clean, first, changed=changed), messy, clean)
        return self._files[key]

    def last_words(self) -> str:
        """The end of the log of the server that was begun last: what to look at when a row has failed."""
        logs = sorted(self.folder.glob("server-*/server.log"), key=lambda log: log.stat().st_mtime)
        return logs[-1].read_text(errors="replace")[-LOG_CHARACTERS:] if logs else ""

    def rounds(self, *runs: Callable[[], object]) -> None:
        """Runs all of them as often as asked; the order alternates, so that no one always comes second."""
        for number in range(self.repeat):
            for run in runs if number % 2 == 0 else reversed(runs):
                run()

    @contextmanager
    def server(self) -> Iterator[Server]:
        """A server of its own that has imported a hundred rows: the kind's table is there, the libraries are loaded."""
        folder = self.folder / f"server-{next(self._numbers)}"
        folder.mkdir(mode=0o755)
        with serving(folder / "data", self.workers) as server:
            small = self.file(100)
            for _ in range(self.workers):
                imported(server, small.messy, "warm-up")
            yield server
