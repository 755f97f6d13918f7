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
        self._states: list[TrainingState] = []
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
        self._is_safe = False
        self._states.append(state)
        if self.number is not None:
            state.interrupt(signal.Signals(self.number).name)

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
        self._states.remove(state)

    def of_member(self) -> Callback:
        """What one of several trainings side by side is given as its callback."""
        return _OfMember(self)

    def is_saved(self) -> None:
        """What the training has made is on the disk."""
        self._is_safe = True

    @property
    def status(self) -> int:
        """The exit status: 0, or 128 and the signal's number."""
        return 0 if self.number is None else 128 + self.number

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        for state in list(self._states):
            state.interrupt(signal.Signals(number).name)
        if not self._states and self._is_safe:
            raise SystemExit(self.status)


class _OfMember(Callback):
    """Tells an ``Ending`` of one of several trainings."""

    def __init__(self, ending: Ending) -> None:
        self._ending, self.every_steps = ending, ending.every_steps

    def on_fit_begin(self, state: TrainingState) -> None:
        """Tells of its beginning."""
        self._ending.on_fit_begin(state)

    def between_steps(self, state: TrainingState) -> None:
        """Tells that something was done."""
        self._ending.between_steps(state)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Tells that something was done."""
        self._ending.on_epoch_end(state)

    def on_fit_end(self, state: TrainingState) -> None:
        """Tells of its end."""
        self._ending.on_fit_end(state)
