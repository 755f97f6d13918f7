"""``gn.tune``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from glassnet.core.calls import suggests
from glassnet.core.errors import ConfigurationError, did_you_mean, require_extra, shown
from glassnet.core.settings import boolean, function, is_real, number, several, whole
from glassnet.core.shapes import Array
from glassnet.many.rows import count, take
from glassnet.metrics import METRICS
from glassnet.model import Model
from glassnet.training import History
from glassnet.training.batches import validation_rows
from glassnet.training.monitors import HIGHER_IS_BETTER, LOWER_IS_BETTER
from glassnet.training.progress import ProgressBar
from glassnet.tuning import data
from glassnet.tuning.ledger import COMPLETE, Ledger, Outcome
from glassnet.tuning.problems import KINDS, Problem, Ready, own
from glassnet.tuning.quiet import quiet
from glassnet.tuning.result import Tried, Tuning, best_of, tried
from glassnet.tuning.search import INTERRUPTED, Plan, Search
from glassnet.version import __version__

MOST_TRIALS = 10**6


@suggests
def tune(
    build: Callable[..., Any] | str,
    x: Any,
    y: Any = None,
    *,
    trials: int = 50,
    space: dict[str, Any] | None = None,
    epochs: int = 30,
    validation: float | tuple[Any, Any] = 0.2,
    metric: str | None = None,
    mode: str = "auto",
    seed: int = 0,
    halving: int | None = 3,
    patience: int | None = None,
    wave: int = 8,
    workers: int | None = None,
    timeout: float | None = None,
    storage: str | Path | None = None,
    refit: bool = True,
    callbacks: Sequence[Callable[[Tried], None]] = (),
    verbose: bool = True,
) -> Tuning:
    """Searches for good settings with Optuna: trains many models, judges each on rows set aside, and trains the best.

    Trials are asked for in waves. Those of a wave are trained side by side, and what each gets depends on the seed, its
    number and the waves before alone: the same call gives the same bits, however many workers there are and however
    often it was broken off in between (with the same version of Optuna and without ``timeout``).

    A trial that is worse than two thirds of those before it after a ninth or a third of the epochs ends there
    (``halving``). One that fails or diverges counts as failed, with its reason, and the search goes on. A trial's value
    is the best that was measured after any of its epochs. The model at the end is trained anew with the settings of
    the best complete trial, for as many epochs as gave that value: on all rows of x, those it was judged on too; with
    ``refit=False`` on the rows that the trial was trained on, to the trial's very weights.

    Args:
        build: ``"tables"`` for dense networks, ``"images"`` for small convolutional ones of ``gn.zoo``; or a function
            that gives a new model: ``build(trial)`` with a trial of Optuna's, or with ``space`` a function that takes
            its names, ``build(units=..., rate=...)``. It returns a ``gn.Model``, or a pair of one and a dict with
            ``batch_size``, ``shuffle`` or ``by_length`` for its ``fit``.
        x: rows to choose and train with, as ``model.fit`` takes them. Rows for a test must not be among them. For
            ``"tables"`` also a frame or what ``gn.data.read_table`` gives.
        y: their targets. For ``"tables"`` and ``"images"`` words, truth and at most 20 different whole numbers (N,) are
            classes, other numbers, and all that stand as floats (N, 1), amounts; floats of 0 and 1 (N, K) are K
            questions. Of a frame also the names of columns, or a ``gn.Table`` for it.
        trials: how many, those of ``storage`` included.
        space: a dict of ranges: ``(low, high)``, ``gn.tuning.Range(low, high, log=True)``, a list of choices, or one
            value. For ``"tables"`` and ``"images"`` in the place of some of theirs (see ``gn.tuning.SPACES``).
        epochs: of a trial that is not ended early.
        validation: the share of the rows to judge by, drawn at random (of each class alike), the same for all trials;
            or (x, y) of other rows.
        metric: what to judge by, the name of a metric of the model; None for the loss.
        mode: ``"min"`` or ``"max"``, whether the metric is to fall or rise; ``"auto"`` where glassnet knows it.
        seed: of the choices and of the rows that are set aside; for ``"tables"`` and ``"images"`` of the models, too.
        halving: the best one in so many trials goes on at each comparison; None trains each to its end.
        patience: epochs without a better value after which a trial ends; None for any number.
        wave: trials that are asked for before any of them is told. More keep more processors busy, fewer learn more
            from each other.
        workers: trials trained at once, at most; None for as many as there are processors.
        timeout: seconds after which no further wave begins; None for any time.
        storage: a file that keeps each trial that is over. Where there is one already, the search goes on from it: what
            was half done is done again.
        refit: whether the model at the end is trained on all rows of x.
        callbacks: functions that are called with each trial that is over, in order.
        verbose: whether to show a progress bar.

    Returns:
        The model, the trials and Optuna's study. After Ctrl-C they are those so far, and ``stopped`` says so.

    Raises:
        MissingExtraError: Optuna is not installed: ``pip install "glassnet[tune]"``.
        ConfigurationError: settings that cannot work; every trial fails; the file is of other data or settings, which
            are named.
        ShapeError, DataError: x and y are no rows with targets.
        FileFormatError: the file is no study of glassnet's, or damaged.
        WriteError: the disk is full or failing.
        DivergenceError: the training on all rows diverged, though that on most of them did not.

    Source: L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020, for ending trials early.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(120, 3))
        >>> y = (x[:, 0] > x[:, 1]).astype(int)
        >>> found = gn.tune("tables", x, y, trials=4, epochs=3, space={"units": (4, 8), "layers": 1}, verbose=False)
        >>> len(found.trials), found.model.predict_classes(x).shape
        (4, (120,))
    """
    require_extra("optuna", extra="tune", expected="Optuna, which searches", where="tune")
    wave, epochs = whole(wave, "wave", "tune", high=MOST_TRIALS), whole(epochs, "epochs", "tune")
    trials, seed = whole(trials, "trials", "tune", high=MOST_TRIALS), whole(seed, "seed", "tune", low=0)
    halving = None if halving is None else whole(halving, "halving", "tune", low=2)
    patience = None if patience is None else whole(patience, "patience", "tune")
    workers = None if workers is None else whole(workers, "workers", "tune", high=MOST_TRIALS)
    timeout = None if timeout is None else number(timeout, "timeout", "tune", low=0)
    refit, verbose = boolean(refit, "refit", "tune"), boolean(verbose, "verbose", "tune")
    listeners = several(callbacks, "callbacks", "tune", expected="functions that take a trial, in a list")
    for listener in listeners:
        function(listener, "tune: callbacks", takes="of a trial", setting="callbacks=[print]")
    data.require_rows(x, y)
    measure, rises = _metric(metric, mode)
    problem = _problem(build, x, y, space, measure, seed, epochs)
    training, pair, rows = _apart(problem, validation, seed)
    plan = Plan(f"val_{measure}", rises, epochs, seed, wave, halving, patience, workers)
    ledger = Ledger(storage, _settings((x, y), problem, plan, training, pair, rows), rises=rises)
    found: list[Tried] = []
    with quiet():
        try:
            with ProgressBar((1, trials), 1, enabled=verbose, of="trial") as bar:

                def told(asked: Any, outcome: Outcome) -> None:
                    found.append(tried(asked.number, dict(asked.params), outcome, rises=rises))
                    bar.epoch(len(found), _best_so_far(found, measure, rises=rises))
                    for listener in listeners:
                        listener(found[-1])

                search = Search(problem, plan, (*training, pair), rows[0], ledger, told)
                stopped = search.run(trials, timeout)
        finally:
            ledger.close()
        if not any(trial.state == COMPLETE for trial in found):
            if stopped == INTERRUPTED:
                raise KeyboardInterrupt
            raise _nothing_complete(len(found))
        chosen = training if not refit else (problem.x, problem.y)
        model, history = _trained(problem, best_of(found, rises=rises), *chosen, None if refit else pair)
    problem.finish(model)
    return Tuning(model, history, found, metric=measure, rises=rises, rows=rows, stopped=stopped, study=search.study)


def _metric(metric: Any, mode: Any) -> tuple[str, bool]:
    """The name of what is judged by, and whether it is to rise."""
    name = "loss" if metric is None else metric
    if not isinstance(name, str) or not isinstance(mode, str) or mode not in ("auto", "min", "max"):
        raise ConfigurationError(
            where="tune",
            received=f"metric={shown(metric)}, mode={shown(mode)}",
            expected='the name of a metric of the model, and "min", "max" or "auto"',
            fix='write metric="accuracy"',
        )
    name = name.removeprefix("val_")
    if mode == "auto" and not name.endswith(HIGHER_IS_BETTER + LOWER_IS_BETTER):
        raise ConfigurationError(
            where="tune",
            received=f"metric={name!r}, which glassnet does not know, and mode='auto'",
            expected="to be told whether higher or lower is better",
            fix=f"{did_you_mean(name, METRICS)}write mode='max' or mode='min' for a metric of your own",
        )
    return name, mode == "max" or (mode == "auto" and name.endswith(HIGHER_IS_BETTER))


def _problem(build: Any, x: Any, y: Any, space: Any, metric: str, seed: int, epochs: int) -> Problem:
    if callable(build):
        return own(build, x, y, space)
    if not isinstance(build, str) or build not in KINDS:
        raise ConfigurationError(
            where="tune",
            received=shown(build),
            expected=f"{', '.join(map(repr, KINDS))}, or a function that builds a model",
            fix='write gn.tune("tables", x, y), or gn.tune(build, x, y)',
        )
    if metric != "loss" and metric not in METRICS:
        raise ConfigurationError(
            where="tune",
            received=f"metric={metric!r}",
            expected=f"loss, or one of {', '.join(METRICS)}",
            fix="choose among these, or write a function that builds the model, with a metric of your own",
        )
    return Ready(build, x, y, space, metric, seed, epochs).problem()


def _apart(problem: Problem, validation: Any, seed: int) -> tuple[tuple[Any, Any], tuple[Any, Any], tuple[int, int]]:
    """The rows to train with, those to judge by, and how many of each there are."""
    rows = count(problem.x, where="tune")
    if isinstance(validation, tuple | list):
        if len(validation) != 2:
            raise _no_validation(validation)
        pair = problem.prepare(*validation)
        return (problem.x, problem.y), pair, (rows, count(pair[0], where="tune"))
    if not is_real(validation) or not 0 < validation < 1:
        raise _no_validation(validation)
    labels = data.labels_of(problem.x, problem.y)
    try:
        training, held = validation_rows(rows, float(validation), labels, seed=seed)
    except ConfigurationError as error:
        fix = "write validation=0.2, or pass validation=(x, y)"
        raise ConfigurationError(**error.parts | {"where": "tune: validation", "fix": fix}) from None

    def part(rows: Array) -> tuple[Any, Any]:
        return take(problem.x, rows), take(problem.y, rows)

    return part(training), part(held), (len(training), len(held))


def _no_validation(given: Any) -> ConfigurationError:
    return ConfigurationError(
        where="tune",
        received=f"validation={shown(given)}",
        expected="a share of the rows between 0 and 1, or (x, y) of other rows",
        fix="write validation=0.2",
    )


def _settings(
    given: tuple[Any, Any],
    problem: Problem,
    plan: Plan,
    training: tuple[Any, Any],
    pair: tuple[Any, Any],
    rows: tuple[int, int],
) -> dict[str, Any]:
    """What the trials depend on, by name, as a study's file keeps it."""
    return {
        **problem.about,
        "metric": plan.monitor,
        "mode": "max" if plan.rises else "min",
        "epochs": plan.epochs,
        "seed": plan.seed,
        "wave": plan.wave,
        "halving": plan.halving,
        "patience": plan.patience,
        "rows": rows[0],
        "inputs": data.checksum((given[0], training[0])),
        "targets": data.checksum((given[1], training[1])),
        "validation_rows": rows[1],
        "validation": data.checksum(pair),
        "version": __version__,
    }


def _best_so_far(found: list[Tried], measure: str, *, rises: bool) -> dict[str, float]:
    if not any(trial.state == COMPLETE for trial in found):
        return {}
    return {f"best {measure}": best_of(found, rises=rises).value or 0.0}


def _nothing_complete(count: int) -> ConfigurationError:
    return ConfigurationError(
        where="tune",
        received=f"{count:,} trials, none of them complete",
        expected="one at least",
        fix="try more trials, or others: print what a callback gets",
    )


def _trained(problem: Problem, best: Tried, x: Any, y: Any, pair: tuple[Any, Any] | None) -> tuple[Model, History]:
    """The model with the best settings, trained for as many epochs as were best."""
    from optuna.trial import FixedTrial

    candidate = problem.build(FixedTrial(best.settings, number=best.number), count(x, where="tune"))
    model, settings = candidate
    history = model.fit(x, y, epochs=best.best_epoch, validation_data=pair, verbose=False, **settings)
    if history.stopped is not None:
        raise KeyboardInterrupt
    return model, history
