"""Whether the parts of a model go together."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, ShapeError
from glassnet.layers import Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network, Sequential


def agreed_dtype(network: Network, asked: np.dtype[Any]) -> np.dtype[Any]:
    """A built network keeps its dtype; asking for float64 with a float32 one is a mistake."""
    if not network.is_built:
        return asked
    if asked == np.float64 != network.dtype:
        raise ConfigurationError(
            where="Model",
            received=f"dtype={str(asked)!r} for a network built in {network.dtype}",
            expected="one dtype for both",
            fix=f'build the network in it: net.build(input_shape, dtype="{asked}"), or pass net.copy("{asked}")',
        )
    return network.dtype


def flat_input(shape: tuple[int, ...], where: str) -> ShapeError:
    """The error for inputs without an axis of features."""
    return ShapeError(
        where=where,
        received=f"an array of shape {shape}",
        expected="(N, D): one row for each example",
        fix="for a single feature pass x.reshape(-1, 1), for a single row x.reshape(1, -1)",
    )


def check_end(network: Network, loss: Loss) -> None:
    """Refuses a final activation that the loss would apply once more, or one that it misses."""
    last = _last_layer(network)
    if not isinstance(loss, BinaryCrossEntropy | CrossEntropy) or last is None:
        return
    wanted = Sigmoid if isinstance(loss, BinaryCrossEntropy) else Softmax
    name = type(loss).__name__
    if loss.from_logits and isinstance(last, Sigmoid | Softmax):
        raise ConfigurationError(
            where="Model",
            received=f"a network that ends in {last!r} with {loss!r}, which takes logits and would squash them again",
            expected="logits, or a loss that takes probabilities",
            fix=f"drop the last layer, or use gn.losses.{name}(from_logits=False)",
        )
    if not loss.from_logits and isinstance(last, Dense | ReLU | Tanh):
        raise ConfigurationError(
            where="Model",
            received=f"a network that ends in {last!r} with {loss!r}, which takes probabilities",
            expected=f"a network that ends in {wanted.__name__}()",
            fix=f"append gn.{wanted.__name__}(), or use gn.losses.{name}() on the logits",
        )


def _last_layer(layer: Layer) -> Layer | None:
    if not isinstance(layer, Network):
        return layer
    inside = [child for _, child in layer.children()]
    return _last_layer(inside[-1]) if inside and isinstance(layer, Sequential) else None
