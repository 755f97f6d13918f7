"""What the parts of a model say together: outputs that cannot reach targets, too few units, too strong penalties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.data import imbalance
from glassnet.diagnosis.finding import Finding, Mend
from glassnet.diagnosis.remade import forward_of, has_units, in_line
from glassnet.diagnosis.trials import Trainable
from glassnet.layers import Layer
from glassnet.layers.activation import Activation
from glassnet.network import Network
from glassnet.optimizers import Chain
from glassnet.runners import NumpyRunner
from glassnet.training import Rows

Suspicion = tuple[Finding, tuple[Mend, ...]]
"""What may be wrong, and the changes that would tell."""
STRAIGHT = 1e-4
"""How far from straight rounding may make an affine function look, as a share of its values."""
ADDED = 16
"""Units of a layer that is tried."""
LARGEST_TARGET = 30.0
"""How many times the size of what a new network puts out targets may have."""
MOST_UNREACHED = 0.02
"""Share of the targets that may lie outside of what the outputs can be."""


def suspicions(model: Trainable, rows: Rows) -> Iterator[Suspicion]:
    """What training a copy on the same rows can tell."""
    yield from _targets(model, rows)
    yield from _unreachable(model.network, rows.targets, model)
    yield from _squared_sigmoid(model, rows)
    yield from _rare_class(model, rows)


def capacity(model: Trainable) -> Iterator[Suspicion]:
    """What only rows that were not trained on can tell: more units always fit those that were."""
    network = model.network
    layers = in_line(network)
    if any(has_units(layer) for _, layer in layers):
        if _is_affine(network):
            count = len(list(network.children()))
            yield (
                Finding(
                    "no_hidden_layer",
                    "the network",
                    f"{count} layer{'s' * (count > 1)}, and nothing nonlinear before the last",
                    "Such a network draws one straight boundary, or one plane: what depends on two inputs together, as "
                    "XOR does, it cannot learn",
                    "",
                ),
                (Mend("hidden", [ADDED], f"a hidden layer of {ADDED}"),),
            )
        for place, (path, layer) in enumerate(layers):
            is_narrow = has_units(layer) and layer.settings()["units"] == 1
            if is_narrow and any(has_units(own) for _, own in layers[place + 1 :]):
                yield (
                    Finding(
                        "bottleneck",
                        f"layer {path}, {layer!r}",
                        "one unit: all that later layers hear of a row is a single number",
                        "What does not fit into that number is lost, however many units follow",
                        "",
                    ),
                    (Mend("units", [path, ADDED], f"{ADDED} units in layer {path}"),),
                )
    penalties = _penalties(model)
    if penalties:
        yield (
            Finding(
                "penalty_too_strong",
                penalties,
                "the penalty on the weights outweighs what they could gain",
                "Weights are pulled to 0 faster than the gradient of the loss can hold them: the outputs become those "
                "of a constant answer",
                "",
            ),
            (Mend("penalties", None, "no penalties"),),
        )


def _penalties(model: Trainable) -> str:
    optimizer = model.optimizer
    steps = optimizer.steps_in_order if isinstance(optimizer, Chain) else (optimizer,)
    return ", ".join(repr(step) for step in steps if step.shrinks())


def _bends(layer: Layer) -> bool:
    return isinstance(layer, Activation) and not _is_straight(layer)


class _UpTo(NumpyRunner):
    """A runner that passes over some layers."""

    def __init__(self, passed: list[Layer]) -> None:
        super().__init__()
        self._passed = passed

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """See ``Runner``."""
        if any(layer is own for own in self._passed):
            return x, None
        return super().forward(layer, x, training=training)


def _is_affine(network: Network) -> bool:
    """Whether layers up to the last activations are a matrix and a shift: f(a + b) − f(a) = f(b) − f(0) for rows."""
    if network.demands:
        return False  # what is looked up is no amount
    layers = [layer for _, layer in in_line(network)]
    ends = [layer for place, layer in enumerate(layers) if all(map(forward_of, layers[place:]))]
    rows = np.random.default_rng(0).normal(size=(2, 8, *(network.input_shape or ())))
    x = np.concatenate([rows[0] + rows[1], rows[0], rows[1], 0 * rows[0]]).astype(network.dtype)
    y, _ = network.forward(_UpTo(ends), x, training=False)
    both, first, second, none = np.split(y.astype(np.float64), 4)
    return bool(np.abs(both - first - second + none).max(initial=0.0) <= STRAIGHT * np.abs(y).max(initial=1e-30))


def _is_straight(layer: Layer) -> bool:
    points = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    values, _ = layer.forward(NumpyRunner(), points, training=False)
    return bool(np.allclose(np.diff(values, 2, axis=0), 0))


def _targets(model: Trainable, rows: Rows) -> Iterator[Suspicion]:
    """Amounts far larger than what new weights put out."""
    if model.loss.decides_classes or rows.targets.dtype.kind != "f" or model.loss.has_log_link:
        return
    targets = rows.asked.astype(np.float64) if rows.originals is None else rows.targets.astype(np.float64)
    size = float(np.sqrt(np.mean(np.square(targets))))
    if size <= LARGEST_TARGET:
        return
    yield (
        Finding(
            "targets_unscaled",
            "targets y",
            f"their size is {size:.3g} (root of the mean square)",
            "A new network puts out numbers of the size 1: gradients are as large as the targets, and weights have to "
            "travel far before the first answer is right",
            "",
        ),
        (Mend("target_scaling", "standardize", "standardised targets"),),
    )


def _unreachable(network: Network, targets: Array, model: Trainable) -> Iterator[Suspicion]:
    """Targets outside of what the last activation can be."""
    path, last = in_line(network)[-1]
    if not _bends(last) or targets.dtype.kind != "f":
        return
    if model.loss.decides_classes or model.loss.has_log_link:
        return
    low, high = _range_of(last)
    margin = 0.05 * float(targets.std())
    share = float(np.mean((targets < low - margin) | (targets > high + margin)))
    if share <= MOST_UNREACHED:
        return
    reach = f"from {low:.3g}" + (f" to {high:.3g}" if high < 1e3 else " upwards")
    yield (
        Finding(
            "unreachable_targets",
            f"layer {path}, {last!r}",
            f"its outputs go {reach}; {share:.0%} of the targets lie outside, "
            f"which go from {float(targets.min()):.3g} to {float(targets.max()):.3g}",
            "No weights can bring such an output to these targets: the loss has a floor",
            "",
        ),
        (Mend("last_activation", None, "no last activation"),),
    )


def _range_of(layer: Layer) -> tuple[float, float]:
    """The least and the greatest number that an activation gives."""
    ends = np.array([[-1e4] * 3, [-1.0] * 3, [0.0] * 3, [1.0] * 3, [1e4] * 3])
    values, _ = layer.forward(NumpyRunner(), ends, training=False)
    return float(values.min()), float(values.max())


def _squared_sigmoid(model: Trainable, rows: Rows) -> Iterator[Suspicion]:
    """A squared error behind a sigmoid, for targets that are 0 or 1."""
    targets = rows.targets
    path, last = in_line(model.network)[-1]
    kernel = forward_of(last)
    if kernel is None or kernel.saturates is None or not np.allclose(_range_of(last), (0, 1), atol=1e-3):
        return
    if not model.loss.is_squared or not np.isin(targets, (0, 1)).all():
        return
    yield (
        Finding(
            "sigmoid_with_squared_error",
            f"layer {path}, {last!r}, and {model.loss!r}",
            f"all {targets.size:,} targets are 0 or 1",
            "Its error term is (p − y) p (1 − p): where the sigmoid is sure and wrong, p (1 − p) is nearly 0, and "
            "nothing is learned; with cross-entropy it is p − y",
            "",
        ),
        (Mend("loss", "binary_cross_entropy", "binary cross-entropy"),),
    )


def _rare_class(model: Trainable, rows: Rows) -> Iterator[Suspicion]:
    """Classes of which one is many times as frequent as another: labels, or one output of 0 and 1."""
    loss, targets = model.loss, rows.targets
    if loss.chooses_class and targets.ndim == 1 and getattr(loss, "class_weight", None) is None:
        labels, size = targets, (model.network.output_shape or (0,))[-1]
    elif loss.decides_classes and targets.shape[1:] == (1,) and np.isin(targets, (0, 1)).all():
        labels, size = targets[:, 0].astype(int), 2
    else:
        return
    counts = np.bincount(labels, minlength=max(2, size))
    weights = [float(f"{len(labels) / (len(counts) * max(1, count)):.3g}") for count in counts]
    mend = Mend("class_weight", weights, "weights for classes")
    if not loss.chooses_class:
        mend = Mend("positive_weight", float(f"{counts[0] / max(1, counts[1]):.3g}"), "weights for classes")
    for finding in imbalance(counts, model.class_names):
        yield finding, (mend,)
