"""A model's doors: what it is given is checked against its parts, and brought to the form that its network takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.core.calls import Closed
from glassnet.core.checks import same_rows
from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.ragged import without_padding
from glassnet.core.shapes import Array
from glassnet.losses import Loss, WeightedSum
from glassnet.metrics import Metric
from glassnet.model.checks import agreed_dtype, check_channels, check_lookups, check_rows, check_vocabulary
from glassnet.model.data import keeps_differences, prepared_inputs, prepared_targets
from glassnet.model.lengths import of_steps, ragged_rows
from glassnet.model.named_data import named_inputs, named_rows
from glassnet.model.outputs import refuse_lost_digits, require_one_output
from glassnet.network import Network, lengths_after
from glassnet.optimizers import Optimizer
from glassnet.preprocessing import Standardize
from glassnet.series import Forecasting
from glassnet.tables import Table
from glassnet.text import Vocabulary
from glassnet.text.vocabulary import as_vocabulary
from glassnet.training import LatestFit, Memories, Predictor, Rows, Stepper, TrainingState


class WithDoors(Closed):
    """The parts of a model, and the doors for data; see ``Model``, which has them from its constructor."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    metrics: tuple[Metric, ...]
    seed: int
    dtype: np.dtype[Any]
    engine: str
    threads: int | None
    epochs_trained: int
    preprocessing: Standardize | Table | None
    target_scaling: Standardize | None
    feature_names: tuple[str, ...] | None
    target_name: str | None
    class_names: tuple[str, ...] | None
    vocabulary: Vocabulary | None
    forecasting: Forecasting | None
    ragged: bool
    memories: Memories
    latest_fit: LatestFit | None
    _predictor: Predictor | None
    _stepper: Stepper | None
    _single: Any
    _state: TrainingState | None

    def _trained_thing(self) -> object:
        """What only one training at a time may write into."""
        return self.network._trained_thing()

    def rows(self, x: Any, y: Any, sample_weight: Any = None, *, where: str = "rows", ragged: bool = False) -> Rows:
        """The door: checks inputs, targets and weights against each other and the network.

        A network that is not built yet is built for x, once everything has been found to fit.

        Args:
            x: inputs.
            y: targets.
            sample_weight: weights of the rows, or None.
            where: for messages.
            ragged: whether rows of different length are taken, because whoever asks minds ``Rows.lengths``.
        """
        x, lengths = self._with_lengths(x, where=f"{where}: x", taken=ragged)
        x, y = named_rows(self, x, y, where=where, sample_weight=sample_weight)
        self.dtype = agreed_dtype(self.network, self.dtype)  # which may have been built since
        inputs = prepared_inputs(x, self.preprocessing, self.network, self.dtype, where=f"{where}: x")
        if self.epochs_trained == 0:
            check_channels(self.network, inputs.shape, where=f"{where}: x")
        output_shape = self.network.output_shape or ()
        rng = None if self.network.is_built else np.random.default_rng(self.seed)
        if rng is not None:
            output_shape = self.network.infer_shapes(inputs.shape[1:], rng)
        self._check_lookups(inputs, where=f"{where}: x")
        after: Array | None = None
        if lengths is not None:
            inputs = without_padding(inputs, lengths)  # which may have been scaled
            after = lengths_after(self.network, lengths)
        if isinstance(self.loss, WeightedSum):
            y = self._by_output(y, after, len(inputs), where=f"{where}: y")
        else:
            y = of_steps(y, after, len(inputs), output_shape, where=f"{where}: y")
            check_rows(inputs.shape, y.shape, where=f"{where}: y")
        targets, originals = prepared_targets(
            y, self.target_scaling, self.loss, output_shape, self.dtype, where=f"{where}: y"
        )
        same_rows(len(inputs), targets, where=f"{where}: y", other="x")
        own = f"{where}: sample_weight"
        given = None if sample_weight is None else of_steps(sample_weight, after, len(inputs), output_shape, where=own)
        loss_weights, weights = (
            self.loss.weigh(given, len(inputs), output_shape, dtype, where=own, lengths=after)
            for dtype in (self.dtype, np.dtype(np.float64))
        )
        if rng is not None:
            self.network.draw_parameters(rng, self.dtype)
        loss_weights = self.loss.weigh_classes(loss_weights, targets, output_shape, self.dtype)
        return Rows(inputs, targets, weights, loss_weights, originals, lengths)

    def _by_output(self, y: Any, after: Array | None, rows: int, *, where: str) -> dict[str, Any]:
        """The targets of each output by its name, those of steps as arrays."""
        assert isinstance(self.loss, WeightedSum)
        shapes = self.loss.shapes
        return {
            name: of_steps(own, after, rows, shapes[name], where=f"{where}[{name!r}]")
            for name, own in self.loss.by_output(y, where=where).items()
        }

    def check_digits(self, x: Any, y: Any, *, where: str) -> None:
        """Refuses what is to be learned where its differences are lost in the network's dtype."""
        if self.preprocessing is None:
            fix = "set model.preprocessing = gn.Standardize.from_data(x), which is stored with the model"
            keeps_differences(x, self.dtype, where=f"{where}: x", fix=fix)
        refuse_lost_digits(self.loss, y, self.target_scaling, self.dtype, where=f"{where}: y")

    def inputs(self, x: Any, *, where: str = "inputs") -> Array:
        """The door for x alone: checked against a built network, preprocessed, in the network's dtype."""
        self._with_lengths(x, where=where, taken=False)
        return self.inputs_and_lengths(x, where=where)[0]

    def inputs_and_lengths(self, x: Any, *, where: str = "inputs") -> tuple[Array, Array | None]:
        """The same, for rows of different length as well: with how many steps each has (N,), None where all are whole.

        Behind a row's own steps the inputs are 0.
        """
        x, lengths = self._with_lengths(x, where=where, taken=True)
        x = named_inputs(self, x, where=where)
        self.dtype = agreed_dtype(self.network, self.dtype)
        inputs = prepared_inputs(x, self.preprocessing, self.network, self.dtype, where=where)
        self._check_lookups(inputs, where=where)
        if lengths is not None:
            inputs = without_padding(inputs, lengths)
            lengths_after(self.network, lengths)  # which refuses what cannot be done
        return inputs, lengths

    def _with_lengths(self, x: Any, *, where: str, taken: bool) -> tuple[Any, Array | None]:
        """Rows of different length as an array with zeros behind them, and their lengths; anything else as it is."""
        found = ragged_rows(self, x, where=where)
        if found is None:
            return x, None
        if not taken:
            raise ConfigurationError(
                where=where,
                received="rows of different length",
                expected="rows of one length here",
                fix="pass whole rows, of as many steps as the network has, as an array",
            )
        return found.values, found.lengths

    def _check_lookups(self, inputs: Array, *, where: str) -> None:
        if isinstance(self.preprocessing, Table):
            check_lookups(self.network, self.preprocessing)
        if self.vocabulary is not None:
            check_vocabulary(self.network, as_vocabulary(self.vocabulary))
        self.network.demands.check(inputs, where=where)

    def require_built(self, where: str) -> None:
        """Raises ``NotBuiltError``, which names the place, for a model that has seen no data."""
        self.network.require_built(where)

    def require_forecasting(self, where: str) -> Forecasting:
        """What the model knows of its series.

        Raises:
            ConfigurationError: nothing, or something that its network does not fit; the error names the place.
        """
        found = self.forecasting
        shapes = self.network.input_shape, self.network.output_shape
        if isinstance(found, Forecasting) and shapes == (found.input_shape, found.output_shape):
            return found
        is_one = isinstance(found, Forecasting)
        raise ConfigurationError(
            where=where,
            received=f"a network from rows {shapes[0]} to {shapes[1]}"
            if is_one
            else f"model.forecasting={shown(found)}",
            expected=f"one from {found.input_shape} to {found.output_shape}, as model.forecasting has it"
            if isinstance(found, Forecasting)
            else "a model of forecasts, which knows its series",
            fix="train it with windows.x and windows.y, and set model.forecasting = windows.forecasting",
        )

    def refuse_forecasting(self, where: str) -> None:
        """Refuses a model of series where rows are taken one by one, without the series that they come from.

        Raises:
            ConfigurationError: it is one; the error names the place.
        """
        if self.forecasting is not None:
            raise ConfigurationError(
                where=where,
                received="a model of forecasts, whose series are brought to one scale before its network sees them",
                expected="a model that takes rows as they are",
                fix="use model.forecast(series), or set model.forecasting = None to have the network alone, which "
                "takes and gives numbers without their unit",
            )

    def require_one_output(self, where: str) -> None:
        """Refuses several outputs, or losses by output, where one answer to one question is asked for.

        Raises:
            ConfigurationError: the model has such; the error names the place.
        """
        require_one_output(self.network, self.loss, where)
