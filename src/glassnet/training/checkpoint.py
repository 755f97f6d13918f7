"""Saving the model while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from time import monotonic
from typing import Any
from warnings import warn

from glassnet.core.errors import (
    CheckpointWarning,
    ConfigurationError,
    FileFormatError,
    MissingFileError,
    WriteError,
    shown,
)
from glassnet.core.files import require_writable
from glassnet.core.kinds import MODEL
from glassnet.core.output import level_of_caller
from glassnet.core.settings import boolean, number, one_of, whole
from glassnet.training.callbacks import Callback, TrainingState
from glassnet.training.kept_files import NUMBERS, KeptFiles, member_path, numbered_files, set_damaged_aside
from glassnet.training.latest_fit import Memories
from glassnet.training.monitors import Monitor


class Checkpoint(Monitor):
    """Saves the model while it trains, with all that is needed to go on: ``fit(..., resume=path)``.

    It saves after so many epochs, or updates, or seconds, in the middle of an epoch, too. With ``only_best`` a better
    model alone takes a file's place, also in later fits and after a restart: the best value so far stands in the file.
    In each epoch its turn comes after the callbacks that remember something. While a fit lasts, no other training, in
    this process or another one, can write to the same path. Of several models that are trained together each has files
    of its own, ``m.member-0.safetensors``, ``m.member-1.safetensors`` and so on.

    Args:
        path: the file; ``{epoch}`` in it becomes the number of complete epochs, ``{step}`` that of updates, over the
            model's whole life.
        every: save, or with ``only_best`` compare, after every so many epochs; None for 1, or for never where
            ``every_steps`` or ``every_seconds`` is given.
        every_steps: save after every so many updates.
        every_seconds: save as soon as so many seconds have gone by since the last time.
        keep: how many files stay, the newest; and the best one, where the fit measures ``monitor``. None for one file
            at a path without numbers, and for all at a path with them. The older ones of ``m.safetensors`` are
            ``m.1.safetensors``, ``m.2.safetensors`` and so on, the best is ``m.best.safetensors``. Where the newest is
            damaged, ``gn.load`` and ``fit(..., resume=path)`` take the newest that is whole, and say so.
        only_best: save only when ``monitor`` became better.
        monitor: what to watch with ``only_best`` or ``keep`` (``"val_loss"``); None to keep no best one.
        mode: as in ``EarlyStopping``.
        if_disk_fails: what to do when the disk is full or fails: ``"stop"`` the training with the ``WriteError``
            (default), or ``"go_on"`` with a warning. The files that are there stay whole in both cases.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> x, y = np.ones((40, 2)), np.ones((40, 1))
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "run.safetensors"
        ...     checkpoint = gn.Checkpoint(path, every_steps=5, keep=2, monitor=None)
        ...     model = gn.Model(gn.Dense(1), "mean_squared_error", "sgd")
        ...     _ = model.fit(x, y, epochs=3, batch_size=4, callbacks=[checkpoint], verbose=False)
        ...     sorted(file.name for file in Path(folder).iterdir()), gn.load(path).optimizer.steps
        (['run.1.safetensors', 'run.safetensors'], 30)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: int | None = None,
        every_steps: int | None = None,
        every_seconds: float | None = None,
        keep: int | None = None,
        only_best: bool = False,
        monitor: str | None = "val_loss",
        mode: str = "auto",
        if_disk_fails: str = "stop",
    ) -> None:
        super().__init__("nothing" if monitor is None else monitor, mode, 0.0)
        where = "Checkpoint"
        self._keeps_best = monitor is not None
        self.path = _checked_path(path)
        is_between = every_steps is not None or every_seconds is not None
        if every is None and not is_between:
            every = 1
        self.every = None if every is None else whole(every, "every", where)
        self.every_steps = None if every_steps is None else whole(every_steps, "every_steps", where)
        self.every_seconds = None
        if every_seconds is not None:
            self.every_seconds = number(every_seconds, "every_seconds", where, low=0, open_low=True)
        self.keep = None if keep is None else whole(keep, "keep", where)
        self.only_best = boolean(only_best, "only_best", where)
        self.if_disk_fails = one_of(if_disk_fails, "if_disk_fails", where, ("stop", "go_on"))
        if self.only_best and monitor is None:
            raise ConfigurationError(
                where=where,
                received="only_best=True with monitor=None",
                expected="a number that says which is the best",
                fix='write monitor="val_loss"',
            )
        if self.only_best and is_between:
            raise ConfigurationError(
                where=where,
                received="only_best=True with every_steps or every_seconds",
                expected="to compare at the ends of epochs, where something is measured",
                fix="write every=1 for them; or keep=1 in place of only_best, which keeps the best one as well",
            )
        self._begin()

    def _begin(self) -> None:
        self._compares = self.only_best
        self._files = KeptFiles(self.path, self.keep)
        self._best_file = self._files if self.only_best else KeptFiles(self._files.best, None)
        self._best_step = self._failures = 0
        self._saved_at = monotonic()

    def of_member(self, number: int) -> Checkpoint:
        """The same for one of several models that are trained together, with files of its own: see ``member_path``."""
        own = copy(self)
        own.path = str(member_path(self.path, number))
        own._begin()
        return own

    def memory_name(self) -> str:
        """The name of the class, and the path."""
        return f"{super().memory_name()} to {self.path}"

    def on_fit_begin(self, state: TrainingState) -> None:
        """Checks that the files can be written, and the monitor where it is needed, before any work is done.

        A file that is there already must not be lost for a worse one.

        Raises:
            ConfigurationError: a file cannot be written, or is somebody else's; the monitor is not measured; another
                training writes to the path, in this process or another one, whose number is told.
        """
        self._begin()
        keeps_best = self._keeps_best and self.keep is not None
        self._compares = self.only_best or (keeps_best and self.monitor in state.available)
        if self._compares:
            super().on_fit_begin(state)
        elif keeps_best:
            state.note(f"Checkpoint to {self.path} keeps no best one: this fit does not measure {self.monitor}")
        if state.resumed:
            for note in set_damaged_aside(self.path):
                state.note(note)
        require_writable(self._files.at(state.first_epoch, state.step), MODEL, where="Checkpoint")
        state.hold(self.path, where="Checkpoint")
        self._files.clear()
        for file in self._files.others:
            self._require_own(file, state)
        if state.resumed and self.keep is not None:
            self._files.take_over([file for file in numbered_files(self.path) if self._is_own(file, state)])
        best = self._best_file.at(0, 0)
        if self._compares and Path(best).is_file():
            self._read(best, state)

    def on_fit_end(self, state: TrainingState) -> None:
        """Says what there is to say."""
        super().on_fit_end(state)
        if self._failures:
            state.note(f"Checkpoint to {self.path}: the disk did not take {self._failures:,} files")

    @property
    def decides(self) -> bool:
        """Nothing about what is trained."""
        return False

    def to_remember(self) -> dict[str, Any]:
        """The best value where it compares; where files are kept, that this is one of them."""
        found: dict[str, Any] = {} if self.keep is None else {"keep": self.keep}
        if self._compares:
            found |= super().to_remember()
        if self.only_best and "{step}" in self.path:
            found["best_step"] = self._best_step
        return found

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Takes the best value so far where the file did not say it, as long as its file is there."""
        file = self._best_file.at(memory.get("best_epoch", 0), memory.get("best_step", 0))
        if self._compares and not self.best_epoch and "best" in memory and Path(file).is_file():
            super().remember(memory, state)
            self._best_step = whole(memory.get("best_step", 0), "best_step", "what the model remembers", low=0)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Saves when it is due."""
        is_due = self.every is not None and state.epoch % self.every == 0
        if self._compares and (is_due or not self.only_best):
            self._save_if_better(state)
        if self.every_steps is not None or self.every_seconds is not None:
            is_last = state.epoch == state.last_epoch or state.stop_reason is not None
            is_due = is_due or is_last or self._is_due(state)
        if is_due and not self.only_best:
            self._save(state, self._files)

    def between_steps(self, state: TrainingState) -> None:
        """Saves when it is due."""
        if self._is_due(state):
            self._save(state, self._files)

    def _is_due(self, state: TrainingState) -> bool:
        if self.every_steps is not None and state.step % self.every_steps == 0:
            return True
        return self.every_seconds is not None and monotonic() - self._saved_at >= self.every_seconds

    def _save_if_better(self, state: TrainingState) -> None:
        before, is_saved = (self.best, self.best_epoch, self.waited, self._best_step), False
        if not self.improved(state):
            return
        self._best_step = state.step
        try:
            is_saved = self._save(state, self._best_file)
        finally:
            if not is_saved:  # what is in the file is still the best
                self.best, self.best_epoch, self.waited, self._best_step = before
                self.waited += 1

    def _save(self, state: TrainingState, files: KeptFiles) -> bool:
        """Writes the next file; False where the disk did not take it, and training goes on all the same."""
        try:
            with files.next(state.epoch, state.step) as path:
                state.save(path)
        except WriteError as error:
            if self.if_disk_fails == "stop":
                raise
            self._failures += 1
            text = f"Checkpoint: nothing was saved after epoch {state.epoch}, step {state.step}: {error}"
            warn(text, CheckpointWarning, stacklevel=level_of_caller())
            return False
        finally:
            self._saved_at = monotonic()  # after it: a slow disk is not to take all the time
        return True

    def _is_own(self, file: Path, state: TrainingState) -> bool:
        """Whether this training, before it was broken off, has written a file."""
        try:
            _, memories, settings = ({}, {}, {}) if state.memories_in is None else state.memories_in(file)
        except (FileFormatError, MissingFileError):
            return False
        return state.settings.are(settings) and any(name.startswith("Checkpoint(") for name in memories)

    def _require_own(self, file: Path, state: TrainingState) -> None:
        """Refuses to let a file be replaced, or moved, that no ``Checkpoint`` has written."""
        require_writable(file, MODEL, where="Checkpoint")
        if not file.is_file() or state.memories_in is None:
            return
        try:
            _, memories, _ = state.memories_in(file)
        except FileFormatError:
            return  # a damaged one
        if not any(name.startswith("Checkpoint(") for name in memories):
            raise ConfigurationError(
                where="Checkpoint",
                received=f"{str(file)!r}, a model that no Checkpoint has written, where an older one would go",
                expected="a place for the files that are kept",
                fix="choose another path, or move the file away",
            )

    def _read(self, path: str, state: TrainingState) -> None:
        """Takes the best value from the file, and says so where it is not this training's own."""
        try:
            nothing: tuple[int, Memories, Mapping[str, Any]] = (0, {}, {})
            epochs, memories, settings = nothing if state.memories_in is None else state.memories_in(path)
        except FileFormatError as error:
            raise ConfigurationError(
                where="Checkpoint",
                received=f"{path!r}, where there is {error.received}",
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
                f"Checkpoint: {path} stays until {self.monitor} is better than the {self.best:.6g} of an earlier "
                f"training{rows}; choose another path to begin anew"
            )


def _checked_path(path: str | Path) -> str:
    """The path as text, with no braces that would stay as they are."""
    if isinstance(path, str | Path) and not Path(path).name:
        raise ConfigurationError(
            where="Checkpoint",
            received=f"the path {str(path)!r}, a folder",
            expected="the path of a file",
            fix='write gn.Checkpoint("epoch-{epoch}.safetensors")',
        )
    if not isinstance(path, str | Path) or "{" in NUMBERS.sub("", Path(path).name):
        raise ConfigurationError(
            where="Checkpoint",
            received=f"the path {path!r}" if isinstance(path, str | Path) else f"{shown(path, 60)} as the path",
            expected='a path, with "{epoch}" or "{step}" where the number of the epoch or the update belongs',
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
        return remembers(callback) or (
            isinstance(callback, Checkpoint) and (callback.only_best or callback.keep is not None)
        )

    for holds in (remembers, compares):
        last = max((place for place, callback in enumerate(callbacks) if holds(callback)), default=0)
        early = [c for c in callbacks[:last] if isinstance(c, Checkpoint) and not holds(c)]
        callbacks = [c for c in callbacks[: last + 1] if c not in early] + early + callbacks[last + 1 :]
    return callbacks
