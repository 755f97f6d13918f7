"""Where a trace begins: the rows as they were given, and how their values became the numbers that are learned from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassnet.core.shapes import Array, size_of
from glassnet.model import Model
from glassnet.model.named_data import named_inputs
from glassnet.network import Graph
from glassnet.preprocessing import Standardize, TargetScaling
from glassnet.tables import Table
from glassnet.tables.columns import written
from glassnet.tables.frames import columns_of
from glassnet.training import Rows

MOST = 4096
"""No more elements than these, the first ones, are followed back."""


class Beginning(NamedTuple):
    """Where one number that is learned from comes from.

    Attributes:
        row: counted from 0.
        name: of the column, or where it stands in the row.
        raw: the value as it was given; "" where it is missing.
        expression: how the number is calculated from it; "" where it is the value itself, or nothing is calculated.
        value: the number, float64, before it is rounded to the network's dtype.
    """

    row: int
    name: str
    raw: str
    expression: str
    value: float


def of_inputs(model: Model, x: Any, rows: Rows) -> tuple[Beginning, ...]:
    """For each of the first elements of the rows' inputs, in C order; none where they are not followed back.

    Args:
        model: whose preprocessing the inputs went through.
        x: as the user gave them.
        rows: what they became.
    """
    if isinstance(model.network, Graph) or rows.lengths is not None:
        return ()
    given = named_inputs(model, x, where="trace")
    if isinstance(model.preprocessing, Table):
        return _of_table(model.preprocessing, given, rows)
    raw = np.asarray(given)
    if raw.shape != rows.x.shape:
        return ()
    return _of_numbers(raw, model.preprocessing, model.feature_names)


def of_targets(model: Model, rows: Rows) -> tuple[Beginning, ...]:
    """The same for targets: amounts that were standardised, or the names of classes."""
    targets = rows.targets
    if targets.dtype.kind in "iu" and targets.ndim == 1 and model.class_names is not None:
        names = model.class_names
        return tuple(
            Beginning(row, model.target_name or "y", names[label], f"index(“{names[label]}”)", float(label))
            for row, label in enumerate(targets[:MOST].tolist())
        )
    scaling = model.target_scaling
    if scaling is None or rows.originals is None or rows.originals.shape != targets.shape:
        return ()
    if isinstance(scaling, TargetScaling) and scaling.logarithm:
        return ()
    return _of_numbers(rows.originals, scaling, None, model.target_name)


def _of_table(table: Table, data: Any, rows: Rows) -> tuple[Beginning, ...]:
    columns = [own for own in table.columns if own.features]
    names = [own.name for own in columns]
    count = max(1, MOST // max(1, len(table.features)))
    raws, given = table.read(data, names, where="trace"), columns_of(table.by_position(data, names), where="trace")
    found: list[Beginning] = []
    for row in range(min(count, len(rows))):
        for own in columns:
            raw = raws[own.name].rows(slice(row, row + 1))
            values = own.apply(raw, where="trace")[0]
            cell = "" if raw.missing[0] else _shown(given[own.name].values[row])
            parts = zip(own.features, own.working(raw, 0), values.tolist(), strict=True)
            found += [Beginning(row, feature, cell, expression, value) for feature, expression, value in parts]
    return tuple(found)


def _of_numbers(
    raw: Array, scaling: Standardize | None, names: tuple[str, ...] | None, own: str | None = None
) -> tuple[Beginning, ...]:
    """Elements that are standardised one by one, or taken as they are."""
    count = max(1, MOST // max(1, size_of(raw.shape[1:])))
    part = raw[:count]
    if isinstance(scaling, Standardize):
        values = np.asarray(scaling.apply(part, np.float64))
        mean, scale = (np.broadcast_to(one, part.shape) for one in (scaling.mean, scaling.scale))
    else:
        values, mean, scale = part.astype(np.float64), np.zeros(()), np.ones(())
    found: list[Beginning] = []
    for at in np.ndindex(part.shape):
        if len(found) == MOST:
            break
        expression = ""
        if isinstance(scaling, Standardize):
            expression = f"({_shown(part[at])} − {written(float(mean[at]), inside=True)}) / {written(float(scale[at]))}"
        named = names is not None and len(at) == 2
        name = names[at[1]] if named and names is not None else own or f"x[{', '.join(map(str, at))}]"
        found.append(Beginning(at[0], name, _shown(part[at]), expression, float(values[at])))
    return tuple(found)


def _shown(value: Any) -> str:
    """A value as the user would write it."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | float | np.number):
        return written(float(value))
    return str(value).removesuffix("T00:00:00.000000")
