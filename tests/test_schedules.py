"""Schedules at points calculated by hand, at their ends and beyond, and their refusals."""

from __future__ import annotations

import math
import sys
from itertools import pairwise

import pytest

from glassnet import schedules
from glassnet.core.errors import ConfigurationError
from glassnet.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    LinearWarmup,
    LogCosine,
    OneCycle,
    Schedule,
    StepDecay,
    as_schedule,
)

ROOT = math.sqrt(0.5)  # cos(π/4)
HIGH = 1 - math.cos(2 * math.pi * math.log2(3))

# For each class: schedules with the rates that they must give, by hand.
POINTS: dict[type[Schedule], list[tuple[Schedule, dict[int, float]]]] = {
    Constant: [(Constant(0.3), {0: 0.3, 1: 0.3, 10**9: 0.3}), (Constant(0), {0: 0.0})],
    StepDecay: [
        (StepDecay(0.8, every=3, factor=0.5), {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2, 9: 0.1}),
        (StepDecay(1.0, every=10), {9: 1.0, 10: 0.1, 20: 0.01}),
        (StepDecay(1.0, every=1, factor=2.0), {0: 1.0, 3: 8.0}),
    ],
    ExponentialDecay: [
        (ExponentialDecay(0.8, every=2, factor=0.25), {0: 0.8, 1: 0.4, 2: 0.2, 3: 0.1, 4: 0.05}),
        (ExponentialDecay(1.0, every=10), {5: 10**-0.5, 10: 0.1, 20: 0.01}),
    ],
    CosineDecay: [
        # torch 2.13: CosineAnnealingLR(SGD([p], lr=0.1), T_max=8, eta_min=0.01)
        (
            CosineDecay(0.1, steps=8, final=0.01),
            {0: 0.1, 1: 0.0965745789630079, 2: 0.08681980515339463, 3: 0.07222075445642905, 4: 0.055,
             5: 0.03777924554357096, 6: 0.023180194846605363, 7: 0.013425421036992097, 8: 0.01, 9: 0.01, 10**6: 0.01},
        ),
        (CosineDecay(1.0, steps=4), {0: 1.0, 1: (1 + ROOT) / 2, 2: 0.5, 3: (1 - ROOT) / 2, 4: 0.0, 5: 0.0}),
        (CosineDecay(0.2, steps=1), {0: 0.2, 1: 0.0}),
    ],
    LogCosine: [
        (LogCosine(0.8, steps=3, swings=2), {0: 0.0, 1: 0.0, 2: 0.4 * HIGH, 3: 0.0}),
        (LogCosine(1.0, steps=15), {1: 0.0, 2: 0.5 * HIGH, 3: 0.0, 7: 0.0, 99: 0.0}),
    ],
    LinearDecay: [
        (LinearDecay(0.8, steps=4), {0: 0.8, 1: 0.6, 2: 0.4, 3: 0.2, 4: 0.0, 5: 0.0, 10**9: 0.0}),
        (LinearDecay(0.1, steps=2, final=0.3), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.3}),
    ],
    LinearWarmup: [
        (LinearWarmup(0.5, steps=4), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 4: 0.5, 5: 0.5, 100: 0.5}),
        (LinearWarmup(StepDecay(0.3, every=2, factor=0.5), steps=2), {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.3, 4: 0.15}),
        (LinearWarmup(LinearWarmup(0.9, steps=2), steps=1), {0: 0.15, 1: 0.3, 2: 0.6, 3: 0.9}),
    ],
    OneCycle: [
        # up over 4 steps from 0.1 to 1, down over the 4 from step 4 to step 8, the last of 9, to 0.1/10
        (
            OneCycle(1.0, steps=9, warm_share=0.5, start_divisor=10.0, final_divisor=10.0),
            {0: 0.1, 1: 0.1 + 0.9 * (1 - ROOT) / 2, 2: 0.55, 3: 0.1 + 0.9 * (1 + ROOT) / 2, 4: 1.0,
             5: 0.01 + 0.99 * (1 + ROOT) / 2, 6: 0.505, 7: 0.01 + 0.99 * (1 - ROOT) / 2, 8: 0.01, 9: 0.01, 99: 0.01},
        ),
        (OneCycle(0.5, steps=101), {0: 0.02, 30: 0.5, 100: 2e-6, 101: 2e-6, 10**6: 2e-6}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("schedule", "points"), [row for rows in POINTS.values() for row in rows], ids=str)
def test_rates_at_points_calculated_by_hand(schedule: Schedule, points: dict[int, float]):
    for step, rate in points.items():
        assert schedule(step) == pytest.approx(rate, rel=1e-12, abs=1e-15), step
        assert isinstance(schedule(step), float)


def test_every_schedule_has_points():
    modules = [module for name, module in sys.modules.items() if name.startswith(schedules.__name__)]
    found = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    defined = {cls for cls in found if issubclass(cls, Schedule) and not cls.__name__.startswith("_")}
    assert defined - {Schedule} == set(POINTS)


@pytest.mark.parametrize(
    "schedule",
    [
        StepDecay(0.1, every=7, factor=0.7),
        ExponentialDecay(0.1, every=7, factor=0.7),
        CosineDecay(0.1, steps=37),
        CosineDecay(0.1, steps=37, final=0.03),
    ],
    ids=str,
)
def test_decays_never_rise_and_never_fall_below_zero(schedule: Schedule):
    rates = [schedule(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, rel=1e-15)
    assert all(later <= earlier for earlier, later in pairwise(rates))
    assert min(rates) >= 0


def test_the_warm_up_rises_strictly_and_joins_what_follows():
    schedule = LinearWarmup(CosineDecay(0.1, steps=50), steps=10)
    rates = [schedule(step) for step in range(80)]
    assert all(later > earlier for earlier, later in pairwise(rates[:11]))
    assert rates[10:] == [CosineDecay(0.1, steps=50)(step) for step in range(70)]
    assert rates[0] > 0


@pytest.mark.parametrize("warm_share", [0.01, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("steps", [2, 3, 10, 100])
def test_one_cycle_rises_falls_and_stays_at_its_end(steps: int, warm_share: float):
    schedule = OneCycle(1.0, steps=steps, warm_share=warm_share)
    rates = [schedule(step) for step in range(steps)]
    turn = rates.index(max(rates))
    assert all(later > earlier for earlier, later in pairwise(rates[: turn + 1]))
    assert all(later < earlier for earlier, later in pairwise(rates[turn:]))
    assert max(rates) <= 1.0
    for step in (steps, steps + 1, 10 * steps):
        assert schedule(step) == pytest.approx(1.0 / 25 / 1e4, rel=1e-9)


def test_what_may_be_given_as_a_schedule():
    schedule = CosineDecay(0.1, steps=5)
    assert as_schedule(schedule, "SGD") is schedule
    for number in (0.25, 1, 0):
        constant = as_schedule(number, "SGD")
        assert isinstance(constant, Constant)
        assert constant(17) == number


@pytest.mark.parametrize(
    ("call", "received", "expected"),
    [
        (lambda: Constant(-0.1), "rate=-0.1", "0 ≤ rate"),
        (lambda: Constant("0.1"), "rate='0.1'", "0 ≤ rate"),
        (lambda: Constant(math.nan), "rate=nan", "0 ≤ rate"),
        (lambda: StepDecay(-1, every=1), "rate=-1", "0 ≤ rate"),
        (lambda: StepDecay(0.1, every=0), "every=0", "at least 1"),
        (lambda: StepDecay(0.1, every=2.5), "every=2.5", "whole number"),
        (lambda: StepDecay(0.1, every=2, factor=0.0), "factor=0.0", "0 < factor"),
        (lambda: ExponentialDecay(0.1, every=-3), "every=-3", "at least 1"),
        (lambda: ExponentialDecay(0.1, every=3, factor=-0.5), "factor=-0.5", "0 < factor"),
        (lambda: CosineDecay(0.1, steps=0), "steps=0", "at least 1"),
        (lambda: CosineDecay(0.1, steps=True), "steps=True", "whole number"),
        (lambda: CosineDecay(0.1, steps=5, final=-0.1), "final=-0.1", "0 ≤ final"),
        (lambda: LinearWarmup(-0.1, steps=5), "learning_rate=-0.1", "0 ≤ learning_rate"),
        (lambda: LinearWarmup("cosine", steps=5), "learning_rate='cosine'", "0 ≤ learning_rate"),
        (lambda: LinearWarmup(0.1, steps=0), "steps=0", "at least 1"),
        (lambda: OneCycle(1.0, steps=1), "steps=1", "at least 2"),
        (lambda: OneCycle(-1.0, steps=10), "peak=-1.0", "0 ≤ peak"),
        (lambda: OneCycle(1.0, steps=10, warm_share=0.0), "warm_share=0.0", "0 < warm_share < 1"),
        (lambda: OneCycle(1.0, steps=10, warm_share=1.0), "warm_share=1.0", "0 < warm_share < 1"),
        (lambda: OneCycle(1.0, steps=10, start_divisor=0.5), "start_divisor=0.5", "1 ≤ start_divisor"),
        (lambda: OneCycle(1.0, steps=10, final_divisor=0), "final_divisor=0", "1 ≤ final_divisor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "call",
)
def test_bad_settings_are_refused(call, received: str, expected: str):
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert caught.value.received == received
    assert expected in caught.value.expected
    assert received.split("=")[0] in caught.value.fix


def test_the_message_names_the_schedule():
    with pytest.raises(ConfigurationError, match=r"^OneCycle: received steps=1, expected a whole number, at least 2"):
        OneCycle(1.0, steps=1)
