"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self, overload

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.layers import Layer, NumpyLayer
from glassnet.layers.base import MASKED
from glassnet.network.base import Network, build_layer
from glassnet.network.children import names_of
from glassnet.runners import Runner


class Sequential(Network):
    """Layers one after another.

    Args:
        layers: layers, networks, ``NumpyLayer`` objects, or names of activations such as ``"relu"``.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(16), "relu")
        >>> net.add(gn.Dense(3))
        Sequential(Dense(16), ReLU(), Dense(3))
    """

    passes_on = True
    with_lengths = MASKED

    def __init__(self, *layers: Layer | NumpyLayer | str) -> None:
        self.layers: tuple[Layer, ...] = tuple(self._adopted(layer) for layer in layers)
        names_of(self.layers)

    def add(self, layer: Layer | NumpyLayer | str) -> Self:
        """Appends a layer and returns the network.

        Raises:
            ConfigurationError: the network is built already.
        """
        if self.is_built:
            raise ConfigurationError(
                where="Sequential.add",
                received=f"{layer!r} for a network that is built",
                expected="all layers before the network is built or trained",
                fix="make a new network, which shares the trained layers: gn.Sequential(*net, new_layer)",
            )
        layers = (*self.layers, self._adopted(layer))
        names_of(layers)
        self.layers = layers
        return self

    def children(self) -> Iterator[tuple[str, Layer]]:
        """The layers, by their names; those without one are "0", "1", ... by their place."""
        yield from zip(names_of(self.layers), self.layers, strict=True)

    def _put_children(self, children: Sequence[Layer]) -> None:
        self.layers = tuple(children)

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...

    @overload
    def __getitem__(self, key: slice) -> Sequential: ...

    def __getitem__(self, key: int | str | slice) -> Layer:
        """A layer by its number, name or path; for a slice a network of these layers, which shares their weights.

        Example:
            >>> import glassnet as gn
            >>> net = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(10, name="head"))
            >>> _ = net.build((4,))
            >>> net["head"], gn.Sequential(*net[:-1], gn.Dense(3)).build((4,))
            (Dense(10, name='head'), (3,))
        """
        if not isinstance(key, slice):
            return super().__getitem__(key)  # type: ignore[no-any-return]
        part = Sequential(*self.layers[key])
        if self.is_built:
            first = self.layers[key][0].input_shape if self.layers[key] else self.output_shape
            part.build(first or (), dtype=self.dtype)
        return part

    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        for layer in self.layers:
            input_shape = build_layer(layer, input_shape, rng)
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, list[Any]]:
        """Runs the layers in order; the cache is the list of theirs."""
        x = run.enter(self, x)
        caches = []
        for layer in self.layers:
            x, cache = run.forward(layer, x, training=training)
            caches.append(cache)
        return x, caches

    def backward(self, run: Runner, dy: Array, cache: list[Any]) -> Array:
        """Runs the layers' backward passes in reverse order."""
        for layer, own in zip(reversed(self.layers), reversed(cache), strict=True):
            dy = run.backward(layer, dy, own)
        self._sum_places(run)
        return dy


def as_network(given: Any) -> Network:
    """Accepts a network, or a single layer, which becomes a ``Sequential`` of one."""
    return given if isinstance(given, Network) else Sequential(given)
