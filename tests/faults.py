"""A fault test's side of the points: sees every moment that a process reports, and lets it go on or kills it there."""

import contextlib
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 100
ATTEMPTS_MAX = 5
FRAGILE = {"workers": 1, "lease_seconds": 2, "chunk_rows": CHUNK, "attempts_max": ATTEMPTS_MAX}
"""Settings of a server whose worker is stopped at points."""


@dataclass
class Faults:
    """Kills (or freezes) the process that reaches a named point for the nth time. All other reports are let go at once."""

    path: Path
    planned: dict[tuple[str, int], signal.Signals | threading.Event] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    done: list[tuple[str, int, int]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def kill_at(self, name: str, nth: int = 1, how: signal.Signals = signal.SIGKILL) -> None:
        """Plans a fault, counted from now."""
        with self.changed:
            self.planned[name, self.seen[name] + nth] = how

    def hold_at(self, name: str, nth: int = 1) -> threading.Event:
        """Plans that the process waits at the point, counted from now, until the event is set."""
        release = threading.Event()
        with self.changed:
            self.planned[name, self.seen[name] + nth] = release
        return release

    def wait_for(self, name: str, times: int = 1, timeout: float = 30) -> None:
        """Waits until a point was reached so often, since the start."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.seen[name] >= times, timeout), (
                f"{name} was not reached: {self.seen}"
            )

    def wait_for_fault(self, count: int = 1, timeout: float = 30) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.done) >= count, timeout), f"no fault yet: {self.seen}"

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            report = connection.makefile("rb").readline().decode().split()
            if not report:
                return
            name, pid = report[0], int(report[3])
            with self.changed:
                self.seen[name] += 1
                how = self.planned.pop((name, self.seen[name]), None)
                if isinstance(how, signal.Signals):
                    os.kill(pid, how)
                if how is not None:
                    self.done.append((name, self.seen[name], pid))
                self.changed.notify_all()
            if isinstance(how, threading.Event):
                how.wait(30)
            connection.sendall(b"g")


@contextlib.contextmanager
def faults_at(path: Path) -> Iterator[Faults]:
    """A listening fault test at a unix socket."""
    faults = Faults(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        threading.Thread(target=faults.serve, args=(listener,), daemon=True).start()
        yield faults
