"""A weight that stands in the file once and is used twice: a lookup or a dense layer, and behind it its transpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.interop.onnx.node import Found

PASSED_ON = ("Cast", "Identity", "Transpose")
"""Operators behind which a weight is still that weight."""


def tied(found: list[Found], nodes: list[Any]) -> list[Found]:
    """The same layers, with ``Tied`` for dense ones that have the weight of a layer before, the other way round.

    Both must take it from the same initializer: equal numbers alone may be chance. Layers within branches keep weights
    of their own, and so do dense layers with a bias, which ``Tied`` has not.

    Args:
        found: the network's layers; one that another is tied to gets a name.
        nodes: the file's operators.
    """
    givers = {name: node for node in nodes for name in node.output}

    def initializer(value: str) -> str:
        while value in givers and givers[value].op_type in PASSED_ON:
            value = givers[value].input[0]
        return value

    owners: dict[str, Found] = {}
    done: list[Found] = []
    for item in found:
        name = initializer(item.origin)
        owner = owners.setdefault(name, item) if name else item
        if owner is not item and _is_transpose(item, owner):
            owner.layer.name = owner.layer.name or f"shared_{len(owners)}"
            item = replace(item, layer=gl.Tied(owner.layer.name), parameters={})
        done.append(item)
    return done


def _is_transpose(found: Found, owner: Found) -> bool:
    is_plain = isinstance(found.layer, gl.Dense) and not found.layer.use_bias
    return is_plain and np.array_equal(owner.parameters["weight"].T, found.parameters["weight"])
