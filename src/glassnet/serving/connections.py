"""Connections that say nothing for long are closed, so that they take nobody's place."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """A connection like uvicorn's, which waits for ever where a request's head does not come to its end."""

    seconds = 30.0
    _begun: Any = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to watch."""
        super().connection_made(transport)
        self._watch = self.loop.call_later(self.seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends to watch."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Closes the connection where no request has come since the last look, and none is being answered."""
        if (self.cycle is None or self.cycle.response_complete) and self.cycle is self._begun:
            self.transport.close()
            return
        self._begun = self.cycle
        self._watch = self.loop.call_later(self.seconds, self._look)


def connections(seconds: float) -> type[Connection]:
    """The class of connections that may say nothing for so long."""
    return type("TimedConnection", (Connection,), {"seconds": seconds})
