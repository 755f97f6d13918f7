"""Connections that say nothing for long, or take nothing, are closed, so that they take nobody's place."""

from __future__ import annotations

import asyncio
from typing import Any

from h11 import Request
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SECONDS = 30.0
"""How long a connection may say nothing, or take nothing of an answer."""
MOST_LOOKS = 10
"""How many times that an answer may take, however slowly it is read."""


class Connection(H11Protocol):
    """A connection like uvicorn's, which waits for ever where a request does not come to its end, or no answer is read.

    A part of a request is not one that is being answered: bytes that trickle in do not keep a connection open.
    """

    seconds = SECONDS
    _begun: Any = None
    _left = 0
    """Bytes of answers that had not been taken at the last look."""
    _looks = 0
    """At how many looks in turn there were such."""
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to watch."""
        super().connection_made(transport)
        self._watch = self.loop.call_later(self.seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends to watch."""
        self._end_watch()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Request) -> None:
        """Leaves the connection to the WebSocket's own watch."""
        self._end_watch()
        super().handle_websocket_upgrade(event)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def _look(self) -> None:
        """Closes the connection where nothing is being answered and nothing has come, or where no answer is taken."""
        left = self.transport.get_write_buffer_size()
        self._looks = self._looks + 1 if left else 0
        if (left and left == self._left) or self._looks > MOST_LOOKS:
            self.transport.abort()  # to close it would be to wait until all has been taken
            return
        if not left and (self.cycle is None or self.cycle.response_complete) and self.cycle is self._begun:
            self.transport.close()
            return
        self._begun, self._left = self.cycle, left
        self._watch = self.loop.call_later(self.seconds, self._look)


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket like uvicorn's: one that answers no ping is closed, also where it takes nothing any more.

    Within a frame nothing can be answered: half a frame, and no more, ends so as well.
    """

    def keepalive_timeout(self) -> None:
        """Closes the connection without waiting for who does not answer."""
        super().keepalive_timeout()
        self.transport.abort()


def connections(seconds: float = SECONDS) -> type[Connection]:
    """The class of connections that may say nothing for so long."""
    return type("TimedConnection", (Connection,), {"seconds": seconds})
