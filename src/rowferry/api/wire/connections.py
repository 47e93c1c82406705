"""How long a connection may take to send the headers of a request; uvicorn itself waits for ever."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PromptProtocol(HttpToolsProtocol):
    """Ends a connection whose headers are not there in time, from its first moment or from the first byte of a later request."""

    header_seconds = 10.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it itself
        """The clock begins."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more is waited for."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins, and the clock anew."""
        super().on_message_begin()
        self._begin()

    def on_headers_complete(self) -> None:
        """They are there."""
        self._stop()
        super().on_headers_complete()

    def _begin(self) -> None:
        self._stop()
        self._late = self.loop.call_later(self.header_seconds, self._end)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        # The next request may be on its way while an answer is read.
        if cycle is not None and not cycle.response_complete:
            self._begin()
        elif not self.transport.is_closing():
            self.transport.write(LATE)
            self.transport.close()
