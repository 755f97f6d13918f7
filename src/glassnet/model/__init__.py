"""The model: a network with a loss and an optimizer, that is trained, asked and saved."""

from glassnet.model.model import Model, load

__all__ = ["Model", "load"]
