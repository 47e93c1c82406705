"""The benchmark's file is what its page says, and the same each time."""

import csv
import hashlib
import runpy
from pathlib import Path

import pytest

ROWS = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/rows.py"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    made = ROWS["write"](20_000, folder / "messy.csv", folder / "clean.csv")
    return made, folder / "messy.csv", folder / "clean.csv"


def records(path, **dialect):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, **dialect))


def test_two_in_a_hundred_rows_are_bad_and_one_repeats_a_key(written):
    made, messy, _ = written

    assert made.rows == 20_000 == len(records(messy, delimiter=";")) - 1
    assert 350 < made.bad < 450
    assert 150 < made.duplicates < 250
    assert 105 < made.bytes / made.rows < 120


def test_the_clean_file_has_each_good_row_once_under_its_number(written):
    made, messy, clean = written
    rows = records(messy, delimiter=";")[1:]
    cleaned = records(clean)

    assert len(cleaned) == made.clean
    assert len({row[0] for row in cleaned}) == made.clean
    assert [row[0] for row in cleaned] == [rows[int(row[-1]) - 1][0] for row in cleaned]
    assert [row[7] for row in cleaned] == [rows[int(row[-1]) - 1][7] for row in cleaned]


def test_files_that_begin_elsewhere_share_no_key(tmp_path):
    for number in range(3):
        ROWS["write"](3_000, tmp_path / "messy.csv", tmp_path / f"{number}.csv", number * 3_000)
    keys = [row[0] for number in range(3) for row in records(tmp_path / f"{number}.csv")]

    assert len(keys) == len(set(keys))


def test_a_changed_file_has_another_amount_in_each_tenth_row_and_nothing_else(written, tmp_path):
    made, _, clean = written
    changed = ROWS["write"](20_000, tmp_path / "messy.csv", tmp_path / "clean.csv", changed=True)
    before, after = records(clean), records(tmp_path / "clean.csv")
    different = [number for number, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]

    assert (changed.bad, changed.duplicates) == (made.bad, made.duplicates)
    assert len(different) == changed.changed
    assert 0.09 < changed.changed / changed.clean < 0.11
    assert all(before[number][:6] + before[number][7:] == after[number][:6] + after[number][7:] for number in different)


def test_the_file_is_the_same_on_every_machine(written):
    assert (
        hashlib.sha256(written[1].read_bytes()).hexdigest()
        == "a8e3161692b4144795063eb0d55bdd7d0b672c9f0e75f8fab7fcb4b3242d8fd8"
    )
