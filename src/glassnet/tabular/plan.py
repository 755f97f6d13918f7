"""From a table's rows and a recipe to models that are ready to be trained, each with its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.calibration import calibrate_together
from glassnet.core.errors import ConfigurationError, DataError, shown
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.core.sides import Sides
from glassnet.losses.targets import balanced_weights
from glassnet.many import Each, Ensemble
from glassnet.many.fitting import callbacks_of_each
from glassnet.many.members import seeds_of
from glassnet.model import Model
from glassnet.preprocessing import TargetScaling
from glassnet.tables import Answers, Classes, Frame, Table
from glassnet.tabular.beginning import begin_linear
from glassnet.tabular.recipes import Recipe, require_fits
from glassnet.training import Callback, History

OF_CLASSES = ("accuracy", "roc_auc", "f1", "log_loss")
OF_QUESTIONS = ("accuracy", "roc_auc", "log_loss")
OF_AMOUNTS = ("mean_absolute_error", "root_mean_squared_error", "r2")
"""What is measured of one class a row, of several, and of amounts."""
FOLDS = 5


@dataclass
class Plan:
    """Models for a table, not trained yet, and the rows that each is to see.

    Attributes:
        recipe: by which they are made.
        table: of all of them.
        models: one, or several members.
        training: what each is trained on: rows, targets and, where rows have weights, these.
        held: what each is validated on, likewise.
    """

    recipe: Recipe
    table: Table
    models: tuple[Model, ...]
    training: list[tuple[Any, ...]]
    held: list[tuple[Any, ...]]

    def settings(self, number: int, callbacks: Sequence[Callback | Callable[..., Any]] = ()) -> dict[str, Any]:
        """The arguments of ``Model.fit`` for one of the models.

        Args:
            number: of the model.
            callbacks: of the user, beside the one that keeps the best epoch.
        """
        x, y, *weights = self.training[number]
        return {
            "x": x,
            "y": y,
            "sample_weight": weights[0] if weights else None,
            "validation_data": self.held[number],
            "epochs": self.recipe.epochs,
            "batch_size": self.recipe.batch_size,
            "callbacks": [self.recipe.stopping(), *callbacks],
        }


def plan(
    frame: Frame,
    table: Table,
    recipe: Recipe,
    *,
    sides: Sides | None = None,
    share: float = 0.2,
    validation: tuple[Any, Any] | None = None,
    weights: Array | None = None,
    log_target: bool = False,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Plan:
    """Makes the models, and sets aside for each the rows that choose its epoch.

    Args:
        frame: rows with their answers.
        table: learned from them, with its target.
        recipe: how the models are made.
        sides: which rows are to stay together, or come last; None for a random choice, stratified for classes.
        share: of the rows that is set aside. Several members have different fifths set aside.
        validation: rows and answers to choose the epoch by; then none are set aside.
        weights: of the rows (N,).
        log_target: whether the logarithms of amounts are learned.
        metrics: None for those that go with the target.
        seed: of initial weights, orders and choices; members have seeds of their own.
        settings: of ``Model``, such as ``dtype`` and ``threads``.

    Raises:
        ConfigurationError: settings that do not go together.
        DataError: too few rows, missing answers, amounts below 0 for a logarithm.
    """
    require_fits(recipe, table)
    targets = table.targets(frame)
    are_amounts = isinstance(table.target, Answers)
    if log_target and not are_amounts:
        raise ConfigurationError(
            where="TableModel",
            received=f"log_target=True for {shown(table.target)}, classes",
            expected="amounts of 0 or more",
            fix="leave it out",
        )
    scaling = TargetScaling.from_data(targets, logarithm=log_target) if are_amounts else None
    labels = targets if isinstance(table.target, Classes) else None
    sides = sides or Sides(frame.height, labels=labels, seed=seed)
    if validation is None:
        held = rows_set_aside(sides, share, recipe.members)
    else:
        held = [np.zeros(frame.height, dtype=bool)] * recipe.members
    weights = None if weights is None else np.asarray(weights, np.float64)
    training = [_part(frame, targets, weights, ~own) for own in held]
    given = None if validation is None else (validation[0], validation[1])
    looked_at = [_part(frame, targets, weights, own) if given is None else given for own in held]
    seeds = [seed] if recipe.members == 1 else seeds_of(seed, recipe.members)
    made = [
        _model(recipe, table, scaling, len(rows[1]), metrics or metrics_for(table), own, settings)
        for own, rows in zip(seeds, training, strict=True)
    ]
    if recipe.linear and recipe.hidden:
        for model, rows, others in zip(made, training, looked_at, strict=True):
            begin_linear(model, table, rows, others)
    return Plan(recipe, table, tuple(made), training, looked_at)


def rows_set_aside(sides: Sides, share: float, members: int) -> list[Array]:
    """Which rows each member is not trained on, bool (N,).

    One member sets aside a share; of several each sets aside another fifth, or in time all the latest share. The single
    row of a class is set aside by none.
    """
    if members == 1 or sides.moments is not None:
        return [sides.hold_out(share, "validation")] * members
    alone = np.zeros(sides.rows, dtype=bool)
    if sides.labels is not None and sides.labels.ndim == 1:
        alone = np.bincount(sides.labels)[sides.labels] < 2
    count, found = max(2, round(1 / share)), list[Array]()
    if sides.groups is not None:
        count = min(count, len(np.unique(sides.groups)))
    turn = 0
    while len(found) < members:
        own = Sides(sides.rows, sides.labels, sides.groups, None, sides.seed + turn)
        for _, fold in own.folds(min(count, sides.rows)):
            held = np.zeros(sides.rows, dtype=bool)
            held[fold] = True
            if (held & ~alone).any():
                found.append(held & ~alone)
        turn += 1
        if not found:
            raise DataError(
                where="TableModel",
                received=f"{sides.rows} rows, each of another class",
                expected="some that can be set aside, to choose the epoch by",
                fix="use more rows, or give validation_data",
            )
    return found[:members]


def metrics_for(table: Table) -> tuple[str, ...]:
    """What is measured of a table's answers."""
    if isinstance(table.target, Answers):
        return OF_AMOUNTS
    return OF_CLASSES if isinstance(table.target, Classes) else OF_QUESTIONS


def class_weights(given: Any, table: Table, targets: Array) -> Array | None:
    """The weights (N,) that ``class_weight`` gives the rows: "balanced", or {class: weight}.

    Raises:
        ConfigurationError: something else, a class that is not there, or a target that is not one of classes.
    """
    if given is None:
        return None
    if not isinstance(table.target, Classes):
        raise ConfigurationError(
            where="TableModel",
            received=f"class_weight={shown(given)} for a target that is not one of classes",
            expected="a single column of classes",
            fix="leave class_weight out, or pass sample_weight",
        )
    if isinstance(given, str):
        one_of(given, "class_weight", "TableModel", ("balanced",))
        return balanced_weights(targets, len(table.target.classes))[targets]
    names = table.target.classes
    known = {str(name): weight for name, weight in dict(given).items()}
    unknown = [name for name in known if name not in names]
    if unknown:
        raise ConfigurationError(
            where="TableModel: class_weight",
            received=f"a weight for {unknown[0]!r}",
            expected=f"classes among {', '.join(names[:10])}",
            fix="write the classes as they stand in the data",
        )
    return np.asarray([float(known.get(name, 1.0)) for name in names])[targets]


def train(
    own: Plan, *, callbacks: Any = (), resume: bool | str | Path = False, verbose: bool = True, **settings: Any
) -> tuple[Any, list[History]]:
    """Trains the models of a plan.

    Args:
        own: the plan.
        callbacks: of the user; for several members functions, what ``gn.fit_many`` copies, or an ``Each``.
        resume: the path of a ``gn.Checkpoint`` to go on from, of each member its own file; False for a new training.
        verbose: whether to show a progress bar.
        settings: of ``Model.fit`` besides.

    Returns:
        The model, or the ensemble of the members; and their histories.
    """
    if len(own.models) == 1:
        model: Any = own.models[0]
        callbacks = callbacks.values[0] if isinstance(callbacks, Each) else callbacks
        histories = [model.fit(**own.settings(0, callbacks), **settings, resume=resume, verbose=verbose)]
    else:
        model = Ensemble.of(own.models, seed=own.models[0].seed)
        callbacks = callbacks_of_each(callbacks, len(own.models))
        given = [own.settings(number, callbacks.values[number]) for number in range(len(own.models))]
        each = {name: Each([settings[name] for settings in given]) for name in given[0]}
        histories = model.fit(each.pop("x"), each.pop("y"), **each, **settings, resume=resume, verbose=verbose)
    if own.recipe.calibrates and all(model.latest_fit and model.latest_fit.is_finished for model in own.models):
        calibrate_together(own.models, own.held, cautious=True)
    return model, histories


def _part(frame: Frame, targets: Array, weights: Array | None, chosen: Array) -> tuple[Any, ...]:
    rows = np.flatnonzero(chosen)
    part = (frame.rows(rows), targets[rows])
    return part if weights is None else (*part, weights[rows])


def _model(
    recipe: Recipe,
    table: Table,
    scaling: TargetScaling | None,
    rows: int,
    metrics: Sequence[str],
    seed: int,
    settings: dict[str, Any],
) -> Model:
    network = recipe.network(table)
    network.build((len(table.features),), seed=seed, dtype=settings.get("dtype", "float32"))
    recipe.set_rates(network)
    optimizer = recipe.make_optimizer(recipe.steps(rows))
    model = Model(network, recipe.loss(table), optimizer, metrics, seed=seed, **settings)
    model.preprocessing, model.class_names, model.target_scaling = table, table.class_names, scaling
    model.target_name = ", ".join(table.target.names) if table.target is not None else None
    return model
