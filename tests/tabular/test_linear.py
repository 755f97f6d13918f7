"""The linear model that networks for tables begin as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.tables import Frame
from glassnet.tables.frames import columns_of
from glassnet.tabular import linear as solver
from glassnet.tabular import plan, recipe_for
from glassnet.tabular.linear import Linear, Rows, fitted, solved

rng = np.random.default_rng(5)
X = rng.normal(size=(300, 6)) * [1, 2, 0.5, 1, 3, 1] + 4
Y = X @ rng.normal(size=(6, 2)) + rng.normal(size=(300, 2))
LABELS = (X @ rng.normal(size=(6, 3)) + rng.gumbel(size=(300, 3)) * 2).argmax(axis=1)
ANSWERS = np.array(["a", "b", "c"])[LABELS], Y[:, 0], np.where(Y.mean(axis=0) < Y, "y", "n")
WEIGHTS = rng.uniform(0.5, 2, 300)


def slope(found: Linear, rows: Rows, penalty: float) -> tuple[Any, Any]:
    """Of the penalised sum of the losses at a solution, by weight and bias: 0 where it is one."""
    outputs = rows.x @ found.weight + found.bias
    if rows.targets.ndim == 1:
        shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        difference = shares / shares.sum(axis=1, keepdims=True) - np.eye(outputs.shape[1])[rows.targets]
    else:
        difference = outputs - rows.targets
    if rows.weights is not None:
        difference = difference * (rows.weights / rows.weights.mean())[:, None]
    return rows.x.T @ difference + penalty * found.weight, difference.sum(axis=0)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(("targets", "classes"), [(Y, 0), (LABELS, 3)])
def test_the_slope_of_the_penalised_loss_is_zero(
    targets: Any, classes: int, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(X, targets, weights)
    monkeypatch.setattr(solver, "PENALTIES", (3.0,))
    monkeypatch.setattr(solver, "OF_CLASSES", (3.0,))
    monkeypatch.setattr(solver, "ITERATIONS", 400)
    found = fitted(rows, rows, classes)
    by_weight, by_bias = slope(found, rows, 3.0)
    scale = np.abs(slope(Linear(np.zeros_like(found.weight), found.bias, 0.0), rows, 3.0)[0]).max()
    assert np.abs(by_weight).max() < (1e-4 if classes else 1e-9) * scale
    assert np.abs(by_bias).max() < (1e-2 if classes else 1e-9)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(("targets", "classes"), [(Y, 0), (LABELS, 3)])
def test_with_one_penalty_the_slope_is_zero_at_the_end(targets: Any, classes: int, weights: Any) -> None:
    rows = Rows((X - X.mean(axis=0)) / X.std(axis=0), targets, weights)
    found = solved(rows, classes, 2.0)
    by_weight, by_bias = slope(found, rows, 2.0)
    assert np.abs(by_weight).max() < (1e-2 if classes else 1e-9)
    assert np.abs(by_bias).max() < (1e-2 if classes else 1e-9)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_two_classes_are_solved_to_the_end_in_few_steps(weights: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # One column is the sum of two others, one is huge, and one says the class of its rows for sure.
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    labels = np.minimum(LABELS, 1)
    sure = (labels == 1) & (x[:, 0] > 1)
    rows = Rows(np.column_stack([x, x[:, 0] + x[:, 1], x[:, 2] * 1e6, sure]), labels, weights)
    solutions = list[Linear]()
    for most in (solver.MOST_NEWTON, 0):
        monkeypatch.setattr(solver, "MOST_NEWTON", most)
        solutions.append(solved(rows, 2, 2.0))
    own, other = solutions
    by_weight, by_bias = slope(own, rows, 2.0)
    scale = np.maximum(1, np.abs(rows.x).sum(axis=0))[:, None]
    assert np.abs(by_weight / scale).max() < 1e-8
    assert np.abs(by_bias).max() < 1e-5
    assert (slope(other, rows, 2.0)[0] ** 2).sum() > (by_weight**2).sum()
    chances = [1 / (1 + np.exp(-np.diff(found.outputs(rows.x))[:, 0])) for found in (own, other)]
    np.testing.assert_allclose(chances[0], chances[1], atol=1e-3)


def test_a_class_that_no_row_has_makes_finite_weights() -> None:
    found = solved(Rows(X, np.zeros(len(X), int)), 2)
    assert np.isfinite(found.weight).all()
    assert found.outputs(X).argmax(axis=1).max() == 0


@pytest.mark.parametrize("weights", [None, WEIGHTS[:20]])
@pytest.mark.parametrize("classes", [0, 3])
def test_more_columns_than_rows_make_the_same_weights(classes: int, weights: Any) -> None:
    x = np.random.default_rng(1).normal(size=(20, 35))
    few = Rows(x, LABELS[:20] if classes else Y[:20], weights)
    copies = None if weights is None else np.tile(weights, 2)
    many = Rows(np.tile(x, (2, 1)), np.concatenate([few.targets] * 2), copies)  # 40 rows: columns with columns
    own, others = solved(few, classes, 1.0), solved(many, classes, 2.0)
    np.testing.assert_allclose(own.weight, others.weight, atol=1e-4 if classes else 1e-9)
    np.testing.assert_allclose(own.bias, others.bias, atol=1e-4 if classes else 1e-9)


def test_the_rows_set_aside_choose_the_penalty() -> None:
    noise = Rows(rng.normal(size=(40, 30)), rng.normal(size=(40, 1)))
    held = Rows(rng.normal(size=(200, 30)), rng.normal(size=(200, 1)))
    true = Rows(noise.x, noise.x[:, :1] * 5)
    assert np.abs(fitted(noise, held, 0).weight).max() < 0.1
    assert fitted(true, Rows(held.x, held.x[:, :1] * 5), 0).loss < 1e-4


@pytest.mark.parametrize("preset", ["quick", "best"])
@pytest.mark.parametrize("answers", ANSWERS)
def test_a_network_begins_as_the_linear_model(preset: str, answers: Any) -> None:
    data: dict[str, Any] = {f"x{k}": column for k, column in enumerate(X.T)}
    data |= {f"y{k}": own for k, own in enumerate(np.atleast_2d(answers.T))}
    names = [name for name in data if name[0] == "y"]
    table = gn.Table.from_data(data, names, numbers="piecewise")
    frame = Frame(columns_of(data, where="test"))
    targets = table.targets(frame)
    made = plan(frame, table, recipe_for(preset, table).but(members=1))
    outputs = np.asarray(made.models[0].predict(made.held[0][0]), np.float64)
    if len(names) == 2:  # several questions a row begin with next to nothing
        assert np.abs(outputs).max() < 0.05
        return
    scaling = made.models[0].target_scaling
    wanted = made.held[0][1] if scaling is None else scaling.apply(made.held[0][1])
    x = table.apply(frame)
    is_held = np.array([own in set(map(float, made.held[0][0]["x0"].values)) for own in X[:, 0]])
    amounts = targets if scaling is None else scaling.apply(targets)
    plain = [place for place, name in enumerate(table.features) if " from " not in name]
    rows, held = (
        [Rows(x[part][:, chosen], amounts[part]) for chosen in (plain, slice(None))] for part in (~is_held, is_held)
    )
    classes = 3 if scaling is None else 0
    losses = [fitted(*both, classes).loss for both in zip(rows, held, strict=True)]
    if scaling is None:
        found = np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(outputs)), wanted]
    else:
        found = np.square(scaling.apply(outputs) - wanted)
    assert found.mean() == pytest.approx(min(losses), rel=0.01)
