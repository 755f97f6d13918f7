"""Columns of numbers by median and quartiles, and in pieces."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.tables import Piecewise, Robust

RNG = np.random.default_rng(0)
VALUES = np.concatenate([RNG.normal(size=200), [1e9, -1e12]])
LARGEST = np.finfo(np.float64).max


def column(values: Any, numbers: str, **settings: Any) -> Any:
    table = gn.Table.from_data(
        {"x": values, "y": RNG.normal(size=len(values))}, target="y", numbers=numbers, **settings
    )
    return table, table.columns[0]


def test_numbers_are_those_of_the_formula() -> None:
    table, own = column(VALUES, "robust")
    assert type(own) is Robust
    middle, scale = np.median(VALUES), np.subtract(*np.quantile(VALUES, (0.75, 0.25)))
    z = (VALUES - middle) / scale
    np.testing.assert_allclose(table.apply({"x": VALUES})[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-12)
    assert np.abs(table.apply({"x": [1e300, -1e300, LARGEST]})).max() == 3


@pytest.mark.parametrize(("rows", "bins"), [(300, 12), (4_900, 12), (8_000, 20), (20_000, 32), (400_000, 12)])
def test_more_rows_are_cut_into_more_pieces(rows: int, bins: int) -> None:
    values = np.arange(rows) ** 2.0
    edges = column(values, "piecewise")[1].edges
    np.testing.assert_allclose(edges, np.quantile(values, np.linspace(0, 1, bins + 1)), rtol=1e-12)


def test_pieces_say_how_far_a_number_has_come() -> None:
    table, own = column(VALUES, "piecewise")
    assert type(own) is Piecewise
    places = np.linspace(0, 1, 13)
    edges = np.unique(np.concatenate([np.quantile(VALUES, places), np.quantile(np.unique(VALUES), places)]))
    np.testing.assert_array_equal(own.edges, edges)
    found = table.apply({"x": VALUES})
    assert found.shape == (len(VALUES), len(edges)) == (len(VALUES), len(table.features))
    for piece, (low, high) in enumerate(pairwise(edges), start=1):
        np.testing.assert_allclose(found[:, piece], np.clip((VALUES - low) / (high - low), 0, 1) - 0.5, atol=1e-12)
    outside = table.apply({"x": [-1e300, 1e300]})[:, 1:]
    assert outside.tolist() == [[-0.5] * (len(edges) - 1), [0.5] * (len(edges) - 1)]
    often = np.repeat([0.0, 1.0, 2.0, 50.0], [900, 50, 45, 5])
    np.testing.assert_array_equal(column(often, "piecewise")[1].edges[[0, -1]], [0, 50])
    assert len(column(often, "piecewise")[1].edges) > 8  # by the distinct values, too


@pytest.mark.filterwarnings("ignore:Table.apply")
@pytest.mark.parametrize(
    ("values", "kind", "scale"),
    [
        ([0.0, 1.0] * 20, Robust, 1.0),  # two values need no pieces
        ([0.0] * 30 + [1.0, 8.0], Piecewise, 4.0),  # quartiles at one place: half of the range
        ([5.0, None] * 9, Robust, 1.0),
        ([-LARGEST, 0.0, LARGEST] * 4, Robust, LARGEST),
        ([5e-324, 0.0, 1e-323] * 4, Piecewise, 1e-323),
    ],
)
def test_columns_without_a_spread_and_with_a_huge_one(values: list[Any], kind: type, scale: float) -> None:
    table, own = column(values, "piecewise")
    assert type(own) is kind
    assert own.scale == scale
    found = table.apply({"x": [*values, None, LARGEST, -LARGEST]})
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 3


def test_what_is_missing_is_the_middle() -> None:
    table, own = column([*VALUES, None, None], "piecewise")
    found = table.apply({"x": [None, own.middle]})
    assert found[0].tolist() == [0.0] * (found.shape[1] - 1) + [1.0]
    assert found[1, 0] == found[1, -1] == 0
    with pytest.warns(gn.DataWarning, match="taken as the middle"):
        column(VALUES, "robust")[0].apply({"x": [None]})


def test_files_and_onnx_have_them(tmp_path: Path) -> None:
    data = {"a": VALUES, "b": [*RNG.integers(0, 5, 201), None], "c": RNG.normal(size=202), "y": RNG.normal(size=202)}
    table = gn.Table.from_data(data, target="y", numbers="piecewise", quantiles="c")
    assert [type(own).__name__ for own in table.columns] == ["Piecewise", "Piecewise", "Quantiles"]
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.ReLU(), gn.Dense(1)), "mean_squared_error", "adam")
    model.preprocessing = table
    model.fit(data, table.targets(data), epochs=2, verbose=False)
    model.save(tmp_path / "model.safetensors")
    again = gn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(data), model.predict(data))
    assert again.predict({"a": 1e300, "b": 2, "c": 0.1}).shape == (1, 1)
    pytest.importorskip("onnx")
    report = model.export_onnx(tmp_path / "model.onnx")
    assert report.largest_difference < 1e-5


def test_other_settings_are_refused() -> None:
    with pytest.raises(gn.ConfigurationError, match="numbers"):
        column(VALUES, "rank")
    for edges in ([0.0], [1.0, 0.0], [0.0, 0.0], [-LARGEST, LARGEST], [0.0, np.nan]):
        with pytest.raises(ValueError, match="edges"):
            Piecewise("x", 0.0, 1.0, edges)
    for scale in (0.0, -1.0, np.inf):
        with pytest.raises(gn.ConfigurationError, match="scale"):
            Robust("x", 0.0, scale)
