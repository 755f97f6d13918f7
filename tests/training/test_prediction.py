"""Predictions of the compiled engine beside those of the NumPy engine, also for input of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from typing import Any

import numpy as np
import pytest
from gradients import Affine, layer_cases, rows_for
from models import classifier

import glassnet as gn
from glassnet.compile import native
from glassnet.preprocessing import Standardize
from glassnet.training import Predictor

pytestmark = pytest.mark.skipif(native() is None, reason="a pure-Python installation")

Blobs = tuple[np.ndarray, np.ndarray]

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
LAYERS = list(layer_cases())


def close(found: np.ndarray, expected: np.ndarray) -> None:
    """The same shape, dtype and, to the dtype's tolerance, numbers."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    tolerance = TOLERANCE[str(expected.dtype)]
    np.testing.assert_allclose(found, expected, tolerance, tolerance * float(np.abs(expected).max(initial=1e-30)))


def by_numpy(model: gn.Model) -> gn.Model:
    """The same model, the same parameters, through NumPy kernels."""
    twin = deepcopy(model)
    twin.engine = "numpy"
    return twin


def built(network: gn.Network, shape: tuple[int, ...], dtype: str = "float32", **settings: Any) -> gn.Model:
    """A compiled model whose parameters are drawn."""
    network.build(shape, seed=1, dtype=dtype)
    network.parameters[...] += 0.1 * np.random.default_rng(1).normal(size=network.parameters.shape)
    return gn.Model(network, "mean_squared_error", "sgd", dtype=dtype, engine="compiled", **settings)


@pytest.fixture
def model() -> gn.Model:
    """One with 64 features that has predicted before."""
    net = gn.Sequential(gn.Dense(32), gn.LeakyReLU(0.1), gn.Dropout(0.5), gn.Dense(5))
    found = built(net, (64,))
    found.predict(np.ones((2, 64)))
    return found


def rows(count: int, features: int = 64) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, features)).astype(np.float32)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("name", "build", "shape"), LAYERS, ids=[f"{c[0]}-{i}" for i, c in enumerate(LAYERS)])
def test_layers(name: str, build: Callable[[], gn.Network], shape: tuple[int, ...], dtype: str) -> None:
    model = built(gn.Sequential(build(), gn.Flatten()), shape, dtype)
    twin = by_numpy(model)
    (outputs,) = model.network.output_shape or ()
    rng = np.random.default_rng(0)
    for count in (1, 2, 5, 300, 1000):
        x, y = rows_for(model.network, rng, count).astype(dtype), rng.normal(size=(count, outputs))
        close(model.predict(x), twin.predict(x))
        found, expected = model.evaluate(x, y), twin.evaluate(x, y)
        assert found == {key: pytest.approx(value, rel=TOLERANCE[dtype]) for key, value in expected.items()}
    assert (Predictor(model.network, "compiled", None).fast(x) is None) == (name == "PythonLayer")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "hinge"])
def test_classes_and_probabilities(loss: str, dtype: str) -> None:
    net = gn.Sequential(gn.Dense(9), gn.Tanh(), gn.Dense(4))
    net.build((6,), seed=3, dtype=dtype)
    model = gn.Model(net, loss, "sgd", dtype=dtype, engine="compiled")
    twin, x = by_numpy(model), rows(40, 6)
    np.testing.assert_array_equal(model.predict_classes(x), twin.predict_classes(x))
    if loss != "hinge":
        close(model.predict_proba(x), twin.predict_proba(x))


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_rows_that_need_no_conversion_take_the_quick_path(model: gn.Model, count: int) -> None:
    predictor = Predictor(model.network, "compiled", 2)
    quick = predictor.fast(rows(count))
    assert quick is not None
    np.testing.assert_array_equal(quick, model.predict(rows(count)))
    close(quick, by_numpy(model).predict(rows(count)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("features", "units"),
    [(2047, 200), (2048, 200), (2049, 5), (3136, 128), (3136, 4), (4096, 33), (4097, 1024), (16384, 40), (16385, 40)],
)
def test_long_sums_do_not_depend_on_threads_or_other_rows(
    features: int, units: int, dtype: str, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are added up in parts, which threads share where there is but one row."""
    monkeypatch.setattr("glassnet.compile.forward.DIVIDED_FLOPS", 1)
    network = gn.Sequential(gn.Dense(units, use_bias=bias), gn.ReLU(), gn.Dense(3))
    model = built(network, (features,), dtype)
    x = rows(5, features).astype(dtype)
    together = model.predict(x)
    close(together, by_numpy(model).predict(x))
    for threads in (1, 2, 3, 4, 7):
        predictor = Predictor(network, "compiled", threads)
        for row in range(5):
            np.testing.assert_array_equal(predictor(x[row : row + 1]), together[row : row + 1])


def test_other_input_does_not_take_the_quick_path(model: gn.Model) -> None:
    predictor = Predictor(model.network, "compiled", 2)
    x = rows(4)
    infinite = x.copy()
    infinite[2, 63] = np.inf
    strange = (x.astype(np.float64), x.astype(np.float16), x.astype(">f4"), x[:, :32], x[:0], x[0], infinite, x[::2])
    for other in (*strange, x.reshape(4, 8, 8), np.asfortranarray(x), x.view(np.int32), x.astype(np.complex64)):
        assert predictor.fast(other) is None, (other.dtype, other.shape)


INPUTS: dict[str, Callable[[], Any]] = {
    "every other row": lambda: rows(8)[::2],
    "columns backwards": lambda: rows(4)[:, ::-1],
    "columns of a wider array": lambda: rows(4, 70)[:, 3:67],
    "Fortran order": lambda: np.asfortranarray(rows(4)),
    "transposed": lambda: np.ascontiguousarray(rows(4).T).T,
    "float64": lambda: rows(4).astype(np.float64),
    "float16": lambda: rows(4).astype(np.float16),
    "big-endian": lambda: rows(4).astype(">f4"),
    "integers": lambda: np.arange(256).reshape(4, 64),
    "booleans": lambda: rows(4) > 0,
    "lists": lambda: rows(4).tolist(),
    "list of arrays": lambda: list(rows(4)),
    "a subclass": lambda: rows(4).view(np.matrix),
    "masked": lambda: np.ma.masked_array(rows(4)),
    "read-only": lambda: np.frombuffer(rows(4).tobytes(), np.float32).reshape(4, 64),
    "unaligned": lambda: np.frombuffer(b"x" + rows(4).tobytes(), np.uint8)[1:].view(np.float32).reshape(4, 64),
    "one row broadcast": lambda: np.broadcast_to(rows(1), (4, 64)),
    "a memory view": lambda: rows(4).data,
}


@pytest.mark.parametrize("name", INPUTS)
def test_input_of_any_kind(model: gn.Model, name: str) -> None:
    x = INPUTS[name]()
    close(model.predict(x), by_numpy(model).predict(x))


WRONG: dict[str, Callable[[], Any]] = {
    "no rows": lambda: rows(0),
    "no columns": lambda: np.empty((4, 0), np.float32),
    "one row without its axis": lambda: rows(1)[0],
    "images of as many bytes": lambda: rows(4).reshape(4, 8, 8),
    "an axis of one": lambda: rows(4)[:, :, None],
    "an axis of one in front": lambda: rows(4)[None],
    "too few columns": lambda: rows(4)[:, :63].copy(),
    "too many columns": lambda: rows(4, 65),
    "half as many columns of float64": lambda: rows(4, 32).astype(np.float64),
    "twice as many rows": lambda: rows(4).reshape(8, 32),
    "a number": lambda: np.float32(3),
    "an array without axes": lambda: np.array(3, np.float32),
    "NaN": lambda: np.where(np.arange(256).reshape(4, 64) == 200, np.float32(np.nan), rows(4)),
    "infinity": lambda: np.where(np.arange(256).reshape(4, 64) == 0, np.float32(-np.inf), rows(4)),
    "NaN in the last of many rows": lambda: np.concatenate([rows(999), np.full((1, 64), np.nan, np.float32)]),
    "too large for float32": lambda: np.full((4, 64), 1e300),
    "text": lambda: [["a"] * 64],
    "objects": lambda: np.array([[None] * 64]),
    "complex": lambda: rows(4).astype(np.complex64),
    "records": lambda: np.zeros((4, 64), [("a", np.float32)]),
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "nothing": lambda: None,
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_as_by_numpy(model: gn.Model, name: str) -> None:
    errors = []
    for engine in (model, by_numpy(model)):
        with pytest.raises(gn.GlassnetError) as caught:
            engine.predict(WRONG[name]())
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    assert str(errors[0]) == str(errors[1])
    close(model.predict(rows(4)), by_numpy(model).predict(rows(4)))


def test_a_model_that_has_seen_no_data_says_so() -> None:
    for engine in ("compiled", "numpy"):
        with pytest.raises(gn.NotBuiltError, match="fit"):
            classifier(engine=engine).predict(np.ones((1, 2)))


def test_predictions_follow_training(blobs: Blobs) -> None:
    model = classifier(engine="compiled")
    seen = []
    for _ in range(3):
        model.fit(*blobs, epochs=2, verbose=False)
        seen.append(model.predict(blobs[0]))
        close(seen[-1], by_numpy(model).predict(blobs[0]))
    assert not np.allclose(seen[0], seen[1])
    assert not np.allclose(seen[1], seen[2])


def test_predictions_in_a_callback_follow_training(blobs: Blobs) -> None:
    model = classifier(engine="compiled")

    def look(state: gn.training.TrainingState) -> None:
        close(model.predict(blobs[0]), by_numpy(model).predict(blobs[0]))

    model.fit(*blobs, epochs=3, callbacks=[look], verbose=False)


def test_predictions_follow_parameters_set_by_hand(model: gn.Model) -> None:
    model.network.parameters[...] *= 1.5
    close(model.predict(rows(3)), by_numpy(model).predict(rows(3)))
    model.network.parameters[...] = 0
    np.testing.assert_array_equal(model.predict(rows(3)), np.zeros((3, 5), np.float32))


def test_predictions_follow_an_attribute_of_a_layer(model: gn.Model) -> None:
    before = model.predict(rows(3))
    leaky = next(layer for _, layer in model.network.walk() if isinstance(layer, gn.LeakyReLU))
    leaky.slope = 0.9
    close(model.predict(rows(3)), by_numpy(model).predict(rows(3)))
    assert not np.allclose(model.predict(rows(3)), before)
    leaky.slope = 0.1
    np.testing.assert_array_equal(model.predict(rows(3)), before)


def test_predictions_follow_another_network(model: gn.Model) -> None:
    other = gn.Sequential(gn.Dense(3), gn.Tanh())
    other.build((64,), seed=5)
    model.network = other
    assert model.predict(rows(3)).shape == (3, 3)
    close(model.predict(rows(3)), by_numpy(model).predict(rows(3)))


def test_predictions_follow_replaced_layers(model: gn.Model) -> None:
    net = model.network
    assert isinstance(net, gn.Sequential)
    first, _, *others = net.layers
    net.layers = (first, gn.Tanh(), *others)
    close(model.predict(rows(3)), by_numpy(model).predict(rows(3)))


def test_predictions_follow_a_network_built_anew(model: gn.Model) -> None:
    model.network.build((64,), seed=77)
    close(model.predict(rows(3)), by_numpy(model).predict(rows(3)))
    model.network.build((10,), seed=77)
    close(model.predict(rows(3, 10)), by_numpy(model).predict(rows(3, 10)))
    with pytest.raises(gn.ShapeError):
        model.predict(rows(3))


def test_engine_and_threads_may_change(model: gn.Model) -> None:
    expected = by_numpy(model).predict(rows(700))
    compiled = model.predict(rows(700))
    for engine, threads in [("numpy", None), ("compiled", 2), ("auto", 1), ("compiled", 3), ("numpy", 2)]:
        model.engine, model.threads = engine, threads
        found = model.predict(rows(700))
        np.testing.assert_array_equal(found, expected if engine == "numpy" else compiled)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_preprocessing_and_target_scaling(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, y = 100 + 30 * rng.normal(size=(80, 4)), 1000 + 50 * rng.normal(size=(80, 2))

    def make(engine: str) -> gn.Model:
        net = gn.Sequential(gn.Dense(6), gn.Tanh(), gn.Dense(2))
        model = gn.Model(net, "mean_squared_error", gn.SGD(0.01), ["mean_absolute_error"], dtype=dtype, engine=engine)
        model.preprocessing, model.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
        model.fit(x, y, epochs=3, verbose=False)
        return model

    model = make("compiled")
    for form in (x, x.astype(dtype), x[:1].astype(dtype)):
        twin = by_numpy(model)
        found, expected = model.predict(form), twin.predict(form)
        assert found.dtype == expected.dtype == np.float64  # of the network's outputs, in the targets' unit
        close(found.astype(dtype), expected.astype(dtype))
        assert abs(model.predict(form).mean() - 1000) < 100
        wanted = twin.evaluate(form, y[: len(form)])
        found = model.evaluate(form, y[: len(form)])
        assert found == {key: pytest.approx(value, rel=1e-4) for key, value in wanted.items()}
    contiguous = x.astype(dtype)
    model.target_scaling = None
    assert abs(model.predict(contiguous).mean()) < 10
    model.preprocessing = None
    close(model.predict(contiguous), by_numpy(model).predict(contiguous))


def test_a_layer_in_numpy_predicts_through_numpy() -> None:
    model = built(gn.Sequential(gn.Dense(8), Affine(), gn.Dense(3)), (64,))
    np.testing.assert_array_equal(model.predict(rows(5)), by_numpy(model).predict(rows(5)))
    assert Predictor(model.network, "compiled", 1).fast(rows(5)) is None


@pytest.mark.parametrize("duplicate", [copy, deepcopy])
def test_a_copy_predicts_the_same(model: gn.Model, duplicate: Callable[[gn.Model], gn.Model]) -> None:
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.predict(rows(300)), model.predict(rows(300)))


def test_a_deep_copy_has_a_life_of_its_own(model: gn.Model) -> None:
    before = model.predict(rows(3))
    twin = deepcopy(model)
    twin.predict(rows(3))
    twin.network.parameters[...] *= 2
    assert not np.allclose(twin.predict(rows(3)), before)
    np.testing.assert_array_equal(model.predict(rows(3)), before)
    model.network.parameters[...] = 0
    assert np.abs(twin.predict(rows(3))).max() > 0


@pytest.mark.parametrize("count", [1, 5, 700])
def test_outputs_belong_to_the_caller(model: gn.Model, count: int) -> None:
    x = rows(count)
    kept = x.copy()
    first, second = model.predict(x), model.predict(x)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, model.network.parameters)
    assert first.flags.owndata
    assert first.flags.writeable
    expected = second.copy()
    first[...] = np.nan
    np.testing.assert_array_equal(model.predict(x), expected)
    np.testing.assert_array_equal(second, expected)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("layer", [gn.Flatten(), gn.Identity(), gn.Dropout(0.5)])
def test_a_network_without_work_gives_a_copy_of_its_input(layer: gn.layers.Layer) -> None:
    net = gn.Sequential(layer)
    net.build((6,))
    model = gn.Model(net, "mean_squared_error", "sgd", engine="compiled")
    x = rows(40, 6)
    found = model.predict(x)
    np.testing.assert_array_equal(found, x)
    assert not np.shares_memory(found, x)


def test_every_row_has_its_own_outputs(model: gn.Model) -> None:
    """Also at the edges of the tiles that rows go through the network in."""
    x = rows(1500)
    expected = by_numpy(model).predict(x)
    for start, stop in [(0, 1), (255, 257), (250, 1270), (1, 1500), (1499, 1500)]:
        tolerance = 1e-5 * float(np.abs(expected).max())
        np.testing.assert_allclose(model.predict(x[start:stop]), expected[start:stop], 1e-5, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_share_the_channels_of_one_image(dtype: str) -> None:
    net = gn.Sequential(
        gn.Conv2D(40, 3, padding=1),
        gn.BatchNorm(),
        gn.ReLU(),
        gn.MaxPool2D(2),
        gn.Conv2D(48, 3, padding=1, groups=4),
        gn.Tanh(),
        gn.Conv2D(70, 3, stride=2),
        gn.AveragePool2D(2),
        gn.Flatten(),
        gn.Dense(300),
        gn.ReLU(),
        gn.Dense(7),
    )
    net.build((5, 40, 36), seed=1, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(6, 5, 40, 36)).astype(dtype)
    predict = {threads: Predictor(net, "compiled", threads) for threads in (1, 2, 3, 8)}
    expected = predict[1](x)
    reference = Predictor(net, "numpy", 1)(x)
    np.testing.assert_allclose(expected, reference, 1e-4 if dtype == "float32" else 1e-10, 1e-5)
    for one in predict.values():
        np.testing.assert_array_equal(np.concatenate([one(x[i : i + 1]) for i in range(len(x))]), expected)
