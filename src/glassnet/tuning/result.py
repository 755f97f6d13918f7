"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassnet.core.doors import door
from glassnet.model import Model
from glassnet.training import History
from glassnet.tuning.ledger import COMPLETE, CUT, FAILED, Outcome
from glassnet.tuning.quiet import quiet, without_warnings

if TYPE_CHECKING:
    from optuna.study import Study

LEAST_MEASURED = 4
"""Complete trials below which nothing is said of how much each setting matters."""


@dataclass(frozen=True)
class Tried:
    """One trial.

    Attributes:
        number: from 0, in the order in which they were asked for.
        state: ``"complete"``, ``"pruned"`` (ended early, since others were better) or ``"failed"``.
        settings: what it was given, by name.
        value: the best that was measured, or None where there is no number.
        best_epoch: the epoch of it, from 1; 0 where there is none.
        values: what was measured after each epoch.
        seconds: that it took.
        reason: why it failed or ended early, or None.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> space = {"units": (4, 8), "layers": 1}
        >>> found = gn.tune("tables", x, (x[:, 0] > 0).astype(int), trials=2, epochs=2, space=space, verbose=False)
        >>> [(tried.number, tried.state, len(tried.values)) for tried in found.trials]
        [(0, 'complete', 2), (1, 'complete', 2)]
    """

    number: int
    state: str
    settings: dict[str, Any]
    value: float | None
    best_epoch: int
    values: tuple[float, ...]
    seconds: float
    reason: str | None


def tried(number: int, settings: dict[str, Any], outcome: Outcome, *, rises: bool) -> Tried:
    """A trial of the settings and what they came to."""
    value, epoch = outcome.best(rises) or (None, 0)
    values = tuple(outcome.values)
    return Tried(number, outcome.state, settings, value, epoch, values, outcome.seconds, outcome.reason)


class Tuning:
    """What ``gn.tune`` found; print it to read it.

    Attributes:
        model: trained with the best settings; see ``gn.tune`` for on which rows.
        history: of its training.
        best: the best trial.
        trials: all of them, in order.
        metric: what they were judged by, on the rows to validate, such as ``"loss"``.
        rises: whether more of it is better.
        rows: to train the trials with, and to validate them.
        stopped: why the search ended before all trials were done (``"interrupted"``, ``"the time was up"``), or None.
        study: Optuna's, in memory, for its own plots and analyses.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> space = {"units": (4, 8), "layers": 1}
        >>> found = gn.tune("tables", x, (x[:, 0] > 0).astype(int), trials=2, epochs=2, space=space, verbose=False)
        >>> found.metric, found.rises, found.best in found.trials, found.table()["number"]
        ('loss', False, True, [0, 1])
    """

    def __init__(
        self,
        model: Model,
        history: History,
        trials: list[Tried],
        *,
        metric: str,
        rises: bool,
        rows: tuple[int, int],
        stopped: str | None,
        study: Study,
    ) -> None:
        self.model, self.history, self.trials = model, history, trials
        self.best = best_of(trials, rises=rises)
        self.metric, self.rises, self.rows, self.stopped, self.study = metric, rises, rows, stopped, study

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{count:,} {state}"
            for state in (COMPLETE, CUT, FAILED)
            if (count := sum(trial.state == state for trial in self.trials))
        )
        settings = ", ".join(f"{name}={readable(value)}" for name, value in self.best.settings.items())
        return (
            f"{len(self.trials):,} trials: {counts}" + (f"; {self.stopped}" if self.stopped else "") + "\n"
            f"best: trial {self.best.number}, {self.metric} {readable(self.best.value)} after epoch "
            f"{self.best.best_epoch}, with {settings or 'no settings'}"
        )

    def table(self) -> dict[str, list[Any]]:
        """The trials as columns, a row each, for ``pandas.DataFrame`` or any other frame.

        Settings are called ``"settings.units"`` and so on; None where a trial did not ask for one.
        """
        names = dict.fromkeys(name for trial in self.trials for name in trial.settings)
        plain = ("number", "state", "value", "best_epoch", "seconds", "reason")
        columns = {name: [getattr(trial, name) for trial in self.trials] for name in plain}
        columns["epochs"] = [len(trial.values) for trial in self.trials]
        return columns | {f"settings.{name}": [trial.settings.get(name) for trial in self.trials] for name in names}

    def importance(self) -> dict[str, float]:
        """How much each setting matters to be among the better trials, as shares of 1, the largest first.

        Empty where fewer than four trials are complete, or all came to the same.

        Source: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance in
        arbitrary subspaces", IJCAI 2023; as Optuna computes it.
        """
        values = {trial.value for trial in self.trials if trial.state == COMPLETE}
        count = sum(trial.state == COMPLETE for trial in self.trials)
        if count < LEAST_MEASURED or len(values) < 2:
            return {}
        import optuna

        with quiet(), without_warnings():
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items() if isfinite(share)}

    def report(self, path: str | Path, *, name: str = "data", language: str | None = None) -> Path:
        """Writes one HTML page about the search: the trials, what mattered, the best settings.

        Args:
            path: where to write it; an older page is replaced.
            name: of the data.
            language: ``"en"`` or ``"zh"``; None for the one that glassnet speaks.

        Returns:
            The path.

        Raises:
            ConfigurationError: the path cannot be written, or another language.
            WriteError: the disk is full or failing.
        """
        found: Path = door("report_tuning")(self, path, name=name, language=language)
        return found


def best_of(trials: list[Tried], *, rises: bool) -> Tried:
    """The complete trial with the best value, the first of several."""
    complete = [trial for trial in trials if trial.state == COMPLETE and trial.value is not None]
    return min(complete, key=lambda trial: (-(trial.value or 0.0) if rises else (trial.value or 0.0), trial.number))


def readable(value: Any) -> str:
    """A setting or a measure as people write it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
