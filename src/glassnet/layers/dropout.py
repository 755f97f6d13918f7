"""Dropout."""

from __future__ import annotations

from glassnet.core.settings import number
from glassnet.core.shapes import Array
from glassnet.kernels.dropout import dropout_backward, dropout_forward
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner


class Dropout(Layer):
    """Zeroes each element with probability ``rate`` while training; passes everything on otherwise.

    The elements that stay are scaled by 1/(1 − rate). The mask is a function of the seed, the training step and the
    layer's path.

    Args:
        rate: the share that is dropped, 0 ≤ rate < 1.

    Shape:
        (N, ...) -> (N, ...)

    Raises:
        ConfigurationError: rate outside [0, 1).

    Example:
        >>> import numpy as np, glassnet as gn
        >>> net = gn.Sequential(gn.Dropout(0.5))
        >>> _ = net.build(6, dtype="float64")
        >>> x = np.arange(1.0, 7.0)[None]
        >>> net(x).tolist()
        [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
        >>> y, cache = net.forward(gn.NumpyRunner(seed=1), x, training=True)
        >>> y.tolist()
        [[2.0, 4.0, 6.0, 8.0, 10.0, 12.0]]
    """

    with_lengths = EACH_STEP

    def __init__(self, rate: float) -> None:
        self.rate = number(rate, "rate", "Dropout", low=0, high=1)

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, Array | None]:
        """Returns the thinned x and its mask; x itself and None outside training."""
        if not training or self.rate == 0:
            return x, None
        y, mask = run.empty(x.shape, x.dtype), run.empty(x.shape, bool)
        run(self, dropout_forward, x=x, y=y, mask=mask, rate=self.rate, **run.draw(self))
        return y, mask

    def backward(self, run: Runner, dy: Array, cache: Array | None) -> Array:
        """Returns dy, thinned by the same mask."""
        if cache is None:
            return dy
        dx = run.empty(dy.shape, dy.dtype)
        run(self, dropout_backward, dy=dy, mask=cache, dx=dx, rate=self.rate)
        return dx
