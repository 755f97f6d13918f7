"""Tables as people have them, columns of numbers, words, truth and time, as the numbers that a network takes."""

from glassnet.tables.amounts import NumberForm
from glassnet.tables.clocks import ClockForm, DurationForm
from glassnet.tables.columns import Column, Duration, Ignored, Number, Quantiles, Time, TimeOfDay, Truth
from glassnet.tables.drift import Drift
from glassnet.tables.forms import Form, TruthForm, WordForm
from glassnet.tables.frame import Frame
from glassnet.tables.moments import DateForm
from glassnet.tables.profiles import Profile
from glassnet.tables.reading import Reading
from glassnet.tables.robust import Piecewise, Robust
from glassnet.tables.table import Table
from glassnet.tables.targets import Answers, Classes, Questions
from glassnet.tables.words import Category, Indexed

__all__ = [
    "Answers",
    "Category",
    "Classes",
    "ClockForm",
    "Column",
    "DateForm",
    "Drift",
    "Duration",
    "DurationForm",
    "Form",
    "Frame",
    "Ignored",
    "Indexed",
    "Number",
    "NumberForm",
    "Piecewise",
    "Profile",
    "Quantiles",
    "Questions",
    "Reading",
    "Robust",
    "Table",
    "Time",
    "TimeOfDay",
    "Truth",
    "TruthForm",
    "WordForm",
]


def __dir__() -> list[str]:
    """The public names and no others."""
    return sorted(__all__)
