"""A benchmark that is killed leaves no process and no folder behind."""

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
LEASH = runpy.run_path(str(BENCHMARKS / "leash.py"))
HOLDER = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
from leash import leashed
child = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
with leashed([sys.executable, "-c", child], out=subprocess.PIPE) as process:
    print(process.stdout.readline().strip(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder():
    command = [sys.executable, "-c", HOLDER, str(BENCHMARKS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_began_ends(holder, name):
    child = psutil.Process(int(holder.stdout.readline()))

    os.killpg(holder.pid, name)

    _, alive = psutil.wait_procs([child], timeout=60)
    assert alive == []


def test_what_was_begun_ends_with_its_block(holder):
    child = psutil.Process(int(holder.stdout.readline()))

    holder.stdin.close()

    assert holder.wait(timeout=60) == 0
    assert not child.is_running()


def test_a_command_on_a_leash_gives_its_exit_code():
    with LEASH["leashed"]([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        assert process.wait(timeout=60) == 3


def test_folders_of_runs_that_are_gone_are_removed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"bench-{pid}-abc" / "data").mkdir(parents=True)

    LEASH["forget_left_over"](tmp_path, "bench")

    assert [one.name for one in tmp_path.iterdir()] == [f"bench-{os.getpid()}-abc"]
