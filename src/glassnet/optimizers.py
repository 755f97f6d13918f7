"""Optimizers: update rules for one flat array, and the steps that may stand before and after them.

A rule alone is an optimizer. With a ``Chain`` the steps of an update are spelled out in the order in which they
happen: ``Chain(ClipByNorm(1.0), L2(1e-4), SGD(0.1), MaxNorm(3.0))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.errors import ConfigurationError, ShapeError
from glassnet.kernels import updates
from glassnet.parameters import Layout
from glassnet.runners import NumpyRunner, Runner
from glassnet.schedules import Schedule, as_schedule
from glassnet.settings import Configurable, by_name, number
from glassnet.shapes import Array


class Step(Configurable):
    """One thing that is done to the parameters or gradients at each update."""

    path = "optimizer"

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Changes ``parameters`` or ``gradients`` in place."""
        raise NotImplementedError

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """What this step adds to the objective, such as ½ λ ‖W‖²; 0 for most."""
        return 0.0


class Optimizer(Step):
    """Base of the update rules.

    Args:
        learning_rate: a number or a ``Schedule``.

    Attributes:
        steps: number of updates done.
        state: its memory by name, flat arrays as long as the parameters (such as Adam's ``m`` and ``v``).
        learning_rate_scale: multiplies every rate; ``ReduceOnPlateau`` lowers it.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> parameters, gradients = np.array([1.0, 2.0]), np.array([0.5, -0.5])
        >>> gn.SGD(0.1).step(parameters, gradients)
        >>> parameters.tolist()
        [0.95, 2.05]
    """

    slots: tuple[str, ...] = ()
    learning_rate: float | Schedule

    def __init__(self, learning_rate: float | Schedule) -> None:
        as_schedule(learning_rate, type(self).__name__)
        self.learning_rate = learning_rate
        self.learning_rate_scale = 1.0
        self.steps = 0
        self.state: dict[str, Array] = {}

    def step(self, parameters: Array, gradients: Array, layout: Layout | None = None) -> None:
        """Does one update of ``parameters`` in place.

        Args:
            parameters: flat array (P,).
            gradients: flat array (P,) of the same dtype; steps such as clipping change it in place.
            layout: ``net.layout``. With it, penalties and decay spare biases; without it they act on everything, and
                ``MaxNorm`` cannot work.

        Raises:
            ShapeError: the arrays differ, or are not those of the steps before.
        """
        p, g = parameters, gradients
        if p.shape != g.shape or p.ndim != 1 or p.dtype != g.dtype or p.dtype.kind != "f":
            raise ShapeError(
                where="optimizer.step",
                received=f"parameters {p.dtype}{p.shape}, gradients {g.dtype}{g.shape}",
                expected="two flat arrays of one length and floating-point dtype",
                fix="pass net.parameters and net.gradients",
            )
        self.update(NumpyRunner(), parameters, gradients, layout)

    def update(self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None) -> None:
        """``step`` through a runner, trusting its arguments."""
        self.prepare(parameters)
        self.apply(run, parameters, gradients, layout, self.current_rate())
        self.steps += 1

    def prepare(self, parameters: Array) -> None:
        """Grows the state at the first call; afterwards checks that it still fits.

        Raises:
            ShapeError: the optimizer holds the state of other parameters.
        """
        for name in self.slots:
            held = self.state.setdefault(name, np.zeros_like(parameters))
            if held.shape != parameters.shape or held.dtype != parameters.dtype:
                raise ShapeError(
                    where=f"optimizer {self!r}",
                    received=f"{parameters.dtype} parameters of shape {parameters.shape}",
                    expected=f"{held.dtype}{held.shape}, as in the steps before, of which it remembers something",
                    fix="make a new optimizer for another network",
                )

    def current_rate(self) -> float:
        """The learning rate of the next update."""
        return as_schedule(self.learning_rate, type(self).__name__)(self.steps) * self.learning_rate_scale

    def reset(self) -> None:
        """Forgets everything: state, number of updates, scale of the rate."""
        self.state, self.steps, self.learning_rate_scale = {}, 0, 1.0


class SGD(Optimizer):
    """Gradient descent: θ ← θ − η g; with momentum v ← μ v − η g, θ ← θ + v; or Nesterov's form.

    Args:
        learning_rate: η (0.01).
        momentum: μ in [0, 1).
        nesterov: whether to look ahead along the momentum.

    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    def __init__(
        self, learning_rate: float | Schedule = 0.01, *, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        super().__init__(learning_rate)
        self.momentum = number(momentum, "momentum", "SGD", low=0, high=1)
        self.nesterov = nesterov
        if nesterov and momentum == 0:
            raise ConfigurationError(
                where="SGD",
                received="nesterov=True without momentum",
                expected="a momentum above 0 to look ahead along",
                fix="set momentum=0.9",
            )
        self.slots = ("velocity",) if momentum else ()

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        if not self.momentum:
            run(self, updates.sgd_update, gradients=gradients, parameters=parameters, learning_rate=learning_rate)
            return
        run(
            self,
            updates.momentum_update,
            gradients=gradients,
            parameters=parameters,
            velocity=self.state["velocity"],
            learning_rate=learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
        )


class AdaGrad(Optimizer):
    """G ← G + g², θ ← θ − η g/(√G + ε): rates that shrink with the gradients seen.

    Args:
        learning_rate: η (0.01).
        epsilon: ε (1e-10).

    Source: J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011).
    """

    slots = ("square_sum",)

    def __init__(self, learning_rate: float | Schedule = 0.01, *, epsilon: float = 1e-10) -> None:
        super().__init__(learning_rate)
        self.epsilon = number(epsilon, "epsilon", "AdaGrad", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        arrays = {"gradients": gradients, "parameters": parameters, **self.state}
        run(self, updates.adagrad_update, **arrays, learning_rate=learning_rate, epsilon=self.epsilon)


class RMSProp(Optimizer):
    """v ← ρ v + (1 − ρ) g², θ ← θ − η g/(√v + ε).

    Args:
        learning_rate: η (0.001).
        rho: ρ in [0, 1) (0.9).
        epsilon: ε (1e-8).

    Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
    """

    slots = ("mean_square",)

    def __init__(self, learning_rate: float | Schedule = 0.001, *, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.rho = number(rho, "rho", "RMSProp", low=0, high=1)
        self.epsilon = number(epsilon, "epsilon", "RMSProp", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        arrays = {"gradients": gradients, "parameters": parameters, **self.state}
        run(self, updates.rmsprop_update, **arrays, learning_rate=learning_rate, rho=self.rho, epsilon=self.epsilon)


class Adam(Optimizer):
    """Rates from the running mean and mean square of each gradient, both corrected for their start at 0.

    Args:
        learning_rate: η (0.001).
        beta1: β₁ in [0, 1) (0.9), decay of the mean.
        beta2: β₂ in [0, 1) (0.999), decay of the mean square.
        epsilon: ε (1e-8), added to the root after the correction.

    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    slots = ("m", "v")

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate)
        where = type(self).__name__
        self.beta1 = number(beta1, "beta1", where, low=0, high=1)
        self.beta2 = number(beta2, "beta2", where, low=0, high=1)
        self.epsilon = number(epsilon, "epsilon", where, low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        run(
            self,
            updates.adam_update,
            gradients=gradients,
            parameters=parameters,
            **self.state,
            learning_rate=learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            step=self.steps + 1,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: θ ← (1 − η λ) θ before each update, biases spared.

    Args:
        learning_rate: η (0.001).
        weight_decay: λ (0.01).
        beta1: as in ``Adam``.
        beta2: as in ``Adam``.
        epsilon: as in ``Adam``.

    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        *,
        weight_decay: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)
        self.weight_decay = number(weight_decay, "weight_decay", "AdamW", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Decays the weights, then moves the parameters."""
        WeightDecay(self.weight_decay).apply(run, parameters, gradients, layout, learning_rate)
        super().apply(run, parameters, gradients, layout, learning_rate)


class NAdam(Adam):
    """Adam with Nesterov's look-ahead and a momentum that warms up: μ_t = β₁ (1 − ½ · 0.96^{0.004 t}).

    Arguments as in ``Adam``; the default learning rate is 0.002.

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.002,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def prepare(self, parameters: Array) -> None:
        """Also keeps Π μ_i of the updates done, one number."""
        super().prepare(parameters)
        self.state.setdefault("momentum_product", np.ones(1))

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        step = self.steps + 1
        momentum = self._momentum(step)
        self.state["momentum_product"] *= momentum
        run(
            self,
            updates.nadam_update,
            gradients=gradients,
            parameters=parameters,
            m=self.state["m"],
            v=self.state["v"],
            learning_rate=learning_rate,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            step=step,
            momentum=momentum,
            next_momentum=self._momentum(step + 1),
            momentum_product=float(self.state["momentum_product"][0]),
        )

    def _momentum(self, step: int) -> float:
        return self.beta1 * (1 - 0.5 * float(0.96 ** (0.004 * step)))


class Lion(Optimizer):
    """θ ← θ − η sign(β₁ m + (1 − β₁) g), m ← β₂ m + (1 − β₂) g: every parameter moves by η.

    Args:
        learning_rate: η (1e-4; a third to a tenth of Adam's is usual).
        beta1: β₁ in [0, 1) (0.9), the mixture whose sign is taken.
        beta2: β₂ in [0, 1) (0.99), the decay of m.

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """

    slots = ("m",)

    def __init__(self, learning_rate: float | Schedule = 1e-4, *, beta1: float = 0.9, beta2: float = 0.99) -> None:
        super().__init__(learning_rate)
        self.beta1 = number(beta1, "beta1", "Lion", low=0, high=1)
        self.beta2 = number(beta2, "beta2", "Lion", low=0, high=1)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Moves the parameters."""
        arrays = {"gradients": gradients, "parameters": parameters, **self.state}
        run(self, updates.lion_update, **arrays, learning_rate=learning_rate, beta1=self.beta1, beta2=self.beta2)


class L2(Step):
    """The penalty ½ λ ‖W‖² on weights: g ← g + λ W.

    Args:
        strength: λ ≥ 0.
    """

    def __init__(self, strength: float) -> None:
        self.strength = number(strength, "strength", "L2", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Adds the penalty's gradient."""
        for weight, gradient in zip(_weights(parameters, layout), _weights(gradients, layout), strict=True):
            run(self, updates.l2_gradient, parameters=weight, gradients=gradient, strength=self.strength)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """½ λ ‖W‖²."""
        squares = (np.sum(np.square(w, dtype=np.float64)) for w in _weights(parameters, layout))
        return 0.5 * self.strength * float(sum(squares))


class L1(Step):
    """The penalty λ ‖W‖₁ on weights: g ← g + λ sign(W).

    Args:
        strength: λ ≥ 0.
    """

    def __init__(self, strength: float) -> None:
        self.strength = number(strength, "strength", "L1", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Adds the penalty's gradient."""
        for weight, gradient in zip(_weights(parameters, layout), _weights(gradients, layout), strict=True):
            run(self, updates.l1_gradient, parameters=weight, gradients=gradient, strength=self.strength)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """λ ‖W‖₁."""
        return self.strength * sum(float(np.sum(np.abs(w), dtype=np.float64)) for w in _weights(parameters, layout))


class WeightDecay(Step):
    """Decoupled decay of weights: W ← (1 − η λ) W with the rule's learning rate η.

    Args:
        rate: λ ≥ 0.

    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(self, rate: float) -> None:
        self.rate = number(rate, "rate", "WeightDecay", low=0)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Shrinks the weights."""
        for weight in _weights(parameters, layout):
            run(self, updates.weight_decay, parameters=weight, learning_rate=learning_rate, rate=self.rate)


class ClipByValue(Step):
    """Limits each element of the gradient to [−limit, limit]."""

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "ClipByValue", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Clips the gradients."""
        run(self, updates.clip_by_value, gradients=gradients, limit=self.limit)


class ClipByNorm(Step):
    """Scales the gradient of all parameters together down to the Euclidean norm ``limit`` where it is longer.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, ICML 2013, algorithm 1.
    """

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "ClipByNorm", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Clips the gradients."""
        run(self, updates.clip_by_norm, gradients=gradients, limit=self.limit)


class MaxNorm(Step):
    """Keeps the norm of each unit's incoming weights at or below ``limit``; stands after the rule.

    Source: N. Srivastava et al., "Dropout", JMLR 15 (2014), section 5.1.
    """

    def __init__(self, limit: float) -> None:
        self.limit = number(limit, "limit", "MaxNorm", low=0, open_low=True)

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Scales units that are too long."""
        if layout is None:
            raise ConfigurationError(
                where="MaxNorm",
                received="a flat array without its layout",
                expected="to know which elements belong to one unit",
                fix="call optimizer.step(net.parameters, net.gradients, net.layout)",
            )
        for segment in layout:
            if segment.is_weight and segment.unit_axis is not None:
                weight = segment.view(parameters)
                run(self, updates.max_norm, weight=weight, limit=self.limit, unit_axis=segment.unit_axis)


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
        """Applies every step in turn."""
        for step in self.steps_in_order:
            step.apply(run, parameters, gradients, layout, learning_rate)

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """The sum of the steps' penalties."""
        return sum(step.penalty(parameters, layout) for step in self.steps_in_order)

    def prepare(self, parameters: Array) -> None:
        """Prepares the rule."""
        self.rule.prepare(parameters)

    def current_rate(self) -> float:
        """The rule's next learning rate."""
        return self.rule.current_rate()

    def reset(self) -> None:
        """Resets the rule."""
        self.rule.reset()

    @property
    def learning_rate(self) -> float | Schedule:
        """The rule's rate or schedule."""
        return self.rule.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | Schedule) -> None:
        self.rule.learning_rate = value

    @property
    def learning_rate_scale(self) -> float:
        """What multiplies the rule's rate."""
        return self.rule.learning_rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, value: float) -> None:
        self.rule.learning_rate_scale = value

    @property
    def steps(self) -> int:
        """The rule's count of updates."""
        return self.rule.steps

    @steps.setter
    def steps(self, value: int) -> None:
        self.rule.steps = value

    @property
    def state(self) -> dict[str, Array]:
        """The rule's memory."""
        return self.rule.state

    @state.setter
    def state(self, value: dict[str, Array]) -> None:
        self.rule.state = value


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "lion": Lion,
}


def as_optimizer(given: Any) -> Optimizer:
    """Accepts an optimizer, its name, or a list of steps, which becomes a ``Chain``."""
    if isinstance(given, list | tuple):
        return Chain(*given)
    return by_name(given, OPTIMIZERS, Optimizer, what="optimizer")


def _weights(flat: Array, layout: Layout | None) -> Sequence[Array]:
    """The parts of a flat buffer that are weights; all of it where no layout is known."""
    return [flat] if layout is None else [s.view(flat) for s in layout if s.is_weight]
