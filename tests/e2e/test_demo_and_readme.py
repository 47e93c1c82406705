"""What the first pages tell a stranger to type does what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from driving import up

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tutorial():
    """The code blocks of the tutorial by their heading."""
    text = (ROOT / "docs/tutorial/first-import.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {
        part.partition("\n")[0]: "".join(re.findall(r"^```\n(.*?)^```", part, re.MULTILINE | re.DOTALL))
        for part in parts
    }


def typed(folder, lines):
    """What a person in a new terminal would see."""
    done = subprocess.run(["bash", "-c", lines], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shell(tutorial, data_folders, tmp_path_factory):
    """A folder that looks like a checkout with a running server, and what every terminal there begins with."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").mkdir()
    (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
    with up(data_folders()) as running:
        (folder / "my-data").symlink_to(running.data)
        begin = tutorial["Get a token"].replace("http://127.0.0.1:8080", running.url)
        assert running.url in begin
        yield lambda lines: typed(folder, begin + lines)


def test_the_tutorial_ends_with_a_partial_import_whose_rows_and_causes_can_be_read(shell, tutorial):
    sent = shell(tutorial["Send a file"])
    assert re.search(r"^3$", sent, re.MULTILINE), sent

    job = re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", sent)
    assert job, sent
    looked = shell(tutorial["Look at it"].replace("JOB", job[0]))

    assert "ana@example.org" in looked
    assert "format" in looked
    assert "primary-key" in looked
    assert '"_row"' in looked


def test_the_readme_shows_lines_that_the_demo_can_print():
    """Only words: times, ids and paths differ."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    sample = readme.partition("<!-- demo:")[2].partition("<!-- end of the demo -->")[0]
    program = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    words = [line.split()[0].rstrip(":") for line in sample.splitlines()[1:] if line[:1].isalpha()]

    assert len(words) >= 3
    assert [word for word in words if word not in program] == []
