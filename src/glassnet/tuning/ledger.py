"""Which trials are over and what they came to, kept in a study's file so that a search can go on after a break."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from glassnet.core.errors import ConfigurationError, GlassnetError
from glassnet.core.foreign import reading_by_others
from glassnet.core.settings import number, whole
from glassnet.training.fit_settings import differences
from glassnet.tuning.halving import best_epoch, direction_of
from glassnet.tuning.quiet import quiet, without_warnings

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

COMPLETE, CUT, FAILED = "complete", "pruned", "failed"
"""How a trial ends: after all epochs or its patience; before, since others were better; with an error."""
NAME = "glassnet"
"""Of the study in its file."""
_NUMBER, _SECONDS, _REASON, _MODEL = "number", "seconds", "reason", "model"
_MOST = 10**7
"""Trials and epochs that a file may tell of."""


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Attributes:
        state: COMPLETE, CUT or FAILED.
        values: what was measured after each epoch.
        seconds: that it took.
        reason: why it failed or was cut off, or None.
        model: a hash of what was trained.
    """

    state: str
    values: list[float] = field(default_factory=list)
    seconds: float = 0.0
    reason: str | None = None
    model: str = ""

    def best(self, rises: bool) -> tuple[float, int] | None:
        """The best value and its epoch; None where there is no number."""
        epoch = best_epoch(self.values, rises)
        return (self.values[epoch - 1], epoch) if epoch else None


class Ledger:
    """The trials that are over, in memory and in a file if there is one.

    Args:
        path: the file, or None.
        settings: what the trials depend on, by name; those of the file must be the same.
        rises: whether a higher value is better.

    Raises:
        ConfigurationError: the file is of another search, as it says with what differs; or it cannot be written.
        FileFormatError: the file is no study of glassnet's, or damaged.
    """

    def __init__(self, path: str | Path | None, settings: Mapping[str, Any], *, rises: bool) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.asked: dict[int, FrozenTrial] = {}
        self._rises, self._lock, self._epochs = rises, Lock(), int(settings["epochs"])
        self._study: Study | None = None
        self._file: Any = None
        if path is not None:
            self._open(path, settings)

    def _open(self, path: str | Path, settings: Mapping[str, Any]) -> None:
        import optuna

        from glassnet.tuning.journal import Journal

        self._file = file = Journal(path)
        try:
            foreign = "a study that Optuna does not read ({error})"
            fix = "choose another path, where the study begins anew"
            with (
                quiet(),
                without_warnings(),
                reading_by_others(f"tune: {path}", received=foreign, expected="one that gn.tune wrote", fix=fix),
            ):
                storage = optuna.storages.JournalStorage(file)
                direction = direction_of(rises=self._rises)
                if file.is_new:
                    self._study = optuna.create_study(storage=storage, study_name=NAME, direction=direction)
                else:
                    self._study = optuna.load_study(storage=storage, study_name=NAME)
                before = self._study.user_attrs.get(NAME)
                trials = self._study.get_trials()
            if before is None and not trials:
                self._study.set_user_attr(NAME, dict(settings))
            else:
                _require_same(before, settings, path, file)
                if self._study.direction.name.lower() != direction:
                    raise file.damaged("a study whose values go the other way")
            for trial in trials:
                self._take_up(trial)
        except BaseException:
            self.close()
            raise

    def _take_up(self, trial: FrozenTrial) -> None:
        """Reads a trial of the file."""
        import optuna

        where = f"trial {trial.number}"
        try:
            # Made anew it is checked by Optuna: whether its settings are in their ranges.
            optuna.trial.create_trial(
                state=trial.state, value=0.0, params=trial.params, distributions=trial.distributions
            )
            place = whole(trial.user_attrs.get(_NUMBER), _NUMBER, where, low=0, high=_MOST)
            states = optuna.trial.TrialState
            state = {states.COMPLETE: COMPLETE, states.PRUNED: CUT, states.FAIL: FAILED}[trial.state]
            values = [float(trial.intermediate_values[step]) for step in range(1, len(trial.intermediate_values) + 1)]
            seconds = number(trial.user_attrs.get(_SECONDS), _SECONDS, where, low=0, high=1e12)
            reason, model = trial.user_attrs.get(_REASON), trial.user_attrs.get(_MODEL)
            outcome = Outcome(state, values, seconds, reason, model if isinstance(model, str) else "")
            is_sound = (reason is None or isinstance(reason, str)) and place not in self.outcomes
            best = outcome.best(self._rises)
            if not is_sound or len(values) > self._epochs or (state == COMPLETE and trial.value != (best or [None])[0]):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise self._file.damaged(f"a trial that is none ({where} of the file)") from error
        self.outcomes[place], self.asked[place] = outcome, trial

    def add(self, place: int, asked: FrozenTrial, outcome: Outcome) -> None:
        """Writes down that a trial is over; it may be called by any thread, and does nothing the second time."""
        import optuna

        with self._lock:
            if place in self.outcomes:
                return
            self.outcomes[place], self.asked[place] = outcome, asked
            if self._study is None:
                return
            states = optuna.trial.TrialState
            best = outcome.best(self._rises)
            self._study.add_trial(
                optuna.trial.create_trial(
                    state={COMPLETE: states.COMPLETE, CUT: states.PRUNED, FAILED: states.FAIL}[outcome.state],
                    value=None if best is None or outcome.state == FAILED else best[0],
                    params=asked.params,
                    distributions=asked.distributions,
                    intermediate_values=dict(enumerate(outcome.values, 1)),
                    user_attrs={
                        _NUMBER: place,
                        _SECONDS: round(outcome.seconds, 3),
                        _REASON: outcome.reason,
                        _MODEL: outcome.model,
                    },
                )
            )

    def close(self) -> None:
        """Lets others write to the file."""
        if self._file is not None:
            self._file.lock.give_back()


def _require_same(before: Any, settings: Mapping[str, Any], path: str | Path, file: Any) -> None:
    """Refuses a study of other data or settings.

    Raises:
        ConfigurationError: they differ; all that does is named.
    """
    if not isinstance(before, dict):
        raise file.damaged("a study without the settings that it was begun with")
    try:
        found = differences(before, dict(settings))
    except (TypeError, ValueError, KeyError, AttributeError, GlassnetError) as error:
        raise file.damaged("settings that are none") from error
    if found:
        raise ConfigurationError(
            where=f"tune: {path}",
            received="; ".join(found),
            expected="the data and settings that this study was begun with",
            fix="go on with these, or choose another path for a new study",
        )
