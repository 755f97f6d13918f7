"""The model: a network with its loss, optimizer, metrics and preprocessing; what most people use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

from glassnet.compile import Plan, native
from glassnet.core.calls import suggests
from glassnet.core.checks import numeric
from glassnet.core.doors import door
from glassnet.core.errors import ConfigurationError
from glassnet.core.files import require_writable
from glassnet.core.output import for_stream, is_heard, logger
from glassnet.core.settings import Configurable, boolean, one_of, whole
from glassnet.core.shapes import DType, as_dtype
from glassnet.diagnosis import hints, nothing_to_learn
from glassnet.formats import (
    ModelParts,
    Written,
    describe,
    read_memories,
    read_model_file,
    reconstruct,
    require_whole,
    write_model_file,
    written_of,
)
from glassnet.layers import Layer, NumpyLayer
from glassnet.losses import WeightedSum, as_loss
from glassnet.metrics import as_metrics
from glassnet.model.answers import Answering
from glassnet.model.checks import agreed_dtype, check_end
from glassnet.model.data import one_array
from glassnet.model.named_data import forgotten_if_refused, named_rows
from glassnet.model.outputs import Losses, Metrics, loss_for, metrics_for
from glassnet.model.steps import step, step_over
from glassnet.network import Network, as_network
from glassnet.optimizers import Optimizer, as_optimizer
from glassnet.preprocessing import Standardize
from glassnet.tables import Table
from glassnet.training import (
    Callback,
    History,
    Memories,
    Predictor,
    Rows,
    Stepper,
    Trainer,
    TrainingState,
    as_callbacks,
    example_rows,
    is_watched,
    plan_of,
    validation_rows,
)

ENGINES = ("auto", "compiled", "numpy")
NO_ENGINE = (
    "the compiled engine is missing in this installation, so that NumPy does everything, more slowly; install glassnet "
    "again where a C++ compiler is"
)


class Model(Answering):
    """A network that can be trained, evaluated, used and saved.

    Args:
        network: a ``Network``, or a single layer. Unless it is built already, ``fit`` builds it for the data.
        loss: an object or name, see ``gn.losses``; for a ``Graph`` with several outputs a dict of losses by output, or
            pairs ``(loss, weight)``.
        optimizer: an object, a name, or a list of steps (see ``gn.Chain``). The model keeps a copy of its own.
        metrics: objects or names, such as ``["accuracy"]``; by output ``{"digit": ["accuracy", "loss"]}``, which the
            history calls ``digit_accuracy`` and ``digit_loss``.
        seed: keys initial weights, the order of rows, splits and dropout masks.
        dtype: ``"float32"`` or ``"float64"``, of parameters and computation.
        engine: ``"compiled"`` records a training step once and replays it in C++ (see ``plan``), and predicts there
            too, where numbers below the normal range (1.2e-38 in float32) count as 0; ``"numpy"`` calls the NumPy
            kernels one after another; ``"auto"`` is the compiled engine where the native module is installed.
        threads: upper limit of threads of the compiled engine; None for the environment's GLASSNET_NUM_THREADS, else
            as many as there are processors. The number of threads changes no bit of any result.

    Attributes:
        epochs_trained: epochs done over the model's whole life.
        preprocessing: a ``Standardize`` that is applied to x in ``fit``, ``evaluate`` and ``predict``, in float64
            before anything becomes float32; a ``Table``, with which they take tables; or None.
        target_scaling: a ``Standardize`` for the targets of a regression, or None: the network learns standardised
            targets, the loss is measured on them, and ``predict`` and the metrics are in the targets' own unit and in
            float64.
        feature_names: names of the input columns, or None.
        target_name: name of the target column, or None.
        class_names: names of the classes by label, or None.
        memories: what callbacks knew at the end of ``fit``, for the next one, by their names; ``memories.clear()``
            lets all of them begin anew.
        written: for a model that was read from a file, which version wrote that and when; else None.

    Raises:
        ConfigurationError: parts that do not go together, such as a sigmoid before a loss that takes logits.

    Example:
        >>> import numpy as np, glassnet as gn
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> y = np.array([0, 1, 1, 0])
        >>> net = gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(2))
        >>> model = gn.Model(net, loss="cross_entropy", optimizer=gn.Adam(0.05), metrics=["accuracy"])
        >>> history = model.fit(x, y, epochs=100, verbose=False)
        >>> model.predict_classes(x).tolist()
        [0, 1, 1, 0]
    """

    @suggests
    def __init__(
        self,
        network: Network | Layer | NumpyLayer,
        loss: Losses,
        optimizer: Optimizer | str | Sequence[Any],
        metrics: Metrics = (),
        *,
        seed: int = 0,
        dtype: DType = "float32",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.network = as_network(network)
        self.loss = loss_for(self.network, as_loss(loss))
        self.optimizer = deepcopy(as_optimizer(optimizer))
        self.metrics = metrics_for(self.loss, as_metrics(metrics))
        self.seed = whole(seed, "seed", "Model", low=0)
        self.dtype = agreed_dtype(self.network, as_dtype(dtype))
        self.engine = one_of(engine, "engine", "Model", ENGINES)
        self.threads = None if threads is None else whole(threads, "threads", "Model")
        self.epochs_trained = 0
        self.preprocessing: Standardize | Table | None = None
        self.target_scaling: Standardize | None = None
        self.feature_names: tuple[str, ...] | None = None
        self.target_name: str | None = None
        self.class_names: tuple[str, ...] | None = None
        self.memories: Memories = {}
        self.written: Written | None = None
        self._predictor: Predictor | None = None
        self._stepper: Stepper | None = None
        if engine == "compiled" and native() is None:
            raise ConfigurationError(
                where="Model",
                received='engine="compiled"',
                expected="an installation with the native module; this one is pure Python",
                fix='use engine="auto" or engine="numpy", or install again where a C++ compiler is',
            )
        check_end(self.network, self.loss)
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Without what is compiled: a copy compiles for itself."""
        return self.__dict__ | {"_predictor": None, "_stepper": None}

    def __repr__(self) -> str:
        return f"Model({self.network!r}, loss={self.loss!r}, optimizer={self.optimizer!r})"

    @suggests
    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int = 1,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float = 0.0,
        sample_weight: Any = None,
        callbacks: Iterable[Callback | Callable[[TrainingState], None]] | None = (),
        verbose: bool = True,
    ) -> History:
        """Trains for some epochs; called again, it goes on where it stopped.

        Args:
            x: inputs (N, ...), numbers; converted to the model's dtype. The names of a frame's columns are kept: later
                frames, and dicts, are taken by name. For several inputs a dict of arrays by name, or a tuple; so y for
                several outputs.
            y: targets, as the loss wants them: integer labels (N,) for ``cross_entropy``, numbers of the outputs'
                shape for the others. A Series of words becomes labels, and ``class_names``; the name of a column of x
                stands for this column, and a model without ``preprocessing`` then learns a ``Table`` of the frame.
            epochs: passes over the data.
            batch_size: rows in a step; None for all of them. The last batch is as short as it comes, but with batch
                normalisation one that would have a single row is joined to the one before.
            shuffle: whether each epoch takes the rows in a new random order.
            validation_data: (x, y) or (x, y, sample_weight) that is measured after each epoch.
            validation_split: share of the rows that is set aside for validation, at random (of each class alike).
            sample_weight: a weight ≥ 0 for each row (N,).
            callbacks: ``Callback`` objects, or functions that are called with the state after each epoch.
            verbose: whether to show a progress bar, and hints at the end where something seems wrong; in a pipe
                nothing is shown, and the hints go to the logger ``glassnet``.

        Returns:
            The ``History`` of these epochs. Ctrl-C ends training after the step in progress; the history says so.

        Raises:
            ShapeError, DataError: the data do not fit the network or the loss; nothing is changed.
                Or the numbers of a column are so close together, for their size, that the model's dtype cannot tell
                them apart, and there is no ``preprocessing`` or ``target_scaling`` to bring them apart before.
            DivergenceError: the loss became NaN or infinite; the weights of the last good epoch are kept.
        """
        epochs = whole(epochs, "epochs", "fit")
        verbose = boolean(bool(verbose) if verbose in (0, 1) else verbose, "verbose", "fit")
        with forgotten_if_refused(self):
            x, y = named_rows(self, x, y, where="fit", learns=True)
            if not isinstance(self.preprocessing, Table):
                x = one_array(x, self.network, where="fit: x")
            if not isinstance(self.loss, WeightedSum):
                y = numeric(y, where="fit: y")
            self.check_digits(x, y, where="fit")
            rows = self.rows(x, y, sample_weight, where="fit").require_weight(where="fit")
        if validation_data is not None and validation_split:
            raise ConfigurationError(
                where="fit",
                received="both validation_data and validation_split",
                expected="one of them",
                fix="drop one",
            )
        validation = None
        if validation_data is not None:
            validation = self._validation(validation_data)
        elif validation_split:
            labels = rows.targets if rows.targets.ndim == 1 else None
            training, held_out = validation_rows(len(rows), validation_split, labels, seed=self.seed)
            rows, validation = rows.take(training), rows.take(held_out).require_weight(where="fit: validation_split")
            rows.require_weight(where="fit: what validation_split leaves")
        size = len(rows) if batch_size is None else min(whole(batch_size, "batch_size", "fit"), len(rows))
        names = ("loss", *(m.name for m in self.metrics))
        state = TrainingState(
            self.network,
            self.optimizer,
            History(),
            epochs=(self.epochs_trained + 1, self.epochs_trained + epochs),
            available=names + (tuple(f"val_{name}" for name in names) if validation else ()) + ("learning_rate",),
            save=self._save_during(lambda: state.epoch),
            memories=self.memories,
            memories_in=read_memories,
        )
        for finding in nothing_to_learn(self.loss, rows.asked, self.class_names, self.target_name):
            state.note(str(finding))
        started = perf_counter()
        try:
            history = self._trainer().fit(
                rows,
                validation,
                state,
                as_callbacks(callbacks),
                batch_size=size,
                shuffle=boolean(shuffle, "shuffle", "fit"),
                verbose=verbose,
            )
        finally:
            self.epochs_trained = state.epoch
            state.history.seconds = perf_counter() - started
        if verbose and is_watched():
            self.print_hints(rows, history)
        elif is_heard():
            for text in self._hints(rows, history) if verbose else history.notes:
                logger().warning(text)
        return history

    def step(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Does one update on a batch and returns its loss: for a training loop of one's own.

        Batch by batch it does what ``fit`` does, bit for bit: the same engine, the same dropout masks. The program for
        a batch's shape is recorded at its first step and kept, until something changes that it took for granted. The
        first step builds the network, where it is not. ``epochs_trained``, metrics and callbacks are ``fit``'s alone;
        to measure, call ``evaluate``.

        Args:
            x: inputs (N, ...), as ``fit`` takes them.
            y: targets, as ``fit`` takes them.
            sample_weight: a weight ≥ 0 for each row (N,).

        Raises:
            ShapeError, DataError: the batch does not fit the network or the loss; nothing is changed.
            DivergenceError: the loss is NaN or infinite; there was no update.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
            >>> model = gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(0.1))
            >>> losses = [model.step(x, 2 * x + 1) for _ in range(200)]
            >>> model.predict(x).round(2).ravel().tolist()
            [1.0, 3.0, 5.0, 7.0]
        """
        return step(self, x, y, sample_weight)

    train_on_batch = step  # as Keras calls it

    def step_over(self, batches: Iterable[tuple[Any, ...]]) -> float:
        """Does one update with the gradients of several batches together, and returns their loss.

        For batches too large for memory, or from several sources. The update is that of one step on all rows in one
        batch, within rounding: gradients are averaged by the batches' total weights (added, for a loss with
        ``reduction="sum"``), and steps such as clipping see the whole. Only batch normalisation tells the difference:
        it normalises each batch by itself. Each batch has dropout masks of its own.

        Args:
            batches: (x, y) or (x, y, sample_weight) of each batch: a list, or a generator that makes one after another.

        Raises:
            ShapeError, DataError, ConfigurationError: a batch does not fit, or there is none; nothing is changed.
            DivergenceError: the loss of a batch is NaN or infinite; there was no update.
        """
        return step_over(self, batches)

    def print_hints(self, rows: Rows, history: History | None = None) -> None:
        """Prints the history's notes and what can be told at a glance, a line each; ``gn.diagnose`` looks closer.

        Args:
            rows: what ``model.rows(x, y, None, where="hints")`` gives.
            history: of the training, for the curves.
        """
        for text in self._hints(rows, history):
            print(for_stream(f"hint: {text}"))

    def _hints(self, rows: Rows, history: History | None) -> list[str]:
        """The history's notes, and what can be told at a glance."""
        names = self.feature_names if rows.x.shape[1:] == (len(self.feature_names or ()),) else None
        found = hints(
            self.network, self.loss, rows, history, seed=self.seed, feature_names=names, class_names=self.class_names,
            target_name=self.target_name,
        )  # fmt: skip
        slow = [NO_ENGINE] if self.engine == "auto" and native() is None else []
        return list(dict.fromkeys([*slow, *(history.notes if history is not None else ()), *map(str, found)]))

    @suggests
    def evaluate(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics on data, in prediction mode (no dropout), such as ``{"loss": ..., "accuracy": ...}``.

        Metrics are computed in float64, on the targets as they are given: they are what NumPy makes of ``predict(x)``
        and y. With ``target_scaling`` the loss is that of the standardised targets, as in training.
        """
        self.require_built("evaluate")
        rows = self.rows(x, y, sample_weight, where="evaluate")
        return self._trainer().evaluate(rows.require_weight(where="evaluate"))

    def summary(self) -> Any:
        """The network's table of layers, shapes, parameters and FLOPs; print it."""
        return self.network.summary()

    def plan(self, batch_size: int = 32) -> Plan:
        """The program that ``fit`` replays for a batch of that size: print it to see its instructions.

        Args:
            batch_size: rows in a step.

        Returns:
            Each instruction with its layer, shapes, bytes and FLOPs; which are fused, and which run in Python.

        Raises:
            NotBuiltError: the shapes are not known yet.
            ConfigurationError: this installation has no native module.
        """
        self.require_built("plan")
        if native() is None:
            raise ConfigurationError(
                where="plan",
                received="a pure-Python installation",
                expected="the native module, which is what runs programs",
                fix="install glassnet again where a C++ compiler is",
            )
        size = whole(batch_size, "batch_size", "plan")
        parts = self.network, self.loss, self.optimizer, self.seed
        return plan_of(*parts, example_rows(self.network, self.loss, size))

    @suggests
    def save(self, path: str | Path, *, include_optimizer: bool = True) -> None:
        """Writes everything into one ``.safetensors`` file: architecture, settings, parameters, optimizer.

        The file appears whole or not at all; an older file of that name stays until the new one is complete.

        Args:
            path: the file.
            include_optimizer: whether to keep the memory of the optimizer and of callbacks, so that training can go on
                from here.

        Raises:
            NotBuiltError: there is nothing to save yet.
            ConfigurationError: the path cannot be written, or a setting cannot be put into a file.
        """
        self._write(path, self.epochs_trained, include_optimizer)

    def export_onnx(self, path: str | Path, *, opset: int | None = None) -> Any:
        """Writes the prediction, preprocessing included, as an ONNX file that is checked and tried; print the report.

        See ``glassnet.interop.export_onnx``. Needs ``pip install "glassnet[onnx]"``.

        Args:
            path: the file.
            opset: the version of the operators; None for a current one.
        """
        settings = {} if opset is None else {"opset": opset}
        return door("export_onnx")(self, path, **settings)

    def _write(self, path: str | Path, epochs_trained: int, include_optimizer: bool) -> None:
        self.require_built("save")
        require_writable(path, where="save")
        parts = ModelParts(
            network=self.network,
            loss=self.loss,
            optimizer=self.optimizer,
            metrics=self.metrics,
            preprocessing=self.preprocessing,
            target_scaling=self.target_scaling,
            seed=self.seed,
            epochs_trained=epochs_trained,
            feature_names=self.feature_names,
            target_name=self.target_name,
            class_names=self.class_names,
            memories=self.memories,
        )
        description, tensors = describe(parts, include_optimizer=include_optimizer)
        require_whole(parts, description, tensors)
        write_model_file(path, description, tensors)

    def _save_during(self, epoch: Callable[[], int]) -> Callable[[str | Path], None]:
        return lambda path: self._write(path, epoch(), include_optimizer=True)

    def _trainer(self) -> Trainer:
        parts = self.network, self.loss, self.optimizer, self.metrics, self.seed, self._outputs
        return Trainer(*parts, target_scaling=self.target_scaling, engine_name=self.engine, threads=self.threads)

    def _validation(self, data: tuple[Any, ...]) -> Rows:
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise ConfigurationError(
                where="fit: validation_data",
                received=f"a {type(data).__name__}",
                expected="(x, y) or (x, y, sample_weight)",
                fix="write validation_data=(x_validation, y_validation)",
            )
        where = "fit: validation_data"
        return self.rows(data[0], data[1], data[2] if len(data) == 3 else None, where=where).require_weight(where=where)


@suggests
def load(path: str | Path, *, custom: Sequence[type[Configurable] | Callable[..., Any]] = ()) -> Model:
    """Reads a model that ``Model.save`` wrote; no code from the file is run.

    Args:
        path: the file.
        custom: classes of your own (layers, ``NumpyLayer``, schedules, ...) and functions that the model uses. A class
            need not be named where its module is imported already; nothing is imported for a file.

    Returns:
        The model, ready to predict, or to train on where it stopped.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: truncated, damaged, foreign or newer than this version.
    """
    description, tensors = read_model_file(path)
    parts = reconstruct(description, tensors, custom=custom, where=f"load {path}")
    model = Model(parts.network, parts.loss, parts.optimizer, parts.metrics, seed=parts.seed)
    model.epochs_trained = parts.epochs_trained
    model.preprocessing, model.target_scaling = parts.preprocessing, parts.target_scaling
    model.feature_names, model.target_name = parts.feature_names, parts.target_name
    model.class_names, model.memories = parts.class_names, parts.memories
    model.written = written_of(description, f"load {path}")
    return model
