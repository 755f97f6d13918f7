"""The pictures of a search: how it went, the trials' curves, what mattered."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from glassnet.core.drawing import blank_figure, worded
from glassnet.training.history import CURVES
from glassnet.training.live_curve import in_words
from glassnet.tuning import Tried, Tuning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY = "#8a97a5"
MOST_SLICES = 4
_FAR = 3.0
"""Values so many times as far from the best as the middle one is are left out: one bad trial would flatten all."""


def drawn_history(tuning: Tuning) -> Figure:
    """The value of each trial, and the best so far."""
    figure, axes = _figure(4.6, 3.3)
    hollow = {"facecolors": "none", "edgecolors": GREY}
    for state, label, style in (
        ("complete", worded("complete"), {"color": CURVES[0]}),
        ("pruned", worded("ended early"), hollow),
    ):
        own = [trial for trial in tuning.trials if trial.state == state and trial.value is not None]
        axes.scatter([t.number for t in own], [t.value for t in own], s=20, label=label, **style)
    complete = [trial for trial in tuning.trials if trial.state == "complete" and trial.value is not None]
    values = np.array([trial.value for trial in complete], dtype=float)
    best = np.maximum.accumulate(values) if tuning.rises else np.minimum.accumulate(values)
    numbers = [trial.number for trial in complete]
    axes.step([*numbers, len(tuning.trials) - 1], [*best, best[-1]], where="post", color=CURVES[1])
    _frame(axes, worded("trial"), in_words(tuning.metric), _limits(tuning, [t.value for t in tuning.trials]))
    axes.legend(frameon=False, fontsize=8)
    return figure


def drawn_curves(tuning: Tuning) -> Figure:
    """The curves of all trials, the best one in front."""
    figure, axes = _figure(4.6, 3.3)
    for trial in tuning.trials:
        axes.plot(range(1, len(trial.values) + 1), trial.values, color=GREY, linewidth=0.7, alpha=0.5)
    best = tuning.best
    axes.plot(range(1, len(best.values) + 1), best.values, color=CURVES[1], linewidth=2)
    axes.plot([best.best_epoch], [best.value], marker="o", color=CURVES[1])
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    _frame(
        axes, worded("epoch"), in_words(tuning.metric), _limits(tuning, [v for t in tuning.trials for v in t.values])
    )
    return figure


def drawn_slices(tuning: Tuning, names: Sequence[str]) -> Figure:
    """The value of each trial by each of some settings."""
    figure, axes = _figure(2.6 * len(names), 2.6, len(names))
    limits = _limits(tuning, [trial.value for trial in tuning.trials])
    for place, (own, name) in enumerate(zip(np.atleast_1d(axes), names, strict=True)):
        trials = [t for t in tuning.trials if name in t.settings and t.value is not None]
        numbers, ticks = _places([trial.settings[name] for trial in trials])
        for state in ("pruned", "complete"):
            chosen = [at for at, trial in enumerate(trials) if trial.state == state]
            hollow = {"facecolors": "none", "edgecolors": GREY} if state == "pruned" else {"color": CURVES[0]}
            own.scatter([numbers[at] for at in chosen], [trials[at].value for at in chosen], s=16, **hollow)
        if ticks is not None:
            own.set_xticks(range(len(ticks)), ticks, rotation=20 if max(map(len, ticks)) > 6 else 0)
            own.margins(x=0.2)
        elif min(numbers) > 0 and max(numbers) > 20 * min(numbers):
            own.set_xscale("log")
            own.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            own.xaxis.set_minor_formatter(lambda *_: "")
            own.tick_params(axis="x", rotation=20)
        _frame(own, name, in_words(tuning.metric) if place == 0 else "", limits)
    return figure


def _places(values: Sequence[Any]) -> tuple[list[float], list[str] | None]:
    """Where the values stand on an axis, and what stands at it where they are names."""
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if are_numbers and len(set(values)) > MOST_SLICES + 2:
        return [float(value) for value in values], None
    order = sorted(set(values)) if are_numbers else sorted(set(values), key=str)
    return [float(order.index(value)) for value in values], [str(value)[:14] for value in order]


def _limits(tuning: Tuning, values: Sequence[float | None]) -> tuple[float, float] | None:
    """The part of the axis on which most values are."""
    known = np.array([value for value in values if value is not None and isfinite(value)])
    best = tuning.best.value or 0.0
    distance = np.abs(known - best)
    reach = _FAR * float(np.median(distance))
    if reach <= 0 or float(distance.max()) <= reach:
        return None
    return (best - reach, best + 0.08 * reach) if tuning.rises else (best - 0.08 * reach, best + reach)


def _figure(width: float, height: float, count: int = 1) -> tuple[Figure, Any]:
    figure = blank_figure(width, height)
    return figure, figure.subplots(1, count)


def _frame(axes: Any, below: str, beside: str, limits: tuple[float, float] | None) -> None:
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    if limits is not None:
        axes.set_ylim(limits)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def best_first(tuning: Tuning) -> list[Tried]:
    """The trials, the best first; those without a value at the end."""
    sign = -1.0 if tuning.rises else 1.0

    def place(trial: Tried) -> tuple[bool, float, int]:
        is_last = trial.state == "failed" or trial.value is None
        return is_last, 0.0 if is_last or trial.value is None else sign * trial.value, trial.number

    return sorted(tuning.trials, key=place)
