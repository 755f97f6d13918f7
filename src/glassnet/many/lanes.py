"""The lanes of a call: which models can share a program, and which are trained each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_
from threading import local
from time import thread_time
from typing import Any, NamedTuple

import numpy as np

from glassnet.diagnosis import nothing_to_learn
from glassnet.many.kinds import Kinds
from glassnet.many.lane import Lane
from glassnet.many.turn import Turn
from glassnet.model import Model
from glassnet.training import History, Rows
from glassnet.training.interrupt import Interrupt

MOST_LANES = 16
"""So many programs each thread keeps at a time."""
WANTED_SECONDS, MOST_AT_ONCE = 0.04, 64
"""About how long a thread is busy with the models that it takes at once, and how many these are at most."""
PLAIN = {"x", "y", "sample_weight", "epochs", "batch_size", "shuffle"}
"""Settings of ``Model.fit`` that a lane looks after; where there are others, ``Model.fit`` does."""


class Lanes:
    """Trains models through shared programs where they can be shared, each as ``Model.fit`` would.

    Each thread has lanes of its own.
    """

    def __init__(self) -> None:
        self._of_threads, self._turn = local(), Turn()

    def fit(self, model: Model, given: Mapping[str, Any]) -> History:
        """What ``model.fit(**given, verbose=False)`` does and returns, or raises."""
        (found,) = self.fit_each([model], [lambda: given])
        if isinstance(found, Exception):
            raise found
        assert found is not None
        return found

    def fit_each(
        self, models: Sequence[Model], given: Sequence[Callable[[], Mapping[str, Any]]]
    ) -> list[History | Exception | None]:
        """The same with several models; None for those that had not begun when Ctrl-C came.

        Args:
            models: to train.
            given: what gives the arguments of ``Model.fit`` for each.
        """
        with self._turn:
            return self._own().fit_each(models, given)

    def several(self) -> int:
        """How many models this thread should be given next: what it trains in some hundredths of a second."""
        return self._own().several

    def _own(self) -> _Lanes:
        try:
            found: _Lanes = self._of_threads.lanes
        except AttributeError:
            found = self._of_threads.lanes = _Lanes(self._turn)
        return found

    def close(self) -> None:
        """Lets the programs of this thread wait for other trainings."""
        own: _Lanes | None = vars(self._of_threads).pop("lanes", None)
        if own is not None:
            own.close()


class _Asked(NamedTuple):
    """A model in the lane that it is to go through."""

    lane: Lane
    rows: Rows
    epochs: int

    def goes_with(self, other: _Asked | None) -> bool:
        """Whether both are trained at once."""
        if other is None:
            return False
        return self.lane is other.lane and self.rows is other.rows and self.epochs == other.epochs


class _Lanes:
    """Those of a thread.

    Args:
        turn: which the thread has whenever it calls them.

    Attributes:
        several: how many models are to be trained at once.
    """

    def __init__(self, turn: Turn) -> None:
        self.several, self._turn = 1, turn
        self._kinds = Kinds()
        self._lanes: list[Lane] = []  # the one used last stands at the end
        self._latest: tuple[Any, tuple[Any, ...], Rows] | None = None
        self._plain: tuple[Mapping[str, Any] | None, tuple[int, int | None, bool] | None] = None, None

    def fit_each(
        self, models: Sequence[Model], given: Sequence[Callable[[], Mapping[str, Any]]]
    ) -> list[History | Exception | None]:
        """See ``Lanes``."""
        started = thread_time()
        found: list[History | Exception | None] = []
        waiting: list[tuple[Model, Mapping[str, Any]]] = []  # to be trained at once
        asked: _Asked | None = None
        with Interrupt() as interrupt:

            def train() -> None:
                some = [model for model, _ in waiting]
                histories: list[History | None] = [None] * len(some)
                if some and asked is not None:
                    histories = asked.lane.fit_each(some, asked.rows, asked.epochs)
                for (model, own), history in zip(waiting, histories, strict=True):
                    if history is not None or (interrupt.requested and found):
                        found.append(history)
                        continue
                    try:
                        with self._turn.passed_on():
                            found.append(model.fit(**own, verbose=False))
                    except Exception as error:  # noqa: BLE001 - it stands in its place
                        found.append(error)
                waiting.clear()

            for model, give in zip(models, given, strict=True):
                try:
                    own = give()
                    next_one = self._asked(model, own)
                except Exception as error:  # noqa: BLE001 - as above
                    train()
                    found.append(error)
                    continue
                if waiting and (next_one is None or not next_one.goes_with(asked)):
                    train()
                asked = next_one
                waiting.append((model, own))
            train()
        seconds = thread_time() - started
        if seconds < WANTED_SECONDS / 2:
            more = 8 if seconds < WANTED_SECONDS / 8 else 2
            self.several = min(MOST_AT_ONCE, more * len(models))
        elif seconds > 2 * WANTED_SECONDS:
            self.several = max(1, len(models) // 2)
        return found

    def _asked(self, model: Model, given: Mapping[str, Any]) -> _Asked | None:
        """How a model goes through a lane; None where it has to be trained otherwise."""
        if given is not self._plain[0]:
            self._plain = given, _plain(given)
        plain = self._plain[1]
        if plain is None:
            return None
        epochs, batch_size, shuffle = plain
        kind = self._kinds.of(model)
        rows = None if kind is None else self._rows(model, kind, given)
        if rows is None:
            return None
        size = len(rows.x)
        size = size if batch_size is None or batch_size > size else batch_size
        lane = self._lane(model, rows, (kind, size, shuffle))
        return None if lane.has_penalty else _Asked(lane, rows, epochs)

    def close(self) -> None:
        """Lets their programs wait for other trainings."""
        while self._lanes:
            self._lanes.pop().close()

    def _rows(self, model: Model, kind: Any, given: Mapping[str, Any]) -> Rows | None:
        """What the model's door makes of the data; None where it has something to say."""
        arrays = given["x"], given["y"], given.get("sample_weight")
        latest = self._latest
        if latest is not None and latest[0] == kind and all(map(is_, latest[1], arrays)):
            rows, network = latest[2], model.network
            if not network.is_built:
                network.build(rows.x.shape[1:], seed=model.seed, dtype=model.dtype)
            return rows if network.input_shape == rows.x.shape[1:] else None
        try:
            with self._turn.passed_on():
                rows = model.rows_to_train(*arrays)
        except Exception:  # noqa: BLE001 - it will be raised again where it belongs
            return None
        if rows.lengths is not None or any(nothing_to_learn(model.loss, rows.asked, None, None)):
            return None
        self._latest = kind, arrays, rows
        return rows

    def _lane(self, model: Model, rows: Rows, way: tuple[Any, ...]) -> Lane:
        """The lane for such models and rows."""
        lanes, layout = self._lanes, model.network.layout
        for place in range(len(lanes) - 1, -1, -1):
            lane = lanes[place]
            if lane.way == way and lane.layout == layout and lane.takes(rows):
                if place < len(lanes) - 1:
                    lanes.append(lanes.pop(place))
                return lane
        _, size, shuffle = way
        lane = Lane(model, rows, way, self._turn, batch_size=size, shuffle=shuffle)
        if len(lanes) == MOST_LANES:
            lanes.pop(0).close()
        lanes.append(lane)
        return lane


def _plain(given: Mapping[str, Any]) -> tuple[int, int | None, bool] | None:
    """Epochs, batch size and whether to shuffle, where a lane looks after all that is asked for."""
    epochs, batch_size, shuffle = given.get("epochs"), given.get("batch_size", 32), given.get("shuffle", True)
    epochs = 1 if epochs is None else epochs
    is_plain = given.keys() <= PLAIN and type(given["x"]) is type(given["y"]) is np.ndarray
    if not is_plain or type(shuffle) is not bool or type(epochs) is not int or epochs < 1:
        return None
    if batch_size is not None and (type(batch_size) is not int or batch_size < 1):
        return None
    return epochs, batch_size, shuffle
