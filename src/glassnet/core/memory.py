"""The flat memory of parameters and their gradients, and the layout that says which part belongs to whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import ReferenceType, WeakSet, WeakValueDictionary, ref

import numpy as np

from glassnet.core.parameters import Parameter
from glassnet.core.shapes import Array, Shape

PAGE, LINE = 4096, 64
"""Bytes."""


@dataclass(frozen=True)
class Segment:
    """Where one parameter lies in the flat buffers: elements ``start`` to ``stop``.

    ``trainable`` and ``learning_rate_scale`` are those of its ``Parameter``.
    """

    path: str
    start: int
    stop: int
    shape: Shape
    is_weight: bool
    unit_axis: int | None
    trainable: bool = True
    learning_rate_scale: float = 1.0
    is_statistic: bool = False

    def view(self, flat: Array) -> Array:
        """This parameter's part of a flat buffer, in its shape."""
        return flat[self.start : self.stop].reshape(self.shape)


Layout = tuple[Segment, ...]


def layout_of(parameters: Iterable[tuple[str, Parameter]], origin: int) -> Layout:
    """The layout of parameters that lie in a store.

    Args:
        parameters: with their paths.
        origin: where the network's part of the store begins.
    """
    segments = []
    for path, p in parameters:
        start = p.source._start - origin
        kind = p.is_weight, p.unit_axis, p.trainable, p.learning_rate_scale, p.is_statistic
        segments.append(_segment(path, start, start + p.size, p.shape, *kind))
    return tuple(segments)


@lru_cache(maxsize=4096, typed=True)
def _segment(*given: Any) -> Segment:
    """Segments that are equal are one object, so that layouts are quickly compared."""
    return Segment(*given)


def is_uniform(layout: Layout, size: int) -> bool:
    """Whether all of a flat array of that size is trained at one rate, but for running statistics."""
    is_plain = all((s.trainable or s.is_statistic) and s.learning_rate_scale == 1 for s in layout)
    return is_plain and sum(s.stop - s.start for s in layout) == size


def flat_buffer(size: int, dtype: np.dtype[Any], *, stream: int) -> Array:
    """Zeros (size,) that begin at a cache line, at another place in its page for each ``stream``.

    An update walks through parameters, gradients and the optimizer's state side by side. Where they stand at the same
    place of their pages, a processor takes the write to one for a write to the others, and waits.

    Args:
        size: number of elements.
        dtype: of the elements.
        stream: 0 for the parameters, 1 for the gradients, 2 and up for the optimizer's state.
    """
    raw = np.zeros(size * dtype.itemsize + PAGE + LINE, np.uint8)
    place = (stream * (PAGE // 4 + LINE)) % PAGE
    skip = (place - raw.__array_interface__["data"][0]) % PAGE
    return raw[skip : skip + size * dtype.itemsize].view(dtype)


_STORES: WeakValueDictionary[int, Store] = WeakValueDictionary()
"""By the ``id`` of the array that owns the memory of their values; some are there under those of before, too."""


def layout_known(parameters: Array) -> Layout | None:
    """The layout of a flat array that is a network's ``parameters``; None for any other array."""
    owner = parameters
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    # What is lent by something else, such as a buffer, may be the memory of any of them.
    stores = [_STORES.get(id(owner))] if owner.base is None else list(_STORES.values())
    for store in filter(None, stores):
        for network in list(store.networks):
            if network.is_built and is_same_memory(network.parameters, parameters):
                layout: Layout = network.layout
                return layout
    return None


def is_same_memory(one: Array, other: Array) -> bool:
    """Whether two flat arrays are the same elements."""
    same_place = one.__array_interface__["data"][0] == other.__array_interface__["data"][0]
    return same_place and one.size == other.size and one.dtype == other.dtype


class Store:
    """The memory of parameters: a flat array of values and one of gradients.

    A network's parameters lie together in it, in their order. Networks that share layers have one store: whatever is
    new is laid behind what there is, so that none of them changes its length or order.

    Args:
        dtype: of both arrays.
        size: how many values they have.

    Attributes:
        networks: that have their parameters here; each is told by ``bind_buffers`` when the arrays are others.
    """

    def __init__(self, dtype: np.dtype[Any], size: int = 0) -> None:
        self.networks: WeakSet[Any] = WeakSet()
        self._held: list[ReferenceType[Parameter]] = []  # it is they who hold the store
        self._make_room(size, dtype)

    def _make_room(self, size: int, dtype: np.dtype[Any]) -> None:
        self.values, self.gradients = (flat_buffer(size, dtype, stream=i) for i in range(2))
        _STORES[id(self.values.base)] = self

    @staticmethod
    def holding(parameters: Sequence[Parameter], dtype: np.dtype[Any]) -> Store:
        """The store of all these: one that they are in already, or a new one into which everything moves."""
        stores: list[Store] = list(dict.fromkeys(p._store for p in parameters if p._store is not None))
        new = [p for p in parameters if p._store is None]
        if len(stores) == 1 and not new and stores[0].values.dtype == dtype:
            return stores[0]
        total = sum(len(store.values) for store in stores) + sum(p.size for p in new)
        joined, start = Store(dtype, total), 0
        for store in stores:
            stop = start + len(store.values)
            joined.values[start:stop], joined.gradients[start:stop] = store.values, store.gradients
            for held in store._held:
                if (parameter := held()) is not None:
                    joined._take(parameter, parameter._start + start)
            start = stop
        for parameter in new:
            values = parameter.value
            joined._take(parameter, start)
            parameter.value[...] = values
            start += parameter.size
        for network in [network for store in stores for network in store.networks]:
            joined.networks.add(network)
        for network in list(joined.networks):
            network.bind_buffers()
        return joined

    def take_over(self, parameters: Sequence[tuple[Parameter, int]], size: int) -> None:
        """Becomes the memory of parameters with given places, for so many values in all."""
        self._make_room(size, self.values.dtype)
        for parameter, start in parameters:
            values = parameter.value
            self._take(parameter, start)
            parameter.value[...] = values

    def _take(self, parameter: Parameter, start: int) -> None:
        parameter._store, parameter._start = self, start
        self._held.append(ref(parameter))
        self.bind(parameter)

    def bind(self, parameter: Parameter) -> None:
        """Shows layers the parameter's place; one that is frozen has a gradient elsewhere, and none here."""
        part = slice(parameter._start, parameter._start + parameter.size)
        value, gradient = (flat[part].reshape(parameter.shape) for flat in (self.values, self.gradients))
        if parameter._is_frozen:
            gradient[...] = 0
            gradient = np.zeros(parameter.shape, gradient.dtype)
        parameter.show(value, gradient)

    def part(self, parameters: Sequence[Parameter]) -> slice:
        """Where these lie, and what may lie between them."""
        starts = [p._start for p in parameters]
        return slice(min(starts, default=0), max((p._start + p.size for p in parameters), default=0))
