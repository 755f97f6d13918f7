"""The textbook: every step of a network as a pure function on arrays, its backward beside it.

A kernel reads arrays, writes into buffers it is given, keeps no state and decides nothing. Kernels of a step come in
pairs, ``x_forward`` and ``x_backward``. Layers never call them directly; they hand them to a runner.
"""

from glassnet.kernels import (
    activation,
    augment,
    combine,
    conv,
    dense,
    dropout,
    embedding,
    folded,
    losses,
    merge,
    norm,
    pieces,
    pool,
    python,
    resize,
    scale,
    softmax,
    updates,
)
from glassnet.kernels.registry import KERNELS, Kernel, KernelInfo, info, kernel

__all__ = [
    "KERNELS",
    "Kernel",
    "KernelInfo",
    "activation",
    "augment",
    "combine",
    "conv",
    "dense",
    "dropout",
    "embedding",
    "folded",
    "info",
    "kernel",
    "losses",
    "merge",
    "norm",
    "pieces",
    "pool",
    "python",
    "resize",
    "scale",
    "softmax",
    "updates",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
