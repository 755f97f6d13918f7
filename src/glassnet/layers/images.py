"""The check that a layer on images is given images."""

from __future__ import annotations

from math import isqrt

from glassnet.core.shapes import Shape, size_of
from glassnet.layers.base import Layer


def image_shape(layer: Layer, input_shape: Shape) -> tuple[int, int, int]:
    """The channels, height and width of a layer's inputs.

    Raises:
        ShapeError: they are no images; the fix tells how to make images of them.
    """
    layer.require_axes(input_shape, (3,), "images (N, C, H, W)", f"put gn.Reshape({_as_image(input_shape)}) before it")
    channels, height, width = input_shape
    return channels, height, width


def _as_image(shape: Shape) -> str:
    """The image that flat rows or single-channel ones probably are."""
    if len(shape) == 2:
        return str((1, *shape))
    for channels in (1, 3):
        side = isqrt(size_of(shape) // channels)
        if len(shape) == 1 and channels * side * side == size_of(shape):
            return str((channels, side, side))
    return "(channels, height, width)"
