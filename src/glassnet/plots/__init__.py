"""Pictures of networks, of what they see and mistake, of how good their answers are, and of how they learn."""

from glassnet.plots.curves import plot_calibration, plot_precision_recall, plot_residuals, plot_roc
from glassnet.plots.diagram import network_diagram
from glassnet.plots.forecasts import plot_forecast
from glassnet.plots.images import plot_feature_maps, plot_filters
from glassnet.plots.predictions import plot_confusion_matrix, plot_mistakes
from glassnet.plots.rates import plot_learning_rate_range
from glassnet.plots.sequences import plot_attention, plot_gates, plot_gradient_by_step
from glassnet.plots.surfaces import plot_decision_boundary, plot_loss_surface
from glassnet.plots.watching import plot_distributions, plot_gradient_flow, plot_update_ratios, plot_watch

__all__ = [
    "network_diagram",
    "plot_attention",
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_decision_boundary",
    "plot_distributions",
    "plot_feature_maps",
    "plot_filters",
    "plot_forecast",
    "plot_gates",
    "plot_gradient_by_step",
    "plot_gradient_flow",
    "plot_learning_rate_range",
    "plot_loss_surface",
    "plot_mistakes",
    "plot_precision_recall",
    "plot_residuals",
    "plot_roc",
    "plot_update_ratios",
    "plot_watch",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
