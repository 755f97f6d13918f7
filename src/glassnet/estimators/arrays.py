"""The arrays of a perceptron's layers, as scikit-learn's users read and set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from glassnet.core.checks import as_rows
from glassnet.core.errors import ShapeError
from glassnet.core.shapes import Array
from glassnet.layers import Dense
from glassnet.network import Network


class LayerArrays(list[Array]):
    """Views into the network, one for each layer; what is put in their place is written into the network.

    Args:
        name: how the user calls them: ``"coefs_"``.
        network: built.
        part: of a ``Dense`` layer: ``"weight"`` or ``"bias"``.
    """

    def __init__(self, name: str, network: Network, part: str) -> None:
        super().__init__(getattr(layer, part).value for layer in dense_layers(network))
        self._name = name

    def take(self, values: Sequence[Any]) -> None:
        """Sets all of them.

        Raises:
            ShapeError: another number of arrays, or arrays of other shapes.
            DataError: numbers that are not finite.
        """
        if len(values) != len(self):
            raise ShapeError(
                where=self._name,
                received=f"{len(values)} arrays",
                expected=f"{len(self)}, one for each layer of weights",
                fix="set as many as there are",
            )
        checked = [self._checked(index, value) for index, value in enumerate(values)]
        for view, value in zip(self, checked, strict=True):
            np.copyto(view, value)

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        """Sets one of them."""
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            for place, own in zip(chosen, value, strict=True):
                self[place] = own
            return
        np.copyto(self[index], self._checked(index, value))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies are lists of arrays of their own."""
        return list, ([np.array(view) for view in self],)

    def _checked(self, index: SupportsIndex, value: Any) -> Array:
        where, view = f"{self._name}[{int(index)}]", self[index]
        array = as_rows(value, view.dtype, where=where)
        if array.shape != view.shape:
            raise ShapeError(
                where=where,
                received=f"an array of shape {array.shape}",
                expected=f"{view.shape}",
                fix="set an array of the shape of the one that is there",
            )
        return array


def dense_layers(network: Network) -> list[Dense]:
    """The layers with weights, in their order."""
    return [layer for _, layer in network.walk() if isinstance(layer, Dense)]
