"""Calls of a user's own layer, loss or optimizer, in which nothing wrong passes for right.

An own part gets its inputs as arrays that cannot be written, since others still need them, and what it returns is
checked for its shape and brought to the network's dtype. Both engines call own parts in this way. The runner is
only handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, Shape

METHODS = ("forward", "backward", "row_weights", "apply", "update", "step")
"""What a layer, a loss or an optimizer does in a training step."""


def is_own(part: Any) -> bool:
    """Whether what a layer, loss or optimizer does in a step is the user's code: a class, or a method put in its place.

    Those that only the library calls, as a ``NumpyLoss``, are looked after there.
    """
    kind = type(part)
    if _KINDS.get(kind, True) and has_own_class(part):
        return True
    methods, own = _GETTERS[kind](kind) if kind in _GETTERS else _methods_of(kind), vars(part)
    if methods not in _OURS:  # which somebody may have put other functions into
        if not all(map(is_library_code, methods)):
            return True
        _OURS.add(methods)
    return not own.keys().isdisjoint(METHODS) and any(callable(own.get(name)) for name in METHODS)


def _methods_of(kind: type) -> tuple[Any, ...]:
    """What a class does in a training step, as it is now."""
    names = [name for name in METHODS if hasattr(kind, name)]
    # Each name twice: so it gives a tuple of one, too.
    _GETTERS[kind] = attrgetter(*names, *names) if names else lambda _: ()
    return _GETTERS[kind](kind)


_GETTERS: dict[type, Callable[[type], tuple[Any, ...]]] = {}
"""What gives the methods of a class that it has at all."""


_KINDS: dict[type, bool] = {}
_OURS: set[tuple[Any, ...]] = set()
"""Methods of classes that are all the library's."""


def has_own_class(part: Any) -> bool:
    """Whether a part's class is the user's, and not one whose methods only the library calls."""
    kind = type(part)
    if kind not in _KINDS:
        _KINDS[kind] = not is_library_code(kind) and not getattr(kind, "in_python", False)
    return _KINDS[kind]


def is_library_code(thing: Any) -> bool:
    """Whether a class, function or method is glassnet's, not the user's."""
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "glassnet"


def place_of(part: Any) -> str:
    """How messages name a part: ``layer 1 (Swish())``, ``loss LogCosh()``, ``optimizer MySGD(0.1)``."""
    where = getattr(part, "where", None)
    return where if isinstance(where, str) else f"{getattr(part, 'path', '')} {part!r}".strip()


def forward(run: object, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
    """An own layer's forward pass: y (N, ...) in its output's shape and x's dtype, and its cache."""
    with named(layer):
        result = layer.forward(run, held(x), training=training)
    y, cache = pair(layer, result, "forward", "y, cache")
    shape = np.shape(y) if layer.output_shape is None else (x.shape[0], *_of_step(layer, x))
    return checked(layer, y, shape, x.dtype, "y returned by forward"), cache


def _of_step(layer: Any, x: Array) -> Shape:
    """The shape of a row of the output: as built, or with one step where a stream gives one and there are steps."""
    before, after = layer.input_shape, layer.output_shape
    is_step = x.shape[1:] != before and x.shape[1:] == (1, *before[1:])
    return (1, *after[1:]) if is_step and (len(after) > 1 or len(before) == 1) else after


def backward(run: object, layer: Any, dy: Array, cache: Any) -> Array:
    """An own layer's backward pass: ∂L/∂x in x's shape and dy's dtype."""
    with named(layer):
        dx = layer.backward(run, held(dy), cache)
    shape = np.shape(dx) if layer.input_shape is None else (dy.shape[0], *layer.input_shape)
    return checked(layer, dx, shape, dy.dtype, "dx returned by backward")


def gradients_of(layer: Any) -> list[Array]:
    """The gradients that a layer's backward pass writes: its own parameters' and those of the layers inside."""
    found = [parameter.gradient for parameter in layer.own_parameters().values() if not parameter.is_statistic]
    return found + [gradient for _, child in layer.children() for gradient in gradients_of(child)]


def row_weights(run: object, loss: Any, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
    """An own loss's ω (N,), or (N·T,) where it sees steps, and Σ w (1,)."""
    with named(loss):
        result = loss.row_weights(run, held(outputs), held(weights))
    shares, total = pair(loss, result, "row_weights", "row_weights, total")
    shares = checked(loss, shares, (loss.rows_in(outputs),), outputs.dtype, "row_weights")
    return shares, single(loss, total, "the total weight returned by row_weights")


def loss_forward(run: object, loss: Any, outputs: Array, targets: Array, weights: Array) -> tuple[Array, Any]:
    """An own loss's value (1,) and its cache."""
    with named(loss):
        result = loss.forward(run, held(outputs), held(targets), held(weights))
    value, cache = pair(loss, result, "forward", "value, cache")
    return single(loss, value, "the value returned by forward"), cache


def loss_backward(run: object, loss: Any, outputs: Array, targets: Array, weights: Array, cache: Any) -> Array:
    """An own loss's ∂L/∂outputs."""
    with named(loss):
        doutputs = loss.backward(run, held(outputs), held(targets), held(weights), cache)
    return checked(loss, doutputs, outputs.shape, outputs.dtype, "doutputs returned by backward")


def apply(run: object, step: Any, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
    """An own step of an optimizer."""
    with unharmed(step, parameters, layout):
        changed_in_place(step, step.apply(run, parameters, gradients, layout, learning_rate))


def update(run: object, optimizer: Any, parameters: Array, gradients: Array, layout: Any) -> None:
    """An own optimizer's whole update; it counts as one, whatever its code does to ``steps``."""
    before = optimizer.steps
    with unharmed(optimizer, parameters, layout):
        changed_in_place(optimizer, optimizer.update(run, parameters, gradients, layout))
    optimizer.steps = before + 1


def require_moved(rule: Any, before: Array, after: Array, gradients: Array, learning_rate: float) -> None:
    """Refuses a rule that leaves parameters where they are, though its rate and the gradients should move them."""
    step = abs(learning_rate) * float(np.abs(gradients).max(initial=0.0))
    if step > 1e-5 * float(np.abs(before).max(initial=0.0)) and np.isfinite(step) and np.array_equal(before, after):
        raise ConfigurationError(
            where=place_of(rule),
            received=f"parameters that stayed as they were at the learning rate {learning_rate:g}",
            expected="an update of the array that it is given",
            fix="change it in place: parameters -= learning_rate * gradients, not parameters = parameters - ...",
        )


def gradient_unwritten(where: str, name: str) -> ConfigurationError:
    """The error for a backward pass that leaves the gradient of a parameter as it was, or adds to it."""
    return ConfigurationError(
        where=where,
        received=f"a backward pass that leaves the gradient of {name!r} unwritten, or adds to what was there",
        expected="that it overwrites the gradient of every parameter",
        fix="write self.weight.gradient[...] = dw, not self.weight.gradient = dw or += dw; declare what is not "
        "trained by add_parameter(..., trainable=False, is_weight=False)",
    )


@contextmanager
def unharmed(step: Any, parameters: Array, layout: Any) -> Iterator[None]:
    """Goes around an own step's code: what is not trained stays as it is, and arrays of its memory where they are."""
    fixed = [(s.view(parameters), s.view(parameters).copy()) for s in layout or () if not s.trainable]
    before = dict(getattr(step, "state", {}))
    yield
    for array, values in fixed:
        np.copyto(array, values)
    for name, array in before.items():
        now = step.state.get(name)
        if now is not None and now is not array and isinstance(array, np.ndarray):
            np.copyto(array, checked(step, now, array.shape, array.dtype, f"state[{name!r}]"))
            step.state[name] = array


def changed_in_place(step: Any, returned: Any) -> None:
    """Refuses what an own step returns: it would be lost."""
    if returned is not None:
        raise ConfigurationError(
            where=place_of(step),
            received=f"a {type(returned).__name__} that it returned",
            expected="the parameters changed in place, and nothing returned",
            fix="write parameters -= ... or parameters[...] = ..., or derive from gn.NumpyOptimizer, whose rule may "
            "return the new parameters",
        )


def held(array: Any) -> Any:
    """The same array, not to be written; anything else as it is."""
    if not isinstance(array, np.ndarray):
        return array
    seen = array.view()
    seen.flags.writeable = False
    return seen


@contextmanager
def named(part: Any) -> Iterator[None]:
    """Goes around an own part's code: writing into what it was given becomes an error that names it."""
    try:
        yield
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise ConfigurationError(
            where=place_of(part),
            received="a change in place of what it was given",
            expected="inputs left as they are: other parts of the step still need them",
            fix="calculate into a new array, such as x = x * 2 instead of x *= 2, or begin with x = x.copy()",
        ) from error


def pair(part: Any, result: Any, method: str, names: str) -> tuple[Any, Any]:
    """The two things that a method returned."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise mistake(part, f"a {type(result).__name__} from {method}", f"the pair ({names})")
    return result


def checked(part: Any, array: Any, shape: Shape, dtype: np.dtype[Any], what: str) -> Array:
    """What a part returned, if it has that shape, in that dtype."""
    found: Array = array if isinstance(array, np.ndarray) else np.asarray(array)
    if found.shape != shape:
        raise mistake(part, f"{what} of shape {found.shape}", f"{shape}")
    if found.dtype != dtype:
        if not np.can_cast(found.dtype, dtype, "same_kind"):
            raise mistake(part, f"{what} of dtype {found.dtype}", f"{dtype}")
        found = found.astype(dtype)
    return found


def single(part: Any, value: Any, what: str) -> Array:
    """A number that a part returned, alone or as an array of one, as float64 (1,)."""
    if isinstance(value, np.ndarray) and value.shape == (1,) and value.dtype == np.float64:
        return value
    array = np.asarray(value)
    if array.size != 1 or not np.can_cast(array.dtype, np.float64, "same_kind"):
        raise mistake(part, f"{what} of shape {array.shape} and dtype {array.dtype}", "a number")
    return array.astype(np.float64).reshape(1)


def mistake(part: Any, received: str, expected: str) -> ShapeError:
    """The error for something that a part returned."""
    kind = place_of(part).split()[0]
    return ShapeError(where=place_of(part), received=received, expected=expected, fix=f"mend that {kind}'s code")
