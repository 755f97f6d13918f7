"""Columns of many words: numbered by every route alike, looked up by an Embedding, and what that learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import glassnet as gn
from glassnet.tables import Category, Ignored, Indexed, Table
from glassnet.tables.kinds import NUMBER, WORDS, word
from glassnet.tables.learning import MOST_VECTORS, learn
from glassnet.tables.raws import Raw
from glassnet.tables.words import counted

TOWNS = ["Ulm", "Bern", "Graz", None, "Ulm", "Oslo", "Bern", "Ulm", "Bonn", "Graz"]
DATA: dict[str, Any] = {
    "town": TOWNS,
    "age": [float(i) for i in range(10)],
    "shop": [7, 7, 9, 9, 12, 3, 7, 12, None, 3],
    "buys": ["no", "yes"] * 5,
}
FRAMES: dict[str, Callable[[], Any]] = {
    "mapping": lambda: DATA,
    "pandas": lambda: pandas.DataFrame(DATA),
    "pandas, categorical": lambda: pandas.DataFrame(DATA).astype({"town": "category"}),
    "polars": lambda: polars.DataFrame(DATA),
    "polars, categorical": lambda: polars.DataFrame(DATA).with_columns(polars.col("town").cast(polars.Categorical)),
    "pyarrow": lambda: pyarrow.table(DATA),
    "arrays": lambda: {name: np.array(values, dtype=object) for name, values in DATA.items()},
}


def learned(data: Any = DATA, **settings: Any) -> Table:
    return Table.from_data(data, "buys", **({"embeddings": ["town", "shop"]} | settings))


@pytest.mark.parametrize("route", FRAMES)
def test_every_route_gives_the_same_numbers(route: str) -> None:
    """0 for what is rare or new, then the words by their frequency, the last number for what is missing."""
    table = learned(FRAMES[route]())
    assert repr(table.columns[0]) == "Indexed('town', ('Ulm', 'Bern', 'Graz'), True, 2)"
    assert repr(table.columns[2]) == "Indexed('shop', ('7', '12', '3', '9'), True)"
    assert table.features == ("town", "age", "shop")
    for other in FRAMES.values():
        x = table.apply(other())
        assert x[:, 0].tolist() == [1, 2, 3, 4, 1, 0, 2, 1, 0, 3]
        assert x[:, 2].tolist() == [1, 1, 4, 4, 2, 3, 1, 2, 5, 3]


def test_what_was_never_seen_and_what_is_missing() -> None:
    table = learned()
    new = {"town": ["Rom", None, "", "ulm", "Ulm"], "age": [1.0] * 5, "shop": [8, 7.5, None, "7", True]}
    with pytest.warns(gn.DataWarning, match="3 of 5 rows of 'shop' are a category never seen, such as '8'"):
        assert table.apply(new)[:, 0].tolist() == [0, 4, 4, 0, 1]  # an empty text is no word
    with pytest.warns(gn.DataWarning, match="2 of 5 rows of 'shop' are a category never seen, such as '8'"):
        assert table.apply(new | {"shop": [8, 7.5, None, 7, 12]})[:, 2].tolist() == [0, 0, 5, 1, 2]
    whole = learned({name: values[:3] * 2 for name, values in DATA.items()})
    assert whole.columns[0].has_missing is False  # type: ignore[attr-defined]
    with pytest.warns(gn.DataWarning, match="2 of 5 rows of 'town' are empty, training saw none"):
        assert whole.apply(new)[:, 0].tolist() == [0, 0, 0, 0, 3]  # as if it had never been seen


def test_the_layers_that_look_up() -> None:
    table = learned()
    (front,) = table.input_layers()
    assert repr(front) == (
        "Concat(Sequential(Columns([1])), Sequential(Columns([0]), Embedding(5, 4), Flatten()), "
        "Sequential(Columns([2]), Embedding(6, 4), Flatten()))"
    )
    assert table.input_layers()[0] is not front  # for a network of its own each time
    assert gn.Sequential(front).build((3,)) == (9,)
    assert Table.from_data(DATA, "buys").input_layers() == ()
    alone = Table.from_data({"town": TOWNS, "buys": DATA["buys"]}, "buys", embeddings="town")
    assert gn.Sequential(*alone.input_layers()).build((1,)) == (4,)


@pytest.mark.parametrize(
    ("count", "units"), [(2, 2), (10, 6), (65, 17), (200, 31), (470, 50), (10_000, 50), (100_000, 50)]
)
def test_units_by_the_rule(count: int, units: int) -> None:
    """round(1.6 · count^0.56), as fastai's ``emb_sz_rule`` gives them up to 50."""
    assert Indexed("a", [str(i) for i in range(count - 1)]).units == units


def test_words_that_are_frequent_enough_by_themselves() -> None:
    def table(words: list[str], **settings: Any) -> Table:
        return Table.from_data({"w": words, "x": range(len(words))}, **settings)

    few = [f"w{i:02}" for i in range(64)] * 2 + ["once", "and", "again"]
    many = [f"w{i:02}" for i in range(65)] * 2 + ["once"]
    assert isinstance(table(few, embeddings="auto").columns[0], Category)
    found = table(many, embeddings="auto").columns[0]
    assert isinstance(found, Indexed)
    assert (len(found.categories), found.rare, found.count) == (65, 1, 66)
    assert isinstance(table(many).columns[0], Category)  # only where it is asked for
    assert isinstance(table(few, embeddings=["w"]).columns[0], Indexed)
    assert "65 categories, a vector of 17 numbers for each: w00, w01" in str(table(many, embeddings="auto"))
    assert "1 rare ones share a place with those never seen" in str(table(many, embeddings="auto"))


def test_columns_that_say_nothing() -> None:
    table = Table.from_data({"id": ["a", "b", "c"], "same": ["x"] * 3, "x": [1, 2, 3]}, embeddings=["id", "same"])
    assert [(c.name, c.reason) for c in table.columns if isinstance(c, Ignored)] == [
        ("id", "no word is there twice"),
        ("same", "always 'x'"),
    ]
    assert table.input_layers() == ()


def test_no_more_vectors_than_the_limit() -> None:
    words = np.array([f"w{i:06}" for i in range(MOST_VECTORS + 5)] * 2, dtype=object)
    column = learn(Raw("w", WORDS, words), quantiles=False, as_category=False, most_places=0)
    assert isinstance(column, Indexed)
    assert (len(column.categories), column.rare) == (MOST_VECTORS, 5)
    assert column.encode(Raw("w", WORDS, words[-6:])).ravel().tolist() == [MOST_VECTORS, 0, 0, 0, 0, 0]


def test_encoding_is_that_of_one_row_after_another() -> None:
    rng = np.random.default_rng(0)
    for kind in (WORDS, NUMBER):
        values: Any = rng.integers(0, 50, 500).astype(float)
        if kind == WORDS:
            values = np.array([f"w{int(v)}" for v in values], dtype=object)
        gaps = rng.uniform(size=500) < 0.1
        values[gaps] = None if kind == WORDS else np.nan
        raw = Raw("a", kind, values)
        kept = [own for own, _ in counted(raw)[:30]]
        places = {own: i for i, own in enumerate(kept)}
        found, one_hot = Indexed("a", kept, True).encode(raw), Category("a", kept, True).encode(raw)
        for row in range(500):
            place = 30 if gaps[row] else places.get(word(values[row], kind), 30)
            assert found[row, 0] == (31 if gaps[row] else (place + 1) % 31)
            expected = np.zeros(32)
            expected[31 if gaps[row] else place] = 1
            assert one_hot[row].tolist() == expected.tolist()


def test_a_million_words_take_about_a_second() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"city {i:05}" for i in range(10_000)], dtype=object)[rng.integers(0, 10_000, 1_000_000)]
    raw = Raw("city", WORDS, words)
    started = process_time()
    column = learn(raw, quantiles=False, as_category=False, most_places=0)
    x = column.encode(raw)
    assert process_time() - started < 5  # about 0.7 s alone on a processor
    assert (x.shape, len(np.unique(x))) == ((1_000_000, 1), 10_000)


def cities(rows: int, seed: int, count: int = 300) -> dict[str, Any]:
    """Answers that depend on the city, each with an effect of its own, and a little on the age."""
    rng = np.random.default_rng(seed)
    effect = np.random.default_rng(42).normal(size=count)
    city, age = rng.integers(0, count, rows), rng.normal(size=rows)
    says_yes = 3 * effect[city] + age + 0.5 * rng.normal(size=rows) > 0
    return {"city": [f"city {i:03}" for i in city], "age": age, "buys": np.where(says_yes, "yes", "no").tolist()}


@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_it_learns_what_64_places_cannot(engine: str, tmp_path: Path) -> None:
    training, held_out = cities(4000, 1), cities(2000, 2)
    accuracies = []
    for embeddings in ((), "auto"):
        table = Table.from_data(training, "buys", embeddings=embeddings)
        net = gn.Sequential(*table.input_layers(), gn.Dense(16), "relu", gn.Dense(table.outputs))
        model = gn.Model(net, table.loss, gn.Adam(0.01), ["accuracy"], engine=engine)
        model.preprocessing = table
        model.fit(training, table.targets(training), epochs=4, batch_size=64, verbose=False)
        accuracies.append(model.evaluate(held_out, table.targets(held_out))["accuracy"])
    assert accuracies[0] < 0.75
    assert accuracies[1] > 0.85

    model.save(tmp_path / "model.safetensors")
    again = gn.load(tmp_path / "model.safetensors")
    again.engine = engine
    new = polars.DataFrame(held_out).with_columns(city=polars.when(polars.col("age") > 1).then(None).otherwise("city"))
    with pytest.warns(gn.DataWarning, match="'city' are empty, training saw none: taken as an unknown word"):
        np.testing.assert_array_equal(again.predict(new), model.predict(new))
    assert again.preprocessing is not None
    assert repr(again.preprocessing) == repr(table)
    one = {"city": ["never seen"], "age": [0.0]}
    weight = dict(again.network.named_parameters())["0.1.1.weight"]
    assert np.abs(weight[0]).max() <= 0.05  # no city was rare: the vector of new ones is as it was drawn, and small
    with pytest.warns(gn.DataWarning, match="1 of 1 row of 'city' is a category never seen, such as 'never seen'"):
        assert 0.02 < again.predict_proba(one)[0, 1] < 0.98


def test_rare_words_train_the_vector_of_new_ones() -> None:
    training = cities(1500, 1)
    training["city"][:300] = [f"once {i}" for i in range(300)]
    training["buys"][:300] = ["yes"] * 300
    table = Table.from_data(training, "buys", embeddings="city")
    net = gn.Sequential(*table.input_layers(), gn.Dense(16), "relu", gn.Dense(2))
    model = gn.Model(net, table.loss, gn.Adam(0.01))
    model.preprocessing = table
    model.fit(training, table.targets(training), epochs=10, verbose=False)
    assert model.predict_proba({"city": ["never seen"], "age": [0.0]})[0, 1] > 0.95


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda table: [gn.Dense(2)], r"'town', whose 5 words are numbered, a network without Embedding"),
        (lambda table: [gn.Columns([1, 2]), gn.Dense(2)], "'town', whose 5 words"),
        (
            lambda table: [
                gn.Concat(
                    [gn.Columns([0]), gn.Embedding(4, 2), gn.Flatten()],
                    [gn.Columns([2]), gn.Embedding(6, 2), gn.Flatten()],
                ),
                gn.Dense(2),
            ],
            "'town', whose 5 words are numbered, an Embedding of 4 vectors",
        ),
    ],
)
@pytest.mark.parametrize("built", [False, True])
def test_a_network_that_would_calculate_with_numbers_of_words(
    make: Callable[[Table], list[gn.Layer]], words: str, built: bool
) -> None:
    table = learned()
    model = gn.Model(gn.Sequential(*make(table)), table.loss, "adam")
    if built:
        model.network.build((3,))
    model.preprocessing = table
    with pytest.raises(gn.ConfigurationError, match=words) as caught:
        model.fit(DATA, table.targets(DATA), verbose=False)
    assert "table.input_layers()" in caught.value.fix
    if built:
        with pytest.raises(gn.ConfigurationError, match=words):
            model.predict(DATA)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"embeddings": ["twon"]}, "embeddings='twon', expected one of the columns town, age"),
        ({"embeddings": "twon"}, "did you mean 'town'"),
        ({"embeddings": "when"}, "column 'when': received times as names of categories"),
        ({"categories": ["when"]}, "column 'when': received times as names of categories"),
    ],
)
def test_what_cannot_be_looked_up(settings: dict[str, Any], words: str) -> None:
    data = DATA | {"when": [np.datetime64("2020-01-01") + i for i in range(10)]}
    with pytest.raises(gn.ConfigurationError, match=words):
        Table.from_data({name: np.array(values) for name, values in data.items()}, "buys", **settings)


def test_categories_that_differ_in_spaces_alone_keep_the_place_of_others() -> None:
    """As files hold them that were written when spaces counted."""
    column = gn.tables.Category("town", ["Ulm", " Ulm", "Bern"])
    words = np.array([" Ulm ", "Ulm", "Bern", "Rom"], dtype=object)
    assert column.encode(Raw("town", WORDS, words)).argmax(axis=1).tolist()[2:] == [2, 3]
    with pytest.warns(gn.DataWarning, match="1 of 3 rows of 'town' is a category never seen, such as 'Rom'"):
        assert gn.Table([column]).apply({"town": [" Ulm ", "Bern", "Rom"]}).argmax(axis=1).tolist() == [0, 2, 3]
