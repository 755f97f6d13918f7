"""A user's own layer in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from inspect import signature
from typing import Any
from weakref import ref

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array, Shape
from glassnet.initializers import as_initializer
from glassnet.kernels.python import python_backward, python_forward
from glassnet.layers.base import REFUSED, Layer
from glassnet.layers.weights import Weights
from glassnet.runners import Runner
from glassnet.runners.own import checked, held, mistake, named, pair


class NumpyLayer(Configurable):
    """Base of a layer written in plain NumPy, without kernels or runners.

    Define ``forward(x) -> (y, cache)`` and ``backward(dy, cache) -> (dx, gradients)``. Where the layer has parameters,
    declare them in ``build(input_shape, rng)`` with ``add_parameter``, read them as attributes, and return their
    gradients in a dict by name. ``build`` returns the output's shape; without it the shape stays.

    ``forward`` may ask for more by name: ``forward(self, x, *, training, rng)`` is told whether the network trains,
    and gets a generator that depends on the model's seed, the step and the layer alone, so that a run can be repeated
    and resumed.

    Inputs and trained parameters cannot be written: other parts of the step still need them.

    Rows of different length are refused, unless the class says ``with_lengths = "each step"``: each step of y is made
    of that step of x (N, T, ...) alone.

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

    def indices_below(self) -> int | Array:
        """What it demands of the numbers of its input, see ``Layer.indices_below``: 0 for amounts."""
        return 0

    def add_parameter(
        self, name: str, shape: Shape, init: Any, *, is_weight: bool = True, trainable: bool = True
    ) -> None:
        """Declares a parameter; afterwards ``self.<name>`` is its array.

        Args:
            name: unique within the layer.
            shape: its shape.
            init: the name of an initializer, an initializer, a number or an array.
            is_weight: whether penalties and weight decay act on it.
            trainable: False for what ``forward`` itself changes, such as running statistics: it is saved with the
                model, and ``backward`` returns no gradient for it.
        """
        declared = (tuple(shape), as_initializer(init), is_weight and trainable, trainable)
        self.__dict__.setdefault("_declared", {})[name] = declared


class PythonLayer(Layer):
    """Puts a ``NumpyLayer`` into a network; networks make it by themselves.

    Args:
        layer: the user's object.

    Example:
        >>> import glassnet as gn
        >>> class Half(gn.NumpyLayer):
        ...     def forward(self, x):
        ...         return x / 2, None
        ...     def backward(self, dy, cache):
        ...         return dy / 2, {}
        >>> net = gn.Sequential(Half())
        >>> type(net[0]).__name__, net[0].layer
        ('PythonLayer', Half())
    """

    def __init__(self, layer: NumpyLayer) -> None:
        if not isinstance(layer, NumpyLayer):
            raise ConfigurationError(
                where="PythonLayer",
                received=shown(layer),
                expected="an object of a class derived from NumpyLayer",
                fix="put the NumpyLayer itself into the network, which makes this of it",
            )
        self.layer = layer

    @staticmethod
    def of(layer: NumpyLayer) -> PythonLayer:
        """The one layer for the user's object: in a second place that shares its parameters, too."""
        place: _Place = layer.__dict__.setdefault("_in_network", _Place())
        found = place.holder()
        if found is None:
            found = PythonLayer(layer)
            found.__dict__["_weights"] = place.weights
            place.holder = ref(found)
        return found

    def __repr__(self) -> str:
        return repr(self.layer)

    @property
    def with_lengths(self) -> str:  # type: ignore[override]
        """What the user's layer says."""
        return str(getattr(self.layer, "with_lengths", REFUSED))

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Lets the user's layer declare its parameters."""
        self._output_shape = tuple(self.layer.build(input_shape, rng))
        for name, (shape, init, is_weight, trainable) in self.layer.__dict__.get("_declared", {}).items():
            self.add_parameter(name, shape, init, is_weight=is_weight, trainable=trainable)
        return self._output_shape

    def indices_below(self) -> int | Array:
        """What the user's layer says."""
        return self.layer.indices_below()

    def require_as_built(self) -> None:
        """Nothing is known of the user's settings; what ``forward`` returns is checked instead."""

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, list[Any]]:
        """Calls the user's ``forward``."""
        kept: list[Any] = []
        asked = _asked_for(type(self.layer).forward)
        keys = run.draw(self) if "rng" in asked else {"seed": 0, "step": None, "stream": 0}

        def call(x: Array, step: int | None) -> Array:
            settings: dict[str, Any] = {"training": training} if "training" in asked else {}
            if step is not None:
                settings["rng"] = np.random.default_rng([keys["seed"] or 0, keys["stream"] or 0, step])
            with self._at_work():
                result = self.layer.forward(held(x), **settings)
            y, cache = pair(self, result, "forward", "y, cache")
            kept[:] = [cache]
            return checked(self, y, (x.shape[0], *self._output_shape), x.dtype, "y returned by forward")

        y = run.empty((x.shape[0], *self._output_shape), x.dtype)
        run(self, python_forward, x=x, y=y, function=call, step=keys["step"])
        return y, [kept, x.shape]

    def backward(self, run: Runner, dy: Array, cache: list[Any]) -> Array:
        """Calls the user's ``backward`` and takes over the gradients it returns."""
        kept, x_shape = cache
        parameters = {name: p for name, p in self.own_parameters().items() if not p.is_statistic}

        def call(dy: Array, _: int | None) -> tuple[Array, list[Array]]:
            with self._at_work():
                result = self.layer.backward(held(dy), kept[0])
            dx, gradients = pair(self, result, "backward", "dx, gradients")
            gradients = {} if gradients is None else gradients
            if not isinstance(gradients, dict) or set(gradients) != set(parameters):
                given = f"for {sorted(gradients)}" if isinstance(gradients, dict) else f"as a {_kind(gradients)}"
                raise mistake(self, f"gradients {given}", f"a dict with one entry for each of {sorted(parameters)}")
            parts = [checked(self, gradients[n], p.shape, dy.dtype, f"gradient of {n}") for n, p in parameters.items()]
            return checked(self, dx, x_shape, dy.dtype, "dx returned by backward"), parts

        dx = run.empty(x_shape, dy.dtype)
        gradients = [p.gradient for p in parameters.values()]
        run(self, python_backward, dy=dy, dx=dx, gradients=gradients, function=call, step=None)
        return dx

    def lend(self) -> dict[str, Array]:
        """Gives the user's object its parameters as attributes; only those that are not trained may be written."""
        bound = {n: p.value if p.is_statistic else held(p.value) for n, p in self.own_parameters().items()}
        for name, value in bound.items():
            object.__setattr__(self.layer, name, value)  # an attribute of ours, not a slip of the user's
        return bound

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Lends the user's code its parameters, which it must leave where they are."""
        bound = self.lend()
        with named(self):
            yield
        for name, value in bound.items():
            # Another thread may have bound the same memory.
            if not np.may_share_memory(vars(self.layer).get(name), value) and value.size:
                raise ConfigurationError(
                    where=self.where,
                    received=f"another array put into self.{name}",
                    expected="the parameter left where it is: the network would never see the new one",
                    fix=f"calculate into a variable; for running statistics declare {name} with trainable=False and "
                    f"write self.{name}[...] = ...",
                )


class _Place:
    """What a user's object knows of its layer in a network, which holds it: the weights, and the layer while it lives.

    Were it to hold that layer, too, both would wait for a garbage collector, with the memory of the whole network.
    """

    def __init__(self) -> None:
        self.weights = Weights()
        self.holder: Callable[[], PythonLayer | None] = _nobody

    def __deepcopy__(self, memo: dict[int, Any]) -> _Place:
        """A copy that knows the copy of the layer, where that is being copied."""
        made = memo[id(self)] = _Place()
        made.weights = deepcopy(self.weights, memo)
        twin = memo.get(id(self.holder()))
        if twin is not None:
            made.holder = ref(twin)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {"weights": self.weights, "holder": _nobody}


def _nobody() -> None:
    return None


@cache
def _asked_for(forward: Callable[..., Any]) -> frozenset[str]:
    """What a user's ``forward`` takes besides x."""
    return frozenset(signature(forward).parameters) & {"training", "rng"}


def _kind(value: Any) -> str:
    return type(value).__name__
