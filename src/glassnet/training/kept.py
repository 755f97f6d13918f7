"""What a user's own parts keep on themselves, as data: numbers, texts, arrays, lists, tuples, dicts, generators.

A description of it is made of None, truth values, numbers, texts and arrays, and of dicts with a ``"kind"``, which hold
further ones. What cannot be described is known by a digest, if at all: it is compared, not put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array
from glassnet.training.digests import MOST_ITEMS, Digests, UnknowableError, digest
from glassnet.training.own_attributes import (
    is_plain_object,
    is_same_by_kind,
    name_of,
    own_attributes,
    state_of_generator,
)

DEEPEST = 24
"""In so many others a thing stands at most that is described."""
LARGE = 4096
"""An array of more elements that no step has changed is compared alone."""


class Description:
    """Describes what parts keep.

    Args:
        parameters: the network's, which are kept elsewhere; so are views of them.
        before: the digests of large or opaque things as they were when the training began.

    Attributes:
        digests: those of now.
    """

    def __init__(self, parameters: Array | None = None, before: Mapping[str, str] | None = None) -> None:
        self._parameters, self._before = parameters, before
        self._items = 0
        self._around: set[int] = set()
        self.digests: Digests = {}

    def attributes(self, thing: Any, path: str = "") -> dict[str, Any]:
        """What an object keeps on itself besides its constructor's arguments and what the library sets, by name."""
        joined = f"{path}." if path else ""
        found = {name: self.of(value, f"{joined}{name}") for name, value in sorted(own_attributes(thing).items())}
        return {name: value for name, value in found.items() if value is not SAME}

    def of(self, value: Any, path: str) -> Any:
        """The description of a value."""
        self._items += 1
        if self._items > MOST_ITEMS or len(self._around) > DEEPEST or id(value) in self._around:
            return self._opaque(value, path)
        self._around.add(id(value))
        try:
            return self._of(value, path)
        finally:
            self._around.discard(id(value))

    def _of(self, value: Any, path: str) -> Any:
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind is int:
            return value if abs(value) < 1 << 53 else {"kind": "whole", "digits": hex(value)}
        if kind is float:
            return value if isfinite(value) else {"kind": "float", "name": repr(value)}
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return {"kind": "scalar", "array": np.array(value)}
        if kind is np.ndarray and value.dtype.kind in "biufcSU":
            return self._array(value, path)
        if kind in (list, tuple):
            return {"kind": kind.__name__, "items": [self.of(item, f"{path}[{n}]") for n, item in enumerate(value)]}
        if kind is dict and all(map(_may_be_key, value)):
            items = [[self.of(k, f"{path} key"), self.of(v, f"{path}[{k!r:.40}]")] for k, v in list(value.items())]
            return {"kind": "dict", "items": items}
        state = state_of_generator(value)
        if state is not None:
            return {"kind": "generator", "name": name_of(value), "state": self.of(state, path)}
        if is_same_by_kind(value):
            return SAME
        if isinstance(value, Configurable) or is_plain_object(value):
            return {"kind": "object", "name": name_of(value), "attributes": self.attributes(value, path)}
        return self._opaque(value, path)

    def _array(self, value: Array, path: str) -> Any:
        if self._parameters is not None and np.may_share_memory(value, self._parameters):
            return SAME
        if value.size <= LARGE:
            return value.copy()
        self.digests[path] = digest(value)
        if self._before is None or self._before.get(path) == self.digests[path]:
            return {"kind": "digest", "of": "array", "digest": self.digests[path], "has_moved": False}
        return value.copy()

    def _opaque(self, value: Any, path: str) -> Any:
        try:
            found: str | None = digest(value)
        except UnknowableError:
            found = None
        has_moved = self._before is not None and (found is None or self._before.get(path) != found)
        if found is not None:
            self.digests[path] = found
        return {"kind": "digest", "of": type(value).__name__, "digest": found, "has_moved": has_moved}


SAME = {"kind": "same"}
"""Stands for what never changes, such as a class or a layer of the library's, which has its own place in files."""
UNKNOWN = {"kind": "digest", "of": "something", "digest": None, "has_moved": True}
"""Stands for what cannot be told."""


def moved_to(found: str) -> dict[str, Any]:
    """The description of something that has changed, of which only the digest is known."""
    return {"kind": "digest", "of": "something", "digest": found, "has_moved": True}


def unmoved(described: Mapping[str, Any]) -> Digests:
    """The digests in a description of what had not changed since its training began, by their paths."""
    return {path: one["digest"] or "" for path, one in _digests_in(described) if not one["has_moved"]}


def moved_in(described: Mapping[str, Any]) -> list[str]:
    """The paths of what had changed and is known by its digest alone, so that nobody can put it back."""
    return [path for path, one in _digests_in(described) if one["has_moved"]]


def _digests_in(attributes: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in attributes.items():
        yield from _digests_of(value, f"{path}.{name}" if path else name)


def _digests_of(described: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = described["kind"] if isinstance(described, dict) else None
    if kind == "digest":
        yield path, described
    elif kind == "object":
        yield from _digests_in(described["attributes"], path)
    elif kind in ("list", "tuple"):
        for number, item in enumerate(described["items"]):
            yield from _digests_of(item, f"{path}[{number}]")
    elif kind == "dict":
        for key, item in described["items"]:
            yield from _digests_of(item, f"{path}[{value_of_key(key)!r:.40}]")


def _may_be_key(key: Any) -> bool:
    """Whether a dict's key can be described."""
    if type(key) is tuple:
        return all(map(_may_be_key, key))
    return key is None or type(key) in (bool, int, float, str)


def value_of_key(described: Any) -> Any:
    """The key of a dict of which that is the description."""
    if not isinstance(described, dict):
        return described
    if described["kind"] == "tuple":
        return tuple(value_of_key(item) for item in described["items"])
    return int(described["digits"], 16) if described["kind"] == "whole" else float(described["name"])
