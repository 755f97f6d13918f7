"""A network's recorded forward pass as exports read it: what depends on x as calls, all else as constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from glassnet.compile.forward import RecordedForward, record_forward
from glassnet.core.errors import ConfigurationError
from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel
from glassnet.network import Network
from glassnet.runners.recorder import RecordedCall, StepNumber

_Emitter = TypeVar("_Emitter")


class RecordedNetwork:
    """The kernel calls of a prediction.

    Calls that read nothing but parameters are carried out here, in float64: what they give is constant.

    Args:
        network: built.
        rows: in the batch.
        forward: the pass, where it is recorded already.
        states: arrays that it reads and writes, besides.
        recorded_how: see ``record_forward``.

    Attributes:
        calls: those that depend on x, in their order.
        x: the buffer with the inputs.
        outputs: the array with the outputs, which a call wrote or which is a view of x.
        last: the call that copies the outputs.
        buffers: x, and all memory that the calls write.
    """

    def __init__(
        self,
        network: Network,
        rows: int = 1,
        *,
        forward: RecordedForward | None = None,
        states: Sequence[Array] = (),
        **recorded_how: Any,
    ) -> None:
        forward = record_forward(network, rows, **recorded_how) if forward is None else forward
        self.x = forward.x
        *calls, self.last = forward.calls
        self.outputs: Array = self.last.arrays["x"]
        self._layers: dict[str, Any] = {"": network, **dict(network.walk())}
        self._names = {place_of(view): name for name, view in reversed(list(network.named_parameters()))}
        self._computed: dict[Place, Array] = {}
        self.calls: list[RecordedCall] = []
        depends = {place_of(array).buffer for array in (self.x, *states)}  # whose contents x changes
        for call in calls:
            places = {name: place_of(array) for name, array in call.arrays.items() if array is not None}
            written = [place for name, place in places.items() if call.changes(name)]
            read = (place.buffer for name, place in places.items() if name not in call.kernel.writes)
            changes = any(isinstance(value, StepNumber) for value in call.settings.values())
            if depends.isdisjoint(read) and all(map(_is_whole, written)) and not changes:
                self._compute(call)
            else:
                depends |= {place.buffer for place in written}
                self.calls.append(call)
        self.buffers = [buffer for buffer in forward.buffers if place_of(buffer).buffer in depends]

    def name_of(self, array: Array) -> str | None:
        """The path of a constant array: of the parameter that it is, or of what was computed of parameters."""
        return self._names.get(place_of(array))

    def values_of(self, array: Array) -> Array:
        """The values of a constant array, float64 where they were computed."""
        return self._computed.get(place_of(array), array)

    def emitter_of(self, emitters: Mapping[Kernel, _Emitter], call: RecordedCall, where: str) -> _Emitter:
        """What writes a call into a file.

        Raises:
            ConfigurationError: nothing does; kernel and layer are named.
        """
        if call.kernel.function not in emitters:
            self.refuse(call, call.kernel.equation, where)
        return emitters[call.kernel.function]

    def refuse(self, call: RecordedCall, reason: str, where: str) -> NoReturn:
        """Raises the error for a call that cannot be written; kernel and layer are named."""
        raise ConfigurationError(
            where=f"{where}: {self._layers.get(call.path, self._layers['']).where}",
            received=f"a call of the kernel {call.kernel.name}: {reason}",
            expected="kernels that this door writes; what is written in Python cannot be put into a file",
            fix="express it by other layers, or leave it out and let your own program do the rest",
        )

    def _compute(self, call: RecordedCall) -> None:
        arrays: dict[str, Any] = {}
        for name, array in call.arrays.items():
            if array is None:
                arrays[name] = None
            elif name in call.kernel.writes:
                arrays[name] = self._computed[place_of(array)] = np.empty(array.shape)
                self._names[place_of(array)] = f"{call.path}.{name}"
            else:
                arrays[name] = self.values_of(array).astype(np.float64)
        call.kernel.function(**arrays, **call.settings)


def _is_whole(place: Place) -> bool:
    """Whether it is all of its buffer."""
    return isinstance(place.owner, np.ndarray) and place.stop - place.start == place.owner.nbytes
