"""What a page says of figures: intervals, thresholds, slices and dependences against what is known in closed form."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.derivatives.by_columns import by_columns
from glassnet.derivatives.dependence import dependence
from glassnet.reports.intervals import bootstrap, share_interval
from glassnet.reports.slices import worse_slices
from glassnet.reports.thresholds import Costs, at, best_threshold, cost_elsewhere

Z = NormalDist().inv_cdf(0.975)


@pytest.mark.parametrize("count", [200, 45_000])
def test_the_interval_of_a_mean_is_that_of_the_normal_distribution(count: int) -> None:
    values = np.random.default_rng(0).exponential(size=count)
    found = bootstrap(lambda rows: float(values[rows].mean()), count)
    assert found is not None
    reach = Z * values.std() / np.sqrt(count)
    assert found == pytest.approx((values.mean() - reach, values.mean() + reach), abs=0.2 * reach)
    assert found == bootstrap(lambda rows: float(values[rows].mean()), count)
    assert found != bootstrap(lambda rows: float(values[rows].mean()), count, seed=1)


def test_an_interval_of_what_is_undefined_is_none() -> None:
    assert bootstrap(lambda rows: 1.0, 1) is None
    assert bootstrap(lambda rows: float("nan"), 50) is None


def test_wilsons_interval() -> None:
    """The values of R's binom::binom.wilson and of Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20."""
    assert share_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert share_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_a_threshold_is_counted_by_hand() -> None:
    scores, is_second = np.array([0.9, 0.8, 0.6, 0.4, 0.2]), np.array([True, False, True, True, False])
    own = at(0.6, scores, is_second, Costs(1, 5))
    assert (own.taken, own.precision, own.recall) == pytest.approx((0.6, 2 / 3, 2 / 3))
    assert (own.false_alarms, own.misses, own.cost) == (1, 1, pytest.approx(6 / 5))
    assert best_threshold(scores, is_second, Costs(1, 5)) == pytest.approx(0.3)
    assert best_threshold(scores, is_second, Costs(5, 1)) == pytest.approx(0.85)
    assert np.isnan(at(1.1, scores, is_second, Costs()).precision)


def test_the_best_threshold_is_that_of_all_and_near_to_what_calibrated_probabilities_say() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(4000)
    is_second = rng.random(4000) < scores
    costs = Costs(1, 4)
    best = best_threshold(scores, is_second, costs)
    tried = [at(own, scores, is_second, costs).cost for own in [*scores, 0.0, 1.1]]
    assert at(best, scores, is_second, costs).cost == pytest.approx(min(tried))
    assert best == pytest.approx(costs.threshold, abs=0.08)
    assert cost_elsewhere(scores, is_second, costs) >= min(tried)


@pytest.mark.parametrize("given", [(1,), (1, -1), (0, 0), "1:5", (1, float("inf")), (True, "a"), None])
def test_costs_that_are_none(given: Any) -> None:
    with pytest.raises(gn.ConfigurationError, match="false alarm costs"):
        Costs.of(given, "report")


def rows(count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {f"n{i}": rng.normal(size=count) for i in range(6)}
    data["n0"][::10] = np.nan
    data["town"] = rng.choice(["Ulm", "Bern", "Graz", "Wien"], count)
    return data


def columns(data: dict[str, Any]) -> Any:
    table = gn.Table.from_data(data)
    model = gn.Model(gn.Sequential(gn.Dense(1)), "mean_squared_error", "sgd")
    model.preprocessing = table
    model.network.build((len(table.features),))
    return by_columns(model, data, "test")


@pytest.mark.parametrize("kind", ["shares", "amounts"])
def test_slices_that_are_worse_are_named_and_chance_is_not(kind: str) -> None:
    rng = np.random.default_rng(1)
    data = rows(600)
    own = columns(data)
    errors = (rng.random(600) < 0.2).astype(float) if kind == "shares" else rng.exponential(size=600)
    worse = data["town"] == "Graz"
    errors[worse] = (rng.random(worse.sum()) < 0.45) if kind == "shares" else 2 * rng.exponential(size=worse.sum())
    named, looked, used = worse_slices(own, errors)
    assert [(one.column, one.word, one.rows) for one in named] == [("town", "Graz", int(worse.sum()))]
    assert (looked, used) == (4 * 6 + 1 + 4, 600)
    one = named[0]
    assert one.error == pytest.approx(errors[worse].mean())
    assert one.elsewhere == pytest.approx(errors[~worse].mean())
    assert one.interval is not None
    assert one.interval[0] > one.elsewhere
    # Where no column has to do with errors, one of twenty tables at most names something.
    names = [bool(worse_slices(own, rng.exponential(size=600), seed=seed)[0]) for seed in range(20)]
    assert sum(names) <= 4


def test_a_gap_and_a_quarter_are_slices() -> None:
    data = rows(600)
    own = columns(data)
    missing = np.isnan(data["n0"])
    (gap,) = worse_slices(own, missing + 0.0)[0][:1]
    assert (gap.column, gap.low, gap.word, gap.error) == ("n0", None, None, 1.0)
    top = data["n3"] > np.quantile(data["n3"], 0.75)
    (quarter,) = worse_slices(own, top + 0.0)[0][:1]
    assert (quarter.column, quarter.rows, quarter.error) == ("n3", 150, 1.0)


def test_the_dependence_of_a_linear_answer_is_a_line() -> None:
    own = columns(rows(300))
    weights = np.random.default_rng(3).normal(size=own.features.shape[1])
    found = dependence(own, "n2", lambda features: features @ weights)
    assert found.places is not None
    slope = weights[own.groups["n2"]][0] / own.columns["n2"].scale
    assert np.diff(found.mean) == pytest.approx(slope * np.diff(found.places))
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    words = dependence(own, "town", lambda features: features @ weights)
    assert words.places is None
    assert set(words.labels) == {"Ulm", "Bern", "Graz", "Wien"}


def test_precision_and_recall_by_hand() -> None:
    figure = gn.plots.plot_precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    assert figure.get_suptitle() == "average precision 0.833"  # as scikit-learn's average_precision_score has it
    curve = figure.axes[0].lines[1].get_xydata()
    assert curve.tolist() == pytest.approx(np.array([[0, 1], [0.5, 1], [0.5, 0.5], [1, 2 / 3], [1, 0.5]]))
    with pytest.raises(gn.DataError, match="both classes"):
        gn.plots.plot_precision_recall([1, 1], [0.1, 0.4])
