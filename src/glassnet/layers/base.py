"""The contract that every layer keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from weakref import ReferenceType, ref

import numpy as np

from glassnet.errors import ConfigurationError, ShapeError, did_you_mean
from glassnet.initializers import as_initializer
from glassnet.parameters import Parameter, ParameterView, Watched
from glassnet.runners import Runner
from glassnet.settings import Configurable, boolean, number
from glassnet.shapes import Array, Shape, size_of

if TYPE_CHECKING:
    from glassnet.layers.embedding import Embedding


@dataclass(eq=False)
class Weights:
    """What twins have in common.

    Attributes:
        parameters: by name, those that own their values.
        is_frozen: whether parameters that are yet to come are frozen.
        learning_rate_scale: of parameters that are yet to come.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    is_frozen: bool = False
    learning_rate_scale: float = 1.0


class Layer(Configurable, Watched, ABC):
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

    mixes_rows = False
    """Whether, while training, a row's output depends on the other rows of its batch, as with batch normalisation."""

    is_network = False
    """Whether layers inside have their parameters in one buffer with those of this one."""

    is_second = False
    """Whether another layer with the same weights comes first in the network."""

    never_trained = False
    """Whether its weights are not trained from here: see ``frozen``."""

    _name: str | None = None
    _home: ReferenceType[Any] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if isinstance(held, Parameter) and not isinstance(value, Parameter):
            held.value = value
        else:
            object.__setattr__(self, name, value)
        Watched.note_change()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_home"}

    @property
    def home(self) -> Any:
        """The network that it stands in; None where there is none, or none any more."""
        return None if self._home is None else self._home()

    def stand_in(self, network: Any) -> None:
        """Notes the network that it stands in."""
        self.__dict__["_home"] = ref(network)

    def copy(self) -> Self:
        """An independent layer, with copies of its weights."""
        return deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy without a network around it."""
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        state = deepcopy(self.__getstate__(), memo)
        if hasattr(twin, "__setstate__"):
            twin.__setstate__(state)
        else:
            twin.__dict__.update(state)
        return twin

    label_names = ("name",)

    def labels(self) -> dict[str, Any]:
        """Its name, where it has one."""
        return {} if self.name is None else {"name": self.name}

    @property
    def name(self) -> str | None:
        """Its name in the network, such as ``"head"``, which takes the place of its number in paths; or None.

        Every layer takes ``name=``: ``gn.Dense(10, name="head")``.
        """
        return self._name

    @name.setter
    def name(self, given: str | None) -> None:
        if given is not None and (not isinstance(given, str) or not given or "." in given or given.isdigit()):
            raise ConfigurationError(
                where=f"layer {self!r}",
                received=f"name={given!r}",
                expected="a text without dots that is no number",
                fix='choose a word: name="head"',
            )
        self._name = given

    @property
    def where(self) -> str:
        """How messages name this layer: ``layer 0 (Dense(128))``."""
        return f"layer {self.path} ({self!r})" if self.path else repr(self)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates the parameters for inputs of that shape and returns the output's; both without the batch axis."""
        return input_shape

    @abstractmethod
    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Any]:
        """Computes the output (N, ...) and whatever ``backward`` will need."""

    @abstractmethod
    def backward(self, run: Runner, dy: Array, cache: Any) -> Array:
        """Takes ∂L/∂y, overwrites the parameters' gradients and returns ∂L/∂x."""

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

        Returns:
            The ``Parameter``; use its ``value`` and ``gradient`` in kernel calls.
        """
        weights = self.weights_in_common
        source = weights.parameters.get(name)
        if source is None:
            initializer = as_initializer(init)
            draw = initializer if fans is None else partial(initializer.draw, fans=fans, unit_axis=unit_axis)
            source = Parameter(name, shape, draw, is_weight=is_weight, unit_axis=unit_axis, trainable=trainable)
            if trainable:
                source.trainable, source.learning_rate_scale = not weights.is_frozen, weights.learning_rate_scale
            weights.parameters[name] = source
        elif source.shape != tuple(shape):
            raise ShapeError(
                where=self.where,
                received=f"inputs for which {name!r} would have the shape {tuple(shape)}",
                expected=f"{source.shape}, as its weights have that are there already",
                fix=f"give it inputs as before, or put a new layer in its place, such as {self!r} made anew",
            )
        is_view = self.is_second or self.never_trained
        parameter = ParameterView(source, never_trained=self.never_trained) if is_view else source
        self.own_parameters()[name] = parameter
        return parameter

    def own_parameters(self) -> dict[str, Parameter]:
        """The layer's own parameters by name, in the order of their creation."""
        found: dict[str, Parameter] = self.__dict__.setdefault("_parameters", {})
        return found

    def share_weights(self, other: Layer) -> None:
        """Becomes a twin of a layer with the same settings; before the network is built."""
        self.__dict__["_weights"] = other.weights_in_common

    @property
    def weights_in_common(self) -> Weights:
        """What it shares with its twins."""
        found: Weights = self.__dict__.setdefault("_weights", Weights())
        return found

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Every layer inside, networks before their own layers, with its path."""
        for name, child in self.children():
            path = f"{prefix}.{name}" if prefix else name
            yield path, child
            if child.is_network:
                yield from child.walk(path)

    def twin(self) -> Self:
        """Another layer with the same settings and the same weights, for a second place: trained there, too.

        Networks make one by themselves where a layer is put into them that stands in a network already.
        """
        made = type(self).__new__(type(self))
        inside = {"_weights": self.weights_in_common, "_parameters": dict(self.own_parameters()), "_home": None}
        made.__dict__.update(self.__dict__, **inside)
        return made

    def frozen(self) -> Self:
        """Another layer with the same weights, which is never trained from there: the layer itself may well be.

        Example:
            >>> import glassnet as gn
            >>> judge = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(1))
            >>> _ = judge.build((2,))
            >>> maker = gn.Sequential(gn.Dense(2), judge.frozen())
            >>> _ = maker.build((3,))
            >>> print(maker.summary())
            ...
        """
        made = self.twin()
        for layer in (made, *(layer for _, layer in made.walk())):
            layer.never_trained = True
        return made

    def freeze(self) -> Self:
        """Lets no update move its parameters, and those of layers inside, until ``unfreeze``; at any time.

        A frozen ``BatchNorm`` normalises by its running statistics and leaves them as they are.
        """
        return self._set_frozen(True)

    def unfreeze(self) -> Self:
        """Lets updates move all its parameters again."""
        return self._set_frozen(False)

    def _set_frozen(self, given: bool) -> Self:
        for layer in (self, *(layer for _, layer in self.walk())):
            layer.weights_in_common.is_frozen = given
            for parameter in layer.own_parameters().values():
                if not parameter.is_statistic and not layer.never_trained:
                    parameter.trainable = not given
        Watched.note_change()
        return self

    @property
    def trainable(self) -> bool:
        """Whether updates move any of its parameters, once it has some; to be set at any time."""
        layers = [self, *(layer for _, layer in self.walk())]
        parameters = [p for layer in layers for p in layer.own_parameters().values() if not p.is_statistic]
        if parameters:
            return any(p.trainable for p in parameters)
        return not all(layer.weights_in_common.is_frozen or layer.never_trained for layer in layers)

    @trainable.setter
    def trainable(self, given: bool) -> None:
        self._set_frozen(not boolean(given, "trainable", self.where))

    @property
    def learning_rate_scale(self) -> float | None:
        """Multiplies the learning rate of its parameters' updates (1); None where they have different ones.

        To be set at any time; for one parameter alone: ``layer.bias.learning_rate_scale = 2``.
        """
        layers = [self, *(layer for _, layer in self.walk())]
        scales = {
            scale
            for layer in layers
            for scale in [p.learning_rate_scale for p in layer.own_parameters().values() if not p.is_statistic]
            or ([layer.weights_in_common.learning_rate_scale] if len(layers) == 1 else [])
        }
        return scales.pop() if len(scales) == 1 else None if scales else 1.0

    @learning_rate_scale.setter
    def learning_rate_scale(self, given: float) -> None:
        scale = number(given, "learning_rate_scale", self.where, low=0)
        for layer in (self, *(layer for _, layer in self.walk())):
            layer.weights_in_common.learning_rate_scale = scale
            for parameter in layer.own_parameters().values():
                if not parameter.is_statistic:
                    parameter.learning_rate_scale = scale

    def weights(self) -> dict[str, Array]:
        """Copies of all values by name: ``"weight"``, and of layers inside ``"0.weight"``; statistics included."""
        return {name: np.array(parameter.value) for name, parameter in self._all_parameters().items()}

    def set_weights(self, values: Mapping[str, Any]) -> None:
        """Changes values, by the names that ``weights`` has; those that are not named stay.

        Raises:
            ConfigurationError: an unknown name.
            ShapeError: no finite numbers of the parameter's shape. In either case nothing is changed.
        """
        known = self._all_parameters()
        for name in values:
            if name not in known:
                raise ConfigurationError(
                    where=f"set_weights of {self!r:.60}",
                    received=f"the name {name!r}",
                    expected=f"names of {', '.join(known)}"[:300],
                    fix=did_you_mean(str(name), known) + "use the names that weights() gives",
                )
        for check in (True, False):
            for name, given in values.items():
                place = known[name]
                if check:
                    trial = Parameter(name, place.shape, place.draw)
                    trial.show(np.empty(place.shape, place.dtype), trial.gradient)
                    trial[...] = given
                else:
                    place[...] = given

    def _all_parameters(self) -> dict[str, Parameter]:
        found = dict(self.own_parameters())
        for path, layer in self.walk():
            found |= {f"{path}.{name}": p for name, p in layer.own_parameters().items() if not layer.is_second}
        return found

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Layers inside this one, with their names; none for a plain layer."""
        yield from ()

    def index_reads(self, x: Array) -> Iterator[tuple[Embedding, Array]]:
        """Each layer inside that looks up numbers of the data x (N, ...), which arrive here, with those numbers."""
        yield from ()

    def passes_on(self, x: Array) -> Array | None:
        """What of its input x (N, ...) it hands on unchanged as its output; None for a layer that calculates."""
        return None

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """Floating-point operations of a forward pass for one row; a multiplication with its addition counts as 2."""
        return size_of(output_shape)
