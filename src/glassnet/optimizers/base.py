"""What happens at an update: a step, and the update rule, which is the step that moves the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from inspect import signature
from typing import Any

import numpy as np

from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.memory import Layout, flat_buffer, is_uniform, layout_known
from glassnet.core.settings import Configurable
from glassnet.core.shapes import Array
from glassnet.kernels import Kernel, info
from glassnet.optimizers.trained import Run, apply_to_trained
from glassnet.runners import NumpyRunner, Runner
from glassnet.schedules import Schedule, as_schedule, rate_of


class Step(Configurable):
    """One thing that is done to the parameters or gradients at each update.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> class Signs(gn.optimizers.Step):  # of each gradient its sign alone counts
        ...     def apply(self, run, parameters, gradients, layout, learning_rate):
        ...         np.sign(gradients, out=gradients)
        >>> parameters = np.array([1.0, 1.0])
        >>> gn.Chain(Signs(), gn.SGD(0.1)).step(parameters, np.array([0.001, -50.0]))
        >>> parameters.tolist()
        [0.9, 1.1]
    """

    path = "optimizer"

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Changes ``parameters`` or ``gradients`` in place."""
        raise NotImplementedError

    def apply_to_runs(
        self, run: Runner, parameters: Array, gradients: Array, runs: Sequence[Run], learning_rate: Any
    ) -> None:
        """``apply`` to parts of the flat buffers, each at its own rate."""
        for part in runs:
            rate = learning_rate if part.scale == 1 else run.scaled(learning_rate, part.scale)
            step = self.for_run(part, len(parameters))
            run.apply(step, part.of(parameters), part.of(gradients), part.segments, rate)

    def for_run(self, part: Run, size: int) -> Step:
        """The step for a part of buffers of that size; a rule has that part of its memory there."""
        return self

    def penalty(self, parameters: Array, layout: Layout | None = None) -> float:
        """What this step adds to the objective, such as ½ λ ‖W‖²; 0 for most."""
        return 0.0

    def shrinks(self) -> bool:
        """Whether it pulls weights towards 0, by a penalty or by decay."""
        return type(self).penalty is not Step.penalty or bool(self.settings().get("weight_decay"))


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

    kernels: tuple[Kernel, ...] = ()
    """What moves the parameters: each takes gradients, parameters, the memory by its slots, and numbers."""
    slots: tuple[str, ...] = ()
    former_slots: tuple[str, ...] = ()
    """What files of earlier versions hold, and is not needed any more."""

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
            layout: ``net.layout``. With it, penalties and decay spare biases and running statistics; without it they
                act on everything, and ``MaxNorm`` cannot work.

        Raises:
            ShapeError: the arrays differ, or are not those of the steps before.
            ConfigurationError: no layout for a network of which not everything is trained, at one rate.
        """
        p, g = parameters, gradients
        if not all(_is_writable(array) for array in (p, g)):
            raise ShapeError(
                where="optimizer.step",
                received=f"parameters {shown(p, 40)}, gradients {shown(g, 40)}",
                expected="two NumPy arrays that can be changed",
                fix="pass net.parameters and net.gradients",
            )
        if p.shape != g.shape or p.ndim != 1 or p.dtype != g.dtype or p.dtype.kind != "f":
            raise ShapeError(
                where="optimizer.step",
                received=f"parameters {p.dtype}{p.shape}, gradients {g.dtype}{g.shape}",
                expected="two flat arrays of one length and floating-point dtype",
                fix="pass net.parameters and net.gradients",
            )
        if layout is None:
            _require_uniform(parameters)
        self.update(NumpyRunner(), parameters, gradients, layout)

    def update(self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None) -> None:
        """``step`` through a runner, trusting its arguments."""
        self.prepare(parameters)
        before = self.steps
        self.apply_to_trained(run, parameters, gradients, layout, run.per_step(self.rate_at, before))
        self.steps = before + 1

    def apply_to_trained(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """``apply`` to what is trained, each part at its own rate."""
        apply_to_trained(run, self, parameters, gradients, layout, learning_rate)

    def for_run(self, part: Run, size: int) -> Step:
        """See the base."""
        made = copy(self)
        made.state = {n: part.of(array) if array.shape == (size,) else array for n, array in self.state.items()}
        return made

    def apply(
        self, run: Runner, parameters: Array, gradients: Array, layout: Layout | None, learning_rate: float
    ) -> None:
        """Changes ``parameters`` in place, by the rule's ``kernels``.

        A rule of the user's that defines ``step`` alone is called by that.
        """
        for kernel in self.kernels:
            by_step = {"learning_rate": learning_rate} | self.settings_by_step(run)
            settings = {n: by_step[n] if n in by_step else getattr(self, n) for n in info(kernel).settings}
            run(self, kernel, gradients=gradients, parameters=parameters, **self.state, **settings)
        if self.kernels:
            return None
        if type(self).step is Optimizer.step:
            raise NotImplementedError(f"{type(self).__name__} defines no apply")
        step: Any = self.step
        further = [layout] if len(signature(step).parameters) > 2 else []
        return step(parameters, gradients, *further)  # type: ignore[no-any-return]

    def settings_by_step(self, run: Runner) -> dict[str, Any]:
        """The kernels' numbers that change from step to step; the others are attributes of their names."""
        return {}

    def prepare(self, parameters: Array) -> None:
        """Grows the state at the first call; afterwards checks that it still fits.

        Raises:
            ShapeError: the optimizer holds the state of other parameters.
        """
        for place, name in enumerate(self.slots):
            if name not in self.state:
                self.state[name] = flat_buffer(parameters.size, parameters.dtype, stream=2 + place)
            held = self.state[name]
            if not held.flags.writeable:  # as joblib gives what it maps from a file
                self.state[name] = flat_buffer(held.size, held.dtype, stream=2 + place)
                np.copyto(self.state[name], held)
            if held.shape != parameters.shape or held.dtype != parameters.dtype:
                raise ShapeError(
                    where=f"optimizer {self!r}",
                    received=f"{parameters.dtype} parameters of shape {parameters.shape}",
                    expected=f"{held.dtype}{held.shape}, as in the steps before, of which it remembers something",
                    fix="make a new optimizer for another network",
                )

    def current_rate(self) -> float:
        """The learning rate of the next update."""
        return float(self.rate_at(self.steps))

    def rate_at(self, steps: Any) -> Any:
        """The learning rate after so many updates: a number, or for an array of steps an array or one for all."""
        given, scale = self.learning_rate, self.learning_rate_scale
        if isinstance(given, float | int):
            return given * scale
        schedule = as_schedule(given, type(self).__name__)
        if isinstance(steps, np.ndarray):
            return scale * np.array([rate_of(schedule, int(step)) for step in steps])
        return rate_of(schedule, steps) * scale

    def next_number(self, steps: Any) -> Any:
        """The number of the next update, counted from 1."""
        return steps + 1

    def reset(self) -> None:
        """Forgets everything: state, number of updates, scale of the rate."""
        self.state, self.steps, self.learning_rate_scale = {}, 0, 1.0


def adds_penalty(step: Step, parameters: Array, layout: Layout | None) -> bool:
    """Whether a step adds something to the objective of networks with such parameters."""
    is_none = getattr(step.penalty, "__func__", None) is Step.penalty
    return not is_none and step.penalty(np.ones_like(parameters), layout) > 0


def _is_writable(array: Any) -> bool:
    return isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray) and array.flags.writeable


def _require_uniform(parameters: Array) -> None:
    """Refuses a network's parameters without their layout, where that says what must not be moved.

    Raises:
        ConfigurationError: some are frozen, have rates of their own, or lie beside those of another network.
    """
    layout = layout_known(parameters)
    if layout is not None and not is_uniform(layout, len(parameters)):
        raise ConfigurationError(
            where="optimizer.step",
            received="the parameters of a network without their layout, of which some are frozen, have rates of their "
            "own, or lie beside those of another network",
            expected="to know which elements are to be moved",
            fix="call optimizer.step(net.parameters, net.gradients, net.layout)",
        )


def weights_of(flat: Array, layout: Layout | None) -> Sequence[Array]:
    """The parts of a flat buffer that are weights in training; all of it where no layout is known."""
    return [flat] if layout is None else [s.view(flat) for s in layout if s.is_weight and s.trainable]
