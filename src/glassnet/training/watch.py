"""A look at some steps of a training: how activations, error terms, gradients and updates are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.doors import door
from glassnet.core.errors import FileFormatError
from glassnet.core.randomness import generator
from glassnet.core.settings import whole
from glassnet.core.shapes import Array
from glassnet.training.callbacks import Callback, TrainingState
from glassnet.training.view import Sample
from glassnet.training.watch_record import LEVELS, Distribution, WatchRecord, read_back, written_down

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BYTES = 1 << 26
"""Samples wait to be summed up until somebody asks, or there are that many."""


class RecordsSoFar:
    """The first records of a ``Watch``, written down when somebody asks for them: to sum samples up takes time.

    Args:
        watch: whose.
        count: how many.
    """

    def __init__(self, watch: Watch, count: int) -> None:
        self._watch, self._count = watch, count

    def __call__(self) -> list[Any]:
        """Lists and arrays, as ``written_down`` gives them."""
        return written_down(self._watch.records[: self._count])


class Watch(Callback):
    """Looks at one step of every so many while a model trains, and keeps what its numbers were like.

    What is trained is the same, bit for bit, and the steps between are not slowed down: a step that is looked at runs
    in a program of its own, which leaves its intermediate results standing and takes memory for all of them. Of each
    array a fixed sample of elements is kept. Sums over the sample stand for the whole; of arrays with no more elements
    than the sample they are exact. Dead units are counted over all elements.

    A look stays as long as the watch: its samples until somebody asks for records or there are 64 MB of them, then a
    record, some 400 bytes for each array. Over a very long training choose a larger ``every``.

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
        self._is_training = False

    def memory_name(self) -> str:
        """The class, and what it looks at."""
        return f"Watch({self.every}, {self.elements})"

    @property
    def decides(self) -> bool:
        """Nothing: it only looks."""
        return False

    def on_fit_begin(self, state: TrainingState) -> None:
        """Begins to look."""
        self._is_training = True

    def on_fit_end(self, state: TrainingState) -> None:
        """Looks no more."""
        self._is_training = False

    def to_remember(self) -> dict[str, Any]:
        """The records, as long as training lasts: for a training that goes on where this one is broken off."""
        if not self._is_training:
            return {}
        layers = [list(self.layers), list(self.layers.values())]
        return {"layers": layers, "records": RecordsSoFar(self, len(self._records) + len(self._samples))}

    def remember(self, memory: Mapping[str, Any], state: TrainingState) -> None:
        """Has the records up to the place where training goes on; in another fit it begins with none."""
        if not state.resumed:
            return
        try:
            self.layers |= dict(zip(*memory["layers"], strict=True))
            known = memory["records"]
            self._records, self._samples = read_back(known() if isinstance(known, RecordsSoFar) else known), []
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(
                where=f"what the model remembers of {self.memory_name()}",
                received=f"records of another form ({error})",
                expected="what a Watch gives to remember",
                fix="forget it: model.memories.clear()",
            ) from error

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
        figure: Figure = door("plot_watch")(self, path=path)
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

    def forget(self, step: int) -> None:
        """Drops what was seen of a step and of those that came after it, which are done once more."""
        self._samples = [sample for sample in self._samples if sample.step < step]
        self._records = [record for record in self._records if record.step < step]

    def _condense(self) -> None:
        while self._samples:
            series = self._samples[0].series
            count = next((i for i, s in enumerate(self._samples) if s.series != series), len(self._samples))
            self._records += _records_of(self._samples[:count])
            del self._samples[:count]


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
            ratios[one.path] = _update_ratios(values[:, one.start + moved : one.stop + moved], block)
            continue
        known[one.kind, one.path] = _distributions(block)
        if one.saturates is not None:
            low, high = one.saturates
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


def _update_ratios(after: Array, before: Array) -> Array:
    """``‖after - before‖ / ‖before‖`` of each row, NaN where that is not finite."""
    with np.errstate(all="ignore"):
        (steps, longer), (weights, long) = map(_of_unit_size, (np.subtract(after, before, dtype=np.float64), before))
        ratios = np.ldexp(np.linalg.norm(steps, axis=1) / np.linalg.norm(weights, axis=1), longer - long)
    return np.where(np.isfinite(ratios), ratios, np.nan)


def _distributions(block: Array) -> list[Distribution]:
    """One for each row of a block (R, S)."""
    ordered = np.sort(block, axis=1)
    places = np.rint(np.array(LEVELS) * (block.shape[1] - 1)).astype(np.intp)
    with np.errstate(all="ignore"):  # a training that diverges is looked at as well
        unit, exponents = _of_unit_size(block)
        means, stds = np.ldexp(unit.mean(axis=1), exponents), np.ldexp(unit.std(axis=1), exponents)
        quantiles = ordered[:, places].astype(np.float32)
    return [Distribution(float(m), float(s), q) for m, s, q in zip(means, stds, quantiles, strict=True)]


def _of_unit_size(block: Array) -> tuple[Array, Array]:
    """Rows (R, S) times powers of two, so that no square is too large or too small, and exponents (R,) that undo it.

    No digit changes by that.
    """
    wide = block.astype(np.float64)
    exponents = np.frexp(np.abs(wide).max(axis=1, initial=0))[1]
    return np.ldexp(wide, -exponents[:, None]), exponents
