"""What a training step is recorded from: where that is the same, what would be recorded is known without doing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from glassnet.core.shapes import Array
from glassnet.runners.base import NumberOfStep, is_library_code
from glassnet.runners.recorder import Always, Times


@dataclass(frozen=True)
class Origin:
    """What a step is recorded from.

    Attributes:
        key: equal where the same calls are recorded: classes, settings and shapes of all that takes part.
        code: the hash of ``key``.
        things: that take part, in an order that follows from ``key``.
        seed: of the masks.
        flat: parameters, gradients and the optimizer's memory, as a ``RecordedStep`` has them.
        sources: the rows of all data, in the order of the step's.
        rows: in the batch.
        begun: what is known of where the arrays lie, which is the same for batches of all sizes.
    """

    key: tuple[Any, ...]
    code: int
    things: list[Any]
    seed: int
    flat: list[Array]
    sources: list[Array]
    rows: int
    begun: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def of_batch(self, rows: int, steps: Any) -> Origin:
        """That of batches of so many rows and steps."""
        key, code = (self.key, steps), hash((self.code, steps))
        return Origin(key, code, self.things, self.seed, self.flat, self.sources, rows, self.begun)

    def place_of(self, number: NumberOfStep) -> Any:
        """How to find a number of the step again in another origin with the same key; None where nothing tells."""
        if isinstance(number, Always):
            return "seed" if number.number == self.seed else None
        if isinstance(number, Times):
            inside = self.place_of(number.number)
            return None if inside is None else (inside, number.factor)
        if isinstance(number, MethodType):
            name = number.__name__
            owner = next((i for i, thing in enumerate(self.things) if thing is number.__self__), None)
            is_known = owner is not None and is_library_code(number) and number == getattr(number.__self__, name, None)
            return (owner, name) if is_known else None
        return number if is_library_code(number) else None

    def number_at(self, place: Any) -> NumberOfStep:
        """The number that another origin calls so."""
        if place == "seed":
            return Always(self.seed)
        if not isinstance(place, tuple):
            return place  # type: ignore[no-any-return]
        first, second = place
        if isinstance(first, int):
            return getattr(self.things[first], second)  # type: ignore[no-any-return]
        return Times(self.number_at(first), second)
