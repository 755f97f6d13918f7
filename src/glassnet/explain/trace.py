"""Every number of one forward and one backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from glassnet.model import Model
from glassnet.runners import KernelCall, TracingRunner
from glassnet.shapes import Array


@dataclass(frozen=True)
class Trace:
    """The kernel calls of a pass, in order; ``print`` it to read them.

    Attributes:
        calls: one ``KernelCall`` each: kernel, path, equation, inputs, outputs, settings.
        loss: the loss of the traced batch.
    """

    calls: tuple[KernelCall, ...]
    loss: float

    def __str__(self) -> str:
        from rich.console import Console
        from rich.text import Text

        out = StringIO()
        console = Console(file=out, width=110, color_system=None)
        for number, call in enumerate(self.calls, start=1):
            console.print(Text(f"{number:>3}  {call.path}  {call.caller}  {call.kernel}"))
            console.print(Text(f"     {call.equation}"))
            for role, arrays in (("reads", call.inputs), ("writes", call.outputs)):
                for name, array in arrays.items():
                    console.print(Text(f"     {role:<6} {name} {array.shape}"))
                    console.print(Text(_indented(array)))
        console.print(Text(f"loss {self.loss:.6g}"))
        return out.getvalue().rstrip()


def trace(model: Model, x: Any, y: Any, sample_weight: Any = None) -> Trace:
    """Logs each kernel call of one forward pass, the loss and one backward pass.

    The parameters stay as they are; the network's gradients afterwards are those of this batch. Dropout draws the
    masks of the model's next training step.

    Args:
        model: a model; built for x if it has seen no data.
        x: inputs (N, ...); a few rows are enough to read.
        y: targets, as the model's loss wants them.
        sample_weight: weights (N,) or None.

    Returns:
        A ``Trace``.

    Raises:
        ShapeError, DataError: x or y do not fit the model.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> model = gn.Model(gn.Sequential(gn.Dense(1, weight_init="ones")), "sum_squared_error", "sgd")
        >>> print(gn.trace(model, np.array([[1.0, 2.0]]), np.array([[4.0]])))
          1  0  Dense(1, weight_init='ones')  dense_forward
             y = x W + b
             reads  x (1, 2)
                    [[1. 2.]]
             reads  weight (2, 1)
                    [[1.]
                     [1.]]
             reads  bias (1,)
                    [0.]
             writes y (1, 1)
                    [[3.]]
        ...
        loss 0.5
    """
    rows = model.rows(x, y, sample_weight, where="trace")
    run = TracingRunner(model.seed, model.optimizer.steps)
    outputs, cache = model.network.forward(run, rows.x, training=True)
    row_weights, _ = model.loss.row_weights(run, outputs, rows.loss_weights)
    value, loss_cache = model.loss.forward(run, outputs, rows.targets, row_weights)
    doutputs = model.loss.backward(run, outputs, rows.targets, row_weights, loss_cache)
    model.network.backward(run, doutputs, cache)
    return Trace(tuple(run.calls), float(value[0]))


def _indented(array: Array) -> str:
    text = np.array2string(array, precision=5, suppress_small=True, threshold=60, edgeitems=3, max_line_width=96)
    return "\n".join("            " + line for line in text.splitlines())
