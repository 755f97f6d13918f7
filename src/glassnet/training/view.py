"""What a ``Watch`` sees of a training step: the arrays that it looks at, and samples of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from glassnet.core.places import place_of
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, info
from glassnet.network import Network
from glassnet.runners import Caller, NumpyRunner, RecordedCall


@dataclass(frozen=True)
class Series:
    """One array that is looked at.

    Attributes:
        kind: "activation", "delta", "gradient" or "parameter".
        path: of the layer or parameter.
        saturates: the ends of its range, if what computed it has such ends.
        start, stop: where its elements stand in a sample.
    """

    kind: str
    path: str
    saturates: tuple[float, float] | None
    start: int
    stop: int


@dataclass(frozen=True)
class Sample:
    """What was seen in one step.

    Attributes:
        series: which arrays.
        step: updates done before.
        epoch: its epoch.
        loss: its loss.
        values: the elements of all series, one after another; then the parameters' as they were after the update.
        units: which layers have units that may be dead.
        dead: shares of dead units, of each of these.
    """

    series: tuple[Series, ...]
    step: int
    epoch: int
    loss: float
    values: Array
    units: tuple[str, ...]
    dead: Array


class Watching(Protocol):
    """What a ``Watch`` is to its view."""

    layers: dict[str, str]

    def due(self, before: int, steps: int) -> range:
        """See ``Watch``."""

    def elements_of(self, size: int) -> Array:
        """See ``Watch``."""

    def take_in(self, sample: Sample) -> None:
        """See ``Watch``."""


class View:
    """The arrays of a training step that a ``Watch`` looks at: made once, used at each step.

    Args:
        watch: whose.
        network: in training.
        calls: the network's and the loss's kernel calls of both passes, on arrays that hold the numbers afterwards.
        memory: flat array that most of these lie in, so that all can be read at once; or None.

    Attributes:
        width: numbers in a sample.
        outputs: those of each ReLU, by its path.
        dtype: of a sample.
    """

    def __init__(
        self, watch: Watching, network: Network, calls: Sequence[RecordedCall], memory: Array | None = None
    ) -> None:
        self.watch, self._network, self._memory = watch, network, memory
        self.dtype = network.dtype
        watch.layers |= {path: type(layer).__name__ for path, layer in network.walk()}
        self._gathers: list[tuple[Array, list[Array]]] = []
        size = 0

        def sees(kind: str, path: str, array: Array, call: RecordedCall | None = None) -> Series:
            nonlocal size
            start, size = size, size + self._gather(array)
            return Series(kind, path, None if call is None else call.kernel.saturates, start, size)

        outputs, errors = _outputs_and_errors(calls, network)
        series = [sees("activation", path, call.arrays["y"], call) for path, call in outputs.items()]
        series += [sees("delta", path, call.arrays["dy"], call) for path, call in errors.items()]
        trained = [segment for segment in network.layout if segment.trainable]
        series += [sees("gradient", s.path, s.view(network.gradients)) for s in trained]
        of_step, parameters = self._taken(0), size
        self._gathers.clear()
        series += [sees("parameter", s.path, s.view(network.parameters)) for s in trained]
        self._series = tuple(series)
        self._before = self._taken(parameters)
        self._after = of_step + self._taken(size)
        self.width = 2 * size - parameters
        self.outputs = {path: c.arrays["y"] for path, c in outputs.items() if c.kernel.least == 0}

    def _gather(self, array: Array) -> int:
        """Adds an array's elements that the watch chooses; returns how many."""
        chosen = self.watch.elements_of(array.size)
        flat, first = self._flat(array)
        if not self._gathers or self._gathers[-1][0] is not flat:
            self._gathers.append((flat, []))
        self._gathers[-1][1].append(chosen + first)
        return len(chosen)

    def _taken(self, start: int) -> list[tuple[Array, Array, int]]:
        """What is gathered, one flat array after another: the array, places in it, and where they go in a sample."""
        taken = [(flat, np.concatenate(places).astype(np.int64)) for flat, places in self._gathers]
        starts = start + np.cumsum([0, *(len(places) for _, places in taken)])
        return [(flat, places, int(at)) for (flat, places), at in zip(taken, starts, strict=False)]

    def _flat(self, array: Array) -> tuple[Array, int]:
        """A flat array that the given one lies in, and where it begins there."""
        for flat in (self._memory, self._network.gradients, self._network.parameters):
            if flat is not None:
                place, whole = place_of(array), place_of(flat)
                if whole.contains(place):
                    return flat, (place.start - whole.start) // flat.itemsize
        return array.reshape(-1), 0

    def look(self, module: ModuleType) -> Any:
        """What the native replay needs to take samples itself."""
        look = module.Look(self.dtype == np.float64)
        for parts, is_before in ((self._before, True), (self._after, False)):
            for flat, places, start in parts:
                look.take(flat, places, start, is_before)
        for y in self.outputs.values():
            look.units(y)
        return look

    def begin(self) -> None:
        """Keeps the parameters, before the update."""
        self._values = np.empty(self.width, self.dtype)
        self._copy(self._before)

    def end(self, *, step: int, epoch: int, loss: float) -> None:
        """Hands the sample to the watch, after the update."""
        self._copy(self._after)
        # A ReLU gives nothing below 0: where the largest is 0, all are.
        units = [y.max(axis=(0, *range(2, y.ndim))) for y in self.outputs.values()]
        resting = np.array([np.count_nonzero(largest == 0) / len(largest) for largest in units])
        self.keep(self._values, resting, step, epoch, loss)

    def _copy(self, parts: list[tuple[Array, Array, int]]) -> None:
        for flat, places, start in parts:
            flat.take(places, out=self._values[start : start + len(places)], mode="clip")

    def keep(self, values: Array, resting: Array, step: int, epoch: int, loss: float) -> None:
        """Hands a step to the watch: its sample, and of each ReLU the share of units at rest."""
        self.watch.take_in(Sample(self._series, step, epoch, loss, values[: self.width], tuple(self.outputs), resting))


def watched_arrays(calls: Sequence[RecordedCall], network: Network) -> list[Array]:
    """The arrays of a step that a ``View`` looks at, besides parameters and gradients."""
    outputs, errors = _outputs_and_errors(calls, network)
    return [*(call.arrays["y"] for call in outputs.values()), *(call.arrays["dy"] for call in errors.values())]


def _outputs_and_errors(
    calls: Sequence[RecordedCall], network: Network
) -> tuple[dict[str, RecordedCall], dict[str, RecordedCall]]:
    """The calls that write each computing layer's output y, and the first ones that read its δ, by path."""
    layers = {path for path, layer in network.walk() if not list(layer.children())}
    outputs = {call.path: call for call in calls if call.path in layers and "y" in call.kernel.writes}
    errors = {call.path: call for call in reversed(calls) if call.path in layers and "dy" in call.kernel.reads}
    return outputs, {path: errors[path] for path in outputs if path in errors}


class KeepingRunner(NumpyRunner):
    """Runs each kernel and keeps its arrays, not copies of them, in ``calls``."""

    def __init__(self, seed: int, step: int) -> None:
        super().__init__(seed, step)
        self.calls: list[RecordedCall] = []

    def __call__(self, caller: Caller, kernel: Kernel, **arguments: Any) -> None:
        """Calls the kernel and notes the call."""
        super().__call__(caller, kernel, **arguments)
        self._keep(caller, kernel, arguments)

    def has_called(self, part: Any, kernel: Kernel, **arrays: Any) -> None:
        """Notes what a user's own code did by itself, as a call of ``kernel``."""
        results = [arrays[name] for name in info(kernel).writes]
        known = {id(array) for call in self.calls for array in call.arrays.values()}
        if any(id(array) not in known for array in results):
            self._keep(part, kernel, arrays)

    def _keep(self, caller: Caller, kernel: Kernel, arguments: dict[str, Any]) -> None:
        entry = info(kernel)
        self.calls.append(RecordedCall(caller.path, entry, {name: arguments[name] for name in entry.arrays}, {}))
