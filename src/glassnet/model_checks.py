"""Whether the parts of a model go together."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError
from glassnet.layers import Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network, Sequential, places_of
from glassnet.tables import Table


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


def check_lookups(network: Network, table: Table) -> None:
    """Refuses a network that would calculate with the numbers of words as if they were amounts.

    Args:
        network: whose shapes are known, for the table's features.
        table: with columns whose words are looked up, or without.

    Raises:
        ConfigurationError: such a column reaches no ``Embedding``, or one with too few vectors.
    """
    lookups = table.lookups()
    if not lookups:
        return
    vectors: dict[int, int] = {}
    for layer, places in network.index_reads(places_of(np.empty((1, len(table.features))))):
        vectors |= {int(place): min(layer.count, vectors.get(int(place), layer.count)) for place in places.flat}
    for place, column in lookups.items():
        if vectors.get(place, 0) < column.count:
            raise ConfigurationError(
                where="Model",
                received=f"for the column {column.name!r}, whose {column.count:,} words are numbered, "
                + (
                    f"an Embedding of {vectors[place]:,} vectors" if place in vectors else "a network without Embedding"
                ),
                expected="a vector for each number: they are names, not amounts",
                fix="begin the network with the table's layers: gn.Sequential(*table.input_layers(), gn.Dense(64), "
                "...); or learn the table without embeddings=",
            )


def _last_layer(layer: Layer) -> Layer | None:
    if not isinstance(layer, Network):
        return layer
    inside = [child for _, child in layer.children()]
    return _last_layer(inside[-1]) if inside and isinstance(layer, Sequential) else None
