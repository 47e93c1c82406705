"""Named moments at which a process reports to a fault test and waits for its word; nothing in production."""

import os
import socket
from pathlib import Path


class Points:
    """Reports moments of a job to a unix socket and waits for a byte before it goes on. Without a socket every call is nothing.

    The line sent is `NAME JOB ROW PID`; the test answers with any byte, or kills the process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def reach(self, name: str, job: object = "-", row: int = 0) -> None:
        """Says that this process is at the named moment and waits to be let go."""
        if self._path is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self._path))
            connection.sendall(f"{name} {job} {row} {os.getpid()}\n".encode())
            connection.recv(1)
