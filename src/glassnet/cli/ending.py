"""How a training on the command line ends when it is asked to: after the step, with its place saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from glassnet.training import Callback, TrainingState

ASKED = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
"""What asks a process to end; Ctrl-C is caught by the training itself."""


class Ending(Callback):
    """While it is entered, signals that ask for the end interrupt the training, which is given it as a callback.

    Before and after the training they end the program at once, as a ``SystemExit``, so that what is being written is
    cleared away. What was ignored when the program began, as by ``nohup``, stays ignored.

    Attributes:
        number: of the signal that came first, or None.
        has_trained: whether an epoch or a part of one was done.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._state: TrainingState | None = None
        self._is_safe = True  # to end here and now
        self._before: dict[int, Any] = {}
        self.has_trained = False

    def __enter__(self) -> Ending:
        if threading.current_thread() is threading.main_thread():
            for number in ASKED:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_fit_begin(self, state: TrainingState) -> None:
        """From here on there is something to save."""
        self._is_safe, self._state = False, state

    def between_steps(self, state: TrainingState) -> None:
        """Something was done."""
        self.has_trained = True

    def on_epoch_end(self, state: TrainingState) -> None:
        """Something was done."""
        self.has_trained = True

    def on_fit_end(self, state: TrainingState) -> None:
        """The training is over, and not saved yet."""
        if state.stop_reason == "interrupted":
            self.number = self.number or signal.SIGINT
        self._state = None

    def is_saved(self) -> None:
        """What the training has made is on the disk."""
        self._is_safe = True

    @property
    def status(self) -> int:
        """The exit status: 0, or 128 and the signal's number."""
        return 0 if self.number is None else 128 + self.number

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if self._state is not None:
            self._state.interrupt(signal.Signals(number).name)
        elif self._is_safe:
            raise SystemExit(self.status)
