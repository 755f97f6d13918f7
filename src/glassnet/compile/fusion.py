"""Calls of a forward pass that become one: convolutions with the batch norm and the ReLU behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.places import Place, place_of
from glassnet.core.shapes import Array, Shape
from glassnet.kernels.folded import conv2d_folded, fold_batch_norm
from glassnet.kernels.registry import folding, info
from glassnet.runners.recorder import RecordedCall


def fold(calls: list[RecordedCall], empty: Callable[[Shape, np.dtype[Any]], Array]) -> list[RecordedCall]:
    """The same forward pass in prediction mode, in fewer calls.

    Args:
        calls: in their order.
        empty: gives out buffers for scale and shift of each channel, which are computed anew in each pass: parameters
            may be written to at any time.
    """
    found: list[RecordedCall] = []
    reads: dict[int, list[tuple[Place, int]]] = defaultdict(list)  # of each buffer: what, and by which call
    for call in calls:
        for array in (call.arrays[name] for name in call.kernel.reads):
            if array is not None:
                place = place_of(array)
                reads[place.buffer].append((place, call.number))
    while calls:
        chain, calls = [calls[0]], calls[1:]
        for follows in (_scales, _bounds) if folding(chain[0].kernel.function) is conv2d_folded else ():
            if calls and follows(calls[0]) and _alone_reads(calls[0], chain[-1].arrays["y"], reads):
                chain, calls = [*chain, calls[0]], calls[1:]
        found += _folded(chain, empty) if len(chain) > 1 else chain
    return found


def _scales(call: RecordedCall) -> bool:
    """Whether the call scales and shifts each channel by numbers of its own."""
    return folding(call.kernel.function) is fold_batch_norm


def _bounds(call: RecordedCall) -> bool:
    """Whether the call limits each number from below."""
    return call.kernel.least is not None


def _alone_reads(call: RecordedCall, array: Array, reads: dict[int, list[tuple[Place, int]]]) -> bool:
    """Whether the call reads the array, and no other call does, nor a part of it."""
    place = place_of(array)
    found = reads[place.buffer]
    return bool(found) and all(read == (place, call.number) for read in found)


def _folded(chain: list[RecordedCall], empty: Callable[[Shape, np.dtype[Any]], Array]) -> list[RecordedCall]:
    convolution, norm = chain[0], next(filter(_scales, chain), None)
    arrays, y = convolution.arrays, convolution.arrays["y"]
    scale, shift, found = None, arrays["bias"], []
    if norm is not None:
        kernel, bias = info(fold_batch_norm), shift
        scale, shift = (empty((y.shape[1],), y.dtype) for _ in range(2))
        of_channels = norm.arrays | {"bias": bias, "scale": scale, "shift": shift}
        read = {name: of_channels[name] for name in kernel.arrays}
        found.append(RecordedCall(norm.path, kernel, read, norm.settings, norm.number))
    written = chain[-1].arrays["y"].reshape(y.shape)
    whole = {"x": arrays["x"], "weight": arrays["weight"], "scale": scale, "shift": shift, "y": written}
    least = -np.inf if chain[-1].kernel.least is None else chain[-1].kernel.least
    settings = {**convolution.settings, "least": least}
    found.append(RecordedCall(convolution.path, info(conv2d_folded), whole, settings, convolution.number))
    return found
