"""Learning rates that change: each schedule maps the number of an update, from 0, to a rate."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, inf, log2, pi
from typing import Any

from glassnet.core.errors import ConfigurationError
from glassnet.core.settings import Configurable, number, whole


class Schedule(Configurable):
    """Base: ``schedule(step)`` is the learning rate of update ``step``, counted from 0.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.StepDecay(0.1, every=100, factor=0.5)
        >>> schedule(0), schedule(99), schedule(100)
        (0.1, 0.1, 0.05)
    """

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        raise NotImplementedError


class Constant(Schedule):
    """Always ``rate``.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.Constant(0.1)
        >>> schedule(0), schedule(1000)
        (0.1, 0.1)
    """

    def __init__(self, rate: float) -> None:
        self.rate = number(rate, "rate", "Constant", low=0)

    def __call__(self, step: int) -> float:
        """The rate."""
        return self.rate


class _Decay(Schedule):
    def __init__(self, rate: float, *, every: int, factor: float = 0.1) -> None:
        where = type(self).__name__
        self.rate = number(rate, "rate", where, low=0)
        self.every = whole(every, "every", where)
        self.factor = number(factor, "factor", where, low=0, open_low=True)


class StepDecay(_Decay):
    """``rate · factor^⌊step / every⌋``: a staircase.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.StepDecay(1.0, every=10, factor=0.5)
        >>> [schedule(step) for step in (0, 9, 10, 20)]
        [1.0, 1.0, 0.5, 0.25]
    """

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        return self.rate * float(self.factor ** (step // self.every))


class ExponentialDecay(_Decay):
    """``rate · factor^(step / every)``: the staircase without steps.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.ExponentialDecay(1.0, every=10, factor=0.25)
        >>> [schedule(step) for step in (0, 5, 10, 20)]
        [1.0, 0.5, 0.25, 0.0625]
    """

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        return self.rate * float(self.factor ** (step / self.every))


class CosineDecay(Schedule):
    """Falls from ``rate`` to ``final`` along half a cosine over ``steps`` updates; ``final`` from then on.

    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.CosineDecay(1.0, steps=100)
        >>> [round(schedule(step), 3) for step in (0, 25, 50, 75, 100, 200)]
        [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(self, rate: float, *, steps: int, final: float = 0.0) -> None:
        self.rate = number(rate, "rate", "CosineDecay", low=0)
        self.steps = whole(steps, "steps", "CosineDecay")
        self.final = number(final, "final", "CosineDecay", low=0)

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        return _cosine(self.rate, self.final, step / self.steps)


class LogCosine(Schedule):
    """Swings between 0 and ``rate`` and back, faster at first: each swing takes twice as many updates as that before.

    ½ rate (1 − cos(2π log₂(1 + (2ⁿ − 1) t))) for n swings, t = step / steps from 0 to 1; 0 from then on.

    Source: D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
    tabular data", NeurIPS 2024, the schedule "coslog4" of RealMLP.

    Args:
        rate: the largest one.
        steps: updates of all swings together.
        swings: their number n.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.LogCosine(1.0, steps=150)
        >>> [round(schedule(step), 2) for step in (0, 4, 10, 18, 30, 47, 70, 103, 150)]  # up and down, four times
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, rate: float, *, steps: int, swings: int = 4) -> None:
        self.rate = number(rate, "rate", "LogCosine", low=0)
        self.steps = whole(steps, "steps", "LogCosine")
        self.swings = whole(swings, "swings", "LogCosine", high=50)

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        if step >= self.steps:
            return 0.0
        return self.rate / 2 * (1 - cos(2 * pi * log2(1 + (2**self.swings - 1) * (step / self.steps))))


class LinearDecay(Schedule):
    """Falls from ``rate`` to ``final`` in a straight line over ``steps`` updates; ``final`` from then on.

    Source: J. Devlin et al., "BERT: pre-training of deep bidirectional transformers", NAACL 2019, appendix A.2.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.LinearDecay(1.0, steps=100, final=0.2)
        >>> [round(schedule(step), 3) for step in (0, 50, 100, 200)]
        [1.0, 0.6, 0.2, 0.2]
    """

    def __init__(self, rate: float, *, steps: int, final: float = 0.0) -> None:
        self.rate = number(rate, "rate", "LinearDecay", low=0)
        self.steps = whole(steps, "steps", "LinearDecay")
        self.final = number(final, "final", "LinearDecay", low=0)

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        share = min(step / self.steps, 1.0)
        return self.rate * (1 - share) + self.final * share


class LinearWarmup(Schedule):
    """Rises in a straight line over the first ``steps`` updates, then follows ``after``.

    Update s < steps has the rate (s + 1)/(steps + 1) of what ``after`` starts with; ``after`` counts from 0 when the
    warm-up is over.

    Args:
        after: a rate or a schedule.
        steps: length of the warm-up.

    Source: P. Goyal et al., "Accurate, large minibatch SGD", 2017, arXiv:1706.02677, section 2.2.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.LinearWarmup(gn.schedules.CosineDecay(1.0, steps=90), steps=9)
        >>> [round(schedule(step), 3) for step in (0, 4, 8, 9, 54, 99)]
        [0.1, 0.5, 0.9, 1.0, 0.5, 0.0]
    """

    def __init__(self, after: float | Schedule, *, steps: int) -> None:
        self.after = after
        self.steps = whole(steps, "steps", "LinearWarmup")
        self._after = as_schedule(after, "LinearWarmup")

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        if step < self.steps:
            return self._after(0) * (step + 1) / (self.steps + 1)
        return self._after(step - self.steps)


class OneCycle(Schedule):
    """Rises to ``peak`` and falls again, both along half cosines.

    Starts at ``peak / start_divisor``, reaches ``peak`` after ``warm_share`` of the way, and ends with the last of
    the ``steps`` at ``peak / start_divisor / final_divisor``, where it stays.

    Source: L. Smith, N. Topin, "Super-convergence", 2017, arXiv:1708.07120; the cosine form is that of later practice.

    Example:
        >>> import glassnet as gn
        >>> schedule = gn.schedules.OneCycle(1.0, steps=101)
        >>> [round(schedule(step), 3) for step in (0, 15, 30, 65, 100)]
        [0.04, 0.52, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        peak: float,
        *,
        steps: int,
        warm_share: float = 0.3,
        start_divisor: float = 25.0,
        final_divisor: float = 1e4,
    ) -> None:
        self.peak = number(peak, "peak", "OneCycle", low=0)
        self.steps = whole(steps, "steps", "OneCycle", low=2)
        self.warm_share = number(warm_share, "warm_share", "OneCycle", low=0, high=1, open_low=True)
        self.start_divisor = number(start_divisor, "start_divisor", "OneCycle", low=1)
        self.final_divisor = number(final_divisor, "final_divisor", "OneCycle", low=1)

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        start = self.peak / self.start_divisor
        turn = self.warm_share * (self.steps - 1)
        if step < turn:
            return _cosine(start, self.peak, step / turn)
        return _cosine(self.peak, start / self.final_divisor, (step - turn) / (self.steps - 1 - turn))


class _OfFunction(Schedule):
    """A user's function of the step; optimizers make it by themselves.

    Args:
        function: step -> rate.
    """

    def __init__(self, function: Callable[[int], float]) -> None:
        self.function = function

    def __call__(self, step: int) -> float:
        """The rate of that update."""
        return self.function(step)


def as_schedule(rate: Any, where: str) -> Schedule:
    """Accepts a schedule, a function of the step, or a number, which becomes a constant.

    Example:
        >>> from glassnet import schedules
        >>> schedules.as_schedule(0.1, "SGD")
        Constant(0.1)
        >>> schedules.as_schedule(lambda step: 0.1 / (1 + step), "SGD")(9)
        0.01
    """
    if isinstance(rate, Schedule):
        return rate
    if callable(rate) and not isinstance(rate, type):
        return _OfFunction(rate)
    return Constant(number(rate, "learning_rate", where, low=0))


def rate_of(schedule: Schedule, step: int) -> float:
    """The rate of an update, which a user's own schedule might get wrong.

    Raises:
        ConfigurationError: it is no finite number ≥ 0: none that does not climb the loss.

    Example:
        >>> from glassnet import schedules
        >>> schedules.rate_of(schedules.LinearDecay(1.0, steps=4), 1)
        0.75
        >>> schedules.rate_of(schedules.as_schedule(lambda step: 3 - step, "SGD"), 2)
        1.0
    """
    rate: Any = schedule(step)
    plain = rate.item() if getattr(rate, "shape", None) == () else rate  # as np.where gives it
    if type(plain) is float and 0 <= plain < inf:  # at each step: nothing is written down about it
        return plain
    return number(plain, "rate", f"{_name(schedule)} at step {step}", low=0)


def require_repeatable(rate: Any, step: int) -> None:
    """Refuses a schedule that answers otherwise when it is asked again: engines ask when they like.

    Raises:
        ConfigurationError: it counts calls, draws numbers, or keeps something in another way.

    Example:
        >>> from itertools import count
        >>> from glassnet import schedules
        >>> calls = count(1)
        >>> schedules.require_repeatable(lambda step: 0.1 / (1 + step), step=4)
        >>> try:
        ...     schedules.require_repeatable(lambda step: 0.1 / next(calls), step=4)
        ... except ValueError as error:
        ...     print(error.received)
        the rate 0.1 for step 4, and 0.05 when asked again
    """
    if isinstance(rate, int | float):
        return
    schedule = as_schedule(rate, "schedule")
    first, again = rate_of(schedule, step), rate_of(schedule, step)
    if first != again:
        raise ConfigurationError(
            where=_name(schedule),
            received=f"the rate {first:g} for step {step}, and {again:g} when asked again",
            expected="the same rate for the same step, whenever it is asked",
            fix="calculate the rate from the step alone, and keep nothing between calls",
        )


def _name(schedule: Schedule) -> str:
    function = getattr(schedule, "function", None)
    return repr(schedule) if function is None else f"schedule {getattr(function, '__name__', function)}"


def _cosine(start: float, end: float, share: float) -> float:
    """The value on half a cosine from start to end; ``share`` beyond [0, 1] stays at the ends."""
    return end + (start - end) * (1 + cos(pi * min(max(share, 0.0), 1.0))) / 2
