"""The search for good settings: ``gn.tune``."""

from glassnet.tuning.problems import SPACES
from glassnet.tuning.ranges import Range
from glassnet.tuning.result import Tried, Tuning
from glassnet.tuning.tune import tune

__all__ = ["SPACES", "Range", "Tried", "Tuning", "tune"]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
