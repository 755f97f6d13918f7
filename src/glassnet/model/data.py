"""The door for data: inputs and targets as a model's network and loss get them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.core.checks import as_rows, finite_rows, fits_network, numeric, require_finite
from glassnet.core.errors import ConfigurationError, DataError, ShapeError
from glassnet.core.shapes import Array, Shape
from glassnet.losses import Loss, WeightedSum, targets_by_loss
from glassnet.network import Graph, Network
from glassnet.preprocessing import NOISE, Standardize
from glassnet.tables import Table
from glassnet.tables.surprises import told_once
from glassnet.training import Gradients

SHARE = 8
"""Numbers that lie no more than so many of a dtype's smallest steps apart are nearly all the same in it."""


def prepared_inputs(
    x: Any, preprocessing: Standardize | Table | None, network: Network, dtype: np.dtype[Any], *, where: str
) -> Array:
    """Rows that fit the network, if its shapes are known, in the dtype; what is scaled is scaled in float64 before."""
    if isinstance(preprocessing, Table):
        with told_once(where):
            raw = preprocessing.apply(x)
    else:
        raw = one_array(x, network, where=where)
    if network.is_built and raw.shape[1:] != network.input_shape:  # writing the layer's name takes time
        fits_network(raw, network.input_shape or (), where=where, layer=network.first_layer().where)
    if isinstance(preprocessing, Standardize):
        rows = finite_rows(raw, where=where)
        inputs = preprocessing.apply(rows, dtype)
        require_finite(inputs, rows, where=where)
    else:
        inputs = as_rows(raw, dtype, where=where)
    if inputs.ndim < 2 and not network.is_built:
        raise flat_input(inputs.shape, where)
    return inputs


def one_array(x: Any, network: Network, *, where: str) -> Array:
    """The inputs as an array of numbers; those of a network with several by name are put side by side."""
    return network.pack(x, where=where) if isinstance(network, Graph) else numeric(x, where=where)


def prepared_targets(
    y: Any, scaling: Standardize | None, loss: Loss, output_shape: Shape, dtype: np.dtype[Any], *, where: str
) -> tuple[Array, Array | None]:
    """The targets as they are learned, and in float64 in their own unit where these are others."""
    if isinstance(loss, WeightedSum):
        return _targets_by_output(y, scaling, loss, output_shape, dtype, where=where)
    given = numeric(y, where=where)
    if scaling is None:
        targets = loss.prepare(given, output_shape, dtype, where=where)
        if loss.decides_classes or np.can_cast(given.dtype, dtype):
            return targets, None
        return targets, loss.prepare(given, output_shape, np.dtype(np.float64), where=where)
    if loss.decides_classes:
        raise ConfigurationError(
            where=where,
            received=f"target_scaling for targets of {loss!r}, which are classes",
            expected="target_scaling for the numbers of a regression",
            fix="set model.target_scaling = None",
        )
    if loss.has_log_link:
        raise ConfigurationError(
            where=where,
            received=f"target_scaling for targets of {loss!r}, whose outputs are logarithms of their mean",
            expected="the targets as they are",
            fix="set model.target_scaling = None",
        )
    originals = loss.prepare(given, output_shape, np.dtype(np.float64), where=where)
    scaled = scaling.apply(given, dtype)
    return loss.prepare(scaled, output_shape, dtype, where=f"{where}, standardised"), originals


def _targets_by_output(
    y: Any, scaling: Standardize | None, loss: WeightedSum, output_shape: Shape, dtype: np.dtype[Any], *, where: str
) -> tuple[Array, Array | None]:
    if scaling is not None:
        raise ConfigurationError(
            where=where,
            received=f"target_scaling for losses by output, {loss!r}",
            expected="targets as they are learned",
            fix="set model.target_scaling = None, and standardise an output's targets before",
        )
    targets = loss.prepare(y, output_shape, dtype, where=where)
    given = targets_by_loss(loss, y, where=where)
    if all(own.decides_classes or np.can_cast(part.dtype, dtype) for own, part, _ in given):
        return targets, None
    return targets, loss.prepare(y, output_shape, np.dtype(np.float64), where=where)


def flat_input(shape: tuple[int, ...], where: str) -> ShapeError:
    """The error for inputs without an axis of features."""
    return ShapeError(
        where=where,
        received=f"an array of shape {shape}",
        expected="(N, D): one row for each example",
        fix="for a single feature pass x.reshape(-1, 1), for a single row x.reshape(1, -1)",
    )


def keeps_differences(values: Array, dtype: np.dtype[Any], *, where: str, fix: str) -> None:
    """Refuses columns (N, ...) of different numbers that lie so close together that the dtype makes them the same.

    Differences in the last bits of float64 are rounding, and nothing to learn.

    Raises:
        DataError: such a column is named.
    """
    is_long = values.dtype.kind in "iu" and values.dtype.itemsize == 8
    if not values.size or values.ndim == 0 or (np.can_cast(values.dtype, dtype) and not is_long):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.asarray(values.min(axis=0)), np.asarray(values.max(axis=0))
        size = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
        if values.dtype.kind in "iu":  # modulo 2⁶⁴, which keeps every digit
            spread, noise = (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64), 0.0
        else:
            spread, noise = (high - low).astype(np.float64), NOISE
        near = np.argwhere((spread > noise * size) & (spread <= SHARE * np.finfo(dtype).eps * size))
        columns = ((tuple(place), values[:, *place]) for place in near)
        lost = (place for place, own in columns if len(np.unique(own.astype(dtype))) < len(np.unique(own)))
        place = next(lost, None)
    if place is None:
        return
    column = f" in column {', '.join(map(str, place))}" if place else ""
    raise DataError(
        where=where,
        received=f"numbers from {low[place]} to {high[place]}{column}, whose differences are lost in {dtype}",
        expected=f"differences that the {np.finfo(dtype).precision} digits of {dtype} can tell",
        fix=fix + (', or use dtype="float64"' if dtype == np.float32 else ""),
    )


def in_unit_of_x(
    found: Gradients, preprocessing: Standardize | Table | None, names: tuple[str, ...] | None
) -> Gradients:
    """The gradient by the input as x is given, instead of as the network takes it; with the columns' names, if any."""
    if isinstance(preprocessing, Table):
        return replace(found, features=preprocessing.features)
    if found.input is not None and names is not None and found.input.shape[1:] == (len(names),):
        found = replace(found, features=names)
    if preprocessing is None or found.input is None:
        return found
    return replace(found, input=found.input / preprocessing.scale)
