"""The network's outputs for any number of rows: by NumPy kernels, or compiled."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from glassnet.compile import native
from glassnet.compile.arena import Arena
from glassnet.compile.forward import record_forward
from glassnet.compile.program import MOST_AXES, as_setting, check_arrays, fits_native
from glassnet.compile.stages import Group, Item, Stage, items_of
from glassnet.compile.threads import thread_count
from glassnet.core.errors import ConfigurationError
from glassnet.core.parameters import Watched
from glassnet.core.shapes import Array, size_of
from glassnet.network import Network, embeddings_of
from glassnet.runners import NumpyRunner, RecordedCall, StepNumber
from glassnet.runners.own import is_own
from glassnet.runners.standins import NotRecorded
from glassnet.training.agreement import close
from glassnet.training.changes import Fingerprint
from glassnet.training.steps import refusing_parameters

NUMPY_ROWS = 1024
"""Rows that go through the network at once where NumPy kernels carry it out: bounds the memory."""
TILE_BYTES = 1 << 18
"""Activations of the rows that a compiled program takes at once: they stay in a processor's second cache."""
FEWEST_ROWS, MOST_ROWS = 16, 256
WHOLE, PLANES, WEIGHTS, COLUMNS, SUMMANDS = range(5)
"""How an array of a single row's call is divided among threads: not, along axis 1, along axis 0, by the columns of a
matrix, or by parts of the sums. As ``Forward::Share``."""
FEWEST_SUMMANDS, SUMMANDS_TOGETHER, MOST_SUM_BYTES = 2048, 256, 1 << 16
"""Sums of so many are divided, into parts of so many, as far as the native ``Forward`` has memory for these."""
SHORT_ROW, PAGE = 16, 4096
"""Bytes. Sums are divided where the rows of the weights are longer than the one, and not than the other."""
DIVIDED_FLOPS = 3_000_000
"""Work on a single row from which on several threads share its channels: some 30 µs."""


class Predictor:
    """A network's forward pass in prediction mode, compiled where the native module can.

    Safe to call from several threads at once. It holds for the network as it was when it was made: ``is_current`` says
    whether it still does.

    Args:
        network: built.
        engine: as ``Model`` takes it; where layers are written in Python, NumPy kernels do the work in any case.
        threads: upper limit of threads.
        on_trial: whether it is made to see how a copy of a network with layers of the user's own behaves.

    Attributes:
        looks_up: whether there is an ``Embedding``; its numbers must be checked before.
    """

    def __init__(self, network: Network, engine: str, threads: int | None, *, on_trial: bool = False) -> None:
        self.network = network
        self._on_trial = on_trial
        self._settings = engine, threads
        has_own = any(map(is_own, (network, *(layer for _, layer in network.walk()))))
        # Own layers may set attributes whenever they are called: to count changes says as much, and takes no memory.
        self._fingerprint = None if has_own else Fingerprint(network)
        self._changes, self._buffers = Watched.changes, network.parameters
        self._shape, self._dtype = network.output_shape or (), network.dtype
        self._threads = thread_count(threads)
        self.looks_up = bool(embeddings_of(network, network.input_shape or ()))
        self._program = None if engine == "numpy" else self._compiled()
        self._is_untried = has_own and not on_trial and self._program is not None

    def is_current(self, network: Network, engine: str, threads: int | None) -> bool:
        """Whether all is as it was: the network, its buffers, every layer's attributes, and the other arguments."""
        same = network is self.network and self._settings == (engine, threads)
        if self._fingerprint is not None:
            return same and self._fingerprint.is_current()
        is_unmoved = network.is_built and network.parameters is self._buffers
        return same and is_unmoved and Watched.changes == self._changes

    def fast(self, x: Array) -> Array | None:
        """The outputs, or None where x is not a contiguous array of finite rows of the network's shape and dtype."""
        if self._program is None or self._is_untried or not 0 < x.ndim <= MOST_AXES:
            return None
        y = np.empty((len(x), *self._shape), self._dtype)
        return y if self._program.predict(x, y, self._threads) else None

    def __call__(self, x: Array) -> Array:
        """The outputs (N, ...) for checked inputs (N, ...)."""
        x = np.ascontiguousarray(x)
        if self._is_untried:
            self._try(x[:MOST_ROWS])
        found = self.fast(x) if len(x) else None
        return self._by_numpy(x) if found is None else found

    def _by_numpy(self, x: Array) -> Array:
        run, y = NumpyRunner(step=0), np.empty((len(x), *self._shape), self._dtype)
        for start in range(0, max(1, len(x)), NUMPY_ROWS):
            part = slice(start, start + NUMPY_ROWS)
            y[part] = run.forward(self.network, x[part], training=False)[0]
        return y

    def _try(self, x: Array) -> None:
        """Lets a copy of a network with own layers predict both ways, twice, with other parameters; or gives up."""
        try:
            twin = deepcopy(self.network)
            trial = Predictor(twin, "compiled", 1, on_trial=True)
            for _ in range(2):
                compiled = trial.fast(x)
                if trial._program is None or (compiled is not None and not close(trial._by_numpy(x), compiled)):
                    self._program = None
                if compiled is None:  # the rows are nothing to tell by
                    return
                twin.parameters[...] *= 1.1
            self._is_untried = False
        except Exception:  # noqa: BLE001 - of the user's code, on a copy: NumPy will show what there is to it
            self._program = None

    def _compiled(self) -> Any:
        """The native program, or None: where own layers do more than call kernels, NumPy has to."""
        try:
            return self._compile()
        except (NotRecorded, ConfigurationError):
            if not any(map(is_own, (self.network, *(layer for _, layer in self.network.walk())))):
                raise
            return None

    def _compile(self) -> Any:
        """The native program; None where there is no native module or a layer must run in Python."""
        module = native()
        network = self.network
        if module is None or len(network.input_shape or ()) >= MOST_AXES:
            return None
        widths = [size_of(layer.output_shape or ()) for _, layer in network.walk()]
        row_bytes = self._dtype.itemsize * max(1, sum(widths) + size_of(network.input_shape or ()))
        rows = min(max(FEWEST_ROWS, TILE_BYTES // row_bytes // 4 * 4), MOST_ROWS)
        recorded = record_forward(
            network,
            rows,
            poisoned=self._on_trial,
            watched_by=partial(refusing_parameters, network) if self._on_trial else nullcontext,
        )
        items = self._items(recorded.calls, rows, module)
        if items is None:
            return None
        divides = sum(item.flops for item in items) >= DIVIDED_FLOPS * rows
        shares = [_shares_of(item) if divides else [] for item in items]
        waits = [WHOLE in (share or [WHOLE]) for share in shares]  # for all channels of what was before
        arena = Arena(recorded.buffers, _stages(items, waits), [recorded.x, recorded.y])
        program = module.Forward(self._dtype == np.float64, rows, arena.memory)
        self._kept = items  # with arrays that the program reads where they are
        for item, divided, wait in zip(items, shares, waits, strict=True):
            assert item.call is not None
            arrays = {name: arena.view(array) for name, array in item.arrays.items()}
            settings = [as_setting(value) for value in item.call.settings.values()]
            program.add(item.name, list(arrays.values()), [name in item.cut for name in arrays], settings)
            if divided:
                program.divide(divided, item.arrays["y"].shape[1], wait)
        program.input(arena.view(recorded.x))
        program.output(arena.view(recorded.y))
        return program

    def _items(self, calls: list[RecordedCall], rows: int, module: ModuleType) -> list[Item] | None:
        found: list[Item] = []
        for call in calls:
            if not module.has_kernel(call.kernel.name) or not fits_native(call):
                return None
            if any(isinstance(value, StepNumber) for value in call.settings.values()):
                return None
            check_arrays(call, self._dtype)
            found += items_of(call, rows=rows, flat=(), number=0, in_python=False)
        return found if all(item.domain in (("rows", rows, 0), None) for item in found) else None


def _stages(items: list[Item], waits: list[bool]) -> list[Stage]:
    """One stage for the calls that threads go through without waiting for each other."""
    stages: list[Stage] = []
    for item, wait in zip(items, waits, strict=True):
        if wait or not stages:
            stages.append(Stage())
        stages[-1].groups.append(Group(None, [item]))
    return stages


def _shares_of(item: Item) -> list[int]:
    """How the channels of one image, or the units of a large dense layer, are divided in a call; none if not.

    A convolution in groups looks at channels of its own for each filter and stays whole.
    """
    assert item.call is not None
    kernel, arrays = item.call.kernel, item.arrays
    is_dense = "weight" in arrays and arrays["weight"].ndim == 2
    in_groups = "weight" in arrays and not is_dense and arrays["weight"].shape[1] != arrays["x"].shape[1]
    if not kernel.channels or in_groups or not (item.wants_rows if is_dense else arrays["y"].ndim > 2):
        return []
    kinds = {name: WEIGHTS if name in kernel.shared else PLANES for name in kernel.channels}
    if is_dense:
        summands, row_bytes = arrays["weight"].shape[0], arrays["weight"].strides[0]
        parts = 4 * -(-summands // (4 * SUMMANDS_TOGETHER))
        if summands >= FEWEST_SUMMANDS and SHORT_ROW < row_bytes <= min(PAGE, MOST_SUM_BYTES // parts):
            kinds = {"x": SUMMANDS}
        else:
            kinds["weight"] = COLUMNS
    return [kinds.get(name, WHOLE) for name in arrays]
