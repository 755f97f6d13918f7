"""The runner that calls the NumPy kernels and keeps a log of every call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.core.places import Place, place_of
from glassnet.core.room import require_room
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import Kernel, KernelInfo, info
from glassnet.kernels import python as kernels
from glassnet.runners.base import Caller, Runner
from glassnet.runners.own import is_own


def _reshaped(given: Array, seen: Array) -> None:
    """Writes the elements of an array into one of another shape."""
    np.copyto(seen, given.reshape(seen.shape))


VIEWS = {
    name: KernelInfo(
        function=_reshaped,
        name=f"view_{way}",
        equation=f"{name} = {given} in another shape",
        reads=(given,),
        writes=(name,),
        arrays=(given, name),
        elements=f"{name} = {given}",
        note={
            "en": "Nothing is computed: the same numbers in another shape.",
            "zh": "这里不做计算：数还是那些数，只换了形状。",
        },
    )
    for way, given, name in (("forward", "x", "y"), ("backward", "dy", "dx"))
}
"""Entries, by what they give, for calls of no kernel: layers that only look at their input in another shape."""


@dataclass(frozen=True)
class KernelCall:
    """One logged call.

    Attributes:
        kernel: the kernel's name.
        path: who called it: a layer's path, ``"loss"`` or ``"optimizer"``.
        caller: how the caller prints, such as ``"Dense(128)"``.
        equation: what the kernel computes.
        inputs: copies of what it read, by name, buffers that it changed in place as they were before.
        outputs: copies of what it wrote, by name.
        settings: its numbers, by name.
        entry: what is known of the kernel.
        extents: where each array lay in memory, by name: where two calls name the same bytes, they speak of the same
            array.
        strides: of those arrays whose elements do not lie one after the other in C order: how many bytes apart they
            are along each axis.
    """

    kernel: str
    path: str
    caller: str
    equation: str
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    settings: dict[str, Any]
    entry: KernelInfo
    extents: dict[str, Place] = field(default_factory=dict)
    strides: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every array, by name, inputs first."""
        return {name: array.shape for name, array in (self.inputs | self.outputs).items()}


class TracingRunner(Runner):
    """Runs each kernel and logs it: name, layer path, equation, shapes and values, in ``calls``.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dense(2), gn.ReLU())
        >>> _ = net.build((3,))
        >>> run = gn.TracingRunner()
        >>> y, cache = net.forward(run, np.ones((1, 3)), training=True)
        >>> for call in run.calls:
        ...     print(call.path, call.kernel, call.shapes)
        0 dense_forward {'x': (1, 3), 'weight': (3, 2), 'bias': (2,), 'y': (1, 2)}
        1 relu_forward {'x': (1, 2), 'y': (1, 2)}
    """

    def __init__(self, seed: int = 0, step: int | None = None) -> None:
        super().__init__(seed, step)
        self.calls: list[KernelCall] = []

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """Zeros: what a kernel leaves to another one is no chance number in the log."""
        require_room(shape, dtype, where="trace")
        return np.zeros(shape, dtype)

    def view(self, caller: Caller, **arrays: Array) -> None:
        """Logs the change of shape like a call of a kernel."""
        given, name = arrays
        self._log(caller, VIEWS[name], _copies(arrays, (given,)), arrays)

    def has_called(self, part: Any, kernel: Kernel, **arrays: Any) -> None:
        """Logs what a user's own code did by itself, as a call of ``kernel``."""
        entry = info(kernel)
        written = _places(_by_name(arrays, entry.writes))
        known = {place for call in self.calls for place in call.extents.values()}
        if not known.issuperset(written.values()):
            self._log(part, entry, _copies(arrays, entry.reads), arrays)

    def apply(self, step: Any, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        """Calls ``step.apply``, and logs what a user's own code did by itself."""
        arrays = {"parameters": parameters, "gradients": gradients, "state": list(getattr(step, "state", {}).values())}
        entry, before, count = info(kernels.python_update), _copies(arrays, tuple(arrays)), len(self.calls)
        super().apply(step, parameters, gradients, layout, learning_rate)
        if is_own(step) and len(self.calls) == count:
            self._log(step, entry, before, arrays | {"learning_rate": learning_rate})

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls ``kernel(**arguments)`` and logs the call."""
        entry = info(kernel)
        inputs = _copies(arguments, entry.reads + entry.updates)
        kernel(**arguments)
        self._log(caller, entry, inputs, arguments)

    def _log(self, caller: Caller, entry: KernelInfo, inputs: dict[str, Array], arguments: dict[str, Any]) -> None:
        settings = {name: arguments.get(name) for name in entry.settings}
        arrays = _by_name(arguments, entry.arrays)
        self.calls.append(
            KernelCall(
                kernel=entry.name,
                path=caller.path,
                caller=repr(caller),
                equation=entry.equation_of(arguments),
                inputs=inputs,
                outputs=_copies(arguments, entry.writes + entry.updates),
                settings={name: v for name, v in settings.items() if v is not None and not callable(v)},
                entry=entry,
                extents=_places(arrays),
                strides={name: array.strides for name, array in arrays.items() if not array.flags.c_contiguous},
            )
        )


def _places(arrays: dict[str, Array]) -> dict[str, Place]:
    return {name: place_of(array) for name, array in arrays.items()}


def _copies(arguments: dict[str, Any], names: tuple[str, ...]) -> dict[str, Array]:
    return {name: np.array(array) for name, array in _by_name(arguments, names).items()}


def _by_name(arguments: dict[str, Any], names: tuple[str, ...]) -> dict[str, Array]:
    """The arrays that are there, those in lists as ``name[0]``, ``name[1]``, ..."""
    found: dict[str, Array] = {}
    for name in names:
        value = arguments[name]
        if isinstance(value, list):
            found |= {f"{name}[{i}]": item for i, item in enumerate(value)}
        elif value is not None:
            found[name] = value
    return found
