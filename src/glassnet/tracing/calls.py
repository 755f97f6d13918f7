"""What a trace asks of a logged call: its arrays before and after, its formulas, the parameters that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from glassnet.core.memory import Layout, Segment
from glassnet.core.places import Place
from glassnet.core.shapes import Array
from glassnet.runners import KernelCall
from glassnet.tracing.formulas import Formulas, formulas_of


def arrays_of(call: KernelCall) -> dict[str, Array]:
    """Every array by its name in formulas: what the call updates in place as ``name`` before and ``name_`` after."""
    return call.inputs | {f"{name}_" if name in call.inputs else name: a for name, a in call.outputs.items()}


def formulas_for(call: KernelCall) -> Formulas:
    """The element by element mathematics of the call; without outputs where there is none."""
    shapes = {name: array.shape for name, array in (call.outputs | call.inputs).items()}
    kinds = [array.dtype for array in (call.outputs | call.inputs).values() if array.dtype.kind == "f"]
    # Sums of losses are float64 in any case.
    dtype = min(kinds, key=lambda kind: kind.itemsize, default=np.dtype(np.float64))
    entry = call.entry
    return formulas_of(entry.elements, shapes, call.settings, dtype, entry.geometry, entry.why)


def by_parameter(
    calls: tuple[KernelCall, ...], layout: Layout, buffers: tuple[Place, Place]
) -> Iterator[tuple[str, KernelCall]]:
    """The calls of an update with the parameter that each is about, "" for all together.

    A rule works on all parameters in one flat array, element by element; it becomes a call for each trained parameter.

    Args:
        calls: the optimizer's.
        layout: of the network.
        buffers: where its parameters and gradients lay.
    """
    size = layout[-1].stop if layout else 0
    for call in calls:
        formulas = formulas_for(call).outputs.values()
        is_flat = any(array.shape == (size,) for array in call.inputs.values())
        if is_flat and formulas and all(f.indices is None or len(call.inputs[f.target[:-1]]) == 1 for f in formulas):
            yield from ((s.path, _part(call, s, size)) for s in layout if s.trainable)
        else:
            yield ("" if is_flat else next(iter(parameters_of(call, layout, buffers).values()), "")), call


def parameters_of(call: KernelCall, layout: Layout, buffers: tuple[Place, Place]) -> dict[str, str]:
    """The paths of parameters whose values or gradients arrays of the call are, by the arrays' names."""
    found = {}
    for name, place in call.extents.items():
        for whole in buffers:
            if whole.contains(place):
                itemsize = (whole.stop - whole.start) // max(1, layout[-1].stop)
                first = (place.start - whole.start) // itemsize
                found[name] = next(s.path for s in layout if s.start <= first < s.stop)
    return found


def _part(call: KernelCall, segment: Segment, size: int) -> KernelCall:
    """The call on one parameter, in its shape."""
    inputs, outputs = (
        {name: segment.view(array) if array.shape == (size,) else array for name, array in arrays.items()}
        for arrays in (call.inputs, call.outputs)
    )
    extents = dict(call.extents)
    for name, array in (call.inputs | call.outputs).items():
        if array.shape == (size,):
            place, size_of_one = extents[name], array.itemsize
            start, stop = (place.start + element * size_of_one for element in (segment.start, segment.stop))
            extents[name] = replace(place, start=start, stop=stop)
    return replace(call, inputs=inputs, outputs=outputs, extents=extents)
