"""Seeing through a network: its gradients checked, its every number shown."""

from glassnet.explain.gradients import GradientCheck, GradientReport, check_gradients
from glassnet.explain.trace import Trace, trace

__all__ = ["GradientCheck", "GradientReport", "Trace", "check_gradients", "trace"]
