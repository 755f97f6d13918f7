"""The training of many models, one whole training in each thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from inspect import signature
from typing import Any
from warnings import warn

from glassnet.core.calls import require_known, suggests
from glassnet.core.errors import ConfigurationError, TrainingWarning
from glassnet.core.output import level_of_caller
from glassnet.core.settings import boolean, whole
from glassnet.many.each import Each, as_models, by_model, require_apart
from glassnet.many.elsewhere import chosen_backend, sent
from glassnet.many.lane import ABREAST
from glassnet.many.lanes import Lanes
from glassnet.many.rows import chosen
from glassnet.many.workers import in_batches
from glassnet.model import Model
from glassnet.training import Callback, Checkpoint, History, as_callbacks
from glassnet.training.given_callbacks import FunctionCallback
from glassnet.training.monitors import EarlyStopping, ReduceOnPlateau

COPIED = EarlyStopping, ReduceOnPlateau
"""Callbacks that write nothing, so that each model may have a copy."""
WITH_ROWS = "x", "y", "sample_weight"
MOST_NAMED = 3
"""So many failed trainings are named in a warning."""


@suggests
def fit_many(
    models: Sequence[Model],
    x: Any,
    y: Any,
    *,
    rows: Any = None,
    workers: int | None = None,
    verbose: bool = True,
    **settings: Any,
) -> list[History | Exception]:
    """Trains many models side by side: what ``model.fit(x, y, ...)`` would do with each, one after another.

    Each thread takes one whole training at a time, which suits small networks better than threads within a step. All
    bits are those of single fits, whatever the number of threads.

    Under ``joblib.parallel_config("loky")``, ``"dask"`` or ``"ray"`` the workers of that engine train them, to the same
    bits, and they come home as a training here would leave them; ``docs/clusters.md`` has more about it.

    Args:
        models: to train; no two may have layers in common.
        x: inputs for all models, as ``Model.fit`` takes them; or ``gn.Each`` of inputs, one for each model.
        y: targets likewise.
        rows: ``gn.Each`` of arrays of row numbers: which rows of x, y and ``sample_weight`` each model is trained on,
            such as the folds of a cross-validation; or one array for all; None for all rows.
        workers: how many models are trained at a time; None for the environment's GLASSNET_NUM_THREADS, else as many
            as there are processors, elsewhere workers. Each training then has its share of the processors as
            ``threads`` at most.
        verbose: whether to show a progress bar, in a terminal or notebook.
        settings: of ``Model.fit``, such as ``epochs`` and ``batch_size``: a value for all, or ``gn.Each``. Of
            ``gn.EarlyStopping`` and ``gn.ReduceOnPlateau`` each model gets a copy of its own, of ``gn.Checkpoint`` one
            with files of its own, ``m.member-0.safetensors`` and so on; other callback objects count what they see, and
            so are given by ``gn.Each([[MyCallback()] for model in models])``.

    Returns:
        In the models' order the ``History`` of each, or the exception with which its training ended, such as a
        ``DivergenceError``: one that fails does not disturb the others. A ``TrainingWarning`` counts them. After
        Ctrl-C the histories say "interrupted"; those of models that had not begun are empty.

    Raises:
        ConfigurationError: ``models`` is no list of models; two of them have layers in common; an ``Each`` of another
            length; a callback object for all; for workers elsewhere a function as a callback, a relative path, or
            layers that a network outside has, too.
        UnknownSettingError: a setting that ``Model.fit`` does not have.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
        >>> def build(seed):
        ...     return gn.Model(gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2)), "cross_entropy", "adam", seed=seed)
        >>> models = [build(seed) for seed in range(5)]
        >>> histories = gn.fit_many(models, x, y, epochs=gn.Each([100, 100, 100, 200, 200]))
        >>> [len(history) for history in histories]
        [100, 100, 100, 200, 200]
    """
    where = "fit_many"
    models = as_models(models, where)
    require_apart(models, where)
    verbose = boolean(verbose, "verbose", where)
    _require_settings(settings)
    given = {"x": x, "y": y, "rows": rows} | settings
    if "callbacks" in given:
        given["callbacks"] = callbacks_of_each(given["callbacks"], len(models))
    for name, value in given.items():
        by_model(value, name, len(models), where)
    backend = chosen_backend(None if workers is None else whole(workers, "workers", where))
    if backend is None:
        found = fit_here(models, given, workers=workers, verbose=verbose)
    else:
        for_all = () if isinstance(settings.get("callbacks"), Each) else ("callbacks",)
        found = sent(
            *(fit_here, models, given),
            backend=backend,
            workers=workers,
            where=where,
            verbose=verbose,
            for_all=for_all,
        )
    results = [_not_begun() if result is None else result for result in found]
    _warn_of_failures(results)
    return results


def fit_here(
    models: Sequence[Model], given: Mapping[str, Any], *, workers: int | None = None, verbose: bool = False
) -> list[History | Exception | None]:
    """Trains models in this process.

    Args:
        models: to train.
        given: ``rows`` and the arguments of ``Model.fit`` by name; an ``Each`` has one for each model.
        workers: how many models are trained at a time.
        verbose: whether to show a progress bar.

    Returns:
        For each its history, or the exception with which it ended; None where Ctrl-C came before it began.
    """
    columns = {name: by_model(value, name, len(models), "fit_many") for name, value in given.items()}
    differ = given["rows"] is not None or any(isinstance(value, Each) for value in given.values())
    for_all = None if differ else {name: value for name, value in given.items() if name != "rows"}

    def given_to(number: int) -> Mapping[str, Any]:
        if for_all is not None:
            return for_all
        own = {name: values[number] for name, values in columns.items()}
        rows = own.pop("rows")
        if rows is not None:
            own |= chosen({name: own[name] for name in WITH_ROWS if name in own}, rows, where="fit_many")
        return own

    def fit(numbers: Sequence[int]) -> list[History | Exception | None]:
        return lanes.fit_each([models[number] for number in numbers], [partial(given_to, number) for number in numbers])

    lanes = Lanes()
    how: dict[str, Any] = {"several": lanes.several, "at_the_end": lanes.close, "together": ABREAST}
    how["where"] = "fit_many"
    return in_batches(fit, len(models), workers=workers, verbose=verbose, **how)


def _require_settings(settings: Mapping[str, Any]) -> None:
    """Refuses what ``Model.fit`` does not know.

    Raises:
        UnknownSettingError: names the nearest.
    """
    parameters = dict(signature(Model.fit).parameters)
    own = {name: parameter for name, parameter in parameters.items() if name not in ("self", "x", "y", "verbose")}
    require_known(own, (), settings, call=lambda: "gn.fit_many", where="fit_many")


def callbacks_of_each(given: Any, count: int) -> Each:
    """Callbacks of its own for each model, those that save files with files of its own; functions may be the same.

    Raises:
        ConfigurationError: an object for several models that keeps what it sees.
    """
    if not isinstance(given, Each):
        own = as_callbacks(given)
        for callback in own:
            if type(callback) not in (*COPIED, Checkpoint, FunctionCallback) and count > 1:
                raise _shared(callback, "for all models")
        return Each([[_own(callback, number, count) for callback in own] for number in range(count)])
    listed = [as_callbacks(own) for own in given.values]
    seen: set[int] = set()
    for number, own in enumerate(listed):
        objects = [callback for callback in own if not isinstance(callback, FunctionCallback)]
        twice = next((callback for callback in objects if id(callback) in seen), None)
        if twice is not None:
            raise _shared(twice, f"for model {number} that another has, too")
        seen |= {id(callback) for callback in objects}
    return Each(listed)


def _own(callback: Callback, number: int, count: int) -> Callback:
    if type(callback) is Checkpoint and count > 1:
        return callback.of_member(number)
    return deepcopy(callback) if type(callback) in COPIED else callback


def _shared(callback: Callback, of_whom: str) -> ConfigurationError:
    kind = type(callback).__name__
    return ConfigurationError(
        where="fit_many: callbacks",
        received=f"one {kind} {of_whom}",
        expected="one for each model, since it keeps what it has seen of one training",
        fix=f"write callbacks=gn.Each([[{kind}(...)] for model in models]), with other paths where it writes files",
    )


def _not_begun() -> History:
    history = History()
    history.stopped = "interrupted"
    return history


def _warn_of_failures(results: Sequence[History | Exception]) -> None:
    """Says how many failed, and why the first ones did."""
    failed = [(number, result) for number, result in enumerate(results) if isinstance(result, Exception)]
    if not failed:
        return
    named = "; ".join(f"model {number}: {type(error).__name__}: {error}" for number, error in failed[:MOST_NAMED])
    more = f"; and {len(failed) - MOST_NAMED:,} more" if len(failed) > MOST_NAMED else ""
    warn(
        f"fit_many: {len(failed):,} of {len(results):,} trainings failed, whose exceptions stand in their places: "
        f"{named}{more}",
        TrainingWarning,
        stacklevel=level_of_caller(),
    )
