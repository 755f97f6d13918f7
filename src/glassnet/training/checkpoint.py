"""Saving the model while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassnet.core.errors import ConfigurationError, FileFormatError
from glassnet.core.files import require_writable
from glassnet.core.kinds import MODEL
from glassnet.core.settings import boolean, whole
from glassnet.training.callbacks import Callback, TrainingState
from glassnet.training.latest_fit import Memories
from glassnet.training.monitors import Monitor


class Checkpoint(Monitor):
    """Saves the model, with the memory of the optimizer and of the callbacks, while it trains.

    With ``only_best`` a better model alone takes a file's place, also in later fits and after a restart: the best value
    so far stands in the file. In each epoch its turn comes after the callbacks that remember something.

    Args:
        path: the file; ``{epoch}`` in it becomes the epoch's number.
        every: save, or with ``only_best`` compare, after every so many epochs (1).
        only_best: save only when ``monitor`` became better.
        monitor: what to watch with ``only_best`` (``"val_loss"``).
        mode: as in ``EarlyStopping``.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: int = 1,
        only_best: bool = False,
        monitor: str = "val_loss",
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.path = _checked_path(path)
        self.every = whole(every, "every", "Checkpoint")
        self.only_best = boolean(only_best, "only_best", "Checkpoint")

    def memory_name(self) -> str:
        """The name of the class, and the path."""
        return f"{super().memory_name()} to {self.path}"

    def on_fit_begin(self, state: TrainingState) -> None:
        """Checks that the file can be written, and the monitor where it is needed, before any work is done.

        A file that is there already must not be lost for a worse one.
        """
        if self.only_best:
            super().on_fit_begin(state)
        require_writable(self.path.replace("{epoch}", str(state.first_epoch)), MODEL, where="Checkpoint")
        if self.only_best and Path(self.path).is_file():
            self._read(state)

    @property
    def decides(self) -> bool:
        """Nothing about what is trained."""
        return False

    def to_remember(self) -> dict[str, Any]:
        """Nothing, unless it compares."""
        return super().to_remember() if self.only_best else {}

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Takes the best value so far where the file did not say it, as long as its file is there."""
        file = self.path.replace("{epoch}", str(memory.get("best_epoch")))
        if self.only_best and not self.best_epoch and Path(file).is_file():
            super().remember(memory, state)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Saves when it is due."""
        if state.epoch % self.every == 0 and (not self.only_best or self.improved(state)):
            state.save(self.path.replace("{epoch}", str(state.epoch)))

    def _read(self, state: TrainingState) -> None:
        """Takes the best value from the file, and says so where it is not this training's own."""
        try:
            nothing: tuple[int, Memories, Mapping[str, Any]] = (0, {}, {})
            epochs, memories, settings = nothing if state.memories_in is None else state.memories_in(self.path)
        except FileFormatError as error:
            raise ConfigurationError(
                where="Checkpoint",
                received=f"{self.path!r}, where there is {error.received}",
                expected="a path without a file, or with a model of an earlier training",
                fix="choose another path, or move the file away",
            ) from error
        if state.resumed and self.memory_name() in state.memories and state.settings.are(settings):
            return  # which this training has written, perhaps at a later place: how good it was by now it remembers
        # Whoever watched the same number and found the file's epoch the best knew its value.
        known = (m for m in memories.values() if m.get("monitor") == self.monitor and m.get("best_epoch") == epochs)
        memory = next(known, None)
        if memory is None or not epochs:
            return
        super().remember(memory, state)
        own = state.memories.get(self.memory_name(), {})
        if own.get("best") != self.best or memory.get("rows") != self._rows:
            rows = "" if memory.get("rows") == self._rows else ", measured on other rows"
            state.note(
                f"Checkpoint: {self.path} stays until {self.monitor} is better than the {self.best:.6g} of an earlier "
                f"training{rows}; choose another path to begin anew"
            )


def _checked_path(path: str | Path) -> str:
    """The path as text, with no braces that would stay as they are."""
    if not isinstance(path, str | Path) or "{" in Path(path).name.replace("{epoch}", ""):
        raise ConfigurationError(
            where="Checkpoint",
            received=f"the path {path!r}" if isinstance(path, str | Path) else f"{path!r:.60} as the path",
            expected='a path, with "{epoch}" where the number of the epoch belongs',
            fix='write gn.Checkpoint("epoch-{epoch}.safetensors")',
        )
    return str(path)


def saving_last(callbacks: list[Callback]) -> list[Callback]:
    """The callbacks in their turns: a ``Checkpoint`` after those that remember, so that its file holds the epoch whole.

    Those that only save come after those that compare. All others keep their order.
    """

    def remembers(callback: Callback) -> bool:
        return type(callback).to_remember is not Callback.to_remember and not isinstance(callback, Checkpoint)

    def compares(callback: Callback) -> bool:
        return remembers(callback) or (isinstance(callback, Checkpoint) and callback.only_best)

    for holds in (remembers, compares):
        last = max((place for place, callback in enumerate(callbacks) if holds(callback)), default=0)
        early = [c for c in callbacks[:last] if isinstance(c, Checkpoint) and not holds(c)]
        callbacks = [c for c in callbacks[: last + 1] if c not in early] + early + callbacks[last + 1 :]
    return callbacks
