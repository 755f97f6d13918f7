"""The trial of a user's own layers, losses and optimizers before they train: a few rows, both ways.

A compiled program repeats recorded calls of kernels. What an own part does beside them would be lost without a word;
so copies of the parts take some steps by NumPy and by a program of their own, and all numbers must agree. A part that
does not stand the trial is called in Python from then on, and tried again in that way.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import numpy as np

from glassnet.compile import Plan
from glassnet.core.errors import ConfigurationError
from glassnet.core.room import require_room
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import NumpyRunner
from glassnet.runners.own import gradient_unwritten, is_own, place_of, require_moved
from glassnet.runners.standins import NotRecorded
from glassnet.schedules import require_repeatable
from glassnet.training.agreement import Numbers, difference
from glassnet.training.batches import Rows
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.engine import Engine
from glassnet.training.engines import NumpyEngine
from glassnet.training.lengths import require_padding_unseen
from glassnet.training.parts import NO_BRIDGES, Bridges, Parts, is_python, own_parts
from glassnet.training.snapshots import Snapshots
from glassnet.training.steps import TrainingStep, step_program
from glassnet.training.tasks import Task

ROWS = 32
"""A batch of the trial has so many rows at most."""
OTHERWISE = "gives other numbers when its kernel calls are repeated than when it is called"


def examine(parts: Parts, rows: Rows, batch_size: int, *, compiled: bool) -> Bridges:
    """Tries the user's own parts, if there are any, on copies.

    Args:
        parts: of the training, the optimizer prepared.
        rows: the data that it will train on.
        batch_size: rows in a step.
        compiled: whether a compiled program shall run; otherwise the parts are tried by NumPy alone.

    Returns:
        Which of them a program must call in Python, or why no program can do.

    Raises:
        ConfigurationError: an own part that would go wrong in either engine: it leaves a gradient unwritten, changes
            no parameter, writes into its inputs, or a schedule that is no function of the step.
        ShapeError: an own part returns something of another shape.
    """
    network, loss, optimizer, _ = parts
    require_repeatable(optimizer.learning_rate, optimizer.steps)
    own = own_parts(network, loss, optimizer).values()
    if own and rows.lengths is not None:
        with _randomness_kept():
            require_padding_unseen(network, rows.x[:ROWS], rows.lengths[:ROWS])
    if not any(map(is_own, own)):
        return NO_BRIDGES
    try:
        deepcopy((network, loss, optimizer))
    except Exception as error:  # noqa: BLE001 - of the user's objects
        names = ", ".join(map(place_of, own_parts(network, loss, optimizer).values()))
        return Bridges(impossible=f"{names} cannot be copied, and so not be tried ({error})")
    with _randomness_kept(), np.errstate(all="ignore"):
        size = min(batch_size, len(rows), ROWS)
        try:
            return _Trial(parts, _two_batches(rows, size)).verdict(compiled=compiled)
        except Exception:
            if size == min(batch_size, len(rows)):
                raise
            # Code that counts on the size of its batches.
            return _Trial(parts, _two_batches(rows, min(batch_size, len(rows)))).verdict(compiled=compiled)


@dataclass(frozen=True)
class _Start:
    """The state in which a step of the trial begins."""

    parameters: Array
    state: Mapping[str, Array]


class _Twin:
    """Copies of a training's parts, and data that change under them."""

    def __init__(self, trial: _Trial) -> None:
        _seed_globals()
        self.network, self.loss, self.optimizer = deepcopy((trial.network, trial.loss, trial.optimizer))
        first = trial.batches[0]
        beside = {"loss_weights": _copied(first.loss_weights), "lengths": _copied(first.lengths)}
        self.rows = Rows(first.x.copy(), first.targets.copy(), **beside)
        self.snapshots = Snapshots(self.network, self.optimizer, steps=1, first_epoch=1)
        self.parts = Parts(self.network, self.loss, self.optimizer, trial.seed)

    def start(self) -> _Start:
        """What there is now."""
        return _Start(self.network.parameters.copy(), {n: np.array(a) for n, a in self.optimizer.state.items()})

    def begin(self, start: _Start) -> None:
        """Goes to where another twin began a step."""
        np.copyto(self.network.parameters, start.parameters)
        for name, array in start.state.items():
            if isinstance(self.optimizer.state.get(name), np.ndarray):
                np.copyto(self.optimizer.state[name], array)

    def step(self, engine: Engine, number: int, batch: Rows) -> Numbers:
        """One step on a batch."""
        np.copyto(self.rows.x, batch.x)
        np.copyto(self.rows.targets, batch.targets)
        if self.rows.loss_weights is not None and batch.loss_weights is not None:
            np.copyto(self.rows.loss_weights, batch.loss_weights)
        if self.rows.lengths is not None and batch.lengths is not None:
            np.copyto(self.rows.lengths, batch.lengths)
        network, before = self.network, self.network.parameters.copy()
        outputs = np.full((len(batch), *(network.output_shape or ())), np.nan, network.dtype)
        task = Task(self.rows, len(batch), lambda *_: None, outputs, lambda *_: True)
        result = engine.run(task, number, 1)
        return Numbers(
            float(result.losses[0]),
            float(result.totals[0]),
            outputs,
            network.gradients.copy(),
            before,
            network.parameters.copy(),
            {name: np.array(array) for name, array in self.optimizer.state.items()},
            self.optimizer.steps,
        )


class _Trial:
    def __init__(self, parts: Parts, batches: list[Rows]) -> None:
        self.network, self.loss, self.optimizer, self.seed = parts
        self.batches = batches

    def verdict(self, *, compiled: bool) -> Bridges:
        """See ``examine``."""
        self._starts: list[_Start] = []
        self._expected = self._by_numpy(self._starts)
        self._require_change()
        self._require_gradients()
        if not compiled:
            return NO_BRIDGES
        bridges, differs = self._with_what_is_seen(NO_BRIDGES)
        if not differs:
            return bridges
        parts = own_parts(self.network, self.loss, self.optimizer)
        left = [key for key, part in parts.items() if key not in bridges.reasons and not is_python(part)]
        choices = [[key] for key in reversed(left)] + ([left] if len(left) > 1 else [])
        for chosen in choices:
            tried, differs = self._with_what_is_seen(bridges | dict.fromkeys(chosen, OTHERWISE))
            if not differs:
                return tried
        names = ", ".join(map(place_of, parts.values()))
        again = [difference(a, b, self.network.layout) for a, b in zip(self._expected, self._by_numpy([]), strict=True)]
        if any(again):
            differs = "numbers that change from call to call"
        return Bridges(impossible=f"of {names} NumPy and a compiled program make different things: {differs}")

    def _by_numpy(self, starts: list[_Start]) -> list[Numbers]:
        """The steps by NumPy. Between them the parameters are shifted, so that what holds on to old ones is seen."""
        twin, found = _Twin(self), []
        engine = NumpyEngine(twin.parts, 1, twin.snapshots)
        rng = np.random.default_rng(0)
        for number, batch in enumerate(self.batches, start=1):
            if number > 1:
                for segment in twin.network.layout:
                    if segment.trainable:
                        share = 0.1 * rng.random(segment.shape)
                        segment.view(twin.network.parameters)[...] *= 1 + share
                        segment.view(twin.network.parameters)[...] += 1e-3 * share
            starts.append(twin.start())
            found.append(twin.step(engine, number, batch))
        return found

    def _with_what_is_seen(self, bridges: Bridges) -> tuple[Bridges, str]:
        """Runs compiled, with a bridge for each part that stand-ins betray; says what still differs from NumPy."""
        while True:
            twin = _Twin(self)
            try:
                return bridges, self._compiled(twin, bridges)
            except NotRecorded as refusal:
                bridges = bridges.with_refused(refusal, twin.parts)
                if bridges.impossible:
                    return replace(bridges, impossible=""), bridges.impossible
            except Exception as error:  # noqa: BLE001 - whatever a program makes of the user's code
                return bridges, f"{type(error).__name__}: {error}"

    def _compiled(self, twin: _Twin, bridges: Bridges) -> str:
        engine = CompiledEngine(twin.parts, 1, twin.snapshots, bridges=bridges, on_trial=True)
        for number, (start, expected, batch) in enumerate(
            zip(self._starts, self._expected, self.batches, strict=True), start=1
        ):
            twin.begin(start)
            differs = difference(expected, twin.step(engine, number, batch), self.network.layout)
            if differs:
                return differs
        return ""

    def _require_change(self) -> None:
        """Refuses an own update rule that moves nothing."""
        rule = getattr(self.optimizer, "rule", self.optimizer)
        if not is_own(rule):
            return
        for number, found in enumerate(self._expected):
            if not np.isfinite(found.loss) or (found.after != found.before).any():
                return
            rate = float(self.optimizer.rate_at(self.optimizer.steps + number))
            require_moved(rule, found.before, found.after, found.gradients, rate)

    def _require_gradients(self) -> None:
        """Refuses own layers that leave a gradient unwritten or add to what was there."""
        twin = _Twin(self)
        network = twin.network
        unwritten: list[set[str]] = []
        for value in (np.nan, 0.0):
            for segment in network.layout:
                if segment.trainable:
                    segment.view(network.gradients)[...] = value
            run = NumpyRunner(self.seed, twin.optimizer.steps)
            TrainingStep(run, twin.parts, twin.rows).backward()
            nan = {s.path for s in network.layout if s.trainable and np.isnan(s.view(network.gradients)).any()}
            unwritten.append(nan)
        for path in sorted(unwritten[0] - unwritten[1]):
            own = own_parts(twin.network, twin.loss, twin.optimizer).values()
            parts = [part for part in own if path.startswith(f"{part.path}.")]
            where = place_of(parts[-1]) if parts else f"parameter {path}"
            raise gradient_unwritten(where, path.rpartition(".")[2])


def example_rows(network: Network, loss: Loss, size: int) -> Rows:
    """Rows for describing a step without data."""
    shape = (size, *(network.input_shape or ()))
    require_room(shape, np.float64, where="rows to describe a step with")
    rng = np.random.default_rng(0)
    x = network.demands.fulfilled_by(rng.normal(size=shape), rng)
    return Rows(x.astype(network.dtype), loss.example_targets(size, network.output_shape or (), network.dtype))


def plan_of(network: Network, loss: Loss, optimizer: Optimizer, seed: int, rows: Rows, threads: int = 1) -> Plan:
    """The plan of a training step on such rows, and what of it runs in Python.

    Raises:
        ConfigurationError: parts of the user's own cannot stand in a program.
    """
    optimizer = deepcopy(optimizer)
    optimizer.prepare(network.parameters)
    parts = Parts(network, loss, optimizer, seed)
    try:
        bridges = examine(parts, rows, len(rows), compiled=True)
    except Exception:  # noqa: BLE001 - example targets may be nothing for a loss of the user's: stand-ins must do
        bridges = NO_BRIDGES
    while not bridges.impossible:
        try:
            plan = step_program(network, loss, optimizer, seed, rows, bridges, threads).plan()
            return replace(plan, python_parts=bridges.explained(parts))
        except NotRecorded as refusal:
            bridges = bridges.with_refused(refusal, parts)
    raise ConfigurationError(
        where="plan",
        received=bridges.impossible,
        expected="parts that a program can call",
        fix="none is needed: fit runs by NumPy; see docs/own-parts.md",
    )


def _two_batches(rows: Rows, size: int) -> list[Rows]:
    """Two batches of different rows, as far as there are."""
    order = np.arange(len(rows))
    return [rows.take(order[:size]), rows.take(order[::-1][:size])]


def _copied(array: Array | None) -> Array | None:
    return None if array is None else array.copy()


_kept: list[Any] = []
_one_trial = RLock()
"""The global generators are the same for all threads."""


@contextmanager
def _randomness_kept() -> Iterator[None]:
    """Gives the global generators back as they were: own code may draw from them."""
    with _one_trial:
        state = np.random.get_state(), random.getstate()  # noqa: NPY002 - what others use
        _kept.append(state)
        try:
            yield
        finally:
            _seed_globals()
            _kept.pop()


def _after_fork() -> None:
    """In a child no other thread is at a trial."""
    global _one_trial
    _one_trial = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _seed_globals() -> None:
    """Lets every twin draw the same numbers from the global generators."""
    if _kept:
        np.random.set_state(_kept[-1][0])  # noqa: NPY002 - what others use
        random.setstate(_kept[-1][1])
