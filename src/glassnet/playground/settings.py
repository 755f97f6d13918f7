"""A setting: everything that one training on the page depends on, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from glassnet.core.errors import ConfigurationError, did_you_mean, shown
from glassnet.core.settings import boolean, number, one_of, whole

DATASETS = ("xor", "circle", "moons", "spiral", "blobs", "plane", "digits", "table")
INPUTS = ("x1", "x2", "x1_squared", "x2_squared", "x1_x2", "sin_x1", "sin_x2")
"""What the network may be given of a point of the plane."""
ACTIVATIONS = ("tanh", "relu", "sigmoid", "leaky_relu", "linear")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw", "nadam", "lion")
LOSSES = {
    "binary": ("binary_cross_entropy", "hinge", "mean_squared_error"),
    "classes": ("cross_entropy",),
    "numbers": ("mean_squared_error", "mean_absolute_error", "huber"),
}
"""The losses for what is to be learned: one of two classes, of several, or numbers. The first is the usual one."""
MOST_LAYERS, MOST_UNITS = 6, 16
RANGES = {"rows": (20, 2000), "batch_size": (1, 512), "seed": (0, 2**31 - 1), "filters": (0, 8), "kernel_size": (2, 5)}
"""The ranges of whole numbers, both ends included."""


@dataclass(frozen=True)
class Setting:
    """What a training on the page depends on: the same setting gives the same network.

    Attributes:
        dataset: one of ``DATASETS``; "table" stands for the user's own.
        rows: how many are drawn, where the data are made from the seed.
        noise: from 0 to 0.5, as a share of the picture.
        held_out: share of the rows that the network is measured on and never trained with, from 0.1 to 0.9.
        hidden: units of each hidden layer, at most 6 layers of at most 16.
        activation: after each hidden layer, one of ``ACTIVATIONS``.
        loss: one of ``LOSSES`` for what the data ask for, "" for the usual one.
        optimizer: one of ``OPTIMIZERS``.
        learning_rate: η, above 0 and at most 10.
        l1: λ of the penalty λ ‖W‖₁, from 0 to 1.
        l2: λ of the penalty ½ λ ‖W‖², from 0 to 1.
        batch_size: rows in a step.
        seed: of the data, the split, the first weights and the order of the rows.
        target: the table's column to be learned, "" for the last one.
        axes: which two inputs the picture shows.
        inputs: some of ``INPUTS``, for made-up data.
        batch_norm: whether each hidden layer and each map is normalised over the batch, before its activation.
        dropout: share of each hidden layer's outputs that is dropped in training, from 0 to 0.9.
        filters: of a convolution before the hidden layers, for pictures; 0 to 8, 0 for none.
        kernel_size: height and width of its filters, from 2 to 5; zeros around the picture keep maps as large as it.
        pooling: whether of every 2×2 pixels of a map only the largest goes on to the hidden layers.

    Raises:
        ConfigurationError: a value outside its range, or of another kind.
    """

    dataset: str = "spiral"
    rows: int = 400
    noise: float = 0.05
    held_out: float = 0.25
    hidden: tuple[int, ...] = (8, 8)
    activation: str = "tanh"
    loss: str = ""
    optimizer: str = "adam"
    learning_rate: float = 0.03
    l1: float = 0.0
    l2: float = 0.0
    batch_size: int = 8
    seed: int = 0
    target: str = ""
    axes: tuple[int, int] = (0, 1)
    inputs: tuple[str, ...] = ("x1", "x2")
    batch_norm: bool = False
    dropout: float = 0.0
    filters: int = 0
    kernel_size: int = 3
    pooling: bool = False

    def __post_init__(self) -> None:
        one_of(self.dataset, "dataset", "setting", DATASETS)
        one_of(self.activation, "activation", "setting", ACTIVATIONS)
        one_of(self.optimizer, "optimizer", "setting", OPTIMIZERS)
        one_of(self.loss, "loss", "setting", ("", *dict.fromkeys(name for names in LOSSES.values() for name in names)))
        for name, (low, high) in RANGES.items():
            _whole_between(getattr(self, name), name, low, high)
        number(self.noise, "noise", "setting", low=0, high=math.nextafter(0.5, 1))
        number(self.held_out, "held_out", "setting", low=0.1, high=math.nextafter(0.9, 1))
        number(self.learning_rate, "learning_rate", "setting", low=0, open_low=True, high=math.nextafter(10, 11))
        for name in ("l1", "l2"):
            number(getattr(self, name), name, "setting", low=0, high=math.nextafter(1, 2))
        if not isinstance(self.target, str) or len(self.target) > 200:
            raise _wrong("target", self.target, "the name of a column, at most 200 letters", "choose a column")
        if not isinstance(self.hidden, tuple) or len(self.hidden) > MOST_LAYERS:
            raise _wrong("hidden", self.hidden, f"at most {MOST_LAYERS} layers", "take layers away")
        for units in self.hidden:
            _whole_between(units, "units of a hidden layer", 1, MOST_UNITS)
        if not isinstance(self.axes, tuple) or len(self.axes) != 2:
            raise _wrong("axes", self.axes, "the numbers of two inputs", "write [0, 1]")
        is_known = isinstance(self.inputs, tuple) and all(isinstance(name, str) for name in self.inputs)
        if not is_known or not self.inputs or [name for name in INPUTS if name in self.inputs] != list(self.inputs):
            expected = f"some of {', '.join(INPUTS)}, in that order"
            raise _wrong("inputs", self.inputs, expected, "choose one at least")
        for name in ("batch_norm", "pooling"):
            boolean(getattr(self, name), name, "setting")
        number(self.dropout, "dropout", "setting", low=0, high=math.nextafter(0.9, 1))
        for axis in self.axes:
            _whole_between(axis, "axes", 0, 1000)

    @classmethod
    def from_dict(cls, values: object) -> Setting:
        """Reads what came as JSON; what is not there has its usual value.

        Raises:
            ConfigurationError: no object, an unknown name, or a value that is refused.
        """
        if not isinstance(values, Mapping):
            raise _wrong("setting", values, "an object with names and values", "send the page's own setting")
        known = {field.name for field in fields(cls)}
        for name in values:
            if name not in known:
                fix = f"{did_you_mean(str(name), known)}use one of: {', '.join(sorted(known))}"
                raise _wrong("a name", name, "the name of a setting", fix)
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)

    def having(self, name: str, value: object) -> Setting:
        """The same with another value.

        Raises:
            ConfigurationError: it is refused.
        """
        changed: dict[str, Any] = {name: value}
        return replace(self, **changed)

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON takes them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _whole_between(value: object, name: str, low: int, high: int) -> None:
    if whole(value, name, "setting", low=low) > high:
        raise _wrong(name, value, f"at most {high}", f"choose {name} from {low} to {high}")


def _wrong(name: str, value: object, expected: str, fix: str) -> ConfigurationError:
    return ConfigurationError(where="setting", received=f"{name}={shown(value)}", expected=expected, fix=fix)
