"""Which axis of a value has the rows: the first, or another one where operators for recurrences stand (T, N, D).

Operators that move axes, or take the rows elsewhere, say where they are behind them; what others give has its rows
first. Of a number of rows that is free, shapes with several of them tell whether it is so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from glassnet.core.shapes import Array, Shape
from glassnet.interop.onnx.activations import ACTIVATIONS

RECURRENT = ("GRU", "LSTM", "RNN")
ALIKE = (
    *ACTIVATIONS, "Add", "Cast", "Clip", "Div", "Dropout", "Gelu", "Identity", "LayerNormalization", "MatMul", "Mul",
    "Neg", "Sub",
)  # fmt: skip
"""Operators whose outputs have their rows where their inputs have them."""


@dataclass(frozen=True)
class Step:
    """An operator with one of its outputs.

    Attributes:
        attributes: by name.
        place: which output it is.
        axis: of the rows, in its first input that is calculated.
        first: whether that is its first input.
        before: that input's shape, in several runs.
        after: the output's.
        rows: how many rows these runs have.
        constants: the other inputs in the first run, by their place.
    """

    attributes: Mapping[str, Any]
    place: int
    axis: int
    first: bool
    before: Sequence[Shape]
    after: Sequence[Shape]
    rows: Sequence[int]
    constants: Mapping[int, Array]

    def numbers(self, name: str, place: int) -> list[int] | None:
        """Axes that stand in an attribute or, since version 13, in an input."""
        given = self.attributes.get(name, self.constants.get(place))
        return None if given is None else [int(number) for number in np.ravel(given)]

    @property
    def rank(self) -> int:
        """Axes of what it takes."""
        return len(self.before[0])


def _transposed(step: Step) -> int | None:
    order: list[int] = list(step.attributes.get("perm", range(step.rank)[::-1]))
    return order.index(step.axis)


def _squeezed(step: Step) -> int | None:
    axes = step.numbers("axes", 1)
    gone = {axis % step.rank for axis in axes} if axes else {i for i, n in enumerate(step.before[0]) if n == 1}
    return None if step.axis in gone else step.axis - sum(axis < step.axis for axis in gone)


def _unsqueezed(step: Step) -> int | None:
    rank = len(step.after[0])
    new = {axis % rank for axis in step.numbers("axes", 1) or ()}
    return [axis for axis in range(rank) if axis not in new][step.axis]


def _reshaped(step: Step) -> int | None:
    """Where as many numbers are before and behind the rows as there were."""
    axis, ranks = step.axis, range(len(step.after[0]))

    def is_there(place: int) -> bool:
        pairs = zip(step.before, step.after, step.rows, strict=True)
        return all(
            new[place] == rows and prod(old[:axis]) == prod(new[:place]) and prod(old[axis:]) == prod(new[place:])
            for old, new, rows in pairs
        )

    return next((place for place in (axis, *ranks) if place in ranks and is_there(place)), None)


def _gathered(step: Step) -> int | None:
    along = int(step.attributes.get("axis", 0))
    if not step.first:  # rows of a weight, looked up
        return step.axis + along
    along %= step.rank
    if along == step.axis:
        return None
    return step.axis if step.axis < along else step.axis - 1 + int(np.ndim(step.constants.get(1, 0)))


def _recurrent(step: Step) -> int | None:
    layout = int(step.attributes.get("layout", 0))
    if step.axis != 1 - layout or not step.first:
        return None
    return 0 if layout else (2 if step.place == 0 else 1)


def _alike(step: Step) -> int | None:
    return (
        step.axis - step.rank + len(step.after[0])
    )  # counted from the last: what is broadcast has further ones before


RULES: dict[str, Callable[[Step], int | None]] = {
    **dict.fromkeys(RECURRENT, _recurrent),
    **dict.fromkeys(ALIKE, _alike),
    **dict.fromkeys(("Concat", "Slice", "Split"), lambda step: step.axis),
    "Gather": _gathered,
    "Reshape": _reshaped,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
}
"""Where an operator's output has its rows; None where they are nowhere any more."""


def axis_after(kind: str, step: Step) -> int | None:
    """The axis that has the rows of an operator's output, if one has."""
    if kind not in RULES:
        axis: int | None = 0 if step.axis == 0 else None
    else:
        axis = RULES[kind](step)
    if axis is None or not all(
        axis < len(shape) and shape[axis] == n for shape, n in zip(step.after, step.rows, strict=True)
    ):
        return None
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in step.after}
    return axis if len(rest) == 1 else None
