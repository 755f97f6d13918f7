"""From what a training step is recorded, told by the parts that take part in it, as far as they are the library's."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from glassnet.compile.origin import Origin
from glassnet.core.parameters import Parameter
from glassnet.core.shapes import Array
from glassnet.initializers import Initializer
from glassnet.network import Network
from glassnet.runners.own import is_library_code, is_own
from glassnet.training.batches import Rows
from glassnet.training.changes import DEPTH, PLAIN, left_out
from glassnet.training.parts import Parts

WITHOUT_EFFECT = {"draw", "where"}
"""Of a parameter: how it was drawn, and how messages name it."""


class _Unknown(Exception):  # noqa: N818 - caught here, and no error
    """Something of which nobody knows whether another one is the same."""


def origin_of(parts: Parts, rows: Rows, batch_rows: int) -> Origin | None:
    """What a step on such batches is recorded from; None where that cannot be told without recording it.

    It is told by all attributes of layers, parameters, loss and optimizer. Classes, methods or functions of the user's
    among them may do anything, and arrays may hold anything, but for those whose contents no recording asks for.
    """
    network, loss, optimizer, seed = parts
    if float(seed) != seed:  # which stands in the calls as it is
        return None
    flat = [network.parameters, network.gradients, *optimizer.state.values()]
    try:
        told = _Told(flat)
        _tell_network(network, told)
        told.all_of([loss, optimizer])
    except _Unknown:
        return None
    given = (rows.x, rows.targets, rows.loss_weights, rows.lengths)
    present = tuple(array is not None for array in given)
    key = (present, *told.words)
    return Origin(key, hash(key), told.things, seed, flat, [a for a in given if a is not None], batch_rows)


def likeness_of(network: Network) -> tuple[Any, ...] | None:
    """What is equal for networks that calculate the same from their parameters; None where that cannot be told."""
    told = _Told(())
    try:
        _tell_network(network, told)
    except _Unknown:
        return None
    return tuple(told.words)


_NETWORKS: WeakKeyDictionary[Network, tuple[int, list[Any], list[Any]]] = WeakKeyDictionary()
"""Of networks their version, the words for it, and the things inside."""


def _tell_network(network: Network, told: _Told) -> None:
    """Tells a network, once for each of its versions."""
    known = _NETWORKS.get(network)
    if known is not None and known[0] == network.version:
        told.take_over(known[1], [network, *known[2]])
        return
    version = network.version
    told.all_of([network, *(layer for _, layer in network.walk())])
    _NETWORKS[network] = version, told.words.copy(), told.things[1:]


class _Told:
    """What some things are like, in words that are the same for others that are like them.

    Attributes:
        words: numbers, texts, classes and functions.
        things: whose attributes were told, in the order in which they were met.
    """

    def __init__(self, flat: Sequence[Array]) -> None:
        self.words: list[Any] = []
        self.things: list[Any] = []
        self._places: dict[int, int] = {}
        self._flat = {id(array): number for number, array in enumerate(flat)}

    def all_of(self, things: list[Any]) -> None:
        """Tells some things, and those inside them."""
        told = len(self.things)
        for thing in things:
            self._place_of(thing)
        while told < len(self.things):
            self._attributes_of(self.things[told])
            told += 1

    def take_over(self, words: list[Any], things: list[Any]) -> None:
        """Begins with what was told before of the same things."""
        self.words, self.things = words.copy(), things
        self._places = {id(thing): place for place, thing in enumerate(things)}

    def _attributes_of(self, thing: Any) -> None:
        words, skipped = self.words, left_out(thing)
        words.append(type(thing))
        is_parameter = isinstance(thing, Parameter)
        for name, value in vars(thing).items():
            if name in skipped or (is_parameter and name in WITHOUT_EFFECT):
                continue
            kind = type(value)
            is_plain = value is None or (kind in PLAIN and kind is not float)
            if is_plain or (kind is tuple and set(map(type, value)) == {int}):  # such as a shape
                words += (name, kind, value)
            else:
                words.append(name)
                self._value(value, DEPTH)

    def _value(self, value: Any, depth: int) -> None:
        kind, words = type(value), self.words
        if kind in PLAIN:
            words += (kind, repr(value) if kind is float else value)  # which tells -0.0 from 0.0
        elif value is None:
            words.append(None)
        elif kind is tuple or kind is list or kind is dict:
            if not depth:
                raise _Unknown
            words += (kind, len(value))
            for item in value:
                self._value(item, depth - 1)
            if kind is dict:
                for item in value.values():
                    self._value(item, depth - 1)
        elif kind is np.ndarray:
            if id(value) not in self._flat:
                raise _Unknown
            words += (Array, self._flat[id(value)])
        elif isinstance(value, Initializer):  # which has done its work
            words.append(Initializer)
        elif isinstance(value, type | FunctionType):
            if not is_library_code(value):
                raise _Unknown
            words += ("code", value)
        else:
            words += ("thing", self._place_of(value))

    def _place_of(self, thing: Any) -> int:
        """The number of a thing of the library's, whose attributes are told in their turn."""
        place = self._places.get(id(thing))
        if place is None:
            if not is_library_code(type(thing)) or not hasattr(thing, "__dict__") or is_own(thing):
                raise _Unknown
            place = self._places[id(thing)] = len(self.things)
            self.things.append(thing)
        return place
