"""Imports go downstairs only, each library stays in its room, and the contracts that say so bite."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = [
    # contract, the file that breaks it, what it imports
    ("Imports go downstairs only", "rowferry/domain/access.py", "rowferry.store.jobs"),
    ("Imports go downstairs only", "rowferry/pipeline/report.py", "rowferry.destinations.postgres"),
    ("Imports go downstairs only", "rowferry/worker/attempt.py", "rowferry.service"),
    ("Imports go downstairs only", "rowferry/service/jobs.py", "rowferry.worker.attempt"),
    ("The client stands alone", "rowferry_client/__init__.py", "rowferry.domain.job"),
    (
        "The server knows the client only in its command line and its demo",
        "rowferry/service/jobs.py",
        "rowferry_client",
    ),
    ("No plug-in knows another", "rowferry/kinds/customers.py", "rowferry.kinds.export"),
    ("No dialect knows another, and what all share knows none", "rowferry/api/wire/__init__.py", "rowferry.api.native"),
    ("Plug-ins are named in one place", "rowferry/service/imports.py", "rowferry.kinds.customers"),
    ("Only use cases and workers open the store", "rowferry/api/__init__.py", "rowferry.store.jobs"),
    ("Only the front door reads settings", "rowferry/service/jobs.py", "rowferry.settings"),
    ("The domain needs nothing but Python", "rowferry/domain/ledger.py", "polars"),
    ("PostgreSQL is spoken to in store and destinations", "rowferry/api/__init__.py", "psycopg"),
    ("HTTP is known at the edge", "rowferry/service/jobs.py", "fastapi"),
    ("Models of the outside stay outside", "rowferry/domain/job.py", "pydantic"),
    ("The engine is known where work is announced and where it is taken", "rowferry/store/jobs.py", "procrastinate"),
    ("Blob stores are spoken to in one file", "rowferry/worker/attempt.py", "obstore"),
    ("Only commands draw on a terminal", "rowferry/worker/attempt.py", "rich"),
]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def lint(folder):
    """What the linter says about the sources in a folder."""
    linter = Path(sys.executable).with_name("lint-imports")
    command = ["env", f"PYTHONPATH={folder / 'src'}", "COLUMNS=300", linter, "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return COLOUR.sub("", done.stdout + done.stderr), done.returncode


def complaints(said):
    """What is said of each broken contract, by its name."""
    parts = re.split(r"\n(?=[^\n]+\n-{5,}\n)", said.partition("Broken contracts")[2])
    return {part.strip().partition("\n")[0]: part for part in parts if part.strip()}


@pytest.fixture(scope="module")
def copy(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / ".importlinter", folder)
    return folder


@pytest.fixture(scope="module")
def broken(copy):
    """What the linter says once all faults are put into a copy."""
    for _, file, imported in FAULTS:
        with (copy / "src" / file).open("a") as module:
            module.write(f"\nimport {imported}\n")
    with (copy / "src/rowferry/domain/ledger.py").open("a") as ledger:
        ledger.write("\nimport rowferry.domain.job\n")
    (copy / "src/rowferry/attic").mkdir()
    (copy / "src/rowferry/attic/__init__.py").touch()
    return complaints(lint(copy)[0])


def test_the_contracts_hold(root):
    said, code = lint(root)

    assert code == 0, said


@pytest.mark.parametrize(("contract", "file", "imported"), FAULTS)
def test_an_import_that_a_contract_forbids_is_found(broken, contract, file, imported):
    importer = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    assert f"{importer} -> {imported}" in broken.get(contract, f"kept: {contract}")


def test_a_circle_inside_one_room_is_found(broken):
    assert ".ledger -> .job" in broken["No circles at any height"]


def test_a_room_that_nobody_announced_is_found(broken):
    assert "- rowferry.attic" in broken["Imports go downstairs only"]


def test_a_new_kind_needs_one_file_and_no_contract_changes(root, tmp_path):
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / ".importlinter", tmp_path)
    kind = (root / "src/rowferry/kinds/customers.py").read_text(encoding="utf-8").replace("customers", "zebras")
    (tmp_path / "src/rowferry/kinds/zebras.py").write_text(kind, encoding="utf-8")

    said, code = lint(tmp_path)

    assert code == 0, said
