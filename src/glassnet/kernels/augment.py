"""Augmentation of images: during training each one is mirrored, moved, turned, and changed in contrast and brightness.

What happens to an image follows from eight random words of its own: those from 8n on for row n of the batch, see
``randomness.random_words``. Each option has its own words, so that switching one on leaves the others' draws alone.

==== =========================================== =======================================
word gives                                       from a word w
==== =========================================== =======================================
0    whether it is mirrored                      w < 2³¹
1, 2 pixels it moves down, to the right          ⌊w (2 shift + 1) / 2³²⌋ − shift
3    degrees it turns, counter-clockwise         (w / 2³¹ − 1) · rotation
4    factor of the contrast                      1 + (w / 2³¹ − 1) · contrast
5    what is added to the brightness             (w / 2³¹ − 1) · brightness
6, 7 row and column of the cut-out's centre      ⌊w H / 2³²⌋, ⌊w W / 2³²⌋
==== =========================================== =======================================

Source: C. Shorten, T. M. Khoshgoftaar, "A survey on image data augmentation for deep learning", Journal of Big Data 6
(2019); the cut-out by T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with
cutout", arXiv:1708.04552 (2017).

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import augment
    >>> x, y = np.arange(9.0).reshape(1, 1, 3, 3), np.empty((1, 1, 3, 3))
    >>> settings = {"flip": False, "shift": 1, "rotation": 0.0, "brightness": 0.0, "contrast": 0.0, "cutout": 0}
    >>> augment.augment_forward(x, y, seed=0, step=0, stream=0, **settings)
    >>> print(y[0, 0])
    [[0. 0. 0.]
     [0. 0. 1.]
     [0. 3. 4.]]
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from glassnet.core.randomness import random_words
from glassnet.core.shapes import Array
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import augment as why

_WORDS = 8
_MIRROR, _DOWN, _RIGHT, _ANGLE, _CONTRAST, _BRIGHTNESS, _ROW, _COLUMN = range(_WORDS)


@kernel("y = cut(c · (v − mean v) + mean v + b),  v = x mirrored, turned, moved", writes="y", flops=20)
def augment_forward(
    x: Array,
    y: Array,
    *,
    seed: int,
    step: int,
    stream: int,
    flip: bool,
    shift: int,
    rotation: float,
    brightness: float,
    contrast: float,
    cutout: int,
) -> None:
    """Draws what happens to each image and writes the changed images.

    In this order: mirroring, turning about the centre and moving, in one sampling; contrast, about the mean of each
    channel; brightness; cut-out. What comes in from outside is 0. An option that is 0 changes no bit.

    Args:
        x: images (N, C, H, W).
        y: output (N, C, H, W).
        seed: the model's seed.
        step: number of the training step.
        stream: number of the layer, from its path.
        flip: whether half of the images are mirrored, left to right.
        shift: the most pixels that an image moves down, up, right or left.
        rotation: the most degrees that it turns.
        brightness: the most that is added to its values.
        contrast: the most by which the factor of its contrast differs from 1.
        cutout: side of the square that is set to 0.
    """
    for image, out, words in zip(x, y, _words(len(x), seed, step, stream), strict=True):
        _move(image, out, words, flip=flip, shift=shift, rotation=rotation)
        if contrast:
            mean = out.mean(axis=(1, 2), keepdims=True)
            out -= mean
            out *= 1 + _signed(words[_CONTRAST]) * contrast
            out += mean
        if brightness:
            out += _signed(words[_BRIGHTNESS]) * brightness
        if cutout:
            _cut(out, words, cutout)


@kernel("dx = vᵀ(c · d + (1 − c) · mean d),  d = cut(dy)", writes="dx", why=why.AUGMENT, flops=20)
def augment_backward(
    dy: Array,
    x: Array,
    dx: Array,
    *,
    seed: int,
    step: int,
    stream: int,
    flip: bool,
    shift: int,
    rotation: float,
    brightness: float,  # noqa: ARG001 - both take the same settings
    contrast: float,
    cutout: int,
) -> None:
    """Draws the same once more and writes ∂L/∂x: the transpose of each linear step, in the opposite order.

    The contrast's mean takes part: ∂(c (v_i − mean v) + mean v) / ∂v_j = c [i = j] + (1 − c) / (H W).

    The arguments are those of ``augment_forward``, dy, x and dx (N, C, H, W); of x only the number of images matters.
    """
    for upstream, out, words in zip(dy, dx, _words(len(x), seed, step, stream), strict=True):
        d = upstream.copy()
        if cutout:
            _cut(d, words, cutout)
        if contrast:
            factor = 1 + _signed(words[_CONTRAST]) * contrast
            d = factor * d + (1 - factor) * d.mean(axis=(1, 2), keepdims=True)
        _move_back(d, out, words, flip=flip, shift=shift, rotation=rotation)


def _words(images: int, seed: int, step: int, stream: int) -> list[list[int]]:
    """Eight random words for each image."""
    words: list[list[int]]
    words = random_words(_WORDS * images, seed=seed, step=step, stream=stream).reshape(images, _WORDS).tolist()
    return words


def _signed(word: int) -> float:
    """A number in [−1, 1)."""
    return word / 2**31 - 1


def _below(word: int, count: int) -> int:
    """A whole number in [0, count)."""
    return word * count >> 32


def _offsets(words: list[int], shift: int) -> tuple[int, int]:
    """Pixels that the image moves down and to the right."""
    return _below(words[_DOWN], 2 * shift + 1) - shift, _below(words[_RIGHT], 2 * shift + 1) - shift


def _mirrored(image: Array, words: list[int], flip: bool) -> Array:
    """The image (C, H, W), or a view of it from right to left."""
    return image[:, :, ::-1] if flip and words[_MIRROR] < 2**31 else image


def _move(image: Array, out: Array, words: list[int], *, flip: bool, shift: int, rotation: float) -> None:
    """Writes the image (C, H, W) mirrored, turned and moved."""
    source = _mirrored(image, words, flip)
    out[...] = 0
    if rotation:
        pixels = source.reshape(len(source), -1)
        for index, weight in _neighbours(out, words, shift, rotation):
            out += weight * pixels[:, index]
    else:
        to, of = _overlap(out, words, shift)
        out[to] = source[of]


def _move_back(d: Array, out: Array, words: list[int], *, flip: bool, shift: int, rotation: float) -> None:
    """The transpose of ``_move``: adds each value to the pixels that it was made of."""
    out[...] = 0
    target = _mirrored(out, words, flip)
    if rotation:
        for index, weight in _neighbours(out, words, shift, rotation):
            for channel, values in zip(target, weight * d, strict=True):
                channel += np.bincount(index.ravel(), values.ravel(), channel.size).reshape(channel.shape)
    else:
        to, of = _overlap(out, words, shift)
        target[of] = d[to]


def _overlap(image: Array, words: list[int], shift: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Which part of the moved image comes from which part of the image."""
    moved = list(zip(_offsets(words, shift), image.shape[1:], strict=True))
    to = (slice(None), *(slice(max(0, by), max(0, min(size, size + by))) for by, size in moved))
    of = (slice(None), *(slice(max(0, -by), max(0, min(size, size - by))) for by, size in moved))
    return to, of


def _neighbours(image: Array, words: list[int], shift: int, rotation: float) -> Iterator[tuple[Array, Array]]:
    """The four pixels that bilinear sampling makes each pixel of the turned and moved image of.

    Pixel (i, j) is sampled where turning back about the centre leads from it. Coordinates are of float64, weights of
    the image's dtype.

    Yields:
        For each of the four: places (H, W) among the H · W pixels of a channel, and weights (H, W), 0 outside of it.
    """
    height, width = image.shape[1:]
    down, right = _offsets(words, shift)
    angle = _signed(words[_ANGLE]) * rotation * (math.pi / 180)
    cosine, sine = math.cos(angle), math.sin(angle)
    u = np.arange(width) - (width - 1) / 2 - right  # (W,): to the right of the moved centre
    v = np.arange(height)[:, None] - (height - 1) / 2 - down  # (H, 1): below it
    rows = sine * u + cosine * v + (height - 1) / 2  # (H, W)
    columns = cosine * u - sine * v + (width - 1) / 2
    top, left = np.floor(rows), np.floor(columns)
    below, beside = (rows - top).astype(image.dtype), (columns - left).astype(image.dtype)
    for row, row_weight in ((top, 1 - below), (top + 1, below)):
        for column, column_weight in ((left, 1 - beside), (left + 1, beside)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            place = np.where(inside, row * width + column, 0).astype(np.int64)
            yield place, np.where(inside, row_weight * column_weight, 0)


def _cut(image: Array, words: list[int], side: int) -> None:
    """Sets a square to 0, as far as it lies inside the image (C, H, W)."""
    height, width = image.shape[1:]
    top, left = _below(words[_ROW], height) - side // 2, _below(words[_COLUMN], width) - side // 2
    image[:, max(0, top) : top + side, max(0, left) : left + side] = 0
