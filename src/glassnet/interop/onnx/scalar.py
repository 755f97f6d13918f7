"""Activations and norms that a file spells out in operators of arithmetic, recognised by their values.

x · σ(x), ½ x (1 + erf(x / √2)), or log(1 + eˣ) with x itself where it is large: the operators between two values are
run on numbers from −1000 to 1000, and what they give is compared with the activations that there are. So it does not
matter in which order they are written, and a constant that differs is noticed. Where a mean along the last axis is
among them, they are run on rows, and compared with x / √(mean(x²) + ε).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.activations import ACTIVATIONS
from glassnet.interop.onnx.node import Found, Node
from glassnet.interop.onnx.probing import evaluated, region
from glassnet.interop.onnx.source import Source
from glassnet.runners import NumpyRunner

SPELLING = (
    "Abs", "Erf", "Exp", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Less", "LessOrEqual", "Log", "Max",
    "Min", "Mish", "Pow", "Reciprocal", "Softsign", "Sqrt", "Swish", "Where",
)  # fmt: skip
"""Operators that are read as parts of an activation alone."""
NUMBERWISE = (*SPELLING, *ACTIVATIONS, "Add", "Clip", "Div", "Gelu", "Identity", "Mul", "Neg", "Sub")
MEAN = "ReduceMean"
MOST_NODES = 24
GRID = np.unique(np.concatenate([np.linspace(-30, 30, 2401), np.linspace(-1, 1, 401), [-1e3, -100.0, 100.0, 1e3]]))
ROWS = np.concatenate([scale * np.random.default_rng(0).normal(size=(4, 6)) for scale in (1e-6, 1e-3, 1, 1e3)])
TOLERANCE = 2e-7
"""Relative to 1 or the number itself: what constants in float32 differ from those that were meant."""


def spelt_out(source: Source, nodes: dict[str, Node], end: str, begins: Iterable[str]) -> tuple[Found, str] | None:
    """An activation or a norm that ends in a value.

    Args:
        source: the graph.
        nodes: by the name of their output.
        end: the value.
        begins: values that every way to it passes through, the nearest first.

    Returns:
        The layer and the value that it is of; None where there is none.
    """
    for begin in begins:
        row = source.rows.get(begin)
        if not row:
            return None
        part = region(source, nodes, end, begin, MOST_NODES, partial(_fits, source, row=row))
        if part is None:
            return None
        if any(len(set(node.data())) > 1 or node.kind in SPELLING for node in part):
            is_norm = any(node.kind == MEAN for node in part)
            x = ROWS.reshape(len(ROWS), *(1,) * (len(row) - 1), -1) if is_norm else GRID
            values = _values(source, part, begin, end, x)
            found = None if values is None else _norm(source, part, x, values) if is_norm else _activation(values)
            if found is not None:
                return Found(found, value=end, before=row), begin
    return None


def _fits(source: Source, node: Node, name: str, row: Shape) -> bool:
    """Whether an operator works on single numbers of such rows, or is a mean along their last axis."""
    constants = [source.constants.get(own, np.zeros(2)) for own in node.inputs if own and own not in source.depends]
    return (
        node.kind in (*NUMBERWISE, MEAN)
        and source.rows.get(name) in (row, (*row[:-1], 1))
        and all(own.size == 1 for own in constants)
    )


def _values(source: Source, part: Sequence[Node], begin: str, end: str, x: Array) -> Array | None:
    """What the operators make of x, in float64; None where they make nothing finite of its shape."""
    single = {name: value.reshape(()) for name, value in source.constants.items() if value.size == 1}
    found = evaluated(source, part, single, begin, x, end)
    return found[0] if found is not None and found[0].shape == x.shape and np.isfinite(found[0]).all() else None


def _gives(x: Array, values: Array, y: Array) -> bool:
    return bool(np.all(np.abs(values - y) <= TOLERANCE * np.maximum(1, np.abs(x))))


def _norm(source: Source, part: Sequence[Node], x: Array, values: Array) -> gl.Layer | None:
    """The norm that gives these values; its ε is one of the constants."""
    names = {name for node in part for name in node.inputs if name in source.constants}
    reals = [own for own in map(source.constants.__getitem__, names) if own.dtype.kind == "f"]
    for epsilon in sorted(float(str(own.ravel()[0])) for own in reals):
        if 0 < epsilon < 1 and _gives(x, values, x / np.sqrt(np.square(x).mean(-1, keepdims=True) + epsilon)):
            return gl.RMSNorm(epsilon=epsilon, use_scale=False)
    return None


def _activation(values: Array) -> gl.Layer | None:
    """The activation that gives these values on the grid."""
    lowest, highest, slope = float(values[0]), float(values[-1]), -float(np.interp(-1.0, GRID, values))
    choices: tuple[Callable[[], Any], ...] = (
        gl.SiLU, gl.GELU, lambda: gl.GELU(approximate=True), *ACTIVATIONS.values(),
        lambda: gl.LeakyReLU(round(slope, 9)),
        lambda: gl.Clip(None if lowest == GRID[0] else lowest, None if highest == GRID[-1] else highest),
    )  # fmt: skip
    for choice in choices:
        with suppress(ValueError):  # settings that make no sense: not this one
            layer: gl.Layer = choice()
            if _gives(GRID, values, layer.forward(NumpyRunner(), GRID, training=False)[0]):
                return layer
    return None
