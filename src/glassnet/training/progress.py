"""The progress bar: a live line in a terminal or notebook, nothing in a pipe."""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

from glassnet.core.ending import to_the_end
from glassnet.core.notebooks import notebook_output
from glassnet.core.output import for_stream
from glassnet.training.live_curve import LiveCurve, counted, in_words

if TYPE_CHECKING:
    from rich.progress import Progress

REFRESH_SECONDS = 0.1


class ProgressBar:
    """One line that shows the epoch, how far it is and what was measured last; in a notebook a curve of the losses.

    Args:
        epochs: first and last epoch of the fit.
        steps: updates in an epoch.
        enabled: False for silence; even when True nothing is shown unless standard output is a terminal or notebook.
        of: what is counted, where that is no epochs.
    """

    def __init__(self, epochs: tuple[int, int], steps: int, *, enabled: bool, of: str = "epoch") -> None:
        self._of = of
        self._first, self._last = epochs
        self._steps = steps
        self._measured = ""
        self._shown_at = 0.0
        self._unseen: tuple[int, int] | None = None  # the epoch and its steps that no refresh has shown yet
        output = notebook_output() if enabled else None
        self._curve = None if output is None else LiveCurve(output, epochs, of)
        self._progress: Progress | None = self._open() if enabled and output is None else None

    def __enter__(self) -> ProgressBar:
        if self._progress is not None:
            with to_the_end():
                self._progress.start()
            self._task = self._progress.add_task("", total=self._steps * (self._last - self._first + 1), measured="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._curve is not None:
            self._curve.draw()
        if self._progress is not None:
            if self._unseen is not None:
                self._show(*self._unseen)  # how far it came stands there at the end, however fast it was
            with suppress(OSError), to_the_end():
                self._progress.stop()

    def step(self, epoch: int, done: int) -> None:
        """Shows that ``done`` steps of the epoch are over; cheap when the last refresh was just now."""
        if self._progress is not None:
            self._show_unless_just_now(epoch, done)

    def epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Shows what an epoch measured."""
        if self._curve is not None:
            self._curve.epoch(epoch, logs)
        if self._progress is None:
            return
        self._measured = "  ".join(
            f"{in_words(name)} {value:.4g}" for name, value in logs.items() if name != "learning_rate"
        )
        self._show_unless_just_now(epoch, self._steps)

    def _show_unless_just_now(self, epoch: int, done: int) -> None:
        self._unseen = epoch, done
        if perf_counter() - self._shown_at > REFRESH_SECONDS:
            self._show(epoch, done)

    def _show(self, epoch: int, done: int) -> None:
        assert self._progress is not None
        self._shown_at, self._unseen = perf_counter(), None
        completed = (epoch - self._first) * self._steps + done
        text = counted(self._of, epoch, self._last)
        measured = for_stream(self._measured, self._progress.console.file)  # metrics have names of the user's
        try:
            with to_the_end():
                self._progress.update(
                    self._task, description=text, completed=completed, measured=measured, refresh=True
                )
        except OSError:  # the terminal has gone away, which is no reason to stop
            self._progress = None

    @staticmethod
    def _open() -> Progress | None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        if not is_watched():
            return None
        description, measured = TextColumn("{task.description}"), TextColumn("{task.fields[measured]}")
        columns = description, BarColumn(24), TimeRemainingColumn(), measured
        return Progress(*columns, console=Console(), auto_refresh=False)


def is_watched() -> bool:
    """Whether somebody sees what is printed as it comes: in a terminal or a notebook."""
    from rich.console import Console

    console = Console()
    return bool(console.is_terminal or console.is_jupyter)
