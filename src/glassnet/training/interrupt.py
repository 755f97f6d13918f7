"""Ctrl-C as a wish to stop, not as an exception in the middle of an update."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """The first Ctrl-C while it is entered sets ``requested``; a second one raises KeyboardInterrupt at once.

    Outside the main thread signals cannot be caught, and nothing changes. Nor where Ctrl-C is ignored, as in what a
    script starts with ``&``, or where it is handled by another language's code.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: Any = None

    def __enter__(self) -> Interrupt:
        is_handled = signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None)
        if is_handled and threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
