"""Seeing through a network: its gradients checked, its every number shown, what its answers depend on."""

from glassnet.explain.diagnose import Diagnosis, diagnose
from glassnet.explain.gradients import GradientCheck, GradientReport, check_gradients
from glassnet.explain.importance import Importance, permutation_importance
from glassnet.explain.products import hvp, jvp, vjp
from glassnet.explain.saliency import integrated_gradients, saliency, smooth_grad
from glassnet.explain.trace import Trace, trace
from glassnet.explain.trials import learning_rate_range

__all__ = [
    "Diagnosis",
    "GradientCheck",
    "GradientReport",
    "Importance",
    "Trace",
    "check_gradients",
    "diagnose",
    "hvp",
    "integrated_gradients",
    "jvp",
    "learning_rate_range",
    "permutation_importance",
    "saliency",
    "smooth_grad",
    "trace",
    "vjp",
]
