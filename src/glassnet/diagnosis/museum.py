"""The illness museum: sick networks as data, each with its symptom, its cause and its cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.core.settings import one_of
from glassnet.core.shapes import Array
from glassnet.initializers import Constant, Normal
from glassnet.layers import Dense, Layer, ReLU, Sigmoid, Tanh
from glassnet.optimizers import L2, SGD, Adam, Chain, Optimizer

Data = Callable[[int], tuple[Array, Array]]
ROWS = 600


@dataclass(frozen=True)
class Exhibit:
    """A sick network.

    Attributes:
        name: by which it is asked for.
        cause: the name of the finding that explains it.
        shows: the symptom, by language.
        layers: makes the layers, without the data.
        loss: by name.
        optimizer: the rule with its rate.
        data: seed -> x (N, D) and y.
        playground: the same illness as a setting of the playground, as far as it differs from the usual one; empty
            where that cannot be set there.
    """

    name: str
    cause: str
    shows: dict[str, str]
    layers: Callable[[], list[Layer]]
    loss: str
    optimizer: Optimizer
    data: Data
    playground: Mapping[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """What to put behind the address of a playground; empty where the illness cannot be set there."""
        values = {name: ",".join(map(str, v)) if isinstance(v, tuple) else v for name, v in self.playground.items()}
        return "#" + "&".join(f"{name}={value}" for name, value in values.items()) if values else ""


def exhibit_of(name: str, *, where: str) -> Exhibit:
    """The exhibit of that name.

    Raises:
        ConfigurationError: there is none.
    """
    by_names = {exhibit.name: exhibit for exhibit in EXHIBITS}
    return by_names[one_of(name, "name", where, tuple(by_names))]


def blobs(seed: int, rows: int = ROWS, classes: int = 4, columns: int = 6) -> tuple[Array, Array]:
    """Clouds of points around a centre for each class."""
    rng = np.random.default_rng(seed)
    centres, labels = rng.normal(size=(classes, columns)) * 2, rng.integers(0, classes, rows)
    return centres[labels] + rng.normal(size=(rows, columns)), labels


def circles(seed: int, rows: int = ROWS) -> tuple[Array, Array]:
    """Points inside and outside of a circle."""
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(rows, 2))
    return x, (np.square(x).sum(axis=1) > 1.4).astype(int)


def waves(seed: int, rows: int = ROWS) -> tuple[Array, Array]:
    """A smooth amount of three columns, about 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    return x, np.sin(x[:, :1]) + x[:, 1:2] * 0.5 + 0.05 * rng.normal(size=(rows, 1))


def yes_or_no(seed: int) -> tuple[Array, Array]:
    """The circle's answers for one output."""
    x, y = circles(seed)
    return x, y[:, None].astype(float)


def rare(seed: int) -> tuple[Array, Array]:
    """Three rows in a hundred are of class 1, and lie among the others."""
    rng = np.random.default_rng(seed)
    y = rng.random(2000) < 0.03
    return rng.normal(size=(2000, 4)) + 1.0 * y[:, None], y[:, None].astype(float)


def of(data: Data, change: Callable[[Array, Array], tuple[Array, Array]]) -> Data:
    """The same data, changed."""
    return lambda seed: change(*data(seed))


def shuffled(x: Array, y: Array) -> tuple[Array, Array]:
    """Targets of other rows."""
    return x, np.random.default_rng(1).permutation(y)


def repeated(x: Array, y: Array) -> tuple[Array, Array]:
    """Rows of which a fifth stand there twice."""
    again = len(x) // 5
    return np.concatenate([x, x[:again]]), np.concatenate([y, y[:again]])


def net(hidden: Callable[[], list[Layer]], outputs: int, *after: Callable[[], Layer]) -> Callable[[], list[Layer]]:
    """Hidden layers, the last dense one, and what follows it."""
    return lambda: [*hidden(), Dense(outputs), *(layer() for layer in after)]


def one() -> list[Layer]:
    """A hidden layer that is as it should be."""
    return [Dense(24), ReLU()]


def _exhibit(
    name: str,
    cause: str,
    en: str,
    zh: str,
    layers: Callable[[], list[Layer]],
    loss: str,
    optimizer: Optimizer,
    data: Data,
    playground: Mapping[str, Any] | None = None,
) -> Exhibit:
    return Exhibit(name, cause, {"en": en, "zh": zh}, layers, loss, optimizer, data, playground or {})


CLASSES, AMOUNTS, YES = "cross_entropy", "mean_squared_error", "binary_cross_entropy"
EXHIBITS: tuple[Exhibit, ...] = (
    _exhibit(
        "leaping", "learning_rate_too_high", "The loss jumps up and down and does not come to rest.",
        "损失忽高忽低，始终降不下来。",
        net(lambda: [Dense(24), ReLU(), Dense(24), ReLU()], 2), CLASSES, SGD(3.0), circles,
        {"dataset": "circle", "hidden": (8, 8), "activation": "relu", "optimizer": "sgd", "learning_rate": 3.0},
    ),
    _exhibit(
        "leaping-adam", "learning_rate_too_high", "With Adam, too, the loss stays high, though it never becomes NaN.",
        "用 Adam 训练，损失没有变成 NaN，却一直很高。",
        net(lambda: [Dense(24), Tanh(), Dense(24), Tanh()], 2), CLASSES, Adam(0.5), circles,
        {"dataset": "circle", "hidden": (8, 8, 8), "optimizer": "adam", "learning_rate": 1.0},
    ),
    _exhibit(
        "nan", "learning_rate_too_high", "The loss becomes NaN within the first epochs.", "训练几轮后，损失变成 NaN。",
        net(one, 1), AMOUNTS, SGD(2.0), waves,
        {"dataset": "plane", "hidden": (16,), "activation": "relu", "optimizer": "sgd", "learning_rate": 5.0},
    ),
    _exhibit(
        "asleep", "learning_rate_too_low", "After 20 epochs the loss is nearly where it began.",
        "训练二十轮，损失几乎还在原地。",
        net(one, 4), CLASSES, SGD(1e-5), blobs,
        {"dataset": "blobs", "hidden": (8,), "activation": "relu", "optimizer": "sgd", "learning_rate": 1e-5},
    ),
    _exhibit(
        "prices", "targets_unscaled", "House prices: the error stays at half a million.",
        "预测房价：误差始终在五十万左右。",
        net(one, 1), AMOUNTS, Adam(0.01), of(waves, lambda x, y: (x, (y + 5) * 1e5)),
    ),
    _exhibit(
        "salaries", "unscaled_inputs", "An ordinary rate, and yet the loss becomes NaN at once.",
        "学习率并不大，损失却马上变成 NaN。",
        net(one, 4), CLASSES, SGD(0.05), of(blobs, lambda x, y: (x * [1e4, 1, 1, 1, 1, 1], y)),
    ),
    _exhibit(
        "twins", "equal_units", "24 hidden units, and no better than one.",
        "隐藏层有 24 个单元，效果却和一个单元一样。",
        lambda: [Dense(24, weight_init=0.1), Tanh(), Dense(4, weight_init=0.1)], CLASSES, Adam(0.01), blobs,
    ),
    _exhibit(
        "straight", "no_hidden_layer", "Points inside and outside of a circle: one half is right, as by guessing.",
        "区分圆内与圆外的点：只对一半，和瞎猜一样。", net(list, 2), CLASSES, Adam(0.01), circles,
        {"dataset": "circle", "hidden": (), "learning_rate": 0.03},
    ),
    _exhibit(
        "never-below-zero", "unreachable_targets", "All negative targets are answered with 0.",
        "凡是负的目标，预测都是 0。", net(one, 1, ReLU), AMOUNTS, Adam(0.01), waves,
    ),
    _exhibit(
        "never-above-one", "unreachable_targets", "No prediction ever exceeds 1; the targets go to 8.",
        "预测从不超过 1，而目标最大到 8。",
        net(one, 1, Sigmoid), AMOUNTS, Adam(0.01), of(waves, lambda x, y: (x, y * 2 + 3)),
    ),
    _exhibit(
        "ninety-seven", "class_imbalance", "97% right, and not one of the rare class found.",
        "准确率 97%，稀有类却一个也没找出来。", net(one, 1), YES, Adam(0.003), rare,
    ),
    _exhibit(
        "sure-and-wrong", "sigmoid_with_squared_error", "Sure of its wrong answers, it stops learning.",
        "对错误答案十分确信，于是不再学习。",
        lambda: [Dense(16), Tanh(), Dense(1, bias_init=Constant(-7.0)), Sigmoid()], AMOUNTS, SGD(0.1), yes_or_no,
    ),
    _exhibit(
        "bottleneck", "bottleneck", "Wide layers after a single unit, and no use of them.",
        "后面的层很宽，前面却只有一个单元，宽也没有用。",
        net(lambda: [Dense(1), Tanh(), Dense(24), Tanh()], 2), CLASSES, Adam(0.01), circles,
        {"dataset": "circle", "hidden": (1, 8), "learning_rate": 0.03},
    ),
    _exhibit(
        "held-down", "penalty_too_strong", "The training loss falls at first, then rises and stays high.",
        "训练损失先降后升，停在高处。", net(one, 4), CLASSES, Chain(L2(1.0), Adam(0.01)), blobs,
        {"dataset": "blobs", "hidden": (8,), "activation": "relu", "learning_rate": 0.03, "l2": 1.0},
    ),
    _exhibit(
        "twice", "duplicate_rows", "Better on the validation rows than it will ever be in use.",
        "验证集上的成绩，比实际使用时要好。", net(one, 4), CLASSES, Adam(0.01), of(blobs, repeated),
    ),
    _exhibit(
        "shuffled", "unrelated_targets", "The training loss falls; other rows are answered no better than by guessing.",
        "训练损失在下降，在别的数据上却不比瞎猜好。", net(one, 4), CLASSES, Adam(0.003), of(blobs, shuffled),
    ),
    _exhibit(
        "too-sure", "first_loss", "The loss begins at some forty times ln 4.", "损失一开始就是 ln 4 的四十倍左右。",
        lambda: [Dense(24), ReLU(), Dense(4, weight_init=Normal(8.0))], CLASSES, SGD(0.002), blobs,
    ),
    _exhibit(
        "dead", "dead_relu", "Every row gets the same answer.", "每一行得到的预测都相同。",
        net(lambda: [Dense(24, bias_init=Constant(-30.0)), ReLU()], 4), CLASSES, Adam(0.003), blobs,
    ),
    _exhibit(
        "deep", "vanishing_gradients", "Ten sigmoid layers, and for a long time nothing moves.",
        "十层 sigmoid，损失很久都纹丝不动。",
        net(lambda: [own for _ in range(10) for own in (Dense(16, weight_init="glorot_normal"), Sigmoid())], 4),
        CLASSES, Adam(0.003), blobs,
        {"dataset": "blobs", "hidden": (8,) * 6, "activation": "sigmoid", "learning_rate": 0.003},
    ),
    _exhibit(
        "louder-and-louder", "exploding_gradients", "Eight layers and a small rate: NaN in the first epoch.",
        "八层网络，学习率很小，第一轮就变成 NaN。",
        net(lambda: [own for _ in range(8) for own in (Dense(32, weight_init=Normal(1.0)), ReLU())], 4),
        CLASSES, SGD(0.01), blobs,
    ),
)  # fmt: skip
