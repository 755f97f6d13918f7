"""Tables as people have them, columns of numbers, words, truth and time, as the numbers that a network takes."""

from glassnet.tables.columns import Category, Column, Ignored, Number, Quantiles, Time, Truth
from glassnet.tables.table import Table
from glassnet.tables.targets import Answers, Classes

__all__ = ["Answers", "Category", "Classes", "Column", "Ignored", "Number", "Quantiles", "Table", "Time", "Truth"]
