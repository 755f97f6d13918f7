"""What a network says of its parameters beside their values: which stand twice, which are frozen, and their rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.core.parameters import Parameter
from glassnet.core.shapes import Array
from glassnet.network import Network


def describe_sharing(network: Network) -> dict[str, Any]:
    """What there is to say, and nothing for a network whose parameters are all trained alike, each in one place."""
    first: dict[int, str] = {}
    twins, never_trained = {}, []
    for path, layer in network.walk():
        if not layer.own_parameters():
            continue
        if layer._never_trained:
            never_trained.append(path)
        known = first.setdefault(id(layer.weights_in_common), path)
        if known != path:
            twins[path] = known
    sources = {path: p.source for path, p in network.parameters_by_path()}
    found: dict[str, Any] = {
        "twins": twins,
        "never_trained": never_trained,
        "frozen": [path for path, p in sources.items() if not (p.trainable or p.is_statistic)],
        "learning_rate_scales": {
            path: p.learning_rate_scale for path, p in sources.items() if p.learning_rate_scale != 1
        },
    }
    return {name: value for name, value in found.items() if value}


def restore_sharing(network: Network, description: Mapping[str, Any]) -> None:
    """Lets layers share weights as they did; before the network is built.

    Raises:
        KeyError: the description names a layer that there is not.
    """
    layers = dict(network.walk())
    for path, known in dict(description.get("twins", {})).items():
        layers[path].share_weights(layers[known])
    for path in list(description.get("never_trained", ())):
        layers[path]._never_trained = True


def restore_training(network: Network, description: Mapping[str, Any]) -> None:
    """Freezes what was frozen, and gives parameters their own rates; once the network is built.

    Raises:
        KeyError: the description names a parameter that there is not.
    """
    sources: dict[str, Parameter] = {path: p.source for path, p in network.parameters_by_path()}
    for path in list(description.get("frozen", ())):
        sources[path].trainable = False
    for path, scale in dict(description.get("learning_rate_scales", {})).items():
        sources[path].learning_rate_scale = scale


def without_gaps(array: Array, network: Network) -> Array:
    """A flat array like the network's parameters, without what other networks have between them."""
    layout = network.layout
    is_gapless = all(s.start == stop for s, stop in zip(layout, [0, *(s.stop for s in layout)], strict=False))
    if array.shape != network.parameters.shape or is_gapless:
        return array
    return np.concatenate([array[s.start : s.stop] for s in layout])
