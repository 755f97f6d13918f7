"""Optimizers: each rule against its paper's formula in plain Python and against PyTorch; the steps around a rule.

The golden numbers of ``TORCH`` were computed once with PyTorch 2.13.0 (CPU, float64): three steps of the optimizer
named, from ``START`` with the gradients ``GRADIENTS``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np
import pytest

import glassnet as gn
from glassnet import optimizers
from glassnet.core.errors import ConfigurationError, ShapeError
from glassnet.core.memory import Layout, Segment
from glassnet.optimizers import (
    L1,
    L2,
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Chain,
    ClipByNorm,
    ClipByValue,
    Lion,
    MaxNorm,
    NAdam,
    NumpyOptimizer,
    Optimizer,
    RMSProp,
    Step,
    WeightDecay,
    as_optimizer,
)
from glassnet.schedules import Schedule

START = [1.0, -2.0, 0.5, 0.0]
GRADIENTS = [[0.5, -1.0, 0.25, 2.0], [-0.3, 0.8, 0.0, 1.5], [0.1, -0.6, -4.0, -0.02]]
RATES = [0.1, 0.05, 0.2]

# A dense layer of three inputs and one unit: its weight first, its bias last.
LAYOUT: Layout = (
    Segment("0.weight", 0, 3, (3, 1), is_weight=True, unit_axis=1),
    Segment("0.bias", 3, 4, (1,), is_weight=False, unit_axis=None),
)


class Listed(Schedule):
    """The rates of a list, so that every rule is checked with a rate that changes."""

    def __init__(self, rates: list[float]) -> None:
        self.rates = rates

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        return self.rates[step]


def by_hand(rule: Rule, rates: list[float]) -> np.ndarray:
    """The same by one of the calculations below, (3, 4)."""
    return np.transpose([rule(start, [g[i] for g in GRADIENTS], rates) for i, start in enumerate(START)])


def three_steps(optimizer: Optimizer, layout: Layout | None = None, dtype: type = np.float64) -> np.ndarray:
    """The parameters after each of three updates, (3, 4)."""
    parameters = np.array(START, dtype)
    seen = []
    for gradient in GRADIENTS:
        optimizer.step(parameters, np.array(gradient, dtype), layout)
        seen.append(parameters.copy())
    return np.array(seen)


# The rules by hand, one parameter at a time, in plain floats: θ and g of each update, with rates η, in; all θ out.

Rule = Callable[[float, list[float], list[float]], list[float]]


def sgd(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Robbins & Monro 1951: θ ← θ − η g."""
    path = []
    for g, rate in zip(gradients, rates, strict=True):
        theta = theta - rate * g
        path.append(theta)
    return path


def classical_momentum(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Sutskever et al. 2013, equations 1 and 2: v ← μ v − ε ∇f(θ), θ ← θ + v, with μ = 0.9."""
    path, v = [], 0.0
    for g, rate in zip(gradients, rates, strict=True):
        v = 0.9 * v - rate * g
        theta = theta + v
        path.append(theta)
    return path


def nesterov_momentum(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Sutskever et al. 2013, equations 3 and 4, with the gradients taken at the point looked ahead to.

    v ← μ v − ε ∇f(φ + μ v), φ ← φ + v; what the library keeps is θ = φ + μ v, the point where the next gradient is due.
    """
    path, v, phi = [], 0.0, theta
    for g, rate in zip(gradients, rates, strict=True):
        v = 0.9 * v - rate * g
        phi = phi + v
        path.append(phi + 0.9 * v)
    return path


def adagrad(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Duchi et al. 2011, section 1, diagonal: θ ← θ − η g / (√Σ g² + ε) with ε = 0.01."""
    path = []
    for t in range(len(gradients)):
        total = math.fsum(g * g for g in gradients[: t + 1])
        theta = theta - rates[t] * gradients[t] / (math.sqrt(total) + 0.01)
        path.append(theta)
    return path


def rmsprop(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Tieleman & Hinton 2012, lecture 6.5: MeanSquare ← 0.8 MeanSquare + 0.2 g²; ε = 0.01 beside the root."""
    path, mean_square = [], 0.0
    for g, rate in zip(gradients, rates, strict=True):
        mean_square = 0.8 * mean_square + 0.2 * g**2
        theta = theta - rate * g / (math.sqrt(mean_square) + 0.01)
        path.append(theta)
    return path


def adam_moments(gradients: list[float]) -> list[tuple[float, float]]:
    """The corrected moments of Kingma & Ba 2015, section 3, as the weighted means they are; β₁ = 0.8, β₂ = 0.95."""
    moments = []
    for t in range(1, len(gradients) + 1):
        m = math.fsum(0.2 * 0.8 ** (t - i) * gradients[i - 1] for i in range(1, t + 1))
        v = math.fsum(0.05 * 0.95 ** (t - i) * gradients[i - 1] ** 2 for i in range(1, t + 1))
        moments.append((m / (1 - 0.8**t), v / (1 - 0.95**t)))
    return moments


def adam(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Kingma & Ba 2015, algorithm 1, with β₁ = 0.8, β₂ = 0.95 and ε = 0.01."""
    path = []
    for (m_hat, v_hat), rate in zip(adam_moments(gradients), rates, strict=True):
        theta = theta - rate * m_hat / (math.sqrt(v_hat) + 0.01)
        path.append(theta)
    return path


def adamw(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Loshchilov & Hutter 2019, algorithm 2: Adam's step and −η λ θ, both from the same θ; λ = 0.3."""
    path = []
    for (m_hat, v_hat), rate in zip(adam_moments(gradients), rates, strict=True):
        theta = theta - rate * (m_hat / (math.sqrt(v_hat) + 0.01) + 0.3 * theta)
        path.append(theta)
    return path


def nadam(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Dozat 2016, algorithm 2, μ_t = β₁ (1 − ½ · 0.96^{t/250}); β₁ = 0.8, β₂ = 0.95, ε = 0.01.

    ĝ = g/(1 − Π_{i≤t} μ_i), m̂ = m/(1 − Π_{i≤t+1} μ_i), m̄ = (1 − μ_t) ĝ + μ_{t+1} m̂.
    """
    mu = [0.8 * (1 - 0.5 * 0.96 ** (t / 250)) for t in range(1, len(gradients) + 2)]
    path, m, v = [], 0.0, 0.0
    for t in range(1, len(gradients) + 1):
        g = gradients[t - 1]
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g * g
        g_hat = g / (1 - math.prod(mu[:t]))
        m_hat = m / (1 - math.prod(mu[: t + 1]))
        m_bar = (1 - mu[t - 1]) * g_hat + mu[t] * m_hat
        theta = theta - rates[t - 1] * m_bar / (math.sqrt(v / (1 - 0.95**t)) + 0.01)
        path.append(theta)
    return path


def lion(theta: float, gradients: list[float], rates: list[float]) -> list[float]:
    """Chen et al. 2023, algorithm 2 without decay: c = β₁ m + (1 − β₁) g; θ ← θ − η sign(c); m ← β₂ m + (1 − β₂) g."""
    path, m = [], 0.0
    for g, rate in zip(gradients, rates, strict=True):
        c = 0.7 * m + 0.3 * g
        theta = theta - rate * ((c > 0) - (c < 0))
        m = 0.95 * m + 0.05 * g
        path.append(theta)
    return path


MOMENTS = {"beta1": 0.8, "beta2": 0.95, "epsilon": 0.01}
RATE = Listed(RATES)
Make = Callable[[], Optimizer]
BY_HAND: list[tuple[str, Make, Rule]] = [
    ("SGD", lambda: SGD(RATE), sgd),
    ("SGD, momentum", lambda: SGD(RATE, momentum=0.9), classical_momentum),
    ("SGD, Nesterov", lambda: SGD(RATE, momentum=0.9, nesterov=True), nesterov_momentum),
    ("AdaGrad", lambda: AdaGrad(RATE, epsilon=0.01), adagrad),
    ("RMSProp", lambda: RMSProp(RATE, rho=0.8, epsilon=0.01), rmsprop),
    ("Adam", lambda: Adam(RATE, **MOMENTS), adam),
    ("AdamW", lambda: AdamW(RATE, weight_decay=0.3, **MOMENTS), adamw),
    ("NAdam", lambda: NAdam(RATE, **MOMENTS), nadam),
    ("Lion", lambda: Lion(RATE, beta1=0.7, beta2=0.95), lion),
]
rules = pytest.mark.parametrize(("make", "rule"), [row[1:] for row in BY_HAND], ids=[row[0] for row in BY_HAND])


@rules
def test_three_steps_follow_the_papers_formula(make: Make, rule: Rule):
    np.testing.assert_allclose(three_steps(make()), by_hand(rule, RATES), rtol=1e-12, atol=1e-14)


@rules
def test_float32_stays_float32_and_agrees(make: Make, rule: Rule):
    optimizer = make()
    in_float64 = three_steps(make())
    in_float32 = three_steps(optimizer, dtype=np.float32)
    assert in_float32.dtype == np.float32
    assert {name: a.dtype for name, a in optimizer.state.items() if len(a) == 4} == dict.fromkeys(
        optimizer.slots, np.dtype(np.float32)
    )
    np.testing.assert_allclose(in_float32, in_float64, rtol=1e-5, atol=1e-6)


@rules
def test_a_step_changes_the_array_it_was_given_and_nothing_else(make: Make, rule: Rule):
    optimizer = make()
    buffer, gradients = np.arange(10, dtype=np.float32), np.ones(4, np.float32)
    part = buffer[3:7]
    address = part.__array_interface__["data"]
    optimizer.step(part, gradients)
    assert part.__array_interface__["data"] == address
    assert (buffer[3:7] != [3, 4, 5, 6]).all()
    np.testing.assert_array_equal(buffer[[0, 1, 2, 7, 8, 9]], [0, 1, 2, 7, 8, 9])
    np.testing.assert_array_equal(gradients, 1)


@rules
def test_reset_forgets_everything(make: Make, rule: Rule):
    optimizer = make()
    first = three_steps(optimizer)
    assert optimizer.steps == 3
    optimizer.learning_rate_scale = 0.5
    optimizer.reset()
    assert (optimizer.steps, optimizer.state, optimizer.learning_rate_scale) == (0, {}, 1.0)
    np.testing.assert_array_equal(three_steps(optimizer), first)


@rules
def test_the_scale_multiplies_every_rate(make: Make, rule: Rule):
    optimizer = make()
    optimizer.learning_rate_scale = 0.5
    scaled = three_steps(optimizer)
    halved = [rate / 2 for rate in RATES]
    np.testing.assert_allclose(scaled, by_hand(rule, halved), rtol=1e-12, atol=1e-14)


@rules
def test_a_gradient_of_zero_moves_nothing_at_first(make: Make, rule: Rule):
    optimizer = make()
    parameters = np.array(START)
    optimizer.step(parameters, np.zeros(4))
    decay = 1 - RATES[0] * optimizer.weight_decay if isinstance(optimizer, AdamW) else 1.0
    np.testing.assert_allclose(parameters, np.array(START) * decay, rtol=1e-15)


# All of these place ε beside the root, as the library does (some frameworks put RMSProp's inside it, √(v + ε), and are
# no reference here). torch keeps momentum as v ← μ v + g, θ ← θ − η v, which is the same while η is constant.
TORCH: list[tuple[str, Make, list[list[float]]]] = [
    (
        "SGD(lr=0.1)",
        lambda: SGD(0.1),
        [[0.95, -1.9, 0.475, -0.2], [0.98, -1.98, 0.475, -0.35], [0.97, -1.92, 0.875, -0.348]],
    ),
    (
        "SGD(lr=0.1, momentum=0.9)",
        lambda: SGD(0.1, momentum=0.9),
        [[0.95, -1.9, 0.475, -0.2], [0.935, -1.89, 0.4525, -0.53], [0.9115, -1.821, 0.83225, -0.825]],
    ),
    (
        "SGD(lr=0.1, momentum=0.9, nesterov=True)",
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        [[0.905, -1.81, 0.4525, -0.38], [0.9215, -1.881, 0.43225, -0.827], [0.89035, -1.7589, 1.174025, -1.0905]],
    ),
    (
        "Adagrad(lr=0.1), whose eps is 1e-10 too",
        lambda: AdaGrad(0.1),
        [
            [0.90000000002, -1.90000000001, 0.40000000004, -0.099999999995],
            [0.9514495755539292, -1.9624695047605643, 0.40000000004, -0.1599999999926],
            [0.9345464904622159, -1.9200430978923715, 0.4998052578857986, -0.15920002559140328],
        ],
    ),
    (
        "RMSprop(lr=0.01, alpha=0.9)",
        lambda: RMSProp(0.01),
        [
            [0.968377225398316, -1.9683772243983162, 0.46837722739831567, -0.031622776101683805],
            [0.9852803095405055, -1.9887631115363407, 0.46837722739831567, -0.051234389359091956],
            [0.9794432258270432, -1.9744039487076286, 0.4999500939371401, -0.05095876708914182],
        ],
    ),
    (
        "Adam(lr=0.01)",
        lambda: Adam(0.01),
        [
            [0.9900000002, -1.9900000001, 0.49000000039999997, -0.009999999950000001],
            [0.9880850198941775, -1.9894187496334057, 0.4832994182377716, -0.019825750708997586],
            [0.9855453680616368, -1.9862998962753244, 0.4893523677629492, -0.027369695686366987],
        ],
    ),
    (
        "AdamW(lr=0.01, weight_decay=0.1)",
        lambda: AdamW(0.01, weight_decay=0.1),
        [
            [0.9890000002, -1.9880000001, 0.48950000039999997, -0.009999999950000001],
            [0.9860960198939775, -1.9854307496333057, 0.4823099182373716, -0.019815750709047588],
            [0.9825702720415429, -1.9803264655255912, 0.48788055784431184, -0.027339879935707943],
        ],
    ),
    (
        "NAdam(lr=0.01, momentum_decay=4e-3)",
        lambda: NAdam(0.01),
        [
            [0.9894354824277365, -1.9894354823220912, 0.4894354826390268, -0.010564517730731294],
            [0.9942730822847083, -1.995473008876824, 0.48880477251545856, -0.017340885044605046],
            [0.9921781439123017, -1.990629868015974, 0.500027682253206, -0.018217050802191277],
        ],
    ),
    (
        "SGD(lr=0.1, weight_decay=0.2), whose decay is the gradient of an L2 penalty",
        lambda: Chain(L2(0.2), SGD(0.1)),
        [[0.93, -1.86, 0.465, -0.2], [0.9414, -1.9028, 0.4557, -0.346], [0.912572, -1.804744, 0.846586, -0.33708]],
    ),
]


@pytest.mark.parametrize(("make", "golden"), [row[1:] for row in TORCH], ids=[row[0] for row in TORCH])
def test_three_steps_equal_torch(make: Make, golden: list[list[float]]):
    np.testing.assert_allclose(three_steps(make()), golden, rtol=1e-12, atol=1e-14)


def test_adamw_spares_biases_where_it_knows_them():
    with_layout = three_steps(AdamW(0.1, weight_decay=0.5), LAYOUT)
    np.testing.assert_array_equal(with_layout[:, :3], three_steps(AdamW(0.1, weight_decay=0.5))[:, :3])
    np.testing.assert_array_equal(with_layout[:, 3], three_steps(Adam(0.1))[:, 3])


def test_adamw_without_decay_is_adam():
    np.testing.assert_array_equal(three_steps(AdamW(0.1, weight_decay=0.0)), three_steps(Adam(0.1)))


# Discovery


def subclasses(kind: type) -> set[type]:
    """The classes of ``glassnet.optimizers`` derived from ``kind``."""
    modules = [module for name, module in sys.modules.items() if name.startswith(optimizers.__name__)]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    return {cls for cls in found if issubclass(cls, kind) and not cls.__name__.startswith("_")}


def test_every_rule_has_a_name_and_a_calculation_by_hand():
    assert subclasses(Optimizer) - {Optimizer, NumpyOptimizer, Chain} == set(OPTIMIZERS.values())
    assert {type(make()) for _, make, _ in BY_HAND} == set(OPTIMIZERS.values())


def test_every_step_is_tested_here():
    assert subclasses(Step) - subclasses(Optimizer) - {Step} == {L1, L2, WeightDecay, ClipByValue, ClipByNorm, MaxNorm}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_rule_minimises_a_quadratic(name: str, dtype: type):
    """f(θ) = ½ Σ a (θ − c)², from 0, with a rate that falls to 0 along a cosine."""
    rate = {"adagrad": 1.0}.get(name, 0.1)
    optimizer = OPTIMIZERS[name](gn.schedules.CosineDecay(rate, steps=400))
    if name == "adamw":  # its decay pulls to 0, not to c
        optimizer = AdamW(gn.schedules.CosineDecay(rate, steps=400), weight_decay=0.0)
    a, c = np.array([0.5, 1.0, 4.0], dtype), np.array([1.0, -2.0, 0.3], dtype)
    theta = np.zeros(3, dtype)
    for _ in range(400):
        optimizer.step(theta, a * (theta - c))
    np.testing.assert_allclose(theta, c, atol=2e-3)


# Schedules and rates


def test_a_schedule_is_asked_for_each_update():
    optimizer = SGD(gn.schedules.StepDecay(0.1, every=1, factor=0.5))
    theta = np.array([1.0])
    seen = []
    for _ in range(4):
        assert optimizer.current_rate() == 0.1 * 0.5**optimizer.steps
        optimizer.step(theta, np.ones(1))
        seen.append(theta[0])
    np.testing.assert_allclose(seen, [0.9, 0.85, 0.825, 0.8125], rtol=1e-15)


def test_the_rate_may_be_changed_between_updates():
    optimizer = SGD(0.5)
    theta = np.zeros(1)
    optimizer.step(theta, np.ones(1))
    optimizer.learning_rate = 0.25
    optimizer.step(theta, np.ones(1))
    assert theta[0] == -0.75


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SGD(-0.1), ["SGD", "learning_rate=-0.1", "0 ≤ learning_rate"]),
        (lambda: Adam(float("nan")), ["Adam", "learning_rate=nan", "0 ≤ learning_rate"]),
        (lambda: Adam(float("inf")), ["Adam", "learning_rate=inf", "< infinity"]),
        (lambda: Adam("fast"), ["Adam", "learning_rate='fast'", "0 ≤ learning_rate"]),
        (lambda: Adam(True), ["Adam", "learning_rate=True", "0 ≤ learning_rate"]),
        (lambda: SGD(momentum=1.0), ["SGD", "momentum=1.0", "0 ≤ momentum < 1"]),
        (lambda: SGD(nesterov=True), ["nesterov=True without momentum", "momentum above 0", "momentum=0.9"]),
        (lambda: AdaGrad(epsilon=0.0), ["AdaGrad", "epsilon=0.0", "0 < epsilon"]),
        (lambda: RMSProp(rho=1.0), ["RMSProp", "rho=1.0", "0 ≤ rho < 1"]),
        (lambda: RMSProp(epsilon=0), ["RMSProp", "epsilon=0", "0 < epsilon"]),
        (lambda: Adam(beta1=1.0), ["Adam", "beta1=1.0", "0 ≤ beta1 < 1"]),
        (lambda: Adam(beta2=-0.1), ["Adam", "beta2=-0.1", "0 ≤ beta2 < 1"]),
        (lambda: NAdam(epsilon=-1e-8), ["NAdam", "epsilon=-1e-08", "0 < epsilon"]),
        (lambda: AdamW(weight_decay=-0.1), ["AdamW", "weight_decay=-0.1", "0 ≤ weight_decay"]),
        (lambda: Lion(beta2=1.0), ["Lion", "beta2=1.0", "0 ≤ beta2 < 1"]),
        (lambda: L1(-1.0), ["L1", "strength=-1.0", "0 ≤ strength"]),
        (lambda: L2("much"), ["L2", "strength='much'", "0 ≤ strength"]),
        (lambda: WeightDecay(-1.0), ["WeightDecay", "rate=-1.0", "0 ≤ rate"]),
        (lambda: ClipByValue(0.0), ["ClipByValue", "limit=0.0", "0 < limit"]),
        (lambda: ClipByNorm(-1.0), ["ClipByNorm", "limit=-1.0", "0 < limit"]),
        (lambda: MaxNorm(0), ["MaxNorm", "limit=0", "0 < limit"]),
        (lambda: SGD(0.1, momentum=0.9, nesterov="no"), ["nesterov='no'", "True or False"]),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "call",
)
def test_bad_settings_are_refused(call, words):
    with pytest.raises(ConfigurationError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# The door of step


@pytest.mark.parametrize(
    ("parameters", "gradients", "received"),
    [
        (np.zeros(4), np.zeros(3), "parameters float64(4,), gradients float64(3,)"),
        (np.zeros((2, 2)), np.zeros((2, 2)), "parameters float64(2, 2), gradients float64(2, 2)"),
        (np.zeros(4), np.zeros(4, np.float32), "parameters float64(4,), gradients float32(4,)"),
        (np.zeros(4, int), np.zeros(4, int), "parameters int64(4,), gradients int64(4,)"),
    ],
)
def test_arrays_that_do_not_go_together_are_refused(parameters, gradients, received):
    with pytest.raises(ShapeError) as caught:
        SGD().step(parameters, gradients)
    assert caught.value.received == received
    assert "two flat arrays of one length" in caught.value.expected
    assert "dtype" in caught.value.expected
    assert "net.parameters and net.gradients" in caught.value.fix


@pytest.mark.parametrize(
    "make", [row[1] for row in BY_HAND if row[1]().slots], ids=[row[0] for row in BY_HAND if row[1]().slots]
)
@pytest.mark.parametrize("other", [np.zeros(5), np.zeros(4, np.float32)], ids=["longer", "float32"])
def test_the_memory_of_other_parameters_is_refused(make: Make, other: np.ndarray):
    optimizer = make()
    optimizer.step(np.zeros(4), np.ones(4))
    before = {name: array.copy() for name, array in optimizer.state.items()}
    with pytest.raises(ShapeError, match="make a new optimizer") as caught:
        optimizer.step(other, np.ones_like(other))
    assert f"{other.dtype} parameters of shape {other.shape}" in caught.value.received
    assert "float64(4,), as in the steps before" in caught.value.expected
    assert type(optimizer).__name__ in caught.value.where
    assert optimizer.steps == 1
    assert not other.any()
    for name, array in optimizer.state.items():
        np.testing.assert_array_equal(array, before[name])


def test_an_optimizer_without_memory_may_go_on_with_other_parameters():
    optimizer = SGD(0.1)
    optimizer.step(np.zeros(4), np.ones(4))
    other = np.zeros(7)
    optimizer.step(other, np.ones(7))
    np.testing.assert_allclose(other, -0.1)


def test_no_parameters_at_all_is_no_error():
    for cls in OPTIMIZERS.values():
        optimizer = Chain(ClipByNorm(1.0), ClipByValue(1.0), L2(0.1), cls())
        optimizer.step(np.zeros(0), np.zeros(0))
        assert optimizer.steps == 1


# Steps around the rule


def test_l2_adds_the_gradient_of_its_penalty_to_weights():
    theta, gradients = np.array(START), np.ones(4)
    Chain(L2(0.5), SGD(1.0)).step(theta, gradients, LAYOUT)
    np.testing.assert_allclose(gradients, [1.5, 0.0, 1.25, 1.0])  # 1 + ½ θ; the bias' is left alone
    np.testing.assert_allclose(theta, [-0.5, -2.0, -0.75, -1.0])


def test_l1_adds_the_gradient_of_its_penalty_to_weights():
    theta, gradients = np.array([1.0, -2.0, 0.0, 5.0]), np.ones(4)
    Chain(L1(0.5), SGD(1.0)).step(theta, gradients, LAYOUT)
    np.testing.assert_allclose(gradients, [1.5, 0.5, 1.0, 1.0])


def test_penalties_act_on_everything_without_a_layout():
    for step, expected in ((L2(0.5), [1.5, 0.0, 1.25, 1.0]), (L1(0.5), [1.5, 0.5, 1.5, 1.0])):
        gradients = np.ones(4)
        Chain(step, SGD(1.0)).step(np.array(START), gradients)
        np.testing.assert_allclose(gradients, expected)
    gradients = np.ones(4)
    Chain(L2(0.5), SGD(1.0)).step(np.array([0.0, 0.0, 0.0, 4.0]), gradients)
    assert gradients[3] == 3.0


def test_the_values_of_penalties():
    theta = np.array([1.0, -2.0, 0.5, 10.0], np.float32)
    assert L2(0.5).penalty(theta, LAYOUT) == pytest.approx(0.25 * 5.25)
    assert L2(0.5).penalty(theta) == pytest.approx(0.25 * 105.25)
    assert L1(0.5).penalty(theta, LAYOUT) == pytest.approx(1.75)
    assert L1(0.5).penalty(theta) == pytest.approx(6.75)
    for step in (SGD(), WeightDecay(0.1), ClipByValue(1.0), ClipByNorm(1.0), MaxNorm(1.0)):
        assert step.penalty(theta, LAYOUT) == 0.0
    assert Chain(L1(0.5), L2(0.5), SGD()).penalty(theta, LAYOUT) == pytest.approx(1.75 + 0.25 * 5.25)
    assert isinstance(Chain(L2(0.5), SGD()).penalty(theta), float)


def test_the_gradient_of_a_penalty_is_its_slope():
    theta = np.array([0.7, -1.3, 0.2, -0.4])
    for step in (L1(0.3), L2(0.3)):
        gradients = np.zeros(4)
        Chain(step, SGD(0.0)).step(theta, gradients, LAYOUT)
        for i in range(4):
            shift = 1e-6 * np.eye(4)[i]
            slope = (step.penalty(theta + shift, LAYOUT) - step.penalty(theta - shift, LAYOUT)) / 2e-6
            assert gradients[i] == pytest.approx(slope, abs=1e-8)


def test_weight_decay_shrinks_weights_by_the_rules_rate():
    before = Chain(WeightDecay(0.5), SGD(Listed(RATES)))
    after = Chain(SGD(Listed(RATES)), WeightDecay(0.5))
    theta_before, theta_after = np.array(START), np.array(START)
    gradient = np.array(GRADIENTS[0])
    before.step(theta_before, gradient, LAYOUT)
    after.step(theta_after, gradient, LAYOUT)
    # by hand with η = 0.1, λ = 0.5: 0.95 θ − 0.1 g and 0.95 (θ − 0.1 g) on weights, θ − 0.1 g on the bias
    np.testing.assert_allclose(theta_before, [0.9, -1.8, 0.45, -0.2], rtol=1e-14)
    np.testing.assert_allclose(theta_after, [0.9025, -1.805, 0.45125, -0.2], rtol=1e-14)
    before.step(theta_before, np.zeros(4), LAYOUT)  # η = 0.05 now
    np.testing.assert_allclose(theta_before, [0.8775, -1.755, 0.43875, -0.2], rtol=1e-14)


def test_weight_decay_before_adam_is_adamw():
    decayed = Chain(WeightDecay(0.3), Adam(0.1))
    np.testing.assert_array_equal(three_steps(decayed, LAYOUT), three_steps(AdamW(0.1, weight_decay=0.3), LAYOUT))


def test_clip_by_value_limits_each_element():
    gradients = np.array([0.5, -1.0, 0.25, 2.0])
    theta = np.zeros(4)
    Chain(ClipByValue(0.75), SGD(1.0)).step(theta, gradients)
    np.testing.assert_array_equal(theta, [-0.5, 0.75, -0.25, -0.75])


def test_clip_by_norm_scales_the_whole_gradient():
    # ‖(3, 4, 12)‖ = 13, so the limit 2.6 scales by 0.2 (torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm)
    for limit, expected in ((2.6, [0.6, 0.8, 2.4]), (13.0, [3.0, 4.0, 12.0]), (20.0, [3.0, 4.0, 12.0])):
        theta = np.zeros(3)
        Chain(ClipByNorm(limit), SGD(1.0)).step(theta, np.array([3.0, 4.0, 12.0]))
        np.testing.assert_allclose(theta, -np.array(expected), rtol=1e-14)


def test_a_step_before_another_acts_first():
    theta, gradient = np.array([3.0, 4.0]), np.array([3.0, 4.0])
    clipped_first, clipped_last = theta.copy(), theta.copy()
    Chain(ClipByNorm(1.0), L2(0.5), SGD(1.0)).step(clipped_first, gradient.copy())
    Chain(L2(0.5), ClipByNorm(1.0), SGD(1.0)).step(clipped_last, gradient.copy())
    np.testing.assert_allclose(clipped_first, [3 - 0.6 - 1.5, 4 - 0.8 - 2.0], rtol=1e-14)  # g = (0.6, 0.8) + ½ θ
    np.testing.assert_allclose(clipped_last, [3 - 0.6, 4 - 0.8], rtol=1e-14)  # g = (4.5, 6) scaled to length 1


def network(dtype: str = "float64") -> gn.Network:
    """Two inputs, three units whose weights have the norms 5, 0.5 and 0, and large biases."""
    weight = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    net = gn.Sequential(gn.Dense(3, weight_init=weight, bias_init=[50.0, 60.0, 70.0]))
    net.build((2,), dtype=dtype)
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limit", [2.5, 10.0])
def test_max_norm_shortens_long_units_alone(dtype: str, limit: float):
    net = network(dtype)
    before = net.parameters.copy()
    Chain(SGD(1.0), MaxNorm(limit)).step(net.parameters, np.zeros_like(net.parameters), net.layout)
    weight, bias = (array for _, array in net.named_parameters())
    factor = min(1.0, limit / 5.0)
    np.testing.assert_allclose(weight[:, 0], [3 * factor, 4 * factor], rtol=1e-6)
    np.testing.assert_array_equal(weight[:, 1:].ravel(), before[[1, 2, 4, 5]])  # bit for bit
    np.testing.assert_array_equal(bias, [50, 60, 70])


def test_max_norm_holds_after_every_update():
    net, rng = network(), np.random.default_rng(0)
    optimizer = Chain(Adam(0.5), MaxNorm(1.5))
    for _ in range(20):
        optimizer.step(net.parameters, rng.normal(size=9), net.layout)
        norms = np.linalg.norm(dict(net.named_parameters())["0.weight"], axis=0)
        assert (norms <= 1.5 * (1 + 1e-12)).all()
    assert norms.max() == pytest.approx(1.5)


def test_max_norm_needs_the_layout():
    with pytest.raises(ConfigurationError) as caught:
        Chain(SGD(), MaxNorm(1.0)).step(np.ones(4), np.ones(4))
    assert "without its layout" in caught.value.received
    assert "which elements belong to one unit" in caught.value.expected
    assert "net.layout" in caught.value.fix


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((), ["received nothing", "exactly one is an update rule"]),
        ((L2(0.1),), ["L2(0.1)", "exactly one is an update rule"]),
        ((SGD(0.1), Adam(0.1)), ["SGD(0.1), Adam(0.1)", "exactly one is an update rule"]),
        ((Chain(SGD(0.1)),), ["Chain(SGD(0.1))", "exactly one is an update rule"]),
        ((SGD(0.1), "l2"), ["'l2'", "exactly one is an update rule"]),
        ((L2, SGD(0.1)), ["L2", "exactly one is an update rule"]),
        ((MaxNorm(3.0), SGD(0.1)), ["MaxNorm(3.0) on the wrong side", "after the rule", "move it after SGD(0.1)"]),
        ((SGD(0.1), ClipByNorm(1.0)), ["ClipByNorm(1.0) on the wrong side", "before the rule", "move it before SGD"]),
        ((SGD(0.1), ClipByValue(1.0)), ["ClipByValue(1.0) on the wrong side", "before the rule"]),
        ((SGD(0.1), L1(1.0)), ["L1(1.0) on the wrong side", "before the rule"]),
        ((WeightDecay(0.1), SGD(0.1), L2(1.0)), ["L2(1.0) on the wrong side", "before the rule"]),
    ],
    ids=str,
)
def test_chains_that_cannot_work_are_refused(steps, words):
    with pytest.raises(ConfigurationError) as caught:
        Chain(*steps)
    for word in words:
        assert word in str(caught.value)


def test_a_chain_is_its_rule_to_the_outside():
    rule = Adam(Listed([0.1, 0.2, 0.3]))
    chain = Chain(L2(0.1), rule)
    three_steps(chain)
    assert chain.steps == rule.steps == 3
    assert chain.state is rule.state
    assert chain.learning_rate is rule.learning_rate
    chain.learning_rate, chain.learning_rate_scale, chain.steps = 0.5, 0.1, 7
    assert (rule.learning_rate, rule.learning_rate_scale, rule.steps) == (0.5, 0.1, 7)
    assert chain.current_rate() == pytest.approx(0.05)
    chain.state = {"m": np.ones(4), "v": np.ones(4)}
    assert rule.state["m"].tolist() == [1, 1, 1, 1]
    chain.reset()
    assert (rule.steps, rule.state, rule.learning_rate_scale) == (0, {}, 1.0)


def test_a_chain_of_a_rule_alone_is_that_rule():
    for _, make, _ in BY_HAND:
        np.testing.assert_array_equal(three_steps(Chain(make())), three_steps(make()))


def test_what_may_be_given_as_an_optimizer():
    optimizer = Adam(0.1)
    assert as_optimizer(optimizer) is optimizer
    for name, cls in OPTIMIZERS.items():
        assert type(as_optimizer(name)) is cls
    chain = as_optimizer([L2(0.1), SGD(0.1)])
    assert repr(chain) == "Chain(L2(0.1), SGD(0.1))"
    with pytest.raises(ConfigurationError, match="did you mean 'adam'"):
        as_optimizer("adm")
    with pytest.raises(ConfigurationError, match=r"the class Adam.*make an object of it: Adam\(\)"):
        as_optimizer(Adam)
    with pytest.raises(ConfigurationError, match=r"L2\(0\.1\).*sgd, adagrad"):
        as_optimizer(L2(0.1))


def test_nadam_takes_no_memory_for_the_updates_that_were_done_before() -> None:
    rule = gn.NAdam()
    few = [float(rule._momentum_product(steps)) for steps in (0, 1, 5000)]
    assert few[:2] == [rule._momentum(0), rule._momentum(0) * rule._momentum(1)]
    assert 0 < few[2] < 1e-200
    assert rule._momentum_product(2**53) < 1e-300
    assert rule._momentum_product(np.array([0, 2**53])).tolist() == [few[0], rule._momentum_product(2**53)]
