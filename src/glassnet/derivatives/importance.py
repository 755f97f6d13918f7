"""How much a model's answers depend on each column of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.checks import finite_rows, same_rows
from glassnet.core.errors import ConfigurationError
from glassnet.core.randomness import generator
from glassnet.core.settings import whole
from glassnet.derivatives.by_columns import by_columns
from glassnet.metrics import as_metrics
from glassnet.model import Model
from glassnet.model.named_data import named_rows


@dataclass(frozen=True)
class Importance:
    """What shuffling one column does.

    Attributes:
        column: its name.
        change: how much worse the measure becomes, the mean over repeats; about 0 for a column that is not used.
        deviation: the standard deviation over repeats.
    """

    column: str
    change: float
    deviation: float


@suggests
def permutation_importance(
    model: Model, x: Any, y: Any, *, measure: str | None = None, rows: int = 1000, repeats: int = 3, seed: int = 0
) -> tuple[Importance, ...]:
    """Shuffles one column at a time and measures how much worse the answers become.

    Columns that say the same hide each other: where one is shuffled, the model still reads the other.

    Args:
        model: a model of tables: its preprocessing is a ``Table``, or it takes rows (N, D).
        x: rows that it was not trained on, as ``model.evaluate`` takes them.
        y: their targets.
        measure: the name of a metric; None for ``"log_loss"`` or ``"root_mean_squared_error"``, as the loss is, or
            ``"accuracy"`` where there are no probabilities.
        rows: how many at most, chosen at random.
        repeats: shuffles of each column.
        seed: the same seed gives the same numbers.

    Returns:
        The columns, the most important first. Columns that the table ignores are left out.

    Raises:
        ConfigurationError: the model takes no rows of columns.
        ShapeError, DataError: x and y do not fit the model.

    Source: L. Breiman, "Random Forests", Machine Learning 45 (2001), section 10; as change of the measure.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.Adam(0.1))
        >>> _ = model.fit(x, (x[:, 1] > 0).astype(int), epochs=20, verbose=False)
        >>> gn.permutation_importance(model, x, (x[:, 1] > 0).astype(int))[0].column
        'x1'
    """
    where = "permutation_importance"
    whole(rows, "rows", where)
    whole(repeats, "repeats", where)
    whole(seed, "seed", where, low=0)
    model.require_one_output(where)
    x, y = named_rows(model, x, y, where=where)
    own = by_columns(model, x, where)
    inner, features, groups = own.model, own.features, own.groups
    measure = usual_measure(model) if measure is None else measure
    metric = as_metrics([measure])[0]
    inner.metrics = (metric,)
    targets = finite_rows(y, where=f"{where}: y")
    same_rows(len(features), targets, where=f"{where}: y", other="x")
    chosen = np.sort(generator(seed, where).permutation(len(features))[:rows])
    features, targets = features[chosen], targets[chosen]
    before = inner.evaluate(features, targets)[metric.name]
    direction = 1.0 if metric.name.endswith(("loss", "error")) else -1.0
    found = []
    for name, columns in groups.items():
        rng = generator(seed, f"{where} {name}")
        changes = []
        for _ in range(repeats):
            shuffled = features.copy()
            shuffled[:, columns] = features[rng.permutation(len(features))][:, columns]
            changes.append(direction * (inner.evaluate(shuffled, targets)[metric.name] - before))
        found.append(Importance(name, float(np.mean(changes)), float(np.std(changes))))
    return tuple(sorted(found, key=lambda each: -each.change))


def usual_measure(model: Model) -> str:
    """The name of the metric that ``permutation_importance`` takes by itself."""
    if not model.loss.decides_classes:
        return "root_mean_squared_error"
    outputs = np.zeros((1, *(model.network.output_shape or ())), model.dtype)
    try:
        model.loss.probabilities(outputs)
    except ConfigurationError:
        return "accuracy"
    return "log_loss"
