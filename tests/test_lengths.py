"""Rows of different length: a padded batch gives each row what the row gives alone, by every layer that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import concrete

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.layers import Activation, Layer
from glassnet.network import lengths_after
from glassnet.network.merges import Merge

TOLERANCE = {"numpy": 1e-12, "compiled": 0.0}
"""Between a row in a batch and alone: products of the compiled engine are the same for any number of rows."""
LENGTHS = np.array([2, 4, 1, 3])
WIDTH = 4

Layers = Callable[[], list[Any]]


def _merged(merge: Any) -> list[Any]:
    nodes = {"a": (gn.Dense(3), "x"), "b": (gn.Conv1D(3, 2, padding="causal"), "x"), "joint": (merge, "a", "b")}
    return [gn.Graph(inputs="x", nodes=nodes, outputs="joint")]


SAMPLES: dict[str, list[Layers]] = {
    "Dense": [lambda: [gn.Dense(3, bias_init="normal")]],
    "Tied": [lambda: [gn.Dense(3, name="there"), gn.Tied("there")]],
    "Scale": [lambda: [gn.Scale()]],
    "LayerNorm": [lambda: [gn.LayerNorm()]],
    "RMSNorm": [lambda: [gn.RMSNorm()]],
    "Dropout": [lambda: [gn.Dropout(0.0)]],
    "PositionalEncoding": [lambda: [gn.PositionalEncoding("learned", most_steps=6)]],
    "Conv1D": [
        lambda: [gn.Conv1D(3, 3, padding="same", bias_init="normal")],
        lambda: [gn.Conv1D(3, 2, padding="causal", stride=2)],
        lambda: [gn.Conv1D(4, 2, padding=2, stride=3, dilation=2, groups=2), gn.Conv1D(3, 2, padding=1)],
    ],
    "MaxPool1D": [lambda: [gn.MaxPool1D(2, padding=1)], lambda: [gn.MaxPool1D(3, stride=1, padding="same")]],
    "AveragePool1D": [lambda: [gn.AveragePool1D(3, stride=2, padding=1)], lambda: [gn.AveragePool1D(1)]],
    "GlobalAveragePool": [lambda: [gn.Dense(3), gn.GlobalAveragePool()]],
    "GlobalMaxPool": [lambda: [gn.Dense(3), gn.GlobalMaxPool()]],
    "SelfAttention": [lambda: [gn.SelfAttention(2)], lambda: [gn.SelfAttention(1, causal=True, rotary=True)]],
    "Attention": [lambda: [gn.Attention()], lambda: [gn.Attention(3)]],
    "SimpleRNN": [lambda: [gn.SimpleRNN(3)]],
    "LSTM": [lambda: [gn.LSTM(3, return_sequences=True, reverse=True), gn.LSTM(2)]],
    "GRU": [lambda: [gn.GRU(3, reverse=True)], lambda: [gn.GRU(2, return_sequences=True)]],
    "Residual": [lambda: [gn.Residual(gn.Conv1D(4, 3, padding="same"), gn.ReLU())]],
    "Concat": [
        lambda: [gn.Concat([gn.Dense(2), gn.GRU(2)], [gn.LSTM(3)])],
        lambda: [gn.Concat("relu", "tanh", axis=2)],
    ],
    "Bidirectional": [
        lambda: [gn.Bidirectional(gn.SimpleRNN(2, return_sequences=True)), gn.Bidirectional(gn.LSTM(2))],
    ],
    "Graph": [lambda: _merged("add")],
    "Add": [lambda: _merged("add")],
    "Concatenate": [lambda: _merged(gn.Concatenate(2))],
}
ELSEWHERE = {
    "PythonLayer",
    "BatchNorm",
    "Embedding",
    "Flatten",
    "Reshape",
    "Permute",
    "Sequential",
    "MaxPool2D",
    "AveragePool2D",
}
"""See below: of the first the rows of a batch belong together, the second looks numbers up, the last are for images."""


def cases() -> list[tuple[str, Layers]]:
    found = []
    for cls in dict.fromkeys(concrete(Layer)):
        if cls.with_lengths == "refused" or cls.__name__ in ELSEWHERE:
            continue
        default: list[Layers] = [lambda cls=cls: [gn.Dense(3), cls()]]
        if issubclass(cls, Merge):
            default = [lambda cls=cls: _merged(cls())]
        if issubclass(cls, Activation | Merge):
            found += [(cls.__name__, layers) for layers in SAMPLES.get(cls.__name__, default)]
        else:
            found += [(cls.__name__, layers) for layers in SAMPLES[cls.__name__]]
    return found


CASES = cases()
ACTIVATIONS = {cls.__name__ for cls in concrete(Activation)} - {"ReLU", "Softmax"}
"""Of which two are enough where kernels are known to agree."""
COMPILED = [(name, layers) for name, layers in CASES if name not in ACTIVATIONS]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


def network(layers: Layers, steps: int, parameters: Array | None = None) -> gn.Network:
    """Built for rows of so many steps, with drawn or given parameters."""
    net = gn.Sequential(*layers())
    net.build((steps, WIDTH), dtype="float64")
    given = np.random.default_rng(1).uniform(-1, 1, net.parameters.size) if parameters is None else parameters
    net.parameters[...] = given
    return net


def rows_and_padding(seed: int, lengths: Array = LENGTHS) -> tuple[Array, list[Array]]:
    """A batch with numbers in its padding, which no door has seen, and the rows alone."""
    x = np.random.default_rng(seed).normal(size=(len(lengths), lengths.max(), WIDTH))
    return x, [row[:length] for row, length in zip(x.copy(), lengths, strict=True)]


@pytest.mark.parametrize(("name", "layers"), CASES, ids=IDS)
def test_a_padded_batch_gives_each_row_what_it_gives_alone(name: str, layers: Layers) -> None:
    del name
    x, rows = rows_and_padding(2)
    net = network(layers, 4)
    after = lengths_after(net, LENGTHS)
    run = gn.NumpyRunner(step=0)
    run.lengths = LENGTHS
    outputs, cache = run.forward(net, x, training=True)
    np.testing.assert_array_equal(run.lengths, after)
    assert np.isfinite(outputs).all()
    dy = np.random.default_rng(3).normal(size=outputs.shape)
    if after is not None:
        dy[np.arange(outputs.shape[1]) >= after[:, None]] = 0
    dx = run.backward(net, dy, cache)
    total = np.zeros_like(net.parameters)
    for n, row in enumerate(rows):
        alone = network(layers, len(row), net.parameters)
        y, own = alone.forward(gn.NumpyRunner(step=0), row[None], training=True)
        kept = slice(None) if after is None else slice(after[n])
        np.testing.assert_allclose(outputs[n][kept], y[0], rtol=1e-12, atol=1e-13)
        dy_alone = dy[n][kept][None]
        np.testing.assert_allclose(
            dx[n, : len(row)], alone.backward(gn.NumpyRunner(), dy_alone, own)[0], rtol=1e-11, atol=1e-13
        )
        assert (dx[n, len(row) :] == 0).all()
        total += alone.gradients
    np.testing.assert_allclose(net.gradients, total, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("name", "layers"), COMPILED, ids=[f"{name}-{i}" for i, (name, _) in enumerate(COMPILED)])
def test_the_compiled_engine_does_what_numpy_does(name: str, layers: Layers) -> None:
    del name
    _, rows = rows_and_padding(4)
    targets = np.random.default_rng(5).normal(size=(4, 2))
    found = []
    for engine in ("numpy", "compiled"):
        ends = [gn.Dense(2)]
        if lengths_after(network(layers, 4), LENGTHS) is not None:
            ends.insert(0, gn.GlobalMaxPool())
        net = network(lambda ends=ends: [*layers(), *ends], 4)
        model = gn.Model(net, "sum_squared_error", gn.SGD(0.1), dtype="float64", engine=engine)
        predicted = model.predict(rows)
        for n, row in enumerate(rows):
            np.testing.assert_allclose(model.predict([row])[0], predicted[n], rtol=0, atol=TOLERANCE[engine])
        model.fit(rows, targets, batch_size=3, epochs=2, verbose=False)
        found.append((predicted, net.parameters))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "layers"), COMPILED, ids=[f"{name}-{i}" for i, (name, _) in enumerate(COMPILED)])
def test_steps_that_no_row_of_a_batch_has_may_be_left_out(name: str, layers: Layers) -> None:
    del name
    found = []
    for steps in (6, 4):  # of a network that was built for 6
        x, _ = rows_and_padding(2)
        net = network(layers, 6)
        run = gn.NumpyRunner(step=0)
        run.lengths = LENGTHS
        y, cache = run.forward(net, np.pad(x, ((0, 0), (0, steps - 4), (0, 0)), constant_values=3.0), training=True)
        after, dy = run.lengths, np.random.default_rng(3).normal(size=(len(y), 9, *y.shape[2:]))
        if after is None:
            found.append([y, run.backward(net, np.cos(y), cache)])
        else:
            behind = np.arange(y.shape[1]) >= after[:, None]
            y[behind] = 0
            dy = np.where(behind[..., None], 0, dy[:, : y.shape[1]])
            found.append([y[:, : after.max()], run.backward(net, dy, cache)])
        found[-1] = [found[-1][0], found[-1][1][:, :4], net.gradients]
    for whole, cut in zip(*found, strict=True):
        np.testing.assert_allclose(cut, whole, rtol=1e-11, atol=1e-13)


def test_batch_norm_takes_its_statistics_over_the_steps_that_count() -> None:
    x, rows = rows_and_padding(6)
    net, whole = (network(lambda: [gn.BatchNorm()], steps) for steps in (4, LENGTHS.sum()))
    run = gn.NumpyRunner()
    run.lengths = LENGTHS
    y, cache = run.forward(net, x, training=True)
    expected, of_all = whole.forward(gn.NumpyRunner(), np.concatenate(rows)[None], training=True)
    is_own = np.arange(4) < LENGTHS[:, None]
    np.testing.assert_allclose(y[is_own], expected[0], rtol=1e-12)
    np.testing.assert_allclose(net.parameters, whole.parameters, rtol=1e-12)  # running statistics, too
    dy = np.random.default_rng(7).normal(size=y.shape) * is_own[..., None]
    dx = run.backward(net, dy, cache)
    np.testing.assert_allclose(
        dx[is_own], whole.backward(gn.NumpyRunner(), dy[is_own][None], of_all)[0], rtol=1e-10, atol=1e-13
    )
    assert not dx[~is_own].any()
    np.testing.assert_allclose(net.gradients, whole.gradients, rtol=1e-12)


@pytest.mark.parametrize("layer", [gn.Flatten(), gn.Reshape((4,)), gn.Permute(1, 2)], ids=repr)
def test_views_of_each_step(layer: gn.Layer) -> None:
    net = gn.Sequential(gn.Dense(1), layer)
    net.build((4, WIDTH))
    np.testing.assert_array_equal(lengths_after(net, LENGTHS), LENGTHS)
    other = gn.Sequential(gn.Dense(2), gn.Reshape((8,)) if isinstance(layer, gn.Reshape) else layer.copy(), "relu")
    other.build((4, WIDTH))
    if not isinstance(layer, gn.Permute):
        with pytest.raises(gn.ConfigurationError, match="steps would become features"):
            lengths_after(other, LENGTHS)
