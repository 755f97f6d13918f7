"""Calls of a forward pass that become one: convolutions with the batch norm and the ReLU behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.kernels import info
from glassnet.kernels.folded import conv2d_folded, fold_batch_norm
from glassnet.runners.recorder import RecordedCall, extent

FOLLOWERS = "batch_norm_predict", "relu_forward"
"""What may be folded into a convolution, in this order, either of them alone too."""


def fold(calls: list[RecordedCall], empty: Callable[[Shape, np.dtype[Any]], Array]) -> list[RecordedCall]:
    """The same forward pass in prediction mode, in fewer calls.

    Args:
        calls: in their order.
        empty: gives out buffers for scale and shift of each channel, which are computed anew in each pass: parameters
            may be written to at any time.
    """
    found: list[RecordedCall] = []
    while calls:
        chain, calls = [calls[0]], calls[1:]
        for name in FOLLOWERS if chain[0].kernel.name == "conv2d_forward" else ():
            if calls and calls[0].kernel.name == name and _alone_reads(chain[-1].arrays["y"], calls):
                chain, calls = [*chain, calls[0]], calls[1:]
        found += _folded(chain, empty) if len(chain) > 1 else chain
    return found


def _alone_reads(array: Array, calls: list[RecordedCall]) -> bool:
    """Whether the first of the calls reads the array, and no other does."""
    readers = [call for call in calls if any(_same(array, call.arrays[name]) for name in call.kernel.reads)]
    return readers == calls[:1]


def _same(array: Array, other: Any) -> bool:
    return isinstance(other, np.ndarray) and extent(array) == extent(other)


def _folded(chain: list[RecordedCall], empty: Callable[[Shape, np.dtype[Any]], Array]) -> list[RecordedCall]:
    convolution, followers = chain[0], {call.kernel.name: call for call in chain[1:]}
    arrays, y = convolution.arrays, convolution.arrays["y"]
    scale, shift, found = None, arrays["bias"], []
    norm = followers.get("batch_norm_predict")
    if norm is not None:
        kernel, bias = info(fold_batch_norm), shift
        scale, shift = (empty((y.shape[1],), y.dtype) for _ in range(2))
        of_channels = norm.arrays | {"bias": bias, "scale": scale, "shift": shift}
        read = {name: of_channels[name] for name in kernel.arrays}
        found.append(RecordedCall(norm.path, kernel, read, norm.settings))
    written = chain[-1].arrays["y"].reshape(y.shape)
    whole = {"x": arrays["x"], "weight": arrays["weight"], "scale": scale, "shift": shift, "y": written}
    least = 0.0 if "relu_forward" in followers else -np.inf
    found.append(RecordedCall(convolution.path, info(conv2d_folded), whole, {**convolution.settings, "least": least}))
    return found
