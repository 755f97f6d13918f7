"""One thing that was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that probably keeps a model from learning, or from being used.

    Attributes:
        name: of the illness, such as ``"dead_relu"``.
        where: the layer, the columns or the setting.
        measured: what was measured, with its numbers.
        why: why it matters.
        fix: one thing to try.
    """

    name: str
    where: str
    measured: str
    why: str
    fix: str

    @property
    def title(self) -> str:
        """The name in words, such as "dead ReLU"."""
        return self.name.replace("_", " ").replace("relu", "ReLU")

    def __str__(self) -> str:
        return f"{self.title} ({self.where}): {self.measured}. {self.why}. To try: {self.fix}."
