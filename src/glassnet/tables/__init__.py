"""Tables as people have them, columns of numbers, words, truth and time, as the numbers that a network takes."""

from glassnet.tables.columns import Column, Ignored, Number, Quantiles, Time, Truth
from glassnet.tables.table import Table
from glassnet.tables.targets import Answers, Classes, Questions
from glassnet.tables.words import Category, Indexed

__all__ = [
    "Answers",
    "Category",
    "Classes",
    "Column",
    "Ignored",
    "Indexed",
    "Number",
    "Quantiles",
    "Questions",
    "Table",
    "Time",
    "Truth",
]
