"""Targets that are standardised, perhaps as logarithms, and answers that stay within the range of the training."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

X = np.linspace(-1, 1, 40)[:, None]
Y = np.column_stack([np.exp(3 + 2 * X[:, 0]), 5 + X[:, 0]])


def model_of(y: Any = Y, seed: int = 0, **settings: Any) -> gn.Model:
    """A model that has learned a little of y."""
    model = gn.Model(
        gn.Sequential(gn.Dense(8), gn.Tanh(), gn.Dense(y.shape[1])), "mean_squared_error", gn.Adam(0.03), seed=seed
    )
    model.target_scaling = gn.TargetScaling.from_data(y, **settings)
    model.fit(X, y, epochs=20, verbose=False)
    return model


@pytest.mark.parametrize("logarithm", [False, True])
def test_the_way_back(logarithm: bool) -> None:
    scaling = gn.TargetScaling.from_data(Y, logarithm=logarithm)
    there = scaling.apply(Y)
    np.testing.assert_allclose([there.mean(axis=0), there.std(axis=0)], [[0, 0], [1, 1]], atol=1e-12)
    np.testing.assert_allclose(scaling.invert(there), Y, rtol=1e-12)
    np.testing.assert_allclose(scaling.invert([[-99.0, 99.0]]), [[Y[:, 0].min(), Y[:, 1].max()]])
    if logarithm:
        np.testing.assert_allclose(scaling.mean, np.log(1 + Y).mean(axis=0))
    free = gn.TargetScaling.from_data(Y, logarithm=logarithm, bounded=False)
    assert free.low is None is free.high
    assert free.invert([[9.0, 9.0]])[0, 0] > Y.max()


@pytest.mark.parametrize("logarithm", [False, True])
def test_answers_stay_within_the_range(logarithm: bool, tmp_path: Path) -> None:
    model = model_of(logarithm=logarithm)
    wild = np.array([[-300.0], [0.1], [300.0]])
    found = model.predict(wild)
    assert (Y.min(axis=0) <= found).all()
    assert (found <= Y.max(axis=0)).all()
    model.save(tmp_path / "m.safetensors")
    plain = gn.Standardize(model.target_scaling.mean, model.target_scaling.scale)
    copy = gn.load(tmp_path / "m.safetensors")
    copy.target_scaling = plain
    inner = copy.predict(wild)[1]
    np.testing.assert_allclose(found[1], np.expm1(inner) if logarithm else inner, rtol=1e-6)
    again = gn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(wild), found)
    assert repr(again.target_scaling) == repr(model.target_scaling)


def test_metrics_are_those_of_the_answers() -> None:
    model = model_of()
    model.metrics = gn.Model(gn.Dense(1), "mean_squared_error", "sgd", ["root_mean_squared_error"]).metrics
    wild = np.array([[-300.0], [300.0]])
    expected = np.sqrt(np.mean((model.predict(wild) - Y[:2]) ** 2))
    assert model.evaluate(wild, Y[:2])["root_mean_squared_error"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("logarithm", [False, True])
def test_members_agree_in_what_they_are_held_within(logarithm: bool, tmp_path: Path) -> None:
    ensemble = gn.Ensemble.of([model_of(seed=seed, logarithm=logarithm) for seed in range(2)])
    found = ensemble.predict(X)
    inside = [model.target_scaling.apply(model.predict(X)) for model in ensemble.members]
    np.testing.assert_allclose(ensemble.members[0].target_scaling.apply(found), np.mean(inside, axis=0), atol=0.05)
    members = np.array(ensemble.predict_members(X))
    np.testing.assert_allclose(ensemble.spread(X), members.std(axis=0), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(ensemble.as_model().predict(X), found, rtol=1e-5)


def test_derivatives_know_a_sum_and_a_product() -> None:
    model = model_of()
    free = model_of(bounded=False)
    np.testing.assert_allclose(gn.saliency(model, X[:3], 0), gn.saliency(free, X[:3], 0))
    with pytest.raises(gn.ConfigurationError, match="logarithm"):
        gn.saliency(model_of(logarithm=True), X[:3], 0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: gn.TargetScaling.from_data([[-1.0], [2.0]], logarithm=True), "-1.0 in row 0"),
        (lambda: gn.TargetScaling(0.0, 1.0, 2.0, 1.0), "low"),
        (lambda: gn.TargetScaling(0.0, 1.0, np.nan), "low=nan"),
        (lambda: gn.TargetScaling(0.0, 1.0, high=-1.0, logarithm=True), "above -1"),
        (lambda: gn.TargetScaling(logarithm="yes"), "logarithm"),
        (lambda: model_of().fit(X, "y"), "y"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, text: str) -> None:
    with pytest.raises(gn.GlassnetError, match=text):
        make()


def test_a_target_below_zero_is_named_in_fit() -> None:
    model = model_of(logarithm=True)
    with pytest.raises(gn.DataError, match=r"-3.0 in row 7"):
        model.fit(X, np.where(np.arange(40)[:, None] == 7, -3.0, Y), verbose=False)


@pytest.mark.parametrize(("unit", "logarithm"), [(1.0, False), (1.0, True), (1e9, False)])
def test_in_onnx_and_in_c(unit: float, logarithm: bool, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    y = Y if unit == 1 else unit + Y  # in float64, for its digits
    model = model_of(y, logarithm=logarithm)
    wild = np.array([[-300.0], [0.1], [0.4], [300.0]], np.float32)
    expected = model.predict(wild)
    model.export_onnx(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    tolerance = {"rtol": 1e-5 if unit == 1 else 1e-9}
    np.testing.assert_allclose(session.run(None, {"x": wild})[0], expected, **tolerance)
    if shutil.which("cc") is None:
        return
    source, _ = gn.interop.export_c(model, tmp_path / "m.c")
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", str(source), "-lm"]
    subprocess.run([*command, "-o", str(tmp_path / "m.so")], check=True)
    kind = np.float64 if model.target_scaling.needs_float64 else np.float32
    assert (kind is np.float64) == (unit > 1)
    function = ctypes.CDLL(str(tmp_path / "m.so")).predict
    found = np.empty((4, 2), kind)
    for row, own in zip(wild, found, strict=True):
        function(row.ctypes.data_as(ctypes.c_void_p), own.ctypes.data_as(ctypes.c_void_p))
    np.testing.assert_allclose(found, expected, **tolerance)
