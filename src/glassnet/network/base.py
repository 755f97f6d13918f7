"""What every network has: shapes, names, and the parameters in one flat buffer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np

from glassnet.checks import fits_network, numeric
from glassnet.errors import ConfigurationError, NotBuiltError, ShapeError, did_you_mean
from glassnet.kernels.combine import accumulate
from glassnet.layers import ACTIVATIONS, Layer, NumpyLayer, PythonLayer
from glassnet.network.indices import embeddings_of, require_data
from glassnet.parameters import Layout, Parameter, ParameterView, Store, Watched, drawn, layout_of
from glassnet.runners import NumpyRunner, Runner
from glassnet.settings import by_name
from glassnet.shapes import Array, DType, Shape, as_dtype, as_shape, batch_shape
from glassnet.summary import Row, Summary


class Network(Layer):
    """Base of the compositions. A network is itself a layer, so networks nest."""

    _buffers: tuple[Array, Array, Layout] | None = None
    is_network = True
    _layout_changes = -1
    _memory: Store | None = None
    _sums: tuple[tuple[Parameter, Parameter], ...] = ()

    def build(
        self, input_shape: int | Sequence[int], seed: int | np.random.Generator = 0, dtype: DType = "float32"
    ) -> Shape:
        """Infers every shape, allocates the flat buffers and draws the initial parameters, in build order.

        Layers that have their weights already, since another network trained them, keep and share these. Building
        again draws anew what no other network uses.

        Args:
            input_shape: one row's shape, without the batch axis.
            seed: a number or the generator to draw from.
            dtype: ``"float32"`` or ``"float64"``.

        Returns:
            The shape of one output row.

        Raises:
            ShapeError: a layer cannot take what the one before it gives; the layer is named. Or its weights, that are
                there already, are of another shape.
            ConfigurationError: weights that are there already are of another dtype; an ``Embedding`` behind layers that
                calculate; the same layer object in two places of a network of the user's own.

        Example:
            >>> import glassnet as gn
            >>> net = gn.Sequential(gn.Dense(128), gn.ReLU(), gn.Dense(10))
            >>> net.build((64,)), net.parameters.shape
            ((10,), (9610,))
        """
        around = self.home
        if around is not None and around.is_built:
            raise ConfigurationError(
                where=f"build of {self!r:.60}",
                received=f"a part of {around!r:.60}, which is built",
                expected="the whole network, or one that stands alone",
                fix="build the whole; or a copy of this part: network.copy()",
            )
        rng = np.random.default_rng(seed)
        output_shape = self.infer_shapes(as_shape(input_shape, where="build"), rng)
        kind = as_dtype(dtype)
        new = [(path, p) for path, p in self._named() if p.source.store is None]
        for (_, parameter), values in zip(new, [drawn(p.source, rng, path) for path, p in new], strict=True):
            parameter.source.show(values, parameter.gradient)
        self._place(kind)
        return output_shape

    def infer_shapes(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Gives each layer its path and shapes and lets it declare its parameters, without allocating any.

        Where that fails, every layer is left as it was.
        """
        everyone = [self, *(layer for _, layer in self.walk())]
        before = [
            (layer, layer.__dict__.copy(), dict(layer.own_parameters()), dict(layer.weights_in_common.parameters))
            for layer in everyone
        ]
        try:
            self._name_layers()
            output_shape = build_layer(self, input_shape, rng)
            require_data([layer for _, layer in self.walk()], embeddings_of(self, input_shape))
            return output_shape
        except BaseException:
            for layer, attributes, parameters, in_common in before:
                layer.__dict__.clear()
                layer.__dict__.update(attributes, _parameters=parameters)
                layer.weights_in_common.parameters = in_common
            raise

    def _name_layers(self) -> None:
        """Gives paths to the layers inside, forgets what is to be drawn anew, and finds second places."""
        places: dict[int, str] = {}
        first: set[int] = set()
        elsewhere = self._used_elsewhere() if self.is_built else set()

        def stays(parameter: Parameter) -> bool:
            return parameter.store is not None and (not self.is_built or id(parameter) in elsewhere)

        networks = {id(network) for network in self._networks()}
        for path, layer in self.walk():
            if id(layer) in places or not _stands_inside(layer, networks):
                where = f"layer {places[id(layer)]}" if id(layer) in places else "a layer of another network"
                raise ConfigurationError(
                    where=f"layer {path}",
                    received=f"the same object as {where}, {layer!r}",
                    expected="a layer of its own for each place",
                    fix="put layer.twin() there, which shares its weights, or layer.copy(), which does not",
                )
            places[id(layer)] = path
            if layer.home is None:
                layer.stand_in(self)
            layer.path = path
            layer.own_parameters().clear()
            weights = layer.weights_in_common
            layer.is_second = id(weights) in first and not layer.never_trained
            if id(weights) not in first:
                weights.parameters = {n: p for n, p in weights.parameters.items() if stays(p)}
            if not layer.never_trained:
                first.add(id(weights))

    def _used_elsewhere(self) -> set[int]:
        """The ids of parameters that living networks outside of this one have, too."""
        inside = {id(layer) for _, layer in self.walk()} | {id(self)}
        others = [network for network in self._store().networks if id(network) not in inside]
        return {id(p.source) for network in others for _, p in network._named()}

    @abstractmethod
    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Builds the layers inside, one after another, and returns the output's shape."""

    def _adopted(self, given: Any) -> Layer:
        """The given layer; one that stands in a network already is left there, and its twin taken."""
        layer = as_layer(given)
        home = layer.home
        if home is not None:
            layer = layer.twin()
            if home is self:
                layer.name = None  # which the first has
        layer.stand_in(self)
        return layer

    @abstractmethod
    def _put_children(self, children: Sequence[Layer]) -> None:
        """Takes other layers in the places of those inside, in the order of ``children``."""

    def twin(self) -> Self:
        """Another network with the same settings whose layers have the same weights."""
        made = super().twin()
        made.__dict__.update(_buffers=None, _memory=None, _sums=())
        twins = [child.twin() for _, child in self.children()]
        made._put_children(twins)
        for child in twins:
            child.stand_in(made)
        return made

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Layer]:
        return (child for _, child in self.children())

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, key: int | str) -> Any:
        """The layer of that number, or of that name or path: ``net[0]``, ``net["head"]``, ``net["1.residual.0"]``.

        Raises:
            IndexError, KeyError: there is none.
        """
        if isinstance(key, str):
            layers = dict(self.walk())
            if key not in layers:
                raise KeyError(f"no layer {key!r}: {did_you_mean(key, layers)}there are {', '.join(layers)}")
            return layers[key]
        return [child for _, child in self.children()][key]

    def __call__(self, x: Any) -> Array:
        """The outputs (N, ...) for x (N, ...) outside of training, by the NumPy kernels."""
        return self.forward(NumpyRunner(step=0), x, training=False)[0]

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
        """∂L/∂parameters in the same order, overwritten by each ``backward``.

        Raises:
            ConfigurationError: a network whose weights another place in the same network has, too, which gathers them.
        """
        gradients = self._built()[1]
        second = next((path for path, p in self._named() if isinstance(p, ParameterView) and not p.never_trained), None)
        if second is not None:
            raise ConfigurationError(
                where=f"gradients of {self!r:.60}",
                received=f"{second}, whose weights stand elsewhere in the network around it, where gradients are summed",
                expected="the whole network, or the first of the places",
                fix="train the whole; or a copy of this part: network.copy()",
            )
        return gradients

    @property
    def layout(self) -> Layout:
        """Which part of the two buffers belongs to which parameter, and which are trained."""
        layout = self._built()[2]
        if self._layout_changes != Watched.changes:
            self.bind_buffers()
            layout = self._built()[2]
        return layout

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
        named = {path: p.source for path, p in self._named()}
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
            parameter.show(values[path], parameter.gradient)
        self._place(kind)

    def copy(self, dtype: DType | None = None) -> Self:
        """An independent network with copies of the parameters, in another dtype if asked."""
        twin = deepcopy(self)
        if dtype is not None:
            twin._built()
            twin._move(as_dtype(dtype))
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
                own = [] if layer.is_second else layer.own_parameters().values()
                count, fixed = sum(p.size for p in own), sum(p.size for p in own if not p.trainable)
                frozen = fixed - sum(p.size for p in own if p.is_statistic)
                counts = count, layer.flops(inputs, outputs), fixed, frozen
                rows.append(Row(path, repr(layer), batch_shape(outputs), *counts))
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
        """Each parameter with its path, once: under the first path from which it is trained."""
        found: dict[int, tuple[str, Parameter]] = {}
        for path, layer in self.walk():
            for name, parameter in layer.own_parameters().items():
                known = found.get(id(parameter.source))
                if known is None or (is_never_trained(known[1]) and not is_never_trained(parameter)):
                    found[id(parameter.source)] = f"{path}.{name}", parameter
        yield from found.values()

    def named(self) -> list[tuple[str, Parameter]]:
        """(path, ``Parameter``) in build order, each once."""
        return list(self._named())

    def _networks(self) -> list[Network]:
        """This one and those inside."""
        return [self, *(layer for _, layer in self.walk() if isinstance(layer, Network))]

    def _store(self) -> Store:
        self._built()
        assert self._memory is not None
        return self._memory

    def _place(self, dtype: np.dtype[Any]) -> None:
        """Gives the parameters a place in memory beside each other, and all networks inside their part of it."""
        sources = [p.source for _, p in self._named()]
        other = next((path for path, p in self._named() if p.source.store is not None and p.dtype != dtype), None)
        if other is not None:
            raise ConfigurationError(
                where=f"build of {self!r:.60}",
                received=f"the weights of {other}, which are there already, in {dict(self._named())[other].dtype}",
                expected=f"{dtype}, as asked for",
                fix=f'put a copy of that layer or network there: network.copy("{dtype}"); or build in the dtype it has',
            )
        self._live_in(Store.holding(sources, dtype))

    def _live_in(self, store: Store) -> None:
        for network in self._networks():
            network.__dict__["_memory"] = store
            store.networks.add(network)
            network.bind_buffers()

    def bind_buffers(self) -> None:
        """Takes the arrays of its part of the store, as they are now, and the layout."""
        named = list(self._named())
        store = named[0][1].source.store if named else self._memory
        assert store is not None
        part = store.part([p.source for _, p in named])
        for layer in (self, *(layer for _, layer in self.walk())):
            for parameter in layer.own_parameters().values():
                if isinstance(parameter, ParameterView):
                    parameter.bind()
        buffers, before = (store.values[part], store.gradients[part]), self._buffers
        if before is not None and all(map(_is_same_memory, before, buffers)):
            buffers = before[:2]  # by which others know whether anything has moved
        found = {"_memory": store, "_sums": tuple(self._sums_of_places())}
        found |= {"_buffers": (*buffers, layout_of(named, part.start)), "_layout_changes": Watched.changes}
        self.__dict__.update(found)  # which is no change of the network

    def _sums_of_places(self) -> Iterator[tuple[Parameter, Parameter]]:
        """Pairs of parameters in different layers inside: the gradient of the second is to be added to the first's."""
        first: dict[int, Parameter] = {}
        for _, child in self.children():
            seen: set[int] = set()
            for layer in (child, *(layer for _, layer in child.walk())):
                for parameter in layer.own_parameters().values():
                    key = id(parameter.source)
                    if key in seen or parameter.is_statistic or is_never_trained(parameter):
                        continue
                    seen.add(key)
                    if key in first:
                        yield first[key], parameter
                    else:
                        first[key] = parameter

    def _sum_places(self, run: Runner) -> None:
        """Adds up the gradients of weights that stand in several places, at the end of a backward pass."""
        for first, further in self._sums:
            run(self, accumulate, dpart=further.gradient, dx=first.gradient)

    def _move(self, dtype: np.dtype[Any]) -> None:
        """Moves the parameters' present values into memory of its own, at the places that they have there."""
        parameters, _, layout = self._built()
        size = len(parameters)
        store = Store(dtype)
        store.take_over([(p.source, s.start) for s, (_, p) in zip(layout, self._named(), strict=True)], size)
        self.__dict__["_buffers"] = None
        self._live_in(store)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name not in ("_memory", "_sums")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for _, child in self.children():
            child.stand_in(self)
        if self.is_built:
            self._move(self._built()[0].dtype)


def _is_same_memory(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and one.__array_interface__["data"] == other.__array_interface__["data"] and one.size == other.size


def _stands_inside(layer: Layer, networks: set[int]) -> bool:
    """Whether it stands in one of the networks, or in none yet."""
    return layer.home is None or id(layer.home) in networks


def is_never_trained(parameter: Parameter) -> bool:
    """Whether it stands where it is never trained."""
    return isinstance(parameter, ParameterView) and parameter.never_trained


def as_layer(given: Any) -> Layer:
    """Accepts a layer, a ``NumpyLayer`` or the name of an activation.

    Raises:
        ConfigurationError: anything else; a class instead of an object is named.
    """
    if isinstance(given, NumpyLayer):
        return PythonLayer.of(given)
    if isinstance(given, list | tuple):
        raise ConfigurationError(
            where="network",
            received=f"a {type(given).__name__} of {len(given)} layers in the place of one layer",
            expected="the layers one by one",
            fix="write gn.Sequential(*layers)",
        )
    return by_name(given, ACTIVATIONS, Layer, what="layer")  # type: ignore[type-abstract]


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Each layer's name, or its number where it has none.

    Raises:
        ConfigurationError: two have the same.
    """
    names = [layer.name or str(i) for i, layer in enumerate(layers)]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigurationError(
                where="network",
                received=f"two layers with the name {name!r}",
                expected="a name for each",
                fix="give one of them another name",
            )
    return names


def build_layer(layer: Layer, input_shape: Shape, rng: np.random.Generator) -> Shape:
    """Lets a layer inside a network infer its output's shape, and notes both shapes on it."""
    layer.input_shape = input_shape
    if isinstance(layer, Network):
        layer.output_shape = layer._build_children(input_shape, rng)
    else:
        layer.output_shape = tuple(layer.build(input_shape, rng))
    return layer.output_shape
