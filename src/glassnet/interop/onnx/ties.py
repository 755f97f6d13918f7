"""A weight that stands in the file once and is used twice: a lookup or a dense layer, and behind it its transpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.interop.onnx.node import Found
from glassnet.network import Bidirectional, Concat, Residual, Sequential

PASSED_ON = ("Cast", "Identity", "Transpose")
"""Operators behind which a weight is still that weight."""


def tied(found: list[Found], nodes: list[Any]) -> list[Found]:
    """The same layers, with ``Tied`` for dense ones that have the weight of a layer before, the other way round.

    Both must take it from the same initializer: equal numbers alone may be chance. Dense layers with a bias keep
    weights of their own, which ``Tied`` has not, and so does what stands on another branch.

    Args:
        found: the network's layers; one that another is tied to gets a name.
        nodes: the file's operators.
    """
    givers = {name: node for node in nodes for name in node.output}

    def initializer(value: str) -> str:
        while value in givers and givers[value].op_type in PASSED_ON:
            value = givers[value].input[0]
        return value

    return _tied(found, {}, (f"shared_{number}" for number in count(1)), initializer)


def _tied(
    found: Sequence[Found], around: dict[str, Found], names: Iterator[str], initializer: Callable[[str], str]
) -> list[Found]:
    """The same for a network, or a branch, around which others stand before."""
    owners, done = dict(around), list[Found]()
    for item in found:
        name = initializer(item.origin)
        owner = owners.setdefault(name, item) if name else item
        if owner is not item and _is_transpose(item, owner):
            owner.layer.name = owner.layer.name or next(names)
            item = replace(item, layer=gl.Tied(owner.layer.name), parameters={})
        elif item.branches is not None:
            branches = [_tied(branch, owners, names, initializer) for branch in item.branches]
            if not all(map(_are_same, branches, item.branches)):
                item = _anew(replace(item, branches=branches))
        done.append(item)
    return done


def network_of(found: Sequence[Found]) -> gl.Layer:
    """What stands on a branch as one layer."""
    if not found:
        return gl.Identity()
    return found[0].layer if len(found) == 1 else Sequential(*(own.layer for own in found))


def residual_of(branch: Sequence[Found], shortcut: Sequence[Found]) -> Residual:
    """The layer that adds both."""
    inner = [found.layer for found in branch] or [gl.Identity()]
    return Residual(*inner, shortcut=network_of(shortcut) if shortcut else None)


def _anew(item: Found) -> Found:
    """The same with layers that stand in no network yet."""
    if item.branches is None:
        return replace(item, layer=item.layer.twin())
    if isinstance(item.layer, Bidirectional):
        both = item.layer.twin()
        ways = zip(item.branches, both.branches, strict=True)
        return replace(item, layer=both, branches=[[replace(own, layer=way)] for (own,), way in ways])
    branches = [[_anew(own) for own in branch] for branch in item.branches]
    if isinstance(item.layer, Residual):
        return replace(item, layer=residual_of(*branches), branches=branches)
    assert isinstance(item.layer, Concat)
    return replace(item, layer=Concat(*map(network_of, branches), axis=item.layer.axis), branches=branches)


def _are_same(first: Sequence[Found], second: Sequence[Found]) -> bool:
    return all(one is other for one, other in zip(first, second, strict=True))


def _is_transpose(found: Found, owner: Found) -> bool:
    is_plain = isinstance(found.layer, gl.Dense) and not found.layer.use_bias
    return is_plain and np.array_equal(owner.parameters["weight"].T, found.parameters["weight"])
