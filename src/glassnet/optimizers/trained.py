"""What of the parameters a step is applied to: those that are trained, each at its own rate.

Where all are trained at one rate, a step gets the flat buffers whole. Otherwise it gets them in runs: parameters beside
each other that are trained at the same rate. What is frozen, and what other networks have between them, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from glassnet.core.memory import Layout, Segment, is_uniform
from glassnet.core.shapes import Array
from glassnet.kernels.activation import identity_forward
from glassnet.kernels.updates import l2_gradient, weight_decay
from glassnet.runners import Runner
from glassnet.runners.own import has_own_class


@dataclass(frozen=True)
class Run:
    """Parameters beside each other: elements ``start`` to ``stop``, trained at ``scale`` times the learning rate."""

    start: int
    stop: int
    scale: float
    segments: Layout

    def of(self, flat: Array) -> Array:
        """This part of a flat buffer."""
        return flat[self.start : self.stop]


class Appliable(Protocol):
    """A step as it is seen here."""

    path: str

    def apply_to_runs(
        self, run: Runner, parameters: Array, gradients: Array, runs: Sequence[Run], learning_rate: Any
    ) -> None:
        """Changes these parts of the flat buffers."""


def runs_of(layout: Layout, size: int) -> list[Run] | None:
    """The runs of parameters that are trained; None where that is all there is, at the one rate."""
    if is_uniform(layout, size):
        return None
    trained = sorted((s for s in layout if s.trainable and s.learning_rate_scale > 0), key=lambda s: s.start)
    return list(_joined(trained))


def _joined(segments: Sequence[Segment]) -> Iterator[Run]:
    kept: list[Segment] = []
    for segment in segments:
        if kept and (segment.start, segment.learning_rate_scale) != (kept[-1].stop, kept[-1].learning_rate_scale):
            yield _run(kept)
            kept = []
        kept.append(segment)
    if kept:
        yield _run(kept)


def _run(segments: Sequence[Segment]) -> Run:
    start = segments[0].start
    inside = tuple(replace(s, start=s.start - start, stop=s.stop - start) for s in segments)
    return Run(start, segments[-1].stop, segments[0].learning_rate_scale, inside)


def apply_to_trained(
    run: Runner, step: Appliable, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: Any
) -> None:
    """Applies a step to what is trained.

    Args:
        run: carries it out.
        step: a rule, or what stands beside it; of the library or of the user's own.
        parameters: flat (P,).
        gradients: flat (P,).
        layout: of both; None applies it to all.
        learning_rate: the rule's, as ``run.per_step`` gave it.
    """
    runs = None if layout is None else runs_of(layout, len(parameters))
    if runs is None:
        run.apply(step, parameters, gradients, layout, learning_rate)
    elif has_own_class(step) or getattr(step, "in_python", False):
        _apply_and_restore(run, step, parameters, gradients, layout or (), runs, learning_rate)
    else:
        step.apply_to_runs(run, parameters, gradients, runs, learning_rate)


def _apply_and_restore(
    run: Runner,
    step: Appliable,
    parameters: Array,
    gradients: Array,
    layout: Layout,
    runs: Sequence[Run],
    learning_rate: Any,
) -> None:
    """Lets a rule of the user's, of which nothing is known, move everything; then takes back what it should not have.

    With a scale s of the rate, θ ← s θ_after + (1 − s) θ_before.
    """
    before = run.empty(parameters.shape, parameters.dtype)
    run(step, identity_forward, x=parameters, y=before)
    run.apply(step, parameters, gradients, layout, learning_rate)
    end = 0
    for part in [*runs, Run(len(parameters), len(parameters), 1.0, ())]:
        if end < part.start:
            run(step, identity_forward, x=before[end : part.start], y=parameters[end : part.start])
        end = part.stop
        if part.scale != 1:
            moved, old = part.of(parameters), part.of(before)
            run(step, weight_decay, parameters=moved, learning_rate=1.0, rate=1 - part.scale)
            run(step, l2_gradient, parameters=old, gradients=moved, strength=1 - part.scale)
