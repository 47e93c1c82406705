"""How hard the faces are fuzzed: a little in every run of the tests, alike each time; as much as `FUZZ_EXAMPLES` says in `make fuzz`."""

import os

STATED = os.environ.get("FUZZ_EXAMPLES")
ALIKE = STATED is None
"""Whether the same examples come in each run."""


def examples(few: int) -> int:
    """How many examples an operation gets."""
    return int(STATED) if STATED else few
