"""The steps before and after the rule: penalties, decay, clipping, max-norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.memory import Layout
from glassnet.core.settings import boolean, number
from glassnet.core.shapes import Array
from glassnet.kernels import updates
from glassnet.kernels.activation import identity_forward
from glassnet.optimizers.base import Step, weights_of
from glassnet.optimizers.trained import Run
from glassnet.runners import Runner


class L2(Step):
    """The penalty ½ λ ‖W‖² on weights: g ← g + λ W.

    Args:
        strength: λ ≥ 0.
        by_batch: whether the penalty stands beside the loss summed over a batch's rows, of which a mean is taken: λ is
            then divided by the batch's total weight, the number of its rows where none is given.
    """

    def __init__(self, strength: float, *, by_batch: bool = False) -> None:
        self.strength = number(strength, "strength", "L2", low=0)
        self.by_batch = boolean(by_batch, "by_batch", "L2")

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Adds the penalty's gradient."""
        if self.by_batch and run.batch_weight is None:
            raise ConfigurationError(
                where=repr(self),
                received="an update outside of training, without a batch",
                expected="a batch, whose rows or weights are counted",
                fix="write gn.L2(strength / rows), or let Model.fit do the updates",
            )
        for weight, gradient in zip(weights_of(parameters, layout), weights_of(gradients, layout), strict=True):
            if self.by_batch:
                arrays = {"parameters": weight, "total": run.batch_weight, "gradients": gradient}
                run(self, updates.l2_gradient_of_batch, **arrays, strength=self.strength)
                continue
            run(self, updates.l2_gradient, parameters=weight, gradients=gradient, strength=self.strength)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """½ λ ‖W‖², undivided."""
        squares = (np.sum(np.square(w, dtype=np.float64)) for w in weights_of(parameters, layout))
        return 0.5 * self.strength * float(sum(squares))


class L1(Step):
    """The penalty λ ‖W‖₁ on weights: g ← g + λ sign(W).

    Args:
        strength: λ ≥ 0.
    """

    def __init__(self, strength: float) -> None:
        self.strength = number(strength, "strength", "L1", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Adds the penalty's gradient."""
        for weight, gradient in zip(weights_of(parameters, layout), weights_of(gradients, layout), strict=True):
            run(self, updates.l1_gradient, parameters=weight, gradients=gradient, strength=self.strength)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """λ ‖W‖₁."""
        return self.strength * sum(float(np.sum(np.abs(w), dtype=np.float64)) for w in weights_of(parameters, layout))


class WeightDecay(Step):
    """Decoupled decay of weights: W ← (1 − η λ) W with the rule's learning rate η.

    Args:
        rate: λ ≥ 0.

    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(self, rate: float) -> None:
        self.rate = number(rate, "rate", "WeightDecay", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Shrinks the weights."""
        for weight in weights_of(parameters, layout):
            run(self, updates.weight_decay, parameters=weight, learning_rate=learning_rate, rate=self.rate)

    def shrinks(self) -> bool:
        """It does nothing else."""
        return True


class ClipByValue(Step):
    """Limits each element of the gradient to [−limit, limit]."""

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "ClipByValue", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Clips the gradients."""
        run(self, updates.clip_by_value, gradients=gradients, limit=self.limit)


class ClipByNorm(Step):
    """Scales the gradient of all parameters together down to the Euclidean norm ``limit`` where it is longer.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013, algorithm 1.
    """

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "ClipByNorm", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Clips the gradients."""
        run(self, updates.clip_by_norm, gradients=gradients, limit=self.limit)

    def apply_to_runs(
        self, run: Runner, parameters: Array, gradients: Array, runs: Sequence[Run], learning_rate: Any
    ) -> None:
        """Clips by the norm of the trained gradients alone, put together for it."""
        together = run.empty((sum(part.stop - part.start for part in runs),), gradients.dtype)
        places, start = [], 0
        for part in runs:
            places.append(together[start : start + part.stop - part.start])
            start += part.stop - part.start
            run(self, identity_forward, x=part.of(gradients), y=places[-1])
        run.apply(self, together, together, None, 0.0)
        for part, place in zip(runs, places, strict=True):
            run(self, identity_forward, x=place, y=part.of(gradients))


class MaxNorm(Step):
    """Keeps the norm of each unit's incoming weights at or below ``limit``; stands after the rule.

    Source: N. Srivastava et al., "Dropout", JMLR 15 (2014), section 5.1.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init=gn.initializers.Given([[3.0], [4.0]])))
        >>> _ = net.build(2, dtype="float64")
        >>> gn.Chain(gn.SGD(0.1), gn.MaxNorm(1.0)).step(net.parameters, net.gradients, net.layout)
        >>> np.array(net[0].weight).ravel().round(6).tolist()  # of length 5 before
        [0.6, 0.8]
    """

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "MaxNorm", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Scales units that are too long."""
        if layout is None:
            raise ConfigurationError(
                where="MaxNorm",
                received="a flat array without its layout",
                expected="to know which elements belong to one unit",
                fix="call optimizer.step(net.parameters, net.gradients, net.layout)",
            )
        for segment in layout:
            if segment.is_weight and segment.trainable and segment.unit_axis is not None:
                weight = segment.view(parameters)
                run(self, updates.max_norm, weight=weight, limit=self.limit, unit_axis=segment.unit_axis)
