"""What moved an answer: exact for linear networks, adding up for others, Shapley's values by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import glassnet as gn


def people(count: int = 200) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {
        "age": rng.normal(40, 9, count),
        "town": rng.choice(["Ulm", "Bern", "Graz"], count),
        "since": np.datetime64("2024-01-01") + rng.integers(0, 300, count).astype("timedelta64[D]"),
        "noise": rng.normal(size=count),
    }
    data["age"][3] = np.nan
    above = np.nan_to_num(data["age"], nan=40) + 9 * (data["town"] == "Ulm") + rng.normal(0, 2, count)
    data["buys"] = np.where(above > 44, "yes", "no")
    data["amount"] = above * 100
    data["level"] = np.digitize(above, [38, 46]).astype(str)
    return data


def trained(target: Any, *layers: Any, ignore: tuple[str, ...] = (), **how: Any) -> tuple[gn.Model, dict[str, Any]]:
    data = people()
    others = {"buys", "amount", "level"} - ({target} if isinstance(target, str) else set(target))
    table = gn.Table.from_data(data, target, ignore=[*others, *ignore], **how)
    model = gn.Model(gn.Sequential(*table.input_layers(), *layers, gn.Dense(table.outputs)), table.loss, gn.Adam(0.02))
    model.preprocessing, model.class_names = table, table.class_names
    model.target_name = target if isinstance(target, str) else None
    if not table.questions:
        model.target_scaling = gn.Standardize.from_data(table.targets(data))
    model.fit(data, table.targets(data), epochs=20, verbose=False)
    return model, data


def adds_up(found: gn.Explanation) -> None:
    total = found.base + sum(own.effect for own in found.effects)
    assert found.answer == pytest.approx(total + found.residual, abs=1e-9)
    assert abs(found.residual) <= 0.01 * max(abs(found.answer - found.base), 0.1)


def test_a_linear_model_is_weight_times_distance_from_the_mean() -> None:
    rng = np.random.default_rng(1)
    x, weight = rng.normal(3, 2, (300, 4)), rng.normal(size=(4, 1))
    net = gn.Sequential(gn.Dense(1, weight_init=weight, bias_init=np.array([0.7])))
    net.build((4,), dtype="float64")
    model = gn.Model(net, "mean_squared_error", "sgd", dtype="float64")
    found = gn.explain(model, x, 7)
    assert (found.method, found.background) == ("linear", 300)
    effects = {own.column: own.effect for own in found.effects}
    for i in range(4):
        assert effects[f"x{i}"] == pytest.approx(weight[i, 0] * (x[7, i] - x[:, i].mean()), abs=1e-12)
    assert found.base == pytest.approx(float((x @ weight + 0.7).mean()))
    assert abs(found.residual) < 1e-12
    for method in ("integrated gradients", "Shapley sampling"):
        other = {own.column: own for own in gn.explain(model, x, 7, method=method, background=x[:50]).effects}
        for i in range(4):
            assert other[f"x{i}"].effect == pytest.approx(weight[i, 0] * (x[7, i] - x[:50, i].mean()), abs=1e-9)


def test_through_scalings_the_unit_is_the_targets_and_for_classes_log_odds() -> None:
    model, data = trained("amount")
    found = gn.explain(model, data, 5)
    assert (found.kind, found.name, found.method) == ("amount", "amount", "linear")
    one = {name: values[5:6] for name, values in data.items()}
    assert found.answer == pytest.approx(float(model.predict(one)[0, 0]), rel=1e-5)
    adds_up(found)
    model, data = trained("buys")
    found = gn.explain(model, data, 5)
    p = model.predict_proba(data)[5]
    k = int(p.argmax())
    assert found.name == model.class_names[k]
    assert found.answer == pytest.approx(np.log(p[k] / p[1 - k]), rel=1e-3)
    assert gn.explain(model, data, 5, target=model.class_names[1 - k]).answer == pytest.approx(-found.answer)
    assert found.method == "linear"
    adds_up(found)


@pytest.mark.parametrize("target", ["buys", "amount", "level"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_effects_of_networks_add_up(target: str, activation: str) -> None:
    model, data = trained(target, gn.Dense(16), activation, gn.Dense(8), activation)
    for row in (0, 3):
        found = gn.explain(model, data, row)
        assert found.method == "integrated gradients"
        assert {own.column for own in found.effects} == {"age", "town", "since", "noise"}
        assert next(own.value for own in found.effects if own.column == "age" or row) is not None
        adds_up(found)


def test_looked_up_words_and_ensembles() -> None:
    model, data = trained("buys", gn.Dense(8), "tanh", embeddings=["town"])
    found = gn.explain(model, data, 2)
    assert found.method == "Shapley sampling"
    assert abs(found.residual) < 1e-9
    assert all(0 <= own.deviation < 0.5 for own in found.effects)
    with pytest.raises(gn.ConfigurationError, match="no slope"):
        gn.explain(model, data, 2, method="integrated gradients")
    alone = trained("buys", gn.Dense(8), "tanh", ignore=("since",))[0]
    other = trained("buys", gn.Dense(6), "tanh", ignore=("since",))[0]
    found = gn.explain(gn.Ensemble.of([alone, other]), data, 2)
    p = gn.Ensemble.of([alone, other]).predict(data)[2]
    assert found.answer == pytest.approx(np.log(p.max() / p.min()), rel=1e-3)
    adds_up(found)


def test_shapley_values_by_hand() -> None:
    """The mean over all orders of what the network's answer changes when a column takes its value."""

    def answer(rows: np.ndarray) -> np.ndarray:
        hidden = np.tanh(rows @ first)
        return hidden @ second

    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(3, 5)), rng.normal(size=(5, 1))
    net = gn.Sequential(gn.Dense(5, weight_init=first), gn.Tanh(), gn.Dense(1, weight_init=second))
    net.build((3,), dtype="float64")
    model = gn.Model(net, "mean_squared_error", "sgd", dtype="float64")
    x, start = rng.normal(size=3), rng.normal(size=3)
    effects = np.zeros(3)
    for order in permutations(range(3)):
        row = start.copy()
        for column in order:
            before = answer(row[None])[0, 0]
            row[column] = x[column]
            effects[column] += (answer(row[None])[0, 0] - before) / 6
    found = gn.explain(model, x[None], 0, background=start[None], method="Shapley sampling")
    for own in found.effects:
        assert own.effect == pytest.approx(effects[int(own.column[1])], abs=5 * own.deviation + 1e-9)
        assert own.deviation < 0.05


def test_several_answers_and_what_is_refused() -> None:
    model, data = trained(["buys", "level"], gn.Dense(8), "tanh")
    found = gn.explain(model, data, 1, target="level")
    assert found.name.startswith("level = ")
    assert gn.explain(model, data, 1, target=("level", "2")).name == "level = 2"
    adds_up(found)
    with pytest.raises(gn.ConfigurationError, match="one of 'buys', 'level'"):
        gn.explain(model, data, 1)
    with pytest.raises(gn.ConfigurationError, match="row"):
        gn.explain(model, data, 200)
    model, data = trained("buys")
    with pytest.raises(gn.ConfigurationError, match="'yes'"):
        gn.explain(model, data, 1, target="maybe")
    digits = gn.Model(gn.Sequential(gn.Conv2D(1, 3), gn.Flatten(), gn.Dense(2)), "cross_entropy", "sgd")
    digits.network.build((1, 8, 8))
    with pytest.raises(gn.ConfigurationError, match="rows of numbers"):
        gn.explain(digits, np.zeros((2, 1, 8, 8)))


@pytest.mark.parametrize(("loss", "outputs"), [("hinge", 1), ("hinge", 3), ("binary_cross_entropy", 1), ("poisson", 1)])
def test_other_losses(loss: str, outputs: int) -> None:
    net = gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(outputs))
    net.build((3,), seed=1, dtype="float64")
    model = gn.Model(net, loss, "sgd", dtype="float64")
    found = gn.explain(model, np.random.default_rng(0).normal(size=(40, 3)), 4)
    assert found.kind == {"hinge": "score", "poisson": "logarithm"}.get(loss, "log-odds")
    adds_up(found)
