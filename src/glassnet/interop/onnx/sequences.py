"""ONNX operators for recurrences as layers.

They take and give steps first, (T, N, D), or rows first with ``layout=1``; with an axis for the directions in what they
give. Their gates stand in another order than here, and each has two biases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.node import Found, Node, require, view
from glassnet.kernels.position import sinusoids
from glassnet.network import Bidirectional

WAYS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Of each direction whether its layers go backwards."""
USUAL = {"RNN": ("tanh",), "GRU": ("sigmoid", "tanh"), "LSTM": ("sigmoid", "tanh", "tanh")}
"""The activations of a direction."""
STEPS_FIRST = (
    "rows for steps: it takes (T, N, D), and the first axis of the file's input arrives as its T; export a model that "
    "takes rows first, as PyTorch's batch_first=True"
)


def _recurrence(layer: Any, *order: int) -> Callable[[Node], list[Found]]:
    """What reads an operator as layers whose gates are its own in that order."""

    def read(node: Node) -> list[Found]:
        steps, features = _sequences(node)
        ways = WAYS.get(node.get("direction", "forward"), ())
        require(bool(ways), f"direction={node.get('direction')!r}")
        weights, recurrent = node.constant(1, "a weight"), node.constant(2, "a recurrent weight")
        biases = node.optional(3, "a bias")
        width, units = recurrent.shape[-2:]
        expected = (len(ways), width, features), (len(ways), len(order) * units, units)
        require((weights.shape, recurrent.shape) == expected, f"weights of shape {weights.shape}, {recurrent.shape}")
        require(biases is None or biases.shape == (len(ways), 2 * width), "a bias of another shape")
        require(node.get("hidden_size", units) == units, f"hidden_size={node.get('hidden_size')}")
        _require_usual(node, len(ways), steps)
        require(node.place < 2, "its output 3, the last cells")

        def ordered(values: Array) -> Array:
            """(G·H, ...) with the gates in the layer's order, as its parameter (..., G·H)."""
            parts = values.reshape(len(order), units, *values.shape[1:])[list(order)]
            return np.moveaxis(parts.reshape(values.shape), 0, -1)

        found: list[Found] = []
        for way, is_reverse in enumerate(ways):
            settings = {"return_sequences": node.place == 0, "reverse": is_reverse, "use_bias": biases is not None}
            parameters = {"weight": ordered(weights[way]), "recurrent_weight": ordered(recurrent[way])}
            if biases is not None:
                of_input, of_state = map(ordered, np.split(biases[way].astype(np.float64), 2))
                has_both = layer is gl.GRU
                parameters |= (
                    {"bias": of_input, "recurrent_bias": of_state} if has_both else {"bias": of_input + of_state}
                )
            found.append(Found(layer(units, **settings), parameters))
        ending = (steps,) if node.place == 0 else ()
        if len(ways) == 2:
            first: Any = found[0].layer
            both = Bidirectional(first)
            found = [
                Found(
                    both, branches=[[Found(way, own.parameters)] for way, own in zip(both.branches, found, strict=True)]
                )
            ]
        return [*found, *view((*ending, len(ways) * units), (*ending, len(ways), units))]

    return read


def _sequences(node: Node) -> tuple[int, int]:
    """Steps and features of what it takes."""
    shape, axis = node.placed_x()
    layout = node.get("layout", 0)
    require(len(shape) == 2, f"rows of shape {shape}, where sequences are meant")
    require(axis == 1 - layout, STEPS_FIRST if axis == 0 else f"layout={layout} where steps come first")
    return shape[0], shape[1]


def _require_usual(node: Node, ways: int, steps: int) -> None:
    """Refuses what a recurrence may do otherwise than the layers."""
    names = [
        name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in node.get("activations", ())
    ]
    usual = USUAL[node.kind] * ways
    require(tuple(name.lower() for name in names) in ((), usual), f"activations={names}")
    for name in ("activation_alpha", "activation_beta"):
        require(not node.get(name), f"{name}={node.get(name)}")
    require(node.get("clip") is None, f"clip={node.get('clip')}")
    if node.kind == "GRU":
        before = node.get("linear_before_reset", 0)
        require(
            before == 1, f"linear_before_reset={before}, which resets the state before its product with the weights"
        )
    lengths = node.settled(4)
    require(all((own == steps).all() for own in lengths), "sequence_lens, rows of different length")
    for place, what in ((5, "initial_h"), (6, "initial_c")):
        require(not any(np.any(own) for own in node.settled(place)), f"{what}, states that do not begin as 0")
    if node.kind == "LSTM":
        require(not node.get("input_forget", 0), "input_forget=1")
        peepholes = node.optional(7, "peepholes")
        require(peepholes is None or not peepholes.any(), "peepholes, weights from the cell to the gates")


def positions(table: Array, shape: Shape) -> Found:
    """A table (T, D) that is added to sequences."""
    if np.array_equal(sinusoids(*shape).astype(np.float32), table.astype(np.float32)):
        return Found(gl.PositionalEncoding())
    return Found(gl.PositionalEncoding("learned"), {"weight": table})


RECURRENCES: dict[str, Callable[[Node], list[Found]]] = {
    "RNN": _recurrence(gl.SimpleRNN, 0),
    "LSTM": _recurrence(gl.LSTM, 0, 2, 3, 1),
    "GRU": _recurrence(gl.GRU, 1, 0, 2),
}
"""How each operator is read."""
