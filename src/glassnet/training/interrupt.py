"""Ctrl-C as a wish to stop, not as an exception in the middle of an update."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any


class Interrupt:
    """The first Ctrl-C while it is entered sets ``requested``; a second one raises KeyboardInterrupt at once.

    Outside the main thread signals cannot be caught, and only what it shares with another thread is known. Nor are they
    where Ctrl-C is ignored, as in what a script starts with ``&``, or where another language's code handles it.
    """

    def __init__(self) -> None:
        self._is_requested = False
        self._around: Interrupt | None = None
        self._previous: Any = None

    @property
    def requested(self) -> bool:
        """Whether whoever works is to stop."""
        return self._is_requested or (self._around is not None and self._around.requested)

    @requested.setter
    def requested(self, value: bool) -> None:
        self._is_requested = value

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Lets what is done in another thread stop with this one."""
        before = _SHARED.set(self)
        try:
            yield
        finally:
            _SHARED.reset(before)

    def __enter__(self) -> Interrupt:
        self._around = _SHARED.get()
        if threading.current_thread() is not threading.main_thread():
            return self
        if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


_SHARED: ContextVar[Interrupt | None] = ContextVar("shared interrupt", default=None)
