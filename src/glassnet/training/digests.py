"""Texts that are others where a value is: to tell whether a user's part keeps something else than before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from glassnet.core.settings import Configurable
from glassnet.training.own_attributes import CONSTANT, is_same_by_kind, own_attributes, state_of_generator

MOST_ITEMS, DEEPEST = 100_000, 100
"""What is larger is not looked at to its end."""
HASHED = 1 << 18
"""Of arrays with more elements so many are looked at."""
Digests = dict[str, str]
"""By the path of what they are of, such as ``"meter.window"``."""


class UnknowableError(Exception):
    """Something of which nobody can say whether it has changed, such as an open file."""


def digest(value: Any) -> str:
    """A text that is another one where the value is.

    Raises:
        UnknowableError: it cannot be told.
    """
    found = blake2b(digest_size=12)
    _Digest(found.update).take(value)
    return found.hexdigest()


class _Digest:
    """Goes through a value as copies do, and hands every part of it on."""

    def __init__(self, update: Callable[[bytes], None]) -> None:
        self._update, self._items = update, 0
        self._around: set[int] = set()

    def take(self, value: Any) -> None:
        self._items += 1
        if self._items > MOST_ITEMS or len(self._around) > DEEPEST:
            raise UnknowableError
        if id(value) in self._around:
            return self._update(b"around")
        self._around.add(id(value))
        try:
            self._take(value)
        finally:
            self._around.discard(id(value))
        return None

    def _take(self, value: Any) -> None:
        kind = type(value)
        self._update(f"{kind.__module__}.{kind.__qualname__}".encode())
        if value is None or kind in (bool, int, float, complex, str, bytes, bytearray):
            self._update(repr(value).encode("utf-8", "surrogatepass"))
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biufcSUmM":
            step = max(1, value.size // HASHED)
            self._update(repr((value.shape, value.dtype.str)).encode())
            self._update(np.ascontiguousarray(value.reshape(-1)[::step]).tobytes())
        elif kind in (list, tuple):
            self._all(value)
        elif kind in (set, frozenset):
            self._all(sorted(map(digest, value)))
        elif kind is dict:
            self._all(part for item in value.items() for part in item)
        elif isinstance(value, FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
            self._all([value.__qualname__, value.__defaults__, value.__kwdefaults__, vars(value), *cells])
        elif isinstance(value, MethodType):
            self._all([value.__func__.__qualname__, value.__self__])
        elif isinstance(value, Configurable):
            self._all([value.settings(), own_attributes(value)])
        elif isinstance(value, CONSTANT):
            self._update(str(getattr(value, "__qualname__", value)).encode())
        elif not is_same_by_kind(value):
            self._reduced(value)

    def _all(self, values: Any) -> None:
        for value in values:
            self.take(value)
        self._update(b"end")

    def _reduced(self, value: Any) -> None:
        """As copies are made: by what makes it, its state and what it contains."""
        state = state_of_generator(value)
        if state is not None:
            return self.take(state)
        try:
            parts = value.__reduce_ex__(4)
        except Exception as error:  # of whatever class
            raise UnknowableError from error
        if isinstance(parts, str):
            return self._update(parts.encode())
        made, arguments, *further = parts
        self._all([getattr(made, "__qualname__", None), arguments])
        for part in further:
            if isinstance(part, Iterator):
                self._all(part)
            elif part is not None:
                self.take(part)
        return None


def attribute_digests(thing: Any) -> Digests:
    """A digest of each thing that an object keeps on itself; empty where it cannot be told."""
    found: Digests = {}
    for name, value in own_attributes(thing).items():
        try:
            found[name] = digest(value)
        except UnknowableError:
            found[name] = ""
    return found


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - empty ones raise
    except ValueError:
        return False
    return True
