"""Streams: one step after another gives what whole sequences give, without anything being allocated."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.shapes import Array

STEPS, FEATURES = 6, 3
RECURRENT = {"SimpleRNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}


def model_of(net: gn.Network, engine: str = "auto", dtype: str = "float32") -> gn.Model:
    net.build((STEPS, FEATURES), dtype=dtype)
    rng = np.random.default_rng(0)
    for name, values in net.named_parameters():
        values[...] = rng.uniform(0.5 if name.endswith("variance") else -0.7, 0.8, values.shape)
    return gn.Model(net, "mean_squared_error", "adam", engine=engine, dtype=dtype)


NETWORKS: dict[str, Callable[[], gn.Network]] = {
    **{
        name: lambda layer=layer: gn.Sequential(layer(5, return_sequences=True), "tanh", layer(4), gn.Dense(2))
        for name, layer in RECURRENT.items()
    },
    "each step": lambda: gn.Sequential(
        gn.GRU(4, return_sequences=True),
        gn.LayerNorm(),
        gn.BatchNorm(),
        gn.Residual(gn.Dense(4), gn.Dropout(0.5), gn.RMSNorm()),
        gn.Concat([gn.LSTM(3, return_sequences=True), "relu"], [gn.Dense(2)], axis=2),
        gn.Dense(3),
        "softmax",
    ),
    "behind the last step": lambda: gn.Sequential(
        gn.Concat(gn.LSTM(3), gn.GRU(2)), gn.Reshape((5, 1)), gn.Flatten(), gn.BatchNorm(), gn.Dense(2)
    ),
    "each step in another shape": lambda: gn.Sequential(
        gn.Dense(4), gn.Reshape((STEPS, 2, 2)), "softmax", gn.Reshape((STEPS, 4)), gn.LSTM(3)
    ),
    "convolutions": lambda: gn.Sequential(
        gn.Conv1D(4, 3, padding="causal", dilation=2),
        gn.BatchNorm(),
        "relu",
        gn.Residual(gn.Conv1D(4, 2, padding="causal", groups=2, use_bias=False), "tanh", gn.Conv1D(4, 1)),
        gn.Conv1D(2, 9, padding="causal"),
    ),
    "graph": lambda: gn.Graph(
        inputs="x",
        nodes={
            "a": (gn.LSTM(3, return_sequences=True), "x"),
            "b": (gn.Dense(3), "x"),
            "sum": ("add", "a", "b"),
            "beside": (gn.Concatenate(axis=2), "sum", "a"),
            "end": (gn.SimpleRNN(2), "beside"),
        },
        outputs="end",
    ),
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("engine", "dtype"), [("auto", "float32"), ("auto", "float64"), ("numpy", "float64")])
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_give_what_the_sequence_gives(name: str, engine: str, dtype: str, rows: int) -> None:
    """The compiled program to the last bit."""
    model = model_of(NETWORKS[name](), engine, dtype)
    x = np.random.default_rng(1).normal(size=(rows, STEPS, FEATURES)).astype(dtype)
    whole, stream = model.predict(x), model.stream(rows)
    assert np.isfinite(whole).all()
    compare = np.testing.assert_array_equal
    if engine == "numpy":
        compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)  # noqa: E731
    for _ in range(2):
        found = [stream.step(x[:, t]) for t in range(STEPS)]
        assert stream.steps == STEPS
        if whole.ndim == 3:
            compare(np.stack(found, axis=1), whole)
        else:
            compare(found[-1], whole)
            half = model_of(NETWORKS[name](), engine, dtype)
            compare(half.stream(rows).step(x[:, 0]), found[0])
        stream.reset()


def test_numbers_are_looked_up() -> None:
    net = gn.Sequential(gn.Embedding(7, 4), gn.GRU(3), gn.Dense(2))
    net.build((STEPS,))
    model = gn.Model(net, "mean_squared_error", "adam")
    x = np.random.default_rng(1).integers(0, 7, (1, STEPS))
    for given in (list(map(int, x[0])), x[0], x.T, x.T.astype(float)):
        stream = model.stream()
        np.testing.assert_array_equal([stream.step(number) for number in given][-1], model.predict(x))
    for wrong in (7, -1, 0.5):
        with pytest.raises(gn.DataError, match="whole numbers from 0 to 6"):
            stream.step(wrong)
    assert stream.steps == STEPS


def test_units_are_those_of_predict() -> None:
    model = model_of(gn.Sequential(gn.LSTM(4), gn.Dense(2)))
    model.preprocessing = gn.Standardize(np.arange(3.0), np.array([1.0, 2.0, 0.5]))
    model.target_scaling = gn.Standardize(np.array([10.0, 20.0]), np.array([3.0, 4.0]))
    x = np.random.default_rng(1).normal(size=(2, STEPS, FEATURES))
    stream, out = model.stream(2), np.empty((2, 2))
    found = [stream.step(x[:, t], out) for t in range(STEPS)][-1]
    assert found is out
    np.testing.assert_array_equal(found, model.predict(x))
    model.preprocessing = gn.Standardize.from_data(x)
    with pytest.raises(gn.ConfigurationError, match="whole sequences"):
        model.stream(2)


@pytest.mark.parametrize("name", [*RECURRENT, "convolutions"])
def test_a_step_allocates_nothing(name: str) -> None:
    stream = model_of(NETWORKS[name]()).stream()
    if stream._advance is None:
        pytest.skip("a pure-Python installation")
    x, out = np.ones(FEATURES, np.float32), np.empty((1, 2), np.float32)
    step = stream.step

    def peak(times: int) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            step(x, out)
        return tracemalloc.get_traced_memory()[1] - before

    gc.collect()
    tracemalloc.start()
    try:
        peak(3)
        # Numbers of Python's. Other threads of this process are counted as well, but not each time.
        assert min(peak(500) for _ in range(5)) < 400
    finally:
        tracemalloc.stop()


def test_streams_of_one_model_do_not_disturb_each_other() -> None:
    model = model_of(NETWORKS["LSTM"]())
    x = np.random.default_rng(1).normal(size=(2, STEPS, FEATURES)).astype("float32")
    both = model.stream(), model.stream()
    for t in range(STEPS):
        found = [stream.step(row[t]) for stream, row in zip(both, x, strict=True)]
    np.testing.assert_array_equal(np.concatenate(found), model.predict(x))


def test_what_the_model_learns_meanwhile_counts() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, STEPS, FEATURES)).astype("float32"), rng.normal(size=(8, 2))
    model = model_of(NETWORKS["GRU"]())
    stream = model.stream()
    before = [stream.step(step) for step in x[0]][-1]
    model.fit(x, y, epochs=1, verbose=False)
    stream.reset()
    after = [stream.step(step) for step in x[0]][-1]
    np.testing.assert_array_equal(after, model.predict(x[:1]))
    assert (before != after).any()
    model.network[0].units = 9
    with pytest.raises(gn.ConfigurationError, match="changed since the stream was made"):
        stream.step(x[0, 0])


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([gn.LSTM(2, reverse=True)], "LSTM.*from the last step to the first"),
        ([gn.GRU(2, return_sequences=True), gn.Flatten()], "Flatten"),
        ([gn.Conv1D(2, 3, padding="same"), gn.LSTM(2)], "Conv1D.*padding='same'"),
        ([gn.Conv1D(2, 3), gn.LSTM(2)], "Conv1D.*padding='valid'"),
        ([gn.Conv1D(2, 3, padding=2), gn.LSTM(2)], "Conv1D.*padding=2"),
        ([gn.Conv1D(2, 3, padding="causal", stride=2), gn.LSTM(2)], "Conv1D.*stride=2"),
        ([gn.Conv1D(2, 1, padding=1), gn.LSTM(2)], "Conv1D.*padding=1"),
        ([gn.GlobalAveragePool()], "GlobalAveragePool"),
        ([gn.Residual(gn.Reshape((FEATURES, STEPS)), gn.Reshape((STEPS, FEATURES))), gn.LSTM(2)], "Reshape"),
        ([gn.Concat(gn.Dense(2), gn.Dense(2), axis=1), gn.LSTM(2)], "axis=1"),
        ([gn.GRU(12), gn.Reshape((3, 4)), gn.LSTM(2)], "LSTM.*each begins anew"),
        ([gn.GRU(12), gn.Reshape((3, 4)), gn.PositionalEncoding()], "PositionalEncoding.*each begins anew"),
        ([gn.GRU(12), gn.Reshape((1, 12)), gn.LSTM(2)], "Reshape.*sequences of one step"),
        ([gn.Permute(1, 2), gn.LSTM(2)], "Permute.*whole row"),
        ([gn.Dense(1), gn.Reshape((STEPS,)), gn.Scale()], "Scale.*a factor of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_needs_the_whole_sequence_is_named(layers: list[gn.Layer], named: str) -> None:
    with pytest.raises(gn.ConfigurationError, match=rf"(?s){named}.*To fix it: call predict"):
        model_of(gn.Sequential(*layers)).stream()


class _Doubled(gn.Layer):
    """An own layer of each step."""

    with_lengths = "each step"

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, None]:
        y = run.empty(x.shape, x.dtype)
        y[...] = 2 * x
        return y, None

    def backward(self, run: gn.Runner, dy: Array, cache: None) -> Array:
        return 2 * dy


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_own_layers_of_each_step_take_steps_one_by_one(engine: str) -> None:
    model = model_of(gn.Sequential(_Doubled(), gn.GRU(2, return_sequences=True), _Doubled()), engine, "float64")
    x = np.random.default_rng(1).normal(size=(2, STEPS, FEATURES))
    stream = model.stream(2)
    found = np.stack([stream.step(x[:, t]) for t in range(STEPS)], axis=1)
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-12)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    model = model_of(NETWORKS["LSTM"]())
    stream, x = model.stream(2), np.random.default_rng(1).normal(size=(2, STEPS, FEATURES)).astype("float32")
    wrong: list[Any] = [x, x[0, 0], x[0], x[:, 0, :2], np.full((2, FEATURES), np.nan), "a", None, [[1, 2, 3]]]
    for t in range(STEPS):
        for given in wrong:
            with pytest.raises((gn.ShapeError, gn.DataError)):
                stream.step(given)
        found = stream.step(x[:, t].tolist())  # a list is numbers, too
    np.testing.assert_array_equal(found, model.predict(x))
    for out in (np.empty(2), np.empty((2, 2)), np.empty((2, 4), "float32")[:, ::2], np.empty((1, 4), "float32"), [0]):
        with pytest.raises(gn.ShapeError, match="out"):
            stream.step(x[:, 0], out)
    for rows in (0, -1, 1.5, True):
        with pytest.raises(gn.ConfigurationError, match="rows"):
            model.stream(rows)  # type: ignore[arg-type]
    with pytest.raises(gn.NotBuiltError):
        gn.Model(gn.Sequential(gn.LSTM(2)), "mean_squared_error", "adam").stream()
    table = gn.Sequential(gn.Dense(2))
    table.build((4,))
    with pytest.raises(gn.ConfigurationError, match="sequences"):
        gn.Model(table, "mean_squared_error", "adam").stream()
