"""What activations and error terms of one step say: units that are dead, activations at their ends, lost gradients."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np

from glassnet.core.shapes import size_of
from glassnet.diagnosis.finding import Finding
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.training import Rows, Watch, WatchRecord
from glassnet.training.view import KeepingRunner, View

MOST_DEAD, MOST_SATURATED = 0.4, 0.5
"""Shares from which on a layer is ill: of units that answer nothing, and of outputs at the ends of their range."""
LEAST_FLOW, MOST_FLOW = 1e-3, 1e3
"""Bounds of ‖δ‖ at the first layer, divided by that at the last."""


def look(network: Network, loss: Loss, rows: Rows, *, seed: int) -> WatchRecord:
    """One pass forward and backward over all rows on a copy of the network, and what its numbers were like."""
    network = deepcopy(network)
    run = KeepingRunner(seed, 0)
    run.lengths = rows.lengths
    outputs, cache = network.forward(run, rows.x, training=True)
    row_weights, _ = loss.row_weights(run, outputs, rows.loss_weights)
    value, loss_cache = loss.forward(run, outputs, rows.targets, row_weights)
    network.backward(run, loss.backward(run, outputs, rows.targets, row_weights, loss_cache), cache)
    watch = Watch(every=1, elements=4096)
    view = View(watch, network, run.calls)
    view.begin()
    view.end(step=0, epoch=0, loss=float(value[0]))
    return watch.records[0]


def signals(record: WatchRecord, network: Network) -> Iterator[Finding]:
    """Findings of a single look."""
    layers = dict(network.walk())
    leaves = [path for path, layer in layers.items() if not list(layer.children())]

    def name(path: str) -> str:
        return f"layer {path}, {layers[path]!r}"

    for path, share in record.dead.items():
        if share >= MOST_DEAD:
            yield Finding(
                "dead_relu",
                name(path),
                f"{share:.0%} of its units gave 0 for every row that was looked at",
                "A ReLU that is 0 everywhere has no gradient: its unit learns nothing any more and says nothing",
                "a smaller learning rate, gn.LeakyReLU(), or weight_init='he_normal' in the layer before",
            )
    for path, share in record.saturated.items():
        if share >= MOST_SATURATED and path != leaves[-1]:
            yield Finding(
                f"saturated_{type(layers[path]).__name__.lower()}",
                name(path),
                f"{share:.0%} of its outputs are at the ends of their range",
                "The slope there is nearly 0, so that little of the error passes through",
                "scale the inputs, draw smaller initial weights (weight_init='glorot_normal'), or use gn.ReLU()",
            )
    yield from _flow(record, network)


def _flow(record: WatchRecord, network: Network) -> Iterator[Finding]:
    """Whether error terms vanish or explode on their way from the last layer to the first."""
    layers = dict(network.walk())
    norms = {path: delta.rms * size_of(layers[path].output_shape or ()) ** 0.5 for path, delta in record.deltas.items()}
    if len(norms) < 2:
        return
    (first, *_, last) = norms
    low, high = norms[first], norms[last]
    if not (np.isfinite(low) and np.isfinite(high)) or high == 0:
        return
    measured = f"‖δ‖ is {low:.2g} at layer {first} and {high:.2g} at layer {last}"
    where = f"from layer {last} back to layer {first}"
    if low / high < LEAST_FLOW:
        yield Finding(
            "vanishing_gradients",
            where,
            measured,
            "The first layers hardly move: they keep their random weights while the last ones learn",
            "gn.ReLU() in place of sigmoid or tanh, gn.BatchNorm() between layers, gn.Residual(...) around some, "
            "or fewer layers",
        )
    if low / high > MOST_FLOW:
        yield Finding(
            "exploding_gradients",
            where,
            measured,
            "The first layers take steps that are far too large, and the loss may become NaN",
            "gn.Chain(gn.ClipByNorm(1.0), optimizer), smaller initial weights, or gn.BatchNorm() between the layers",
        )
