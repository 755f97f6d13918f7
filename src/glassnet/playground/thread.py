"""A thread for each page: it answers messages one after another, and goes on with its work in between."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from time import perf_counter
from typing import Any, ClassVar

from glassnet.core.errors import DataError, DivergenceError, GlassnetError
from glassnet.core.output import logger
from glassnet.core.waiting import NobodyWaits, waited_for
from glassnet.playground.examples import TableError
from glassnet.playground.frames import pack
from glassnet.playground.messages import Message

FRAME_SECONDS = 1 / 40
"""The least time from one frame to the next."""
MOST_WAITING = 100
"""Messages that wait to be answered."""


class PageGoneError(Exception):
    """The page is not there any more."""


class PageThread(ABC):
    """What answers one page, in a thread of its own; for a message of the kind "play" it has a method ``_on_play``.

    Args:
        send: takes a message for the page, comes back when it has left, and raises ``PageGoneError`` without a page.
        ended: is called by the thread when it ends.
    """

    fields: ClassVar[Mapping[str, tuple[str, ...]]]
    """The kinds of messages that it answers, and what each brings along."""

    def __init__(self, send: Callable[[bytes], None], ended: Callable[[PageThread], None] | None = None) -> None:
        self._send, self._ended = send, ended
        self._is_over = False
        self._waiting: Queue[Message | None] = Queue(MOST_WAITING)
        self._playing = False
        self.thread = threading.Thread(target=self._run, name="glassnet playground", daemon=True)

    @abstractmethod
    def _open(self) -> None:
        """Makes what the page begins with."""

    @abstractmethod
    def _train(self, seconds: float) -> None:
        """Goes on, while it is playing; so many seconds have passed since."""

    @abstractmethod
    def _show(self) -> None:
        """Sends what the page draws."""

    def start(self) -> None:
        """Starts the thread."""
        self.thread.start()

    def put(self, message: Message) -> None:
        """Leaves a message to be answered.

        Raises:
            DataError: too many wait already.
        """
        try:
            self._waiting.put_nowait(message)
        except Full:
            raise too_many_messages() from None

    def close(self) -> None:
        """Ends the thread, within the work in progress; comes back at once. To be called where ``put`` is."""
        self._is_over = True
        with suppress(Empty):  # nobody waits for these answers any more
            while True:
                self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    def _run(self) -> None:
        try:
            with waited_for(lambda: not self._is_over), suppress(PageGoneError, NobodyWaits):
                self._work()
        finally:
            if self._ended is not None:
                self._ended(self)

    def _work(self) -> None:
        self._guard(self._open)
        last = perf_counter()
        while True:
            timeout = max(0.0, last + FRAME_SECONDS - perf_counter()) if self._playing else None
            try:
                message = self._waiting.get(timeout=timeout) if timeout != 0 else self._waiting.get_nowait()
            except Empty:
                now = perf_counter()
                self._guard(self._train, min(0.25, now - last))
                last = now
                continue
            if message is None:
                return
            was_playing = self._playing
            self._guard(getattr(self, f"_on_{message.kind}"), **message.values)
            if self._playing and not was_playing:
                last = perf_counter()

    def _guard(self, action: Callable[..., None], *given: Any, **named: Any) -> None:
        """Does something; whatever goes wrong is told to the page, and the thread goes on."""
        try:
            action(*given, **named)
        except PageGoneError:
            raise
        except GlassnetError as error:
            self._playing = False
            self._send(error_message(error))
            if action != self._show:
                self._guard(self._show)
        except Exception:  # noqa: BLE001 - whatever it is: logged, and told to the page
            logger().exception("the playground failed")
            self._playing = False
            self._send(pack({"kind": "error", "code": "unforeseen"}))


def error_message(error: GlassnetError) -> bytes:
    """An error as the page shows it: its four parts, and a code for those that the page has words of its own for."""
    told: dict[str, Any] = {"code": "diverged" if isinstance(error, DivergenceError) else "refused"}
    if isinstance(error, TableError):
        told = {"code": error.code, "count": error.count, "most": error.most, "column": error.column}
    return pack({"kind": "error", **error.parts, **told})


def too_many_messages() -> DataError:
    """The error of a page that sends faster than it may."""
    return DataError(
        where="message",
        received="more messages than can be answered",
        expected="some 40 a second at most",
        fix="wait a moment and try again",
    )
