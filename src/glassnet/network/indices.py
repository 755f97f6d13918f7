"""Numbers of the data that an ``Embedding`` looks up: where they are, and whether each has its vector."""

from __future__ import annotations

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.layers import Embedding, Layer


def embeddings_of(network: Layer, input_shape: Shape) -> list[Embedding]:
    """Those that data of that shape reach as they are."""
    return [layer for layer, _ in network.index_reads(np.empty((0, *input_shape)))]


def require_data(layers: list[Layer], reached: list[Embedding]) -> None:
    """Refuses an ``Embedding`` among the layers that looks up what others calculate.

    Raises:
        ConfigurationError: there is one.
    """
    for layer in layers:
        if isinstance(layer, Embedding) and not any(layer is own for own in reached):
            raise ConfigurationError(
                where=layer.where,
                received="what the layers before it calculate",
                expected="whole numbers from the data as they are",
                fix="let it stand first, behind gn.Columns, gn.Reshape or gn.Flatten, or so in a branch of gn.Concat",
            )


def check_indices(network: Layer, x: Array, *, where: str) -> None:
    """Refuses data with numbers that an ``Embedding`` has no vector for.

    Args:
        network: whose shapes are known.
        x: data that fit it (N, ...).
        where: for messages.

    Raises:
        DataError: the first such number is named with its place in x.
    """
    for number, (layer, read) in enumerate(network.index_reads(x)):
        wrong = layer.first_wrong(read)
        if wrong is not None:
            _, places = list(network.index_reads(places_of(x)))[number]
            place = np.unravel_index(places[wrong], x.shape)
            raise layer.no_vector(read[wrong], tuple(int(i) for i in place), where=where)


def amounts_in(layer: Layer, shape: Shape) -> Array:
    """Which elements of a layer's input, counted in C order, are calculated with; the others are looked up.

    Args:
        layer: a layer or network whose shapes are known.
        shape: of the input, with the batch axis.
    """
    x = places_of(np.empty(shape, bool))
    looked_up = [places.ravel() for _, places in layer.index_reads(x)]
    return np.setdiff1d(x, np.concatenate([*looked_up, np.empty(0, np.intp)]))


def places_of(x: Array) -> Array:
    """The number of each element of x, in x's shape: what a layer makes of these tells which elements it has."""
    return np.arange(x.size).reshape(x.shape)
