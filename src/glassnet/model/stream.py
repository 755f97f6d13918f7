"""Answers to one step of a sequence after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.compile.forward import compile_stream
from glassnet.core.checks import as_rows, finite_rows, numeric, require_finite
from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.room import require_room
from glassnet.core.shapes import Array, Shape
from glassnet.kernels.embedding import are_indices
from glassnet.network import Graph, Network
from glassnet.preprocessing import Standardize
from glassnet.runners.standins import NotRecorded
from glassnet.runners.steps import StepRunner
from glassnet.training.changes import Fingerprint


class Stream:
    """A network that is given its sequences one step after another, and keeps its states in between.

    ``Model.stream`` makes it. Each step costs as much as it does anew: nothing is calculated twice, and nothing is
    allocated besides the array with the answer. With ``out=`` not even that is. The weights are the model's own, so
    that what it learns meanwhile counts at once. Several streams of a model do not disturb each other; one stream is
    for one thread at a time.

    Args:
        network: built.
        rows: how many sequences go side by side.
        engine: as ``Model`` takes it.
        preprocessing: what each step goes through before.
        target_scaling: what the answers are taken back through.

    Attributes:
        rows: how many sequences go side by side.
        steps: how many steps they have taken since they began.

    Raises:
        ConfigurationError: a layer needs the whole sequence; it is named.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x, y = np.random.default_rng(0).normal(size=(8, 5, 3)), np.zeros((8, 2))
        >>> model = gn.Model(gn.Sequential(gn.LSTM(4), gn.Dense(2)), "mean_squared_error", "adam")
        >>> _ = model.fit(x, y, epochs=1, verbose=False)
        >>> stream = model.stream()
        >>> answers = [stream.step(step) for step in x[0]]
        >>> bool((answers[-1] == model.predict(x[:1])).all())
        True
    """

    def __init__(
        self,
        network: Network,
        rows: int,
        engine: str,
        preprocessing: Any = None,
        target_scaling: Standardize | None = None,
    ) -> None:
        self._network, self.rows, self.steps = network, rows, 0
        self._row = _row_of(network)
        self._preprocessing = _of_steps(preprocessing, self._row, network)
        self._target_scaling = target_scaling
        self._below = _below_of(network)
        self._run = StepRunner()
        limits = [(layer.stream_limit, layer) for _, layer in network.walk() if layer.stream_limit is not None]
        self._limit = min(limits, key=lambda pair: pair[0], default=None)
        require_room((rows, 1, *self._row), network.dtype, where="stream")
        given = np.zeros((rows, 1, *self._row), network.dtype)
        answer, _ = self._run.forward(network, given, training=False)  # by NumPy, so that every layer says what it must
        after = network.output_shape or ()
        has_step = answer.shape[1:] != after or (len(after) > 1 and after[0] == 1)
        self._shape: Shape = (rows, *answer.shape[2 if has_step else 1 :])
        self._dtype = network.dtype if target_scaling is None else np.dtype(np.float64)
        self._states = self._run.states
        self._advance = None
        try:
            program = None if engine == "numpy" else compile_stream(network, rows)
        except NotRecorded:
            program = None
        if program is not None:
            self._advance, self._states = program.advance, program.states
        self._program = program  # which has the memory
        self._fingerprint = Fingerprint(network)
        self._is_plain = self._advance is not None and not self._below.any() and self._limit is None
        self._is_plain = self._is_plain and preprocessing is None and target_scaling is None
        self.reset()

    @property
    def row_shape(self) -> Shape:
        """The shape of one step of a sequence, such as (D,)."""
        return self._row

    @property
    def output_shape(self) -> Shape:
        """The shape of the answer for one sequence, such as (K,)."""
        return self._shape[1:]

    @property
    def most_steps(self) -> int | None:
        """How many steps a sequence may have, such as those that attention keeps; None for any number."""
        return None if self._limit is None else self._limit[0]

    def __repr__(self) -> str:
        return f"Stream({self._network!r}, rows={self.rows}), after {self.steps} steps"

    def step(self, x: Any, out: Array | None = None) -> Array:
        """The outputs (rows, ...) for the next step of all sequences, as ``predict`` gives them.

        Args:
            x: the step (rows, D); of one sequence also (D,). For an ``Embedding`` a number for each sequence (rows,),
                of one also the number itself.
            out: an array (rows, ...) for the answer, in the dtype that it has without; None for a new one.

        Raises:
            ShapeError, DataError: x or ``out`` do not fit; the stream stands where it stood.
            ConfigurationError: the network was changed since; or more steps than a layer of it has room for.
        """
        if not self._fingerprint.is_current():
            raise self._changed()
        if self._is_plain and type(x) is np.ndarray:
            y = np.empty(self._shape, self._dtype) if out is None else out
            if type(y) is np.ndarray and y.shape == self._shape and self._advance(x, y):  # type: ignore[misc]
                self.steps += 1
                return y
        return self._with_care(x, out)

    def reset(self) -> None:
        """Begins new sequences: all states are 0."""
        self._states.reset()
        self.steps = 0

    def _with_care(self, x: Any, out: Array | None) -> Array:
        """A step of anything but numbers that are ready for the network."""
        if out is not None and (
            type(out) is not np.ndarray
            or (out.shape, out.dtype) != (self._shape, self._dtype)
            or not (out.flags.writeable and out.flags.c_contiguous)
        ):
            raise self._other_out(out)
        if self._limit is not None and self.steps >= self._limit[0]:
            raise ConfigurationError(
                where=self._limit[1].where,
                received=f"step {self.steps + 1:,} of a stream",
                expected=f"at most {self._limit[0]:,}, for so many it has room",
                fix="call stream.reset(), or build the network for longer sequences",
            )
        given = self._taken(x)
        answer = np.empty(self._shape, self._network.dtype)
        if self._advance is None:
            answer[...] = self._run.forward(self._network, given, training=False)[0].reshape(self._shape)
        elif not self._advance(given[:, 0], answer):
            raise AssertionError("a step that was checked")
        self.steps += 1
        if self._target_scaling is not None:
            answer = self._target_scaling.invert(answer, np.float64)
        if out is None:
            return answer
        out[...] = answer
        return out

    def _taken(self, x: Any) -> Array:
        """The step (rows, 1, ...) as the network takes it."""
        where = "stream.step: x"
        given = numeric(x, where=where)
        shape = (self.rows, *self._row)
        if given.shape != shape and not (self.rows == 1 and given.shape == self._row):
            also = f" or {shown(self._row)}" if self.rows == 1 else ""
            raise ShapeError(
                where=where,
                received=f"an array of shape {given.shape}",
                expected=f"one step of {self.rows} sequences: {shape}{also}",
                fix=f"give it the steps one by one: x[:, t]; for other numbers of sequences make a stream with "
                f"rows={len(given)}"
                if given.ndim == len(shape)
                else "give it the steps one by one: x[:, t]",
            )
        rows = given.reshape(self.rows, 1, *self._row)
        if self._preprocessing is None:
            taken = as_rows(rows, self._network.dtype, where=where)
        else:
            finite = finite_rows(rows, where=where)
            taken = self._preprocessing.apply(finite, self._network.dtype)
            require_finite(taken, finite, where=where)
        if self._below.any() and not ((self._below == 0) | are_indices(taken[:, 0], self._below)).all():
            steps = (self._network.input_shape or ())[0]
            self._network.demands.check(np.repeat(taken, steps, axis=1), where=where)
        return np.ascontiguousarray(taken)

    def _other_out(self, out: Any) -> ShapeError:
        said = f"an array {out.dtype} of shape {out.shape}" if isinstance(out, np.ndarray) else shown(out)
        return ShapeError(
            where="stream.step: out",
            received=said,
            expected=f"a contiguous array of shape {self._shape} and dtype {self._dtype}",
            fix="leave it out once, and give it that array from then on",
        )

    def _changed(self) -> ConfigurationError:
        return ConfigurationError(
            where="stream.step",
            received="a network that was changed since the stream was made",
            expected="the same layers, settings and buffers",
            fix="make a new one: stream = model.stream()",
        )


def require_lanes(network: Network, rows: int, size: int, *, shuffle: bool, split: Any) -> None:
    """Refuses a training in which states go on from batch to batch, where they cannot.

    Args:
        network: built.
        rows: in an epoch.
        size: rows in a batch.
        shuffle: whether the rows come in another order.
        split: the share of them that is set aside.

    Raises:
        ConfigurationError: rows would not follow on those of the batch before; a layer needs the whole sequence; or
            none carries anything. What it is is named.
    """
    wrong = "shuffle=True" if shuffle else f"validation_split={split!r}" if split else ""
    if rows % size:
        wrong = f"batch_size={size} for {rows:,} rows"
    if wrong:
        raise ConfigurationError(
            where="fit",
            received=f"stateful=True with {wrong}",
            expected="rows in their own order, of which each follows on the one that stands a whole batch before it",
            fix="lay them out by x = gn.data.lanes(series, lanes=32, steps=64), and call fit with batch_size=32, "
            "shuffle=False, and other lanes as validation_data",
        )
    run = StepRunner()
    run.forward(network, np.zeros((1, 1, *_row_of(network)), network.dtype), training=False)
    layers = dict(network.walk())
    carrying = [layers[path] for path, _ in run.states.arrays]
    for layer in carrying:
        if not layer.carries_in_training:
            raise ConfigurationError(
                where=layer.where,
                received="stateful=True",
                expected="recurrences that go forwards, and layers of each step",
                fix="leave stateful out: each row then stands for itself",
            )
    if not carrying:
        raise ConfigurationError(
            where="fit",
            received=f"stateful=True for {network!r:.200}",
            expected="a SimpleRNN, LSTM or GRU, whose states go on from batch to batch",
            fix="leave stateful out",
        )


def _row_of(network: Network) -> Shape:
    """The shape of one step of a row."""
    shape = network.input_shape or ()
    several = isinstance(network, Graph) and (len(network.inputs) > 1 or len(network.outputs) > 1)
    if several or len(shape) > 2 or (len(shape) == 1 and not network.demands):
        raise ConfigurationError(
            where="steps one after another",
            received=f"a network for inputs (N, {', '.join(map(str, shape))})" if not several else "several by name",
            expected="a network for sequences (N, T, D), or (N, T) before an Embedding, with one input and one output",
            fix="call predict",
        )
    return shape[1:]


def _below_of(network: Network) -> Array:
    """What each number of a step must be below as an index; 0 for an amount."""
    if not network.demands:
        return np.broadcast_to(np.int64(0), (network.input_shape or ())[1:])
    below = network.demands.below
    if (below != below[0]).any():
        raise ConfigurationError(
            where="stream",
            received="a network that looks up other things at some steps than at others",
            expected="the same at every step",
            fix="call predict",
        )
    return np.asarray(below[0])


def _of_steps(preprocessing: Any, row: Shape, network: Network) -> Standardize | None:
    """A preprocessing that is the same for every step."""
    if preprocessing is None:
        return None
    if isinstance(preprocessing, Standardize):
        shape = (1, *row)
        try:
            if np.broadcast_shapes(preprocessing.mean.shape, preprocessing.scale.shape, shape) == shape:
                return preprocessing
        except ValueError:
            pass
    raise ConfigurationError(
        where="stream",
        received=f"a preprocessing of whole sequences {shown(network.input_shape)}",
        expected=f"one that is the same for each step: means and scales of shape {row}",
        fix="set model.preprocessing = gn.Standardize(mean, scale) with the mean and scale of each feature",
    )
