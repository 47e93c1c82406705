"""What the rules of the house are tested on: the tracked text, and our modules as syntax trees."""

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file of ours; `name` is its path below src."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def functions(self):
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    @property
    def sentence(self):
        """The first line of the docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]


def read(path, below):
    text = path.read_text(encoding="utf-8")
    return Module(path, path.relative_to(below).as_posix(), text, ast.parse(text))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def modules():
    source = ROOT / "src"
    return [read(path, source) for path in sorted(source.rglob("*.py"))]


@pytest.fixture(scope="session")
def test_modules():
    return [read(path, ROOT) for path in sorted((ROOT / "tests").rglob("*.py"))]


@pytest.fixture(scope="session")
def texts():
    """Every text file that a commit holds or would hold, by its path."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            try:
                found[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found
