"""Networks that are ready to train: each function gives an unbuilt ``Sequential``.

Those for images are in ``NETWORKS``, by name, those for sequences in ``SERIES_NETWORKS``.
"""

from glassnet.zoo.images import NETWORKS, lenet5, resnet, small_cnn, vgg_bn
from glassnet.zoo.series import SERIES_NETWORKS, fcn1d, lstm_classifier, resnet1d

__all__ = [
    "NETWORKS",
    "SERIES_NETWORKS",
    "fcn1d",
    "lenet5",
    "lstm_classifier",
    "resnet",
    "resnet1d",
    "small_cnn",
    "vgg_bn",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
