"""The bridge back to Python: a user's own layer, loss or optimizer as calls in a program else compiled.

What is recorded does not refer to the recorder, which keeps it: no collector should have to break that circle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.kernels import python as kernels
from glassnet.runners import own
from glassnet.runners.base import Runner, same
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.standins import plain


def forward(recorder: Runner, layer: Any, x: Array, *, training: bool) -> tuple[Array, list[Any]]:
    """Records the call of ``layer.forward``; its cache waits in a list."""
    seed, states = recorder.seed, recorder.states
    kept: list[Any] = []

    def call(x: Array, step: int) -> Array:
        run = NumpyRunner(seed, step)
        run.states = states
        y, cache = own.forward(run, layer, x, training=training)
        kept[:] = [cache]
        return y

    y = recorder.empty((x.shape[0], *layer.output_shape), x.dtype)
    recorder(layer, kernels.python_forward, x=x, y=y, function=call, step=recorder.per_step(same, 0))
    return y, kept


def backward(recorder: Runner, layer: Any, dy: Array, kept: list[Any]) -> Array:
    """Records the call of ``layer.backward``."""
    seed = recorder.seed
    gradients = plain(own.gradients_of(layer))

    def call(dy: Array, step: int) -> tuple[Array, list[Array]]:
        return own.backward(NumpyRunner(seed, step), layer, dy, kept[0]), gradients

    dx = recorder.empty((dy.shape[0], *layer.input_shape), dy.dtype)
    arrays = {"dy": dy, "dx": dx, "gradients": gradients}
    recorder(layer, kernels.python_backward, **arrays, function=call, step=recorder.per_step(same, 0))
    return dx


def row_weights(recorder: Runner, loss: Any, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
    """Records the call of ``loss.row_weights``."""
    seed = recorder.seed

    def call(outputs: Array, weights: Array | None) -> tuple[Array, Array]:
        return own.row_weights(NumpyRunner(seed), loss, outputs, weights)

    shares, total = recorder.empty((loss.rows_in(outputs),), outputs.dtype), recorder.empty((1,), np.float64)
    arrays = {"outputs": outputs, "weights": weights, "row_weights": shares, "total": total}
    recorder(loss, kernels.python_row_weights, **arrays, function=call)
    return shares, total


def loss_forward(
    recorder: Runner, loss: Any, outputs: Array, targets: Array, weights: Array
) -> tuple[Array, list[Any]]:
    """Records the call of ``loss.forward``; its cache waits in a list."""
    seed = recorder.seed
    kept: list[Any] = []

    def call(outputs: Array, targets: Array, weights: Array, step: int) -> Array:
        run = NumpyRunner(seed, step)
        value, cache = own.loss_forward(run, loss, outputs, targets, weights)
        kept[:] = [cache]
        return value

    value = recorder.empty((1,), np.float64)
    arrays = {"outputs": outputs, "targets": targets, "row_weights": weights, "value": value}
    recorder(loss, kernels.python_loss_forward, **arrays, function=call, step=recorder.per_step(same, 0))
    return value, kept


def loss_backward(
    recorder: Runner, loss: Any, outputs: Array, targets: Array, weights: Array, kept: list[Any]
) -> Array:
    """Records the call of ``loss.backward``."""
    seed = recorder.seed

    def call(outputs: Array, targets: Array, weights: Array, step: int) -> Array:
        run = NumpyRunner(seed, step)
        return own.loss_backward(run, loss, outputs, targets, weights, kept[0])

    doutputs = recorder.empty(outputs.shape, outputs.dtype)
    arrays = {"row_weights": weights, "outputs": outputs, "targets": targets, "doutputs": doutputs}
    recorder(loss, kernels.python_loss_backward, **arrays, function=call, step=recorder.per_step(same, 0))
    return doutputs


def apply(
    recorder: Runner, step: Any, parameters: Array, gradients: Array, layout: Any, learning_rate: Any, *, whole: bool
) -> None:
    """Records the call of ``step.apply``, or of ``optimizer.update`` as a ``whole``."""
    seed = recorder.seed

    def call(parameters: Array, gradients: Array, learning_rate: float, number: int) -> None:
        run = NumpyRunner(seed, number)
        if isinstance(getattr(step, "steps", None), int):
            step.steps = number
        if whole:
            own.update(run, step, parameters, gradients, layout)
        else:
            own.apply(run, step, parameters, gradients, layout, learning_rate)

    arrays = {"parameters": parameters, "gradients": gradients, "state": list(getattr(step, "state", {}).values())}
    settings = {"learning_rate": learning_rate, "step": recorder.per_step(same, 0)}
    recorder(step, kernels.python_update, **arrays, function=call, **settings)
