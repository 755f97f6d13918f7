"""A network's recorded forward pass as exports read it: what depends on x as calls, all else as constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from glassnet.compile.forward import record_forward
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel
from glassnet.network import Network
from glassnet.runners.recorder import RecordedCall

_Emitter = TypeVar("_Emitter")


class RecordedNetwork:
    """The kernel calls of a prediction, neighbours folded into one where they can be.

    Calls that read nothing but parameters are carried out here, in float64: what they give is constant.

    Args:
        network: built.
        rows: in the batch.

    Attributes:
        calls: those that depend on x, in their order.
        x: the buffer with the inputs.
        outputs: the array with the outputs, which a call wrote or which is a view of x.
        buffers: x, and all memory that the calls write.
    """

    def __init__(self, network: Network, rows: int = 1) -> None:
        forward = record_forward(network, rows)
        self.x = forward.x
        *calls, last = forward.calls  # which copies the outputs
        self.outputs: Array = last.arrays["x"]
        self._names = {_place(view): name for name, view in reversed(list(network.named_parameters()))}
        self._layers = dict(network.walk())
        self._computed: dict[tuple[int, int], Array] = {}
        self.calls: list[RecordedCall] = []
        depends = {id(self.x)}  # buffers whose contents x changes
        for call in calls:
            read, written = _read(call), _written(call)
            fills = all(array.nbytes == owner_of(array).nbytes for array in written)
            if fills and not any(id(owner_of(array)) in depends for array in read):
                self._compute(call)
            else:
                depends |= {id(owner_of(array)) for array in written}
                self.calls.append(call)
        self.buffers = [buffer for buffer in forward.buffers if id(buffer) in depends]

    def name_of(self, array: Array) -> str | None:
        """The path of a constant array: of the parameter that it is, or of what was computed of parameters."""
        return self._names.get(_place(array))

    def values_of(self, array: Array) -> Array:
        """The values of a constant array, float64 where they were computed."""
        return self._computed.get(_place(array), array)

    def emitter_of(self, emitters: Mapping[Kernel, _Emitter], call: RecordedCall, where: str) -> _Emitter:
        """What writes a call into a file.

        Raises:
            ConfigurationError: nothing does; kernel and layer are named.
        """
        try:
            return emitters[call.kernel.function]
        except KeyError:
            raise ConfigurationError(
                where=f"{where}: layer {call.path}",
                received=f"{self._layers.get(call.path, '')!r}, which calls {call.kernel.name}: {call.kernel.equation}",
                expected="kernels that this door writes",
                fix="express it by other layers, or leave it out and let your own program do the rest",
            ) from None

    def _compute(self, call: RecordedCall) -> None:
        arrays: dict[str, Any] = {}
        for name, array in call.arrays.items():
            if array is None:
                arrays[name] = None
            elif name in call.kernel.writes:
                arrays[name] = self._computed[_place(array)] = np.empty(array.shape)
                self._names[_place(array)] = f"{call.path}.{name}"
            else:
                arrays[name] = self.values_of(array).astype(np.float64)
        call.kernel.function(**arrays, **call.settings)


def _read(call: RecordedCall) -> list[Array]:
    return [array for n, array in call.arrays.items() if n not in call.kernel.writes and array is not None]


def _written(call: RecordedCall) -> list[Array]:
    return [array for n in call.kernel.writes + call.kernel.updates if (array := call.arrays[n]) is not None]


def owner_of(array: Array) -> Array:
    """The array whose memory an array is a view of; itself where it is none."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address_of(array: Array) -> int:
    """Where its first element stands in memory."""
    return int(array.__array_interface__["data"][0])


def _place(array: Array) -> tuple[int, int]:
    return address_of(array), array.nbytes
