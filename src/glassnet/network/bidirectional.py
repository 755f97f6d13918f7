"""A recurrence in both directions of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from glassnet.core.errors import ConfigurationError, shown
from glassnet.layers import GRU, LSTM, Layer, SimpleRNN
from glassnet.network.concat import Concat


class Bidirectional(Concat):
    """A recurrence, and beside it another one like it that goes from the last step to the first.

    With ``return_sequences`` each step gets what both know of it, the one of the steps before and the other of those
    after; without, the two last states stand beside each other, of which the second was calculated at the first step.
    Each has weights of its own.

    Args:
        layer: a ``SimpleRNN``, ``LSTM`` or ``GRU`` of H units that goes forwards. The other one has the same settings,
            and its own initial weights.

    Attributes:
        layer: the one that goes forwards, at the path ``forward``; the other is at ``backward``.

    Shape:
        (N, T, D) -> (N, 2H), or (N, T, 2H) with ``return_sequences``.

    Raises:
        ConfigurationError: another layer, or one with ``reverse=True``.

    Source: M. Schuster, K. K. Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal
    Processing 45 (1997).

    Example:
        >>> import glassnet as gn
        >>> net = gn.Sequential(gn.Bidirectional(gn.LSTM(8, return_sequences=True)), gn.Bidirectional(gn.GRU(4)))
        >>> net.build((12, 3))
        (8,)
        >>> net["0.backward"]
        LSTM(8, return_sequences=True, reverse=True)
    """

    def __init__(self, layer: SimpleRNN | LSTM | GRU) -> None:
        if not isinstance(layer, SimpleRNN | LSTM | GRU) or layer.reverse:
            raise ConfigurationError(
                where="Bidirectional",
                received=shown(layer),
                expected="a SimpleRNN, LSTM or GRU that goes forwards",
                fix="write gn.Bidirectional(gn.LSTM(32)): the one that goes backwards is added by itself",
            )
        other = type(layer)(**(layer.settings() | {"reverse": True}))
        super().__init__(layer, other, axis=2 if layer.return_sequences else 1)

    @property
    def layer(self) -> Any:
        """The recurrence that goes forwards."""
        return self.branches[0]

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Both recurrences."""
        yield from zip(("forward", "backward"), self.branches, strict=True)

    def why_no_stream(self) -> str:
        """One of the two begins at the end."""
        return "half of it goes from the last step to the first"
