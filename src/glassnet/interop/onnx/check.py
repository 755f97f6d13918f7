"""An imported network beside its original: every value that both have, on rows made up for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet import layers as gl
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.interop.onnx.node import Found
from glassnet.interop.onnx.source import Source, Values
from glassnet.network import Concat, Network
from glassnet.runners import NumpyRunner

TOLERANCE = {"float16": 1e-2, "float32": 3e-5, "float64": 1e-9}
"""How far a value may lie from the original's, relative to the largest of its row."""
ROUNDING = 16
"""The network's own rounding, which its twin in float64 shows, may come on top so many times, and so many roundings of
the largest number of the row that the layer takes: an original may lose more than we do where it subtracts."""
ROWS = 3, 5
"""Rows of the batches that are compared, where their number is free."""
FEWEST = 8
MOST_ROUNDING = 0.01
"""How much of its outputs a network may lose by rounding: where more is lost, nothing can be told."""


def check(network: Network, found: Sequence[Found], source: Source, labels: Mapping[str, str]) -> None:
    """Compares the network with the file.

    Args:
        network: built, with the file's weights.
        found: its layers.
        source: the file.
        labels: the operator that each value comes from, for messages.

    Raises:
        ConfigurationError: they differ; the first operator whose values do is named.
    """
    twin = network.copy("float64")
    comparison = _Comparison(dict(twin.walk()), source, labels)
    for rows in _batches(network, source):
        values = source.run(rows)
        comparison.values = values
        x = rows.astype(network.dtype)
        with np.errstate(all="ignore"):  # what is not finite is looked at
            y, _ = comparison.run(found, x, x.astype(np.float64))
            whole, _ = network.forward(NumpyRunner(), x, training=False)
        if not np.array_equal(whole, y, equal_nan=True):
            raise AssertionError("a network that gives something else than its layers one by one")


def _batches(network: Network, source: Source) -> Iterator[Array]:
    """Rows as the file takes them: near 0, larger, far out, zeros; and such as meet the first layers where they act."""
    rng = np.random.default_rng(0)
    counts = ROWS if source.batch is None else (source.batch,) * max(2, -(-FEWEST // source.batch))
    for count in counts:
        for is_met in (False, True):
            sizes = np.resize([1.0, 3.0, 0.1, 10.0, 1.0], count) * rng.choice([0.5, 1.0], count)
            z = rng.normal(size=(count, *(network.input_shape or ())))
            z *= sizes.reshape(count, *(1,) * (z.ndim - 1))
            rows = _before(network, z) if is_met else z
            if source.kind.kind != "f":
                rows = np.clip(np.round(rows * 9), *_limits(source.kind))
            yield network.demands.fulfilled_by(rows, rng).astype(source.kind)


def _limits(kind: np.dtype[Any]) -> tuple[int, int]:
    """Whole numbers that float32 has, too."""
    return max(int(np.iinfo(kind).min), -(2**20)), min(int(np.iinfo(kind).max), 2**20)


def _before(network: Network, z: Array) -> Array:
    """Rows of which the layers in front, as far as they change the unit, make z."""
    front: list[Any] = []
    for _, layer in network.walk():
        if not isinstance(layer, gl.Scale | gl.BatchNorm | gl.Flatten | gl.Reshape | gl.Permute):
            break
        front.append(layer)
    if front:
        z = z.reshape(len(z), *front[-1].output_shape)
    for layer in reversed(front):
        if isinstance(layer, gl.Permute):
            z = z.transpose(0, *(1 + np.argsort(layer.order)))
        elif isinstance(layer, gl.Scale | gl.BatchNorm):
            own = {name: p.value.astype(np.float64) for name, p in layer.own_parameters().items()}
            if isinstance(layer, gl.BatchNorm):
                shift, factor = own["running_mean"], np.sqrt(own["running_variance"] + layer.epsilon)
            else:
                factor = 1 / np.where(own["gamma"] == 0, 1, own["gamma"])
                shift = -own["beta"] * factor
            shape = (-1, 1, 1) if z.ndim == 4 else (-1,)
            z = z * factor.reshape(shape) + shift.reshape(shape)
        z = z.reshape(len(z), *layer.input_shape)
    return z.copy()


class _Comparison:
    """Layers of a network and of its twin in float64, one after another.

    Args:
        twins: the twin's layers by path.
        source: the file.
        labels: of its operators, by value.
    """

    values: Values

    def __init__(self, twins: Mapping[str, gl.Layer], source: Source, labels: Mapping[str, str]) -> None:
        self.twins, self.source, self.labels = twins, source, labels

    def run(self, found: Sequence[Found], x: Array, wide: Array) -> tuple[Array, Array]:
        """Hands x, and the same in float64, through layers; each value that the file has is compared."""
        runner = NumpyRunner()
        for item in found:
            given = x
            if item.branches is None:
                x, _ = item.layer.forward(runner, x, training=False)
                wide, _ = self.twins[item.layer.path].forward(runner, wide, training=False)
            else:
                parts = [self.run(branch, x, wide) for branch in item.branches]
                x, wide = (self._joined(item.layer, arrays) for arrays in zip(*parts, strict=True))
            self.compare(x, wide, given, item)
        return x, wide

    def _joined(self, layer: gl.Layer, parts: Sequence[Array]) -> Array:
        if isinstance(layer, Concat):
            return np.concatenate(parts, axis=layer.axis)
        return np.asarray(parts[0] + parts[1])

    def compare(self, y: Array, wide: Array, x: Array, item: Found) -> None:
        """Refuses outputs y of x that are not the file's."""
        if item.value is None:
            return
        expected = self.values[item.value]
        if item.value in self.source.turned:
            expected = np.moveaxis(expected, self.source.turned[item.value][1], 0)
        if item.order is not None:
            expected = expected.transpose(0, *item.order)
        coarse = max((a.dtype for a in (expected, y)), key=lambda dtype: TOLERANCE.get(dtype.name, 0))
        if expected.shape != y.shape:
            self._refuse(item, f"give the shape {y.shape} instead of {expected.shape}", "the same")
        rows = [array.reshape(len(y), -1).astype(np.float64) for array in (y, wide, expected, x)]
        fine = np.isfinite(rows[2]).all(axis=1)
        # What is not finite in the original overflowed there, where a formula of ours may not.
        own, exact, theirs, given = (array[fine] for array in rows)
        with np.errstate(all="ignore"):
            difference = np.abs(own - theirs).max(axis=1)
            rounding = np.abs(own - exact).max(axis=1) + np.finfo(coarse).eps * np.abs(given).max(axis=1)
            allowed = TOLERANCE[coarse.name] * np.abs(theirs).max(axis=1) + ROUNDING * rounding
        if not fine.any():
            self._refuse(item, "cannot be compared, since the file's are not finite", "finite numbers")
        if (np.abs(own - exact).max(axis=1) > MOST_ROUNDING * np.abs(theirs).max(axis=1)).any():
            self._refuse(item, f"are rounding errors of {y.dtype}", "numbers that it has the digits for")
        wrong = ~(difference <= allowed)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            self._refuse(item, f"differ from the file's by {difference[row]:.2g}", f"at most {allowed[row]:.2g}")

    def _refuse(self, item: Found, what: str, expected: str) -> None:
        assert item.value is not None
        operator = self.labels.get(item.value, f"the value {item.value!r}")
        raise ConfigurationError(
            where=self.source.where,
            received=f"{operator}, read as {item.layer!r:.200}, whose outputs on random rows {what}",
            expected=expected,
            fix="export the network without this operator, or with the newest opset; and please report it",
        )
