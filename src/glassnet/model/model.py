"""The model: a network with its loss, optimizer, metrics and preprocessing; what most people use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from glassnet.compile import Plan
from glassnet.compile.binding import require_engine
from glassnet.compile.threads import thread_count
from glassnet.core.blocks import Blocks
from glassnet.core.calls import suggests
from glassnet.core.doors import door
from glassnet.core.settings import Configurable, one_of, whole
from glassnet.core.shapes import DType, as_dtype
from glassnet.formats import ModelParts, Written, fingerprint
from glassnet.layers import Layer, NumpyLayer
from glassnet.losses import Loss
from glassnet.metrics.running import require_adding
from glassnet.model.blocks import learn_table, refuse_beside_blocks, streamed
from glassnet.model.checks import agreed_dtype
from glassnet.model.fitting import Fitting
from glassnet.model.outputs import Losses, Metrics, fitted
from glassnet.model.saving import KEPT, parts_of, read_newest, write
from glassnet.model.steps import Stepping
from glassnet.network import Network, as_network
from glassnet.optimizers import Optimizer, as_optimizer
from glassnet.preprocessing import Standardize
from glassnet.series import Forecasting
from glassnet.tables import Table
from glassnet.text import Vocabulary
from glassnet.training import LatestFit, Memories, Predictor, Stepper, TrainingState, example_rows, plan_of

MOST_PLANNED = 2**20
"""Rows of a batch whose step may be planned: it is recorded with that many."""
ENGINES = ("auto", "compiled", "numpy")


class Model(Fitting, Stepping):
    """A network that can be trained, evaluated, used and saved.

    Args:
        network: a ``Network``, or a single layer. Unless it is built already, ``fit`` builds it for the data.
        loss: an object or name, see ``gn.losses``; for a ``Graph`` with several outputs a dict of losses by output, or
            pairs ``(loss, weight)``.
        optimizer: an object, a name, or a list of steps (see ``gn.Chain``). The model keeps a copy of its own.
        metrics: objects or names, such as ``["accuracy"]``; by output ``{"digit": ["accuracy", "loss"]}``, which the
            history calls ``digit_accuracy`` and ``digit_loss``.
        seed: keys initial weights, the order of rows, splits and dropout masks: the same seed, data and version give
            the same bits (``docs/determinism.md`` says where).
        dtype: ``"float32"`` or ``"float64"``, of parameters and computation.
        engine: ``"compiled"`` records a training step once and replays it in C++ (see ``plan``), and predicts there
            too, where numbers below the normal range (1.2e-38 in float32) count as 0; ``"numpy"`` calls the NumPy
            kernels one after another; ``"auto"`` is the compiled engine where it is installed and the processor has
            AVX2 or is not of the x86-64 family.
        threads: upper limit of threads of the compiled engine; None for the environment's GLASSNET_NUM_THREADS, else
            as many as there are processors, up to OMP_NUM_THREADS. The number of threads changes no bit of any result.

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
        vocabulary: of a network that reads tokens, such as ``gn.text.Characters``: ``fit``, ``evaluate`` and
            ``predict`` then take texts, and ``gn.generate`` writes them; or None.
        forecasting: of forecasts of series: what ``gn.data.windows(...).forecasting`` knows of them, with which
            ``forecast`` takes series as they are; or None.
        ragged: whether it was trained on rows of different length.
        memories: what callbacks knew at the end of ``fit``, for the next one, by their names; ``memories.clear()``
            lets all of them begin anew.
        latest_fit: what the latest ``fit`` was and how far it came, with which ``fit(..., resume=True)`` goes on; print
            it to read where training stands. None before the first.
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
        self.loss, self.metrics = fitted(self.network, loss, metrics)
        self.optimizer = deepcopy(as_optimizer(optimizer))
        self.seed = whole(seed, "seed", "Model", low=0)
        self.dtype = agreed_dtype(self.network, as_dtype(dtype))
        self.engine = one_of(engine, "engine", "Model", ENGINES)
        self.threads = None if threads is None else thread_count(threads)
        self.epochs_trained = 0
        self.preprocessing: Standardize | Table | None = None
        self.target_scaling: Standardize | None = None
        self.feature_names: tuple[str, ...] | None = None
        self.target_name: str | None = None
        self.class_names: tuple[str, ...] | None = None
        self.vocabulary: Vocabulary | None = None
        self.forecasting: Forecasting | None = None
        self.ragged = False
        self.memories: Memories = {}
        self.latest_fit: LatestFit | None = None
        self.written: Written | None = None
        self._predictor: Predictor | None = None
        self._stepper: Stepper | None = None
        self._single: Any = None  # does updates like the latest in one native call
        self._state: TrainingState | None = None  # of the fit that goes on
        if engine == "compiled":
            require_engine("Model")
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """The state without what is compiled: a copy compiles for itself."""
        epochs = self.epochs_trained if self._state is None else self._state.epoch
        return self.__dict__ | {
            "_predictor": None,
            "_stepper": None,
            "_single": None,
            "_state": None,
            "epochs_trained": epochs,
        }

    def __repr__(self) -> str:
        return f"Model({self.network!r}, loss={self.loss!r}, optimizer={self.optimizer!r})"

    def untrained(self, optimizer: Optimizer, *, network: Network | None = None, loss: Loss | None = None) -> Model:
        """A model of a copy of the network, with new initial weights: for trials that leave this one as it is.

        It has the same loss, seed, dtype, engine and threads. It takes rows as the network gets them, after any
        preprocessing, and has no metrics.

        Args:
            optimizer: of the new model, which keeps a copy.
            network: one that is not built yet, in place of the copy, for the same inputs.
            loss: in place of the model's own.

        Raises:
            NotBuiltError: the shapes are not known yet.
        """
        self.require_built("untrained")
        settings: dict[str, Any] = {"seed": self.seed, "dtype": self.dtype}
        parts = network or self.network.copy(), loss or self.loss, optimizer
        copy = Model(*parts, **settings, engine=self.engine, threads=self.threads)
        copy.network.build(self.network.input_shape or (), **settings)
        return copy

    @suggests
    def evaluate(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics on data, in prediction mode (no dropout), such as ``{"loss": ..., "accuracy": ...}``.

        Metrics are computed in float64, on the targets as they are given: they are what NumPy makes of ``predict(x)``
        and y. With ``target_scaling`` the loss is that of the standardised targets, as in training. x may be
        ``gn.data.blocks``, which hold their own answers; then metrics are added up block by block.
        """
        self.require_built("evaluate")
        if isinstance(x, Blocks):
            refuse_beside_blocks("evaluate", sample_weight=sample_weight)
            require_adding(self.metrics, where="evaluate")
            learn_table(self, x, y, where="evaluate")
            return self._trainer().evaluate(streamed(self, x, where="evaluate", checks=False))
        rows = self.rows(x, y, sample_weight, where="evaluate", ragged=True)
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
            ConfigurationError: there is no compiled engine here.
        """
        self.require_built("plan")
        require_engine("plan")
        size = whole(batch_size, "batch_size", "plan", high=MOST_PLANNED)
        rows = example_rows(self.network, self.loss, size)
        return plan_of(self.network, self.loss, self.optimizer, self.seed, rows, thread_count(self.threads))

    @suggests
    def save(self, path: str | Path, *, include_optimizer: bool = True) -> None:
        """Writes everything into one ``.safetensors`` file: architecture, settings, parameters, optimizer.

        The file appears whole or not at all: an older file of that name stays until the new one is complete, and has
        been read back as ``gn.load`` will read it. Checksums in it show damage that it may take later. Called by a
        callback, in the middle of a training, it holds the place in it, as ``state.save(path)`` does; called by another
        thread meanwhile, it says that the place is not known.

        Args:
            path: the file. What a symbolic link leads to is replaced and the link stays; so do the mode, the owner and
                the group of an older file. A file that is not empty and no model of glassnet's is not replaced.
            include_optimizer: whether to keep the memory of the optimizer and of callbacks, so that training can go on
                from here.

        Raises:
            NotBuiltError: there is nothing to save yet.
            ConfigurationError: the path cannot be written or has another file; a setting cannot be put into a file, or
                would be refused when the file is read.
            DataError: NaN or infinity among the parameters or in the memory of the optimizer.
            ShapeError: settings of layers were changed after the build, so that their weights do not fit any more.
            WriteError: the disk is full or failing; the older file is as it was.
        """
        if self._state is not None and include_optimizer:
            self._state.save(path)
            return
        epochs = self.epochs_trained if self._state is None else self._state.epoch
        write(self, path, include_optimizer=include_optimizer, epochs_trained=epochs)

    @suggests
    def fingerprint(self, of: str = "training") -> str:
        """A short hash of all that decides what the model answers, and how it trains on.

        Two models with the same fingerprint give the same answers and, on the same data, learn the same numbers; a
        single bit of a parameter makes another one. It depends on the model alone, not on the machine, the process or
        the version of glassnet, and it outlives ``save`` and ``load``. How the numbers are calculated (``engine``,
        ``threads``) is no part of it, and of functions and classes of your own it knows the names and settings, not
        the code.

        Args:
            of: ``"training"`` for everything that ``save`` writes: architecture and settings, parameters, loss,
                preprocessing, names, metrics, seed, epochs and steps done, the memory of the optimizer and of
                callbacks that decide about training. ``"predictions"`` for the part of it that answers depend on,
                whatever optimizer has led there.

        Returns:
            16 hexadecimal digits.

        Raises:
            NotBuiltError: there are no parameters yet.
            ConfigurationError: a setting that no file could hold, such as a lambda.

        Example:
            >>> import numpy as np, glassnet as gn
            >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
            >>> one, two = (gn.Model(gn.Dense(1), "mean_squared_error", gn.SGD(0.1), seed=7) for _ in range(2))
            >>> _ = one.fit(x, y, epochs=5, verbose=False)
            >>> for _ in range(5):
            ...     _ = two.fit(x, y, epochs=1, verbose=False)
            >>> one.fingerprint() == two.fingerprint()
            True
        """
        self.require_built("fingerprint")
        asked = one_of(of, "of", "fingerprint", ("training", "predictions"))
        return fingerprint(parts_of(self), training=asked == "training")

    def export_onnx(self, path: str | Path, *, opset: int | None = None) -> Any:
        """Writes the prediction, preprocessing included, as an ONNX file that is checked and tried; print the report.

        See ``glassnet.interop.export_onnx``. Needs ``pip install "glassnet[onnx]"``.

        Args:
            path: the file.
            opset: the version of the operators; None for a current one.
        """
        settings = {} if opset is None else {"opset": opset}
        return door("export_onnx")(self, path, **settings)


@suggests
def load(path: str | Path, *, custom: Sequence[type[Configurable] | Callable[..., Any]] = ()) -> Model:
    """Reads a model that ``Model.save`` or ``gn.Checkpoint`` wrote; no code from the file is run.

    Where it is damaged, and a ``Checkpoint`` has kept older ones beside it, the newest of them that is whole is read,
    as a ``CheckpointWarning`` says.

    Args:
        path: the file; or, with ``{epoch}`` or ``{step}`` in its name as a ``Checkpoint`` had it, the newest of these.
        custom: classes of your own (layers, ``NumpyLayer``, schedules, ...) and functions that the model uses. A class
            need not be named where its module is imported already; nothing is imported for a file.

    Returns:
        The model, ready to predict, or to train on where it stopped.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: truncated, damaged, foreign or newer than this version.
    """
    parts, written, _ = read_newest(path, custom)
    return model_of(parts, written)


def model_of(parts: ModelParts, written: Written) -> Model:
    """The model that a file holds."""
    model = Model(parts.network, parts.loss, parts.optimizer, parts.metrics, seed=parts.seed)
    model.written = written
    for name in KEPT:
        setattr(model, name, getattr(parts, name))
    return model
