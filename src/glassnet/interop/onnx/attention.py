"""What writes attention and positions as graphs of ONNX's standard operators."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from glassnet.interop.onnx.forward import Forward, Value
from glassnet.kernels import Kernel, attention, position

NOT_SEEN = -1e30
"""What is added to the score of a step that is not seen, so that its weight is 0."""


def _part(run: Forward, x: str, start: int, stop: int, axis: int) -> str:
    """Places start to stop − 1 along an axis."""
    places = (run.whole(name, place) for name, place in (("starts", start), ("ends", stop), ("axes", axis)))
    return run.add("Slice", x, *places)


def _heads(run: Forward, part: int, *order: int) -> str:
    """Queries (0), keys (1) or values (2) of (N, T, 3H, E), with these axes in another order."""
    heads = run.shape("qkv")[2] // 3
    return run.add("Transpose", _part(run, run.read("qkv"), part * heads, (part + 1) * heads, 2), perm=list(order))


def _require_whole_rows(run: Forward) -> None:
    if run.call.arrays["lengths"] is not None:
        run.refuse("rows have lengths")


def _weights(run: Forward) -> str:
    _require_whole_rows(run)
    steps, size = run.shape("weights")[3], run.shape("qkv")[3]
    scores = run.add("MatMul", _heads(run, 1, 0, 2, 1, 3), _heads(run, 0, 0, 2, 3, 1))  # (N, H, S, E) (N, H, E, T)
    scores = run.add("Mul", scores, run.graph.constant("scale", 1 / sqrt(size)))
    if run.call.settings["causal"]:
        later = np.tril(np.full((steps, steps), NOT_SEEN), -1)
        scores = run.add("Add", scores, run.graph.constant("later", later))
    return run.add("Softmax", scores, axis=2)


def _attention(run: Forward) -> str:
    weights = run.add("Transpose", run.read("weights"), perm=[0, 1, 3, 2])
    mixed = run.add("MatMul", weights, _heads(run, 2, 0, 2, 1, 3))  # (N, H, T, S) (N, H, S, E)
    return run.add("Transpose", mixed, perm=[0, 2, 1, 3])


def _pool(run: Forward) -> Value:
    _require_whole_rows(run)
    steps, width = run.shape("x")[1:]
    weights = run.add("Softmax", run.read("scores", (1, steps)), axis=1)
    row = run.reshaped(Value(weights, (1, steps)), (1, 1, steps)).name
    return Value(run.add("MatMul", row, run.read("x")), (1, 1, width))


def _position(run: Forward) -> Value:
    shape = run.shape("y")
    table = run.constants("table", arrange=lambda array: array[: shape[1]])
    return Value(run.add("Add", run.read("x"), *table), shape)


def _rotary(run: Forward) -> str:
    _, steps, parts, size = run.shape("x")
    x, turned, pairs = run.read("x"), parts // 3 * 2, size // 2
    both = _part(run, x, 0, turned, 2)
    first, second = _part(run, both, 0, pairs, 3), _part(run, both, pairs, size, 3)
    cosine, sine = run.constants("cosines", "sines", arrange=lambda array: array[:steps, np.newaxis])
    new = (
        run.add("Sub", run.add("Mul", first, cosine), run.add("Mul", second, sine)),
        run.add("Add", run.add("Mul", second, cosine), run.add("Mul", first, sine)),
    )
    return run.add("Concat", run.add("Concat", *new, axis=3), _part(run, x, turned, parts, 2), axis=2)


ATTENTION: dict[Kernel, Callable[[Forward], Value | str]] = {
    attention.attention_weights_forward: _weights,
    attention.attention_forward: _attention,
    attention.attention_pool_forward: _pool,
    position.position_forward: _position,
    position.rotary_forward: _rotary,
}
"""What writes the nodes for calls of a kernel."""
