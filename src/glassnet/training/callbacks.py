"""What may happen at the end of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.settings import boolean, number, one_of, whole
from glassnet.shapes import Array
from glassnet.training.history import History

if TYPE_CHECKING:
    from glassnet.network import Network
    from glassnet.optimizers import Optimizer


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
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        history: History,
        *,
        epochs: tuple[int, int],
        available: tuple[str, ...],
        save: Callable[[str | Path], None],
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.history = history
        self.first_epoch, self.last_epoch = epochs
        self.epoch = self.first_epoch - 1
        self.step = optimizer.steps
        self.logs: dict[str, float] = {}
        self.available = available
        self.save = save
        self.stop_reason: str | None = None

    def stop(self, reason: str) -> None:
        """Ends training after this epoch."""
        self.stop_reason = reason


class Callback:
    """Base: override what is needed. A plain function ``f(state)`` is called like ``on_epoch_end``."""

    def on_fit_begin(self, state: TrainingState) -> None:
        """Before the first epoch."""

    def on_epoch_end(self, state: TrainingState) -> None:
        """After each epoch, when ``state.logs`` is known."""

    def on_fit_end(self, state: TrainingState) -> None:
        """After the last epoch, also when training was stopped."""


HIGHER_IS_BETTER = ("accuracy", "f1", "precision", "r2", "recall", "roc_auc")
"""Names, or ends of names, of metrics that are to rise."""


class _Monitor(Callback):
    """Base of the callbacks that watch one number."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        self.monitor = monitor
        self.mode = one_of(mode, "mode", type(self).__name__, ("auto", "min", "max"))
        self.min_delta = number(min_delta, "min_delta", type(self).__name__, low=0)

    def on_fit_begin(self, state: TrainingState) -> None:
        if self.monitor not in state.available:
            fix = f"monitor one of: {', '.join(state.available)}"
            if self.monitor.startswith("val_") and self.monitor[4:] in state.available:
                fix = f"pass validation_data=(x, y) or validation_split=0.2 to fit, or monitor {self.monitor[4:]!r}"
            raise ConfigurationError(
                where=type(self).__name__,
                received=f"monitor={self.monitor!r}",
                expected="something this fit measures",
                fix=fix,
            )
        self.best = np.inf
        self.waited = 0

    def improved(self, state: TrainingState) -> bool:
        """Notes the epoch's number; True when it is better than the best by more than ``min_delta``."""
        higher_is_better = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith(HIGHER_IS_BETTER))
        value = -state.logs[self.monitor] if higher_is_better else state.logs[self.monitor]
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False


class EarlyStopping(_Monitor):
    """Stops when a number has not become better for ``patience`` epochs.

    Args:
        monitor: what to watch (``"val_loss"``).
        patience: epochs without improvement that are tolerated (5).
        min_delta: how much better counts as better (0).
        restore_best: whether the best epoch's weights are put back at the end (True).
        mode: ``"min"``, ``"max"``, or ``"auto"``: higher is better for accuracy, f1, precision, r2, recall and
            roc_auc, lower for the rest.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole(patience, "patience", "EarlyStopping")
        self.restore_best = boolean(restore_best, "restore_best", "EarlyStopping")
        self.best_epoch = 0
        self._best_parameters: Array | None = None

    def on_fit_begin(self, state: TrainingState) -> None:
        """Starts to count."""
        super().on_fit_begin(state)
        self.best_epoch, self._best_parameters = 0, None

    def on_epoch_end(self, state: TrainingState) -> None:
        """Keeps the best weights, or stops."""
        if self.improved(state):
            self.best_epoch = state.epoch
            if self.restore_best:
                self._best_parameters = state.network.parameters.copy()
        elif self.waited >= self.patience:
            state.stop(f"{self.monitor} was best in epoch {self.best_epoch}, {self.waited} epochs before")

    def on_fit_end(self, state: TrainingState) -> None:
        """Puts the best weights back."""
        if self._best_parameters is not None:
            state.network.parameters[...] = self._best_parameters
            self._best_parameters = None


class Checkpoint(_Monitor):
    """Saves the model, with the optimizer's state, while it trains.

    Args:
        path: the file; ``{epoch}`` in it becomes the epoch's number.
        every: save after every so many epochs (1).
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
        self.path = str(path)
        self.every = whole(every, "every", "Checkpoint")
        self.only_best = boolean(only_best, "only_best", "Checkpoint")

    def on_fit_begin(self, state: TrainingState) -> None:
        """Checks the monitor where it is needed, and that the file can be written, before any work is done."""
        if self.only_best:
            super().on_fit_begin(state)
        directory = Path(self.path.replace("{epoch}", "0")).resolve().parent
        if not directory.is_dir():
            raise ConfigurationError(
                where="Checkpoint",
                received=f"the path {self.path!r}",
                expected="a file in a folder that exists",
                fix=f"make the folder first: mkdir -p {directory}",
            )

    def on_epoch_end(self, state: TrainingState) -> None:
        """Saves when it is due."""
        due = self.improved(state) if self.only_best else state.epoch % self.every == 0
        if due:
            state.save(self.path.replace("{epoch}", str(state.epoch)))


class ReduceOnPlateau(_Monitor):
    """Multiplies the learning rate by ``factor`` when a number has not become better for ``patience`` epochs.

    Args:
        monitor: what to watch (``"val_loss"``).
        factor: between 0 and 1 (0.1).
        patience: epochs without improvement before each reduction (10).
        min_delta: how much better counts as better (1e-4).
        min_rate: no reduction below this rate (0).
        mode: as in ``EarlyStopping``.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        min_rate: float = 0.0,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = number(factor, "factor", "ReduceOnPlateau", low=0, high=1, open_low=True)
        self.patience = whole(patience, "patience", "ReduceOnPlateau")
        self.min_rate = number(min_rate, "min_rate", "ReduceOnPlateau", low=0)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Reduces when it is due."""
        if not self.improved(state) and self.waited >= self.patience:
            self.waited = 0
            if state.optimizer.current_rate() * self.factor >= self.min_rate:
                state.optimizer.learning_rate_scale *= self.factor


class _FunctionCallback(Callback):
    def __init__(self, function: Callable[[TrainingState], None]) -> None:
        self.function = function

    def on_epoch_end(self, state: TrainingState) -> None:
        self.function(state)


def as_callbacks(given: Iterable[Callback | Callable[[TrainingState], None]]) -> list[Callback]:
    """Accepts callbacks and plain functions of the state."""
    found: list[Callback] = []
    for item in [given] if isinstance(given, Callback) or callable(given) else given:
        if isinstance(item, Callback):
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
