"""Runs a command that ends when whoever began it is gone, however that one died: standard input ends then."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

BLOCK = 4096
PATIENCE_SECONDS = 60
"""What a command gets to end by itself before it is killed with all that it began."""


@contextmanager
def leashed(
    command: Sequence[str], out: "IO[str] | int | None" = None, errors: "IO[str] | None" = None
) -> Iterator["subprocess.Popen[str]"]:
    """The command as a process in a session of its own; it is told to end when the block ends, or when we are killed."""
    process = subprocess.Popen(
        [sys.executable, __file__, *command],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=errors,
        text=True,
        start_new_session=True,  # a signal to our group, SIGKILL included, must not take the leash along
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(timeout=2 * PATIENCE_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def hold(command: Sequence[str]) -> int:
    """Runs the command until it ends or standard input does. Gives its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: child.terminate())
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    return child.wait()


def _watch(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, BLOCK):  # no buffer: the interpreter cannot end while a thread waits in one
        pass
    with suppress(psutil.NoSuchProcess):
        begun = psutil.Process(child.pid).children(recursive=True)
        child.terminate()
        _, alive = psutil.wait_procs([psutil.Process(child.pid)], timeout=PATIENCE_SECONDS)
        for one in (*alive, *(begun if alive else ())):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def forget_left_over(folder: Path, prefix: str) -> None:
    """Removes folders `PREFIX-PID-…` whose process is gone: a killed run cannot clear up behind itself."""
    for one in folder.glob(f"{prefix}-*-*"):
        pid = one.name.removeprefix(f"{prefix}-").partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(one, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))
