"""How hard the faces are asked: a little in every run of the tests, alike each time; as much as `FUZZ_EXAMPLES` says in `make fuzz`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

from documents import operations

CONFIG = Path(__file__).parent / "e2e/api/schemathesis.toml"
"""Which checks are left out, and why."""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""How many requests an operation gets in each phase; 0: as few as in every run of the tests."""
CALLERS = ("caller", "stranger")
NOTES = os.environ.get("FUZZ_NOTES")
"""A file with a line for each test that passed; a run that is given it leaves those out."""
FEW = 12
SECONDS_MORE = 300
SECONDS_AN_EXAMPLE = 1.0
"""How long it may take to ask an operation once: far above what it does, so that a server that hangs ends the run."""


def bound(document: Mapping[str, object], known: Mapping[str, Sequence[str]]) -> dict:
    """The document where what a path names is there, and where a file is of no type: a number in a form is bytes like any other file."""
    made = deepcopy(dict(document))
    for _, operation in operations(made):
        form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema", {})
        _untype(form.get("properties", {}).get("file", {}))
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path" and parameter["name"] in known:
                parameter["schema"] = {"enum": [*known[parameter["name"]]]}
                parameter["example"] = known[parameter["name"]][0]
    return made


def _untype(file: dict) -> None:
    """Takes the type from a file, or from each of several."""
    if "contentMediaType" in file:
        del file["type"]
    for inner in (*file.get("anyOf", ()), *filter(None, [file.get("items")])):
        _untype(inner)


def asked(document: dict, url: str, keys: tuple[str, str], folder: Path, *which: str) -> str:
    """Lets Schemathesis ask in all its phases with all its checks, and gives what it found otherwise than described.

    A run of the tests asks the same each time. What was asked before is kept nowhere.

    Args:
        document: whose operations are asked.
        url: of the server.
        keys: what the server knows the caller by, and a stranger, who must not see what is the caller's.
        folder: an empty one.
        which: what else the command line says, where one operation or one phase alone is asked.
    """
    path, callers, config = folder / "document.json", folder / "callers.json", folder / "schemathesis.toml"
    path.write_text(json.dumps(document))
    callers.write_text(json.dumps({"auth": [_caller(name, key) for name, key in zip(CALLERS, keys, strict=True)]}))
    authentic = {"path": str(callers), "user": CALLERS[0], "peers": CALLERS}
    told = "".join(f"{name} = {json.dumps(value)}\n" for name, value in authentic.items())
    config.write_text(f"{CONFIG.read_text()}\n[auth.wfc]\n{told}")
    count = EXAMPLES or FEW
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(path), "--url", url]
    command += ["--max-examples", str(count)]
    command += [] if EXAMPLES else ["--generation-deterministic"]
    command += which
    asked_for = 1 if which else len([*operations(document)])
    seconds = SECONDS_MORE + count * asked_for * SECONDS_AN_EXAMPLE
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _caller(name: str, key: str) -> dict[str, object]:
    """A caller as Schemathesis is told of them, in the form of Web Fuzzing Commons."""
    return {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}


def noted() -> frozenset[str]:
    """The tests that passed before."""
    path = Path(NOTES) if NOTES else None
    return frozenset(path.read_text().splitlines()) if path and path.exists() else frozenset()


def note(name: str) -> None:
    """Notes that a test passed."""
    if NOTES:
        with Path(NOTES).open("a") as notes:
            notes.write(f"{name}\n")
