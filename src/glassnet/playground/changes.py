"""What is changed in the course of a training: rate, penalties, single weights; each with its moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import number, whole
from glassnet.model import Model
from glassnet.playground.models import retune
from glassnet.playground.settings import Setting

LIVE = ("learning_rate", "l1", "l2")
"""Parts of a setting that may change while the network learns."""
WEIGHT = "weight"
"""The name of a change of one number among the network's parameters, weights and biases alike."""
LARGEST_WEIGHT = 1e6
MOST_CHANGES = 500


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        epoch, batch: whole epochs and batches of the next one that were done when it was made.
        name: one of ``LIVE``, or ``WEIGHT``.
        value: from then on.
        place: of a weight among the flat parameters; -1 for the others.

    Raises:
        ConfigurationError: no whole numbers, another name, no such number.
    """

    epoch: int
    batch: int
    name: str
    value: float
    place: int = -1

    def __post_init__(self) -> None:
        whole(self.epoch, "epoch", "change", low=0)
        whole(self.batch, "batch", "change", low=0)
        whole(self.place, "place", "change", low=-1)
        if self.name == WEIGHT:
            number(self.value, "value", "change", low=-LARGEST_WEIGHT, high=LARGEST_WEIGHT)
        elif self.name in LIVE:
            Setting().having(self.name, self.value)
        else:
            _refuse(f"name={shown(self.name)}", f"one of {', '.join((*LIVE, WEIGHT))}", "name one of them")

    @classmethod
    def from_dict(cls, values: object) -> Change:
        """Reads what came as JSON.

        Raises:
            ConfigurationError: no such object.
        """
        names = set(cls.__dataclass_fields__)
        if not isinstance(values, Mapping) or set(values) != names:
            _refuse(shown(values), f"an object with {', '.join(sorted(names))}", "send what the page was sent")
        return cls(**values)

    @property
    def subject(self) -> tuple[int, int, str, int]:
        """What was changed, and when."""
        return self.epoch, self.batch, self.name, self.place

    def to_dict(self) -> dict[str, Any]:
        """The values as JSON takes them."""
        return asdict(self)

    def apply(self, model: Model, setting: Setting) -> Setting:
        """Changes the model, and says what the setting is now.

        Raises:
            ConfigurationError: a weight that the network does not have, or that is not learned.
        """
        if self.name == WEIGHT:
            parts = [part for part in model.network.layout if part.start <= self.place < part.start + _size(part.shape)]
            if not parts or not parts[0].trainable:
                count = model.network.parameters.size
                _refuse(f"place={self.place}", f"the place of one of {count:,} parameters", "choose one on the page")
            model.network.parameters[self.place] = self.value
            return setting
        setting = setting.having(self.name, self.value)
        retune(model, setting)
        return setting


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def _refuse(received: str, expected: str, fix: str) -> NoReturn:
    raise ConfigurationError(where="change", received=received, expected=expected, fix=fix)
