"""Training on all rows at once by the quasi-Newton method of SciPy."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from glassnet.compile import NativeRunner
from glassnet.core.shapes import Array
from glassnet.model import Model
from glassnet.optimizers import L2
from glassnet.training import Rows


def minimize_loss(
    model: Model, rows: Rows, *, l2: float, max_iter: int, max_fun: int, tol: float
) -> tuple[float, int, bool]:
    """Moves the network's parameters to a minimum of the loss and the penalty ½ λ ‖W‖² by L-BFGS-B.

    Args:
        model: with a built network.
        rows: all rows.
        l2: λ.
        max_iter: upper limit of iterations.
        max_fun: upper limit of evaluations.
        tol: the largest element of the gradient at which it ends.

    Returns:
        The objective there, the number of iterations, and whether it converged.

    Source: R. Byrd, P. Lu, J. Nocedal, C. Zhu, SIAM Journal on Scientific Computing 16 (1995).
    """
    network, loss = model.network, model.loss
    run = NativeRunner(network.dtype)
    penalty = L2(l2)

    def objective(parameters: Array) -> tuple[float, Array]:
        network.parameters[...] = parameters
        outputs, cache = network.forward(run, rows.x, training=True)
        row_weights, _ = loss.row_weights(run, outputs, rows.loss_weights)
        value, loss_cache = loss.forward(run, outputs, rows.targets, row_weights)
        network.backward(run, loss.backward(run, outputs, rows.targets, row_weights, loss_cache), cache)
        penalty.apply(run, network.parameters, network.gradients, network.layout, learning_rate=0.0)
        total = float(value[0]) + penalty.penalty(network.parameters, network.layout)
        return total, network.gradients.astype(np.float64)

    start = network.parameters.astype(np.float64)
    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol}
    result = minimize(objective, start, method="L-BFGS-B", jac=True, options=options)
    network.parameters[...] = result.x
    return float(result.fun), int(result.nit), bool(result.success)
