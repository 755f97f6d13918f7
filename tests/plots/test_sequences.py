"""Pictures of sequences: what is drawn is what the kernels wrote, and a gradient by step what differences say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 6, 3)), np.arange(4) % 2


def fitted(*layers: Any, x: Any = X, y: Any = Y) -> gn.Model:
    model = gn.Model(gn.Sequential(*layers, gn.Dense(2)), "cross_entropy", gn.Adam(0.05), dtype="float64")
    model.fit(x, y, verbose=False)
    return model


def drawn(figure: Figure) -> list[Any]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def attention_by_hand(model: gn.Model, x: Any, heads: int) -> Any:
    """The weights (H, T, S) of causal attention that begins a network."""
    weights = dict(model.network.named_parameters())
    q, k, _ = np.split(x @ weights["0.weight"] + weights["0.bias"], 3, axis=1)
    found = []
    for own_q, own_k in zip(np.split(q, heads, axis=1), np.split(k, heads, axis=1), strict=True):
        scores = np.where(np.tri(len(x)), own_q @ own_k.T / np.sqrt(own_q.shape[1]), -np.inf)
        found.append(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))
    return np.array(found)


def test_attention_maps_are_the_weights_of_each_head(tmp_path: Path) -> None:
    x = RNG.normal(size=(4, 6, 4))
    model = fitted(gn.SelfAttention(2, causal=True), gn.GlobalAveragePool(), x=x)
    path = tmp_path / "attention.png"
    figure = gn.plots.plot_attention(model, x[1], steps=["a", "b", " ", "d", "e", "f"], path=path)
    assert path.stat().st_size > 1000
    np.testing.assert_allclose(drawn(figure), attention_by_hand(model, x[1], 2), rtol=1e-6, atol=1e-9)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a", "b", "␣", "d", "e", "f"]
    assert "SelfAttention(2, causal=True)" in figure.get_suptitle()
    short = gn.plots.plot_attention(model, x[1, :3], 0)
    np.testing.assert_allclose(drawn(short), attention_by_hand(model, x[1, :3], 2), rtol=1e-6, atol=1e-9)


def test_pooling_by_attention_is_one_line() -> None:
    model = fitted(gn.GRU(4, return_sequences=True), gn.Attention())
    figure = gn.plots.plot_attention(model, X[0])
    heights = [bar.get_height() for bar in figure.axes[0].patches]  # type: ignore[attr-defined]
    states = model.activations(X[:1], "0")["0"][0]
    scores = np.exp(states @ dict(model.network.named_parameters())["1.query"][:, 0])
    np.testing.assert_allclose(heights, scores / scores.sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "panels"),
    [
        (gn.LSTM(5), ["input gate i", "forget gate f", "candidate g", "output gate o", "cell c", "state h"]),
        (gn.GRU(5, reverse=True), ["reset gate r", "update gate z", "candidate n", "state h"]),
        (gn.SimpleRNN(5), ["state h"]),
    ],
)
def test_gates_are_those_of_the_steps(layer: Any, panels: list[str]) -> None:
    model = fitted(layer)
    figure = gn.plots.plot_gates(model, X[2])
    named = {axes.get_title(): np.asarray(axes.images[0].get_array()).T for axes in figure.axes if axes.images}
    assert list(named) == panels
    trace = gn.trace(model, X[2:3], Y[2:3])
    written = next(call for call in trace.forward if call.kernel.endswith("_forward") and "before" in call.outputs)
    np.testing.assert_allclose(named["state h"], written.outputs["y"][0])
    if "gates" in written.outputs:
        own = [named[name] for name in panels if "gate" in name or "candidate" in name]
        np.testing.assert_allclose(np.concatenate(own, axis=1), written.outputs["gates"][0])
    last = model.predict(X[2:3])
    weights = dict(model.network.named_parameters())
    end = named["state h"][0 if layer.reverse else -1]
    np.testing.assert_allclose(end @ weights["1.weight"] + weights["1.bias"], last[0], rtol=1e-6)


@pytest.mark.parametrize("layer", [gn.LSTM(4), gn.GRU(4), gn.SimpleRNN(4), gn.LSTM(4, reverse=True)])
def test_the_gradient_by_step_is_that_of_a_state_that_is_moved(layer: Any) -> None:
    model = fitted(layer)
    figure = gn.plots.plot_gradient_by_step(model, X, Y)
    line = np.asarray(figure.axes[0].lines[0].get_ydata())
    assert line.shape == (6,)
    weights = dict(model.network.named_parameters())

    def of_rest(states: tuple[Any, ...], t: int) -> Any:
        """Logits from the states after step t on, in the layer's order."""
        order = list(range(6))[:: -1 if layer.reverse else 1]
        for place in order[order.index(t) + 1 :]:
            states = STEPS[type(layer).__name__](weights, X[:, place], *states)
        return states[0] @ weights["1.weight"] + weights["1.bias"]

    states = tuple(np.zeros((4, 4)) for _ in range(2 if isinstance(layer, gn.LSTM) else 1))
    for t in list(range(6))[:: -1 if layer.reverse else 1]:
        states = STEPS[type(layer).__name__](weights, X[:, t], *states)
        slopes = []
        for place in np.ndindex(4, 4):
            values = []
            for h in (1e-5, -1e-5):
                moved = states[0].copy()
                moved[place] += h
                values.append(gn.losses.CrossEntropy()(of_rest((moved, *states[1:]), t), Y)[0])
            slopes.append((values[0] - values[1]) / 2e-5)
        assert line[t] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


@pytest.mark.parametrize("layer", [gn.LSTM(4), gn.SimpleRNN(4, reverse=True), gn.LSTM(4, reverse=True)])
def test_the_gradient_by_step_of_padded_rows_is_that_of_each_row_alone(layer: Any) -> None:
    model = fitted(layer)

    def line(rows: Any, y: Any) -> Any:
        return np.nan_to_num(gn.plots.plot_gradient_by_step(model, rows, y).axes[0].lines[0].get_ydata())

    rows = [row[:count] for row, count in zip(X, (2, 4, 3, 1), strict=True)]
    expected = np.zeros(6)
    for row, label in zip(rows, Y, strict=True):
        expected[: len(row)] += np.square(line([row], [label])[: len(row)] / len(rows))  # the mean is over four rows
    np.testing.assert_allclose(line(rows, Y), np.sqrt(expected), rtol=1e-6)


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm(w: dict[str, Any], x: Any, h: Any, c: Any) -> Any:
    i, f, g, o = np.split(x @ w["0.weight"] + w["0.bias"] + h @ w["0.recurrent_weight"], 4, axis=1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def gru(w: dict[str, Any], x: Any, h: Any) -> Any:
    a = np.split(x @ w["0.weight"] + w["0.bias"], 3, axis=1)
    s = np.split(h @ w["0.recurrent_weight"] + w["0.recurrent_bias"], 3, axis=1)
    r, z = sigma(a[0] + s[0]), sigma(a[1] + s[1])
    return ((1 - z) * np.tanh(a[2] + r * s[2]) + z * h,)


STEPS: dict[str, Any] = {
    "LSTM": lstm,
    "GRU": gru,
    "SimpleRNN": lambda w, x, h: (np.tanh(x @ w["0.weight"] + w["0.bias"] + h @ w["0.recurrent_weight"]),),
}


def test_models_are_compared_by_name() -> None:
    models = {"plain": fitted(gn.SimpleRNN(4)), "gated": fitted(gn.LSTM(4), x=[row[:5] for row in X])}
    two = fitted(gn.GRU(3, return_sequences=True), gn.GRU(4))
    figure = gn.plots.plot_gradient_by_step({"plain": models["plain"], "two": two}, X, Y)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels[0] == "plain"
    assert all(str(label).startswith("two layer") for label in labels[1:])
    assert figure.axes[0].get_yscale() == "log"
    ragged = gn.plots.plot_gradient_by_step(models["plain"], [X[0], X[1, :3]], Y[:2])
    alone = gn.plots.plot_gradient_by_step(models["plain"], [X[0, :4], X[1, :3]], Y[:2])
    assert np.isnan(np.asarray(alone.axes[0].lines[0].get_ydata())[4:]).all()  # nothing reaches beyond the rows' ends
    assert np.isfinite(np.asarray(ragged.axes[0].lines[0].get_ydata())).all()


def test_a_text_is_told_by_its_letters() -> None:
    letters = gn.text.Characters("abc ")
    net = gn.Sequential(gn.Embedding(5, 4), gn.SelfAttention(1, causal=True), gn.Dense(5))
    model = gn.Model(net, "cross_entropy", "adam")
    model.vocabulary = letters
    x, y = letters.next_tokens(["ab c", "cab"], 5)
    model.fit(x, y, verbose=False)
    figure = gn.plots.plot_attention(model, "ab c")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["▪", "a", "b", "␣", "c"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: gn.plots.plot_attention(m, X[0]), r"expected a SelfAttention or an Attention"),
        (lambda m: gn.plots.plot_gates(m, X[0], 1), r"layer 1 \(Dense\(2\)\), expected an LSTM, a GRU or a SimpleRNN"),
        (lambda m: gn.plots.plot_gates(m, X), r"shape \(4, 6, 3\), expected one row of the model"),
        (lambda m: gn.plots.plot_gates(m, X[0], steps="abc"), r"3 names, expected 6"),
        (lambda m: gn.plots.plot_gates(m, X[0], steps=6), r"received 6, expected 6, one for each step"),
        (lambda m: gn.plots.plot_gates(m, X[0], steps=iter("abcdef")), r"iterator.*, expected 6, one for each step"),
        (lambda m: gn.plots.plot_gradient_by_step(3, X, Y), r"expected a model, or several in a dict"),
        (lambda m: gn.plots.plot_gradient_by_step(fitted(gn.Flatten()), X, Y), r"one with an LSTM, a GRU or"),
        (lambda m: gn.plots.plot_gates(gn.Model(gn.LSTM(2), "mse", "sgd"), X[0]), "built"),
    ],
)
def test_what_is_no_sequence_is_refused(call: Any, words: str) -> None:
    with pytest.raises(gn.GlassnetError, match=words):
        call(fitted(gn.LSTM(3)))
