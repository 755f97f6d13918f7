"""A saved model behind an address: JSON in, predictions out."""

from glassnet.serving.service import Limits, Service

__all__ = ["Limits", "Service"]
