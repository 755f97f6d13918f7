"""Whether a network calculates what another library's does: random rows through both."""

from __future__ import annotations

import numpy as np

from glassnet.core.checks import place_in_rows
from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array, Shape
from glassnet.network import Network
from glassnet.runners import NumpyRunner

_ROUNDING = {"float32": (1e-4, 1e-5), "float64": (1e-7, 1e-11)}
"""How far two may differ: of an element itself, and of the largest in its row."""
_LITTLE = 1e-5
"""How far two may differ for outputs next to nothing beside the inputs: as a share of these and of what is above."""
_WORSE = 10
"""How many times as far from exact arithmetic as the other library one may be."""


def rows_to_try(shape: Shape, count: int | None = None) -> list[Array]:
    """Two batches of different sizes that reach what layers may do differently.

    Args:
        shape: of one row.
        count: how many things the rows number, from 0; None for rows of amounts.

    Returns:
        Float32 arrays of 3 rows and of 2: numbers around 0, large ones that saturate, small ones, and a row of
        negative numbers alone, in which padding with zeros would show.
    """
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, *shape)) if count is None else rng.integers(0, count, (5, *shape))
    if count is None:
        rows *= np.array([1.0, 30.0, 1.0, 0.1, 4.0]).reshape(5, *[1] * len(shape))
        rows[2] = -3 * np.abs(rows[2])
    return [rows[:3].astype(np.float32), rows[3:].astype(np.float32)]


def require_agreement(
    network: Network, x: Array, expected: Array, *, where: str, other: str, like: Array | None = None
) -> None:
    """Refuses a network whose outputs are not those expected.

    Args:
        network: built, in the dtype of x.
        x: rows (N, ...).
        expected: the outputs in exact arithmetic, float64.
        where: for messages.
        other: what the outputs expected come from.
        like: what the other library gives in the dtype of x: how far rounding may go.

    Raises:
        ConfigurationError: they differ by more than rounding; the first element that does is named.
    """
    with np.errstate(all="ignore"):
        found = network.forward(NumpyRunner(), x, training=False)[0].astype(np.float64)
    is_shaped = found.shape == expected.shape
    wrong = _beyond_rounding(x, found, expected, like) if is_shaped else np.ones(1, bool)
    if not wrong.any():
        return
    received = f"outputs of shape {found.shape} here and {expected.shape} there"
    if is_shaped:
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        received = f"{found[place]:.7g} here and {expected[place]:.7g} there, at {place_in_rows(place)} of random rows"
    layers = [layer for _, layer in network.walk() if not isinstance(layer, Network)]
    name = repr(layers[0]) if len(layers) == 1 else f"the network of {len(layers)} layers"
    raise ConfigurationError(
        where=where,
        received=received,
        expected=f"the same numbers of {name} as of {other:.200}",
        fix="this is no fault of yours: glassnet has no layer that does the same; write it anew with glassnet's layers",
    )


def _beyond_rounding(x: Array, found: Array, expected: Array, like: Array | None) -> Array:
    """Which elements differ by more than rounding explains."""
    relative, of_row = _ROUNDING[str(x.dtype)]
    axes = tuple(range(1, expected.ndim))
    with np.errstate(all="ignore"):
        usable = np.where(np.isfinite(expected), np.abs(expected), 0)
        largest = usable.max(axis=axes, keepdims=True, initial=0)
        inputs = np.abs(x).max(axis=tuple(range(1, x.ndim)), initial=1).reshape(largest.shape)
        allowed = relative * usable + of_row * largest + relative * _LITTLE * inputs
        if like is not None:
            off = np.abs(like - expected)
            allowed = allowed + _WORSE * off.max(axis=axes, keepdims=True, initial=0)
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        wrong = ~same & ~(np.abs(found - expected) <= allowed)
    if like is not None:  # numbers that float32 cannot hold say nothing
        wrong &= np.isfinite(like) & np.isfinite(expected)
    return np.asarray(wrong)
