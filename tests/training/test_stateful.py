"""Trainings in which states go on from batch to batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.kernels.activation import identity_forward
from glassnet.runners.states import States

LANES, STEPS, STRETCHES = 4, 3, 5
RECURRENT = {"SimpleRNN": gn.SimpleRNN, "LSTM": gn.LSTM, "GRU": gn.GRU}


def data(targets_of_steps: bool = True) -> tuple[Array, Array]:
    series = np.random.default_rng(0).normal(size=(LANES * STEPS * STRETCHES + 2, 2))
    x = gn.data.lanes(series, lanes=LANES, steps=STEPS)
    y = gn.data.lanes(series[1:, :1], lanes=LANES, steps=STEPS)
    return x, y if targets_of_steps else y[:, -1]


def model_of(layer: Any = gn.LSTM, *, engine: str = "auto", dtype: str = "float64", **settings: Any) -> gn.Model:
    net = gn.Sequential(layer(5, return_sequences=True), "tanh", layer(4, return_sequences=True), gn.Dense(1))
    return gn.Model(net, "mean_squared_error", gn.Adam(0.01), engine=engine, dtype=dtype, seed=1, **settings)


def trained(model: gn.Model, epochs: int = 3, **settings: Any) -> gn.Model:
    given: dict[str, Any] = {"epochs": epochs, "batch_size": LANES, "shuffle": False, "stateful": True} | settings
    model.fit(*data(), verbose=False, **given)
    return model


def by_hand(layer: Any, epochs: int) -> gn.Model:
    """The same, step by step: states are carried, and gradients end where a batch begins."""
    model, (x, y) = model_of(layer, engine="numpy"), data()
    model.network.build(x.shape[1:], seed=1, dtype="float64")
    net, optimizer = model.network, model.optimizer
    optimizer.prepare(net.parameters)
    for _ in range(epochs):
        states = States()
        for start in range(0, len(x), LANES):
            run = gn.NumpyRunner(1, optimizer.steps)
            run.states = states
            out, cache = net.forward(run, x[start : start + LANES], training=True)
            dy = (out - y[start : start + LANES]) * (2 / out.size)
            net.backward(run, dy, cache)
            optimizer.update(run, net.parameters, net.gradients, net.layout)
    return model


@pytest.mark.parametrize("layer", RECURRENT.values())
def test_both_engines_do_what_is_done_by_hand(layer: Any) -> None:
    expected = by_hand(layer, 3).network.parameters
    reset = trained(model_of(layer, engine="numpy"), stateful=False).network.parameters
    assert np.abs(reset - expected).max() > 1e-4
    for engine, threads in (("numpy", 1), ("auto", 1), ("auto", 2)):
        found = trained(model_of(layer, engine=engine, threads=threads)).network.parameters
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=f"{engine} {threads}")
    once = trained(model_of(layer), epochs=1)
    trained(once, epochs=2)  # every epoch begins with 0, in whichever fit
    np.testing.assert_array_equal(once.network.parameters, found)


def test_a_sign_of_long_ago_is_learned_only_where_states_go_on() -> None:
    """The target is the input of ten steps before, beyond the stretches of four."""
    signal = np.random.default_rng(0).choice([-1.0, 1.0], 4096)
    x = gn.data.lanes(signal[:, None], lanes=16, steps=4).astype("float32")
    held = np.maximum.accumulate(np.where(np.arange(4096) % 64 == 0, np.arange(4096), 0))  # the first of each 64
    y = gn.data.lanes(signal[held][:, None], lanes=16, steps=4)
    first = gn.data.lanes((np.arange(4096) % 64 == 0)[:, None].astype(float), lanes=16, steps=4)
    x = np.concatenate([x, first], axis=2)
    losses = {}
    for stateful in (True, False):
        net = gn.Sequential(gn.GRU(12, return_sequences=True), gn.Dense(1))
        model = gn.Model(net, "mean_squared_error", gn.Adam(0.02), seed=0)
        history = model.fit(x, y, epochs=25, batch_size=16, shuffle=False, stateful=stateful, verbose=False)
        losses[stateful] = history["loss"][-1]
    assert losses[True] < 0.25 < 0.7 < losses[False]


def test_what_breaks_the_order_is_refused() -> None:
    for wrong in ({"shuffle": True}, {"batch_size": 3}, {"batch_size": 8}, {"validation_split": 0.2}):
        with pytest.raises(gn.ConfigurationError, match=r"(?s)stateful=True with.*gn\.data\.lanes"):
            trained(model_of(), **wrong)
    x, y = data(targets_of_steps=False)
    for layers, named in (
        ([gn.LSTM(3, reverse=True)], "LSTM.*from the last step"),
        ([gn.Bidirectional(gn.GRU(3))], "Bidirectional"),
        ([gn.GRU(3, return_sequences=True), gn.Flatten()], "Flatten"),
        ([gn.Dense(3), gn.LSTM(2, return_sequences=True), gn.Conv1D(2, 2), gn.GlobalAveragePool()], "Conv1D"),
    ):
        with pytest.raises(gn.ConfigurationError, match=f"(?s){named}"):
            gn.Model(gn.Sequential(*layers, gn.Dense(1)), "mean_squared_error", "adam").fit(
                x, y, batch_size=LANES, shuffle=False, stateful=True, verbose=False
            )
    with pytest.raises(gn.ConfigurationError, match="whose states go on from batch to batch"):
        gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "adam").fit(
            *data(), batch_size=LANES, shuffle=False, stateful=True, verbose=False
        )


class _Counting(gn.Layer):
    """Adds to x how many batches there were before, by code that no kernel holds."""

    with_lengths = "masked"
    carries_in_training = True

    def why_no_stream(self) -> str:
        return ""

    def forward(self, run: gn.Runner, x: Array, *, training: bool) -> tuple[Array, None]:
        count, y = run.state(self, "count", (len(x), 1, 1), x.dtype), run.empty(x.shape, x.dtype)
        identity_forward(x, y)
        if count is not None:
            y += count
            count += 1
        return y, None

    def backward(self, run: gn.Runner, dy: Array, cache: None) -> Array:
        return dy


def test_states_of_own_layers_are_carried_by_both_engines() -> None:
    def parameters(engine: str, **settings: Any) -> Array:
        net = gn.Sequential(_Counting(), gn.GRU(2, return_sequences=True), gn.Dense(1))
        model = gn.Model(net, "mean_squared_error", gn.SGD(0.1), engine=engine, dtype="float64", seed=1)
        return trained(model, **settings).network.parameters

    found = parameters("numpy")
    np.testing.assert_allclose(parameters("compiled"), found, rtol=1e-10)
    assert np.abs(parameters("numpy", stateful=False) - found).max() > 1e-4


class StopAfter(gn.Callback):
    """Ends a training within an epoch, as Ctrl-C does."""

    every_steps = 1

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def between_steps(self, state: gn.TrainingState) -> None:
        if state.step == self.steps:
            state.interrupt()


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_it_goes_on_at_the_end_of_an_epoch_and_nowhere_else(engine: str, tmp_path: Path) -> None:
    whole = trained(model_of(engine=engine), epochs=3)
    model = trained(model_of(engine=engine), epochs=2)
    model.save(tmp_path / "model.safetensors")
    again = trained(gn.load(tmp_path / "model.safetensors"), epochs=3, resume=True)
    np.testing.assert_array_equal(again.network.parameters, whole.network.parameters)
    model = trained(model_of(engine=engine), callbacks=[StopAfter(STRETCHES + 2)])
    assert model.latest_fit is not None
    assert model.latest_fit.position is not None
    assert model.latest_fit.position.step == 2
    with pytest.raises(gn.ConfigurationError, match="an epoch of which 2 steps are done, whose states are not kept"):
        trained(model, resume=True)
    with pytest.raises(gn.ConfigurationError, match="stateful"):
        trained(model, resume=True, stateful=False)
    history = model.fit(
        *data(),
        epochs=3,
        batch_size=LANES,
        shuffle=False,
        stateful=True,
        verbose=False,
        resume=True,
        even_if_changed=True,
    )
    assert any("epoch 2 began anew" in note for note in history.notes)


def test_a_series_is_laid_out_in_lanes() -> None:
    series = np.arange(4 * 3 * 5 + 7)
    rows = gn.data.lanes(series, lanes=4, steps=3)
    assert rows.shape == (20, 3)
    for lane in range(4):
        np.testing.assert_array_equal(rows[lane::4].reshape(-1), np.arange(15) + 15 * lane)
    assert gn.data.lanes(np.zeros((24, 2)), lanes=3, steps=8).shape == (3, 8, 2)
    for wrong in (np.arange(11), np.float64(3), []):
        with pytest.raises(gn.DataError, match="lanes"):
            gn.data.lanes(wrong, lanes=4, steps=3)
    with pytest.raises(gn.DataError):
        gn.data.lanes(["a"] * 20, lanes=4, steps=3)
    with pytest.raises(gn.ConfigurationError, match="steps"):
        gn.data.lanes(series, lanes=4, steps=0)
