"""Texts as numbers of tokens: there and back, kept in files, and what is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import edited

import glassnet as gn
from glassnet.text import Characters, Tokenizer, Vocabulary

TEXTS = ["the cat sat on the mat", "the dog sat, too!", "Ünïcode — 猫坐着 🙂\n"]


def tokenizers() -> dict[str, Vocabulary]:
    return {
        "characters": Characters.from_data(TEXTS),
        "pairs": Tokenizer.from_data(TEXTS * 3, 280),
        "words": Tokenizer.from_data(TEXTS, 12, kind="words", lowercase=True),
    }


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Vocabulary]:
    pytest.importorskip("tokenizers")
    return tokenizers()


@pytest.mark.parametrize("kind", ["characters", "pairs"])
@pytest.mark.parametrize("text", [*TEXTS, "", "tttttt"])
def test_a_text_comes_back_as_it_was(kind: str, text: str, vocabularies: dict[str, Vocabulary]) -> None:
    vocabulary = vocabularies[kind]
    numbers = vocabulary.encode(text)
    assert numbers.dtype == np.int64
    assert vocabulary.boundary not in numbers
    assert vocabulary.decode(numbers) == text
    assert vocabulary.decode([vocabulary.boundary, *numbers, vocabulary.boundary]) == text


def test_pairs_write_what_no_text_of_theirs_had(vocabularies: dict[str, Vocabulary]) -> None:
    for text in ("ß \x00 \x7f \r\n ĀĠ", "<unknown>", "😀" * 3):
        assert vocabularies["pairs"].decode(vocabularies["pairs"].encode(text)) == text


def test_words_that_are_not_known_are_one_token(vocabularies: dict[str, Vocabulary]) -> None:
    words = vocabularies["words"]
    assert words.tokens[:4] == ("<unknown>", "the", "sat", "!")
    assert words.encode("The BIRD sat!").tolist() == [1, 0, 2, 3]
    assert words.decode([1, 0, 2, 3]) == "the <unknown> sat !"
    assert words.encode("<unknown>").tolist() == [0, 0, 0]  # the word in a text is three


def test_the_most_frequent_words_are_learned_whatever_their_order() -> None:
    pytest.importorskip("tokenizers")
    texts = ["b a", "c a", "b"]
    assert Tokenizer.from_data(texts, 4, kind="words").tokens == ("<unknown>", "a", "b")
    assert Tokenizer.from_data(texts[::-1], 4, kind="words").tokens == ("<unknown>", "a", "b")
    assert Tokenizer.from_data(texts, 100, kind="words").tokens == ("<unknown>", "a", "b", "c")
    assert len(Tokenizer.from_data(texts, 100, kind="words")) == 5


def test_what_comes_next() -> None:
    letters = Characters("abc")
    x, y = letters.next_tokens(["cab", "", "abcabca"], context=4)
    assert [row.tolist() for row in x] == [[3, 2, 0, 1], [3], [3, 0, 1, 2], [0, 1, 2, 0]]
    assert [row.tolist() for row in y] == [[2, 0, 1, 3], [3], [0, 1, 2, 0], [1, 2, 0, 3]]
    whole = letters.next_tokens("abcab", context=100)
    assert [len(part) for part in whole] == [1, 1]
    assert [row.tolist() for row in letters.rows(["cab", ""])] == [[3, 2, 0, 1], [3]]


@pytest.mark.parametrize("kind", ["characters", "pairs", "words"])
def test_a_model_keeps_it(kind: str, vocabularies: dict[str, Vocabulary], tmp_path: Path) -> None:
    vocabulary = vocabularies[kind]
    model = reader(len(vocabulary))
    model.vocabulary = vocabulary
    before = model.fingerprint()
    model.save(tmp_path / "m.safetensors")
    again = gn.load(tmp_path / "m.safetensors")
    assert type(again.vocabulary) is type(vocabulary)
    assert again.vocabulary is not None
    assert again.vocabulary.encode(TEXTS[0]).tolist() == vocabulary.encode(TEXTS[0]).tolist()
    assert again.fingerprint() == before
    again.vocabulary = None
    assert again.fingerprint() != before


def reader(count: int, steps: int = 5) -> gn.Model:
    network = gn.Sequential(gn.Embedding(count, 2), gn.GRU(3), gn.Dense(2))
    network.build((steps,))
    return gn.Model(network, "cross_entropy", "adam")


def test_a_model_takes_texts() -> None:
    model = reader(4)
    model.vocabulary = Characters("abc")
    rows = np.array([[3, 0, 1, 2, 0], [3, 2, 2, 2, 2]])
    for texts in (["abca", "cccc"], ("abca", "cccc"), np.array(["abca", "cccc"]), np.array(["abca", "cccc"], object)):
        np.testing.assert_array_equal(model.predict(texts), model.predict(rows))
    np.testing.assert_array_equal(model.predict("abca"), model.predict(rows[:1]))
    assert model.evaluate(["abca", "cccc"], [0, 1]) == model.evaluate(rows, [0, 1])
    shorter = reader(4, steps=3)
    np.testing.assert_allclose(model.predict(["ab", "abca"])[:1], shorter.predict(rows[:1, :3]), rtol=1e-5)
    model.fit(["abca", "c"], [0, 1], validation_data=(["", "ab"], [1, 0]), verbose=False)
    with pytest.raises(gn.DataError, match=r"predict: x: text 1: received 5 tokens.*at most 4"):
        model.predict(["abca", "abcab"])
    with pytest.raises(gn.DataError, match=r"predict: x: text 1: received 'ö' at place 2"):
        model.predict(["abca", "abö"])


def test_what_is_no_vocabulary_is_refused(tmp_path: Path) -> None:
    model = reader(4)
    model.vocabulary = "abc"  # type: ignore[assignment]
    calls: list[Callable[[], Any]] = [
        lambda: model.predict("ab"),
        lambda: model.predict(np.zeros((1, 5))),
        lambda: gn.generate(model),
        lambda: model.save(tmp_path / "m.safetensors"),
    ]
    for call in calls:
        with pytest.raises(gn.ConfigurationError):
            call()


def test_a_series_of_sentences_is_taken() -> None:
    pandas = pytest.importorskip("pandas")
    model = reader(4)
    model.vocabulary = Characters("abc")
    found = model.predict(pandas.Series(["abca", "cccc"], name="said"))
    np.testing.assert_array_equal(found, model.predict(["abca", "cccc"]))


@pytest.mark.parametrize("network", [gn.Sequential(gn.Embedding(3, 2), gn.GRU(2)), gn.Sequential(gn.Dense(2))])
def test_a_network_without_a_vector_for_each_token_is_refused(network: gn.Network, tmp_path: Path) -> None:
    network.build((3,))
    model = gn.Model(network, "mean_squared_error", "adam")
    model.vocabulary = Characters("abc")
    with pytest.raises(gn.ConfigurationError, match="4 tokens"):
        model.predict(np.zeros((2, 3)))
    with pytest.raises(gn.ConfigurationError, match="4 tokens"):
        model.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        "abc",
        {"class": "text.Characters", "settings": {"characters": "aab"}},
        {"class": "text.Characters", "settings": {"characters": 7}},
        {"class": "text.Characters", "settings": {"characters": "abcdef"}},
        {"class": "text.Characters", "settings": {}},
        {"class": "text.Vocabulary", "settings": {}},
        {"class": "text.Tokenizer", "settings": {"description": "{}"}},
        {"class": "layers.Dense", "settings": {"units": 3}},
    ],
)
def test_a_file_with_another_vocabulary_is_refused(wrong: Any, tmp_path: Path) -> None:
    model = reader(4)
    model.vocabulary = Characters("abc")
    model.save(tmp_path / "m.safetensors")
    changed = edited(tmp_path / "m.safetensors", lambda description: description.update(vocabulary=wrong))
    with pytest.raises(gn.FileFormatError):
        gn.load(changed)


def changed_words(**parts: Any) -> Callable[[], Any]:
    def make() -> Any:
        pytest.importorskip("tokenizers")
        description = json.loads(Tokenizer.from_data(["a b"], 9, kind="words").description)
        model = description["model"] | parts.pop("model", {})
        return Tokenizer(json.dumps(description | {"model": model} | parts))

    return make


def changed_pairs(**parts: Any) -> Callable[[], Any]:
    def make() -> Any:
        pytest.importorskip("tokenizers")
        description = json.loads(Tokenizer.from_data(["abab"] * 3, 258).description)
        return Tokenizer(json.dumps(description | {"model": description["model"] | parts}))

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Characters(""), "one at least"),
        (lambda: Characters("aba"), "different"),
        (lambda: Characters(5), "characters=5"),  # type: ignore[arg-type]
        (lambda: Characters("a\ud800"), "halves"),
        (lambda: Characters.from_data([]), "received \\[\\]"),
        (lambda: Characters.from_data(["", ""]), "no characters"),
        (lambda: Characters.from_data(b"ab"), "texts, one"),  # type: ignore[arg-type]
        (lambda: Characters.from_data("abc", most=2), "3 different characters, expected at most 2"),
        (lambda: Characters("abc").encode("abxc"), "'x' at place 2 of 'abxc'"),
        (lambda: Characters("abc").encode("a" * 1000 + "é"), "'é' at place 1000 of 'aaaaaaaaaaaaé'"),
        (lambda: Characters("abc").encode(b"a"), "a text"),  # type: ignore[arg-type]
        (lambda: Characters("abc").decode([4]), "from 0 to 3"),
        (lambda: Characters("abc").decode([-1]), "from 0 to 3"),
        (lambda: Characters("abc").decode([0.5]), "whole numbers"),  # type: ignore[list-item]
        (lambda: Characters("abc").rows("abc"), "give a list"),
        (lambda: Characters("abc").rows(["a", None]), "None among the texts"),  # type: ignore[list-item]
        (lambda: Characters("abc").next_tokens(["ab", "ax"], 4), "text 1: received 'x'"),
        (lambda: Characters("abc").next_tokens(["ab"], 0), "context=0"),
        (lambda: Tokenizer("no JSON"), "what is none"),
        (lambda: Tokenizer(None), "what is none"),  # type: ignore[arg-type]
        (lambda: Tokenizer("[" * 100_000), "what is none"),
        (changed_words(normalizer={"type": "NFC"}), "normalizer"),
        (changed_words(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+b"}}), "pre_tokenizer"),
        (changed_words(added_tokens=[{"id": 1, "content": "a"}]), "added_tokens"),
        (changed_words(truncation={"max_length": 1}), "truncation"),
        (changed_words(other=1), "other=1"),
        (changed_words(model={"type": "Unigram"}), "what is none"),
        (changed_words(model={"unk_token": "a"}), "model="),
        (changed_words(model={"vocab": {"a": 0}}), "no token '<unknown>'"),
        (changed_words(model={"vocab": {"<unknown>": 0, "a": 2}}), "0, 1, 2"),
        (changed_words(model={"vocab": {"<unknown>": 0, "a": True}}), "0, 1, 2"),
        (changed_words(model={"vocab": {"<unknown>": 0, "a": 0}}), "0, 1, 2"),
        (changed_pairs(vocab={"a": 0}), "no token '!'"),
        (changed_pairs(merges=[["a", "zz"]]), "merges"),
        (changed_pairs(merges=[["a"]]), "merges"),
        (changed_pairs(merges=7), "what is none"),
        (changed_pairs(dropout=0.5), "model="),
        (lambda: Tokenizer.from_data(["a"], 256), "at least 257"),
        (lambda: Tokenizer.from_data(["a"], 2, kind="words"), "at least 3"),
        (lambda: Tokenizer.from_data(["a"], kind="letters"), "one of 'byte_pair', 'words'"),
        (lambda: Tokenizer.from_data([" "], kind="words"), "without a word"),
        (lambda: Tokenizer.from_data("a b"), "give a list"),
    ],
)
def test_what_cannot_be_is_named(make: Callable[[], Any], said: str) -> None:
    with pytest.raises((gn.ConfigurationError, gn.DataError), match=said):
        make()


def test_a_file_with_a_tokenizer_is_read_without_the_library(
    vocabularies: dict[str, Vocabulary], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = reader(len(vocabularies["words"]))
    model.vocabulary = vocabularies["words"]
    model.save(tmp_path / "m.safetensors")
    monkeypatch.setattr("glassnet.core.errors.find_spec", lambda name: None)
    again = gn.load(tmp_path / "m.safetensors")
    assert again.predict(np.zeros((1, 5))).shape == (1, 2)
    with pytest.raises(gn.MissingExtraError, match=r"glassnet\[text\]"):
        again.predict(["a b"])
