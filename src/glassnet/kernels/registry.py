"""What is known of a kernel besides its code: its equation and which of its arguments it writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from glassnet.core.errors import ConfigurationError

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
        shared: names of the buffers that every row needs whole, such as a weight.
        sums: names of the buffers it fills with sums over the rows, such as a weight's gradient.
        sums_by_piece: whether a compiled program lets each piece of the rows make its own sum, in the pass over the
            rows, and adds them up afterwards; otherwise the sums are a pass of their own.
        by_rows: whether the rest can be computed for some rows without the others: row n (axis 0) of what it writes
            depends on row n of what it reads, and on ``shared``.
        in_place: whether what it writes may be the memory of one of the arrays of that shape that it reads.
        channels: names of the arrays that have the channels of images (or units) along axis 1, or along axis 0 if
            they are shared and no matrix, where a channel of what it writes depends on that channel of these and on
            the others whole; none otherwise.
        flops: about how many floating-point operations an element of what it writes takes, or a function that counts
            them from the arrays by name.
        left_out: for arrays that may be None, (name, the part of the equation that is not there without it).
    """

    function: Kernel
    name: str
    equation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    updates: tuple[str, ...]
    arrays: tuple[str, ...]
    settings: tuple[str, ...]
    shared: tuple[str, ...]
    sums: tuple[str, ...]
    sums_by_piece: bool
    by_rows: bool
    in_place: bool
    channels: tuple[str, ...]
    flops: int | Callable[[dict[str, Any]], int]
    left_out: tuple[tuple[str, str], ...] = ()

    def equation_of(self, arrays: Mapping[str, Any]) -> str:
        """The equation of a call, without the bias of a layer that has none."""
        equation = self.equation
        for name, part in self.left_out:
            equation = equation if arrays.get(name) is not None else equation.replace(part, "")
        return equation

    @property
    def elements(self) -> str:
        """What one element of each array that it writes is, see ``kernels.elements``; empty where nothing says so."""
        from glassnet.kernels.elements import ELEMENTS  # asked for by traces alone

        return ELEMENTS.get(self.name, "")

    def count_flops(self, arrays: dict[str, Any]) -> int:
        """About how many floating-point operations a call on these arrays takes."""
        if callable(self.flops):
            return self.flops(arrays)
        changed = (arrays[name] for name in (*self.writes, *self.updates))
        return self.flops * max((getattr(array, "size", 0) for array in changed), default=0)


KERNELS: dict[str, KernelInfo] = {}


def kernel(
    equation: str,
    *,
    writes: str = "",
    updates: str = "",
    shared: str = "",
    sums: str = "",
    sums_by_piece: bool = False,
    by_rows: bool = True,
    in_place: bool = False,
    channels: str = "",
    flops: int | Callable[[dict[str, Any]], int] = 1,
    left_out: Mapping[str, str] | None = None,
) -> Callable[[_Function], _Function]:
    """Enters a function into the register of kernels and returns it unchanged.

    Lists of names are separated by blanks.

    Args:
        equation: what it computes, for traces and docs.
        writes: the arguments it fills.
        updates: the arguments it changes in place.
        shared: see ``KernelInfo``.
        sums: see ``KernelInfo``; they are among ``writes``, and each of them and of the others may be left out (None).
        sums_by_piece: see ``KernelInfo``.
        by_rows: see ``KernelInfo``.
        in_place: see ``KernelInfo``.
        channels: see ``KernelInfo``.
        flops: see ``KernelInfo``.
        left_out: see ``KernelInfo``.
    """

    def enter(function: _Function) -> _Function:
        parameters: dict[str, Any] = dict(inspect.signature(function).parameters)
        settings = tuple(n for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY)
        written, updated = tuple(writes.split()), tuple(updates.split())
        arrays = tuple(n for n in parameters if n not in settings)
        reads = tuple(n for n in arrays if n not in (*written, *updated))
        name = function.__name__
        if name in KERNELS and not _is_same(KERNELS[name].function, function):
            raise ConfigurationError(
                where=f"kernel {name}",
                received=f"a second function of that name, in {function.__module__}",
                expected=f"a name of its own: there is a kernel in {KERNELS[name].function.__module__}",
                fix="call it otherwise, such as my_" + name,
            )
        KERNELS[name] = KernelInfo(
            function,
            name,
            equation,
            reads,
            written,
            updated,
            arrays,
            settings,
            tuple(shared.split()),
            tuple(sums.split()),
            sums_by_piece,
            by_rows,
            in_place,
            tuple(channels.split()),
            flops,
            tuple((left_out or {}).items()),
        )
        return function

    return enter


def info(function: Kernel) -> KernelInfo:
    """The register's entry of a kernel.

    Raises:
        ConfigurationError: it is in no register, or another function of that name is.
    """
    name = getattr(function, "__name__", "")
    entry = KERNELS.get(name)
    if entry is not None and entry.function is function:
        return entry
    if entry is None or not _is_same(entry.function, function):
        raise ConfigurationError(
            where=f"run(..., {name or function!r}, ...)",
            received="a function that is no kernel" + ("" if entry is None else f"; there is one called {name}"),
            expected="a function that says what it reads and writes",
            fix='put @glassnet.kernels.kernel("y = what it computes", writes="y") before it',
        )
    return replace(entry, function=function)  # a notebook's cell that ran again has made a new one


def _is_same(one: Kernel, other: Kernel) -> bool:
    """Whether two functions were defined at the same place."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
