"""Row `import`: a file from the start of the upload to the terminal status, beside raw COPY of its clean rows."""

import statistics
from dataclasses import asdict

from copying import copied
from figures import Found, Goal, Line, pace
from importing import Imported, first_import
from plan import Plan
from rows import Made


def measure(plan: Plan) -> Found:
    """The median of all runs."""
    file = plan.file()
    imports: list[Imported] = []
    copies: list[float] = []
    with plan.server() as server:
        plan.rounds(
            lambda: imports.append(first_import(server, file.messy, file.made, f"bench-{len(imports)}")),
            lambda: copies.append(copied(server, file.clean)),
        )
    return _found(file.made, imports, copies)


def _found(made: Made, imports: list[Imported], copies: list[float]) -> Found:
    seconds, copy_seconds = statistics.median(one.seconds for one in imports), statistics.median(copies)
    ratio = statistics.median(copy / one.seconds for one, copy in zip(imports, copies, strict=True))
    figures = {
        "rows": made.rows,
        "bytes": made.bytes,
        "bad_rows": made.bad,
        "duplicate_rows": made.duplicates,
        "clean_rows": made.clean,
        "seconds": round(seconds, 3),
        "upload_seconds": round(statistics.median(one.upload_seconds for one in imports), 3),
        "rows_per_second": round(made.rows / seconds),
        "copy_seconds": round(copy_seconds, 3),
        "copy_rows_per_second": round(made.clean / copy_seconds),
        "ratio_to_copy": round(ratio, 3),
        "peak_rss_mb": round(max(one.peak_rss_mb for one in imports), 1),
        "runs": [asdict(one) | {"copy_seconds": copy} for one, copy in zip(imports, copies, strict=True)],
    }
    beside = f"raw COPY of the {made.clean:,} clean rows: {pace(made.clean, copy_seconds)}"
    lines = [
        Line(f"{made.rows:,} CSV rows, {made.bytes / 1e6:.0f} MB", pace(made.rows, seconds), beside, ratio, Goal(0.9)),
        Line("memory of the executor at most", f"{figures['peak_rss_mb']:.0f} MB"),
    ]
    return Found(lines, figures)
