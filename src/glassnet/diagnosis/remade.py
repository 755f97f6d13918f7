"""Layers made anew, with other settings, and what layers declare of themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from glassnet.kernels import KernelInfo, info
from glassnet.layers import Layer
from glassnet.layers.activation import Activation
from glassnet.network import Graph, Sequential

Change = Callable[[Layer], Layer | dict[str, Any]]
"""Gives what takes a layer's place, or settings in place of its own."""


Made = dict[tuple[type[Layer], int], Layer]
"""New layers by the old one's class and weights."""


def remade(layer: Layer, change: Change) -> Layer:
    """A new layer like it, with new ones inside of it; one that stands in several places stays one.

    Args:
        layer: any, such as a whole network.
        change: what is to be otherwise, asked for each layer inside.
    """
    return _anew(layer, change, {})  # type: ignore[no-any-return]


def _anew(value: Any, change: Change, made: Made) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_anew(own, change, made) for own in value) if type(value) in (list, tuple) else value
    if isinstance(value, Mapping):
        return {name: _anew(own, change, made) for name, own in value.items()}
    if not isinstance(value, Layer):
        return value
    key = type(value), id(value.weights_in_common)  # twins, which networks make of a layer in two places, share these
    if key not in made:
        found = change(value)
        made[key] = found if isinstance(found, Layer) else _constructed(value, found, change, made)
        made[key].name = value.name
    return made[key]


def _constructed(layer: Layer, settings: dict[str, Any], change: Change, made: Made) -> Layer:
    arguments = {name: _anew(value, change, made) for name, value in (layer.settings() | settings).items()}
    by_place: list[Any] = []
    for parameter in signature(type(layer)).parameters.values():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            by_place += arguments.pop(parameter.name, ())
    return type(layer)(*by_place, **arguments)


def in_line(network: Layer, path: str = "") -> list[tuple[str, Layer]]:
    """The layers that all of a row goes through one after another, with their paths, none of those side by side.

    Example:
        >>> import glassnet as gn
        >>> parts = {"bent": ([gn.Dense(3), "tanh"], "x"), "both": ("add", "bent", "x"), "y": (gn.Dense(1), "both")}
        >>> [own for own, _ in in_line(gn.Graph(inputs={"x": 3}, nodes=parts, outputs="y"))]
        ['both', 'y']
    """
    if not isinstance(network, Sequential | Graph):
        return [(path, network)]
    ways: list[tuple[int, int]] = []  # from where to where an array goes, by places in the order of calculation
    if isinstance(network, Graph):
        place = {name: at for at, name in enumerate([*network.inputs, *(name for name, _ in network.children())])}
        ways = [(place[source], place[name]) for name, (_, *sources) in network.nodes.items() for source in sources]
    first = len(network.inputs) if isinstance(network, Graph) else 0
    found = []
    for at, (name, layer) in enumerate(network.children(), start=first):
        if not any(start < at < end for start, end in ways):
            found += in_line(layer, f"{path}.{name}" if path else name)
    return found


def setting_defaults(kind: type[Layer]) -> dict[str, Any]:
    """The settings that a class of layers has a value for, where nobody says anything."""
    parameters = signature(kind).parameters.values()
    return {own.name: own.default for own in parameters if own.default is not Parameter.empty}


def forward_of(layer: Layer) -> KernelInfo | None:
    """What is declared of an activation's kernel; None for other layers."""
    return info(layer.kernels[0]) if isinstance(layer, Activation) else None


def has_units(layer: Layer) -> bool:
    """Whether it has units that each see all of a row, of a number that can be set."""
    weight = layer.own_parameters().get("weight")
    return "units" in layer.settings() and weight is not None and weight.unit_axis is not None
