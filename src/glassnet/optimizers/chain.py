"""The steps of one update in their order."""

from __future__ import annotations

from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.memory import Layout
from glassnet.core.settings import by_name
from glassnet.core.shapes import Array
from glassnet.optimizers.base import Optimizer, Step
from glassnet.optimizers.rules import OPTIMIZERS
from glassnet.optimizers.steps import L1, L2, ClipByNorm, ClipByValue, MaxNorm
from glassnet.optimizers.trained import apply_to_trained
from glassnet.runners import Runner


def _of_rule(name: str, words: str) -> property:
    """An attribute of a chain that is its rule's."""
    return property(lambda own: getattr(own.rule, name), lambda own, value: setattr(own.rule, name, value), doc=words)


class Chain(Optimizer):
    """The steps of one update in the order in which they happen, exactly one of them an update rule.

    Args:
        steps_in_order: gradient steps (``ClipByValue``, ``ClipByNorm``, ``L1``, ``L2``) before the rule, ``MaxNorm``
            after it, ``WeightDecay`` on either side.

    Raises:
        ConfigurationError: no rule or several, or a step on the wrong side of it, where it would do nothing.

    Example:
        >>> import glassnet as gn
        >>> gn.Chain(gn.ClipByNorm(1.0), gn.L2(1e-4), gn.SGD(0.1, momentum=0.9), gn.MaxNorm(3.0))
        Chain(ClipByNorm(1.0), L2(0.0001), SGD(0.1, momentum=0.9), MaxNorm(3.0))
    """

    def __init__(self, *steps_in_order: Step) -> None:
        self.steps_in_order = steps_in_order
        rules = [step for step in steps_in_order if isinstance(step, Optimizer)]
        if len(rules) != 1 or not all(isinstance(step, Step) for step in steps_in_order) or isinstance(rules[0], Chain):
            raise ConfigurationError(
                where="Chain",
                received=", ".join(map(repr, steps_in_order)) or "nothing",
                expected="steps of which exactly one is an update rule such as SGD or Adam",
                fix="write gn.Chain(gn.L2(1e-4), gn.Adam(1e-3))",
            )
        self.rule = rules[0]
        turn = steps_in_order.index(self.rule)
        for place, step in enumerate(steps_in_order):
            if (place < turn and isinstance(step, MaxNorm)) or (
                place > turn and isinstance(step, ClipByValue | ClipByNorm | L1 | L2)
            ):
                side = "after" if place < turn else "before"
                raise ConfigurationError(
                    where="Chain",
                    received=f"{step!r} on the wrong side of {self.rule!r}",
                    expected=f"it {side} the rule, where it has an effect",
                    fix=f"move it {side} {self.rule!r}",
                )

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Applies every step in turn, to what is trained."""
        for step in self.steps_in_order:
            apply_to_trained(run, step, parameters, gradients, layout, learning_rate)

    def apply_to_trained(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """``apply``, whose steps know what is trained."""
        run.apply(self, parameters, gradients, layout, learning_rate)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """The sum of the steps' penalties."""
        return sum(step.penalty(parameters, layout) for step in self.steps_in_order)

    def prepare(self, parameters: Array) -> None:
        """Prepares the rule."""
        self.rule.prepare(parameters)

    def rate_at(self, steps: Any) -> Any:
        """The rule's learning rate after so many updates."""
        return self.rule.rate_at(steps)

    def reset(self) -> None:
        """Resets the rule."""
        self.rule.reset()

    learning_rate: Any = _of_rule("learning_rate", "The rule's rate or schedule.")
    learning_rate_scale: Any = _of_rule("learning_rate_scale", "What multiplies the rule's rate.")
    steps: Any = _of_rule("steps", "The rule's count of updates.")
    state: Any = _of_rule("state", "The rule's memory.")


def as_optimizer(given: Any) -> Optimizer:
    """Accepts an optimizer, its name, or a list of steps, which becomes a ``Chain``.

    Example:
        >>> import glassnet as gn
        >>> gn.optimizers.as_optimizer("sgd")
        SGD()
        >>> gn.optimizers.as_optimizer([gn.ClipByNorm(1.0), gn.Adam(1e-3)])
        Chain(ClipByNorm(1.0), Adam())
    """
    if isinstance(given, list | tuple):
        return Chain(*given)
    optimizer = by_name(given, OPTIMIZERS, Optimizer, what="optimizer")
    if not isinstance(getattr(optimizer, "state", None), dict):
        raise ConfigurationError(
            where=f"optimizer {type(optimizer).__name__}",
            received="an object whose base class was never initialised",
            expected="state, steps and a learning rate",
            fix="call super().__init__(learning_rate) first in its __init__",
        )
    return optimizer
