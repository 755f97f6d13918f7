"""A batch that ``partial_fit`` learns: one update, which needs no training around it."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from glassnet.core.shapes import Array
from glassnet.diagnosis import nothing_to_learn
from glassnet.estimators.stopping import Progress
from glassnet.model import Model
from glassnet.optimizers.base import adds_penalty
from glassnet.training import History
from glassnet.training.batches import epoch_order


def learn_batch(
    model: Model, progress: Progress, rows: Array, targets: Array, weights: Array | None, *, shuffle: bool
) -> History:
    """An epoch whose rows make one batch, as ``Model.fit`` does it, bit for bit; gives its record.

    Args:
        model: whose network is built.
        progress: is told of the epoch.
        rows: (N, ...).
        targets: (N, ...), as ``fit`` takes them.
        weights: of the rows (N,), or None.
        shuffle: whether the batch has the rows in the order of a training's epoch.

    Raises:
        DivergenceError: the loss is not finite, or parameters after the update are not; the model is as it was.
    """
    started, epoch = perf_counter(), model.epochs_trained + 1
    network, optimizer, history = model.network, model.optimizer, History()
    model.check_digits(rows, targets, where="fit")
    history.notes = [str(found) for found in nothing_to_learn(model.loss, targets)]
    order = epoch_order(len(rows), seed=model.seed, epoch=epoch, shuffle=shuffle) if len(rows) > 1 else None
    if order is not None:
        rows, targets, weights = rows[order], targets[order], None if weights is None else weights[order]
    rate, steps = optimizer.current_rate(), optimizer.steps
    before = [(array, array.copy()) for array in (network.parameters, *optimizer.state.values())]
    progress.has_converged = False
    try:
        logs = {"loss": model.step(rows, targets, weights)}
    except BaseException:
        for array, values in before:
            np.copyto(array, values)
        optimizer.steps = steps
        raise
    model.epochs_trained, model.latest_fit = epoch, None  # which is no training that could go on
    penalty = optimizer.penalty(network.parameters, network.layout)
    if penalty > 0 or adds_penalty(optimizer, network.parameters, network.layout):
        logs["penalty"] = penalty
    logs["learning_rate"] = rate
    history.extend(epoch, {name: [value] for name, value in logs.items()})
    history.stopped = progress.note(logs, optimizer, network)
    history.seconds = perf_counter() - started
    return history
