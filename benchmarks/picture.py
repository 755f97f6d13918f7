"""The results as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.results import Measured, duration


@dataclass(frozen=True)
class Line:
    """Whose bar it is."""

    label: str
    peer: str
    colour: str
    loop: bool = False

    def ratio(self, case: Measured) -> float | None:
        """Its time as a multiple of glassnet's, or None where it took no part."""
        if self.loop:
            return case.speedup(case.loop()) if case.loop() else None
        return case.over(self.peer) if self.peer in case.peers else None


OURS_COLOUR = "#1f5fa8"
LINES = (
    Line("NumPy by hand", "numpy", "#5b8c3a"),
    Line("torch", "torch", "#e07b39"),
    Line("jax, a call a step", "jax", "#7b4fa0"),
    Line("jax, whole loop compiled", "jax", "#c3a6d8", loop=True),
    Line("scikit-learn", "scikit-learn", "#d4a72c"),
    Line("onnxruntime", "onnxruntime", "#4a9c9c"),
)
BAR, GAP, TITLE = 0.15, 0.17, 0.3
"""Inches: height of a bar, between two cases, and of a section's title."""


def draw(cases: list[Measured], path: Path) -> None:
    """Bars on a logarithmic scale from glassnet's time on: to the right slower, to the left faster than glassnet."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    groups = [[(line, found) for line in LINES if (found := line.ratio(case)) is not None] for case in cases]
    first = next((i for i, case in enumerate(cases) if CASES[case.name].image), None)
    height = sum(len(group) * BAR + GAP for group in groups) + (TITLE if first else 0)
    figure = Figure(figsize=(9, height + 1.3), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    y, ticks = 0.0, []
    for i, group in enumerate(groups):
        if i and i == first:
            y -= TITLE
            axes.annotate(
                "Convolutional training", (0, y + GAP / 2), xycoords=("axes fraction", "data"), xytext=(4, 4),
                textcoords="offset points", fontsize=10, fontweight="bold",
            )  # fmt: skip
        top = y
        for line, found in group:
            y -= BAR
            axes.barh(y + BAR / 2, found - 1, BAR * 0.88, left=1, color=line.colour)
            _label(axes, found, y + BAR / 2)
        ticks.append((top + y) / 2)
        y -= GAP
        if i % 2 == 0:
            axes.axhspan(top + GAP / 2, y + GAP / 2, color="#f3f5f8", zorder=0)
    ratios = [found for group in groups for _, found in group]
    axes.set_xscale("log")
    axes.set_xlim(min(0.8, *ratios) / 1.8, max(2.0, *ratios) * 1.5)
    axes.set_ylim(y + GAP / 2, GAP / 2)
    axes.axvline(1, color=OURS_COLOUR, linewidth=2.5)
    axes.set_yticks(ticks, [f"{case.name}\n{duration(case.microseconds(case.ours or ''))}" for case in cases])
    axes.tick_params(axis="y", length=0, labelsize=8.5)
    axes.tick_params(axis="x", labelsize=9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.xaxis.set_minor_formatter(lambda *_: "")
    axes.set_xlabel("time of the same work as a multiple of glassnet's (logarithmic)", fontsize=9)
    handles = [Patch(color=OURS_COLOUR, label="glassnet = 1×, its time below each name")]
    shown = {line for group in groups for line, _ in group}
    handles += [Patch(color=line.colour, label=line.label) for line in LINES if line in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    axes.grid(axis="x", color="#d5dae1", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _label(axes: Any, ratio: float, y: float) -> None:
    """The number at the end of a bar."""
    text = f"{ratio:.0f}×" if ratio >= 9.95 else f"{ratio:.2f}×" if ratio < 2 else f"{ratio:.1f}×"
    side = "left" if ratio >= 1 else "right"
    axes.annotate(
        text, (ratio, y), xytext=(3 if ratio >= 1 else -3, -0.5), textcoords="offset points", fontsize=7.5,
        ha=side, va="center", color="#333333",
    )  # fmt: skip
