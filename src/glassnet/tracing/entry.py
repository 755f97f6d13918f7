"""A call of a step as a trace's page shows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from glassnet.core.places import Place
from glassnet.core.shapes import Array, Shape
from glassnet.derivatives.differences import Slopes
from glassnet.runners import KernelCall
from glassnet.tracing.formulas import Formulas
from glassnet.tracing.store import places_in


@dataclass
class Entry:
    """One call on the page.

    Attributes:
        call: what was logged, an update's on one parameter.
        phase: "forward", "loss", "backward" or "update".
        parameter: whose update it is, or "".
        formulas: its mathematics.
        arrays: by name as in formulas.
        ids: their numbers in the store.
        parts: how much of each is shown.
        starts: from where on.
        differences: central differences of the loss by array and place.
        exact: those arrays as the same backward pass writes them in float64.
    """

    call: KernelCall
    phase: str
    parameter: str
    formulas: Formulas
    arrays: dict[str, Array]
    ids: dict[str, int]
    parts: dict[str, Shape] = field(default_factory=dict)
    starts: dict[str, Shape] = field(default_factory=dict)
    differences: dict[str, dict[int, Slopes]] = field(default_factory=dict)
    exact: dict[str, Array] = field(default_factory=dict)

    def written(self) -> list[str]:
        """The arrays that the call writes."""
        return [f"{name}_" if name in self.call.inputs else name for name in self.call.outputs]

    def role(self, name: str) -> str:
        """Which side of the call an array is on: "reads", "writes", "before" or "after"."""
        if name in self.written():
            return "after" if name.endswith("_") else "writes"
        return "before" if name in self.call.outputs else "reads"

    def shown(self, name: str) -> Array:
        """The flat places of the elements that are shown."""
        return places_in(self.arrays[name].shape, self.parts[name], self.starts[name])

    def place(self, name: str) -> Place | None:
        """Where the array lay."""
        return self.call.extents.get(name.removesuffix("_"))
