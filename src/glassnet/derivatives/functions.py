"""A model or network as a function of x in the unit that x is given in: what is differentiated."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.numeric import numeric
from glassnet.core.shapes import Array, DType, batch_shape
from glassnet.layers import Layer
from glassnet.losses import Loss
from glassnet.model import Model
from glassnet.model.data import prepared_inputs
from glassnet.network import LookingRunner, Network, as_network
from glassnet.optimizers import SGD
from glassnet.preprocessing import Standardize, TargetScaling
from glassnet.runners import Runner
from glassnet.tables import Table

Differentiable = Model | Network | Layer
"""What can be differentiated, once its shapes are known."""


@dataclass(frozen=True)
class Function:
    """outputs = scale_out · network((x − mean_in) / scale_in) + mean_out, on a copy of the network.

    Bounds of a ``TargetScaling`` are left out: they are those of the answers before these are held within them.

    Attributes:
        network: the copy.
        inputs: x as the network takes it (N, ...).
        scaling_in: what x goes through before, or None.
        scaling_out: of the outputs, or None.
        loss: the model's, or None.
    """

    network: Network
    inputs: Array
    scaling_in: Standardize | None = None
    scaling_out: Standardize | None = None
    loss: Loss | None = None

    @property
    def given(self) -> Array:
        """X in its own unit."""
        return self.inputs if self.scaling_in is None else self.scaling_in.invert(self.inputs, np.float64)

    @property
    def scale_in(self) -> Array | float:
        """What a change of the network's input is multiplied by to be one of x."""
        return 1.0 if self.scaling_in is None else self.scaling_in.scale

    @property
    def scale_out(self) -> Array | float:
        """What a change of the network's output is multiplied by."""
        return 1.0 if self.scaling_out is None else self.scaling_out.scale

    def finished(self, outputs: Array) -> Array:
        """The network's outputs as ``predict`` gives them."""
        return outputs if self.scaling_out is None else self.scaling_out.invert(outputs, np.float64)

    def __call__(self, inputs: Array, run: Runner | None = None) -> tuple[Array, Any]:
        """The network's own outputs (N, ...) and its cache, in prediction mode."""
        return (run or LookingRunner()).forward(self.network, inputs, training=False)


def function_of(given: Differentiable, x: Any, *, where: str, dtype: DType | None = None) -> Function:
    """The function and where it is looked at.

    Args:
        given: a model or network that is built.
        x: inputs as it takes them (N, ...).
        where: for messages.
        dtype: to calculate in; None for that of the parameters.

    Raises:
        NotBuiltError: shapes are not known yet.
        ConfigurationError: the model takes tables, by whose columns there are no derivatives.
        ShapeError, DataError: x does not fit.
    """
    model = given if isinstance(given, Model) else None
    network = built(given, where)
    preprocessing = None if model is None else model.preprocessing
    if isinstance(preprocessing, Table):
        raise ConfigurationError(
            where=where,
            received="a model of tables, whose columns may be words and times",
            expected="a function of numbers",
            fix=f"take the numbers that the table makes, named by model.preprocessing.features: gn.{where}("
            "model.network, model.preprocessing.apply(rows), ...); gn.permutation_importance goes by columns",
        )
    twin = network.copy(dtype)
    if model is None:
        inputs = prepared_inputs(x, None, twin, twin.dtype, where=f"{where}: x")
        twin.demands.check(inputs, where=f"{where}: x")
        return Function(twin, inputs)
    inner = copy(model)  # its own door, in the twin's dtype
    inner.network, inner.dtype = twin, twin.dtype
    scaling = _affine(model.target_scaling, where)
    return Function(twin, inner.inputs(x, where=f"{where}: x"), preprocessing, scaling, model.loss)


def _affine(scaling: Standardize | None, where: str) -> Standardize | None:
    """The way back to the targets' unit as a product and a sum.

    Raises:
        ConfigurationError: it is an exponential.
    """
    if not isinstance(scaling, TargetScaling):
        return scaling
    if scaling.logarithm:
        raise ConfigurationError(
            where=where,
            received="a model that learned the logarithm of its targets",
            expected="answers that are proportional to the network's outputs",
            fix=f"ask about the logarithm: set model.target_scaling = gn.Standardize(scaling.mean, scaling.scale) in a "
            f"copy, or gn.{where}(model.network, ...) about the outputs themselves",
        )
    return Standardize(scaling.mean, scaling.scale)


def built(given: Differentiable, where: str) -> Network:
    """The network of what is given, if its shapes are known."""
    network = given.network if isinstance(given, Model) else as_network(given)
    network.require_built(where)
    return network


def model_of(given: Differentiable, loss: Any, where: str) -> Model:
    """The model itself, or one around a network for a loss."""
    network = built(given, where)
    if isinstance(given, Model):
        if loss is None:
            return given
        raise ConfigurationError(
            where=where,
            received=f"a model and loss={shown(loss, 60)}",
            expected="a model alone, whose own loss is taken, or a network with a loss",
            fix="drop loss=, or pass model.network",
        )
    if loss is None:
        raise ConfigurationError(
            where=where,
            received="a network without a loss",
            expected="what is differentiated",
            fix=f'write gn.{where}(network, x, y, ..., loss="cross_entropy"), or pass a model',
        )
    return Model(network, loss, SGD(), dtype=network.dtype)


def require_amounts(function: Function, where: str) -> None:
    """Refuses inputs with numbers that are looked up, which have no derivative."""
    demands = function.network.demands
    if not demands:
        return
    layer = demands.reads[0].layer
    raise ConfigurationError(
        where=f"{where}: x",
        received=f"inputs {batch_shape(demands.shape)} with numbers that {layer.where} looks up",
        expected="amounts: numbers that name things have no derivative",
        fix=f"differentiate by the vectors that stand for them: gn.saliency(model, x, layer={layer.path!r}), "
        "or look at model.gradients(x, y).layers",
    )


def same_shape(values: Any, shape: tuple[int, ...], dtype: Any, *, where: str, what: str) -> Array:
    """A direction or a cotangent as an array of that shape."""
    array = numeric(values, where=where)
    if array.shape != shape:
        raise ShapeError(
            where=where,
            received=f"an array of shape {array.shape}",
            expected=f"{shape}, the shape of {what}",
            fix="give one number for each number there",
        )
    return array.astype(dtype)
