"""Whether the parts of a model go together."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet import layers
from glassnet.core.checks import has_channels_last
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Shape
from glassnet.layers import Layer
from glassnet.layers.windows import pair
from glassnet.losses import BinaryCrossEntropy, CrossEntropy, Loss, WeightedSum
from glassnet.network import Graph, Network, Sequential
from glassnet.tables import Table
from glassnet.text import Vocabulary

_ON_IMAGES = (
    layers.Augment, layers.AveragePool2D, layers.BatchNorm, layers.Conv2D, layers.ConvTranspose2D,
    layers.GlobalAveragePool, layers.GlobalMaxPool, layers.GroupNorm, layers.MaxPool2D, layers.UpSample2D,
    layers.ZeroPad2D,
)  # fmt: skip
_KEEP_IMAGES = layers.Augment, layers.BatchNorm, layers.GroupNorm, layers.ZeroPad2D


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
    if isinstance(loss, WeightedSum) and isinstance(network, Graph):
        for term in loss.terms:
            _check_last(_last_layer(network.nodes[term.output][0]), term.loss)
    else:
        _check_last(_last_layer(network), loss)


def _check_last(last: Layer | None, loss: Loss) -> None:
    if not isinstance(loss, BinaryCrossEntropy | CrossEntropy) or last is None:
        return
    wanted = layers.Sigmoid if isinstance(loss, BinaryCrossEntropy) else layers.Softmax
    name = type(loss).__name__
    if loss.from_logits and isinstance(last, layers.Sigmoid | layers.Softmax):
        raise ConfigurationError(
            where="Model",
            received=f"a network that ends in {last!r} with {loss!r}, which takes logits and would squash them again",
            expected="logits, or a loss that takes probabilities",
            fix=f"drop the last layer, or use gn.losses.{name}(from_logits=False)",
        )
    if not loss.from_logits and isinstance(last, layers.Dense | layers.ReLU | layers.Tanh):
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
    seen = _on_images(network)
    row = tuple(shape[1:])
    if not seen or len(row) != 3 or (network.is_built and row[0] != row[1]):
        return
    is_narrow = row[2] == 1 and min(row[:2]) > 4 and any(_width(layer) > 1 for layer in seen)
    if has_channels_last(row) or is_narrow:
        raise ShapeError(
            where=where,
            received=f"an array of shape {shape}, which are images of {row[0]}×{row[1]} pixels with "
            f"{row[2]} channel{'s' if row[2] > 1 else ''} at the end",
            expected=f"images (N, C, H, W), channels first, before {seen[0]!r}",
            fix=f"put the channels first: x.transpose(0, 3, 1, 2), or begin the network with gn.Permute(3, 1, 2); "
            f"for {row[0]} channels of {row[1]}×{row[2]} pixels "
            f"begin the network with gn.Reshape({row})",
        )


def _on_images(network: Network) -> list[Layer]:
    """The layers that look at the data as images, up to the first that makes something else of them."""
    found: list[Layer] = []
    for _, layer in network.walk():
        if isinstance(layer, _ON_IMAGES):
            found.append(layer)
        if not isinstance(layer, (Network, layers.Activation, layers.Dropout, *_KEEP_IMAGES)):
            break
    return found


def _width(layer: Layer) -> int:
    """How many columns of an image the layer looks at together."""
    if isinstance(layer, layers.Conv2D):
        return pair(layer.kernel_size, "", "")[1]
    return pair(layer.pool_size, "", "")[1] if isinstance(layer, layers.MaxPool2D | layers.AveragePool2D) else 1


def check_rows(x_shape: Shape, y_shape: Shape, *, where: str) -> None:
    """Refuses examples that stand in columns, as textbooks write them, where a transposition makes as many rows.

    Args:
        x_shape: of the inputs, with the batch axis.
        y_shape: of the targets.
        where: for messages.

    Raises:
        ShapeError: they have not as many rows, but would have, transposed; the transposition to type is given.
    """
    if len(x_shape) < 2 or not y_shape or x_shape[0] == y_shape[0]:
        return
    turned = "x.T" if len(x_shape) == 2 else "np.moveaxis(x, -1, 0)"
    fix = None
    if len(y_shape) == 2 and y_shape[1] == x_shape[0]:
        fix = "pass y.T" + (", or y[0] for class labels" if y_shape[0] == 1 else "")
    elif x_shape[-1] == y_shape[0]:
        fix = f"pass {turned}"
    elif len(y_shape) == 2 and y_shape[1] == x_shape[-1]:
        fix = f"pass {turned} and y.T"
    elif len(y_shape) == 1 and x_shape[-1] == 1:
        fix = f"pass {turned} and y[None]"
    if fix is not None:
        raise ShapeError(
            where=where,
            received=f"x of shape {x_shape} and y of shape {y_shape}: {x_shape[0]} and {y_shape[0]} rows",
            expected="as many rows in both, since rows are examples and columns are features",
            fix=f"where the examples stand in columns, {fix}",
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
    below = network.demands.below if lookups else np.empty(0)
    for place, column in lookups.items():
        vectors = int(below[place])
        if vectors < column.count:
            raise ConfigurationError(
                where="Model",
                received=f"for the column {column.name!r}, whose {column.count:,} words are numbered, "
                + (f"an Embedding of {vectors:,} vectors" if vectors else "a network without Embedding"),
                expected="a vector for each number: they are names, not amounts",
                fix="begin the network with the table's layers: gn.Sequential(*table.input_layers(), gn.Dense(64), "
                "...); or learn the table without embeddings=",
            )


def check_vocabulary(network: Network, vocabulary: Vocabulary) -> None:
    """Refuses a network that has no vector for each token.

    Args:
        network: whose shapes are known.
        vocabulary: of its texts.

    Raises:
        ConfigurationError: it calculates with the tokens' numbers, or knows fewer of them.
    """
    fault = vocabulary.fault_of(network.demands.below)
    if fault:
        raise ConfigurationError(
            where="Model",
            received=f"for a vocabulary of {len(vocabulary):,} tokens, its boundary included, {fault}",
            expected="a vector for each of them",
            fix=f"begin the network with gn.Embedding({len(vocabulary)}, 16)",
        )


def _last_layer(layer: Layer) -> Layer | None:
    if not isinstance(layer, Network):
        return layer
    if isinstance(layer, Graph):
        return _last_layer(layer.nodes[layer.outputs[0]][0]) if len(layer.outputs) == 1 else None
    inside = [child for _, child in layer.children()]
    return _last_layer(inside[-1]) if inside and isinstance(layer, Sequential) else None
