"""Whether what was compiled still holds: has anything changed since that a program took for granted?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from glassnet.core.parameters import Parameter, ParameterView, Watched
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array
from glassnet.initializers import Initializer
from glassnet.layers.weights import WithWeights
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners.base import is_library_code
from glassnet.runners.own import is_own
from glassnet.training.parts import is_python

PLAIN = frozenset((bool, int, float, str))
"""What is the same where it is equal; of anything else only the object itself is."""
DEPTH = 4
"""Lists, tuples and dicts are looked into so deep."""
ASKED_AT_EACH_STEP = ("learning_rate", "learning_rate_scale")
"""What a rule of the library's may change: its programs ask for the rate whenever they run."""

OF_MEMORY = (
    *("_buffers", "_memory", "_sums", "_built_of", "_home"),
    *("_layout_of", "_looked_at", "_changed", "_demands", "_second", "_inside", "_without"),
)
"""What says where a network's parameters lie, which its buffers tell, and what it keeps until something is set."""


class Fingerprint:
    """What a network and the parts that train it are like now, to be told from what they are later.

    Looked at are the attributes of every layer, parameter, loss, optimizer and step, the flat buffers and the
    optimizer's memory: which objects they are, and the numbers and texts among them. The contents of arrays are not:
    programs read them where they are.

    Args:
        network: as it is used; it may not be built.
        parts: loss and optimizer, or nothing for a prediction.
    """

    def __init__(self, network: Network, *parts: Configurable) -> None:
        self._network, self._parts = network, parts
        self.renew()

    def renew(self) -> None:
        """Takes what there is now for granted."""
        layers = self._network, *(layer for _, layer in self._network.walk())
        self._has_own = any(map(is_own, layers))  # in which anything may be hidden
        self._version = self._version_now()
        self._buffers = self._buffers_now()
        self._of_layers = self._layers(self._version)
        self._of_parts = _attributes(list(self._parts))

    def watch(self, single: Any) -> bool:
        """Lets a native step look itself whether nothing has changed; False where only Python can tell."""
        if self._has_own or "_changed" not in vars(self._network) or self._version != self._version_now():
            return False
        for live, seen, left_out in self._of_parts:
            single.watch(live, seen, left_out)
        single.expect(vars(self._network), "_changed")
        single.expect_of(Watched, "unplaced")
        return True

    def is_current(self) -> bool:
        """Whether nothing has changed.

        Attributes of layers are compared only where the network's version is another one (see ``Watched``): it may be
        that nothing is different all the same.
        """
        for live, seen, left_out in self._of_parts:
            if not _is_as_seen(live, seen, left_out):
                return False
        version = self._version_now()
        if version != self._version:
            if self._buffers_now() is not self._buffers:
                return False
            now, before = self._layers(version), self._of_layers
            if len(now) != len(before) or not all(map(_is_equal, now, before)):
                return False
            self._version = version
        return True

    def _buffers_now(self) -> Array | None:
        return self._network.parameters if self._network.is_built else None

    def _version_now(self) -> int:
        return Watched.latest if self._has_own else self._network.version

    def _layers(self, version: int) -> tuple[Any, ...]:
        """The attributes of all layers and parameters, one after another: seldom compared, often kept."""
        known = None if self._has_own else _OF_LAYERS.get(self._network)
        if known is not None and known[0] == version:
            return known[1]
        flat: list[Any] = []
        for _, seen, _ in _attributes([self._network, *(layer for _, layer in self._network.walk())]):
            _flatten(seen, flat)
        found = tuple(flat)
        if not self._has_own:
            _OF_LAYERS[self._network] = version, found
        return found


_OF_LAYERS: WeakKeyDictionary[Network, tuple[int, tuple[Any, ...]]] = WeakKeyDictionary()
"""What the attributes of networks' layers were, and at which of their versions."""


_Attributes = tuple[dict[str, Any], dict[str, Any], int]
"""The attributes of an object, what they were, and how many are left out."""


def _attributes(roots: list[Any]) -> list[_Attributes]:
    """The attributes of some objects, and of glassnet's objects inside them."""
    found: dict[int, _Attributes] = {}
    waiting = roots
    while waiting:
        thing = waiting.pop()
        if id(thing) in found:
            continue
        live, skipped = vars(thing), left_out(thing)
        seen = {name: _copied(value, DEPTH) for name, value in live.items() if name not in skipped}
        found[id(thing)] = live, seen, len(live) - len(seen)
        for value in seen.values():
            waiting += _inside(value, DEPTH)
    return list(found.values())


def left_out(thing: Any) -> tuple[str, ...]:
    """What is no change: what follows from the rest, and what the thing itself changes all the time."""
    if isinstance(thing, Parameter):
        return ("_value", "_store") if isinstance(thing, ParameterView) else ("_value", "_gradient", "_store")
    if isinstance(thing, WithWeights):
        return OF_MEMORY
    if isinstance(thing, Optimizer):
        is_asked = is_library_code(type(thing)) or is_python(thing)
        return ("steps", *ASKED_AT_EACH_STEP) if is_asked else ("steps",)
    return ()


def _inside(value: Any, depth: int) -> Iterator[Any]:
    """The objects in an attribute whose own attributes matter."""
    if isinstance(value, list | tuple | dict):
        if depth:
            for item in value.values() if isinstance(value, dict) else value:
                yield from _inside(item, depth - 1)
    elif isinstance(value, Initializer):  # which has done its work
        return
    elif isinstance(value, Configurable) or (is_library_code(type(value)) and hasattr(value, "__dict__")):
        yield value


def _copied(value: Any, depth: int) -> Any:
    """The value, with lists, tuples and dicts as they are now."""
    if not depth:
        return value
    if type(value) is dict:
        return {key: _copied(item, depth - 1) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copied(item, depth - 1) for item in value)
    return value


def _flatten(value: Any, flat: list[Any], depth: int = DEPTH + 1) -> None:
    if depth and type(value) in (dict, list, tuple):
        flat += [type(value), len(value), *(value if type(value) is dict else ())]
        for item in value.values() if type(value) is dict else value:
            _flatten(item, flat, depth - 1)
    else:
        flat.append(value)


def _is_as_seen(live: dict[str, Any], seen: dict[str, Any], left_out: int) -> bool:
    if len(live) - left_out != len(seen):
        return False
    for name in seen:
        before, now = seen[name], live.get(name, seen)  # no attribute holds ``seen`` itself
        if now is not before and not _is_same(now, before):
            return False
    return True


def _is_equal(now: Any, before: Any) -> bool:
    return now is before or _is_same(now, before)


def _is_same(now: Any, before: Any) -> bool:
    kind = type(before)
    if type(now) is not kind:
        return False
    if kind is dict:
        return _is_as_seen(now, before, 0)
    if kind is list or kind is tuple:
        return len(now) == len(before) and all(map(_is_equal, now, before))
    return kind in PLAIN and bool(now == before)
