"""Rows `reimport`, `changed` and `dry-run`: a file that the table knows, wholly or for the most part, and a file that is only judged."""

import statistics
from collections.abc import Callable

from figures import Found, Goal, Line, pace
from importing import Imported, checkpoint, empty, first_import, imported
from plan import File, Plan
from serving import Server

TENANT = "bench-again"
Pair = tuple[Imported, Imported]
"""The first import, and what is measured beside it."""


def unchanged(plan: Plan) -> Found:
    """The same file again: no row changes."""
    file = plan.file()
    made = file.made

    def pair(server: Server) -> Pair:
        first = first_import(server, file.messy, made, TENANT)
        checkpoint(server)
        again = imported(server, file.messy, TENANT)
        return first, again.must_have(read=made.rows, unchanged=made.clean, failed=made.bad + made.duplicates)

    return _found(plan, "the same file again, all unchanged", _pairs(plan, pair), Goal(1.5))


def changed(plan: Plan) -> Found:
    """The same file with another amount in each tenth row."""
    file, other = plan.file(), plan.file(changed=True)
    made = other.made

    def pair(server: Server) -> Pair:
        first = first_import(server, file.messy, file.made, TENANT)
        checkpoint(server)
        again = imported(server, other.messy, TENANT)
        kept = made.clean - made.changed
        return first, again.must_have(
            read=made.rows, updated=made.changed, unchanged=kept, failed=made.bad + made.duplicates
        )

    return _found(plan, f"the same file, {made.changed:,} rows changed", _pairs(plan, pair), Goal(1.0))


def dry_run(plan: Plan) -> Found:
    """The same file judged only, against the same empty table."""
    file = plan.file()

    def pair(server: Server) -> Pair:
        dry = _judged(server, file)
        return first_import(server, file.messy, file.made, TENANT), dry

    pairs = _pairs(plan, pair)
    ratio = statistics.median(dry.seconds / first.seconds for first, dry in pairs)
    return _line(plan, "dry run (its time by that of the import)", pairs, ratio, Goal(most=0.5))


def _judged(server: Server, file: File) -> Imported:
    made = file.made
    empty(server)
    return imported(server, file.messy, TENANT, options={"dry_run": True}).must_have(
        read=made.rows, created=made.clean, failed=made.bad + made.duplicates
    )


def _pairs(plan: Plan, pair: Callable[[Server], Pair]) -> list[Pair]:
    with plan.server() as server:
        return [pair(server) for _ in range(plan.repeat)]


def _found(plan: Plan, what: str, pairs: list[Pair], goal: Goal) -> Found:
    return _line(plan, what, pairs, statistics.median(first.seconds / again.seconds for first, again in pairs), goal)


def _line(plan: Plan, what: str, pairs: list[Pair], ratio: float, goal: Goal) -> Found:
    first, again = (statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1))
    figures = {
        "first_seconds": round(first, 3),
        "seconds": round(again, 3),
        "ratio": round(ratio, 3),
        "steps": [pair[1].steps for pair in pairs],
    }
    beside = f"first import: {pace(plan.rows, first)}"
    return Found([Line(what, pace(plan.rows, again), beside, ratio, goal)], figures)
