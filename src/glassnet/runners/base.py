"""What a layer hands its kernel calls to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from glassnet.kernels import Kernel
from glassnet.randomness import stream_id
from glassnet.shapes import Array, Shape

NumberOfStep = Callable[[Any], Any]
"""A number as a function of the training step, or of an array of steps (int64)."""


class Caller(Protocol):
    """Whoever calls a kernel: a layer, a loss, an optimizer. ``path`` is its place, such as ``"3.residual.1"``."""

    path: str


class Runner(ABC):
    """Carries out kernel calls and gives out the buffers they write to.

    Args:
        seed: keys the dropout masks.
        step: number of the training step, which keys them too. None lets the runner count for each layer by itself,
            so that every forward pass of a hand-written loop draws new masks.
    """

    def __init__(self, seed: int = 0, step: int | None = None) -> None:
        self.seed = seed
        self.step = step
        self.batch_weight: Array | None = None  # Σ w (1,) of the batch in hand, where a training step knows it
        self._draws: dict[int, int] = {}

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """A buffer for a kernel to write; its contents are arbitrary."""
        return np.empty(shape, dtype)

    def draw(self, caller: Caller) -> dict[str, int]:
        """The (seed, step, stream) of the caller's next random mask."""
        stream = stream_id(caller.path)
        if self.step is not None:
            return {"seed": self.seed, "step": self.step, "stream": stream}
        count = self._draws[stream] = self._draws.get(stream, -1) + 1
        return {"seed": self.seed, "step": count, "stream": stream}

    def view(self, caller: Caller, **arrays: Array) -> None:  # noqa: B027 - most have no use for it
        """Is told of a layer that only looks at an array in another shape, which no kernel computes.

        Args:
            caller: the layer.
            arrays: what it was given and what it gives, in this order.
        """

    def per_step(self, number: NumberOfStep, step: int) -> float:
        """The value of a number that changes from step to step, such as the learning rate.

        A runner that records calls to repeat them asks again, for many steps at once; a layer or optimizer must
        therefore not calculate with the value, only pass it on to a kernel.

        Args:
            number: gives the value at a step, or an array of values (or the one for all) at an array of steps.
            step: the step in hand, counted from 0.
        """
        return float(number(step))

    @abstractmethod
    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Carries out ``kernel(**arguments)`` on behalf of ``caller``."""
