"""What a user gives for callbacks: objects and functions, each of which will be called as it is meant to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.training.callbacks import Callback, TrainingState

ELSEWHERE = (
    *("on_train_begin", "on_train_start", "on_train_end", "on_fit_start", "on_epoch_begin", "on_epoch_start"),
    *("on_train_epoch_start", "on_train_epoch_end", "on_validation_end", "on_validation_epoch_end"),
    *("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_start", "on_train_batch_end"),
)
"""Methods of other libraries' callbacks, which nobody calls here."""


class FunctionCallback(Callback):
    """A function that is called at the end of each epoch."""

    def __init__(self, function: Callable[[TrainingState], None]) -> None:
        self.function = function

    def on_epoch_end(self, state: TrainingState) -> None:
        """Calls it."""
        self.function(state)


def as_callbacks(
    given: Iterable[Callback | Callable[[TrainingState], None]] | Callback | Callable[[TrainingState], None] | None,
) -> list[Callback]:
    """Accepts callbacks and plain functions of the state; None for none."""
    if given is None:
        return []
    found: list[Callback] = []
    is_one = isinstance(given, Callback | str | np.ndarray) or callable(given) or not isinstance(given, Iterable)
    items: Iterable[Any] = (given,) if is_one else given  # type: ignore[assignment]
    for item in items:
        if isinstance(item, Callback):
            _check(item, found)
            found.append(item)
        elif callable(item) and not isinstance(item, type):
            found.append(FunctionCallback(item))
        else:
            raise ConfigurationError(
                where="fit: callbacks",
                received=f"{shown(item)}",
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
