"""Whether the parts of a model go together."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.checks import has_channels_last
from glassnet.errors import ConfigurationError, ShapeError
from glassnet.layers import (
    Activation,
    Augment,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Layer,
    MaxPool2D,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
    UpSample2D,
    ZeroPad2D,
)
from glassnet.layers.windows import pair
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss
from glassnet.network import Network, Sequential, places_of
from glassnet.tables import Table

_ON_IMAGES = Augment, AveragePool2D, Conv2D, ConvTranspose2D, MaxPool2D, UpSample2D, ZeroPad2D


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


def check_channels(network: Network, shape: tuple[int, ...], *, where: str) -> None:
    """Refuses images whose channels stand last for a network that begins with a layer for images.

    Args:
        network: not trained yet. One that is built already was told what its channels are: square images alone are
            taken for a mistake.
        shape: of the rows, with the batch axis.
        where: for messages.

    Raises:
        ShapeError: they do; the transposition to type is given.
    """
    layer = _first_on_images(network)
    row = tuple(shape[1:])
    if layer is None or len(row) != 3 or (network.is_built and row[0] != row[1]):
        return
    is_narrow = (
        row[2] == 1 and min(row[:2]) > 4 and isinstance(layer, Conv2D) and pair(layer.kernel_size, "", "")[1] > 1
    )
    if has_channels_last(row) or is_narrow:
        raise ShapeError(
            where=where,
            received=f"an array of shape {shape}, which are images of {row[0]}×{row[1]} pixels with "
            f"{row[2]} channel{'s' if row[2] > 1 else ''} at the end",
            expected=f"images (N, C, H, W), channels first, before {layer!r}",
            fix=f"put the channels first: x.transpose(0, 3, 1, 2); for {row[0]} channels of {row[1]}×{row[2]} pixels "
            f"begin the network with gn.Reshape({row})",
        )


def _first_on_images(network: Network) -> Layer | None:
    """The layer that looks at the data as images, where only layers stand before it that keep every shape."""
    for _, layer in network.walk():
        if isinstance(layer, _ON_IMAGES):
            return layer
        if not isinstance(layer, Network | Activation | BatchNorm | Dropout):
            return None
    return None


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
