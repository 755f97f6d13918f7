"""What takes one step of a sequence after another through a network that was built for whole ones."""

from __future__ import annotations

from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.runners.base import Runner
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.recorder import Recorder
from glassnet.runners.states import States


class _OneStep(Runner):
    """Arrays of sequences hold a single step (N, 1, ...), and layers carry their states from one to the next."""

    states: States
    _is_step = True
    """Whether the layer in hand is given one step of the sequences, not all of something made of one."""

    def enter(self, network: Any, x: Any) -> Array:
        """A step, which has another shape than what the network was built for."""
        return x  # type: ignore[no-any-return]

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward``, of a layer that can take steps one by one where there are any."""
        shape, after = layer.input_shape, layer.output_shape
        is_step = x.shape[1:] != shape or (len(shape) > 1 and shape[0] == 1)
        if is_step:
            _require_streaming(layer)
        elif layer.passes_on and len(after) > len(shape) and after[0] == 1:  # which looks like a step from then on
            raise _refused(layer, "it makes sequences of one step of what stands for all steps so far")
        around, self._is_step = self._is_step, is_step
        try:
            return super().forward(layer, x, training=training)
        finally:
            self._is_step = around

    def state(self, caller: Any, name: str, shape: Shape, dtype: Any) -> Array | None:
        """What a layer carries to the next step; for sequences made within one there is nothing to go on with."""
        if not self._is_step:
            raise _refused(caller, "its own are made of what stands for all steps so far, and each begins anew")
        return super().state(caller, name, shape, dtype)

    def join(self, layer: Any, parts: Any) -> tuple[Array, Any]:
        """``layer.join``, likewise."""
        if parts[0].ndim > 2:
            _require_streaming(layer)
        return super().join(layer, parts)


class StepRunner(_OneStep, NumpyRunner):
    """Takes each step by NumPy kernels."""

    def __init__(self) -> None:
        super().__init__(step=0)
        self.states = States()


class StepRecorder(_OneStep, Recorder):
    """Writes down how a step is taken."""

    def __init__(self) -> None:
        super().__init__(0)
        self.states = States()


def _require_streaming(layer: Any) -> None:
    why = layer.why_no_stream()
    if why:
        raise _refused(layer, why)


def _refused(layer: Any, why: str) -> ConfigurationError:
    return ConfigurationError(
        where=layer.where,
        received=f"sequences that go on, step after step: {why}",
        expected="layers that need no step but those that have been",
        fix="call predict with whole sequences, or let recurrences, Dense, activations, causal attention and "
        "convolutions, and norms of each step take its place",
    )
