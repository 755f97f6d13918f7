"""What the networks' settings are held against."""

from __future__ import annotations

from collections.abc import Sequence

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import is_real, number, whole
from glassnet.layers import Dropout


def class_count(classes: int) -> int:
    """The number of outputs."""
    return whole(classes, "classes", "zoo")


def dropped(dropout: float, where: str) -> list[Dropout]:
    """A ``Dropout`` of that share, or none for a share of 0."""
    share = dropout if is_real(dropout) else number(dropout, "dropout", where, low=0, high=1)
    return [Dropout(share)] if share else []


def stage_widths(widths: Sequence[int], where: str) -> Sequence[int]:
    """The numbers of maps of the stages, of which there is one at least."""
    if isinstance(widths, list | tuple | range) and widths:
        return [whole(width, "each width", where) for width in widths]
    raise ConfigurationError(
        where=where,
        received=f"widths={shown(widths)}",
        expected="the number of maps of one stage or more",
        fix="write widths=(16, 32, 64)",
    )
