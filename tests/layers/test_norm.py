"""Normalisation layers: running statistics in training, prediction, files and copies; optimizers leave them alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_recording import RULES

import glassnet as gn
from glassnet.compile import native

GOLDEN = np.load(Path(__file__).parents[1] / "kernels" / "golden" / "pool_norm.npz")
ENGINES = [
    "numpy",
    pytest.param("compiled", marks=pytest.mark.skipif(native() is None, reason="a pure-Python installation")),
]
engines = pytest.mark.parametrize("engine", ENGINES)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(3, 2, (40, 6)), RNG.integers(0, 3, 40)


def named(net: gn.Network) -> dict[str, np.ndarray]:
    return {name.rpartition(".")[2]: array for name, array in net.named_parameters() if name.startswith("1.")}


def classifier(engine: str, optimizer: Any = "adam", dtype: str = "float64") -> gn.Model:
    """Dense, batch norm as layer 1, and an output layer."""
    net = gn.Sequential(gn.Dense(5, use_bias=False), gn.BatchNorm(), gn.ReLU(), gn.Dense(3))
    return gn.Model(net, "cross_entropy", optimizer, dtype=dtype, engine=engine)


def images(engine: str, dtype: str = "float64") -> gn.Model:
    net = gn.Sequential(gn.Reshape((1, 2, 3)), gn.BatchNorm(), gn.Tanh(), gn.Flatten(), gn.Dense(3))
    return gn.Model(net, "cross_entropy", gn.SGD(0.1, momentum=0.9), dtype=dtype, engine=engine)


@pytest.mark.parametrize("case", ["batch_norm_images", "batch_norm_features"])
def test_batch_norm_equals_torch(case: str) -> None:
    settings = {"momentum": 0.3, "epsilon": 1e-3} if case.endswith("features") else {}
    torch = {key.split(".")[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{case}.")}
    net, run = gn.Sequential(gn.BatchNorm(**settings)), gn.NumpyRunner()
    net.build(torch["x"].shape[1:], dtype="float64")
    parameters, gradients = dict(net.named_parameters()), dict(net.named_gradients())
    for batch in ("first", "second"):
        net.forward(run, torch[batch], training=True)
    parameters["0.gamma"][:], parameters["0.beta"][:] = torch["gamma"], torch["beta"]
    y, cache = net.forward(run, torch["x"], training=True)
    dx = net.backward(run, torch["dy"], cache)
    found = {"y": y, "dx": dx, "dgamma": gradients["0.gamma"], "dbeta": gradients["0.beta"]}
    found["predicted"] = net.forward(run, torch["x"], training=False)[0]
    found |= {name: parameters[f"0.{name}"] for name in ("running_mean", "running_variance")}
    for name, array in found.items():
        np.testing.assert_allclose(array, torch[name], rtol=1e-12, atol=1e-12, err_msg=name)
    assert not gradients["0.running_mean"].any()
    assert not gradients["0.running_variance"].any()


def test_sequences_are_normalised_over_rows_and_steps() -> None:
    x = RNG.normal(2, 3, (4, 5, 3))
    net, run = gn.Sequential(gn.BatchNorm()), gn.NumpyRunner()
    net.build((5, 3), dtype="float64")
    y, _ = net.forward(run, x, training=True)
    np.testing.assert_allclose(y.mean(axis=(0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 1)), 1, rtol=1e-5)
    np.testing.assert_allclose(net.named_parameters()[2][1], 0.1 * x.mean(axis=(0, 1)), rtol=1e-12)


def test_dense_features_pass_a_gradient_check() -> None:
    """A batch of (N, D) cannot be one row, which is why it is not among the cases of the other gradient tests."""
    report = gn.check_gradients(
        gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Tanh(), gn.Dense(2)), RNG.normal(size=(5, 3))
    )
    assert report, report
    assert "1.running_mean" not in str(report)
    assert "1.gamma" in str(report)


def test_names_and_counts() -> None:
    net = classifier("numpy").network
    net.build((6,))
    names = [name for name, _ in net.named_parameters() if name.startswith("1.")]
    assert names == ["1.gamma", "1.beta", "1.running_mean", "1.running_variance"]
    assert [value[0] for value in named(net).values()] == [1, 0, 0, 1]
    assert [segment.trainable for segment in net.layout] == [True, True, True, False, False, True, True]
    summary = net.summary()
    assert summary.parameters == 6 * 5 + 4 * 5 + 5 * 3 + 3
    assert (summary.trained, summary.not_trained) == (summary.parameters - 10, 10)
    assert "trained 58, not trained 10" in str(summary)
    plain = gn.Sequential(gn.Dense(2))
    plain.build((3,))
    assert "not trained" not in str(plain.summary())


@pytest.mark.skipif(native() is None, reason="a pure-Python installation")
@pytest.mark.parametrize("make", [classifier, images])
def test_both_engines_train_alike(make: Callable[..., gn.Model]) -> None:
    models = [make(engine) for engine in ("numpy", "compiled")]
    histories = [model.fit(X, Y, epochs=4, batch_size=16, verbose=False) for model in models]
    expected, found = (model.network.parameters for model in models)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-12)
    np.testing.assert_allclose(models[1].predict(X), models[0].predict(X), rtol=1e-12, atol=1e-12)
    for name, initial in (("running_mean", 0), ("running_variance", 1)):
        assert (np.abs(named(models[0].network)[name] - initial) > 1e-3).all()


@engines
def test_running_statistics_are_the_moving_average_of_the_batches(engine: str) -> None:
    """Of two batches of different length, whose channels nothing but the data changes: their layer is the first."""
    net = gn.Sequential(gn.Flatten(), gn.BatchNorm(momentum=0.25), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", "adam", dtype="float64", engine=engine)
    model.fit(X, Y, epochs=1, batch_size=25, shuffle=False, verbose=False)
    mean, variance = np.zeros(6), np.ones(6)
    for batch in (X[:25], X[25:]):
        mean = 0.75 * mean + 0.25 * batch.mean(axis=0)
        variance = 0.75 * variance + 0.25 * batch.var(axis=0, ddof=1)
    np.testing.assert_allclose(named(net)["running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(named(net)["running_variance"], variance, rtol=1e-12)


def test_a_prediction_does_not_depend_on_the_other_rows() -> None:
    model = classifier("numpy")
    model.fit(X, Y, epochs=2, verbose=False)
    before = model.network.parameters.copy()
    together = model.predict(X)
    alone = np.concatenate([model.predict(X[n : n + 1]) for n in range(len(X))])
    np.testing.assert_allclose(alone, together, rtol=1e-12)
    np.testing.assert_array_equal(model.network.parameters, before)


@engines
@pytest.mark.parametrize("name", RULES)
def test_every_optimizer_leaves_running_statistics_alone(name: str, engine: str) -> None:
    """With momentum 1e-300 the layer itself does not move them either; 0 is excluded."""
    net = gn.Sequential(gn.Dense(5), gn.BatchNorm(momentum=1e-300), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", RULES[name](), dtype="float64", engine=engine)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=False)
    assert (np.abs(named(net)["running_mean"]) < 1e-290).all()
    assert (named(net)["running_variance"] == 1).all()
    assert (named(net)["gamma"] != 1).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RULES)
def test_an_update_with_a_gradient_of_0_is_exactly_none(name: str, dtype: str) -> None:
    """To the bit, from any value, over several updates, and the memory stays 0."""
    net = gn.Sequential(gn.Dense(2), gn.BatchNorm(), gn.Dense(2))
    net.build((3,), dtype=dtype)
    fixed = [segment for segment in net.layout if not segment.trainable]
    rng, optimizer = np.random.default_rng(0), RULES[name]()
    for segment in fixed:
        segment.view(net.parameters)[...] = rng.normal(0, 1000, segment.shape)
    before = net.parameters.copy()
    for _ in range(3):
        for segment in net.layout:
            segment.view(net.gradients)[...] = rng.normal(size=segment.shape) * segment.trainable
        optimizer.step(net.parameters, net.gradients, net.layout)
    for segment in fixed:
        np.testing.assert_array_equal(segment.view(net.parameters), segment.view(before))
        assert not segment.view(net.gradients).any()
        for memory in optimizer.state.values():
            assert memory.size == 1 or not segment.view(memory).any()
    assert (net.parameters != before).sum() >= 10


@engines
def test_a_file_keeps_running_statistics_and_a_resumed_run_equals_the_unbroken_one(engine: str, tmp_path: Path) -> None:
    unbroken, broken = classifier(engine), classifier(engine)
    unbroken.fit(X, Y, epochs=4, verbose=False)
    broken.fit(X, Y, epochs=2, verbose=False)
    broken.save(tmp_path / "m.safetensors")
    resumed = gn.load(tmp_path / "m.safetensors")
    assert repr(resumed.network) == repr(broken.network)
    np.testing.assert_array_equal(resumed.network.parameters, broken.network.parameters)
    np.testing.assert_allclose(resumed.predict(X), broken.predict(X), rtol=1e-12, atol=1e-13)
    assert [s.trainable for s in resumed.network.layout] == [s.trainable for s in broken.network.layout]
    resumed.engine = engine
    resumed.fit(X, Y, epochs=2, verbose=False)
    np.testing.assert_array_equal(resumed.network.parameters, unbroken.network.parameters)


def test_a_copy_has_running_statistics_of_its_own() -> None:
    net, run = gn.Sequential(gn.Flatten(), gn.BatchNorm()), gn.NumpyRunner()
    net.build((6,), dtype="float64")
    net.forward(run, X, training=True)
    twin = net.copy("float32")
    assert twin.layout == net.layout
    before = net.parameters.copy()
    np.testing.assert_allclose(twin.parameters, before, rtol=1e-6)
    twin.forward(run, X.astype(np.float32), training=True)
    assert (named(twin)["running_mean"] != named(net)["running_mean"]).all()
    np.testing.assert_array_equal(net.parameters, before)


@engines
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverged_run_gives_back_good_running_statistics(engine: str) -> None:
    net = gn.Sequential(gn.Dense(4), gn.BatchNorm(), gn.Dense(1))
    model = gn.Model(net, "mean_squared_error", gn.SGD(1e3), dtype="float32", engine=engine)
    y = X.sum(axis=1, keepdims=True) ** 2
    with pytest.raises(gn.DivergenceError):
        model.fit(X, y, epochs=200, batch_size=8, verbose=False)
    assert np.isfinite(net.parameters).all()
    assert (named(net)["running_variance"] >= 0).all()


@engines
def test_batches_of_a_single_row_are_refused_with_their_layer(engine: str) -> None:
    for rows, size in ((40, 1), (1, 32)):
        model = classifier(engine)
        with pytest.raises(
            gn.ShapeError, match=r"layer 1 \(BatchNorm\(\)\).*single value.*larger batch_size, and at least"
        ):
            model.fit(X[:rows], Y[:rows], batch_size=size, verbose=False)
        assert (model.epochs_trained, model.optimizer.steps) == (0, 0)
    images(engine).fit(X, Y, batch_size=1, verbose=False)  # a single image has several values for each channel


def test_layer_norm_and_group_norm_do_the_same_in_prediction() -> None:
    for layer, shape in ((gn.LayerNorm(), (5,)), (gn.LayerNorm(), (4, 5)), (gn.GroupNorm(3), (6, 2, 3))):
        net, run = gn.Sequential(layer), gn.NumpyRunner()
        net.build(shape, dtype="float64")
        x = RNG.normal(2, 3, (3, *shape))
        y, _ = net.forward(run, x, training=True)
        np.testing.assert_array_equal(net.forward(run, x, training=False)[0], y)
        sets = y.reshape(3 * 3, -1) if isinstance(layer, gn.GroupNorm) else y.reshape(-1, 5)
        np.testing.assert_allclose(sets.mean(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(sets.std(axis=1), 1, rtol=1e-3)
        assert net.summary().parameters == 2 * (shape[0] if len(shape) == 3 else shape[-1])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: gn.BatchNorm(momentum=0), gn.ConfigurationError, r"0 < momentum < 1"),
        (lambda: gn.BatchNorm(momentum=1.5), gn.ConfigurationError, r"momentum=1.5"),
        (lambda: gn.LayerNorm(epsilon=0), gn.ConfigurationError, r"0 < epsilon"),
        (lambda: gn.GroupNorm(0), gn.ConfigurationError, r"groups=0"),
        (lambda: gn.Sequential(gn.BatchNorm()).build((1, 2, 3, 4)), gn.ShapeError, r"images \(N, C, H, W\)"),
        (lambda: gn.Sequential(gn.LayerNorm()).build((3, 4, 4)), gn.ShapeError, r"GroupNorm\(1\)"),
        (lambda: gn.Sequential(gn.LayerNorm()).build((4, 1)), gn.ShapeError, r"single value"),
        (lambda: gn.Sequential(gn.GroupNorm(2)).build((4, 5)), gn.ShapeError, r"LayerNorm"),
        (
            lambda: gn.Sequential(gn.GroupNorm(4)).build((6, 2, 2)),
            gn.ShapeError,
            r"6 channels.*multiple of 4.*1, 2, 3, 6",
        ),
        (lambda: gn.Sequential(gn.GroupNorm(3)).build((3,)), gn.ShapeError, r"single value"),
    ],
)
def test_mistakes_are_explained(make: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        make()


def test_a_backward_pass_of_batch_norm_needs_a_training_pass() -> None:
    net, run = gn.Sequential(gn.BatchNorm()), gn.NumpyRunner()
    net.build((3,))
    y, cache = net.forward(run, np.ones((2, 3)), training=False)
    with pytest.raises(gn.ConfigurationError, match="training=True"):
        net.backward(run, y, cache)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
def test_rms_norm_equals_torch(shape: tuple[int, ...]) -> None:
    """Golden values of PyTorch 2.13.0 (CPU, float64): torch.nn.RMSNorm(3, eps=1e-5)."""
    x = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]]).reshape(shape)
    dy = np.array([[1.0, 0.5, -1.0], [0.25, 2.0, 1.5]]).reshape(shape)
    net, run = gn.Sequential(gn.RMSNorm()), gn.NumpyRunner()
    net.build(shape[1:], dtype="float64")
    net.parameters[:] = 1.0, -2.0, 0.5
    y, cache = net.forward(run, x, training=True)
    dx = net.backward(run, dy, cache)
    torch = {
        "y": [0.37796339311536103, 1.5118535724614441, 0.7559267862307221, 1.7027388287610867, -0.28378980479351446,
              -0.14189490239675723],
        "dx": [0.7199304782938759, -0.6839341703570297, -0.5219486248627457, 0.25617230799713425, -2.2607953212147507,
               0.40663847292354216],
        "dgamma": [0.8036481003056327, -0.09417358832184658, -1.9375382796517158],
    }  # fmt: skip
    for name, array in {"y": y, "dx": dx, "dgamma": net.gradients}.items():
        np.testing.assert_allclose(array.ravel(), torch[name], rtol=1e-12, err_msg=name)


@engines
def test_rms_norm_goes_through_every_door(engine: str, tmp_path: Path) -> None:
    net = gn.Sequential(gn.Dense(5), gn.RMSNorm(), gn.Dense(3))
    model = gn.Model(net, "cross_entropy", "adam", dtype="float32", engine=engine)
    model.fit(X, Y, epochs=3, verbose=False)
    assert gn.check_gradients(net, X[:5], Y[:5])
    assert "inverse_rms" in str(gn.trace(model, X[:4], Y[:4]))
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_allclose(gn.load(tmp_path / "model.safetensors").predict(X), model.predict(X), rtol=1e-4)
    assert model.export_onnx(tmp_path / "model.onnx").largest_difference < 1e-5


@pytest.mark.parametrize(
    ("layer", "becomes"), [(gn.LayerNorm(), "0"), (gn.RMSNorm(), "1 or −1"), (gn.GroupNorm(1), "0")]
)
def test_a_value_alone_is_not_normalised(layer: gn.Layer, becomes: str) -> None:
    with pytest.raises(gn.ShapeError, match=f"one alone always becomes {becomes}\\."):
        gn.Sequential(layer).build((1,))
