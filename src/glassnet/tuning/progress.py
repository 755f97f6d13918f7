"""The progress bar of a search."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from glassnet.core.ending import to_the_end
from glassnet.core.output import for_stream
from glassnet.training.progress import is_watched

if TYPE_CHECKING:
    from rich.progress import Progress


class SearchBar:
    """One line that shows how many trials are over and the best so far; nothing in a pipe.

    Args:
        trials: that there will be.
        enabled: False for silence.
    """

    def __init__(self, trials: int, *, enabled: bool) -> None:
        self._trials, self._done = trials, 0
        self._progress: Progress | None = _bar() if enabled and is_watched() else None

    def __enter__(self) -> SearchBar:
        if self._progress is not None:
            with to_the_end():
                self._progress.start()
            self._task = self._progress.add_task("", total=self._trials, best="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            with suppress(OSError), to_the_end():
                self._progress.stop()

    def step(self, best: str) -> None:
        """Shows that one more trial is over, and the best so far."""
        self._done += 1
        if self._progress is None:
            return
        text = for_stream(best, self._progress.console.file)
        try:
            with to_the_end():
                self._progress.update(
                    self._task,
                    description=f"trial {self._done}/{self._trials}",
                    completed=self._done,
                    best=text,
                    refresh=True,
                )
        except OSError:  # the terminal has gone away, which is no reason to stop
            self._progress = None


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(24), TimeRemainingColumn(), TextColumn("{task.fields[best]}")
    return Progress(*columns, console=Console(), auto_refresh=False)
