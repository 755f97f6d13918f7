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
from glassnet.runners.states import States

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


class AnySteps(gn.NumpyRunner):
    """Takes sequences of other lengths than the network was built for."""

    def enter(self, network: Any, x: Any) -> Array:
        return np.asarray(x)


def built(layer: type[gn.Layer], reverse: bool, steps: int = 5) -> gn.Network:
    net = gn.Sequential(layer(3, return_sequences=True, reverse=reverse), layer(4, reverse=reverse))  # type: ignore[call-arg]
    net.build((steps, 2), dtype="float64", seed=3)
    rng = np.random.default_rng(0)
    net.parameters[...] = rng.normal(size=net.parameters.size) / 2
    return net


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layer", LAYERS.values())
def test_a_padded_row_is_what_it_is_alone(layer: type[gn.Layer], reverse: bool) -> None:
    net, rng = built(layer, reverse), np.random.default_rng(1)
    lengths = np.array([3, 1, 5, 4, 3])
    x, dy = rng.normal(size=(5, 5, 2)), rng.normal(size=(5, 4))
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    run = AnySteps()
    run.lengths = lengths
    y, cache = net.forward(run, x, training=True)
    dx = net.backward(run, dy, cache)
    together = net.gradients.copy()
    alone = np.zeros_like(together)
    for row, length in enumerate(lengths):
        run = AnySteps()
        one, cache = net.forward(run, x[row : row + 1, :length], training=True)
        np.testing.assert_allclose(y[row], one[0], rtol=1e-13, atol=1e-15)
        back = net.backward(run, dy[row : row + 1], cache)
        np.testing.assert_allclose(dx[row, :length], back[0], rtol=1e-12, atol=1e-14)
        assert not dx[row, length:].any()
        alone += net.gradients
    np.testing.assert_allclose(together, alone, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("layer", LAYERS.values())
def test_what_is_carried_goes_on_where_it_stopped(layer: type[gn.Layer]) -> None:
    """Also from the last step that is a row's own."""
    net, rng = built(layer, reverse=False), np.random.default_rng(1)
    x, lengths = rng.normal(size=(2, 5, 2)), np.array([2, 3])
    whole, _ = net.forward(AnySteps(), x, training=False)
    for training in (True, False):
        run = AnySteps()
        run.states = States()
        net.forward(run, x[:, :3], training=training)
        np.testing.assert_array_equal(net.forward(run, x[:, 3:], training=training)[0], whole)
        run.states.reset()
        run.lengths = lengths
        net.forward(run, x[:, :3] * (np.arange(3) < lengths[:, None])[..., None], training=training)
        run.lengths = None
        rest = net.forward(run, x[:1, 2:4].repeat(2, axis=0), training=training)[0]
        alone = net.forward(AnySteps(), x[:1, :4], training=False)[0]
        np.testing.assert_allclose(rest[0], alone[0], rtol=1e-13)


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


@pytest.mark.parametrize("layer", LAYERS.values())
def test_both_directions_are_a_recurrence_and_another_beside_it(layer: type[gn.Layer], tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(5, 4, 2)), np.arange(5) % 3
    for sequences in (True, False):
        both = gn.Bidirectional(layer(3, return_sequences=sequences, use_bias=False))  # type: ignore[call-arg, arg-type]
        net = gn.Sequential(both, *([gn.SimpleRNN(2)] if sequences else []), gn.Dense(3))
        model = gn.Model(net, "cross_entropy", "adam", dtype="float64")
        model.fit(x, y, epochs=2, verbose=False)
        found = model.activations(x)
        np.testing.assert_array_equal(found["0"], np.concatenate([found["0.forward"], found["0.backward"]], axis=-1))
        backwards = gn.Sequential(layer(3, return_sequences=sequences, use_bias=False))  # type: ignore[call-arg]
        backwards.build((4, 2), dtype="float64")
        for name, values in backwards.named_parameters():
            values[...] = dict(net.named_parameters())[f"0.backward.{name[2:]}"]
        given = backwards(x[:, ::-1])
        np.testing.assert_allclose(found["0.backward"], given[:, ::-1] if sequences else given, rtol=1e-12)
        model.save(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(gn.load(tmp_path / "model.safetensors").predict(x), model.predict(x))
        assert "lstm_forward" in str(gn.trace(model, x, y)) or layer is not gn.LSTM
        with pytest.raises(gn.ConfigurationError, match=r"Bidirectional.*from the last step to the first"):
            model.stream()


def test_what_cannot_go_both_ways_is_refused() -> None:
    for layer in (gn.Dense(3), gn.LSTM(3, reverse=True), gn.LSTM, "lstm"):
        with pytest.raises(gn.ConfigurationError, match="Bidirectional"):
            gn.Bidirectional(layer)  # type: ignore[arg-type]
