"""Losses and metrics where each step of a sequence is a row: values, gradients, weights, both engines, what is refused.

What a step should be is known from rows: a loss of outputs (N, T, M) is that of the same numbers as rows (N·T, M).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.losses import JointCrossEntropy, Loss, NumpyLoss
from glassnet.metrics import METRICS

NAMES = "perplexity", "bits_per_character"
ROWS, STEPS = 6, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, STEPS, 3))
WEIGHTS = RNG.uniform(0.2, 3, (ROWS, STEPS)) * (RNG.random((ROWS, STEPS)) > 0.2)
LABELS = RNG.integers(0, 4, (ROWS, STEPS))
AMOUNTS = RNG.normal(size=(ROWS, STEPS, 4))
SHARES = RNG.dirichlet(np.ones(4), (ROWS, STEPS))

CASES: dict[str, tuple[Loss, Any]] = {
    "labels": (gn.losses.CrossEntropy(), LABELS),
    "smoothed": (gn.losses.CrossEntropy(label_smoothing=0.1, class_weight=[1, 0.5, 2, 1]), LABELS),
    "shares": (gn.losses.CrossEntropy(class_weight={2: 3.0}), SHARES),
    "sum": (gn.losses.CrossEntropy(reduction="sum"), LABELS),
    "binary": (gn.losses.BinaryCrossEntropy(), (AMOUNTS > 0).astype(int)),
    "binary, summed over outputs": (gn.losses.BinaryCrossEntropy(averages_outputs=False), SHARES),
    "hinge": (gn.losses.Hinge(), LABELS),
    "squares": (gn.losses.MeanSquaredError(), AMOUNTS),
    "half squares": (gn.losses.SumSquaredError("mean"), AMOUNTS),
    "absolute": (gn.losses.MeanAbsoluteError(), AMOUNTS),
    "huber": (gn.losses.Huber(0.3), AMOUNTS),
    "quantile": (gn.losses.Quantile(0.8), AMOUNTS),
    "poisson": (gn.losses.Poisson(), np.abs(AMOUNTS)),
    "gamma": (gn.losses.Gamma(averages_outputs=False), np.abs(AMOUNTS) + 0.1),
    "joint": (JointCrossEntropy([1, 3]), np.stack([LABELS * 0, LABELS % 3], axis=2)),
}


class LogCosh(NumpyLoss):
    """An own loss with a value for each step."""

    def value_and_gradient(self, outputs: Any, targets: Any) -> Any:
        return np.log(np.cosh(outputs - targets)).sum(axis=2), np.tanh(outputs - targets)


CASES["own"] = LogCosh(), AMOUNTS


def model(loss: Any, *, metrics: Any = (), **more: Any) -> gn.Model:
    net = gn.Sequential(gn.LSTM(5, return_sequences=True), gn.Dense(4))
    return gn.Model(net, loss, gn.Adam(0.02), metrics, **{"dtype": "float64", **more})


@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, 0] + 0.1], ids=["alike", "of steps", "of rows"])
@pytest.mark.parametrize("name", CASES)
def test_a_step_is_a_row(name: str, weights: Any) -> None:
    loss, targets = CASES[name]
    outputs = RNG.normal(size=(ROWS, STEPS, 4))
    value, slope = loss(outputs, targets, weights)
    flat = None if weights is None else np.broadcast_to(weights.reshape(ROWS, -1), (ROWS, STEPS)).reshape(-1)
    of_rows: Any = loss
    if isinstance(loss, LogCosh):
        of_rows = lambda o, t: (np.log(np.cosh(o - t)).sum(axis=1), np.tanh(o - t))  # noqa: E731
        of_rows = gn.losses.FunctionLoss(of_rows)
    expected, rows = of_rows(outputs.reshape(-1, 4), targets.reshape(-1, *targets.shape[2:]), flat)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(slope, rows.reshape(outputs.shape), rtol=1e-12, atol=1e-15)
    assert slope.shape == outputs.shape


@pytest.mark.parametrize("name", CASES)
def test_the_gradients_of_steps_are_right(name: str) -> None:
    loss, targets = CASES[name]
    net = gn.Sequential(gn.SimpleRNN(3, return_sequences=True), gn.Dense(4))
    net.build((STEPS, 3), dtype="float64")
    assert gn.check_gradients(net, X[:3], targets[:3], sample_weight=WEIGHTS[:3], loss=loss)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "of steps"])
@pytest.mark.parametrize("name", CASES)
def test_both_engines_learn_the_same(name: str, weights: Any) -> None:
    loss, targets = CASES[name]
    found = []
    for engine in ("numpy", "compiled"):
        own = model(loss, engine=engine)
        history = own.fit(X, targets, epochs=2, batch_size=4, sample_weight=weights, verbose=False)
        found.append((history["loss"], own.predict(X), list(own.evaluate(X, targets, weights).values())))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["labels", "own", "squares"])
def test_a_weight_of_0_is_a_step_that_is_not_there(name: str) -> None:
    loss, targets = CASES[name]
    outputs = RNG.normal(size=(ROWS, STEPS, 4))
    weights = np.ones((ROWS, STEPS))
    weights[:, 3:] = 0
    value, slope = loss(outputs, targets, weights)
    shorter, own = loss(outputs[:, :3], targets[:, :3])
    assert value == pytest.approx(shorter, rel=1e-12)
    np.testing.assert_allclose(slope[:, :3], own, rtol=1e-12)
    assert (slope[:, 3:] == 0).all()


# Metrics


@pytest.mark.parametrize("name", ["labels", "shares", "binary", "squares"])
def test_metrics_of_steps_are_those_of_rows(name: str) -> None:
    loss, targets = CASES[name]
    outputs = RNG.normal(size=(ROWS, STEPS, 4))
    prepared = loss.prepare(targets, (STEPS, 4), np.dtype(np.float64), where="y")
    rows = outputs.reshape(-1, 4), prepared.reshape(-1, *prepared.shape[2:])
    tried = 0
    for kind in METRICS.values():
        for weights in (None, WEIGHTS):
            flat = None if weights is None else weights.reshape(-1)
            try:
                expected = kind().compute(*rows, loss, flat)
            except gn.GlassnetError as refusal:
                with pytest.raises(type(refusal)):
                    kind().compute(outputs, prepared, loss, weights)
                continue
            assert kind().compute(outputs, prepared, loss, weights) == pytest.approx(expected, rel=1e-12), kind
            tried += 1
    assert tried >= 8


def test_perplexity_and_bits_per_character() -> None:
    known = np.array([[0.5, 0.25, 0.125, 0.125]])
    right, loss = np.array([0]), gn.losses.CrossEntropy()
    for own, outputs in ((loss, np.log(known)), (gn.losses.CrossEntropy(from_logits=False), known)):
        for label, bits in ((0, 1.0), (1, 2.0), (3, 3.0)):
            values = [METRICS[name]().compute(outputs, right + label, own, None) for name in NAMES]
            np.testing.assert_allclose(values, [2**bits, bits], rtol=1e-12)
    equal = np.zeros((3, 2, 65))
    assert METRICS["perplexity"]().compute(equal, np.zeros((3, 2), int), loss, None) == pytest.approx(65)
    sure = np.array([[1e5, 0.0]])  # whose exponential no number holds
    assert METRICS["perplexity"]().compute(sure, np.array([1]), loss, None) == np.inf
    assert METRICS["bits_per_character"]().compute(sure, np.array([1]), loss, None) == pytest.approx(1e5 / np.log(2))
    smoothed = gn.losses.CrossEntropy(label_smoothing=0.3)
    assert METRICS["perplexity"]().compute(np.log(known), right, smoothed, None) == pytest.approx(2)
    with pytest.raises(gn.ConfigurationError, match=r"perplexity: received the loss MeanSquaredError"):
        METRICS["perplexity"]().compute(known, known, gn.losses.MeanSquaredError(), None)
    assert [metric.name for metric in model("cross_entropy", metrics=["ppl", "bpc"]).metrics] == [*NAMES]


def test_the_perplexity_is_that_of_the_loss() -> None:
    own = model("cross_entropy", metrics=["perplexity", "bits_per_character", "accuracy"])
    history = own.fit(X, LABELS, epochs=3, validation_data=(X, LABELS, WEIGHTS), verbose=False)
    measured = own.evaluate(X, LABELS, WEIGHTS)
    assert measured["perplexity"] == pytest.approx(np.exp(measured["loss"]))
    assert measured["bits_per_character"] == pytest.approx(measured["loss"] / np.log(2))
    right = own.predict_classes(X) == LABELS
    assert measured["accuracy"] == pytest.approx(np.average(right, weights=WEIGHTS))
    assert history["val_perplexity"][-1] == pytest.approx(measured["perplexity"])


# What a model does with steps


def test_training_stops_early_goes_on_and_is_saved(tmp_path: Path) -> None:
    whole = model("cross_entropy", metrics=["perplexity"], seed=3)
    data: Any = {"batch_size": 2, "sample_weight": WEIGHTS, "validation_data": (X, LABELS), "verbose": False}
    expected = whole.fit(X, LABELS, epochs=4, **data)
    path = tmp_path / "model.safetensors"
    part = model("cross_entropy", metrics=["perplexity"], seed=3)
    stop = gn.EarlyStopping("val_perplexity", patience=9, restore_best=False)
    part.fit(X, LABELS, epochs=2, callbacks=[gn.Checkpoint(path)], **data)
    again = gn.load(path)
    history = again.fit(X, LABELS, epochs=4, resume=path, callbacks=[gn.Checkpoint(path)], **data)
    assert history["loss"] == expected["loss"]
    assert history["val_perplexity"] == expected["val_perplexity"]
    np.testing.assert_array_equal(again.network.parameters, whole.network.parameters)
    later = model("cross_entropy", metrics=["perplexity"])
    history = later.fit(X, LABELS, epochs=3, callbacks=[stop], **data)
    assert stop.best == min(history["val_perplexity"])  # less is better


def test_single_updates_are_those_of_fit() -> None:
    for labels in (LABELS, LABELS.astype(np.int32)):
        one, other = model("cross_entropy"), model("cross_entropy")
        history = one.fit(X, LABELS, epochs=3, batch_size=ROWS, shuffle=False, verbose=False)
        assert history["loss"] == [other.step(X, labels) for _ in range(3)]
        np.testing.assert_array_equal(one.network.parameters, other.network.parameters)
        with pytest.raises(gn.DataError, match="labels from 0 to 4"):
            other.step(X, labels + (labels == 3))


def test_answers_for_each_step() -> None:
    own = model("cross_entropy")
    own.fit(X, LABELS, verbose=False)
    shares = own.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=2), 1)
    np.testing.assert_array_equal(own.predict_classes(X), shares.argmax(axis=2))
    own.class_names = tuple("abcd")
    assert (own.predict_classes(X, names=True) == np.array(list("abcd"))[shares.argmax(axis=2)]).all()
    yes = gn.Model(gn.Sequential(gn.GRU(3, return_sequences=True), gn.Dense(1)), "binary_cross_entropy", "adam")
    yes.fit(X, (LABELS > 1)[..., None], verbose=False)
    np.testing.assert_array_equal(yes.predict_classes(X), yes.predict_proba(X)[..., 0] > 0.5)


def test_a_confusion_matrix_counts_steps() -> None:
    pytest.importorskip("matplotlib")
    own = model("cross_entropy")
    own.fit(X, LABELS, verbose=False)
    figure = gn.plots.plot_confusion_matrix(own, X, LABELS)
    counts = [int(text.get_text()) for text in figure.axes[0].texts]
    assert sum(counts) == ROWS * STEPS
    assert sum(counts[:: 4 + 1]) == int((own.predict_classes(X) == LABELS).sum())


def test_several_outputs_of_which_some_are_of_steps() -> None:
    y = {"letters": LABELS, "kind": LABELS[:, 0] % 3}
    by_class = gn.losses.CrossEntropy(class_weight=[1, 2, 1, 1])
    losses: dict[str, Any] = {"letters": by_class, "kind": ("cross_entropy", 0.5)}
    metrics = {"letters": ["perplexity", "loss"], "kind": ["accuracy"]}
    found = []
    for engine in ("numpy", "compiled"):
        nodes = {
            "states": (gn.LSTM(4, return_sequences=True), "x"),
            "letters": (gn.Dense(4), "states"),
            "last": (gn.LSTM(4), "states"),
            "kind": (gn.Dense(3), "last"),
        }
        net = gn.Graph(inputs="x", nodes=nodes, outputs=["letters", "kind"])
        own = gn.Model(net, losses, gn.Adam(0.01), metrics, engine=engine, dtype="float64")
        own.fit(X, y, epochs=2, sample_weight=WEIGHTS[:, 0] + 0.1, verbose=False)
        found.append(list(own.evaluate(X, y, WEIGHTS[:, 0] + 0.1).values()))
        letters = own.predict(X)["letters"]
        steps, _ = by_class(letters, LABELS, WEIGHTS[:, 0] + 0.1)
        assert own.evaluate(X, y, WEIGHTS[:, 0] + 0.1)["letters_loss"] == pytest.approx(steps)
    np.testing.assert_allclose(*found, rtol=1e-9)
    with pytest.raises(gn.ShapeError, match=r"expected \(6,\): one weight"):
        own.fit(X, y, sample_weight=WEIGHTS, verbose=False)


def test_losses_of_one_output_of_steps_are_added() -> None:
    net = gn.Graph(inputs="x", nodes={"o": (gn.Dense(4), "x")}, outputs=["o"])
    own = gn.Model(net, {"o": ["mean_squared_error", ("huber", 2.0)]}, gn.Adam(0.01), dtype="float64")
    own.fit(X, AMOUNTS, sample_weight=WEIGHTS, verbose=False)
    outputs = own.predict(X)
    parts = [loss(outputs, AMOUNTS, WEIGHTS)[0] for loss in (gn.losses.MeanSquaredError(), gn.losses.Huber())]
    assert own.evaluate(X, AMOUNTS, WEIGHTS)["loss"] == pytest.approx(parts[0] + 2 * parts[1])


def test_a_trace_explains_each_step() -> None:
    own = model("cross_entropy")
    own.fit(X, LABELS, verbose=False)
    shown = str(gn.trace(own, X[:2], LABELS[:2], WEIGHTS[:2]))
    assert "cross_entropy_forward" in shown
    assert "cross_entropy_backward" in shown


# Rows of different length


LENGTHS = [5, 3, 4, 1, 5, 2]
RAGGED = [row[:length] for row, length in zip(X, LENGTHS, strict=True)]


def cut(values: Any) -> list[Any]:
    return [row[:length] for row, length in zip(values, LENGTHS, strict=True)]


@pytest.mark.parametrize("name", CASES)
def test_padded_steps_weigh_nothing(name: str) -> None:
    loss, targets = CASES[name]
    found = []
    for engine in ("numpy", "compiled"):
        own = model(loss, engine=engine)
        history = own.fit(RAGGED, cut(targets), epochs=2, batch_size=4, sample_weight=cut(WEIGHTS + 0.1), verbose=False)
        measured = own.evaluate(RAGGED, cut(targets))["loss"]
        found.append((history["loss"], measured, own.network.parameters))
        # Each row by itself, without padding: a mean of means by their steps' weights, or a sum.
        alone = [own.evaluate([x], [y], None)["loss"] for x, y in zip(RAGGED, cut(targets), strict=True)]
        weights = [length * 1.0 for length in LENGTHS]
        if isinstance(loss, gn.losses.CrossEntropy) and loss.class_weight is not None:
            prepared = loss.prepare(targets, (STEPS, 4), np.dtype(np.float64), where="y")
            by_class = loss.weigh_classes(None, prepared, (STEPS, 4), np.dtype(np.float64))
            assert by_class is not None
            weights = [row.sum() for row in cut(by_class)]
        expected = sum(alone) if loss.reduction == "sum" else np.average(alone, weights=weights)
        assert measured == pytest.approx(expected, rel=1e-9)
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_metrics_and_answers_of_rows_of_different_length() -> None:
    own = model("cross_entropy", metrics=["accuracy", "perplexity", "f1"])
    history = own.fit(RAGGED, cut(LABELS), epochs=2, validation_data=(RAGGED, cut(LABELS)), verbose=False)
    measured = own.evaluate(RAGGED, cut(LABELS))
    assert history["val_accuracy"][-1] == pytest.approx(measured["accuracy"])
    classes, shares = own.predict_classes(RAGGED), own.predict_proba(RAGGED)
    assert isinstance(classes, gn.data.Padded)
    assert [len(row) for row in shares] == LENGTHS
    for x, row, share in zip(RAGGED, classes, shares, strict=True):
        (alone,) = own.predict_proba([x]) if len(x) < STEPS else own.predict_proba(x[None])
        np.testing.assert_allclose(share, alone, rtol=1e-12)
        np.testing.assert_array_equal(row, alone.argmax(axis=1))
    right = np.concatenate([a == b for a, b in zip(classes, cut(LABELS), strict=True)])
    assert measured["accuracy"] == pytest.approx(right.mean())
    assert measured["perplexity"] == pytest.approx(np.exp(measured["loss"]))
    own.class_names = tuple("abcd")
    assert [len(names) for names in own.predict_classes(RAGGED, names=True)] == LENGTHS
    figure = gn.plots.plot_confusion_matrix(own, RAGGED, cut(LABELS))
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == sum(LENGTHS)


def test_what_stands_behind_a_rows_end_is_never_looked_at() -> None:
    own = model("cross_entropy")
    x = gn.data.Padded(X, LENGTHS)
    own.fit(x, cut(LABELS), verbose=False)
    expected = own.evaluate(RAGGED, cut(LABELS), cut(WEIGHTS + 0.1))
    behind = np.arange(STEPS) >= np.array(LENGTHS)[:, None]
    labels = np.where(behind, -100, LABELS)
    weights = np.where(behind, 7.0, WEIGHTS + 0.1)
    assert own.evaluate(x, labels, weights) == expected
    assert own.evaluate(x, gn.data.Padded(labels, LENGTHS), gn.data.pad(cut(weights))) == expected
    assert own.step(x, labels) == pytest.approx(own.step_over([(RAGGED, cut(LABELS))]), rel=0.1)
    assert own.gradients(x, labels).loss == pytest.approx(own.evaluate(RAGGED, cut(LABELS))["loss"], rel=1e-12)
    short = [0, 1, 3, 5]  # all of them shorter than T, and labels of one length
    two = [X[i][:2] for i in short]
    assert own.evaluate(two, LABELS[short, :2])["loss"] == own.evaluate(two, [LABELS[i, :2] for i in short])["loss"]


def test_labels_of_another_length_than_their_row_are_named() -> None:
    own = model("cross_entropy")
    wrong = [*cut(LABELS)[:-1], LABELS[5]]
    for labels in (wrong, gn.data.pad(wrong)):
        with pytest.raises(gn.ShapeError, match="y: row 5: received 5 steps, expected 2, as many as the network gives"):
            own.fit(RAGGED, labels, verbose=False)
    weights = cut(WEIGHTS + 0.1)
    weights[1] = weights[2]
    with pytest.raises(gn.ShapeError, match="sample_weight: row 1: received 4 steps, expected 3"):
        own.fit(RAGGED, cut(LABELS), sample_weight=weights, verbose=False)
    with pytest.raises(gn.ShapeError, match="y: row 1: received 3 steps, expected 5"):
        own.fit(X, cut(LABELS), verbose=False)
    with pytest.raises(gn.ShapeError, match="y: received 5 rows"):
        own.fit(RAGGED, cut(LABELS)[:5], verbose=False)
    one = gn.Model(gn.Sequential(gn.LSTM(3), gn.Dense(4)), "cross_entropy", "adam")
    with pytest.raises(gn.ShapeError, match="as many numbers as each row has steps.*return_sequences=True"):
        one.fit(RAGGED, cut(LABELS), verbose=False)
    assert len(one.fit(RAGGED, LABELS[:, 0], verbose=False)) == 1


@pytest.mark.parametrize("name", ["smoothed", "gamma", "own"])
def test_gradients_of_rows_of_different_length_are_right(name: str) -> None:
    loss, targets = CASES[name]
    net = gn.Sequential(gn.SimpleRNN(3, return_sequences=True), gn.Dense(4))
    weights = cut(WEIGHTS + 0.1)[:4]
    assert gn.check_gradients(net, RAGGED[:4], cut(targets)[:4], sample_weight=weights, loss=loss)


def test_amounts_whose_differences_are_lost_are_seen_behind_the_zeros_of_padding() -> None:
    amounts = [np.full((length, 4), 1e9) for length in LENGTHS]
    for i in (0, 4):
        amounts[i][4] += i  # at a step that most rows have not
    own = model("mean_squared_error", dtype="float32")
    with pytest.raises(gn.DataError, match="differences are lost in float32"):
        own.fit(RAGGED, amounts, verbose=False)
    with pytest.raises(gn.DataError, match="differences are lost in float32"):
        own.step(RAGGED, amounts)


def test_curves_of_classes_count_steps() -> None:
    yes = gn.Model(gn.Sequential(gn.GRU(3, return_sequences=True), gn.Dense(1)), "binary_cross_entropy", "adam")
    answers = [(row > 1)[:, None] for row in cut(LABELS)]
    yes.fit(RAGGED, answers, verbose=False)
    figure = gn.plots.plot_roc(yes, RAGGED, answers)
    p = np.concatenate([*yes.predict_proba(RAGGED)])[:, 0]
    curve = gn.metrics.roc_curve(p, np.concatenate(answers)[:, 0])
    np.testing.assert_allclose(figure.axes[0].lines[1].get_xdata(), curve[0], atol=1e-9)
    with pytest.raises(gn.ShapeError, match="several labels for a row"):
        gn.plots.plot_mistakes(yes, RAGGED, answers)


def test_the_outputs_own_lengths_count() -> None:
    net = gn.Sequential(gn.Conv1D(4, 2, stride=2))
    own = gn.Model(net, "mean_squared_error", "adam", dtype="float64")
    x = [row for row in RAGGED if len(row) > 1]
    halves = [np.ones((len(row) // 2, 4)) for row in x]
    own.fit(x, halves, verbose=False)
    outputs = own.predict(x)
    assert [len(row) for row in outputs] == [len(row) for row in halves]
    errors = np.concatenate([((o - 1) ** 2).mean(axis=1) for o in outputs])
    assert own.evaluate(x, halves)["loss"] == pytest.approx(errors.mean())


# What is refused


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (
            LABELS[:, :3],
            r"received targets of shape \(6, 3\).*\(N, 5, 4\).* of 5 steps; or a label for each step, \(N, 5\)",
        ),
        (LABELS[:, 0], r"put gn.Flatten\(\) before the last layer, or leave return_sequences out"),
        (LABELS + 1, "classes count from 0"),
        (LABELS + 0.5, r"the label .* in row 0, column 0"),
        (SHARES * 2, r"row 0, column 0, which sums to 2"),
        (LABELS[:3], "3 rows"),
    ],
)
def test_labels_that_do_not_fit_the_steps(targets: Any, words: str) -> None:
    with pytest.raises(gn.GlassnetError, match=f"(?s){words}"):
        model("cross_entropy").fit(X, targets, verbose=False)


def test_labels_of_steps_for_one_answer_a_row() -> None:
    own = gn.Model(gn.Sequential(gn.LSTM(3), gn.Dense(4)), "cross_entropy", "adam")
    with pytest.raises(gn.ShapeError, match="return_sequences=True"):
        own.fit(X, LABELS, verbose=False)


def test_weights_that_do_not_fit_the_steps() -> None:
    with pytest.raises(gn.ShapeError, match=r"\(6,\): one weight ≥ 0 for each row, or \(6, 5\), one for each step"):
        model("cross_entropy").fit(X, LABELS, sample_weight=WEIGHTS[:, :2], verbose=False)
    one = gn.Model(gn.Sequential(gn.LSTM(3), gn.Dense(4)), "cross_entropy", "adam")
    with pytest.raises(gn.ShapeError, match=r"\(6,\): one weight ≥ 0 for each row, some"):
        one.fit(X, LABELS[:, 0], sample_weight=WEIGHTS, verbose=False)


def test_an_own_loss_of_whole_rows_takes_no_weights_of_steps() -> None:
    def of_rows(outputs: Any, targets: Any) -> Any:
        error = outputs - targets
        return (error**2).sum(axis=(1, 2)), 2 * error

    def of_batch(outputs: Any, targets: Any) -> Any:
        error = outputs - targets
        return (error**2).sum(), 2 * error

    rows = gn.losses.FunctionLoss(of_rows)
    outputs = RNG.normal(size=AMOUNTS.shape)
    value, slope = rows(outputs, AMOUNTS, WEIGHTS[:, 0] + 0.1)
    w = WEIGHTS[:, 0] + 0.1
    assert value == pytest.approx(np.average(((outputs - AMOUNTS) ** 2).sum(axis=(1, 2)), weights=w))
    np.testing.assert_allclose(slope, 2 * (outputs - AMOUNTS) * (w / w.sum())[:, None, None])
    for function in (of_rows, of_batch):
        for engine in ("numpy", "compiled"):
            with pytest.raises(gn.ConfigurationError, match="a loss (of|for) each"):
                model(function, engine=engine).fit(X, AMOUNTS, sample_weight=WEIGHTS, verbose=False)
            with pytest.raises(gn.ConfigurationError, match="a loss (of|that is one of|for) each"):
                model(function, engine=engine).fit(RAGGED, cut(AMOUNTS), verbose=False)
