"""Products with the Jacobian and the Hessian, which are never formed: jvp, vjp and hvp."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from math import inf
from typing import Any

import numpy as np

from glassnet.core.checks import require_finite
from glassnet.core.errors import ConfigurationError, DataError, did_you_mean
from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.derivatives.functions import Differentiable, function_of, model_of, require_amounts, same_shape
from glassnet.derivatives.pieces import PiecewiseRunner
from glassnet.network import LookingRunner, Network
from glassnet.training import propagate, trained_gradients

FLOAT64 = np.dtype(np.float64)
STEPS = (1e-5, 1e-6, 1e-7, 1e-4)
"""Steps of the differences, in shares of the size of what is moved; the first with which all agrees is taken."""
AGREEMENT = 1e-7
"""How far quotients of two steps may differ, in shares of their size; what rounding makes is added."""
WRT = ("input", "parameters")


def jvp(model: Differentiable, x: Any, v: Any, *, wrt: str = "input") -> tuple[Array, Array]:
    """The Jacobian times a vector: how the outputs change along a direction v of the input, or of the parameters.

    By central differences of the outputs in float64, with a relative error of some 1e-9 (1e-6 at most) where the
    network is smooth. Units of ``ReLU`` and its kind stay on their side of the kink, so that nothing is lost beside
    one, and at one their slope is that of the backward pass, as in automatic differentiation.

    Args:
        model: a model or network that is built; prediction mode.
        x: inputs (N, ...), as it takes them.
        v: with ``wrt="input"`` the direction in x's shape and unit; with ``wrt="parameters"`` (P,) in the order of
            ``network.parameters``, or a dict of arrays by path, where what is missing stays as it is.
        wrt: by what is differentiated.

    Returns:
        The outputs as ``predict`` gives them, and their change (N, ...); both float64.

    Raises:
        DataError: a layer of the user's has a kink just here.
        NotBuiltError, ConfigurationError, ShapeError: as ``saliency``; a direction for parameters that are not there.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init=np.array([[3.0], [4.0]])))
        >>> _ = net.build((2,))
        >>> outputs, tangent = gn.jvp(net, np.array([[1.0, 1.0]]), np.array([[1.0, -1.0]]))
        >>> outputs.tolist(), np.round(tangent, 9).tolist()
        ([[7.0]], [[-1.0]])
    """
    where = "jvp"
    one_of(wrt, "wrt", where, WRT)
    function = function_of(model, x, where=where, dtype=FLOAT64)
    network, run = function.network, PiecewiseRunner()
    if wrt == "input":
        require_amounts(function, where)
        direction = same_shape(v, function.inputs.shape, FLOAT64, where=f"{where}: v", what="x") / function.scale_in
        moved, size = function.inputs.copy(), _rows_norm(function.inputs)
        length = _rows_norm(direction)
    else:
        direction = direction_of(network, v, where=where)
        moved, size, length = network.parameters, _norm(network.parameters), _norm(direction)
    require_finite(direction, direction, where=f"{where}: v")
    start = moved.copy()

    def at(step: float) -> Array:
        np.add(start, step * direction, out=moved)
        run.again()
        return np.array(function(moved if wrt == "input" else function.inputs, run)[0])

    outputs, _ = function(function.inputs, run)
    change = _along(at, outputs, size, length, where)
    return function.finished(outputs), change * function.scale_out


def vjp(model: Differentiable, x: Any, u: Any, *, wrt: str = "input") -> tuple[Array, Array]:
    """A vector times the Jacobian: one backward pass from u, exact, in float64.

    Args:
        model: a model or network that is built; prediction mode.
        x: inputs (N, ...), as it takes them.
        u: a number for each output (N, ...).
        wrt: by what is differentiated: ``"input"`` or ``"parameters"``.

    Returns:
        The outputs as ``predict`` gives them, and the product: in x's shape and unit, or (P,) in the order of
        ``network.parameters``, 0 for those that are not trained; both float64.

    Raises:
        NotBuiltError, ConfigurationError, ShapeError, DataError: as ``saliency``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init=np.array([[3.0], [4.0]])))
        >>> _ = net.build((2,))
        >>> gn.vjp(net, np.array([[1.0, 1.0]]), np.array([[2.0]]))[1].tolist()
        [[6.0, 8.0]]
    """
    where = "vjp"
    one_of(wrt, "wrt", where, WRT)
    function = function_of(model, x, where=where, dtype=FLOAT64)
    if wrt == "input":
        require_amounts(function, where)
    run = LookingRunner()
    outputs, cache = function(function.inputs, run)
    upstream = same_shape(u, outputs.shape, FLOAT64, where=f"{where}: u", what="the outputs") * function.scale_out
    require_finite(upstream, upstream, where=f"{where}: u")
    function.network.gradients[...] = 0.0
    dx = run.backward(function.network, upstream, cache)
    product = np.array(dx) / function.scale_in if wrt == "input" else trained_gradients(function.network)
    return function.finished(outputs), product


def hvp(
    model: Differentiable, x: Any, y: Any, v: Any, sample_weight: Any = None, *, loss: Any = None
) -> tuple[float, Array | dict[str, Array]]:
    """The Hessian of a batch's loss by the parameters, times a vector: how the gradient changes along v.

    By central differences of gradients in float64, with a relative error of some 1e-9 (1e-6 at most) where the network
    is smooth, at the price of some seven gradients. At the kinks of ``ReLU`` and its kind see ``jvp``: the product is
    what automatic differentiation gives. The loss is that of ``evaluate``, in prediction mode, without penalties.

    Args:
        model: a model, or a network that is built.
        x: inputs (N, ...).
        y: targets, as the loss wants them.
        v: (P,) in the order of ``network.parameters``, or a dict of arrays by path, where what is missing is 0.
        sample_weight: a weight ≥ 0 for each row (N,).
        loss: for a network, an object or name.

    Returns:
        The loss, and the product in float64: (P,), or a dict with every trained parameter's part where v is one.

    Raises:
        DataError: a layer or loss of the user's has a kink just here.
        NotBuiltError, ConfigurationError, ShapeError: as ``model.gradients``.

    Source: B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994), section 2.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, use_bias=False))
        >>> _ = net.build((2,))
        >>> x = np.array([[1.0, 2.0]])
        >>> loss, product = gn.hvp(net, x, np.array([[0.0]]), np.array([1.0, 0.0]), loss="sum_squared_error")
        >>> np.round(product, 6).tolist()  # xᵀ x v
        [1.0, 2.0]
    """
    where = "hvp"
    inner = copy(model_of(model, loss, where))
    network = inner.network = inner.network.copy(FLOAT64)
    inner.dtype = FLOAT64
    rows = inner.rows(x, y, sample_weight, where=where).require_weight(where=where)
    direction = direction_of(network, v, where=where)
    require_finite(direction, direction, where=f"{where}: v")
    start, run = network.parameters.copy(), PiecewiseRunner()

    def at(step: float) -> Array:
        np.add(start, step * direction, out=network.parameters)
        run.again()
        propagate(run, network, inner.loss, rows, training=False)
        return trained_gradients(network)

    value, _ = propagate(run, network, inner.loss, rows, training=False)
    product = _along(at, trained_gradients(network), _norm(start), _norm(direction), where)
    if isinstance(v, Mapping):
        return value, {segment.path: segment.view(product) for segment in network.layout if segment.trainable}
    return value, product


def direction_of(network: Network, v: Any, *, where: str) -> Array:
    """A direction among the parameters as a flat array (P,).

    Raises:
        ConfigurationError: unknown names, or a part for parameters that are not trained.
        ShapeError: another shape.
    """
    size, layout = network.parameters.size, network.layout
    if isinstance(v, Mapping):
        flat, segments = np.zeros(size), {segment.path: segment for segment in layout}
        for path, part in v.items():
            if path not in segments:
                raise ConfigurationError(
                    where=f"{where}: v",
                    received=f"the parameter {path!r}",
                    expected=f"one of {', '.join(segments):.300}",
                    fix=did_you_mean(str(path), segments) + "take the names of network.named_parameters()",
                )
            shape = segments[path].shape
            segments[path].view(flat)[...] = same_shape(part, shape, FLOAT64, where=f"{where}: v", what=path)
    else:
        flat = same_shape(v, (size,), FLOAT64, where=f"{where}: v", what="network.parameters")
    for segment in layout:
        if not segment.trainable and segment.view(flat).any():
            raise ConfigurationError(
                where=f"{where}: v",
                received=f"a direction that moves {segment.path}, which is not trained",
                expected="0 there",
                fix="leave it out of v, set that part of v to 0, or unfreeze the layer",
            )
    return flat


def _along(at: Callable[[float], Array], here: Array, size: float, length: float, where: str) -> Array:
    """The derivative of a function of a number at 0, by central differences that are found to agree.

    Args:
        at: the function, of how far to go along the direction.
        here: its value at 0.
        size: of what is moved,
        length: and of the direction.
        where: for messages.
    """
    if length == 0:
        return np.zeros_like(here)
    for share in STEPS:
        step = share * max(1.0, size) / length
        left, right, near_left, near_right = at(-step), at(step), at(-step / 2), at(step / 2)
        # Two points so near each other that rounding alone makes the difference.
        noise = 10 * _norm(at(step * 1e-8) - at(step * 2e-8)) + 4 * float(np.finfo(np.float64).eps) * _norm(here)
        wide, narrow = (right - left) / (2 * step), (near_right - near_left) / step
        bend, near_bend = (right - 2 * here + left) / step, (near_right - 2 * here + near_left) / (step / 2)
        allowed = AGREEMENT * _norm(narrow) + 4 * noise / step
        # Of a smooth function the second grows with the step's square and the bend with the step; at a kink it stays.
        if np.isfinite(wide).all() and _norm(wide - narrow) <= allowed and _norm(2 * near_bend - bend) <= allowed:
            return wide
    raise DataError(
        where=where,
        received="difference quotients that disagree, however small the step",
        expected="a function that is smooth along v, but for the kinks of the library's own layers",
        fix="replace kinks in layers and losses of your own (maximum, abs, where), or move x a little",
    )


def _norm(array: Array) -> float:
    with np.errstate(over="ignore"):
        found = float(np.sqrt(np.sum(np.square(array))))
    largest = float(np.abs(array).max(initial=0.0))
    if found != inf or largest == inf:
        return found
    return largest * _norm(array / largest)  # squares of huge numbers are none


def _rows_norm(array: Array) -> float:
    """The largest norm of a row: rows are moved at once, and each for itself."""
    with np.errstate(over="ignore"):
        found = float(np.sqrt(np.square(array).reshape(len(array), -1).sum(axis=1).max()))
    return found if found != inf else max(map(_norm, array))
