"""What may happen at the end of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sys import maxsize
from typing import Any, ClassVar

import numpy as np

from glassnet.core.calls import CheckedMeta
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.locks import PathLock
from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners.own import is_library_code
from glassnet.training.fit_settings import FitSettings
from glassnet.training.history import History
from glassnet.training.latest_fit import LatestFit, Memories, TrainingPosition
from glassnet.training.own_memory import OwnMemory
from glassnet.training.streamed import Data


class TrainingState:
    """What callbacks see and may change.

    Attributes:
        network: the network in training; its parameters may be changed in place.
        optimizer: its ``learning_rate`` and ``learning_rate_scale`` may be changed.
        history: the epochs done in this fit; where it goes on with an earlier one, those of that one, too.
        position: the place in the training; None while a step or the end of an epoch is on its way.
        first_epoch, last_epoch: the range of this fit.
        step: number of updates done over the model's whole life.
        logs: what the epoch measured, by name.
        available: names that ``logs`` will have.
        memories: what callbacks knew before this fit, and those of other fits: the model's own.
        resumed: whether this fit goes on with an earlier one.
        training, validation: rows as the network gets them; None before and after the fit, and where there are none.
        stop_reason: why training ends before its last epoch, or None.
        latest: what this fit was, once it is over.
        own: what the user's own parts keep.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        *,
        epochs: tuple[int, int],
        available: tuple[str, ...],
        save: Callable[[str | Path, LatestFit, Memories], None],
        settings: FitSettings,
        memories: Memories | None = None,
        memories_in: Callable[[str | Path], tuple[int, Memories, Mapping[str, Any]]] | None = None,
        goes_on: LatestFit | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.first_epoch, self.last_epoch = epochs
        self.resumed = goes_on is not None
        self.history = History() if goes_on is None else goes_on.history.copy()
        self.position: TrainingPosition | None = TrainingPosition(self.first_epoch - 1)
        self.epoch = self.first_epoch - 1
        self.step = optimizer.steps
        self.logs: dict[str, float] = {}
        self.available = available
        self.settings = settings
        self.memories: Memories = {} if memories is None else memories
        self.memories_in = memories_in
        self.training: Data | None = None
        self.validation: Data | None = None
        self.stop_reason: str | None = None
        self.latest: LatestFit | None = None
        self._is_ended = False
        self._save = save
        self._steps = 0
        self._seen_at: Callable[[TrainingPosition], Seen] = _nothing
        self._callbacks: dict[str, Callback] = {}
        self._locks: list[PathLock] = []
        self.own = OwnMemory(network, own or {}, {} if goes_on is None else goes_on.kept)
        if goes_on is not None and goes_on.position is not None:
            self.position, self.epoch = goes_on.position, goes_on.position.epoch
            self._is_ended = goes_on.is_ended
            self.stop_reason = goes_on.history.stopped if goes_on.is_ended else None

    @property
    def steps_in_epoch(self) -> int:
        """Steps done of the epoch in progress; 0 at an epoch's end."""
        return 0 if self.position is None else self.position.step

    def stop(self, reason: str = "a callback asked for it") -> None:
        """Ends training after this epoch, between steps after this step; the history keeps the reason.

        It is a decision: the training is over, and resuming it does nothing more.
        """
        self.stop_reason, self._is_ended = str(reason), True

    def interrupt(self, reason: str = "interrupted") -> None:
        """Ends training after the step in progress, as Ctrl-C does; it can be resumed.

        It may be called at any time, by a signal's handler or in another thread, too.
        """
        if self.stop_reason is None:
            self.stop_reason = str(reason)

    @property
    def decision(self) -> tuple[str, bool] | None:
        """Why training ends before its last epoch, and whether it is over then; None where it does not."""
        return None if self.stop_reason is None else (self.stop_reason, self._is_ended)

    def decide(self, decision: Sequence[Any] | None) -> None:
        """Takes over what was decided on another rank."""
        if decision is not None:
            self.stop_reason, self._is_ended = str(decision[0]), bool(decision[1])

    def note(self, text: str) -> None:
        """Adds a sentence to the history's notes, once."""
        if text not in self.history.notes:
            self.history.notes.append(text)

    def save(self, path: str | Path) -> None:
        """Writes the model as it is now, with what the callbacks know and the place in the training."""
        for lock in self._locks:
            lock.require_held()
        for text in self.own.not_in_files() if self.latest is None else ():
            self.note(text)
        known = self._known()
        latest = self._latest_fit(known, self.settings.whole) if self.latest is None else self._concluded(self.latest)
        self._save(path, latest, self.memories | known)

    def hold(self, path: str | Path, *, where: str) -> None:
        """Keeps other trainings from writing to a path until this fit is over.

        Raises:
            ConfigurationError: another one does, in this process or in another; or another callback of this fit.
        """
        lock = PathLock(path, where=where)
        if any(lock.file == own.file for own in self._locks):
            raise ConfigurationError(
                where=where,
                received=f"{str(path)!r} twice in one fit",
                expected="a file of its own for each",
                fix="choose another path for one of them",
            )
        lock.take()
        self._locks.append(lock)
        if lock.warning is not None:
            self.note(lock.warning)

    def let_go(self) -> None:
        """Lets others write to the paths that were held."""
        while self._locks:
            self._locks.pop().give_back()

    def begin(self, steps: int, seen_at: Callable[[TrainingPosition], Seen]) -> None:
        """Takes in how many steps an epoch has, and what gives the outputs of the rows that were seen in it."""
        self._steps, self._seen_at = steps, seen_at

    def recall(self, callbacks: Sequence[Callback]) -> None:
        """Gives each callback the memory of its name, where there is one; several of one name are numbered."""
        self._callbacks = named_apart(callbacks)
        for text in self.own.begin({name: one for name, one in self._callbacks.items() if one.keeps_by_itself}):
            self.note(text)
        reason, is_ended = self.stop_reason, self._is_ended
        for name, callback in self._callbacks.items():
            if name in self.memories:
                callback.remember(self.memories[name], self)
        if is_ended:
            self.stop_reason, self._is_ended = reason, True

    def end_epoch(self, callbacks: Sequence[Callback]) -> None:
        """Gives each callback its turn at the end of an epoch.

        Where one fails, the place counts as lost if it, or one that had no turn, knows something of the epochs.
        """
        for number, callback in enumerate(callbacks):
            try:
                callback.on_epoch_end(self)
            except BaseException:
                if any(later.to_remember() for later in callbacks[number:]):
                    self.position = None
                raise

    def conclude(self) -> None:
        """Notes what this fit was, and its parameters, before callbacks put anything back."""
        known = self._known()
        is_finished = self.position is not None and (self._is_ended or self.position.epoch >= self.last_epoch)
        settings = self.settings.sampled if is_finished else self.settings.whole
        parameters = self.network.parameters.copy() if self._callbacks else None
        self.latest = self._latest_fit(known, settings, parameters)

    def _concluded(self, fit: LatestFit) -> LatestFit:
        """What this fit was, with parameters only where others have been put in their place."""
        is_same = fit.parameters is not None and np.array_equal(fit.parameters, self.network.parameters)
        return replace(fit, parameters=None) if is_same else fit

    def store(self) -> None:
        """Keeps what the callbacks know now; what others knew stays. Lets the data go: callbacks may keep the state."""
        known = self._known()
        for name in self._callbacks:
            self.memories.pop(name, None)
        self.memories |= known
        self.latest = None if self.latest is None else self._concluded(self.latest)
        self.training = self.validation = None
        self.settings.let_go()
        self._seen_at = _nothing

    def _known(self) -> Memories:
        """What the callbacks know now.

        Raises:
            ConfigurationError: a callback gives something else than a dict.
        """
        found: Memories = {}
        for name, callback in self._callbacks.items():
            memory = callback.to_remember()
            if not isinstance(memory, dict):
                raise ConfigurationError(
                    where=f"{name}: to_remember",
                    received=f"{shown(memory, 60)}",
                    expected="a dict of what it must know, by name",
                    fix="return {} for nothing",
                )
            if memory:
                found[name] = memory
        return found

    def _latest_fit(self, known: Memories, settings: Mapping[str, Any], parameters: Array | None = None) -> LatestFit:
        position = self.position
        if position is not None:
            outputs, sums = position.outputs, position.sums
            if outputs is None and sums is None and position.step:
                outputs, sums = self._seen_at(position)
            losses, totals = np.array(position.losses), np.array(position.totals)
            position = replace(position, losses=losses, totals=totals, outputs=outputs, sums=sums)
        return LatestFit(
            first_epoch=self.first_epoch,
            last_epoch=self.last_epoch,
            steps=self._steps,
            updates=self.optimizer.steps,
            settings=settings,
            position=position,
            history=self.history.copy(self.epoch - self.first_epoch + 1, self.stop_reason),
            is_ended=self._is_ended,
            memories=known,
            parameters=parameters,
            kept=self.own.kept(),
        )


Seen = tuple[Array | None, Array | None]
"""Outputs and sums of a ``TrainingPosition``."""


def _nothing(_: TrainingPosition) -> Seen:
    """No outputs."""
    return None, None


def stretch_of(callbacks: Sequence[Callback]) -> Callable[[int], int]:
    """A function that says how many steps may follow on so many updates until a callback must be called."""
    found = [callback.every_steps for callback in callbacks]
    every = [steps for steps in found if steps is not None]
    return lambda updates: min((steps - updates % steps for steps in every), default=maxsize)


def named_apart(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Callbacks by the names under which their memories are kept; several of one name are numbered."""
    named: dict[str, Callback] = {}
    for callback in callbacks:
        name, number = callback.memory_name(), 2
        while name in named:
            name, number = f"{callback.memory_name()} {number}", number + 1
        named[name] = callback
    return named


class Callback(metaclass=CheckedMeta):
    """Base: override what is needed. A plain function ``f(state)`` is called like ``on_epoch_end``.

    A callback that is to know in a later ``fit``, or after a restart, what it knew before overrides ``to_remember`` and
    ``remember``. The model keeps what it knew, also in its file; a new object of the same ``memory_name`` gets it.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Counting(gn.Callback):
        ...     epochs = 0
        ...     def on_epoch_end(self, state):
        ...         self.epochs += 1
        ...     def to_remember(self):
        ...         return {"epochs": self.epochs}
        ...     def remember(self, memory, state):
        ...         self.epochs = memory["epochs"]
        >>> model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
        >>> for counting in (Counting(), Counting()):
        ...     _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, callbacks=[counting], verbose=False)
        >>> counting.epochs
        6
    """

    every_steps: int | None = None
    """A number of updates at whose multiples ``between_steps`` is called in any case."""

    only_looks: ClassVar[bool] = False
    """Of the library's own: whether it changes numbers at most, such as weights and rates, and no setting or layer."""

    def on_fit_begin(self, state: TrainingState) -> None:
        """Is called before the first epoch."""

    def on_epoch_end(self, state: TrainingState) -> None:
        """Is called after each epoch, when ``state.logs`` is known."""

    def on_fit_end(self, state: TrainingState) -> None:
        """Is called after the last epoch, also when training was stopped."""

    def between_steps(self, state: TrainingState) -> None:
        """Is called between two steps of an epoch: some twenty times a second, or by the NumPy engine at each step.

        It may look at ``state``, save, stop or interrupt, and changes nothing. At an epoch's end ``on_epoch_end`` takes
        its place. With ``every_steps`` it is called at each update whose number ``state.step`` is a multiple of that,
        unless an epoch ends there.
        """

    @property
    def decides(self) -> bool:
        """Whether a training that goes on needs it, since it remembers something that counts for what is trained."""
        return type(self).to_remember is not Callback.to_remember

    @property
    def keeps_by_itself(self) -> bool:
        """Whether it is the user's, and says nothing of what it must know: then its attributes are kept."""
        is_own = not is_library_code(type(self)) or hasattr(self, "function")
        return is_own and is_library_code(type(self).to_remember)

    def memory_name(self) -> str:
        """The name under which the model keeps its memory: the class, and what the memory's meaning depends on."""
        return type(self).__name__

    def to_remember(self) -> dict[str, Any]:
        """What it must know to go on, by name; empty, the default, for nothing.

        Numbers, texts, truth values, None, lists of these, and arrays of float32 or float64; or a function that gives
        such when it is called. Asked for at the end of a fit and whenever the model is saved in between.
        """
        return {}

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Takes up what ``to_remember`` gave before; called after ``on_fit_begin`` where there is something."""
