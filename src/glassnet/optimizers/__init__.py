"""Optimizers: update rules for one flat array, and the steps that may stand before and after them.

A rule alone is an optimizer. With a ``Chain`` the steps of an update are spelled out in the order in which they
happen: ``Chain(ClipByNorm(1.0), L2(1e-4), SGD(0.1), MaxNorm(3.0))``.
"""

from glassnet.optimizers.base import Optimizer, Step
from glassnet.optimizers.chain import Chain, as_optimizer
from glassnet.optimizers.own import NumpyOptimizer
from glassnet.optimizers.rules import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, Lion, NAdam, RMSProp
from glassnet.optimizers.steps import L1, L2, ClipByNorm, ClipByValue, MaxNorm, WeightDecay

__all__ = [
    "L1",
    "L2",
    "OPTIMIZERS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Chain",
    "ClipByNorm",
    "ClipByValue",
    "Lion",
    "MaxNorm",
    "NAdam",
    "NumpyOptimizer",
    "Optimizer",
    "RMSProp",
    "Step",
    "WeightDecay",
    "as_optimizer",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
