"""What exported files do not know of: rows of different length."""

from __future__ import annotations

from warnings import warn

from glassnet.core.errors import DataWarning
from glassnet.core.output import level_of_caller
from glassnet.model import Model


def warn_of_lengths(model: Model, *, where: str) -> None:
    """Says, of a model that was trained on rows of different length, which rows the exported file takes."""
    if model.ragged:
        steps = (model.network.input_shape or (1,))[0]
        warn(
            f"{where}: what is written takes whole rows of {steps:,} steps and knows of no lengths: for a shorter row "
            "that is filled up with zeros it gives other numbers than model.predict([row])",
            DataWarning,
            stacklevel=level_of_caller(),
        )
