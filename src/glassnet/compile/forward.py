"""A network's forward pass in prediction mode: written down, which is also what is exported, and compiled."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from glassnet.compile.arena import Arena
from glassnet.compile.binding import as_setting, check_arrays, fits, native, runs_natively
from glassnet.compile.fusion import fold
from glassnet.compile.graph import without_dead_work
from glassnet.compile.items import Item, items_of
from glassnet.compile.kept_forward import Call, Written, keep, written_before
from glassnet.compile.stages import Group, Stage
from glassnet.core.shapes import Array, size_of
from glassnet.kernels.activation import identity_forward
from glassnet.runners.recorder import RecordedCall, Recorder, StepNumber
from glassnet.runners.states import States
from glassnet.runners.steps import StepRecorder

TILE_BYTES = 1 << 18
"""Activations of the rows that a compiled program takes at once: they stay in a processor's second cache."""
FEWEST_ROWS, MOST_ROWS = 16, 256
DIVIDED_FLOPS = 3_000_000
"""Work on a single row from which on several threads share its channels: some 30 µs."""


@dataclass(frozen=True)
class RecordedForward:
    """The kernel calls of one forward pass.

    Attributes:
        calls: in their order, those whose results nobody reads left out, neighbours folded into one where they can be.
        x: the buffer (rows, ...) for the inputs.
        y: the buffer (rows, ...) with the outputs.
        buffers: all memory that the calls write, x and y among them.
        lengths: the buffer (rows,) for how many steps each row has, where they are of different length.
    """

    calls: list[RecordedCall]
    x: Array
    y: Array
    buffers: list[Array]
    lengths: Array | None = None


def record_forward(
    network: Any,
    rows: int,
    *,
    fused: bool = True,
    ragged: bool = False,
    poisoned: bool = False,
    watched_by: Any = nullcontext,
) -> RecordedForward:
    """Writes a forward pass of so many rows down.

    Args:
        network: built.
        rows: in the batch.
        fused: whether neighbours are folded into one call.
        ragged: whether the rows are of different length.
        poisoned: see ``Recorder``.
        watched_by: makes, from the recorder, a context in which the network is called.
    """
    recorder = Recorder(0, poisoned=poisoned)
    x = recorder.empty((rows, *network.input_shape), network.dtype)
    recorder.lengths = lengths = recorder.empty((rows,), np.int64) if ragged else None
    context: AbstractContextManager[Any] = watched_by(recorder)
    with context:
        outputs, _ = recorder.forward(network, x, training=False)
    y = recorder.empty(outputs.shape, network.dtype)
    recorder(network, identity_forward, x=outputs, y=y)
    calls = without_dead_work(recorder.calls, [y])
    return RecordedForward(fold(calls, recorder.empty) if fused else calls, x, y, recorder.buffers, lengths)


class CompiledForward:
    """A forward pass in the native module, which takes any number of rows through it, a tile at a time.

    Args:
        written: for the rows of a tile.
        module: the native module.

    Attributes:
        predict: ``predict(x, y, threads)`` puts the outputs for x into y, both (N, ...), and says whether it did: not
            if x is anything but a contiguous array of finite rows of the right shape and dtype. Safe to call from
            several threads at once. Where rows are of different length, their lengths come last, int64 (N,).
    """

    def __init__(self, written: Written, module: ModuleType) -> None:
        self._written = written  # with arrays that the program reads where they are
        program = module.Forward(written.x.dtype == np.float64, written.rows, written.arena)
        for call in written.calls:
            program.add(call.kernel, call.operands, call.cut, call.settings)
            if call.shares:
                program.divide(call.shares, call.channels, call.waits)
        program.input(written.x)
        if written.lengths is not None:
            program.lengths(written.lengths)
        program.output(written.y)
        self._program, self.predict = program, program.predict


def _written(recorded: RecordedForward, items: list[Item], module: ModuleType) -> Written:
    """Gives the arrays of a recorded pass their places."""
    x, y, lengths = recorded.x, recorded.y, recorded.lengths
    divides = sum(item.flops for item in items) >= DIVIDED_FLOPS * len(x)
    shares = [_shares_of(item, module) if divides else [] for item in items]
    whole = module.Forward.Share.WHOLE
    waits = [whole in (share or [whole]) for share in shares]  # for all channels of what was before
    apart = [x, y] if lengths is None else [x, y, lengths]
    arena = Arena(recorded.buffers, _stages(items, waits), apart, module.ALIGNMENT)
    calls = []
    for item, divided, wait in zip(items, shares, waits, strict=True):
        assert item.call is not None
        arrays = {name: arena.view(array) for name, array in item.arrays.items()}
        settings = [as_setting(value) for value in item.call.settings.values()]
        cut, channels = [name in item.cut for name in arrays], item.arrays["y"].shape[1] if divided else 1
        calls.append(Call(item.name, list(arrays.values()), cut, settings, divided, channels, wait))
    found = None if lengths is None else arena.view(lengths)
    return Written(len(x), arena.memory, calls, arena.view(x), arena.view(y), found)


def compile_forward(network: Any, likeness: Any = None, **recorded_how: Any) -> CompiledForward | None:
    """The compiled forward pass of a built network; None without a native module, or where a layer must run in Python.

    Args:
        network: built.
        likeness: what is equal for networks whose forward passes are recorded the same, but for their parameters; None
            where that is not known. Of those only the first is recorded (see ``kept_forward.py``).
        recorded_how: see ``record_forward``.

    Raises:
        NotRecorded: an own layer does more than call kernels.
    """
    module = native()
    if module is None or not fits(1 + len(network.input_shape)):
        return None
    if likeness is not None:
        likeness = likeness, tuple(recorded_how.items())
        known = written_before(likeness, network.parameters)
        if known is not None:
            return CompiledForward(known, module)
    recorded = record_forward(network, _rows_in_tile(network), **recorded_how)
    items = _items(recorded)
    if items is None:
        return None
    written = _written(recorded, items, module)
    if likeness is not None:
        keep(likeness, written, network.parameters)
    return CompiledForward(written, module)


class CompiledStream(CompiledForward):
    """A recorded step of sequences in the native module, which keeps their states between two calls.

    Args:
        written: the step.
        module: the native module.
        states: the arrays that the calls read and write.

    Attributes:
        advance: ``advance(x, y)`` puts the outputs for a step x into y, and says whether it did: not if x is anything
            but a contiguous array of finite numbers of the right shape and dtype, without the axis of the steps.
        states: as given.
    """

    def __init__(self, written: Written, module: ModuleType, states: States) -> None:
        super().__init__(written, module)
        self.advance, self.states = self._program.advance, states


def record_stream(network: Any, rows: int) -> tuple[RecordedForward, States]:
    """Writes a step of so many sequences down; the states that it reads and writes are arrays of their own.

    Raises:
        NotRecorded: an own layer does more than call kernels.
        ConfigurationError: a layer needs the whole sequence.
    """
    recorder = StepRecorder()
    x = recorder.empty((rows, 1, *network.input_shape[1:]), network.dtype)
    outputs, _ = recorder.forward(network, x, training=False)
    y = recorder.empty(outputs.shape, network.dtype)
    recorder(network, identity_forward, x=outputs, y=y)
    calls = without_dead_work(recorder.calls, [y, *recorder.states.arrays.values()])
    return RecordedForward(fold(calls, recorder.empty), x, y, recorder.buffers), recorder.states


def compile_stream(network: Any, rows: int) -> CompiledStream | None:
    """A compiled step of so many sequences through a built network; None where a layer must run in Python.

    Raises:
        NotRecorded: an own layer does more than call kernels.
        ConfigurationError: a layer needs the whole sequence.
    """
    module = native()
    if module is None or not fits(1 + len(network.input_shape)):
        return None
    recorded, states = record_stream(network, rows)
    items = _items(recorded)
    return None if items is None else CompiledStream(_written(recorded, items, module), module, states)


def _rows_in_tile(network: Any) -> int:
    widths = [size_of(layer.output_shape or ()) for _, layer in network.walk()]
    row_bytes = network.dtype.itemsize * max(1, sum(widths) + size_of(network.input_shape))
    return int(min(max(FEWEST_ROWS, TILE_BYTES // row_bytes // 4 * 4), MOST_ROWS))


def _items(recorded: RecordedForward) -> list[Item] | None:
    """The calls row by row, or as they are; None where the native module cannot carry one out."""
    rows = len(recorded.x)
    found: list[Item] = []
    for call in recorded.calls:
        if not runs_natively(call) or any(isinstance(value, StepNumber) for value in call.settings.values()):
            return None
        check_arrays(call, recorded.x.dtype)
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


def _shares_of(item: Item, module: ModuleType) -> list[Any]:
    """How the channels of one image, or the units of a large dense layer, are divided in a call; none if not.

    A convolution in groups looks at channels of its own for each filter and stays whole.
    """
    assert item.call is not None
    kernel, arrays = item.call.kernel, item.arrays
    is_dense = "weight" in arrays and arrays["weight"].ndim == 2
    in_groups = "weight" in arrays and not is_dense and arrays["weight"].shape[1] != arrays["x"].shape[1]
    if not kernel.channels or in_groups or not (item.wants_rows if is_dense else arrays["y"].ndim > 2):
        return []
    share = module.Forward.Share
    kinds = {name: share.WEIGHTS if name in kernel.shared else share.PLANES for name in kernel.channels}
    if is_dense:
        if module.Forward.shares_sums(len(arrays["weight"]), arrays["weight"].strides[0]):
            kinds = {"x": share.SUMMANDS}
        else:
            kinds["weight"] = share.COLUMNS
    return [kinds.get(name, share.WHOLE) for name in arrays]
