"""The compiled engine against the NumPy engine: the same training, the same numbers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import LOSS_CASES, layer_cases, loss_cases, network_for, rows_for
from models import classifier
from test_recording import RULES

import glassnet as gn
from glassnet.compile import native
from glassnet.compile.graph import without_dead_work
from glassnet.losses import Loss
from glassnet.runners import Recorder
from glassnet.training import TrainingState

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

TOLERANCE = {"float64": 1e-9, "float32": 2e-3}
"""For parameters after several epochs: single kernels agree to 1e-12 and 1e-5, and training spreads differences."""

Blobs = tuple[np.ndarray, np.ndarray]


def both(make: Callable[[str], gn.Model], x: Any, y: Any, **settings: Any) -> tuple[gn.Model, gn.Model]:
    """Trains two models that differ in their engine; their histories and parameters must agree."""
    models = make("numpy"), make("compiled")
    histories = [model.fit(x, y, verbose=False, **settings) for model in models]
    tolerance = TOLERANCE[str(models[0].dtype)]
    for name in histories[0].metrics:
        np.testing.assert_allclose(histories[1][name], histories[0][name], rtol=tolerance, atol=tolerance, err_msg=name)
    expected = models[0].network.parameters
    scale = float(np.abs(expected).max(initial=1.0))
    np.testing.assert_allclose(models[1].network.parameters, expected, rtol=tolerance, atol=tolerance * scale)
    assert models[1].optimizer.steps == models[0].optimizer.steps
    return models


LAYERS = list(layer_cases())
LOSSES = list(loss_cases())


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    example = gn.Sequential(build(), gn.Flatten())
    (outputs,) = example.build(shape)
    x, y = rows_for(example, rng, 11), rng.normal(size=(11, outputs))

    def make(engine: str) -> gn.Model:
        net = gn.Sequential(build(), gn.Flatten())
        return gn.Model(net, "mean_squared_error", gn.SGD(0.01), dtype=dtype, engine=engine)

    both(make, x, y, epochs=3, batch_size=4)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", LOSSES, ids=[f"{c[0]}-{i}" for i, c in enumerate(LOSSES)])
def test_losses(case: tuple[str, Loss, Callable[..., np.ndarray], str | None], dtype: str) -> None:
    _, loss, targets, end = case
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(11, 2)), targets(rng, 11, 3), rng.uniform(0.2, 2, 11)

    def make(engine: str) -> gn.Model:
        return gn.Model(network_for(loss, end), loss, gn.SGD(0.05), dtype=dtype, engine=engine)

    both(make, x, y, epochs=3, batch_size=4, sample_weight=weights)
    both(make, x, y, epochs=2, batch_size=None, shuffle=False)


@pytest.mark.parametrize("name", RULES)
def test_optimizers(name: str, blobs: Blobs) -> None:
    both(lambda engine: classifier(engine=engine, optimizer=RULES[name](), dtype="float64"), *blobs, epochs=3)


def test_validation_callbacks_and_metrics(blobs: Blobs) -> None:
    callbacks = [gn.ReduceOnPlateau("loss", patience=1, min_delta=10.0, factor=0.5)]
    both(
        lambda engine: classifier(engine=engine, dtype="float64"),
        *blobs,
        epochs=5,
        validation_split=0.2,
        callbacks=callbacks,
        batch_size=7,
    )


def test_resuming_from_a_file_equals_the_unbroken_run(blobs: Blobs, tmp_path: Any) -> None:
    unbroken, broken = classifier(engine="compiled"), classifier(engine="compiled")
    unbroken.fit(*blobs, epochs=4, verbose=False)
    broken.fit(*blobs, epochs=2, verbose=False)
    broken.save(tmp_path / "m.safetensors")
    resumed = gn.load(tmp_path / "m.safetensors")
    resumed.engine = "compiled"
    resumed.fit(*blobs, epochs=2, verbose=False)
    np.testing.assert_array_equal(resumed.network.parameters, unbroken.network.parameters)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_divergence_stops_both_engines_at_the_same_step(dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3)) * 100
    y = x.sum(axis=1, keepdims=True) ** 2
    messages = []
    for engine in ("numpy", "compiled"):
        net = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(1))
        model = gn.Model(net, "mean_squared_error", gn.SGD(1e-3), dtype=dtype, engine=engine)
        with pytest.raises(gn.DivergenceError) as caught:
            model.fit(x, y, epochs=50, batch_size=8, verbose=False)
        messages.append(caught.value.where)
        assert np.isfinite(model.network.parameters).all()
    assert messages[0] == messages[1]


def test_ctrl_c_ends_a_compiled_run(blobs: Blobs) -> None:
    def press(state: TrainingState) -> None:
        if state.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    model = classifier(engine="compiled")
    history = model.fit(*blobs, epochs=100_000, callbacks=[press], verbose=False)
    assert history.stopped == "interrupted"
    assert np.isfinite(model.predict(blobs[0])).all()


def test_an_error_in_a_layer_of_ones_own_comes_through(blobs: Blobs) -> None:
    class Failing(gn.NumpyLayer):
        def forward(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
            raise RuntimeError("mine")

        def backward(self, dy: np.ndarray, cache: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
            return dy, {}

    model = gn.Model(gn.Sequential(Failing(), gn.Dense(3)), "cross_entropy", "sgd", engine="compiled")
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(*blobs, verbose=False)
    assert model.optimizer.steps == 0


def test_a_changed_learning_rate_takes_effect_between_epochs(blobs: Blobs) -> None:
    def halve(state: TrainingState) -> None:
        state.optimizer.learning_rate = 0.5 * state.optimizer.current_rate()

    both(
        lambda engine: classifier(engine=engine, optimizer=gn.SGD(0.1), dtype="float64"),
        *blobs,
        epochs=4,
        callbacks=[halve],
    )


def test_sum_of_squares_learns_xor() -> None:
    x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]])
    y = np.array([[0], [1], [1], [1], [1], [0], [0]])

    def make(engine: str) -> gn.Model:
        net = gn.Sequential(gn.Dense(4, use_bias=False), "sigmoid", gn.Dense(1, use_bias=False), "sigmoid")
        return gn.Model(net, *LOSS_CASES["SumSquaredError"][0][:1], gn.SGD(1.0), dtype="float64", engine=engine)

    both(make, x, y, epochs=500, batch_size=None, shuffle=False)


def test_a_step_leaves_out_what_nobody_reads() -> None:
    """The ∂L/∂x of the first layer, and a call whose results are never used."""
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(2))
    net.build((3,))
    recorder = Recorder(0)
    x = np.ones((5, 3), np.float32)
    y, cache = net.forward(recorder, x, training=True)
    net.backward(recorder, np.ones_like(y), cache)
    net.forward(recorder, x, training=False)
    kept = without_dead_work(recorder.calls, [net.gradients])
    assert [call.kernel.name for call in kept] == [
        "dense_forward",
        "tanh_forward",
        "dense_backward",
        "tanh_backward",
        "dense_backward",
    ]
    assert kept[-1].arrays["dx"] is None
    assert kept[2].arrays["dx"] is not None
    assert without_dead_work(recorder.calls, []) == []
