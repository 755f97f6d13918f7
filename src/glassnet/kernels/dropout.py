"""Dropout: during training each element is zeroed with probability ``rate`` and the rest scaled up by 1/(1 − rate).

The scaling keeps the expected value, so that prediction needs no change ("inverted" dropout).

Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15 (2014),
section 10 for the scaling at training time.

Example:
    >>> import numpy as np
    >>> from glassnet.kernels import dropout
    >>> x, y, mask = np.ones((1, 6)), np.empty((1, 6)), np.empty((1, 6), bool)
    >>> dropout.dropout_forward(x, y, mask, rate=0.5, seed=4, step=0, stream=0)
    >>> y.tolist()
    [[0.0, 2.0, 2.0, 2.0, 2.0, 2.0]]
"""

from __future__ import annotations

import numpy as np

from glassnet.core.randomness import random_words
from glassnet.core.shapes import Array, Booleans
from glassnet.kernels.registry import kernel
from glassnet.kernels.why import dropout as why


@kernel(
    "y = x · mask / (1 − rate),  mask ~ Bernoulli(1 − rate)",
    elements="y = x * mask / (1 - rate)",
    note={
        "en": "The mask was drawn at random: 1 keeps a number, 0 drops it. What stays grows by 1/(1 − rate).",
        "zh": "掩码是随机抽的：1 保留，0 丢弃。留下的数放大为 1/(1 − rate) 倍。",
    },
    writes="y mask",
    in_place=True,
    flops=20,
    why=why.DROPOUT_FORWARD,
)
def dropout_forward(x: Array, y: Array, mask: Booleans, *, rate: float, seed: int, step: int, stream: int) -> None:
    """Draws the mask of (seed, step, stream) and writes ``y = x · mask / (1 − rate)``.

    Element i, counted in C order, is kept when the i-th Philox word is at least ``rate · 2³²``.

    Args:
        x: input (N, ...).
        y: output (N, ...).
        mask: output bool (N, ...), True where an element is kept.
        rate: probability of dropping, 0 ≤ rate < 1.
        seed: the model's seed.
        step: number of the training step.
        stream: number of the layer, from its path.
    """
    words = random_words(x.size, seed=seed, step=step, stream=stream)
    np.greater_equal(words.reshape(x.shape), np.uint32(rate * 2**32), out=mask)
    np.multiply(x, mask, out=y)
    y *= 1 / (1 - rate)


@kernel(
    "dx = dy · mask / (1 − rate)",
    elements="dx = dy * mask / (1 - rate)",
    writes="dx",
    in_place=True,
    flops=2,
    why=why.DROPOUT,
)
def dropout_backward(dy: Array, mask: Booleans, dx: Array, *, rate: float) -> None:
    """Writes ``dx = dy · mask / (1 − rate)``."""
    np.multiply(dy, mask, out=dx)
    dx *= 1 / (1 - rate)
