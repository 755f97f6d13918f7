"""What an output depends on: its derivative by the input, by itself, along a path, or averaged over noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.checks import require_finite
from glassnet.core.errors import ConfigurationError, DataError, ShapeError, shown
from glassnet.core.numeric import numeric
from glassnet.core.settings import boolean, number, whole
from glassnet.core.shapes import Array, batch_shape
from glassnet.derivatives.functions import Differentiable, Function, built, function_of, require_amounts, same_shape
from glassnet.network import LookingRunner, Name, chosen_layers

PREDICTED = "predicted"


def saliency(
    model: Differentiable, x: Any, target: Any = None, *, layer: Name | None = None, times_input: bool = False
) -> Array:
    """∂ output / ∂ x of each row, in prediction mode: how the chosen output changes with every number of x.

    Args:
        model: a model or network that is built.
        x: inputs (N, ...), as it takes them.
        target: which output of a row: its number for all rows, or one for each (N,); a tuple of numbers where a row's
            outputs have several axes; ``"predicted"`` for the largest. None for the only output, or for the predicted
            class where the model's loss is about classes. For classes these are logits unless the network ends in a
            softmax or sigmoid.
        layer: differentiate by what this layer gives instead of by x, such as the vectors of an ``Embedding``.
        times_input: whether to multiply by x (or by what the layer gives): the share of each number, to first order.

    Returns:
        (N, ...) in the shape of x (of a frame: columns in the order of ``model.feature_names``, whatever its own order)
        and in its unit as given: through a ``Standardize`` it is divided by the scale, and
        with ``target_scaling`` the output is in the targets' own unit. Or in the shape of what the layer gives.

    Raises:
        NotBuiltError: shapes are not known yet.
        ConfigurationError: no output is chosen where there are several; numbers of x are looked up; a model of tables.
        ShapeError, DataError: x or target do not fit.

    Source: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks: visualising image
    classification models and saliency maps", arXiv:1312.6034 (2013).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(2, weight_init=np.array([[1.0, 2.0], [3.0, 4.0]])))
        >>> _ = net.build((2,))
        >>> gn.saliency(net, np.array([[5.0, 6.0]]), target=1).tolist()
        [[2.0, 4.0]]
    """
    where = "saliency"
    function = function_of(model, x, where=where)
    boolean(times_input, "times_input", where)
    network, chosen = function.network, None
    if layer is None:
        require_amounts(function, where)
    else:
        (path,) = chosen_layers(built(model, where), [layer], where=where)
        chosen = dict(network.walk())[path]
    run = LookingRunner(() if chosen is None else (chosen,))
    outputs, cache = function(function.inputs, run)
    found = _back(function, outputs, cache, _places(function, outputs, target, where), run)
    if chosen is None:
        slopes = _per_unit(found, function)
        return slopes * function.given if times_input else slopes
    errors, given = run.errors(network), run.outputs(network)
    path = next(iter(errors), path)
    if len(errors) != 1:
        raise ConfigurationError(
            where=f"{where}: {chosen.where}",
            received=f"{len(errors)} calls of it",
            expected="a layer that is called once for a batch",
            fix="choose a layer before or behind it",
        )
    return errors[path] * given[path] if times_input else errors[path]


def integrated_gradients(
    model: Differentiable, x: Any, target: Any = None, *, baseline: Any = None, steps: int = 50
) -> Array:
    """(x − baseline) times the mean of ∂ output / ∂ x on the straight way from the baseline to x.

    The numbers of a row add up to what the output changes from the baseline to x.

    Args:
        model: a model or network that is built.
        x: inputs (N, ...), as it takes them.
        target: which output, as ``saliency`` has it; chosen once, at x.
        baseline: one row, or one for each, in the unit of x; a number for all. None for what the network sees as 0:
            zeros, or the mean of a ``Standardize``.
        steps: points of the Gauss-Legendre rule that takes the mean; more where the network is far from smooth.

    Returns:
        (N, ...) in the shape of x, in the output's unit.

    Raises:
        As ``saliency``.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init="ones"), gn.Tanh())
        >>> _ = net.build((2,), dtype="float64")
        >>> x = np.array([[1.0, 0.5]])
        >>> bool(np.isclose(gn.integrated_gradients(net, x).sum(), np.tanh(1.5)))
        True
    """
    where = "integrated_gradients"
    function = function_of(model, x, where=where)
    require_amounts(function, where)
    count = whole(steps, "steps", where)
    start = np.zeros_like(function.inputs)
    if baseline is not None:
        shape = function.inputs.shape
        rows = numeric(baseline, where=f"{where}: baseline")
        if rows.ndim and rows.shape not in (shape, shape[1:], (1, *shape[1:])):
            same_shape(rows, shape[1:], np.float64, where=f"{where}: baseline", what="a row of x")
        start = function_of(model, np.broadcast_to(rows, shape), where=f"{where}: baseline").inputs
    way = function.inputs - start
    places = _places(function, function(function.inputs)[0], target, where)
    points, weights = np.polynomial.legendre.leggauss(count)  # on −1 … 1
    total = np.zeros(way.shape, np.float64)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        at = (start + point * way).astype(way.dtype)
        total += weight * _derivative(function, at, places)
    return np.asarray(total * way, np.float64 if function.scaling_out is not None else function.network.dtype)


def smooth_grad(
    model: Differentiable, x: Any, target: Any = None, *, noise: float = 0.15, samples: int = 25, seed: int = 0
) -> Array:
    """The mean of ``saliency`` over copies of x with normal noise, in which what changes from point to point is lost.

    Args:
        model: a model or network that is built.
        x: inputs (N, ...), as it takes them.
        target: which output, as ``saliency`` has it; chosen once, at x.
        noise: its standard deviation, as a share of each row's range (as the network sees it).
        samples: copies.
        seed: the same seed gives the same noise.

    Returns:
        As ``saliency``.

    Raises:
        As ``saliency``.

    Source: D. Smilkov, N. Thorat, B. Kim, F. Viégas, M. Wattenberg, "SmoothGrad: removing noise by adding noise",
    arXiv:1706.03825 (2017).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(1, weight_init="ones"), gn.ReLU())
        >>> _ = net.build(2, dtype="float64")
        >>> x = np.array([[1.0, -0.9]])  # just on the side where the slope is 1
        >>> gn.saliency(net, x).tolist(), gn.smooth_grad(net, x).round(2).tolist()
        ([[1.0, 1.0]], [[0.68, 0.68]])
    """
    where = "smooth_grad"
    function = function_of(model, x, where=where)
    require_amounts(function, where)
    share, count = number(noise, "noise", where, low=0), whole(samples, "samples", where)
    seed = whole(seed, "seed", where, low=0)
    inputs = function.inputs
    axes = tuple(range(1, inputs.ndim))
    with np.errstate(over="ignore"):
        deviation = share * (inputs.max(axis=axes, keepdims=True) - inputs.min(axis=axes, keepdims=True))
    places = _places(function, function(inputs)[0], target, where)
    rng, total = np.random.default_rng(seed), np.zeros(inputs.shape, np.float64)
    for _ in range(count):
        with np.errstate(over="ignore", invalid="ignore"):
            shifted = (inputs + deviation * rng.normal(size=inputs.shape)).astype(inputs.dtype)
        require_finite(shifted, shifted, where=f"{where}: x with noise")
        total += _derivative(function, shifted, places)
    return _per_unit((total / count).astype(inputs.dtype), function)


def _derivative(function: Function, inputs: Array, places: tuple[Array, ...]) -> Array:
    """∂ output / ∂ input of the network at other inputs."""
    run = LookingRunner()
    return _back(function, *function(inputs, run), places, run)


def _back(function: Function, outputs: Array, cache: Any, places: tuple[Array, ...], run: LookingRunner) -> Array:
    """Goes from the chosen outputs, as ``predict`` gives them, back to the network's input."""
    upstream = np.zeros(outputs.shape, outputs.dtype)
    upstream[places] = 1
    if function.scaling_out is not None:
        upstream = (upstream * function.scale_out).astype(outputs.dtype)
    return np.array(run.backward(function.network, upstream, cache))


def _per_unit(slopes: Array, function: Function) -> Array:
    """The derivatives by x as given instead of by the network's input."""
    return slopes if function.scaling_in is None else slopes / function.scale_in


def _places(function: Function, outputs: Array, target: Any, where: str) -> tuple[Array, ...]:
    """Where the chosen output of each row stands in the outputs (N, ...)."""
    shape, rows = outputs.shape[1:], np.arange(len(outputs))
    if target is None:
        target = _usual(function, outputs, where)
    elif isinstance(target, str):
        if target != PREDICTED or len(shape) != 1:
            raise _mistake(where, f"target={target!r} for outputs {batch_shape(shape)}", shape)
        target = np.argmax(outputs, axis=1)
    index = [numeric(part, where=f"{where}: target") for part in (target if isinstance(target, tuple) else (target,))]
    if len(index) != len(shape) or any(part.dtype.kind not in "iu" for part in index):
        raise _mistake(where, f"target={shown(target, 60)}", shape)
    for part, size in zip(index, shape, strict=True):
        if part.shape not in ((), (len(outputs),)):
            raise ShapeError(
                where=f"{where}: target",
                received=f"an array of shape {part.shape}",
                expected=f"one number, or {len(outputs)}, one for each row",
                fix="give the number of an output for each row of x",
            )
        if part.size and (part.min() < 0 or part.max() >= size):
            wrong = part.min() if part.min() < 0 else part.max()
            raise DataError(
                where=f"{where}: target",
                received=f"the output {wrong}",
                expected=f"a whole number from 0 to {size - 1}",
                fix="count the outputs of a row from 0",
            )
    return (rows, *(np.broadcast_to(part, rows.shape).astype(np.intp) for part in index))


def _usual(function: Function, outputs: Array, where: str) -> Any:
    """The only output, or that of the predicted class."""
    shape = outputs.shape[1:]
    if outputs[0].size == 1:
        return (0,) * len(shape)
    if function.loss is not None and function.loss.decides_classes and len(shape) == 1:
        classes = np.asarray(function.loss.classes(outputs))
        if classes.shape == (len(outputs),):
            return classes
    raise _mistake(where, f"no target for outputs {batch_shape(shape)}", shape)


def _mistake(where: str, received: str, shape: tuple[int, ...]) -> ConfigurationError:
    several = f"a tuple of {len(shape)} whole numbers, one for each axis of a row's outputs"
    return ConfigurationError(
        where=f"{where}: target",
        received=received,
        expected=several if len(shape) > 1 else "the number of an output, one for each row, or 'predicted'",
        fix="write target=(0, 0)" if len(shape) > 1 else 'write target=0, or target="predicted" for the largest output',
    )
