"""The rows of a setting: made-up data, and tables of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
from playground_messages import FLOWERS, PRICES, unpack

import glassnet as gn
from glassnet.playground import Session, Setting
from glassnet.playground.examples import MOST_BYTES, MOST_ROWS, Table, examples_of
from glassnet.playground.frames import Frames
from glassnet.playground.generators import GENERATORS
from glassnet.playground.picture import Picture

MADE = tuple(GENERATORS)


@pytest.mark.parametrize("name", MADE)
def test_made_data_depend_on_the_seed_alone(name: str) -> None:
    first, again = (GENERATORS[name](200, 0.1, np.random.default_rng(5)) for _ in range(2))
    other = GENERATORS[name](200, 0.1, np.random.default_rng(6))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (200, 2)
    if name != "plane":
        counts = np.bincount(first[1].astype(int))
        assert counts.min() > 200 / len(counts) * 0.7


@pytest.mark.parametrize("name", MADE)
def test_without_noise_the_data_lie_within_the_picture(name: str) -> None:
    x, _ = GENERATORS[name](500, 0.0, np.random.default_rng(0))
    assert np.abs(x).max() <= 1.2


@pytest.mark.parametrize(
    ("text", "task", "outputs"),
    [(FLOWERS, "classes", 3), (PRICES, "numbers", 1), (FLOWERS.replace("c\n", "b\n"), "binary", 1)],
)
def test_tables_are_learned(text: str, task: str, outputs: int) -> None:
    session = Session(Setting(dataset="table", hidden=(8,)), Table(text))
    assert (session.examples.task, session.examples.outputs) == (task, outputs)
    session.train(150)
    assert session.scores().metric[1] > 0.85
    x = session.examples.train.x
    left, right, bottom, top = session.examples.extent
    assert left < x[:, 0].min()
    assert x[:, 0].max() < right
    assert bottom < x[:, 1].min()
    assert x[:, 1].max() < top
    unpack(Frames(session).structure())
    unpack(Frames(session).frame(is_playing=False))


def test_another_column_may_be_the_target() -> None:
    examples = examples_of(Setting(dataset="table", target="area", axes=(1, 0)), Table(PRICES))
    assert examples.train.feature_names == ("rooms", "price")
    assert examples.task == "numbers"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty|no rows|header"),
        ("a\n1\n", "1 column"),
        ("a,b\n", "no rows"),
        ("a,b\n1,x\n2,\n", "empty cell"),
        ("a,b\nx,1\ny,2\n", "text"),
        ("a,b\n1,x\n2,x\n", "1 class"),
        ("a,b\n1,nan\n2,1\n", "finite"),
        ("a,a\n1,2\n", "several columns"),
        (",".join(f"c{i}" for i in range(65)) + "\n", "65 columns"),
        ("a,b\n" + "1,2\n" * (MOST_ROWS + 1), "20,001 rows"),
        ("a,b\n" + "1" * MOST_BYTES, "bytes"),
        ('a,b\n"1,2\n', "quote|record|row|fields"),
        ("a,b\n" + "".join(f"1,c{i}\n" for i in range(11)), "11 classes"),
        ("a,b\n\x00,1\n2,2\n", "text"),
        ("a,b\n\ud800,1\n2,2\n", "text"),
    ],
)
def test_tables_that_cannot_be_learned_are_refused(text: str, message: str) -> None:
    with pytest.raises(gn.GlassnetError, match=message):
        Session(Setting(dataset="table"), Table(text))


def test_a_table_that_is_not_there_is_asked_for() -> None:
    with pytest.raises(gn.ConfigurationError, match="upload"):
        Session(Setting(dataset="table"))


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(gn.ConfigurationError, match="axes"):
        Session(Setting(axes=(0, 2)))


def test_a_table_of_one_input_has_a_picture() -> None:
    session = Session(Setting(dataset="table"), Table("a,b\n" + "\n".join(f"{i},{i * 0.5 + i % 3}" for i in range(30))))
    answers, _ = Picture(session).draw()
    assert (answers == answers[:1]).all()  # nothing changes along the other axis
