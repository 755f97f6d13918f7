"""A page where a network learns before one's eyes, trained by the real engine."""

from glassnet.playground.session import Session
from glassnet.playground.settings import Setting

__all__ = ["Session", "Setting"]
