"""Texts that a language model writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.generation import _drawn

LETTERS = gn.text.Characters("abc")


def language(*layers: gn.Layer, count: int = 4, steps: int = 6, outputs: int = 4) -> gn.Model:
    """A model of weights as they are drawn."""
    inside = layers or (gn.GRU(8, return_sequences=True), gn.Dense(outputs, weight_init="normal"))
    network = gn.Sequential(gn.Embedding(count, 4, weight_init="normal"), *inside)
    network.build((steps,), seed=1)
    model = gn.Model(network, "cross_entropy", "adam")
    model.vocabulary = LETTERS
    return model


def test_the_same_seed_writes_the_same_text() -> None:
    model = language()
    written = [gn.generate(model, "ab", seed=seed) for seed in range(8)]
    assert written == [gn.generate(model, "ab", seed=seed) for seed in range(8)]
    assert len(set(written)) > 3
    assert all(text.startswith("ab") and len(text) <= 6 for text in written)


def test_tokens_are_drawn_by_their_probability() -> None:
    shares = np.array([0.5, 0.02, 0.3, 0.18], np.float32)
    for temperature, top_k, expected in ((1.0, 4, shares), (2.0, 4, np.sqrt(shares)), (1.0, 2, shares * [1, 0, 1, 0])):
        rng = np.random.default_rng(0)
        drawn = [_drawn(shares, temperature, top_k, rng) for _ in range(4000)]
        np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 4000, expected / expected.sum(), atol=0.025)
    assert {_drawn(shares, 0.0, 4, np.random.default_rng(seed)) for seed in range(9)} == {0}
    assert _drawn(np.array([0.0, 1.0, 0.0]), 0.01, 3, np.random.default_rng(0)) == 1


@pytest.mark.parametrize("temperature", [1e-300, 1e-310, 5e-324])
def test_the_smallest_temperatures_take_the_most_probable_token(temperature: float) -> None:
    shares = np.array([0.3, 0.02, 0.5, 0.18, 0.0], np.float32)
    assert {_drawn(shares, temperature, 5, np.random.default_rng(seed)) for seed in range(9)} == {2}


def test_the_first_token_is_drawn_from_what_the_network_says() -> None:
    model = language()
    shares = model.predict_proba(np.array([[3, 0, 0, 0, 0, 0]]))[0, 0]
    assert gn.generate(model, max_tokens=1, temperature=0) == ["a", "b", "c", ""][int(shares.argmax())]
    first = [gn.generate(model, max_tokens=1, seed=seed) for seed in range(60)]
    counts = np.array([first.count(letter) for letter in ("a", "b", "c", "")])
    np.testing.assert_allclose(counts / 60, shares, atol=0.2)


def test_a_window_moves_where_more_is_asked_for() -> None:
    model = language()
    text = gn.generate(model, "ab", max_tokens=40, top_k=2, seed=3)
    assert text.startswith(gn.generate(model, "ab", top_k=2, seed=3))
    assert gn.generate(model, "abc", max_tokens=0) == "abc"


def no_stream(*_: Any) -> None:
    raise gn.ConfigurationError(where="stream", received="steps", expected="whole sequences", fix="call predict")


def transformer() -> tuple[gn.Layer, ...]:
    block = gn.TransformerBlock(2, 4, causal=True, norm="rms")
    return gn.PositionalEncoding("learned"), block, gn.Dense(4, weight_init="normal")


@pytest.mark.parametrize("layers", [tuple, transformer], ids=["recurrent", "transformer"])
@pytest.mark.parametrize("engine", ["numpy", "compiled"])
def test_a_stream_writes_what_whole_contexts_write(
    layers: Callable[[], tuple[gn.Layer, ...]], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = language(*layers())
    model.engine = engine
    streamed = [gn.generate(model, "ab", seed=seed) for seed in range(6)]
    beyond = gn.generate(model, "ab", max_tokens=25, top_k=3, seed=1)
    monkeypatch.setattr(gn.Model, "stream", no_stream)
    assert [gn.generate(model, "ab", seed=seed) for seed in range(6)] == streamed
    if layers is transformer:  # which sees the last six alone; a recurrence remembers more by its state
        assert gn.generate(model, "ab", max_tokens=25, top_k=3, seed=1) == beyond


def test_a_recurrence_goes_on_with_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the steps that it was built for it writes what one that is built for more of them writes."""
    model, longer = language(), language(steps=40)
    longer.network.set_weights(model.network.weights())
    monkeypatch.setattr("glassnet.generation._drawn", lambda shares, *_: int(shares[:3].argmax()))
    assert gn.generate(model, max_tokens=30) == gn.generate(longer, max_tokens=30)


def test_words_are_joined_as_the_vocabulary_joins_them() -> None:
    pytest.importorskip("tokenizers")
    model = language()
    model.vocabulary = gn.text.Tokenizer.from_data(["a b"], 4, kind="words")
    written = {gn.generate(model, "a  b", seed=seed) for seed in range(20)}
    assert any(text.startswith("a  b ") for text in written)
    assert all(text.startswith("a  b") for text in written)


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (language, {"temperature": -1}, "temperature=-1"),
        (language, {"temperature": float("nan")}, "temperature=nan"),
        (language, {"top_k": 0}, "top_k=0"),
        (language, {"seed": 1.5}, "seed=1.5"),
        (language, {"max_tokens": -1}, "max_tokens=-1"),
        (language, {"prompt": "abd"}, "prompt: received 'd' at place 2"),
        (language, {"prompt": "abcabc"}, "at most 5"),
        (language, {"prompt": None}, "a text"),
        (lambda: gn.Model(gn.Dense(2), "cross_entropy", "adam"), {}, "not known yet"),
        (lambda: language(gn.GRU(4), gn.Dense(4)), {}, "return_sequences"),
        (lambda: language(gn.GRU(4, return_sequences=True, reverse=True), gn.Dense(4)), {}, "causal=True"),
        (lambda: language(outputs=5), {}, r"\(T, 4\)"),
        (lambda: language(count=3), {}, "an Embedding of 3 vectors"),
    ],
)
def test_what_cannot_be_written_is_named(make: Callable[[], gn.Model], settings: dict[str, Any], said: str) -> None:
    with pytest.raises(gn.GlassnetError, match=said):
        gn.generate(make(), **settings)


@pytest.mark.parametrize(
    "layer",
    [
        gn.Bidirectional(gn.GRU(8, return_sequences=True)),
        gn.GRU(8, return_sequences=True, reverse=True),
        gn.Conv1D(8, 3, padding="same"),
        gn.SelfAttention(2),
    ],
)
def test_a_faint_look_ahead_is_one(layer: gn.Layer) -> None:
    tokens, scores = gn.Embedding(4, 4, name="tokens"), gn.Dense(4, weight_init=gn.initializers.Normal(1e-3))
    network = gn.Sequential(tokens, layer.copy(), scores)
    network.build((6,), seed=0)
    model = gn.Model(network, "cross_entropy", "adam")
    model.vocabulary = LETTERS
    with pytest.raises(gn.ConfigurationError, match="tokens behind it"):
        gn.generate(model)


def test_a_model_without_a_vocabulary_is_told_how_to_get_one() -> None:
    model = language()
    model.vocabulary = None
    with pytest.raises(gn.ConfigurationError, match=r"gn\.text\.Characters"):
        gn.generate(model)


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_scores_that_overflow_write_no_text(temperature: float) -> None:
    model = language(gn.Dense(8, weight_init="zeros", bias_init="ones"), gn.Dense(4))
    model.network.layers[-1].set_weights({"weight": np.full((8, 4), 3e38), "bias": np.zeros(4)})
    with pytest.raises(gn.DataError, match="probabilities that are no numbers, after 2 tokens"):
        gn.generate(model, "ab", temperature=temperature)
