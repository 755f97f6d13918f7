"""Training steps on data that come in blocks: buffer by buffer, each by an engine for rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from itertools import accumulate

import numpy as np

from glassnet.core.shapes import Array
from glassnet.metrics.running import Running
from glassnet.training.batches import Rows, batch_sizes
from glassnet.training.engine import Engine
from glassnet.training.latest_fit import TrainingPosition
from glassnet.training.parts import Parts
from glassnet.training.snapshots import Snapshots
from glassnet.training.streamed import Streamed, steps_of
from glassnet.training.tasks import Result, Task, no_such_place


@dataclass(frozen=True)
class StreamTask(Task):
    """What a fit on blocks asks of its engine; ``rows`` are those of the first block.

    Attributes:
        stream: the data.
        shuffle: whether blocks and rows come in random order.
        is_wanted: asked while a buffer is waited for.
        stands: told the epoch, and losses and total weights of its steps, where a buffer cannot be read.
    """

    stream: Streamed | None = None
    shuffle: bool = True
    is_wanted: Callable[[], bool] = lambda: True
    stands: Callable[[int, Array, Array], None] = lambda *_: None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Those of an epoch over all blocks."""
        assert self.stream is not None
        return batch_sizes(len(self.stream), self.batch_size, joins_single=self.joins_single)

    @property
    def lengths(self) -> list[int]:
        """Rows of each buffer."""
        assert self.stream is not None
        return self.stream.lengths(self.batch_size, joins_single=self.joins_single)

    @property
    def firsts(self) -> list[int]:
        """The first step of each buffer in an epoch, and the number of all."""
        return [0, *accumulate(steps_of(self.lengths, self.batch_size, joins_single=self.joins_single))]

    def proceeding(
        self,
        proceed: Callable[[int, Array, Array], bool],
        is_wanted: Callable[[], bool],
        stands: Callable[[int, Array, Array], None],
    ) -> Task:
        """The same, asking these."""
        return replace(self, proceed=proceed, is_wanted=is_wanted, stands=stands)

    def require_place(self, place: TrainingPosition) -> None:
        """As of every task.

        Raises:
            ConfigurationError: there is no such place.
        """
        if not place.step:
            return
        fits, wanted = place.step < self.steps, None
        if fits and self.collected is not None:
            number = next(i for i in range(len(self.lengths)) if self.firsts[i + 1] > place.step)
            wanted = min((place.step - self.firsts[number]) * self.sizes[0], self.lengths[number])
            known = 0 if place.outputs is None else len(place.outputs)
            fits = known == wanted and (not number or (place.sums is not None and len(place.sums) > 0))
        if not fits:
            raise no_such_place(place, self.steps, wanted)


class _Bench:
    """Memory for a buffer's rows that stays where it is, as programs demand, and an engine for each size of buffer."""

    def __init__(self, longest: int, make: Callable[[], Engine]) -> None:
        self._longest, self._make = longest, make
        self._memory: Rows | None = None
        self._engines: dict[int, tuple[Engine, Rows]] = {}

    def put(self, rows: Rows) -> tuple[Engine, Rows]:
        """Copies the rows there; returns the engine for them."""
        count, memory = len(rows), self._memory
        if memory is None or _layout(memory) != _layout(rows):
            self.close()
            own = {name: _room(getattr(rows, name), self._longest) for name in _names()}
            memory = self._memory = Rows(**own)  # type: ignore[arg-type]
        if count not in self._engines:
            part = memory.take(slice(count))
            self._engines[count] = self._make(), part
        engine, part = self._engines[count]
        for name in _names():
            if getattr(rows, name) is not None:
                np.copyto(getattr(part, name), getattr(rows, name))
        return engine, part

    def close(self) -> None:
        """Lets the engines go."""
        for engine, _ in self._engines.values():
            engine.close()
        self._engines.clear()


class StreamEngine(Engine):
    """Goes through the buffers of an epoch.

    Args:
        parts, threads, snapshots: as every engine has them.
        task: of the fit.
        make: an engine for the rows of a buffer, which takes no snapshots of its own.
        running: the metrics, from what they have come to before, or None.
    """

    name = "streamed"

    def __init__(
        self,
        parts: Parts,
        threads: int | None,
        snapshots: Snapshots,
        task: StreamTask,
        make: Callable[[], Engine],
        running: Callable[[Array | None], Running],
    ) -> None:
        super().__init__(parts, threads, snapshots)
        longest, network = max(task.lengths), parts.network
        self._bench, self._running_of, self._running = _Bench(longest, make), running, running(None)
        shape = longest, *(network.output_shape or ())
        self._collected = None if task.collected is None else np.empty(shape, network.dtype)
        self._at: tuple[int, Array | None] = (0, None)  # the first step of the present buffer, and its order

    def run(self, task: Task, epoch: int, count: int, begun: TrainingPosition | None = None) -> Result:
        """One epoch, or what is left of it."""
        assert isinstance(task, StreamTask)
        assert task.stream is not None
        stream, lengths, firsts = task.stream, task.lengths, task.firsts
        done = 0 if begun is None else begun.step
        losses, totals = np.empty(task.steps), np.empty(task.steps)
        if begun is not None and done:
            losses[:done], totals[:done] = begun.losses, begun.totals
        self._running = self._running_of(begun.sums if begun is not None and done else None)
        self.snapshots.take(epoch)
        number = next(i for i in range(len(lengths)) if firsts[i + 1] > done)
        with stream.buffers(epoch, lengths, number, shuffle=task.shuffle, is_wanted=task.is_wanted) as buffers:
            while number < len(lengths):
                try:
                    rows = buffers.next()
                except BaseException:
                    task.stands(epoch, losses[:done], totals[:done])
                    raise
                if rows is None:
                    break
                first, steps = firsts[number], firsts[number + 1] - firsts[number]
                within = None
                if done > first:
                    seen = None if begun is None else begun.outputs
                    within = TrainingPosition(epoch - 1, done - first, losses[first:done], totals[first:done], seen)
                result = self._buffer(task, rows, epoch, number, (losses, totals), within)
                done = first + len(result.losses)
                losses[first:done], totals[first:done] = result.losses, result.totals
                if result.diverged:
                    return Result(losses[:done], totals[:done], diverged=True)
                if done < first + steps:
                    break
                if self._collected is not None:
                    self._running.add(self._collected[: len(rows)], rows.asked, rows.weights)
                number += 1
                self._at = done, None
                over = done == task.steps
                if not task.proceed(epoch + over, losses[: 0 if over else done], totals[: 0 if over else done]):
                    break
        return Result(losses[:done], totals[:done])

    def _buffer(
        self,
        task: StreamTask,
        rows: Rows,
        epoch: int,
        number: int,
        so_far: tuple[Array, Array],
        within: TrainingPosition | None,
    ) -> Result:
        """The steps of one buffer."""
        assert task.stream is not None
        losses, totals = so_far
        first, behind = task.firsts[number : number + 2]
        order = task.stream.order_within(number, len(rows), epoch, shuffle=task.shuffle)
        self._at = first, np.arange(len(rows)) if order is None else order
        engine, part = self._bench.put(rows)

        def proceed(at: int, own: Array, weights: Array) -> bool:
            done = first + len(own)
            if at != epoch or done == behind:  # the buffer is done, which is said below
                return True
            losses[first:done], totals[first:done] = own, weights
            return task.proceed(epoch, losses[:done], totals[:done])

        inner = Task(
            part,
            task.batch_size,
            lambda *_: None if order is None else order[None],
            None if self._collected is None else self._collected[: len(rows)],
            proceed,
            task.joins_single,
            task.stretch,
        )
        return engine.run(inner, epoch, 1, within)

    def seen(self, task: Task, place: TrainingPosition) -> tuple[Array | None, Array | None]:
        """What the metrics need to go on from a place: outputs of the present buffer, and sums over those before it."""
        first, order = self._at
        if self._collected is None:
            return None, None
        count = 0 if order is None else min((place.step - first) * task.sizes[0], len(order))
        outputs = self._collected[order[:count]].copy() if order is not None and count else None
        return outputs, self._running.flat()

    def measured(self) -> dict[str, float]:
        """The metrics of the epoch."""
        return self._running.values()

    def close(self) -> None:
        """Is told that it is needed no longer."""
        self._bench.close()


def stream_task(task: Task, stream: Streamed, *, shuffle: bool, has_metrics: bool) -> StreamTask:
    """What a fit on blocks asks, from what it asks of the rows of the first one."""
    own = {field.name: getattr(task, field.name) for field in fields(Task)}
    own["collected"] = np.empty(0) if has_metrics else None  # which says whether outputs are wanted
    return StreamTask(**own, stream=stream, shuffle=shuffle)


def _names() -> list[str]:
    return [own.name for own in fields(Rows) if own.name != "lengths"]


def _layout(rows: Rows) -> list[object]:
    arrays = [getattr(rows, name) for name in _names()]
    return [None if array is None else (array.shape[1:], array.dtype) for array in arrays]


def _room(array: Array | None, count: int) -> Array | None:
    return None if array is None else np.empty((count, *array.shape[1:]), array.dtype)
