"""What every network has: shapes, names, and the parameters in one flat buffer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from glassnet.core.checks import as_rows, fits_network, numeric
from glassnet.core.errors import ConfigurationError, ShapeError, did_you_mean
from glassnet.core.parameters import Parameter, drawn
from glassnet.core.settings import whole
from glassnet.core.shapes import MOST_VALUES, Array, DType, Shape, as_dtype, as_shape, batch_shape, size_of
from glassnet.core.turns import require_rest
from glassnet.layers import Layer, Tied
from glassnet.layers.base import REFUSED
from glassnet.network.children import as_layer, nearest, stands_inside
from glassnet.network.demands import Demands
from glassnet.network.looking import Names, activations
from glassnet.network.memory import InMemory, Named
from glassnet.network.summary import Row, Summary
from glassnet.runners import NumpyRunner, Runner
from glassnet.runners.base import is_library_code


class Network(InMemory):
    """Base of the compositions. A network is itself a layer, so networks nest.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(1, name="head"))
        >>> net.build(3, seed=0)
        (1,)
        >>> isinstance(net, gn.Network), net.parameters.shape, net["head"].output_shape
        (True, (21,), (1,))
        >>> [name for name, _ in net.named_parameters()]
        ['0.weight', '0.bias', 'head.weight', 'head.bias']
    """

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
        self._require_no_part()
        is_generator = isinstance(seed, np.random.Generator)
        rng = np.random.default_rng(seed if is_generator else whole(seed, "seed", "build", low=0))
        output_shape = self.infer_shapes(as_shape(input_shape, where="build"), rng)
        self.draw_parameters(rng, dtype)
        return output_shape

    def draw_parameters(self, rng: np.random.Generator, dtype: DType) -> None:
        """Allocates the flat buffers and draws the initial parameters, once shapes are inferred.

        Args:
            rng: the one that shapes were inferred with.
            dtype: ``"float32"`` or ``"float64"``.

        Raises:
            ConfigurationError: see ``build``.
        """
        self._require_no_part()
        kind, named, networks = as_dtype(dtype), list(self._named()), self._networks()
        self._require_rest(named, networks)  # of weights that are there already, whose places are known now
        new = [(path, p) for path, p in named if p.source.store is None]
        for (_, parameter), values in zip(new, [drawn(p.source, rng, path, kind) for path, p in new], strict=True):
            parameter.source.show(values, parameter.gradient)
        self._place(kind, named, networks)
        for network in networks:
            network.__dict__["_looked_at"] = network.version  # which is as built

    def _require_no_part(self) -> None:
        """Refuses to build what is a part of a network that is built."""
        around = self.home
        if around is not None and around.is_built:
            raise ConfigurationError(
                where=f"build of {self!r:.60}",
                received=f"a part of {around!r:.60}, which is built",
                expected="the whole network, or one that stands alone",
                fix="build the whole; or a copy of this part: network.copy()",
            )

    def _require_rest(self, named: Named, networks: list[InMemory]) -> None:
        """Refuses to build what another thread trains."""
        memories = {p.source.store for _, p in named} | {n._trained_thing() for n in networks}
        for memory in memories:
            require_rest(memory, where=lambda: f"build of {self!r:.60}")

    def infer_shapes(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Gives each layer its path and shapes and lets it declare its parameters, without allocating any.

        Where that fails, every layer is left as it was.

        Raises:
            ShapeError, ConfigurationError: see ``build``. Or another thread trains one of the layers meanwhile.
        """
        networks = self._networks()
        self._require_rest(list(self._named()), networks)
        layers = list(self.walk())
        everyone = [self, *(layer for _, layer in layers)]
        before = [
            (layer, layer.__dict__.copy(), dict(layer.own_parameters()), dict(layer.weights_in_common.parameters))
            for layer in everyone
        ]
        try:
            self._name_layers(layers, networks)
            output_shape = build_layer(self, input_shape, rng)
            self.__dict__["_demands"] = Demands(self)
            return output_shape
        except BaseException:
            for layer, attributes, parameters, in_common in before:
                layer.__dict__.clear()
                layer.__dict__.update(attributes, _parameters=parameters)
                layer.weights_in_common.parameters = in_common
            raise

    def _name_layers(self, layers: list[tuple[str, Layer]], networks: list[InMemory]) -> None:
        """Gives paths to the layers inside, forgets what is to be drawn anew, and finds second places."""
        places: dict[int, str] = {}
        first: set[int] = set()
        elsewhere = self._used_elsewhere() if self.is_built else set()

        def stays(parameter: Parameter) -> bool:
            return parameter.store is not None and (not self.is_built or id(parameter) in elsewhere)

        for network in networks:
            for _, child in network.children():
                if child.home is None:
                    child.stand_in(network)
        inside = {id(network) for network in networks}
        for path, layer in layers:
            if id(layer) in places or not stands_inside(layer, inside):
                where = f"layer {places[id(layer)]}" if id(layer) in places else "a layer of another network"
                raise ConfigurationError(
                    where=f"layer {path}",
                    received=f"the same object as {where}, {layer!r}",
                    expected="a layer of its own for each place",
                    fix="put layer.twin() there, which shares its weights, or layer.copy(), which does not",
                )
            places[id(layer)] = path
            vars(layer)["path"] = path  # its shapes follow, whose change counts for all
            if isinstance(layer, Tied):
                layer.tie(nearest(layer))
            layer.own_parameters().clear()
            weights = layer.weights_in_common
            vars(layer)["_is_second"] = id(weights) in first and not layer._never_trained
            if id(weights) not in first:
                weights.parameters = {n: p for n, p in weights.parameters.items() if stays(p)}
            if not layer._never_trained:
                first.add(id(weights))

    def _used_elsewhere(self) -> set[int]:
        """The ids of parameters that living networks outside of this one have, too."""
        inside = {id(layer) for _, layer in self.walk()} | {id(self)}
        others = [network for network in self._store().networks if id(network) not in inside]
        return {id(p.source) for network in others for _, p in network._named()}

    def why_no_stream(self) -> str:
        """A composition of the library's gives a step to its layers, which are asked; of others nothing is known."""
        return super().why_no_stream() if self.with_lengths == REFUSED else ""

    def require_as_built(self) -> None:
        """A composition has no weights of its own."""

    def why_no_lengths(self) -> str:
        """The library's networks ask their layers; of a user's forward pass through them nothing is known."""
        is_ours = is_library_code(self.forward)
        return super().why_no_lengths() if is_ours else "of a forward pass of your own only its layers could tell"

    def steps_after(self, run: Runner, lengths: Array) -> Array | None:
        """The lengths that its own layers have left."""
        return run.lengths

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
        made.__dict__.update(
            _buffers=None, _memory=None, _built_of=None, _sums=(), _second=None, _inside=None, _demands=None
        )
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

    def __getitem__(self, key: int | str | slice) -> Any:
        """The layer of that number, or of that name or path: ``net[0]``, ``net["head"]``, ``net["1.residual.0"]``.

        Raises:
            IndexError, KeyError: there is none.
            ConfigurationError: a slice of what is no ``Sequential``.
        """
        if isinstance(key, slice):
            raise ConfigurationError(
                where=f"{self!r:.60}",
                received="a slice",
                expected="layers one after another, of which a part is a network: a Sequential",
                fix="take the layers one by one, by number or name",
            )
        if isinstance(key, str):
            layers = dict(self.walk())
            if key not in layers:
                raise KeyError(f"no layer {key!r}: {did_you_mean(key, layers)}there are {', '.join(layers)}")
            return layers[key]
        return [child for _, child in self.children()][key]

    def __call__(self, x: Any) -> Array:
        """The outputs (N, ...) for x (N, ...) outside of training, by the NumPy kernels."""
        return self.forward(NumpyRunner(step=0), x, training=False)[0]

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
        for path, parameter in self.places_for(values, input_shape).items():
            parameter.show(values[path], parameter.gradient)
        self._place(as_dtype(dtype), list(self._named()), self._networks())

    def places_for(self, values: Mapping[str, Array], input_shape: Shape) -> dict[str, Parameter]:
        """The parameters by path, once all shapes are inferred and agree with such values; none is given any.

        Raises:
            ShapeError: as ``restore``.
        """
        self.infer_shapes(as_shape(input_shape, where="build"), np.random.default_rng(0))
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
        return named

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
                own = [] if layer._is_second else layer.own_parameters().values()
                count, fixed = sum(p.size for p in own), sum(p.size for p in own if not p.trainable)
                frozen = fixed - sum(p.size for p in own if p.is_statistic)
                counts = count, layer.flops(inputs, outputs), fixed, frozen
                rows.append(Row(path, repr(layer), batch_shape(outputs), *counts))
        return Summary(batch_shape(self.input_shape or ()), str(self.dtype), tuple(rows))

    def activations(self, x: Any, names: Names = None, *, training: bool = False) -> dict[str, Array]:
        """What each layer inside gives for a batch, networks inside included.

        Args:
            x: inputs (N, ...), as the network takes them.
            names: layers by path such as ``"1.residual.0"``, by number or as objects, one or several; None for all.
            training: False for prediction mode; True for dropout and statistics of the batch, as in a first training
                step. The network does not change in either.

        Returns:
            The outputs (N, ...) by the layers' paths: arrays of their own, in the network's dtype.

        Raises:
            NotBuiltError: shapes are not known yet.
            ConfigurationError: there is no such layer.
            ShapeError, DataError: x does not fit.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> net = gn.Sequential(gn.Dense(2, weight_init="ones"), gn.ReLU())
            >>> _ = net.build((2,))
            >>> {path: y.tolist() for path, y in net.activations(np.array([[1.0, -3.0]])).items()}
            {'0': [[-2.0, -2.0]], '1': [[0.0, 0.0]]}
        """
        self._built()
        where = "activations"
        x = as_rows(x, self.dtype, where=f"{where}: x")
        fits_network(x, self.input_shape or (), where=f"{where}: x", layer=self.first_layer().where)
        self.demands.check(x, where=f"{where}: x")
        return activations(self, x, names, training=training, where=where)

    def flops(self, input_shape: Shape, output_shape: Shape) -> int:
        """The sum over the layers inside."""
        return sum(child.flops(child.input_shape or (), child.output_shape or ()) for _, child in self.children())

    def first_layer(self) -> Layer:
        """The innermost first layer: the one that meets the data, for messages."""
        for _, child in self.children():
            return child.first_layer() if isinstance(child, Network) else child
        return self

    @property
    def demands(self) -> Demands:
        """Which numbers of its rows are amounts, and which are indices that a layer inside looks up."""
        found: Demands | None = self.__dict__.get("_demands")
        if found is None:
            if self.input_shape is None:
                self._built()  # which raises, and says what to do
            found = self.__dict__["_demands"] = Demands(self)
        return found

    def entered(self, x: Any, *, is_cut: bool = False) -> Array:
        """The door for arrays: right shape, or with ``is_cut`` fewer steps, and the network's dtype."""
        parameters, _, _ = self._built()
        self.require_unchanged()
        if isinstance(x, np.ndarray | list | tuple):
            x = np.asarray(numeric(x, where="forward: x"), dtype=parameters.dtype)
        if x.shape[1:] != self.input_shape and not (is_cut and self._has_fewer_steps(x)):
            fits_network(x, self.input_shape or (), where="forward: x", layer=self.first_layer().where)
        return x  # type: ignore[no-any-return]

    def _has_fewer_steps(self, x: Array) -> bool:
        steps, *features = self.input_shape or (0,)
        return x.ndim > 1 and 0 < x.shape[1] < steps and x.shape[2:] == tuple(features)


def build_layer(layer: Layer, input_shape: Shape, rng: np.random.Generator) -> Shape:
    """Lets a layer inside a network infer its output's shape, and notes both shapes on it."""
    vars(layer)["input_shape"] = input_shape  # the output's follows, whose change counts for both
    if isinstance(layer, Network):
        layer.__dict__["_demands"] = None
        layer.output_shape = layer._build_children(input_shape, rng)
    else:
        layer.output_shape = tuple(layer.build(input_shape, rng))
    if size_of(layer.output_shape) > MOST_VALUES:
        raise ShapeError(
            where=layer.where,
            received=f"settings that make {size_of(layer.output_shape):,} values of each row",
            expected=f"at most {MOST_VALUES:,}",
            fix="choose fewer units or filters, or a smaller factor",
        )
    return layer.output_shape
