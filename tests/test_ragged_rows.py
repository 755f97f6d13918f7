"""Rows of different length at the doors of a model: what they give, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import glassnet as gn
from glassnet.core.shapes import Array
from glassnet.training.batches import batch_sizes
from glassnet.training.lengths import order_by_length

LENGTHS = np.array([2, 4, 1, 3])
WIDTH = 4


def rows_and_padding(seed: int) -> tuple[Array, list[Array]]:
    """Rows as an array with numbers in its padding, and alone."""
    x = np.random.default_rng(seed).normal(size=(4, 4, WIDTH))
    return x, [row[:length] for row, length in zip(x.copy(), LENGTHS, strict=True)]


def alone(model: gn.Model, row: Array) -> Array:
    """What a network of the row's own length gives for it."""
    twin = gn.Sequential(*(layer.copy() for layer in model.network))
    twin.build(row.shape, dtype="float64")
    twin.parameters[...] = model.network.parameters
    return twin(row[None])[0]


def test_tokens_of_different_length() -> None:
    rows, y = [np.array([3, 1, 2]), np.array([0]), np.array([4, 4])], np.array([0, 1, 0])
    losses = []
    for engine in ("numpy", "compiled"):
        net = gn.Sequential(gn.Embedding(5, 3), gn.GRU(4), gn.Dense(2))
        model = gn.Model(net, "cross_entropy", gn.Adam(0.1), dtype="float64", engine=engine)
        losses.append(model.fit(rows, y, epochs=3, verbose=False)["loss"])
        np.testing.assert_allclose(model.predict(rows)[2], alone(model, rows[2]), rtol=1e-12)
        assert not dict(net.named_gradients())["0.weight"][[]].any()
    np.testing.assert_allclose(*losses, rtol=1e-10)


def trained(*layers: Any, engine: str = "auto", rows: Any = None, **settings: Any) -> gn.Model:
    """A model that was trained on four rows of different length."""
    given = rows_and_padding(8)[1] if rows is None else rows
    model = gn.Model(gn.Sequential(*layers), "cross_entropy", gn.Adam(0.05), engine=engine, dtype="float64")
    model.fit(given, np.arange(len(given)) % 2, verbose=False, **settings)
    return model


LONG = [np.ones((4, WIDTH)), np.ones((3, WIDTH))]
LAST = gn.GRU(3), gn.Dense(2)


def last() -> list[gn.Layer]:
    return [layer.copy() for layer in LAST]


def test_what_stands_in_the_padding_does_not_matter() -> None:
    x, rows = rows_and_padding(8)
    model = trained(*last())
    x[0, 2:] = np.nan
    x[2, 1:] = 1e300
    padded = gn.data.Padded(x, LENGTHS)
    assert not padded.values[0, 2:].any()
    np.testing.assert_array_equal(model.predict(padded), model.predict(rows))
    scaled = gn.Model(gn.Sequential(*last()), "cross_entropy", gn.Adam(0.05), dtype="float64")
    scaled.preprocessing = gn.preprocessing.Standardize.from_data(rows)
    np.testing.assert_allclose(scaled.preprocessing.mean, np.concatenate(rows).mean(axis=0))
    scaled.fit(rows, [0, 1, 0, 1], verbose=False)
    np.testing.assert_array_equal(scaled.rows(padded, [0, 1, 0, 1], ragged=True).x[0, 2:], 0)


def test_shorter_rows_than_ever_seen_and_one_alone() -> None:
    model = trained(*last())
    row = np.random.default_rng(9).normal(size=(3, WIDTH))
    np.testing.assert_allclose(model.predict([row])[0], alone(model, row), rtol=1e-12)
    np.testing.assert_array_equal(model.predict([row, row[:1]])[0], model.predict([row])[0])
    np.testing.assert_array_equal(model.predict(np.array([row, row[:1]], object)), model.predict([row, row[:1]]))


def test_trace_gradients_activations_and_checks_know_of_lengths() -> None:
    _, rows = rows_and_padding(8)
    y = np.array([0, 1, 0, 1])
    model = trained(gn.Dense(3), gn.GlobalAveragePool(), gn.Dense(2))
    loss = model.evaluate(rows, y)["loss"]
    assert gn.trace(model, rows, y).loss == pytest.approx(loss)
    found = model.gradients(rows, y)
    assert found.loss == pytest.approx(loss)
    assert found.input is not None
    assert not found.input[2, 1:].any()
    mean = model.activations(rows)["1"][1]
    np.testing.assert_allclose(mean, model.activations(rows)["0"][1].mean(axis=0))
    assert gn.check_gradients(model.network, rows, y, "cross_entropy")
    page = gn.trace(model, rows, y).to_html()  # with differences of the loss by padding, too
    assert "average_steps_forward" in page


def test_batches_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 103)
    sizes = batch_sizes(103, 10)
    orders = [order_by_length(lengths, sizes, seed=1, epoch=epoch, shuffle=True) for epoch in (1, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()
    for order in orders:
        assert sorted(order) == list(range(103))
        spread = [np.ptp(lengths[batch]) for batch in np.split(order[:100], 10)]
        assert max(spread) <= 25
        assert np.mean(spread) < 12
        assert (
            np.ptp([lengths[batch].mean() for batch in np.split(order[:100], 10)][:5]) > 5
        )  # not the short ones first
    assert (np.diff(lengths[order_by_length(lengths, sizes, seed=1, epoch=1, shuffle=False)]) >= 0).all()
    _, rows = rows_and_padding(8)
    one, two = trained(*last(), batch_size=2, by_length=True, epochs=3), trained(*last(), batch_size=2, by_length=True)
    two.fit(rows, [0, 1, 0, 1], batch_size=2, by_length=True, epochs=2, verbose=False)
    assert one.fingerprint() == two.fingerprint()


class Steps(gn.NumpyRunner):
    """Notes with how many steps batches go through."""

    seen: ClassVar[list[int]] = []

    def enter(self, network: Any, x: Any) -> Array:
        self.seen.append(x.shape[1])
        return super().enter(network, x)


PARTS: list[Callable[[], list[gn.Layer]]] = [
    lambda: [gn.Conv1D(3, 3, padding="same"), gn.BatchNorm(), gn.ReLU(), gn.GRU(3), gn.Dense(2)],
    lambda: [gn.Dense(4), gn.PositionalEncoding("learned"), gn.SelfAttention(2), gn.Dropout(0.0), gn.Dense(2)],
    lambda: [gn.Permute(1, 2), gn.MaxPool1D(2), gn.Reshape((10, 2, 2)), gn.Reshape((10, 4)), gn.GRU(2), gn.Dense(2)],
]


@pytest.mark.parametrize("layers", PARTS, ids=range(len(PARTS)))
def test_a_batch_has_hardly_more_steps_than_its_longest_row(
    layers: Callable[[], list[gn.Layer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 21, 43)
    rows = [rng.normal(size=(length, WIDTH)) for length in lengths]
    of_steps = layers is PARTS[1]
    labels: Any = [(row[:, 0] > 0).astype(int) for row in rows] if of_steps else lengths % 2

    def fitted(engine: str, epochs: int = 2, **settings: Any) -> tuple[Array, Any]:
        made = [gn.Sequential(*layers()), "cross_entropy", gn.SGD(0.1), ["accuracy"]]
        model = gn.Model(*made, engine=engine, dtype="float64", seed=1)
        how = {"batch_size": 4, "by_length": True, "verbose": False}
        history = model.fit(gn.data.pad(rows, 20), labels, epochs=epochs, **how, **settings)
        return model.network.parameters, history

    monkeypatch.setattr("glassnet.training.engines.NumpyRunner", Steps)
    Steps.seen.clear()
    parameters, history = fitted("numpy")
    whole = Steps.seen.count(20)
    assert 3 < len(set(Steps.seen)) < 8
    assert whole < len(Steps.seen) / 2
    compiled, same = fitted("compiled")
    np.testing.assert_allclose(compiled, parameters, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(same["loss"], history["loss"], rtol=1e-10)
    assert same["accuracy"] == history["accuracy"]
    watched, seen = fitted(
        "compiled", callbacks=[gn.Watch(every=3)]
    )  # by programs of its own, for each number of steps
    np.testing.assert_allclose(watched, compiled, rtol=1e-7, atol=1e-9)
    monkeypatch.setattr("glassnet.training.loop.cuts_of", lambda *_: None)
    uncut, same = fitted("compiled")
    np.testing.assert_allclose(uncut, compiled, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(same["loss"], seen["loss"], rtol=1e-8)


def test_a_training_goes_on_with_the_same_lengths_alone(tmp_path: Path) -> None:
    _, rows = rows_and_padding(8)
    model = trained(*last(), callbacks=[gn.Checkpoint(tmp_path / "m.safetensors")], epochs=2)
    unbroken = trained(*last(), epochs=4)
    model = gn.load(tmp_path / "m.safetensors")
    assert model.ragged
    others = gn.data.Padded(gn.data.pad(rows).values, [2, 4, 1, 2])
    others.values[3, 2] = rows[3][2]  # the same numbers, of which fewer count
    with pytest.raises(gn.ConfigurationError, match="other inputs"):
        model.fit(others, [0, 1, 0, 1], epochs=4, resume=True, verbose=False)
    model.fit(rows, [0, 1, 0, 1], epochs=4, resume=True, verbose=False)
    np.testing.assert_array_equal(model.network.parameters, unbroken.network.parameters)


def test_single_updates_do_what_fit_does() -> None:
    _, rows = rows_and_padding(8)
    y = np.array([0, 1, 0, 1])
    for engine in ("numpy", "compiled"):
        fitted = trained(*last(), engine=engine, shuffle=False, epochs=2)
        stepped = gn.Model(gn.Sequential(*last()), "cross_entropy", gn.Adam(0.05), engine=engine, dtype="float64")
        stepped.step(rows, y)
        stepped.step(gn.data.pad(rows), y)
        np.testing.assert_array_equal(stepped.network.parameters, fitted.network.parameters)
        stepped.step(gn.data.pad(rows).values, y)  # whole rows, by another program
        assert stepped.step_over([(rows, y), (rows[:2], y[:2])]) > 0


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: trained(gn.Flatten(), gn.Dense(2)), gn.ConfigurationError, "layer 0 .Flatten.*steps would become"),
    (lambda: trained(gn.Permute(2, 1), *last()), gn.ConfigurationError, "layer 0 .Permute"),
    (lambda: trained(gn.Conv1D(2, 2), *last()), gn.ConfigurationError, "layer 0 .Conv1D.*a row of 1 step.*none"),
    (
        lambda: trained(gn.Conv1D(2, 2, padding=1), gn.MaxPool1D(3), *last()),
        gn.ConfigurationError,
        "layer 1 .MaxPool1D.*a row of 2 steps",
    ),
    (
        lambda: trained(gn.Conv1D(2, 3, stride=2, padding="same"), *last()),
        gn.ConfigurationError,
        "padding='same' with stride=2",
    ),
    (lambda: trained(gn.MaxPool1D(3, padding="same"), *last()), gn.ConfigurationError, "padding='same'"),
    (lambda: trained(gn.Concat("relu", "tanh"), *last()), gn.ConfigurationError, "axis=1.*axis=2"),
    (
        lambda: trained(gn.Residual(gn.Conv1D(4, 2, stride=2), shortcut=gn.MaxPool1D(1, stride=2)), *last(), rows=LONG),
        gn.ConfigurationError,
        "Residual.*different numbers of steps",
    ),
    (lambda: trained(*last(), rows=[np.ones((2, 3)), np.ones((0, 3))]), gn.DataError, "row 1.*length of 0"),
    (lambda: trained(*last(), rows=[np.ones((2, 3)), np.ones((2, 4)), np.ones((1, 3))]), gn.ShapeError, "row 1.*one D"),
    (lambda: trained(*last()).predict([np.ones((5, WIDTH))]), gn.ShapeError, "built for"),
    (lambda: trained(*last()).predict([np.ones((5, WIDTH)), np.ones((1, WIDTH))]), gn.DataError, "at most 4 steps"),
    (lambda: trained(*last()).predict(np.ones((2, 3, WIDTH))), gn.ShapeError, r"gn\.data\.pad\(list\(x\), 4\)"),
    (
        lambda: trained(*last()).predict([np.full((2, WIDTH), np.nan), np.ones((1, WIDTH))]),
        gn.DataError,
        "nan at row 0",
    ),
    (lambda: trained(*last(), rows=np.ones((2, 3, 2)), by_length=True), gn.ConfigurationError, "rows of one length"),
    (lambda: trained(gn.BatchNorm(), *last(), batch_size=1), gn.ShapeError, "single step"),
    (lambda: gn.saliency(trained(*last()), rows_and_padding(8)[1]), gn.ConfigurationError, "rows of one length here"),
    (lambda: gn.diagnose(trained(*last()), rows_and_padding(8)[1], [0, 1, 0, 1]), gn.ConfigurationError, "one length"),
    (lambda: trained(*last()).predict([csr_matrix(np.ones((2, WIDTH))), np.ones((1, WIDTH))]), gn.DataError, "sparse"),
    (lambda: gn.data.Padded(np.ones((2, 3, 1)), [0, 1]), gn.DataError, "0 for row 0.*from 1 to 3"),
    (lambda: gn.data.Padded(np.ones((2, 3, 1)), [3, 4]), gn.DataError, "4 for row 1"),
    (lambda: gn.data.Padded(np.ones((2, 3, 1)), [1.5, 1]), gn.DataError, "1.5 for row 0"),
    (lambda: gn.data.Padded(np.ones((2, 3, 1)), [True, True]), gn.DataError, "truth values"),
    (lambda: gn.data.Padded(np.ones((2, 3, 1)), [1]), gn.ShapeError, "a length for each row"),
    (lambda: gn.data.Padded(np.ones(3), [1]), gn.ShapeError, "rows of steps"),
    (lambda: gn.data.pad([]), gn.DataError, "no rows"),
    (lambda: gn.data.pad([np.ones((4, 2))], 3), gn.DataError, "at most 3 steps"),
    (lambda: gn.data.pad([["a"], ["b", "c"]]), gn.DataError, "row 0.*text"),
    (lambda: np.asarray(gn.data.pad([[1], [1, 2]])), gn.DataError, "lost|one array"),
    (lambda: gn.data.pad([[1], [1, 2]])[0], gn.DataError, r"padded\[3:4\]"),
    (lambda: gn.data.pad([[1], [1, 2]])[[5]], gn.DataError, "within the data"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_by_name(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


class Tripled(gn.NumpyLayer):
    """A step by itself."""

    with_lengths = "each step"

    def forward(self, x: Array) -> tuple[Array, Any]:
        return 3 * x, None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return 3 * dy, {}


class Centred(Tripled):
    """Says so, and puts all steps together."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        return x - x.mean(axis=1, keepdims=True), None


class Smeared(Tripled):
    """Right on its way there; back, padding gets a gradient."""

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        return 3 * dy + dy.mean(axis=1, keepdims=True), {}


class Silent(gn.NumpyLayer):
    """Says nothing of lengths."""

    forward = Tripled.forward
    backward = Tripled.backward


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_own_layers(engine: str) -> None:
    model = trained(gn.Dense(3), Tripled(), *last(), engine=engine)
    row = rows_and_padding(8)[1][3]
    np.testing.assert_allclose(model.predict([row])[0], alone(model, row), rtol=1e-12)
    for layer, words in ((Centred(), "row's own steps"), (Smeared(), "gradient by padding"), (Silent(), "not known")):
        with pytest.raises(gn.ConfigurationError, match=words):
            trained(gn.Dense(3), layer, *last(), engine=engine)


def test_what_is_exported_says_which_rows_it_takes(tmp_path: Path) -> None:
    model = trained(*last())
    with pytest.warns(gn.DataWarning, match="whole rows of 4 steps and knows of no lengths"):
        gn.interop.export_c(model, tmp_path / "net.c")


def test_more_steps_than_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(gn.ShapeError, match="at most"):
        gn.data.pad([np.ones(3), np.ones(2)], steps=2**34)

    def full(*_: Any) -> Array:
        raise MemoryError

    padded = gn.data.pad([np.ones(3), np.ones(2)])
    monkeypatch.setattr("glassnet.core.ragged.np.zeros", full)
    for rows in ([np.ones(3), np.ones(2)], padded):
        with pytest.raises(gn.ShapeError, match="for which there is memory"):
            gn.data.pad(rows, steps=8)


def test_doors_of_whole_rows_say_in_words_of_their_own_what_they_were_given() -> None:
    model, rows = trained(*last()), rows_and_padding(8)[1]
    for call in (
        lambda: gn.permutation_importance(model, rows, [0, 1, 0, 1]),
        lambda: gn.plots.plot_mistakes(model, rows, [0, 1, 0, 1]),
        lambda: gn.plots.plot_decision_boundary(model, rows, [0, 1, 0, 1]),
        lambda: model.network(rows),
        lambda: model.network.activations(rows),
        lambda: model.stream().step(rows),
        lambda: gn.preprocessing.Standardize.from_data(rows).apply(rows),
    ):
        with pytest.raises(gn.DataError, match="rows of different lengths, from 1 to 4, expected a rectangular"):
            call()
    for given, words in ([[1, [2]], "single numbers beside lists"], [[[[1], [1, 2]], [[1], [1]]], "within its rows"]):
        with pytest.raises(gn.DataError, match=words):
            model.network(given)


def test_parts_of_rows_have_the_steps_of_the_longest_of_all() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(length, WIDTH)) for length in (1, 2, 1, 2, 1, 5)]

    def build(trial: Any) -> gn.Model:
        return gn.Model(gn.Sequential(*last()), "cross_entropy", gn.Adam(trial.suggest_float("rate", 0.01, 0.1)))

    found = gn.tune(build, rows, [0, 1] * 3, trials=1, validation=0.34, epochs=1, seed=2)
    assert np.isfinite(found.best.value)
