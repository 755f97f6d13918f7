"""Models of counts and of amounts: what they learn, say, measure, keep and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.compile import native
from glassnet.reports.results import results_of

RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, (300, 2))
MEAN = np.exp(1 + X @ [1.0, -0.5])[:, None]
TARGETS = {"poisson": RNG.poisson(MEAN).astype(float), "gamma": RNG.gamma(4.0, MEAN / 4)}
ENGINES = ["numpy", *(["compiled"] if native() is not None else [])]
each = pytest.mark.parametrize("name", TARGETS)


def trained(name: str, **settings: Any) -> gn.Model:
    net = gn.Sequential(gn.Dense(1))
    model = gn.Model(net, name, gn.Adam(0.05), ["mean_absolute_error", "r2"], **settings)
    model.fit(X, TARGETS[name], epochs=60, verbose=False)
    return model


@each
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learns_the_mean_and_measures_it(name: str, engine: str, dtype: str) -> None:
    model = trained(name, engine=engine, dtype=dtype)
    found = model.predict_mean(X)
    np.testing.assert_allclose(found, MEAN, rtol=0.25)
    np.testing.assert_array_equal(found, np.exp(model.predict(X)))
    measured = model.evaluate(X, TARGETS[name])
    assert measured["mean_absolute_error"] == pytest.approx(np.abs(found - TARGETS[name]).mean(), rel=1e-5)
    squares = ((found - TARGETS[name]) ** 2).sum() / ((TARGETS[name] - TARGETS[name].mean()) ** 2).sum()
    assert measured["r2"] == pytest.approx(1 - squares, rel=1e-5)
    other = trained(name, engine="numpy", dtype="float64")
    np.testing.assert_allclose(
        model.network.parameters, other.network.parameters, rtol=1e-3 if dtype == "float32" else 1e-9
    )


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_learns_a_quantile(quantile: float) -> None:
    model = gn.Model(
        gn.Sequential(gn.Dense(1)), gn.losses.Quantile(quantile), gn.Adam(gn.schedules.CosineDecay(0.1, steps=1000))
    )
    model.fit(X, TARGETS["gamma"], epochs=100, verbose=False)
    assert (TARGETS["gamma"] < model.predict(X)).mean() == pytest.approx(quantile, abs=0.04)
    np.testing.assert_array_equal(model.predict_mean(X), model.predict(X))


@each
def test_a_file_keeps_the_loss_and_the_report_speaks_of_the_mean(name: str, tmp_path: Path) -> None:
    model = trained(name)
    model.save(tmp_path / "model.safetensors")
    loaded = gn.load(tmp_path / "model.safetensors")
    assert repr(loaded.loss) == repr(model.loss)
    np.testing.assert_array_equal(loaded.predict_mean(X), model.predict_mean(X))
    results = results_of(model, X, TARGETS[name], None)
    np.testing.assert_array_equal(results.predicted, model.predict_mean(X))
    spread = np.abs(TARGETS[name] - TARGETS[name].mean()).mean()
    assert results.measure("mean_absolute_error").baseline == pytest.approx(spread, rel=1e-5)


@each
def test_exported_files_give_logarithms_and_means(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = trained(name)
    model.export_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    outputs, mean = session.run(["outputs", "mean"], {"x": X.astype(np.float32)})
    np.testing.assert_allclose(outputs, model.predict(X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mean, model.predict_mean(X), rtol=1e-4)
    _, header = gn.interop.export_c(model, tmp_path / "model.c")
    assert "logarithms of the mean" in header.read_text()


@each
def test_a_command_answers_with_the_mean(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from glassnet.cli.main import main

    model = trained(name)
    model.save(tmp_path / "model.safetensors")
    np.savez(tmp_path / "rows.npz", x=X[:3])
    main(["predict", str(tmp_path / "model.safetensors"), str(tmp_path / "rows.npz")])
    shown = [float(line) for line in capsys.readouterr().out.split()[1:4]]
    np.testing.assert_allclose(shown, model.predict_mean(X[:3]).ravel(), rtol=1e-4)


@each
def test_what_would_be_wrong_without_a_word_is_refused(name: str) -> None:
    model = gn.Model(gn.Sequential(gn.Dense(1)), name, "adam")
    model.target_scaling = gn.Standardize.from_data(TARGETS[name])
    with pytest.raises(gn.ConfigurationError, match="target_scaling"):
        model.fit(X, TARGETS[name], verbose=False)
    model.target_scaling = None
    with pytest.raises(gn.DataError, match="row 4, column 0"):
        model.fit(X, np.where(np.arange(300)[:, None] == 4, -1.0, TARGETS[name] + 1), verbose=False)
    classes = gn.Model(gn.Sequential(gn.Dense(2)), "cross_entropy", "adam")
    classes.fit(X, np.arange(300) % 2, verbose=False)
    with pytest.raises(gn.ConfigurationError, match="predict_proba"):
        classes.predict_mean(X)


@each
def test_shares_of_right_answers_are_of_means(name: str) -> None:
    outputs, targets = np.log([[0.4], [0.6], [0.2], [3.0]]), np.array([[0.0], [1.0], [1.0], [1.0]])
    assert gn.metrics.Accuracy().compute(outputs, targets, gn.losses.LOSSES[name](), None) == 0.75


@each
def test_pictures_and_diagnosis_know_the_mean(name: str) -> None:
    pytest.importorskip("matplotlib")
    model = trained(name)
    text = gn.plots.plot_residuals(model, X, TARGETS[name]).texts[0].get_text()
    error = np.abs(model.predict_mean(X) - TARGETS[name]).mean()
    assert float(text.rpartition(" ")[2]) == pytest.approx(error, rel=1e-3)
    constant = np.full_like(TARGETS[name], np.log(TARGETS[name].mean()))
    from glassnet.diagnosis.baseline import baseline_loss

    assert baseline_loss(model.loss, TARGETS[name], 1) == pytest.approx(model.loss(constant, TARGETS[name])[0])


@each
def test_a_trace_says_the_equation(name: str) -> None:
    page = gn.trace(trained(name), X[:2], TARGETS[name][:2])
    assert f"{name}_forward" in str(page)
    assert "log t" in str(page)
