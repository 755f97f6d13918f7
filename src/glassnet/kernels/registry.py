"""What is known of a kernel besides its code: its equation and which of its arguments it writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Kernel = Callable[..., None]
_Function = TypeVar("_Function", bound=Callable[..., None])


@dataclass(frozen=True)
class KernelInfo:
    """One kernel's entry.

    Attributes:
        function: the kernel itself.
        name: its name, the same in NumPy and in C++.
        equation: what it computes, in the textbook's signs.
        reads: names of the buffers and values it only reads, in order.
        writes: names of the buffers it fills, whatever was in them.
        updates: names of the buffers it changes in place, reading what was in them.
        arrays: all of these in the order of the kernel's signature, which is that of its native twin.
        settings: names of its keyword-only numbers, in order.
    """

    function: Kernel
    name: str
    equation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    updates: tuple[str, ...]
    arrays: tuple[str, ...]
    settings: tuple[str, ...]


KERNELS: dict[str, KernelInfo] = {}


def kernel(equation: str, *, writes: str = "", updates: str = "") -> Callable[[_Function], _Function]:
    """Enters a function into the register of kernels and returns it unchanged.

    Args:
        equation: what it computes, for traces and docs.
        writes: the names of the arguments it fills, separated by blanks.
        updates: the names of the arguments it changes in place, separated by blanks.
    """

    def enter(function: _Function) -> _Function:
        parameters: dict[str, Any] = dict(inspect.signature(function).parameters)
        settings = tuple(n for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY)
        written, updated = tuple(writes.split()), tuple(updates.split())
        arrays = tuple(n for n in parameters if n not in settings)
        reads = tuple(n for n in arrays if n not in (*written, *updated))
        name = function.__name__
        KERNELS[name] = KernelInfo(function, name, equation, reads, written, updated, arrays, settings)
        return function

    return enter


def info(function: Kernel) -> KernelInfo:
    """The register's entry of a kernel."""
    return KERNELS[function.__name__]
