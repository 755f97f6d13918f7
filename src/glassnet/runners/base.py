"""What a layer hands its kernel calls to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.randomness import stream_id
from glassnet.core.room import empty
from glassnet.core.shapes import Array, Shape
from glassnet.kernels import Kernel
from glassnet.kernels import python as kernels
from glassnet.runners import own
from glassnet.runners.own import is_library_code as is_library_code
from glassnet.runners.states import States

NumberOfStep = Callable[[Any], Any]
"""A number as a function of the training step, or of an array of steps (int64)."""


def values_at(number: NumberOfStep, steps: Array) -> Any:
    """The values of a number at an array of steps; a function of the user's is asked for each by itself."""
    if is_library_code(number):
        return number(steps)
    return np.array([float(number(int(step))) for step in steps])


def same(step: Any) -> Any:
    """The step's own number."""
    return step


class Caller(Protocol):
    """Whoever calls a kernel: a layer, a loss, an optimizer. ``path`` is its place, such as ``"3.residual.1"``."""

    path: str


class Runner(ABC):
    """Carries out kernel calls and gives out the buffers they write to.

    Args:
        seed: keys the dropout masks.
        step: number of the training step, which keys them too. None lets the runner count for each layer by itself,
            so that every forward pass of a hand-written loop draws new masks.

    Attributes:
        states: what layers carry from one call to the next, or None where every call begins anew.
        lengths: how many steps each row of the array in hand has (N,), int64, where rows are of different length; None
            where all are whole. Whoever begins a forward pass sets it; ``forward`` lets it follow the array.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Counting(gn.NumpyRunner):
        ...     names = []
        ...     def __call__(self, caller, kernel, **arguments):
        ...         self.names.append(kernel.__name__)
        ...         super().__call__(caller, kernel, **arguments)
        >>> net = gn.Sequential(gn.Dense(2), gn.ReLU())
        >>> _ = net.build(3)
        >>> _ = net.forward(Counting(), np.ones((1, 3)), training=True)
        >>> Counting.names, issubclass(Counting, gn.Runner)
        (['dense_forward', 'relu_forward'], True)
    """

    def __init__(self, seed: int = 0, step: int | None = None) -> None:
        self.seed = seed
        self.step = step
        self.batch_weight: Array | None = None  # Σ w (1,) of the batch in hand, where a training step knows it
        self.states: States | None = None
        self.lengths: Array | None = None
        self._draws: dict[int, int] = {}

    def state(self, caller: Caller, name: str, shape: Shape, dtype: np.dtype[Any] | type) -> Array | None:
        """What a layer carries from one call to the next: an array, 0 before the first; None where each begins anew.

        The layer hands it to kernels that read it, and after all of these to one that writes what the next call shall
        find.

        Args:
            caller: the layer.
            name: of the array, unique in the layer.
            shape: its shape, rows first.
            dtype: its dtype.
        """
        return None if self.states is None else self.states.of(caller.path, name, shape, dtype)

    def empty(self, shape: Shape, dtype: np.dtype[Any] | type) -> Array:
        """A buffer for a kernel to write; its contents are arbitrary."""
        return empty(shape, dtype)

    def draw(self, caller: Caller) -> dict[str, int]:
        """The (seed, step, stream) of the caller's next random mask."""
        stream = stream_id(caller.path)
        if self.step is not None:
            return {"seed": self.seed, "step": self.step, "stream": stream}
        count = self._draws[stream] = self._draws.get(stream, -1) + 1
        return {"seed": self.seed, "step": count, "stream": stream}

    def enter(self, network: Any, x: Any) -> Array:
        """What a network begins with: x in the network's dtype, if it has the right shape.

        Rows of different length may have fewer steps than the network has, if the longest of them has no more.
        """
        return network.entered(x, is_cut=self.lengths is not None)  # type: ignore[no-any-return]

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

    def scaled(self, value: Any, factor: float) -> Any:
        """What ``per_step`` gave, times a factor."""
        return value * factor

    # How the parts of a step are called: the library's at once, a user's own under supervision (see ``own``).

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward``; where rows are of different length, ``lengths`` are those of its output after it.

        Raises:
            ConfigurationError: rows are of different length, and the layer says nothing of them.
        """
        before = self.lengths
        if before is not None:
            layer.require_lengths_taken()
        result = self._forward(layer, x, training=training)
        if before is not None:
            self.lengths = layer.steps_after(self, before)
        return result

    def _forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """``layer.forward`` alone."""
        if not own.has_own_class(layer):
            return layer.forward(self, x, training=training)  # type: ignore[no-any-return]
        y, cache = own.forward(self, layer, x, training=training)
        self.has_called(layer, kernels.python_forward, x=x, y=y)
        return y, cache

    def backward(self, layer: Any, dy: Array, cache: Any) -> Array:
        """``layer.backward``."""
        if not own.has_own_class(layer):
            return layer.backward(self, dy, cache)  # type: ignore[no-any-return]
        dx = own.backward(self, layer, dy, cache)
        self.has_called(layer, kernels.python_backward, dy=dy, dx=dx, gradients=own.gradients_of(layer))
        return dx

    def meet(self, layer: Any, found: Sequence[Array | None]) -> None:
        """Lets ``lengths`` be those of arrays that meet in a layer, one for each array.

        Raises:
            ConfigurationError: they are not the same.
        """
        first = found[0]
        for other in found[1:]:
            if other is not first and not self.are_same(first, other):
                raise ConfigurationError(
                    where=layer.where,
                    received="rows of different length whose branches keep different numbers of steps",
                    expected="the same steps from all branches",
                    fix="let the layers of each branch have the same strides and paddings",
                )
        self.lengths = first

    def are_same(self, one: Array | None, other: Array | None) -> bool:
        """Whether two arrays of lengths are the same."""
        return one is not None and other is not None and np.array_equal(one, other)

    def join(self, layer: Any, parts: Sequence[Array]) -> tuple[Array, Any]:
        """``layer.join``, of a layer where several arrays meet: its output and its cache."""
        if self.lengths is not None:
            layer.require_lengths_taken()
        return layer.join(self, parts)  # type: ignore[no-any-return]

    def part(self, layer: Any, dy: Array, cache: Any) -> list[Array]:
        """``layer.part``, the way back: ∂L/∂ each of the arrays."""
        return layer.part(self, dy, cache)  # type: ignore[no-any-return]

    def row_weights(self, loss: Any, outputs: Array, weights: Array | None) -> tuple[Array, Array]:
        """``loss.row_weights``."""
        if not own.has_own_class(loss):
            return loss.row_weights(self, outputs, weights)  # type: ignore[no-any-return]
        shares, total = own.row_weights(self, loss, outputs, weights)
        arrays = {"outputs": outputs, "weights": weights, "row_weights": shares, "total": total}
        self.has_called(loss, kernels.python_row_weights, **arrays)
        return shares, total

    def loss_forward(self, loss: Any, outputs: Array, targets: Array, row_weights: Array) -> tuple[Array, Any]:
        """``loss.forward``."""
        if not own.has_own_class(loss):
            return loss.forward(self, outputs, targets, row_weights)  # type: ignore[no-any-return]
        value, cache = own.loss_forward(self, loss, outputs, targets, row_weights)
        arrays = {"outputs": outputs, "targets": targets, "row_weights": row_weights, "value": value}
        self.has_called(loss, kernels.python_loss_forward, **arrays)
        return value, cache

    def loss_backward(self, loss: Any, outputs: Array, targets: Array, row_weights: Array, cache: Any) -> Array:
        """``loss.backward``."""
        if not own.has_own_class(loss):
            return loss.backward(self, outputs, targets, row_weights, cache)  # type: ignore[no-any-return]
        doutputs = own.loss_backward(self, loss, outputs, targets, row_weights, cache)
        arrays = {"row_weights": row_weights, "outputs": outputs, "targets": targets, "doutputs": doutputs}
        self.has_called(loss, kernels.python_loss_backward, **arrays)
        return doutputs

    def apply(self, step: Any, parameters: Array, gradients: Array, layout: Any, learning_rate: float) -> None:
        """``step.apply``, of an optimizer or of a step in a ``Chain``."""
        if own.has_own_class(step):
            own.apply(self, step, parameters, gradients, layout, learning_rate)
        else:
            step.apply(self, parameters, gradients, layout, learning_rate)

    def update(self, optimizer: Any, parameters: Array, gradients: Array, layout: Any) -> None:
        """``optimizer.update``."""
        if is_library_code(optimizer.update):
            optimizer.update(self, parameters, gradients, layout)
        else:
            own.update(self, optimizer, parameters, gradients, layout)

    def has_called(self, part: Any, kernel: Kernel, **arrays: Any) -> None:  # noqa: B027 - most have no use for it
        """Is told what a user's own part was given and gave, where its code may have gone past the runner."""

    @abstractmethod
    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Carries out ``kernel(**arguments)`` on behalf of ``caller``."""
