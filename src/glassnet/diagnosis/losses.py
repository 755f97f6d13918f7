"""The losses that a training speaks of, side by side: of an epoch, of its batches, and of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from glassnet.core.calls import suggests
from glassnet.core.catalogues import columns_of, translated
from glassnet.core.notebooks import table_html
from glassnet.core.shapes import Array
from glassnet.diagnosis.hints import Known
from glassnet.network import Network
from glassnet.optimizers import Optimizer
from glassnet.runners import Caller, NumpyRunner
from glassnet.training import History, Rows
from glassnet.training.batches import batches, epoch_order
from glassnet.training.fit_settings import SAMPLED_ROWS
from glassnet.training.latest_fit import LatestFit
from glassnet.training.tasks import loss_of_epochs

BATCH = 32
"""Rows in a batch where the model has no training behind it."""


@dataclass(frozen=True)
class MeasuredLoss:
    """One of the losses.

    Attributes:
        name: what it is, such as ``"evaluate"``.
        value: the loss.
        differs: what is not as in the line above.
        effect: how much that is: the value less the one above; 0 in the first line.
    """

    name: str
    value: float
    differs: str
    effect: float = 0.0


@dataclass(frozen=True)
class LossComparison:
    """The losses in the order of what differs; ``print`` it.

    Attributes:
        losses: a ``MeasuredLoss`` each, from the epoch's to that of ``evaluate``.
        batches: the losses of the single batches (B,), with the present weights.
        note: what could not be compared, or "".
    """

    losses: tuple[MeasuredLoss, ...]
    batches: Array
    note: str = ""

    def __getitem__(self, name: str) -> float:
        return next(own.value for own in self.losses if own.name == name)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        changes = ["", *(f"{own.effect:+.4g}" for own in self.losses[1:])]
        return [
            (translated(own.name), f"{own.value:.4g}", change, translated(own.differs))
            for own, change in zip(self.losses, changes, strict=True)
        ]

    @property
    def _below(self) -> str:
        low, high = f"{self.batches.min():.4g}", f"{self.batches.max():.4g}"
        text = f"single batches: from {low} to {high}, each the mean of its own rows"
        return translated(f"{text}. {self.note}" if self.note else text)

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(columns_of(row[column]) for row in rows) for column in range(3)]
        lines = [
            f"{row[0]}{' ' * (widths[0] - columns_of(row[0]))}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
            f"{row[3]}".rstrip()
            for row in rows
        ]
        return "\n".join([*lines, self._below])

    def _repr_html_(self) -> str:
        headers = [*map(translated, ("loss", "value", "change", "what differs"))]
        return table_html(headers, self._rows(), below=self._below)


class Comparable(Known, Protocol):
    """What is asked of a model here: ``gn.Model`` has it, and says what it does."""

    optimizer: Optimizer

    @property
    def latest_fit(self) -> LatestFit | None:
        """See ``gn.Model``."""

    def require_one_output(self, where: str) -> None:
        """See ``gn.Model``."""

    def rows(self, x: Any, y: Any, sample_weight: Any = None, *, where: str = "rows") -> Rows:
        """See ``gn.Model``."""


@suggests
def compare_losses(
    model: Comparable, x: Any, y: Any, sample_weight: Any = None, *, history: History | None = None
) -> LossComparison:
    """Puts the loss that ``fit`` printed for an epoch beside that of ``evaluate`` on the same rows, with what differs.

    One thing is changed at a time: the weights, which moved while the epoch's mean was taken; the noise of training,
    such as dropout; the statistics of batch normalisation. So each difference has its cause. The model stays as it is.

    Args:
        model: after ``fit``.
        x: the rows that it was trained on, as ``fit`` took them.
        y: their targets.
        sample_weight: their weights (N,) or None.
        history: what ``fit`` returned; for where an ``EarlyStopping`` has put back the weights of an earlier epoch.

    Returns:
        A ``LossComparison``.

    Raises:
        ShapeError, DataError: x and y do not fit the model.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> y = (x[:, 0] > 0).astype(int)
        >>> net = gn.Sequential(gn.Dense(16), "relu", gn.Dropout(0.5), gn.Dense(2))
        >>> model = gn.Model(net, "cross_entropy", gn.Adam(0.01))
        >>> _ = model.fit(x, y, epochs=3, verbose=False)
        >>> print(gn.compare_losses(model, x, y))
        epoch 3             ...        the mean over its batches, each before its own update
        with its last weights  ...  the same batches, after the last update
        without noise  ...
        evaluate ...
    """
    where = "compare_losses"
    model.require_one_output(where)
    rows = model.rows(x, y, sample_weight, where=where)
    epoch, history, size, shuffle, note = _training(model, rows, history)
    noisy = _noisy(model, rows)
    found: list[MeasuredLoss] = []

    def add(name: str, value: float, differs: str) -> None:
        found.append(MeasuredLoss(name, value, differs, value - found[-1].value if found else 0.0))

    if history is not None and history.epochs:
        place = history.epochs.index(epoch)
        add(f"epoch {epoch}", history["loss"][place], "the mean over its batches, each before its own update")
    losses, totals = _batches(model, rows, epoch, size, shuffle, frozenset())
    moved = "the same batches, after the last update" if found else "batches, as a training takes them"
    add("with its last weights", _whole(losses, totals, model), moved)
    if noisy:
        calm = _whole(*_batches(model, rows, epoch, size, shuffle, noisy), model)
        layers = dict(model.network.walk())
        named = ", ".join(f"layer {path}, {layers[path]!r}" for path in sorted(noisy) if path in layers)
        add("without noise", calm, f"{named}: passes everything on")
    used = _in_use(model, rows)
    by_rows = not any(layer.mixes_rows for _, layer in model.network.walk())
    running = "batch normalisation by its running statistics, not by the batch's"
    statistics = "in use, where nothing more differs" if by_rows else running
    add("evaluate", used, statistics)
    if history is not None and epoch in history.epochs and "val_loss" in history:
        add("validation", history["val_loss"][history.epochs.index(epoch)], "other rows, which were not trained on")
    return LossComparison(tuple(found), losses, note)


def _training(model: Comparable, rows: Rows, given: History | None) -> tuple[int, History | None, int, bool, str]:
    """The epoch whose weights the model has, the history, rows in a batch, whether they are shuffled, and a note."""
    latest = model.latest_fit
    if latest is None or not len(latest.history):
        return 0, None, min(BATCH, len(rows)), False, "The model has no training of its own behind it"
    history, settings = given or latest.history, latest.settings
    epoch = history.kept_epoch or history.epochs[-1]
    size, shuffle = int(settings.get("batch_size", BATCH)), bool(settings.get("shuffle", True))
    most = settings.get("looked_at")
    checksums = rows.checksums(None if most is None else SAMPLED_ROWS)
    are_known = settings.get("rows") == len(rows) and all(settings.get(name) == own for name, own in checksums.items())
    if are_known and given is None and latest.parameters is not None:
        return epoch, None, size, shuffle, "Weights of an earlier epoch were put back: history= tells which"
    if are_known:
        return epoch, history, size, shuffle, ""
    note = "These are not the rows that the latest fit was on: its epochs are left out"
    return epoch, None, min(size, len(rows)), shuffle, note


class _Calm(NumpyRunner):
    """Lets some layers pass a training step as in use, and notes which draw at random.

    Args:
        calm: their paths.
    """

    def __init__(self, seed: int, step: int, calm: frozenset[str]) -> None:
        super().__init__(seed, step)
        self._calm = calm
        self.drew: set[str] = set()

    def _forward(self, layer: Any, x: Array, *, training: bool) -> tuple[Array, Any]:
        return super()._forward(layer, x, training=training and layer.path not in self._calm)

    def draw(self, caller: Caller) -> dict[str, int]:
        """As ever."""
        self.drew.add(caller.path)
        return super().draw(caller)


def _noisy(model: Comparable, rows: Rows) -> frozenset[str]:
    """Paths of the layers that draw at random in training."""
    run = _Calm(model.seed, 0, frozenset())
    few = rows.take(slice(2))
    run.lengths = few.lengths
    run.forward(model.network.copy(), few.x, training=True)
    return frozenset(run.drew)


def _batches(
    model: Comparable, rows: Rows, epoch: int, size: int, shuffle: bool, calm: frozenset[str]
) -> tuple[Array, Array]:
    """The losses of an epoch's batches (B,) with the present weights, and their total weights."""
    network: Network = model.network.copy()  # whose running statistics may move
    layers = [layer for _, layer in network.walk()]
    order = epoch_order(len(rows), seed=model.seed, epoch=epoch, shuffle=shuffle)
    joins_single = any(layer.mixes_rows for layer in layers)
    cut = list(batches(len(rows), size, order, joins_single=joins_single))
    after = 1 if model.latest_fit is None else max(1, 1 + model.latest_fit.epochs_trained - epoch)
    first, measured = max(0, model.optimizer.steps - after * len(cut)), []
    for step, chosen in enumerate(cut, start=first):
        run, batch = _Calm(model.seed, step, calm), rows.take(chosen)
        run.lengths = batch.lengths
        with np.errstate(all="ignore"):
            outputs, _ = run.forward(network, batch.x, training=True)
            measured.append(_loss(model, run, outputs, batch))
    losses, totals = np.array(measured).T
    return losses, totals


def _in_use(model: Comparable, rows: Rows) -> float:
    """The loss of all rows in prediction mode, by pieces."""
    found = []
    for start in range(0, len(rows), 1024):
        run, part = NumpyRunner(model.seed, 0), rows.take(slice(start, start + 1024))
        run.lengths = part.lengths
        with np.errstate(all="ignore"):
            outputs, _ = run.forward(model.network, part.x, training=False)
            found.append(_loss(model, run, outputs, part))
    losses, totals = np.array(found).T
    return _whole(losses, totals, model)


def _loss(model: Comparable, run: NumpyRunner, outputs: Array, rows: Rows) -> tuple[float, float]:
    row_weights, total = run.row_weights(model.loss, outputs, rows.loss_weights)
    value, _ = run.loss_forward(model.loss, outputs, rows.targets, row_weights)
    return float(value[0]), float(total[0])


def _whole(losses: Array, totals: Array, model: Comparable) -> float:
    """The loss of all batches as one."""
    return loss_of_epochs(losses, totals, 1, len(losses), model.loss.reduction)[0]
