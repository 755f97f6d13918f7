"""What every network has: shapes, names, and the parameters in one flat buffer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np

from glassnet.checks import fits_network, numeric
from glassnet.errors import ConfigurationError, NotBuiltError, ShapeError
from glassnet.layers import ACTIVATIONS, Layer, NumpyLayer, PythonLayer
from glassnet.network.indices import embeddings_of, require_data
from glassnet.parameters import Layout, Parameter, drawn, flat_buffer, layout_of
from glassnet.settings import by_name
from glassnet.shapes import Array, DType, Shape, as_dtype, as_shape, batch_shape
from glassnet.summary import Row, Summary


class Network(Layer):
    """Base of the compositions. A network is itself a layer, so networks nest."""

    _buffers: tuple[Array, Array, Layout] | None = None

    def build(
        self, input_shape: int | Sequence[int], seed: int | np.random.Generator = 0, dtype: DType = "float32"
    ) -> Shape:
        """Infers every shape, allocates the flat buffers and draws the initial parameters, in build order.

        Building again draws everything anew.

        Args:
            input_shape: one row's shape, without the batch axis.
            seed: a number or the generator to draw from.
            dtype: ``"float32"`` or ``"float64"``.

        Returns:
            The shape of one output row.

        Raises:
            ShapeError: a layer cannot take what the one before it gives; the layer is named.
            ConfigurationError: the same layer object stands in two places, or an ``Embedding`` behind layers that
                calculate.

        Example:
            >>> import glassnet as gn
            >>> net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
            >>> net.build((64,)), net.parameters.shape
            ((10,), (9610,))
        """
        rng = np.random.default_rng(seed)
        output_shape = self.infer_shapes(as_shape(input_shape, where="build"), rng)
        kind = as_dtype(dtype)
        for path, parameter in self._named():
            parameter.value = drawn(parameter, rng, path)
        self._adopt(kind)
        return output_shape

    def infer_shapes(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Gives each layer its path and shapes and lets it declare its parameters, without allocating any.

        Where that fails, every layer is left as it was.
        """
        everyone = [self, *(layer for _, layer in self.walk())]
        before = [(layer, layer.__dict__.copy(), dict(layer.own_parameters())) for layer in everyone]
        try:
            self._name_layers()
            output_shape = build_layer(self, input_shape, rng)
            require_data([layer for _, layer in self.walk()], embeddings_of(self, input_shape))
            return output_shape
        except BaseException:
            for layer, attributes, parameters in before:
                layer.__dict__.clear()
                layer.__dict__.update(attributes, _parameters=parameters)
            raise

    def _name_layers(self) -> None:
        seen: dict[int, str] = {}
        for path, layer in self.walk():
            if id(layer) in seen:
                raise ConfigurationError(
                    where=f"layer {path}",
                    received=f"the same object as layer {seen[id(layer)]}, {layer!r}",
                    expected="a layer of its own for each place",
                    fix="make a second object; shared parameters are not supported",
                )
            seen[id(layer)] = path
            layer.path = path
            layer.own_parameters().clear()

    @abstractmethod
    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Builds the layers inside, one after another, and returns the output's shape."""

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Every layer inside, networks before their own layers, with its path."""
        for name, child in self.children():
            path = f"{prefix}.{name}" if prefix else name
            yield path, child
            if isinstance(child, Network):
                yield from child.walk(path)

    @property
    def is_built(self) -> bool:
        """Whether shapes are known and parameters exist."""
        return self._buffers is not None

    @property
    def parameters(self) -> Array:
        """Every weight and bias, one flat array in build order; each layer's arrays are views into it.

        Running statistics are among them, with a gradient of 0.

        Raises:
            NotBuiltError: shapes are not known yet; so do the properties below.
        """
        return self._built()[0]

    @property
    def gradients(self) -> Array:
        """∂L/∂parameters in the same order, overwritten by each ``backward``."""
        return self._built()[1]

    @property
    def layout(self) -> Layout:
        """Which part of the two buffers belongs to which parameter."""
        return self._built()[2]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The parameters' dtype."""
        return self.parameters.dtype

    def named_parameters(self) -> list[tuple[str, Array]]:
        """(path, view) of every parameter in build order, such as ``("0.weight", array(64, 128))``."""
        return [(segment.path, segment.view(self.parameters)) for segment in self.layout]

    def named_gradients(self) -> list[tuple[str, Array]]:
        """(path, view) of every parameter's gradient in build order; all 0 for those that are not trained."""
        return [(segment.path, segment.view(self.gradients)) for segment in self.layout]

    def restore(self, values: Mapping[str, Array], input_shape: Shape, dtype: DType) -> None:
        """Builds the network with given parameters instead of drawn ones.

        Nothing is allocated before names and shapes are found to agree.

        Args:
            values: an array for each parameter, by path.
            input_shape: one row's shape, without the batch axis.
            dtype: ``"float32"`` or ``"float64"``.

        Raises:
            ShapeError: a parameter is missing, unknown or of another shape.
        """
        self.infer_shapes(as_shape(input_shape, where="build"), np.random.default_rng(0))
        kind = as_dtype(dtype)
        named = dict(self._named())
        if set(named) != set(values):
            unknown, missing = sorted(set(values) - set(named)), sorted(set(named) - set(values))
            raise ShapeError(
                where="restore parameters",
                received=f"unknown names {unknown[:5]}, missing {missing[:5]}",
                expected="one array for each parameter of this network",
                fix="use the architecture that the parameters were trained in",
            )
        for path, parameter in named.items():
            if values[path].shape != parameter.shape:
                raise ShapeError(
                    where=f"restore parameters: {path}",
                    received=f"the shape {values[path].shape}",
                    expected=f"{parameter.shape}",
                    fix="use the architecture that the parameters were trained in",
                )
            parameter.value = values[path]
        self._adopt(kind)

    def copy(self, dtype: DType | None = None) -> Self:
        """An independent network with the same parameters, in another dtype if asked."""
        twin = type(self).__new__(type(self))
        twin.__setstate__(deepcopy(self.__dict__))
        if dtype is not None:
            twin._built()
            twin._adopt(as_dtype(dtype))
        return twin

    def summary(self) -> Summary:
        """A table of layers, shapes, parameters and FLOPs; print it.

        Raises:
            NotBuiltError: shapes are not known yet.
        """
        self._built()
        rows = []
        for path, layer in self.walk():
            if not isinstance(layer, Network):
                inputs, outputs = layer.input_shape or (), layer.output_shape or ()
                own = layer.own_parameters().values()
                count, fixed = sum(p.value.size for p in own), sum(p.value.size for p in own if not p.trainable)
                flops = layer.flops(inputs, outputs)
                rows.append(Row(path, repr(layer), batch_shape(outputs), count, flops, not_trained=fixed))
        return Summary(batch_shape(self.input_shape or ()), str(self.dtype), tuple(rows))

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """The sum over the layers inside."""
        return sum(child.flops(child.input_shape or (), child.output_shape or ()) for _, child in self.children())

    def first_layer(self) -> Layer:
        """The innermost first layer: the one that meets the data, for messages."""
        for _, child in self.children():
            return child.first_layer() if isinstance(child, Network) else child
        return self

    def _enter(self, x: Any) -> Array:
        """The door for arrays: right shape, the network's dtype."""
        parameters, _, _ = self._built()
        if isinstance(x, np.ndarray | list | tuple):
            x = np.asarray(numeric(x, where="forward: x"), dtype=parameters.dtype)
        if x.shape[1:] != self.input_shape:
            fits_network(x, self.input_shape or (), where="forward: x", layer=self.first_layer().where)
        return x  # type: ignore[no-any-return]

    def _built(self) -> tuple[Array, Array, Layout]:
        if self._buffers is None:
            raise NotBuiltError(
                where=type(self).__name__,
                received="a network whose shapes are not known yet",
                expected="a built one",
                fix="call net.build((features,)) first, or let model.fit(x, y) infer the shapes",
            )
        return self._buffers

    def _named(self) -> Iterator[tuple[str, Parameter]]:
        for path, layer in self.walk():
            for name, parameter in layer.own_parameters().items():
                yield f"{path}.{name}", parameter

    def _adopt(self, dtype: np.dtype[Any]) -> None:
        """Moves the parameters' present values into new flat buffers and makes every layer's arrays views of them."""
        named = list(self._named())
        layout = layout_of(named)
        size = layout[-1].stop if layout else 0
        parameters, gradients = flat_buffer(size, dtype, stream=0), flat_buffer(size, dtype, stream=1)
        for segment, (_, parameter) in zip(layout, named, strict=True):
            segment.view(parameters)[...] = parameter.value
            parameter.value, parameter.gradient = segment.view(parameters), segment.view(gradients)
        self._share(parameters, gradients, layout)

    def _share(self, parameters: Array, gradients: Array, layout: Layout) -> None:
        """Takes over buffers, and hands each network inside its own part of them."""
        self._buffers = parameters, gradients, layout
        for path, child in self.walk():
            if isinstance(child, Network):
                own = layout_of(child._named())
                start = next((s.start for s in layout if s.path.startswith(f"{path}.")), 0)
                part = slice(start, start + (own[-1].stop if own else 0))
                child._buffers = parameters[part], gradients[part], own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.is_built:
            self._adopt(self.parameters.dtype)


def as_layer(given: Any) -> Layer:
    """Accepts a layer, a ``NumpyLayer`` or the name of an activation.

    Raises:
        ConfigurationError: anything else; a class instead of an object is named.
    """
    if isinstance(given, NumpyLayer):
        return PythonLayer(given)
    if isinstance(given, list | tuple):
        raise ConfigurationError(
            where="network",
            received=f"a {type(given).__name__} of {len(given)} layers in the place of one layer",
            expected="the layers one by one",
            fix="write gn.Sequential(*layers)",
        )
    return by_name(given, ACTIVATIONS, Layer, what="layer")  # type: ignore[type-abstract]


def build_layer(layer: Layer, input_shape: Shape, rng: np.random.Generator) -> Shape:
    """Lets a layer inside a network infer its output's shape, and notes both shapes on it."""
    layer.input_shape = input_shape
    if isinstance(layer, Network):
        layer.output_shape = layer._build_children(input_shape, rng)
    else:
        layer.output_shape = tuple(layer.build(input_shape, rng))
    return layer.output_shape
