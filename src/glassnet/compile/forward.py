"""A network's forward pass in prediction mode, written down: what is compiled for predictions and what is exported."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from glassnet.compile.fusion import fold
from glassnet.core.shapes import Array
from glassnet.kernels.activation import identity_forward
from glassnet.runners.recorder import RecordedCall, Recorder, without_dead_work


@dataclass(frozen=True)
class RecordedForward:
    """The kernel calls of one forward pass.

    Attributes:
        calls: in their order, those whose results nobody reads left out, neighbours folded into one where they can be.
        x: the buffer (rows, ...) for the inputs.
        y: the buffer (rows, ...) with the outputs.
        buffers: all memory that the calls write, x and y among them.
    """

    calls: list[RecordedCall]
    x: Array
    y: Array
    buffers: list[Array]


def record_forward(
    network: Any,
    rows: int,
    *,
    poisoned: bool = False,
    watched_by: Any = nullcontext,
) -> RecordedForward:
    """Writes a forward pass of so many rows down.

    Args:
        network: built.
        rows: in the batch.
        poisoned: see ``Recorder``.
        watched_by: makes, from the recorder, a context in which the network is called.
    """
    recorder = Recorder(0, poisoned=poisoned)
    x = recorder.empty((rows, *network.input_shape), network.dtype)
    context: AbstractContextManager[Any] = watched_by(recorder)
    with context:
        outputs, _ = recorder.forward(network, x, training=False)
    y = recorder.empty(outputs.shape, network.dtype)
    recorder(network, identity_forward, x=outputs, y=y)
    return RecordedForward(fold(without_dead_work(recorder.calls, [y]), recorder.empty), x, y, recorder.buffers)
