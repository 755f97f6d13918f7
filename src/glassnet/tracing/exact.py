"""The backward pass of a traced step in float64: what its gradients would be without the rounding of float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glassnet.core.shapes import Array
from glassnet.derivatives.differences import FLOAT64
from glassnet.optimizers import SGD
from glassnet.runners import KernelCall, TracingRunner
from glassnet.tracing.calls import arrays_of
from glassnet.tracing.step import LoggedStep
from glassnet.training.parts import Parts
from glassnet.training.steps import TrainingStep


class Exact:
    """The same kernel calls with the same numbers, calculated in float64.

    Where they agree with a central difference and float32's do not, the formulas are right, and rounding makes the
    difference: what the two passes are apart by, whatever way through the network it took.

    Args:
        trace: the step.
    """

    def __init__(self, trace: LoggedStep) -> None:
        subject = trace.subject
        run = TracingRunner(subject.seed, subject.optimizer.steps)
        rows, parts = subject.rows, Parts(subject.network.copy(FLOAT64), subject.loss, SGD(), subject.seed)
        weights = None if rows.loss_weights is None else rows.loss_weights.astype(FLOAT64)
        targets = rows.targets.astype(FLOAT64) if rows.targets.dtype.kind == "f" else rows.targets
        with np.errstate(all="ignore"):
            rows = replace(rows, x=rows.x.astype(FLOAT64), targets=targets, loss_weights=weights)
            TrainingStep(run, parts, rows).backward()
        numbers = {id(call): number for number, call in enumerate(trace.calls)}
        self._numbers, self._calls = numbers, run.calls

    def of(self, call: KernelCall, name: str) -> Array:
        """An array that a call of the trace wrote, as float64 has it; NaN where that step took other calls."""
        number = self._numbers[id(call)]
        same = self._calls[number] if number < len(self._calls) else None
        if same is None or (same.kernel, same.path) != (call.kernel, call.path):
            return np.full(arrays_of(call)[name].shape, np.nan)
        return arrays_of(same)[name]
