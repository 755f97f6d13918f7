"""What may happen at the end of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glassnet.core.calls import CheckedMeta
from glassnet.core.errors import ConfigurationError
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.training.batches import Rows
from glassnet.training.history import History

Memories = dict[str, dict[str, Any]]
"""What callbacks know, by their ``memory_name``."""


class TrainingState:
    """What callbacks see and may change.

    Attributes:
        network: the network in training; its parameters may be changed in place.
        optimizer: its ``learning_rate`` and ``learning_rate_scale`` may be changed.
        history: the epochs done in this fit.
        epoch: number of the epoch just finished, over the model's whole life.
        first_epoch, last_epoch: the range of this fit.
        step: number of updates done over the model's whole life.
        logs: what the epoch measured, by name.
        available: names that ``logs`` will have.
        memories: what callbacks knew before this fit, and those of other fits: the model's own.
        memories_in: gives of a model's file its number of epochs and its memories.
        training, validation: rows as the network gets them; None before and after the fit, and where there are none.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        history: History,
        *,
        epochs: tuple[int, int],
        available: tuple[str, ...],
        save: Callable[[str | Path, TrainingState], None],
        memories: Memories | None = None,
        memories_in: Callable[[str | Path], tuple[int, Memories]] | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.history = history
        self.first_epoch, self.last_epoch = epochs
        self.epoch = self.first_epoch - 1
        self.step = optimizer.steps
        self.logs: dict[str, float] = {}
        self.available = available
        self.memories: Memories = {} if memories is None else memories
        self.memories_in = memories_in
        self.training: Rows | None = None
        self.validation: Rows | None = None
        self.stop_reason: str | None = None
        self._save = save
        self._callbacks: dict[str, Callback] = {}

    def stop(self, reason: str = "a callback asked for it") -> None:
        """Ends training after this epoch; the history keeps the reason."""
        self.stop_reason = str(reason)

    def note(self, text: str) -> None:
        """Adds a sentence to the history's notes, once."""
        if text not in self.history.notes:
            self.history.notes.append(text)

    def save(self, path: str | Path) -> None:
        """Writes the model as it is now, with what the callbacks know."""
        self.store()
        self._save(path, self)

    def recall(self, callbacks: Sequence[Callback]) -> None:
        """Gives each callback the memory of its name, where there is one; several of one name are numbered."""
        named: dict[str, Callback] = {}
        for callback in callbacks:
            name, number = callback.memory_name(), 2
            while name in named:
                name, number = f"{callback.memory_name()} {number}", number + 1
            named[name] = callback
        for name, callback in named.items():
            if name in self.memories:
                callback.remember(self.memories[name], self)
        self._callbacks = named  # from now on it is they who know

    def store(self) -> None:
        """Keeps what the callbacks know now; what others knew stays.

        Raises:
            ConfigurationError: a callback gives something else than a dict.
        """
        for name, callback in self._callbacks.items():
            memory = callback.to_remember()
            if not isinstance(memory, dict):
                raise ConfigurationError(
                    where=f"{name}: to_remember",
                    received=f"{memory!r:.60}",
                    expected="a dict of what it must know, by name",
                    fix="return {} for nothing",
                )
            if memory:
                self.memories[name] = memory


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

    def on_fit_begin(self, state: TrainingState) -> None:
        """Is called before the first epoch."""

    def on_epoch_end(self, state: TrainingState) -> None:
        """Is called after each epoch, when ``state.logs`` is known."""

    def on_fit_end(self, state: TrainingState) -> None:
        """Is called after the last epoch, also when training was stopped."""

    def memory_name(self) -> str:
        """The name under which the model keeps its memory: the class, and what the memory's meaning depends on."""
        return type(self).__name__

    def to_remember(self) -> dict[str, Any]:
        """What it must know to go on, by name; empty, the default, for nothing.

        Numbers, texts, truth values, None, lists of these, and arrays of float32 or float64. Asked for at the end of a
        fit and whenever the model is saved in between.
        """
        return {}

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Takes up what ``to_remember`` gave before; called after ``on_fit_begin`` where there is something."""


ELSEWHERE = (
    *("on_train_begin", "on_train_start", "on_train_end", "on_fit_start", "on_epoch_begin", "on_epoch_start"),
    *("on_train_epoch_start", "on_train_epoch_end", "on_validation_end", "on_validation_epoch_end"),
    *("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_start", "on_train_batch_end"),
)
"""Methods of other libraries' callbacks, which nobody calls here."""


class _FunctionCallback(Callback):
    def __init__(self, function: Callable[[TrainingState], None]) -> None:
        self.function = function

    def on_epoch_end(self, state: TrainingState) -> None:
        self.function(state)


def as_callbacks(
    given: Iterable[Callback | Callable[[TrainingState], None]] | Callback | Callable[[TrainingState], None] | None,
) -> list[Callback]:
    """Accepts callbacks and plain functions of the state; None for none."""
    if given is None:
        return []
    found: list[Callback] = []
    is_one = isinstance(given, Callback | str) or callable(given) or not isinstance(given, Iterable)
    items: Iterable[Any] = (given,) if is_one else given  # type: ignore[assignment]
    for item in items:
        if isinstance(item, Callback):
            _check(item, found)
            found.append(item)
        elif callable(item) and not isinstance(item, type):
            found.append(_FunctionCallback(item))
        else:
            raise ConfigurationError(
                where="fit: callbacks",
                received=f"{item!r:.80}",
                expected="callback objects or functions of the training state",
                fix="write callbacks=[gn.EarlyStopping(patience=5)]",
            )
    return found


def _check(callback: Callback, others: list[Callback]) -> None:
    """Refuses a callback that would be called twice an epoch, or never."""
    name = type(callback).__name__
    if any(callback is other for other in others):
        raise ConfigurationError(
            where="fit: callbacks",
            received=f"the same {name} twice",
            expected="each callback once, since it counts the epochs that it sees",
            fix="make a second object",
        )
    never = [method for method in ELSEWHERE if hasattr(callback, method)]
    if never:
        raise ConfigurationError(
            where=f"fit: callbacks: {name}",
            received=f"the method {never[0]}, which is never called",
            expected="on_fit_begin, on_epoch_end or on_fit_end, each with the training state",
            fix=f"rename {never[0]}; what happens in each step a gn.Watch shows",
        )
