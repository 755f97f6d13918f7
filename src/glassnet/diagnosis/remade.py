"""Layers made anew, with other settings, and what layers declare of themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from glassnet.kernels import KernelInfo, info
from glassnet.layers import Layer
from glassnet.layers.activation import Activation

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
