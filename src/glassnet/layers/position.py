"""Where in its sequence a step stands, for layers that take the steps as a set."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.room import require_room
from glassnet.core.settings import one_of, whole
from glassnet.core.shapes import Array, Shape, batch_shape
from glassnet.initializers import init_setting
from glassnet.kernels.position import count_step, position_backward, position_forward, sinusoids
from glassnet.layers.base import EACH_STEP, Layer
from glassnet.runners import Runner


def require_prediction(layer: Layer, *, training: bool) -> None:
    """Refuses to train a layer whose sequences go on from batch to batch, where it has room for the steps of one.

    Raises:
        ConfigurationError: it is trained.
    """
    if training:
        raise ConfigurationError(
            where=layer.where,
            received="a training in which sequences go on from batch to batch (stateful)",
            expected="whole sequences: it has places for the steps of one alone",
            fix="train it without stateful=True",
        )


class PositionalEncoding(Layer):
    """y_t = x_t + P_t: adds to each step of a sequence a vector that stands for its place.

    Args:
        kind: ``"sinusoidal"``, where P_{t,2i} = sin(t / 10000^{2i/D}) and P_{t,2i+1} = cos(t / 10000^{2i/D}), or
            ``"learned"``, where P is a weight.
        most_steps: the number of rows of a learned P, and the longest sequence that is taken; None for as many as the
            network is built with.
        weight_init: initial learned P (T, D): a name, an initializer, a number or an array.

    Shape:
        (N, T, D) -> (N, T, D)

    Raises:
        ConfigurationError: settings outside their range.
        ShapeError: at build, inputs that are no sequences, or of more than ``most_steps`` steps.

    Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Example:
        >>> import glassnet as gn
        >>> gn.Sequential(gn.Embedding(27, 16), gn.PositionalEncoding("learned")).build((8,))
        (8, 16)
    """

    with_lengths = EACH_STEP
    needs_features = True

    def __init__(
        self, kind: str = "sinusoidal", *, most_steps: int | None = None, weight_init: Any = "uniform"
    ) -> None:
        self.kind = one_of(kind, "kind", "PositionalEncoding", ("sinusoidal", "learned"))
        self.most_steps = None if most_steps is None else whole(most_steps, "most_steps", "PositionalEncoding")
        self.weight_init = init_setting(weight_init)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> Shape:
        """Creates P: a weight (most_steps, D) if it is learned."""
        self.require_axes(input_shape, (2,), "sequences (N, T, D)", "give each row a time axis: x[:, :, None]")
        steps, width = input_shape
        if self.most_steps is not None and steps > self.most_steps:
            raise ShapeError(
                where=self.where,
                received=f"inputs of shape {batch_shape(input_shape)}, sequences of {steps} steps",
                expected=f"at most {self.most_steps} steps, for which there are positions",
                fix=f"say most_steps={steps} or more, or cut the sequences: x[:, :{self.most_steps}]",
            )
        self.stream_limit = self.most_steps or steps
        if self.kind == "learned":
            shape = (self.most_steps or steps, width)
            self.weight = self.add_parameter("weight", shape, self.weight_init, unit_axis=0)
        self._tables: dict[np.dtype[Any], Array] = {}
        return input_shape

    def table(self, dtype: np.dtype[Any]) -> Array:
        """P (T, D); sinusoids are made when rows come in: a file may say any shape."""
        if self.kind == "learned":
            return self.weight.value
        if dtype not in self._tables:
            require_room((self.stream_limit or 0, (self.input_shape or ())[-1]), np.float64, where=self.where)
            self._tables[dtype] = sinusoids(self.stream_limit or 0, (self.input_shape or ())[-1]).astype(dtype)
        return self._tables[dtype]

    def forward(self, run: Runner, x: Array, *, training: bool) -> tuple[Array, None]:
        """Returns y; nothing of it is needed to go back."""
        y = run.empty(x.shape, x.dtype)
        places = run.state(self, "places", (len(x),), np.int64)
        run(self, position_forward, x=x, table=self.table(x.dtype), first=places, y=y)
        if places is not None:
            require_prediction(self, training=training)
            run(self, count_step, places=places)
        return y, None

    def backward(self, run: Runner, dy: Array, cache: None) -> Array:
        """Writes dP where it is learned, and returns dy."""
        if self.kind == "learned":
            run(self, position_backward, dy=dy, dtable=self.weight.gradient)
        return dy
