"""The engines by name, and the one that calls one kernel after another."""

from __future__ import annotations

from itertools import islice

import numpy as np

from glassnet.compile import native
from glassnet.core.numeric import all_finite
from glassnet.core.shapes import Array
from glassnet.runners import NumpyRunner
from glassnet.training.batches import batches
from glassnet.training.compiled_engine import CompiledEngine
from glassnet.training.engine import Engine
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.overflow import memory_is_finite
from glassnet.training.steps import TrainingStep
from glassnet.training.tasks import Result, Task
from glassnet.training.view import KeepingRunner, View


class NumpyEngine(Engine):
    """Calls the NumPy kernels one after another."""

    name = "numpy"

    def run(self, task: Task, epoch: int, count: int, begun: TrainingPosition | None = None) -> Result:
        """One epoch."""
        losses, totals, done = self.begin(task, epoch, task.steps, begun)
        if not done:
            self.snapshots.take(epoch)
        order = task.order_of(epoch)
        cut = batches(len(task.rows), task.batch_size, order, joins_single=task.joins_single)
        for batch in islice(cut, done, None):
            part = task.rows.take(batch)
            if task.cuts is not None:
                part = task.cuts.cut(part, task.cuts.of_batch(batch))
            before, due = self.optimizer.steps, self.due()
            run = KeepingRunner(self.seed, before) if due else NumpyRunner(self.seed, before)
            run.states = task.states
            step = TrainingStep(run, self.parts, part)
            losses[done], totals[done] = float(step.value[0]), float(step.total[0])
            done += 1
            if task.collected is not None:
                _collect(task.collected, batch, step.outputs)
            if not np.isfinite(losses[done - 1]):
                return Result(losses[:done], totals[:done], diverged=True)
            if isinstance(run, KeepingRunner):
                step.backward()
                views = [View(watch, self.network, run.calls) for watch in due]
                for view in views:
                    view.begin()
                step.update()
                for view in views:
                    view.end(step=before, epoch=epoch, loss=float(losses[done - 1]))
            else:
                step.finish()
            if not task.proceed(epoch, losses[:done], totals[:done]):
                break
        finite = all_finite(self.network.parameters) and memory_is_finite(self.optimizer)
        return Result(losses[:done], totals[:done], diverged=not finite)


def _collect(collected: Array, batch: Array | slice, outputs: Array) -> None:
    """Puts the outputs of a batch at their rows' places, those of fewer steps at their beginning."""
    if outputs.shape[1:] == collected.shape[1:]:
        collected[batch] = outputs
    else:
        collected[batch, : outputs.shape[1]] = outputs


def engine_class(name: str) -> type[Engine]:
    """The class that a model's ``engine`` setting names; for ``"auto"`` the compiled one where it can run."""
    if name == "auto":
        name = "numpy" if native() is None else "compiled"
    return CompiledEngine if name == "compiled" else NumpyEngine
