"""The parameters of a network in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Self

import numpy as np

from glassnet.core.errors import ConfigurationError, NotBuiltError
from glassnet.core.memory import Layout, Store, is_same_memory, layout_of
from glassnet.core.parameters import Parameter, ParameterView
from glassnet.core.shapes import Array, DType, as_dtype
from glassnet.kernels.combine import accumulate
from glassnet.layers import Layer, PythonLayer
from glassnet.runners import Runner
from glassnet.runners.own import is_own

OF_PLACE = "_memory", "_sums", "_second", "_inside", "_without"
"""Attributes of a network that follow from the memory that it stands in."""
Named = list[tuple[str, Parameter]]
"""Parameters with their paths."""


class InMemory(Layer):
    """Layers inside whose parameters lie in one flat buffer, and their gradients in another."""

    _buffers: tuple[Array, Array, Layout] | None = None
    is_network = True
    _layout_of = -1
    _looked_at = -1
    _built_of: list[int] | None = None
    _memory: Store | None = None
    _sums: tuple[tuple[Parameter, Parameter], ...] = ()
    _second: str | None = None
    _inside: tuple[tuple[str, Layer], ...] | None = None
    _without = -1

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
        if self._second is not None:
            raise ConfigurationError(
                where=f"gradients of {self!r:.60}",
                received=f"{self._second}, whose weights stand elsewhere in the network around it, too",
                expected="the whole network, or the first of the places",
                fix="train the whole; or a copy of this part: network.copy()",
            )
        return gradients

    @property
    def layout(self) -> Layout:
        """Which part of the two buffers belongs to which parameter, and which are trained."""
        layout = self._built()[2]
        if self._layout_of != self.version:
            self.require_unchanged()
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

    def put_back(self, parameters: Array) -> None:
        """Takes over an array like ``parameters``; what other networks have between its own stays as it is."""
        for segment in self.layout:
            segment.view(self.parameters)[...] = segment.view(parameters)

    def copy(self, dtype: DType | None = None) -> Self:
        """An independent network with copies of the parameters, in another dtype if asked."""
        twin = deepcopy(self)
        if dtype is not None:
            twin._built()
            twin._move(as_dtype(dtype))
        return twin

    def _trained_thing(self) -> object:
        """What only one training at a time may write into: the memory, which networks that share layers share."""
        return self if self._memory is None else self._memory

    def require_built(self, where: str) -> None:
        """Raises ``NotBuiltError``, which names the place, where the shapes are not known yet."""
        if not self.is_built:
            raise NotBuiltError(
                where=where,
                received="a network whose shapes are not known yet",
                expected="a built one",
                fix="call net.build((features,)) first, or let model.fit(x, y) infer the shapes",
            )

    def _built(self) -> tuple[Array, Array, Layout]:
        self.require_built(type(self).__name__)
        assert self._buffers is not None
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

    def parameters_by_path(self) -> Named:
        """(path, ``Parameter``) in build order, each once."""
        return list(self._named())

    def _networks(self) -> list[InMemory]:
        """This one and those inside."""
        return [self, *(layer for _, layer in self.walk() if layer.is_network and isinstance(layer, InMemory))]

    def _store(self) -> Store:
        self._built()
        assert self._memory is not None
        return self._memory

    def _place(self, dtype: np.dtype[Any], named: Named, networks: list[InMemory]) -> None:
        """Gives the parameters a place in memory beside each other, and all networks inside their part of it.

        Args:
            dtype: of the values.
            named: what ``_named`` gives.
            networks: what ``_networks`` gives.
        """
        sources = [p.source for _, p in named]
        inside = {id(network) for network in networks}
        other = next((path for path, p in named if p.source.store is not None and p.dtype != dtype), None)
        if other is not None and not all(self._is_alone(p, inside) for p in sources):
            kept = dict(named)[other].dtype
            raise ConfigurationError(
                where=f"build of {self!r:.60}",
                received=f"the weights of {other}, which are there already, in {kept}",
                expected=f"{dtype}, as asked for",
                fix=f'ask for the dtype that they have: gn.Model(..., dtype="{kept}"); or put a copy of that network '
                f'there: network.copy("{dtype}")',
            )
        self._live_in(Store.holding(sources, dtype), networks)

    def layers_inside(self) -> tuple[tuple[str, Layer], ...]:
        """What ``walk`` gives, which is known where nothing has changed."""
        known = self._inside
        return tuple(self.walk()) if known is None or self._layout_of != self.version else known

    def may_hold_unplaced(self, number: int) -> bool:
        """No, where the layers inside are those that it was given its memory with, and hide nothing."""
        if self._without == number:
            return False
        if self._inside is None or self._inside != tuple(self.walk()):
            return True
        self.__dict__["_without"] = number
        return False

    def require_unchanged(self) -> None:
        """Refuses other layers than those of the build, and settings that do not fit their weights any more."""
        if self._looked_at == self.version:
            return
        layers = [layer for _, layer in self.walk()]
        named = [p.source for _, p in self._named()]
        new = next(
            (layer for layer in layers if layer.input_shape is None and type(layer).build is not Layer.build), None
        )
        if new is not None or [id(parameter) for parameter in named] != self._built_of:
            raise ConfigurationError(
                where=f"{self!r:.60}",
                received="other layers than it was built with" + ("" if new is None else f", such as {new!r:.60}"),
                expected="the same parameters, which have their places in its memory",
                fix="build it again: net.build(...); or make a new network, which shares the layers: "
                "gn.Sequential(*layers)",
            )
        for layer in (self, *layers):
            layer.require_as_built()
        self.__dict__["_looked_at"] = self.version

    def _is_alone(self, source: Parameter, inside: set[int]) -> bool:
        """Whether no network but these has its parameters in the same memory."""
        return not isinstance(source.store, Store) or all(id(network) in inside for network in source.store.networks)

    def _live_in(self, store: Store, networks: list[InMemory]) -> None:
        for network in networks:
            network.__dict__["_memory"] = store
            named = list(network._named())
            network.__dict__["_built_of"] = [id(p.source) for _, p in named]
            store.networks.add(network)
            network._bind(named)

    def bind_buffers(self) -> None:
        """Takes the arrays of its part of the store, as they are now, and the layout."""
        self._bind(list(self._named()))

    def _bind(self, named: Named) -> None:
        store = named[0][1].source.store if named else self._memory
        assert store is not None
        part = store.part([p.source for _, p in named])
        inside = tuple(self.walk())
        for layer in (self, *(layer for _, layer in inside)):
            for parameter in layer.own_parameters().values():
                if isinstance(parameter, ParameterView):
                    parameter.bind()
        buffers, before = (store.values[part], store.gradients[part]), self._buffers
        if before is not None and all(is_same_memory(a, b) for a, b in zip(before[:2], buffers, strict=True)):
            buffers = before[:2]
        second = next((path for path, p in named if isinstance(p, ParameterView) and not p.never_trained), None)
        found = {"_memory": store, "_sums": tuple(self._sums_of_places()), "_second": second}
        self.__dict__.update(found, _buffers=(*buffers, layout_of(named, part.start)))
        if before is None or buffers[0] is not before[0]:
            self.note_change()
        hides = any(
            is_own(layer) or isinstance(layer, PythonLayer) for layer in (self, *(layer for _, layer in inside))
        )
        self.__dict__.update(_inside=None if hides else inside, _without=-1)
        self.__dict__["_layout_of"] = self.version

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
        self._live_in(store, self._networks())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name not in OF_PLACE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for _, child in self.children():
            child.stand_in(self)
        if self.is_built:
            self._move(self._built()[0].dtype)


def is_never_trained(parameter: Parameter) -> bool:
    """Whether it stands where it is never trained."""
    return isinstance(parameter, ParameterView) and parameter.never_trained
