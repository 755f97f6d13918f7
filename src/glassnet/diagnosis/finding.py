"""One thing that was found, what would mend it, and the proof that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.core.catalogues import columns_of, translated
from glassnet.core.shapes import Array

BARS = "▁▂▃▄▅▆▇█"
SHOWN = 6
"""Numbers of a curve that are printed."""


@dataclass(frozen=True)
class Mend:
    """A change of one setting, as data: what a program can carry out for its user.

    Attributes:
        setting: what to change, such as ``"learning_rate"``, ``"preprocessing"``, ``"hidden"`` or ``"loss"``.
        value: what to change it to, in what JSON can hold; None to leave it out.
        words: the same for people, such as "a rate of 0.015".
    """

    setting: str
    value: Any
    words: str


@dataclass(frozen=True)
class Counterfactual:
    """The same network, from the same initial weights on the same rows, trained for a moment without and with a mend.

    Attributes:
        mend: the one change.
        steps: updates done (S,), from 0.
        own: the loss with the model's settings (S,), inf where it was no finite number any more.
        mended: the same loss with the mend.
        of: what was measured, such as "loss".
    """

    mend: Mend
    steps: Array
    own: Array
    mended: Array
    of: str = "loss"

    def rows(self) -> tuple[str, str]:
        """Two rows of text: the loss of either run at some of the steps."""
        own, mended = translated("your run"), translated(self.mend.words)
        width = max(columns_of(own), columns_of(mended))
        return _row(own, self.own, self, width), _row(mended, self.mended, self, width)

    def __str__(self) -> str:
        return "\n".join(self.rows())

    def _repr_html_(self) -> str:
        from html import escape

        high = float(max(_finite(self.own).max(), _finite(self.mended).max()))
        low = float(min(_finite(self.own).min(), _finite(self.mended).min()))

        def line(curve: Array, style: str) -> str:
            heights = 70 - 60 * (np.clip(curve, low, high) - low) / ((high - low) or 1)
            places = np.linspace(5, 215, len(curve))
            points = " ".join(f"{x:.0f},{y:.1f}" for x, y in zip(places, heights, strict=True))
            return f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2" {style}/>'

        words, own = escape(translated(self.mend.words)), escape(translated("your run"))
        below = translated(f"{self.of}, {int(self.steps[-1])} steps")
        return (
            f'<svg viewBox="0 0 220 75" width="220" height="75" role="img"><title>{escape(str(self))}</title>'
            + line(self.own, 'stroke-dasharray="4 3" opacity="0.6"')
            + line(self.mended, "")
            + f"</svg><br><small>- - {own}: {_number(self.own[-1])}<br>— {words}: {_number(self.mended[-1])} "
            f"({escape(below)})</small>"
        )


def _row(words: str, curve: Array, both: Counterfactual, width: int) -> str:
    chosen = np.linspace(0, len(curve) - 1, SHOWN).round().astype(int)
    finite = np.concatenate([_finite(both.own), _finite(both.mended)])
    drawn = bars(curve, float(finite.min()), float(finite.max()))
    spaces = " " * (width - columns_of(words))
    return f"{words}{spaces}  {drawn}  " + " ".join(f"{_number(curve[place]):>8}" for place in chosen)


def bars(curve: Array, low: float, high: float) -> str:
    """A letter for each number of a curve, as high as it stands between two bounds."""
    levels = np.clip((np.clip(curve, low, high) - low) / ((high - low) or 1) * 7, 0, 7).round().astype(int)
    return "".join(BARS[level] for level in levels)


def _finite(curve: Array) -> Array:
    kept = curve[np.isfinite(curve)]
    return kept if len(kept) else np.zeros(1)


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "NaN"


@dataclass(frozen=True)
class Finding:
    """Something that probably keeps a model from learning, or from being used.

    Attributes:
        name: of the illness, such as ``"dead_relu"``.
        where: the layer, the columns or the setting.
        measured: what was measured, with its numbers.
        why: why it matters.
        fix: one thing to try.
        mend: the change that was tried, as data, or None where there is none that a program could carry out.
        proof: what that change did in a short training; None where there was none.
    """

    name: str
    where: str
    measured: str
    why: str
    fix: str
    mend: Mend | None = None
    proof: Counterfactual | None = None

    @property
    def title(self) -> str:
        """The name in words, such as "dead ReLU"."""
        return self.name.replace("_", " ").replace("relu", "ReLU")

    def __str__(self) -> str:
        return translated(f"{self.title} ({self.where}): {self.measured}. {self.why}. To try: {self.fix}.")
