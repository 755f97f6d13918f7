"""The search: a wave of trials is asked for, trained side by side, and told; then the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from inspect import signature
from time import monotonic
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from glassnet.core.errors import ConfigurationError, GlassnetError, TrainingWarning, shown
from glassnet.core.randomness import generator
from glassnet.many import Each, fit_many
from glassnet.model import Model
from glassnet.training import History
from glassnet.tuning.halving import PRUNED, RUNG, Halving, direction_of, is_over, pruner_of
from glassnet.tuning.ledger import COMPLETE, CUT, FAILED, Ledger, Outcome
from glassnet.tuning.problems import FIT_SETTINGS, Candidate, Problem
from glassnet.tuning.quiet import without_warnings

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

INTERRUPTED, OUT_OF_TIME = "interrupted", "the time was up"


@dataclass(frozen=True)
class Plan:
    """How is searched.

    Attributes:
        monitor: what the trials are judged by, such as ``"val_loss"``.
        rises: whether more of it is better.
        epochs: of a whole trial.
        seed: of the choices.
        wave: trials that are asked for before any of them is told.
        halving: one in so many goes on at each comparison, or None.
        patience: epochs without a better value after which a trial ends, or None.
        workers: trials that are trained at once, at most; None for as many as there are processors.
    """

    monitor: str
    rises: bool
    epochs: int
    seed: int
    wave: int
    halving: int | None
    patience: int | None
    workers: int | None


@dataclass
class Asked:
    """A trial of the present wave."""

    place: int
    trial: Trial
    candidate: Candidate | None
    error: Exception | None
    model: str = ""


class Search:
    """Trials one wave after another.

    What a trial gets depends on the seed, its number and the waves before; so it does not matter how many are trained
    at once, nor in which order they come to their end.

    Args:
        problem: what is searched through.
        plan: how.
        data: training rows, their targets, and the pair to validate with.
        rows: to train with.
        ledger: the trials that are over already, which are not trained again.
        told: is called with each trial that is over, in order.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        data: tuple[Any, Any, tuple[Any, Any]],
        rows: int,
        ledger: Ledger,
        told: Callable[[FrozenTrial, Outcome], None],
    ) -> None:
        import optuna

        self.problem, self.plan, self.ledger, self._told = problem, plan, ledger, told
        self._data, self._rows = data, rows
        self.errors: list[Exception] = []
        self.study = optuna.create_study(
            direction=direction_of(rises=plan.rises), pruner=pruner_of(plan.halving, plan.epochs)
        )
        self._models: list[Any] = []
        self._broken: Exception | None = None

    def run(self, trials: int, timeout: float | None) -> str | None:
        """Goes on until so many trials are over.

        Returns:
            Why it ended before, or None.

        Raises:
            ConfigurationError: the trials of the first wave fail, all of them; or those of the file are not as they
                would be built now.
        """
        began = monotonic()
        for start in range(0, trials, self.plan.wave):
            if timeout is not None and start and monotonic() - began > timeout:
                return OUT_OF_TIME
            places = range(start, min(start + self.plan.wave, trials))
            try:
                if not self._wave(places):
                    return INTERRUPTED
            except KeyboardInterrupt:
                return INTERRUPTED
            self._require_one_that_works(places.stop)
        return None

    def _wave(self, places: Sequence[int]) -> bool:
        """Asks for some trials, trains those that are not over, and tells; whether all came to their end."""
        asked = [self._ask(place) for place in places]
        is_whole = self._train([one for one in asked if one.place not in self.ledger.outcomes])
        if is_whole:
            for one in asked:
                self._tell(one)
        return is_whole

    def _ask(self, place: int) -> Asked:
        """The choices of a trial, and its model."""
        stored = self.ledger.asked.get(place)
        with without_warnings():
            self.study.sampler = _sampler(self.plan.seed, place)
        if stored is not None:
            self.study.enqueue_trial(stored.params)
        trial = self.study.ask()
        candidate: Candidate | None = None
        error: Exception | None = None
        try:
            candidate = self.problem.build(trial, self._rows)
            self._require_new(candidate)
        except Exception as failure:  # noqa: BLE001 - whatever a function of the user's raises is the trial's reason
            error = failure
        asked = Asked(place, trial, candidate, error, "" if candidate is None else _described(candidate))
        if stored is not None:
            self._require_as_before(asked, stored)
        return asked

    def _require_new(self, candidate: Candidate) -> None:
        """Refuses the model, or the network, of another trial."""
        parts = candidate.model, candidate.model.network
        if any(part is other for part in parts for other in self._models):
            raise ConfigurationError(
                where="tune: build",
                received="a model or a network that another trial has already",
                expected="a new one for each trial",
                fix="make the network and the model inside the function",
            )
        self._models = [*self._models, *parts][-4 * self.plan.wave :]

    def _require_as_before(self, asked: Asked, stored: FrozenTrial) -> None:
        """Refuses to go on where the same choices lead to something else than in the file."""
        outcome = self.ledger.outcomes[asked.place]
        now = asked.trial
        if now.params == stored.params and now.distributions == stored.distributions and asked.model == outcome.model:
            return
        differing = [
            f"{name}: {now.distributions.get(name, 'nothing')} instead of {stored.distributions.get(name, 'nothing')}"
            for name in stored.distributions | now.distributions
            if now.distributions.get(name) != stored.distributions.get(name)
        ]
        received = "; ".join(differing) or f"another model for the settings {stored.params}"
        raise ConfigurationError(
            where=f"tune: trial {asked.place} of the file",
            received=f"{received:.500}",
            expected="the function and the ranges that the study was begun with",
            fix="go on with these, or choose another path for a new study",
        )

    def _train(self, wave: Sequence[Asked]) -> bool:
        """Trains the trials that are not over; whether all came to their end."""
        ready = [one for one in wave if one.candidate is not None]
        for one in wave:
            if one.error is not None:
                self._failed(one, one.error, [], 0.0)
        results = self._fitted(ready)
        if self._broken is not None:
            raise self._broken
        is_whole = True
        for one, result in zip(ready, results, strict=True):
            if isinstance(result, Exception):
                history = getattr(result, "history", None)
                known = history if isinstance(history, History) else History()
                self._failed(one, result, known.metrics.get(self.plan.monitor, []), known.seconds)
            elif is_over(result, result.stopped, self.plan.epochs):
                self._finished(one, result)
            else:
                is_whole = False
        return is_whole

    def _fitted(self, ready: Sequence[Asked]) -> list[History | Exception]:
        """What came of each training of a wave."""
        candidates = [one.candidate for one in ready if one.candidate is not None]
        if not candidates:
            return []
        x, y, validation = self._data
        earlier = self._earlier()
        defaults = {name: signature(Model.fit).parameters[name].default for name in FIT_SETTINGS}
        settings: dict[str, Any] = {
            name: Each([candidate.settings.get(name, default) for candidate in candidates])
            for name, default in defaults.items()
        }
        with catch_warnings():
            simplefilter("ignore", TrainingWarning)  # each trial says itself why it failed
            return fit_many(
                [candidate.model for candidate in candidates],
                x,
                y,
                epochs=self.plan.epochs,
                validation_data=validation,
                callbacks=Each([[self._callback(one, earlier)] for one in ready]),
                workers=self.plan.workers,
                verbose=False,
                **settings,
            )

    def _callback(self, one: Asked, earlier: Sequence[FrozenTrial]) -> Halving:
        plan = self.plan

        def finished(history: History) -> None:
            try:
                self._finished(one, history)
            except Exception as error:
                self._broken = error
                raise

        return Halving(
            plan.monitor,
            rises=plan.rises,
            earlier=earlier,
            factor=plan.halving,
            epochs=plan.epochs,
            patience=plan.patience,
            finished=finished,
        )

    def _earlier(self) -> list[FrozenTrial]:
        """Of the trials told, what the pruner notes at each comparison."""
        import optuna

        state = optuna.trial.TrialState.COMPLETE
        found = []
        for trial in self.study.get_trials(deepcopy=False):
            rungs = {name: value for name, value in trial.system_attrs.items() if name.startswith(RUNG)}
            if rungs and trial.state.is_finished():
                found.append(optuna.trial.create_trial(state=state, value=0.0, system_attrs=rungs))
        return found

    def _finished(self, one: Asked, history: History) -> None:
        values = [float(value) for value in history.metrics.get(self.plan.monitor, [])]
        reason = history.stopped if len(history) < self.plan.epochs else None
        outcome = Outcome(CUT if reason == PRUNED else COMPLETE, values, history.seconds, reason, one.model)
        if outcome.best(self.plan.rises) is None:
            reason = f"{self.plan.monitor} was no finite number in any epoch"
            outcome = Outcome(FAILED, values, history.seconds, reason, one.model)
        self._over(one, outcome)

    def _failed(self, one: Asked, error: Exception, values: Sequence[float], seconds: float) -> None:
        self.errors.append(error)
        said = str(error) if isinstance(error, GlassnetError) else f"{type(error).__name__}: {error}"
        reason = " ".join(said.split())[:1000].encode("utf-8", "backslashreplace").decode()
        self._over(one, Outcome(FAILED, [float(value) for value in values], seconds, reason, one.model))

    def _over(self, one: Asked, outcome: Outcome) -> None:
        self.ledger.add(one.place, self.study.get_trials(deepcopy=False)[one.place], outcome)

    def _tell(self, one: Asked) -> None:
        """Tells the study what a trial came to, with what the pruner notes of it."""
        import optuna

        outcome = self.ledger.outcomes[one.place]
        states = optuna.trial.TrialState
        for epoch, value in enumerate(outcome.values, 1):
            one.trial.report(value, epoch)
            if outcome.state != FAILED:
                one.trial.should_prune()
        best = outcome.best(self.plan.rises)
        if outcome.state == COMPLETE and best is not None:
            self.study.tell(one.trial, best[0])
        else:
            self.study.tell(one.trial, state=states.PRUNED if outcome.state == CUT else states.FAIL)
        self._told(self.study.get_trials(deepcopy=False)[one.place], outcome)

    def _require_one_that_works(self, count: int) -> None:
        """Refuses to go on where nothing has worked yet.

        Raises:
            ConfigurationError: every trial so far has failed; the first reason is named.
        """
        if any(self.ledger.outcomes[place].state != FAILED for place in range(count)):
            return
        first = self.errors[0] if self.errors else None
        parts = {
            "received": self.ledger.outcomes[0].reason or "an error",
            "expected": "settings with which a model can be trained",
            "fix": "mend what this says, or choose other ranges",
        }
        where, parts = ("", parts) if not isinstance(first, GlassnetError) else (f": {first.where}", first.parts | {})
        parts["where"] = f"tune: {count} trials that failed, all of them; the first{where}"
        raise ConfigurationError(**parts) from first


def _sampler(seed: int, place: int) -> BaseSampler:
    """Optuna's estimator of good regions, with its chance from the seed and the trial's number alone.

    Trials that are asked for and not told count as bad ones, so that those of a wave are apart ("constant liar").

    Source: J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011.
    """
    from optuna.samplers import TPESampler

    own = int(generator(seed, "tune", place).integers(2**32))
    return TPESampler(seed=own, constant_liar=True, multivariate=False)


def _described(candidate: Candidate) -> str:
    """A hash of what is trained, as far as it can be read."""
    model = candidate.model
    parts = (
        repr(model),
        [metric.name for metric in model.metrics],
        model.seed,
        str(model.dtype),
        sorted(candidate.settings.items()),
        shown(model.target_scaling, 400),
    )
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(parts))  # where an object of the user's lies says nothing
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
