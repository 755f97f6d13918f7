"""The update rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.memory import Layout
from glassnet.core.settings import boolean, family, number
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, updates
from glassnet.optimizers.base import Optimizer
from glassnet.optimizers.steps import WeightDecay
from glassnet.runners import Runner
from glassnet.schedules import Schedule


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
        self.nesterov = boolean(nesterov, "nesterov", "SGD")
        if nesterov and momentum == 0:
            raise ConfigurationError(
                where="SGD",
                received="nesterov=True without momentum",
                expected="a momentum above 0 to look ahead along",
                fix="set momentum=0.9",
            )
        self.slots = ("velocity",) if momentum else ()
        self.kernels = (updates.momentum_update if momentum else updates.sgd_update,)


class AdaGrad(Optimizer):
    """G ← G + g², θ ← θ − η g/(√G + ε): rates that shrink with the gradients seen.

    Args:
        learning_rate: η (0.01).
        epsilon: ε (1e-10).

    Source: J. Duchi, E. Hazan, Y. Singer, JMLR 12 (2011).
    """

    kernels = (updates.adagrad_update,)
    slots = ("square_sum",)

    def __init__(self, learning_rate: float | Schedule = 0.01, *, epsilon: float = 1e-10) -> None:
        super().__init__(learning_rate)
        self.epsilon = number(epsilon, "epsilon", "AdaGrad", low=0, open_low=True, in_float32=True)


class RMSProp(Optimizer):
    """v ← ρ v + (1 − ρ) g², θ ← θ − η g/(√v + ε).

    Args:
        learning_rate: η (0.001).
        rho: ρ in [0, 1) (0.9).
        epsilon: ε (1e-8).

    Source: T. Tieleman, G. Hinton, "Neural networks for machine learning", lecture 6.5 (2012).
    """

    kernels = (updates.rmsprop_update,)
    slots = ("mean_square",)

    def __init__(self, learning_rate: float | Schedule = 0.001, *, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        super().__init__(learning_rate)
        self.rho = number(rho, "rho", "RMSProp", low=0, high=1)
        self.epsilon = number(epsilon, "epsilon", "RMSProp", low=0, open_low=True, in_float32=True)


class Adam(Optimizer):
    """Rates from the running mean and mean square of each gradient, both corrected for their start at 0.

    Args:
        learning_rate: η (0.001).
        beta1: β₁ in [0, 1) (0.9), decay of the mean.
        beta2: β₂ in [0, 1) (0.999), decay of the mean square.
        epsilon: ε (1e-8), added to the root after the correction.

    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    kernels: tuple[Kernel, ...] = (updates.adam_update,)
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
        self.epsilon = number(epsilon, "epsilon", where, low=0, open_low=True, in_float32=True)

    def settings_by_step(self, run: Runner) -> dict[str, Any]:
        """The number of the update."""
        return {"step": run.per_step(self.next_number, self.steps)}


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

    kernels = (updates.nadam_update,)
    former_slots = ("momentum_product",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.002,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def settings_by_step(self, run: Runner) -> dict[str, Any]:
        """The number of the update, and the momenta around it."""
        return super().settings_by_step(run) | {
            "momentum": run.per_step(self._momentum, self.steps),
            "next_momentum": run.per_step(self._next_momentum, self.steps),
            "momentum_product": run.per_step(self._momentum_product, self.steps),
        }

    def _momentum(self, steps: Any) -> Any:
        """μ_t of the update after so many."""
        return self.beta1 * (1 - 0.5 * 0.96 ** (0.004 * (steps + 1)))

    def _next_momentum(self, steps: Any) -> Any:
        return self._momentum(steps + 1)

    def _momentum_product(self, steps: Any) -> Any:
        """Π μ_i of that update and of all before, which in float64 becomes so small that it stays what it is."""
        known, most = _PRODUCTS.get(self.beta1, np.ones(0)), np.max(steps, initial=0)
        while most >= len(known) and (not len(known) or known[-1] != known[-2]):
            up_to = np.arange(max(1024, 2 * len(known)))
            known = _PRODUCTS[self.beta1] = np.multiply.accumulate(self._momentum(up_to))
        return known[np.minimum(steps, len(known) - 1)]


class Lion(Optimizer):
    """θ ← θ − η sign(β₁ m + (1 − β₁) g), m ← β₂ m + (1 − β₂) g: every parameter moves by η.

    Args:
        learning_rate: η (1e-4; a third to a tenth of Adam's is usual).
        beta1: β₁ in [0, 1) (0.9), the mixture whose sign is taken.
        beta2: β₂ in [0, 1) (0.99), the decay of m.

    Source: X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """

    kernels = (updates.lion_update,)
    slots = ("m",)

    def __init__(self, learning_rate: float | Schedule = 1e-4, *, beta1: float = 0.9, beta2: float = 0.99) -> None:
        super().__init__(learning_rate)
        self.beta1 = number(beta1, "beta1", "Lion", low=0, high=1)
        self.beta2 = number(beta2, "beta2", "Lion", low=0, high=1)


_PRODUCTS: dict[float, Array] = {}
"""Π_{i≤t} μ_i of NAdam by β₁, for t = 1, 2, ... as far as they were asked for."""

OPTIMIZERS = {rule.__name__.lower(): rule for rule in family(globals(), Optimizer).values()}
