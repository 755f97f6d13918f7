"""What is searched through: the models that a function builds, or those that suit tables and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glassnet.core.checks import numeric
from glassnet.core.errors import ConfigurationError, ShapeError, shown
from glassnet.core.shapes import Shape
from glassnet.data import Dataset
from glassnet.layers import ACTIVATIONS, Dense, Dropout, Flatten, Layer, Reshape
from glassnet.losses import Loss
from glassnet.model import Model
from glassnet.network import Sequential
from glassnet.optimizers import AdamW
from glassnet.preprocessing import Standardize
from glassnet.schedules import CosineDecay
from glassnet.tables import Table
from glassnet.tables.named import is_frame
from glassnet.tuning.given import as_dataset, joined, no_targets, require_images
from glassnet.tuning.ranges import Entry, Range, as_space, draw, names_of
from glassnet.zoo import lenet5, resnet, small_cnn, vgg_bn

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

TABLES, IMAGES = "tables", "images"
KINDS = TABLES, IMAGES
FIT_SETTINGS = ("batch_size", "shuffle", "by_length")
"""Of ``Model.fit``, those that a trial may choose."""
OF_TRAINING: dict[str, Entry] = {
    "learning_rate": Range(1e-4, 3e-2, log=True),
    "batch_size": (16, 32, 64, 128, 256),
    "weight_decay": Range(1e-6, 0.3, log=True),
    "schedule": ("constant", "cosine"),
}
SPACES: dict[str, dict[str, Entry]] = {
    TABLES: {
        "layers": Range(1, 3),
        "units": Range(16, 256, log=True),
        "activation": ("relu", "gelu", "silu", "tanh"),
        "dropout": (0.0, 0.1, 0.25, 0.5),
        **OF_TRAINING,
    },
    IMAGES: {
        "network": ("small_cnn", "lenet5", "vgg_bn", "resnet"),
        "width": Range(8, 32, log=True),
        "stages": Range(1, 3),
        "dropout": (0.0, 0.25, 0.5),
        **OF_TRAINING,
    },
}
"""What is chosen for tables and for images if nothing else is said."""
_LENET5_SIDE = 12


class Candidate(NamedTuple):
    """An untrained model, and what its ``fit`` is given beside the data."""

    model: Model
    settings: dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """What is to be searched through.

    Attributes:
        x: the rows to choose with, as the models take them.
        y: their targets.
        build: the candidate for a trial, given the number of rows that it is trained on.
        about: what it is, in plain settings by name, for comparison with that of another search.
        finish: gives a trained model what its file is to have beside it.
        prepare: turns other rows into what the models take.
    """

    x: Any
    y: Any
    build: Callable[[BaseTrial, int], Candidate]
    about: dict[str, Any]
    finish: Callable[[Model], None]
    prepare: Callable[[Any, Any], tuple[Any, Any]]


def own(build: Callable[..., Any], x: Any, y: Any, space: Any) -> Problem:
    """That of a function of the user's."""
    ranges = None if space is None else as_space(space)

    def candidate(trial: BaseTrial, _: int) -> Candidate:
        if ranges is None:
            return as_candidate(build(trial))
        return as_candidate(build(**{name: draw(trial, name, entry) for name, entry in ranges.items()}))

    about = {"kind": "own", "space": [] if ranges is None else names_of(ranges)}
    return Problem(x, y, candidate, about, _as_it_is, lambda x, y: (x, y))


def _as_it_is(_: Model) -> None:
    """A function of the user's gives models all that they need."""


def as_candidate(built: Any) -> Candidate:
    """What a function of the user's returned: a model, or a pair of a model and settings of ``fit``.

    Raises:
        ConfigurationError: anything else, or a model that was trained already.
    """
    model, settings = built if isinstance(built, tuple) and len(built) == 2 else (built, {})
    if not isinstance(model, Model) or not isinstance(settings, Mapping) or not set(settings) <= set(FIT_SETTINGS):
        raise ConfigurationError(
            where="tune: build",
            received=shown(built),
            expected=f"a gn.Model, or a pair of one and a dict of some of {', '.join(FIT_SETTINGS)}",
            fix='write return gn.Model(...), or return gn.Model(...), {"batch_size": 64}',
        )
    if model.epochs_trained:
        raise ConfigurationError(
            where="tune: build",
            received=f"a model that was trained for {model.epochs_trained:,} epochs",
            expected="a new one for each trial",
            fix="make the network and the model inside the function",
        )
    return Candidate(model, dict(settings))


class Ready:
    """Models for a dataset or a table, with a space that suits them.

    Args:
        kind: TABLES or IMAGES.
        x: rows.
        y: targets.
        space: ranges in the place of those of ``SPACES``; None for these.
        metric: that is measured beside the usual ones.
        seed: of the models.
        epochs: of a whole trial, over which a schedule falls.
    """

    def __init__(self, kind: str, x: Any, y: Any, space: Any, metric: str, seed: int, epochs: int) -> None:
        self.kind, self.seed, self.epochs = kind, seed, epochs
        self.space = as_space({} if space is None else space, SPACES[kind])
        self.table: Table | None = None
        self.loss: str | Loss
        self.data: Dataset
        self.given: Any = None
        self.targets: Any = None
        if isinstance(x, Dataset):
            self._of_dataset(x)
        elif kind == TABLES and (isinstance(x, Mapping) or is_frame(x)):
            self._of_table(x, y)
        else:
            self._of_dataset(as_dataset(x, y))
        usual = ("accuracy",) if self.decides else ("root_mean_squared_error", "r2")
        self.metrics = (*usual, *(() if metric in (*usual, "loss") else (metric,)))

    def problem(self) -> Problem:
        """What is searched through."""
        about = {"kind": self.kind, "space": names_of(self.space)}
        return Problem(*self.prepare(self.given, self.targets), self.build, about, self.finish, self.prepare)

    def _of_table(self, frame: Any, y: Any) -> None:
        frame, names = joined(frame, y)
        self.table = table = y if isinstance(y, Table) else Table.from_data(frame, names, embeddings="auto")
        self.given, self.start = frame, table.input_layers
        self.row: Shape = (len(table.features),)
        self.outputs, self.loss, self.decides = table.outputs, table.loss, bool(table.questions)
        self.preprocessing: Standardize | Table = table
        self.scaling = None if table.questions else Standardize.from_data(table.targets(frame))

    def _of_dataset(self, data: Dataset) -> None:
        if data.y is None:
            raise no_targets()
        self.data, self.given, self.targets, self.start = data, data.x, data.y, tuple
        self.row = data.x.shape[1:]
        if self.kind == IMAGES:
            require_images(data.x.shape)
        self.decides = data.is_classification or data.is_multi_label
        self.outputs = (
            max(2, len(data.class_names or ()), int(data.y.max()) + 1) if data.is_classification else (data.y.shape[1])
        )
        self.loss = (
            "cross_entropy"
            if data.is_classification
            else ("binary_cross_entropy" if data.is_multi_label else "mean_squared_error")
        )
        self.preprocessing = data.standardize(as_images=self.kind == IMAGES)
        self.scaling = None if self.decides else Standardize.from_data(data.y)

    def prepare(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Rows as the networks get them, so that it is not done anew in each trial; targets in their own unit."""
        if self.table is not None:
            frame, _ = joined(x, y, self.table)
            return self.table.apply(frame), self.table.targets(frame)
        x = numeric(x, where="tune: x")
        if x.shape[1:] != self.row:
            raise ShapeError(
                where="tune: validation",
                received=f"an array of shape {x.shape}",
                expected=f"(N, {', '.join(map(str, self.row))}), as x",
                fix="pass validation=(x, y) of rows like those to train with",
            )
        y = y if isinstance(y, np.ndarray) else np.asarray(y)
        return self.preprocessing.apply(x).astype(np.float32), y

    def build(self, trial: BaseTrial, rows: int) -> Candidate:
        """A network by the trial's choices, with AdamW."""
        network = self._dense(trial) if self.kind == TABLES else self._convolutions(trial)
        rate, batch = self._drawn(trial, "learning_rate"), self._drawn(trial, "batch_size")
        decay, schedule = self._drawn(trial, "weight_decay"), self._drawn(trial, "schedule")
        if schedule == "cosine":
            rate = CosineDecay(rate, steps=self.epochs * ceil(rows / batch))
        model = Model(network, self.loss, AdamW(rate, weight_decay=decay), self.metrics, seed=self.seed)
        model.target_scaling = self.scaling
        return Candidate(model, {"batch_size": batch})

    def finish(self, model: Model) -> None:
        """From here on the model takes rows as they were given."""
        model.preprocessing = self.preprocessing
        if self.table is not None:
            model.class_names = self.table.class_names
            model.target_name = ", ".join(self.table.target.names) if self.table.target is not None else None
        else:
            model.feature_names, model.class_names = self.data.feature_names, self.data.class_names

    def _drawn(self, trial: BaseTrial, name: str) -> Any:
        return draw(trial, name, self.space[name])

    def _dense(self, trial: BaseTrial) -> Sequential:
        layers, units = self._drawn(trial, "layers"), self._drawn(trial, "units")
        activation, dropout = self._drawn(trial, "activation"), self._drawn(trial, "dropout")
        hidden: list[Layer] = [*self.start(), *([Flatten()] if len(self.row) > 1 else [])]
        for _ in range(layers):
            hidden += [Dense(units), _activation(activation), *([Dropout(dropout)] if dropout else [])]
        return Sequential(*hidden, Dense(self.outputs))

    def _convolutions(self, trial: BaseTrial) -> Sequential:
        network = self._of_images(trial)
        return Sequential(Reshape((1, *self.row)), *network.layers) if len(self.row) == 2 else network

    def _of_images(self, trial: BaseTrial) -> Sequential:
        name, side = self._drawn(trial, "network"), min(self.row[-2:])
        if name == "small_cnn":
            return small_cnn(self.outputs, dropout=self._drawn(trial, "dropout"))
        if name == "lenet5":
            return lenet5(self.outputs, padding="valid" if side >= _LENET5_SIDE else "same")
        most = max(1, int(np.log2(side)) - 1)
        width, stages = self._drawn(trial, "width"), min(self._drawn(trial, "stages"), most)
        widths = tuple(width * 2**stage for stage in range(stages))
        networks: dict[str, Callable[[int, Sequence[int]], Sequential]] = {"vgg_bn": vgg_bn, "resnet": resnet}
        if name in networks:
            return networks[name](self.outputs, widths)
        raise ConfigurationError(
            where="tune: space: network",
            received=shown(name),
            expected=f"some of {', '.join(map(str, SPACES[IMAGES]['network']))}",  # type: ignore[arg-type]
            fix="choose among these, or write a function that builds the model",
        )


def _activation(name: Any) -> Layer:
    if name not in ACTIVATIONS:
        raise ConfigurationError(
            where="tune: space: activation",
            received=shown(name),
            expected=f"some of {', '.join(sorted(ACTIVATIONS))}",
            fix="choose among these, or write a function that builds the model",
        )
    return ACTIVATIONS[name]()
