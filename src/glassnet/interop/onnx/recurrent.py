"""What writes recurrent kernels as ONNX's operators RNN, LSTM and GRU.

These have the products with the inputs inside, which a dense layer before each recurrence makes here: where nothing
else reads what that gives, its weights go into the operator. Steps come first there, (T, N, D).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.forward import Forward, Value, View
from glassnet.kernels import Kernel, recurrent, steps


@dataclass(frozen=True)
class Recurrence:
    """A node that has been written.

    Attributes:
        path: of its layer.
        kind: its operator.
        x: what it takes, (T, N, D).
        weights: its constants by name: W, R and, where there are biases, B, with an axis for the direction.
        settings: its attributes but the direction.
        reverse: whether it goes backwards.
        last: the name of its last states (1, N, H).
        of_last: whether these are meant, or the outputs of all steps.
    """

    path: str
    kind: str
    x: str
    weights: dict[str, Array]
    settings: dict[str, Any]
    reverse: bool
    last: str
    of_last: bool = False


def goes_into_recurrences(run: Forward) -> bool:
    """Whether recurrences alone read what the dense layer in hand gives, and all of it."""
    own = run.view("y")
    views = [
        (call.kernel.function, name, view)
        for call in run.calls
        if call is not run.call
        for name, view in call.arrays.items()
        if isinstance(view, View) and view.buffer == own.buffer
    ]
    is_whole = all(view.places is None and (kernel, name) in _READ for kernel, name, view in views)
    return bool(views) and is_whole and own.places is None and run.outputs.buffer != own.buffer


def turned(run: Forward, x: str) -> str:
    """(N, T, ...) -> (T, N, ...), or back; what has been turned already is turned back to what it was."""
    if x not in run.turned:
        run.turned[x] = run.add("Transpose", x, perm=[1, 0, 2])
        run.turned[run.turned[x]] = x
    return run.turned[x]


def _by_operator(kind: str, *order: int, **attributes: Any) -> Callable[[Forward], Value]:
    """What writes a recurrence by an operator of that name, whose gates are ours in that order."""

    def emit(run: Forward) -> Value:
        rows, length, units = run.shape("y")
        width = len(order) * units
        _require_beginnings(run)

        def ordered(array: Array) -> Array:
            """(..., G·H) with the gates in the operator's order, and in front as there: (1, G·H, ...)."""
            parts = array.reshape(*array.shape[:-1], len(order), units)[..., list(order), :]
            return np.moveaxis(parts.reshape(array.shape), -1, 0)[np.newaxis]

        a = run.value("a")
        product, after = run.products.get(a.name), run.call.arrays.get("recurrent_bias")
        before = None if product is None else product.call.arrays["bias"]
        if product is None:  # a dense layer of one's own: what it gives is put into the operator's order of gates
            x, names = run.read("a"), [run.graph.constant("gates", ordered(np.eye(width)))]
            weights = {"W": ordered(np.eye(width))}
        else:
            x = run.reshaped(product.x, (rows, length, product.x.shape[-1])).name
            names = run.constants("weight", arrange=ordered, call=product.call)
            weights = {"W": ordered(np.asarray(product.call.arrays["weight"]))}
        names += run.constants("recurrent", arrange=ordered)
        weights["R"] = ordered(run.array("recurrent"))
        if before is not None or after is not None:
            own = [np.zeros((1, width)) if bias is None else ordered(np.asarray(bias)) for bias in (before, after)]
            weights["B"] = np.concatenate(own, axis=1)
            source = {"call": run.call} if before is None or product is None else {"call": product.call}
            name = "recurrent_bias" if before is None else "bias"
            names += run.constants(name, arrange=lambda bias: weights["B"], **source)
        settings = {"hidden_size": units, **attributes}
        is_reverse = bool(run.call.settings["reverse"])
        x = turned(run, x)
        direction = "reverse" if is_reverse else "forward"
        y, last = run.graph.add_several(kind, 2, x, *names, direction=direction, **settings)
        y = turned(run, run.add("Squeeze", y, run.whole("axes", 1)))  # (T, 1, N, H) -> (T, N, H) -> (N, T, H)
        run.recurrences[y] = Recurrence(run.call.path, kind, x, weights, settings, is_reverse, last)
        return Value(y, (rows, length, units))

    return emit


def _require_beginnings(run: Forward) -> None:
    """Refuses states that do not begin as 0, and rows of different length."""
    for name in ("lengths", "initial", "initial_cell"):
        if run.call.arrays.get(name) is not None:
            run.refuse(f"it has {name}")


def _last_step(run: Forward) -> Value:
    if run.call.arrays.get("lengths") is not None:
        run.refuse("it has lengths")
    rows, length, width = run.shape("x")
    value, is_reverse = run.value("x"), bool(run.call.settings["reverse"])
    found = run.recurrences.get(value.name)
    if found is not None and found.reverse == is_reverse and value.shape == (rows, length, width):
        last = run.add("Squeeze", found.last, run.whole("axes", 0))  # (1, N, H) -> (N, H)
        run.recurrences[last] = Recurrence(**{**vars(found), "of_last": True})
        return Value(last, (rows, width))
    place = 0 if is_reverse else length - 1
    return Value(run.add("Gather", run.read("x"), run.whole("step", place), axis=1), (rows, 1, width))


def both_ways(run: Forward, names: list[str], shape: Shape) -> Value | None:
    """A recurrence and one that goes backwards on the same sequences, side by side: one operator does both.

    Args:
        run: the forward pass in hand.
        names: of the values that are to be joined along their last axis.
        shape: of what they make, (1, T, 2H) or (1, 2H).

    Returns:
        What they make; None where they are anything else.
    """
    pair: list[Recurrence] = [run.recurrences[name] for name in names if name in run.recurrences]
    if len(pair) != 2 or len(names) != 2:
        return None
    one, other = pair
    alike = [(own.kind, own.x, own.settings, own.of_last, *own.weights) for own in (one, other)]
    if alike[0] != alike[1] or (one.reverse, other.reverse) != (False, True):
        return None
    constants = [
        run.graph.constant(f"{one.path}.{name}_of_both_ways", np.concatenate([values, other.weights[name]]))
        for name, values in one.weights.items()
    ]
    y, last = run.graph.add_several(one.kind, 2, one.x, *constants, direction="bidirectional", **one.settings)
    # (2, N, H) -> (N, 2, H), or (T, 2, N, H) -> (N, T, 2, H)
    found = run.add("Transpose", last, perm=[1, 0, 2]) if one.of_last else run.add("Transpose", y, perm=[2, 0, 1, 3])
    return run.reshaped(Value(found, (*shape[:-1], 2, shape[-1] // 2)), shape)


RECURRENT: dict[Kernel, Callable[[Forward], Value]] = {
    recurrent.simple_rnn_forward: _by_operator("RNN", 0),
    recurrent.lstm_forward: _by_operator("LSTM", 0, 3, 1, 2),
    recurrent.gru_forward: _by_operator("GRU", 1, 0, 2, linear_before_reset=1),
    steps.last_step_forward: _last_step,
}
"""What writes the nodes for calls of a kernel."""
_READ = {(kernel, "a") for kernel in (recurrent.simple_rnn_forward, recurrent.lstm_forward, recurrent.gru_forward)}
"""Arguments with what inputs contribute."""
