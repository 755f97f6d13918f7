"""Seeing through a network: its gradients checked, its every number shown, what its answers depend on."""

from glassnet.explain.gradients import GradientCheck, GradientReport, check_gradients
from glassnet.explain.importance import Importance, permutation_importance
from glassnet.explain.trace import Trace, trace

__all__ = [
    "GradientCheck",
    "GradientReport",
    "Importance",
    "Trace",
    "check_gradients",
    "permutation_importance",
    "trace",
]
