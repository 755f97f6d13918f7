"""What a learning-rate range test gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.core.catalogues import translated
from glassnet.core.notebooks import text_html
from glassnet.core.shapes import Array


@dataclass(frozen=True)
class RateTest:
    """A learning-rate range test.

    Attributes:
        rates: learning rates (S,), rising from step to step.
        losses: of a batch, before the step with that rate (S,).
        suggested: the rate at which the smoothed loss fell most steeply.
    """

    rates: Array
    losses: Array
    suggested: float

    def __str__(self) -> str:
        return (
            f"{len(self.rates)} steps with rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}: loss "
            f"{self.losses[0]:.4g}, lowest {np.nanmin(self.losses):.4g}; suggested rate {self.suggested:.2g}"
        )

    def _repr_html_(self) -> str:
        return text_html(translated(f"learning rate: {self}"))
