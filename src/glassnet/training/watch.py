"""A look at some steps of a training: how activations, error terms, gradients and updates are distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.kernels import Kernel, info
from glassnet.randomness import generator
from glassnet.runners import Caller, NumpyRunner, RecordedCall
from glassnet.runners.recorder import extent
from glassnet.settings import whole
from glassnet.shapes import Array
from glassnet.training.callbacks import Callback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassnet.network import Network

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Of the quantiles, from the smallest element to the largest."""
SATURATED = {"sigmoid_forward": (0.01, 0.99), "tanh_forward": (-0.98, 0.98)}
"""Outputs beyond these: the slope there is below a twenty-fifth of its largest value."""
MOST_BYTES = 1 << 26
"""Of samples that wait to be summed up, which is left to when somebody asks, or there are that many."""


@dataclass(frozen=True)
class Distribution:
    """What the numbers of one array were like, from a sample of its elements.

    Attributes:
        mean: their mean.
        std: their standard deviation.
        quantiles: at ``LEVELS`` (7,), float32: the smallest, 5 %, 25 %, 50 %, 75 %, 95 %, the largest.
    """

    mean: float
    std: float
    quantiles: Array

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return float(np.hypot(self.mean, self.std))


@dataclass(frozen=True)
class WatchRecord:
    """One step.

    Attributes:
        step: updates done before it, over the model's whole life.
        epoch: its epoch.
        loss: of its batch.
        activations: of each layer's output, by the layer's path.
        deltas: of δ = ∂L/∂output of each layer, by its path.
        gradients: of each trained parameter's gradient, by the parameter's path, as the update rule saw them.
        update_ratios: ‖Δθ‖ / ‖θ‖ of each trained parameter, NaN where θ is 0; about 1e-3 is usual.
        dead: of each ReLU the share of units (channels of images) that gave 0 for the whole batch.
        saturated: of each sigmoid and tanh the share of outputs at the ends of their range (beyond ``SATURATED``).
    """

    step: int
    epoch: int
    loss: float
    activations: dict[str, Distribution]
    deltas: dict[str, Distribution]
    gradients: dict[str, Distribution]
    update_ratios: dict[str, float]
    dead: dict[str, float]
    saturated: dict[str, float]


class Watch(Callback):
    """Looks at every so manieth step while a model trains, and keeps what its numbers were like.

    What is trained is the same, bit for bit, and the steps between are not slowed down: a step that is looked at runs
    in a program of its own, which leaves its intermediate results standing and takes memory for all of them. Of each
    array a fixed sample of elements is kept. Sums over the sample stand for the whole; of arrays with no more elements
    than the sample they are exact. Dead units are counted over all elements.

    Args:
        every: how many steps from one look to the next (50).
        elements: how many elements of each array are looked at (256).

    Attributes:
        layers: what each layer is, such as ``"ReLU"``, by its path.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.random.default_rng(0).normal(size=(64, 5)), np.arange(64) % 3
        >>> model = gn.Model(gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(3)), "cross_entropy", gn.Adam())
        >>> watch = gn.Watch(every=10)
        >>> _ = model.fit(x, y, epochs=20, batch_size=32, callbacks=[watch], verbose=False)
        >>> [record.step for record in watch.records]
        [0, 10, 20, 30]
        >>> list(watch.records[0].activations), list(watch.records[0].update_ratios)
        (['0', '1', '2'], ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, *, every: int = 50, elements: int = 256) -> None:
        self.every = whole(every, "every", "Watch")
        self.elements = whole(elements, "elements", "Watch", low=8)
        self._records: list[WatchRecord] = []
        self._samples: list[Sample] = []
        self._chosen: dict[int, Array] = {}
        self.layers: dict[str, str] = {}

    @property
    def records(self) -> list[WatchRecord]:
        """The steps that were looked at, in their order; also after an interruption or a second ``fit``."""
        self._condense()
        return self._records

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draws distributions over time, the flow of gradients and the updates: see ``gn.plots.plot_watch``.

        Args:
            path: where to save the picture, by its ending .png, .svg or .pdf; or None.

        Returns:
            The matplotlib figure.

        Raises:
            ConfigurationError: nothing has been watched yet, or the path cannot be written.
            MissingExtraError: matplotlib is not installed.
        """
        figure: Figure = import_module("glassnet.plots").plot_watch(self, path=path)  # a door: training does without
        return figure

    def due(self, before: int, steps: int) -> range:
        """Which of the steps are looked at that follow on so many before them."""
        return range(before + -before % self.every, before + steps, self.every)

    def elements_of(self, size: int) -> Array:
        """The places of the elements that are looked at in an array of that size: all, or some at random."""
        if size not in self._chosen:
            every = np.arange(size)
            random = generator(0, "watch", size)
            few = size <= self.elements
            self._chosen[size] = every if few else np.sort(random.choice(size, self.elements, replace=False))
        return self._chosen[size]

    def take_in(self, sample: Sample) -> None:
        """Keeps what an engine saw in one step."""
        self._samples.append(sample)
        if len(self._samples) * sample.values.nbytes > MOST_BYTES:
            self._condense()

    def _condense(self) -> None:
        while self._samples:
            series = self._samples[0].series
            count = next((i for i, s in enumerate(self._samples) if s.series != series), len(self._samples))
            self._records += _records_of(self._samples[:count])
            del self._samples[:count]


@dataclass(frozen=True)
class Series:
    """One array that is looked at.

    Attributes:
        kind: "activation", "delta", "gradient" or "parameter".
        path: of the layer or parameter.
        kernel: what computed it.
        start, stop: where its elements stand in a sample.
    """

    kind: str
    path: str
    kernel: str
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
        self, watch: Watch, network: Network, calls: Sequence[RecordedCall], memory: Array | None = None
    ) -> None:
        self.watch, self._network, self._memory = watch, network, memory
        self.dtype = network.dtype
        watch.layers |= {path: type(layer).__name__ for path, layer in network.walk()}
        self._gathers: list[tuple[Array, list[Array]]] = []
        size = 0

        def sees(kind: str, path: str, array: Array, call: RecordedCall | None = None) -> Series:
            nonlocal size
            start, size = size, size + self._gather(array)
            return Series(kind, path, "" if call is None else call.kernel.name, start, size)

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
        self.outputs = {path: c.arrays["y"] for path, c in outputs.items() if c.kernel.name == "relu_forward"}

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
                (start, stop), (first, last) = extent(array), extent(flat)
                if first <= start and stop <= last:
                    return flat, (start - first) // flat.itemsize
        return array.reshape(-1), 0

    def look(self, module: ModuleType) -> Any:
        """What the native replay needs to take samples itself."""
        look = module.Look(self._network.dtype == np.float64)
        for parts, is_before in ((self._before, True), (self._after, False)):
            for flat, places, start in parts:
                look.take(flat, places, start, is_before)
        for y in self.outputs.values():
            look.units(y)
        return look

    def begin(self) -> None:
        """Before the update: keeps the parameters."""
        self._values = np.empty(self.width, self._network.dtype)
        self._copy(self._before)

    def end(self, *, step: int, epoch: int, loss: float) -> None:
        """After the update: hands the sample to the watch."""
        self._copy(self._after)
        # A ReLU gives nothing below 0: where the largest is 0, all are.
        units = [y.max(axis=(0, *range(2, y.ndim))) for y in self.outputs.values()]
        resting = np.array([1 - np.count_nonzero(largest) / len(largest) for largest in units])
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
    """For each layer that computes something the call that writes its output y, and the first one that reads its δ."""
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
        entry = info(kernel)
        self.calls.append(RecordedCall(caller.path, entry, {name: arguments[name] for name in entry.arrays}, {}))


def _records_of(samples: list[Sample]) -> list[WatchRecord]:
    """Samples of the same series as records."""
    values = np.stack([sample.values for sample in samples])
    series = samples[0].series
    known: dict[tuple[str, str], list[Distribution]] = {}
    ratios: dict[str, Array] = {}
    saturated: dict[str, Array] = {}
    size = series[-1].stop if series else 0
    moved = values.shape[1] - size  # where the parameters stand once more
    for one in series:
        block = values[:, one.start : one.stop]
        if one.kind == "parameter":
            block = block.astype(np.float64)
            steps = values[:, one.start + moved : one.stop + moved] - block
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.linalg.norm(steps, axis=1) / np.linalg.norm(block, axis=1)
            ratios[one.path] = np.where(np.isfinite(ratio), ratio, np.nan)
            continue
        known[one.kind, one.path] = _distributions(block)
        if one.kernel in SATURATED:
            low, high = SATURATED[one.kernel]
            saturated[one.path] = ((block < low) | (block > high)).mean(axis=1)

    def of(kind: str, number: int) -> dict[str, Distribution]:
        return {path: found[number] for (wanted, path), found in known.items() if wanted == kind}

    return [
        WatchRecord(
            sample.step,
            sample.epoch,
            sample.loss,
            activations=of("activation", number),
            deltas=of("delta", number),
            gradients=of("gradient", number),
            update_ratios={path: float(found[number]) for path, found in ratios.items()},
            dead=dict(zip(sample.units, sample.dead.tolist(), strict=True)),
            saturated={path: float(found[number]) for path, found in saturated.items()},
        )
        for number, sample in enumerate(samples)
    ]


def _distributions(block: Array) -> list[Distribution]:
    """One for each row of a block (R, S)."""
    ordered = np.sort(block, axis=1)
    places = np.rint(np.array(LEVELS) * (block.shape[1] - 1)).astype(np.intp)
    means, stds = block.mean(axis=1, dtype=np.float64), block.std(axis=1, dtype=np.float64)
    quantiles = ordered[:, places].astype(np.float32)
    return [Distribution(float(m), float(s), q) for m, s, q in zip(means, stds, quantiles, strict=True)]
