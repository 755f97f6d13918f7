"""One training step: forward, loss, backward, update, through any runner; and the same written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

from glassnet.compile import CompiledProgram, RecordedStep
from glassnet.core.shapes import Array, Shape
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import Recorder, Runner, TracingRunner
from glassnet.runners.standins import stand_in
from glassnet.runners.states import States
from glassnet.training.batches import Rows
from glassnet.training.parts import NO_BRIDGES, Bridges, Parts


class TrainingStep:
    """One step through a runner: forward and loss at once, backward and update by ``finish``.

    With ``training=False`` it stops at the loss of prediction mode.

    Attributes:
        outputs: of the network (N, ...).
        forward_calls: kernel calls of the network's forward pass, where the runner keeps a list of them.
        total: the batch's total weight (1,).
        value: the loss (1,).
    """

    def __init__(self, run: Runner, parts: Parts, rows: Rows, *, training: bool = True) -> None:
        self._run, self._targets = run, rows.targets
        self._network, self._loss, self._optimizer, _ = parts
        run.lengths = rows.lengths
        self.outputs, self._cache = run.forward(parts.network, rows.x, training=training)
        self.forward_calls = len(run.calls) if isinstance(run, Recorder | TracingRunner) else 0
        self._row_weights, self.total = run.row_weights(parts.loss, self.outputs, rows.loss_weights)
        self.value, self._loss_cache = run.loss_forward(parts.loss, self.outputs, rows.targets, self._row_weights)

    def finish(self) -> None:
        """Backward and update."""
        self.backward()
        self.update()

    def backward(self) -> None:
        """Goes from the loss back to the inputs."""
        arrays = self.outputs, self._targets, self._row_weights
        doutputs = self._run.loss_backward(self._loss, *arrays, self._loss_cache)
        self._run.backward(self._network, doutputs, self._cache)

    def update(self) -> None:
        """The optimizer's turn."""
        network = self._network
        self._run.batch_weight = self.total
        self._run.update(self._optimizer, network.parameters, network.gradients, network.layout)


def record_step(
    parts: Parts,
    rows: Rows,
    batch_rows: int,
    *,
    bridges: Bridges = NO_BRIDGES,
    on_trial: bool = False,
    updates: bool = True,
    states: States | None = None,
    steps: tuple[int, int | None] | None = None,
) -> RecordedStep:
    """Writes one training step down on buffers of its own.

    Args:
        parts: of the training.
        rows: the data that batches come from.
        batch_rows: rows in a batch.
        bridges: the user's own parts that are recorded as calls of their Python code.
        on_trial: whether parameters refuse arithmetic, too, and buffers hold NaN; only for copies of the parts.
        updates: whether the optimizer has its turn; without it the step ends with the gradients.
        states: what layers carry from step to step, or None.
        steps: of the batch's inputs, and of its outputs where they have any; None for those of all rows.

    Raises:
        NotRecorded: an own part that is not bridged does more than call kernels.
    """
    network, _, optimizer, seed = parts
    recorder = Recorder(seed, bridged=bridges.ids(parts), poisoned=on_trial)
    recorder.states = states
    sources: list[tuple[Array, Array]] = []

    def buffer(source: Array, shape: Shape) -> Array:
        sources.append((source, recorder.empty((batch_rows, *shape), source.dtype)))
        return sources[-1][1]

    like = rows.take(slice(0, 0))
    like = like if steps is None else like.first_steps(*steps)
    x, targets = buffer(rows.x, like.x.shape[1:]), buffer(rows.targets, like.targets.shape[1:])
    weights = lengths = None
    if rows.loss_weights is not None and like.loss_weights is not None:
        weights = buffer(rows.loss_weights, like.loss_weights.shape[1:])
    if rows.lengths is not None:
        lengths = buffer(rows.lengths, ())
    before = optimizer.steps
    with refusing_parameters(network, recorder) if on_trial else nullcontext():
        step = TrainingStep(recorder, parts, Rows(x, targets, loss_weights=weights, lengths=lengths))
        step.backward()
        if updates:
            step.update()
    optimizer.steps = before
    return RecordedStep(
        calls=recorder.calls,
        forward_calls=step.forward_calls,
        buffers=recorder.buffers,
        rows=batch_rows,
        sources=sources,
        outputs=step.outputs,
        output_shape=network.output_shape or (),
        value=step.value,
        total=step.total,
        parameters=network.parameters,
        gradients=network.gradients,
        keep=[
            *(optimizer.state.values() if updates else [network.gradients]),
            *(states.arrays.values() if states is not None else ()),
        ],
    )


def record_update(parts: Parts, *, bridges: Bridges = NO_BRIDGES) -> RecordedStep:
    """Writes the optimizer's turn down alone; the gradients and the batch's total weight are there before it.

    Raises:
        NotRecorded: an own part that is not bridged does more than call kernels.
    """
    network, optimizer = parts.network, parts.optimizer
    recorder = Recorder(parts.seed, bridged=bridges.ids(parts))
    value, total = recorder.empty((1,), np.dtype(np.float64)), recorder.empty((1,), np.dtype(np.float64))
    outputs = recorder.empty((1, 1), network.dtype)  # of which there are none
    recorder.batch_weight = total
    before = optimizer.steps
    recorder.update(optimizer, network.parameters, network.gradients, network.layout)
    optimizer.steps = before
    return RecordedStep(
        calls=recorder.calls,
        forward_calls=0,
        buffers=recorder.buffers,
        rows=1,
        sources=[],
        outputs=outputs,
        output_shape=(1,),
        value=value,
        total=total,
        parameters=network.parameters,
        gradients=network.gradients,
        keep=list(optimizer.state.values()),
    )


@contextmanager
def refusing_parameters(network: Network, recorder: Recorder) -> Iterator[None]:
    """Lets the arrays of every layer's parameters refuse arithmetic for a while."""
    parameters = [
        p for layer in (network, *(layer for _, layer in network.walk())) for p in layer.own_parameters().values()
    ]
    before = [p.shown for p in parameters]
    try:
        for parameter in parameters:
            parameter.show(stand_in(parameter.value, recorder), stand_in(parameter.gradient, recorder))
        yield
    finally:
        for parameter, (value, gradient) in zip(parameters, before, strict=True):
            parameter.show(value, gradient)


def step_program(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    seed: int,
    rows: Rows,
    bridges: Bridges = NO_BRIDGES,
    threads: int = 1,
) -> CompiledProgram:
    """The program of a training step on such rows, for looking at."""
    parts = Parts(network, loss, optimizer, seed)
    return CompiledProgram(record_step(parts, rows, len(rows), bridges=bridges), [], [], threads=threads)
