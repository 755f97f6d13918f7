"""Networks as scikit-learn estimators: for pipelines, grid searches and cross-validation.

``MLPClassifier`` and ``MLPRegressor`` take the places of scikit-learn's classes of the same names;
``NetworkClassifier`` and ``NetworkRegressor`` do the same for any network; ``TabularClassifier`` and
``TabularRegressor`` take raw frames, words, dates and gaps among them. They need scikit-learn:
``pip install "glassnet[sklearn]"``.
"""

from importlib.util import find_spec

from glassnet.core.errors import MissingExtraError

if find_spec("sklearn") is None:
    raise MissingExtraError(
        where="glassnet.estimators",
        received="an installation without scikit-learn",
        expected="scikit-learn, whose conventions the estimators follow",
        fix='pip install "glassnet[sklearn]", or use gn.Model, which needs nothing more',
    )

from glassnet.estimators.mlp import MLPClassifier, MLPRegressor
from glassnet.estimators.networks import NetworkClassifier, NetworkRegressor
from glassnet.estimators.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "NetworkClassifier",
    "NetworkRegressor",
    "TabularClassifier",
    "TabularRegressor",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
