"""Bad trials end early: successive halving by Optuna's pruner, which a callback feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from glassnet.core.errors import ConfigurationError
from glassnet.training import Callback, History, TrainingState
from glassnet.tuning.quiet import quiet

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial, Trial

PRUNED = "pruned: others were better after as many epochs"
PATIENCE = "no better for {} epochs"
RUNG = "completed_rung_"
"""How Optuna names what it notes of a trial at each of the epochs at which trials are compared."""


def pruner_of(factor: int | None, epochs: int) -> BasePruner:
    """Optuna's pruner: of the trials that come to 1/factor² and to 1/factor of all epochs, one in ``factor`` goes on.

    Args:
        factor: such as 3; None where every trial is trained to its end.
        epochs: of a whole trial.
    """
    from optuna.pruners import NopPruner, SuccessiveHalvingPruner

    if factor is None:
        return NopPruner()
    return SuccessiveHalvingPruner(min_resource=-(-epochs // factor**2), reduction_factor=factor)


def direction_of(*, rises: bool) -> Literal["minimize", "maximize"]:
    """Optuna's word for it."""
    return "maximize" if rises else "minimize"


class Halving(Callback):
    """Reports a trial's measure after each epoch, and ends the trial where the pruner says so.

    The trial is compared with those of earlier waves alone, which are all over: so its end does not depend on how fast
    those beside it are.

    Args:
        monitor: what the trial is judged by, such as ``"val_loss"``.
        rises: whether more of it is better.
        earlier: the trials of earlier waves.
        factor: see ``pruner_of``.
        epochs: of a whole trial.
        patience: epochs without a better value after which a trial ends, too; None for any number.
        finished: is called in the thread that trains when the trial has come to its end.
    """

    def __init__(
        self,
        monitor: str,
        *,
        rises: bool,
        earlier: Sequence[FrozenTrial],
        factor: int | None,
        epochs: int,
        patience: int | None,
        finished: Callable[[History], None] | None = None,
    ) -> None:
        self.monitor, self.rises, self.earlier = monitor, rises, earlier
        self.factor, self.epochs, self.patience = factor, epochs, patience
        self._finished = finished
        self._trial: Trial | None = None
        self._began = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: there nobody waits for the end."""
        return self.__dict__ | {"_finished": None, "_trial": None}

    def on_fit_begin(self, state: TrainingState) -> None:
        """Opens a study with the earlier trials and this one."""
        import optuna

        if self.monitor not in state.available:
            measured = [name.removeprefix("val_") for name in state.available if name.startswith("val_")]
            raise ConfigurationError(
                where="tune",
                received=f"metric={self.monitor.removeprefix('val_')!r}",
                expected=f"something that the model measures: {', '.join(measured)}",
                fix="choose among these, or give the model that metric",
            )
        self._began = monotonic()
        if self.factor is None:
            return
        with quiet():
            study = optuna.create_study(
                direction=direction_of(rises=self.rises), pruner=pruner_of(self.factor, self.epochs)
            )
            study.add_trials(self.earlier)
            self._trial = study.ask()

    def on_epoch_end(self, state: TrainingState) -> None:
        """Reports, and asks whether the trial goes on."""
        value, epoch = float(state.logs[self.monitor]), len(state.history)
        if epoch >= self.epochs:
            return
        if self._trial is not None:
            self._trial.report(value, epoch)
            if self._trial.should_prune():
                state.stop(PRUNED)
                return
        if self.patience is not None and epoch - best_epoch(self._values(state.history), self.rises) >= self.patience:
            state.stop(PATIENCE.format(self.patience))

    def on_fit_end(self, state: TrainingState) -> None:
        """Tells of the end, unless it was an interruption or an error."""
        self._trial = None
        if self._finished is not None and is_over(state.history, state.stop_reason, self.epochs):
            history = state.history.copy(stopped=state.stop_reason)
            history.seconds = monotonic() - self._began
            self._finished(history)

    def _values(self, history: History) -> list[float]:
        return history[self.monitor]


def is_over(history: History, stopped: str | None, epochs: int) -> bool:
    """Whether a trial came to its end, by its own decision or after all epochs."""
    return len(history) >= epochs or (stopped is not None and stopped.startswith((PRUNED, PATIENCE.split(" {")[0])))


def best_epoch(values: Sequence[float], rises: bool) -> int:
    """The epoch with the best value, counted from 1, the first of several; 0 where none is a finite number."""
    numbers = [(-value if rises else value, epoch) for epoch, value in enumerate(values, 1) if isfinite(value)]
    return min(numbers)[1] if numbers else 0
