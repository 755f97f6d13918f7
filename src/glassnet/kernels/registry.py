"""What is known of a kernel besides its code, declared in front of it.

The equation speaks of whole arrays. The *element lines* say the same once more, one element of what the kernel writes
at a time: which numbers meet in each single one. Traces read them to show where a number came from, and tests hold
every one of them against what its kernel writes. Each line is ``name[indices] = expression`` in Python's syntax:

- A name that the kernel writes is an output. What it updates in place is ``name`` before and ``name_`` after.
- Any other name is a short form for use in the other lines, such as ``xhat``; one without indices, such as ``h``, is
  put in as it stands.
- ``sum[n, s](...)``, ``mean[...]``, ``largest[...]`` and ``argmax[...]``, the number of the largest counted row by row,
  run over indices; ``sum[i:kernel_height]`` says how far where
  no array does. An index in capitals, ``D``, is the size of its axis; ``h_`` is read h′.
- An array without indices stands for its element in the same place: activations, updates.
- An element outside an array, or at a place that is no whole number, is left out of the sum: that is padding, and the
  gaps that strides leave. What another call writes is ``unwritten``.
- ``y > 0`` counts as 1 or 0; an array that a call goes without takes its term with it.
- ``...`` is all axes but those named; ``cdf`` is the normal distribution function, ``sigma`` the logistic function,
  ``floor`` is ``functions.log_floor``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import GEOMETRY
from glassnet.kernels.why.step import Step

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
        elements: its element lines, see the module; empty where a line would not be understood.
        in_c: an element of what it writes as an expression in C, in float32, by the names of its arguments and with
            functions such as ``logistic``; empty where no such line is enough.
        symbols: how names are written in mathematics that mean something else in other kernels, as
            ``"momentum α; doutputs δ^z"``; of a capital, what its axis is called.
        note: a sentence that its equation leaves unsaid, by language ("en", "zh").
        why: for what it writes, by name in the element lines, how its line comes about, step by step; see ``Step``.
        shared: names of the buffers that every row needs whole, such as a weight.
        sums: names of the buffers it fills with sums over the rows, such as a weight's gradient.
        sums_by_piece: whether a compiled program lets each piece of the rows make its own sum, in the pass over the
            rows, and adds them up afterwards; otherwise the sums are a pass of their own.
        inner: names of the buffers it fills to show what it went through: nobody else reads them.
        by_rows: whether the rest can be computed for some rows without the others: row n (axis 0) of what it writes
            depends on row n of what it reads, and on ``shared``.
        in_place: whether what it writes may be the memory of one of the arrays of that shape that it reads.
        channels: names of the arrays that have the channels of images (or units) along axis 1, or along axis 0 if
            they are shared and no matrix, where a channel of what it writes depends on that channel of these and on
            the others whole; none otherwise.
        flops: about how many floating-point operations an element of what it writes takes, or a function that counts
            them from the arrays by name.
        left_out: for arrays that may be None, (name, the part of the equation that is not there without it).
        saturates: the ends of its range between which its slope is above a twenty-fifth of the largest; beyond them it
            is as good as flat. None for what has no such ends.
        kinks: of y = f(x), the x where f′ or f″ jumps: numbers and names of settings, such as ``"low high"``.
        least: the number c of a kernel that writes max(x, c), element by element; None for all others.
        folds: the kernel whose work it does in prediction: that kernel and a scale, a shift and a lower bound of each
            channel after it, or what scale and shift that kernel amounts to.
    """

    function: Kernel
    name: str
    equation: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    arrays: tuple[str, ...]
    updates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    elements: str = ""
    in_c: str = ""
    symbols: str = ""
    note: Mapping[str, str] | None = None
    why: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    sums_by_piece: bool = False
    inner: tuple[str, ...] = ()
    by_rows: bool = True
    in_place: bool = False
    channels: tuple[str, ...] = ()
    flops: int | Callable[[dict[str, Any]], int] = 1
    left_out: tuple[tuple[str, str], ...] = ()
    saturates: tuple[float, float] | None = None
    kinks: tuple[str, ...] = ()
    least: float | None = None
    folds: Kernel | None = None

    @property
    def forward(self) -> KernelInfo:
        """The kernel of the forward pass that it belongs to by its name; itself where there is none."""
        return KERNELS.get(self.name.removesuffix("_backward") + "_forward", self)

    @property
    def backward(self) -> KernelInfo:
        """Likewise that of the backward pass."""
        return KERNELS.get(self.name.removesuffix("_forward") + "_backward", self)

    @property
    def calls_python(self) -> bool:
        """Whether it calls a function that it is given: a user's own code, of which nothing is known."""
        return "function" in self.settings

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers."""
        return "seed" in self.settings

    @property
    def writes_part(self) -> bool:
        """Whether it writes a part of an array and leaves the others to other calls."""
        return "unwritten" in self.elements

    @property
    def dtypes(self) -> dict[str, type]:
        """By name the dtype of each array whose annotation says one; all others have the network's."""
        return _annotated(self.function)[0]

    @property
    def geometry(self) -> tuple[str, ...]:
        """Names of the settings that say where things lie and do not enter a number: strides, padding, places."""
        return _annotated(self.function)[1]

    def equation_of(self, arrays: Mapping[str, Any]) -> str:
        """The equation of a call, without the bias of a layer that has none."""
        equation = self.equation
        for name, part in self.left_out:
            equation = equation if arrays.get(name) is not None else equation.replace(part, "")
        return equation

    def count_flops(self, arrays: dict[str, Any]) -> int:
        """About how many floating-point operations a call on these arrays takes."""
        if callable(self.flops):
            return self.flops(arrays)
        changed = (arrays[name] for name in (*self.writes, *self.updates))
        return self.flops * max((getattr(array, "size", 0) for array in changed), default=0)


KERNELS: dict[str, KernelInfo] = {}
_LISTS = ("writes", "updates", "shared", "sums", "inner", "channels", "kinks")
"""What is declared as names with blanks between them."""


def kernel(
    equation: str,
    *,
    elements: str = "",
    writes: str = "",
    updates: str = "",
    in_c: str = "",
    symbols: str = "",
    note: Mapping[str, str] | None = None,
    why: Mapping[str, tuple[Step, ...]] | None = None,
    shared: str = "",
    sums: str = "",
    sums_by_piece: bool = False,
    inner: str = "",
    by_rows: bool = True,
    in_place: bool = False,
    channels: str = "",
    flops: int | Callable[[dict[str, Any]], int] = 1,
    left_out: Mapping[str, str] | None = None,
    saturates: tuple[float, float] | None = None,
    kinks: str = "",
    least: float | None = None,
    folds: Kernel | None = None,
) -> Callable[[_Function], _Function]:
    """Enters a function into the register of kernels and returns it unchanged.

    The function's arguments are the arrays, in the order of its native twin, and after a ``*`` its numbers. Annotations
    such as ``Int64s`` or ``Geometry``, of ``core/shapes.py``, say what is particular about one. What is declared is
    described at ``KernelInfo``; lists of names are separated by blanks. Where there are ``sums``, each of the buffers
    that are written may be left out of a call (None).
    """
    declared: dict[str, Any] = {n: tuple(v.split()) if n in _LISTS else v for n, v in locals().items()}
    declared["why"] = why or {}
    declared["left_out"] = tuple((left_out or {}).items())

    def enter(function: _Function) -> _Function:
        parameters = inspect.signature(function).parameters
        settings = tuple(n for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY)
        arrays = tuple(n for n in parameters if n not in settings)
        name = function.__name__
        if name in KERNELS and not _is_same(KERNELS[name].function, function):
            raise ConfigurationError(
                where=f"kernel {name}",
                received=f"a second function of that name, in {function.__module__}",
                expected=f"a name of its own: there is a kernel in {KERNELS[name].function.__module__}",
                fix="call it otherwise, such as my_" + name,
            )
        KERNELS[name] = KernelInfo(
            function=function,
            name=name,
            reads=tuple(n for n in arrays if n not in (*declared["writes"], *declared["updates"])),
            arrays=arrays,
            settings=settings,
            **declared,
        )
        return function

    return enter


@cache  # unlike cached_property of Python 3.11 without a lock, which a fork could leave to a child for ever
def _annotated(function: Kernel) -> tuple[dict[str, type], tuple[str, ...]]:
    """What a kernel's annotations say of its arguments beyond "an array" or "a number": dtypes, and places."""
    hints = get_type_hints(function, include_extras=True)
    types = [(name, one) for name, hint in hints.items() for one in (hint, *get_args(hint))]
    meant = [(name, one.__metadata__[0]) for name, one in types if hasattr(one, "__metadata__")]
    dtypes = {name: what for name, what in meant if what != GEOMETRY}
    return dtypes, tuple(name for name, what in meant if what == GEOMETRY)


def folding(kernel: Kernel) -> Kernel | None:
    """The kernel that ``folds`` the given one, or None."""
    return next((entry.function for entry in KERNELS.values() if entry.folds is kernel), None)


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
