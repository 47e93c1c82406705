"""Papa Parse's cases: the same cells, or an issue on the row where Papa Parse repairs what is broken."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from reading import ABSENT, CORPUS, Read, read_alike, text_file
from tally import Tally

FOLDER = CORPUS / "papaparse"
OPTIONS = {"delimiter", "quoteChar", "newline"}
DIFFERENT = {
    "Mixed slash n and slash r should choose first as precident": "each of the three line ends ends a record here, also when mixed",
    "Bad delimiter (\\n)": "a delimiter that cannot be one is refused here, not replaced",
}
NO_DELIMITER = "UndetectableDelimiter"
"""No error to us: one column needs no delimiter."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def tally() -> Tally:
    found = Tally("papaparse")
    for number, case in enumerate(json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))):
        name = f"{number} {case['description']}"
        if set(case["config"]) - OPTIONS:
            found.leave_out(
                {name: f"it sets {', '.join(sorted(set(case['config']) - OPTIONS))}, which has no like here"}
            )
        elif case["description"] in DIFFERENT:
            found.leave_out({name: DIFFERENT[case["description"]]})
        else:
            got = got_of(case)
            found.judge(name, right=right(case, got), what=(case["input"][:80], got.fault, got.records[:4], got.odd))
    return found


def got_of(case: Mapping[str, Any]) -> Read:
    config = case["config"]
    with text_file(case["input"]) as path:
        return read_alike(path, delimiter=config.get("delimiter"), quote=config.get("quoteChar"), header_line=0)


def right(case: Mapping[str, Any], got: Read) -> bool:
    """The same cells, blank records left out; where something is repaired there or blanks follow a quote, an issue on that row will do."""
    wanted = [row for row in case["expected"]["data"] if any(str(cell).strip() for cell in row)]
    errors = [error for error in case["expected"].get("errors", []) if error["code"] != NO_DELIMITER]
    if not wanted:
        return got.fault in {"empty-file", "no-header"}
    if errors:
        return bool(got.odd) and got.odd[0][0] == errors[0]["row"] + 1
    good = [row for row in wanted if row in got.rows]
    return got.records == wanted or (bool(got.odd) and got.rows == good)


def test_every_case_reads_alike_or_is_flagged() -> None:
    found = tally()
    assert found.wrong == []
    assert found.right >= 80
