"""Single updates for a loop of the user's own: by programs that are kept from call to call, or by NumPy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NoReturn
from warnings import warn

import numpy as np

from glassnet.core.errors import ConfigurationError, DivergenceError, NumpyFallbackWarning
from glassnet.core.output import level_of_caller
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import NumpyRunner
from glassnet.training.batches import Rows
from glassnet.training.changes import Fingerprint
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.engines import engine_class
from glassnet.training.interrupt import Interrupt
from glassnet.training.lengths import require_several_steps
from glassnet.training.loop import check_rate
from glassnet.training.overflow import place_of_overflow
from glassnet.training.parts import Bridges, Parts, own_parts
from glassnet.training.step_programs import GradientProgram, Program, StepProgram, UpdateProgram
from glassnet.training.steps import TrainingStep
from glassnet.training.trial import examine

MOST_PROGRAMS = 8
"""So many programs are kept, for the batch shapes that were used last."""
LOOK_EVERY = 64
"""In so many updates the optimizer's memory is looked at once."""
OF_OWNER = (
    *("network", "loss", "optimizer", "seed", "engine", "threads"),
    *("preprocessing", "target_scaling", "_stepper"),
)
"""The attributes of a model that its updates depend on."""
DRAW = 32
"""The masks of a step's batch number b are those of step + b · 2^DRAW: of a step that no training comes to."""


class Stepper:
    """Updates of one network, one at a time. It holds while ``is_current`` says so.

    Args:
        network: built.
        loss: as the model has it.
        optimizer: as the model has it.
        seed: keys the dropout masks, together with ``optimizer.steps``.
        engine: as ``Model`` takes it.
        threads: upper limit of threads.
    """

    def __init__(
        self, network: Network, loss: Loss, optimizer: Optimizer, seed: int, engine: str, threads: int | None
    ) -> None:
        optimizer.prepare(network.parameters)
        self._parts = Parts(network, loss, optimizer, seed)
        self._settings = seed, engine, threads
        self._network, self._loss, self._optimizer = network, loss, optimizer
        self._fingerprint = Fingerprint(network, loss, optimizer)
        self._bridges: Bridges | None = None  # known once the user's own parts have been tried
        self._programs: OrderedDict[tuple[Any, ...], Program] = OrderedDict()
        self._last: Program | None = None
        self._made_of: tuple[Any, ...] | None = None  # the latest single step
        self._update: UpdateProgram | None = None
        self._has_own = bool(own_parts(network, loss, optimizer))
        self._looks_up = bool(network.demands)
        # What a forward pass changes: running statistics.
        segments = [segment for segment in network.layout if segment.is_statistic]
        self._running = [s.view(network.parameters) for s in segments]

    def is_current(
        self, network: Network, loss: Loss, optimizer: Optimizer, seed: int, engine: str, threads: int | None
    ) -> bool:
        """Whether these are the parts and settings that it was made for, and nothing of them has changed."""
        return (
            network is self._network
            and loss is self._loss
            and optimizer is self._optimizer
            and (seed, engine, threads) == self._settings
            and self._fingerprint.is_current()
        )

    def quick(self, x: Any, y: Any) -> float | None:
        """One update on a batch of the same shape as the one before; None where the door has to look at the arrays."""
        program = self._last
        if program is None or self._looks_up or not program.load(x, y):
            return None
        return self._run(program)

    def single_step(self, known: Any, owner: dict[str, Any], turns: dict[Any, Any]) -> Any:
        """What does updates like the latest one in a single call, and looks itself whether all is as it was.

        Args:
            known: what it was last time, which is kept where it still holds; None to begin with.
            owner: the attributes of who asks for updates, of which none may change but those that are changed by them.
            turns: of whoever trains; it has to be empty.

        Returns:
            None where there is no such thing.
        """
        program = self._last
        if program is None or self._looks_up or self._running or self._has_own or program.is_in_python:
            return None
        made_of = program, program.numbers_key, self._network.version
        if known is not None and made_of == self._made_of:
            return known
        self._made_of = None
        single = program.single_step(self._optimizer, LOOK_EVERY)
        if single is None or not self._fingerprint.watch(single):
            return None
        for name in OF_OWNER:
            single.expect_of_owner(name, owner[name])
        single.expect(vars(self), "_last")
        single.require_empty(turns)
        self._made_of = made_of
        return single

    def refuse(self, end: str, value: float) -> NoReturn:
        """For an update that was not done to the end.

        Raises:
            DivergenceError: always.
        """
        steps = self._optimizer.steps
        if end == "DIVERGED":
            raise self._divergence(f"step: update {steps + 1}", value, KEPT)
        raise self._divergence(f"step: update {steps}", value, OVERFLOWN)

    def step(self, rows: Rows) -> float:
        """One update on checked rows; returns their loss.

        Raises:
            DivergenceError: it is not finite; nothing is changed.
        """
        require_several_steps(self._network, rows, len(rows), where="step")
        bridges = self._examined(rows)
        if bridges is None:
            return self._by_numpy(rows)
        self._last = program = self._program(rows, StepProgram, bridges)
        program.fill(rows)
        return self._run(program)

    def step_over(self, batches: Iterable[Rows]) -> float:
        """One update with the gradients of several batches together; returns their loss."""
        network, loss, optimizer, seed = self._parts
        before, is_mean = optimizer.steps, loss.reduction == "mean"
        check_rate(optimizer, where=f"step_over: update {before + 1}")
        losses: list[float] = []
        weights: list[float] = []
        unit = 0.0
        together = np.zeros_like(network.parameters)
        running = [array.copy() for array in self._running]
        bridges = None
        try:
            with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
                for number, rows in enumerate(batches):
                    self._require_unchanged(before)
                    require_several_steps(network, rows, len(rows), where=f"step_over: batch {number + 1}")
                    bridges = self._examined(rows)
                    draw = before + (number << DRAW)
                    if bridges is None:
                        step = TrainingStep(NumpyRunner(seed, draw), self._parts, rows)
                        value, total = float(step.value[0]), float(step.total[0])
                        if np.isfinite(value):
                            step.backward()
                    else:
                        program = self._program(rows, GradientProgram, bridges)
                        program.fill(rows)
                        program.replay(draw)
                        value, total = float(program.value[0]), float(program.total[0])
                    if not np.isfinite(value):
                        raise self._divergence(f"step_over: batch {number + 1}", value, KEPT)
                    self._own_changes()
                    losses.append(value)
                    weights.append(total)
                    unit = unit or 2.0 ** np.frexp(total)[1]  # a power of 2, which changes no bit but avoids overflow
                    share = together.dtype.type(total / unit)
                    together += network.gradients if not is_mean else network.gradients * share
                self._require_unchanged(before)
                if interrupt.requested:
                    raise KeyboardInterrupt
                whole = sum(weights)
                np.divide(together, together.dtype.type(whole / unit if is_mean else 1.0), out=network.gradients)
                self._do_update(whole, bridges)
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        self._own_changes()
        self._require_finite("step_over")
        if interrupt.requested:
            raise KeyboardInterrupt
        return float(np.dot(losses, weights) / whole) if is_mean else sum(losses)

    def _do_update(self, total: float, bridges: Bridges | None) -> None:
        """The optimizer's turn, with the gradients that are there."""
        network, _, optimizer, seed = self._parts
        if bridges is None:
            run = NumpyRunner(seed, optimizer.steps)
            run.batch_weight = np.array([total])
            run.update(optimizer, network.parameters, network.gradients, network.layout)
            return
        if self._update is None:
            self._update = UpdateProgram(self._parts, bridges)
        self._update.run(total)

    def _examined(self, rows: Rows) -> Bridges | None:
        """The bridges that programs need, once the user's own parts have been tried; None where NumPy has to do."""
        if self._bridges is None:
            compiled = engine_class(self._settings[1]) is CompiledEngine
            self._bridges = examine(self._parts, rows, len(rows), compiled=compiled)
            if self._bridges.impossible:
                warn(
                    f"step runs by NumPy: {self._bridges.impossible}",
                    NumpyFallbackWarning,
                    stacklevel=level_of_caller(),
                )
            elif not compiled:
                self._bridges = Bridges(impossible='engine="numpy"')
        return None if self._bridges.impossible else self._bridges

    def _program(self, rows: Rows, kind: type[Program], bridges: Bridges) -> Program:
        shapes = rows.x.shape, rows.targets.shape, rows.targets.dtype
        key = kind, *shapes, rows.loss_weights is None, rows.lengths is None
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = kind(self._parts, self._settings[2], rows, bridges)
            self._own_changes()  # recording calls the user's code
            while len(self._programs) > MOST_PROGRAMS:
                _, oldest = self._programs.popitem(last=False)
                self._last = None if oldest is self._last else self._last
                oldest.close()
        self._programs.move_to_end(key)
        return program

    def _run(self, program: Program) -> float:
        """Runs a program whose rows are there; Ctrl-C has to wait where Python code takes part."""
        optimizer = self._optimizer
        running = [array.copy() for array in self._running] if self._running else []
        before = optimizer.steps
        try:
            if program.is_in_python:
                with Interrupt() as interrupt:
                    end = program.replay(before)
            else:
                end = program.replay(before)
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        if program.is_in_python:
            self._own_changes()
        value = program.value.item()
        if end == "DIVERGED":
            self._put_back(running)
        if end != "DONE":
            self.refuse(end, value)
        self._look_at_memory("step")
        if program.is_in_python and interrupt.requested:
            raise KeyboardInterrupt
        return float(value)

    def _by_numpy(self, rows: Rows) -> float:
        optimizer = self._optimizer
        before = optimizer.steps
        check_rate(optimizer, where=f"step: update {before + 1}")
        running = [array.copy() for array in self._running]
        try:
            with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
                step = TrainingStep(NumpyRunner(self._parts.seed, before), self._parts, rows)
                value = float(step.value[0])
                if not np.isfinite(value):
                    raise self._divergence(f"step: update {before + 1}", value, KEPT)
                step.finish()
        except BaseException:
            if optimizer.steps == before:
                self._put_back(running)
            raise
        finally:
            self._own_changes()
        self._require_finite("step")
        if interrupt.requested:
            raise KeyboardInterrupt
        return value

    def _put_back(self, running: list[Array]) -> None:
        for array, values in zip(self._running, running, strict=True):
            np.copyto(array, values)

    def _own_changes(self) -> None:
        """What the user's own parts do to themselves while they work is no news."""
        if self._has_own:
            self._fingerprint.renew()

    def _require_unchanged(self, steps: int) -> None:
        """Refuses what whoever makes the batches has done to the parts meanwhile."""
        if self._optimizer.steps != steps or not self._fingerprint.is_current():
            raise ConfigurationError(
                where="step_over",
                received="a network, loss or optimizer that changed while the batches were made",
                expected="the same ones for all batches of an update",
                fix="make the changes before step_over, and call no step or fit in the generator of the batches",
            )

    def _require_finite(self, where: str) -> None:
        if not np.isfinite(self._network.parameters).all():
            raise self._divergence(f"{where}: update {self._optimizer.steps}", float("nan"), OVERFLOWN)
        self._look_at_memory(where)

    def _look_at_memory(self, where: str) -> None:
        """Once in many updates refuses a memory that has run over: of a step of a large network it would be a part."""
        steps = self._optimizer.steps
        place = None if steps % LOOK_EVERY else place_of_overflow(self._optimizer, self._network.layout)
        if place is not None:
            raise DivergenceError(
                where=f"{where}: update {steps}, or one of the {LOOK_EVERY} before it",
                received=f"NaN or infinity in the optimizer's {place}, so that weights stand still",
                expected="finite numbers",
                fix="scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer; to go on, load the "
                "model, or let it forget what it remembers: model.optimizer.reset()",
            )

    def _divergence(self, where: str, value: float, state: str) -> DivergenceError:
        shown = value if not np.isfinite(value) else float("nan")
        return DivergenceError(
            where=where,
            received=f"a loss of {shown} at the learning rate {self._optimizer.current_rate():g}",
            expected=f"a finite loss; {state}",
            fix="lower the learning rate, scale the inputs to about −1..1, or add gn.ClipByNorm(1.0) to the optimizer",
        )


KEPT = "parameters and optimizer are as they were before"
OVERFLOWN = "the update made parameters infinite: load the model, or build the network anew"
