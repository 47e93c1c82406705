"""Callers who send the headers of a request too slowly, or never, take nobody's place."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvicorn

from rowferry.api.wire.connections import PromptProtocol

IDLE = 200


class Impatient(PromptProtocol):
    header_seconds = 0.3


async def answers(scope, _receive, send) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def impatient() -> Iterator[tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(answers, http=Impatient, lifespan="off", log_config=None, timeout_keep_alive=60)
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listening])),
        daemon=True,
    )
    thread.start()
    yield listening.getsockname()[:2]
    server.should_exit = True
    thread.join(30)
    listening.close()


def whole_answer(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


def test_connections_that_never_finish_a_request_are_ended_and_others_are_answered_meanwhile(impatient) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(impatient, timeout=30)) for _ in range(IDLE)]
        for number, connection in enumerate(idle):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " if number % 2 else b"")
        with socket.create_connection(impatient, timeout=30) as real:
            real.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert real.recv(4096).startswith(b"HTTP/1.1 204")
            real.sendall(b"GET / HTTP/1.1\r\n")  # the next request of a connection that was prompt before
            assert whole_answer(real).startswith(b"HTTP/1.1 408")
        assert all(whole_answer(connection).startswith(b"HTTP/1.1 408") for connection in idle)
