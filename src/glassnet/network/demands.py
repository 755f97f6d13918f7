"""What a network demands of the numbers that it is given: which are amounts, and which are indices below what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.room import require_room
from glassnet.core.shapes import Array, batch_shape, size_of
from glassnet.layers import Layer
from glassnet.layers.indices import MOST_INDICES, require_indices
from glassnet.runners import NumpyRunner
from glassnet.runners.base import is_library_code

MOST_PLACES = 1 << 22
"""Numbers of a row in which places are followed: looking that many up takes gigabytes, whatever comes behind."""
CALCULATED = -1
"""Stands for a number that is none of the data's own."""


class Read(NamedTuple):
    """Numbers of a row that a layer takes for indices: their places (``slice(None)`` for all), and their bounds."""

    layer: Layer
    places: Any
    below: int | Array


class Demands:
    """Which numbers of a network's rows are amounts, and which are indices that some layer inside looks up.

    The network's own forward pass tells: the *places* of a row's numbers are sent through it. Layers that pass numbers
    on pass places on; of what others calculate no number is a place any more.

    Args:
        network: whose shapes are known.

    Attributes:
        shape: of a row.
        reads: who looks up what, in the order of the forward pass.

    Raises:
        ConfigurationError: a layer would look up what other layers calculate.
    """

    def __init__(self, network: Layer) -> None:
        self.shape = network.input_shape or ()
        readers = [layer for _, layer in network.walk() if type(layer).indices_below is not Layer.indices_below]
        size = size_of(self.shape) if readers else 0  # a file may say a shape that nothing has yet proved
        if size > MOST_PLACES:
            raise ConfigurationError(
                where=readers[0].where,
                received=f"rows of {size:,} numbers",
                expected=f"at most {MOST_PLACES:,} where a layer looks some of them up",
                fix="cut them into shorter rows",
            )
        run = _Places(size)
        if readers:
            run.forward(network, run.row.reshape(1, *self.shape), training=False)
        for layer in readers:
            if layer not in run.met and _bounds(layer).any():
                raise _calculated_before(layer)
        self.reads = tuple(run.reads)

    def __bool__(self) -> bool:
        return bool(self.reads)

    @property
    def below(self) -> Array:
        """What each number of a row must be below as an index, int64 of the row's shape; 0 for an amount."""
        require_room(self.shape, np.int64, where="a row of the network")
        lowest = np.full(size_of(self.shape), MOST_INDICES + 1)
        for _, places, below in self.reads:
            np.minimum.at(lowest, places, below)
        return np.where(lowest > MOST_INDICES, 0, lowest).reshape(self.shape)

    @property
    def are_amounts(self) -> Array:
        """Which numbers of a row are calculated with, bool of its shape; only by these there are derivatives."""
        return np.asarray(self.below == 0)

    def check(self, x: Array, *, where: str) -> None:
        """Refuses data with numbers that are no such indices.

        Args:
            x: data that fit the network (N, ...).
            where: for messages.

        Raises:
            DataError: the first such number is named with its place in x.
        """
        for layer, places, below in self.reads:
            read = x.reshape(len(x), size_of(self.shape))[:, places]
            require_indices(layer, read, below, where=where, place=partial(self._place, places))

    def _place(self, places: Any, found: tuple[int, int]) -> tuple[int, ...]:
        """The place in the data of a number that was found among those of these places."""
        row, number = found
        place = np.arange(size_of(self.shape))[places][number]
        return row, *(int(i) for i in np.unravel_index(place, self.shape))

    def fulfilled_by(self, rows: Array, rng: np.random.Generator) -> Array:
        """The rows (N, ...) with indices drawn at random where indices are demanded."""
        if not self:
            return rows
        below = self.below
        drawn = rng.integers(0, np.maximum(below, 1), rows.shape)
        return np.where(below == 0, rows, drawn).astype(rows.dtype)


class _Places(NumpyRunner):
    """Sends places of a row of that size through the layers that pass them on, and notes who takes what for indices."""

    def __init__(self, size: int) -> None:
        super().__init__(step=0)
        self.row = np.arange(size)
        self.reads: list[Read] = []
        self.met: set[Layer] = set()

    def enter(self, network: Any, x: Array) -> Array:
        """Places, which are no data."""
        return x

    def forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        """The places that the layer gives."""
        self._note(layer, x)
        forward = forward_of(layer)
        y = None if forward is None or _is_calculated(x) else forward(layer, self, x, training=training)[0]
        return (y if y is not None and layer.passes_on else _calculated(layer)), None

    def join(self, layer: Any, parts: Sequence[Array]) -> tuple[Array, Any]:
        """The places that the merge gives."""
        passes = layer.passes_on and not all(map(_is_calculated, parts))
        return (layer.join(self, parts)[0] if passes else _calculated(layer)), None

    def _note(self, layer: Layer, x: Array) -> None:
        self.met.add(layer)
        bounds = _bounds(layer).reshape(-1)
        wanted = np.flatnonzero(bounds)
        if len(wanted):
            places, below = x.reshape(-1)[wanted], bounds[wanted]
            if (places == CALCULATED).any():
                raise _calculated_before(layer)
            is_one = (below == below[0]).all()  # which is quicker to compare with than an array
            chosen = slice(None) if np.array_equal(places, self.row) else places  # likewise
            self.reads.append(Read(layer, chosen, int(below[0]) if is_one else below.astype(np.float32)))


def forward_of(layer: Layer) -> Any:
    """The forward pass to follow: a network's, as the library has it; that of a layer that passes numbers on."""
    if not layer.is_network:
        return type(layer).forward if layer.passes_on else None
    kind: Any = next(kind for kind in type(layer).__mro__ if is_library_code(kind))
    forward = kind.forward
    return None if getattr(forward, "__isabstractmethod__", False) else forward


def _bounds(layer: Layer) -> Array:
    """What the layer demands of each number of a row.

    Raises:
        ConfigurationError: what a user's layer says of it is nothing of the kind.
    """
    said, shape = np.asarray(layer.indices_below()), layer.input_shape or ()
    if said.dtype.kind in "iu" and said.shape in ((), shape) and ((said >= 0) & (said <= MOST_INDICES)).all():
        return np.broadcast_to(said, shape)
    raise ConfigurationError(
        where=layer.where,
        received=f"indices_below() that says {shown(layer.indices_below())}",
        expected=f"a whole number from 0 to {MOST_INDICES:,}, or an array of these for inputs {batch_shape(shape)}",
        fix="say how many things there are where the layer looks something up, and 0 for amounts",
    )


def _calculated(layer: Layer) -> Array:
    return np.broadcast_to(np.array(CALCULATED), (1, *(layer.output_shape or ())))


def _is_calculated(x: Array) -> bool:
    """Whether x is made of that one number: nothing behind it needs to be looked at."""
    return not any(x.strides)


def _calculated_before(layer: Layer) -> ConfigurationError:
    return ConfigurationError(
        where=layer.where,
        received="what the layers before it calculate",
        expected="whole numbers from the data as they are",
        fix="let it stand first, behind gn.Columns, gn.Reshape or gn.Flatten, or so in a branch of gn.Concat",
    )
