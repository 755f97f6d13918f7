"""The contract that every layer keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from glassnet.core.calls import while_building
from glassnet.core.errors import ConfigurationError, GlassnetError, ShapeError
from glassnet.core.parameters import Parameter, ParameterView
from glassnet.core.shapes import MOST_VALUES, Array, Shape, batch_shape, size_of
from glassnet.initializers import as_initializer
from glassnet.layers.weights import Weights, WithWeights
from glassnet.runners import Runner
from glassnet.runners.base import is_library_code

REFUSED, EACH_STEP, MASKED = LENGTHS = ("refused", "each step", "masked")
"""What a layer says of rows of different length."""


class Layer(WithWeights, ABC):
    """Parameters, and the kernel calls of a forward and a backward pass.

    A layer keeps no trace of a forward pass: what its backward needs travels in ``cache``, so one network may predict
    in many threads at once. A subclass defines ``forward`` and ``backward``, and ``build`` where it has parameters or
    changes the shape. Constructor arguments are kept in attributes of the same name (see ``Configurable``).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> from glassnet.kernels.activation import relu_backward, relu_forward
        >>> class MyReLU(gn.Layer):
        ...     def forward(self, run, x, *, training):
        ...         y = run.empty(x.shape, x.dtype)
        ...         run(self, relu_forward, x=x, y=y)
        ...         return y, y
        ...     def backward(self, run, dy, cache):
        ...         dx = run.empty(dy.shape, dy.dtype)
        ...         run(self, relu_backward, dy=dy, y=cache, dx=dx)
        ...         return dx
        >>> x = np.random.default_rng(0).normal(size=(4, 2))
        >>> print(gn.check_gradients(gn.Sequential(gn.Dense(3), MyReLU()), x))
        gradient check passed: largest relative error ...
    """

    path: str = ""
    """The place in the network, such as ``"3.residual.1"``; given when the network is built."""

    input_shape: Shape | None = None
    """The shape of one input row, known once the network is built."""

    output_shape: Shape | None = None
    """The shape of one output row, known once the network is built."""

    passes_on = False
    """Whether its output is made of its input's numbers as they are: all or some, in another order or shape.

    A class that writes a ``forward`` of its own says it anew.
    """

    with_lengths: ClassVar[str] = REFUSED
    """What it makes of rows of different length, in arrays (N, T, ...) with zeros behind each row's own steps:

    - ``"refused"``: they are refused by its name. So it is for every class that says nothing.
    - ``"each step"``: a step of its output is made of that step of its input alone, of no other step or row, and is
      finite whatever stands there. There is nothing to do about lengths then.
    - ``"masked"``: its forward pass looks at ``run.lengths`` (N,), where they are not None, and its output and
      gradients are for each row what they are for that row alone. ∂L/∂x of padding must be exactly 0.

    A class that writes a ``forward`` of its own says it anew. See ``why_no_lengths`` and ``steps_after``.
    """

    needs_features = False
    """Whether it puts the numbers of the last axis together, so that rows of different length must be (N, T, D)."""

    stream_limit: int | None = None
    """How many steps of a sequence it has room for, where it is given one after another; None for any number."""

    carries_in_training = False
    """Whether what it keeps in ``run.state`` goes on from batch to batch of a training, too: ``fit(stateful=True)``."""

    mixes_rows = False
    """Whether, while training, a row's output depends on the other rows of its batch, as with batch normalisation."""

    _name: str | None = None
    label_names = ("name",)

    def labels(self) -> dict[str, Any]:
        """Its name, where it has one."""
        return {} if self.name is None else {"name": self.name}

    @property
    def name(self) -> str | None:
        """Its name in the network, such as ``"head"``, which takes the place of its number in paths; or None.

        Every layer takes ``name=``: ``gn.Dense(10, name="head")``; or say ``gn.Dense(10).named("head")``, which type
        checkers know.
        """
        return self._name

    @name.setter
    def name(self, given: str | None) -> None:
        is_text = isinstance(given, str) and given.encode("utf-8", "ignore").decode() == given  # no half characters
        if given is not None and (not is_text or not given or "." in given or given.isdigit()):
            raise ConfigurationError(
                where=f"layer {self!r}",
                received=f"name={given!r}",
                expected="a text without dots that is no number",
                fix='choose a word: name="head"',
            )
        self._name = given

    def named(self, name: str) -> Self:
        """Gives the layer a name, and returns it."""
        self.name = name
        return self

    def _take_name(self, name: str) -> None:
        """What ``name=`` in a call of the class does."""
        self.name = name

    def __init_subclass__(cls, **settings: Any) -> None:
        """A layer gets attributes while it is built, also by a user's own layer that it stands in."""
        super().__init_subclass__(**settings)
        if "forward" in vars(cls):
            cls.passes_on = vars(cls).get("passes_on", False)
            cls.with_lengths = vars(cls).get("with_lengths", REFUSED)
        if "build" in vars(cls):
            cls.build = while_building(cls.build)  # type: ignore[method-assign]

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Layers inside this one, with their names; none for a plain layer."""
        yield from ()

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Every layer inside, networks before their own layers, with its path."""
        for name, child in self.children():
            path = f"{prefix}.{name}" if prefix else name
            yield path, child
            if child.is_network:
                yield from child.walk(path)

    @property
    def where(self) -> str:
        """How messages name this layer: ``layer 0 (Dense(128))``."""
        return f"layer {self.path} ({self!r})" if self.path else repr(self)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates the parameters for inputs of that shape and returns the output's; both without the batch axis."""
        return input_shape

    def require_axes(self, input_shape: Shape, counts: Container[int], expected: str, fix: str) -> None:
        """Refuses, in ``build``, rows of another number of axes.

        Args:
            input_shape: of a row.
            counts: the numbers of axes that it takes.
            expected: what it takes, for the message.
            fix: what to do, for the message.

        Raises:
            ShapeError: such rows.
        """
        if len(input_shape) not in counts:
            received = f"inputs of shape {batch_shape(input_shape)}"
            raise ShapeError(where=self.where, received=received, expected=expected, fix=fix)

    def require_as_built(self) -> None:
        """Refuses settings that were changed after the build, if the weights or the output's shape would be others.

        Raises:
            ShapeError: they would.
        """
        if not is_library_code(type(self)) or self.input_shape is None or self.output_shape is None:
            return
        trial = type(self).__new__(type(self))
        weights = Weights(dict(self.weights_in_common.parameters))
        trial.__dict__.update(self.__dict__, _parameters={}, _weights=weights, _is_trial=True)
        try:
            shape = tuple(trial.build(self.input_shape, np.random.default_rng(0)))
        except GlassnetError as error:
            raise self._built_otherwise(f"{error.received}, expected {error.expected}") from error
        if shape != self.output_shape or set(trial.own_parameters()) != set(self.own_parameters()):
            names = ", ".join(trial.own_parameters()) or "no parameters"
            raise self._built_otherwise(f"outputs would have the shape {batch_shape(shape)}, from {names}")

    def _not_trained(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            where=self.where,
            received="a backward pass after a forward pass with training=False",
            expected=f"one with training=True, {why}",
            fix="write net.forward(run, x, training=True)",
        )

    def _built_otherwise(self, received: str) -> ShapeError:
        return ShapeError(
            where=self.where,
            received=f"settings changed after the build: {received}",
            expected="those that it was built with, from which weights and outputs have their shapes",
            fix="set them back, or build the network again: net.build(...)",
        )

    @abstractmethod
    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Computes the output (N, ...) and whatever ``backward`` will need."""

    @abstractmethod
    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Takes ∂L/∂y, overwrites the parameters' gradients and returns ∂L/∂x."""

    def differentiable(self, run: Runner, x: Array) -> tuple[Array, Any]:
        """The forward pass of prediction mode, with a cache that ``backward`` can follow.

        A layer that overrides it saves its prediction the work of keeping what only a gradient needs.
        """
        return self.forward(run, x, training=False)

    def why_no_lengths(self) -> str:
        """Why rows of different length are refused, once it is built; empty where they are taken."""
        if self.with_lengths == REFUSED:
            return "what it makes of padding is not known"
        shape = self.input_shape or ()
        if self.needs_features and len(shape) < 2:
            return f"inputs of shape {batch_shape(shape)}, whose steps it would put together"
        return ""

    def require_lengths_taken(self) -> None:
        """Refuses rows of different length, by name, where they are not taken.

        Raises:
            ConfigurationError: they are not.
        """
        if self.with_lengths not in LENGTHS:
            raise ConfigurationError(
                where=self.where,
                received=f"with_lengths={self.with_lengths!r}",
                expected=f"one of {', '.join(map(repr, LENGTHS))}",
                fix=f'write with_lengths = "{EACH_STEP}" where each step is made of that step alone',
            )
        why = self.why_no_lengths()
        if why:
            raise ConfigurationError(
                where=self.where,
                received=f"rows of different length: {why}",
                expected="layers for which a padded row is what the row is alone",
                fix="let a pooling over time (gn.GlobalAveragePool()) or a recurrent layer stand before it, or give "
                "all rows one length",
            )

    def why_no_stream(self) -> str:
        """Why it cannot be given one step of a sequence after another, outside of training; empty where it can.

        In such a stream its forward pass gets arrays (N, 1, ...) of one step, and keeps what it needs of those before
        in ``run.state``.
        """
        if self.with_lengths == EACH_STEP and not self.why_no_lengths():
            return ""
        return "what it gives at a step may depend on others"

    def steps_after(self, run: Runner, lengths: Array) -> Array | None:
        """The lengths (N,) of its output for those of its input; None where the output has no steps any more.

        Args:
            run: the runner; what is calculated is a kernel's work, since the lengths may be yet to come.
            lengths: (N,), int64.
        """
        return lengths

    def add_parameter(
        self,
        name: str,
        shape: Shape,
        init: Any,
        *,
        is_weight: bool = True,
        unit_axis: int | None = None,
        trainable: bool = True,
        fans: tuple[int, int] | None = None,
        least: float | None = None,
    ) -> Parameter:
        """Declares a parameter; call it in ``build``.

        Args:
            name: unique within the layer.
            shape: its shape.
            init: the name of an initializer, an initializer, a number or an array.
            is_weight: whether penalties and weight decay act on it.
            unit_axis: the axis that counts units, for max-norm.
            trainable: False for what the layer's own kernels change, such as running statistics; ``backward`` must not
                write its gradient, and ``is_weight`` must be False.
            fans: (fan_in, fan_out) of a unit where the shape does not tell them, see ``glassnet.initializers``.
            least: the smallest number that it may be given, such as 0 for a variance; None for any.

        Returns:
            The ``Parameter``; use its ``value`` and ``gradient`` in kernel calls.
        """
        weights = self.weights_in_common
        source = weights.parameters.get(name)
        if source is None:
            if size_of(shape) > MOST_VALUES:
                raise ShapeError(
                    where=self.where,
                    received=f"settings for which {name!r} would have the shape {tuple(shape)}",
                    expected=f"at most {MOST_VALUES:,} values",
                    fix="choose fewer units, filters or vectors",
                )
            initializer = as_initializer(init)
            draw = initializer if fans is None else partial(initializer.draw, fans=fans, unit_axis=unit_axis)
            settings: dict[str, Any] = {"is_weight": is_weight, "unit_axis": unit_axis, "trainable": trainable}
            source = Parameter(name, shape, draw, **settings, least=least)
            if trainable and (weights.is_frozen or weights.learning_rate_scale != 1):
                source.trainable, source.learning_rate_scale = not weights.is_frozen, weights.learning_rate_scale
            weights.parameters[name] = source
        elif source.shape != tuple(shape):
            raise ShapeError(
                where=self.where,
                received=f"inputs for which {name!r} would have the shape {tuple(shape)}",
                expected=f"{source.shape}, as its weights have that are there already",
                fix=f"give it inputs as before, or put a new layer in its place, such as {self!r} made anew",
            )
        is_view = self._is_second or self._never_trained
        parameter = ParameterView(source, never_trained=self._never_trained) if is_view else source
        parameter.where = source.where = f"{self.where}, {name!r}"
        self.own_parameters()[name] = parameter
        return parameter

    def indices_below(self) -> int | Array:
        """What it demands of the numbers of its input: 0 for amounts; K for indices, whole numbers from 0 to K − 1.

        One number for all of a row, or an array of the input's shape. Indices must come from the data as they are.
        Data with other numbers are then refused, wherever they come from; and nothing differentiates by an index,
        standardises or perturbs it.
        """
        return 0

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """Floating-point operations of a forward pass for one row; a multiplication with its addition counts as 2."""
        return size_of(output_shape)
