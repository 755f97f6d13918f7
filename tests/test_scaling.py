"""Numbers whose mean is far larger than their differences: learned, predicted and measured without losing digits."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.preprocessing import Standardize

ENGINES = ["numpy", "compiled"] if native() is not None else ["numpy"]
METRICS = ["mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2"]
ROWS = 200


def regressor(dtype: str, engine: str, metrics: Any = METRICS, loss: str = "mean_squared_error") -> gn.Model:
    net = gn.Sequential(gn.Dense(16), gn.Tanh(), gn.Dense(1))
    return gn.Model(net, loss, gn.Adam(0.01), metrics, dtype=dtype, engine=engine)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Two columns between 0 and 60, and their wave (N, 1) between −20 and 20."""
    x = np.random.default_rng(0).uniform(0, 60, (ROWS, 2))
    return x, 20 * np.sin(x[:, :1] / 10) * np.cos(x[:, 1:] / 20)


def by_numpy(found: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """The metrics, by their formulas."""
    error = found - y
    mean = np.average(y, axis=0, weights=weights)
    w = np.ones(len(y)) if weights is None else weights
    squared = float(np.average(np.square(error).mean(axis=1), weights=weights))
    return {
        "mean_absolute_error": float(np.average(np.abs(error).mean(axis=1), weights=weights)),
        "mean_squared_error": squared,
        "root_mean_squared_error": squared**0.5,
        "r2": float(np.mean(1 - (w[:, None] * error**2).sum(axis=0) / (w[:, None] * (y - mean) ** 2).sum(axis=0))),
    }


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("start", [1.7e9, 9e8, 1.7e12, np.int64(1_700_000_000), np.int64(2**53)])
def test_a_large_mean_is_learned_as_its_standardised_version(start: Any, dtype: str, engine: str) -> None:
    """Epoch seconds within a minute, ids, milliseconds: the same weights as those of x that was scaled before."""
    x, y = data()
    x = np.round(x)
    raw = (start + x.astype(np.int64)) if isinstance(start, np.int64) else start + x
    model, by_hand = regressor(dtype, engine), regressor(dtype, engine)
    model.preprocessing = Standardize.from_data(raw)
    shift = (model.preprocessing.mean - float(start)) if start < 2**50 else model.preprocessing.mean - 2.0**53
    model.fit(raw, y, epochs=3, verbose=False)
    by_hand.fit((x - shift) / model.preprocessing.scale, y, epochs=3, verbose=False)
    for own, other in zip(model.network.named_parameters(), by_hand.network.named_parameters(), strict=True):
        np.testing.assert_allclose(own[1], other[1], rtol=1e-6 if dtype == "float64" else 1e-4, atol=1e-6)
    expected = by_hand.evaluate((x - shift) / model.preprocessing.scale, y)["r2"]
    assert model.evaluate(raw, y)["r2"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_seconds_within_a_minute_are_learned(engine: str) -> None:
    x, y = data()
    model = regressor("float32", engine)
    model.preprocessing = Standardize.from_data(1.7e9 + x)
    model.target_scaling = Standardize.from_data(1.7e9 + y)
    model.fit(1.7e9 + x, 1.7e9 + y, epochs=150, verbose=False)
    plain = regressor("float32", engine)
    plain.preprocessing, plain.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
    plain.fit(x, y, epochs=150, verbose=False)
    found, wanted = model.evaluate(1.7e9 + x, 1.7e9 + y), plain.evaluate(x, y)
    assert wanted["r2"] > 0.8
    assert found == {name: pytest.approx(value, rel=0.02, abs=1e-3) for name, value in wanted.items()}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["float64", "int64", "float32", "list"])
@pytest.mark.parametrize("weighted", [False, True])
def test_evaluate_says_what_numpy_says_of_predict(dtype: str, engine: str, kind: str, weighted: bool) -> None:
    x, y = data()
    y = np.round(y) + (1.7e6 if kind == "float32" else 1.7e9)
    targets: Any = y.tolist() if kind == "list" else y.astype(kind)
    known = np.asarray(targets)
    weights = np.random.default_rng(1).uniform(0, 0.3, len(x)) if weighted else None
    model = regressor(dtype, engine)
    model.preprocessing, model.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
    history = model.fit(
        x, targets, epochs=2, sample_weight=weights, validation_data=(x[:50], targets[:50]), verbose=False
    )
    found = model.predict(x)
    assert found.dtype == np.float64
    measured = model.evaluate(x, targets, weights)
    for name, value in by_numpy(found, known.astype(np.float64), weights).items():
        assert measured[name] == pytest.approx(value, rel=1e-12), name
    for name, value in by_numpy(model.predict(x[:50]), known[:50].astype(np.float64)).items():
        assert history[f"val_{name}"][-1] == pytest.approx(value, rel=1e-12), name
    standardised = (found - y) / model.target_scaling.scale  # the loss is that of what is learned
    loss = float(np.average(np.square((found - known) / model.target_scaling.scale)[:, 0], weights=weights))
    assert measured["loss"] == pytest.approx(loss, rel=1e-4)
    assert np.abs(standardised).max() < 10


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["float64", "int64", "float32", "uint8"])
def test_metrics_without_scaling_are_of_the_given_targets(engine: str, kind: str) -> None:
    """Also where float32 would round them: 16777217 is no float32."""
    x, y = data()
    y = (np.round(np.abs(y)) + (0 if kind == "uint8" else 2**24 + 1)).astype(kind)
    model = regressor("float32", engine)
    history = model.fit(x, y, epochs=2, validation_split=0.25, verbose=False)
    assert np.isfinite(history["val_r2"]).all()
    measured = model.evaluate(x, y)
    for name, value in by_numpy(model.predict(x).astype(np.float64), y.astype(np.float64)).items():
        assert measured[name] == pytest.approx(value, rel=1e-12), name


def test_weights_are_as_given_in_metrics() -> None:
    x, y = data()
    weights = np.full(len(y), 0.1)
    weights[0] = 1e-12
    model = regressor("float32", "auto")
    rows = model.rows(x, y, weights)
    assert rows.weights is not None
    assert rows.loss_weights is not None
    np.testing.assert_array_equal(rows.weights, weights)
    assert rows.loss_weights.dtype == np.float32
    with pytest.raises(gn.DataError, match="1e-60 at row 0, expected 0, or a weight from"):  # in its dtype none is left
        model.rows(x, y, weights * 0 + 1e-60)


@pytest.mark.parametrize("engine", ENGINES)
def test_stopping_and_checkpoints_watch_the_targets_own_unit(engine: str, tmp_path: Path) -> None:
    x, y = data()
    y = y + 1.7e9
    model = regressor("float32", engine, ["mean_absolute_error"])
    model.preprocessing, model.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
    seen: list[float] = []
    history = model.fit(
        x, y, epochs=30, validation_split=0.2, verbose=False,
        callbacks=[
            gn.EarlyStopping(monitor="val_mean_absolute_error", patience=3, min_delta=0.5),
            lambda state: seen.append(state.logs["val_mean_absolute_error"]),
        ],
    )  # fmt: skip
    assert seen == history["val_mean_absolute_error"]
    assert len(set(seen)) == len(seen)  # float32 has one number between 1.7e9 and 1.7e9 + 128
    assert 1 < min(seen) < max(seen) < 20


def test_the_parts_of_rows_stay_together() -> None:
    x, y = data()
    model = regressor("float32", "auto")
    model.target_scaling = Standardize.from_data(y)
    rows = model.rows(x, y, np.arange(len(x)) + 1.0)
    part = rows.take(np.array([5, 3]))
    assert part.originals is not None
    assert part.weights is not None
    np.testing.assert_array_equal(part.originals, y[[5, 3]])
    np.testing.assert_allclose(part.targets, model.target_scaling.apply(y[[5, 3]]), rtol=1e-6)
    assert part.weights.tolist() == [6, 4]
    assert model.rows(x.astype(np.float32), np.arange(len(x)).reshape(-1, 1).astype(np.int16)).originals is not None
    model.target_scaling = None
    assert model.rows(x, np.zeros((len(x), 1), np.int16)).originals is None  # float32 has all of them
    assert gn.Model(gn.Sequential(gn.Dense(3)), "cross_entropy", "sgd").rows(x, np.arange(len(x)) % 3).originals is None


def test_both_engines_get_the_same_inputs() -> None:
    x, y = data()
    x, y = x + 1.7e9, y + 1.7e9
    rows = []
    for engine in ENGINES:
        model = regressor("float32", engine)
        model.preprocessing, model.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
        rows.append(model.rows(x, y))
    np.testing.assert_array_equal(rows[0].x, rows[-1].x)
    np.testing.assert_array_equal(rows[0].targets, rows[-1].targets)
    np.testing.assert_allclose(rows[0].x, (x - x.mean(axis=0)) / x.std(axis=0), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_images_are_scaled_in_any_dtype(engine: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 6, 6))
    answers = []
    for kind in (np.uint8, np.int64, np.float32, np.float64, np.float16):
        net = gn.Sequential(gn.Conv2D(2, 3), gn.Flatten(), gn.Dense(2))
        model = gn.Model(net, "cross_entropy", "sgd", engine=engine)
        model.preprocessing = Standardize.by_channel(pixels.astype(kind))
        model.fit(pixels.astype(kind), np.arange(40) % 2, epochs=1, verbose=False)
        answers.append(model.predict(pixels.astype(kind)))
    for other in answers[1:]:
        np.testing.assert_array_equal(answers[0], other)


def test_no_copy_of_the_data_outlives_a_fit() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 1, 6, 6)).astype(np.uint8)
    model = gn.Model(gn.Sequential(gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")
    model.preprocessing = Standardize.by_channel(pixels)
    seen: list[Any] = []
    states: list[Any] = []

    def note(state: Any) -> None:
        seen.append(weakref.ref(state.training))
        states.append(state)

    gc.disable()  # nor does it wait for the collector of cycles
    try:
        model.fit(pixels, np.arange(40) % 2, callbacks=[note], verbose=False)
        assert seen[0]() is None
    finally:
        gc.enable()
    assert states[0].training is None


def test_a_saved_model_scales_with_the_same_digits(tmp_path: Path) -> None:
    x, y = data()
    model = regressor("float32", "auto")
    model.preprocessing, model.target_scaling = Standardize.from_data(x + 1.7e9), Standardize.from_data(y + 1.7e9)
    model.fit(x + 1.7e9, y + 1.7e9, verbose=False)
    model.save(tmp_path / "m.safetensors")
    again = gn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(x + 1.7e9), model.predict(x + 1.7e9))
    assert again.evaluate(x + 1.7e9, y + 1.7e9) == model.evaluate(x + 1.7e9, y + 1.7e9)


def test_predictions_go_the_slow_way_only_where_something_is_scaled() -> None:
    x, y = data()
    model = regressor("float32", "auto")
    model.fit(x, y, verbose=False)
    plain = model.predict(x.astype(np.float32))
    assert plain.dtype == np.float32
    model.preprocessing = Standardize(mean=1.7e9)
    np.testing.assert_allclose(model.predict(x.astype(np.float32).astype(np.float64) + 1.7e9), plain, atol=1e-4)
    model.preprocessing, model.target_scaling = None, Standardize(mean=1.7e9, scale=2)
    np.testing.assert_array_equal(model.predict(x.astype(np.float32)), plain.astype(np.float64) * 2 + 1.7e9)


LOST = [
    (lambda x: 1.7e9 + x, "column 0"),
    (lambda x: np.column_stack([x[:, 0], 9e8 + x[:, 1]]), "column 1"),
    (lambda x: (1_700_000_000 + x).astype(np.int64), "column 0"),
    (lambda x: (2**62 + x.astype(np.int64)).astype(np.uint64), "column 0"),
    (lambda x: -1.7e9 - x, "column 0"),
]


@pytest.mark.parametrize(("change", "place"), LOST)
def test_differences_that_would_be_lost_are_refused(change: Any, place: str) -> None:
    """Without scaling float32 makes of all these seconds one number, of which nothing can be learned."""
    x, y = data()
    model = regressor("float32", "auto")
    with pytest.raises(gn.DataError, match=rf"fit: x.*{place}.*lost in float32.*gn.Standardize.from_data\(x\)"):
        model.fit(change(x), y, verbose=False)
    assert not model.network.is_built
    model.preprocessing = Standardize.from_data(change(x))
    model.fit(change(x), y, verbose=False)
    with pytest.raises(gn.DataError, match=r"fit: y.*lost in float32.*target_scaling"):
        model.fit(change(x), change(x)[:, [1]], verbose=False)


def test_what_float64_cannot_tell_apart_is_refused() -> None:
    x = 2**53 + np.arange(16).reshape(8, 2) // 2
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd", dtype="float64")
    with pytest.raises(gn.DataError, match="lost in float64"):
        model.fit(x, np.zeros((8, 1)), verbose=False)


@pytest.mark.parametrize(
    "x",
    [
        np.full((8, 2), 0.1),
        np.full((8, 2), 1.7e9),
        np.where(np.arange(16).reshape(8, 2) % 2, 0.3, 0.1 + 0.2),
        np.arange(16).reshape(8, 2) + 2000,
        np.arange(16).reshape(8, 2) * 1e-30,
        np.arange(16).reshape(8, 2) + 10_000_000,
    ],
    ids=["constant", "large constant", "rounding", "years", "tiny", "all in float32"],
)
def test_ordinary_columns_pass(x: np.ndarray) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", gn.SGD(1e-12))
    model.fit(x, np.arange(8) % 2, verbose=False)


def test_classes_have_no_scale() -> None:
    x, _ = data()
    for loss in ("cross_entropy", "hinge"):
        model = gn.Model(gn.Sequential(gn.Dense(3)), loss, "sgd")
        model.target_scaling = Standardize()
        with pytest.raises(gn.ConfigurationError, match="target_scaling.*regression"):
            model.fit(x, np.arange(len(x)) % 3, verbose=False)


def test_standardised_numbers_beyond_the_dtype_are_named() -> None:
    x, y = data()
    model = regressor("float32", "auto")
    model.preprocessing = Standardize(scale=1e-30)
    x[3, 1] = 1e20
    with pytest.raises(gn.DataError, match=r"fit: x: received the value 1e\+20 at row 3, column 1.*float32"):
        model.fit(x, y, verbose=False)
    x[3, 1] = np.nan
    with pytest.raises(gn.DataError, match="fit: x: received nan at row 3, column 1"):
        model.fit(x, y, verbose=False)


def test_a_report_compares_in_the_targets_own_unit(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from glassnet.reports.results import results_of

    x, y = data()
    y = y + 1.7e9
    model = regressor("float32", "auto")
    model.preprocessing, model.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
    model.fit(x, y, epochs=2, verbose=False)
    error = results_of(model, x, y, y).measure("mean_absolute_error")
    assert error.baseline == pytest.approx(float(np.abs(y - y.mean()).mean()), rel=1e-12)
    assert error.value == pytest.approx(float(np.abs(y - model.predict(x)).mean()), rel=1e-12)


def test_importance_of_columns_with_a_large_mean() -> None:
    x, y = data()
    model = regressor("float32", "auto")
    model.preprocessing, model.target_scaling = Standardize.from_data(x + 1.7e9), Standardize.from_data(y + 1.7e9)
    model.fit(x + 1.7e9, y + 1.7e9, epochs=100, verbose=False)
    found = gn.permutation_importance(model, x + 1.7e9, y + 1.7e9)
    plain = regressor("float32", "auto")
    plain.preprocessing, plain.target_scaling = Standardize.from_data(x), Standardize.from_data(y)
    plain.fit(x, y, epochs=100, verbose=False)
    wanted = gn.permutation_importance(plain, x, y)
    assert {own.column: own.change for own in found} == {
        own.column: pytest.approx(own.change, rel=0.02) for own in wanted
    }
