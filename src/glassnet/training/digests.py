"""Texts that are others where a value is: to tell whether a user's part keeps something else than before."""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from glassnet.core.settings import Configurable
from glassnet.training.own_attributes import CONSTANT, is_same_by_kind, own_attributes, state_of_generator

MOST_ITEMS, DEEPEST = 100_000, 100
"""What is larger is not looked at to its end."""
TRIES = 3
"""How often something is gone through that another thread changes meanwhile."""
HASHED = 1 << 18
"""Of arrays with more elements so many are looked at."""
Digests = dict[str, str]
"""By the path of what they are of, such as ``"meter.window"``."""


class UnknowableError(Exception):
    """Something of which nobody can say whether it has changed, such as an open file."""


def digest(value: Any, *, foreign: bool = True) -> str:
    """A text that is another one where the value is.

    Args:
        value: anything.
        foreign: whether to look into objects of installed libraries, too, such as a frame, which may take long.

    Raises:
        UnknowableError: it cannot be told.
    """
    for _ in range(TRIES):
        found = blake2b(digest_size=12)
        try:
            _Digest(found.update, foreign=foreign).take(value)
        except RuntimeError:  # it grew while it was gone through: by another thread
            continue
        return found.hexdigest()
    raise UnknowableError


class _Digest:
    """Goes through a value as copies do, and hands every part of it on."""

    def __init__(self, update: Callable[[bytes], None], *, foreign: bool) -> None:
        self._update, self._foreign, self._items = update, foreign, 0
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
        if not self._foreign and _is_foreign(type(value).__module__.partition(".")[0]):
            raise UnknowableError
        try:
            reduced = copyreg.dispatch_table.get(type(value))
            parts = value.__reduce_ex__(4) if reduced is None else reduced(value)
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


@cache
def _is_foreign(package: str) -> bool:
    """Whether a package is an installed library other than NumPy."""
    file = str(getattr(sys.modules.get(package), "__file__", "") or "")
    return package != "numpy" and bool({"site-packages", "dist-packages"} & set(Path(file).parts))


def attribute_digests(thing: Any) -> Digests:
    """A digest of each thing that an object keeps on itself; empty where it cannot be told, or in no short time."""
    found: Digests = {}
    for name, value in own_attributes(thing).items():
        try:
            found[name] = digest(value, foreign=False)
        except UnknowableError:
            found[name] = ""
    return found


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - empty ones raise
    except ValueError:
        return False
    return True
