"""What becomes of rows of different length in a network: asked before any number is calculated."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.layers import Layer
from glassnet.network.demands import forward_of
from glassnet.runners import NumpyRunner


def lengths_after(network: Layer, lengths: Array) -> Array | None:
    """How many steps each row has after the network (N,); None where its outputs have no steps any more.

    The network's own forward pass tells, through which the lengths alone are sent.

    Args:
        network: whose shapes are known.
        lengths: how many steps each row has (N,), from 1 to the network's T.

    Raises:
        ConfigurationError: a layer refuses rows of different length, or one is left without a step; both are named.
    """
    each, place = np.unique(lengths, return_inverse=True)
    run = _Lengths(each)
    run.forward(network, np.broadcast_to(np.zeros(()), (1, *(network.input_shape or ()))), training=False)
    return None if run.lengths is None else run.lengths[place]


def fewest_steps(network: Layer, lengths: Array) -> int | None:
    """The fewest steps that a row has where a layer puts the rows of a batch together, as batch normalisation does.

    Args:
        network: whose shapes are known.
        lengths: how many steps each row has (N,).

    Returns:
        None where no such layer gets steps.
    """
    run = _Lengths(np.unique(lengths))
    run.forward(network, np.broadcast_to(np.zeros(()), (1, *(network.input_shape or ()))), training=False)
    return run.fewest


class _Lengths(NumpyRunner):
    """Sends lengths through layers; arrays are of their shapes, without numbers."""

    def __init__(self, lengths: Array) -> None:
        super().__init__(step=0)
        self.lengths = lengths
        self.fewest: int | None = None
        self._asks = False  # a layer for the lengths of its output

    def enter(self, network: Any, x: Array) -> Array:
        """No data."""
        return x

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of lengths; of anything else the shape alone."""
        return np.empty(shape, dtype) if self._asks else np.broadcast_to(np.zeros((), dtype), shape)

    def __call__(self, caller: Any, kernel: Any, **arguments: Any) -> None:
        """Calls kernels for lengths, and no others."""
        if self._asks:
            super().__call__(caller, kernel, **arguments)

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """The lengths that the layer leaves."""
        before, width = self.lengths, x.shape[0]
        if before is None:
            return self._shaped(layer, width)
        layer.require_lengths_taken()
        if layer.mixes_rows and not layer.is_network:
            self.fewest = min(int(before.min()), self.fewest or sys.maxsize)
        forward = forward_of(layer) if layer.is_network else None
        if forward is not None:
            forward(layer, self, x, training=training)
        self._asks = True
        try:
            after = layer.steps_after(self, before)
        finally:
            self._asks = False
        if after is not None and not (after >= 1).all():
            _refuse_short(layer, before[after < 1])
        self.lengths = after
        return self._shaped(layer, width)

    def join(self, layer: Any, parts: Sequence[Array]) -> tuple[Array, Any]:
        """The merge's shape; its lengths are there already."""
        if self.lengths is not None:
            layer.require_lengths_taken()
        return self._shaped(layer, parts[0].shape[0])

    @staticmethod
    def _shaped(layer: Any, rows: int) -> tuple[Array, None]:
        return np.broadcast_to(np.zeros(()), (rows, *(layer.output_shape or ()))), None


def _refuse_short(layer: Layer, lengths: Array) -> None:
    raise ConfigurationError(
        where=layer.where,
        received=f"a row of {lengths.min()} step{'s' if lengths.min() > 1 else ''}, of which it would leave none",
        expected="at least one step of each row",
        fix='use padding="same" or a smaller window, or leave such short rows out',
    )
