"""What a network for a table is made of, and how it is trained: all choices in one place, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import ceil, sqrt
from typing import Any

from glassnet.core.errors import ConfigurationError, shown
from glassnet.core.settings import number, one_of, whole
from glassnet.initializers import LeCunNormal, Normal, Zeros
from glassnet.layers import ACTIVATIONS, Columns, Dense, Dropout, Layer, Scale
from glassnet.losses import CrossEntropy, JointCrossEntropy, Loss, as_loss
from glassnet.network import Concat, Sequential
from glassnet.optimizers import L2, OPTIMIZERS, Chain, Optimizer
from glassnet.schedules import CosineDecay, LogCosine
from glassnet.tables import Answers, Classes, Table
from glassnet.tables.learning import NUMBERS
from glassnet.training import EarlyStopping

SMALL = 1e-3
"""The deviation of the last layer's first weights: next to nothing in the answers, and yet errors pass back through."""
SCHEDULES = "constant", "cosine", "log_cosine"
PARAMETRIZATIONS = "standard", "ntk"


@dataclass(frozen=True)
class Recipe:
    """How a network for a table is made and trained.

    Args:
        numbers: how columns of numbers become features, see ``Table.from_data``.
        hidden: units of the hidden layers.
        activation: after each of them.
        dropout: the rate of what is dropped after each of them.
        linear: whether the features also go straight to the last layer, beside the hidden ones, and the network begins
            as logistic or ridge regression (``glassnet.tabular.linear``).
        parametrization: ``"standard"``: He's weights, biases of 0. ``"ntk"``: weights w/√D with w of unit variance,
            which Adam moves by the rate times 1/√D, biases from N(0, 1), moved by a tenth of the rate, a last layer
            of nearly zero.
        feature_rate: each feature gets a learned factor, moved by so many times the rate; 0 for no factors.
        optimizer: its name.
        rate: the step size, the largest one of a schedule; None for the optimizer's own.
        beta_2: of Adam.
        schedule: of the rate: ``"constant"``, ``"cosine"`` or ``"log_cosine"``.
        l2: the strength of a penalty ½ λ ‖W‖².
        batch_size: rows in a step.
        epochs: at most so many.
        patience: epochs without a better one after which the training ends; None for all of them.
        monitor: the number that chooses the epoch whose weights are kept.
        ties: which of equally good epochs, ``"first"`` or ``"last"``.
        label_smoothing: of classes.
        members: how many networks answer together.
        calibrates: whether the probabilities are divided by a temperature that the rows set aside choose.
    """

    numbers: str = "piecewise"
    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    dropout: float = 0.0
    linear: bool = False
    parametrization: str = "standard"
    feature_rate: float = 0.0
    optimizer: str = "adam"
    rate: float | None = 1e-3
    beta_2: float = 0.999
    schedule: str = "constant"
    l2: float = 0.0
    batch_size: int = 32
    epochs: int = 64
    patience: int | None = None
    monitor: str = "val_loss"
    ties: str = "first"
    label_smoothing: float = 0.0
    members: int = 1
    calibrates: bool = False

    def __post_init__(self) -> None:
        where = "Recipe"
        one_of(self.numbers, "numbers", where, NUMBERS)
        one_of(self.activation, "activation", where, list(ACTIVATIONS))
        one_of(self.parametrization, "parametrization", where, PARAMETRIZATIONS)
        one_of(self.schedule, "schedule", where, SCHEDULES)
        one_of(self.optimizer, "optimizer", where, list(OPTIMIZERS))
        for units in self.hidden:
            whole(units, "hidden", where)
        for name in ("batch_size", "epochs", "members"):
            whole(getattr(self, name), name, where)
        if self.patience is not None:
            whole(self.patience, "patience", where)
        for name in ("feature_rate", "l2"):
            number(getattr(self, name), name, where, low=0)
        for name in ("dropout", "label_smoothing"):
            number(getattr(self, name), name, where, low=0, high=1)

    def but(self, **changes: Any) -> Recipe:
        """The same with other values for what is given; None changes nothing."""
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

    def network(self, table: Table) -> Sequential:
        """The network for a table, not built."""
        is_ntk = self.parametrization == "ntk"
        inner: dict[str, Any] = {"weight_init": LeCunNormal(), "bias_init": Normal(1.0)} if is_ntk else {}
        hidden: list[Layer] = [Scale()] if self.feature_rate else []
        for units in self.hidden:
            hidden += [Dense(units, **inner), ACTIVATIONS[self.activation]()]
            hidden += [Dropout(self.dropout)] if self.dropout else []
        straight = places_of_amounts(table) if self.linear else []
        layers = [Concat(hidden, Columns(range(len(straight))))] if straight and hidden else hidden
        last: dict[str, Any] = {"weight_init": Normal(SMALL), "bias_init": Zeros()} if is_ntk or straight else {}
        return Sequential(*table.input_layers(), *layers, Dense(table.outputs, **last))

    def set_rates(self, network: Sequential) -> None:
        """Sets the factors of the rate, layer by layer, of a network that is built."""
        for _, layer in network.walk():
            if isinstance(layer, Scale):
                layer.gamma.learning_rate_scale = self.feature_rate
                layer.beta.trainable = False  # the next layer's bias does the same
            elif isinstance(layer, Dense) and self.parametrization == "ntk":
                layer.weight.learning_rate_scale = 1 / sqrt(layer.weight.shape[0])
                layer.bias.learning_rate_scale = 0.1

    def make_optimizer(self, steps: int) -> Optimizer:
        """The update rule for a training of so many steps."""
        kind: Any = OPTIMIZERS[self.optimizer]
        settings: dict[str, Any] = {}
        if self.optimizer == "adam" and self.beta_2 != 0.999:
            settings["beta2"] = self.beta_2
        rule = kind(**settings) if self.rate is None else kind(self.rate, **settings)
        if self.schedule != "constant":
            schedule: Any = CosineDecay if self.schedule == "cosine" else LogCosine
            rule.learning_rate = schedule(float(rule.learning_rate), steps=steps)
        return Chain(L2(self.l2), rule) if self.l2 else rule

    def loss(self, table: Table) -> Loss:
        """The loss for a table's target."""
        if not self.label_smoothing or isinstance(table.target, Answers):
            return as_loss(table.loss)
        if isinstance(table.target, Classes):
            return CrossEntropy(label_smoothing=self.label_smoothing)
        counts = [len(classes) for classes in table.questions.values()]
        return JointCrossEntropy(counts, label_smoothing=self.label_smoothing)

    def stopping(self) -> EarlyStopping:
        """What keeps the weights of the best epoch."""
        return EarlyStopping(self.monitor, patience=self.patience or self.epochs, ties=self.ties)

    def steps(self, rows: int) -> int:
        """Updates of a whole training with so many rows."""
        return self.epochs * ceil(rows / self.batch_size)


BEST = Recipe(
    hidden=(128, 128),
    activation="selu",
    dropout=0.1,
    linear=True,
    parametrization="ntk",
    feature_rate=6.0,
    rate=0.04,
    beta_2=0.95,
    schedule="log_cosine",
    batch_size=256,
    monitor="val_accuracy",
    ties="last",
    label_smoothing=0.1,
    members=4,
    calibrates=True,
)
"""Four networks in the manner of RealMLP, each with a linear path beside its hidden layers, trained on different
fourths of five, with one temperature.

Sources: D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024; Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular
deep learning", NeurIPS 2022; H.-T. Cheng et al., "Wide & deep learning for recommender systems", DLRS 2016; C. Guo et
al., "On calibration of modern neural networks", ICML 2017.
"""
QUICK = BEST.but(
    hidden=(64, 64),
    dropout=0.0,
    batch_size=128,
    patience=35,  # the last of the rate's four swings takes 34 of 64 epochs
    monitor="val_loss",
    ties="first",
    label_smoothing=0.0,
    members=1,
    calibrates=False,
)
"""One network of the same kind, half as wide, in well under a second for a few thousand rows."""
OF_AMOUNTS: dict[str, dict[str, Any]] = {
    "quick": {"activation": "mish", "monitor": "val_root_mean_squared_error"},
    "best": {
        **{"activation": "mish", "rate": 0.07, "monitor": "val_root_mean_squared_error"},
        **{"label_smoothing": 0.0, "calibrates": False},
    },
}
"""What differs where amounts are predicted."""
PRESETS = {"quick": QUICK, "best": BEST}


def places_of_amounts(table: Table) -> list[int]:
    """The features that are amounts, not numbers of words; ``Table.input_layers`` puts them first."""
    lookups = table.lookups()
    return [place for place in range(len(table.features)) if place not in lookups]


def recipe_for(preset: str | Recipe, table: Table) -> Recipe:
    """The recipe for a table's target.

    Args:
        preset: ``"quick"``, ``"best"`` or a recipe, which is taken as it is.
        table: that knows its target.

    Raises:
        ConfigurationError: there is no such preset.
    """
    if isinstance(preset, Recipe):
        return preset
    one_of(preset, "preset", "TableModel", list(PRESETS))
    recipe = PRESETS[preset]
    if isinstance(table.target, Answers):
        return recipe.but(**OF_AMOUNTS[preset])
    is_one = isinstance(table.target, Classes)
    return recipe if is_one else recipe.but(calibrates=False, monitor="val_loss")


def require_fits(recipe: Recipe, table: Table) -> None:
    """Refuses what does not go together.

    Raises:
        ConfigurationError: label smoothing or a temperature for amounts.
    """
    names = [field.name for field in fields(recipe) if field.name in ("label_smoothing", "calibrates")]
    given = [name for name in names if getattr(recipe, name)]
    if given and isinstance(table.target, Answers):
        raise ConfigurationError(
            where="TableModel",
            received=f"{given[0]}={shown(getattr(recipe, given[0]))} for amounts, {', '.join(table.target.names)}",
            expected="it for classes alone",
            fix="leave it out",
        )
