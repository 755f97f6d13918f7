"""What takes one step of a sequence after another through a network that was built for whole ones."""

from __future__ import annotations

from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.runners.base import Runner
from glassnet.runners.numpy import NumpyRunner
from glassnet.runners.recorder import Recorder
from glassnet.runners.states import States


class _OneStep(Runner):
    """Arrays of sequences hold a single step (N, 1, ...), and layers carry their states from one to the next."""

    states: States

    def enter(self, network: Any, x: Any) -> Array:
        """A step, which has another shape than what the network was built for."""
        return x  # type: ignore[no-any-return]

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward``, of a layer that can take steps one by one where there are any."""
        shape = layer.input_shape
        if x.shape[1:] != shape or (len(shape) > 1 and shape[0] == 1):
            _require_streaming(layer)
        return super().forward(layer, x, training=training)

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
        raise ConfigurationError(
            where=layer.where,
            received=f"sequences that go on, step after step: {why}",
            expected="layers that need no step but those that have been",
            fix="call predict with whole sequences, or let recurrences, Dense, activations, causal attention and norms "
            "of each step take its place",
        )
