"""What the columns of a file are called: a name for each that has content, and which of them an error file of ours had added."""

from collections import Counter
from collections.abc import Callable, Sequence, Set

from rowferry.domain.faults import JobFaultCode, stop

ADDED_COLUMNS = ("_row", "_line", "_code", "_field", "_message")
"""The columns that an error file of ours has after those of its original."""
NAMED_MAX = 20
"""Names that a message shows at most; its details hold ten times as many."""


def name_columns(
    cells: Sequence[str], filled: Callable[[list[int]], Set[int]]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of the columns, and the positions of those that an error file of ours had added.

    A column without a name that has content is called by its place, `column_3`; one that has neither is "": a delimiter at the end of each
    line makes such.

    Args:
        cells: the header as it stands.
        filled: which of the columns at these positions have content in any row; asked only where a name is lacking.

    Raises:
        JobStopped: duplicate-columns.
    """
    names = [cell if cell.strip() else "" for cell in cells]
    nameless = [position for position, name in enumerate(names) if not name]
    for position in filled(nameless) if nameless else ():
        names[position] = f"column_{position + 1}"
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        raise stop(
            JobFaultCode.DUPLICATE_COLUMNS,
            f"The header has more than one column named {', '.join(twice[:NAMED_MAX])}. Rename or remove them.",
            columns=twice[: 10 * NAMED_MAX],
        )
    own = len(names) - len(ADDED_COLUMNS)
    added = range(own, len(names)) if own > 0 and tuple(names[own:]) == ADDED_COLUMNS else ()
    return tuple(names), tuple(added)
