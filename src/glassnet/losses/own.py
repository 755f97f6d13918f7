"""Losses of the user's own in plain NumPy: a class with one method, or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core import settings
from glassnet.core.checks import as_rows, numeric
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.shapes import Array, Shape
from glassnet.kernels.python import python_loss_backward, python_loss_forward
from glassnet.losses.base import Loss
from glassnet.losses.targets import by_row_alone, check_labels, mismatch
from glassnet.runners import Runner
from glassnet.runners.own import checked, held, mistake, named, pair


class NumpyLoss(Loss):
    """Base of a loss written in plain NumPy, without kernels or runners.

    Define ``value_and_gradient(outputs, targets) -> (value, gradient)``. The value is either one number for the batch,
    and the gradient is its ∂L/∂outputs; or a loss for each row (N,), and row n of the gradient belongs to it: then the
    library takes the mean over the rows (the sum with ``reduction = "sum"``), and sample weights count. Of outputs
    (N, T, M) of steps it may be a loss for each step (N, T), which rows of different length ask for.

    Targets are of the outputs' shape, or integer labels (N,), or (N, T) of steps, from 0 for K outputs; define
    ``prepare`` for others.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class LogCosh(gn.NumpyLoss):
        ...     def value_and_gradient(self, outputs, targets):
        ...         error = outputs - targets
        ...         return np.log(np.cosh(error)).sum(axis=1), np.tanh(error)
        >>> x = np.random.default_rng(0).normal(size=(5, 2))
        >>> print(gn.check_gradients(gn.Sequential(gn.Dense(3)), x, np.zeros((5, 3)), loss=LogCosh()))
        gradient check passed: largest relative error ...
    """

    in_python = True
    averages_outputs = False

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
        """Returns the loss, one number, (N,) or for steps (N, T), and its gradient in the outputs' shape."""
        raise NotImplementedError(f"{type(self).__name__} defines no value_and_gradient")

    def prepare(self, targets: Any, output_shape: Shape, dtype: np.dtype[Any], *, where: str) -> Array:
        """Takes numbers of the outputs' shape, or integer labels, (N,) or (N, T), for several outputs."""
        array = numeric(targets, where=where)
        if array.shape[1:] == output_shape and array.ndim > 1:
            return as_rows(array, dtype, where=where)
        if array.ndim and array.shape[1:] == output_shape[:-1] and output_shape[-1] > 1 and array.dtype.kind in "iub":
            return check_labels(array, output_shape[-1], where=where)
        raise mismatch(array, output_shape, where)

    def forward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, list[Array]]:
        """Calls the user's method; its gradient waits for ``backward``."""
        kept: list[Array] = []

        def call(outputs: Array, targets: Array, row_weights: Array, _: int | None) -> Array:
            with named(self):
                result = self.value_and_gradient(held(outputs), held(targets))
            value, gradient = pair(self, result, "the loss", "value, gradient")
            gradient = checked(self, gradient, outputs.shape, outputs.dtype, "gradient")
            losses = np.asarray(value)
            if losses.ndim:
                shape, weights = self._weights_for(losses, outputs, row_weights)
                losses = checked(self, losses, shape, np.dtype(np.float64), "loss for each row")
                kept[:] = [gradient * weights.reshape(*shape, *[1] * (outputs.ndim - len(shape)))]
                return np.asarray(np.dot(losses.reshape(-1), weights)).reshape(1)
            if losses.dtype.kind not in "fiub":
                raise mistake(self, f"the value {shown(value, 60)}", "a number, or one for each row (N,)")
            self._require_equal(row_weights)
            kept[:] = [gradient]
            return losses.astype(np.float64).reshape(1)

        value = run.empty((1,), np.float64)
        arrays = {"outputs": outputs, "targets": targets, "row_weights": row_weights, "value": value}
        run(self, python_loss_forward, **arrays, function=call, step=None)
        return value, kept

    def backward(self, run: Runner, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """Hands on the gradient that the user's method returned."""

        def call(*_: Any) -> Array:
            gradient: Array = cache[0]
            return gradient

        doutputs = run.empty(outputs.shape, outputs.dtype)
        arrays = {"row_weights": row_weights, "outputs": outputs, "targets": targets, "doutputs": doutputs}
        run(self, python_loss_backward, **arrays, function=call, step=None)
        return doutputs

    def _weights_for(self, losses: Array, outputs: Array, row_weights: Array) -> tuple[Shape, Array]:
        """The shape that losses should have, of steps or of rows, and their weights one after another."""
        rows = len(outputs)
        if losses.ndim > 1 and self.is_by_step(outputs.shape[1:]):
            return outputs.shape[:2], row_weights
        if len(row_weights) == rows:
            return (rows,), row_weights
        of_steps = row_weights.reshape(rows, -1)
        if not (of_steps == of_steps[:, :1]).all():
            raise by_row_alone(self, "steps of different weight")
        return (rows,), of_steps.sum(axis=1) if self.reduction == "mean" else of_steps[:, 0].copy()

    def _require_equal(self, row_weights: Array) -> None:
        """Refuses sample weights for a loss that is one number: they could not act."""
        usual = 1 / len(row_weights) if self.reduction == "mean" else 1.0
        if len(row_weights) and not np.allclose(row_weights, usual, rtol=1e-5, atol=0):
            raise ConfigurationError(
                where=f"loss {self!r}",
                received="sample weights, or rows of different length, for a loss that is one number for the batch",
                expected="a loss for each row (N,), or step (N, T), which can be weighted",
                fix="return the rows' losses and their gradients, not yet divided by N, or drop sample_weight",
            )


class FunctionLoss(NumpyLoss):
    """A user's function as a loss; models make it by themselves from ``loss=function``.

    Args:
        function: (outputs, targets) -> (value, gradient), as ``NumpyLoss.value_and_gradient``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> def half_square(outputs, targets):
        ...     error = outputs - targets
        ...     return 0.5 * (error**2).sum(axis=1), error
        >>> model = gn.Model(gn.Dense(1), loss=half_square, optimizer="sgd")
        >>> model.loss
        FunctionLoss(half_square)
    """

    def __init__(self, function: Callable[[Array, Array], tuple[Any, Array]]) -> None:
        takes = "(outputs, targets) -> (value, gradient)"
        self.function: Callable[[Array, Array], tuple[Any, Array]] = settings.function(
            function, "FunctionLoss", takes=takes, setting="loss=your_function"
        )

    def value_and_gradient(self, outputs: Array, targets: Array) -> tuple[Any, Array]:
        """What the function returns."""
        return self.function(outputs, targets)
