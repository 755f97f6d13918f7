"""Callbacks that watch one number and remember how good it was: to stop, to lower the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, FileFormatError, shown
from glassnet.core.settings import boolean, number, one_of, whole
from glassnet.core.shapes import Array
from glassnet.core.suggestions import nearest
from glassnet.metrics import METRICS
from glassnet.training.callbacks import Callback, TrainingState

HIGHER_IS_BETTER = ("accuracy", "f1", "precision", "r2", "recall", "roc_auc")
"""Names, or ends of names, of metrics that are to rise."""
LOWER_IS_BETTER = ("loss", "error", "learning_rate", *(name for name in METRICS if name not in HIGHER_IS_BETTER))
"""Names, or ends of names, of what is to fall."""


class Monitor(Callback):
    """Base of the callbacks that watch one number, and remember the best one so far.

    Attributes:
        best: the best value so far, NaN before there is one.
        best_epoch: its epoch, 0 before there is one.
        waited: epochs since then.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(monitor, str):
            raise ConfigurationError(
                where=type(self).__name__,
                received=f"monitor={shown(monitor)}",
                expected="the name of something that fit measures",
                fix='write monitor="val_loss"',
            )
        self.monitor = monitor
        self.mode = one_of(mode, "mode", type(self).__name__, ("auto", "min", "max"))
        self.min_delta = number(min_delta, "min_delta", type(self).__name__, low=0)
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self.waited = nan, 0, 0
        self._missing = self._rows = 0

    def memory_name(self) -> str:
        """The class, what it watches and which way is better."""
        return f"{type(self).__name__}({self.monitor}, {self.mode})"

    def on_fit_begin(self, state: TrainingState) -> None:
        """Checks that there will be such a number, and that it is known which way is better."""
        where, received = type(self).__name__, f"monitor={self.monitor!r}"
        if self.monitor not in state.available:
            measured = str(self.monitor).removeprefix("val_")
            meant = nearest(measured, [name for name in state.available if not name.startswith("val_")], "metric")
            own = str(self.monitor).removesuffix(measured) + str(meant)
            hint = f"did you mean {own!r}? " if own in state.available else ""
            fix = f"{hint}monitor one of: {', '.join(state.available)}"
            if str(self.monitor).startswith("val_") and self.monitor[4:] in state.available:
                fix = f"pass validation_data=(x, y) or validation_split=0.2 to fit, or monitor {self.monitor[4:]!r}"
            raise ConfigurationError(where=where, received=received, expected="something this fit measures", fix=fix)
        if self.mode == "auto" and not self.monitor.endswith(HIGHER_IS_BETTER + LOWER_IS_BETTER):
            raise ConfigurationError(
                where=where,
                received=f"{received}, a metric that glassnet does not know, and mode='auto'",
                expected="to be told whether higher or lower is better",
                fix="write mode='max' or mode='min'",
            )
        others = [name for name in state.memories if name.startswith(f"{where}(")]
        if others and self.memory_name() not in state.memories:
            state.note(f"{self.memory_name()} begins anew; the model remembers {', '.join(others)}")
        self._forget()
        rows = state.validation if self.monitor.startswith("val_") else state.training
        self._rows = 0 if rows is None else rows.fingerprint()

    def on_fit_end(self, state: TrainingState) -> None:
        """Says so where there was nothing to compare."""
        if self._missing:
            epochs = f"{self._missing:,} of {len(state.history):,} epochs"
            state.note(
                f"{type(self).__name__}: {self.monitor} was no finite number in {epochs}, which counts as no progress"
            )

    def to_remember(self) -> dict[str, Any]:
        """The best value, its epoch, the epochs since then, and of which rows."""
        best = float(self.best) if self.best_epoch else None
        known = {"monitor": self.monitor, "best": best, "best_epoch": self.best_epoch, "waited": self.waited}
        return known | {"rows": self._rows} | ({"missing": self._missing} if self._missing else {})

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Goes on from the best value so far and the epochs waited."""
        where = f"what the model remembers of {self.memory_name()}"
        self.best_epoch = whole(memory.get("best_epoch"), "best_epoch", where, low=0)
        self.waited = whole(memory.get("waited"), "waited", where, low=0)
        self.best = number(memory.get("best"), "best", where, low=-inf) if self.best_epoch else nan
        if state.resumed:
            self._missing = whole(memory.get("missing", 0), "missing", where, low=0)

    def begins_anew(self, memory: Mapping[str, Any], state: TrainingState) -> bool:
        """Whether the values before were of other rows, with which none can be compared; it is noted."""
        differs = memory.get("rows") != self._rows
        if differs:
            state.note(f"{self.memory_name()} begins anew: {self.monitor} was measured on other rows before")
        return differs

    def improved(self, state: TrainingState) -> bool:
        """Notes the epoch's number; True when it is better than the best by more than ``min_delta``."""
        value = float(state.logs[self.monitor])
        rises = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith(HIGHER_IS_BETTER))
        is_better = value > self.best + self.min_delta if rises else value < self.best - self.min_delta
        self._missing += not isfinite(value)
        if isfinite(value) and (is_better or not self.best_epoch):
            self.best, self.best_epoch, self.waited = value, state.epoch, 0
            return True
        self.waited += 1
        return False


class EarlyStopping(Monitor):
    """Stops when a number has not become better for ``patience`` epochs.

    The best value, its weights and the epochs waited are remembered in later fits and in the model's file: fits one
    after another do what a single long one would have done, restarts in between or not. A training that it has stopped
    is over: later fits do no epoch, unless with a larger patience, or on other rows to validate, where it begins anew.

    Args:
        monitor: what to watch (``"val_loss"``).
        patience: epochs without improvement that are tolerated (5).
        min_delta: how much better counts as better (0).
        restore_best: whether the best epoch's weights are put back at the end (True).
        mode: ``"min"``, ``"max"``, or ``"auto"``: higher is better for accuracy, f1, precision, r2, recall and
            roc_auc, lower for losses, errors and glassnet's other metrics; what glassnet does not know needs a mode.
        ties: of several epochs that are equally good the ``"first"`` one's weights are kept, or the ``"last"`` one's,
            which have learned for longer. Patience counts from the first in either case.

    Attributes:
        kept_epoch: whose weights are put back, 0 before there is one.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> y = np.sin(40 * x)  # too fast for so few units
        >>> net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(1))
        >>> model = gn.Model(net, "mean_squared_error", gn.Adam(0.1), seed=0)
        >>> stop = gn.EarlyStopping("val_loss", patience=3)
        >>> history = model.fit(x, y, epochs=200, validation_split=0.25, callbacks=[stop], verbose=False)
        >>> len(history) < 200, history.kept_epoch == stop.best_epoch == len(history) - 3
        (True, True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
        ties: str = "first",
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole(patience, "patience", "EarlyStopping")
        self.restore_best = boolean(restore_best, "restore_best", "EarlyStopping")
        self.ties = one_of(ties, "ties", "EarlyStopping", ("first", "last"))

    def _forget(self) -> None:
        super()._forget()
        self._epoch = self.kept_epoch = 0
        self._best_parameters: Array | None = None
        self._last_parameters: Array | None = None
        self._put_back = False

    def memory_name(self) -> str:
        """What the base says, and whether it keeps weights."""
        return super().memory_name() + (" with weights" if self.restore_best else "")

    def to_remember(self) -> dict[str, Any]:
        """What the base keeps, the best weights and, once these are put back, the ones that training goes on from."""
        arrays = {"best_parameters": self._best_parameters, "last_parameters": self._last_parameters}
        known = {"epoch": self._epoch, "put_back": self._put_back} | {n: a for n, a in arrays.items() if a is not None}
        if self.kept_epoch != self.best_epoch:
            known["kept_epoch"] = self.kept_epoch
        return super().to_remember() | known

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Goes on as if there had been no break; where it had stopped already, stops again."""
        if self.begins_anew(memory, state):
            return
        super().remember(memory, state)
        parameters = state.network.parameters
        best, last = (self._weights(memory, f"{which}_parameters", state) for which in ("best", "last"))
        self._best_parameters = best
        self.kept_epoch = whole(memory.get("kept_epoch", self.best_epoch), "kept_epoch", self.memory_name(), low=0)
        # Who has trained on without it, or set weights by hand, goes on from there, with all patience.
        is_unbroken = memory.get("epoch") == state.epoch
        if best is not None and memory.get("put_back"):
            is_unbroken = is_unbroken and np.array_equal(best, parameters)
            if is_unbroken and last is not None:
                parameters[...] = last
        if not is_unbroken:
            self.waited = 0
        self._epoch = state.epoch
        if self.waited >= self.patience:
            self._stop(state, "; a larger patience would go on")

    def on_epoch_end(self, state: TrainingState) -> None:
        """Keeps the best weights, or stops."""
        self._epoch = state.epoch
        is_better = self.improved(state)
        if is_better or (self.ties == "last" and float(state.logs[self.monitor]) == self.best):
            self.kept_epoch = state.epoch
            if self.restore_best:
                self._best_parameters = state.network.parameters.copy()
        if not is_better and self.waited >= self.patience:
            self._stop(state)

    def on_fit_end(self, state: TrainingState) -> None:
        """Puts the best weights back."""
        super().on_fit_end(state)
        if self._best_parameters is not None:
            if self.waited < self.patience:
                self._last_parameters = state.network.parameters.copy()
            state.network.put_back(self._best_parameters)
            state.history.kept_epoch = self.kept_epoch
            self._put_back = True

    def _stop(self, state: TrainingState, more: str = "") -> None:
        best = f"best in epoch {self.best_epoch}, " if self.best_epoch else "never a number, for "
        state.stop(f"{self.monitor} was {best}{self.waited} epochs{' before' if self.best_epoch else ''}{more}")

    def _weights(self, memory: Mapping[str, Any], name: str, state: TrainingState) -> Array | None:
        """Remembered parameters, which must fit the network."""
        found, parameters = memory.get(name), state.network.parameters
        is_needed = name == "best_parameters" and self.restore_best and self.best_epoch
        if found is None and not is_needed:
            return None
        if not isinstance(found, np.ndarray) or found.shape != parameters.shape or found.dtype != parameters.dtype:
            raise FileFormatError(
                where=f"what the model remembers of {self.memory_name()}",
                received=f"{found.dtype}{found.shape}" if isinstance(found, np.ndarray) else f"{shown(found, 40)}",
                expected=f"{name}, {parameters.dtype}{parameters.shape} as the network's",
                fix="forget it: model.memories.clear()",
            )
        return found


class ReduceOnPlateau(Monitor):
    """Multiplies the learning rate by ``factor`` when a number has not become better for ``patience`` epochs.

    The best value and the epochs waited are remembered in later fits and in the model's file, as the rate is. On other
    rows to validate it begins anew.

    Args:
        monitor: what to watch (``"val_loss"``).
        factor: between 0 and 1 (0.1).
        patience: epochs without improvement before each reduction (10).
        min_delta: how much better counts as better (1e-4).
        min_rate: no reduction below this rate (0).
        mode: as in ``EarlyStopping``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.ones((4, 1)), np.array([[1.0], [3.0], [1.0], [3.0]])  # nothing is better than to say 2
        >>> model = gn.Model(gn.Dense(1, weight_init="zeros"), "mean_squared_error", gn.SGD(0.25))
        >>> slower = gn.ReduceOnPlateau("loss", factor=0.5, patience=3)
        >>> history = model.fit(x, y, epochs=9, callbacks=[slower], verbose=False)
        >>> history["learning_rate"]
        [0.25, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625]
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

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Goes on, unless the values before were of other rows to validate."""
        if not (self.monitor.startswith("val_") and self.begins_anew(memory, state)):
            super().remember(memory, state)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Reduces when it is due."""
        if not self.improved(state) and self.waited >= self.patience:
            self.waited = 0
            if state.optimizer.current_rate() * self.factor >= self.min_rate:
                state.optimizer.learning_rate_scale *= self.factor
