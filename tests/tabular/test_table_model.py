"""From a table to its answers by a recipe."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.core.sides import Sides
from glassnet.losses.targets import balanced_weights
from glassnet.tables import Frame
from glassnet.tables.frames import columns_of
from glassnet.tabular import PRESETS, plan, recipe_for
from glassnet.tabular.plan import rows_set_aside

rng = np.random.default_rng(3)
ROWS = 120
AGE = rng.uniform(20, 70, ROWS)
TOWN = rng.choice(["Ulm", "Bern", "Graz"], ROWS)
DATA: dict[str, Any] = {
    "age": [None if row == 5 else float(age) for row, age in enumerate(AGE)],
    "town": TOWN.tolist(),
    "person": [row // 4 for row in range(ROWS)],
    "when": np.datetime64("2024-01-01") + np.arange(ROWS) // 2,
}
BUYS = np.where((AGE > 45) ^ (TOWN == "Bern"), "yes", "no")
PRICE = 100 * np.exp(AGE / 20) * np.where(TOWN == "Ulm", 2, 1)
FEW: dict[str, Any] = {"epochs": 3, "ignore": ["person", "when"]}


def fitted(answers: Any, preset: str = "quick", **settings: Any) -> gn.TableModel:
    """A model that saw all rows for a few epochs."""
    model = gn.TableModel(preset, **FEW | settings)
    model.fit(DATA, answers, verbose=False)
    return model


def test_classes_are_answered_by_their_names(tmp_path: Path) -> None:
    model = gn.TableModel(ignore=["person", "when"])
    (history,) = model.fit(DATA | {"buys": BUYS}, "buys", verbose=False)
    assert 1 <= len(history) <= 64
    assert (model.predict(DATA) == BUYS).mean() > 0.85
    shares = model.predict_proba(DATA)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert (np.array(["no", "yes"])[shares.argmax(axis=1)] == model.predict(DATA)).all()
    measured = model.evaluate(DATA | {"buys": BUYS})
    assert measured == model.evaluate(DATA, BUYS)
    assert measured["accuracy"] == pytest.approx((model.predict(DATA) == BUYS).mean())
    model.save(tmp_path / "m.safetensors")
    again = gn.load(tmp_path / "m.safetensors")
    assert (again.predict_classes(DATA, names=True) == model.predict(DATA)).all()


def test_the_epoch_is_that_of_the_smallest_loss_on_rows_set_aside() -> None:
    model = gn.TableModel(epochs=30, ignore=["person", "when"])
    (history,) = model.fit(DATA, BUYS, verbose=False)
    assert model.table is not None
    frame = Frame(columns_of(DATA | {"answer": BUYS}, where="test"))
    made = plan(frame, model.table, model.recipe)
    (held, labels), (rows, _) = made.held[0], made.training[0]
    assert (held.height, rows.height) == (24, 96)
    assert model.model.evaluate(held, labels)["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-5)


@pytest.mark.parametrize("preset", ["quick", "best"])
@pytest.mark.parametrize("log_target", [False, True])
def test_amounts_stay_within_those_of_the_training(preset: str, log_target: bool, tmp_path: Path) -> None:
    model = fitted(PRICE, preset, log_target=log_target)
    found = model.predict(DATA)
    assert found.shape == (ROWS,)
    assert PRICE.min() <= found.min()
    assert found.max() <= PRICE.max()
    wild = DATA | {"age": [1e9] * ROWS}
    assert model.predict(wild).max() <= PRICE.max()
    assert model.model is not None
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(gn.load(tmp_path / "m.safetensors").predict(DATA)[:, 0], found)


def test_four_members_each_set_another_fifth_aside() -> None:
    model = fitted(BUYS, "best")
    assert isinstance(model.model, gn.Ensemble)
    assert len(model.model) == 4
    assert model.spread(DATA).shape == (ROWS, 2)
    assert model.recipe is not None
    parts = rows_set_aside(Sides(ROWS, labels=(BUYS == "yes").astype(int)), 0.2, 4)
    assert not np.sum(parts, axis=0).max() > 1
    assert [own.sum() for own in parts] == [24] * 4
    six = rows_set_aside(Sides(ROWS), 0.2, 6)
    assert not (six[5] == six[0]).all()
    members = [own.predict_proba(DATA) for own in model.model.members]
    np.testing.assert_allclose(model.predict_proba(DATA), np.mean(members, axis=0), rtol=1e-5)


def test_one_temperature_makes_the_log_loss_of_all_rows_set_aside_smallest() -> None:
    model = fitted(BUYS, "best", epochs=30)
    assert model.table is not None
    assert isinstance(model.model, gn.Ensemble)
    frame = Frame(columns_of(DATA | {"answer": BUYS}, where="test"))
    made = plan(frame, model.table, model.recipe)
    logits = [own.predict(held[0]) for own, held in zip(model.model.members, made.held, strict=True)]

    def loss(factor: float) -> float:
        found = [np.log(np.exp(factor * own).sum(axis=1))[:, None] - factor * own for own in logits]
        right = [own[np.arange(len(own)), labels] for own, (_, labels) in zip(found, made.held, strict=True)]
        return float(np.concatenate(right).sum() + np.concatenate(found).mean())  # and a row that is of any class

    assert loss(1.0) < min(loss(0.97), loss(1.03))


def test_factors_of_the_rate() -> None:
    model = fitted(BUYS, "best", members=1)
    assert isinstance(model.model, gn.Model)
    branches, last = model.model.network.layers
    scale, first, _, _, second, _, _ = branches.branches[0].layers
    assert scale.gamma.learning_rate_scale == 6
    assert not scale.beta.trainable
    assert (scale.beta.value == 0).all()
    assert (scale.gamma.value != 1).any()
    for layer in (first, second, last):
        assert layer.weight.learning_rate_scale == 1 / sqrt(layer.weight.shape[0])
        assert layer.bias.learning_rate_scale == 0.1
    for recipe in (PRESETS["best"], PRESETS["best"].but(l2=0.1)):
        assert "LogCosine(0.04, steps=100), beta2=0.95" in repr(recipe.make_optimizer(100))


def test_groups_stay_on_one_side_and_later_rows_are_set_aside() -> None:
    for settings, column in (({"group": "person"}, "person"), ({"time": "when"}, "when")):
        model = gn.TableModel(epochs=1, ignore="person" if column == "when" else "when", **settings)
        model.fit(DATA, BUYS, verbose=False)
        assert model.table is not None
        inputs = [own.name for own in model.table.columns]
        assert "person" not in inputs
        assert ("when" in inputs) == (column == "when")
        sides = model._sides(
            Frame(columns_of(DATA | {"answer": BUYS}, where="test")), model.table, (BUYS == "yes").astype(int)
        )
        for held in rows_set_aside(sides, 0.2, 3):
            values = np.asarray(DATA[column])
            if column == "when":
                assert values[held].min() > values[~held].max()
            else:
                assert not set(values[held]) & set(values[~held])


def test_weights_of_classes() -> None:
    labels = np.array([0, 0, 0, 1])
    weights = balanced_weights(labels, 3)[labels]
    np.testing.assert_allclose([weights[labels == own].sum() for own in (0, 1)], [2, 2])
    rare = np.where(np.arange(ROWS) % 12 == 0, "yes", "no")
    plain, balanced = fitted(rare, epochs=10), fitted(rare, class_weight="balanced", epochs=10)
    assert (balanced.predict(DATA) == "yes").sum() > (plain.predict(DATA) == "yes").sum()
    given = fitted(rare, class_weight={"yes": 11.0}, epochs=10)
    assert (given.predict(DATA) == "yes").sum() > (plain.predict(DATA) == "yes").sum()


def test_several_targets() -> None:
    data = DATA | {"buys": BUYS, "dear": np.median(PRICE) < PRICE}
    model = gn.TableModel("best", **FEW)
    model.fit(data, ["buys", "dear"], verbose=False)
    assert model.predict(data).shape == (ROWS, 2)
    assert [own.shape for own in model.predict_proba(data)] == [(ROWS, 2), (ROWS, 2)]
    amounts = gn.TableModel(**FEW)
    older = AGE + np.random.default_rng(4).uniform(0, 9, ROWS)
    amounts.fit(DATA, np.column_stack([PRICE, older]), verbose=False)
    assert amounts.predict(DATA).shape == (ROWS, 2)
    assert amounts.predict(DATA)[:, 1].max() <= older.max()


def test_an_answer_among_the_columns_is_named() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": AGE, "buys": BUYS, "number": np.arange(ROWS)})
    for answers in (BUYS, frame["buys"].rename("other"), BUYS.tolist(), BUYS == "yes"):
        model = gn.TableModel(epochs=1, ignore="number")
        with pytest.warns(gn.DataWarning, match=r"column 'buys' is .*ignore=\['buys'\]"):
            model.fit(frame, answers, verbose=False)
    with pytest.warns(gn.DataWarning, match="column 'number' counts the rows"):
        gn.TableModel(epochs=1).fit(frame, "buys", verbose=False)
    gn.TableModel(epochs=1, ignore="number").fit(frame, frame["buys"], verbose=False)  # which is the target's column


def test_rows_to_validate_are_taken_where_they_are_given() -> None:
    first = {name: own[:80] for name, own in DATA.items()}
    rest = {name: own[80:] for name, own in DATA.items()}
    model = gn.TableModel(epochs=5, ignore=["person", "when"])
    (history,) = model.fit(first | {"buys": BUYS[:80]}, "buys", validation_data=(rest, BUYS[80:]), verbose=False)
    measured = model.model.evaluate(Frame(columns_of(rest, where="test")), (BUYS[80:] == "yes").astype(int))
    assert measured["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-5)
    other = gn.TableModel(epochs=5, ignore=["person", "when"])
    held = rest | {"buys": BUYS[80:]}
    other.fit(first | {"buys": BUYS[:80]}, "buys", validation_data=held, verbose=False)
    assert other.model.fingerprint() == model.model.fingerprint()


def test_the_same_seed_gives_the_same_bits() -> None:
    prints = [fitted(BUYS, "best", seed=seed).model.fingerprint() for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: gn.TableModel("quik"), "'quick', 'best'"),
        (lambda: gn.TableModel(member=3), "members"),
        (lambda: gn.TableModel(members=0), "members"),
        (lambda: gn.TableModel(label_smoothing=1.0), "label_smoothing"),
        (lambda: gn.TableModel(group="a", time="b"), "one of them"),
        (lambda: gn.TableModel(ignore=3), "names of columns"),
        (lambda: gn.TableModel(validation_share=0), "validation_share"),
        (lambda: gn.TableModel().predict(DATA), "not trained"),
        (lambda: gn.TableModel().fit(DATA, "byes", verbose=False), "byes"),
        (lambda: gn.TableModel().fit(DATA, BUYS[:7], verbose=False), "7 answers for 120 rows"),
        (lambda: gn.TableModel().fit(DATA, None, verbose=False), "name of the column"),
        (lambda: gn.TableModel(group="persons").fit(DATA, BUYS, verbose=False), "'persons'"),
        (lambda: gn.TableModel(class_weight="equal").fit(DATA, BUYS, verbose=False), "balanced"),
        (lambda: gn.TableModel(class_weight={"maybe": 2}).fit(DATA, BUYS, verbose=False), "maybe"),
        (lambda: gn.TableModel(class_weight="balanced").fit(DATA, PRICE, verbose=False), "class_weight"),
        (lambda: gn.TableModel(label_smoothing=0.1).fit(DATA, PRICE, verbose=False), "label_smoothing"),
        (lambda: gn.TableModel(log_target=True).fit(DATA, BUYS, verbose=False), "log_target"),
        (lambda: gn.TableModel(log_target=True).fit(DATA, PRICE - PRICE.mean(), verbose=False), "0 or more"),
        (lambda: gn.TableModel().fit(DATA, BUYS, sample_weight=[1.0], verbose=False), "sample_weight"),
        (lambda: fitted(PRICE).predict_proba(DATA), "amounts"),
        (lambda: fitted(BUYS).spread(DATA), "one network"),
        (lambda: fitted(BUYS).evaluate(DATA), "without the column 'answer'"),
        (lambda: gn.TableModel().fit(DATA, BUYS, validation_data=DATA, verbose=False), "without the column 'answer'"),
        (lambda: gn.TableModel(group="town").fit(DATA, "town", verbose=False), "group='town', the target"),
        (lambda: gn.TableModel(time="age").fit(DATA, "age", verbose=False), "time='age', the target"),
        (lambda: gn.TableModel("best").fit({"a": [1.0, 2.0]}, ["u", "v"], verbose=False), "each of another class"),
        (lambda: gn.TableModel().fit(gn.data.blocks(list), "y", verbose=False), "block by block|blocks"),
    ],
)
def test_what_cannot_be_is_named(make: Any, text: str) -> None:
    with pytest.raises(gn.GlassnetError, match=text):
        make()


def test_recipes_say_what_they_choose() -> None:
    table = gn.Table.from_data(DATA | {"price": PRICE}, "price")
    assert recipe_for("best", table).rate == 0.07
    assert recipe_for("best", table).activation == "mish"
    assert recipe_for("quick", table).monitor == "val_root_mean_squared_error"
    assert recipe_for(PRESETS["quick"].but(hidden=(7,)), table).hidden == (7,)


@pytest.mark.filterwarnings("ignore:calibrate")  # of three rows
def test_a_class_of_a_single_row_is_never_set_aside() -> None:
    model = gn.TableModel("best", epochs=2)
    model.fit({"a": [1.0, 2.0, 3.0], "b": [3.0, 1.0, 2.0]}, ["u", "v", "u"], verbose=False)
    assert set(model.predict({"a": [1.0, 2.0], "b": [3.0, 1.0]})) <= {"u", "v"}
    for held in rows_set_aside(Sides(3, labels=np.array([0, 1, 0])), 0.2, 4):
        assert held.any()
        assert not held[1]
