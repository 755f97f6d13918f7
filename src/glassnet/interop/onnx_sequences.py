"""ONNX operators on sequences as layers.

ONNX has the channels before the steps, (N, D, T), and layers behind them, (N, T, D): so these operators are read where
they stand between two transpositions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet import layers as gl
from glassnet.interop.onnx_operators import OPERATORS, Found, Given, Node, constant, padding, pool_padding, require
from glassnet.layers.windows import span

PERMUTATION = [0, 2, 1]
ANY_ORDER = ("Dropout", "Elu", "Gelu", "Identity", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Tanh")
"""Operators that take each number by itself, wherever it stands."""


def is_transposition(node: Node) -> bool:
    """Whether it exchanges steps and channels."""
    return node.kind == "Transpose" and list(node.settings.get("perm", ())) == PERMUTATION


def _conv(node: Node, given: Given) -> Found:
    weight = constant(given, 1, "a weight")
    require(weight.ndim == 3, f"a weight of shape {weight.shape} between two transpositions of sequences")
    bias = constant(given, 2, "a bias") if len(given) > 2 else None
    filters, _, kernel = weight.shape
    stride, dilation = (node.settings.get(name, [1])[0] for name in ("strides", "dilations"))
    layer = gl.Conv1D(
        filters, kernel, stride=stride, dilation=dilation, padding=_conv_padding(node, kernel, stride, dilation),
        groups=node.settings.get("group", 1), use_bias=bias is not None,
    )  # fmt: skip
    values = {"weight": weight.transpose(2, 1, 0)}  # (F, D/G, k) -> (k, D/G, F)
    return Found(layer, values | ({} if bias is None else {"bias": bias}))


def _conv_padding(node: Node, kernel: int, stride: int, dilation: int) -> str | int:
    sides = padding(node, [kernel])
    if sides is not None:
        return sides if isinstance(sides, str) else sides[0]
    before, after = node.settings["pads"]
    require(before == span(kernel, dilation) - 1 and after == 0, "pads that differ between the two ends")
    return "causal"


def _pool(layer: Any) -> Callable[[Node, Given], Found]:
    def read(node: Node, given: Given) -> Found:
        window = list(node.settings["kernel_shape"])
        require(len(window) == 1, f"a window of {len(window)} axes between two transpositions of sequences")
        sides = pool_padding(node, window)
        stride = node.settings.get("strides", [1])[0]
        return Found(layer(window[0], stride=stride, padding=sides if isinstance(sides, str) else sides[0]))

    return read


SEQUENCES: dict[str, Callable[[Node, Given], Found | None]] = {
    "AveragePool": _pool(gl.AveragePool1D),
    "BatchNormalization": OPERATORS["BatchNormalization"],
    "Conv": _conv,
    "MaxPool": _pool(gl.MaxPool1D),
    **{name: OPERATORS[name] for name in ANY_ORDER},
}
"""How each operator between two transpositions is read."""
