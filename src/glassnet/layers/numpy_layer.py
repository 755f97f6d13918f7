"""A user's own layer in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import ShapeError
from glassnet.initializers import as_initializer
from glassnet.kernels.python import python_backward, python_forward
from glassnet.layers.base import Layer
from glassnet.runners import Runner
from glassnet.settings import Configurable
from glassnet.shapes import Array, Shape


class NumpyLayer(Configurable):
    """Base of a layer written in plain NumPy, without kernels or runners.

    Define ``forward(x) -> (y, cache)`` and ``backward(dy, cache) -> (dx, gradients)``. Where the layer has parameters,
    declare them in ``build(input_shape, rng)`` with ``add_parameter``, read them as attributes, and return their
    gradients in a dict by name. ``build`` returns the output's shape; without it the shape stays.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Scale(gn.NumpyLayer):
        ...     def build(self, input_shape, rng):
        ...         self.add_parameter("scale", input_shape, "ones")
        ...         return input_shape
        ...     def forward(self, x):
        ...         return x * self.scale, x
        ...     def backward(self, dy, cache):
        ...         return dy * self.scale, {"scale": (dy * cache).sum(axis=0)}
        >>> net = gn.Sequential(gn.Dense(3), Scale())
        >>> print(gn.check_gradients(net, np.random.default_rng(0).normal(size=(5, 2))))
        gradient check passed: largest relative error ...
    """

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Declares parameters and returns the output's shape, both without the batch axis."""
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Returns y and whatever ``backward`` needs."""
        raise NotImplementedError

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        """Returns ∂L/∂x and the parameters' gradients by name."""
        raise NotImplementedError

    def add_parameter(self, name: str, shape: Shape, init: Any, *, is_weight: bool = True) -> None:
        """Declares a parameter; afterwards ``self.<name>`` is its array."""
        self.__dict__.setdefault("_declared", {})[name] = (tuple(shape), as_initializer(init), is_weight)


class PythonLayer(Layer):
    """Puts a ``NumpyLayer`` into a network; networks make it by themselves.

    Args:
        layer: the user's object.
    """

    def __init__(self, layer: NumpyLayer) -> None:
        self.layer = layer

    def __repr__(self) -> str:
        return repr(self.layer)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Lets the user's layer declare its parameters."""
        self._output_shape = tuple(self.layer.build(input_shape, rng))
        for name, (shape, init, is_weight) in self.layer.__dict__.get("_declared", {}).items():
            self.add_parameter(name, shape, init, is_weight=is_weight)
        return self._output_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, list[Any]]:
        """Calls the user's ``forward``."""
        kept: list[Any] = []

        def call(x: Array) -> Array:
            self._bind()
            result = self.layer.forward(x)
            y, cache = self._pair(result, "forward", "y, cache")
            kept[:] = [cache]
            return self._checked(y, (x.shape[0], *self._output_shape), "y returned by forward")

        y = run.empty((x.shape[0], *self._output_shape), x.dtype)
        run(self, python_forward, x=x, y=y, function=call)
        return y, [kept, x.shape]

    def backward(self, run: Runner, dy: Array, cache: list[Any]) -> Array:
        """Calls the user's ``backward`` and takes over the gradients it returns."""
        kept, x_shape = cache
        parameters = self.own_parameters()

        def call(dy: Array) -> tuple[Array, list[Array]]:
            self._bind()
            dx, gradients = self._pair(self.layer.backward(dy, kept[0]), "backward", "dx, gradients")
            gradients = {} if gradients is None else gradients
            if not isinstance(gradients, dict) or set(gradients) != set(parameters):
                given = f"for {sorted(gradients)}" if isinstance(gradients, dict) else f"as a {_kind(gradients)}"
                raise self._mistake(f"gradients {given}", f"a dict with one entry for each of {sorted(parameters)}")
            parts = [self._checked(gradients[n], p.shape, f"gradient of {n}") for n, p in parameters.items()]
            return self._checked(dx, x_shape, "dx returned by backward"), parts

        dx = run.empty(x_shape, dy.dtype)
        run(self, python_backward, dy=dy, dx=dx, gradients=[p.gradient for p in parameters.values()], function=call)
        return dx

    def _bind(self) -> None:
        for name, parameter in self.own_parameters().items():
            setattr(self.layer, name, parameter.value)

    def _pair(self, result: Any, method: str, names: str) -> tuple[Any, Any]:
        if not isinstance(result, tuple) or len(result) != 2:
            raise self._mistake(f"a {_kind(result)} from {method}", f"the pair ({names})")
        return result

    def _checked(self, array: Any, shape: Shape, what: str) -> Array:
        if np.shape(array) != shape:
            raise self._mistake(f"{what} of shape {np.shape(array)}", f"{shape}")
        return np.asarray(array)

    def _mistake(self, received: str, expected: str) -> ShapeError:
        return ShapeError(where=self.where, received=received, expected=expected, fix="mend that layer's code")


def _kind(value: Any) -> str:
    return type(value).__name__
