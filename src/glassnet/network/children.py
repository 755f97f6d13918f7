"""Layers as networks take them: what stands for one, what they are called, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import by_name
from glassnet.layers import ACTIVATIONS, Layer, NumpyLayer, PythonLayer, Tied


def stands_inside(layer: Layer, networks: set[int]) -> bool:
    """Whether it stands in one of the networks, or in none yet."""
    return layer.home is None or id(layer.home) in networks


def nearest(layer: Tied) -> Layer | None:
    """What has the name that a layer is tied to, in the innermost of the networks around it that has such a one."""
    around = layer.home
    while around is not None:
        found: Layer | None = dict(around.walk()).get(layer.to)
        if found is not None:
            return found
        around = around.home
    return None


def as_layer(given: Any) -> Layer:
    """Accepts a layer, a ``NumpyLayer`` or the name of an activation.

    Raises:
        ConfigurationError: anything else; a class instead of an object is named.
    """
    if isinstance(given, NumpyLayer):
        return PythonLayer.of(given)
    if isinstance(given, list | tuple):
        raise ConfigurationError(
            where="network",
            received=f"a {type(given).__name__} of {len(given)} layers in the place of one layer",
            expected="the layers one by one",
            fix="write gn.Sequential(*layers)",
        )
    return by_name(given, ACTIVATIONS, Layer, what="layer")  # type: ignore[type-abstract]


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Each layer's name, or its number where it has none.

    Raises:
        ConfigurationError: two have the same.
    """
    names = [layer.name or str(i) for i, layer in enumerate(layers)]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ConfigurationError(
            where="network",
            received=f"two layers with the name {twice!r}",
            expected="a name for each",
            fix="give one of them another name",
        )
    return names
