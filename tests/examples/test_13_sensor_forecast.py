"""Example 13 on temperatures made up here, from a package of the same form as the one that it reads."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import glassnet as gn

EXAMPLE = "13_sensor_forecast"


@pytest.fixture
def made_up(monkeypatch):
    """A package with thirty years of months, each year a little warmer or colder than the one before."""
    rng = np.random.default_rng(0)
    months = 23 + 2 * np.sin(np.arange(12) * 2 * np.pi / 12)
    table = np.column_stack(
        [1980 + np.arange(30.0), months + rng.normal(0, 0.7, (30, 1)) + rng.normal(0, 0.1, (30, 12))]
    )
    package, datasets = ModuleType("statsmodels"), ModuleType("statsmodels.datasets")
    loaded = SimpleNamespace(data=SimpleNamespace(to_numpy=lambda: table))
    package.__spec__ = ModuleSpec("statsmodels", None)
    datasets.elnino = SimpleNamespace(load_pandas=lambda: loaded)
    monkeypatch.setitem(sys.modules, "statsmodels", package)
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", datasets)


def test_it_is_nearer_to_what_came_than_what_needs_no_model(run_example, assert_drawn, made_up, tmp_path):
    (model, errors, ahead), printed = run_example(EXAMPLE, epochs=20, plot=True, output=tmp_path / "new")
    naive = errors.naive_errors()
    assert list(naive) == ["the last value", "12 steps before"]
    assert errors.mean_absolute_error < min(naive.values())
    assert f"off by {errors.mean_absolute_error:.2f} °C" in printed
    assert ahead.shape == (12,)
    assert str(model.forecasting.step) == "1 month"
    assert_drawn(tmp_path / "new" / "13_sensor_forecast.png")


def test_without_the_package_it_says_what_to_install(run_example, monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[examples\]"):
        run_example(EXAMPLE)
