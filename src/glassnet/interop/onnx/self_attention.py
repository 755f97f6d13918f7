"""Attention that a file spells out in products and a softmax, recognised by its values.

Exporters write queries, keys and values, their scale, masks and heads in many ways. So the weights are asked for: what
the two factors of the scores, and the values, become where one number of a step is 1; and what the product of weights
and values becomes behind it. A layer with these weights is then compared with the operators on random rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import isclose, sqrt

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array
from glassnet.interop.onnx.node import Found, Node
from glassnet.interop.onnx.operators import LARGEST
from glassnet.interop.onnx.probing import WEIGHING, Part, region
from glassnet.interop.onnx.source import Source
from glassnet.network import Sequential
from glassnet.runners import NumpyRunner

INSIDE = ("Attention", "IsNaN", "Max", "Min", "Where")
"""Operators that are read as parts of attention alone, beside those of layers."""
ENDING = (
    "Add",
    "Cast",
    "Dropout",
    "Flatten",
    "Gemm",
    "Identity",
    "MatMul",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
"""Operators that may come behind the product of weights and values, one of them with a weight."""
SUMS = ("Add", "Concat", "MatMul", "Softmax", "Sub")
"""Operators that may have several inputs which are calculated."""
ONE_OF_TWO = ("Gemm", "Mul", "Tanh")
"""Those of whose inputs one may be calculated, whichever it is."""
OF_FIRST = (*ENDING, "Div", "Expand", "Gather", "Neg", "Slice", "Split")
"""Those of whose inputs the first may be calculated."""
FLOATS = (1, 10, 11, 16)  # of TensorProto: FLOAT, FLOAT16, DOUBLE, BFLOAT16
"""Kinds of numbers that casts may make."""
MOST_NODES = 96
TOLERANCE = 2e-6
"""How far a layer may lie from the operators, of the largest number of its outputs: scales are rounded to float32."""


def attention(source: Source, nodes: dict[str, Node], end: str, begins: Iterable[str]) -> tuple[Found, str] | None:
    """Attention that ends in a value.

    Args:
        source: the graph.
        nodes: by the name of their output.
        end: the value.
        begins: values that every way to it passes through, the nearest first.

    Returns:
        The layer and the value that it is of; None where there is none.
    """
    if not any(node.op_type in WEIGHING for node in source.nodes):
        return None
    passed: set[str] = set()
    for begin in begins:
        row = source.rows.get(begin)
        if row is not None and len(row) == 2:
            within = region(source, nodes, end, begin, MOST_NODES, partial(_fits, source, nodes))
            if within is None:
                return None
            part = _Attention(source, within, begin, end, row)
            if len(part.softmaxes) > 1 or not part.has_ending():
                return None
            if part.softmaxes and part.products and part.products[-1].outputs[0] in {*passed, end}:
                found = part.found()
                if found is not None:
                    found.value = end
                    return found, begin
        passed.add(begin)
    return None


def _fits(source: Source, nodes: Mapping[str, Node], node: Node, name: str) -> bool:
    """Whether an operator may be part of attention: what random rows do not show of it must not be there.

    Beside products and the softmax they are linear. Bounds, and choices by what is calculated, may begin to count for
    rows that are rare, such as those filled up with zeros; but for bounds beyond all numbers, and what takes the place
    of weights that are NaN.
    """
    data, kind = node.data(), node.kind
    if kind in SUMS:
        return True
    if kind == "Attention":
        return data == [0, 1, 2] and not node.get("softcap", 0.0)
    if kind == "Where":
        condition = nodes.get(node.inputs[0])
        return 0 not in data or (condition is not None and condition.kind == "IsNaN")
    if kind in ("Clip", "Max", "Min"):
        bounds = [source.constants.get(own, np.zeros(1)) for own in node.inputs if own and own not in source.depends]
        bounds += [np.asarray(own) for own in map(node.get, ("min", "max")) if own is not None]  # up to version 10
        return len(data) == 1 and all((np.abs(own) >= LARGEST).all() for own in bounds)
    if kind == "IsNaN":
        return node.inputs[0] in nodes and nodes[node.inputs[0]].kind == "Softmax"
    if kind == "Cast":
        return node.get("to") in FLOATS
    return (kind in OF_FIRST and data == [0]) or (kind in ONE_OF_TWO and len(data) == 1)


class _Attention(Part):
    """Operators that may be attention."""

    def found(self) -> Found | None:
        """The layer that does the same."""
        if self.softmaxes[0].kind == "Attention":
            return self.operator() if len(self.products) == 1 else None
        if len(self.products) > 2:
            return None
        return self.self_attention() if len(self.products) == 2 else self.pooling()

    def operator(self) -> Found | None:
        """The layer for ONNX's operator on queries, keys and values (N, T, D), with its weights."""
        node = self.products[0]
        heads = int(node.get("q_num_heads", 0))
        names = node.inputs[:3]
        if not heads or self.width % heads or any(len(self.source.shapes[name]) != 3 for name in names):
            return None
        ones = [one.reshape(self.steps, self.width) for one in np.eye(self.steps * self.width)[: self.width]]
        found = self.affine(self.begin, ones, *names)
        ending = self.affine(node.outputs[0], ones, self.end)
        if found is None or ending is None:
            return None
        if any(own[0].size != self.steps * self.width for own in (*found, *ending)):
            return None
        first = [(own[: self.width], more[:, : self.width]) for own, more in (*found, *ending)]
        scale = float(node.get("scale", 0.0)) * sqrt(self.width // heads) or 1.0
        scale = 1.0 if isclose(scale, 1, rel_tol=1e-6) else scale
        (query, by_query), (key, by_key), (value, by_value), (output_bias, output_weight) = first
        parameters = {
            "weight": np.concatenate([scale * by_query, by_key, by_value], axis=1),
            "bias": np.concatenate([scale * query, key, value]),
            "output_weight": output_weight, "output_bias": output_bias,
        }  # fmt: skip
        return self._with(heads, parameters)

    def _with(self, heads: int, parameters: dict[str, Array]) -> Found | None:
        layer = self._fitting(heads, parameters)
        if layer is None:
            return None
        return Found(
            layer, parameters if layer.use_bias else {n: own for n, own in parameters.items() if "bias" not in n}
        )

    def self_attention(self) -> Found | None:
        """The layer that does the same, with its weights."""
        scores, mix = self.products
        softmax = self.softmaxes[0]
        if any(node.kind == "Tanh" for node in self.region):  # which bounds scores
            return None
        behind = self.behind(softmax.outputs[0])
        if len({name in behind for name in mix.inputs}) != 2 or scores.outputs[0] not in self.before(softmax):
            return None
        place = next(i for i, name in enumerate(mix.inputs) if name not in behind)
        size = self.source.shapes[scores.inputs[0]][-1]
        heads = self.width // size
        if heads * size != self.width:
            return None
        ones = [one.reshape(self.steps, self.width) for one in np.eye(self.steps * self.width)[: self.width]]
        names = *scores.inputs, mix.inputs[place]
        found = self.affine(self.begin, ones, *names)
        if found is None or any(own[0].size != self.steps * self.width for own in found):
            return None
        shape = heads, self.steps, size
        turned = heads, size, self.steps

        def of_heads(pair: tuple[Array, Array], *, is_turned: bool) -> tuple[Array, Array]:
            """The bias (D,) and the weight (D, D) of what is (H, T, E) or (H, E, T), as the first step has them."""
            parts = []
            for own in (pair[0][None], pair[1]):
                whole = own.reshape(-1, *(turned if is_turned else shape))
                parts.append((whole[..., 0] if is_turned else whole[:, :, 0]).reshape(-1, self.width))
            return parts[0][0], parts[1]

        one, other = of_heads(found[0], is_turned=False), of_heads(found[1], is_turned=True)
        values = of_heads(found[2], is_turned=place == 0)
        # What comes behind: a number of the first step of each head is 1.
        units = np.zeros((self.width, *shape))
        for number in range(self.width):
            units[number, number // size, 0, number % size] = 1
        given = [unit.swapaxes(1, 2) if place == 0 else unit for unit in units]
        ending = self.affine(mix.outputs[0], given, self.end)
        if ending is None or ending[0][0].size != self.steps * self.width:
            return None
        output_bias, output_weight = (
            own.reshape(-1, self.steps, self.width)[:, 0] for own in (ending[0][0][None], ending[0][1])
        )
        first, second = (self.factor(self.begin, name) for name in scores.inputs)
        scale = self.factor(scores.outputs[0], softmax.inputs[0]) * first * second * sqrt(size)
        scale = 1.0 if isclose(scale, 1, rel_tol=1e-6) else scale
        sides = ((one, first), (other, second))
        axis = softmax.get("axis", -1) % len(self.source.shapes[softmax.inputs[0]])
        by_last = axis == len(self.source.shapes[softmax.inputs[0]]) - 1
        for (query, of_query), (key, of_key) in (sides, sides[::-1])[:: 1 if by_last else -1]:
            weights = [query[1] / of_query * scale, key[1] / of_key, values[1]]
            biases = [query[0] / of_query * scale, key[0] / of_key, values[0]]
            parameters = {
                "weight": np.concatenate(weights, axis=1), "bias": np.concatenate(biases),
                "output_weight": output_weight, "output_bias": output_bias[0],
            }  # fmt: skip
            layer = self._with(heads, parameters)
            if layer is not None:
                return layer
        return None

    def _fitting(self, heads: int, parameters: dict[str, Array]) -> gl.SelfAttention | None:
        """The layer with these weights whose outputs are those of the operators, if one has them."""
        tried = self.tried()
        if tried is None:
            return None
        has_bias = any(np.any(own) for name, own in parameters.items() if "bias" in name) or self._has_biases
        for is_causal, is_rotary in ((False, False), (True, False), (False, True), (True, True)):
            if is_rotary and self.width // heads % 2:
                continue
            layer = gl.SelfAttention(heads, causal=is_causal, rotary=is_rotary, use_bias=has_bias)
            if self._agrees(layer, parameters, tried):
                return gl.SelfAttention(heads, causal=is_causal, rotary=is_rotary, use_bias=has_bias)
        return None

    @property
    def _has_biases(self) -> bool:
        """Whether vectors are added, be they 0."""
        known = [
            self.source.constants.get(name)
            for node in self.region
            if node.kind in ("Add", "Gemm")
            for name in node.inputs
        ]
        return any(own is not None and own.ndim == 1 and own.size > 1 for own in known)

    def _agrees(self, layer: gl.Layer, parameters: dict[str, Array], tried: Sequence[tuple[Array, Array]]) -> bool:
        network = Sequential(layer)
        network.build((self.steps, self.width), dtype="float64")
        for name, own in layer.own_parameters().items():
            own.value[...] = parameters[name]
        for x, y in tried:
            found = network.forward(NumpyRunner(), x, training=False)[0]
            if found.shape != y.shape or np.abs(found - y).max() > TOLERANCE * np.abs(y).max():
                return False
        return True

    def pooling(self) -> Found | None:
        """The layer for attention over all steps that does the same, with its weights."""
        softmax = self.softmaxes[0]
        tried = self.tried()
        if tried is None or softmax.outputs[0] not in self.before(self.products[0]):
            return None
        chain = [node for node in self.region if node.outputs[0] in self.before(softmax)]
        factors = [
            self.source.constants.get(name) for node in chain for name in node.inputs if node.kind in ("MatMul", "Add")
        ]
        known = [own.astype(np.float64) for own in factors if own is not None]
        weights, biases = [own for own in known if own.ndim == 2], [own for own in known if own.ndim == 1]
        if len(weights) == 1 and not biases and weights[0].shape == (self.width, 1):
            layer, parameters = gl.Attention(), {"query": weights[0]}
        elif [own.shape[1:] for own in weights] == [biases[0].shape if biases else (), (1,)]:
            layer = gl.Attention(weights[0].shape[1])
            parameters = {"weight": weights[0], "bias": biases[0], "query": weights[1]}
        else:
            return None
        return Found(type(layer)(layer.units), parameters) if self._agrees(layer, parameters, tried) else None

    def has_ending(self) -> bool:
        """Whether what comes behind the last product of two calculated values may belong to it."""
        if not self.softmaxes or not self.products:
            return True
        behind = self.behind(self.products[-1].outputs[0])
        kinds = [node.kind for node in self.region if behind & set(node.inputs)]
        return set(kinds) <= {*ENDING} and kinds.count("MatMul") + kinds.count("Gemm") <= 1
