"""A network of named nodes: several inputs, several outputs, branches that meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.shapes import Array, DType, Shape, batch_shape, flat, size_of
from glassnet.kernels.combine import accumulate, concat_backward, concat_forward, residual_backward
from glassnet.kernels.merge import unpack_backward, unpack_forward
from glassnet.layers import Layer
from glassnet.layers.base import MASKED
from glassnet.network.base import Network, build_layer
from glassnet.network.merges import Merge
from glassnet.network.packing import packed, parts_of, unpacked
from glassnet.network.wiring import in_order, read_inputs, read_nodes, read_outputs, require_used
from glassnet.runners import Runner


class Graph(Network):
    """Layers and merges by name, each with the names of what it takes, in any order.

    Inside, arrays go from node to node. Outside, a Graph is a layer like any other: the rows of several inputs stand
    side by side in one array (N, sum of their sizes), in the order of ``inputs``, and so do those of several outputs.
    Models take a dict or a tuple of arrays all the same, and give a dict of outputs.

    Args:
        inputs: the shape of one row of each input by its name, such as ``{"left": 8, "image": (1, 8, 8)}``; a name
            alone for a single input whose shape the data tell.
        nodes: for each name ``(layer, *names)``, a layer and the inputs or nodes that it takes. In the layer's place
            may stand a list of layers, one after another, and names such as ``"relu"`` and, for merges, ``"add"``,
            ``"subtract"``, ``"multiply"``, ``"concatenate"``, ``"dot"``, ``"absolute_difference"``,
            ``"squared_distance"``.
        outputs: names of nodes whose outputs are the Graph's, or one name.

    Raises:
        ConfigurationError: names that are unknown, used twice, or lead round in a circle; what nothing uses.
        ShapeError: at build, arrays that do not fit a layer; it is named.

    Example:
        >>> import glassnet as gn
        >>> net = gn.Graph(
        ...     inputs={"user": 8, "item": 5},
        ...     nodes={
        ...         "user_code": ([gn.Dense(16), "relu", gn.Dense(4)], "user"),
        ...         "item_code": (gn.Dense(4), "item"),
        ...         "score": ("dot", "user_code", "item_code"),
        ...     },
        ...     outputs="score",
        ... )
        >>> net.build()
        (1,)
        >>> [name for name, _ in net.named_parameters()][-2:]
        ['item_code.weight', 'item_code.bias']
    """

    passes_on = True
    with_lengths = MASKED

    def __init__(
        self,
        *,
        inputs: Mapping[str, int | Shape | None] | str,
        nodes: Mapping[str, Sequence[Any]],
        outputs: str | Sequence[str],
    ) -> None:
        self.inputs = read_inputs(inputs)
        self.nodes = read_nodes(nodes, self.inputs, self._adopted)
        self.outputs: tuple[str, ...] = read_outputs(outputs, self.inputs, self.nodes)
        require_used(self.inputs, self.nodes, self.outputs)
        self._order = in_order(self.inputs, self.nodes)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """The shape of one row of each input, by name."""
        given = self.input_shape
        known = {name: given if shape is None else shape for name, shape in self.inputs.items()}
        return {name: self._unknown(name) if shape is None else shape for name, shape in known.items()}

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of one row of each output, by name.

        Raises:
            NotBuiltError: shapes are not known yet.
        """
        shapes = {name: self._layer(name).output_shape for name in self.outputs}
        return {name: self._unknown(name) if shape is None else shape for name, shape in shapes.items()}

    @property
    def where(self) -> str:
        """The graph and its inputs, of which messages about data speak."""
        listed = ", ".join(f"{n!r} {'' if s is None else batch_shape(s)}".strip() for n, s in self.inputs.items())
        return f"{f'layer {self.path}: ' if self.path else ''}Graph with the inputs {listed}"

    def children(self) -> Iterator[tuple[str, Layer]]:
        """The nodes, each behind those that it takes."""
        yield from ((name, self._layer(name)) for name in self._order)

    def _put_children(self, children: Sequence[Layer]) -> None:
        """Replaces the layers, in the order of ``children``."""
        layers = dict(zip(self._order, children, strict=True))
        self.nodes = {name: (layers[name], *sources) for name, (_, *sources) in self.nodes.items()}

    def first_layer(self) -> Layer:
        """The layer that meets the data; where there are several inputs, the Graph itself."""
        return self if len(self.inputs) > 1 else super().first_layer()

    def build(
        self,
        input_shape: int | Sequence[int] | None = None,
        seed: int | np.random.Generator = 0,
        dtype: DType = "float32",
    ) -> Shape:
        """Does what ``Network.build`` does, for the shapes that ``inputs`` says.

        Args:
            input_shape: needed for a single input that was given without a shape.
            seed: a number or the generator to draw from.
            dtype: ``"float32"`` or ``"float64"``.
        """
        if input_shape is None:
            shapes = list(self.input_shapes.values())
            input_shape = shapes[0] if len(shapes) == 1 else (sum(map(size_of, shapes)),)
        return super().build(input_shape, seed, dtype)

    def _build_children(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        if self.path and (len(self.inputs) > 1 or len(self.outputs) > 1):
            raise ConfigurationError(
                where=f"layer {self.path}",
                received=f"a Graph with inputs {list(self.inputs)} and outputs {list(self.outputs)} inside a network",
                expected="one input and one output there",
                fix="make the layers around it nodes of the Graph",
            )
        shapes = self._checked(input_shape)
        for name in self._order:
            layer, *sources = self.nodes[name]
            if isinstance(layer, Merge):
                given = [shapes[source] for source in sources]
                layer._given_shapes, layer.input_shape = tuple(given), given[0]
                layer.output_shape = layer.merged_shape(given)
                shapes[name] = layer.output_shape
            else:
                shapes[name] = build_layer(layer, shapes[sources[0]], rng)
        if len(self.outputs) == 1:
            return shapes[self.outputs[0]]
        return (sum(size_of(shapes[name]) for name in self.outputs),)

    def _checked(self, input_shape: Shape) -> dict[str, Shape]:
        """The inputs' shapes, where they agree with that of the data."""
        shapes = self.input_shapes
        expected = (sum(map(size_of, shapes.values())),) if len(shapes) > 1 else next(iter(shapes.values()))
        if input_shape != expected:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}",
                expected=f"{batch_shape(expected)}" + (", the inputs' rows side by side" if len(shapes) > 1 else ""),
                fix="pass a dict of arrays by the inputs' names, or state the data's shapes in inputs=",
            )
        return shapes

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, dict[str, Any]]:
        """Runs the nodes in order; the cache has theirs by name."""
        values, caches = self._take_apart(run, run.enter(self, x)), {}
        lengths: dict[str, Array | None] = dict.fromkeys(values, run.lengths)
        for name in self._order:
            layer, *sources = self.nodes[name]
            parts = [values[source] for source in sources]
            run.lengths = lengths[sources[0]]
            if isinstance(layer, Merge):
                run.meet(layer, [lengths[source] for source in sources])
                values[name], caches[name] = run.join(layer, parts)
            else:
                values[name], caches[name] = run.forward(layer, parts[0], training=training)
            lengths[name] = run.lengths
        run.lengths = lengths[self.outputs[0]]
        if len(self.outputs) == 1:
            return values[self.outputs[0]], caches
        self._require_no_steps([lengths[name] for name in self.outputs])
        y = run.empty((len(x), *(self.output_shape or ())), values[self.outputs[0]].dtype)
        for name, columns in parts_of(self.output_shapes).items():
            run(self, concat_forward, part=flat(values[name]), y=y, start=columns.start)
        return y, caches

    def backward(self, run: Runner, dy: Array, cache: dict[str, Any]) -> Array:
        """Runs the nodes backward; what comes back to one from several places is added."""
        total = _Totals(run, self)
        if len(self.outputs) == 1:
            total.add(self.outputs[0], dy)
        else:
            for name, columns in parts_of(self.output_shapes).items():
                part = run.empty((len(dy), *self.output_shapes[name]), dy.dtype)
                run(self, concat_backward, dy=dy, dpart=flat(part), start=columns.start)
                total.add(name, part)
        for name in reversed(self._order):
            layer, *sources = self.nodes[name]
            if isinstance(layer, Merge):
                parts = run.part(layer, total.of(name), cache[name])
            else:
                parts = [run.backward(layer, total.of(name), cache[name])]
            for source, part in zip(sources, parts, strict=True):
                total.add(source, part)
        self._sum_places(run)
        if len(self.inputs) == 1:
            return total.of(next(iter(self.inputs)))
        dx = run.empty((len(dy), *(self.input_shape or ())), dy.dtype)
        for name, columns in parts_of(self.input_shapes).items():
            run(self, unpack_backward, dy=flat(total.of(name)), dx=dx, start=columns.start)
        return dx

    def _require_no_steps(self, lengths: list[Array | None]) -> None:
        """Refuses steps of rows of different length among several outputs, which stand side by side in one array."""
        if any(own is not None for own in lengths):
            raise ConfigurationError(
                where=self.where,
                received="rows of different length whose steps are among several outputs",
                expected="one output where steps are given, or outputs without steps",
                fix="make a Graph with that output alone, or let a pooling over time stand before it",
            )

    def _take_apart(self, run: Runner, x: Array) -> dict[str, Array]:
        if len(self.inputs) == 1:
            return {next(iter(self.inputs)): x}
        shapes, found = self.input_shapes, {}
        for name, columns in parts_of(shapes).items():
            found[name] = run.empty((len(x), *shapes[name]), x.dtype)
            run(self, unpack_forward, x=x, y=flat(found[name]), start=columns.start)
        return found

    def __call__(self, x: Any) -> Array:
        """The outputs side by side (N, ...) for what ``pack`` takes, outside of training, by the NumPy kernels."""
        return super().__call__(self.pack(x, where="forward: x") if isinstance(x, Mapping | tuple) else x)

    def pack(self, x: Any, *, where: str = "pack") -> Array:
        """The inputs' rows side by side, as the network takes them; a single input as it is.

        Args:
            x: a dict of arrays (N, ...) by the inputs' names, a tuple of them in the inputs' order, or an array that
                is packed already.
            where: for messages.

        Raises:
            DataError: names that are missing or unknown, what are no finite numbers.
            ShapeError: an array that does not fit its input, or has not as many rows as the others.
        """
        return packed(x, self.input_shapes if self.is_built or len(self.inputs) > 1 else self.inputs, where=where)

    def unpack(self, outputs: Array) -> Any:
        """A dict of the outputs (N, ...) by name, where there are several."""
        return unpacked(outputs, self.output_shapes) if len(self.outputs) > 1 else outputs

    def _layer(self, name: str) -> Layer:
        layer: Layer = self.nodes[name][0]
        return layer

    def _unknown(self, name: str) -> Shape:
        self._built()  # which raises, and says what to do
        raise AssertionError(name)


class _Totals:
    """∂L/∂value of each node, and the sum where several nodes take the value."""

    def __init__(self, run: Runner, graph: Graph) -> None:
        self._run, self._graph = run, graph
        self._found: dict[str, Array] = {}
        self._own: set[str] = set()

    def add(self, name: str, part: Array) -> None:
        """One more of the gradients that arrive at a node; arrays of others stay as they are."""
        before = self._found.get(name)
        if before is None:
            self._found[name] = part
        elif name in self._own:
            self._run(self._graph, accumulate, dpart=part, dx=before)
        else:
            self._found[name] = self._run.empty(part.shape, part.dtype)
            self._own.add(name)
            self._run(self._graph, residual_backward, dshortcut=before, dbranch=part, dx=self._found[name])

    def of(self, name: str) -> Array:
        """The sum."""
        return self._found[name]
