"""Pollock's polluted files: its own score without hints and with, and no row that is wrong, lost or invented; a part of the rows' files."""

from collections.abc import Callable
from pathlib import Path

import pollock
import pytest
from reading import ABSENT, readers

PART = 12
"""One in so many of the files with one polluted row; `make corpus` takes all."""

pytestmark = pytest.mark.skipif(not pollock.FOLDER.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    unpacked = sorted((pollock.unpacked(tmp_path_factory.mktemp("pollock")) / "csv").glob("*.csv"))
    whole = [path for path in unpacked if not path.name.startswith("row_")]
    return [*whole, *[path for path in unpacked if path.name.startswith("row_")][::PART]]


@pytest.mark.parametrize("way", [pollock.read_without_hints, pollock.read_with_hints])
def test_polluted_files_are_read_or_flagged_and_nothing_is_lost(
    files: list[Path], way: Callable[..., None], tmp_path: Path
) -> None:
    way(files, readers(), tmp_path)
    found = pollock.scores(files, tmp_path)
    rows = pollock.rows([path for path in files if path.name.startswith("row_")], tmp_path)

    assert rows.unsound == 0, rows.files
    assert rows.right > 30 * rows.flagged
    assert pollock.weighted(found) >= pollock.WEIGHTED_GOAL
    assert min(score for name, score in found.items() if name.startswith("row_")) > 6
