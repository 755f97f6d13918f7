"""What writes recurrent kernels as ONNX's operators RNN, LSTM and GRU.

These have the products with the inputs inside; here a dense layer has made them already. So the weights of their inputs
only put its numbers into ONNX's order of gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.interop.onnx.forward import Forward, Value
from glassnet.kernels import Kernel, recurrent, steps


def _by_operator(kind: str, *order: int, **attributes: Any) -> Callable[[Forward], Value]:
    """What writes a recurrence by an operator of that name, whose gates are ours in that order."""

    def emit(run: Forward) -> Value:
        rows, length, units = run.shape("y")
        gates = len(order)

        def ordered(array: Array) -> Array:
            """(..., G·H) with the gates in the operator's order, and in front as there: (1, G·H, ...)."""
            parts = array.reshape(*array.shape[:-1], gates, units)[..., list(order), :]
            return np.moveaxis(parts.reshape(array.shape), -1, 0)[np.newaxis]

        weights = run.graph.constant("gates", ordered(np.eye(gates * units)))
        names = run.constants("recurrent", arrange=ordered)
        if run.call.arrays.get("recurrent_bias") is not None:
            names += run.constants(
                "recurrent_bias", arrange=lambda bias: np.append(np.zeros((1, bias.size)), ordered(bias), 1)
            )
        x = run.add("Transpose", run.read("a"), perm=[1, 0, 2])  # (N, T, ...) -> (T, N, ...)
        direction = "reverse" if run.call.settings["reverse"] else "forward"
        y = run.add(kind, x, weights, *names, hidden_size=units, direction=direction, **attributes)
        y = run.add("Squeeze", y, run.whole("axes", 1))  # (T, 1, N, H) -> (T, N, H)
        return Value(run.add("Transpose", y, perm=[1, 0, 2]), (rows, length, units))

    return emit


def _last_step(run: Forward) -> Value:
    rows, length, width = run.shape("x")
    place = 0 if run.call.settings["reverse"] else length - 1
    return Value(run.add("Gather", run.read("x"), run.whole("step", place), axis=1), (rows, 1, width))


RECURRENT: dict[Kernel, Callable[[Forward], Value]] = {
    recurrent.simple_rnn_forward: _by_operator("RNN", 0),
    recurrent.lstm_forward: _by_operator("LSTM", 0, 3, 1, 2),
    recurrent.gru_forward: _by_operator("GRU", 1, 0, 2, linear_before_reset=1),
    steps.last_step_forward: _last_step,
}
"""What writes the nodes for calls of a kernel."""
