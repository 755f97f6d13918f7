"""What the network makes of the plane: its answers and its units' outputs on a grid of points."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.layers import Dense, Flatten, MaxPool2D
from glassnet.network import Sequential
from glassnet.playground.generators import inputs_of
from glassnet.playground.session import Session
from glassnet.runners import NumpyRunner

SIDE = 90
"""Points along each edge of the picture of the answers."""
EVERY = 3
UNIT_SIDE = SIDE // EVERY
"""The same for the small picture of each unit."""


def grid(session: Session, side: int = SIDE) -> Array:
    """The points of the picture, as the network gets them.

    Args:
        session: whose axes and extent count; other inputs are at their mean over the training rows.
        side: points along each edge.

    Returns:
        float32 (side², D), from the top left corner along the rows.
    """
    examples = session.examples
    left, right, bottom, top = examples.extent
    plane = examples.plane
    width = examples.inputs if plane is None else 2
    points = np.tile((examples.train.x if plane is None else plane[0]).mean(axis=0), (side * side, 1))
    across, down = (np.arange(side) + 0.5) / side, (np.arange(side)[::-1] + 0.5) / side
    x, y = np.meshgrid(left + (right - left) * across, bottom + (top - bottom) * down)
    first, second = session.setting.axes
    if width > 1:
        points[:, second] = y.reshape(-1)
    points[:, min(first, width - 1)] = x.reshape(-1)
    if plane is not None:
        points = inputs_of(points, session.setting.inputs)
    preprocessing = session.model.preprocessing
    return points if preprocessing is None else np.asarray(preprocessing.apply(points), np.float32)


def hidden_outputs(session: Session, inputs: Array) -> tuple[list[Array], Array]:
    """Works the network out, layer by layer.

    Args:
        session: the network.
        inputs: (N, D), after the preprocessing.

    Returns:
        What each hidden layer's units put out (N, units), after their activation, and the maps of a convolution
        (N, filters, height, width), before pooling; and the network's outputs.
    """
    network = session.model.network
    assert isinstance(network, Sequential)
    run, values, hidden = NumpyRunner(), inputs, []
    for layer, following in zip(network.layers, [*network.layers[1:], None], strict=True):
        values, _ = layer.forward(run, values, training=False)
        if isinstance(following, Dense | Flatten | MaxPool2D) and not isinstance(layer, Flatten | MaxPool2D):
            hidden.append(values)
    return hidden, values


class Picture:
    """The pictures of a session: the grid is made once, and worked out again at each frame.

    Args:
        session: with inputs that have two axes.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._points = grid(session)
        few = self._points.reshape(SIDE, SIDE, -1)[::EVERY, ::EVERY]
        self._few = few.reshape(UNIT_SIDE * UNIT_SIDE, -1).copy()
        self.range = (0.0, 1.0)
        target = session.examples.train.y
        if session.examples.task == "numbers" and target is not None:
            self.range = float(target.min()), float(target.max())

    def draw(self) -> tuple[Array, Array]:
        """Works the network out on the grid.

        Returns:
            The answers, uint8 (SIDE, SIDE): 255 times the probability of class 1, or the place between the smallest
            and the largest target; for several classes (2, SIDE, SIDE), the class and 255 times its probability.
            And the hidden units, uint8 (units, UNIT_SIDE, UNIT_SIDE): 128 is 0, the full range each unit's own.
        """
        outputs = self._session.outputs(self._points)
        hidden, _ = hidden_outputs(self._session, self._few)
        units = [values.reshape(UNIT_SIDE, UNIT_SIDE, -1).transpose(2, 0, 1) for values in hidden]
        empty = np.zeros((0, UNIT_SIDE, UNIT_SIDE), np.float32)
        return self._answers(outputs), signed(np.concatenate([empty, *units]))

    def _answers(self, outputs: Array) -> Array:
        session = self._session
        shape = SIDE, SIDE
        if session.examples.task == "classes":
            chances = session.loss.probabilities(outputs)
            best = np.argmax(chances, axis=1)
            sure = np.take_along_axis(chances, best[:, None], axis=1)
            return np.stack([best.astype(np.uint8).reshape(shape), _byte(sure).reshape(shape)])
        if session.examples.task == "numbers":
            scaling = session.model.target_scaling
            values = outputs if scaling is None else scaling.invert(outputs)
            low, high = self.range
            return _byte((values - low) / (high - low or 1.0)).reshape(shape)
        if session.examples.loss == "binary_cross_entropy":
            outputs = session.loss.probabilities(outputs)
        elif session.examples.loss == "hinge":
            outputs = (outputs + 1) / 2
        return _byte(outputs).reshape(shape)


def _byte(values: Array) -> Array:
    return np.asarray(np.round(255 * np.clip(np.nan_to_num(values), 0, 1)), np.uint8)


def signed(units: Array) -> Array:
    """The values of each unit (units, ...) as bytes, by its largest absolute value: 128 is 0."""
    values = np.nan_to_num(units)
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True, initial=0.0)
    return np.asarray(np.round(127.5 + 127 * values / np.where(largest > 0, largest, 1)), np.uint8)
