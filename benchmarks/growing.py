"""Rows `memory` and `growth`: what a bigger file and a fuller table cost."""

import statistics

from figures import Found, Goal, Line, pace
from importing import Imported, checkpoint, empty, imported
from plan import File, Plan
from serving import Server

TENANT = "bench-growth"
BYTES_A_ROW = 116
MEGABYTE = 1_000_000
ENDS = 3
"""Files at each end whose median rates are compared."""
LIMIT_MB = 400


def memory(plan: Plan) -> Found:
    """The peak of one executor, in a server of its own for each size."""
    peaks: dict[int, float] = {}
    lines = []
    for size in plan.memory_mb:
        file = plan.file(size * MEGABYTE // BYTES_A_ROW)
        with plan.server() as server:
            empty(server)
            one = _imported(server, file)
        peaks[size] = round(one.peak_rss_mb, 1)
        beside = f"{file.made.rows:,} rows in {pace(file.made.rows, one.seconds)}"
        lines.append(
            Line(f"memory for a file of {file.made.bytes / MEGABYTE:,.0f} MB", f"{one.peak_rss_mb:.0f} MB", beside)
        )
        file.remove()
    least, most = peaks[min(peaks)], peaks[max(peaks)]
    lines.append(Line("biggest file by smallest", f"limit {LIMIT_MB} MB", "", most / least, Goal(most=1.1)))
    return Found(lines, {"peak_mb_by_file_mb": peaks})


def _imported(server: Server, file: File) -> Imported:
    made = file.made
    checkpoint(server)
    one = imported(server, file.messy, TENANT)
    return one.must_have(read=made.rows, created=made.clean, failed=made.bad + made.duplicates)


def growth(plan: Plan) -> Found:
    """Files with other keys, one after another, into the same table of the same tenant."""
    rates: list[float] = []
    with plan.server() as server:
        empty(server)
        for number in range(plan.millions):
            file = plan.file(first=number * plan.rows)
            rates.append(file.made.rows / _imported(server, file).seconds)
            if number:
                file.remove()
    ends = min(ENDS, max(1, len(rates) // 2))
    first, last = statistics.median(rates[:ends]), statistics.median(rates[-ends:])
    what = f"the last {ends} of {plan.millions} files of {plan.rows:,} rows in one table"
    line = Line(what, f"{last:,.0f} rows/s", f"the first {ends}: {first:,.0f} rows/s", last / first, Goal(0.85))
    return Found([line], {"rows_per_second": [round(rate) for rate in rates], "ratio": round(last / first, 3)})
