"""Pictures of networks."""

from glassnet.plots.diagram import network_diagram

__all__ = ["network_diagram"]
