"""Each nasty file gives its code, or its rows with theirs, and is read alike as often as it is read."""

from pathlib import Path

import pytest

from bad_input.delimited import DELIMITED
from bad_input.nasty import KIND, Nasty
from bad_input.objects import ARRAYS, LINES
from bad_input.packed import PACKED, Packed
from bad_input.parquet import TABLES
from bad_input.workbooks import SHEETS
from judging import check_blocks, judged, readers


def unpacked(case: Packed) -> Nasty:
    """A packed file as one of the others: those that are read have two rows."""
    options = {"mapping": {"id": "id", "name": "label"}, **case.options}
    values = None if case.code else ("Ana", "Ben")
    return Nasty(
        case.name, "packed", case.build, code=case.code, rows=len(values or ()), values=values, options=options
    )


EVERY = [*DELIMITED, *ARRAYS, *LINES, *SHEETS, *TABLES, *map(unpacked, PACKED)]
FORMS = {"csv", "json", "jsonl", "xlsx", "ods", "xls", "parquet", "packed"}


@pytest.mark.parametrize("case", EVERY, ids=[f"{case.form}: {case.name}" for case in EVERY])
def test_a_nasty_file_gives_what_it_must(tmp_path: Path, case: Nasty) -> None:
    found = judged(tmp_path, case.build(), KIND, case.options)
    assert (found.code, found.told, found.rows) == (case.code, list(case.issues), case.rows), found.message
    if case.code:
        assert case.said.lower() in found.message.lower()
        assert found.message.endswith(".")
    if case.values is not None:
        assert tuple(found.good["label"].to_list()) == case.values
    if found.opened is not None:
        check_blocks(found.opened)
        assert case.form in {found.opened.inspection.format, "packed"}


def test_every_format_that_is_read_has_nasty_files() -> None:
    names = [(case.form, case.name) for case in EVERY]
    assert len(set(names)) == len(names) >= 60
    assert {form for form, _ in names} == FORMS == {one.name for one in readers().formats} | {"packed"}
