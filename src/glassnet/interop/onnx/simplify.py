"""What cancels between neighbouring layers that were read one operator at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Shape
from glassnet.interop.onnx.activations import ACTIVATIONS
from glassnet.interop.onnx.node import Found, back, ordered, permute, view

ANYWHERE: tuple[type[gl.Layer], ...] = (gl.Clip, gl.Dropout, gl.GELU, gl.Identity, gl.SiLU, *ACTIVATIONS.values())
"""Layers that take each number by itself, wherever it stands."""
VIEWS = (gl.Flatten, gl.Reshape)
Rule = Callable[[list[Found]], list[Found] | None]
"""Takes some neighbours and gives what takes the place of the first of them; None where they stay."""


def simplified(found: list[Found]) -> list[Found]:
    """The same function in fewer layers."""
    done: list[Found] = []
    left = found[::-1]
    while left:
        done.append(left.pop())
        for count, rule in RULES:
            if len(done) >= count and (new := rule(done[-count:])) is not None:
                del done[-count:]
                # What is new may cancel with what is before it.
                left.extend(reversed(new))
                left.extend(done.pop() for _ in range(min(len(done), LONGEST)))
                break
    return done


def _after(found: Found) -> Shape:
    """The shape of a row that a layer which only arranges numbers gives."""
    if isinstance(found.layer, gl.Permute):
        return ordered(found.before, found.layer.order)
    return found.layer.shape if isinstance(found.layer, gl.Reshape) else (prod(found.before),)


def _tagged(new: list[Found], last: Found) -> list[Found]:
    """The new ones, the last of them with the value in the file that the old last one had."""
    return [*new[:-1], replace(new[-1], value=last.value, order=last.order)] if new else new


def _views(pair: list[Found]) -> list[Found] | None:
    """The last of several shapes alone counts."""
    first, second = pair
    if not (isinstance(first.layer, VIEWS) and isinstance(second.layer, VIEWS)):
        return None
    return _tagged(view(first.before, _after(second)), second)


def _permutations(pair: list[Found]) -> list[Found] | None:
    """Two orders of axes are one, or none."""
    first, second = pair
    if not (isinstance(first.layer, gl.Permute) and isinstance(second.layer, gl.Permute)):
        return None
    order = tuple(first.layer.order[axis - 1] for axis in second.layer.order)
    return _tagged(permute(first.before, order), second)


def _later(pair: list[Found]) -> list[Found] | None:
    """Another order of axes waits until behind what takes each number by itself, where it may cancel."""
    first, second = pair
    if not (isinstance(first.layer, gl.Permute) and isinstance(second.layer, ANYWHERE)):
        return None
    undone = back(first.layer.order)
    own = second.order or tuple(range(1, len(undone) + 1))
    order = tuple(own[axis - 1] for axis in undone)
    return [replace(second, order=order), replace(first, value=second.value, order=second.order)]


def _over_steps(three: list[Found]) -> list[Found] | None:
    """Pooling over all of a sequence, looked at as an image of one row, with the channels first."""
    turned, seen, pool = three
    if not (
        isinstance(turned.layer, gl.Permute)
        and turned.layer.order == (2, 1)
        and isinstance(seen.layer, gl.Reshape)
        and isinstance(pool.layer, gl.GlobalAveragePool | gl.GlobalMaxPool)
        and seen.layer.shape[0] == turned.before[1]
    ):
        return None
    return [pool]


def _shift(found: Found) -> bool:
    return isinstance(found.layer, gl.Scale) and bool((found.parameters["gamma"] == 1).all())


def _bias(pair: list[Found]) -> list[Found] | None:
    """A sum with constants behind a layer that may have a bias."""
    first, second = pair
    layer = first.layer
    if not isinstance(layer, gl.Dense | gl.Conv1D | gl.Conv2D | gl.ConvTranspose2D) or layer.use_bias:
        return None
    if not _shift(second):
        return None
    settings = layer.settings() | {"use_bias": True}
    parameters = first.parameters | {"bias": second.parameters["beta"]}
    return [replace(second, layer=type(layer)(**settings), parameters=parameters, origin=first.origin)]


def _product_and_sum(pair: list[Found]) -> list[Found] | None:
    first, second = pair
    if not (isinstance(first.layer, gl.Scale) and _shift(second)) or first.parameters["beta"].any():
        return None
    return [replace(second, parameters={"gamma": first.parameters["gamma"], "beta": second.parameters["beta"]})]


def _groups(three: list[Found]) -> list[Found] | None:
    """Group norm, which PyTorch writes as an instance norm of groups in another shape."""
    seen, norm, again = three
    if not (
        isinstance(seen.layer, gl.Reshape)
        and isinstance(norm.layer, gl.GroupNorm)
        and isinstance(again.layer, VIEWS)
        and _after(again) == seen.before
    ):
        return None
    groups, image = norm.layer.groups, seen.before
    same = all((own == own[0]).all() for own in norm.parameters.values())
    if seen.layer.shape[0] != groups or len(image) not in (1, 3) or image[0] % groups or not same:
        return None
    layer = gl.GroupNorm(groups, epsilon=norm.layer.epsilon)
    values = {name: np.full(image[0], own[0]) for name, own in norm.parameters.items()}
    return [replace(again, layer=layer, parameters=values, before=())]


def _norm_and_scale(pair: list[Found]) -> list[Found] | None:
    """γ and β of a norm that has none yet."""
    norm, scale = pair
    if not (isinstance(norm.layer, gl.GroupNorm | gl.LayerNorm | gl.RMSNorm) and isinstance(scale.layer, gl.Scale)):
        return None
    new = scale.parameters
    if isinstance(norm.layer, gl.RMSNorm) and not norm.layer.use_scale:
        if new["beta"].any() or len(new["gamma"]) != norm.before[-1]:
            return None
        return [replace(scale, layer=gl.RMSNorm(epsilon=norm.layer.epsilon), parameters={"gamma": new["gamma"]})]
    own = norm.parameters
    if len(own["gamma"]) != len(new["gamma"]) or (own["gamma"] != 1).any() or own.get("beta", np.zeros(1)).any():
        return None
    if "beta" not in own and new["beta"].any():
        return None
    return [replace(scale, layer=norm.layer, parameters={name: new[name] for name in own})]


def _last_step(three: list[Found]) -> list[Found] | None:
    """The outputs of a recurrence of which the last step alone is taken."""
    sequences, flat, chosen = three
    layer = sequences.layer
    if not isinstance(layer, gl.SimpleRNN | gl.LSTM | gl.GRU) or not isinstance(chosen.layer, gl.Columns):
        return None
    if not (isinstance(flat.layer, gl.Flatten) and layer.return_sequences and flat.before[1:] == (layer.units,)):
        return None
    last = 0 if layer.reverse else flat.before[0] - 1
    if chosen.layer.indices != tuple(range(last * layer.units, (last + 1) * layer.units)):
        return None
    return [
        replace(
            chosen, layer=type(layer)(**layer.settings() | {"return_sequences": False}), parameters=sequences.parameters
        )
    ]


def put_together(branches: list[list[Found]], before: Shape, axis: int, after: Shape) -> list[Found] | None:
    """What joins parts of one value that are all of it, in its own order: a view of it; None where it is anything else.

    Args:
        branches: the ways from that value to its parts.
        before: the shape of its rows.
        axis: along which the parts are joined.
        after: the shape of what they make.
    """
    numbers = np.arange(prod(before))
    parts = []
    for branch in branches:
        part = numbers.reshape(1, *before)
        for layer in (found.layer for found in branch):
            if isinstance(layer, gl.Columns):
                part = part[:, list(layer.indices)]
            elif isinstance(layer, gl.Permute):
                part = part.transpose(0, *layer.order)
            elif isinstance(layer, VIEWS):
                part = part.reshape(1, *(layer.shape if isinstance(layer, gl.Reshape) else (-1,)))
            else:
                return None
        parts.append(part)
    return view(before, after) if np.array_equal(np.concatenate(parts, axis).ravel(), numbers) else None


RULES: list[tuple[int, Rule]] = [
    (2, _views),
    (2, _permutations),
    (2, _later),
    (2, _bias),
    (2, _product_and_sum),
    (2, _norm_and_scale),
    (3, _last_step),
    (3, _over_steps),
    (3, _groups),
]
LONGEST = max(count for count, _ in RULES)
