"""Hidden layers whose units are all the same are named, before and after training; others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.data import digits
from glassnet.diagnosis.symmetry import equal_units

DIGITS = digits()
X, Y = DIGITS.x[:300] / 16, DIGITS.y[:300]
IMAGE = gn.Reshape((1, 8, 8))


def last() -> gn.Dense:
    return gn.Dense(10, weight_init=0.1)


SAME: dict[str, Callable[[], list[Any]]] = {
    "ones": lambda: [gn.Dense(16, weight_init="ones"), gn.Tanh(), gn.Dense(10, weight_init="ones")],
    "ones, random outputs": lambda: [gn.Dense(16, weight_init="ones"), gn.ReLU(), gn.Dense(10)],
    "zeros": lambda: [gn.Dense(16, weight_init="zeros"), gn.Sigmoid(), gn.Dense(10, weight_init="zeros")],
    "a number": lambda: [gn.Dense(16, weight_init=0.05), gn.ReLU(), gn.Dense(10, weight_init=0.05)],
    "a constant array": lambda: [
        gn.Dense(8, weight_init=np.full((64, 8), 0.1)),
        gn.ReLU(),
        last(),
    ],
    "equal columns": lambda: [
        gn.Dense(8, weight_init=np.linspace(-0.1, 0.1, 64)[:, None] @ np.ones((1, 8))),
        gn.ReLU(),
        last(),
    ],
    "no bias": lambda: [gn.Dense(8, weight_init=0.1, use_bias=False), gn.ReLU(), last()],
    "convolution": lambda: [
        IMAGE,
        gn.Conv2D(4, 3, weight_init="ones"),
        gn.ReLU(),
        gn.Flatten(),
        last(),
    ],
    "1D": lambda: [
        gn.Reshape((8, 8)),
        gn.Conv1D(4, 3, weight_init=0.1),
        gn.ReLU(),
        gn.Flatten(),
        last(),
    ],
    "transposed": lambda: [
        IMAGE,
        gn.ConvTranspose2D(4, 3, weight_init=0.1),
        gn.ReLU(),
        gn.Flatten(),
        last(),
    ],
    "inside": lambda: [
        gn.Dense(16),
        gn.Residual(gn.Dense(16, weight_init=0.1), gn.ReLU()),
        last(),
    ],
}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_they_are_named_before_and_after_training(case: str, engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = gn.Model(gn.Sequential(*SAME[case]()), "cross_entropy", gn.SGD(0.001), engine=engine)
    rows = model.rows(X, Y, where="test")
    before = equal_units(model.network)
    assert [finding.name for finding in before] == ["equal_units"]
    assert "symmetry" in before[0].why
    history = model.fit(X, Y, epochs=2, verbose=False)
    model.print_hints(rows, history)
    assert "hint: equal units (layer" in capsys.readouterr().out


def test_diagnose_names_them_with_the_layer() -> None:
    model = gn.Model(gn.Sequential(*SAME["ones"]()), "cross_entropy", gn.SGD(0.001))
    found = {finding.name: finding for finding in gn.diagnose(model, X, Y).findings}
    assert found["equal_units"].where == "layer 0, Dense(16, weight_init='ones')"
    assert found["equal_units"].measured == "its 16 units have the same weights and biases"
    assert "drawn at random" in found["equal_units"].fix
    zero = gn.Model(gn.Sequential(*SAME["zeros"]()), "cross_entropy", "sgd")
    zero.network.build((64,))
    assert equal_units(zero.network)[0].measured == "all its weights are 0"


@pytest.mark.parametrize(
    "layers",
    [
        [gn.Dense(16), gn.ReLU(), gn.Dense(10)],
        [gn.Dense(16), gn.ReLU(), gn.Dense(10, weight_init="zeros")],
        [gn.Dense(10, weight_init="ones")],
        [gn.Dense(1, weight_init="ones"), gn.Dense(10)],
        [gn.Dense(8, weight_init=0.1, bias_init="normal"), gn.ReLU(), gn.Dense(10)],
        [IMAGE, gn.Conv2D(4, 3), gn.ReLU(), gn.Flatten(), gn.Dense(10)],
        [gn.Dense(8, weight_init="orthogonal"), gn.BatchNorm(), gn.ReLU(), gn.Dense(10)],
    ],
    ids=repr,
)
def test_others_are_not(layers: list[gn.Layer]) -> None:
    net = gn.Sequential(*layers)
    net.build((64,))
    assert equal_units(net) == []


def test_two_units_with_one_input_are_near_by_chance_alone() -> None:
    net = gn.Sequential(gn.Dense(2, weight_init=np.array([[1.0, 1.005]])), gn.Dense(1))
    net.build((1,))
    assert equal_units(net) == []
