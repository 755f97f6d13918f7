"""Networks of rows of different length, for the tests that go through kernels: their rows' lengths are their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.core.shapes import Array, Shape


def lengths_for(rows: int, steps: int) -> Array:
    """Lengths from 1 to T: the longest first, then the shortest."""
    return np.array([(steps, 1, steps - 1, 2)[n % 4] if steps > 2 else steps for n in range(rows)], np.int64)


class Ragged(gn.Sequential):
    """Layers that get rows of different length, whatever the rows are; what stands in the padding is drawn."""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, list[Any]]:
        lengths = run.lengths
        run.lengths = lengths_for(len(x), x.shape[1])
        result = super().forward(run, x, training=training)
        run.lengths = lengths
        return result


def _conv(**settings: Any) -> Callable[[], gn.Network]:
    layers = gn.Conv1D(3, 2, bias_init="normal", **settings), gn.Tanh(), gn.GlobalAveragePool()
    return lambda: gn.Sequential(gn.Dense(2, bias_init="normal"), Ragged(*(layer.copy() for layer in layers)))


def _windows(layer: gn.Layer) -> Callable[[], gn.Network]:
    return lambda: gn.Sequential(gn.Dense(3, bias_init="normal"), Ragged(layer.copy(), gn.Tanh(), gn.GlobalMaxPool()))


def _normed() -> gn.Network:
    net = gn.Sequential(gn.Dense(3, use_bias=False), Ragged(gn.BatchNorm(), gn.Tanh(), gn.GlobalAveragePool()))
    net.build((4, 2), dtype="float64")
    net.parameters[...] = np.random.default_rng(0).uniform(0.3, 1.5, net.parameters.size)
    return net


RAGGED: list[tuple[str, Callable[[], gn.Network], Shape]] = [
    ("Conv1D", _conv(padding="causal", stride=2), (4, 2)),
    ("Conv1D", _conv(padding=1, dilation=2), (5, 2)),
    ("MaxPool1D", _windows(gn.MaxPool1D(2, padding=1)), (4, 2)),
    ("AveragePool1D", _windows(gn.AveragePool1D(3, stride=1, padding=1)), (4, 2)),
    ("BatchNorm", _normed, (4, 2)),
]
