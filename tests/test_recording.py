"""A training step is its kernel calls and nothing else.

A compiled engine records the calls of one step and repeats them on other numbers. That works only if no layer, loss or
optimizer looks at a value outside a kernel. These tests record a step on empty buffers, put batch after batch into
them, repeat the calls, and ask for the same bits as a step run afresh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gradients import LOSS_CASES, layer_cases, loss_cases, rows_for

import glassnet as gn
from glassnet.losses import Loss
from glassnet.optimizers import OPTIMIZERS
from glassnet.runners import Recorder, repeat
from glassnet.runners.standins import NotRecorded

Array = np.ndarray
STEPS = 3


def train_step(
    run: gn.Runner, net: gn.Network, loss: Loss, optimizer: gn.optimizers.Optimizer, x: Array, t: Array, w: Array
) -> Array:
    outputs, cache = net.forward(run, x, training=True)
    row_weights, run.batch_weight = loss.row_weights(run, outputs, w)
    value, loss_cache = loss.forward(run, outputs, t, row_weights)
    net.backward(run, loss.backward(run, outputs, t, row_weights, loss_cache), cache)
    optimizer.update(run, net.parameters, net.gradients, net.layout)
    return value


def check(
    net: gn.Network, loss: Loss, make_optimizer: Callable[[], gn.optimizers.Optimizer], batches: list[tuple[Array, ...]]
) -> None:
    """Repeats a recorded step on each batch, beside a twin that runs every step afresh."""
    twin, optimizer, twin_optimizer = net.copy(), make_optimizer(), make_optimizer()
    x, t, w = (np.full_like(array, 0) for array in batches[0])
    recorder = Recorder(5)
    value = train_step(recorder, net, loss, optimizer, x, t, w)
    optimizer.steps = 0
    np.testing.assert_array_equal(net.parameters, twin.parameters)  # recording itself changes nothing
    for number, batch in enumerate(batches):
        for buffer, array in zip((x, t, w), batch, strict=True):
            buffer[...] = array
        repeat(recorder.calls, optimizer.steps)
        optimizer.steps += 1
        expected = train_step(gn.NumpyRunner(5, number), twin, loss, twin_optimizer, *batch)
        assert value[0] == expected[0]
        np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert np.isfinite(net.parameters).all()


def drawn(loss: Loss, targets: Callable[..., Array], net: gn.Network, outputs: int) -> list[tuple[Array, ...]]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(STEPS):
        prepared = loss.prepare(targets(rng, 4, outputs), (outputs,), np.dtype(np.float64), where="y")
        found.append((rows_for(net, rng, 4), prepared, rng.uniform(0.5, 2, 4)))
    return found


LAYERS = list(layer_cases())
LOSSES = list(loss_cases())


@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_every_layer(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...]) -> None:
    net = gn.Sequential(build(), gn.Flatten())
    (outputs,) = net.build(shape, dtype="float64")
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    check(net, loss, lambda: gn.SGD(0.01), drawn(loss, targets, net, outputs))


@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_every_loss(case: tuple[str, Loss, Callable[..., Array], str | None]) -> None:
    _, loss, targets, end = case
    net = gn.Sequential(gn.Dense(3), *([end] if end else []))
    net.build((2,), dtype="float64")
    check(net, loss, lambda: gn.SGD(0.01), drawn(loss, targets, net, 3))


RULES: dict[str, Callable[[], gn.optimizers.Optimizer]] = {
    **OPTIMIZERS,  # type: ignore[dict-item]
    "momentum": lambda: gn.SGD(0.1, momentum=0.9),
    "nesterov": lambda: gn.SGD(0.1, momentum=0.9, nesterov=True),
    "schedule": lambda: gn.Adam(gn.schedules.OneCycle(0.1, steps=STEPS)),
    "chain": lambda: gn.Chain(
        gn.ClipByValue(0.5),
        gn.ClipByNorm(0.3),
        gn.L1(0.01),
        gn.L2(0.1),
        gn.WeightDecay(0.1),
        gn.AdamW(gn.schedules.ExponentialDecay(0.1, every=2)),
        gn.MaxNorm(0.5),
    ),
}
OF_BATCHES = RULES | {"by batch": lambda: gn.Chain(gn.L2(0.1, by_batch=True), gn.SGD(0.1))}
"""With what needs to know a batch's weight, too."""


@pytest.mark.parametrize("name", OF_BATCHES)
def test_every_optimizer(name: str) -> None:
    net = gn.Sequential(gn.Dense(4), gn.Dropout(0.3), gn.Tanh(), gn.Dense(3))
    net.build((2,), dtype="float64")
    loss, targets, _ = LOSS_CASES["CrossEntropy"][0]
    check(net, loss, OF_BATCHES[name], drawn(loss, targets, net, 3))


def test_a_look_outside_the_kernels_would_be_noticed() -> None:
    """A layer that scales by the batch's own maximum in plain Python cannot be repeated."""

    class Peeking(gn.Layer):
        def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, float]:
            largest = float(np.abs(x).max())
            return x / largest, largest

        def backward(self, run: gn.Runner, dy: Array, cache: float) -> Array:
            return dy / cache

    net = gn.Sequential(gn.Dense(3), Peeking(), gn.Dense(2))
    net.build((2,), dtype="float64")
    loss, targets, _ = LOSS_CASES["SumSquaredError"][0]
    with pytest.raises(NotRecorded, match="Peeking.*numpy.absolute"):
        check(net, loss, lambda: gn.SGD(0.01), drawn(loss, targets, net, 2))
