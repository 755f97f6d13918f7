"""What comes into being when it is first asked for: public names (PEP 562), and attributes that are worked out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


def names_of(stub: str) -> dict[str, str]:
    """Where each public name of a package is: its module, by the name.

    Args:
        stub: path of the package's ``__init__.pyi``, which type checkers read, too: each of its lines that begins with
            ``from`` is ``from module import name as name``. To parse it as Python would take longer than all the rest.
    """
    with open(stub, encoding="utf-8") as file:
        words = [line.split() for line in file if line.startswith("from ")]
    return {name: module for _, module, _, name, _, _ in words}


def lazily(package: dict[str, Any], names: dict[str, str]) -> Callable[[str], Any]:
    """A package's ``__getattr__``.

    Args:
        package: its ``globals()``, in which names stay once they are found.
        names: as ``names_of`` gives them; other rooms of the package are found, too.
    """
    own = package["__name__"]

    def find(name: str) -> Any:
        if name in names:
            room = names[name]
            found = import_module(f"{own}.{name}") if room == own else getattr(import_module(room), name)
        elif _is_room(own, name):
            found = import_module(f"{own}.{name}")
        else:
            from glassnet.core.catalogues import translated

            raise AttributeError(translated(f"module {own!r} has no attribute {name!r}{_hint(name, list(names))}"))
        package[name] = found
        return found

    return find


def _is_room(package: str, name: str) -> bool:
    from importlib.util import find_spec

    return not name.startswith("_") and find_spec(f"{package}.{name}") is not None


def _hint(name: str, known: Sequence[str]) -> str:
    from glassnet.core.suggestions import class_meant

    meant = None if name.startswith("_") else class_meant(name, known)
    return f"; here it is {meant}" if meant else ""


class worked_out(Generic[T]):  # noqa: N801 - used like property
    """An attribute that a method works out when it is first asked for, and that stays.

    Unlike ``functools.cached_property``, whose lock, up to Python 3.11, a fork could leave to a child for ever, it has
    none: two threads that ask at the same time may both work it out, and get the same.

    Example:
        >>> class Square:
        ...     @worked_out
        ...     def area(self) -> int:
        ...         return 3 * 3
        >>> Square().area
        9
    """

    def __init__(self, method: Callable[[Any], T]) -> None:
        self._method, self.__doc__ = method, method.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, thing: None, owner: type) -> worked_out[T]: ...

    @overload
    def __get__(self, thing: object, owner: type) -> T: ...

    def __get__(self, thing: object | None, owner: type) -> worked_out[T] | T:
        if thing is None:
            return self
        value: T = vars(thing).setdefault(self._name, self._method(thing))
        return value
