"""Pollock's measures and the importer's own, over what `rowferry inspect --records` writes of its files."""

import csv
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rowferry.domain.schema import ReadOptions
from rowferry.inspecting import Looking
from rowferry.ports import Readers

FOLDER = Path(__file__).parents[2].parent / "shared" / "corpus" / "pollock"
ERROR = [["Application Error"]]
SIMPLE_GOAL, WEIGHTED_GOAL = 9.90, 9.60


class Silent:
    """Nobody listens."""

    def begin(self, *_):
        pass

    odd = end = refused = begin


@dataclass
class Rows:
    """The importer's score: what became of the data rows of the clean files."""

    right: int = 0
    flagged: int = 0
    wrong: int = 0
    lost: int = 0
    invented: int = 0
    files: set[str] = field(default_factory=set)
    """Files with a row that is wrong, lost or invented."""

    @property
    def unsound(self) -> int:
        """Rows with which something happened that may not."""
        return self.wrong + self.lost + self.invented

    def __str__(self) -> str:
        sound = f"{self.right:,} right, {self.flagged:,} flagged"
        return f"{sound}, {self.wrong} wrong, {self.lost} lost, {self.invented} invented"


def unpacked(folder: Path) -> Path:
    with tarfile.open(FOLDER / "pollock.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def weights() -> Mapping[str, float]:
    return json.loads((FOLDER / "weights.json").read_text())


def read_without_hints(files: Sequence[Path], readers: Readers, records: Path) -> None:
    Looking(readers, ReadOptions(), Silent(), records).files(files)


def read_with_hints(files: Sequence[Path], readers: Readers, records: Path) -> None:
    for path in files:
        hints = json.loads((path.parents[1] / "parameters" / f"{path.name}_parameters.json").read_text())
        header_line = hints["preamble_lines"] + 1 if hints["header_lines"] else 0
        options = ReadOptions(hints["delimiter"] or None, hints["quotechar"], hints["encoding"], header_line)
        Looking(readers, options, Silent(), records).files([path])


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file) if row]


def scores(files: Sequence[Path], records: Path) -> dict[str, float]:
    """Of each file the sum of the ten measures."""
    return {
        path.name: score(table(path.parents[1] / "clean" / path.name), table(records / f"{path.name}.csv"))
        for path in files
    }


def score(clean: list[list[str]], read: list[list[str]]) -> float:
    if read == ERROR:
        return 0.0
    if not clean:
        return 10.0 if not read else 1.0
    lower = [[cell.lower() for cell in row] for row in clean], [[cell.lower() for cell in row] for row in read]
    pairs = (
        [Counter(rows[0]) if rows else Counter() for rows in lower],
        [Counter("".join(row) for row in rows[1:]) for rows in lower],
        [Counter(cell for row in rows for cell in row) for rows in (clean, read)],
    )
    return 1.0 + sum(sum(measures(*pair)) for pair in pairs)


def measures(true: Counter[str], read: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of multisets."""
    common = (true & read).total()
    if not true:
        return 1.0, 1.0, 1.0
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / read.total(), common / true.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def simple(of_files: Mapping[str, float]) -> float:
    return sum(of_files.values()) / len(of_files)


def weighted(of_files: Mapping[str, float]) -> float:
    known = weights()
    total = sum(known.get(name, 0) for name in of_files)
    return sum(score * known.get(name, 0) for name, score in of_files.items()) / total


def rows(files: Iterable[Path], records: Path) -> Rows:
    """The importer's score over these files. The records of the files take one line each."""
    found = Rows()
    for path in files:
        before, name = found.unsound, path.name
        clean = dict(enumerate(table(path.parents[1] / "clean" / name)[1:], 2))
        outcomes = json.loads((records / f"{name}.outcomes.json").read_text())["rows"]
        for one in outcomes:
            right = clean.pop(one["line"], None)
            if one["outcome"] == "failed":
                found.flagged += right is not None
            elif right is None:
                found.invented += 1
            elif one["cells"] == right:
                found.right += 1
            else:
                found.wrong += 1
        found.lost += len(clean)
        if found.unsound > before:
            found.files.add(name)
    return found
