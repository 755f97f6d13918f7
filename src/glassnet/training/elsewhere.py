"""What the code of own parts keeps outside of their objects: in variables of its module, its class or around it."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from glassnet.runners.own import is_library_code
from glassnet.training.digests import Digests, UnknowableError, digest
from glassnet.training.own_attributes import is_same_by_kind, own_attributes

DEEPEST = 4
"""Functions that functions call are looked at so deep."""


def elsewhere(thing: Any) -> Digests:
    """Digests of the variables that an object's code reads, by their names; of those that can be told."""
    found: Digests = {}
    for name, value in _variables(thing):
        if name not in found and not _is_code(value):
            try:
                found[name] = digest(value, foreign=False)
            except UnknowableError:
                continue
    return found


def _variables(thing: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of what an object's code may keep something in."""
    things = [thing, *own_attributes(thing).values()]
    for one in things:
        function: Any = getattr(one, "__func__", one)
        if isinstance(function, FunctionType):
            yield from _of_function(function, DEEPEST)
            continue
        for kind in type(one).__mro__:
            if kind.__module__ in ("builtins", "abc", "typing") or is_library_code(kind):
                continue
            for name, value in vars(kind).items():
                function = getattr(value, "__func__", getattr(value, "__wrapped__", getattr(value, "fget", value)))
                if isinstance(function, FunctionType):
                    yield from _of_function(function, DEEPEST)
                elif not name.startswith("__") and name != "_abc_impl":
                    yield f"{kind.__name__}.{name}", value


def _of_function(function: FunctionType, depth: int) -> Iterator[tuple[str, Any]]:
    """Name and value of the variables around a function, and around those of its module that it calls."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield from _and_called(function, name, cell.cell_contents, depth)
        except ValueError:  # nothing is in it yet
            continue
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield from _and_called(function, name, function.__globals__[name], depth)


def _and_called(function: FunctionType, name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    yield f"{function.__module__}.{name}", value
    is_near = isinstance(value, FunctionType) and value.__module__ == function.__module__ and value is not function
    if is_near and depth:
        yield from _of_function(value, depth - 1)


def _names(code: CodeType) -> set[str]:
    """What a function's code may look up, in functions within it, too."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def _is_code(value: Any) -> bool:
    return isinstance(value, ModuleType | FunctionType | type | property) or is_same_by_kind(value)
