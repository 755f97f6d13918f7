"""What a trained model answers: outputs, probabilities, classes; what its layers give, and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.core.blocks import Blocks
from glassnet.core.errors import ConfigurationError, DataError
from glassnet.core.ragged import Padded
from glassnet.core.settings import boolean, whole
from glassnet.core.shapes import Array
from glassnet.losses import WeightedSum
from glassnet.model.blocks import each_answer
from glassnet.model.data import in_unit_of_x
from glassnet.model.doors import WithDoors
from glassnet.model.named_data import named_classes
from glassnet.model.outputs import by_output
from glassnet.model.quick_rows import quick_named, quick_numbers, quick_row
from glassnet.model.stream import Stream
from glassnet.network import Graph, Names, activations, lengths_after
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.training import Gradients, Predictor, loss_gradients

MOST_ROWS = 2**20
"""Sequences that a stream has side by side: their memory is taken at once."""


class Answering(WithDoors):
    """The answers of a ``Model``."""

    def predict(self, x: Any) -> Any:
        """The network's outputs (N, ...) in prediction mode; for a network without a final activation the logits.

        For a ``Graph`` with several outputs a dict of them by name; ``predict_proba``, ``predict_mean`` and
        ``predict_classes`` then have those for which their loss gives such answers.

        x may be one row in a dict, ``{"age": 31, "town": "Ulm"}``, a list of such rows, a dict of columns or a Series
        of a row, where the model knows its columns' names; one row gives outputs (1, ...).

        x may be rows of different length, a list of arrays (L, ...) or ``gn.data.Padded``, for a network that takes
        them; where it gives an output for each step, they come as ``Padded``, too, with zeros behind each row's own
        steps, and so do probabilities and classes.

        x may be ``gn.data.blocks``: inputs are then read block by block, and the outputs alone are in memory together.

        They are in the model's dtype; with ``target_scaling`` in the targets' own unit, and float64.
        For ``Poisson`` and ``Gamma`` they are logarithms of the mean: see ``predict_mean``.
        """
        if isinstance(x, Blocks):
            return self._of_blocks(x)
        after: Array | None = None
        outputs = self._quick_outputs(x) if type(x) is np.ndarray or type(x) is dict else None
        if outputs is None:
            self.require_built("predict")
            inputs, lengths = self.inputs_and_lengths(x, where="predict: x")
            outputs = self._outputs(inputs, lengths)
            after = None if lengths is None else lengths_after(self.network, lengths)
        if self.target_scaling is not None:
            outputs = self.target_scaling.invert(outputs, np.float64)
        if after is not None:
            return Padded(outputs, after)
        if self.target_scaling is not None:
            return outputs
        return by_output(self.network, outputs) if isinstance(self.network, Graph) else outputs

    def _of_blocks(self, source: Blocks) -> Any:
        """The outputs for all blocks, one after another."""
        self.require_built("predict")
        found = list(each_answer(source, self.predict, where="predict"))
        if not found:
            raise DataError(where="predict", received="no rows", expected="one row at least", fix="add rows of data")
        if isinstance(found[0], dict):
            return {name: np.concatenate([own[name] for own in found]) for name in found[0]}
        return np.concatenate(found)

    def _quick_outputs(self, x: Any) -> Array | None:
        """The outputs by the shortest way, for rows that need little done to them; None where that cannot be."""
        predictor, scaling = self._predictor, self.preprocessing
        if predictor is None or predictor.looks_up:
            return None
        if not predictor.is_current(self.network, self.engine, self.threads):
            return None
        if type(x) is dict:
            if type(scaling) is Table:
                x, scaling = quick_row(x, scaling), None
            elif self.feature_names is not None:
                x = quick_named(x, self.feature_names)
            else:
                return None
        if x is None or not (scaling is None or type(scaling) is Standardize):
            return None
        rows = quick_numbers(x, scaling, self.dtype)
        return None if rows is None else predictor.fast(rows)

    def _outputs(self, inputs: Array, lengths: Array | None = None) -> Array:
        """The network's outputs for checked inputs, and their lengths where they are not whole."""
        predictor = self._predictor
        if predictor is None or not predictor.is_current(self.network, self.engine, self.threads):
            predictor = self._predictor = None  # the memory of the old one serves the new one
            predictor = self._predictor = Predictor(self.network, self.engine, self.threads)
        return predictor(inputs, lengths)

    def stream(self, rows: int = 1) -> Stream:
        """Begins sequences that are given one step after another: ``stream.step(x_t)`` answers as ``predict`` does.

        What it gives at a step is what ``predict`` gives for the steps up to it: with ``return_sequences`` the output
        at that step, without the output for the sequence so far.

        Args:
            rows: how many sequences go side by side.

        Returns:
            A ``Stream``, whose states are 0.

        Raises:
            NotBuiltError: the shapes are not known yet.
            ConfigurationError: a layer needs the whole sequence, such as a recurrence that begins at its end; it is
                named.
        """
        self.require_built("stream")
        self.refuse_forecasting("stream")
        rows = whole(rows, "rows", "stream", high=MOST_ROWS)
        return Stream(self.network, rows, self.engine, self.preprocessing, self.target_scaling)

    def forecast(self, series: Any) -> Any:
        """What comes after the end of series, in their own unit.

        Args:
            series: one or several, as ``gn.data.windows`` was given them, with at least as many steps as a forecast
                looks back on; longer ones may begin anywhere, since the last steps alone count.

        Returns:
            The F steps that follow, float64 (F,), or (F, M) of several targets; of several series a dict of these by
            name.

        Raises:
            NotBuiltError: the model is not trained.
            ConfigurationError: the model is none of forecasts, see ``forecasting``.
            DataError, ShapeError: what ``gn.data.windows`` refuses, and a series that training did not see.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> windows = gn.data.windows({"a": np.arange(9.0), "b": 50 - np.arange(9.0)}, past=2, future=1)
            >>> model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(1)), "mean_squared_error", gn.Adam(0.1))
            >>> model.forecasting = windows.forecasting
            >>> history = model.fit(windows.x, windows.y, epochs=100, verbose=False)
            >>> {name: round(float(future[0])) for name, future in model.forecast({"b": [44, 43, 42]}).items()}
            {'b': 41}
        """
        self.require_built("forecast")
        forecasting = self.require_forecasting("forecast")
        given = forecasting.read(series, where="forecast")
        outputs = self.predict(forecasting.latest(given, where="forecast"))
        found = {}
        for one, own in zip(given.series, outputs, strict=True):
            future = forecasting.in_unit(own, one.name)  # (F, M)
            found[one.name] = future[:, 0] if len(forecasting.targets) == 1 else future
        return found[""] if list(found) == [""] else found

    def predict_proba(self, x: Any) -> Any:
        """Probabilities, shaped as the outputs: of each class (``CrossEntropy``) or of "yes" (``BinaryCrossEntropy``).

        Raises:
            ConfigurationError: for other losses, whose outputs are no probabilities.
        """
        return _of_each(self.loss.probabilities, self.predict(x))

    def predict_mean(self, x: Any) -> Any:
        """Predictions (N, ...) in the targets' unit: e^output for ``Poisson`` and ``Gamma``, else ``predict(x)``.

        Raises:
            ConfigurationError: the loss is about classes.
        """
        if self.loss.decides_classes:
            raise ConfigurationError(
                where="predict_mean",
                received=f"a model trained with {self.loss!r}",
                expected="a loss for numbers, such as Poisson, Gamma or MeanSquaredError",
                fix="use model.predict_proba(x) or model.predict_classes(x)",
            )
        return _of_each(self.loss.means, self.predict(x))

    def predict_classes(self, x: Any, *, names: bool = False) -> Any:
        """The predicted class of each row, integers (N,); 0 or 1 for each output where several labels may hold.

        Args:
            x: inputs, as ``predict`` takes them.
            names: whether to give the classes' names, texts, instead of their numbers; for steps of rows of different
                length a list of arrays (L,).

        Raises:
            ConfigurationError: the loss is not about classes; the model does not know their names.
        """
        if not self.loss.decides_classes and not isinstance(self.loss, WeightedSum):
            raise ConfigurationError(
                where="predict_classes",
                received=f"a model trained with {self.loss!r}",
                expected="a loss about classes: CrossEntropy, BinaryCrossEntropy or Hinge",
                fix="use model.predict(x)",
            )
        names = boolean(names, "names", "predict_classes")
        labels = _of_each(self.loss.classes, self.predict(x))
        if isinstance(labels, Padded) and names:
            return [named_classes(self, own) for own in labels]
        return named_classes(self, labels) if names else labels

    def activations(self, x: Any, names: Names = None, *, training: bool = False) -> dict[str, Array]:
        """What each layer gives for a batch, by its path: ``network.activations`` after the model's preprocessing.

        Args:
            x: inputs, as ``predict`` takes them.
            names: layers by path, number or as objects, one or several; None for all.
            training: False for prediction mode; True for the masks and statistics of the next training step. Nothing
                of the model changes in either.

        Returns:
            Copies of the outputs (N, ...) in the model's dtype: what the network learns, before any
            ``target_scaling`` is taken back.
        """
        self.require_built("activations")
        training = boolean(training, "training", "activations")
        inputs, lengths = self.inputs_and_lengths(x, where="activations: x")
        own: dict[str, Any] = {"seed": self.seed, "step": self.optimizer.steps, "lengths": lengths}
        return activations(self.network, inputs, names, training=training, **own)

    def gradients(self, x: Any, y: Any, sample_weight: Any = None, *, training: bool = False) -> Gradients:
        """The loss of a batch and its derivatives by every parameter, every layer's output and the input.

        It is the loss that ``evaluate`` measures; penalties of the optimizer (``L1``, ``L2``, decay) are no part of
        it. Nothing of the model changes.

        Args:
            x: inputs (N, ...).
            y: targets, as the loss wants them.
            sample_weight: a weight ≥ 0 for each row (N,).
            training: False for prediction mode; True for the dropout masks and batch statistics of the step that
                ``fit`` would take next on these rows.

        Returns:
            ``Gradients``: ``loss``, ``parameters`` and ``layers`` by path, ``input``.

        Raises:
            NotBuiltError: the shapes are not known yet.
            ShapeError, DataError: x or y do not fit.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> net = gn.Sequential(gn.Dense(1, weight_init="ones"))
            >>> _ = net.build((2,))
            >>> found = gn.Model(net, "sum_squared_error", "sgd").gradients(np.array([[1.0, 2.0]]), np.array([[4.0]]))
            >>> found.loss, found.parameters["0.weight"].tolist(), found.layers["0"].tolist(), found.input.tolist()
            (0.5, [[-1.0], [-2.0]], [[-1.0]], [[-1.0, -1.0]])
        """
        self.require_built("gradients")
        training = boolean(training, "training", "gradients")
        rows = self.rows(x, y, sample_weight, where="gradients", ragged=True).require_weight(where="gradients")
        keys = {"seed": self.seed, "step": self.optimizer.steps}
        found = loss_gradients(self.network, self.loss, rows, training=training, **keys)
        return in_unit_of_x(found, self.preprocessing, self.feature_names)


def _of_each(meaning: Callable[[Any], Any], outputs: Any) -> Any:
    """What outputs mean; of rows of different length that of their own steps."""
    return Padded(meaning(outputs.values), outputs.lengths) if isinstance(outputs, Padded) else meaning(outputs)
