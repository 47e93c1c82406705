"""What Rowferry is compared with, by version, each in an environment of its own that is made once."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from leash import leashed

HERE = Path(__file__).parent
REQUIREMENTS = {
    "django": ("django-import-export==4.4.3", "Django==5.2.*", "psycopg[binary]==3.3.*"),
    "frictionless": ("frictionless==5.21.0",),
    "dlt": ("dlt[postgres]==1.31.0",),
    "pandas": ("pandas==3.1.1", "SQLAlchemy==2.1.9", "psycopg[binary]==3.3.*"),
    "pydantic": ("pydantic==2.14.4", "psycopg[binary]==3.3.*"),
    "openpyxl": ("openpyxl==3.1.5", "XlsxWriter==3.*"),
}
"""The only place that names these versions."""
INSTALL_SECONDS = 600
RUN_SECONDS = 900


class Unavailable(Exception):
    """An environment could not be made, or its program failed; the message is the last that was said."""


def run(folder: Path, name: str, arguments: Sequence[str], *, script: str = "") -> dict[str, float]:
    """Runs `comparators/with_NAME.py`, or another script there, in the environment and gives the JSON that it prints at last.

    Raises:
        Unavailable: the environment cannot be made here, or the program failed or took too long.
    """
    python = _made(folder / name, REQUIREMENTS[name])
    program = HERE / "comparators" / f"{script or f'with_{name}'}.py"
    said = _said([str(python), "-W", "ignore", str(program), *arguments], RUN_SECONDS)
    return json.loads(said.splitlines()[-1])


def _made(folder: Path, requirements: Sequence[str]) -> Path:
    """The Python of the environment; made anew when its requirements are others than before."""
    python, stamp = folder / "bin/python", folder / "requirements.txt"
    wanted = "\n".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _said([sys.executable, "-m", "venv", str(folder)], INSTALL_SECONDS)
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        _said([str(python), "-m", "pip", "install", *quiet, *requirements], INSTALL_SECONDS)
        stamp.write_text(wanted)
    return python


def _said(command: Sequence[str], seconds: float) -> str:
    """Standard output of a command that must succeed in time; it ends when we do."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        with leashed(command, out=out, errors=errors) as process:
            try:
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise Unavailable(f"took longer than {seconds:.0f} s") from None
        for one in (out, errors):
            one.seek(0)
        if code:
            last = errors.read().strip().splitlines() or ["no word"]
            raise Unavailable(last[-1][:300])
        return out.read()
