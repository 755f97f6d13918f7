"""Central differences of the loss, for the numbers of a backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import SGD
from glassnet.runners import RecordedCall, Recorder, repeat
from glassnet.runners.own import is_own
from glassnet.training import Rows, own_parts

STEP = 1e-6
ROUNDING = 8 * np.finfo(np.float64).eps
"""How far rounding may move the objective, in shares of its size; differences magnify that by 1/STEP."""
AGREEMENT = 1e-6
"""What a central difference may be off by besides, in shares of its size: h²/6 times the third derivative."""
FLOAT64 = np.dtype(np.float64)
CALL_WORK = 50_000
"""What calling a kernel costs besides its floating-point operations, in such operations."""
BYTES_IN_TIME = 2
"""Bytes that are read or written in the time of one."""


def rounding_of_differences(value: float) -> float:
    """How far off rounding may make a central difference of a function.

    Each of the two values is off by ``ROUNDING`` times its size at most, and they stand 2h apart, where h is at least
    ``STEP``: 2 · ROUNDING · |value| / 2h.

    Args:
        value: of the function.
    """
    return float(ROUNDING * abs(value) / STEP)


@dataclass(frozen=True)
class Slopes:
    """How a value changes with one number.

    Attributes:
        left: slope to the left.
        right: slope to the right.
        central: that of the line through the points on both sides.
    """

    left: float
    right: float
    central: float

    @property
    def is_kink(self) -> bool:
        """Whether the slopes differ by their whole size; those of a smooth function do by h times its curvature."""
        gap = abs(self.left - self.right)
        return gap > 1e-3 * max(abs(self.left), abs(self.right)) and gap > 1e-4


def slopes(value: Callable[[], float], at: float, array: Array, index: tuple[int, ...]) -> Slopes:
    """Moves one element by ±h and puts it back.

    Args:
        value: the function, which reads the array.
        at: its present value.
        array: float64.
        index: which element.

    Source: C. Bishop, "Pattern Recognition and Machine Learning" (2006), section 5.3.3.
    """
    original = array[index]
    h = STEP * max(1.0, abs(float(original)))
    try:
        array[index] = original + h
        above = value()
        array[index] = original - h
        below = value()
    finally:
        array[index] = original
    return Slopes((at - below) / h, (above - at) / h, (above - below) / (2 * h))


class Differences:
    """The loss of one training step in float64, as a function of any parameter and of any layer's input.

    The step is recorded once and its kernel calls are repeated from the first one on that sees the change.

    Args:
        network: built; a copy is used.
        loss: the loss.
        rows: the batch.
        seed: keys the dropout masks,
        step: together with the number of the step.
    """

    def __init__(self, network: Network, loss: Loss, rows: Rows, *, seed: int, step: int) -> None:
        self._network, self._step = network.copy(FLOAT64), step
        own = own_parts(self._network, loss, SGD())
        recorder = Recorder(seed, bridged={id(part) for part in own.values() if is_own(part)})
        x, weights = rows.x.astype(FLOAT64), rows.loss_weights
        targets = rows.targets.astype(FLOAT64) if rows.targets.dtype.kind == "f" else rows.targets
        recorder.lengths = rows.lengths
        self._outputs, _ = recorder.forward(self._network, x, training=True)
        weights = None if weights is None else weights.astype(FLOAT64)
        row_weights, _ = recorder.row_weights(loss, self._outputs, weights)
        self._value, _ = recorder.loss_forward(loss, self._outputs, targets, row_weights)
        self._calls, self._buffers = recorder.calls, recorder.buffers
        parameters = self._network.parameters
        # Running statistics follow the batch at every repetition.
        untrained = [segment.view(parameters) for segment in self._network.layout if not segment.trainable]
        self._untrained = [(array, array.copy()) for array in untrained]
        self._at = self._run(self._calls, 0)

    def work(self, first: int) -> int:
        """What the loss takes from a call on."""
        calls = self._calls[first:]
        touched = sum(array.nbytes for call in calls for array in _arrays(call))
        return sum(call.kernel.count_flops(call.arrays) + CALL_WORK for call in calls) + touched // BYTES_IN_TIME

    def first_reader(self, start: int, size: int) -> int | None:
        """The first call that reads that part of the parameters."""
        wanted = place_of(self._network.parameters[start : start + size])
        for number, call in enumerate(self._calls):
            if any(wanted.overlaps(place_of(array)) for array in _arrays(call)):
                return number
        return None

    def of_parameters(self, places: Array) -> list[Slopes | None]:
        """Slopes for elements of the flat parameters, all of one parameter."""
        first = self.first_reader(int(places[0]), 1)
        parameters = self._network.parameters
        return [] if first is None else self._slopes(parameters, places, self._calls, first)

    def first_call(self, path: str) -> int | None:
        """The first call of a layer or network, or of the loss."""
        return next((n for n, call in enumerate(self._calls) if _is_within(call.path, path)), None)

    def of_input(self, path: str, places: Array, size: int) -> list[Slopes | None]:
        """Slopes for elements of what a layer, a network or the loss takes in, as it alone sees them.

        Args:
            path: its path, "loss" for the loss.
            places: which elements, counted in C order.
            size: how many there should be.

        Returns:
            One for each place, None for a number that is looked up; nothing where the input cannot be told.
        """
        first = self.first_call(path)
        if first is None:
            return []
        given = self._outputs if path == "loss" else _first_input(self._calls[first])
        if given is None or given.size != size:
            return []
        whole, changed = place_of(given), np.array(given).reshape(-1)
        calls = [
            replace(call, arrays={n: _instead(a, whole, changed) for n, a in call.arrays.items()})
            if _is_within(call.path, path)
            else call
            for call in self._calls
        ]
        return self._slopes(changed, places, calls, first)

    def _slopes(self, array: Array, places: Array, calls: list[RecordedCall], first: int) -> list[Slopes | None]:
        found: list[Slopes | None] = []
        for place in places:
            try:
                found.append(slopes(lambda: self._run(calls, first), self._at, array, (int(place),)))
            except IndexError:  # an Embedding has nothing between two whole numbers
                found.append(None)
        self._run(self._calls, first)  # later ones begin with what was there
        return found

    def _run(self, calls: list[RecordedCall], first: int) -> float:
        with np.errstate(all="ignore"):
            repeat(calls[first:], self._step)
        for array, saved in self._untrained:
            array[...] = saved
        return float(self._value[0])


def _is_within(path: str, whole: str) -> bool:
    return path == whole or path.startswith(f"{whole}.")


def _arrays(call: RecordedCall) -> list[Array]:
    return [array for array in call.arrays.values() if isinstance(array, np.ndarray)]


def _first_input(call: RecordedCall) -> Array | None:
    name = next((n for n in ("x", "part", "shortcut", *call.kernel.reads) if n in call.arrays), None)
    return None if name is None else call.arrays[name]


def _instead(array: Array | None, whole: Place, changed: Array) -> Array | None:
    """The changed copy in the place of the array, in its shape; any other array as it is."""
    return changed.reshape(array.shape) if isinstance(array, np.ndarray) and place_of(array) == whole else array
