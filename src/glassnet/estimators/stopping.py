"""The end of a training that nobody told how long to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from glassnet.core.shapes import Array
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.training import Callback, TrainingState, is_watched

LOWEST_RATE = 1e-6
"""An adaptive learning rate is not lowered any more below this."""


@dataclass(eq=False, repr=False, kw_only=True)
class Progress(Callback):
    """Notes what each epoch brought and stops after too many without improvement.

    With a validation score the best epoch's weights are put back at the end.

    Args:
        tol: how much counts as improvement.
        patience: epochs without it that are tolerated.
        score: the validation score, higher is better; or None to watch the training loss.
        adapts: whether the learning rate is divided by five instead, as long as it is above 1e-6.
        rate_of: the learning rate η t^−p after t rows, as (η, p); None where it stays.
        loss_scale: what the reported loss is multiplied by.
    """

    tol: float
    patience: float
    score: Callable[[], float] | None
    adapts: bool
    rate_of: tuple[float, float] | None
    loss_scale: float = 1.0
    only_looks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.rows, self.penalty_share, self.verbose = 0, 1.0, False
        self.rows_seen, self.waited = 0, 0
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.best_loss, self.best_score = np.inf, -np.inf
        self.has_converged = False
        self._best: Array | None = None

    def begin(self, *, rows: int, penalty_share: float, verbose: bool) -> None:
        """Is told of the training to come.

        Args:
            rows: in an epoch.
            penalty_share: Σ_b n_b/(N w_b) over the batches of an epoch, with n_b rows of N and the weight w_b: what the
                penalty beside a loss summed over rows is multiplied by in the mean loss of a row.
            verbose: whether to say what each epoch brought where no progress bar is shown.
        """
        self.rows, self.penalty_share, self.verbose = rows, penalty_share, verbose and not is_watched()

    def diverged(self) -> None:
        """Notes an epoch that came to no end."""
        self.losses.append(float("nan"))
        self.scores.append(float("nan"))
        self.has_converged = True  # after a fashion: there is nothing to be gained from more epochs

    def on_fit_begin(self, state: TrainingState) -> None:
        """Has not converged yet."""
        self.has_converged = False

    def on_epoch_end(self, state: TrainingState) -> None:
        """Counts."""
        reason = self.note(state.logs, state.optimizer, state.network)
        if reason is not None:
            state.stop(reason)

    def note(self, logs: Mapping[str, float], optimizer: Optimizer, network: Network) -> str | None:
        """Notes what an epoch brought; gives the reason to stop, where there is one."""
        penalty = self.penalty_share * logs.get("penalty", 0.0)
        self.losses.append(self.loss_scale * logs["loss"] + penalty)
        self.waited = 0 if self._improved(network) else self.waited + 1
        if self.verbose:
            score = f"\nValidation score: {self.scores[-1]:f}" if self.scores else ""
            print(f"Iteration {len(self.losses)}, loss = {self.losses[-1]:.8f}{score}")
        self.rows_seen += self.rows
        if self.rate_of is not None:
            rate, power = self.rate_of
            optimizer.learning_rate = rate / (self.rows_seen + 1) ** power
        if self.waited <= self.patience:
            return None
        if self.adapts and optimizer.current_rate() > LOWEST_RATE:
            optimizer.learning_rate_scale /= 5
            self.waited = 0
            return None
        what = "training loss" if self.score is None else "validation score"
        self.has_converged = True
        return f"the {what} did not improve by {self.tol:g} for {self.waited} epochs"

    def on_fit_end(self, state: TrainingState) -> None:
        """Puts the best weights back, and lets go of the held-out rows."""
        self.score = None
        if self._best is not None:
            state.network.parameters[...] = self._best
            self._best = None

    def _improved(self, network: Network) -> bool:
        if self.score is None:
            better = not self.losses[-1] > self.best_loss - self.tol
            self.best_loss = min(self.best_loss, self.losses[-1])
            return better
        score = self.score()
        self.scores.append(score)
        better = not score < self.best_score + self.tol
        if score > self.best_score:
            self.best_score, self._best = score, network.parameters.copy()
        return better
