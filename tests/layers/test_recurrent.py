"""Recurrent layers: against PyTorch's numbers, compiled against NumPy, and what is refused.

``golden/recurrent.npz`` was made by ``golden/make_recurrent.py`` with the version of PyTorch that it names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.shapes import Array

GOLDEN = np.load(Path(__file__).with_name("golden") / "recurrent.npz")
LAYERS = {"RNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}


def golden(kind: str, direction: str) -> dict[str, Array]:
    start = f"{kind}/{direction}/"
    return {name.removeprefix(start): GOLDEN[name] for name in GOLDEN.files if name.startswith(start)}


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("kind", LAYERS)
def test_pytorch_says_the_same(kind: str, direction: str) -> None:
    torch = golden(kind, direction)
    layer = LAYERS[kind](6, return_sequences=True, reverse=direction == "reverse")
    net = gn.Sequential(layer)
    net.build((5, 4), dtype="float64")
    own = dict(net.named_parameters())
    own["0.weight"][...], own["0.recurrent_weight"][...] = torch["weight_ih"].T, torch["weight_hh"].T
    own["0.bias"][...] = torch["bias_ih"] + (0 if kind == "GRU" else torch["bias_hh"])
    if kind == "GRU":
        own["0.recurrent_bias"][...] = torch["bias_hh"]
    run = gn.NumpyRunner()
    y, cache = net.forward(run, torch["x"], training=True)
    np.testing.assert_allclose(y, torch["y"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(net.backward(run, torch["dy"], cache), torch["dx"], rtol=1e-10, atol=1e-13)
    expected = {"weight": "weight_ih", "recurrent_weight": "weight_hh", "bias": "bias_ih", "recurrent_bias": "bias_hh"}
    for name, parameter in layer.own_parameters().items():
        theirs = torch[f"d{expected[name]}"].T
        np.testing.assert_allclose(parameter.gradient, theirs, rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10)])
@pytest.mark.parametrize("layer", LAYERS.values())
def test_compiled_training_is_that_of_numpy(layer: type[gn.Layer], dtype: str, tolerance: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 6, 3)), rng.integers(0, 4, 37)
    trained = {}
    for engine, threads in (("numpy", 1), ("compiled", 1), ("compiled", 2)):
        net = gn.Sequential(layer(5, return_sequences=True), layer(9, reverse=True), gn.Dense(4))  # type: ignore[call-arg]
        model = gn.Model(net, "cross_entropy", gn.Adam(0.01), engine=engine, threads=threads, dtype=dtype, seed=1)
        model.fit(x, y, epochs=3, batch_size=16, verbose=False)
        trained[engine, threads] = net.parameters.copy(), model.predict(x)
    assert all(map(np.array_equal, trained["compiled", 1], trained["compiled", 2]))
    for own, twin in zip(trained["compiled", 1], trained["numpy", 1], strict=True):
        np.testing.assert_allclose(own, twin, rtol=tolerance, atol=tolerance)
    single = np.concatenate([model.predict(row[None]) for row in x])
    np.testing.assert_array_equal(single, trained["compiled", 2][1])


def test_an_lstm_remembers_what_it_saw_first() -> None:
    """The class is the sign of the first step; 24 steps of noise follow."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 25, 1))
    x[:, 0, 0] = rng.choice([-2.0, 2.0], 512)
    y = (x[:, 0, 0] > 0).astype(int)
    model = gn.Model(gn.Sequential(gn.LSTM(16), gn.Dense(2)), "cross_entropy", gn.Adam(0.01), ["accuracy"], seed=0)
    model.fit(x[:384], y[:384], epochs=30, verbose=False)
    assert model.evaluate(x[384:], y[384:])["accuracy"] > 0.97


def test_forget_gates_begin_open() -> None:
    net = gn.Sequential(gn.LSTM(3))
    net.build((4, 2))
    bias = dict(net.named_parameters())["0.bias"]
    np.testing.assert_array_equal(bias, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    again = gn.Sequential(gn.LSTM(3, bias_init=0.5, forget_bias=0))
    again.build((4, 2))
    assert (dict(again.named_parameters())["0.bias"] == 0.5).all()


@pytest.mark.parametrize("layer", LAYERS.values())
def test_what_is_no_sequence_is_refused(layer: type[gn.Layer]) -> None:
    for shape in ((5,), (3, 8, 8)):
        with pytest.raises(gn.ShapeError, match=r"sequences \(N, T, D\)"):
            gn.Sequential(layer(4)).build(shape)  # type: ignore[call-arg]
    with pytest.raises(gn.ConfigurationError, match="units"):
        layer(0)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("cross_entropy", np.arange(6) % 3),
        (gn.losses.JointCrossEntropy([2, 1]), np.zeros((6, 2), int)),
        ("mean_squared_error", np.zeros((6, 3))),
        ("binary_cross_entropy", np.arange(6) % 2),
        ("hinge", np.zeros(6)),
    ],
)
def test_outputs_of_each_step_where_one_is_wanted_are_explained(loss: Any, y: Array) -> None:
    x = np.zeros((6, 5, 2))
    for layers in ([gn.Dense(3)], [gn.GRU(4, return_sequences=True), gn.Dense(3)]):
        with pytest.raises(gn.ShapeError, match=r"those of each step: put gn.Flatten\(\) before the last layer"):
            gn.Model(gn.Sequential(*layers), loss, "adam").fit(x, y, verbose=False)
