"""An update rule of the user's own in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.memory import Layout
from glassnet.core.shapes import Array
from glassnet.kernels.python import python_update
from glassnet.optimizers.base import Optimizer
from glassnet.runners import Runner
from glassnet.runners.base import same
from glassnet.runners.own import checked, held, named, require_moved, unharmed


class NumpyOptimizer(Optimizer):
    """Base of an update rule written in plain NumPy, without kernels or runners.

    Define ``rule(parameters, gradients, learning_rate)``: it returns the new parameters, or changes them in place and
    returns nothing. What it has to remember stands in ``self.state``, an array like the parameters for each name in
    ``slots``, zeros at first; ``self.steps`` counts the updates done. Both are saved with a model.

    Args:
        learning_rate: a number, a ``Schedule``, or a function of the step.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Momentum(gn.NumpyOptimizer):
        ...     slots = ("velocity",)
        ...     def rule(self, parameters, gradients, learning_rate):
        ...         velocity = self.state["velocity"]
        ...         velocity *= 0.9
        ...         velocity -= learning_rate * gradients
        ...         return parameters + velocity
        >>> parameters = np.array([1.0, 2.0])
        >>> Momentum(0.1).step(parameters, np.array([0.5, -0.5]))
        >>> parameters.tolist()
        [0.95, 2.05]
    """

    in_python = True

    def rule(self, parameters: Array, gradients: Array, learning_rate: float) -> Array | None:
        """Returns the new parameters (P,), or changes the given ones in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no rule")

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Calls the user's rule."""
        has_moved = False

        def call(parameters: Array, gradients: Array, learning_rate: float, step: int | None) -> None:
            nonlocal has_moved
            self.steps = self.steps if step is None else int(step)
            before = None if has_moved else parameters.copy()
            with named(self), unharmed(self, parameters, layout):
                returned = self.rule(parameters, held(gradients), float(learning_rate))
            if returned is None and before is not None:
                require_moved(self, before, parameters, gradients, float(learning_rate))
            has_moved = True
            if returned is not None:
                new = checked(self, returned, parameters.shape, parameters.dtype, "parameters returned by rule")
                with unharmed(self, parameters, layout):
                    np.copyto(parameters, new)

        arrays = {"parameters": parameters, "gradients": gradients, "state": list(self.state.values())}
        step: Any = run.per_step(same, self.steps)
        run(self, python_update, **arrays, function=call, learning_rate=learning_rate, step=step)
