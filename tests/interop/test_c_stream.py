"""C source of a stream: step by step what ``model.stream`` gives, for several sequences by turns."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from interop.test_c_source import COMPILER, compiled

import glassnet as gn
from glassnet.interop import export_c

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
STEPS = 4
NETWORKS = {
    "SimpleRNN": lambda: gn.Sequential(gn.SimpleRNN(3, return_sequences=True), gn.LayerNorm(), gn.SimpleRNN(2)),
    "LSTM": lambda: gn.Sequential(gn.LSTM(3, return_sequences=True), "tanh", gn.LSTM(2), gn.Dense(3)),
    "GRU": lambda: gn.Sequential(gn.Concat([gn.GRU(3, return_sequences=True)], ["relu"], axis=2), gn.Dense(2)),
    "attention": lambda: gn.Sequential(
        gn.Dense(4), gn.PositionalEncoding("learned"), gn.TransformerBlock(2, 4, causal=True), gn.Dense(2)
    ),
    "rotary attention": lambda: gn.Sequential(
        gn.Dense(4), gn.SelfAttention(1, causal=True, rotary=True), gn.SelfAttention(2, causal=True, rotary=True)
    ),
    "convolutions": lambda: gn.Sequential(
        gn.Conv1D(4, 3, padding="causal", dilation=2), "relu", gn.Conv1D(2, 2, padding="causal", groups=2), gn.GRU(2)
    ),
    "positions": lambda: gn.Sequential(gn.Dense(4), gn.PositionalEncoding(), gn.Dense(2)),
    "each step": lambda: gn.Sequential(gn.Dense(3), "relu"),
}


def in_both(model: gn.Model, x: np.ndarray, folder: Path) -> str:
    source, header = export_c(model, folder / "model.c", function="go_on", stream=True)
    step = compiled(source, "go_on_step")
    library = ctypes.CDLL(str(source.with_suffix(".so")))
    states = [np.full(1000, np.nan, np.float32) for _ in x]  # more than any struct needs
    for state in states:
        library.go_on_reset(state.ctypes.data_as(ctypes.c_void_p))
    stream = model.stream(len(x))
    for t in range(x.shape[1]):
        expected = stream.step(x[:, t])
        for state, row, wanted in zip(states, x[:, t], expected, strict=True):
            given, found = np.ascontiguousarray(row, np.float32).reshape(-1), np.full(wanted.size, np.nan, np.float32)
            step(*(array.ctypes.data_as(ctypes.c_void_p) for array in (state, given, found)))
            np.testing.assert_allclose(found, wanted.reshape(-1), rtol=1e-4, atol=1e-6)
    text = header.read_text()
    assert "go_on_state" in text
    assert f"GO_ON_INPUTS {x[0, 0].size}\n" in text
    assert f"GO_ON_OUTPUTS {expected[0].size}\n" in text
    return text


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_in_c(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]()
    net.build((STEPS, 2))
    net.parameters[...] = np.random.default_rng(0).normal(size=net.parameters.size) / 2
    model = gn.Model(net, "mean_squared_error", "adam")
    x = np.random.default_rng(1).normal(size=(3, STEPS, 2)).astype(np.float32)
    text = in_both(model, x, tmp_path)
    assert ("initial_cell" in text) == (name == "LSTM")


@pytest.mark.parametrize("name", ["attention", "rotary attention", "positions"])
def test_a_context_that_is_full_gives_no_numbers(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]()
    net.build((STEPS, 2))
    source, header = export_c(gn.Model(net, "mean_squared_error", "adam"), tmp_path / "m.c", function="go", stream=True)
    step, state = compiled(source, "go_step"), np.zeros(1000, np.float32)
    x, y = np.ones(2, np.float32), np.zeros(4, np.float32)
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (state, x, y)]
    for _ in range(2):
        ctypes.CDLL(str(source.with_suffix(".so"))).go_reset(arrays[0])
        for t in range(STEPS + 3):
            step(*arrays)
            assert np.isfinite(y[:2]).all() == (t < STEPS)
    assert f"after {STEPS} steps" in header.read_text()


def test_numbers_of_tokens(tmp_path: Path) -> None:
    net = gn.Sequential(gn.Embedding(5, 3), gn.GRU(4, return_sequences=True), gn.Dense(2))
    net.build((STEPS,))
    in_both(gn.Model(net, "mean_squared_error", "adam"), np.random.default_rng(0).integers(0, 5, (2, STEPS)), tmp_path)


def test_units(tmp_path: Path) -> None:
    net = gn.Sequential(gn.LSTM(3), gn.Dense(1))
    net.build((STEPS, 2))
    model = gn.Model(net, "mean_squared_error", "adam")
    model.preprocessing = gn.Standardize([1.0, 2.0], [3.0, 0.5])
    model.target_scaling = gn.Standardize([5.0], [2.0])
    in_both(model, np.random.default_rng(0).normal(size=(2, STEPS, 2)), tmp_path)


def test_what_needs_the_whole_sequence_is_refused(tmp_path: Path) -> None:
    net = gn.Sequential(gn.Bidirectional(gn.LSTM(2)))
    net.build((STEPS, 2))
    with pytest.raises(gn.ConfigurationError, match="Bidirectional"):
        export_c(gn.Model(net, "mean_squared_error", "adam"), tmp_path / "model.c", stream=True)
    assert not list(tmp_path.iterdir())
