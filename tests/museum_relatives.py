"""Networks related to the museum's, which no threshold was tuned on, and healthy ones of many kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import glassnet as gn
from glassnet.data import digits
from glassnet.diagnosis.museum import Exhibit, blobs, circles, rare, waves

Case = tuple[gn.Model, Any, Any]
DIGITS = digits()
X, Y = DIGITS.x / 16, DIGITS.y


def built(exhibit: Exhibit, seed: int = 0) -> Case:
    x, y = exhibit.data(seed)
    return gn.Model(gn.Sequential(*exhibit.layers()), exhibit.loss, exhibit.optimizer), x, y


def wider(layers: list[gn.Layer]) -> list[gn.Layer]:
    hidden = [layer for layer in layers if isinstance(layer, gn.Dense)][:-1]
    for layer in hidden:
        layer.units *= 2 if layer.units > 1 else 1
    return layers


def other_rule(optimizer: gn.Optimizer) -> gn.Optimizer:
    rule = optimizer.rule if isinstance(optimizer, gn.Chain) else optimizer
    new = gn.NAdam(rule.learning_rate) if isinstance(rule, gn.Adam) else gn.SGD(rule.learning_rate, momentum=0.5)
    return gn.Chain(optimizer.steps_in_order[0], new) if isinstance(optimizer, gn.Chain) else new


def relatives(exhibit: Exhibit) -> Iterator[Case]:
    """Five of them: another seed, fewer rows, wider layers, another rule, another dtype."""

    def model(layers: list[gn.Layer], optimizer: gn.Optimizer, **settings: Any) -> gn.Model:
        return gn.Model(gn.Sequential(*layers), exhibit.loss, optimizer, **settings)

    x, y = exhibit.data(11)
    yield model(exhibit.layers(), exhibit.optimizer, seed=3), x, y
    x, y = exhibit.data(12)
    keep = np.random.default_rng(12).permutation(len(x))[: len(x) * 2 // 3] if exhibit.name != "twice" else slice(None)
    yield model(exhibit.layers(), exhibit.optimizer, seed=4), x[keep], y[keep]
    yield model(wider(exhibit.layers()), exhibit.optimizer, seed=5), *exhibit.data(13)
    yield model(exhibit.layers(), other_rule(exhibit.optimizer), seed=6), *exhibit.data(14)
    yield model(exhibit.layers(), exhibit.optimizer, seed=7, dtype="float64"), *exhibit.data(15)


def plain(layers: list[Any], loss: Any, optimizer: Any, data: tuple[Any, Any]) -> Case:
    return gn.Model(gn.Sequential(*layers), loss, optimizer), *data


def noisy(seed: int) -> tuple[Any, Any]:
    x, y = blobs(seed)
    rng = np.random.default_rng(seed)
    return x, np.where(rng.random(len(y)) < 0.25, rng.integers(0, 4, len(y)), y)


def learned_rare(seed: int) -> tuple[Any, Any]:
    x, y = rare(seed)
    return x + 4 * y, y


def steps(seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(500, 12, 2))
    return x, (x[:, :, 0].sum(axis=1) > 0).astype(int)


HEALTHY: dict[str, Callable[[], Case]] = {
    "clouds": lambda: plain([gn.Dense(24), "relu", gn.Dense(4)], "cross_entropy", gn.Adam(0.01), blobs(1)),
    "a linear boundary": lambda: plain([gn.Dense(4)], "cross_entropy", gn.SGD(0.1), blobs(2)),
    "noisy labels": lambda: plain([gn.Dense(16), "relu", gn.Dense(4)], "cross_entropy", gn.Adam(0.005), noisy(3)),
    "imbalanced yet learned": lambda: plain(
        [gn.Dense(16), "relu", gn.Dense(1)], "binary_cross_entropy", gn.Adam(0.01), learned_rare(4)
    ),
    "circles": lambda: plain([gn.Dense(32), "tanh", gn.Dense(2)], "cross_entropy", gn.Adam(0.02), circles(5)),
    "squares behind a sigmoid that learns": lambda: plain(
        [gn.Dense(32), "tanh", gn.Dense(1), "sigmoid"], "mean_squared_error", gn.Adam(0.02),
        (circles(6)[0], circles(6)[1][:, None].astype(float)),
    ),
    "waves": lambda: plain([gn.Dense(32), "relu", gn.Dense(1)], "mean_squared_error", gn.Adam(0.01), waves(7)),
    "a line": lambda: plain(
        [gn.Dense(1)], "mean_squared_error", gn.SGD(0.05), (waves(8)[0], waves(8)[0] @ np.ones((3, 1)))
    ),
    "amounts above 0 behind a ReLU": lambda: plain(
        [gn.Dense(32), "relu", gn.Dense(1), "softplus"], "mean_squared_error", gn.Adam(0.01),
        (waves(9)[0], waves(9)[1] + 4),
    ),
    "a light penalty": lambda: plain(
        [gn.Dense(24), "relu", gn.Dense(4)], "cross_entropy", gn.Chain(gn.L2(1e-4), gn.Adam(0.01)), blobs(10)
    ),
    "XOR, four rows": lambda: plain(
        [gn.Dense(8), "tanh", gn.Dense(2)], "cross_entropy", gn.Adam(0.05),
        (np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float), np.array([0, 1, 1, 0])),
    ),
    "tiny": lambda: plain([gn.Dense(8), "relu", gn.Dense(4)], "cross_entropy", gn.Adam(0.02), blobs(12, rows=60)),
    "digits": lambda: plain([gn.Dense(64), "relu", gn.Dense(10)], "cross_entropy", gn.Adam(0.003), (X, Y)),
    "images": lambda: plain(
        [gn.Reshape((1, 8, 8)), gn.Conv2D(8, 3, padding="same"), "relu", gn.MaxPool2D(2), gn.Flatten(), gn.Dense(10)],
        "cross_entropy", gn.Adam(0.01), (X, Y),
    ),
    "batch norm and dropout": lambda: plain(
        [gn.Dense(64), gn.BatchNorm(), "relu", gn.Dropout(0.2), gn.Dense(10)], "cross_entropy", gn.Adam(0.003), (X, Y)
    ),
    "sequences": lambda: plain([gn.LSTM(16), gn.Dense(2)], "cross_entropy", gn.Adam(0.01), steps(16)),
    "an autoencoder": lambda: plain(
        [gn.Dense(16), "relu", gn.Dense(64), "sigmoid"], "mean_squared_error", gn.Adam(0.005), (X, X)
    ),
    "momentum": lambda: plain(
        [gn.Dense(64), "sigmoid", gn.Dense(10)], "cross_entropy", gn.SGD(0.1, momentum=0.9), (X, Y)
    ),
    "three deep": lambda: plain(
        [gn.Dense(32), "relu", gn.Dense(32), "relu", gn.Dense(32), "relu", gn.Dense(2)],
        "cross_entropy", gn.Adam(0.003), circles(19),
    ),
    "counts": lambda: plain(
        [gn.Dense(16), "tanh", gn.Dense(1)], "poisson", gn.Adam(0.01),
        (waves(20)[0], np.random.default_rng(20).poisson(np.exp(waves(20)[1])).astype(float)),
    ),
}  # fmt: skip
