"""Pictures of networks, of what they see and mistake, and of how good their answers are."""

from glassnet.plots.curves import plot_calibration, plot_residuals, plot_roc
from glassnet.plots.diagram import network_diagram
from glassnet.plots.images import plot_feature_maps, plot_filters
from glassnet.plots.predictions import plot_confusion_matrix, plot_mistakes

__all__ = [
    "network_diagram",
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_feature_maps",
    "plot_filters",
    "plot_mistakes",
    "plot_residuals",
    "plot_roc",
]
