"""The runner that calls the NumPy kernels and keeps a log of every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.kernels import Kernel, info
from glassnet.runners.base import Caller, Runner
from glassnet.runners.recorder import extent
from glassnet.shapes import Array, Shape


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
        places: which of its arrays lie in one of the runner's ``buffers``: its name, and the first element's place.
    """

    kernel: str
    path: str
    caller: str
    equation: str
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    settings: dict[str, Any]
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every array, by name, inputs first."""
        return {name: array.shape for name, array in (self.inputs | self.outputs).items()}


class TracingRunner(Runner):
    """Runs each kernel and logs it: name, layer path, equation, shapes and values, in ``calls``.

    Args:
        seed: as for every runner.
        step: likewise.
        buffers: flat arrays whose parts calls are to be recognised by, such as a network's parameters, by name.

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

    def __init__(self, seed: int = 0, step: int | None = None, buffers: Mapping[str, Array] | None = None) -> None:
        super().__init__(seed, step)
        self.calls: list[KernelCall] = []
        self._buffers = dict(buffers or {})

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """Zeros: what a kernel leaves to another one is no chance number in the log."""
        return np.zeros(shape, dtype)

    def view(self, caller: Caller, **arrays: Array) -> None:
        """Logs the change of shape like a call of a kernel."""
        (given, before), (name, after) = arrays.items()
        way = "forward" if name == "y" else "backward"
        entry = f"{name} = {given} in another shape"
        arguments = {given: np.array(before)}, {name: np.array(after)}
        self.calls.append(KernelCall(f"view_{way}", caller.path, repr(caller), entry, *arguments, {}))

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls ``kernel(**arguments)`` and logs the call."""
        entry = info(kernel)
        inputs = _copies(arguments, entry.reads + entry.updates)
        kernel(**arguments)
        self.calls.append(
            KernelCall(
                kernel=entry.name,
                path=caller.path,
                caller=repr(caller),
                equation=entry.equation,
                inputs=inputs,
                outputs=_copies(arguments, entry.writes + entry.updates),
                settings={name: arguments[name] for name in entry.settings if not callable(arguments[name])},
                places=self._places({name: arguments[name] for name in entry.arrays}),
            )
        )

    def _places(self, arrays: dict[str, Any]) -> dict[str, tuple[str, int]]:
        found: dict[str, tuple[str, int]] = {}
        for name, array in arrays.items():
            for buffer_name, buffer in self._buffers.items() if isinstance(array, np.ndarray) else ():
                (start, stop), (first, last) = extent(array), extent(buffer)
                if first <= start and stop <= last and start < stop:
                    found[name] = buffer_name, (start - first) // buffer.itemsize
        return found


def _copies(arguments: dict[str, Any], names: tuple[str, ...]) -> dict[str, Array]:
    copies: dict[str, Array] = {}
    for name in names:
        value = arguments[name]
        if isinstance(value, list):
            copies |= {f"{name}[{i}]": np.array(item) for i, item in enumerate(value)}
        elif value is not None:
            copies[name] = np.array(value)
    return copies
