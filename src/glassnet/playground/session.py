"""One network in training: what the page shows, without the page."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from glassnet.core.errors import ConfigurationError
from glassnet.core.shapes import Array
from glassnet.losses import Loss
from glassnet.metrics import R2, Accuracy, Metric
from glassnet.playground.changes import MOST_CHANGES, Change
from glassnet.playground.examples import Examples, Table, examples_of
from glassnet.playground.models import filters_of, model_of
from glassnet.playground.settings import Setting
from glassnet.runners import NumpyRunner
from glassnet.tracing import Trace, trace
from glassnet.training import Predictor, Rows
from glassnet.training.batches import batch_sizes, epoch_order
from glassnet.training.parts import Parts
from glassnet.training.steps import TrainingStep


@dataclass(frozen=True)
class Scores:
    """How good the network is.

    Attributes:
        loss: of the training rows and the held-out rows.
        metric: the share of right answers, or R² where numbers are learned, of both.
    """

    loss: tuple[float, float]
    metric: tuple[float, float]


class Session:
    """One network in training.

    Whole epochs are trained by ``Model.fit``; single steps take the batches that the next epoch would take, in its
    order, so that an epoch in steps ends with the same bits as one at once.

    Args:
        setting: what to learn, and how.
        table: the user's table, for a setting that asks for it.

    Attributes:
        examples: the rows.
        targets: of those to train with, as the loss takes them.
        model: the network with its loss and optimizer.
        ends: where the batches of an epoch end, among its rows.
        batch: how many batches of the current epoch are done.
        now: the setting with what was changed since.
        changes: what was changed in the course of the training, in order.

    Raises:
        ConfigurationError, DataError, FileFormatError: the setting and the data do not go together.

    Example:
        >>> session = Session(Setting(dataset="circle", hidden=(4,)))
        >>> session.train(30)
        >>> session.scores().metric[1] > 0.9
        True
    """

    def __init__(self, setting: Setting, table: Table | None = None) -> None:
        self.setting = setting
        self.table = table
        self.examples: Examples = examples_of(setting, table)
        self.model = model_of(setting, self.examples)
        sides = self.examples.train, self.examples.test
        self.targets = self.examples.targets(self.examples.train)
        self.rows, self.held_out = (self.model.rows(side.x, self.examples.targets(side)) for side in sides)
        self.metric: Metric = R2() if self.examples.task == "numbers" else Accuracy()
        size, full, rest = batch_sizes(len(self.rows), setting.batch_size, joins_single=setting.batch_norm)
        self.ends = (*(size * count for count in range(1, full + 1)), *([len(self.rows)] if rest else []))
        self.batch = 0
        self.now = setting
        self.changes: tuple[Change, ...] = ()
        self._predict = Predictor(self.model.network, self.model.engine, self.model.threads)
        self._seconds_per_epoch = 0.01

    @property
    def epochs(self) -> int:
        """Whole epochs done."""
        return self.model.epochs_trained

    @property
    def batches(self) -> int:
        """Steps in an epoch."""
        return len(self.ends)

    @property
    def filters(self) -> int:
        """How many the convolution has; 0 where there is none."""
        return filters_of(self.setting, self.examples)

    @property
    def loss(self) -> Loss:
        """The model's."""
        return self.model.loss

    def next_batch(self) -> Array:
        """Which training rows the next step takes."""
        order = epoch_order(len(self.rows), seed=self.setting.seed, epoch=self.epochs + 1, shuffle=True)
        assert order is not None
        return order[self.ends[self.batch - 1] if self.batch else 0 : self.ends[self.batch]]

    def step(self) -> None:
        """One update, on the next batch.

        Raises:
            DivergenceError: the loss is not finite any more; the weights stay as they were.
        """
        rows = self.next_batch()
        done = self.epochs
        try:
            self.model.fit(
                self.examples.train.x[rows], self.targets[rows], batch_size=None, shuffle=False, verbose=False
            )
        finally:
            self.model.epochs_trained = done  # a step is no epoch
        self.batch += 1
        if self.batch == self.batches:
            self.batch = 0
            self.model.epochs_trained = done + 1

    def train(self, epochs: int) -> None:
        """Goes on to the end of that many epochs; one that was begun in steps is the first.

        Raises:
            DivergenceError: the loss became NaN or infinite; the weights of the last good epoch are kept.
        """
        while self.batch and epochs:
            self.step()
            epochs -= self.batch == 0
        if epochs:
            started = perf_counter()
            size = min(self.setting.batch_size, len(self.rows))
            self.model.fit(self.examples.train.x, self.targets, epochs=epochs, batch_size=size, verbose=False)
            self._seconds_per_epoch = (perf_counter() - started) / epochs

    def train_for(self, seconds: float, most_epochs: int) -> None:
        """Trains for about that long, by the pace of the last time; at least one epoch, and not more than said."""
        self.train(int(np.clip(seconds / self._seconds_per_epoch, 1, max(1, most_epochs))))

    def change(self, name: str, value: float, place: int = -1) -> None:
        """Changes the rate, a penalty or one weight from here on; nothing begins anew.

        Args:
            name: "learning_rate", "l1", "l2", or "weight" for a weight or a bias.
            value: what it is to be.
            place: of a weight among the network's flat parameters.

        Raises:
            ConfigurationError: no such thing, a value outside its range, or too many changes.
        """
        if len(self.changes) >= MOST_CHANGES:
            raise ConfigurationError(
                where="change",
                received=f"one more than {MOST_CHANGES} changes in one training",
                expected="fewer, so that they can all be told again",
                fix="start again with the setting as it is now",
            )
        made = Change(self.epochs, self.batch, name, value, place)
        self.now = made.apply(self.model, self.now)
        # Of one thing that was changed again and again at the same moment, the last value counts.
        again = bool(self.changes) and self.changes[-1].subject == made.subject
        self.changes = (*(self.changes[:-1] if again else self.changes), made)

    def scores(self) -> Scores:
        """Measures the training rows and the held-out rows, in prediction mode."""
        train, held_out = self._score(self.rows), self._score(self.held_out)
        return Scores((train[0], held_out[0]), (train[1], held_out[1]))

    def outputs(self, inputs: Array) -> Array:
        """What the network puts out for rows that are preprocessed, by the engine."""
        return self._predict(inputs)

    def _score(self, rows: Rows) -> tuple[float, float]:
        outputs = self._predict(rows.x)
        run = NumpyRunner()
        row_weights, _ = self.loss.row_weights(run, outputs, None)
        value, _ = self.loss.forward(run, outputs, rows.targets, row_weights)
        return float(value[0]), self.metric.compute(outputs, rows.targets, self.loss, None)

    def gradients(self) -> Array:
        """∂L/∂θ of the next batch's loss at the present weights, without the penalties; flat, float32."""
        part = self.rows.take(self.next_batch())
        network = self.model.network
        before = network.parameters.copy()
        parts = Parts(network, self.loss, self.model.optimizer, self.setting.seed)
        TrainingStep(
            NumpyRunner(self.setting.seed, self.model.optimizer.steps), parts, Rows(part.x, part.targets)
        ).backward()
        network.parameters[:] = before  # running statistics move in training
        return network.gradients.copy()

    def trace(self) -> Trace:
        """Every number of the next step, which is not taken."""
        rows = self.next_batch()
        return trace(self.model, self.examples.train.x[rows], self.targets[rows])

    def model_file(self) -> bytes:
        """The model as ``Model.save`` writes it; that of a user's table takes tables."""
        model, schema = copy(self.model), self.examples.table
        if schema is not None and schema.target is not None:
            model.preprocessing, model.feature_names = schema, None
            model.target_name = schema.target.names[0]
        with TemporaryDirectory() as folder:
            path = Path(folder, "model.safetensors")
            model.save(path)
            return path.read_bytes()
