"""Derivatives of a network and of its loss: checked, multiplied with vectors, and what they say of an answer."""

from glassnet.derivatives.check import GradientCheck, GradientReport, check_gradients
from glassnet.derivatives.explanations import Effect, Explanation, explain
from glassnet.derivatives.losses import gradients
from glassnet.derivatives.products import hvp, jvp, vjp
from glassnet.derivatives.saliency import integrated_gradients, saliency, smooth_grad

__all__ = [
    "Effect",
    "Explanation",
    "GradientCheck",
    "GradientReport",
    "check_gradients",
    "explain",
    "gradients",
    "hvp",
    "integrated_gradients",
    "jvp",
    "saliency",
    "smooth_grad",
    "vjp",
]
