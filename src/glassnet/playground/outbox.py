"""From a page's thread to its WebSocket: messages go out in order, and no faster than they leave."""

from __future__ import annotations

import asyncio
from threading import Semaphore

from starlette.websockets import WebSocket

from glassnet.playground.thread import PageGoneError

ON_THEIR_WAY = 2
"""Messages that may wait to leave; then the thread waits too."""
SECONDS_TO_SEND = 30


class Outbox:
    """Messages for one page.

    Args:
        socket: the page's, accepted; made in its event loop.
    """

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()
        self._free = Semaphore(ON_THEIR_WAY)
        self._closed = False

    def send(self, message: bytes) -> None:
        """Takes a message from the page's thread, as soon as there is room for it.

        Raises:
            PageGoneError: the page is closed, or takes nothing any more.
        """
        has_room = self._free.acquire(timeout=SECONDS_TO_SEND)
        if not has_room or self._closed:
            raise PageGoneError
        try:
            self._loop.call_soon_threadsafe(self._messages.put_nowait, message)
        except RuntimeError as error:  # the server has ended
            raise PageGoneError from error

    async def deliver(self) -> None:
        """Sends what comes, until it is cancelled or the page is gone."""
        try:
            while True:
                await self._socket.send_bytes(await self._messages.get())
                self._free.release()
        except Exception:  # noqa: BLE001 - however a send fails: there is no page any more
            self.close()

    def close(self) -> None:
        """Lets nothing through any more; a thread that waits is told."""
        self._closed = True
        self._free.release()
