"""The command line of the benchmark: chooses rows, measures one after another, shows one table and writes the figures."""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import beside
import comparing
import crowded
import dialects
import growing
import repeating
import sheets
from figures import Found, Line, show
from leash import forget_left_over
from plan import Plan

PREFIX = "rowferry-bench"
INTERRUPTED = 130
ROWS: Mapping[str, tuple[Callable[[Plan], Found], str]] = {
    "import": (beside.measure, "the file beside raw COPY of its clean rows"),
    "full": (crowded.measure, "the same into a table with ten times as many other rows"),
    "reimport": (repeating.unchanged, "the same file again"),
    "changed": (repeating.changed, "the same file with 10 % of its rows changed"),
    "dry-run": (repeating.dry_run, "the same file, judged only"),
    "sheet": (sheets.measure, "XLSX beside openpyxl reading alone"),
    "small": (dialects.measure, "small imports and polls, beside a job that does nothing"),
    "memory": (growing.memory, "peak memory for a small and a big file"),
    "growth": (growing.growth, "one file after another into the same table"),
    "comparators": (comparing.measure, "django-import-export, frictionless, dlt, pandas, csv + pydantic"),
}


@dataclass(frozen=True)
class Size:
    """What `--memory-mb` and `--millions` are unless said otherwise."""

    memory_mb: tuple[int, ...]
    millions: int


USUAL = Size(memory_mb=(50, 200), millions=3)
WHOLE = Size(memory_mb=(100, 2000), millions=20)


class TooLong(Exception):
    """A row took longer than it may."""


def main() -> int:
    """Measures the rows that are asked for. Gives 1 when one of them could not be measured to its end."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    names = options.only or ["import"] if options.alone else options.only or list(ROWS)
    place = Path(tempfile.gettempdir())
    forget_left_over(place, PREFIX)
    found: dict[str, Found] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{os.getpid()}-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the embedded PostgreSQL runs as another user, who must get to its folder
        plan = _plan(options, folder)
        with suppress(KeyboardInterrupt):  # a run that is cut short shows what it has
            for row in names:
                found[row] = _measured(row, plan, options.row_seconds, failed)
                if options.json:
                    options.json.write_text(json.dumps(_figures(found), indent=2) + "\n", encoding="utf-8")
    show(f"{plan.rows:,} rows, {plan.repeat} run(s), {os.cpu_count()} cores", found)
    if len(found) < len(names):
        return INTERRUPTED
    return 1 if failed else 0


def _measured(row: str, plan: Plan, seconds: float, failed: dict[str, str]) -> Found:
    begin = time.perf_counter()
    print(f"{row}: {ROWS[row][1]} ...", file=sys.stderr, flush=True)
    try:
        with _no_longer_than(seconds):
            found = ROWS[row][0](plan)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a row that fails is said in the table, and the others go on
        failed[row] = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
        print(f"{row}: {failed[row]}\nThe server's last words:\n{plan.last_words()}", file=sys.stderr)
        found = Found([Line(ROWS[row][1], f"failed: {failed[row][:120]}")])
    print(f"{row}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return found


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong(f"took longer than {seconds:.0f} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what was begun is being ended
    raise KeyboardInterrupt


def _figures(found: Mapping[str, Found]) -> dict[str, object]:
    """The figures of `import` at the top, those of the other rows under their names, and all lines of the table."""
    return {
        **(found["import"].figures if "import" in found else {}),
        **{name.replace("-", "_"): one.figures for name, one in found.items() if name != "import"},
        "table": [{"row": name, **line.as_json()} for name, one in found.items() for line in one.lines],
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
    }


def _options() -> argparse.Namespace:
    told = "\n".join(f"  {name:12} {text}" for name, (_, text) in ROWS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"rows:\n{told}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=_names, metavar="ROW,…", help="these rows, in this order; else all")
    parser.add_argument(
        "--all", action="store_true", help="the whole sizes: 100 MB to 2 GB, 1 to 20 million rows, slow comparators too"
    )
    parser.add_argument("--alone", action="store_true", help="the import alone")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the file")
    parser.add_argument("--repeat", type=int, default=1, help="runs; the median is shown, and the order alternates")
    parser.add_argument("--workers", type=int, default=2, help="executor processes")
    parser.add_argument("--other-rows", type=int, help="rows that the full table holds; else ten times --rows")
    parser.add_argument("--comparator-rows", type=int, default=100_000, help="rows for the comparators at most")
    parser.add_argument("--memory-mb", type=_numbers, metavar="MB,…", help="sizes of the files of the row memory")
    parser.add_argument("--millions", type=int, help="files of --rows rows each of the row growth")
    parser.add_argument("--row-seconds", type=float, help="how long one row may take; else 600, with --all 3600")
    parser.add_argument(
        "--environments", type=Path, default=Path(sys.prefix) / "comparators", help="where they are kept"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    options = parser.parse_args()
    options.row_seconds = options.row_seconds or (3600 if options.all else 600)
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _plan(options: argparse.Namespace, folder: Path) -> Plan:
    size = WHOLE if options.all else USUAL
    return Plan(
        folder=folder,
        rows=options.rows,
        repeat=options.repeat,
        workers=options.workers,
        other_rows=options.other_rows or 10 * options.rows,
        comparator_rows=options.comparator_rows,
        memory_mb=options.memory_mb or size.memory_mb,
        millions=options.millions or size.millions,
        whole=options.all,
        environments=options.environments.absolute(),
    )


if __name__ == "__main__":
    sys.exit(main())
