"""Units that are all the same: each gets the same gradient as the others, so that they stay the same."""

from __future__ import annotations

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis.finding import Finding
from glassnet.layers import Layer
from glassnet.network import Network

SAME, ROUNDED = 0.01, 1e-5
"""Shares of the largest weight by which units may differ: what one unit many times over has learned; and rounding."""
FEW = 6
"""Units with fewer numbers than these may be near each other by chance."""


def equal_units(network: Network) -> list[Finding]:
    """A finding for each hidden layer all of whose units have the same weights and biases."""
    named = [read.layer for read in network.demands.reads]  # by what is looked up, of which each has its own gradient
    with_units = [(path, layer) for path, layer in network.walk() if layer not in named and _units(layer) is not None]
    found = []
    for path, layer in with_units[:-1]:  # the outputs of the last one have errors of their own
        units = _units(layer)
        if units is None or len(units) < 2:
            continue
        largest = float(np.abs(units).max(initial=0.0))
        spread = float(np.ptp(units, axis=0).max(initial=0.0))
        if not spread <= (SAME if units.size >= FEW else ROUNDED) * largest:  # NaN is another illness
            continue
        what = "all its weights are 0" if largest == 0 else f"its {len(units)} units have the same weights and biases"
        what += "" if spread <= ROUNDED * largest else f", but for {spread / largest:.1g} of the largest"
        found.append(
            Finding(
                "equal_units",
                f"layer {path}, {layer!r}",
                what,
                "Units that are equal get equal gradients and stay equal (symmetry): the layer learns one unit "
                f"{len(units)} times over",
                "initial weights drawn at random: leave weight_init out, or weight_init='glorot_uniform'",
            )
        )
    return found


def _units(layer: Layer) -> Array | None:
    """A row for each unit of a layer: its weights and, where there is one, its bias; None for a layer without units."""
    own = layer.own_parameters()
    weight, bias = own.get("weight"), own.get("bias")
    if weight is None or weight.unit_axis is None or weight.value.ndim < 2:
        return None
    units = np.moveaxis(weight.value, weight.unit_axis, 0)
    rows = units.reshape(len(units), -1)
    return rows if bias is None or bias.value.shape != (len(rows),) else np.column_stack([rows, bias.value])
