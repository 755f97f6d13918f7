"""Augmentation of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import boolean, number, whole
from glassnet.core.shapes import Array, Shape
from glassnet.kernels.augment import augment_backward, augment_forward
from glassnet.layers.base import Layer
from glassnet.layers.images import image_shape
from glassnet.runners import Runner


class Augment(Layer):
    """Changes each image at random while training; passes it on as it is otherwise.

    Every image is drawn for by itself, as a function of the seed, the training step, the layer's path and the image's
    place in the batch. First it is mirrored, turned about its centre and moved, all in one sampling (whole pixels
    without rotation, bilinear with it), then come contrast, brightness and cut-out. What comes in from outside is 0,
    the mean of standardised images.

    Args:
        flip: mirrors left to right, with probability 1/2.
        shift: moves by a whole number of pixels from −shift to shift, down and to the right.
        rotation: turns by −rotation to rotation degrees.
        brightness: adds a number from −brightness to brightness, in the unit of the values that come in.
        contrast: scales the distance from each channel's mean by a factor from 1 − contrast to 1 + contrast.
        cutout: sets a square of that side, around a pixel at random, to 0; at the border it is cut off.

    Shape:
        (N, C, H, W) -> (N, C, H, W)

    Raises:
        ConfigurationError: a setting that is no such number; at build, a shift or cut-out too large for the image.
        ShapeError: at build, inputs that are no images.

    Source: T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with cutout",
    arXiv:1708.04552 (2017), for the cut-out.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Augment(flip=True, shift=2, rotation=10))
        >>> net.build((3, 32, 32))
        (3, 32, 32)
        >>> x = np.ones((4, 3, 32, 32), np.float32)
        >>> np.array_equal(net.forward(gn.NumpyRunner(), x, training=False)[0], x)
        True
    """

    def __init__(
        self,
        *,
        flip: bool = False,
        shift: int = 0,
        rotation: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        cutout: int = 0,
    ) -> None:
        self.flip = boolean(flip, "flip", "Augment")
        self.shift = whole(shift, "shift", "Augment", low=0)
        self.rotation = number(rotation, "rotation", "Augment", low=0, high=360)
        self.brightness = number(brightness, "brightness", "Augment", low=0, in_float32=True)
        self.contrast = number(contrast, "contrast", "Augment", low=0, high=1)
        self.cutout = whole(cutout, "cutout", "Augment", low=0)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Returns the input's shape, once it is found to be that of images which leave something to be seen."""
        _, height, width = image_shape(self, input_shape)
        side = min(height, width)
        for name, value, most in (("shift", self.shift, side - 1), ("cutout", self.cutout, side)):
            if value > most:
                raise ConfigurationError(
                    where=self.where,
                    received=f"{name}={value} for images of {height}×{width} pixels",
                    expected=f"{name} of {most} at most, so that something of the image is left",
                    fix=f"choose a smaller {name}",
                )
        return input_shape

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, tuple[Array, dict[str, int]] | None]:
        """Returns the changed images, and x with the keys of the draw; x itself and None outside training."""
        if not training or not any(self.settings().values()):
            return x, None
        y, draw = run.empty(x.shape, x.dtype), run.draw(self)
        run(self, augment_forward, x=x, y=y, **draw, **self.settings())
        return y, (x, draw)

    def backward(self, run: Runner, dy: Array, cache: tuple[Array, dict[str, Any]] | None) -> Array:
        """Returns ∂L/∂x, by the same draw."""
        if cache is None:
            return dy
        x, draw = cache
        dx = run.empty(dy.shape, dy.dtype)
        run(self, augment_backward, dy=dy, x=x, dx=dx, **draw, **self.settings())
        return dx
