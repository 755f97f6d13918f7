"""The lanes of a call: which models can share a program, and which are trained each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from threading import local
from typing import Any

import numpy as np

from glassnet.diagnosis import nothing_to_learn
from glassnet.many.kinds import kind_of
from glassnet.many.lane import Lane
from glassnet.model import Model
from glassnet.training import History, Rows

MOST_LANES = 16
"""So many programs each thread keeps at a time."""
PLAIN = {"x", "y", "sample_weight", "epochs", "batch_size", "shuffle"}
"""Settings of ``Model.fit`` that a lane looks after; where there are others, ``Model.fit`` does."""


class Lanes:
    """Trains models through shared programs where they can be shared, each as ``Model.fit`` would.

    Each thread has lanes of its own.
    """

    def __init__(self) -> None:
        self._of_thread = local()

    def fit(self, model: Model, given: Mapping[str, Any]) -> History:
        """What ``model.fit(**given, verbose=False)`` does and returns, or raises."""
        history = self._through_lane(model, given)
        return model.fit(**given, verbose=False) if history is None else history

    def close(self) -> None:
        """Lets the programs of this thread wait for other trainings."""
        for lane in vars(self._of_thread).pop("lanes", {}).values():
            lane.close()

    def _through_lane(self, model: Model, given: Mapping[str, Any]) -> History | None:
        """The history of a training through a lane; None where it has to be done otherwise."""
        epochs, batch_size, shuffle = given.get("epochs"), given.get("batch_size", 32), given.get("shuffle", True)
        epochs = 1 if epochs is None else epochs
        is_plain = given.keys() <= PLAIN and type(given["x"]) is type(given["y"]) is np.ndarray
        if not is_plain or type(shuffle) is not bool or type(epochs) is not int or epochs < 1:
            return None
        if batch_size is not None and (type(batch_size) is not int or batch_size < 1):
            return None
        kind = kind_of(model)
        rows = None if kind is None else self._rows(model, kind, given)
        if rows is None:
            return None
        size = len(rows) if batch_size is None else min(batch_size, len(rows))
        lane = self._lane(model, rows, (kind, size, shuffle))
        return None if lane.has_penalty else lane.fit(model, rows, epochs)

    def _rows(self, model: Model, kind: Any, given: Mapping[str, Any]) -> Rows | None:
        """What the model's door makes of the data; None where it has something to say."""
        arrays = given["x"], given["y"], given.get("sample_weight")
        latest = vars(self._of_thread).get("rows")
        if latest is not None and latest[0] == kind and all(a is b for a, b in zip(latest[1], arrays, strict=True)):
            rows: Rows = latest[2]
            if not model.network.is_built:
                model.network.build(rows.x.shape[1:], seed=model.seed, dtype=model.dtype)
            return rows if model.network.input_shape == rows.x.shape[1:] else None
        try:
            rows = model.rows_to_train(*arrays)
        except Exception:  # noqa: BLE001 - it will be raised again where it belongs
            return None
        if rows.lengths is not None or any(nothing_to_learn(model.loss, rows.asked, None, None)):
            return None
        self._of_thread.rows = kind, arrays, rows
        return rows

    def _lane(self, model: Model, rows: Rows, way: tuple[Any, ...]) -> Lane:
        """The thread's lane for such models and rows."""
        lanes: dict[Any, Lane] = vars(self._of_thread).setdefault("lanes", {})
        weights = None if rows.loss_weights is None else rows.loss_weights.shape
        key = (*way, rows.x.shape, rows.targets.shape, rows.targets.dtype.str, weights, model.network.layout)
        lane = lanes.pop(key, None)
        if lane is None:
            _, size, shuffle = way
            lane = Lane(model, rows, batch_size=size, shuffle=shuffle)
            while len(lanes) >= MOST_LANES:
                lanes.pop(next(iter(lanes))).close()
        lanes[key] = lane  # the one used last stands at the end
        return lane
