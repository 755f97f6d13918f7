"""Whether what a file says about rows, names and answers goes together with its network."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from glassnet.core.errors import shown
from glassnet.core.shapes import Shape
from glassnet.losses import JointCrossEntropy, Loss, WeightedSum
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize, TargetScaling
from glassnet.runners.own import is_own
from glassnet.series import Forecasting
from glassnet.tables import Answers, Classes, Questions, Table
from glassnet.text import Vocabulary


def names_of(given: Any, what: str) -> tuple[str, ...] | None:
    """A list of different names, or None.

    Raises:
        ValueError: it is none.
    """
    if given is None:
        return None
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"{what} {shown(given, 60)}, which is no list of texts")
    if len(set(given)) < len(given):
        twice = next(name for place, name in enumerate(given) if name in given[:place])
        raise ValueError(f"{what} with {shown(twice, 60)} twice")
    return tuple(given)


def require_consistent(
    network: Network,
    dtype: np.dtype[Any],
    loss: Loss,
    preprocessing: Standardize | Table | None,
    target_scaling: Standardize | None,
    feature_names: Sequence[str] | None,
    class_names: Sequence[str] | None,
) -> None:
    """Looks at what is said of a network whose shapes are known.

    Raises:
        ValueError: some of it contradicts the rest.
        ConfigurationError: the loss has weights for other classes than the network's.
    """
    inputs, outputs = network.input_shape or (), network.output_shape or ()
    if not _has_several_outputs(network):
        loss.require_own_classes(outputs, dtype)
    _require_scaling(preprocessing, inputs)
    _require_scaling(target_scaling, outputs)
    if target_scaling is not None and (loss.decides_classes or loss.has_log_link or isinstance(loss, WeightedSum)):
        raise ValueError(f"target_scaling for {loss!r:.80}, whose targets are not to be standardised")
    if isinstance(preprocessing, Table):
        if preprocessing.target is not None and not _has_several_outputs(network):
            _require_answers(preprocessing, loss, outputs)
        if class_names is not None and preprocessing.class_names not in (None, tuple(class_names)):
            raise ValueError(f"class_names {shown(class_names)} beside those of the table")
    if feature_names is not None and not isinstance(network, Graph):
        counts = {len(feature_names)} - _counts_of_features(preprocessing, inputs)
        if counts:
            raise ValueError(f"{len(feature_names):,} feature_names for rows of shape {inputs}")
    if class_names is not None and not _has_several_outputs(network):
        known = _counts_of_classes(loss, outputs)
        if known and len(class_names) not in known:
            numbers = " or ".join(map(str, sorted(known)))
            raise ValueError(f"{len(class_names):,} class_names for a network whose outputs tell {numbers} apart")


def require_readable(network: Network, vocabulary: Vocabulary | None) -> None:
    """Looks at whether a network whose shapes are known takes the numbers of a vocabulary's tokens.

    Raises:
        ValueError: it does not.
    """
    if vocabulary is not None:
        fault = vocabulary.fault_of(network.demands.below)
        if fault:
            raise ValueError(f"a vocabulary of {len(vocabulary):,} tokens for {fault}")


def require_forecasts(
    network: Network, loss: Loss, preprocessing: Standardize | Table | None, forecasting: Forecasting
) -> None:
    """Raises ValueError where a network cannot give such forecasts."""
    shapes = network.input_shape, network.output_shape
    if shapes != (forecasting.input_shape, forecasting.output_shape):
        raise ValueError(f"a network from {shapes[0]} to {shapes[1]} for forecasts of {forecasting.describe():.80}")
    if loss.decides_classes or loss.has_log_link or preprocessing is not None:
        raise ValueError(f"forecasts by {loss!r:.60} after {preprocessing!r:.60}")


def _has_several_outputs(network: Network) -> bool:
    return isinstance(network, Graph) and len(network.outputs) > 1


def _require_scaling(scaling: Standardize | Table | None, shape: Shape) -> None:
    """Raises ValueError where what is done to rows does not fit their shape."""
    if isinstance(scaling, Table):
        if (len(scaling.features),) != shape:
            raise ValueError(f"a table of {len(scaling.features):,} features for rows of shape {shape}")
    elif scaling is not None:
        bounds = scaling.bounds if isinstance(scaling, TargetScaling) else ()
        for array in (scaling.mean, scaling.scale, *bounds):
            np.broadcast_to(array, shape)
        if scaling.names is not None and (len(scaling.names),) != shape:
            raise ValueError(f"a scaling of {len(scaling.names):,} columns by name for rows of shape {shape}")


def _require_answers(table: Table, loss: Loss, outputs: Shape) -> None:
    """Raises ValueError where the network gives no answers to what the table asks."""
    target = table.target
    if isinstance(target, Classes):
        counts = _counts_of_classes(loss, outputs)
        fits = not counts or target.outputs in counts
    elif isinstance(target, Questions):
        fits = target.outputs == prod(outputs)
    else:
        assert isinstance(target, Answers)
        fits = is_own(loss) or loss.decides_classes or target.outputs == prod(outputs)
    if not fits:
        raise ValueError(f"a network with outputs of shape {outputs} for a table that asks for {target!r:.80}")


def _counts_of_features(preprocessing: Standardize | Table | None, inputs: Shape) -> set[int]:
    """How many names the columns of the data may have."""
    if isinstance(preprocessing, Table):
        return {len(preprocessing.features), len(preprocessing.columns)}
    return {prod(inputs), inputs[-1]}


def _counts_of_classes(loss: Loss, outputs: Shape) -> set[int]:
    """How many classes, or labels that may hold together, outputs of that shape can tell apart; nothing if unknown."""
    if is_own(loss) or isinstance(loss, JointCrossEntropy | WeightedSum):
        return set()
    outputs = outputs[1:] if loss.is_by_step(outputs) else outputs
    if len(outputs) != 1:
        return set()
    labels = loss.classes(np.zeros((1, *outputs)))
    return {2, *outputs} if labels.ndim > 1 else {max(2, *outputs)} if outputs[0] == 1 else set(outputs)
