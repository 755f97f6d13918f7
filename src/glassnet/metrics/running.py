"""Metrics over rows that are never in memory together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.metrics.base import Metric
from glassnet.preprocessing import Standardize
from glassnet.runners.own import held, named


class Running:
    """What some metrics come to, part by part.

    Args:
        metrics: all of which add up.
        loss: as ``Metric.compute`` gets it.
        scaling: brings outputs back to the targets' unit, or None.
        found: numbers of an earlier ``flat``, to go on from.
    """

    def __init__(
        self, metrics: Sequence[Metric], loss: Loss, scaling: Standardize | None = None, found: Array | None = None
    ) -> None:
        self._metrics, self._loss, self._scaling = metrics, loss, scaling
        self._parts: list[Array] | None = None
        if found is not None and len(found):
            self._parts = _unpacked(found, len(metrics))

    def add(self, outputs: Array, targets: Array, weights: Array | None) -> None:
        """Some more rows."""
        if not self._metrics or (weights is not None and not weights.any()):
            return
        if self._scaling is not None:
            outputs = self._scaling.invert(outputs, np.float64)
        parts = []
        for metric in self._metrics:
            with named(metric):
                parts.append(metric.part(held(outputs), held(targets), self._loss, held(weights)))
        if self._parts is not None:
            pairs = zip(self._metrics, self._parts, parts, strict=True)
            parts = [metric.joined(before, now) for metric, before, now in pairs]
        self._parts = parts

    def values(self) -> dict[str, float]:
        """Each metric over all rows so far."""
        if self._parts is None:
            return {}
        return {m.name: float(m.of_parts(part)) for m, part in zip(self._metrics, self._parts, strict=True)}

    def flat(self) -> Array:
        """All numbers, one after another, each array behind its shape; float64."""
        found: list[Array] = []
        for part in self._parts or []:
            found += [np.array([part.ndim, *part.shape], np.float64), part.ravel()]
        return np.concatenate(found) if found else np.empty(0)


def require_adding(metrics: Sequence[Metric], *, where: str) -> None:
    """Refuses metrics that need all rows at once.

    Raises:
        ConfigurationError: there is one; it is named.
    """
    for metric in metrics:
        if not metric.adds_up:
            raise ConfigurationError(
                where=where,
                received=f"the metric {metric.name!r} of data in blocks",
                expected="metrics that add up over blocks: accuracy, log_loss, f1, precision, recall, "
                "mean_squared_error, root_mean_squared_error, mean_absolute_error, r2, perplexity, bits_per_character",
                fix="make the model without it, and measure it on a part that memory holds",
            )


def _unpacked(found: Array, count: int) -> list[Array]:
    """Undoes ``flat``, trusting nothing.

    Raises:
        ConfigurationError: these are no such numbers.
    """
    parts, at = [], 0
    try:
        for _ in range(count):
            axes = int(found[at])
            shape = tuple(int(size) for size in found[at + 1 : at + 1 + axes])
            at += 1 + axes
            size = int(np.prod(shape))
            parts.append(found[at : at + size].reshape(shape))
            at += size
        if at != len(found):
            raise ValueError
    except (ValueError, IndexError, OverflowError):
        raise ConfigurationError(
            where="fit: resume",
            received="sums of other metrics than this training has",
            expected="those of its own metrics",
            fix="name another checkpoint of this training",
        ) from None
    return parts
