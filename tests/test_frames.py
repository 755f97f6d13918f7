"""Frames, dicts, rows and series: columns by their names, whatever the order; what training did not see is counted."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import polars
import pytest

import glassnet as gn
from glassnet.core.errors import ConfigurationError, DataError, DataWarning, GlassnetError

NAMES = ["width", "height", "weight"]
RNG = np.random.default_rng(3)
NUMBERS = RNG.normal(size=(60, 3)).round(3)
KINDS = np.where(NUMBERS[:, 0] > 0.3, "rose", np.where(NUMBERS[:, 1] > 0, "iris", "lily"))
PEOPLE = {
    "age": RNG.integers(18, 80, 60).tolist(),
    "town": RNG.choice(["Ulm", "Bern", "Graz"], 60).tolist(),
    "member": RNG.choice([True, False], 60).tolist(),
    "buys": RNG.choice(["no", "yes"], 60).tolist(),
}
LIBRARIES: dict[str, Callable[[dict[str, Any]], Any]] = {"pandas": pandas.DataFrame, "polars": polars.DataFrame}
ENGINES = ["auto", "numpy"]


def flowers(names: list[str] = NAMES) -> dict[str, Any]:
    return {name: NUMBERS[:, NAMES.index(name)].tolist() for name in names}


def new(loss: str = "cross_entropy", outputs: int = 3, **settings: Any) -> gn.Model:
    return gn.Model(gn.Sequential(gn.Dense(8), "relu", gn.Dense(outputs)), loss, gn.Adam(0.05), **settings)


def named(**settings: Any) -> gn.Model:
    """Learned from a frame of numbers, whose names it keeps."""
    model = new(**settings)
    labels = np.unique(KINDS, return_inverse=True)[1]
    model.fit(pandas.DataFrame(flowers()), labels, epochs=3, verbose=False)
    return model


def tabled(**settings: Any) -> gn.Model:
    """With a table that it learned itself."""
    model = new(outputs=2, **settings)
    model.fit(pandas.DataFrame(PEOPLE), "buys", epochs=3, verbose=False)
    return model


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_in_any_order(library: str, engine: str) -> None:
    model, make = named(engine=engine), LIBRARIES[library]
    assert model.feature_names == tuple(NAMES)
    expected = model.predict(NUMBERS)
    for order in (NAMES, NAMES[::-1], ["weight", "width", "height"]):
        np.testing.assert_array_equal(model.predict(make(flowers(order))), expected)
        np.testing.assert_array_equal(model.predict(flowers(order)), expected)
    swapped = pandas.DataFrame(NUMBERS)  # numbered columns go by position, as arrays do
    np.testing.assert_array_equal(model.predict(swapped), expected)
    np.testing.assert_array_equal(model.predict(polars.DataFrame(flowers(NAMES[::-1])).to_arrow()), expected)


@pytest.mark.parametrize("door", ["evaluate", "gradients", "step", "fit", "activations"])
def test_every_door_goes_by_name(door: str) -> None:
    labels = np.unique(KINDS, return_inverse=True)[1]
    found = []
    for x in (NUMBERS, pandas.DataFrame(flowers(NAMES[::-1])), flowers(["height", "weight", "width"])):
        model = named()
        if door == "activations":
            found.append(model.activations(x)["0"])
        elif door == "gradients":
            found.append(model.gradients(x, labels).input)
        elif door == "evaluate":
            found.append(np.array(list(model.evaluate(x, labels).values())))
        else:
            model.step(x, labels) if door == "step" else model.fit(x, labels, epochs=2, verbose=False)
            found.append(model.network.parameters.copy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("library", LIBRARIES)
def test_missing_and_additional_columns_are_named(library: str) -> None:
    model, make = named(), LIBRARIES[library]
    with pytest.raises(DataError, match=r"without the column 'weight', with 'wieght'.*did you mean 'wieght'"):
        model.predict(make({"width": [1.0], "wieght": [2.0], "height": [3.0]}))
    with pytest.raises(DataError, match=r"without the columns 'width', 'weight'"):
        model.predict(make({"height": [3.0]}))
    more = make(flowers() | {"colour": ["red"] * 60})
    with pytest.warns(DataWarning, match="^predict: x: the column 'colour' left out, which training did not have$"):
        found = model.predict(more)
    np.testing.assert_array_equal(found, model.predict(NUMBERS))
    with pytest.raises(DataError, match="column 'width'.*'wide'"):
        model.predict(make(flowers() | {"width": ["wide"] * 60}))
    with pytest.raises(DataError, match=r"column 'height'.*nan in row 1, counted from 0 \(1 of 2 rows\)"):
        model.predict(make({"width": [1.0, 2.0], "height": [1.0, float("nan")], "weight": [1.0, 2.0]}))


def test_names_of_a_standardize_and_a_saved_model(tmp_path: Any) -> None:
    frame, labels = pandas.DataFrame(flowers()), np.unique(KINDS, return_inverse=True)[1]
    model = new()
    model.preprocessing = gn.Standardize.from_data(frame)
    model.fit(frame[NAMES[::-1]], labels, epochs=2, verbose=False)  # by the names that it was learned from
    assert model.feature_names == tuple(NAMES)
    expected = model.predict(NUMBERS)
    model.save(tmp_path / "m.safetensors")
    again = gn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(frame[NAMES[::-1]]), expected)
    other = new()
    other.preprocessing = gn.Standardize.from_data(frame[NAMES[::-1]])
    other.fit(frame, labels, epochs=2, verbose=False)
    assert other.feature_names == tuple(NAMES[::-1])


def test_a_column_of_the_frame_as_the_answer() -> None:
    model = tabled()
    assert (model.target_name, model.class_names) == ("buys", ("no", "yes"))
    assert isinstance(model.preprocessing, gn.Table)
    frame = pandas.DataFrame(PEOPLE)
    assert set(model.predict_classes(frame, names=True).tolist()) <= {"no", "yes"}
    np.testing.assert_array_equal(model.predict(frame), model.predict(frame.drop(columns="buys")))
    assert model.evaluate(frame, "buys") == model.evaluate(frame, frame.buys)
    by_hand = new(outputs=2)
    by_hand.preprocessing = gn.Table.from_data(frame, "buys")
    by_hand.fit(frame, by_hand.preprocessing.targets(frame), epochs=3, verbose=False)
    np.testing.assert_array_equal(by_hand.predict(frame), model.predict(frame))


@pytest.mark.parametrize("library", LIBRARIES)
def test_words_in_a_series_are_classes(library: str) -> None:
    frame = LIBRARIES[library](flowers() | {"species": KINDS.tolist()})
    model = new()
    model.fit(frame, frame["species"], epochs=40, verbose=False)
    assert model.class_names == ("iris", "lily", "rose")
    assert model.feature_names == tuple(NAMES)  # the answer is none of them
    assert model.target_name == "species"
    assert (model.predict_classes(frame, names=True) == KINDS).mean() > 0.9
    assert model.evaluate(frame, frame["species"]) == model.evaluate(NUMBERS, np.unique(KINDS, return_inverse=True)[1])


def test_answers_that_cannot_be() -> None:
    frame = pandas.DataFrame(flowers() | {"species": KINDS})
    cases: list[tuple[Callable[[gn.Model], Any], type[GlassnetError], str]] = [
        (lambda own: own.fit(frame, "specie"), ConfigurationError, "did you mean 'species'"),
        (lambda own: own.fit(NUMBERS, "species"), ConfigurationError, "the name 'species' beside a ndarray"),
        (lambda own: own.fit(frame, frame.species.rename("width")), DataError, "as a column of x that holds other"),
    ]
    for call, kind, words in cases:
        model = new()
        with pytest.raises(kind, match=words):
            call(model)
        known = model.preprocessing, model.feature_names, model.target_name, model.class_names
        assert known == (None,) * 4, words
    with pytest.raises(DataError, match="words such as .* for MeanSquaredError"):
        new("mean_squared_error", 1).fit(frame[NAMES], frame.species, verbose=False)
    model = new()
    model.fit(frame, frame.species, verbose=False)
    with pytest.raises(DataError, match="tulip"):
        model.evaluate(frame[NAMES], pandas.Series(["tulip"] * 60, name="species"))
    with pytest.raises(ConfigurationError, match="names=True for a model without class_names"):
        named().predict_classes(NUMBERS, names=True)


def test_one_row_in_every_form() -> None:
    model, frame = named(), pandas.DataFrame(flowers())
    row = {name: float(value) for name, value in zip(NAMES, NUMBERS[7], strict=True)}
    forms: list[Any] = [
        row, dict(reversed(row.items())), [row], frame.iloc[7], frame.iloc[7][NAMES[::-1]], frame.iloc[7:8],
        json.loads(json.dumps(row)), {name: np.float64(value) for name, value in row.items()},
        {name: [value] for name, value in row.items()}, {name: np.array(value) for name, value in row.items()},
    ]  # fmt: skip
    model.predict(NUMBERS)
    expected = model.predict(NUMBERS[7:8])
    for form in forms:
        np.testing.assert_array_equal(model.predict(form), expected)
    rows = [dict(zip(NAMES, own, strict=True)) for own in NUMBERS.tolist()]
    np.testing.assert_array_equal(model.predict(rows), model.predict(NUMBERS))
    with pytest.raises(DataError, match="row 1, counted from 0, without 'weight'"):
        model.predict([row, {"width": 1.0, "height": 2.0}])
    with pytest.raises(DataError, match="without the column 'weight'"):
        model.predict({"width": 1.0, "height": 2.0})
    with pytest.raises(DataError, match="one value for 'width' and a column for 'height'"):
        model.predict({"width": 1.0, "height": [2.0], "weight": [1.0]})


def test_one_row_through_a_table() -> None:
    model, frame = tabled(), pandas.DataFrame(PEOPLE).drop(columns="buys")
    rows = json.loads(frame.to_json(orient="records"))
    expected = model.predict(frame)
    np.testing.assert_array_equal(model.predict(rows), expected)
    for row, own in zip(rows, expected, strict=True):
        np.testing.assert_allclose(model.predict(row)[0], own, rtol=1e-5, atol=1e-6)
    for series in (frame.iloc[5], frame.iloc[5][["town", "member", "age"]]):
        np.testing.assert_array_equal(model.predict(series), model.predict(rows[5]))
    assert model.predict_classes(rows[5], names=True).tolist() == [
        ["no", "yes"][int(np.argmax(model.predict(rows[5])))]
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_training_did_not_see_is_counted_once(engine: str) -> None:
    model = tabled(engine=engine)
    strange = pandas.DataFrame({
        "age": [20, None, None, 30], "town": ["Rom", "Ulm", "Oslo", None], "member": [True, False, True, True],
    })  # fmt: skip
    said = (
        "predict: x: 2 of 4 rows of 'age' are empty, training saw none: taken as the mean, [0-9.]+; "
        "1 of 4 rows of 'town' is empty, training saw none: taken as none of the categories; "
        "2 of 4 rows of 'town' are a category never seen, such as 'Rom': taken as 'other'"
    )
    with pytest.warns(DataWarning, match=f"^{said}") as caught:
        outputs = model.predict(strange)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert np.isfinite(outputs).all()
    with pytest.warns(DataWarning, match="1 of 1 row of 'town' is a category never seen, such as 'Rom'") as caught:
        model.predict({"age": 20, "town": "Rom", "member": True})
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict({"age": 20, "town": "Ulm", "member": True})
        model.evaluate(PEOPLE, "buys")


def test_gaps_and_rare_words_that_training_had_are_no_surprise() -> None:
    data = PEOPLE | {"age": [None, *PEOPLE["age"][1:]], "town": [None, *PEOPLE["town"][1:]]}
    model = new(outputs=2)
    model.fit(pandas.DataFrame(data), "buys", verbose=False)
    model.predict({"age": None, "town": None, "member": True})
    with pytest.warns(DataWarning, match="^predict: x: 1 of 1 row of 'member' is empty.*half true$"):
        model.predict({"age": None, "town": None, "member": None})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("first", [(), ("tanh",)])
def test_arrays_of_five_axes(first: tuple[str, ...], engine: str) -> None:
    x = np.random.default_rng(0).normal(size=(6, 2, 3, 2, 2)).astype(np.float32)
    model = gn.Model(gn.Sequential(*first, gn.Flatten(), gn.Dense(2)), "cross_entropy", "adam", engine=engine)
    model.fit(x, np.arange(6) % 2, epochs=3, verbose=False)
    weight, bias = (np.asarray(own) for _, own in model.network.named_parameters())
    expected = (np.tanh(x) if first else x).reshape(6, -1) @ weight + bias
    for _ in range(2):
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(model.predict(x[:1].astype(np.float64)), expected[:1], rtol=1e-4, atol=1e-5)
    flat = gn.Model(gn.Sequential(*first, gn.Flatten(), gn.Dense(2)), "cross_entropy", "adam", engine=engine)
    flat.fit(x.reshape(6, -1), np.arange(6) % 2, epochs=3, verbose=False)
    np.testing.assert_allclose(model.network.parameters, flat.network.parameters, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_five_axes_for_a_model_of_fewer(engine: str) -> None:
    model = named(engine=engine)
    model.predict(NUMBERS)
    with pytest.raises(gn.ShapeError, match=r"predict: x"):
        model.predict(np.zeros((1, 2, 3, 2, 2)))


def test_gradients_and_saliency_of_a_frame_are_in_the_models_order_and_say_so() -> None:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(30, 3)), columns=["a", "b", "c"])
    model = gn.Model(gn.Sequential(gn.Dense(4), gn.Tanh(), gn.Dense(2)), "cross_entropy", "adam")
    model.fit(frame, frame["a"].to_numpy() > 0, verbose=False)
    labels = (frame["a"].to_numpy() > 0).astype(int)
    one, other = (model.gradients(frame[order], labels) for order in (["a", "b", "c"], ["c", "a", "b"]))
    assert one.features == other.features == ("a", "b", "c")
    np.testing.assert_array_equal(one.input, other.input)
    np.testing.assert_array_equal(gn.saliency(model, frame), gn.saliency(model, frame[["b", "c", "a"]]))
