"""Month, weekday and hour of a moment as ONNX operators on days since 1970."""

from __future__ import annotations

import numpy as np

from glassnet.interop.onnx.graph import Graph
from glassnet.tables.columns import DAYS


def day_and_time(graph: Graph, days: str) -> tuple[str, str]:
    """The whole days, int64, and the hours since midnight, float64."""
    from onnx import TensorProto

    whole = graph.add("Floor", days)
    hours = graph.add("Mul", graph.add("Sub", days, whole), graph.constant("hours", 24.0, dtype=np.float64))
    return graph.add("Cast", whole, to=TensorProto.INT64), hours


def circle(graph: Graph, part: str, day: str, hours: str) -> list[str]:
    """Sine and cosine of the part's angle, float64."""
    from onnx import TensorProto

    place = hours
    if part != "hour":
        whole = month(graph, day) if part == "month" else weekday(graph, day)
        place = graph.add("Cast", whole, to=TensorProto.DOUBLE)
    angle = graph.add("Mul", place, graph.constant("turn", 2 * np.pi / DAYS[part], dtype=np.float64))
    # onnxruntime has Sin and Cos of float64.
    return [graph.add("Sin", angle), graph.add("Cos", angle)]


def weekday(graph: Graph, day: str) -> str:
    """The day from Monday, 0, to Sunday, 6: 1 January 1970 was a Thursday."""
    count = _Whole(graph)
    return count("Mod", count("Add", day, 3), 7)


def month(graph: Graph, day: str) -> str:
    """0 for January to 11, in the Gregorian calendar.

    Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days; years begin in March there, so
    that the leap day is their last, and come in eras of 400.
    """
    count = _Whole(graph)
    of_era = count("Mod", count("Add", day, 719_468), 146_097)  # Mod has the sign of its divisor: never negative
    leaps = count("Sub", count("Div", of_era, 1460), count("Div", of_era, 36_524))
    leaps = count("Add", leaps, count("Div", of_era, 146_096))
    year = count("Div", count("Sub", of_era, leaps), 365)
    before = count("Sub", count("Add", count("Mul", year, 365), count("Div", year, 4)), count("Div", year, 100))
    of_year = count("Sub", of_era, before)
    since_march = count("Div", count("Add", count("Mul", of_year, 5), 2), 153)
    return count("Mod", count("Add", since_march, 2), 12)


class _Whole:
    """Arithmetic on int64 values and numbers."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __call__(self, kind: str, x: str, other: str | int) -> str:
        y = self.graph.constant("whole", other, dtype=np.int64) if isinstance(other, int) else other
        return self.graph.add(kind, x, y)
