"""Pictures of networks, and of what they see and mistake."""

from glassnet.plots.diagram import network_diagram
from glassnet.plots.images import plot_feature_maps, plot_filters
from glassnet.plots.predictions import plot_confusion_matrix, plot_mistakes

__all__ = ["network_diagram", "plot_confusion_matrix", "plot_feature_maps", "plot_filters", "plot_mistakes"]
